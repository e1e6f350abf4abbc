#include "train/sweep_space.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"
#include "train/recipe_inner.h"

#define MOST_TRIALS 100000

static belay_status read_count(struct belay_recipe *r, const struct belay_yaml *node, double low,
                               double high, size_t *out)
{
    double value;
    if (!belay_recipe_as_double(node, &value) || value != floor(value) || value < low ||
        value > high)
        return belay_recipe_bad(r, node, "sweep.%s: want a whole number from %g to %g", node->key,
                                low, high);
    *out = (size_t) value;
    return BELAY_OK;
}

static belay_status read_method(struct belay_recipe *r, const struct belay_yaml *node,
                                struct belay_sweep_space *s)
{
    int found =
        node->kind == BELAY_YAML_SCALAR ? belay_recipe_choice("grid|random", node->text) : -1;
    if (found < 0)
        return belay_recipe_bad(r, node, "sweep.method: want grid or random");
    s->random = found == 1;
    return BELAY_OK;
}

static belay_status read_hold_out(struct belay_recipe *r, const struct belay_yaml *node,
                                  struct belay_sweep_space *s)
{
    if (!belay_recipe_as_double(node, &s->hold_out) || !(s->hold_out > 0 && s->hold_out < 1))
        return belay_recipe_bad(r, node, "sweep.hold_out: want a share between 0 and 1");
    return BELAY_OK;
}

static belay_status read_text(struct belay_recipe *r, const struct belay_yaml *node,
                              const char **out)
{
    if (node->kind != BELAY_YAML_SCALAR || !node->text[0])
        return belay_recipe_bad(r, node, "sweep.%s: want a text", node->key);
    *out = node->text;
    return BELAY_OK;
}

// True: the key is one of the sweep's own options.
static bool read_option(struct belay_recipe *r, const struct belay_yaml *node,
                        struct belay_sweep_space *s, belay_status *status)
{
    size_t seed = 0;
    if (strcmp(node->key, "method") == 0)
        *status = read_method(r, node, s);
    else if (strcmp(node->key, "trials") == 0)
        *status = read_count(r, node, 1, MOST_TRIALS, &s->trials);
    else if (strcmp(node->key, "seed") == 0) {
        *status = read_count(r, node, 0, 9007199254740992.0, &seed);
        s->seed = seed;
    } else if (strcmp(node->key, "folds") == 0)
        *status = read_count(r, node, 2, 1000, &s->folds);
    else if (strcmp(node->key, "repeats") == 0)
        *status = read_count(r, node, 1, 1000, &s->repeats);
    else if (strcmp(node->key, "hold_out") == 0)
        *status = read_hold_out(r, node, s);
    else if (strcmp(node->key, "score") == 0)
        *status = read_text(r, node, &s->score);
    else if (strcmp(node->key, "dir") == 0)
        *status = read_text(r, node, &s->dir);
    else
        return false;
    return true;
}

static belay_status read_range(struct belay_recipe *r, const struct belay_yaml *node,
                               struct belay_sweep_key *k)
{
    const struct belay_yaml *a = node->kind == BELAY_YAML_LIST ? node->first : NULL;
    if (!a || node->count != 2 || !belay_recipe_as_double(a, &k->low) ||
        !belay_recipe_as_double(a->next, &k->high) || !(k->low < k->high) || !isfinite(k->low) ||
        !isfinite(k->high))
        return belay_recipe_bad(r, node, "sweep.%s: range: want [low, high]", k->key);
    return BELAY_OK;
}

static belay_status read_key_option(struct belay_recipe *r, const struct belay_yaml *c,
                                    struct belay_sweep_key *k, bool *ranged)
{
    if (strcmp(c->key, "choices") == 0) {
        if (c->kind != BELAY_YAML_LIST || !c->first)
            return belay_recipe_bad(r, c, "sweep.%s: choices: want a list of values", k->key);
        k->choices = c;
        return BELAY_OK;
    }
    if (strcmp(c->key, "range") == 0) {
        *ranged = true;
        return read_range(r, c, k);
    }
    if (strcmp(c->key, "log") == 0 && belay_recipe_as_bool(c, &k->log))
        return BELAY_OK;
    if (strcmp(c->key, "int") == 0 && belay_recipe_as_bool(c, &k->whole))
        return BELAY_OK;
    if (strcmp(c->key, "points") == 0)
        return read_count(r, c, 2, 10000, &k->points);
    return belay_recipe_bad(r, c, "sweep.%s: '%s': want choices, or range with log, int, points",
                            k->key, c->key);
}

static belay_status read_key(struct belay_recipe *r, const struct belay_yaml *node,
                             struct belay_sweep_space *s)
{
    if (s->num_keys == BELAY_MAX_SWEEP_KEYS)
        return belay_recipe_bad(r, node, "sweep: more than %d keys", BELAY_MAX_SWEEP_KEYS);
    struct belay_sweep_key *k = &s->keys[s->num_keys++];
    bool ranged = false;
    k->key = node->key;
    if (node->kind != BELAY_YAML_MAP)
        return belay_recipe_bad(r, node, "sweep.%s: want {choices: [...]} or {range: [low, high]}",
                                k->key);
    for (const struct belay_yaml *c = node->first; c; c = c->next)
        BELAY_TRY(read_key_option(r, c, k, &ranged));
    if (ranged == (k->choices != NULL))
        return belay_recipe_bad(r, node, "sweep.%s: want either choices or range", k->key);
    if (k->log && !(k->low > 0))
        return belay_recipe_bad(r, node, "sweep.%s: a logarithmic range must be above 0", k->key);
    return BELAY_OK;
}

static size_t values_of(const struct belay_sweep_key *k)
{
    return k->choices ? k->choices->count : k->points;
}

static belay_status count_trials(struct belay_recipe *r, struct belay_sweep_space *s)
{
    size_t all = 1;
    if (s->random)
        return s->trials ? BELAY_OK
                         : belay_recipe_bad(r, r->sweep, "sweep: method random needs trials");
    if (s->trials)
        return belay_recipe_bad(r, r->sweep,
                                "sweep.trials is for method random; a grid has as many as "
                                "its values make");
    for (size_t i = 0; i < s->num_keys; i++) {
        size_t n = values_of(&s->keys[i]);
        if (!n)
            return belay_recipe_bad(r, r->sweep, "sweep.%s: a grid needs points of a range",
                                    s->keys[i].key);
        if (all > MOST_TRIALS / n)
            return belay_recipe_bad(r, r->sweep, "sweep: more than %d trials", MOST_TRIALS);
        all *= n;
    }
    s->trials = all;
    return BELAY_OK;
}

static belay_status check_score(struct belay_recipe *r, struct belay_sweep_space *s)
{
    const char *name = strncmp(s->score, "val.", 4) == 0 ? s->score + 4 : s->score;
    s->score = name;
    if (strcmp(name, "loss") == 0)
        return BELAY_OK;
    for (int i = 0; i < r->num_metrics; i++) {
        if (strcmp(r->metric_names[i], name) != 0)
            continue;
        s->maximize = r->metrics[i]->maximize;
        return BELAY_OK;
    }
    return belay_recipe_bad(r, belay_yaml_get(r->sweep, "score"),
                            "sweep.score: '%s' is not among the metrics of this recipe", name);
}

belay_status belay_sweep_space_read(struct belay_recipe *r, struct belay_sweep_space *out)
{
    struct belay_sweep_space s = { .score = "loss", .dir = "runs/sweep" };
    belay_status status = BELAY_OK;
    if (!r->sweep || r->sweep->kind != BELAY_YAML_MAP || !r->sweep->first)
        return belay_recipe_bad(r, r->sweep,
                                "there is no sweep: section; it says what to vary, such as "
                                "{stop.patience: {choices: [3, 5, 10]}}");
    for (const struct belay_yaml *c = r->sweep->first; c; c = c->next) {
        if (!read_option(r, c, &s, &status))
            status = read_key(r, c, &s);
        BELAY_TRY(status);
    }
    if (s.num_keys == 0)
        return belay_recipe_bad(r, r->sweep, "sweep: no key is varied");
    if (!s.folds && !s.repeats && !(s.hold_out > 0))
        s.folds = r->data.folds; // those of split
    if (s.folds && (s.repeats || s.hold_out > 0))
        return belay_recipe_bad(r, r->sweep, "sweep: either folds, or repeats with hold_out");
    if (!s.folds) {
        s.repeats = s.repeats ? s.repeats : 1;
        s.hold_out = s.hold_out > 0 ? s.hold_out : 0.2;
    }
    BELAY_TRY(count_trials(r, &s));
    BELAY_TRY(check_score(r, &s));
    *out = s;
    return BELAY_OK;
}

// ---- values ----

// u from 0 to 1, both ends reached by a grid.
static double within(const struct belay_sweep_key *k, double u)
{
    double value = k->log ? exp(log(k->low) + u * (log(k->high) - log(k->low)))
                          : k->low + u * (k->high - k->low);
    value = fmin(fmax(value, k->low), k->high);
    return k->whole ? floor(value + 0.5) : value;
}

static void add_choice(const struct belay_sweep_key *k, size_t index, struct belay_str *out)
{
    const struct belay_yaml *c = k->choices->first;
    for (; index > 0; index--)
        c = c->next;
    belay_str_add_yaml_tree(out, c);
}

void belay_sweep_space_value(const struct belay_sweep_space *s, size_t trial, size_t k,
                             struct belay_str *out)
{
    const struct belay_sweep_key *key = &s->keys[k];
    double u;
    if (s->random) {
        struct belay_rng rng;
        // By the key's name: another key beside it changes nothing.
        belay_rng_init(&rng, s->seed, belay_hash_text(key->key) + trial);
        if (key->choices) {
            add_choice(key, belay_rng_below(&rng, (uint32_t) key->choices->count), out);
            return;
        }
        u = belay_rng_uniform(&rng);
    } else {
        // The last key varies fastest.
        for (size_t i = s->num_keys - 1; i > k; i--)
            trial /= values_of(&s->keys[i]);
        size_t index = trial % values_of(key);
        if (key->choices) {
            add_choice(key, index, out);
            return;
        }
        u = (double) index / (double) (key->points - 1);
    }
    belay_str_addf(out, "%.6g", within(key, u));
}
