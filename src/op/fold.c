#include "op/fold.h"

#include "op/move.h"

static void clear(int64_t *dim, int64_t *stride)
{
    for (int i = 0; i < BELAY_MAX_RANK; i++) {
        dim[i] = 1;
        stride[i] = 0;
    }
}

// From the last axis on, so that the last dimension is the innermost.
void belay_fold_of(const struct belay_call *call, struct belay_fold *f)
{
    const struct belay_shape *x = &call->x_shape[0];
    int at[2] = { BELAY_MAX_RANK, BELAY_MAX_RANK };
    int64_t stride = 1, last = -1;
    clear(f->kept, f->kept_stride);
    clear(f->folded, f->folded_stride);
    f->outputs = f->n = 1;
    for (int i = x->rank - 1; i >= 0; i--) {
        int kind = (int) (call->attrs->axes >> i & 1);
        int64_t *dim = kind ? f->folded : f->kept;
        *(kind ? &f->n : &f->outputs) *= x->dim[i];
        if (x->dim[i] != 1 && kind == last) {
            dim[at[kind]] *= x->dim[i];
        } else if (x->dim[i] != 1) {
            dim[--at[kind]] = x->dim[i];
            (kind ? f->folded_stride : f->kept_stride)[at[kind]] = stride;
            last = kind;
        }
        stride *= x->dim[i];
    }
}

static int64_t place(const int64_t *dim, const int64_t *stride, int64_t i)
{
    int64_t at = 0;
    for (int d = BELAY_MAX_RANK - 1; d >= 0; d--) {
        at += i % dim[d] * stride[d];
        i /= dim[d];
    }
    return at;
}

int64_t belay_fold_first(const struct belay_fold *f, int64_t i)
{
    return place(f->kept, f->kept_stride, i);
}

int64_t belay_fold_step(const struct belay_fold *f, int64_t j)
{
    return place(f->folded, f->folded_stride, j);
}

static void put(struct belay_launch *l, const int64_t *dim, const int64_t *stride)
{
    for (int i = 1; i < BELAY_MAX_RANK; i++)
        belay_launch_uint(l, (uint64_t) dim[i]);
    for (int i = 0; i < BELAY_MAX_RANK; i++)
        belay_launch_uint(l, (uint64_t) stride[i]);
}

void belay_fold_launch(const struct belay_call *call, const char *kernel, struct belay_launch *l)
{
    struct belay_fold f;
    belay_fold_of(call, &f);
    belay_launch_begin(l, kernel);
    belay_launch_y(l, 0);
    belay_launch_x(l, 0);
    belay_launch_uint(l, (uint64_t) f.outputs);
    belay_launch_uint(l, (uint64_t) f.n);
    put(l, f.kept, f.kept_stride);
    put(l, f.folded, f.folded_stride);
    belay_launch_range(l, (size_t) f.outputs, belay_move_group(call->profile));
}

belay_value *belay_fold_make(belay_graph *g, const struct belay_op *op, int size_class)
{
    static const struct {
        int rank;
        int64_t dim[4];
        unsigned axes, flags;
    } c[] = {
        { 1, { 7 }, 1, 0 },
        { 2, { 33, 17 }, 2, 0 },
        { 2, { 5, 9 }, 1, BELAY_SUM_KEEPDIM },
        { 3, { 33, 3, 65 }, 6, BELAY_SUM_KEEPDIM },
        { 4, { 3, 4, 5, 7 }, 10, 0 },
        { 4, { 3, 4, 5, 7 }, 5, 0 },
        { 3, { 5, 1, 9 }, 7, 0 },
        { 2, { 3, 3001 }, 2, 0 },
    };
    if (size_class >= (int) (sizeof(c) / sizeof(c[0])))
        return NULL;
    const int64_t *dim = c[size_class].dim;
    belay_value *x = belay_input(g, "x", BELAY_F32, c[size_class].rank, dim, dim[0] == 33);
    const struct belay_attrs attrs = { .axes = c[size_class].axes, .flags = c[size_class].flags };
    return belay_apply1(g, op, x, &attrs);
}
