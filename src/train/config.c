// All that a recipe can say, walked as one list: `belay config` and the documentation.
#include <stdio.h>
#include <string.h>

#include "base/env.h"
#include "model/model.h"
#include "train/recipe.h"

// Counts down to the item that is wanted; `found` when it is there.
struct walk {
    size_t left;
    bool found;
    belay_config_item *out;
};

static void visit(struct walk *w, const char *kind, const char *name, const char *type,
                  const char *fallback, const char *help)
{
    if (w->found || w->left-- > 0)
        return;
    w->found = true;
    w->out->kind = kind;
    w->out->name = name;
    w->out->type = type;
    w->out->help = help;
    snprintf(w->out->fallback, sizeof(w->out->fallback), "%s", fallback);
}

static void visit_option(struct walk *w, const struct belay_option *option)
{
    char fallback[64];
    if (strcmp(option->type, "bool") == 0)
        snprintf(fallback, sizeof(fallback), "%s", option->fallback != 0 ? "true" : "false");
    else if (strchr(option->type, '|'))
        snprintf(fallback, sizeof(fallback), "%.*s", (int) strcspn(option->type, "|"),
                 option->type);
    else
        snprintf(fallback, sizeof(fallback), "%.12g", option->fallback);
    visit(w, "option", option->name, strcmp(option->type, "steps") == 0 ? "length" : option->type,
          fallback, option->help);
}

static void visit_options(struct walk *w, const struct belay_option *options)
{
    for (int i = 0; i < BELAY_MAX_OPTIONS && options[i].name; i++)
        visit_option(w, &options[i]);
}

static void visit_keys(struct walk *w)
{
    for (const struct belay_key *key = belay_recipe_keys; key->path; key++)
        visit(w, "key", key->path, key->type, key->fallback, key->help);
    for (size_t i = 0; belay_data_formats[i]; i++)
        visit(w, "format", belay_data_formats[i], "", "", "");
}

static void visit_layers(struct walk *w)
{
    for (size_t i = 0; belay_layers[i]; i++) {
        const struct belay_layer *layer = belay_layers[i];
        visit(w, "layer", layer->name, layer->main_option ? layer->main_option : "", "",
              layer->help);
        for (size_t k = 0; k < 8 && layer->options[k].name; k++)
            visit(w, "option", layer->options[k].name, layer->options[k].type, "",
                  layer->options[k].help);
    }
}

static void visit_training(struct walk *w)
{
    for (size_t i = 0; belay_losses[i]; i++) {
        visit(w, "loss", belay_losses[i]->name, "", "", belay_losses[i]->help);
        visit_options(w, belay_losses[i]->options);
    }
    for (size_t i = 0; belay_metrics[i]; i++)
        visit(w, "metric", belay_metrics[i]->name, "", "", belay_metrics[i]->help);
    for (size_t i = 0; belay_optimizers[i]; i++) {
        visit(w, "optimizer", belay_optimizers[i]->name, "", "", belay_optimizers[i]->help);
        visit_options(w, belay_optimizers[i]->options);
    }
    for (size_t i = 0; belay_monitor_rules[i].name; i++)
        visit(w, "rule", belay_monitor_rules[i].name, "", "", belay_monitor_rules[i].help);
    for (size_t i = 0; belay_schedules[i]; i++) {
        visit(w, "schedule", belay_schedules[i]->name, "", "", belay_schedules[i]->help);
        visit_options(w, belay_schedules[i]->options);
    }
}

bool belay_config_item_at(size_t index, belay_config_item *out)
{
    struct walk w = { .left = index, .out = out };
    visit_keys(&w);
    visit_layers(&w);
    visit_training(&w);
    for (const struct belay_env_var *var = belay_env_vars; var->name; var++)
        visit(&w, "environment", var->name, "", "", var->help);
    return w.found;
}
