#include "golden/options.h"

#include <string.h>

#include "train/recipe_inner.h"

static const struct {
    const char *op, *name;
} optimizers[] = {
    { "Adadelta", "adadelta" }, { "Adagrad", "adagrad" }, { "Adam", "adam" },
    { "AdamW", "adamw" },       { "Adamax", "adamax" },   { "NAdam", "nadam" },
    { "RAdam", "radam" },       { "RMSprop", "rmsprop" }, { "SGD", "sgd" },
    { "ASGD", "asgd" },         { "Rprop", "rprop" },       { "Adafactor", "adafactor" },
    { "Muon", "muon" },
};

// Their lists, and our options in order. What is null keeps its default.
static const struct {
    const char *attribute, *names[4];
} lists[] = {
    { "betas", { "beta1", "beta2" } },
    { "eps", { "eps1", "eps2" } },
    { "ns_coefficients", { "ns_a", "ns_b", "ns_c" } },
    { "etas", { "eta_minus", "eta_plus" } },
    { "step_sizes", { "step_min", "step_max" } },
};
enum { NUM_LISTS = sizeof(lists) / sizeof(lists[0]) };

static const char *const *names_of(const struct belay_json *attribute)
{
    for (int i = 0; i < NUM_LISTS && attribute->kind == BELAY_JSON_ARRAY; i++)
        if (strcmp(lists[i].attribute, attribute->key) == 0)
            return lists[i].names;
    return NULL;
}

static int find_option(const struct belay_optimizer *opt, const char *name)
{
    for (int i = 0; i < BELAY_MAX_OPTIONS && opt->options[i].name; i++)
        if (strcmp(opt->options[i].name, name) == 0)
            return i;
    return -1;
}

const struct belay_optimizer *golden_optimizer_of(const char *op,
                                                  const struct belay_json *attributes)
{
    const struct belay_optimizer *opt = NULL;
    for (size_t i = 0; i < sizeof(optimizers) / sizeof(optimizers[0]); i++)
        if (strcmp(optimizers[i].op, op) == 0)
            opt = belay_optimizer_find(optimizers[i].name);
    const struct belay_json *e = attributes ? attributes->first : NULL;
    for (; e && opt; e = e->next) {
        const char *name = names_of(e) ? names_of(e)[0] : e->key;
        if (e->kind != BELAY_JSON_NULL && find_option(opt, name) < 0)
            opt = NULL;
    }
    return opt;
}

void golden_option(const struct belay_optimizer *opt, const char *name, double value,
                   double *options)
{
    int i = find_option(opt, name);
    if (i >= 0)
        options[i] = value;
}

void golden_options(const struct belay_optimizer *opt, const struct belay_json *attributes,
                    double *options)
{
    for (int i = 0; !attributes && i < BELAY_MAX_OPTIONS; i++)
        options[i] = opt->options[i].fallback;
    for (const struct belay_json *e = attributes ? attributes->first : NULL; e; e = e->next) {
        const char *const *names = names_of(e);
        int i = find_option(opt, e->key);
        if (names) {
            for (const struct belay_json *n = e->first; n && *names; n = n->next, names++)
                if (n->kind != BELAY_JSON_NULL)
                    golden_option(opt, *names, n->number, options);
        } else if (e->kind == BELAY_JSON_STRING && i >= 0) {
            options[i] = belay_recipe_choice(opt->options[i].type, e->string);
        } else if (e->kind == BELAY_JSON_BOOL) {
            golden_option(opt, e->key, e->boolean, options);
        } else if (e->kind == BELAY_JSON_INT || e->kind == BELAY_JSON_NUMBER) {
            golden_option(opt, e->key, e->number, options);
        }
    }
}
