#include <string.h>

#include "cli.h"

#define SHOWN 160 // bytes of a metadata value that are shown to people

static void print_value(const char *text)
{
    size_t length = strlen(text);
    char head[SHOWN + 1];
    snprintf(head, sizeof(head), "%s", text);
    print_safe(stdout, head);
    if (length > SHOWN)
        printf("... (%zu bytes)", length);
}

static void print_shape(const belay_tensor_info *t)
{
    printf("[");
    for (int i = 0; i < t->rank; i++)
        printf("%s%lld", i ? ", " : "", (long long) t->dim[i]);
    printf("]");
}

static void print_file(const char *path, const belay_file *file)
{
    const char *key, *value;
    belay_tensor_info t;
    char size[32];
    double bytes = 0;
    size_t count = 0;
    printf("%s\n", path);
    for (size_t i = 0; belay_file_meta(file, i, &key, &value); i++) {
        printf("  ");
        print_safe(stdout, key);
        printf(": ");
        print_value(value);
        printf("\n");
    }
    for (; belay_file_tensor(file, count, &t); count++) {
        bytes += (double) t.size;
        printf("  %-5s ", t.dtype);
        print_safe(stdout, t.name);
        printf(" ");
        print_shape(&t);
        printf("\n");
    }
    printf("  %zu tensors, %s\n", count, size_text(size, bytes));
}

static void print_file_json(const char *path, const belay_file *file)
{
    const char *key, *value;
    belay_tensor_info t;
    printf("{\"file\": ");
    json_text(stdout, path);
    printf(", \"metadata\": {");
    for (size_t i = 0; belay_file_meta(file, i, &key, &value); i++) {
        printf(i ? ", " : "");
        json_text(stdout, key);
        printf(": ");
        json_text(stdout, value);
    }
    printf("}, \"tensors\": [");
    for (size_t i = 0; belay_file_tensor(file, i, &t); i++) {
        printf("%s{\"name\": ", i ? ", " : "");
        json_text(stdout, t.name);
        printf(", \"dtype\": ");
        json_text(stdout, t.dtype);
        printf(", \"shape\": ");
        print_shape(&t);
        printf(", \"bytes\": %llu}", (unsigned long long) t.size);
    }
    printf("]}\n");
}

static int inspect_file(struct cli *cli, belay_ctx *ctx, const char *path)
{
    belay_file *file = NULL;
    belay_status status = belay_file_open(ctx, path, &file);
    if (status != BELAY_OK)
        return cli_fail(cli, status);
    if (cli->json)
        print_file_json(path, file);
    else
        print_file(path, file);
    belay_file_close(&file);
    return EXIT_DONE;
}

// The text of a small file as it is; false when it is not there.
static bool copy_file(const char *path)
{
    FILE *file = fopen(path, "r");
    int c, last = '\n';
    if (!file)
        return false;
    while ((c = getc(file)) != EOF) {
        last = c;
        putchar(c >= 0x20 || c == '\n' || c == '\t' ? c : '?');
    }
    if (last != '\n')
        putchar('\n');
    fclose(file);
    return true;
}

static int inspect_run(struct cli *cli, belay_ctx *ctx, const char *run)
{
    char path[4096];
    if (!join_path(path, sizeof(path), run, "resolved.yaml"))
        return cli_error(cli, EXIT_USAGE, "the path is too long");
    if (!is_file(path)) {
        if (model_path(path, sizeof(path), run) && is_file(path))
            return inspect_file(cli, ctx, path);
        return cli_error(cli, EXIT_DATA, "%s: no run folder: it has no resolved.yaml, nor a "
                         "model.safetensors or its index", run);
    }
    if (!cli->json) {
        printf("%s: a run\n\nresolved.yaml\n", run);
        copy_file(path);
        join_path(path, sizeof(path), run, "result.json");
        printf("\nresult.json\n");
        if (!copy_file(path))
            printf("none yet: the run has not ended, `belay resume %s` goes on with it\n", run);
        printf("\n");
    }
    join_path(path, sizeof(path), run, "best.safetensors");
    if (is_file(path))
        return inspect_file(cli, ctx, path);
    if (cli->json)
        printf("{\"run\": null}\n");
    else
        printf("best.safetensors\nnone yet\n");
    return EXIT_DONE;
}

static int run(struct cli *cli)
{
    belay_ctx *ctx = NULL;
    belay_status status = cli_open(cli, &ctx);
    if (status != BELAY_OK)
        return cli_fail(cli, status);
    int code = is_folder(cli->rest[0]) ? inspect_run(cli, ctx, cli->rest[0])
                                       : inspect_file(cli, ctx, cli->rest[0]);
    belay_ctx_destroy(&ctx);
    return code;
}

static const struct option_row options[] = { OPTION_HELP, OPTION_JSON, OPTION_QUIET, { 0 } };

const struct command command_inspect = {
    .name = "inspect",
    .args = "FILE|RUN",
    .summary = "Shows what is inside a model file, a checkpoint or a run folder",
    .detail = "Files are checked on the way: structure, and the digest where there is one.\n",
    .options = options,
    .min_rest = 1,
    .max_rest = 1,
    .run = run,
};
