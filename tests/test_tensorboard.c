// TensorBoard's event files: framing, check sums and messages read back by a small decoder here.
#include "harness.h"

#include <belay/belay.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "device/context.h"
#include "format/tfevents.h"
#include "scratch.h"

static belay_ctx *ctx;
static const char *folder;

// ---- a decoder ----

struct bytes {
    const uint8_t *at, *end;
};

static uint64_t take_int(struct bytes *b, int size)
{
    uint64_t v = 0;
    ck_assert(b->end - b->at >= size);
    for (int i = 0; i < size; i++)
        v |= (uint64_t) *b->at++ << (8 * i);
    return v;
}

static uint64_t take_varint(struct bytes *b)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        uint8_t byte = (uint8_t) take_int(b, 1);
        v |= (uint64_t) (byte & 0x7F) << shift;
        if (byte < 0x80)
            return v;
    }
    ck_abort_msg("a varint without an end");
    return 0;
}

struct field {
    unsigned number, wire;
    uint64_t bits;       // varint, fixed
    struct bytes inside; // length-delimited
};

static bool take_field(struct bytes *b, struct field *f)
{
    if (b->at == b->end)
        return false;
    uint64_t tag = take_varint(b);
    *f = (struct field){ .number = (unsigned) (tag >> 3), .wire = (unsigned) (tag & 7) };
    if (f->wire == 0) {
        f->bits = take_varint(b);
    } else if (f->wire == 1 || f->wire == 5) {
        f->bits = take_int(b, f->wire == 1 ? 8 : 4);
    } else {
        ck_assert_uint_eq(f->wire, 2);
        uint64_t size = take_varint(b);
        ck_assert_uint_le(size, (uint64_t) (b->end - b->at));
        f->inside = (struct bytes){ b->at, b->at + size };
        b->at += size;
    }
    return true;
}

// The field with that number in a message; false: none.
static bool find(struct bytes message, unsigned number, struct field *f)
{
    while (take_field(&message, f))
        if (f->number == number)
            return true;
    return false;
}

static bool text_is(struct bytes b, const char *text)
{
    return (size_t) (b.end - b.at) == strlen(text) && memcmp(b.at, text, strlen(text)) == 0;
}

static uint32_t mask(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + 0xA282EAD8;
}

// The next record with both check sums verified.
static bool take_event(struct bytes *file, struct bytes *event)
{
    if (file->at == file->end)
        return false;
    const uint8_t *start = file->at;
    uint64_t size = take_int(file, 8);
    ck_assert_uint_eq(take_int(file, 4), mask(belay_crc32c(start, 8)));
    ck_assert_uint_le(size, (uint64_t) (file->end - file->at));
    *event = (struct bytes){ file->at, file->at + size };
    file->at += size;
    ck_assert_uint_eq(take_int(file, 4), mask(belay_crc32c(event->at, size)));
    return true;
}

// The value of `tag` among the file's summaries at `step`.
static bool find_value(struct bytes file, uint64_t step, const char *tag, struct bytes *value)
{
    struct bytes event;
    struct field f, v, name;
    while (take_event(&file, &event)) {
        if (!find(event, 2, &f) || f.bits != step || !find(event, 5, &f))
            continue;
        while (take_field(&f.inside, &v)) {
            if (find(v.inside, 1, &name) && text_is(name.inside, tag)) {
                *value = v.inside;
                return true;
            }
        }
    }
    return false;
}

static double scalar_at(struct bytes file, uint64_t step, const char *tag)
{
    struct bytes value;
    struct field f;
    float x;
    ck_assert_msg(find_value(file, step, tag, &value), "no %s at step %d", tag, (int) step);
    ck_assert(find(value, 2, &f) && f.wire == 5);
    uint32_t bits = (uint32_t) f.bits;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static double double_of(struct bytes message, unsigned number)
{
    struct field f;
    double x;
    ck_assert(find(message, number, &f) && f.wire == 1);
    memcpy(&x, &f.bits, sizeof(x));
    return x;
}

static struct bytes read_file(const char *path, char **data)
{
    size_t size;
    ck_log_ok(&ctx->log, belay_file_read(&ctx->log, path, 0, data, &size));
    return (struct bytes){ (const uint8_t *) *data, (const uint8_t *) *data + size };
}

// ---- the format ----

START_TEST(the_check_sum_is_castagnolis)
{
    static const uint8_t zeros[32];
    ck_assert_uint_eq(belay_crc32c("123456789", 9), 0xE3069283);
    ck_assert_uint_eq(belay_crc32c(zeros, 32), 0x8A9136AA); // RFC 3720 B.4
}
END_TEST

static struct bytes write_one(const char *name, char **data)
{
    static const float x[] = { -2, -1, 0, 0.5f, 3, NAN };
    static const struct belay_tfevents_hparam params[] = { { "lr", "0.5" }, { "name", "adam" },
                                                           { "on", "true" } };
    char path[512];
    struct belay_tfevents e;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    ck_log_ok(&ctx->log, belay_tfevents_open(&e, &ctx->log, path, 1.5, -1));
    belay_tfevents_scalar(&e, "loss", 0.25);
    belay_tfevents_histogram(&e, "w", x, 6);
    belay_tfevents_text(&e, "recipe", "a: 1");
    belay_tfevents_hparams(&e, 1.5, params, 3);
    ck_log_ok(&ctx->log, belay_tfevents_flush(&e, 2.5, 300));
    belay_tfevents_close(&e);
    return read_file(path, data);
}

START_TEST(a_file_begins_with_its_version_and_keeps_the_values)
{
    char *data;
    struct bytes file = write_one("one", &data), rest = file, event, value;
    struct field f;
    ck_assert(take_event(&rest, &event) && find(event, 3, &f));
    ck_assert(text_is(f.inside, "brain.Event:2"));
    ck_assert_double_eq(scalar_at(file, 300, "loss"), 0.25);
    ck_assert(take_event(&rest, &event));
    ck_assert_double_eq(double_of(event, 1), 2.5);
    ck_assert(find_value(file, 300, "recipe", &value) && find(value, 8, &f));
    ck_assert(find(f.inside, 8, &f) && text_is(f.inside, "a: 1"));
    belay_free(data);
}
END_TEST

START_TEST(a_histogram_counts_every_finite_value_once)
{
    char *data;
    struct bytes file = write_one("two", &data), value, limits, counts;
    struct field f;
    double sum = 0, before = -INFINITY, limit, count;
    ck_assert(find_value(file, 300, "w", &value) && find(value, 5, &f));
    struct bytes h = f.inside;
    ck_assert_double_eq(double_of(h, 1), -2);
    ck_assert_double_eq(double_of(h, 2), 3);
    ck_assert_double_eq(double_of(h, 3), 5);
    ck_assert_double_eq(double_of(h, 4), 0.5);
    ck_assert_double_eq(double_of(h, 5), 14.25);
    ck_assert(find(h, 6, &f));
    limits = f.inside;
    ck_assert(find(h, 7, &f));
    counts = f.inside;
    ck_assert(limits.end - limits.at == counts.end - counts.at);
    while (limits.at < limits.end) {
        uint64_t bits = take_int(&limits, 8);
        memcpy(&limit, &bits, 8);
        bits = take_int(&counts, 8);
        memcpy(&count, &bits, 8);
        // The values -2, -1, 0, 0.5, 3 that lie in [before, limit).
        int want = (-2 >= before && -2 < limit) + (-1 >= before && -1 < limit) +
                   (0 >= before && 0 < limit) + (0.5 >= before && 0.5 < limit) +
                   (3 >= before && 3 < limit);
        ck_assert_double_eq(count, want);
        sum += count;
        before = limit;
    }
    ck_assert_double_eq(sum, 5);
    belay_free(data);
}
END_TEST

START_TEST(settings_keep_their_types)
{
    char *data;
    struct bytes file = write_one("three", &data), value;
    struct field f, entry, name, v;
    int found = 0;
    ck_assert(find_value(file, 300, "_hparams_/session_start_info", &value) && find(value, 9, &f));
    ck_assert(find(f.inside, 1, &f) && find(f.inside, 1, &name) && text_is(name.inside, "hparams"));
    ck_assert(find(f.inside, 2, &f) && find(f.inside, 3, &f));
    struct bytes info = f.inside;
    while (take_field(&info, &entry)) {
        if (entry.number != 1)
            continue;
        ck_assert(find(entry.inside, 1, &name) && find(entry.inside, 2, &v));
        if (text_is(name.inside, "lr"))
            found += double_of(v.inside, 2) == 0.5;
        else if (text_is(name.inside, "name"))
            found += find(v.inside, 3, &f) && text_is(f.inside, "adam");
        else
            found += find(v.inside, 4, &f) && f.bits == 1;
    }
    ck_assert_int_eq(found, 3);
    belay_free(data);
}
END_TEST

START_TEST(a_file_of_a_run_that_goes_on_forgets_later_points)
{
    char path[512], *data;
    struct belay_tfevents e;
    struct bytes event;
    struct field f;
    snprintf(path, sizeof(path), "%s/restart", folder);
    ck_log_ok(&ctx->log, belay_tfevents_open(&e, &ctx->log, path, 1, 77));
    belay_tfevents_close(&e);
    struct bytes file = read_file(path, &data);
    ck_assert(take_event(&file, &event) && take_event(&file, &event));
    ck_assert(find(event, 2, &f) && f.bits == 77);
    ck_assert(find(event, 7, &f) && find(f.inside, 1, &f) && f.bits == 1);
    belay_free(data);
}
END_TEST

// ---- a run ----

static void train(const char *dir, const char *epochs, bool resume)
{
    char set_dir[600];
    snprintf(set_dir, sizeof(set_dir), "run.dir=%s", dir);
    const char *overrides[] = { set_dir, epochs };
    static const char text[] =
        "model: {input: [2], layers: [{linear: 8, name: fc}, relu, {linear: 2}]}\n"
        "data: {format: spirals, count: 200}\nsplit: {validation: 0.2}\nloss: cross_entropy\n"
        "metrics: [accuracy]\noptimizer: {name: sgd, lr: 0.125}\n"
        "train: {epochs: 2, batch: 40}\nrun: {tensorboard: true}\n";
    belay_recipe *r = NULL;
    belay_trainer *t;
    belay_result end;
    ck_ok(ctx, belay_recipe_parse(ctx, text, "recipe", overrides, 2, &r));
    const belay_trainer_params p = { .recipe = r };
    if (resume)
        ck_ok(ctx, belay_trainer_resume(ctx, dir, &epochs, 1, NULL, &t));
    else
        ck_ok(ctx, belay_trainer_create(ctx, &p, &t));
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &end));
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&r);
}

static struct bytes part_file(const char *dir, const char *part, size_t index, size_t want,
                              char **data)
{
    char path[512], file[1024], **names;
    size_t count;
    snprintf(path, sizeof(path), "%s/tensorboard%s", dir, part);
    ck_log_ok(&ctx->log, belay_dir_list(&ctx->log, path, &names, &count));
    ck_assert_uint_eq(count, want);
    ck_assert_ptr_nonnull(strstr(names[index], "events.out.tfevents."));
    snprintf(file, sizeof(file), "%s/%s", path, names[index]);
    belay_names_free(names, count);
    return read_file(file, data);
}

START_TEST(a_run_shows_losses_metrics_weights_and_recipe)
{
    char dir[512], *data;
    struct bytes value;
    snprintf(dir, sizeof(dir), "%s/run", folder);
    train(dir, "train.epochs=2", false);
    struct bytes file = part_file(dir, "", 0, 3, &data); // and the folders train and validation
    ck_assert(find_value(file, 0, "recipe", &value));
    ck_assert(find_value(file, 0, "_hparams_/session_start_info", &value));
    belay_free(data);
    file = part_file(dir, "/train", 0, 1, &data);
    ck_assert(scalar_at(file, 8, "loss") > 0 && scalar_at(file, 4, "loss") > 0);
    ck_assert_double_eq(scalar_at(file, 8, "lr"), 0.125);
    ck_assert(scalar_at(file, 8, "grad_norm") > 0);
    ck_assert(find_value(file, 8, "weights/fc.weight", &value));
    belay_free(data);
    file = part_file(dir, "/validation", 0, 1, &data);
    ck_assert(scalar_at(file, 4, "loss") > 0);
    double accuracy = scalar_at(file, 8, "accuracy");
    ck_assert(accuracy >= 0 && accuracy <= 1);
    belay_free(data);
    // A process that goes on writes files of its own, from the step after its checkpoint.
    train(dir, "train.epochs=3", true);
    file = part_file(dir, "/train", 1, 2, &data);
    ck_assert(scalar_at(file, 12, "loss") > 0);
    ck_assert(!find_value(file, 8, "loss", &value));
    belay_free(data);
}
END_TEST

static Suite *suite_tensorboard(void)
{
    const TTest *const tests[] = {
        the_check_sum_is_castagnolis,
        a_file_begins_with_its_version_and_keeps_the_values,
        a_histogram_counts_every_finite_value_once,
        settings_keep_their_types,
        a_file_of_a_run_that_goes_on_forgets_later_points,
        a_run_shows_losses_metrics_weights_and_recipe,
    };
    return harness_suite("tensorboard", tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    folder = scratch_dir("tensorboard");
    if (belay_ctx_create(NULL, &ctx) != BELAY_OK)
        return EXIT_FAILURE;
    int code = harness_main(suite_tensorboard, NULL);
    belay_ctx_destroy(&ctx);
    scratch_remove(folder);
    return code;
}
