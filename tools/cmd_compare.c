#include "cli.h"

static bool print_text(void *user, const char *text, size_t size)
{
    (void) user;
    return fwrite(text, 1, size, stdout) == size;
}

static int run(struct cli *cli)
{
    belay_ctx *ctx = NULL;
    const belay_report_params params = {
        .kind = cli->json ? "json" : "table", .runs = cli->rest, .num_runs = cli->num_rest,
        .fn = print_text, .width = terminal_width(),
    };
    belay_status status = cli_open(cli, &ctx);
    if (status == BELAY_OK)
        status = belay_report_write(ctx, &params);
    int code = status == BELAY_OK ? EXIT_DONE : cli_fail(cli, status);
    belay_ctx_destroy(&ctx);
    return code;
}

static const struct option_row options[] = {
    OPTION_HELP,
    OPTION_JSON,
    { 0 },
};

const struct command command_compare = {
    .name = "compare",
    .args = "RUN...",
    .summary = "Lists runs side by side: best, time, test scores, and where their recipes differ",
    .detail = "Where the terminal is too narrow for a table the runs stand one below the other. Runs that\n"
              "cannot be read are left out with a warning.\n",
    .options = options,
    .min_rest = 1,
    .max_rest = 32,
    .run = run,
};
