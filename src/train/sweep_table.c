// The results of a sweep: trials ranked by the mean score of their folds, printed against what they
// cost.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "train/sweep_inner.h"
#include "train/trainer_internal.h"

struct row {
    size_t trial;
    double score, spread, steps, epochs, seconds; // means over folds; spread: standard deviation
    bool front; // no trial is both better and cheaper
};

static void sum_up(const struct belay_sweep *w, size_t trial, struct row *out)
{
    const struct belay_sweep_fold *f = w->folds + trial * w->parts;
    double n = (double) w->parts, squares = 0;
    *out = (struct row){ .trial = trial };
    for (size_t i = 0; i < w->parts; i++) {
        out->score += f[i].score / n;
        out->steps += (double) f[i].steps / n;
        out->epochs += f[i].epochs / n;
        out->seconds += f[i].seconds;
    }
    for (size_t i = 0; i < w->parts; i++)
        squares += (f[i].score - out->score) * (f[i].score - out->score);
    out->spread = w->parts > 1 ? sqrt(squares / (n - 1)) : NAN;
}

// A score that is no number is worse than all; of equals the cheaper, then the first.
static bool before(const struct belay_sweep *w, const struct row *a, const struct row *b)
{
    if (isnan(a->score) != isnan(b->score))
        return isnan(b->score);
    if (a->score != b->score && !isnan(a->score))
        return w->space.maximize ? a->score > b->score : a->score < b->score;
    return a->steps != b->steps ? a->steps < b->steps : a->trial < b->trial;
}

static void rank(const struct belay_sweep *w, struct row *rows)
{
    for (size_t i = 1; i < w->space.trials; i++) {
        struct row row = rows[i];
        size_t at = i;
        for (; at > 0 && before(w, &row, &rows[at - 1]); at--)
            rows[at] = rows[at - 1];
        rows[at] = row;
    }
    double least = INFINITY;
    for (size_t i = 0; i < w->space.trials; i++) {
        rows[i].front = !isnan(rows[i].score) && rows[i].steps < least;
        least = fmin(least, rows[i].steps);
    }
}

// "patience 5, epochs 2"
static void add_reasons(const struct belay_sweep *w, size_t trial, struct belay_str *out)
{
    const struct belay_sweep_fold *f = w->folds + trial * w->parts;
    bool first = true;
    for (int reason = 0; reason < BELAY_STOP_COUNT; reason++) {
        size_t count = 0;
        for (size_t i = 0; i < w->parts; i++)
            count += f[i].reason == (belay_stop_reason) reason;
        if (!count)
            continue;
        belay_str_addf(out, "%s%s %zu", first ? "" : ", ",
                       belay_stop_reason_name((belay_stop_reason) reason), count);
        first = false;
    }
}

static void add_json(const struct belay_sweep *w, const struct row *row, size_t rank,
                     struct belay_str *s)
{
    belay_str_addf(s, "{\"rank\":%zu,\"trial\":%zu,\"values\":", rank, row->trial);
    belay_sweep_add_values(w, row->trial, s);
    belay_str_addf(s, ",\"metric\":\"%s\",\"score\":", w->space.score);
    belay_str_add_number(s, row->score);
    belay_str_add(s, ",\"deviation\":");
    belay_str_add_number(s, row->spread);
    belay_str_addf(s, ",\"folds\":%zu,\"steps\":", w->parts);
    belay_str_add_number(s, row->steps);
    belay_str_add(s, ",\"epochs\":");
    belay_str_add_number(s, row->epochs);
    belay_str_add(s, ",\"seconds\":");
    belay_str_add_number(s, row->seconds);
    belay_str_addf(s, ",\"front\":%s,\"reasons\":\"", row->front ? "true" : "false");
    add_reasons(w, row->trial, s);
    belay_str_add(s, "\"}");
}

static void add_line(const struct belay_sweep *w, const struct row *row, size_t rank,
                     struct belay_str *s)
{
    char spread[32] = "-"; // one fold has none
    if (!isnan(row->spread))
        snprintf(spread, sizeof(spread), "%.3g", row->spread);
    belay_str_addf(s, "%4zu %5zu  %10.5g %10s %9.4g %9.0f %9.1f  %c  ", rank, row->trial,
                   row->score, spread, row->epochs, row->steps, row->seconds,
                   row->front ? '*' : ' ');
    belay_sweep_add_values(w, row->trial, s);
    belay_str_add(s, "  ");
    add_reasons(w, row->trial, s);
}

static void tell_header(struct belay_sweep *w)
{
    char line[256];
    snprintf(line, sizeof(line),
             "%4s %5s  %10.20s %10s %9s %9s %9s  %s  values, and why the folds "
             "stopped",
             "rank", "trial", w->space.score, "deviation", "epochs", "steps", "seconds", "f");
    belay_sweep_tell(w, BELAY_SWEEP_RESULT, line, NULL);
}

static belay_status write_row(struct belay_sweep *w, const struct row *row, size_t rank,
                              struct belay_str *all)
{
    struct belay_str line = { 0 }, json = { 0 };
    add_line(w, row, rank, &line);
    add_json(w, row, rank, &json);
    bool failed = line.failed || json.failed;
    if (!failed) {
        w->trial = row->trial;
        belay_sweep_tell(w, BELAY_SWEEP_RESULT, line.text, json.text);
        belay_str_addf(all, "%s\n", json.text);
    }
    belay_str_free(&line);
    belay_str_free(&json);
    return failed || all->failed ? belay_fail_nomem(w->log, 256) : BELAY_OK;
}

belay_status belay_sweep_results(struct belay_sweep *w, size_t *best)
{
    struct belay_str all = { 0 };
    struct row *rows = belay_alloc_array(w->space.trials, sizeof(*rows));
    char *path = belay_path_join(w->space.dir, "results.jsonl");
    belay_status status = rows && path ? BELAY_OK : belay_fail_nomem(w->log, sizeof(*rows));
    for (size_t i = 0; i < w->space.trials && status == BELAY_OK; i++)
        sum_up(w, i, &rows[i]);
    if (status == BELAY_OK) {
        rank(w, rows);
        tell_header(w);
    }
    for (size_t i = 0; i < w->space.trials && status == BELAY_OK; i++)
        status = write_row(w, &rows[i], i + 1, &all);
    if (status == BELAY_OK)
        status = belay_file_write(w->log, path, all.text, all.length);
    if (status == BELAY_OK && isnan(rows[0].score))
        status = belay_fail(w->log, BELAY_ERR_DIVERGED, "sweep: no trial has a finite score");
    if (status == BELAY_OK)
        *best = rows[0].trial;
    belay_str_free(&all);
    belay_free(path);
    belay_free(rows);
    return status;
}
