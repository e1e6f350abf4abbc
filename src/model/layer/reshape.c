#include <string.h>

#include "model/layer.h"

// The one -1 becomes what is left over; false when the numbers do not fit.
static bool fit(int num, int64_t *dim, int64_t count)
{
    int free_at = -1;
    int64_t known = 1;
    for (int i = 0; i < num; i++) {
        if (dim[i] == -1 && free_at < 0)
            free_at = i;
        else if (dim[i] < 1 || dim[i] > count || (known *= dim[i]) > count)
            return false;
    }
    if (free_at < 0)
        return known == count;
    dim[free_at] = count / known;
    return count % known == 0;
}

static belay_value *build(struct belay_layer_call *c)
{
    char want[BELAY_SHAPE_TEXT], got[BELAY_SHAPE_TEXT];
    const struct belay_shape *x = &c->x[0]->shape;
    struct belay_shape shape = { .rank = 0 };
    int64_t dim[BELAY_MAX_RANK];
    int num = belay_layer_ints(c, "shape", BELAY_MAX_RANK - 1, shape.dim);
    if (num <= 0)
        return num < 0 ? NULL : belay_layer_fail(c, "wants a shape, as `reshape: [16, 7, 7]`");
    shape.rank = num;
    belay_shape_text(&shape, want);
    // The rows stay what they are in each run, so they are the free dimension in the graph.
    dim[0] = -1;
    memcpy(dim + 1, shape.dim, (size_t) num * sizeof(dim[0]));
    if (!fit(num, dim + 1, belay_shape_count(x) / x->dim[0]))
        return belay_layer_fail(c, "rows of %s do not fit the input %s", want,
                                belay_shape_text(x, got));
    return belay_reshape(c->graph, c->x[0], num + 1, dim);
}

const struct belay_layer belay_layer_reshape = {
    .name = "reshape",
    .help = "the numbers of a row in another shape",
    .main_option = "shape",
    .options = { { "shape", "ints", "without the batch; one size may be -1" } },
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
