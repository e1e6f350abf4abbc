// One run from here to its end: signals, progress, and what is said when it is over.
#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define LIVE_EVERY 0.1 // seconds between two versions of the live line

static belay_trainer *volatile running;
static volatile sig_atomic_t signals;

static void on_signal(int number)
{
    (void) number;
    if (signals++)
        _exit(130);
    belay_trainer *trainer = running;
    if (trainer)
        belay_trainer_cancel(trainer);
}

static void catch_signals(belay_trainer *trainer)
{
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    running = trainer;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

struct view {
    struct cli *cli;
    bool live;
    double last; // when the live line was written
};

// Seconds to the most epochs that there can be; NaN when there is no such limit.
static double time_left(const belay_progress *p)
{
    if (!p->max_epochs || p->seconds <= 0 || p->samples_per_second <= 0 || !p->step)
        return NAN;
    double steps = (double) p->max_epochs * (double) p->steps_per_epoch - (double) p->step;
    // Within this process; steps before a resume are not in `seconds`.
    static double first_step = -1;
    if (first_step < 0)
        first_step = (double) p->step - 1;
    return steps * p->seconds / ((double) p->step - first_step);
}

static void show_live(struct view *view, const belay_progress *p)
{
    char text[256], left[32];
    double now = clock_seconds();
    if (now - view->last < LIVE_EVERY)
        return;
    view->last = now;
    uint64_t per = p->steps_per_epoch ? p->steps_per_epoch : 1, before = p->step ? p->step - 1 : 0;
    int n = snprintf(text, sizeof(text), "epoch %llu", (unsigned long long) (before / per + 1));
    if (p->max_epochs)
        n += snprintf(text + n, sizeof(text) - (size_t) n, "/%llu",
                      (unsigned long long) p->max_epochs);
    n += snprintf(text + n, sizeof(text) - (size_t) n, "  step %llu/%llu",
                  (unsigned long long) (before % per + 1), (unsigned long long) per);
    if (isfinite(p->train_loss))
        n += snprintf(text + n, sizeof(text) - (size_t) n, "  loss %.4f", p->train_loss);
    if (isfinite(p->best))
        n += snprintf(text + n, sizeof(text) - (size_t) n, "  best %.4f (epoch %llu)", p->best,
                      (unsigned long long) p->best_epoch);
    n += snprintf(text + n, sizeof(text) - (size_t) n, "  %.0f rows/s", p->samples_per_second);
    double rest = time_left(p);
    if (isfinite(rest))
        snprintf(text + n, sizeof(text) - (size_t) n, "  %s left at most",
                 time_text(left, rest));
    live_show(text);
}

static bool on_progress(void *user, const belay_progress *p)
{
    struct view *view = user;
    on_save(p->on_save, p->saved);
    if (view->cli->quiet)
        return true;
    if (p->line) {
        live_clear();
        fprintf(stderr, "%s\n", p->line);
    }
    if (view->live && p->reason == BELAY_STOP_NONE)
        show_live(view, p);
    return true;
}

static void print_result(const belay_result *r)
{
    printf("%s\n", r->sentence);
    if (isfinite(r->test_loss)) {
        printf("test:    loss %.4f", r->test_loss);
        if (isfinite(r->test_accuracy))
            printf(", accuracy %.4f", r->test_accuracy);
        printf("\n");
    }
    if (r->best_path[0])
        printf("model:   %s\npredict: belay predict %s FILE\n", r->best_path, r->best_path);
}

// One line: line ends in JSON stand between tokens only.
static void print_json(const char *json)
{
    for (; *json; json++)
        if (*json != '\n' && *json != '\r')
            putchar(*json);
    putchar('\n');
}

static int exit_of_reason(belay_stop_reason reason)
{
    if (reason == BELAY_STOP_NAN || reason == BELAY_STOP_DIVERGED)
        return EXIT_DIVERGED;
    return reason == BELAY_STOP_CANCELLED ? EXIT_CANCELLED : EXIT_DONE;
}

static int run(struct cli *cli, belay_trainer *trainer)
{
    struct view view = { .cli = cli, .live = !cli->quiet && live_wanted() };
    belay_result result = { 0 };
    belay_status status = belay_trainer_run(trainer, on_progress, &view);
    live_clear();
    if (status != BELAY_OK && status != BELAY_ERR_CANCELLED && status != BELAY_ERR_DIVERGED)
        return cli_fail(cli, status);
    belay_status end = belay_trainer_finish(trainer, &result);
    if (end == BELAY_OK)
        on_save(result.on_save, result.saved);
    on_save_end();
    if (end != BELAY_OK)
        return cli_fail(cli, end);
    if (cli->json)
        print_json(result.json);
    else
        print_result(&result);
    return status != BELAY_OK ? exit_of(status) : exit_of_reason(result.reason);
}

int train_to_end(struct cli *cli, belay_trainer **trainer)
{
    catch_signals(*trainer);
    int code = run(cli, *trainer);
    running = NULL;
    belay_trainer_destroy(trainer);
    return code;
}

int resume_to_end(struct cli *cli, const belay_trainer_params *params)
{
    belay_ctx *ctx = NULL;
    belay_trainer *trainer = NULL;
    belay_status status = cli_open(cli, &ctx);
    if (status == BELAY_OK)
        status = belay_trainer_resume(ctx, cli->rest[0], cli->rest + 1, cli->num_rest - 1, params,
                                      &trainer);
    int code = status == BELAY_OK ? train_to_end(cli, &trainer) : cli_fail(cli, status);
    belay_trainer_destroy(&trainer);
    belay_ctx_destroy(&ctx);
    return code;
}
