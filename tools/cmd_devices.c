#include <string.h>

#include "cli.h"

static void print_device(const belay_device_info *d)
{
    char memory[32], alloc[32], local[32];
    printf("%s%s%s\n", d->select, d->best ? "  (chosen when none is named)" : "",
           d->usable ? "" : "  (not usable)");
    printf("  name        %s\n", d->name);
    if (d->platform[0])
        printf("  platform    %s, %s\n", d->platform, d->vendor);
    if (d->clock_mhz)
        printf("  kind        %s, %u compute units, %u MHz, float vectors of %u\n", d->kind,
               d->compute_units, d->clock_mhz, d->native_float_width);
    else
        printf("  kind        %s, %u compute units\n", d->kind, d->compute_units);
    if (d->driver[0])
        printf("  driver      %s (%s)\n", d->driver, d->version);
    if (d->global_memory)
        printf("  memory      %s%s, largest buffer %s, local %s\n",
               size_text(memory, (double) d->global_memory), d->unified_memory ? " shared" : "",
               size_text(alloc, (double) d->max_alloc), size_text(local, (double) d->local_memory));
    if (d->max_group)
        printf("  limits      %llu work-items a group, sub-buffers on %u bytes\n",
               (unsigned long long) d->max_group, d->base_align);
    if (d->uuid[0])
        printf("  uuid        %s\n", d->uuid);
    if (d->extensions[0])
        printf("  extensions  %s\n", d->extensions);
    if (d->same_as[0])
        printf("  same as     %s, seen through another platform\n", d->same_as);
    printf("  select      BELAY_DEVICE=%s or --device %s\n", d->select, d->select);
}

static void put_text(const char *key, const char *text, bool first)
{
    printf("%s\"%s\": ", first ? "" : ", ", key);
    json_text(stdout, text);
}

static void put_number(const char *key, uint64_t value)
{
    printf(", \"%s\": %llu", key, (unsigned long long) value);
}

static void print_json(const belay_device_info *d)
{
    printf("{");
    put_text("select", d->select, true);
    put_text("name", d->name, false);
    put_text("platform", d->platform, false);
    put_text("vendor", d->vendor, false);
    put_text("driver", d->driver, false);
    put_text("version", d->version, false);
    put_text("kind", d->kind, false);
    put_text("uuid", d->uuid, false);
    put_text("extensions", d->extensions, false);
    put_text("same_as", d->same_as, false);
    put_number("global_memory", d->global_memory);
    put_number("max_alloc", d->max_alloc);
    put_number("local_memory", d->local_memory);
    put_number("max_group", d->max_group);
    put_number("compute_units", d->compute_units);
    put_number("clock_mhz", d->clock_mhz);
    put_number("native_float_width", d->native_float_width);
    put_number("base_align", d->base_align);
    printf(", \"unified_memory\": %s, \"usable\": %s, \"best\": %s}",
           d->unified_memory ? "true" : "false", d->usable ? "true" : "false",
           d->best ? "true" : "false");
}

static void print_all(const struct cli *cli, const belay_device_info *list, size_t count)
{
    if (cli->json)
        printf("{\"devices\": [");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            printf(cli->json ? ", " : "\n");
        if (cli->json)
            print_json(&list[i]);
        else
            print_device(&list[i]);
    }
    if (cli->json)
        printf("]}\n");
}

static int run(struct cli *cli)
{
    belay_ctx *ctx = NULL;
    belay_device_info *list = NULL;
    size_t count = 0;
    belay_status status = cli_open(cli, &ctx);
    if (status == BELAY_OK)
        status = belay_device_list(ctx, &list, &count);
    int code = status == BELAY_OK ? EXIT_DONE : cli_fail(cli, status);
    if (code == EXIT_DONE)
        print_all(cli, list, count);
    belay_device_list_free(&list);
    belay_ctx_destroy(&ctx);
    return code;
}

static const struct option_row options[] = { OPTION_HELP, OPTION_JSON, OPTION_QUIET, { 0 } };

const struct command command_devices = {
    .name = "devices",
    .args = "",
    .summary = "Lists the devices of all platforms and how to select each",
    .options = options,
    .max_rest = 0,
    .run = run,
};
