#include "harness.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/env.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "base/worker.h"


START_TEST(failing_keeps_the_text_and_returns_the_status)
{
    struct belay_log log = { 0 };
    ck_assert_int_eq(belay_fail(&log, BELAY_ERR_DATA, "%s: %d rows", "a.csv", 3), BELAY_ERR_DATA);
    ck_assert_str_eq(log.last, "a.csv: 3 rows");
    ck_assert_int_eq(belay_fail_in(&log, BELAY_ERR_DATA, "split %s", "x"), BELAY_ERR_DATA);
    ck_assert_str_eq(log.last, "split x: a.csv: 3 rows");
    ck_assert_int_eq(belay_fail(NULL, BELAY_ERR_IO, "x"), BELAY_ERR_IO);
}
END_TEST

static int messages;
static void count_message(void *user, enum belay_log_level level, const char *message)
{
    (void) level;
    ck_assert_ptr_eq(user, &messages);
    ck_assert_ptr_null(strchr(message, '\n'));
    messages++;
}

START_TEST(messages_are_one_line_and_cut_to_size)
{
    struct belay_log log = { .fn = count_message, .user = &messages };
    char text[3000];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    text[5] = '\n';
    messages = 0;
    belay_fail(&log, BELAY_ERR_DATA, "%s", text);
    belay_fail_in(&log, BELAY_ERR_DATA, "%s", text);
    belay_say(&log, BELAY_LOG_INFO, "a\nb");
    ck_assert_int_eq(messages, 2); // a prefix is no new message
    ck_assert_uint_lt(strlen(log.last), sizeof(log.last));
}
END_TEST

START_TEST(every_status_has_a_name_of_its_own)
{
    for (int i = 0; i < BELAY_STATUS_COUNT; i++) {
        ck_assert_ptr_nonnull(belay_status_name((belay_status) i));
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(belay_status_name((belay_status) i),
                             belay_status_name((belay_status) j));
    }
    ck_assert_str_eq(belay_status_name(BELAY_OK), "ok");
    ck_assert_ptr_nonnull(belay_status_name((belay_status) 999));
}
END_TEST

START_TEST(allocation_is_zeroed_and_refuses_overflow)
{
    char *block = belay_alloc(1000);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(block[i], 0);
    belay_free(block);
    ck_assert_ptr_null(belay_alloc_array(SIZE_MAX / 2, 3));
    ck_assert_ptr_null(belay_alloc(SIZE_MAX));
    ck_assert_ptr_null(belay_alloc_aligned(SIZE_MAX));
    void *aligned = belay_alloc_aligned(1);
    ck_assert_uint_eq((uintptr_t) aligned % 64, 0);
    belay_free_aligned(aligned);
}
END_TEST

START_TEST(the_nth_allocation_can_be_made_to_fail)
{
    belay_alloc_fail_at(1, false);
    void *a = belay_alloc(1), *b = belay_alloc(1), *c = belay_alloc(1);
    belay_alloc_fail_at(-1, false);
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_null(b);
    ck_assert_ptr_nonnull(c);
    belay_free(a);
    belay_free(c);
    belay_alloc_fail_at(0, true);
    a = belay_alloc(1);
    b = belay_alloc_aligned(1);
    belay_alloc_fail_at(-1, false);
    ck_assert_ptr_null(a);
    ck_assert_ptr_null(b);
}
END_TEST

// Check notes every assertion in a file: loops over bytes ask once.
static bool all_are(const unsigned char *bytes, size_t size, unsigned char value)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

START_TEST(an_arena_gives_zeroed_apart_blocks_of_any_size)
{
    struct belay_arena arena = { 0 };
    unsigned char *blocks[200];
    for (size_t i = 0; i < 200; i++) {
        size_t size = i * i;
        blocks[i] = belay_arena_alloc(&arena, size);
        ck_assert_ptr_nonnull(blocks[i]);
        ck_assert_uint_eq((uintptr_t) blocks[i] % 16, 0);
        ck_assert(all_are(blocks[i], size, 0));
        memset(blocks[i], (int) i, size);
    }
    for (size_t i = 0; i < 200; i++)
        ck_assert(all_are(blocks[i], i * i, (unsigned char) i));
    ck_assert_ptr_null(belay_arena_alloc(&arena, SIZE_MAX - 3));
    belay_arena_free(&arena);
    ck_assert_ptr_null(arena.head);
}
END_TEST

START_TEST(strings_grow_and_remember_that_memory_was_short)
{
    struct belay_str s = { 0 };
    for (int i = 0; i < 1000; i++)
        belay_str_addf(&s, "%d,", i);
    ck_assert_uint_eq(s.length, 10 * 2 + 90 * 3 + 900 * 4);
    ck_assert_uint_eq(strlen(s.text), s.length);
    belay_str_clear(&s);
    ck_assert_uint_eq(s.length, 0);
    belay_alloc_fail_at(0, true);
    for (int i = 0; i < 10000; i++)
        belay_str_add(&s, "xxxxxxxxxx");
    belay_alloc_fail_at(-1, false);
    ck_assert(s.failed);
    belay_str_free(&s);
}
END_TEST

START_TEST(json_strings_are_escaped_and_always_utf8)
{
    struct belay_str s = { 0 };
    belay_str_add_json(&s, "a\"b\\\n\x01\x7f\xc3\xa9\xff\xc0\x80");
    ck_assert_str_eq(s.text, "\"a\\\"b\\\\\\n\\u0001\x7f\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf"
                             "\xbd\"");
    belay_str_free(&s);
}
END_TEST

START_TEST(utf8_that_is_overlong_a_surrogate_or_too_large_is_refused)
{
    static const char *const bad[] = { "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf",
                                       "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
                                       "\xf5\x80\x80\x80", "\x80", "\xc3", "\xe2\x82", "\xff" };
    uint32_t code;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_uint_eq(belay_utf8_next(bad[i], strlen(bad[i]), &code), 0);
    ck_assert_uint_eq(belay_utf8_next("\xf0\x9f\x98\x80", 4, &code), 4);
    ck_assert_uint_eq(code, 0x1F600);
    ck_assert_uint_eq(belay_utf8_next("\xe2\x82\xac", 3, &code), 3);
    ck_assert_uint_eq(code, 0x20AC);
    ck_assert_uint_eq(belay_utf8_next("x", 0, &code), 0);
}
END_TEST

static const char *double_text(struct belay_str *s, double value)
{
    belay_str_clear(s);
    belay_str_add_double(s, value);
    return s->text;
}

START_TEST(doubles_are_written_short_and_read_back_the_same)
{
    struct belay_str s = { 0 };
    ck_assert_str_eq(double_text(&s, 0.1), "0.1");
    ck_assert_str_eq(double_text(&s, 0), "0");
    ck_assert_str_eq(double_text(&s, -0.0), "-0");
    ck_assert_str_eq(double_text(&s, 1e30), "1e+30");
    ck_assert_str_eq(double_text(&s, 100000), "100000");
    ck_assert_str_eq(double_text(&s, 1e-5), "0.00001");
    ck_assert_str_eq(double_text(&s, 1e-7), "1e-07");
    ck_assert_str_eq(double_text(&s, 5e-324), "5e-324");
    ck_assert_str_eq(double_text(&s, 123456.75), "123456.75");
    ck_assert_str_eq(double_text(&s, NAN), "NaN");
    ck_assert_str_eq(double_text(&s, -INFINITY), "-Infinity");
    struct belay_rng r;
    int wrong = 0;
    belay_rng_init(&r, 1, 2);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = (uint64_t) belay_rng_u32(&r) << 32 | belay_rng_u32(&r);
        double value, back;
        memcpy(&value, &bits, sizeof(value));
        if (isnan(value) || isinf(value))
            continue;
        if (i % 2)
            value = ldexp(value, -ilogb(value) + i % 40 - 20);
        wrong += !belay_parse_double(double_text(&s, value), &back) || back != value;
    }
    ck_assert_int_eq(wrong, 0);
    belay_str_free(&s);
}
END_TEST

START_TEST(numbers_must_be_the_whole_text)
{
    static const char *const bad[] = { "", " 1", "1 ", "1x", "0x10", ".", "e5", "1e", "--1",
                                       "1e999", "nanx", "1,5", "+" };
    static const char *const bad_int[] = { "", "1.0", "9223372036854775808",
                                           "-9223372036854775809", "1 ", "-",
                                           "99999999999999999999" };
    double d;
    int64_t i;
    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
        ck_assert_msg(!belay_parse_double(bad[k], &d), "'%s'", bad[k]);
    for (size_t k = 0; k < sizeof(bad_int) / sizeof(bad_int[0]); k++)
        ck_assert_msg(!belay_parse_i64(bad_int[k], &i), "'%s'", bad_int[k]);
    ck_assert(belay_parse_double("-1.5e2", &d) && d == -150);
    ck_assert(belay_parse_double(".5", &d) && d == 0.5);
    ck_assert(belay_parse_double("NaN", &d) && isnan(d));
    ck_assert(belay_parse_double("-inf", &d) && d == -INFINITY);
    ck_assert(belay_parse_i64("-9223372036854775808", &i) && i == INT64_MIN);
    ck_assert(belay_parse_i64("9223372036854775807", &i) && i == INT64_MAX);
}
END_TEST

START_TEST(sizes_are_written_with_binary_units)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = { { 0, "0 B" }, { 1023, "1023 B" }, { 1024, "1 KiB" }, { 1536, "1.5 KiB" },
                  { 15u << 20, "15 MiB" }, { 2576980378u, "2.4 GiB" }, { UINT64_MAX, "16 EiB" } };
    struct belay_str s = { 0 };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        belay_str_clear(&s);
        belay_str_add_size(&s, cases[i].bytes);
        ck_assert_str_eq(s.text, cases[i].text);
    }
    belay_str_free(&s);
}
END_TEST

START_TEST(near_names_are_suggested_and_far_ones_are_not)
{
    static const char *const names[] = { "sgd", "adam", "adamw", "rmsprop" };
    ck_assert_str_eq(belay_suggest("adm", names, 4), "adam");
    ck_assert_str_eq(belay_suggest("amda", names, 4), "adam");
    ck_assert_str_eq(belay_suggest("rmsprp", names, 4), "rmsprop");
    ck_assert_str_eq(belay_suggest("sdg", names, 4), "sgd");
    ck_assert_ptr_null(belay_suggest("lion", names, 4));
    ck_assert_ptr_null(belay_suggest("", names, 4));
}
END_TEST

START_TEST(globs_match_stars_and_question_marks)
{
    ck_assert(belay_glob("*", ""));
    ck_assert(belay_glob("a*c*e", "abcde"));
    ck_assert(belay_glob("layer?.weight", "layer1.weight"));
    ck_assert(belay_glob("*.weight", "a.weight.b.weight"));
    ck_assert(!belay_glob("*.weight", "a.bias"));
    ck_assert(!belay_glob("?", ""));
    ck_assert(!belay_glob("abc", "abcd"));
}
END_TEST

START_TEST(philox_gives_the_published_numbers)
{
    static const struct {
        uint32_t counter[4], key[2], want[4];
    } cases[] = {
        { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
          { 0xffffffff, 0xffffffff },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
          { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    uint32_t out[4];
    for (size_t i = 0; i < 3; i++) {
        belay_philox(cases[i].counter, cases[i].key, out);
        ck_assert_mem_eq(out, cases[i].want, sizeof(out));
    }
}
END_TEST

START_TEST(a_sequence_can_be_entered_anywhere)
{
    struct belay_rng a, b;
    uint32_t numbers[32];
    belay_rng_init(&a, 7, 9);
    for (int i = 0; i < 32; i++)
        numbers[i] = belay_rng_u32(&a);
    belay_rng_init(&b, 7, 9);
    for (int i = 31; i >= 0; i--) {
        b.index = (uint64_t) i;
        ck_assert_uint_eq(belay_rng_u32(&b), numbers[i]);
    }
    belay_rng_init(&b, 7, 10);
    ck_assert_uint_ne(belay_rng_u32(&b), numbers[0]);
}
END_TEST

START_TEST(draws_have_the_moments_they_should)
{
    struct belay_rng r;
    double sum = 0, squares = 0, uniform = 0;
    int counts[7] = { 0 }, n = 200000, outside = 0;
    belay_rng_init(&r, 3, 0);
    for (int i = 0; i < n; i++) {
        double z = belay_rng_normal(&r), u = belay_rng_uniform(&r);
        outside += !(u >= 0 && u < 1);
        sum += z;
        squares += z * z;
        uniform += u;
        counts[belay_rng_below(&r, 7)]++;
    }
    ck_assert_int_eq(outside, 0);
    ck_assert_double_eq_tol(sum / n, 0, 0.01);
    ck_assert_double_eq_tol(squares / n, 1, 0.02);
    ck_assert_double_eq_tol(uniform / n, 0.5, 0.005);
    for (int i = 0; i < 7; i++)
        ck_assert_double_eq_tol(counts[i], n / 7.0, 700);
}
END_TEST

START_TEST(a_shuffle_is_a_permutation_and_repeats_itself)
{
    int32_t a[1000], b[1000];
    bool seen[1000] = { false };
    struct belay_rng r;
    int fixed = 0;
    for (int32_t i = 0; i < 1000; i++)
        a[i] = b[i] = i;
    belay_rng_init(&r, 1, 1);
    belay_rng_shuffle(&r, a, 1000);
    belay_rng_init(&r, 1, 1);
    belay_rng_shuffle(&r, b, 1000);
    ck_assert_mem_eq(a, b, sizeof(a));
    for (int i = 0; i < 1000; i++) {
        ck_assert(a[i] >= 0 && a[i] < 1000 && !seen[a[i]]);
        seen[a[i]] = true;
        fixed += a[i] == i;
    }
    ck_assert_int_lt(fixed, 10);
}
END_TEST

START_TEST(a_digest_in_pieces_is_the_digest_of_the_whole)
{
    char data[5000];
    struct belay_hash h;
    struct belay_digest whole, pieces;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char) (i * 7);
    belay_digest_of(data, sizeof(data), &whole);
    ck_assert(belay_hash_begin(&h));
    for (size_t i = 0; i < sizeof(data); i += 77)
        belay_hash_add(&h, data + i, sizeof(data) - i < 77 ? sizeof(data) - i : 77);
    belay_hash_end(&h, &pieces);
    ck_assert_str_eq(whole.hex, pieces.hex);
    // XXH3 of nothing, as published.
    belay_digest_of("", 0, &whole);
    ck_assert_str_eq(whole.hex, "99aa06d3014798d86001c324468d497f");
    ck_assert_uint_eq(belay_hash64("", 0), 0x2D06800538D394C2u);
}
END_TEST

START_TEST(the_environment_is_read_by_its_table_and_empty_is_unset)
{
    setenv("BELAY_PROFILE", "", 1);
    ck_assert_ptr_null(belay_env("BELAY_PROFILE"));
    setenv("BELAY_PROFILE", "gpu", 1);
    ck_assert_str_eq(belay_env("BELAY_PROFILE"), "gpu");
    unsetenv("BELAY_PROFILE");
    ck_assert_ptr_null(belay_env("BELAY_PROFILE"));
    for (const struct belay_env_var *v = belay_env_vars; v->name; v++)
        ck_assert(strncmp(v->name, "BELAY_", 6) == 0 && v->help);
}
END_TEST

START_TEST(the_cache_folder_follows_xdg)
{
    char out[64], tiny[4];
    setenv("XDG_CACHE_HOME", "/x/cache", 1);
    ck_assert(belay_env_cache_dir(out, sizeof(out)));
    ck_assert_str_eq(out, "/x/cache/belay");
    ck_assert(!belay_env_cache_dir(tiny, sizeof(tiny)));
    setenv("XDG_CACHE_HOME", "relative", 1);
    setenv("HOME", "/home/a", 1);
    ck_assert(belay_env_cache_dir(out, sizeof(out)));
    ck_assert_str_eq(out, "/home/a/.cache/belay");
}
END_TEST

START_TEST(clocks_go_forward_and_write_utc)
{
    double a = belay_clock_now(), b = belay_clock_now();
    char text[32];
    ck_assert(b >= a);
    belay_clock_utc(text);
    ck_assert_uint_eq(strlen(text), 20);
    ck_assert(text[10] == 'T' && text[19] == 'Z');
}
END_TEST

static void add_one(void *job)
{
    (*(int *) job)++;
}

START_TEST(a_worker_does_one_job_after_the_other)
{
    struct belay_log log = { 0 };
    struct belay_worker *worker;
    int jobs = 0;
    ck_log_ok(&log, belay_worker_create(&log, &worker));
    ck_assert(belay_worker_idle(worker));
    for (int i = 1; i <= 100; i++) {
        belay_worker_start(worker, add_one, &jobs);
        if (i % 2)
            belay_worker_wait(worker);
        while (!belay_worker_idle(worker))
            ;
        ck_assert_int_eq(jobs, i);
    }
    belay_worker_start(worker, add_one, &jobs);
    belay_worker_destroy(&worker); // waits
    ck_assert_int_eq(jobs, 101);
    ck_assert_ptr_null(worker);
    belay_worker_destroy(&worker);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        failing_keeps_the_text_and_returns_the_status, messages_are_one_line_and_cut_to_size,
        every_status_has_a_name_of_its_own, allocation_is_zeroed_and_refuses_overflow,
        the_nth_allocation_can_be_made_to_fail, an_arena_gives_zeroed_apart_blocks_of_any_size,
        strings_grow_and_remember_that_memory_was_short,
        json_strings_are_escaped_and_always_utf8,
        utf8_that_is_overlong_a_surrogate_or_too_large_is_refused,
        doubles_are_written_short_and_read_back_the_same, numbers_must_be_the_whole_text,
        sizes_are_written_with_binary_units, near_names_are_suggested_and_far_ones_are_not,
        globs_match_stars_and_question_marks, philox_gives_the_published_numbers,
        a_sequence_can_be_entered_anywhere, draws_have_the_moments_they_should,
        a_shuffle_is_a_permutation_and_repeats_itself,
        a_digest_in_pieces_is_the_digest_of_the_whole,
        the_environment_is_read_by_its_table_and_empty_is_unset,
        the_cache_folder_follows_xdg, clocks_go_forward_and_write_utc,
        a_worker_does_one_job_after_the_other,
    };
    return harness_suite("base", tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    return harness_main(suite, NULL);
}
