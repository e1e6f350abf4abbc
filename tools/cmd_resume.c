#include "cli.h"

static int run(struct cli *cli)
{
    belay_trainer_params params = { .at = cli->at, .reset_monitor = cli->reset_monitor };
    if (!read_time(cli->time, &params.seconds))
        return cli_error(cli, EXIT_USAGE, "--for %s: want a time such as 55min", cli->time);
    return resume_to_end(cli, &params);
}

static const struct option_row options[] = {
    OPTION_HELP,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_DEVICE,
    { "at", 0, "best|STEP", "go on from there, not from the newest checkpoint", TEXT(at) },
    { "reset-monitor", 0, "counter|all", "patience begins anew; with all the best too",
      TEXT(reset_monitor) },
    { "for", 0, "TIME", "end in time for this, saved: 55min", TEXT(time) },
    { 0 },
};

const struct command command_resume = {
    .name = "resume",
    .args = "RUN [KEY=VALUE...]",
    .summary = "Goes on with a run from its newest whole checkpoint",
    .detail = "KEY=VALUE changes a key of the recorded recipe: train.epochs=200 stop.patience=20.\n"
              "stop, checkpoint and the limits of train are free, others give a warning, model and data\n"
              "are refused. What was changed stands in RUN/history.jsonl. What `--at` goes back over\n"
              "stays under the names *.undone.\n"
              "The device is the recorded one unless --device or BELAY_DEVICE says otherwise.\n",
    .options = options,
    .min_rest = 1,
    .max_rest = (size_t) -1,
    .run = run,
};
