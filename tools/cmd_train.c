#include <stdlib.h>
#include <string.h>

#include "cli.h"

// A first try of many: the table where the recipe should be.
static bool looks_like_data(const char *path)
{
    static const char *const endings[] = { ".csv", ".tsv", ".npy", ".npz", ".gz", "-ubyte" };
    size_t length = strlen(path);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t tail = strlen(endings[i]);
        if (length > tail && strcmp(path + length - tail, endings[i]) == 0)
            return true;
    }
    return false;
}

static belay_status prepare(struct cli *cli, belay_ctx *ctx, const char *init,
                            belay_recipe **recipe, belay_trainer **trainer)
{
    const char **overrides = calloc(cli->num_rest + 1, sizeof(*overrides));
    size_t num = 0;
    if (!overrides)
        return BELAY_ERR_NOMEM;
    if (init)
        overrides[num++] = init;
    for (size_t i = 1; i < cli->num_rest; i++)
        overrides[num++] = cli->rest[i];
    belay_status status = belay_recipe_load(ctx, cli->rest[0], overrides, num, recipe);
    free(overrides);
    if (status != BELAY_OK && looks_like_data(cli->rest[0]))
        fprintf(stderr, "belay: that is data, not a recipe; `belay init FILE -o recipe.yaml` writes one\n");
    if (status != BELAY_OK)
        // A recipe that cannot be read is a bad recipe too.
        return status == BELAY_ERR_IO ? BELAY_ERR_RECIPE : status;
    belay_trainer_params params = {
        .recipe = *recipe,
        .no_files = cli->dry_run || cli->overfit_batch,
        .overfit_batch = cli->overfit_batch,
    };
    (void) read_time(cli->time, &params.seconds);
    return belay_trainer_create(ctx, &params, trainer);
}

// --from as an override: init="path"
static int make_init(struct cli *cli, char *out, size_t size)
{
    char path[4096];
    double seconds;
    if (!read_time(cli->time, &seconds))
        return cli_error(cli, EXIT_USAGE, "--for %s: want a time such as 55min", cli->time);
    out[0] = '\0';
    if (!cli->from)
        return EXIT_DONE;
    if (!weights_path(path, sizeof(path), cli->from) || strpbrk(path, "\"\\") ||
        (size_t) snprintf(out, size, "init=\"%s\"", path) >= size)
        return cli_error(cli, EXIT_USAGE, "--from %s: want RUN@best, RUN@last, RUN@STEP or a file",
                         cli->from);
    if (!is_file(path))
        return cli_error(cli, EXIT_DATA, "--from %s: there is no file %s", cli->from, path);
    return EXIT_DONE;
}

static int show_plan(struct cli *cli, belay_trainer *trainer)
{
    const char *plan = belay_trainer_plan(trainer);
    if (!plan)
        return cli_fail(cli, BELAY_ERR_NOMEM);
    if (cli->json) {
        printf("{\"plan\": ");
        json_text(stdout, plan);
        printf("}\n");
    } else {
        fputs(plan, stdout);
    }
    return EXIT_DONE;
}

static int run(struct cli *cli)
{
    belay_ctx *ctx = NULL;
    belay_recipe *recipe = NULL;
    belay_trainer *trainer = NULL;
    char init[4200];
    int code = make_init(cli, init, sizeof(init));
    if (code != EXIT_DONE)
        return code;
    belay_status status = cli_open(cli, &ctx);
    if (status == BELAY_OK)
        status = prepare(cli, ctx, init[0] ? init : NULL, &recipe, &trainer);
    if (status != BELAY_OK)
        code = cli_fail(cli, status);
    else if (cli->dry_run)
        code = show_plan(cli, trainer);
    else
        code = train_to_end(cli, &trainer);
    belay_trainer_destroy(&trainer);
    belay_recipe_destroy(&recipe);
    belay_ctx_destroy(&ctx);
    return code;
}

static const struct option_row options[] = {
    OPTION_HELP,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_DEVICE,
    { "from", 0, "RUN@best", "begin with these weights: RUN@best, RUN@last, RUN@STEP or a file",
      TEXT(from) },
    { "for", 0, "TIME", "end in time for this, saved; `belay resume` goes on: 55min", TEXT(time) },
    { "dry-run", 'n', NULL, "show model, plan and memory, train nothing, write nothing",
      FLAG(dry_run) },
    { "overfit-batch", 0, NULL, "train on the first batch alone, to prove that the model can learn",
      FLAG(overfit_batch) },
    { 0 },
};

const struct command command_train = {
    .name = "train",
    .args = "RECIPE [KEY=VALUE...]",
    .summary = "Trains the model of a recipe until it stops improving",
    .detail = "KEY=VALUE changes a key of the recipe: train.epochs=6 optimizer.lr=0.01\n"
              "run.dir=runs/b. `belay config` lists all keys. Ctrl-C saves the last whole step\n"
              "and ends; a second Ctrl-C ends at once.\n",
    .options = options,
    .min_rest = 1,
    .max_rest = (size_t) -1,
    .run = run,
};
