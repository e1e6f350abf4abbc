// PyTorch's files: the cases of golden/pth are read or refused as they say, and read they equal
// their twin; damage in every byte and cut is refused.
#include "harness.h"

#include <math.h>
#include <string.h>

#include "base/env.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "format/json.h"
#include "format/meta_value.h"
#include "format/pth.h"

#define FALLBACK "tests/data"

static struct belay_log sink;
static char folder[1000], why[1200];

static char *path_of(const char *file)
{
    char *path = belay_path_join(folder, file);
    ck_assert_ptr_nonnull(path);
    return path;
}

static belay_status read_pth(const char *file, struct belay_st *st)
{
    char *path = path_of(file), *bytes;
    size_t size;
    ck_log_ok(&sink, belay_file_read(&sink, path, 0, &bytes, &size));
    // A block of exactly the size, so that reading beyond it shows under the sanitizer.
    char *exact = belay_alloc(size);
    memcpy(exact, bytes, size);
    belay_free(bytes);
    belay_free(path);
    return belay_pth_parse(&sink, file, exact, size, st);
}

static bool same_tensors(const struct belay_st *got, const char *twin)
{
    struct belay_st want;
    char *path = path_of(twin);
    ck_log_ok(&sink, belay_st_read(&sink, path, &want));
    belay_free(path);
    bool same = got->count == want.count;
    snprintf(why, sizeof(why), "%zu tensors, want %zu", got->count, want.count);
    for (size_t i = 0; i < want.count && same; i++) {
        const struct belay_st_entry *a = &want.entries[i], *b = belay_st_find(got, a->name);
        same = b && strcmp(a->dtype_name, b->dtype_name) == 0 && a->size == b->size &&
               belay_shape_equal(&a->shape, &b->shape) &&
               (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
        snprintf(why, sizeof(why), "tensor '%s' %s", a->name, b ? "differs" : "is missing");
    }
    belay_st_finish(&want);
    return same;
}

static bool same_value(const struct belay_json *want, const char *text)
{
    struct belay_meta_value v;
    bool same = false;
    if (!text || !belay_meta_parse(text, &v))
        return false;
    switch (want->kind) {
    case BELAY_JSON_NULL:
        same = v.kind == BELAY_META_NULL;
        break;
    case BELAY_JSON_BOOL:
        same = v.kind == BELAY_META_BOOL && v.boolean == want->boolean;
        break;
    case BELAY_JSON_INT:
    case BELAY_JSON_NUMBER:
        same = (v.kind == BELAY_META_INT && (double) v.integer == want->number) ||
               (v.kind == BELAY_META_FLOAT && v.number == want->number);
        break;
    case BELAY_JSON_STRING:
        same = (v.kind == BELAY_META_TEXT || v.kind == BELAY_META_QUOTED) &&
               strcmp(v.text, want->string) == 0;
        break;
    default:
        break;
    }
    belay_free(v.text);
    return same;
}

static bool same_scalars(const struct belay_st *got, const struct belay_json *want)
{
    for (const struct belay_json *s = want ? want->first : NULL; s; s = s->next) {
        snprintf(why, sizeof(why), "value '%s'", s->key);
        if (!same_value(s, belay_st_meta(got, s->key)))
            return false;
    }
    return true;
}

static bool judge(const struct belay_json *c, belay_status status, const struct belay_st *st)
{
    const char *expected = belay_json_string_or(c, "expected", "");
    const char *twin = belay_json_string_or(c, "twin", NULL);
    snprintf(why, sizeof(why), "status %s (%.900s)", belay_status_name(status), sink.last);
    if (status != BELAY_OK)
        return strcmp(expected, "read") != 0 &&
               (status == BELAY_ERR_DAMAGED || status == BELAY_ERR_UNSUPPORTED);
    return strcmp(expected, "refuse") != 0 && (!twin || same_tensors(st, twin)) &&
           same_scalars(st, belay_json_get(c, "scalars"));
}

static void run_case(const struct belay_json *c)
{
    struct belay_st st = { 0 };
    sink.last[0] = '\0';
    belay_status status = read_pth(belay_json_string_or(c, "file", ""), &st);
    if (judge(c, status, &st)) {
        harness_cases_passed++;
    } else {
        harness_cases_failed++;
        printf("%s: want %s: %s\n", belay_json_string_or(c, "name", "?"),
               belay_json_string_or(c, "expected", "?"), why);
    }
    belay_st_finish(&st);
}

START_TEST(every_case_is_read_or_refused_as_it_says)
{
    char *path = path_of("index.jsonl"), *text;
    size_t size;
    ck_log_ok(&sink, belay_file_read(&sink, path, 0, &text, &size));
    belay_free(path);
    for (char *line = text; line < text + size;) {
        struct belay_json_doc doc;
        char *end = strchr(line, '\n');
        size_t length = end ? (size_t) (end - line) : strlen(line);
        if (length) {
            ck_log_ok(&sink, belay_json_parse(&sink, "index", line, length, &doc));
            run_case(doc.root);
            belay_json_finish(&doc);
        }
        line += length + 1;
    }
    belay_free(text);
    ck_assert_int_gt(harness_cases_passed + harness_cases_failed, 0);
    printf("%d cases as they say, %d not\n", harness_cases_passed, harness_cases_failed);
}
END_TEST

static void check_cuts(const char *file)
{
    char *path = path_of(file), *bytes;
    size_t size;
    ck_log_ok(&sink, belay_file_read(&sink, path, 0, &bytes, &size));
    for (size_t cut = 0; cut < size; cut++) {
        struct belay_st st;
        char *part = belay_alloc(cut);
        memcpy(part, bytes, cut);
        ck_status_is(&sink, belay_pth_parse(&sink, file, part, cut, &st), BELAY_ERR_DAMAGED);
    }
    belay_free(bytes);
    belay_free(path);
}

START_TEST(files_cut_anywhere_are_refused)
{
    check_cuts("minimal.pth");
    check_cuts("legacy.pth");
}
END_TEST

START_TEST(a_whole_module_is_refused_with_advice)
{
    struct belay_st st;
    ck_status_is(&sink, read_pth("whole_module.pth", &st), BELAY_ERR_UNSUPPORTED);
    ck_assert_msg(strstr(sink.last, "torch.save(model.state_dict()"), "%s", sink.last);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { every_case_is_read_or_refused_as_it_says,
                                   files_cut_anywhere_are_refused,
                                   a_whole_module_is_refused_with_advice };
    return harness_suite("pth", tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    const char *cases = belay_env("BELAY_CASES");
    snprintf(folder, sizeof(folder), "%s/golden/pth", cases ? cases : FALLBACK);
    return harness_main(suite, NULL);
}
