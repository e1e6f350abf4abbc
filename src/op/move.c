#include "op/move.h"

void belay_move_init(struct belay_move *m, const struct belay_shape *y)
{
    *m = (struct belay_move){ .rank = y->rank };
    for (int i = 0; i < y->rank; i++)
        m->dim[i] = y->dim[i];
}

void belay_move_ref(const struct belay_move *m, const double *x, double *y)
{
    int64_t count = 1;
    for (int i = 0; i < m->rank; i++)
        count *= m->dim[i];
    for (int64_t i = 0; i < count; i++) {
        int64_t rest = i, at = m->offset;
        for (int j = m->rank - 1; j >= 0; j--) {
            at += rest % m->dim[j] * m->stride[j];
            rest /= m->dim[j];
        }
        y[i] = x[at];
    }
}

// Drops dimensions of size 1 and joins neighbours that are one run of x.
static void join(struct belay_move *m)
{
    int rank = 0;
    for (int i = 0; i < m->rank; i++) {
        int64_t dim = m->dim[i], stride = m->stride[i];
        if (dim == 1)
            continue;
        bool joined = rank > 0 && m->stride[rank - 1] == stride * dim;
        int at = joined ? rank - 1 : rank++;
        m->dim[at] = joined ? m->dim[at] * dim : dim;
        m->stride[at] = stride;
    }
    m->rank = rank;
}

size_t belay_move_group(const struct belay_profile *profile)
{
    size_t group = profile->cpu ? 16 : 256;
    return group < profile->max_group ? group : profile->max_group;
}

// The last dimension is a loop of one work-item on CPUs, neighbouring work-items on others.
void belay_move_launch(const struct belay_call *call, const struct belay_move *m,
                       struct belay_launch *l)
{
    bool cpu = call->profile->cpu;
    struct belay_move joined = *m;
    int64_t count = 1, last = 1;

    join(&joined);
    int empty = BELAY_MAX_RANK - joined.rank;
    for (int i = 0; i < joined.rank; i++)
        count *= last = joined.dim[i];
    belay_launch_begin(l, cpu ? "move_line" : "move");
    belay_launch_y(l, 0);
    belay_launch_x(l, 0);
    belay_launch_uint(l, (uint64_t) (cpu ? count / last : count));
    belay_launch_uint(l, (uint64_t) joined.offset);
    for (int i = 1; i < BELAY_MAX_RANK; i++) // the size of the first is not needed
        belay_launch_uint(l, i < empty ? 1 : (uint64_t) joined.dim[i - empty]);
    for (int i = 0; i < BELAY_MAX_RANK; i++)
        belay_launch_uint(l, i < empty ? 0 : (uint64_t) joined.stride[i - empty]);
    if (cpu)
        belay_launch_range(l, (size_t) (count / last), count / last >= 64 ? 4 : 1);
    else
        belay_launch_range(l, (size_t) count, belay_move_group(call->profile));
}

// ---- indices ----

void belay_index_grad(struct belay_grad *g, const char *op)
{
    belay_value *in[] = { g->dy[0], g->x[1], g->x[0] };
    if (g->want[0])
        g->dx[0] = belay_apply(g->graph, belay_op_find(op), 3, in, g->attrs);
}

belay_status belay_third_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                               const struct belay_shape *x, struct belay_shape *y)
{
    *y = x[2];
    return BELAY_OK;
}
