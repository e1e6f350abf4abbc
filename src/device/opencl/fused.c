// Generating one kernel from an element-wise group.
#include "device/opencl/fused.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"

unsigned belay_cl_fused_width(const struct belay_cl *cl)
{
    const struct belay_profile *p = &cl->dev->profile;
    if (!p->cpu)
        return 1;
    // Measured on PoCL and Intel's runtime with 8-wide units: 16 is never slower and hides the
    // latency of exp, log and erf.
    return p->float_width >= 8 ? 16 : 8;
}

// ---- The space ----

static bool repeats(const struct belay_value *x, const struct belay_shape *space, int dim)
{
    int at = dim - (space->rank - x->shape.rank);
    return at < 0 || (x->shape.dim[at] == 1 && space->dim[dim] != 1);
}

static uint32_t repeat_bits(const struct belay_group *group, const struct belay_shape *space,
                            int dim)
{
    uint32_t bits = 0;
    for (int k = 0; k < group->num_x; k++)
        if (group->x[k]->kind != BELAY_VALUE_SCALAR && repeats(group->x[k], space, dim))
            bits |= (uint32_t) 1 << k;
    return bits;
}

enum { SUM_BIT = 1 << 30 }; // more than a kernel has inputs

void belay_cl_space_of(const struct belay_group *group, struct belay_cl_space *out)
{
    const struct belay_shape *shape = &group->space->shape;
    struct belay_call call;
    *out = (struct belay_cl_space){ .sum = -1 };
    if (group->sum)
        belay_node_call(group->sum, NULL, &call);
    for (int d = shape->rank - 1; d >= 0; d--) {
        out->of[d] = -1;
        if (shape->dim[d] == 1)
            continue;
        uint32_t bits = repeat_bits(group, shape, d);
        if (group->sum && group->sum->op->sums(&call, d))
            bits |= SUM_BIT;
        if (out->rank == 0 || out->repeated[out->rank - 1] != bits)
            out->repeated[out->rank++] = bits;
        if (bits & SUM_BIT)
            out->sum = out->rank - 1;
        out->of[d] = out->rank - 1;
    }
    if (out->rank == 0) {
        out->rank = 1;
        out->repeated[0] = 0; // one element
    }
}

void belay_cl_space_sizes(const struct belay_cl_space *space, const struct belay_shape *shape,
                          uint64_t size[BELAY_MAX_RANK])
{
    for (int c = 0; c < space->rank; c++)
        size[c] = 1;
    for (int d = 0; d < shape->rank; d++)
        size[space->of[d] < 0 ? 0 : space->of[d]] *= (uint64_t) shape->dim[d];
}

// ---- Numbers and expressions ----

void belay_cl_add_number(struct belay_str *s, double value)
{
    char text[64];
    float f = (float) value;
    if (isnan(f)) {
        belay_str_add(s, "NAN");
        return;
    }
    if (isinf(f)) {
        belay_str_add(s, f < 0 ? "(-INFINITY)" : "INFINITY");
        return;
    }
    snprintf(text, sizeof(text), "%.9g", (double) f);
    for (char *c = text; *c; c++)
        if (*c == ',') // another locale's point
            *c = '.';
    bool plain = !strpbrk(text, ".e");
    belay_str_addf(s, f < 0 || (f == 0 && signbit(f)) ? "(%s%sf)" : "%s%sf", text,
                   plain ? ".0" : "");
}

static int input_of(const struct belay_group *group, const struct belay_value *v)
{
    for (int k = 0; k < group->num_x; k++)
        if (group->x[k] == v)
            return k;
    return -1;
}

// A value of a node's input: a number, an input of the group, or made inside.
static void add_operand(struct belay_str *s, const struct belay_group *group,
                        const struct belay_value *v)
{
    int k = v->kind == BELAY_VALUE_SCALAR ? -1 : input_of(group, v);
    if (v->kind == BELAY_VALUE_SCALAR) {
        belay_str_add(s, "F(");
        belay_cl_add_number(s, v->scalar);
        belay_str_add(s, ")");
    } else if (k >= 0) {
        belay_str_addf(s, "x%d", k);
    } else {
        belay_str_addf(s, "v%d_%d", v->node->id, v->out);
    }
}

static bool starts_number(const char *start, const char *at)
{
    if (!isdigit((unsigned char) *at) && !(*at == '.' && isdigit((unsigned char) at[1])))
        return false;
    return at == start || !(isalnum((unsigned char) at[-1]) || at[-1] == '_' || at[-1] == '.');
}

static size_t number_length(const char *at)
{
    const char *end = at;
    while (isalnum((unsigned char) *end) || *end == '.' ||
           ((*end == '-' || *end == '+') && (end[-1] == 'e' || end[-1] == 'E')))
        end++;
    return (size_t) (end - at);
}

// The op's expression with its $i and @i replaced. Constants become F(c), vectors where values
// are vectors, since fma and others want operands of one type.
static void add_expression(struct belay_str *s, const struct belay_group *group,
                           const struct belay_node *node)
{
    const char *expr = node->op->expr;
    for (const char *at = expr; *at; at++) {
        if (*at == '$') {
            add_operand(s, group, node->x[*++at - '0']);
        } else if (*at == '@') {
            belay_str_add(s, "F(");
            belay_cl_add_number(s, node->attrs.f[*++at - '0']);
            belay_str_add(s, ")");
        } else if (starts_number(expr, at)) {
            size_t length = number_length(at);
            belay_str_addf(s, "F(%.*s)", (int) length, at);
            at += length - 1;
        } else {
            belay_str_add_bytes(s, at, 1);
        }
    }
}

// ---- The kernel ----

static const char *type_name(belay_dtype dtype, bool store)
{
    switch (dtype) {
    case BELAY_F32: return "float";
    case BELAY_I32: return "int";
    case BELAY_U8:
    case BELAY_BOOL: return "uchar";
    case BELAY_U32: return store ? NULL : "uint";
    case BELAY_I8: return store ? NULL : "char";
    default: return NULL;
    }
}

static belay_status check_types(struct belay_cl *cl, const struct belay_group *group)
{
    for (int i = 0; i < group->num_x + group->num_y; i++) {
        bool store = i >= group->num_x;
        const struct belay_value *v = store ? group->y[i - group->num_x] : group->x[i];
        if (v->kind != BELAY_VALUE_SCALAR && !type_name(v->dtype, store))
            return belay_fail(cl->log, BELAY_ERR_UNSUPPORTED,
                              "element-wise kernels cannot %s type %d (value '%s')",
                              store ? "write" : "read", (int) v->dtype, v->name);
    }
    return BELAY_OK;
}

void belay_cl_add_arguments(struct belay_str *s, const struct belay_group *group,
                            const struct belay_cl_space *space)
{
    for (int k = 0; k < group->num_y; k++)
        belay_str_addf(s, "global %s *py%d, ", type_name(group->y[k]->dtype, true), k);
    for (int k = 0; k < group->num_x; k++)
        if (group->x[k]->kind != BELAY_VALUE_SCALAR)
            belay_str_addf(s, "global const %s *px%d, ", type_name(group->x[k]->dtype, false), k);
    for (int c = 0; c < space->rank; c++)
        belay_str_addf(s, "uint n%d, ", c);
}

static bool repeated_at(const struct belay_cl_space *space, int k, int c)
{
    return (space->repeated[c] >> k) & 1;
}

// Where the row of an input begins: its indices times its own strides.
static void add_row_offset(struct belay_str *s, const struct belay_cl_space *space, int k)
{
    bool any = false;
    for (int c = 1; c < space->rank; c++) {
        if (repeated_at(space, k, c))
            continue;
        belay_str_addf(s, "%si%d", any ? " + " : "", c);
        for (int inner = 0; inner < c; inner++)
            if (!repeated_at(space, k, inner))
                belay_str_addf(s, " * n%d", inner);
        any = true;
    }
    if (!any)
        belay_str_add(s, "0");
}

static bool follows_rows(const struct belay_cl_space *space, int k)
{
    for (int c = 1; c < space->rank; c++)
        if (repeated_at(space, k, c))
            return false;
    return true;
}

// i1, i2, … from `first` on: indices of row q in the outer dimensions.
void belay_cl_add_indices(struct belay_str *s, const struct belay_cl_space *space, int first)
{
    for (int c = first; c < space->rank - 1; c++)
        belay_str_addf(s, "        const uint i%d = q %% n%d;\n        q /= n%d;\n", c, c, c);
    if (first < space->rank)
        belay_str_addf(s, "        const uint i%d = q;\n", space->rank - 1);
}

// Where row r of every input and output begins; the sum's output has no rows.
void belay_cl_add_pointers(struct belay_str *s, const struct belay_group *group,
                           const struct belay_cl_space *space)
{
    for (int k = 0; k < group->num_x; k++) {
        if (group->x[k]->kind == BELAY_VALUE_SCALAR)
            continue;
        belay_str_addf(s, "        global const %s *const rx%d = px%d + ",
                       type_name(group->x[k]->dtype, false), k, k);
        if (space->rank > 1 && follows_rows(space, k))
            belay_str_add(s, repeated_at(space, k, 0) ? "r" : "r * n0");
        else
            add_row_offset(s, space, k);
        belay_str_add(s, ";\n");
        if (repeated_at(space, k, 0))
            belay_str_addf(s, "        const V x%d = (V) ((float) rx%d[0]);\n", k, k);
    }
    for (int k = 0; k < group->num_y - (group->sum != NULL); k++)
        belay_str_addf(s, "        global %s *const ry%d = py%d%s;\n",
                       type_name(group->y[k]->dtype, true), k, k,
                       space->rank > 1 ? " + r * n0" : "");
}

static void add_row_begin(struct belay_str *s, const struct belay_group *group,
                          const struct belay_cl_space *space)
{
    if (space->rank > 1) {
        belay_str_add(s, "    const uint b1 = (uint) get_global_id(1) * p1, rows = n1");
        for (int c = 2; c < space->rank; c++)
            belay_str_addf(s, " * n%d", c);
        belay_str_add(s, ";\n    const uint e1 = rows - b1 < p1 ? rows : b1 + p1;\n"
                         "    for (uint r = b1; r < e1 && b1 < rows; r++) {\n"
                         "        uint q = r;\n");
        belay_cl_add_indices(s, space, 1);
    } else {
        belay_str_add(s, "    {\n");
    }
    belay_cl_add_pointers(s, group, space);
}

void belay_cl_add_chain(struct belay_str *s, const struct belay_group *group,
                        const struct belay_cl_space *space)
{
    for (int k = 0; k < group->num_x; k++)
        if (group->x[k]->kind != BELAY_VALUE_SCALAR && !repeated_at(space, k, 0))
            belay_str_addf(s, "            const V x%d = load_%s(rx%d + i, rest);\n", k,
                           type_name(group->x[k]->dtype, false), k);
    for (int n = 0; n < group->num_nodes; n++) {
        const struct belay_node *node = group->nodes[n];
        belay_str_addf(s, "            const V v%d_0 = ", node->id);
        add_expression(s, group, node);
        belay_str_add(s, ";\n");
    }
    for (int k = 0; k < group->num_y - (group->sum != NULL); k++) {
        const char *type = type_name(group->y[k]->dtype, true);
        belay_str_addf(s, "            store_%s(ry%d + i, ", type, k);
        if (group->y[k]->adds)
            belay_str_addf(s, "load_%s(ry%d + i, rest) + ", type, k);
        belay_str_addf(s, "v%d_0, rest);\n", group->y[k]->node->id);
    }
}

static void add_body(struct belay_str *s, const struct belay_group *group,
                     const struct belay_cl_space *space)
{
    belay_str_add(s, "        for (uint i = b0; i < e0; i += W) {\n"
                     "            const uint rest = e0 - i;\n");
    belay_cl_add_chain(s, group, space);
    belay_str_add(s, "        }\n    }\n}\n");
}

belay_status belay_cl_fused_text(struct belay_cl *cl, const struct belay_group *group,
                                 const struct belay_cl_space *space, struct belay_str *out)
{
    BELAY_TRY(check_types(cl, group));
    belay_str_add(out, "(");
    belay_cl_add_arguments(out, group, space);
    if (group->sum) {
        belay_cl_fused_sum_text(out, group, space, cl->dev->profile.cpu);
        return out->failed ? belay_fail_nomem(cl->log, out->length) : BELAY_OK;
    }
    belay_str_add(out, space->rank > 1 ? "uint p0, uint p1" : "uint p0");
    belay_str_add(out, ")\n{\n    const uint b0 = (uint) get_global_id(0) * p0;\n"
                       "    const uint e0 = b0 >= n0 ? b0 : n0 - b0 < p0 ? n0 : b0 + p0;\n");
    add_row_begin(out, group, space);
    add_body(out, group, space);
    return out->failed ? belay_fail_nomem(cl->log, out->length) : BELAY_OK;
}

void belay_cl_fused_value(struct belay_str *s, const struct belay_group *group,
                          const struct belay_node *node)
{
    belay_str_addf(s, "const V v%d_0 = ", node->id);
    add_expression(s, group, node);
    belay_str_add(s, "; ");
}
