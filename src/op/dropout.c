// dropout: y = x m, where the mask m is 0 with probability p and 1 / (1 - p) otherwise.
//
// dropout_mask: x[0] gives the shape, x[1] is the step table. f[0] = p, a[0] = seed, stream = hash
// of the layer's path. Element i is number i % 4 of philox(counter = {i / 4, step}, key of seed and
// stream): a function of the run, the layer, the step and the place, the same on every device.
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"
#include "op/op.h"

static belay_status mask_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                               const struct belay_shape *x, struct belay_shape *y)
{
    *y = x[0];
    return BELAY_OK;
}

static void key_of(const struct belay_attrs *attrs, uint32_t key[2])
{
    uint64_t seed;
    memcpy(&seed, &attrs->a[0], sizeof(seed));
    belay_rng_key(seed, attrs->stream, key);
}

// Numbers below it are dropped.
static uint32_t threshold_of(double p)
{
    double at = floor(p * 4294967296.0);
    return at >= 4294967295.0 ? UINT32_MAX : (uint32_t) at;
}

static double scale_of(double p)
{
    return p < 1 ? 1 / (1 - p) : 0;
}

static void mask_ref(const struct belay_ref *r)
{
    const struct belay_attrs *attrs = r->call->attrs;
    uint32_t threshold = threshold_of(attrs->f[0]), key[2], counter[4], block[4];
    double scale = scale_of(attrs->f[0]);
    int64_t count = belay_shape_count(&r->call->y_shape[0]);

    key_of(attrs, key);
    for (int64_t i = 0; i < count; i++) {
        if (i % 4 == 0) {
            counter[0] = (uint32_t) (i / 4);
            counter[1] = (uint32_t) ((uint64_t) i / 4 >> 32);
            counter[2] = (uint32_t) (int64_t) r->x[1][0];
            counter[3] = (uint32_t) (int64_t) r->x[1][1];
            belay_philox(counter, key, block);
        }
        r->y[0][i] = block[i % 4] < threshold ? 0 : scale;
    }
}

static void mask_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    const struct belay_profile *profile = call->profile;
    size_t count = (size_t) belay_shape_count(&call->y_shape[0]);
    size_t blocks = (count + 3) / 4, per = profile->cpu ? 512 : 1;
    uint32_t key[2];

    key_of(call->attrs, key);
    belay_launch_begin(l, "dropout_mask");
    belay_launch_y(l, 0);
    belay_launch_x(l, 1);
    belay_launch_uint(l, count);
    belay_launch_uint(l, per);
    belay_launch_uint(l, threshold_of(call->attrs->f[0]));
    belay_launch_float(l, scale_of(call->attrs->f[0]));
    belay_launch_uint(l, key[0]);
    belay_launch_uint(l, key[1]);
    belay_launch_range(l, (blocks + per - 1) / per,
                       profile->cpu ? 1 : profile->max_group < 128 ? profile->max_group : 128);
}

static belay_value *mask_make(belay_graph *g, int size_class)
{
    static const int64_t dim[][2] = { { 1, 1 }, { 3, 5 }, { 37, 129 }, { 33, 17 } }, table = 8;
    struct belay_attrs attrs = { .f = { 0.3 }, .a = { 42 }, .stream = 7 };

    if ((size_t) size_class >= sizeof(dim) / sizeof(dim[0]))
        return NULL;
    bool rows = dim[size_class][0] == 33;
    return belay_apply2(g, belay_op_find("dropout_mask"),
                        belay_input(g, "like", BELAY_F32, 2, dim[size_class], rows),
                        belay_input(g, "step", BELAY_I32, 1, &table, false), &attrs);
}

const struct belay_op belay_op_dropout_mask = {
    .name = "dropout_mask",
    .help = "0 with probability p, else 1 / (1 - p); dropout multiplies by it",
    .num_x = 2,
    .flags = BELAY_OP_RANDOM,
    .shape_only = 1,
    .index_inputs = 1u << 1,
    .infer = mask_infer,
    .ref = mask_ref,
    .cl_file = "dropout",
    .launch = mask_launch,
    .test = { .lo = 0, .hi = 9, .make = mask_make, .no_grad_check = true },
};

belay_value *belay_dropout(belay_graph *g, belay_value *x, double p, const char *path)
{
    struct belay_attrs attrs = { .f = { p } };

    if (!x)
        return NULL;
    if (!(p >= 0 && p <= 1))
        return belay_graph_fail(g, BELAY_ERR_ARG, "dropout: probability %g, want 0 to 1", p);
    if (!path)
        return belay_graph_fail(g, BELAY_ERR_ARG, "dropout: no path to name its random stream");
    if (!belay_graph_training(g) || p == 0)
        return x;
    uint64_t seed = belay_graph_seed(g);
    memcpy(&attrs.a[0], &seed, sizeof(seed));
    attrs.stream = belay_hash_text(path);
    belay_value *mask = belay_apply2(g, &belay_op_dropout_mask, x, belay_graph_step_table(g),
                                     &attrs);
    return belay_mul(g, x, mask);
}
