// All that a recipe can say, walked as one list: `belay config` and the documentation.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/env.h"
#include "model/model.h"
#include "op/op.h"
#include "train/preset.h"
#include "train/recipe.h"

// Counts down to the item that is wanted; `found` when it is there.
struct walk {
    size_t left;
    bool found;
    belay_config_item *out;
};

// False when it is not this one.
static bool visit(struct walk *w, const char *kind, const char *name, const char *type,
                  const char *fallback, const char *help)
{
    if (w->found || w->left-- > 0)
        return false;
    w->found = true;
    w->out->kind = kind;
    w->out->name = name;
    w->out->type = type;
    w->out->help = help;
    w->out->range[0] = '\0';
    snprintf(w->out->fallback, sizeof(w->out->fallback), "%s", fallback);
    return true;
}

// ---- options of losses, optimizers and schedules ----

static void visit_option(struct walk *w, const struct belay_option *option)
{
    char fallback[64];
    bool length = strcmp(option->type, "steps") == 0;
    if (strcmp(option->type, "bool") == 0)
        snprintf(fallback, sizeof(fallback), "%s", option->fallback != 0 ? "true" : "false");
    else if (strcmp(option->type, "weights") == 0)
        snprintf(fallback, sizeof(fallback), "off");
    else if (strchr(option->type, '|'))
        snprintf(fallback, sizeof(fallback), "%.*s", (int) strcspn(option->type, "|"),
                 option->type);
    else
        snprintf(fallback, sizeof(fallback), "%.12g", option->fallback);
    if (!visit(w, "option", option->name, length ? "length" : option->type, fallback, option->help))
        return;
    if (length)
        snprintf(w->out->range, sizeof(w->out->range), "steps or epochs");
    else if (strcmp(option->name, "lr") == 0)
        snprintf(w->out->range, sizeof(w->out->range), "0 or more");
}

static void visit_options(struct walk *w, const struct belay_option *options)
{
    for (int i = 0; i < BELAY_MAX_OPTIONS && options[i].name; i++)
        visit_option(w, &options[i]);
}

// ---- keys ----

static void number_range(const struct belay_key *key, char *out, size_t size)
{
    if (key->low == 0 && key->high == 0)
        return;
    if (isinf(key->high) || key->high >= 2147483647)
        snprintf(out, size, "%g or more%s", key->low, key->can_off ? ", off" : "");
    else
        snprintf(out, size, "%g to %g%s", key->low, key->high, key->can_off ? ", off" : "");
}

static void length_range(const struct belay_key *key, char *out, size_t size)
{
    static const char *const units[] = {
        [BELAY_UNIT_CHECKS] = "checks", [BELAY_UNIT_STEPS] = "steps",
        [BELAY_UNIT_EPOCHS] = "epochs", [BELAY_UNIT_SECONDS] = "time",
    };
    size_t used = 0;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (key->units & 1u << i && used < size)
            used += (size_t) snprintf(out + used, size - used, "%s%s", used ? ", " : "", units[i]);
    if (key->can_off && used < size)
        snprintf(out + used, size - used, ", off");
}

static void visit_keys(struct walk *w)
{
    for (const struct belay_key *key = belay_recipe_keys; key->path; key++) {
        if (!visit(w, "key", key->path, key->type, key->fallback, key->help))
            continue;
        if (key->kind == BELAY_KEY_LENGTH)
            length_range(key, w->out->range, sizeof(w->out->range));
        else
            number_range(key, w->out->range, sizeof(w->out->range));
    }
    for (size_t i = 0; belay_data_formats[i]; i++)
        visit(w, "format", belay_data_formats[i], "", "", belay_data_format_help(i));
}

// ---- layers ----

// "share that is zeroed (0.5)": what stands in brackets at the end is the default.
static void layer_option(struct walk *w, const struct belay_layer_option *option)
{
    char fallback[64] = "";
    const char *open = strrchr(option->help, '(');
    size_t length = strlen(option->help);
    if (open && option->help[length - 1] == ')')
        snprintf(fallback, sizeof(fallback), "%.*s", (int) (length - (size_t) (open - option->help) - 2),
                 open + 1);
    visit(w, "option", option->name, option->type, fallback, option->help);
}

static void visit_layers(struct walk *w)
{
    const struct belay_layer *layer;
    for (size_t i = 0; (layer = belay_layer_at(i)); i++) {
        visit(w, "layer", layer->name, layer->main_option ? layer->main_option : "", "",
              layer->help);
        for (size_t k = 0; k < 8 && layer->options[k].name; k++)
            layer_option(w, &layer->options[k]);
    }
}

// ---- training ----

static void visit_training(struct walk *w)
{
    const struct belay_loss *loss;
    const struct belay_optimizer *optimizer;
    for (size_t i = 0; (loss = belay_loss_at(i)); i++) {
        visit(w, "loss", loss->name, "", "", loss->help);
        visit_options(w, loss->options);
    }
    for (size_t i = 0; belay_metrics[i]; i++)
        visit(w, "metric", belay_metrics[i]->name, "", "", belay_metrics[i]->help);
    for (size_t i = 0; (optimizer = belay_optimizer_at(i)); i++) {
        visit(w, "optimizer", optimizer->name, "", "", optimizer->help);
        visit_options(w, optimizer->options);
    }
    for (size_t i = 0; belay_monitor_rules[i].name; i++)
        visit(w, "rule", belay_monitor_rules[i].name, "", "", belay_monitor_rules[i].help);
    for (size_t i = 0; belay_schedules[i]; i++) {
        visit(w, "schedule", belay_schedules[i]->name, "", "", belay_schedules[i]->help);
        visit_options(w, belay_schedules[i]->options);
    }
}

// ---- stop rules of other programs ----

static void preset_choice(const struct belay_rule *rule, const struct belay_preset_option *option,
                          belay_config_item *out)
{
    size_t used = 0;
    int value;
    memcpy(&value, (const char *) rule + option->offset, sizeof(value));
    for (const struct belay_preset_choice *c = option->choices; c->text; c++) {
        if (c->value == value && !out->fallback[0])
            snprintf(out->fallback, sizeof(out->fallback), "%s", c->text);
        if (used < sizeof(out->range))
            used += (size_t) snprintf(out->range + used, sizeof(out->range) - used, "%s%s",
                                      used ? ", " : "", c->text);
    }
}

static void visit_preset(struct walk *w, const struct belay_preset *preset)
{
    visit(w, "preset", preset->name, "", "", preset->help);
    for (const struct belay_preset_option *o = preset->options; o->name; o++) {
        bool ignored = o->offset == (size_t) -1;
        double value;
        if (!visit(w, "option", o->name, ignored ? "" : o->choices ? "choice" : "float", "",
                   ignored ? "taken, without effect on where it stops" : "") || ignored)
            continue;
        if (o->choices) {
            preset_choice(&preset->rule, o, w->out);
            continue;
        }
        memcpy(&value, (const char *) &preset->rule + o->offset, sizeof(value));
        if (isfinite(value))
            snprintf(w->out->fallback, sizeof(w->out->fallback), "%.12g", value);
    }
}

bool belay_config_item_at(size_t index, belay_config_item *out)
{
    struct walk w = { .left = index, .out = out };
    visit_keys(&w);
    visit_layers(&w);
    visit_training(&w);
    for (const struct belay_preset *p = belay_presets; p->name; p++)
        visit_preset(&w, p);
    for (size_t i = 0; belay_ops[i]; i++)
        if (belay_ops[i]->help)
            visit(&w, "operator", belay_ops[i]->name, "", "", belay_ops[i]->help);
    for (const struct belay_env_var *var = belay_env_vars; var->name; var++)
        visit(&w, "environment", var->name, "", "", var->help);
    return w.found;
}
