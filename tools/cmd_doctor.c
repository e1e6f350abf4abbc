#include <stdlib.h>
#include <string.h>

#include "cli.h"

// Checks a device and says it as text that fits into a bug report.

struct report {
    bool json;
    bool any; // something stands in the list already
};

static void put_json(struct report *r, const char *verdict, const char *section, const char *name,
                     const char *text)
{
    printf("%s{\"section\": ", r->any ? ", " : "");
    json_text(stdout, section);
    printf(", \"name\": ");
    json_text(stdout, name);
    printf(", \"verdict\": \"%s\", \"text\": ", verdict);
    json_text(stdout, text);
    printf("}");
    r->any = true;
}

static void show(void *user, belay_doctor_verdict verdict, const char *section, const char *name,
                 const char *text)
{
    static const char *const verdicts[] = { "fact", "passed", "failed", "skipped" };
    static const char *const marks[] = { "    ", "ok  ", "FAIL", "skip" };
    struct report *r = user;
    if (r->json) {
        put_json(r, verdicts[verdict], section, name, text);
        return;
    }
    printf("%s  %-10s %s%s", marks[verdict], section, name, *text ? ": " : "");
    print_safe(stdout, text);
    printf("\n");
    fflush(stdout);
}

static void show_environment(struct report *r)
{
    belay_config_item item;
    for (size_t i = 0; belay_config_item_at(i, &item); i++) {
        const char *value = strcmp(item.kind, "environment") == 0 ? getenv(item.name) : NULL;
        if (value && *value)
            show(r, BELAY_DOCTOR_FACT, "variable", item.name, value);
    }
}

static int run(struct cli *cli)
{
    belay_ctx *ctx = NULL;
    belay_doctor_counts counts = { 0 };
    struct report report = { .json = cli->json };
    belay_status status = cli_open(cli, &ctx);
    if (status == BELAY_OK)
        status = belay_ctx_open(ctx);
    if (status == BELAY_OK) {
        if (cli->json)
            printf("{\"report\": [");
        show_environment(&report);
        status = belay_doctor(ctx, cli->quick, show, &report, &counts);
    }
    if (status == BELAY_OK && cli->json)
        printf("], \"passed\": %zu, \"failed\": %zu, \"skipped\": %zu}\n", counts.passed,
               counts.failed, counts.skipped);
    else if (status == BELAY_OK)
        printf("%zu passed, %zu failed, %zu skipped\n", counts.passed, counts.failed,
               counts.skipped);
    int code = status != BELAY_OK ? cli_fail(cli, status) : counts.failed ? EXIT_DEVICE : EXIT_DONE;
    belay_ctx_destroy(&ctx);
    return code;
}

static const struct option_row options[] = {
    OPTION_HELP,   OPTION_JSON, OPTION_QUIET,
    OPTION_DEVICE, { "quick", 0, NULL, "fewer sizes and steps", FLAG(quick) },
    { 0 },
};

const struct command command_doctor = {
    .name = "doctor",
    .args = "",
    .summary = "Checks every kernel of a device against the reference, for bug reports",
    .detail = "Operators, products, memory, limits and some training steps, each twice for the same\n"
              "bits. Ends with the counts; exit code 4 when a check failed.\n",
    .options = options,
    .max_rest = 0,
    .run = run,
};
