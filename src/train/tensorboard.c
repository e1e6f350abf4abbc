#include "train/tensorboard.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "format/tfevents.h"
#include "format/yaml.h"

#define MAX_HPARAMS 256

struct belay_board {
    struct belay_tfevents run; // the recipe; TensorBoard counts the parts below its folder to it
    struct belay_tfevents train, validation;
    double checked_at; // clock of the last check, for the rate
    uint64_t checked_step;
};

// ---- the recipe: as text and as hyperparameters ----

struct settings {
    struct belay_arena arena;
    struct belay_tfevents_hparam row[MAX_HPARAMS];
    size_t count;
};

// Numbers and words; layers and lists are in the text.
static void collect(struct settings *s, const struct belay_yaml *map, const char *prefix)
{
    char name[256];
    for (const struct belay_yaml *n = map->first; n && s->count < MAX_HPARAMS; n = n->next) {
        snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", n->key ? n->key : "");
        if (n->kind == BELAY_YAML_MAP && strcmp(name, "model") != 0)
            collect(s, n, name);
        if (n->kind != BELAY_YAML_SCALAR || strncmp(name, "run.", 4) == 0)
            continue;
        struct belay_tfevents_hparam *row = &s->row[s->count];
        row->name = belay_arena_strdup(&s->arena, name);
        row->text = belay_arena_strdup(&s->arena, n->text);
        s->count += row->name && row->text;
    }
}

static belay_status write_recipe(struct belay_trainer *t, struct belay_tfevents *to, double wall)
{
    struct belay_yaml_doc doc = { 0 };
    struct belay_str text = { 0 };
    struct settings *s = belay_alloc(sizeof(*s));
    if (!s)
        return belay_fail_nomem(t->log, sizeof(*s));
    belay_status status = belay_yaml_parse(t->log, t->paths.resolved, t->resolved, &doc);
    if (status == BELAY_OK) {
        collect(s, doc.root, "");
        // Indented: Markdown's code.
        belay_str_add(&text, "    ");
        for (const char *c = t->resolved; *c; c++)
            belay_str_add(&text, *c == '\n' ? "\n    " : (char[2]){ *c, 0 });
        belay_tfevents_text(to, "recipe", text.failed ? "" : text.text);
        belay_tfevents_hparams(to, wall, s->row, s->count);
        status = belay_tfevents_flush(to, wall, 0);
    }
    belay_yaml_finish(&doc);
    belay_str_free(&text);
    belay_arena_free(&s->arena);
    belay_free(s);
    return status;
}

// ---- files ----

// RUN/tensorboard[/PART]/events.out.tfevents.SECONDS.belay.STEP: TensorBoard reads the files of a
// folder in the order of their names.
static belay_status open_part(struct belay_trainer *t, const char *part, double wall, bool resumed,
                              struct belay_tfevents *out)
{
    char path[4096];
    int size = snprintf(path, sizeof(path), "%s/tensorboard%s", t->paths.dir, part);
    if (size < 0 || (size_t) size + 80 > sizeof(path))
        return belay_fail(t->log, BELAY_ERR_ARG, "run.dir is too long");
    BELAY_TRY(belay_dir_create(t->log, path));
    snprintf(path + size, sizeof(path) - (size_t) size, "/events.out.tfevents.%010.0f.belay.%llu",
             wall, (unsigned long long) t->s.step);
    return belay_tfevents_open(out, t->log, path, wall, resumed ? (int64_t) t->s.step + 1 : -1);
}

static belay_status open_all(struct belay_trainer *t, struct belay_board *b, bool resumed)
{
    double wall = belay_clock_unix();
    BELAY_TRY(open_part(t, "", wall, resumed, &b->run));
    BELAY_TRY(open_part(t, "/train", wall, resumed, &b->train));
    if (t->has_validation)
        BELAY_TRY(open_part(t, "/validation", wall, resumed, &b->validation));
    return write_recipe(t, &b->run, wall);
}

belay_status belay_board_open(struct belay_trainer *t, bool resumed)
{
    if (!t->recipe->tensorboard || t->no_files)
        return BELAY_OK;
    t->board = belay_alloc(sizeof(*t->board));
    if (!t->board)
        return belay_fail_nomem(t->log, sizeof(*t->board));
    t->board->checked_at = belay_clock_now();
    t->board->checked_step = t->s.step;
    return open_all(t, t->board, resumed);
}

void belay_board_close(struct belay_board **board)
{
    if (!*board)
        return;
    belay_tfevents_close(&(*board)->run);
    belay_tfevents_close(&(*board)->train);
    belay_tfevents_close(&(*board)->validation);
    belay_free(*board);
    *board = NULL;
}

// ---- values ----

static belay_status add_weights(struct belay_trainer *t, struct belay_tfevents *to)
{
    char tag[512];
    size_t count, all = belay_engine_arena_count(t->engine);
    const struct belay_engine_param *params = belay_engine_params(t->engine, &count);
    float *arena = belay_alloc_array(all, sizeof(*arena));
    if (!arena)
        return belay_fail_nomem(t->log, all * sizeof(*arena));
    belay_status status = belay_engine_get_arena(t->engine, 0, arena);
    for (size_t i = 0; i < count && status == BELAY_OK; i++) {
        snprintf(tag, sizeof(tag), "weights/%s", params[i].name);
        belay_tfevents_histogram(to, tag, arena + params[i].offset, params[i].count);
    }
    belay_free(arena);
    return status;
}

static belay_status add_train(struct belay_trainer *t, struct belay_board *b, double wall)
{
    double now = belay_clock_now();
    double rows = (double) (t->s.step - b->checked_step) * (double) t->recipe->batch;
    belay_tfevents_scalar(&b->train, "loss", t->last_train_loss);
    belay_tfevents_scalar(&b->train, "lr", t->last_lr);
    if (isfinite(t->s.last_norm))
        belay_tfevents_scalar(&b->train, "grad_norm", t->s.last_norm);
    if (now > b->checked_at && rows > 0)
        belay_tfevents_scalar(&b->train, "samples_per_second", rows / (now - b->checked_at));
    b->checked_at = now;
    b->checked_step = t->s.step;
    BELAY_TRY(add_weights(t, &b->train));
    return belay_tfevents_flush(&b->train, wall, (int64_t) t->s.step);
}

belay_status belay_board_check(struct belay_trainer *t, const struct check_values *val)
{
    struct belay_board *b = t->board;
    if (!b)
        return BELAY_OK;
    double wall = belay_clock_unix();
    BELAY_TRY(add_train(t, b, wall));
    if (!t->has_validation)
        return BELAY_OK;
    belay_tfevents_scalar(&b->validation, "loss", val->loss);
    for (int i = 0; i < t->recipe->num_metrics; i++)
        belay_tfevents_scalar(&b->validation, t->recipe->metric_names[i], val->metrics[i]);
    return belay_tfevents_flush(&b->validation, wall, (int64_t) t->s.step);
}
