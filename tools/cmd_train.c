#include "cli.h"

static belay_status prepare(struct cli *cli, belay_ctx *ctx, belay_recipe **recipe,
                            belay_trainer **trainer)
{
    belay_status status =
        belay_recipe_load(ctx, cli->rest[0], cli->rest + 1, cli->num_rest - 1, recipe);
    if (status != BELAY_OK)
        // A recipe that cannot be read is a bad recipe too.
        return status == BELAY_ERR_IO ? BELAY_ERR_RECIPE : status;
    const belay_trainer_params params = {
        .recipe = *recipe,
        .no_files = cli->dry_run || cli->overfit_batch,
        .overfit_batch = cli->overfit_batch,
    };
    return belay_trainer_create(ctx, &params, trainer);
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
    int code;
    belay_status status = cli_open(cli, &ctx);
    if (status == BELAY_OK)
        status = prepare(cli, ctx, &recipe, &trainer);
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
