// y = 1 where a is at least b, else 0 (also with a NaN)
#include "op/op.h"

static double ge_eval(const double *x, const double *f)
{
    return x[0] >= x[1] ? 1 : 0;
}

const struct belay_op belay_op_ge = {
    .name = "ge",
    .help = "1 where a is at least b, else 0",
    .num_x = 2,
    .eval = ge_eval,
    .expr = "$0 >= $1 ? 1.0f : 0.0f",
    .test = { .lo = -3, .hi = 3 },
};

belay_value *belay_ge(belay_graph *g, belay_value *a, belay_value *b)
{
    return belay_apply2(g, &belay_op_ge, a, b, NULL);
}
