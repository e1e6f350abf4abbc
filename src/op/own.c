#include "op/own.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "tensor/dtype.h"

static struct belay_own_list ops, sources;

// ---- Texts ----

struct source {
    struct belay_own own;
    char *text;
};

belay_status belay_own_source_add(struct belay_log *log, const char *file, const char *text)
{
    struct source *s = belay_alloc(sizeof(*s));
    char *name = belay_strdup(file), *copy = belay_strdup(text);
    bool whole = s && name && copy;
    if (whole) {
        s->own.name = name;
        s->text = copy;
    }
    if (whole && !belay_own_add(&sources, &s->own))
        return BELAY_OK;
    belay_free(s);
    belay_free(name);
    belay_free(copy);
    return whole ? belay_own_exists(log, "kernels", file) : belay_fail_nomem(log, strlen(text));
}

const char *belay_own_source(const char *file)
{
    const struct source *s = (const struct source *) belay_own_find(&sources, file);
    return s ? s->text : NULL;
}

// ---- Checks ----

belay_status belay_own_check_version(struct belay_log *log, const char *what, int version)
{
    if (version == BELAY_OWN_VERSION)
        return BELAY_OK;
    return belay_fail(log, BELAY_ERR_UNSUPPORTED,
                      "own %s: its struct has version %d, this library knows %d", what, version,
                      BELAY_OWN_VERSION);
}

belay_status belay_own_exists(struct belay_log *log, const char *what, const char *name)
{
    return belay_fail(log, BELAY_ERR_EXISTS, "%s '%s' is there already, and is another", what, name);
}

int belay_own_options(struct belay_log *log, const char *what, const char *name,
                      const belay_own_option *options, int max)
{
    int num = 0;
    for (; num < max && options[num].name; num++) {
        if (belay_own_check_name(log, "option", options[num].name) != BELAY_OK)
            return -1;
        for (int i = 0; i < num; i++) {
            if (strcmp(options[i].name, options[num].name) != 0)
                continue;
            (void) belay_fail(log, BELAY_ERR_ARG, "own %s '%s': option '%s' is there twice", what,
                              name, options[num].name);
            return -1;
        }
    }
    return num;
}

static belay_status bad(struct belay_log *log, const belay_own_op *def, const char *what)
{
    return belay_fail(log, BELAY_ERR_ARG, "own op '%s': %s", def->name, what);
}

// Every $ and @ must name an input and a setting that there is.
static belay_status check_expression(struct belay_log *log, const belay_own_op *def, int settings)
{
    unsigned inputs = 0;
    for (const char *at = def->expression; *at; at++) {
        int limit = *at == '$' ? def->num_x : *at == '@' ? settings : 0;
        if (*at != '$' && *at != '@')
            continue;
        int number = at[1] - '0';
        if (number < 0 || number >= limit || isdigit((unsigned char) at[2]))
            return belay_fail(log, BELAY_ERR_ARG,
                              "own op '%s': '%.2s' in its expression: it has %d %s", def->name, at,
                              limit, *at == '$' ? "inputs" : "settings");
        inputs |= *at == '$' ? 1u << number : 0;
    }
    return inputs ? BELAY_OK : bad(log, def, "its expression reads no input");
}

static belay_status check(struct belay_log *log, const belay_own_op *def, int *settings)
{
    BELAY_TRY(belay_own_check_version(log, "op", def->version));
    BELAY_TRY(belay_own_check_name(log, "own op", def->name));
    if (belay_op_find(def->name))
        return belay_own_exists(log, "operator", def->name);
    if (def->num_x < 1 || def->num_x > BELAY_OWN_INPUTS)
        return bad(log, def, "want 1 to 8 inputs");
    *settings = belay_own_options(log, "op", def->name, def->settings, BELAY_OWN_SETTINGS);
    if (*settings < 0)
        return BELAY_ERR_ARG;
    if (def->grad && def->no_gradient)
        return bad(log, def, "it has a gradient rule and says that it has no gradient");
    bool element = def->eval || def->expression, kernel = def->host || def->source;
    if (element && kernel)
        return bad(log, def, "want eval and expression, or host and source: a kernel of its own "
                             "cannot be fused");
    if (!element && !kernel)
        return bad(log, def, "want eval and expression, or host and source");
    if (kernel)
        return def->host && def->source ? BELAY_OK : bad(log, def, "want both, host and source");
    if (!def->eval || !def->expression)
        return bad(log, def, "want both, eval and expression");
    if (def->shape || def->launch)
        return bad(log, def, "shape and launch are for operators with a kernel");
    return check_expression(log, def, *settings);
}

// ---- From Belay's calls to the program's ----

static const struct belay_own_op_entry *entry_of(const struct belay_op *op)
{
    return (const struct belay_own_op_entry *) op;
}

static void to_own(const struct belay_shape *s, belay_own_shape *out)
{
    out->rank = s->rank;
    memcpy(out->dim, s->dim, sizeof(out->dim));
}

static void own_call(const struct belay_attrs *attrs, int num_x, const struct belay_shape *x,
                     belay_own_call *out)
{
    *out = (belay_own_call){ .num_x = num_x, .setting = attrs->f };
    for (int i = 0; i < num_x; i++)
        to_own(&x[i], &out->x[i]);
}

static belay_status kernel_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                                 const struct belay_shape *x, struct belay_shape *y)
{
    const struct belay_own_op_entry *e = belay_own_op_at(attrs->flags);
    belay_own_call call;
    belay_own_shape out = { 0 };
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT] = "";
    own_call(attrs, num_x, x, &call);
    if (e->def.shape(&call, &out))
        return belay_shape_make(log, out.rank, out.dim, y);
    belay_shape_text(&x[0], a);
    if (num_x > 1)
        belay_shape_text(&x[1], b);
    return belay_fail(log, BELAY_ERR_SHAPE, "%s: it does not take inputs of %s%s%s%s", e->op.name, a,
                      num_x > 1 ? " and " : "", b, num_x > 2 ? " …" : "");
}

static void kernel_ref(const struct belay_ref *r)
{
    belay_own_call call;
    own_call(r->call->attrs, r->call->num_x, r->call->x_shape, &call);
    to_own(&r->call->y_shape[0], &call.y);
    entry_of(r->call->op)->def.host(&call, r->x, r->y[0]);
}

static void simple_launch(const belay_own_call *call, belay_own_launch *out)
{
    uint64_t count = 1;
    for (int i = 0; i < call->y.rank; i++)
        count *= (uint64_t) call->y.dim[i];
    *out = (belay_own_launch){ .dims = 1, .global = { (size_t) (count + 63) / 64 * 64 },
                               .local = { 64 }, .num_numbers = 1,
                               .number = { (uint32_t) count } };
}

static void kernel_launch(const struct belay_call *call, int stage, struct belay_launch *out)
{
    const struct belay_own_op_entry *e = entry_of(call->op);
    belay_own_call own;
    belay_own_launch l = { 0 };
    own_call(call->attrs, call->num_x, call->x_shape, &own);
    to_own(&call->y_shape[0], &own.y);
    (e->def.launch ? e->def.launch : simple_launch)(&own, &l);
    belay_launch_begin(out, e->op.name);
    belay_launch_y(out, 0);
    for (int i = 0; i < call->num_x; i++)
        belay_launch_x(out, i);
    for (int i = 0; i < l.num_numbers && i < 8; i++)
        belay_launch_uint(out, l.number[i]);
    for (int i = 0; i < e->num_settings; i++)
        belay_launch_float(out, call->attrs->f[i]);
    out->dims = l.dims < 1 ? 1 : l.dims > 3 ? 3 : l.dims;
    for (int d = 0; d < out->dims; d++) {
        out->local[d] = l.local[d] ? l.local[d] : 1;
        out->global[d] = (l.global[d] + out->local[d] - 1) / out->local[d] * out->local[d];
    }
}

// What the rule gives in the shape of the output is summed to the input's.
static belay_value *fit(belay_graph *g, const struct belay_own_op_entry *e, int input,
                        belay_value *dx, belay_value *x)
{
    const struct belay_shape *from = belay_value_shape(dx), *to = belay_value_shape(x);
    struct belay_shape both;
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
    if (belay_shape_broadcast(from, to, &both) && belay_shape_equal(&both, from))
        return belay_sum_to(g, dx, x);
    return belay_graph_fail(g, BELAY_ERR_SHAPE,
                            "%s: its gradient rule gives %s for input %d, which is %s", e->op.name,
                            belay_shape_text(from, a), input, belay_shape_text(to, b));
}

static void grad(struct belay_grad *g)
{
    const struct belay_own_op_entry *e = belay_own_op_at(g->attrs->flags);
    belay_own_grad own = { .graph = g->graph, .num_x = g->num_x, .y = g->y[0], .dy = g->dy[0],
                           .setting = g->attrs->f };
    memcpy(own.x, g->x, (size_t) g->num_x * sizeof(*own.x));
    memcpy(own.want, g->want, (size_t) g->num_x * sizeof(*own.want));
    e->def.grad(&own);
    for (int i = 0; i < g->num_x && belay_graph_check(g->graph) == BELAY_OK; i++)
        if (own.want[i] && own.dx[i])
            g->dx[i] = fit(g->graph, e, i, own.dx[i], g->x[i]);
}

// ---- Adding ----

static bool copy_text(const char **text)
{
    *text = *text ? belay_strdup(*text) : NULL;
    return *text;
}

static bool copy_texts(struct belay_own_op_entry *e)
{
    belay_own_op *d = &e->def;
    bool whole = copy_text(&d->name);
    if (!d->help)
        d->help = "an operator of the program's own";
    whole = copy_text(&d->help) && whole;
    for (int i = 0; i < e->num_settings; i++) {
        whole = copy_text(&d->settings[i].name) && whole;
        if (!d->settings[i].help)
            d->settings[i].help = "";
        whole = copy_text(&d->settings[i].help) && whole;
    }
    if (d->expression)
        whole = copy_text(&d->expression) && whole;
    if (d->source)
        whole = copy_text(&d->source) && whole;
    return whole;
}

static void free_entry(struct belay_own_op_entry *e)
{
    belay_own_op *d = &e->def;
    belay_free((char *) d->name);
    belay_free((char *) d->help);
    for (int i = 0; i < e->num_settings; i++) {
        belay_free((char *) d->settings[i].name);
        belay_free((char *) d->settings[i].help);
    }
    belay_free((char *) d->expression);
    belay_free((char *) d->source);
    belay_free((char *) e->op.cl_file);
    belay_free(e);
}

static belay_status make_op(struct belay_log *log, struct belay_own_op_entry *e)
{
    const belay_own_op *d = &e->def;
    struct belay_str file = { 0 };
    e->own.name = d->name;
    e->op = (struct belay_op){
        .name = d->name,
        .num_x = d->num_x,
        .flags = BELAY_OP_OWN | (d->no_gradient ? BELAY_OP_NO_GRADIENT : 0),
        .index_inputs = d->int_inputs,
        .keep = (1u << d->num_x) - 1,
        .grad = d->grad ? grad : NULL,
        .eval = d->eval,
        .expr = d->expression,
        .test = { .lo = -2, .hi = 2 },
    };
    if (d->eval)
        return BELAY_OK;
    belay_str_addf(&file, "own_%s", d->name);
    if (file.failed)
        return belay_fail_nomem(log, sizeof(*e));
    e->op.infer = d->shape ? kernel_infer : NULL;
    e->op.ref = kernel_ref;
    e->op.launch = kernel_launch;
    e->op.cl_file = file.text;
    return BELAY_OK;
}

static bool same(const belay_own_op *a, const belay_own_op *b, int settings)
{
    bool equal = a->num_x == b->num_x && a->int_inputs == b->int_inputs && a->eval == b->eval &&
                 belay_str_equal(a->expression, b->expression) && a->shape == b->shape &&
                 a->host == b->host && belay_str_equal(a->source, b->source) &&
                 a->launch == b->launch && a->grad == b->grad && a->no_gradient == b->no_gradient;
    for (int i = 0; i <= settings && i < BELAY_OWN_SETTINGS && equal; i++)
        equal = belay_str_equal(a->settings[i].name, b->settings[i].name) &&
                (!a->settings[i].name || a->settings[i].fallback == b->settings[i].fallback);
    return equal;
}

belay_status belay_own_op_add(struct belay_log *log, const belay_own_op *def,
                              const struct belay_own_op_entry **added)
{
    int settings = 0;
    *added = NULL;
    BELAY_TRY(check(log, def, &settings));
    const struct belay_own_op_entry *there = belay_own_op_find(def->name);
    if (there)
        return same(&there->def, def, there->num_settings)
                   ? BELAY_OK
                   : belay_own_exists(log, "operator", def->name);
    struct belay_own_op_entry *e = belay_alloc(sizeof(*e));
    if (!e)
        return belay_fail_nomem(log, sizeof(*e));
    e->def = *def;
    e->num_settings = settings;
    belay_status status = copy_texts(e) ? make_op(log, e) : belay_fail_nomem(log, sizeof(*e));
    if (status == BELAY_OK && e->op.cl_file)
        status = belay_own_source_add(log, e->op.cl_file, e->def.source);
    if (status == BELAY_OK && belay_own_add(&ops, &e->own)) // by another thread meanwhile
        status = belay_own_exists(log, "operator", def->name);
    if (status == BELAY_OK)
        *added = e;
    else
        free_entry(e);
    return status;
}

// ---- Using ----

static const struct belay_own_op_entry *entry_at(struct belay_own *own)
{
    return own ? (const struct belay_own_op_entry *)
                     ((char *) own - offsetof(struct belay_own_op_entry, own))
               : NULL;
}

const struct belay_own_op_entry *belay_own_op_find(const char *name)
{
    return entry_at(belay_own_find(&ops, name));
}

const struct belay_own_op_entry *belay_own_op_at(size_t index)
{
    return entry_at(belay_own_at(&ops, index));
}

belay_value *belay_own_op_apply(belay_graph *g, const struct belay_own_op_entry *e, int num_x,
                                belay_value *const *x, const double *settings)
{
    struct belay_attrs attrs = { .flags = (uint32_t) e->own.index };
    for (int i = 0; i < e->num_settings; i++)
        attrs.f[i] = settings ? settings[i] : e->def.settings[i].fallback;
    for (int i = 0; i < num_x && i < e->op.num_x && !e->op.eval; i++)
        if (x[i] && !((e->op.index_inputs >> i) & 1) && belay_value_dtype(x[i]) != BELAY_F32)
            return belay_graph_fail(g, BELAY_ERR_ARG, "%s: input %d is %s, want F32", e->op.name, i,
                                    belay_dtype_name(belay_value_dtype(x[i])));
    return belay_apply(g, &e->op, num_x, x, &attrs);
}
