#include "train/replay_rule.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "train/recipe.h"

#define AT(field) offsetof(struct belay_monitor_params, field)

// Options that every rule has, by the names of the recipe's stop section.
enum kind { NUMBER, LENGTH, SMOOTH, MODE, NAN_POLICY, METRIC };
static const struct option {
    const char *name;
    enum kind kind;
    size_t offset;
} options[] = {
    { "min_delta", NUMBER, AT(min_delta) },   { "min_delta_rel", NUMBER, AT(min_delta_rel) },
    { "baseline", NUMBER, AT(baseline) },     { "threshold", NUMBER, AT(threshold) },
    { "diverged", NUMBER, AT(diverged) },     { "warmup", LENGTH, AT(warmup) },
    { "cooldown", LENGTH, AT(cooldown) },     { "not_before", LENGTH, AT(not_before) },
    { "smooth", SMOOTH, AT(smooth) },         { "mode", MODE, 0 },
    { "nan", NAN_POLICY, AT(nan) },           { "monitor", METRIC, 0 },
};
#define NUM_OPTIONS (sizeof(options) / sizeof(options[0]))

static const struct option *find_option(const char *name)
{
    for (size_t i = 0; i < NUM_OPTIONS; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

static int choice(const char *text, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0)
            return i;
    return -1;
}

// True when the text is a value of the option.
static bool set_option(const struct option *o, const char *text, struct belay_replay_watch *w,
                       char *why, size_t room)
{
    static const char *const modes[] = { "min", "max" };
    static const char *const policies[] = { "stop", "count", "ignore" };
    char *at = (char *) &w->stop + o->offset;
    int found;
    snprintf(why, room, "%s: got '%s', want %s", o->name, text,
             o->kind == LENGTH     ? "a length such as 3, 500 steps or 2 epochs"
             : o->kind == MODE     ? "min or max"
             : o->kind == NAN_POLICY ? "stop, count or ignore"
             : o->kind == METRIC   ? "a name of at most 63 bytes" : "a number");
    switch (o->kind) {
    case NUMBER:
        return belay_parse_double(text, (double *) (void *) at) &&
               isfinite(*(double *) (void *) at);
    case LENGTH:
        return belay_parse_length(text, BELAY_UNIT_CHECKS, (struct belay_length *) (void *) at) &&
               ((struct belay_length *) (void *) at)->unit != BELAY_UNIT_SECONDS;
    case SMOOTH:
        return belay_smooth_parse(text, (struct belay_smooth *) (void *) at, why, room);
    case MODE:
        found = choice(text, modes, 2);
        w->has_mode = found >= 0;
        w->stop.maximize = found == 1;
        return found >= 0;
    case NAN_POLICY:
        found = choice(text, policies, 3);
        if (found >= 0)
            w->stop.nan = (enum belay_nan_policy) found;
        return found >= 0;
    case METRIC:
        return *text &&
               (size_t) snprintf(w->metric, sizeof(w->metric), "%s", text) < sizeof(w->metric);
    }
    return false;
}

static bool is_own(const char *text)
{
    for (int i = 0; i < BELAY_CRITERION_COUNT; i++) {
        size_t length = strlen(belay_monitor_rules[i].name);
        if (strncmp(text, belay_monitor_rules[i].name, length) == 0 &&
            (!text[length] || text[length] == ':' || text[length] == ','))
            return true;
    }
    return false;
}

static bool set_patience(const char *value, struct belay_replay_watch *w, char *why, size_t room)
{
    w->stop.patience = (struct belay_length){ 5, BELAY_UNIT_CHECKS };
    if (!value || (belay_parse_length(value, BELAY_UNIT_CHECKS, &w->stop.patience) &&
                   w->stop.patience.unit != BELAY_UNIT_SECONDS && w->stop.patience.value >= 0))
        return true;
    snprintf(why, room, "got '%s', want so many checks, steps or epochs", value);
    return false;
}

// What the rule itself does not know goes to its monitor. `text` is cut at its commas.
static bool parse_one(char *text, struct belay_replay_watch *w, char *why, size_t room)
{
    char rule[128];
    char *item = text + strcspn(text, ":,"), *next;
    bool first = *item == ':';
    size_t used = (size_t) (item - text);
    bool patience = used == 8 && strncmp(text, "patience", 8) == 0;
    *w = (struct belay_replay_watch){ .stop = {
                                          .baseline = NAN, .threshold = NAN, .diverged = NAN } };
    if (patience && !set_patience(NULL, w, why, room))
        return false;
    snprintf(rule, sizeof(rule), "%.*s", (int) used, text);
    if (*item)
        *item++ = '\0';
    for (; *item; item = next, first = false) {
        next = item + strcspn(item, ",");
        if (*next)
            *next++ = '\0';
        char *equals = strchr(item, '=');
        const struct option *o = NULL;
        if (equals) {
            *equals = '\0';
            o = find_option(item);
            if (o && !set_option(o, equals + 1, w, why, room))
                return false;
            *equals = '=';
        }
        if (o)
            continue;
        if (patience && (!equals || strncmp(item, "patience=", 9) == 0)) {
            if (!set_patience(equals ? equals + 1 : item, w, why, room))
                return false;
            continue;
        }
        size_t length = strlen(rule);
        snprintf(rule + length, sizeof(rule) - length, "%c%s",
                 first || !strchr(rule, ':') ? ':' : ',', item);
    }
    return belay_criterion_parse(rule, &w->stop.rule, why, room);
}

static char *trim(char *text)
{
    text += strspn(text, " ");
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == ' ')
        text[--length] = '\0';
    return text;
}

// "any(A; B)": cuts out what is inside. False: there are no parentheses.
static bool find_joined(char *text, char **inside)
{
    size_t length = strlen(text);
    char *open = strchr(text, '(');
    if (!open || text[length - 1] != ')')
        return false;
    text[length - 1] = '\0';
    *open = '\0';
    *inside = open + 1;
    return true;
}

belay_status belay_replay_rule_parse(struct belay_log *log, const char *text,
                                     struct belay_replay_rule *out, bool *own)
{
    char copy[512], why[256] = "", *inside, *next;
    struct belay_replay_rule r = { .num = 0 };
    if (strlen(text) >= sizeof(copy))
        return belay_fail(log, BELAY_ERR_RECIPE, "a rule may have %zu bytes", sizeof(copy) - 1);
    memcpy(copy, text, strlen(text) + 1);
    bool joined = *copy && find_joined(copy, &inside) && belay_join_parse(trim(copy), &r.join);
    *own = joined || is_own(text);
    if (!*own)
        return BELAY_OK;
    if (!joined)
        memcpy(copy, text, strlen(text) + 1);
    for (char *item = joined ? inside : copy; item && *item; item = next) {
        next = strchr(item, ';');
        if (next)
            *next++ = '\0';
        item = trim(item);
        if (r.num == BELAY_MAX_MONITORS)
            return belay_fail(log, BELAY_ERR_RECIPE, "rule '%s': more than %d rules", text,
                              BELAY_MAX_MONITORS);
        if (!parse_one(item, &r.watches[r.num++], why, sizeof(why)))
            return belay_fail(log, BELAY_ERR_RECIPE, "rule '%s': %s", text, why);
    }
    if (r.num == 0 || (r.join.kind == BELAY_JOIN_SOME && (size_t) r.join.needed > r.num))
        return belay_fail(log, BELAY_ERR_RECIPE, "rule '%s': %zu rules in it are too few", text,
                          r.num);
    *out = r;
    return BELAY_OK;
}
