// status: what a run folder says of its run. stop: asks the process that trains there to save and end.
#include <math.h>
#include <string.h>
#include <time.h>

#include "cli.h"

static const char *state_of(const belay_run_info *info)
{
    if (info->running)
        return "running";
    if (!info->ended)
        return "interrupted";
    return strcmp(info->reason, "cancelled") == 0 ? "stopped" : "ended";
}

static void show_json(const char *run, const belay_run_info *info)
{
    printf("{\"run\": ");
    json_text(stdout, run);
    printf(", \"state\": \"%s\", \"step\": %llu, \"epoch\": ", state_of(info),
           (unsigned long long) info->step);
    json_number(stdout, info->epoch);
    printf(", \"train_loss\": ");
    json_number(stdout, info->train_loss);
    printf(", \"val_loss\": ");
    json_number(stdout, info->val_loss);
    printf(", \"best\": ");
    json_number(stdout, info->best);
    printf(", \"best_step\": %llu, \"seconds\": ", (unsigned long long) info->best_step);
    json_number(stdout, info->seconds);
    printf(", \"checkpoints\": %zu, \"checkpoint_step\": %llu, \"reason\": ", info->checkpoints,
           (unsigned long long) info->checkpoint_step);
    json_text(stdout, info->reason);
    printf(", \"sentence\": ");
    json_text(stdout, info->sentence);
    printf("}\n");
}

static void show(const char *run, const belay_run_info *info)
{
    char spent[32];
    print_safe(stdout, run);
    printf(": %s\n", state_of(info));
    printf("step %llu, epoch %.4g, %s of training\n", (unsigned long long) info->step, info->epoch,
           time_text(spent, info->seconds));
    if (isfinite(info->train_loss))
        printf("train.loss %.4f", info->train_loss);
    if (isfinite(info->val_loss))
        printf("  val.loss %.4f", info->val_loss);
    if (isfinite(info->train_loss) || isfinite(info->val_loss))
        printf("\n");
    if (isfinite(info->best))
        printf("best: %.6g at step %llu\n", info->best, (unsigned long long) info->best_step);
    if (info->checkpoints)
        printf("checkpoints: %zu, the newest of step %llu\n", info->checkpoints,
               (unsigned long long) info->checkpoint_step);
    else
        printf("checkpoints: none\n");
    if (info->sentence[0]) {
        print_safe(stdout, info->sentence);
        printf("\n");
    }
    if (!info->running && !info->ended && info->checkpoints) {
        printf("go on: belay resume ");
        print_safe(stdout, run);
        printf("\n");
    }
}

static int run_status(struct cli *cli)
{
    belay_ctx *ctx = NULL;
    belay_run_info info;
    belay_status status = cli_open(cli, &ctx);
    if (status == BELAY_OK)
        status = belay_run_look(ctx, cli->rest[0], &info);
    int code = status == BELAY_OK ? EXIT_DONE : cli_fail(cli, status);
    if (status == BELAY_OK && cli->json)
        show_json(cli->rest[0], &info);
    else if (status == BELAY_OK)
        show(cli->rest[0], &info);
    belay_ctx_destroy(&ctx);
    return code;
}

// ---- stop ----

static bool ask(const char *run)
{
    char path[4096];
    FILE *file = join_path(path, sizeof(path), run, "stop") ? fopen(path, "w") : NULL;
    return file && fclose(file) == 0;
}

static void take_back(const char *run)
{
    char path[4096];
    if (join_path(path, sizeof(path), run, "stop"))
        remove(path);
}

static belay_status wait_for_end(belay_ctx *ctx, const char *run, belay_run_info *info)
{
    belay_status status = BELAY_OK;
    do {
        nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
        status = belay_run_look(ctx, run, info);
    } while (status == BELAY_OK && info->running);
    return status;
}

static int stop(struct cli *cli, belay_ctx *ctx, belay_run_info *info)
{
    const char *run = cli->rest[0];
    belay_status status = belay_run_look(ctx, run, info);
    if (status != BELAY_OK)
        return cli_fail(cli, status);
    if (!info->running)
        return cli_error(cli, EXIT_OTHER, "%s: no process trains there; it is %s", run,
                         state_of(info));
    if (!ask(run))
        return cli_error(cli, EXIT_DATA, "%s: cannot make the file 'stop' in it", run);
    if (!cli->no_wait) {
        status = wait_for_end(ctx, run, info);
        if (status != BELAY_OK)
            return cli_fail(cli, status);
        take_back(run); // it ended before it looked
    }
    if (cli->json)
        show_json(run, info);
    else if (cli->no_wait)
        printf("asked to save and end\n");
    else
        show(run, info);
    return EXIT_DONE;
}

static int run_stop(struct cli *cli)
{
    belay_ctx *ctx = NULL;
    belay_run_info info;
    belay_status status = cli_open(cli, &ctx);
    int code = status == BELAY_OK ? stop(cli, ctx, &info) : cli_fail(cli, status);
    belay_ctx_destroy(&ctx);
    return code;
}

static const struct option_row status_options[] = { OPTION_HELP, OPTION_JSON, { 0 } };

const struct command command_status = {
    .name = "status",
    .args = "RUN",
    .summary = "Says whether a run goes on, how far it is, and what is saved",
    .detail = "Opens no device. `state` is running (a process holds the run's lock), ended, stopped on\n"
              "request, or interrupted; `belay resume` goes on after the last two.\n",
    .options = status_options,
    .min_rest = 1,
    .max_rest = 1,
    .run = run_status,
};

static const struct option_row stop_options[] = {
    OPTION_HELP,
    OPTION_JSON,
    { "no-wait", 0, NULL, "ask and leave; else wait until the process has ended", FLAG(no_wait) },
    { 0 },
};

const struct command command_stop = {
    .name = "stop",
    .args = "RUN",
    .summary = "Asks the process that trains in a run folder to save and end",
    .detail = "As Ctrl-C does there, from anywhere that sees the folder: it makes the file RUN/stop,\n"
              "which the training looks for. Exit code 1 when no process trains there.\n",
    .options = stop_options,
    .min_rest = 1,
    .max_rest = 1,
    .run = run_stop,
};
