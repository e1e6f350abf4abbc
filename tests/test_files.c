#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"

static char dir[256], file[300], other[300];
static struct belay_log sink;

static void set_up(void)
{
    snprintf(dir, sizeof(dir), "%s", scratch_dir("files"));
    snprintf(file, sizeof(file), "%s/file", dir);
    snprintf(other, sizeof(other), "%s/other", dir);
    sink = (struct belay_log){ 0 };
}

static void tear_down(void)
{
    belay_file_fail_at(-1, 0);
    scratch_remove(dir);
}

static void check_content(const char *path, const char *want)
{
    char *data;
    size_t size;
    ck_log_ok(&sink, belay_file_read(&sink, path, 0, &data, &size));
    ck_assert_uint_eq(size, strlen(want));
    ck_assert_str_eq(data, want);
    belay_free(data);
}

static bool content_is(const char *path, const char *want)
{
    char *data;
    size_t size;
    if (belay_file_read(NULL, path, 0, &data, &size) != BELAY_OK)
        return false;
    bool same = size == strlen(want) && memcmp(data, want, size) == 0;
    belay_free(data);
    return same;
}

static size_t count_files(void)
{
    char **names;
    size_t count;
    ck_log_ok(&sink, belay_dir_list(&sink, dir, &names, &count));
    belay_names_free(names, count);
    return count;
}

START_TEST(what_is_written_is_read)
{
    ck_log_ok(&sink, belay_file_write(&sink, file, "hello", 5));
    check_content(file, "hello");
    ck_log_ok(&sink, belay_file_write(&sink, file, "", 0));
    check_content(file, "");
    ck_assert_uint_eq(count_files(), 1);
}
END_TEST

START_TEST(reading_what_is_no_file_names_it)
{
    char *data;
    size_t size;
    ck_assert_int_eq(belay_file_read(&sink, other, 0, &data, &size), BELAY_ERR_IO);
    ck_assert_ptr_nonnull(strstr(sink.last, other));
    ck_assert_int_eq(belay_file_read(&sink, dir, 0, &data, &size), BELAY_ERR_IO);
    ck_assert_int_eq(mkfifo(other, 0600), 0);
    ck_assert_int_eq(belay_file_read(&sink, other, 0, &data, &size), BELAY_ERR_IO);
    ck_log_ok(&sink, belay_file_write(&sink, file, "hello", 5));
    ck_assert_int_eq(belay_file_read(&sink, file, 4, &data, &size), BELAY_ERR_IO);
    ck_log_ok(&sink, belay_file_read(&sink, file, 5, &data, &size));
    belay_free(data);
}
END_TEST

START_TEST(until_the_commit_the_old_file_stands)
{
    struct belay_commit c;
    ck_log_ok(&sink, belay_file_write(&sink, file, "old", 3));
    ck_log_ok(&sink, belay_commit_begin(&c, &sink, file, 1000));
    ck_log_ok(&sink, belay_commit_write(&c, "ne", 2));
    ck_log_ok(&sink, belay_commit_write(&c, "w", 1));
    check_content(file, "old");
    ck_log_ok(&sink, belay_commit_finish(&c));
    check_content(file, "new"); // and not the 1000 bytes that were reserved
    belay_commit_abort(&c);
    ck_log_ok(&sink, belay_commit_begin(&c, &sink, file, 0));
    belay_commit_abort(&c);
    check_content(file, "new");
    ck_assert_uint_eq(count_files(), 1);
}
END_TEST

// Calls of one action fail one after the other; after each failure `file` holds old or new, no
// temporary file is left, and the failure is told.
static void fail_each_call(belay_status (*act)(void), int error)
{
    int64_t n;
    for (n = 0; n < 1000; n++) {
        belay_file_fail_at(-1, 0);
        ck_log_ok(&sink, belay_file_write(&sink, file, "old", 3));
        ck_log_ok(&sink, belay_file_write(&sink, other, "newer", 5));
        int64_t before = belay_file_call_count();
        belay_file_fail_at(n, error);
        belay_status status = act();
        bool reached = belay_file_call_count() - before > n;
        belay_file_fail_at(-1, 0);
        ck_assert_msg(content_is(file, "old") || content_is(file, "newer"),
                      "call %d: neither old nor new", (int) n);
        ck_assert_msg(count_files() == 2, "call %d: a temporary file is left", (int) n);
        if (status == BELAY_OK)
            ck_assert_msg(content_is(file, "newer"), "call %d: said ok", (int) n);
        else
            ck_assert_int_eq(status, BELAY_ERR_IO);
        if (!reached)
            break;
    }
    ck_assert_int_gt(n, 3);
    ck_assert_int_lt(n, 1000);
}

static belay_status write_newer(void)
{
    return belay_file_write(&sink, file, "newer", 5);
}

static belay_status publish_other(void)
{
    return belay_file_publish(&sink, other, file);
}

START_TEST(when_any_call_fails_old_or_new_stands)
{
    static const int errors[] = { ENOSPC, EIO, EDQUOT, EACCES };
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        fail_each_call(write_newer, errors[i]);
        fail_each_call(publish_other, errors[i]);
    }
    fail_each_call(publish_other, EXDEV); // links are not to be had: a copy
}
END_TEST

START_TEST(publishing_makes_the_same_file_and_again_leaves_nothing)
{
    ck_log_ok(&sink, belay_file_write(&sink, other, "best", 4));
    ck_log_ok(&sink, belay_file_publish(&sink, other, file));
    check_content(file, "best");
    ck_log_ok(&sink, belay_file_publish(&sink, other, file));
    ck_assert_uint_eq(count_files(), 2);
    // Replacing one name leaves the other.
    ck_log_ok(&sink, belay_file_write(&sink, other, "next", 4));
    check_content(file, "best");
}
END_TEST

START_TEST(a_failed_append_leaves_no_half_record)
{
    struct belay_append a;
    ck_log_ok(&sink, belay_append_open(&a, &sink, file));
    ck_log_ok(&sink, belay_append_write(&a, "one\n", 4));
    belay_file_fail_at(0, ENOSPC);
    ck_assert_int_eq(belay_append_write(&a, "two\n", 4), BELAY_ERR_IO);
    ck_assert_uint_eq(a.size, 4);
    ck_log_ok(&sink, belay_append_write(&a, "three\n", 6));
    ck_log_ok(&sink, belay_append_sync(&a));
    belay_append_close(&a);
    belay_append_close(&a);
    check_content(file, "one\nthree\n");
    ck_log_ok(&sink, belay_append_open(&a, &sink, file));
    ck_assert_uint_eq(a.size, 10);
    belay_append_close(&a);
    ck_log_ok(&sink, belay_file_truncate(&sink, file, 4));
    check_content(file, "one\n");
}
END_TEST

// The system takes two bytes of the record and refuses the rest.
START_TEST(an_append_that_was_cut_short_is_taken_back)
{
    struct belay_append a;
    struct rlimit before, small;
    ck_log_ok(&sink, belay_append_open(&a, &sink, file));
    ck_log_ok(&sink, belay_append_write(&a, "one\n", 4));
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 6;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    belay_status status = belay_append_write(&a, "two\n", 4);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    ck_assert_int_eq(status, BELAY_ERR_IO);
    belay_append_close(&a);
    check_content(file, "one\n");
}
END_TEST

START_TEST(folders_are_made_with_their_parents_and_listed_in_order)
{
    char path[400], **names;
    size_t count;
    snprintf(path, sizeof(path), "%s/a/b//", dir);
    ck_log_ok(&sink, belay_dir_create(&sink, path));
    ck_log_ok(&sink, belay_dir_create(&sink, path));
    ck_assert(belay_dir_exists(path));
    ck_log_ok(&sink, belay_file_write(&sink, file, "x", 1));
    ck_log_ok(&sink, belay_file_write(&sink, other, "x", 1));
    ck_log_ok(&sink, belay_dir_list(&sink, dir, &names, &count));
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(names[0], "a");
    ck_assert_str_eq(names[1], "file");
    ck_assert_str_eq(names[2], "other");
    belay_names_free(names, count);
    snprintf(path, sizeof(path), "%s/file/c", dir);
    ck_assert_int_eq(belay_dir_create(&sink, path), BELAY_ERR_IO);
    ck_log_ok(&sink, belay_file_remove(&sink, file));
    ck_log_ok(&sink, belay_file_remove(&sink, file));
}
END_TEST

START_TEST(paths_are_joined_with_one_slash)
{
    char *path = belay_path_join("a/", "b");
    ck_assert_str_eq(path, "a/b");
    belay_free(path);
    path = belay_path_join("a", "b");
    ck_assert_str_eq(path, "a/b");
    belay_free(path);
    path = belay_path_join("", "b");
    ck_assert_str_eq(path, "b");
    belay_free(path);
}
END_TEST

START_TEST(a_lock_keeps_others_out_until_it_is_dropped)
{
    int fd = -1, second = -1;
    ck_log_ok(&sink, belay_lock_take(&sink, file, &fd));
    ck_assert_int_eq(belay_lock_take(&sink, file, &second), BELAY_ERR_EXISTS);
    pid_t child = fork();
    if (child == 0)
        _exit(belay_lock_take(NULL, file, &second) == BELAY_ERR_EXISTS ? 0 : 1);
    int status = 1;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    belay_lock_drop(&fd);
    belay_lock_drop(&fd);
    ck_log_ok(&sink, belay_lock_take(&sink, file, &second));
    belay_lock_drop(&second);
}
END_TEST

START_TEST(short_memory_is_an_error_and_not_a_crash)
{
    belay_status status = BELAY_ERR_NOMEM;
    ck_log_ok(&sink, belay_file_write(&sink, file, "old", 3));
    for (int64_t n = 0; status != BELAY_OK && n < 100; n++) {
        belay_alloc_fail_at(n, true);
        status = belay_file_write(&sink, file, "newer", 5);
        belay_alloc_fail_at(-1, false);
        ck_assert(content_is(file, "old") || content_is(file, "newer"));
        ck_assert_uint_eq(count_files(), 1);
    }
    ck_log_ok(&sink, status);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("files");
    TCase *t = tcase_create("files");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, what_is_written_is_read);
    tcase_add_test(t, reading_what_is_no_file_names_it);
    tcase_add_test(t, until_the_commit_the_old_file_stands);
    tcase_add_test(t, when_any_call_fails_old_or_new_stands);
    tcase_add_test(t, publishing_makes_the_same_file_and_again_leaves_nothing);
    tcase_add_test(t, a_failed_append_leaves_no_half_record);
    tcase_add_test(t, an_append_that_was_cut_short_is_taken_back);
    tcase_add_test(t, folders_are_made_with_their_parents_and_listed_in_order);
    tcase_add_test(t, paths_are_joined_with_one_slash);
    tcase_add_test(t, a_lock_keeps_others_out_until_it_is_dropped);
    tcase_add_test(t, short_memory_is_an_error_and_not_a_crash);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return harness_main(suite, NULL);
}
