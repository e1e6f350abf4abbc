// trials.jsonl: a head that says which sweep it is, then a line for each fold that is done.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "format/json.h"
#include "train/monitor_inner.h"
#include "train/sweep_inner.h"
#include "train/trainer_internal.h"

// Values are texts: "10 epochs", 0.001.
void belay_sweep_add_values(const struct belay_sweep *w, size_t trial, struct belay_str *out)
{
    belay_str_add(out, "{");
    for (size_t k = 0; k < w->space.num_keys; k++) {
        struct belay_str value = { 0 };
        double number;
        belay_sweep_space_value(&w->space, trial, k, &value);
        const char *text = value.text ? value.text : "";
        belay_str_add(out, k ? "," : "");
        belay_str_add_json(out, w->space.keys[k].key);
        belay_str_add(out, ":");
        if (belay_parse_double(text, &number) && isfinite(number))
            belay_str_add_double(out, number);
        else
            belay_str_add_json(out, text);
        belay_str_free(&value);
    }
    belay_str_add(out, "}");
}

static void add_fold(const struct belay_sweep *w, const struct belay_sweep_fold *f,
                     struct belay_str *s)
{
    belay_str_addf(s, "{\"trial\":%zu,\"fold\":%zu,\"values\":", w->trial, w->part);
    belay_sweep_add_values(w, w->trial, s);
    belay_str_add(s, ",\"score\":");
    belay_str_add_number(s, f->score);
    belay_str_addf(s, ",\"steps\":%llu,\"epochs\":", (unsigned long long) f->steps);
    belay_str_add_number(s, f->epochs);
    belay_str_addf(s, ",\"best_step\":%llu,\"best\":", (unsigned long long) f->best_step);
    belay_str_add_number(s, f->best);
    belay_str_addf(s, ",\"reason\":\"%s\",\"seconds\":%.3f}", belay_stop_reason_name(f->reason),
                   f->seconds);
}

belay_status belay_sweep_log_fold(struct belay_sweep *w, const struct belay_sweep_fold *f)
{
    struct belay_str s = { 0 };
    add_fold(w, f, &s);
    belay_str_add(&s, "\n");
    belay_status status = s.failed ? belay_fail_nomem(w->log, s.length)
                                   : belay_append_write(&w->file, s.text, s.length);
    belay_str_free(&s);
    return status == BELAY_OK ? belay_append_sync(&w->file) : status;
}

belay_status belay_sweep_tell_fold(struct belay_sweep *w, const struct belay_sweep_fold *f,
                                   bool old)
{
    struct belay_str line = { 0 }, json = { 0 };
    belay_str_addf(&line, "trial %zu/%zu  fold %zu/%zu  ", w->trial + 1, w->space.trials,
                   w->part + 1, w->parts);
    belay_sweep_add_values(w, w->trial, &line);
    belay_str_addf(&line, "  %s %.5g  %.4g epochs  %s%s", w->space.score, f->score, f->epochs,
                   belay_stop_reason_name(f->reason), old ? "  (done before)" : "");
    add_fold(w, f, &json);
    w->old = old;
    bool failed = line.failed || json.failed;
    bool on = failed || belay_sweep_tell(w, BELAY_SWEEP_FOLD, line.text, json.text);
    w->old = false;
    belay_str_free(&line);
    belay_str_free(&json);
    if (failed)
        return belay_fail_nomem(w->log, 64);
    return on ? BELAY_OK
              : belay_fail(w->log, BELAY_ERR_CANCELLED,
                           "sweep: stopped on request; the same command goes on with it");
}

// ---- back ----

// What decides the results: the recipe, sweep included.
static void fingerprint(const struct belay_sweep *w, struct belay_digest *out)
{
    belay_digest_of(w->recipe->text, strlen(w->recipe->text), out);
}

static belay_status bad_line(struct belay_sweep *w, const char *path, size_t number)
{
    return belay_fail(w->log, BELAY_ERR_DAMAGED, "%s:%zu: this is no line of a sweep", path,
                      number);
}

static belay_status read_fold(struct belay_sweep *w, const char *path, size_t number,
                              const struct belay_json *root)
{
    uint64_t trial = belay_json_int_or(root, "trial", UINT64_MAX);
    uint64_t part = belay_json_int_or(root, "fold", UINT64_MAX);
    if (trial >= w->space.trials || part >= w->parts)
        return bad_line(w, path, number);
    struct belay_sweep_fold *f = &w->folds[trial * w->parts + part];
    belay_stop_reason reason = belay_stop_reason_find(belay_json_string_or(root, "reason", ""));
    *f = (struct belay_sweep_fold){
        .done = true,
        .score = belay_json_number_or(root, "score", NAN),
        .best = belay_json_number_or(root, "best", NAN),
        .epochs = belay_json_number_or(root, "epochs", NAN),
        .seconds = belay_json_number_or(root, "seconds", NAN),
        .steps = belay_json_int_or(root, "steps", 0),
        .best_step = belay_json_int_or(root, "best_step", 0),
        .reason = reason,
    };
    return reason == BELAY_STOP_COUNT ? bad_line(w, path, number) : BELAY_OK;
}

static belay_status read_head(struct belay_sweep *w, const char *path,
                              const struct belay_json *root)
{
    struct belay_digest digest;
    fingerprint(w, &digest);
    if (strcmp(belay_json_string_or(root, "sweep", ""), digest.hex) == 0)
        return BELAY_OK;
    return belay_fail(w->log, BELAY_ERR_EXISTS,
                      "%s is of another sweep (its recipe was another); remove the folder, or set "
                      "sweep.dir", path);
}

static belay_status read_lines(struct belay_sweep *w, const char *path, char *text, size_t size,
                               size_t *whole)
{
    size_t number = 0, at = 0;
    for (char *stop; at < size && (stop = memchr(text + at, '\n', size - at));) {
        struct belay_json_doc doc = { 0 };
        size_t length = (size_t) (stop - text) - at;
        BELAY_TRY(belay_json_parse(w->log, path, text + at, length, &doc));
        number++;
        belay_status status = doc.root->kind != BELAY_JSON_OBJECT ? bad_line(w, path, number)
                              : number == 1                       ? read_head(w, path, doc.root)
                                            : read_fold(w, path, number, doc.root);
        belay_json_finish(&doc);
        BELAY_TRY(status);
        at += length + 1;
    }
    *whole = at;
    return BELAY_OK;
}

// A line without its end was being written when the process died.
static belay_status read_old(struct belay_sweep *w, const char *path)
{
    char *text;
    size_t size, whole = 0;
    if (!belay_file_exists(path))
        return BELAY_OK;
    BELAY_TRY(belay_file_read(w->log, path, 0, &text, &size));
    belay_status status = read_lines(w, path, text, size, &whole);
    belay_free(text);
    if (status == BELAY_OK && whole < size)
        status = belay_file_truncate(w->log, path, whole);
    return status;
}

static belay_status write_head(struct belay_sweep *w)
{
    struct belay_digest digest;
    char line[256];
    if (w->file.size > 0)
        return BELAY_OK;
    fingerprint(w, &digest);
    snprintf(line, sizeof(line),
             "{\"sweep\":\"%s\",\"trials\":%zu,\"folds\":%zu,\"score\":\"%.64s\"}\n", digest.hex,
             w->space.trials, w->parts, w->space.score);
    BELAY_TRY(belay_append_write(&w->file, line, strlen(line)));
    return belay_append_sync(&w->file);
}

belay_status belay_sweep_open(struct belay_sweep *w)
{
    char *path = belay_path_join(w->space.dir, "trials.jsonl");
    char *lock = belay_path_join(w->space.dir, "lock");
    belay_status status = path && lock ? belay_dir_create(w->log, w->space.dir)
                                       : belay_fail_nomem(w->log, 1);
    if (status == BELAY_OK)
        status = belay_lock_take(w->log, lock, &w->lock);
    if (status == BELAY_OK)
        status = read_old(w, path);
    if (status == BELAY_OK)
        status = belay_append_open(&w->file, w->log, path);
    if (status == BELAY_OK)
        status = write_head(w);
    belay_free(path);
    belay_free(lock);
    return status;
}

void belay_sweep_close(struct belay_sweep *w)
{
    belay_append_close(&w->file);
    belay_lock_drop(&w->lock);
}
