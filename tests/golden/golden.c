#include "golden/golden.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "golden/count.h"
#include "tensor/dtype.h"

// ---- where ----

static bool holds_cases(const char *folder)
{
    char *path = belay_path_join(folder, "ops/index.jsonl");
    bool found = path && belay_file_exists(path);
    belay_free(path);
    return found;
}

const char *golden_folder(void)
{
    static char *found;
    const char *given = getenv("BELAY_CASES");
    const char *const usual[] = { "../shared/cases/golden", "tests/data/golden" };

    if (found)
        return found;
    if (given && given[0]) {
        char *inner = belay_path_join(given, "golden");
        bool nested = inner && belay_dir_exists(inner);
        found = nested ? belay_strdup(inner) : belay_strdup(given);
        belay_free(inner);
        return found;
    }
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]) && !found; i++)
        if (holds_cases(usual[i]))
            found = belay_strdup(usual[i]);
    return found;
}

bool golden_default_is_host(void)
{
    const char *device = getenv("BELAY_DEVICE");
    return device && strcmp(device, "host") == 0;
}

// ---- one group ----

enum golden_result golden_fail(struct golden_case *c, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "FAILED %s/%s on %s: ", c->group, c->name,
            c->device ? c->device->select : "no device");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return GOLDEN_FAIL;
}

static void run_line(struct golden_case *c, const char *text, size_t size,
                     golden_run_fn run)
{
    struct belay_json_doc doc = { .root = NULL };
    enum golden_result result = GOLDEN_FAIL;
    char *path = NULL;

    c->name = c->op = "?";
    if (belay_json_parse(c->log, "index.jsonl", text, size, &doc) != BELAY_OK) {
        golden_fail(c, "%s", c->log->last);
        goto done;
    }
    c->line = doc.root;
    c->name = belay_json_string_or(doc.root, "name", "?");
    c->op = belay_json_string_or(doc.root, "op", "");
    const char *file = belay_json_string_or(doc.root, "file", "");
    const char *end = strrchr(file, '.');
    c->has_file = end && strcmp(end, ".safetensors") == 0;
    if (c->has_file) {
        path = belay_path_join(c->folder, file);
        if (!path || belay_st_read(c->log, path, &c->st) != BELAY_OK) {
            golden_fail(c, "%s", c->log->last);
            goto done;
        }
    }
    result = run(c);
done:
    golden_count(result, c->op);
    belay_st_finish(&c->st);
    memset(&c->st, 0, sizeof(c->st));
    c->line = NULL;
    belay_json_finish(&doc);
    belay_free(path);
}

static void run_group(const char *group, golden_run_fn run, struct belay_log *log,
                      struct belay_device *device)
{
    struct golden_case c = { .log = log, .group = group, .device = device, .name = "index" };
    char *folder = belay_path_join(golden_folder(), group), *text = NULL;
    // Slow drivers take each so many-th case.
    const char *some = getenv("BELAY_TEST_EVERY");
    const size_t every = some && atoi(some) > 1 ? (size_t) atoi(some) : 1;
    char *path = folder ? belay_path_join(folder, "index.jsonl") : NULL;
    size_t size = 0;

    c.folder = folder;
    if (!path || belay_file_read(log, path, 0, &text, &size) != BELAY_OK) {
        golden_count_missing(group, log->last);
        goto done;
    }
    for (size_t at = 0, number = 0; at < size; number++) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t) (end - text) - at : size - at;
        if (length > 0 && number % every == 0)
            run_line(&c, text + at, length, run);
        at += length + 1;
    }
    golden_count_report(group, device ? device->select : "no device");
done:
    belay_free(text);
    belay_free(path);
    belay_free(folder);
}

void golden_group_no_device(const char *group, golden_run_fn run)
{
    struct belay_log log = { .fn = NULL };
    if (!golden_folder())
        golden_count_missing(group, "no folder of cases");
    else
        run_group(group, run, &log, NULL);
}

void golden_group(const char *group, golden_run_fn run, const char *select)
{
    struct belay_log log = { .fn = NULL };
    struct belay_device *device = NULL;
    struct golden_case none = { .group = group, .name = "device" };

    if (!golden_folder()) {
        golden_count_missing(group, "no folder of cases");
        return;
    }
    if (belay_device_open(&log, select, 0, &device) != BELAY_OK) {
        golden_count(golden_fail(&none, "%s", log.last), "");
        golden_count_report(group, "no device");
        return;
    }
    run_group(group, run, &log, device);
    belay_device_close(&device);
}

// ---- attributes ----

const struct belay_json *golden_attr(const struct golden_case *c, const char *name)
{
    const struct belay_json *all = belay_json_get(c->line, "attributes");
    const struct belay_json *found = all ? belay_json_get(all, name) : NULL;
    return found && found->kind != BELAY_JSON_NULL ? found : NULL;
}

double golden_number(const struct golden_case *c, const char *name, double fallback)
{
    const struct belay_json *a = golden_attr(c, name);
    return a && (a->kind == BELAY_JSON_INT || a->kind == BELAY_JSON_NUMBER) ? a->number : fallback;
}

bool golden_flag(const struct golden_case *c, const char *name, bool fallback)
{
    const struct belay_json *a = golden_attr(c, name);
    return a && a->kind == BELAY_JSON_BOOL ? a->boolean : fallback;
}

const char *golden_text(const struct golden_case *c, const char *name, const char *fallback)
{
    const struct belay_json *a = golden_attr(c, name);
    return a && a->kind == BELAY_JSON_STRING ? a->string : fallback;
}

int golden_list(const struct golden_case *c, const char *name, int max, int64_t *out)
{
    const struct belay_json *a = golden_attr(c, name);
    int count = 0;

    if (!a)
        return -1;
    if (a->kind != BELAY_JSON_ARRAY) {
        out[0] = (int64_t) a->number;
        return 1;
    }
    for (const struct belay_json *e = a->first; e && count < max; e = e->next)
        out[count++] = (int64_t) e->number;
    return count;
}

bool golden_only(const struct golden_case *c, const char *known)
{
    const struct belay_json *all = belay_json_get(c->line, "attributes");

    for (const struct belay_json *e = all ? all->first : NULL; e; e = e->next) {
        size_t length = strlen(e->key);
        const char *at = known;
        while ((at = strstr(at, e->key))) {
            bool starts = at == known || at[-1] == ' ';
            if (starts && (at[length] == ' ' || at[length] == '\0'))
                break;
            at += length;
        }
        if (!at && e->kind != BELAY_JSON_NULL)
            return false;
    }
    return true;
}

// ---- tensors ----

bool golden_load(struct golden_case *c, const char *tensor, belay_dtype as,
                 struct belay_tensor *out)
{
    const struct belay_st_entry *entry = belay_st_find(&c->st, tensor);

    memset(out, 0, sizeof(*out));
    if (!entry || !entry->known) {
        golden_fail(c, "the file has no tensor %s that is known", tensor);
        return false;
    }
    if (belay_st_load(c->log, entry, out, as) != BELAY_OK) {
        golden_fail(c, "%s: %s", tensor, c->log->last);
        return false;
    }
    return true;
}

bool golden_close(double got, double want, double atol, double rtol)
{
    return fabs(got - want) <= atol + rtol * fabs(want);
}

static const struct belay_json *tolerance_of(const struct golden_case *c, const char *tensor)
{
    const struct belay_json *all = belay_json_get(c->line, "tolerance");
    return all ? belay_json_get(all, tensor) : NULL;
}

// The element that is furthest beyond its tolerance is told.
static bool compare(struct golden_case *c, const char *tensor, const struct belay_st_entry *entry,
                    const double *got, int64_t count)
{
    const struct belay_json *tolerance = tolerance_of(c, tensor);
    bool exact = belay_dtype_is_int(entry->dtype);
    double atol = 0, rtol = 0, worst = 0;
    int64_t at = -1, bad = 0;

    if (!tolerance && !exact) {
        golden_fail(c, "no tolerance for %s", tensor);
        return false;
    }
    if (!exact) {
        atol = belay_json_number_or(tolerance, "atol", 0);
        rtol = belay_json_number_or(tolerance, "rtol", 0);
    }
    const char *data = entry->data;
    for (int64_t i = 0; i < count; i++) {
        size_t size = belay_dtype_size(entry->dtype);
        double want = belay_dtype_load(entry->dtype, data + (size_t) i * size);
        if (golden_close(got[i], want, atol, rtol))
            continue;
        double over = fabs(got[i] - want);
        bad++;
        if (at < 0 || !(over <= worst)) {
            at = i;
            worst = over;
        }
    }
    if (at < 0)
        return true;
    size_t offset = (size_t) at * belay_dtype_size(entry->dtype);
    double want = belay_dtype_load(entry->dtype, data + offset);
    golden_fail(c, "%s[%lld] is %.9g, want %.9g within %.3g + %.3g |want|; %lld of %lld differ",
                tensor, (long long) at, got[at], want, atol, rtol, (long long) bad,
                (long long) count);
    return false;
}

bool golden_compare(struct golden_case *c, const char *tensor, const double *got, int64_t count)
{
    const struct belay_st_entry *entry = belay_st_find(&c->st, tensor);

    if (!entry || !entry->known) {
        golden_fail(c, "the file has no tensor %s", tensor);
        return false;
    }
    if (belay_shape_count(&entry->shape) != count) {
        golden_fail(c, "%s has %lld elements, want %lld", tensor, (long long) count,
                    (long long) belay_shape_count(&entry->shape));
        return false;
    }
    return compare(c, tensor, entry, got, count);
}

bool golden_compare_f32(struct golden_case *c, const char *tensor, const float *got, int64_t count)
{
    double *wide = belay_alloc_array((size_t) count, sizeof(*wide));
    bool equal = wide != NULL;

    for (int64_t i = 0; wide && i < count; i++)
        wide[i] = (double) got[i];
    equal = equal && golden_compare(c, tensor, wide, count);
    belay_free(wide);
    return equal;
}
