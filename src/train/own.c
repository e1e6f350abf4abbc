#include "train/own.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "base/str.h"
#include "device/context.h"
#include "op/own.h"

struct own_loss {
    struct belay_own own; // first
    struct belay_loss loss;
    belay_own_loss def;
};
struct own_optimizer {
    struct belay_own own; // first
    struct belay_optimizer optimizer;
    belay_own_optimizer def;
};

static struct belay_own_list losses, optimizers;

// ---- Texts and options ----

// Texts that stay; one arena for each entry. NULL sticks in *failed.
static const char *keep(struct belay_arena *arena, const char *text, bool *failed)
{
    char *copy = belay_arena_strdup(arena, text ? text : "");
    *failed = *failed || !copy;
    return copy;
}

static void keep_options(struct belay_arena *arena, const belay_own_option *from, int num,
                         struct belay_option *out, bool *failed)
{
    for (int i = 0; i < num; i++)
        out[i] = (struct belay_option){ keep(arena, from[i].name, failed), "float",
                                        from[i].fallback, keep(arena, from[i].help, failed) };
}

static bool same_options(const struct belay_option *a, const belay_own_option *b)
{
    for (int i = 0; i < BELAY_OWN_OPTIONS; i++) {
        if (!belay_str_equal(a[i].name, b[i].name))
            return false;
        if (!b[i].name)
            break;
        if (a[i].fallback != b[i].fallback)
            return false;
    }
    return true;
}

static bool has_option(const belay_own_option *options, int num, const char *name)
{
    for (int i = 0; i < num; i++)
        if (strcmp(options[i].name, name) == 0)
            return true;
    return false;
}

// Keys that sections have beside their options.
static belay_status check_options(struct belay_log *log, const char *what, const char *name,
                                  const belay_own_option *options, int *num)
{
    static const char *const words[] = { "name", "groups", "clip_norm", "match", "frozen", "weight",
                                         "class_weights", "pos_weight" };
    *num = belay_own_options(log, what, name, options, BELAY_OWN_OPTIONS);
    if (*num < 0)
        return BELAY_ERR_ARG;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (has_option(options, *num, words[i]))
            return belay_fail(log, BELAY_ERR_ARG, "own %s '%s': '%s' has another meaning in recipes",
                              what, name, words[i]);
    return BELAY_OK;
}

// ---- Losses ----

static belay_status check_loss(struct belay_log *log, const belay_own_loss *def, int *num)
{
    BELAY_TRY(belay_own_check_version(log, "loss", def->version));
    BELAY_TRY(belay_own_check_name(log, "own loss", def->name));
    for (size_t i = 0; belay_losses[i]; i++)
        if (strcmp(belay_losses[i]->name, def->name) == 0)
            return belay_own_exists(log, "loss", def->name);
    if (!def->build)
        return belay_fail(log, BELAY_ERR_ARG, "own loss '%s': it has no build", def->name);
    return check_options(log, "loss", def->name, def->options, num);
}

static bool same_loss(const struct own_loss *a, const belay_own_loss *b)
{
    return a->def.build == b->build && a->def.predict == b->predict &&
           a->def.classes == b->classes && same_options(a->loss.options, b->options);
}

static belay_status fill_loss(struct belay_log *log, const belay_own_loss *def, int num,
                              struct own_loss *l, struct belay_arena *arena)
{
    bool failed = false;
    l->def = *def;
    l->loss = (struct belay_loss){
        .name = keep(arena, def->name, &failed),
        .help = keep(arena, def->help ? def->help : "a loss of the program's own", &failed),
        .classes = def->classes,
        .build = def->build,
        .predict = def->predict,
    };
    keep_options(arena, def->options, num, l->loss.options, &failed);
    l->own.name = l->loss.name;
    return failed ? belay_fail_nomem(log, sizeof(*l)) : BELAY_OK;
}

belay_status belay_register_loss(belay_ctx *ctx, const belay_own_loss *def)
{
    struct belay_log *log = &ctx->log;
    struct belay_arena arena = { 0 };
    int num;
    BELAY_TRY(check_loss(log, def, &num));
    const struct own_loss *there = (const struct own_loss *) belay_own_find(&losses, def->name);
    if (there)
        return same_loss(there, def) ? BELAY_OK : belay_own_exists(log, "loss", def->name);
    struct own_loss *l = belay_arena_alloc(&arena, sizeof(*l));
    belay_status status = l ? fill_loss(log, def, num, l, &arena)
                            : belay_fail_nomem(log, sizeof(*l));
    if (status == BELAY_OK && belay_own_add(&losses, &l->own))
        status = belay_own_exists(log, "loss", def->name);
    if (status != BELAY_OK)
        belay_arena_free(&arena);
    return status;
}

const struct belay_loss *belay_own_loss_at(size_t index)
{
    struct own_loss *l = (struct own_loss *) belay_own_at(&losses, index);
    return l ? &l->loss : NULL;
}

// ---- Optimizers ----

static unsigned no_state(const double *options)
{
    return 0;
}

static unsigned one_state(const double *options)
{
    return 1;
}

static unsigned two_states(const double *options)
{
    return 3;
}

static unsigned three_states(const double *options)
{
    return 7;
}

static belay_status bad(struct belay_log *log, const belay_own_optimizer *def, const char *what)
{
    return belay_fail(log, BELAY_ERR_ARG, "own optimizer '%s': %s", def->name, what);
}

static belay_status check_optimizer(struct belay_log *log, const belay_own_optimizer *def, int *num)
{
    BELAY_TRY(belay_own_check_version(log, "optimizer", def->version));
    BELAY_TRY(belay_own_check_name(log, "own optimizer", def->name));
    for (size_t i = 0; belay_optimizers[i]; i++)
        if (strcmp(belay_optimizers[i]->name, def->name) == 0)
            return belay_own_exists(log, "optimizer", def->name);
    BELAY_TRY(check_options(log, "optimizer", def->name, def->options, num));
    if (!has_option(def->options, *num, "lr"))
        return bad(log, def, "'lr' must be among its options");
    if (!def->hyper || !def->update || !def->source)
        return bad(log, def, "want hyper, update and source");
    if (def->num_states < 0 || def->num_states > BELAY_OWN_STATES)
        return bad(log, def, "want 0 to 3 states");
    for (int i = 0; i < def->num_states; i++)
        BELAY_TRY(belay_own_check_name(log, "state", def->state_names[i]));
    return BELAY_OK;
}

static bool same_optimizer(const struct own_optimizer *a, const belay_own_optimizer *b)
{
    bool equal = a->def.hyper == b->hyper && a->def.update == b->update &&
                 a->def.num_states == b->num_states &&
                 belay_str_equal(a->def.source, b->source) &&
                 same_options(a->optimizer.options, b->options);
    for (int i = 0; i < b->num_states && equal; i++)
        equal = belay_str_equal(a->optimizer.state_names[i], b->state_names[i]);
    return equal;
}

// The program gives what is done to eight weights; the rest of the launch is as for Belay's own.
static belay_status add_kernel(struct belay_log *log, const char *file,
                               const belay_own_optimizer *def)
{
    struct belay_str text = { 0 };
    int n = def->num_states;
    belay_str_addf(&text, "#include \"optim.clh\"\n#define %s_s%d_one %s_one\n#line 1 \"%s\"\n",
                   def->name, n, def->name, def->name);
    belay_str_addf(&text, "%s\nOPTIM_%d(%s_s%d)\n", def->source, n, def->name, n);
    belay_status status = text.failed ? belay_fail_nomem(log, strlen(def->source))
                                      : belay_own_source_add(log, file, text.text);
    belay_str_free(&text);
    return status;
}

static belay_status fill_optimizer(struct belay_log *log, const belay_own_optimizer *def, int num,
                                   struct own_optimizer *o, struct belay_arena *arena)
{
    static unsigned (*const states[])(const double *) = { no_state, one_state, two_states,
                                                          three_states };
    char file[64];
    bool failed = false;
    snprintf(file, sizeof(file), "optim_own_%s", def->name);
    o->def = *def;
    o->def.source = keep(arena, def->source, &failed);
    o->optimizer = (struct belay_optimizer){
        .name = keep(arena, def->name, &failed),
        .help = keep(arena, def->help ? def->help : "an optimizer of the program's own", &failed),
        .num_states = def->num_states,
        .states = states[def->num_states],
        .hyper = def->hyper,
        .update = def->update,
        .cl_file = keep(arena, file, &failed),
        .own = true,
    };
    for (int i = 0; i < def->num_states; i++)
        o->optimizer.state_names[i] = keep(arena, def->state_names[i], &failed);
    keep_options(arena, def->options, num, o->optimizer.options, &failed);
    o->own.name = o->optimizer.name;
    return failed ? belay_fail_nomem(log, sizeof(*o)) : add_kernel(log, file, def);
}

belay_status belay_register_optimizer(belay_ctx *ctx, const belay_own_optimizer *def)
{
    struct belay_log *log = &ctx->log;
    struct belay_arena arena = { 0 };
    int num;
    BELAY_TRY(check_optimizer(log, def, &num));
    const struct own_optimizer *there =
        (const struct own_optimizer *) belay_own_find(&optimizers, def->name);
    if (there)
        return same_optimizer(there, def) ? BELAY_OK
                                          : belay_own_exists(log, "optimizer", def->name);
    struct own_optimizer *o = belay_arena_alloc(&arena, sizeof(*o));
    belay_status status = o ? fill_optimizer(log, def, num, o, &arena)
                            : belay_fail_nomem(log, sizeof(*o));
    if (status == BELAY_OK && belay_own_add(&optimizers, &o->own))
        status = belay_own_exists(log, "optimizer", def->name);
    if (status != BELAY_OK)
        belay_arena_free(&arena);
    return status;
}

const struct belay_optimizer *belay_own_optimizer_at(size_t index)
{
    struct own_optimizer *o = (struct own_optimizer *) belay_own_at(&optimizers, index);
    return o ? &o->optimizer : NULL;
}
