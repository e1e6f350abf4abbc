#include "harness.h"

#include <math.h>
#include <string.h>

#include "format/json.h"

static struct belay_log sink;
static struct belay_json_doc doc;

static belay_status parse(const char *text)
{
    return belay_json_parse(&sink, "test", text, strlen(text), &doc);
}

static void check_ok(const char *text)
{
    belay_status status = parse(text);
    ck_assert_msg(status == BELAY_OK, "%s: %s", text, sink.last);
    belay_json_finish(&doc);
}

static void check_refused(const char *text, enum belay_json_error error)
{
    ck_assert_msg(parse(text) == BELAY_ERR_DAMAGED, "accepted: %s", text);
    ck_assert_msg(doc.error == error, "%s: error %d (%s)", text, doc.error, sink.last);
    ck_assert_ptr_null(doc.arena.head);
}

START_TEST(values_of_every_kind_are_read)
{
    ck_log_ok(&sink, parse(" {\"a\" : [1, -2.5e1, true, false, null, \"x\"], \"b\":{} } "));
    const struct belay_json *a = belay_json_get(doc.root, "a");
    ck_assert_uint_eq(a->count, 6);
    const struct belay_json *v = a->first;
    ck_assert(v->kind == BELAY_JSON_INT && v->integer == 1 && v->number == 1);
    v = v->next;
    ck_assert(v->kind == BELAY_JSON_NUMBER && v->number == -25);
    v = v->next;
    ck_assert(v->kind == BELAY_JSON_BOOL && v->boolean);
    v = v->next;
    ck_assert(v->kind == BELAY_JSON_BOOL && !v->boolean);
    v = v->next;
    ck_assert_int_eq(v->kind, BELAY_JSON_NULL);
    v = v->next;
    ck_assert_str_eq(v->string, "x");
    ck_assert_ptr_null(v->next);
    ck_assert_uint_eq(belay_json_get(doc.root, "b")->count, 0);
    ck_assert_ptr_null(belay_json_get(doc.root, "c"));
    belay_json_finish(&doc);
    belay_json_finish(&doc);
}
END_TEST

START_TEST(integers_are_exact_up_to_64_bits)
{
    ck_log_ok(&sink, parse("[18446744073709551615, 18446744073709551616, -0, 1.0, 1e0]"));
    const struct belay_json *v = doc.root->first;
    ck_assert(v->kind == BELAY_JSON_INT && v->integer == UINT64_MAX);
    while ((v = v->next))
        ck_assert_int_eq(v->kind, BELAY_JSON_NUMBER);
    belay_json_finish(&doc);
}
END_TEST

START_TEST(escapes_are_resolved)
{
    ck_log_ok(&sink, parse("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"]"));
    ck_assert_str_eq(doc.root->first->string, "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac"
                                              "\xf0\x9f\x98\x80");
    belay_json_finish(&doc);
}
END_TEST

START_TEST(what_is_not_json_is_refused)
{
    static const char *const bad[] = {
        "", " ", "{", "}", "[", "]", "[1", "[1,", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}", "{a:1}", "{'a':1}", "{1:2}", "nul", "nulll", "True", "NaN", "Infinity", "-",
        "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x1", "1 2", "\"", "\"\\", "\"\\x41\"",
        "\"\\u12\"", "\"\\u123g\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\ud800\\u0041\"",
        "\"a\nb\"", "\"a\tb\"", "[1]x", "/* */1", "[1e999]", "\v1", "\xEF\xBB\xBF{}", "[1}",
        "{\"a\":1]", "{\"a\"::1}", "{,}", "[1 2]", "--1",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        check_refused(bad[i], BELAY_JSON_SYNTAX);
    check_refused("[\"\xc0\x80\"]", BELAY_JSON_NOT_UTF8);
    check_refused("[\"\xed\xa0\x80\"]", BELAY_JSON_NOT_UTF8);
    check_refused("[\"\xf4\x90\x80\x80\"]", BELAY_JSON_NOT_UTF8);
    check_refused("[\"a\\u0000\"]", BELAY_JSON_NUL);
    ck_assert_int_eq(belay_json_parse(&sink, "t", "[\"\0\"]", 5, &doc), BELAY_ERR_DAMAGED);
}
END_TEST

START_TEST(a_key_that_occurs_twice_is_refused_however_it_is_spelled)
{
    check_refused("{\"a\":1,\"b\":2,\"a\":3}", BELAY_JSON_DUPLICATE);
    ck_assert_int_eq(doc.error_depth, 1);
    ck_assert_str_eq(doc.error_member, "a");
    check_refused("{\"a\":1,\"\\u0061\":3}", BELAY_JSON_DUPLICATE);
    check_refused("{\"m\":{\"a\":1,\"a\":1}}", BELAY_JSON_DUPLICATE);
    ck_assert_int_eq(doc.error_depth, 2);
    ck_assert_str_eq(doc.error_member, "m");
    check_ok("{\"a\":{\"a\":1},\"b\":{\"a\":1}}");
}
END_TEST

START_TEST(nesting_is_limited)
{
    char text[200] = "";
    for (int i = 0; i < 32; i++)
        strcat(text, "[");
    for (int i = 0; i < 32; i++)
        strcat(text, "]");
    check_ok(text);
    memset(text, '[', 33);
    memset(text + 33, ']', 33);
    check_refused(text, BELAY_JSON_SYNTAX);
    memset(text, '[', 199);
    check_refused(text, BELAY_JSON_SYNTAX);
}
END_TEST

START_TEST(messages_say_where)
{
    check_refused("{\"a\": 01}", BELAY_JSON_SYNTAX);
    ck_assert_ptr_nonnull(strstr(sink.last, "test: byte 7"));
}
END_TEST

START_TEST(getters_fall_back_on_other_kinds)
{
    ck_log_ok(&sink, parse("{\"i\":3,\"n\":2.5,\"s\":\"x\",\"b\":true}"));
    const struct belay_json *r = doc.root;
    ck_assert(belay_json_number_or(r, "n", 9) == 2.5 && belay_json_number_or(r, "s", 9) == 9);
    ck_assert(belay_json_int_or(r, "i", 9) == 3 && belay_json_int_or(r, "n", 9) == 9);
    ck_assert_str_eq(belay_json_string_or(r, "s", "y"), "x");
    ck_assert_str_eq(belay_json_string_or(r, "i", "y"), "y");
    ck_assert(belay_json_bool_or(r, "b", false) && !belay_json_bool_or(r, "i", false));
    ck_assert_ptr_null(belay_json_get(NULL, "a"));
    belay_json_finish(&doc);
}
END_TEST

START_TEST(every_failed_allocation_is_told_and_freed)
{
    belay_status status = BELAY_ERR_NOMEM;
    for (int64_t n = 0; status != BELAY_OK && n < 100; n++) {
        belay_alloc_fail_at(n, false);
        status = parse("{\"a\":[1,2],\"b\":\"text\"}");
        belay_alloc_fail_at(-1, false);
        ck_assert(status == BELAY_OK || status == BELAY_ERR_NOMEM);
    }
    belay_json_finish(&doc);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        values_of_every_kind_are_read, integers_are_exact_up_to_64_bits, escapes_are_resolved,
        what_is_not_json_is_refused, a_key_that_occurs_twice_is_refused_however_it_is_spelled,
        nesting_is_limited, messages_say_where, getters_fall_back_on_other_kinds,
        every_failed_allocation_is_told_and_freed,
    };
    return harness_suite("json", tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    return harness_main(suite, NULL);
}
