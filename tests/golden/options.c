#include "golden/options.h"

#include <string.h>

static const struct {
    const char *op, *name;
} optimizers[] = {
    { "Adadelta", "adadelta" }, { "Adagrad", "adagrad" }, { "Adam", "adam" },
    { "AdamW", "adamw" },       { "Adamax", "adamax" },   { "NAdam", "nadam" },
    { "RAdam", "radam" },       { "RMSprop", "rmsprop" }, { "SGD", "sgd" },
    { "ASGD", "asgd" },         { "Rprop", "rprop" },
};

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
        const char *name = strcmp(e->key, "betas") == 0 ? "beta1" : e->key;
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
        if (strcmp(e->key, "betas") == 0 && e->first && e->first->next) {
            golden_option(opt, "beta1", e->first->number, options);
            golden_option(opt, "beta2", e->first->next->number, options);
        } else if (e->kind == BELAY_JSON_BOOL) {
            golden_option(opt, e->key, e->boolean, options);
        } else if (e->kind == BELAY_JSON_INT || e->kind == BELAY_JSON_NUMBER) {
            golden_option(opt, e->key, e->number, options);
        }
    }
}
