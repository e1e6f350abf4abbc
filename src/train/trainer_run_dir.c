// The run folder: which one, whether it may be used, its recipe and logs.
#include <stdio.h>
#include <string.h>

#include "train/tensorboard.h"
#include "format/json.h"
#include "train/trainer_internal.h"

// A run is there as soon as its recipe is: it is written last.
static bool run_exists(const char *dir)
{
    char *recipe = belay_path_join(dir, "recipe.yaml");
    bool exists = recipe && belay_file_exists(recipe);
    belay_free(recipe);
    return exists;
}

static char *numbered(const char *base, int number)
{
    struct belay_str s = { 0 };
    belay_str_addf(&s, "%s-%d", base, number);
    return s.text;
}

// Without run.dir: runs/<name of the recipe>; "number" adds -2, -3, … until one is free.
static belay_status choose_dir(struct belay_trainer *t, bool resume_only, char **out)
{
    const struct belay_recipe *r = t->recipe;
    struct belay_str base = { 0 };
    if (r->run_dir) {
        belay_str_add(&base, r->run_dir);
    } else {
        const char *slash = strrchr(r->name, '/'), *name = slash ? slash + 1 : r->name;
        const char *dot = strrchr(name, '.');
        int length = dot && dot > name ? (int) (dot - name) : (int) strlen(name);
        belay_str_addf(&base, "runs/%.*s", length, name);
    }
    bool number =
        r->if_exists == BELAY_IF_NUMBER || (!r->run_dir && r->if_exists == BELAY_IF_FAIL);
    number = number && !resume_only;
    char *dir = base.text;
    for (int i = 2; dir && number && run_exists(dir); i++) {
        char *next = numbered(base.text, i);
        if (dir != base.text)
            belay_free(dir);
        dir = next;
    }
    if (dir != base.text)
        belay_str_free(&base);
    if (!dir)
        return belay_fail_nomem(t->log, 64);
    *out = dir;
    return BELAY_OK;
}

static belay_status lock_dir(struct belay_trainer *t)
{
    belay_status status = belay_lock_take(t->log, t->paths.lock, &t->lock);
    if (status == BELAY_ERR_EXISTS)
        return belay_fail_in(t->log, status, "another process trains in '%s'", t->paths.dir);
    return status;
}

belay_status belay_trainer_open_dir(struct belay_trainer *t, bool resume_only, bool *resume)
{
    char *dir = NULL;
    BELAY_TRY(choose_dir(t, resume_only, &dir));
    bool exists = run_exists(dir);
    belay_status status = BELAY_OK;
    *resume = exists && (resume_only || t->recipe->if_exists == BELAY_IF_RESUME);
    if (resume_only && !exists)
        status = belay_fail(t->log, BELAY_ERR_IO, "'%s' is no run folder: it has no recipe.yaml",
                            dir);
    else if (exists && !*resume)
        status = belay_fail(t->log, BELAY_ERR_EXISTS,
                            "the run folder '%s' exists: choose another run.dir, "
                            "run.if_exists=resume or run.if_exists=number",
                            dir);
    if (status == BELAY_OK)
        status = belay_run_paths_init(t->log, dir, &t->paths);
    belay_free(dir);
    BELAY_TRY(status);
    BELAY_TRY(belay_dir_create(t->log, t->paths.checkpoints));
    return lock_dir(t);
}

static belay_status write_recipe(struct belay_trainer *t)
{
    const char *text = t->resolved;
    BELAY_TRY(belay_file_write(t->log, t->paths.resolved, text, strlen(text)));
    if (belay_file_exists(t->paths.recipe))
        return BELAY_OK;
    text = t->recipe->source ? t->recipe->source : t->recipe->text;
    return belay_file_write(t->log, t->paths.recipe, text, strlen(text));
}

// The time that the run has taken so far is the last line of timing.jsonl: steps that were lost have
// cost it too.
static void read_spent_time(struct belay_trainer *t)
{
    struct belay_log quiet = { 0 };
    struct belay_json_doc doc = { 0 };
    char *text = NULL, *line, *end;
    size_t size = 0;
    if (!belay_file_exists(t->paths.timing) ||
        belay_file_read(&quiet, t->paths.timing, 0, &text, &size) != BELAY_OK)
        return;
    while ((end = strrchr(text, '\n'))) {
        *end = '\0';
        line = strrchr(text, '\n');
        line = line ? line + 1 : text;
        bool good = belay_json_parse(&quiet, "timing", line, strlen(line), &doc) == BELAY_OK;
        if (good)
            t->spent_before = belay_json_number_or(doc.root, "seconds", 0);
        belay_json_finish(&doc);
        if (good)
            break;
    }
    belay_free(text);
}

// The log is cut back to what the checkpoint has seen.
belay_status belay_trainer_open_logs(struct belay_trainer *t, bool resumed)
{
    uint64_t keep = resumed ? t->s.log_length : 0, size = 0;
    if (belay_file_exists(t->paths.metrics)) {
        BELAY_TRY(belay_file_size(t->log, t->paths.metrics, &size));
        if (size < keep)
            return belay_fail(t->log, BELAY_ERR_DAMAGED,
                              "%s has %llu bytes, the checkpoint refers to %llu",
                              t->paths.metrics, (unsigned long long) size,
                              (unsigned long long) keep);
        BELAY_TRY(belay_file_truncate(t->log, t->paths.metrics, keep));
    } else if (keep > 0) {
        return belay_fail(t->log, BELAY_ERR_DAMAGED, "%s is missing", t->paths.metrics);
    }
    BELAY_TRY(write_recipe(t));
    read_spent_time(t);
    BELAY_TRY(belay_append_open(&t->metrics, t->log, t->paths.metrics));
    BELAY_TRY(belay_append_open(&t->timing, t->log, t->paths.timing));
    return belay_board_open(t, resumed);
}
