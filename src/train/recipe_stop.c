// The stop section where it is more than one value of the table: rules as texts, more monitors, how they
// are joined, and further bests that are kept.
#include "train/recipe_inner.h"

#include <string.h>

#include "base/str.h"

static belay_status refuse_metric(struct belay_recipe *r, const struct belay_yaml *node,
                                  const char *key, const char *name)
{
    struct belay_str list = { 0 };
    for (int i = 0; i < r->num_metrics; i++)
        belay_str_addf(&list, ", %s", r->metric_names[i]);
    belay_status status = belay_recipe_bad(
        r, node, "%s: '%s' is not among the metrics of this recipe: there are loss%s; the key metrics "
        "adds more", key, name, list.text ? list.text : "");
    belay_str_free(&list);
    return status;
}

// val.loss, train.loss, val.METRIC; *maximize by the metric.
static belay_status check_metric(struct belay_recipe *r, const struct belay_yaml *node,
                                 const char *key, const char *name, bool *maximize)
{
    *maximize = false;
    if (strcmp(name, "train.loss") == 0 || strcmp(name, "val.loss") == 0)
        return BELAY_OK;
    if (strncmp(name, "val.", 4) != 0)
        return belay_recipe_bad(r, node, "%s: got '%s', want train.loss, val.loss or val. and a "
                                "metric", key, name);
    int found = belay_recipe_metric(r, name + 4);
    if (found >= 0) {
        *maximize = r->metrics[found]->maximize;
        return BELAY_OK;
    }
    return refuse_metric(r, node, key, name + 4);
}

// What follows from the texts of one monitor. `at` finds what was written, for messages.
static belay_status finish_monitor(struct belay_recipe *r, const struct belay_yaml *stop,
                                   const struct belay_recipe *one, struct belay_monitor_params *out)
{
    char why[256];
    bool grows;
    *out = one->stop;
    if (!belay_criterion_parse(one->rule, &out->rule, why, sizeof(why)))
        return belay_recipe_bad(r, stop ? belay_yaml_get(stop, "rule") : NULL, "stop.rule: %s", why);
    if (!belay_smooth_parse(one->smooth, &out->smooth, why, sizeof(why)))
        return belay_recipe_bad(r, stop ? belay_yaml_get(stop, "smooth") : NULL, "stop.smooth: %s",
                                why);
    const struct belay_yaml *node = stop ? belay_yaml_get(stop, "monitor") : NULL;
    BELAY_TRY(check_metric(r, node, "stop.monitor", one->monitor, &grows));
    out->maximize = one->stop_mode == 2 || (one->stop_mode == 0 && grows);
    return BELAY_OK;
}

// Keys of stop that one monitor of several may have.
static bool is_own(const char *path)
{
    static const char *const shared[] = { "stop.restore_best", "stop.also", "stop.join",
                                          "stop.rollback_lr" };
    if (strncmp(path, "stop.", 5) != 0)
        return false;
    for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
        if (strcmp(path, shared[i]) == 0)
            return false;
    return true;
}

static belay_status check_watch_keys(struct belay_recipe *r, const struct belay_yaml *map)
{
    const char *names[64];
    size_t count = 0;
    for (const struct belay_key *key = belay_recipe_keys; key->path && count < 64; key++)
        if (is_own(key->path))
            names[count++] = key->path + 5;
    for (const struct belay_yaml *c = map->first; c; c = c->next) {
        bool known = false;
        for (size_t i = 0; i < count; i++)
            known = known || strcmp(names[i], c->key) == 0;
        if (known)
            continue;
        const char *near = belay_suggest(c->key, names, count);
        return belay_recipe_bad(r, c, "unknown key 'stop.also.%s'%s%s%s", c->key,
                                near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    return BELAY_OK;
}

// The table reads into a recipe, so one more monitor is read into a copy of this one.
static belay_status read_watch(struct belay_recipe *r, const struct belay_yaml *map,
                               struct belay_watch *out)
{
    if (map->kind != BELAY_YAML_MAP)
        return belay_recipe_bad(r, map, "stop.also: want maps, such as {monitor: val.loss, rule: gl:2}");
    BELAY_TRY(check_watch_keys(r, map));
    struct belay_recipe *one = belay_alloc(sizeof(*one));
    if (!one)
        return belay_fail_nomem(r->log, sizeof(*one));
    *one = *r;
    belay_status status = BELAY_OK;
    for (const struct belay_key *key = belay_recipe_keys; key->path && status == BELAY_OK; key++)
        if (is_own(key->path))
            status = belay_recipe_value(one, key, belay_yaml_get(map, key->path + 5));
    if (status == BELAY_OK)
        status = finish_monitor(r, map, one, &out->stop);
    out->metric = one->monitor;
    belay_free(one);
    return status;
}

static belay_status read_watches(struct belay_recipe *r)
{
    if (!r->also || belay_recipe_is_empty(r->also))
        return BELAY_OK;
    if (r->also->kind != BELAY_YAML_LIST)
        return belay_recipe_bad(r, r->also, "stop.also: want a list of monitors");
    for (const struct belay_yaml *c = r->also->first; c; c = c->next) {
        if (r->num_watches == BELAY_MAX_MONITORS - 1)
            return belay_recipe_bad(r, c, "stop.also: more than %d monitors", r->num_watches);
        BELAY_TRY(read_watch(r, c, &r->watches[r->num_watches]));
        r->num_watches++;
    }
    return BELAY_OK;
}

static belay_status read_join(struct belay_recipe *r)
{
    const struct belay_yaml *node = belay_recipe_node(r, "stop.join");
    if (!belay_join_parse(r->join, &r->joined))
        return belay_recipe_bad(r, node, "stop.join: got '%s', want any, all, first or a number",
                                r->join);
    if (r->joined.kind == BELAY_JOIN_SOME && r->joined.needed > 1 + r->num_watches)
        return belay_recipe_bad(r, node, "stop.join: %d must want to stop, there are %d monitors",
                                r->joined.needed, 1 + r->num_watches);
    return BELAY_OK;
}

static belay_status read_bests(struct belay_recipe *r)
{
    const struct belay_yaml *list = r->bests;
    if (!list || belay_recipe_is_empty(list))
        return BELAY_OK;
    if (list->kind == BELAY_YAML_MAP)
        return belay_recipe_bad(r, list, "checkpoint.best: want a list of metrics");
    for (const struct belay_yaml *c = list->kind == BELAY_YAML_LIST ? list->first : list; c;
         c = list->kind == BELAY_YAML_LIST ? c->next : NULL) {
        if (c->kind != BELAY_YAML_SCALAR)
            return belay_recipe_bad(r, c, "checkpoint.best: want names of metrics");
        if (strcmp(c->text, r->monitor) == 0)
            continue;
        if (r->num_best_of == BELAY_MAX_BEST_OF)
            return belay_recipe_bad(r, c, "checkpoint.best: more than %d beside stop.monitor's",
                                    BELAY_MAX_BEST_OF);
        struct belay_best_of *best = &r->best_of[r->num_best_of];
        BELAY_TRY(check_metric(r, c, "checkpoint.best", c->text, &best->maximize));
        best->metric = c->text;
        r->num_best_of++;
    }
    return BELAY_OK;
}

belay_status belay_recipe_stop(struct belay_recipe *r)
{
    const struct belay_yaml *stop = belay_yaml_get(r->doc.root, "stop");
    BELAY_TRY(finish_monitor(r, stop && stop->kind == BELAY_YAML_MAP ? stop : NULL, r, &r->stop));
    BELAY_TRY(read_watches(r));
    BELAY_TRY(read_join(r));
    return read_bests(r);
}
