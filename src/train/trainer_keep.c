// Which files of the run folder stay: the list of them, and what goes with the next checkpoint.
#include <math.h>
#include <string.h>

#include "format/json.h"
#include "train/trainer_saver.h"

#define MAX_RULES 3

// ---- the list ----

static struct run_file *add_file(struct belay_trainer *t, const struct run_file *file)
{
    struct belay_saver *v = t->saver;
    void *items = v->files;
    if (!belay_grow(&items, v->num_files, &v->room, sizeof(*v->files)))
        return NULL;
    v->files = items;
    v->files[v->num_files] = *file;
    return &v->files[v->num_files++];
}

belay_status belay_keep_best(struct belay_trainer *t, uint64_t step)
{
    struct belay_saver *v = t->saver;
    void *items = v->bests;
    if (v->num_bests && v->bests[v->num_bests - 1].step == step)
        return BELAY_OK;
    if (!belay_grow(&items, v->num_bests, &v->best_room, sizeof(*v->bests)))
        return belay_fail_nomem(t->log, v->best_room * sizeof(*v->bests));
    v->bests = items;
    v->bests[v->num_bests++] = (struct best_file){ .step = step };
    return BELAY_OK;
}

void belay_keep_finish(struct belay_saver *saver)
{
    belay_free(saver->files);
    belay_free(saver->bests);
}

static void add_ref(struct run_file *f, uint64_t step)
{
    if (f->num_refs < MAX_REFS)
        f->refs[f->num_refs++] = step;
}

// What a checkpoint of this state is, to the rules.
static void describe(const struct belay_trainer *t, const struct train_state *s,
                     struct run_file *f)
{
    bool checked = s->monitor.last_step == s->step;
    *f = (struct run_file){ .file = { .step = s->step, .seconds = belay_trainer_seconds(t),
                                      .value = checked ? s->monitor.last : NAN, .valid = true } };
    for (int i = 0; i < s->num_bests; i++)
        add_ref(f, s->bests[i].step);
    for (int i = 0; i < t->recipe->num_best_of; i++)
        if (!isnan(s->best_of[i].value))
            add_ref(f, s->best_of[i].step);
}

// ---- what is there when a process begins ----

static void read_refs(const struct belay_json *state, struct run_file *f)
{
    const struct belay_json *bests = belay_json_get(state, "bests");
    const struct belay_json *monitor = belay_json_get(state, "monitor");
    for (bests = bests ? bests->first : NULL; bests; bests = bests->next)
        add_ref(f, belay_json_int_or(bests, "step", UINT64_MAX));
    const struct belay_json *of = belay_json_get(state, "best_of");
    for (of = of ? of->first : NULL; of; of = of->next)
        if (!isnan(belay_json_number_or(of, "value", NAN)))
            add_ref(f, belay_json_int_or(of, "step", UINT64_MAX));
    if (monitor && belay_json_int_or(monitor, "last_step", UINT64_MAX) == f->file.step)
        f->file.value = belay_json_number_or(monitor, "last", NAN);
}

// A file whose head cannot be read is not valid; it is not an error here.
static belay_status scan_file(struct belay_trainer *t, uint64_t step)
{
    struct belay_log quiet = { 0 };
    struct belay_json_doc doc = { 0 };
    struct run_file f = { .file = { .step = step, .value = NAN } };
    char *path = belay_checkpoint_path(&t->paths, "step", step), *state = NULL;
    if (!path)
        return belay_fail_nomem(t->log, 1);
    f.file.valid = belay_file_size(&quiet, path, &f.file.bytes) == BELAY_OK &&
                   belay_checkpoint_state(&quiet, path, &state) == BELAY_OK &&
                   belay_json_parse(&quiet, path, state, strlen(state), &doc) == BELAY_OK;
    if (f.file.valid)
        read_refs(doc.root, &f);
    f.file.pinned = step == t->saver->resumed;
    belay_json_finish(&doc);
    belay_free(state);
    belay_free(path);
    return add_file(t, &f) ? BELAY_OK : belay_fail_nomem(t->log, sizeof(f));
}

belay_status belay_keep_scan(struct belay_trainer *t, uint64_t step)
{
    uint64_t *steps = NULL;
    size_t count = 0;
    belay_status status = BELAY_OK;
    t->saver->resumed = step;
    BELAY_TRY(belay_checkpoint_steps(t->log, &t->paths, "step", &steps, &count));
    for (size_t i = 0; i < count && status == BELAY_OK; i++)
        status = scan_file(t, steps[i]);
    belay_free(steps);
    BELAY_TRY(status);
    BELAY_TRY(belay_checkpoint_steps(t->log, &t->paths, "best", &steps, &count));
    for (size_t i = 0; i < count && status == BELAY_OK; i++)
        status = belay_keep_best(t, steps[i]);
    belay_free(steps);
    return status;
}

// ---- what goes ----

static size_t make_rules(const struct belay_trainer *t, struct belay_keep_rule *rules)
{
    const struct belay_recipe *r = t->recipe;
    size_t num = 0;
    rules[num++] = (struct belay_keep_rule){ BELAY_KEEP_LAST, .n = r->keep_last };
    rules[num++] =
        (struct belay_keep_rule){ BELAY_KEEP_BEST, .n = r->keep_best, .maximize = t->maximize };
    if (r->keep_every.value > 0)
        rules[num++] = (struct belay_keep_rule){
            BELAY_KEEP_EVERY,
            .n = (double) belay_length_steps(&r->keep_every, t->steps_per_epoch),
        };
    return num;
}

static belay_status decide(struct belay_trainer *t)
{
    struct belay_saver *v = t->saver;
    struct belay_keep_rule rules[MAX_RULES];
    struct belay_retention r = { rules, make_rules(t, rules), t->recipe->keep_bytes, 0 };
    struct belay_kept_file *list = belay_alloc_array(v->num_files + 1, sizeof(*list));
    if (!list)
        return belay_fail_nomem(t->log, v->num_files * sizeof(*list));
    for (size_t i = 0; i < v->num_files; i++)
        list[i] = v->files[i].file;
    belay_retention_decide(&r, list, v->num_files);
    for (size_t i = 0; i < v->num_files; i++)
        v->files[i].doomed = !list[i].keep;
    belay_free(list);
    return BELAY_OK;
}

static bool is_best_now(const struct train_state *s, uint64_t step)
{
    for (int i = 0; i < s->num_bests; i++)
        if (s->bests[i].step == step)
            return true;
    for (int i = 0; i < BELAY_MAX_BEST_OF; i++)
        if (!isnan(s->best_of[i].value) && s->best_of[i].step == step)
            return true;
    return false;
}

// Is the best of a step referred to by what stays, or by what the run knows now?
static bool is_referenced(const struct belay_trainer *t, uint64_t step)
{
    const struct belay_saver *v = t->saver;
    for (size_t i = 0; i < v->num_files; i++)
        for (int k = 0; k < v->files[i].num_refs && !v->files[i].doomed; k++)
            if (v->files[i].refs[k] == step)
                return true;
    return is_best_now(&t->s, step);
}

static belay_status add_removal(struct belay_trainer *t, struct save_job *job, const char *kind,
                                uint64_t step)
{
    char *path = belay_checkpoint_path(&t->paths, kind, step);
    if (!path)
        return belay_fail_nomem(t->log, 1);
    job->remove[job->num_remove++] = path;
    return BELAY_OK;
}

static uint64_t size_of(const struct save_job *job)
{
    uint64_t bytes = 1024;
    for (size_t i = 0; i < job->num_items; i++)
        bytes += 4 * (uint64_t) belay_shape_count(&job->items[i].shape);
    return bytes;
}

belay_status belay_keep_plan(struct belay_trainer *t, const struct train_state *s,
                             struct save_job *job)
{
    struct belay_saver *v = t->saver;
    struct run_file now;
    describe(t, s, &now);
    now.file.bytes = size_of(job);
    job->remove = belay_alloc_array(v->num_files + v->num_bests + 2, sizeof(*job->remove));
    if (v->num_files && v->files[v->num_files - 1].file.step == s->step)
        v->num_files--; // written anew
    if (!job->remove || !add_file(t, &now))
        return belay_fail_nomem(t->log, sizeof(now));
    BELAY_TRY(decide(t));
    for (size_t i = 0; i < v->num_files; i++)
        if (v->files[i].doomed)
            BELAY_TRY(add_removal(t, job, "step", v->files[i].file.step));
    for (size_t i = 0; i < v->num_bests; i++) {
        v->bests[i].doomed = !is_referenced(t, v->bests[i].step);
        if (v->bests[i].doomed)
            BELAY_TRY(add_removal(t, job, "best", v->bests[i].step));
    }
    return BELAY_OK;
}

// The new file is the last of the list.
void belay_keep_done(struct belay_trainer *t, bool written)
{
    struct belay_saver *v = t->saver;
    size_t files = 0, bests = 0;
    if (!written) {
        v->num_files -= v->num_files > 0;
        return;
    }
    for (size_t i = 0; i < v->num_bests; i++)
        if (!v->bests[i].doomed)
            v->bests[bests++] = v->bests[i];
    v->num_bests = bests;
    for (size_t i = 0; i < v->num_files; i++)
        if (!v->files[i].doomed)
            v->files[files++] = v->files[i];
    v->num_files = files;
}
