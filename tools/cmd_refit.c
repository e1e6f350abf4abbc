#include "cli.h"

static int run(struct cli *cli)
{
    const belay_trainer_params params = { .refit = true };
    return resume_to_end(cli, &params);
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
