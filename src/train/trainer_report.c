// What a run says: progress, the line of a check, why it ended, result.json.
#include <math.h>
#include <string.h>

#include "train/trainer_internal.h"

static const char *best_file(const struct belay_trainer *t)
{
    return t->no_files || t->s.num_bests == 0 ? "" : t->paths.best;
}

static uint64_t epoch_of(const struct belay_trainer *t, uint64_t step)
{
    return step == 0 ? 0 : (step - 1) / t->steps_per_epoch + 1; // the epoch in which it lies
}

void belay_trainer_fill_progress(struct belay_trainer *t, belay_progress *p)
{
    memset(p, 0, sizeof(*p));
    double seconds = belay_trainer_seconds(t);
    uint64_t done = t->s.step - t->first_step;
    p->step = t->s.step;
    p->steps_per_epoch = t->steps_per_epoch;
    p->epoch = t->s.step / t->steps_per_epoch;
    p->max_epochs = (uint64_t) t->recipe->epochs.value;
    p->lr = t->last_lr;
    p->train_loss = t->last_train_loss;
    p->checked = t->checked;
    p->improved = t->improved;
    p->monitor = t->last_monitor;
    p->val_loss = t->last_val_loss;
    p->best = t->s.monitor.best;
    p->best_step = t->s.monitor.best_step;
    p->best_epoch = epoch_of(t, t->s.monitor.best_step);
    p->seconds = seconds;
    p->samples_per_second = seconds > 0 ? (double) done * (double) belay_trainer_step_rows(t) / seconds : 0;
    p->reason = t->reason;
    p->line = t->checked && t->line.text ? t->line.text : NULL;
}

// "nan" whatever its sign, which says nothing.
static double shown(double value)
{
    return isnan(value) ? NAN : value;
}

static void add_values(const struct belay_trainer *t, struct belay_str *s, const char *prefix,
                       const struct check_values *v)
{
    belay_str_addf(s, "  %s.loss %.4f", prefix, shown(v->loss));
    for (int i = 0; i < t->recipe->num_metrics; i++)
        belay_str_addf(s, "  %s.%s %.4f", prefix, t->recipe->metric_names[i],
                       shown(v->metrics[i]));
}

void belay_trainer_make_line(struct belay_trainer *t)
{
    belay_str_clear(&t->line);
    uint64_t epochs = (uint64_t) t->recipe->epochs.value;
    belay_str_addf(&t->line, "epoch %.4g", belay_trainer_epoch(t));
    if (epochs && !t->overfit)
        belay_str_addf(&t->line, "/%llu", (unsigned long long) epochs);
    belay_str_addf(&t->line, "  step %llu  train.loss %.4f", (unsigned long long) t->s.step,
                   shown(t->last_train_loss));
    if (t->has_validation)
        add_values(t, &t->line, "val", &t->last_check);
    belay_str_addf(&t->line, "  lr %.3g%s", t->last_lr, t->improved ? "  best" : "");
}

// By the monitor that decided.
static void explain(struct belay_trainer *t, struct belay_str *s)
{
    const struct belay_monitor_params *p;
    const struct belay_monitor_state *state;
    const char *metric = belay_trainer_decider(t, &p, &state);
    belay_monitor_explain(p, state, t->reason, metric, s);
}

static void describe_reason(struct belay_trainer *t, struct belay_str *s)
{
    const struct belay_recipe *r = t->recipe;
    switch (t->reason) {
    case BELAY_STOP_PATIENCE:
    case BELAY_STOP_CRITERION:
    case BELAY_STOP_THRESHOLD:
    case BELAY_STOP_DIVERGED:
        explain(t, s);
        break;
    case BELAY_STOP_EPOCHS:
        belay_str_addf(s, "all %g epochs are done", r->epochs.value);
        break;
    case BELAY_STOP_STEPS:
        belay_str_addf(s, "all %llu steps are done", (unsigned long long) t->s.step);
        break;
    case BELAY_STOP_TIME:
        belay_str_addf(s, "the time of %g seconds is spent", r->time.value);
        break;
    case BELAY_STOP_NAN:
        belay_str_addf(s, "the loss is not finite any more; what was saved before stays. "
                          "A lower lr or optimizer.clip_norm helps");
        break;
    case BELAY_STOP_CANCELLED:
        belay_str_add(s, t->out_of_time ? "the time for this process is spent"
                                        : "stopped on request");
        break;
    default:
        belay_str_addf(s, "ended by the caller");
    }
}

// Twice as patient, in the unit of the recipe.
static void add_patience(struct belay_trainer *t, struct belay_str *s)
{
    struct belay_length twice = t->recipe->stop.patience;
    twice.value = twice.value > 0 ? 2 * twice.value : 1;
    belay_str_addf(s, " Go on: belay resume %s stop.patience=", t->paths.dir);
    if (twice.unit == BELAY_UNIT_CHECKS)
        belay_str_addf(s, "%g", twice.value);
    else
        belay_str_addf(s, "%g%s", twice.value, twice.unit == BELAY_UNIT_STEPS    ? "steps"
                                               : twice.unit == BELAY_UNIT_EPOCHS ? "epochs"
                                                                                 : "seconds");
}

// The change of the recipe that lets the run go on.
static void add_way_on(struct belay_trainer *t, struct belay_str *s)
{
    const struct belay_recipe *r = t->recipe;
    bool own = t->decider == 0; // stop itself decided, none of stop.also
    if (t->reason == BELAY_STOP_DIVERGED || t->reason == BELAY_STOP_NAN) {
        if (t->s.num_bests)
            belay_str_addf(s, " Go on from the best with a smaller rate: belay train RECIPE init=%s",
                           t->paths.best);
        return;
    }
    if (t->reason == BELAY_STOP_PATIENCE && own) {
        add_patience(t, s);
        return;
    }
    belay_str_addf(s, " Go on: belay resume %s", t->paths.dir);
    if (t->reason == BELAY_STOP_EPOCHS)
        belay_str_addf(s, " train.epochs=%g", r->epochs.value * 2);
    else if (t->reason == BELAY_STOP_STEPS)
        belay_str_addf(s, " train.steps=%llu", 2 * (unsigned long long) t->s.step);
    else if (t->reason == BELAY_STOP_TIME && r->time.value > 0)
        belay_str_addf(s, " train.time=%gseconds", r->time.value * 2);
    else if (t->reason == BELAY_STOP_CRITERION && own)
        belay_str_add(s, " stop.rule=patience");
    else if (t->reason == BELAY_STOP_THRESHOLD && own)
        belay_str_add(s, " stop.threshold=off");
    else if (!own && t->reason != BELAY_STOP_CANCELLED)
        belay_str_add(s, " stop.also=[]");
}

void belay_trainer_make_sentence(struct belay_trainer *t)
{
    struct belay_str *s = &t->sentence;
    belay_str_clear(s);
    belay_str_addf(s, "Stopped after step %llu (epoch %.4g): ", (unsigned long long) t->s.step,
                   belay_trainer_epoch(t));
    describe_reason(t, s);
    belay_str_add(s, ".");
    if (t->s.num_bests)
        belay_str_addf(s, " Best: %s %.6g at step %llu (epoch %llu).", t->recipe->monitor,
                       t->s.monitor.best, (unsigned long long) t->s.monitor.best_step,
                       (unsigned long long) epoch_of(t, t->s.monitor.best_step));
    if (t->no_files)
        return;
    add_way_on(t, s);
}

static void add_number(struct belay_str *s, const char *key, double value)
{
    belay_str_addf(s, ",\"%s\":", key);
    belay_str_add_number(s, value);
}

static void add_text(struct belay_str *s, const char *key, const char *value)
{
    belay_str_addf(s, ",\"%s\":", key);
    belay_str_add_json(s, value);
}

static void add_best_of(struct belay_trainer *t, struct belay_str *s)
{
    if (t->recipe->num_best_of == 0)
        return;
    belay_str_add(s, ",\"bests\":{");
    for (int i = 0; i < t->recipe->num_best_of; i++) {
        belay_str_add(s, i ? "," : "");
        belay_str_add_json(s, t->recipe->best_of[i].metric);
        belay_str_addf(s, ":{\"step\":%llu", (unsigned long long) t->s.best_of[i].step);
        add_number(s, "value", t->s.best_of[i].value);
        belay_str_add(s, "}");
    }
    belay_str_add(s, "}");
}

void belay_trainer_make_json(struct belay_trainer *t, const belay_result *r,
                             const struct check_values *test)
{
    struct belay_str *s = &t->json;
    belay_str_clear(s);
    belay_str_addf(s, "{\"reason\":\"%s\"", belay_stop_reason_name(r->reason));
    add_text(s, "sentence", r->sentence);
    add_number(s, "step", (double) r->step);
    add_number(s, "epoch", belay_trainer_epoch(t));
    add_text(s, "monitor", t->recipe->monitor);
    if (t->reason == BELAY_STOP_TIME || belay_trainer_by_clock(t))
        belay_str_add(s, ",\"by_clock\":true");
    add_number(s, "best", r->best);
    add_number(s, "best_step", (double) r->best_step);
    add_number(s, "best_epoch", (double) r->best_epoch);
    if (test) {
        belay_str_add(s, ",\"test\":{\"loss\":");
        belay_str_add_number(s, test->loss);
        for (int i = 0; i < t->recipe->num_metrics; i++)
            add_number(s, t->recipe->metric_names[i], test->metrics[i]);
        belay_str_add(s, "}");
    }
    add_text(s, "device", t->ctx->device->description);
    if (!t->no_files) {
        add_text(s, "run", t->paths.dir);
        add_text(s, "best_file", best_file(t));
        add_best_of(t, s);
        add_text(s, "last_file", t->paths.last);
    }
    belay_str_add(s, "}");
}
