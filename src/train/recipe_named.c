// The sections whose options come from descriptors: loss, metrics, optimizer, schedule.
#include "train/recipe_inner.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/model.h"

// The list of one kind of named thing: name(i) is NULL after the last.
struct kind {
    const char *word; // "optimizer", its section too
    const char *(*name)(size_t index);
};

static const char *loss_name(size_t i)
{
    return belay_loss_at(i) ? belay_loss_at(i)->name : NULL;
}

static const char *metric_name(size_t i)
{
    return belay_metrics[i] ? belay_metrics[i]->name : NULL;
}

static const char *optimizer_name(size_t i)
{
    return belay_optimizer_at(i) ? belay_optimizer_at(i)->name : NULL;
}

static const char *schedule_name(size_t i)
{
    return belay_schedules[i] ? belay_schedules[i]->name : NULL;
}

static const struct kind losses = { "loss", loss_name };
static const struct kind metrics = { "metric", metric_name };
static const struct kind optimizers = { "optimizer", optimizer_name };
static const struct kind schedules = { "schedule", schedule_name };

#define MAX_NAMES 64

static belay_status unknown_name(struct belay_recipe *r, const struct kind *kind,
                                 const struct belay_yaml *node, const char *got)
{
    const char *names[MAX_NAMES];
    char list[256] = "";
    size_t count = 0, used = 0;
    for (; count < MAX_NAMES && kind->name(count); count++) {
        names[count] = kind->name(count);
        if (used < sizeof(list))
            used += (size_t) snprintf(list + used, sizeof(list) - used, "%s%s",
                                      count ? ", " : "", names[count]);
    }
    bool may_be_own = kind == &losses || kind == &optimizers;
    if (may_be_own && node && belay_is_record(node->from ? node->from : r->name))
        return belay_recipe_bad(r, node, "the %s '%s' is none of Belay's: the program that wrote this "
                                "had registered it, this one has not (belay_register_%s)",
                                kind->word, got, kind->word);
    const char *near = belay_suggest(got, names, count);
    if (near)
        return belay_recipe_bad(r, node, "unknown %s '%s', did you mean '%s'?", kind->word, got,
                                near);
    return belay_recipe_bad(r, node, "unknown %s '%s', there are: %s", kind->word, got, list);
}

// The name in "adam" or {name: adam, …}; the section's fallback without one.
static belay_status name_of(struct belay_recipe *r, const struct kind *kind,
                            const struct belay_yaml *node, const struct belay_yaml **at,
                            const char **name)
{
    *at = node;
    *name = belay_recipe_key(kind->word)->fallback;
    if (!node || belay_recipe_is_empty(node))
        return BELAY_OK;
    if (node->kind == BELAY_YAML_LIST)
        return belay_recipe_bad(r, node, "%s: got a list, want a name or {name: ...}", kind->word);
    const struct belay_yaml *inner =
        node->kind == BELAY_YAML_MAP ? belay_yaml_get(node, "name") : node;
    if (!inner)
        return BELAY_OK;
    if (inner->kind != BELAY_YAML_SCALAR)
        return belay_recipe_bad(r, inner, "%s.name: want a name", kind->word);
    *at = inner;
    *name = inner->text;
    return BELAY_OK;
}

static int find_option(const struct belay_option *options, const char *name)
{
    for (int i = 0; i < BELAY_MAX_OPTIONS && options[i].name; i++)
        if (strcmp(options[i].name, name) == 0)
            return i;
    return -1;
}

static belay_status unknown_option(struct belay_recipe *r, const char *prefix,
                                   const struct belay_option *options, const char *const *extra,
                                   const char *name, const struct belay_yaml *node)
{
    const char *names[BELAY_MAX_OPTIONS + 8];
    size_t count = 0;
    for (int i = 0; i < BELAY_MAX_OPTIONS && options[i].name; i++)
        names[count++] = options[i].name;
    for (; *extra; extra++)
        names[count++] = *extra;
    const char *near = belay_suggest(node->key, names, count);
    if (near)
        return belay_recipe_bad(r, node, "unknown key '%s.%s', did you mean '%s.%s'?", prefix,
                                node->key, prefix, near);
    return belay_recipe_bad(r, node, "unknown key '%s.%s': %s has no such option; `belay config "
                            "%s` lists them", prefix, node->key, name, name);
}

static belay_status read_option(struct belay_recipe *r, const char *prefix,
                                const struct belay_option *option, const struct belay_yaml *node,
                                double *value, enum belay_unit *unit)
{
    bool on;
    struct belay_length length;
    const char *want;
    if (strcmp(option->type, "bool") == 0) {
        want = "true or false";
        if (belay_recipe_as_bool(node, &on)) {
            *value = on;
            return BELAY_OK;
        }
    } else if (strcmp(option->type, "steps") == 0) {
        want = "a length in steps or epochs";
        if (node->kind == BELAY_YAML_SCALAR && !node->quoted &&
            belay_parse_length(node->text, BELAY_UNIT_STEPS, &length) && length.value >= 0 &&
            (length.unit == BELAY_UNIT_STEPS || length.unit == BELAY_UNIT_EPOCHS)) {
            *value = length.value;
            *unit = length.unit;
            return BELAY_OK;
        }
    } else if (strchr(option->type, '|')) {
        want = option->type;
        int choice = node->kind == BELAY_YAML_SCALAR ? belay_recipe_choice(want, node->text) : -1;
        if (choice >= 0) {
            *value = choice;
            return BELAY_OK;
        }
    } else {
        double number;
        bool whole = strcmp(option->type, "int") == 0, rate = strcmp(option->name, "lr") == 0;
        want = whole ? "a whole number" : rate ? "a number that is not negative" : "a number";
        if (belay_recipe_as_double(node, &number) && isfinite(number) &&
            (!whole || number == floor(number)) && (!rate || number >= 0)) {
            *value = number;
            return BELAY_OK;
        }
    }
    if (node->kind != BELAY_YAML_SCALAR)
        return belay_recipe_bad(r, node, "%s.%s: got a %s, want %s", prefix, option->name,
                                node->kind == BELAY_YAML_MAP ? "map" : "list", want);
    return belay_recipe_bad(r, node, "%s.%s: got '%s', want %s", prefix, option->name, node->text,
                            want);
}

// Reads the options in `map` over what `values` holds. `extra` are keys that the caller reads.
static belay_status read_options(struct belay_recipe *r, const char *prefix, const char *name,
                                 const struct belay_option *options, const struct belay_yaml *map,
                                 const char *const *extra, double *values, enum belay_unit *units)
{
    if (!map || map->kind != BELAY_YAML_MAP)
        return BELAY_OK;
    for (const struct belay_yaml *c = map->first; c; c = c->next) {
        bool ours = false;
        for (const char *const *e = extra; *e; e++)
            ours = ours || strcmp(c->key, *e) == 0;
        if (ours)
            continue;
        int i = find_option(options, c->key);
        if (i < 0)
            return unknown_option(r, prefix, options, extra, name, c);
        if (!belay_recipe_is_empty(c))
            BELAY_TRY(read_option(r, prefix, &options[i], c, &values[i], &units[i]));
    }
    return BELAY_OK;
}

static void set_fallbacks(const struct belay_option *options, double *values,
                          enum belay_unit *units)
{
    for (int i = 0; i < BELAY_MAX_OPTIONS && options[i].name; i++) {
        values[i] = options[i].fallback;
        units[i] = BELAY_UNIT_STEPS;
    }
}

static const struct belay_yaml *inner_of(const struct belay_yaml *node, const char *key)
{
    return node && node->kind == BELAY_YAML_MAP ? belay_yaml_get(node, key) : NULL;
}

static belay_status check_weight(struct belay_recipe *r, const char *name,
                                 const struct belay_yaml *node)
{
    double value;
    if (belay_recipe_as_double(node, &value) && value > 0 && isfinite((float) value))
        return BELAY_OK;
    return belay_recipe_bad(r, node, "loss.%s: want numbers above 0, or balanced", name);
}

// balanced, a number for each, a map by class; of targets also one number.
static belay_status read_loss_weights(struct belay_recipe *r, const char *name,
                                      const struct belay_yaml *node)
{
    if (!node || belay_recipe_is_empty(node) || belay_recipe_is_off(node))
        return BELAY_OK;
    r->loss_weights = node;
    if (node->kind == BELAY_YAML_SCALAR)
        return strcmp(node->text, "balanced") == 0 ? BELAY_OK
               : r->loss->classes
                   ? belay_recipe_bad(r, node, "loss.%s: got '%s', want balanced, a list with a number "
                                      "for each class, or a map by class", name, node->text)
                   : check_weight(r, name, node);
    if (node->kind == BELAY_YAML_MAP && !r->loss->classes)
        return belay_recipe_bad(r, node, "loss.%s: got a map, want balanced, a number, or a list with "
                                "one for each target", name);
    for (const struct belay_yaml *c = node->first; c; c = c->next)
        BELAY_TRY(check_weight(r, name, c));
    return node->first ? BELAY_OK : belay_recipe_bad(r, node, "loss.%s: it is empty", name);
}

// A weight that this loss does not take: which do, rather than that there is no such key.
static belay_status refuse_weights(struct belay_recipe *r, const char *name, const char *takes,
                                   const struct belay_yaml *node)
{
    if (!node)
        return BELAY_OK;
    if (strcmp(name, "class_weights") == 0 && takes)
        return belay_recipe_bad(r, node, "loss.class_weights: %s has targets, not classes; give %s",
                                r->loss->name, takes);
    if (strcmp(name, "pos_weight") == 0 && takes)
        return belay_recipe_bad(r, node, "loss.pos_weight: %s has classes; give %s", r->loss->name,
                                takes);
    return belay_recipe_bad(r, node, "loss.%s: %s takes none; class_weights are for cross_entropy and "
                            "nll, pos_weight for bce and bce_with_logits", name, r->loss->name);
}

static belay_status read_weights(struct belay_recipe *r, const struct belay_yaml *node)
{
    static const char *const names[] = { "class_weights", "pos_weight" };
    const struct belay_option *option = belay_loss_weights_option(r->loss);
    for (size_t i = 0; i < 2; i++) {
        const struct belay_yaml *at = inner_of(node, names[i]);
        if (option && strcmp(option->name, names[i]) == 0)
            BELAY_TRY(read_loss_weights(r, names[i], at));
        else
            BELAY_TRY(refuse_weights(r, names[i], option ? option->name : NULL, at));
    }
    return BELAY_OK;
}

belay_status belay_recipe_loss(struct belay_recipe *r, const char *prefix,
                               const struct belay_yaml *node, const char *const *extra,
                               const struct belay_loss **loss, double *options)
{
    const struct belay_yaml *at;
    enum belay_unit units[BELAY_MAX_OPTIONS];
    const char *name;
    BELAY_TRY(name_of(r, &losses, node, &at, &name));
    *loss = belay_loss_find(name);
    if (!*loss)
        return unknown_name(r, &losses, at, name);
    set_fallbacks((*loss)->options, options, units);
    return read_options(r, prefix, name, (*loss)->options, node, extra, options, units);
}

static belay_status read_loss(struct belay_recipe *r)
{
    static const char *const extra[] = { "name", "class_weights", "pos_weight", NULL };
    const struct belay_yaml *node = belay_yaml_get(r->doc.root, "loss");
    BELAY_TRY(belay_recipe_loss(r, "loss", node, extra, &r->loss, r->loss_options));
    return read_weights(r, node);
}

int belay_recipe_metric(const struct belay_recipe *r, const char *name)
{
    for (int i = 0; i < r->num_metrics; i++)
        if (strcmp(r->metric_names[i], name) == 0)
            return i;
    return -1;
}

static const char *full_name(struct belay_recipe *r, const char *head, const char *name)
{
    struct belay_str s = { 0 };
    if (!head)
        return name;
    belay_str_addf(&s, "%s.%s", head, name);
    char *copy = s.failed ? NULL : belay_arena_strdup(&r->doc.arena, s.text);
    belay_str_free(&s);
    return copy;
}

belay_status belay_recipe_add_metric(struct belay_recipe *r, const struct belay_yaml *node,
                                     const char *name, const struct belay_loss *loss,
                                     const char *head, int number)
{
    const struct belay_metric *metric = belay_metric_find(name);
    bool of_loss = strcmp(name, "loss") == 0;
    if (!metric && of_loss)
        metric = &belay_metric_head_loss;
    // The loss is always measured; naming it is no mistake.
    if (of_loss && !head)
        return BELAY_OK;
    if (!metric)
        return unknown_name(r, &metrics, node, name);
    if (!of_loss && metric->classes != loss->classes)
        return belay_recipe_bad(r, node, "metric '%s' is for %s, but the loss '%s' is for %s", name,
                                metric->classes ? "classes" : "numbers", loss->name,
                                loss->classes ? "classes" : "numbers");
    const char *full = full_name(r, head, name);
    if (!full)
        return belay_fail_nomem(r->log, 64);
    if (belay_recipe_metric(r, full) >= 0)
        return BELAY_OK;
    if (r->num_metrics == BELAY_MAX_METRICS)
        return belay_recipe_bad(r, node, "metrics: more than %d", BELAY_MAX_METRICS);
    r->metric_names[r->num_metrics] = full;
    r->metric_heads[r->num_metrics] = number;
    r->metrics[r->num_metrics++] = metric;
    return BELAY_OK;
}

belay_status belay_recipe_read_metrics(struct belay_recipe *r, const struct belay_yaml *node,
                                       const struct belay_loss *loss, const char *head, int number)
{
    if (!node || belay_recipe_is_empty(node)) {
        if (loss->classes && belay_metric_find("accuracy"))
            return belay_recipe_add_metric(r, NULL, "accuracy", loss, head, number);
        return BELAY_OK;
    }
    if (node->kind == BELAY_YAML_SCALAR)
        return belay_recipe_add_metric(r, node, node->text, loss, head, number);
    if (node->kind == BELAY_YAML_MAP)
        return belay_recipe_bad(r, node, "metrics: got a map, want a list of names");
    for (const struct belay_yaml *c = node->first; c; c = c->next) {
        if (c->kind != BELAY_YAML_SCALAR)
            return belay_recipe_bad(r, c, "metrics: want names");
        BELAY_TRY(belay_recipe_add_metric(r, c, c->text, loss, head, number));
    }
    return BELAY_OK;
}

static belay_status read_group(struct belay_recipe *r, const struct belay_yaml *node,
                               struct belay_group_rule *group)
{
    static const char *const extra[] = { "match", "frozen", NULL };
    enum belay_unit units[BELAY_MAX_OPTIONS];
    if (node->kind != BELAY_YAML_MAP)
        return belay_recipe_bad(r, node, "optimizer.groups: want {match: '*.bias', ...}");
    const struct belay_yaml *match = belay_yaml_get(node, "match");
    const struct belay_yaml *frozen = belay_yaml_get(node, "frozen");
    if (!match || match->kind != BELAY_YAML_SCALAR || !match->text[0])
        return belay_recipe_bad(r, node, "optimizer.groups: a group needs 'match', a pattern of "
                                "parameter names such as '*.bias'");
    group->match = match->text;
    if (frozen && !belay_recipe_as_bool(frozen, &group->frozen))
        return belay_recipe_bad(r, frozen, "optimizer.groups.frozen: want true or false");
    memcpy(group->options, r->optimizer_options, sizeof(group->options));
    return read_options(r, "optimizer.groups", r->optimizer->name, r->optimizer->options, node,
                        extra, group->options, units);
}

static belay_status read_groups(struct belay_recipe *r, const struct belay_yaml *list)
{
    if (list && !belay_recipe_is_empty(list) && list->kind != BELAY_YAML_LIST)
        return belay_recipe_bad(r, list, "optimizer.groups: want a list");
    for (const struct belay_yaml *c = list ? list->first : NULL; c; c = c->next) {
        if (r->num_groups == BELAY_MAX_GROUPS - 1)
            return belay_recipe_bad(r, c, "optimizer.groups: more than %d", BELAY_MAX_GROUPS - 1);
        BELAY_TRY(read_group(r, c, &r->groups[r->num_groups]));
        r->num_groups++;
    }
    struct belay_group_rule *rest = &r->groups[r->num_groups++];
    rest->match = "*";
    memcpy(rest->options, r->optimizer_options, sizeof(rest->options));
    return BELAY_OK;
}

const char *const belay_clip_keys[] = { "optimizer.clip_norm", "optimizer.norm_type",
                                        "optimizer.clip_value", NULL };

static belay_status read_clipping(struct belay_recipe *r, const struct belay_yaml *node)
{
    for (int i = 0; belay_clip_keys[i]; i++)
        BELAY_TRY(belay_recipe_value(r, belay_recipe_key(belay_clip_keys[i]),
                                     inner_of(node, strchr(belay_clip_keys[i], '.') + 1)));
    return BELAY_OK;
}

static belay_status read_optimizer(struct belay_recipe *r)
{
    static const char *const extra[] = { "name", "groups", "clip_norm", "norm_type",
                                         "clip_value", NULL };
    const struct belay_yaml *node = belay_yaml_get(r->doc.root, "optimizer"), *at;
    enum belay_unit units[BELAY_MAX_OPTIONS];
    const char *name;
    BELAY_TRY(name_of(r, &optimizers, node, &at, &name));
    r->optimizer = belay_optimizer_find(name);
    if (!r->optimizer)
        return unknown_name(r, &optimizers, at, name);
    set_fallbacks(r->optimizer->options, r->optimizer_options, units);
    BELAY_TRY(read_options(r, "optimizer", name, r->optimizer->options, node, extra,
                           r->optimizer_options, units));
    BELAY_TRY(read_clipping(r, node));
    return read_groups(r, inner_of(node, "groups"));
}

static belay_status read_part(struct belay_recipe *r, const struct belay_yaml *node, int i)
{
    static const char *const extra[] = { "name", NULL };
    struct belay_schedule_part *part = &r->parts.part[i];
    const struct belay_yaml *at;
    const char *name;
    if (node->kind != BELAY_YAML_SCALAR && !inner_of(node, "name"))
        return belay_recipe_bad(r, node, "schedule.parts: want {name: ..., options}");
    BELAY_TRY(name_of(r, &schedules, node, &at, &name));
    part->schedule = belay_schedule_find(name);
    if (!part->schedule)
        return unknown_name(r, &schedules, at, name);
    if (part->schedule->join || part->schedule->check)
        return belay_recipe_bad(r, at, "schedule.parts: %s cannot be a part", name);
    set_fallbacks(part->schedule->options, part->options, r->part_units[i]);
    return read_options(r, "schedule.parts", name, part->schedule->options, node, extra,
                        part->options, r->part_units[i]);
}

// Where the parts after the first begin, in one unit and in order.
static belay_status read_starts(struct belay_recipe *r, const struct belay_yaml *schedule,
                                const struct belay_yaml *node)
{
    static const char *const want = "schedule.at: want where each part after the first begins, in "
                                    "order, in steps or epochs: [10 steps]";
    int i = 1;
    const struct belay_yaml *c = node && node->kind == BELAY_YAML_LIST ? node->first : NULL;
    for (; c; c = c->next, i++) {
        struct belay_length *l = &r->part_at[i], *before = &r->part_at[i - 1];
        if (i >= r->parts.num || c->kind != BELAY_YAML_SCALAR ||
            !belay_parse_length(c->text, BELAY_UNIT_STEPS, l) || !(l->value > 0) ||
            (l->unit != BELAY_UNIT_STEPS && l->unit != BELAY_UNIT_EPOCHS) ||
            (i > 1 && (l->unit != before->unit || !(l->value > before->value))))
            return belay_recipe_bad(r, c, "%s", want);
    }
    return i == r->parts.num ? BELAY_OK : belay_recipe_bad(r, node ? node : schedule, "%s", want);
}

static belay_status read_parts(struct belay_recipe *r, const struct belay_yaml *node)
{
    const struct belay_yaml *list = inner_of(node, "parts"), *at = inner_of(node, "at");
    const char *name = r->schedule->name;
    if (list && list->kind != BELAY_YAML_LIST && !belay_recipe_is_empty(list))
        return belay_recipe_bad(r, list, "schedule.parts: want a list of schedules");
    const struct belay_yaml *c = list && list->kind == BELAY_YAML_LIST ? list->first : NULL;
    for (; c; c = c->next) {
        if (!r->schedule->join)
            return belay_recipe_bad(r, list, "schedule.parts: %s has no parts", name);
        if (r->parts.num == BELAY_MAX_PARTS)
            return belay_recipe_bad(r, c, "schedule.parts: more than %d", BELAY_MAX_PARTS);
        BELAY_TRY(read_part(r, c, r->parts.num));
        r->parts.num++;
    }
    if (r->schedule->join && r->parts.num == 0)
        return belay_recipe_bad(r, list ? list : node, "schedule.parts: %s needs a list of "
                                "schedules", name);
    if (r->schedule->starts)
        return read_starts(r, node, at);
    if (at && (at->kind != BELAY_YAML_LIST || at->first))
        return belay_recipe_bad(r, at, "schedule.at: the parts of %s have no beginnings", name);
    return BELAY_OK;
}

// Does a schedule with these options move the momentum?
static bool moves_momentum(const struct belay_schedule *s, const double *options)
{
    for (int i = 0; i < BELAY_MAX_OPTIONS && s->options[i].name; i++)
        if (strcmp(s->options[i].name, "cycle_momentum") == 0)
            return options[i] != 0;
    return false;
}

// A momentum of 0 has no memory to go on with, so it cannot be moved.
static belay_status check_momentum(struct belay_recipe *r, const struct belay_yaml *node)
{
    const int m = belay_optimizer_momentum(r->optimizer);
    for (int i = 0; i < r->parts.num; i++)
        if (moves_momentum(r->parts.part[i].schedule, r->parts.part[i].options))
            return belay_recipe_bad(r, node, "schedule.parts: parts leave the momentum as it is; "
                                    "take cycle_momentum out");
    if (!moves_momentum(r->schedule, r->schedule_options))
        return BELAY_OK;
    if (m < 0)
        return belay_recipe_bad(r, node, "schedule.cycle_momentum: %s has neither momentum nor "
                                "beta1", r->optimizer->name);
    for (int i = 0; i < r->num_groups; i++) {
        const double *o = i < r->num_groups - 1 ? r->groups[i].options : r->optimizer_options;
        if (o[m] == 0 && !r->groups[i].frozen)
            return belay_recipe_bad(r, node, "schedule.cycle_momentum: optimizer.%s is 0; want a "
                                    "number above 0, which the schedule then moves",
                                    r->optimizer->options[m].name);
    }
    return BELAY_OK;
}

static belay_status read_schedule(struct belay_recipe *r)
{
    static const char *const extra[] = { "name", "warmup", "parts", "at", NULL };
    const struct belay_yaml *node = belay_yaml_get(r->doc.root, "schedule"), *at;
    const char *name;
    BELAY_TRY(name_of(r, &schedules, node, &at, &name));
    r->schedule = belay_schedule_find(name);
    if (!r->schedule)
        return unknown_name(r, &schedules, at, name);
    set_fallbacks(r->schedule->options, r->schedule_options, r->schedule_units);
    BELAY_TRY(read_options(r, "schedule", name, r->schedule->options, node, extra,
                           r->schedule_options, r->schedule_units));
    BELAY_TRY(read_parts(r, node));
    BELAY_TRY(check_momentum(r, node));
    return belay_recipe_value(r, belay_recipe_key("schedule.warmup"), inner_of(node, "warmup"));
}

belay_status belay_recipe_named(struct belay_recipe *r)
{
    BELAY_TRY(belay_recipe_inputs(r));
    const struct belay_yaml *heads = belay_yaml_get(r->doc.root, "heads");
    if (heads && !belay_recipe_is_empty(heads)) {
        BELAY_TRY(belay_recipe_heads(r));
    } else {
        BELAY_TRY(read_loss(r));
        BELAY_TRY(belay_recipe_read_metrics(r, belay_yaml_get(r->doc.root, "metrics"), r->loss,
                                            NULL, 0));
    }
    BELAY_TRY(read_optimizer(r));
    return read_schedule(r);
}
