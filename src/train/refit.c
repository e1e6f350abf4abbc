// Once more on training and validation data together: no validation is left, so the length comes from the
// run, and a schedule that looked at checks is replaced by what it did.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "device/context.h"
#include "format/json.h"
#include "train/recipe_inner.h"
#include "train/trainer_internal.h"

#define MAX_DROPS 8
#define MAX_SET 12

struct refit {
    struct belay_log *log;
    const char *dir;
    belay_recipe *recipe; // of the run
    uint64_t best_step;
    double steps_per_epoch;
    uint64_t drops[MAX_DROPS]; // checks after which the rate fell, before the best
    int num_drops;
    bool too_many;
    struct belay_str set[MAX_SET];
    int num_set;
};

static belay_status read_text(struct refit *f, const char *name, char **text, size_t *size)
{
    char *path = belay_path_join(f->dir, name);
    if (!path)
        return belay_fail_nomem(f->log, 1);
    belay_status status = belay_file_exists(path)
                              ? belay_file_read(f->log, path, 0, text, size)
                              : belay_fail(f->log, BELAY_ERR_IO,
                                           "%s has no %s: refit needs a run that has ended", f->dir, name);
    belay_free(path);
    return status;
}

static belay_status read_result(struct refit *f)
{
    struct belay_json_doc doc = { 0 };
    char *text = NULL;
    size_t size;
    BELAY_TRY(read_text(f, "result.json", &text, &size));
    belay_status status = belay_json_parse(f->log, "result.json", text, size, &doc);
    if (status == BELAY_OK) {
        double step = belay_json_number_or(doc.root, "step", NAN);
        double epoch = belay_json_number_or(doc.root, "epoch", NAN);
        double best = belay_json_number_or(doc.root, "best_step", NAN);
        if (best >= 1 && step >= best && epoch > 0) {
            f->best_step = (uint64_t) best;
            f->steps_per_epoch = floor(step / epoch + 0.5);
        } else {
            status = belay_fail(f->log, BELAY_ERR_DATA, "%s: the run has no best", f->dir);
        }
    }
    belay_json_finish(&doc);
    belay_free(text);
    return status;
}

// A line tells the rate before its check: a fall between two lines was decided at the first.
static void note_rate(struct refit *f, const struct belay_json *root, double *rate, uint64_t *step)
{
    double now = belay_json_number_or(root, "lr", NAN);
    if (now < *rate && *step <= f->best_step) {
        if (f->num_drops < MAX_DROPS)
            f->drops[f->num_drops++] = *step;
        else
            f->too_many = true;
    }
    *rate = now;
    *step = belay_json_int_or(root, "step", 0);
}

static belay_status read_drops(struct refit *f)
{
    char *text = NULL;
    size_t size;
    double rate = NAN;
    uint64_t step = 0;
    belay_status status = BELAY_OK;
    BELAY_TRY(read_text(f, "metrics.jsonl", &text, &size));
    for (char *line = text, *stop; status == BELAY_OK && line < text + size; line = stop + 1) {
        struct belay_json_doc doc = { 0 };
        stop = memchr(line, '\n', (size_t) (text + size - line));
        if (!stop)
            break;
        status = belay_json_parse(f->log, "metrics.jsonl", line, (size_t) (stop - line), &doc);
        if (status == BELAY_OK && step <= f->best_step)
            note_rate(f, doc.root, &rate, &step);
        belay_json_finish(&doc);
    }
    belay_free(text);
    return status;
}

static struct belay_str *add(struct refit *f)
{
    return &f->set[f->num_set++];
}

static uint64_t warmup_steps(const struct refit *f)
{
    const struct belay_length *l = &f->recipe->warmup;
    return l->value > 0 ? belay_length_steps(l, (uint64_t) f->steps_per_epoch) : 0;
}

static int option_index(const struct belay_schedule *s, const char *name)
{
    for (int i = 0; i < BELAY_MAX_OPTIONS && s->options[i].name; i++)
        if (strcmp(s->options[i].name, name) == 0)
            return i;
    return -1;
}

// plateau as the steps at which it fell.
static belay_status freeze_plateau(struct refit *f)
{
    int factor = option_index(f->recipe->schedule, "factor");
    uint64_t warmup = warmup_steps(f);
    BELAY_TRY(read_drops(f));
    if (f->too_many || factor < 0)
        return belay_fail(f->log, BELAY_ERR_UNSUPPORTED,
                          "refit: the plateau schedule fell more than %d times before the best; set "
                          "another schedule", MAX_DROPS);
    struct belay_str *s = add(f);
    belay_str_addf(s, "schedule={name: multistep, gamma: %.17g, warmup: %llu steps",
                   f->recipe->schedule_options[factor], (unsigned long long) warmup);
    for (int i = 0; i < f->num_drops; i++)
        belay_str_addf(s, ", at%d: %llu steps", i + 1,
                       (unsigned long long) (f->drops[i] > warmup ? f->drops[i] - warmup : 1));
    belay_str_add(s, "}");
    return BELAY_OK;
}

// The same for the parts of a schedule.
static void keep_parts(struct refit *f, double limit)
{
    struct belay_recipe *r = f->recipe;
    for (int i = 0; i < r->parts.num; i++) {
        int over = option_index(r->parts.part[i].schedule, "over");
        uint64_t start = 0, epoch = (uint64_t) f->steps_per_epoch;
        bool next = i + 1 < r->parts.num && r->schedule->starts;
        if (over < 0 || r->parts.part[i].options[over] != 0)
            continue;
        if (i > 0 && r->schedule->starts)
            start = belay_length_steps(&r->part_at[i], epoch);
        double end = next ? (double) belay_length_steps(&r->part_at[i + 1], epoch) : limit;
        if (isfinite(end) && end - (double) start >= 1)
            r->parts.part[i].options[over] = end - (double) start;
    }
    struct belay_str *s = add(f);
    belay_str_add(s, "schedule=");
    belay_schedule_text(s, r);
}

// Lengths of the whole run stay those of the run that is repeated.
static belay_status keep_schedule(struct refit *f)
{
    const struct belay_recipe *r = f->recipe;
    int over = option_index(r->schedule, "over");
    if (r->schedule->check)
        return freeze_plateau(f);
    if (!r->parts.num && (over < 0 || r->schedule_options[over] != 0))
        return BELAY_OK;
    double limit = r->epochs.value > 0 ? r->epochs.value * f->steps_per_epoch : INFINITY;
    if (r->steps.value > 0)
        limit = fmin(limit, r->steps.value);
    limit -= (double) warmup_steps(f);
    if (r->parts.num)
        keep_parts(f, limit);
    else if (isfinite(limit) && limit >= 1)
        belay_str_addf(add(f), "schedule.over=%.0fsteps", limit);
    return BELAY_OK;
}

static belay_status make_set(struct refit *f)
{
    char steps[32];
    snprintf(steps, sizeof(steps), "%llu", (unsigned long long) f->best_step);
    belay_str_add(add(f), "split.validation=0");
    belay_str_addf(add(f), "train.steps=%s", steps);
    belay_str_add(add(f), "train.epochs=off");
    belay_str_add(add(f), "train.time=off");
    // One check, at the end: the last weights are the model.
    belay_str_addf(add(f), "check.every=%s steps", steps);
    belay_str_add(add(f), "stop={monitor: train.loss, patience: off}");
    belay_str_add(add(f), "checkpoint.best=[]");
    belay_str_add(add(f), "run.if_exists=fail");
    belay_str_add(add(f), "run.dir=");
    struct belay_str dir = { 0 };
    size_t length = strlen(f->dir);
    while (length > 1 && f->dir[length - 1] == '/')
        length--;
    belay_str_add_bytes(&dir, f->dir, length);
    belay_str_add(&dir, "-refit");
    belay_str_add_json(&f->set[f->num_set - 1], dir.text ? dir.text : "");
    belay_str_free(&dir);
    return keep_schedule(f);
}

static belay_status create(struct refit *f, belay_ctx *ctx, const char *const *overrides, size_t num,
                           belay_trainer **out)
{
    belay_recipe *recipe = NULL;
    const char **all = belay_alloc_array(num + MAX_SET, sizeof(*all));
    belay_status status = all ? BELAY_OK : belay_fail_nomem(f->log, num * sizeof(*all));
    for (int i = 0; i < f->num_set && status == BELAY_OK; i++) {
        all[i] = f->set[i].text;
        if (f->set[i].failed)
            status = belay_fail_nomem(f->log, 64);
    }
    for (size_t i = 0; i < num && status == BELAY_OK; i++)
        all[(size_t) f->num_set + i] = overrides[i];
    if (status == BELAY_OK)
        status = belay_recipe_parse(ctx, f->recipe->text, f->recipe->name, all,
                                    (size_t) f->num_set + num, &recipe);
    if (status == BELAY_OK) {
        const belay_trainer_params params = { .recipe = recipe };
        status = belay_trainer_create(ctx, &params, out);
    }
    belay_recipe_destroy(&recipe);
    belay_free(all);
    return status;
}

belay_status belay_refit(belay_ctx *ctx, const char *run_dir, const char *const *overrides,
                         size_t num, belay_trainer **out)
{
    struct refit f = { .log = &ctx->log, .dir = run_dir };
    char *resolved = belay_path_join(run_dir, "resolved.yaml");
    belay_status status;
    *out = NULL;
    if (!resolved || !belay_file_exists(resolved)) {
        status = resolved ? belay_fail(f.log, BELAY_ERR_IO,
                                       "'%s' is no run folder: it has no resolved.yaml", run_dir)
                          : belay_fail_nomem(f.log, 1);
        goto done;
    }
    BELAY_TRY_DONE(belay_recipe_load(ctx, resolved, NULL, 0, &f.recipe));
    BELAY_TRY_DONE(read_result(&f));
    BELAY_TRY_DONE(make_set(&f));
    status = create(&f, ctx, overrides, num, out);
done:
    for (int i = 0; i < MAX_SET; i++)
        belay_str_free(&f.set[i]);
    belay_recipe_destroy(&f.recipe);
    belay_free(resolved);
    return status;
}
