#include <stdlib.h>
#include <string.h>

#include "cli.h"

// Measures the device and keeps what was found in the user's tuning file.

static void print_limits(const belay_ctx *ctx, const belay_device_limits *l, bool json)
{
    if (json) {
        printf("{\"device\": ");
        json_text(stdout, belay_ctx_device(ctx));
        printf(", \"gflops\": %.5g, \"gbs\": [%.4g, %.4g, %.4g], \"launch_us\": %.4g, "
               "\"sync_us\": %.4g, \"float_width\": %u}\n",
               l->flops / 1e9, l->bandwidth[0] / 1e9, l->bandwidth[1] / 1e9,
               l->bandwidth[2] / 1e9, l->launch * 1e6, l->sync * 1e6, (unsigned) l->float_width);
        return;
    }
    printf("%s: %.1f GF/s in registers with vectors of %u;", belay_ctx_device(ctx), l->flops / 1e9,
           (unsigned) l->float_width);
    for (int i = 0; i < BELAY_BANDWIDTHS; i++)
        printf(" %.1f GB/s at %.2g MiB%s", l->bandwidth[i] / 1e9, l->working[i] / 1048576,
               i + 1 < BELAY_BANDWIDTHS ? "," : ";");
    printf(" a launch %.2f us, with wait %.1f us\n", l->launch * 1e6, l->sync * 1e6);
}

static int run(struct cli *cli)
{
    belay_device_limits limits = { 0 };
    belay_tune_params params = { .import_from = cli->import_from,
                                 .export_to = cli->export_to,
                                 .limits = &limits };
    belay_ctx *ctx = NULL;
    if (cli->budget && !read_time(cli->budget, &params.budget))
        return cli_error(cli, EXIT_USAGE, "'%s' is no time, want one such as 60s or 2min",
                         cli->budget);
    belay_status status = cli_open(cli, &ctx);
    if (status == BELAY_OK)
        status = belay_tune(ctx, &params);
    if (status == BELAY_OK)
        print_limits(ctx, &limits, cli->json);
    int code = status == BELAY_OK ? EXIT_DONE : cli_fail(cli, status);
    belay_ctx_destroy(&ctx);
    return code;
}

static const struct option_row options[] = {
    OPTION_HELP,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_DEVICE,
    { "budget", 0, "TIME", "how long to measure, such as 60s (the default) or 2min", TEXT(budget) },
    { "import", 0, "FILE", "take over the lines of this tuning file first", TEXT(import_from) },
    { "export", 0, "FILE", "write this device's lines there", TEXT(export_to) },
    { 0 },
};

const struct command command_tune = {
    .name = "tune",
    .args = "",
    .summary = "Measures a device and which kernels are the fastest there; results stay the same",
    .detail = "What is found is kept in the user's tuning file (BELAY_TUNE, else tune.jsonl in the\n"
              "folder for caches): JSON lines, one for each device and class of shapes, so files are\n"
              "merged by putting them one behind the other. Only kernels that add in the same order\n"
              "compete: a training gives the same bits with any tuning file, or none.\n",
    .options = options,
    .max_rest = 0,
    .run = run,
};
