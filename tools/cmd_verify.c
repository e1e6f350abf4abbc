#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct tally {
    struct cli *cli;
    belay_ctx *ctx;
    size_t files, bad;
    int code; // of the worst file
};

static void print_good(struct tally *t, const char *path, const belay_file *file)
{
    const char *key, *value, *digest = NULL;
    belay_tensor_info info;
    char size[32];
    double bytes = 0;
    size_t count = 0;
    for (size_t i = 0; belay_file_meta(file, i, &key, &value); i++)
        if (strcmp(key, "belay.digest") == 0)
            digest = value;
    for (; belay_file_tensor(file, count, &info); count++)
        bytes += (double) info.size;
    if (t->cli->json) {
        printf("%s{\"file\": ", t->files ? ", " : "");
        json_text(stdout, path);
        printf(", \"ok\": true, \"tensors\": %zu, \"bytes\": %.0f, \"digest\": ", count, bytes);
        if (digest)
            json_text(stdout, digest);
        else
            printf("null");
        printf("}");
    } else {
        printf("ok       ");
        print_safe(stdout, path);
        printf(": %zu tensors, %s, %s\n", count, size_text(size, bytes),
               digest ? "digest fits" : "no digest");
    }
}

// The library's messages begin with the path.
static void print_bad(struct tally *t, const char *path, belay_status status)
{
    const char *why = belay_ctx_error(t->ctx);
    const char *word = status == BELAY_ERR_DAMAGED ? "damaged" : "failed";
    if (t->cli->json) {
        printf("%s{\"file\": ", t->files ? ", " : "");
        json_text(stdout, path);
        printf(", \"ok\": false, \"reason\": \"%s\", \"error\": ", belay_status_name(status));
        json_text(stdout, why);
        printf("}");
    } else {
        printf("%-8s ", word);
        if (strncmp(why, path, strlen(path)) != 0) {
            print_safe(stdout, path);
            printf(": ");
        }
        print_safe(stdout, why);
        printf("\n");
    }
}

static void verify_file(struct tally *t, const char *path)
{
    belay_file *file = NULL;
    belay_status status = belay_file_open(t->ctx, path, &file);
    if (status == BELAY_OK) {
        print_good(t, path, file);
    } else {
        print_bad(t, path, status);
        t->bad++;
        // Damage is what was asked for: it goes before a file that could not be read.
        if (t->code != EXIT_DAMAGED)
            t->code = exit_of(status);
    }
    t->files++;
    belay_file_close(&file);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

static bool ends_with(const char *name, const char *ending)
{
    size_t length = strlen(name), tail = strlen(ending);
    return length > tail && strcmp(name + length - tail, ending) == 0;
}

static bool is_model_name(const char *name)
{
    return ends_with(name, ".safetensors") || ends_with(name, ".safetensors.index.json") ||
           ends_with(name, ".pth") || ends_with(name, ".pt") || ends_with(name, ".npz");
}

// Names of the folder's model files, sorted; false when memory is short. *count 0: none.
static bool list_names(const char *folder, char ***names, size_t *count)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    size_t room = 0;
    bool ok = true;
    *names = NULL;
    *count = 0;
    while (ok && dir && (entry = readdir(dir))) {
        if (!is_model_name(entry->d_name))
            continue;
        if (*count == room) {
            char **more = realloc(*names, (room = room ? 2 * room : 16) * sizeof(**names));
            ok = more != NULL;
            *names = ok ? more : *names;
        }
        size_t size = strlen(entry->d_name) + 1;
        char *name = ok ? malloc(size) : NULL;
        ok = name != NULL;
        if (ok)
            (*names)[(*count)++] = memcpy(name, entry->d_name, size);
    }
    if (dir)
        closedir(dir);
    if (*count)
        qsort(*names, *count, sizeof(**names), by_name);
    return ok;
}

static bool verify_folder(struct tally *t, const char *folder)
{
    char **names, path[4096];
    size_t count;
    bool ok = list_names(folder, &names, &count);
    for (size_t i = 0; i < count; i++) {
        ok = ok && join_path(path, sizeof(path), folder, names[i]);
        if (ok)
            verify_file(t, path);
        free(names[i]);
    }
    free(names);
    return ok;
}

// All model files of a run, or of any folder.
static bool verify_run(struct tally *t, const char *run)
{
    char path[4096];
    return verify_folder(t, run) && join_path(path, sizeof(path), run, "checkpoints") &&
           verify_folder(t, path);
}

// What its newest checkpoint refers to. That none is whole was said of each file.
static void verify_refs(struct tally *t, const char *run)
{
    belay_run_refs refs;
    if (belay_run_verify(t->ctx, run, &refs) != BELAY_OK)
        refs.count = 0;
    for (size_t i = 0; i < refs.count; i++) {
        const belay_run_ref *ref = &refs.list[i];
        if (t->cli->json) {
            printf("%s{\"ok\": %s, \"text\": ", i ? ", " : "", ref->good ? "true" : "false");
            json_text(stdout, ref->text);
            printf("}");
        } else {
            printf("%-8s ", ref->good ? "ok" : "damaged");
            print_safe(stdout, ref->text);
            printf("\n");
        }
        if (!ref->good) {
            t->bad++;
            t->code = EXIT_DAMAGED;
        }
    }
}

static int verify(struct tally *t, const char *path)
{
    bool ok = true;
    if (t->cli->json)
        printf("{\"files\": [");
    if (is_folder(path))
        ok = verify_run(t, path);
    else
        verify_file(t, path);
    if (t->cli->json)
        printf("], \"references\": [");
    if (ok && is_folder(path))
        verify_refs(t, path);
    if (t->cli->json)
        printf("], \"checked\": %zu, \"bad\": %zu}\n", t->files, t->bad);
    if (!ok)
        return cli_error(t->cli, EXIT_OTHER, "%s: memory is short or a path is too long", path);
    if (!t->files)
        return cli_error(t->cli, EXIT_DATA, "%s: no .safetensors, .pth, .pt or .npz files in it", path);
    return t->code;
}

static int run(struct cli *cli)
{
    // No log: what is wrong with a file stands in its line.
    const belay_ctx_params params = { 0 };
    struct tally t = { .cli = cli };
    belay_status status = belay_ctx_create(&params, &t.ctx);
    if (status != BELAY_OK)
        return cli_fail(cli, status);
    int code = verify(&t, cli->rest[0]);
    belay_ctx_destroy(&t.ctx);
    return code;
}

static const struct option_row options[] = { OPTION_HELP, OPTION_JSON, { 0 } };

const struct command command_verify = {
    .name = "verify",
    .args = "FILE|RUN",
    .summary = "Checks model files and checkpoints: structure and digest",
    .detail = "Of a run folder: best, last and all checkpoints. One line for each file, then one\n"
              "each for what the newest checkpoint refers to: its best and the log's length. Exit code 7\n"
              "when one is damaged.\n",
    .options = options,
    .min_rest = 1,
    .max_rest = 1,
    .run = run,
};
