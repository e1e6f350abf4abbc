// Measuring: losses since the last check, a pass over validation data, what the monitor says.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/tensorboard.h"
#include "train/trainer_internal.h"

belay_status belay_trainer_drain(struct belay_trainer *t)
{
    size_t count;
    BELAY_TRY(belay_engine_losses(t->engine, t->losses, t->norms, &count));
    for (size_t i = 0; i < count; i++) {
        t->s.loss_sum += t->losses[i];
        t->s.last_norm = t->norms[i];
    }
    t->s.loss_count += count;
    if (t->s.loss_count)
        t->last_train_loss = t->s.loss_sum / (double) t->s.loss_count;
    return BELAY_OK;
}

bool belay_metrics_need(const struct belay_recipe *r, const char *stats)
{
    for (int i = 0; i < r->num_metrics; i++)
        if (strcmp(r->metrics[i]->stats, stats) == 0)
            return true;
    return false;
}

static double value_of(const struct belay_metric *m, const struct belay_eval_sums *sums)
{
    bool confusion = strcmp(m->stats, "confusion") == 0;
    if (m == &belay_metric_head_loss)
        return sums->loss;
    if (m->finish_scores)
        return sums->scores.rows ? m->finish_scores(&sums->scores) : NAN;
    return belay_metric_value(m, confusion ? sums->confusion : sums->regression,
                              confusion ? sums->classes : sums->targets);
}

void belay_metrics_values(const struct belay_recipe *r, const struct belay_preprocess *p,
                          const struct belay_eval_sums *sums, struct check_values *out)
{
    if (sums->regression)
        belay_regression_rescale(sums->regression, sums->targets, p->target_mean,
                                 p->target_std != 0 ? p->target_std : 1);
    out->loss = sums[0].loss;
    for (int i = 0; i < r->num_metrics; i++)
        out->metrics[i] = value_of(r->metrics[i], &sums[r->num_heads ? 1 + r->metric_heads[i] : 0]);
}

belay_status belay_trainer_measure(struct belay_trainer *t, enum belay_part part,
                                   struct check_values *out)
{
    struct belay_eval_sums sums[1 + BELAY_MAX_HEADS];
    BELAY_TRY(belay_engine_evaluate(t->engine, part, sums));
    belay_metrics_values(t->recipe, &t->data.preprocess, sums, out);
    return BELAY_OK;
}

// A full disk does not end a run here either: the lines wait in memory. No checkpoint is made that
// refers to lines which are not written.
belay_status belay_trainer_write_log(struct belay_trainer *t)
{
    struct belay_log quiet = { 0 };
    if (!t->unwritten.length)
        return BELAY_OK;
    t->metrics.log = &quiet;
    belay_status status = belay_append_write(&t->metrics, t->unwritten.text, t->unwritten.length);
    t->metrics.log = t->log;
    if (status == BELAY_OK) {
        belay_str_clear(&t->unwritten);
        return BELAY_OK;
    }
    if (status != BELAY_ERR_IO)
        return belay_fail(t->log, status, "%s", quiet.last);
    belay_say(t->log, BELAY_LOG_WARN,
              "step %llu: the log could not be written, its lines wait in memory: %s",
              (unsigned long long) t->s.step, quiet.last);
    return BELAY_OK;
}

// One line of metrics.jsonl: full precision, no clock.
static belay_status log_check(struct belay_trainer *t, const struct check_values *val)
{
    struct belay_str s = t->unwritten;
    belay_str_addf(&s, "{\"step\":%llu,\"epoch\":", (unsigned long long) t->s.step);
    belay_str_add_number(&s, belay_trainer_epoch(t));
    belay_str_add(&s, ",\"lr\":");
    belay_str_add_number(&s, t->last_lr);
    belay_str_add(&s, ",\"grad_norm\":");
    belay_str_add_number(&s, t->s.last_norm);
    belay_str_add(&s, ",\"train\":{\"loss\":");
    belay_str_add_number(&s, t->last_train_loss);
    belay_str_add(&s, "}");
    if (t->has_validation) {
        belay_str_add(&s, ",\"val\":{\"loss\":");
        belay_str_add_number(&s, val->loss);
        for (int i = 0; i < t->recipe->num_metrics; i++) {
            belay_str_addf(&s, ",\"%s\":", t->recipe->metric_names[i]);
            belay_str_add_number(&s, val->metrics[i]);
        }
        belay_str_add(&s, "}");
    }
    belay_str_addf(&s, ",\"improved\":%s}\n", t->improved ? "true" : "false");
    t->unwritten = s;
    if (s.failed)
        return belay_fail_nomem(t->log, s.length);
    t->s.log_length = t->metrics.size + s.length;
    return belay_trainer_write_log(t);
}

// Decisions that a clock made are recorded where the clocks are.
belay_status belay_trainer_log_time(struct belay_trainer *t, belay_stop_reason decided)
{
    char line[160], decision[64] = "";
    struct belay_log quiet = { 0 };
    double seconds = belay_trainer_seconds(t);
    bool clock = t->reason == BELAY_STOP_TIME ||
                 (decided != BELAY_STOP_NONE && belay_trainer_by_clock(t));
    if (clock)
        snprintf(decision, sizeof(decision), ",\"decided\":\"%s\"",
                 belay_stop_reason_name(decided ? decided : t->reason));
    snprintf(line, sizeof(line), "{\"step\":%llu,\"seconds\":%.3f%s}\n",
             (unsigned long long) t->s.step, t->spent_before + seconds, decision);
    t->timing.log = &quiet;
    belay_status status = belay_append_write(&t->timing, line, strlen(line));
    t->timing.log = t->log;
    // A line of clocks is not worth a run.
    return status == BELAY_ERR_IO ? BELAY_OK : status;
}

// What model files say of themselves.
static belay_status keep_check(struct belay_trainer *t, const struct check_values *val)
{
    struct belay_str s = { 0 };
    belay_status status = BELAY_OK;
    belay_str_add(&s, "{\"train.loss\":");
    belay_str_add_number(&s, t->last_train_loss);
    if (t->has_validation) {
        belay_str_add(&s, ",\"val.loss\":");
        belay_str_add_number(&s, val->loss);
        for (int i = 0; i < t->recipe->num_metrics; i++) {
            belay_str_addf(&s, ",\"val.%s\":", t->recipe->metric_names[i]);
            belay_str_add_number(&s, val->metrics[i]);
        }
    }
    belay_str_add(&s, "}");
    if (s.failed || s.length >= CHECK_TEXT)
        status = belay_fail_nomem(t->log, s.length);
    else
        memcpy(t->s.check, s.text, s.length + 1);
    belay_str_free(&s);
    return status;
}

// Puts this check into the list of the best keep_best; false: it is not among them. The first is the
// monitor's best, the others follow by value, of equals the older first.
static bool rank_best(struct belay_trainer *t, bool improved, double value)
{
    struct train_state *s = &t->s;
    int max = t->recipe->keep_best < 1 ? 1 : t->recipe->keep_best, at = 0;
    max = max > MAX_BESTS ? MAX_BESTS : max;
    if (!improved && (!isfinite(value) || s->num_bests == 0))
        return false;
    if (!improved)
        for (at = 1; at < s->num_bests; at++)
            if (t->maximize ? value > s->bests[at].value : value < s->bests[at].value)
                break;
    if (at >= max)
        return false;
    int behind = (s->num_bests < max ? s->num_bests : max - 1) - at;
    memmove(s->bests + at + 1, s->bests + at, (size_t) behind * sizeof(*s->bests));
    s->bests[at] = (struct best){ s->step, value };
    s->num_bests = at + behind + 1;
    return true;
}

belay_status belay_trainer_check(struct belay_trainer *t)
{
    struct check_values val = { .loss = NAN };
    BELAY_TRY(belay_trainer_drain(t));
    if (t->has_validation)
        BELAY_TRY(belay_trainer_measure(t, BELAY_PART_VALIDATION, &val));
    struct belay_monitor_decision d = belay_trainer_watch(t, &val);
    unsigned better = belay_trainer_note_bests(t, &val);
    t->checked = true;
    t->improved = d.improved;
    t->last_val_loss = val.loss;
    t->last_check = val;
    BELAY_TRY(keep_check(t, &val));
    bool ranked = rank_best(t, d.improved, t->last_monitor);
    if (t->recipe->schedule->check && !d.rollback)
        t->recipe->schedule->check(t->schedule_options, &t->s.schedule, t->last_monitor,
                                   t->maximize);
    if (!t->no_files) {
        BELAY_TRY(log_check(t, &val));
        BELAY_TRY(belay_trainer_log_time(t, d.reason));
        BELAY_TRY(belay_board_check(t, &val));
    }
    t->s.loss_sum = 0;
    t->s.loss_count = 0;
    if (ranked || better)
        BELAY_TRY(belay_trainer_save_best(t, (unsigned) d.improved | better << 1));
    t->reason = d.reason;
    belay_trainer_make_line(t);
    if (d.rollback && t->reason == BELAY_STOP_NONE)
        BELAY_TRY(belay_trainer_rollback(t));
    return BELAY_OK;
}
