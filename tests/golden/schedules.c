// The group schedules: the rate of every step for every base rate, and the momentum.
#include <stdio.h>
#include <string.h>

#include "golden/golden.h"
#include "train/schedule.h"

enum { MAX_MILESTONES = 8 };

// Their class, our name, and their attributes beside our options.
static const struct mapping {
    const char *op, *name, *known;
    struct {
        const char *theirs, *ours;
        double fallback;
    } option[8]; // fewer than that
} mappings[] = {
    { "StepLR",
      "step",
      "step_size gamma",
      { { "step_size", "step_size", 0 }, { "gamma", "gamma", 0.1 } } },
    { "ConstantLR",
      "constant",
      "factor total_iters",
      { { "factor", "factor", 1.0 / 3 }, { "total_iters", "total_iters", 5 } } },
    { "CosineAnnealingLR",
      "cosine",
      "T_max eta_min",
      { { "T_max", "over", 0 }, { "eta_min", "min", 0 }, { "", "past_end", 1 } } },
    { "CosineAnnealingWarmRestarts",
      "cosine_restarts",
      "T_0 T_mult eta_min",
      { { "T_0", "first", 0 }, { "T_mult", "mult", 1 }, { "eta_min", "min", 0 } } },
    { "CyclicLR",
      "cyclic",
      "base_lr max_lr step_size_up step_size_down mode gamma cycle_momentum base_momentum "
      "max_momentum",
      { { "base_lr", "min", 0 },
        { "base_momentum", "base_momentum", 0.8 },
        { "max_momentum", "max_momentum", 0.9 },
        { "step_size_up", "up", 2000 },
        { "step_size_down", "down", 0 },
        { "gamma", "gamma", 1 } } },
    { "ExponentialLR", "exponential", "gamma", { { "gamma", "gamma", 1 }, { "", "every", 1 } } },
    { "LinearLR",
      "linear",
      "start_factor end_factor total_iters",
      { { "start_factor", "start_factor", 1.0 / 3 },
        { "end_factor", "end_factor", 1 },
        { "total_iters", "over", 5 } } },
    { "MultiStepLR", "multistep", "milestones gamma", { { "gamma", "gamma", 0.1 } } },
    { "OneCycleLR",
      "one_cycle",
      "max_lr total_steps epochs steps_per_epoch pct_start anneal_strategy div_factor "
      "final_div_factor three_phase "
      "cycle_momentum base_momentum max_momentum",
      { { "total_steps", "over", 0 },
        { "pct_start", "pct_start", 0.3 },
        { "div_factor", "div_factor", 25 },
        { "final_div_factor", "final_div_factor", 1e4 },
        { "base_momentum", "base_momentum", 0.85 },
        { "max_momentum", "max_momentum", 0.95 } } },
    { "PolynomialLR",
      "polynomial",
      "total_iters power",
      { { "total_iters", "over", 5 }, { "power", "power", 1 } } },
    { "ReduceLROnPlateau",
      "plateau",
      "mode factor patience threshold threshold_mode cooldown min_lr eps",
      { { "factor", "factor", 0.1 },
        { "patience", "patience", 10 },
        { "threshold", "threshold", 1e-4 },
        { "cooldown", "cooldown", 0 },
        { "min_lr", "min_lr", 0 },
        { "eps", "eps", 1e-8 } } },
};

// More milestones than we have make another schedule, too.
static const struct mapping *find(const struct golden_case *c)
{
    const struct belay_json *milestones = golden_attr(c, "milestones");
    if (milestones && milestones->count > MAX_MILESTONES)
        return NULL;
    for (size_t i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++)
        if (strcmp(mappings[i].op, c->op) == 0 && golden_only(c, mappings[i].known))
            return &mappings[i];
    return NULL;
}

static void set_option(const struct belay_schedule *s, const char *name, double value,
                       double *options)
{
    for (int i = 0; i < BELAY_MAX_OPTIONS && s->options[i].name; i++)
        if (strcmp(s->options[i].name, name) == 0)
            options[i] = value;
}

static const struct belay_json *at(const struct belay_json *list, size_t index)
{
    const struct belay_json *e = list ? list->first : NULL;
    while (e && index-- > 0)
        e = e->next;
    return e;
}

// An attribute of a parameter group: one number for all, or a list.
static double number(const struct golden_case *c, const char *name, size_t group, double fallback)
{
    const struct belay_json *a = golden_attr(c, name);
    const struct belay_json *e = a && a->kind == BELAY_JSON_ARRAY ? at(a, group) : NULL;
    return e ? e->number : golden_number(c, name, fallback);
}

static void read_options(struct golden_case *c, const struct mapping *m,
                         const struct belay_schedule *s, size_t group, double *options)
{
    for (int i = 0; i < 8 && m->option[i].ours; i++)
        set_option(s, m->option[i].ours,
                   number(c, m->option[i].theirs, group, m->option[i].fallback), options);
    if (golden_attr(c, "steps_per_epoch"))
        set_option(s, "over",
                   golden_number(c, "steps_per_epoch", 0) * golden_number(c, "epochs", 0), options);
    set_option(s, "threshold_mode", strcmp(golden_text(c, "threshold_mode", "rel"), "abs") == 0,
               options);
    const char *mode = golden_text(c, "mode", "");
    bool halved = strcmp(mode, "triangular2") == 0, scaled = strcmp(mode, "exp_range") == 0;
    set_option(s, "mode", halved ? 1 : scaled ? 2 : 0, options);
    set_option(s, "anneal", strcmp(golden_text(c, "anneal_strategy", "cos"), "linear") == 0,
               options);
    set_option(s, "cycle_momentum", golden_flag(c, "cycle_momentum", true), options);
    set_option(s, "three_phase", golden_flag(c, "three_phase", false), options);
    int64_t milestones[MAX_MILESTONES];
    char name[16];
    int count = golden_list(c, "milestones", MAX_MILESTONES, milestones);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "at%d", i + 1);
        set_option(s, name, (double) milestones[i], options);
    }
}

static bool check_group(struct golden_case *c, const struct belay_schedule *s,
                        const double *options, const struct belay_schedule_parts *parts,
                        double base, const struct belay_json *rates)
{
    const struct belay_json *metrics = belay_json_get(c->line, "metrics");
    const struct belay_json *tolerance = belay_json_get(c->line, "tolerance");
    double atol = belay_json_number_or(tolerance, "atol", 0);
    double rtol = belay_json_number_or(tolerance, "rtol", 0);
    bool maximize = strcmp(golden_text(c, "mode", "min"), "max") == 0;
    struct belay_schedule_state state = { { 0 } };
    if (s->init)
        s->init(options, &state);
    for (size_t t = 0; t < rates->count; t++) {
        double got = belay_schedule_rate(s, options, parts, &state, base, 0, t);
        if (!golden_close(got, at(rates, t)->number, atol, rtol)) {
            golden_fail(c, "step %zu: rate %.17g, want %.17g", t, got, at(rates, t)->number);
            return false;
        }
        if (s->check && metrics)
            s->check(options, &state, at(metrics, t)->number, maximize);
    }
    return true;
}

// A line without them leaves the momentum alone.
static bool check_momentum(struct golden_case *c, const struct belay_schedule *s,
                           const double *options)
{
    const struct belay_json *want = belay_json_get(c->line, "momentum_per_step");
    const struct belay_json *tolerance = belay_json_get(c->line, "tolerance");
    double atol = belay_json_number_or(tolerance, "atol", 0);
    double rtol = belay_json_number_or(tolerance, "rtol", 0);
    for (size_t t = 0; want && t < want->count; t++) {
        double got = belay_schedule_momentum(s, options, 0, t);
        if (golden_close(got, at(want, t)->number, atol, rtol))
            continue;
        golden_fail(c, "step %zu: momentum %.17g, want %.17g", t, got, at(want, t)->number);
        return false;
    }
    return true;
}

// ---- schedules of schedules ----

static const char *joining(const struct golden_case *c)
{
    bool sequential = strcmp(c->op, "SequentialLR") == 0;
    return sequential ? "sequential" : strcmp(c->op, "ChainedScheduler") == 0 ? "chained" : NULL;
}

// False: one of them is none of ours, or joins others itself.
static bool read_parts(struct golden_case *c, size_t group, struct belay_schedule_parts *parts)
{
    const struct belay_json *list = belay_json_get(c->line, "schedulers");
    const struct belay_json *starts = golden_attr(c, "milestones");
    memset(parts, 0, sizeof(*parts));
    for (const struct belay_json *e = list ? list->first : NULL; e; e = e->next) {
        struct belay_schedule_part *part = &parts->part[parts->num];
        struct golden_case one = *c;
        one.line = e;
        one.op = belay_json_string_or(e, "op", "");
        const struct mapping *m = find(&one);
        if (!m || parts->num == BELAY_MAX_PARTS)
            return false;
        part->schedule = belay_schedule_find(m->name);
        if (!part->schedule || part->schedule->check)
            return false;
        read_options(&one, m, part->schedule, group, part->options);
        if (parts->num > 0 && starts)
            part->start = at(starts, (size_t) parts->num - 1)->number;
        parts->num++;
    }
    return parts->num > 0;
}

enum golden_result golden_schedule(struct golden_case *c)
{
    const char *join = joining(c);
    const struct mapping *m = join ? NULL : find(c);
    const struct belay_json *bases = belay_json_get(c->line, "lr");
    const struct belay_json *rates = belay_json_get(c->line, "lr_per_step");
    struct belay_schedule_parts parts;
    if (!m && !join)
        return GOLDEN_SKIP;
    const struct belay_schedule *s = belay_schedule_find(join ? join : m->name);
    if (!s || !bases || !rates || bases->count != rates->count)
        return golden_fail(c, "the line has no rates, or there is no schedule for it");
    for (size_t i = 0; i < bases->count; i++) {
        double options[BELAY_MAX_OPTIONS] = { 0 };
        if (join && !read_parts(c, i, &parts))
            return GOLDEN_SKIP;
        if (m)
            read_options(c, m, s, i, options);
        if (!check_group(c, s, options, join ? &parts : NULL,
                         number(c, "max_lr", i, at(bases, i)->number), at(rates, i)))
            return GOLDEN_FAIL;
        if (m && !check_momentum(c, s, options))
            return GOLDEN_FAIL;
    }
    return GOLDEN_PASS;
}
