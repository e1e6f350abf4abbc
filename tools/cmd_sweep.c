#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
    (void) number;
    if (signals++)
        _exit(130);
}

static void catch_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

struct view {
    struct cli *cli;
    bool open; // the list of results has begun
};

static bool on_event(void *user, const belay_sweep_event *e)
{
    struct view *view = user;
    if (e->kind == BELAY_SWEEP_FOLD && !view->cli->quiet)
        fprintf(stderr, "%s\n", e->line);
    if (e->kind == BELAY_SWEEP_RESULT && view->cli->json && e->json) {
        printf("%s%s", view->open ? "," : "{\"results\":[", e->json);
        view->open = true;
    }
    if (e->kind == BELAY_SWEEP_RESULT && !view->cli->json)
        printf("%s\n", e->line);
    return signals == 0;
}

static int run(struct cli *cli)
{
    belay_ctx *ctx = NULL;
    belay_recipe *recipe = NULL;
    struct view view = { cli, false };
    belay_status status = cli_open(cli, &ctx);
    catch_signals();
    if (status == BELAY_OK)
        status = belay_recipe_load(ctx, cli->rest[0], cli->rest + 1, cli->num_rest - 1, &recipe);
    // A recipe that cannot be read is a bad recipe too.
    if (status == BELAY_ERR_IO && !recipe)
        status = BELAY_ERR_RECIPE;
    if (status == BELAY_OK)
        status = belay_sweep(ctx, recipe, on_event, &view);
    if (view.open)
        printf("]}\n");
    int code = status == BELAY_OK ? EXIT_DONE : cli_fail(cli, status);
    belay_recipe_destroy(&recipe);
    belay_ctx_destroy(&ctx);
    return code;
}

static const struct option_row options[] = {
    OPTION_HELP, OPTION_JSON, OPTION_QUIET, OPTION_DEVICE, { 0 },
};

const struct command command_sweep = {
    .name = "sweep",
    .args = "RECIPE [KEY=VALUE...]",
    .summary = "Trains a recipe with other values and says which are best, at what cost",
    .detail = "The recipe's `sweep` says what to vary: {stop.patience: {choices: [3, 5, 10]}, folds: 3}.\n"
              "Every trial is scored on rows that neither trained nor stopped it. Results and the best\n"
              "recipe are written to sweep.dir (runs/sweep); the same command goes on after a crash.\n",
    .options = options,
    .min_rest = 1,
    .max_rest = (size_t) -1,
    .run = run,
};
