#include "cli.h"

static int run(struct cli *cli)
{
    belay_ctx *ctx = NULL;
    belay_trainer *trainer = NULL;
    int code;
    belay_status status = cli_open(cli, &ctx);
    if (status == BELAY_OK)
        status = belay_trainer_resume(ctx, cli->rest[0], cli->rest + 1, cli->num_rest - 1, NULL,
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

const struct command command_resume = {
    .name = "resume",
    .args = "RUN [KEY=VALUE...]",
    .summary = "Goes on with a run from its newest whole checkpoint",
    .detail = "KEY=VALUE changes a key of the recorded recipe: train.epochs=200 stop.patience=20.\n"
              "The device is the recorded one unless --device or BELAY_DEVICE says otherwise.\n",
    .options = options,
    .min_rest = 1,
    .max_rest = (size_t) -1,
    .run = run,
};
