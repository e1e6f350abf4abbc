// Files of weights in all formats: what is written is read, states have their names, shards are
// checked against their index.
#include "harness.h"

#include <string.h>

#include <belay/file.h>

#include "base/file.h"
#include "base/mem.h"
#include "format/weights.h"
#include "scratch.h"

static belay_ctx *ctx;
static char dir[256], path[400];

static const float floats[6] = { 1, -2, 3.5f, 70000, 0.1f, -0.0f };
static const int64_t step = 12345678901;
static const int64_t dim23[] = { 2, 3 }, dim6[] = { 6 };
static const belay_file_entry model[] = {
    { .name = "fc.weight", .dtype = "F32", .rank = 2, .dim = dim23, .data = floats },
    { .name = "fc.tied", .dtype = "F32", .rank = 2, .dim = dim23, .data = floats },
};
static const belay_file_entry optimizer[] = {
    { .name = "fc.weight.exp_avg", .dtype = "F32", .rank = 1, .dim = dim6, .data = floats },
    { .name = "step", .dtype = "I64", .rank = 0, .data = &step },
    { .name = "lr", .text = "0.001" },
};
static const belay_file_entry epoch[] = { { .text = "7" } };
static const belay_file_entry note[] = { { .text = "007 \"x\"" } };
static const belay_file_state states[] = { { "model", model, 2 }, { "optimizer", optimizer, 3 },
                                           { "epoch", epoch, 1 }, { "note", note, 1 } };

static const char *at(const char *name)
{
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void save(const char *name, const belay_file_params *params)
{
    ck_ok(ctx, belay_file_save(ctx, at(name), states, 4, params));
}

static belay_file *open_file(const char *name)
{
    belay_file *file = NULL;
    ck_ok(ctx, belay_file_open(ctx, at(name), &file));
    return file;
}

static void check_tensor(const belay_file *file, const char *state, const char *name,
                         const void *data, size_t size)
{
    belay_tensor_info info;
    const char *value;
    size_t index;
    ck_assert_msg(belay_file_find(file, state, name, &index, &value), "no %s", name);
    ck_assert(index != SIZE_MAX && !value && belay_file_tensor(file, index, &info));
    ck_assert_uint_eq(info.size, size);
    ck_assert(memcmp(belay_file_bytes(file, index), data, size) == 0);
}

static void check_value(const belay_file *file, const char *state, const char *name,
                        const char *want)
{
    const char *value;
    size_t index;
    ck_assert_msg(belay_file_find(file, state, name, &index, &value), "no %s", state);
    ck_assert(index == SIZE_MAX && value);
    ck_assert_str_eq(value, want);
}

static void check_all(const char *name)
{
    belay_file *file = open_file(name);
    const char *value;
    size_t index;
    check_tensor(file, "model", "fc.weight", floats, sizeof(floats));
    check_tensor(file, "model", "fc.tied", floats, sizeof(floats));
    check_tensor(file, "optimizer", "fc.weight.exp_avg", floats, sizeof(floats));
    check_tensor(file, "optimizer", "step", &step, sizeof(step));
    check_value(file, "optimizer", "lr", "0.001");
    check_value(file, "epoch", NULL, "7");
    check_value(file, "note", NULL, "007 \"x\"");
    check_value(file, NULL, "epoch", "7");
    ck_assert(!belay_file_find(file, "model", "fc.bias", &index, &value));
    ck_assert(!belay_file_find(file, "mod", "el.fc.weight", &index, &value));
    belay_file_close(&file);
}

START_TEST(named_states_are_saved_and_found_in_each_format)
{
    save("a.safetensors", NULL);
    check_all("a.safetensors");
    save("a.pth", NULL);
    check_all("a.pth");
    const belay_file_params small = { .shard_size = 30 };
    save("a.safetensors.index.json", &small);
    check_all("a.safetensors.index.json");
    belay_file *file = open_file("a-00002-of-00004.safetensors");
    check_tensor(file, "model", "fc.weight", floats, sizeof(floats));
    belay_file_close(&file);
}
END_TEST

START_TEST(npz_keeps_tensors_and_no_values)
{
    save("a.npz", NULL);
    belay_file *file = open_file("a.npz");
    const char *value;
    size_t index;
    check_tensor(file, "model", "fc.weight", floats, sizeof(floats));
    check_tensor(file, "optimizer", "step", &step, sizeof(step));
    ck_assert(!belay_file_find(file, "epoch", NULL, &index, &value));
    belay_file_close(&file);
    const belay_file_params bf16 = { .dtype = "bf16" };
    ck_assert_int_eq(belay_file_save(ctx, at("b.npz"), states, 4, &bf16), BELAY_ERR_UNSUPPORTED);
    ck_assert(!belay_file_exists(path));
}
END_TEST

START_TEST(floating_tensors_become_another_type)
{
    const belay_file_params half = { .dtype = "f16" };
    double values[6];
    const char *value;
    size_t index;
    save("h.safetensors", &half);
    belay_file *file = open_file("h.safetensors");
    ck_assert(belay_file_find(file, "model", "fc.weight", &index, &value));
    ck_assert(belay_file_values(file, index, 0, 6, values));
    ck_assert(values[1] == -2 && values[2] == 3.5 && values[3] > 1e300);
    check_tensor(file, "optimizer", "step", &step, sizeof(step));
    belay_file_close(&file);
    const belay_file_params unknown = { .dtype = "f8" };
    ck_assert_int_eq(belay_file_save(ctx, at("h2.pth"), states, 4, &unknown), BELAY_ERR_ARG);
}
END_TEST

START_TEST(weights_alone_are_found_and_renamed)
{
    static const char *const rules[] = { "fc.*=first.*.1", "*e*=never" };
    belay_file_params params = { .weights_only = true, .rename = rules, .num_rename = 1 };
    belay_tensor_info info;
    save("w.pth", &params);
    belay_file *file = open_file("w.pth");
    check_tensor(file, NULL, "first.weight.1", floats, sizeof(floats));
    ck_assert(belay_file_tensor(file, 1, &info) && !belay_file_tensor(file, 2, &info));
    belay_file_close(&file);
    params.num_rename = 2;
    ck_assert_int_eq(belay_file_save(ctx, at("w2.pth"), states, 4, &params), BELAY_ERR_ARG);
    ck_assert_msg(strstr(belay_ctx_error(ctx), "fits no tensor"), "%s", belay_ctx_error(ctx));
    static const char *const both[] = { "fc.*=same" };
    params.rename = both;
    params.num_rename = 1;
    ck_assert_int_eq(belay_file_save(ctx, at("w2.pth"), states, 4, &params), BELAY_ERR_ARG);
    ck_assert_msg(strstr(belay_ctx_error(ctx), "two tensors"), "%s", belay_ctx_error(ctx));
}
END_TEST

START_TEST(unknown_suffixes_and_formats_are_refused)
{
    const belay_file_params params = { .format = "hdf5" };
    ck_assert_int_eq(belay_file_save(ctx, at("a.h5"), states, 4, NULL), BELAY_ERR_ARG);
    ck_assert_int_eq(belay_file_save(ctx, at("a.pth"), states, 4, &params), BELAY_ERR_ARG);
}
END_TEST

static void check_index(const char *text, const char *says)
{
    belay_file *file = NULL;
    ck_ok(ctx, belay_file_write(NULL, at("x.safetensors.index.json"), text, strlen(text)));
    ck_assert_int_eq(belay_file_open(ctx, path, &file), BELAY_ERR_DAMAGED);
    ck_assert_msg(strstr(belay_ctx_error(ctx), says), "%s: %s", text, belay_ctx_error(ctx));
}

START_TEST(an_index_must_fit_its_files_and_stay_in_its_folder)
{
    const belay_file_state one = { NULL, model, 1 };
    ck_ok(ctx, belay_file_save(ctx, at("s.safetensors"), &one, 1, NULL));
    check_index("{\"weight_map\": {\"fc.weight\": \"../s.safetensors\"}}", "outside");
    check_index("{\"weight_map\": {\"fc.weight\": \"/s.safetensors\"}}", "outside");
    check_index("{\"weight_map\": {\"fc.weight\": \"a/../../s.safetensors\"}}", "outside");
    check_index("{\"weight_map\": {\"fc.weight\": \"a\\\\s.safetensors\"}}", "outside");
    check_index("{\"weight_map\": {\"fc.weight\": \"..\"}}", "outside");
    check_index("{\"weight_map\": {\"fc.weight\": 3}}", "names no file");
    check_index("{\"weight_map\": {}}", "no weight_map");
    check_index("[]", "no weight_map");
    check_index("{\"weight_map\": {\"fc.weight\": \"s.safetensors\", \"b\": \"s.safetensors\"}}",
                "'b' is missing");
    check_index("{\"weight_map\": {\"b\": \"s.safetensors\"}}", "'b' is missing");
    check_index("{\"weight_map\": {\"a\": \"s.safetensors\", \"a\": \"s.safetensors\"}}", "");
    ck_ok(ctx, belay_file_save(ctx, at("t.safetensors"), &(belay_file_state){ NULL, model, 2 }, 1,
                               NULL));
    check_index("{\"weight_map\": {\"fc.weight\": \"t.safetensors\"}}", "'fc.tied' of its files");
    ck_ok(ctx, belay_file_save(ctx, at("u.safetensors"), &(belay_file_state){ NULL, model + 1, 1 },
                               1, NULL));
    check_index("{\"weight_map\": {\"fc.weight\": \"u.safetensors\", \"fc.tied\": "
                "\"s.safetensors\"}}", "lies in");
    check_index("{\"weight_map\": {\"fc.weight\": \"s.safetensors\", \"fc.tied\": "
                "\"t.safetensors\"}}", "in two files");
}
END_TEST

START_TEST(a_missing_shard_is_told)
{
    static const char text[] = "{\"weight_map\": {\"a\": \"none.safetensors\"}}";
    belay_file *file = NULL;
    ck_ok(ctx, belay_file_write(NULL, at("y.safetensors.index.json"), text, sizeof(text) - 1));
    ck_assert_int_ne(belay_file_open(ctx, path, &file), BELAY_OK);
    ck_assert_msg(strstr(belay_ctx_error(ctx), "none.safetensors"), "%s", belay_ctx_error(ctx));
}
END_TEST

static belay_status save_and_read(const char *name)
{
    belay_file *file = NULL;
    belay_status status = belay_file_save(ctx, at(name), states, 4, NULL);
    if (status == BELAY_OK)
        status = belay_file_open(ctx, at(name), &file);
    belay_file_close(&file);
    return status;
}

START_TEST(every_failed_allocation_is_told_and_freed)
{
    static const char *const names[] = { "m.safetensors", "m.pth", "m.npz",
                                         "m.safetensors.index.json" };
    for (int i = 0; i < 4; i++) {
        belay_status status = BELAY_ERR_NOMEM;
        for (int64_t n = 0; status == BELAY_ERR_NOMEM; n++) {
            ck_assert_int_lt(n, 2000);
            belay_alloc_fail_at(n, false);
            status = save_and_read(names[i]);
            belay_alloc_fail_at(-1, false);
        }
        ck_assert_msg(status == BELAY_OK, "%s: %s", names[i], belay_ctx_error(ctx));
    }
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { named_states_are_saved_and_found_in_each_format,
                                   npz_keeps_tensors_and_no_values,
                                   floating_tensors_become_another_type,
                                   weights_alone_are_found_and_renamed,
                                   unknown_suffixes_and_formats_are_refused,
                                   an_index_must_fit_its_files_and_stay_in_its_folder,
                                   a_missing_shard_is_told,
                                   every_failed_allocation_is_told_and_freed };
    return harness_suite("weights", tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    const belay_ctx_params params = { .device = "host" };
    snprintf(dir, sizeof(dir), "%s", scratch_dir("weights"));
    if (belay_ctx_create(&params, &ctx) != BELAY_OK)
        return 1;
    int result = harness_main(suite, NULL);
    belay_ctx_destroy(&ctx);
    scratch_remove(dir);
    return result;
}
