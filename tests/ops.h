// What the tests of the operator table share, over device/check.h.
#ifndef BELAY_TESTS_OPS_H
#define BELAY_TESTS_OPS_H

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "device/check.h"
#include "harness.h"

// The first output of a node of this operator; NULL when there are no more classes.
static inline belay_value *ops_make(belay_graph *g, const struct belay_op *op, int size_class)
{
    belay_value *y;
    ck_assert_msg(belay_op_check_make(g, op, size_class, &y) == BELAY_OK, "%s, class %d: %s",
                  op->name, size_class, belay_graph_log(g)->last);
    return y;
}

static inline bool ops_is_memory(const belay_value *v)
{
    return v->kind == BELAY_VALUE_INPUT || v->kind == BELAY_VALUE_PARAM ||
           v->kind == BELAY_VALUE_STATE;
}

#define ops_fill belay_op_check_fill

#endif
