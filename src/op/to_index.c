// The nearest whole number as int32: labels that came as float32. No gradient.
#include "op/op.h"

#include <math.h>

static double eval(const double *x, const double *f)
{
    return rint(x[0]);
}

const struct belay_op belay_op_to_index = {
    .name = "to_index",
    .help = "the nearest whole number, as int32",
    .num_x = 1,
    .y_dtype = BELAY_I32,
    .eval = eval,
    .expr = "rint($0)",
    .test = { .lo = -9, .hi = 9 },
};

belay_value *belay_to_index(belay_graph *g, belay_value *x)
{
    return belay_apply1(g, &belay_op_to_index, x, NULL);
}
