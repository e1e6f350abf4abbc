#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define CHUNK 1024 // elements compared at a time

struct entry {
    belay_tensor_info info;
    size_t index; // in the file
};
struct side {
    const char *path;
    belay_file *file;
    struct entry *entries; // sorted by name
    size_t count;
};
struct differ {
    struct cli *cli;
    struct side a, b;
    size_t same, different;
};
// How far two tensors of one type and shape are apart.
struct distance {
    uint64_t elements, differing;
    double absolute, relative;
    bool numbers; // false: a type that is compared as bytes alone
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *) a)->info.name, ((const struct entry *) b)->info.name);
}

static bool sort_entries(struct side *side)
{
    belay_tensor_info info;
    size_t count = 0;
    while (belay_file_tensor(side->file, count, &info))
        count++;
    side->entries = calloc(count + 1, sizeof(*side->entries));
    if (!side->entries)
        return false;
    for (; side->count < count; side->count++) {
        struct entry *entry = &side->entries[side->count];
        entry->index = side->count;
        belay_file_tensor(side->file, entry->index, &entry->info);
    }
    qsort(side->entries, count, sizeof(*side->entries), by_name);
    return true;
}

static const char *shape_text(char out[256], const belay_tensor_info *t)
{
    int used = snprintf(out, 256, "[");
    for (int i = 0; i < t->rank && used < 230; i++)
        used += snprintf(out + used, 256 - (size_t) used, "%s%lld", i ? ", " : "",
                         (long long) t->dim[i]);
    snprintf(out + used, 256 - (size_t) used, "]");
    return out;
}

static bool same_shape(const belay_tensor_info *a, const belay_tensor_info *b)
{
    return a->rank == b->rank &&
           memcmp(a->dim, b->dim, (size_t) a->rank * sizeof(a->dim[0])) == 0;
}

// Begins the report of a tensor that differs.
static void begin(struct differ *d, const char *name, const char *kind)
{
    bool first = d->different++ == 0;
    if (d->cli->json) {
        printf("%s{\"name\": ", first ? "" : ", ");
        json_text(stdout, name);
        printf(", \"kind\": \"%s\"", kind);
    } else {
        print_safe(stdout, name);
        printf(": ");
    }
}

static void report_lone(struct differ *d, const struct side *side, const struct entry *entry)
{
    char shape[256];
    begin(d, entry->info.name, side == &d->a ? "only_a" : "only_b");
    if (d->cli->json) {
        printf("}");
        return;
    }
    printf("only in ");
    print_safe(stdout, side->path);
    printf(" (%s %s)\n", entry->info.dtype, shape_text(shape, &entry->info));
}

static void report_kind(struct differ *d, const struct entry *a, const struct entry *b)
{
    char left[256], right[256];
    bool types = strcmp(a->info.dtype, b->info.dtype) != 0;
    begin(d, a->info.name, types ? "dtype" : "shape");
    shape_text(left, &a->info);
    shape_text(right, &b->info);
    if (d->cli->json)
        printf(", \"dtype\": [\"%s\", \"%s\"], \"shape\": [%s, %s]}", a->info.dtype, b->info.dtype,
               left, right);
    else if (types)
        printf("%s %s against %s %s\n", a->info.dtype, left, b->info.dtype, right);
    else
        printf("shape %s against %s\n", left, right);
}

static void report_values(struct differ *d, const struct entry *a, const struct distance *far)
{
    begin(d, a->info.name, "values");
    if (d->cli->json) {
        printf(", \"elements\": %llu, \"differing\": %llu, \"largest\": ",
               (unsigned long long) far->elements, (unsigned long long) far->differing);
        json_number(stdout, far->numbers ? far->absolute : NAN);
        printf(", \"largest_relative\": ");
        json_number(stdout, far->numbers ? far->relative : NAN);
        printf("}");
    } else if (far->numbers) {
        printf("%llu of %llu values, largest difference %.6g, relative %.6g\n",
               (unsigned long long) far->differing, (unsigned long long) far->elements,
               far->absolute, far->relative);
    } else {
        printf("%s differs (compared as bytes)\n", a->info.dtype);
    }
}

static void measure_one(struct distance *far, double x, double y)
{
    double absolute = fabs(x - y), larger = fmax(fabs(x), fabs(y));
    if (isnan(x) && isnan(y))
        return; // other bits, but both are no number
    if (isnan(absolute))
        absolute = INFINITY;
    double relative = isinf(absolute) ? INFINITY : larger > 0 ? absolute / larger : 0;
    far->absolute = fmax(far->absolute, absolute);
    far->relative = fmax(far->relative, relative);
}

static void measure(const struct differ *d, const struct entry *a, const struct entry *b,
                    struct distance *far)
{
    const char *left = belay_file_bytes(d->a.file, a->index);
    const char *right = belay_file_bytes(d->b.file, b->index);
    double x[CHUNK], y[CHUNK];
    far->elements = 1;
    for (int i = 0; i < a->info.rank; i++)
        far->elements *= (uint64_t) a->info.dim[i];
    far->numbers = belay_file_values(d->a.file, a->index, 0, 0, x);
    size_t size = far->elements ? (size_t) (a->info.size / far->elements) : 0;
    for (uint64_t first = 0; far->numbers && first < far->elements; first += CHUNK) {
        uint64_t left_over = far->elements - first;
        size_t count = left_over < CHUNK ? (size_t) left_over : CHUNK;
        belay_file_values(d->a.file, a->index, first, count, x);
        belay_file_values(d->b.file, b->index, first, count, y);
        for (size_t i = 0; i < count; i++) {
            size_t at = (size_t) (first + i) * size;
            if (memcmp(left + at, right + at, size) != 0) {
                far->differing++;
                measure_one(far, x[i], y[i]);
            }
        }
    }
}

static void compare(struct differ *d, const struct entry *a, const struct entry *b)
{
    struct distance far = { 0 };
    if (strcmp(a->info.dtype, b->info.dtype) != 0 || !same_shape(&a->info, &b->info)) {
        report_kind(d, a, b);
    } else if (a->info.size == 0 || memcmp(belay_file_bytes(d->a.file, a->index),
                                           belay_file_bytes(d->b.file, b->index),
                                           (size_t) a->info.size) == 0) {
        d->same++;
    } else {
        measure(d, a, b, &far);
        report_values(d, a, &far);
    }
}

static int compare_all(struct differ *d)
{
    size_t i = 0, j = 0;
    if (d->cli->json)
        printf("{\"different\": [");
    while (i < d->a.count || j < d->b.count) {
        const struct entry *a = &d->a.entries[i], *b = &d->b.entries[j];
        int order = i == d->a.count ? 1 : j == d->b.count ? -1 : by_name(a, b);
        if (order == 0)
            compare(d, a, b);
        else
            report_lone(d, order < 0 ? &d->a : &d->b, order < 0 ? a : b);
        i += order <= 0;
        j += order >= 0;
    }
    if (d->cli->json)
        printf("], \"equal\": %zu}\n", d->same);
    else
        printf("%zu tensors equal, %zu different\n", d->same, d->different);
    return d->different ? EXIT_OTHER : EXIT_DONE;
}

static int diff(struct differ *d, belay_ctx *ctx)
{
    belay_status status = belay_file_open(ctx, d->a.path, &d->a.file);
    if (status == BELAY_OK)
        status = belay_file_open(ctx, d->b.path, &d->b.file);
    if (status != BELAY_OK)
        return cli_fail(d->cli, status);
    if (!sort_entries(&d->a) || !sort_entries(&d->b))
        return cli_error(d->cli, EXIT_OTHER, "out of memory");
    return compare_all(d);
}

static void close_side(struct side *side)
{
    free(side->entries);
    belay_file_close(&side->file);
}

static int run(struct cli *cli)
{
    char left[4096], right[4096];
    struct differ d = { .cli = cli, .a.path = left, .b.path = right };
    belay_ctx *ctx = NULL;
    if (!model_path(left, sizeof(left), cli->rest[0]) ||
        !model_path(right, sizeof(right), cli->rest[1]))
        return cli_error(cli, EXIT_USAGE, "the path is too long");
    belay_status status = cli_open(cli, &ctx);
    if (status != BELAY_OK)
        return cli_fail(cli, status);
    int code = diff(&d, ctx);
    close_side(&d.a);
    close_side(&d.b);
    belay_ctx_destroy(&ctx);
    return code;
}

static const struct option_row options[] = { OPTION_HELP, OPTION_JSON, { 0 } };

const struct command command_diff = {
    .name = "diff",
    .args = "A B",
    .summary = "Lists the tensors in which two model files or runs differ, and how far",
    .detail = "A run means its best.safetensors. Metadata is not compared. Exit code 0: all tensors are\n"
              "equal bit for bit; 1: some differ.\n",
    .options = options,
    .min_rest = 2,
    .max_rest = 2,
    .run = run,
};
