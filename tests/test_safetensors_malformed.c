// The case file says of each small file whether it is to be accepted, and by which name refused.
#include "harness.h"

#include <string.h>

#include "base/env.h"
#include "base/file.h"
#include "base/mem.h"
#include "format/json.h"
#include "format/safetensors.h"

#define FALLBACK "tests/data"

static struct belay_log sink;

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Owned bytes of exactly the size, so that reading beyond them shows under the sanitizer.
static char *unhex(const char *hex, size_t *size)
{
    size_t length = strlen(hex);
    char *bytes = belay_alloc(length / 2);

    ck_assert_uint_eq(length % 2, 0);
    for (size_t i = 0; i < length / 2; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        ck_assert(high >= 0 && low >= 0);
        bytes[i] = (char) (high * 16 + low);
    }
    *size = length / 2;
    return bytes;
}

// What is wrong with our answer, or NULL.
static const char *judge(const struct belay_json *c, belay_status status, const char *error_name)
{
    const char *want = belay_json_string_or(c, "error", NULL);
    bool accept = strcmp(belay_json_string_or(c, "expected", ""), "accept") == 0;

    if (accept)
        return status == BELAY_OK ? NULL : "refused";
    if (status == BELAY_OK)
        return "accepted";
    if (status != BELAY_ERR_DAMAGED)
        return "refused with another status";
    return want && (!error_name || strcmp(want, error_name) != 0) ? "refused by another name"
                                                                  : NULL;
}

static void run_case(const struct belay_json *c)
{
    struct belay_st st;
    size_t size;
    char *bytes = unhex(belay_json_string_or(c, "hex", ""), &size);
    belay_status status = belay_st_parse(&sink, "case", bytes, size, &st);
    const char *wrong = judge(c, status, st.error_name);

    if (wrong) {
        harness_cases_failed++;
        printf("%s %s: %s: %s, want %s, got %s (%s)\n", belay_json_string_or(c, "id", "?"),
               belay_json_string_or(c, "case", "?"), wrong, belay_json_string_or(c, "expected", ""),
               belay_json_string_or(c, "error", "none"), st.error_name ? st.error_name : "none",
               sink.last);
    } else {
        harness_cases_passed++;
    }
    belay_st_finish(&st);
}

static char *read_cases(size_t *size)
{
    const char *dir = belay_env("BELAY_CASES");
    char *path = belay_path_join(dir ? dir : FALLBACK, "safetensors_malformed.jsonl");
    char *text;

    ck_log_ok(&sink, belay_file_read(&sink, path, 0, &text, size));
    belay_free(path);
    return text;
}

START_TEST(every_case_is_accepted_or_refused_as_it_says)
{
    size_t size;
    char *text = read_cases(&size), *line = text;

    while (line < text + size) {
        struct belay_json_doc doc;
        char *end = strchr(line, '\n');
        size_t length = end ? (size_t) (end - line) : strlen(line);
        if (length > 0) {
            ck_log_ok(&sink, belay_json_parse(&sink, "case file", line, length, &doc));
            run_case(doc.root);
            belay_json_finish(&doc);
        }
        line += length + 1;
    }
    ck_assert_int_gt(harness_cases_passed + harness_cases_failed, 0);
    printf("%d cases as they say, %d not\n", harness_cases_passed, harness_cases_failed);
    belay_free(text);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { every_case_is_accepted_or_refused_as_it_says };
    return harness_suite("safetensors_malformed", tests, 1);
}

int main(void)
{
    return harness_main(suite, NULL);
}
