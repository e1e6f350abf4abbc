#include "cli.h"

static int run(struct cli *cli)
{
    belay_ctx *ctx = NULL;
    belay_trainer *trainer = NULL;
    const belay_trainer_params params = { .refit = true };
    int code;
    belay_status status = cli_open(cli, &ctx);
    if (status == BELAY_OK)
        status = belay_trainer_resume(ctx, cli->rest[0], cli->rest + 1, cli->num_rest - 1, &params,
                                      &trainer);
    if (status != BELAY_OK)
        code = cli_fail(cli, status);
    else
        code = train_to_end(cli, &trainer);
    belay_trainer_destroy(&trainer);
    belay_ctx_destroy(&ctx);
    return code;
}

static const struct option_row options[] = {
    OPTION_HELP, OPTION_JSON, OPTION_QUIET, OPTION_DEVICE, { 0 },
};

const struct command command_refit = {
    .name = "refit",
    .args = "RUN [KEY=VALUE...]",
    .summary = "Trains a finished run's model once more, on its validation data too",
    .detail = "For as many steps as the run's best took, into RUN-refit (run.dir=DIR says another). A\n"
              "plateau schedule is replaced by the drops that it made.\n",
    .options = options,
    .min_rest = 1,
    .max_rest = (size_t) -1,
    .run = run,
};
