#include "train/preset.h"

#include <math.h>
#include <string.h>

#include "base/str.h"

#define AT(field) offsetof(struct belay_rule, field)
#define NUMBER(name, field) { name, AT(field), NULL }
// Changes neither stop nor best.
#define IGNORED(name) { name, (size_t) -1, NULL }
#define CHOICE(name, field, choices) { name, AT(field), choices }

static const struct belay_preset_choice modes[] = {
    { "min", 0 }, { "max", 1 }, { "auto", 0 }, { NULL, 0 },
};
static const struct belay_preset_choice comparisons[] = {
    { "less", 0 }, { "greater", 1 }, { NULL, 0 },
};
static const struct belay_preset_choice truths[] = { { "false", 0 }, { "true", 1 }, { NULL, 0 } };
static const struct belay_preset_choice untruths[] = { { "true", 0 }, { "false", 1 }, { NULL, 0 } };
static const struct belay_preset_choice precisions[] = {
    { "float64", 0 }, { "float32", 1 }, { NULL, 0 },
};
static const struct belay_preset_choice creeping[] = {
    { "false", BELAY_RULE_BEST_BOTH }, { "true", BELAY_RULE_BEST_IMPROVED }, { NULL, 0 },
};
static const struct belay_preset_choice ignite_forms[] = {
    { "abs", BELAY_RULE_BEST_SIDE }, { "rel", BELAY_RULE_FACTOR }, { NULL, 0 },
};
static const struct belay_preset_choice skorch_forms[] = {
    { "abs", BELAY_RULE_BEST_SIDE }, { "rel", BELAY_RULE_SHARE }, { NULL, 0 },
};
static const struct belay_preset_choice criteria[] = {
    { "GL", BELAY_RULE_GL },
    { "PQ", BELAY_RULE_PQ },
    { "Patience", BELAY_RULE_UP },
    { "UP", BELAY_RULE_UP },
    { "Patience/UP", BELAY_RULE_UP },
    { "NumberSinceBest", BELAY_RULE_PATIENCE },
    { "NumberLimit", BELAY_RULE_COUNT },
    { "Threshold", BELAY_RULE_THRESHOLD },
    { "InvalidValue", BELAY_RULE_INVALID },
    { NULL, 0 },
};

static const struct belay_preset_option patience_options[] = {
    NUMBER("patience", limit), NUMBER("min_delta", min_delta), NUMBER("warmup", warmup),
    CHOICE("mode", maximize, modes), { 0 },
};
static const struct belay_preset_option gl_options[] = {
    NUMBER("alpha", limit), NUMBER("warmup", warmup), CHOICE("mode", maximize, modes), { 0 },
};
static const struct belay_preset_option pq_options[] = {
    NUMBER("alpha", limit), NUMBER("k", strip), NUMBER("warmup", warmup),
    CHOICE("mode", maximize, modes), { 0 },
};
static const struct belay_preset_option up_options[] = {
    NUMBER("s", limit), NUMBER("warmup", warmup), CHOICE("mode", maximize, modes), { 0 },
};
static const struct belay_preset_option keras_options[] = {
    NUMBER("patience", limit), NUMBER("min_delta", min_delta), NUMBER("baseline", baseline),
    NUMBER("start_from_epoch", warmup), CHOICE("mode", maximize, modes),
    CHOICE("precision", single, precisions), IGNORED("restore_best_weights"), { 0 },
};
static const struct belay_preset_option lightning_options[] = {
    NUMBER("patience", limit), NUMBER("min_delta", min_delta), CHOICE("mode", maximize, modes),
    CHOICE("check_finite", finite, truths), NUMBER("stopping_threshold", reached),
    NUMBER("divergence_threshold", diverged), CHOICE("precision", single, precisions), { 0 },
};
static const struct belay_preset_option ignite_options[] = {
    NUMBER("patience", limit), NUMBER("threshold", min_delta),
    CHOICE("threshold_mode", form, ignite_forms), CHOICE("cumulative", best, creeping),
    CHOICE("mode", maximize, modes), { 0 },
};
static const struct belay_preset_option hf_options[] = {
    NUMBER("early_stopping_patience", limit), NUMBER("early_stopping_threshold", min_delta),
    CHOICE("greater_is_better", maximize, truths), { 0 },
};
static const struct belay_preset_option skorch_options[] = {
    NUMBER("patience", limit), NUMBER("threshold", min_delta),
    CHOICE("threshold_mode", form, skorch_forms), CHOICE("lower_is_better", maximize, untruths),
    IGNORED("load_best"), { 0 },
};
static const struct belay_preset_option fastai_options[] = {
    NUMBER("patience", limit), NUMBER("min_delta", min_delta),
    CHOICE("comp", maximize, comparisons), { 0 },
};
static const struct belay_preset_option mlp_options[] = {
    NUMBER("n_iter_no_change", limit), NUMBER("tol", min_delta), IGNORED("early_stopping"), { 0 },
};
static const struct belay_preset_option jl_options[] = {
    CHOICE("criterion", kind, criteria), NUMBER("alpha", limit), NUMBER("n", limit),
    NUMBER("value", limit), NUMBER("k", strip), NUMBER("warmup", warmup), { 0 },
};

// What is not named is zero: values that are to fall, no min_delta.
#define PLAIN .baseline = NAN, .reached = NAN, .diverged = NAN, .strip = 5
#define HF PLAIN, .limit = 1, .form = BELAY_RULE_GAIN, .first = BELAY_RULE_FIRST_FREE, \
    .best = BELAY_RULE_BEST_STRICT, .always = 1
#define OWN PLAIN, .form = BELAY_RULE_GAIN, .best = BELAY_RULE_BEST_APART, .finite = 1

const struct belay_preset belay_presets[] = {
    { "patience", "checks without a gain above min_delta", BELAY_RESUME_KEEPS,
      { OWN, .limit = 5, .kind = BELAY_RULE_PATIENCE }, patience_options },
    { "gl", "Prechelt: loss above its minimum, in per cent, is above alpha", BELAY_RESUME_KEEPS,
      { OWN, .limit = 2, .kind = BELAY_RULE_GL }, gl_options },
    { "pq", "Prechelt: GL over the progress of the last k training losses is above alpha",
      BELAY_RESUME_KEEPS, { OWN, .limit = 0.75, .kind = BELAY_RULE_PQ }, pq_options },
    { "up", "Prechelt: s increases in a row", BELAY_RESUME_KEEPS,
      { OWN, .limit = 5, .kind = BELAY_RULE_UP }, up_options },
    { "keras", "EarlyStopping of Keras 3", BELAY_RESUME_FORGETS,
      { PLAIN, .form = BELAY_RULE_VALUE_SIDE, .abs_delta = 1 }, keras_options },
    { "lightning", "EarlyStopping of PyTorch Lightning", BELAY_RESUME_KEEPS,
      { PLAIN, .limit = 3, .first = BELAY_RULE_FIRST_WORST, .finite = 1 }, lightning_options },
    { "ignite", "EarlyStopping of PyTorch Ignite", BELAY_RESUME_FORGETS,
      { PLAIN, .limit = 1, .form = BELAY_RULE_BEST_SIDE, .best = BELAY_RULE_BEST_BOTH,
        .maximize = 1, .nan_improves = 1 }, ignite_options },
    { "skorch", "EarlyStopping of skorch", BELAY_RESUME_FORGETS,
      { PLAIN, .limit = 5, .min_delta = 1e-4, .form = BELAY_RULE_SHARE,
        .first = BELAY_RULE_FIRST_WORST, .when = BELAY_RULE_EQUAL, .always = 1 }, skorch_options },
    { "hf", "EarlyStoppingCallback of Hugging Face transformers", BELAY_RESUME_KEEPS,
      { HF }, hf_options },
    { "transformers", "the same", BELAY_RESUME_KEEPS, { HF }, hf_options },
    { "fastai", "EarlyStoppingCallback of fastai", BELAY_RESUME_FORGETS,
      { PLAIN, .limit = 1, .first = BELAY_RULE_FIRST_WORST }, fastai_options },
    { "earlystopping_jl", "a criterion of EarlyStopping.jl, alone or as Warmup(criterion)",
      BELAY_RESUME_KEEPS, { PLAIN, .limit = NAN, .kind = BELAY_RULE_UP }, jl_options },
    { "sklearn_mlp", "early_stopping of scikit-learn's MLP with Adam", BELAY_RESUME_FORGETS,
      { PLAIN, .limit = 10, .min_delta = 1e-4, .form = BELAY_RULE_BEST_SIDE,
        .first = BELAY_RULE_FIRST_WORST, .best = BELAY_RULE_BEST_STRICT,
        .when = BELAY_RULE_EXCEEDED, .maximize = 1, .nan_improves = 1, .inclusive = 1 },
      mlp_options },
    { 0 },
};

const struct belay_preset *belay_preset_find(const char *name)
{
    for (const struct belay_preset *p = belay_presets; p->name; p++)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

static const struct belay_preset_option *find_option(const struct belay_preset *preset,
                                                     const char *name)
{
    for (const struct belay_preset_option *o = preset->options; o->name; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

static belay_status unknown_option(struct belay_log *log, const struct belay_preset *preset,
                                   const char *name)
{
    const char *names[16];
    size_t count = 0;
    for (; preset->options[count].name && count < 16; count++)
        names[count] = preset->options[count].name;
    const char *near = belay_suggest(name, names, count);
    return belay_fail(log, BELAY_ERR_RECIPE, "rule '%s': unknown option '%s', did you mean '%s'?",
                      preset->name, name, near ? near : names[0]);
}

static belay_status set_choice(struct belay_log *log, const struct belay_preset *preset,
                               struct belay_rule *rule, const struct belay_preset_option *option,
                               const char *text)
{
    struct belay_str all = { 0 };
    for (const struct belay_preset_choice *c = option->choices; c->text; c++) {
        if (strcmp(c->text, text) == 0) {
            *(int *) ((char *) rule + option->offset) = c->value;
            belay_str_free(&all);
            return BELAY_OK;
        }
        belay_str_addf(&all, "%s%s", all.length ? ", " : "", c->text);
    }
    belay_status status =
        belay_fail(log, BELAY_ERR_RECIPE, "rule '%s': %s: got '%s', want one of %s", preset->name,
                   option->name, text, all.text ? all.text : "");
    belay_str_free(&all);
    return status;
}

// "Warmup(X)" is X with the option `warmup`; "X(3)" is X with the limit 3.
static belay_status set_criterion(struct belay_log *log, const struct belay_preset *preset,
                                  struct belay_rule *rule, const struct belay_preset_option *option,
                                  const char *text)
{
    static const char warmup[] = "Warmup(";
    char name[64], number[64];
    size_t skip = strncmp(text, warmup, sizeof(warmup) - 1) == 0 ? sizeof(warmup) - 1 : 0;
    size_t length = strcspn(text + skip, "()");
    if (length >= sizeof(name))
        return set_choice(log, preset, rule, option, text);
    memcpy(name, text + skip, length);
    name[length] = '\0';
    BELAY_TRY(set_choice(log, preset, rule, option, name));
    const char *inside = text + skip + length;
    size_t digits = *inside == '(' ? strcspn(inside + 1, ")") : 0;
    if (digits == 0 || digits >= sizeof(number))
        return BELAY_OK;
    memcpy(number, inside + 1, digits);
    number[digits] = '\0';
    if (!belay_parse_double(number, &rule->limit))
        return belay_fail(log, BELAY_ERR_RECIPE, "rule '%s': %s: '%s' is no number", preset->name,
                          option->name, number);
    return BELAY_OK;
}

belay_status belay_preset_set(struct belay_log *log, const struct belay_preset *preset,
                              struct belay_rule *rule, const char *name, const char *text)
{
    const struct belay_preset_option *option = find_option(preset, name);
    if (!option)
        return unknown_option(log, preset, name);
    if (strcmp(text, "null") == 0 || option->offset == (size_t) -1)
        return BELAY_OK;
    if (option->choices == criteria)
        return set_criterion(log, preset, rule, option, text);
    if (option->choices)
        return set_choice(log, preset, rule, option, text);
    double value;
    if (!belay_parse_double(text, &value) || !isfinite(value))
        return belay_fail(log, BELAY_ERR_RECIPE, "rule '%s': %s: got '%s', want a number",
                          preset->name, name, text);
    memcpy((char *) rule + option->offset, &value, sizeof(value));
    return BELAY_OK;
}

// The defaults of EarlyStopping.jl hang on the criterion.
static double default_limit(const struct belay_rule *rule)
{
    static const double limits[] = {
        [BELAY_RULE_PATIENCE] = 6, [BELAY_RULE_GL] = 2,          [BELAY_RULE_PQ] = 0.75,
        [BELAY_RULE_UP] = 5,       [BELAY_RULE_COUNT] = 100,     [BELAY_RULE_THRESHOLD] = 0,
        [BELAY_RULE_INVALID] = 0,
    };
    return limits[rule->kind];
}

belay_status belay_preset_check(struct belay_log *log, const struct belay_preset *preset,
                                struct belay_rule *rule)
{
    if (isnan(rule->limit))
        rule->limit = default_limit(rule);
    if (rule->strip < 1 || rule->strip > BELAY_RULE_MAX_STRIP || rule->strip != floor(rule->strip))
        return belay_fail(log, BELAY_ERR_RECIPE,
                          "rule '%s': k is %g, want a whole number of 1 to %d", preset->name,
                          rule->strip, BELAY_RULE_MAX_STRIP);
    if (rule->warmup < 0)
        return belay_fail(log, BELAY_ERR_RECIPE, "rule '%s': the warm-up is %g, want 0 or more",
                          preset->name, rule->warmup);
    return BELAY_OK;
}

static belay_status parse_item(struct belay_log *log, const struct belay_preset *preset,
                               struct belay_rule *rule, char *item)
{
    char *equals = strchr(item, '=');
    if (!equals)
        return belay_preset_set(log, preset, rule, preset->options[0].name, item);
    *equals = '\0';
    return belay_preset_set(log, preset, rule, item, equals + 1);
}

static belay_status unknown_preset(struct belay_log *log, const char *name)
{
    const char *names[32];
    size_t count = 0;
    for (; belay_presets[count].name && count < 32; count++)
        names[count] = belay_presets[count].name;
    const char *near = belay_suggest(name, names, count);
    if (near)
        return belay_fail(log, BELAY_ERR_RECIPE, "unknown rule '%s', did you mean '%s'?", name,
                          near);
    struct belay_str list = { 0 };
    for (size_t i = 0; i < count; i++)
        belay_str_addf(&list, "%s%s", i ? ", " : "", names[i]);
    belay_status status = belay_fail(log, BELAY_ERR_RECIPE, "unknown rule '%s', there are %s", name,
                                     list.text ? list.text : "none");
    belay_str_free(&list);
    return status;
}

belay_status belay_preset_parse(struct belay_log *log, const char *text,
                                const struct belay_preset **preset, struct belay_rule *rule)
{
    char copy[512], *item, *next;
    if (strlen(text) >= sizeof(copy))
        return belay_fail(log, BELAY_ERR_RECIPE, "a rule may have %zu bytes", sizeof(copy) - 1);
    memcpy(copy, text, strlen(text) + 1);
    item = strchr(copy, ':');
    if (item)
        *item++ = '\0';
    const struct belay_preset *found = belay_preset_find(copy);
    if (!found)
        return unknown_preset(log, copy);
    struct belay_rule made = found->rule;
    for (; item && *item; item = next) {
        next = item + strcspn(item, ",");
        if (*next)
            *next++ = '\0';
        BELAY_TRY(parse_item(log, found, &made, item));
    }
    BELAY_TRY(belay_preset_check(log, found, &made));
    *preset = found;
    *rule = made;
    return BELAY_OK;
}
