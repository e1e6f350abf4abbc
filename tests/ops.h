// What the tests of the operator table share: a node of any operator at a size class, and random
// inputs as the table asks for them. Nothing here names an operator.
#ifndef BELAY_TESTS_OPS_H
#define BELAY_TESTS_OPS_H

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "graph/plan.h"
#include "harness.h"

// Element-wise operators without a `make`: shapes of the inputs by class; past the third input
// they repeat. With rank -1 the input is a number; with `rows` dimension 0 is the rows of a batch.
struct ops_class {
    bool broadcast, rows;
    struct belay_shape x[3];
};
static const struct ops_class ops_classes[] = {
    { false, false, { { 1, { 1 } }, { 1, { 1 } }, { 1, { 1 } } } },
    { false, false, { { 1, { 7 } }, { 1, { 7 } }, { 1, { 7 } } } },
    { false, true, { { 2, { 33, 17 } }, { 2, { 33, 17 } }, { 2, { 33, 17 } } } },
    { false, false, { { 3, { 5, 3, 65 } }, { 3, { 5, 3, 65 } }, { 3, { 5, 3, 65 } } } },
    { true, true, { { 2, { 33, 17 } }, { 1, { 17 } }, { 2, { 1, 17 } } } },
    { true, false, { { 2, { 33, 1 } }, { 2, { 33, 17 } }, { 1, { 17 } } } },
    { true, false, { { 3, { 1, 3, 1 } }, { 3, { 5, 1, 65 } }, { 1, { 65 } } } },
    { true, false, { { 2, { 9, 13 } }, { -1, { 0 } }, { 2, { 9, 13 } } } },
    { true, false, { { -1, { 0 } }, { 2, { 9, 13 } }, { 0, { 0 } } } },
};
#define OPS_NUM_CLASSES ((int) (sizeof(ops_classes) / sizeof(ops_classes[0])))

static inline belay_value *ops_default(belay_graph *g, const struct belay_op *op, int size_class)
{
    belay_value *x[BELAY_MAX_IN];
    // Numbers that suit any operator which reads f[].
    struct belay_attrs attrs = { .f = { 0.75, 0.5, 0.25, 1.5 } };
    int num = op->num_x > 0 ? op->num_x : 3;
    if (size_class >= OPS_NUM_CLASSES || (num == 1 && ops_classes[size_class].broadcast))
        return NULL;
    for (int i = 0; i < num; i++) {
        const struct belay_shape *s = &ops_classes[size_class].x[i % 3];
        char name[24];
        snprintf(name, sizeof(name), "x%d", i);
        bool rows = ops_classes[size_class].rows && s->rank > 0 && s->dim[0] == 33;
        x[i] = s->rank < 0 ? belay_scalar(g, 0.75)
                           : belay_input(g, name, BELAY_F32, s->rank, s->dim, rows);
    }
    return belay_apply(g, op, num, x, &attrs);
}

// The first output of a node of this operator; NULL when there are no more classes.
static inline belay_value *ops_make(belay_graph *g, const struct belay_op *op, int size_class)
{
    ck_assert_msg(op->test.make || op->eval, "%s: the table has no test.make", op->name);
    belay_value *y =
        op->test.make ? op->test.make(g, size_class) : ops_default(g, op, size_class);
    ck_assert_msg(belay_graph_check(g) == BELAY_OK, "%s, class %d: %s", op->name, size_class,
                  belay_graph_log(g)->last);
    return y;
}

static inline bool ops_is_memory(const belay_value *v)
{
    return v->kind == BELAY_VALUE_INPUT || v->kind == BELAY_VALUE_PARAM ||
           v->kind == BELAY_VALUE_STATE;
}

// Random numbers in [lo, hi]. With `avoid` input k of 4 takes numbers of residue class k, so that
// no two inputs come nearer to each other, nor one to 0, than `avoid`. Exact in float32.
static inline void ops_fill(const struct belay_op *op, const belay_value *v, int k, uint64_t seed,
                            double *x)
{
    struct belay_rng rng;
    double lo = op->test.lo, hi = op->test.hi, step = 8 * (double) op->test.avoid;
    int64_t count = belay_shape_count(&v->shape);
    belay_rng_init(&rng, seed, (uint64_t) k);
    for (int64_t i = 0; i < count; i++) {
        double u = belay_rng_uniform(&rng), number = lo + u * (hi - lo);
        if (v->dtype == BELAY_I32) {
            x[i] = floor(lo + u * (hi - lo + 1));
            continue;
        }
        if (step > 0) {
            number = step * (floor(number / step) + (k % 4 + 0.5) / 4);
            number += (belay_rng_uniform(&rng) - 0.5) * 0.1 * step / 4;
        }
        x[i] = (float) number;
    }
}

#endif
