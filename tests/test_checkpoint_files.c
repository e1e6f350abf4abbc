#include "train/checkpoint.h"

#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "harness.h"

static char dir[64];
static struct belay_log logger;
static struct belay_run_paths paths;

static void set_up(void)
{
    memset(&logger, 0, sizeof(logger));
    strcpy(dir, "/tmp/belay-checkpoints-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_log_ok(&logger, belay_run_paths_init(&logger, dir, &paths));
    ck_log_ok(&logger, belay_dir_create(&logger, paths.checkpoints));
}

static void tear_down(void)
{
    char **names = NULL;
    size_t count = 0;
    ck_log_ok(&logger, belay_dir_list(&logger, paths.checkpoints, &names, &count));
    for (size_t i = 0; i < count; i++) {
        char *path = belay_path_join(paths.checkpoints, names[i]);
        ck_log_ok(&logger, belay_file_remove(&logger, path));
        belay_free(path);
    }
    belay_names_free(names, count);
    rmdir(paths.checkpoints);
    rmdir(dir);
    belay_run_paths_finish(&paths);
}

static void save(const char *kind, uint64_t step)
{
    float data[4] = { (float) step, 1, 2, 3 };
    struct belay_st_item item = { "fc1.weight", BELAY_F32, { 1, { 4 } }, data };
    char *path = belay_checkpoint_path(&paths, kind, step);
    ck_log_ok(&logger, belay_st_write(&logger, path, &item, 1, NULL, 0, true, NULL));
    belay_free(path);
}

static void touch(const char *name, const char *text)
{
    char *path = belay_path_join(paths.checkpoints, name);
    ck_log_ok(&logger, belay_file_write(&logger, path, text, strlen(text)));
    belay_free(path);
}

static void damage(uint64_t step, bool truncate)
{
    char *path = belay_checkpoint_path(&paths, "step", step), *data;
    size_t size;
    ck_log_ok(&logger, belay_file_read(&logger, path, 0, &data, &size));
    data[size - 3] ^= 0x10;
    ck_log_ok(&logger, belay_file_write(&logger, path, data, truncate ? size / 2 : size));
    belay_free(data);
    belay_free(path);
}

static bool has(const char *name)
{
    char *path = belay_path_join(paths.checkpoints, name);
    bool there = belay_file_exists(path);
    belay_free(path);
    return there;
}

static void assert_steps(const char *kind, const uint64_t *want, size_t num)
{
    uint64_t *steps = NULL;
    size_t count = 0;
    ck_log_ok(&logger, belay_checkpoint_steps(&logger, &paths, kind, &steps, &count));
    ck_assert_uint_eq(count, num);
    for (size_t i = 0; i < num; i++)
        ck_assert_uint_eq(steps[i], want[i]);
    belay_free(steps);
}

#define STEPS(kind, ...) \
    assert_steps(kind, (uint64_t[]){ __VA_ARGS__ }, sizeof((uint64_t[]){ __VA_ARGS__ }) / 8)

START_TEST(names_have_eight_digits_or_more)
{
    char *path = belay_checkpoint_path(&paths, "step", 4220);
    ck_assert_str_eq(strrchr(path, '/'), "/step-00004220.safetensors");
    belay_free(path);
    path = belay_checkpoint_path(&paths, "best", 12345678901);
    ck_assert_str_eq(strrchr(path, '/'), "/best-12345678901.safetensors");
    belay_free(path);
}
END_TEST

START_TEST(steps_are_listed_ascending_and_foreign_names_are_not)
{
    save("step", 30);
    save("step", 4);
    save("step", 12345678901);
    save("best", 7);
    touch("step-5.safetensors", "x");
    touch("step-00000006.safetensors.tmp", "x");
    touch("step-00000008", "x");
    touch("step-000000009.safetensors", "x"); // a ninth digit that is 0
    touch("step-99999999999999999999.safetensors", "x");
    touch("mine-00000009.safetensors", "x");
    STEPS("step", 4, 30, 12345678901);
    STEPS("best", 7);
}
END_TEST

START_TEST(a_run_without_a_folder_has_no_checkpoints)
{
    struct belay_run_paths none;
    struct belay_st st = { 0 };
    uint64_t step = 0;
    bool found = true;
    ck_log_ok(&logger, belay_run_paths_init(&logger, "/tmp/belay-there-is-none", &none));
    ck_log_ok(&logger, belay_checkpoint_newest(&logger, &none, &st, &step, &found));
    ck_assert(!found);
    belay_run_paths_finish(&none);
}
END_TEST

static uint64_t newest(belay_status want, bool want_found)
{
    struct belay_st st = { 0 };
    uint64_t step = 0;
    bool found = !want_found;
    ck_status_is(&logger, belay_checkpoint_newest(&logger, &paths, &st, &step, &found), want);
    ck_assert_int_eq(found, want_found);
    if (found) {
        float first;
        memcpy(&first, belay_st_find(&st, "fc1.weight")->data, sizeof(first));
        ck_assert_float_eq(first, (float) step);
    }
    belay_st_finish(&st);
    return step;
}

START_TEST(the_newest_valid_checkpoint_is_taken)
{
    newest(BELAY_OK, false);
    save("step", 10);
    save("step", 20);
    save("step", 30);
    ck_assert_uint_eq(newest(BELAY_OK, true), 30);
    damage(30, true);
    ck_assert_uint_eq(newest(BELAY_OK, true), 20);
    damage(20, false); // one bit
    ck_assert_uint_eq(newest(BELAY_OK, true), 10);
    damage(10, false);
    newest(BELAY_ERR_DAMAGED, false);
}
END_TEST

START_TEST(a_file_without_digest_is_no_checkpoint)
{
    float data[4] = { 40 };
    struct belay_st_item item = { "fc1.weight", BELAY_F32, { 1, { 4 } }, data };
    char *path = belay_checkpoint_path(&paths, "step", 40);
    ck_log_ok(&logger, belay_st_write(&logger, path, &item, 1, NULL, 0, false, NULL));
    belay_free(path);
    newest(BELAY_ERR_DAMAGED, false);
}
END_TEST

START_TEST(steps_after_the_one_a_run_goes_on_from_are_set_aside)
{
    save("step", 10);
    save("step", 20);
    save("best", 10);
    save("best", 15);
    damage(20, true);
    ck_log_ok(&logger, belay_checkpoint_set_aside(&logger, &paths, 10, ".undone", true));
    STEPS("step", 10);
    STEPS("best", 10);
    ck_assert(has("step-00000020.safetensors.undone") && has("best-00000015.safetensors.undone"));
}
END_TEST

START_TEST(temporary_files_of_dead_processes_are_swept_away_and_no_others)
{
    static const char *const ours[] = { "step-00000010.safetensors.tmp-12-3",
                                        "best-00000010.safetensors.tmp-1-0" };
    static const char *const foreign[] = { "step-00000010.safetensors.tmp-12-", "a.tmp-1-2",
                                           "step-00000010.safetensors.tmp-12-3.bak",
                                           "mine.safetensors.tmp-1-2" };
    save("step", 10);
    for (size_t i = 0; i < 2; i++)
        touch(ours[i], "half");
    for (size_t i = 0; i < 4; i++)
        touch(foreign[i], "mine");
    ck_log_ok(&logger, belay_checkpoint_sweep(&logger, &paths));
    ck_assert(!has(ours[0]) && !has(ours[1]));
    for (size_t i = 0; i < 4; i++)
        ck_assert(has(foreign[i]));
    STEPS("step", 10);
}
END_TEST

START_TEST(short_memory_is_an_error_and_not_a_reason_to_go_back)
{
    save("step", 10);
    save("step", 20);
    bool whole = false;
    for (int64_t n = 0; !whole && n < 1000; n++) {
        struct belay_st st = { 0 };
        uint64_t step = 0;
        bool found = false;
        belay_alloc_fail_at(n, false);
        belay_status status = belay_checkpoint_newest(&logger, &paths, &st, &step, &found);
        belay_alloc_fail_at(-1, false);
        whole = status == BELAY_OK;
        ck_assert_msg(whole || status == BELAY_ERR_NOMEM, "allocation %lld: %s", (long long) n,
                      belay_status_name(status));
        ck_assert(!whole || step == 20);
        belay_st_finish(&st);
    }
    ck_assert(whole);
}
END_TEST

static Suite *suite_checkpoint_files(void)
{
    Suite *suite = suite_create("checkpoint files");
    TCase *t = tcase_create("files");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, names_have_eight_digits_or_more);
    tcase_add_test(t, steps_are_listed_ascending_and_foreign_names_are_not);
    tcase_add_test(t, a_run_without_a_folder_has_no_checkpoints);
    tcase_add_test(t, the_newest_valid_checkpoint_is_taken);
    tcase_add_test(t, a_file_without_digest_is_no_checkpoint);
    tcase_add_test(t, steps_after_the_one_a_run_goes_on_from_are_set_aside);
    tcase_add_test(t, temporary_files_of_dead_processes_are_swept_away_and_no_others);
    tcase_add_test(t, short_memory_is_an_error_and_not_a_reason_to_go_back);
    suite_add_tcase(suite, t);
    return suite;
}

int main(void)
{
    return harness_main(suite_checkpoint_files, NULL);
}
