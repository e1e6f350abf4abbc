// What the trainer asks of its monitors: their values, what they decide together, rollbacks, further
// bests, and the warning that a rule may come before the schedule's end.
#include <math.h>
#include <string.h>

#include "train/trainer_internal.h"

// A value by the recipe's name for it: train.loss, val.loss, val.METRIC (names are checked when the
// recipe is read).
static double value_of(const struct belay_trainer *t, const char *name,
                       const struct check_values *val)
{
    if (t->overfit || strcmp(name, "train.loss") == 0)
        return t->last_train_loss;
    if (strcmp(name, "val.loss") == 0)
        return val->loss;
    int i = belay_recipe_metric(t->recipe, name + 4);
    return i >= 0 ? val->metrics[i] : NAN;
}

bool belay_trainer_by_clock(const struct belay_trainer *t)
{
    bool clock = belay_monitor_by_clock(&t->recipe->stop);
    for (int i = 0; i < t->recipe->num_watches; i++)
        clock = clock || belay_monitor_by_clock(&t->recipe->watches[i].stop);
    return clock;
}

static struct belay_monitor_event event_now(const struct belay_trainer *t)
{
    struct belay_monitor_event e = { .step = t->s.step, .epoch = belay_trainer_epoch(t),
                                     .train = t->last_train_loss };
    // The monitor's state goes into checkpoints: no clock there unless a rule asks for one.
    if (belay_trainer_by_clock(t))
        e.seconds = t->spent_before + belay_trainer_seconds(t);
    return e;
}

static belay_stop_reason join(struct belay_trainer *t, const belay_stop_reason *reasons)
{
    size_t which = 0;
    belay_stop_reason reason = belay_monitor_join(
        &t->recipe->joined, reasons, 1 + (size_t) t->recipe->num_watches, &which);
    t->decider = (int) which;
    return reason;
}

struct belay_monitor_decision belay_trainer_watch(struct belay_trainer *t,
                                                  const struct check_values *val)
{
    belay_stop_reason reasons[BELAY_MAX_MONITORS];
    struct belay_monitor_event e = event_now(t);
    e.value = value_of(t, t->recipe->monitor, val);
    t->last_monitor = e.value;
    struct belay_monitor_decision d = belay_monitor_check(&t->recipe->stop, &t->s.monitor, &e);
    reasons[0] = d.reason;
    for (int i = 0; i < t->recipe->num_watches; i++) {
        const struct belay_watch *w = &t->recipe->watches[i];
        e.value = value_of(t, w->metric, val);
        struct belay_monitor_decision more = belay_monitor_check(&w->stop, &t->s.watches[i], &e);
        reasons[i + 1] = more.reason;
        d.rollback = d.rollback || more.rollback;
    }
    d.reason = join(t, reasons);
    return d;
}

// Asked anew of the state, so that a larger limit lets a run go on.
belay_stop_reason belay_trainer_verdict(struct belay_trainer *t)
{
    belay_stop_reason reasons[BELAY_MAX_MONITORS];
    const struct belay_monitor_event now = event_now(t);
    for (int i = 0; i <= t->recipe->num_watches; i++) {
        struct belay_monitor_state *s = i ? &t->s.watches[i - 1] : &t->s.monitor;
        const struct belay_monitor_params *p = i ? &t->recipe->watches[i - 1].stop : &t->recipe->stop;
        if (s->reason != BELAY_STOP_NONE)
            s->reason = belay_monitor_verdict(p, s, &now);
        reasons[i] = s->reason;
    }
    return join(t, reasons);
}

static void reset_one(struct belay_monitor_state *s, bool all, const struct belay_monitor_event *e)
{
    struct belay_monitor_state old = *s;
    belay_monitor_init(s);
    s->last_step = old.last_step;
    s->rate = old.rate;
    s->rollbacks = old.rollbacks;
    if (all)
        return;
    s->best = old.best;
    s->best_check = old.best_check;
    s->best_step = old.best_step;
    s->best_epoch = old.best_epoch;
    s->checks = s->anchor_check = old.checks;
    s->anchor = old.anchor;
    s->anchor_step = e->step;
    s->anchor_epoch = e->epoch;
    s->anchor_seconds = e->seconds;
    s->last = old.last;
}

void belay_trainer_reset_monitors(struct belay_trainer *t, bool all)
{
    const struct belay_monitor_event now = event_now(t);
    reset_one(&t->s.monitor, all, &now);
    for (int i = 0; i < t->recipe->num_watches; i++)
        reset_one(&t->s.watches[i], all, &now);
    if (!all)
        return;
    t->s.num_bests = 0;
    for (int i = 0; i < BELAY_MAX_BEST_OF; i++)
        t->s.best_of[i].value = NAN;
}

void belay_trainer_tell_rate(struct belay_trainer *t)
{
    const struct belay_monitor_event now = event_now(t);
    belay_monitor_rate(&t->s.monitor, t->last_lr, &now);
    for (int i = 0; i < t->recipe->num_watches; i++)
        belay_monitor_rate(&t->s.watches[i], t->last_lr, &now);
}

const char *belay_trainer_decider(const struct belay_trainer *t,
                                  const struct belay_monitor_params **p,
                                  const struct belay_monitor_state **s)
{
    int i = t->decider;
    *p = i ? &t->recipe->watches[i - 1].stop : &t->recipe->stop;
    *s = i ? &t->s.watches[i - 1] : &t->s.monitor;
    return i ? t->recipe->watches[i - 1].metric : t->recipe->monitor;
}

// ---- back to the best ----

static belay_status clear_moments(struct belay_trainer *t)
{
    size_t count = 1;
    for (int i = 1; i <= belay_engine_num_states(t->engine); i++)
        if (belay_engine_count_of(t->engine, i) > count)
            count = belay_engine_count_of(t->engine, i);
    belay_status status = BELAY_OK;
    float *zeros = belay_alloc_array(count, sizeof(*zeros));
    if (!zeros)
        return belay_fail_nomem(t->log, count * sizeof(*zeros));
    for (int i = 1; i <= belay_engine_num_states(t->engine) && status == BELAY_OK; i++)
        status = belay_engine_set_arena(t->engine, i, zeros);
    belay_free(zeros);
    return status;
}

// The best weights, an optimizer that starts anew, a smaller rate. Steps go on, so that the next batches
// are others than those that led here.
belay_status belay_trainer_rollback(struct belay_trainer *t)
{
    t->s.rollbacks++;
    belay_say(t->log, BELAY_LOG_WARN,
              "step %llu: the loss is not finite: back to the weights of step %llu, learning rate "
              "times %g (rollback %llu of %d)",
              (unsigned long long) t->s.step, (unsigned long long) t->s.monitor.best_step,
              belay_trainer_lr_scale(t), (unsigned long long) t->s.rollbacks,
              t->recipe->stop.rollbacks);
    BELAY_TRY(clear_moments(t));
    BELAY_TRY(belay_trainer_load_best(t));
    t->s.optimizer_start = t->s.step;
    t->s.loss_sum = 0;
    t->s.loss_count = 0;
    return BELAY_OK;
}

double belay_trainer_lr_scale(const struct belay_trainer *t)
{
    return t->s.rollbacks ? pow(t->recipe->rollback_lr, (double) t->s.rollbacks) : 1;
}

// Between checks; false: the policy is another, or nothing is left of it.
bool belay_trainer_may_roll_back(struct belay_trainer *t)
{
    struct belay_monitor_state *s = &t->s.monitor;
    if (t->recipe->stop.nan != BELAY_NAN_ROLLBACK || isnan(s->best) ||
        s->rollbacks >= (uint64_t) t->recipe->stop.rollbacks)
        return false;
    s->rollbacks++;
    return true;
}

// ---- further bests ----

// Which of checkpoint.best are the best so far by this check; bit i: best_of[i].
unsigned belay_trainer_note_bests(struct belay_trainer *t, const struct check_values *val)
{
    unsigned better = 0;
    for (int i = 0; i < t->recipe->num_best_of; i++) {
        const struct belay_best_of *of = &t->recipe->best_of[i];
        struct best *best = &t->s.best_of[i];
        double value = value_of(t, of->metric, val), sign = of->maximize ? 1 : -1;
        if (!isfinite(value) || (!isnan(best->value) && !(sign * (value - best->value) > 0)))
            continue;
        *best = (struct best){ t->s.step, value };
        better |= 1u << i;
    }
    return better;
}

// RUN/best-val.accuracy.safetensors
char *belay_trainer_best_of_path(const struct belay_trainer *t, int i)
{
    struct belay_str s = { 0 };
    belay_str_addf(&s, "%s/best-%s.safetensors", t->paths.dir, t->recipe->best_of[i].metric);
    return s.text;
}

// ---- the schedule's end ----

static double end_of(const struct belay_schedule *s, const double *values)
{
    double end = 0;
    for (int i = 0; i < BELAY_MAX_OPTIONS && s->options[i].name; i++)
        if (strcmp(s->options[i].name, "over") == 0 ||
            (s->options[i].name[0] == 'a' && s->options[i].name[1] == 't' &&
             strcmp(s->options[i].type, "steps") == 0))
            end = fmax(end, values[i]);
    return end;
}

// Steps until the rate has its last value; 0: there is no such end.
static double schedule_end(const struct belay_trainer *t)
{
    double end = end_of(t->recipe->schedule, t->schedule_options);
    for (int i = 0; i < t->schedule_parts.num; i++) {
        const struct belay_schedule_part *part = &t->schedule_parts.part[i];
        end = fmax(end, part->start + end_of(part->schedule, part->options));
    }
    return end > 0 ? end + t->warmup_steps : 0;
}

static double patience_steps(const struct belay_trainer *t)
{
    const struct belay_length *l = &t->recipe->stop.patience;
    if (t->recipe->stop.rule.kind != BELAY_CRITERION_PATIENCE || l->value < 0 ||
        l->unit == BELAY_UNIT_SECONDS)
        return 0;
    if (l->unit == BELAY_UNIT_CHECKS)
        return fmax(l->value, 1) * (double) t->check_every;
    return (double) belay_length_steps(l, t->steps_per_epoch);
}

static double earliest_steps(const struct belay_trainer *t)
{
    const struct belay_length *l = &t->recipe->stop.not_before;
    if (l->unit == BELAY_UNIT_CHECKS)
        return l->value * (double) t->check_every;
    return l->value > 0 ? (double) belay_length_steps(l, t->steps_per_epoch) : 0;
}

void belay_trainer_warn_schedule(struct belay_trainer *t)
{
    double end = schedule_end(t), patience = patience_steps(t);
    if (t->overfit || !(patience > 0) || patience >= end || earliest_steps(t) >= end)
        return;
    belay_say(t->log, BELAY_LOG_WARN,
              "the schedule %s ends at step %.0f; stop.patience may stop the run before it (after %.0f "
              "steps without improvement). stop.not_before=%.0fsteps keeps it from that",
              t->recipe->schedule->name, end, patience, end);
}
