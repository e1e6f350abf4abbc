#include "cli.h"

// A page of one run lies in its folder, that of several here.
static bool page_path(char *out, size_t size, const struct cli *cli)
{
    if (cli->out)
        return snprintf(out, size, "%s", cli->out) < (int) size;
    return join_path(out, size, cli->num_rest == 1 ? cli->rest[0] : ".", "report.html");
}

static int run(struct cli *cli)
{
    char path[4096];
    belay_ctx *ctx = NULL;
    if (!page_path(path, sizeof(path), cli))
        return cli_error(cli, EXIT_USAGE, "the path is too long");
    const belay_report_params params = {
        .kind = "html", .runs = cli->rest, .num_runs = cli->num_rest, .path = path,
        .no_eval = cli->no_eval,
    };
    belay_status status = cli_open(cli, &ctx);
    if (status == BELAY_OK)
        status = belay_report_write(ctx, &params);
    int code = EXIT_DONE;
    if (status != BELAY_OK) {
        code = cli_fail(cli, status);
    } else if (cli->json) {
        printf("{\"report\": ");
        json_text(stdout, path);
        printf("}\n");
    } else {
        print_safe(stdout, path);
        printf("\n");
    }
    belay_ctx_destroy(&ctx);
    return code;
}

static const struct option_row options[] = {
    OPTION_HELP,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_DEVICE,
    { "out", 'o', "FILE", "the page; without it RUN/report.html, of several runs ./report.html",
      TEXT(out) },
    { "no-eval", 0, NULL, "do not measure the best models on their test data", FLAG(no_eval) },
    { 0 },
};

const struct command command_report = {
    .name = "report",
    .args = "RUN...",
    .summary = "Writes one HTML page: curves, why it stopped, confusion matrix, worst examples",
    .detail = "The page needs no network and no other file. Several runs are drawn side by side.\n",
    .options = options,
    .min_rest = 1,
    .max_rest = 32,
    .run = run,
};
