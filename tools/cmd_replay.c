#include <math.h>
#include <string.h>

#include "cli.h"

// "5908", "-" where the log has no such number
static const char *number_text(char out[32], double value)
{
    snprintf(out, 32, isnan(value) ? "-" : "%.6g", value);
    return out;
}

static void print_header(const belay_replay_result *r, const char *path)
{
    print_safe(stdout, path);
    printf(": %llu checks of ", (unsigned long long) r->checks);
    print_safe(stdout, r->metric);
    printf(" (%s is better), best ", r->maximize ? "more" : "less");
    printf("%.6g\n\n", r->best_of_log);
    printf("%-28s %6s %9s %7s %9s %12s %6s %10s  %s\n", "rule", "stop", "step", "best", "step",
           "value", "saves", "gives up", "reason");
}

static void print_row(const char *rule, const belay_replay_result *r)
{
    char stop[32], best[32], check[32], saves[32];
    snprintf(check, sizeof(check), r->fired ? "%llu" : "-", (unsigned long long) r->stop_check);
    snprintf(saves, sizeof(saves), "%llu",
             (unsigned long long) (r->fired ? r->checks - r->stop_check : 0));
    printf("%-28s %6s %9s %7llu %9s %12.6g %6s %10.4g  %s\n", rule, check,
           number_text(stop, r->stop_step), (unsigned long long) r->best_check,
           number_text(best, r->best_step), r->best, saves, fabs(r->best - r->best_of_log),
           r->sentence);
}

static void json_field(const char *name, double value)
{
    printf(", \"%s\": ", name);
    json_number(stdout, value);
}

static void print_json_row(const char *rule, const belay_replay_result *r)
{
    printf("{\"rule\": ");
    json_text(stdout, rule);
    printf(", \"metric\": ");
    json_text(stdout, r->metric);
    printf(", \"mode\": \"%s\", \"fired\": %s, \"reason\": ", r->maximize ? "max" : "min",
           r->fired ? "true" : "false");
    json_text(stdout, r->reason);
    printf(", \"sentence\": ");
    json_text(stdout, r->sentence);
    json_field("checks", (double) r->checks);
    json_field("stop_check", r->fired ? (double) r->stop_check : NAN);
    json_field("stop_step", r->stop_step);
    json_field("stop_epoch", r->stop_epoch);
    json_field("best_check", r->best_check ? (double) r->best_check : NAN);
    json_field("best_step", r->best_step);
    json_field("best_epoch", r->best_epoch);
    json_field("best", r->best);
    json_field("best_of_log", r->best_of_log);
    printf("}");
}

static belay_status replay_all(struct cli *cli, belay_ctx *ctx, const char *path)
{
    for (size_t i = 0; i < cli->num_data; i++) {
        const belay_replay_params params = {
            .log = path, .rule = cli->data[i], .metric = cli->metric, .mode = cli->mode,
        };
        belay_replay_result result;
        belay_status status = belay_replay(ctx, &params, &result);
        if (status != BELAY_OK)
            return status;
        if (cli->json) {
            printf(i ? ", " : "{\"rules\": [");
            print_json_row(cli->data[i], &result);
        } else {
            if (i == 0)
                print_header(&result, path);
            print_row(cli->data[i], &result);
        }
    }
    if (cli->json)
        printf("]}\n");
    return BELAY_OK;
}

static int run(struct cli *cli)
{
    char path[4096];
    belay_ctx *ctx = NULL;
    const char *log = cli->rest[0];
    if (cli->num_data == 0)
        return cli_error(cli, EXIT_USAGE, "say which rule, such as --rule patience:5");
    if (is_folder(log) && !join_path(path, sizeof(path), log, "metrics.jsonl"))
        return cli_error(cli, EXIT_USAGE, "the path is too long");
    belay_status status = cli_open(cli, &ctx);
    if (status == BELAY_OK)
        status = replay_all(cli, ctx, is_folder(log) ? path : log);
    int code = EXIT_DONE;
    if (status != BELAY_OK) {
        if (cli->json)
            printf("\n");
        code = cli_fail(cli, status);
    }
    belay_ctx_destroy(&ctx);
    return code;
}

static const struct option_row options[] = {
    OPTION_HELP,
    OPTION_JSON,
    { "rule", 'r', "RULE", "NAME[:OPTION=VALUE,...]; again for the next rule", OPTION_DATA, 0 },
    { "preset", 'p', "RULE", "the same", OPTION_DATA, 0 },
    { "metric", 'm', "NAME", "what to watch; without it the validation loss", TEXT(metric) },
    { "mode", 0, "min|max", "which way is better; without it as the rule or the name says",
      TEXT(mode) },
    { 0 },
};

const struct command command_replay = {
    .name = "replay",
    .args = "LOG|RUN --rule RULE...",
    .summary = "Says where stop rules would have stopped a training that is over",
    .detail =
        "LOG is metrics.jsonl or CSV with a header (Keras' CSVLogger, Lightning's metrics.csv,\n"
        "Ultralytics' results.csv). Rules: patience:N (or 5epochs, 500steps), gl:ALPHA, pq:ALPHA,k=5,\n"
        "up:S,k=5, window:K, stall:N, misses:N, inc_to_dec:P, with the options of a recipe's stop\n"
        "section (min_delta, warmup, smooth=sma:3, threshold, nan, monitor, ...); several joined:\n"
        "'any(patience:5; gl:5)', all(...), first(...), 2(...). And those of other programs with their\n"
        "options: keras, lightning, ignite, skorch, hf, fastai, earlystopping_jl, sklearn_mlp, such as\n"
        "keras:patience=3,min_delta=0.01.\n",
    .options = options,
    .min_rest = 1,
    .max_rest = 1,
    .run = run,
};
