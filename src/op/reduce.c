#include "op/reduce.h"

#include <assert.h>

// ---- which axes ----

bool belay_reduce_attrs(belay_graph *g, const char *name, belay_value *x, int num, const int *axes,
                        bool keepdim, struct belay_attrs *out)
{
    const struct belay_shape *shape = belay_value_shape(x);
    char text[BELAY_SHAPE_TEXT];
    *out = (struct belay_attrs){ .flags = keepdim ? BELAY_SUM_KEEPDIM : 0 };
    if (num == 0)
        out->axes = (1u << shape->rank) - 1;
    for (int i = 0; i < num; i++) {
        int axis = 0;
        if (!belay_shape_axis(shape, axes[i], &axis)) {
            belay_graph_fail(g, BELAY_ERR_SHAPE, "%s: no axis %d in shape %s", name, axes[i],
                             belay_shape_text(shape, text));
            return false;
        }
        if (out->axes >> axis & 1) {
            belay_graph_fail(g, BELAY_ERR_ARG, "%s: axis %d is listed twice", name, axes[i]);
            return false;
        }
        out->axes |= 1u << axis;
    }
    return true;
}

belay_status belay_reduce_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                                const struct belay_shape *x, struct belay_shape *y)
{
    if (attrs->axes >> x->rank)
        return belay_fail(log, BELAY_ERR_SHAPE, "sum: axes 0x%x of an input of rank %d",
                          (unsigned) attrs->axes, x->rank);
    *y = (struct belay_shape){ 0 };
    for (int i = 0; i < x->rank; i++) {
        bool reduced = attrs->axes >> i & 1;
        if (!reduced || attrs->flags & BELAY_SUM_KEEPDIM)
            y->dim[y->rank++] = reduced ? 1 : x->dim[i];
    }
    return BELAY_OK;
}

bool belay_reduce_sums(const struct belay_call *call, int axis)
{
    const struct belay_shape *x = &call->x_shape[0], *like = &call->x_shape[1];
    if (call->num_x == 1)
        return call->attrs->axes >> axis & 1;
    int i = axis - (x->rank - like->rank);
    return i < 0 || (like->dim[i] == 1 && x->dim[axis] != 1);
}

int64_t belay_reduce_divisor(const struct belay_call *call)
{
    int64_t count = 1;
    for (int i = 0; i < call->x_shape[0].rank && call->attrs->flags & BELAY_SUM_MEAN; i++)
        if (belay_reduce_sums(call, i))
            count *= call->x_shape[0].dim[i];
    return count;
}

// ---- the reference ----

void belay_reduce_ref(const struct belay_ref *r)
{
    const struct belay_shape *x = &r->call->x_shape[0];
    int64_t stride[BELAY_MAX_RANK], at[BELAY_MAX_RANK] = { 0 }, next = 1;
    for (int i = x->rank - 1; i >= 0; i--) {
        stride[i] = belay_reduce_sums(r->call, i) ? 0 : next;
        next *= stride[i] ? x->dim[i] : 1;
    }
    double *y = r->y[0];
    int64_t count = belay_shape_count(x), num_y = next, o = 0;
    for (int64_t i = 0; i < num_y; i++)
        y[i] = 0;
    for (int64_t i = 0; i < count; i++) {
        y[o] += r->x[0][i];
        int d = x->rank - 1;
        for (; d >= 0 && ++at[d] == x->dim[d]; d--) {
            o -= stride[d] * (x->dim[d] - 1);
            at[d] = 0;
        }
        if (d >= 0)
            o += stride[d];
    }
    for (int64_t i = 0; i < num_y; i++)
        y[i] /= (double) belay_reduce_divisor(r->call);
}

// ---- passes ----

#define MAX_CHUNKS 256
#define MAX_STEPS (2 * (BELAY_MAX_RANK / 2 + 1))
#define SMALL_ROW 32 // GPU: shorter rows go one to a work-item

struct step {
    int64_t outer, n, inner, chunk, chunks;
    int64_t from, to; // elements of the scratch; -1: input, output
};

struct steps {
    int num;
    struct step step[MAX_STEPS];
    int64_t scratch;
};

// Neighbouring axes of one kind joined, those of one element left out: kinds alternate.
struct joined {
    int rank;
    int64_t dim[BELAY_MAX_RANK];
    bool reduced[BELAY_MAX_RANK];
};

static void join_axes(const struct belay_call *call, struct joined *j)
{
    const struct belay_shape *x = &call->x_shape[0];
    j->rank = 0;
    for (int i = 0; i < x->rank; i++) {
        bool reduced = belay_reduce_sums(call, i);
        if (x->dim[i] == 1)
            continue;
        if (j->rank == 0 || j->reduced[j->rank - 1] != reduced) {
            j->dim[j->rank] = 1;
            j->reduced[j->rank++] = reduced;
        }
        j->dim[j->rank - 1] *= x->dim[i];
    }
}

static int64_t before(const struct joined *j, int i)
{
    int64_t product = 1;
    for (int k = 0; k < i; k++)
        product *= j->dim[k];
    return product;
}

static int64_t kept_after(const struct joined *j, int i)
{
    int64_t product = 1;
    for (int k = j->rank - 1; k > i; k--)
        if (!j->reduced[k])
            product *= j->dim[k];
    return product;
}

// When to cut: below `few` results, into chunks of at least `unit`.
static int64_t unit_of(const struct belay_call *call, int64_t inner)
{
    if (call->profile->cpu)
        return inner == 1 ? 16384 : 1024;
    return inner == 1 ? 8192 : 128;
}

static int64_t few_of(const struct belay_call *call, int64_t inner)
{
    if (call->profile->cpu)
        return inner == 1 ? 64 : 1024;
    return inner == 1 ? 512 : 16384;
}

static int64_t max_chunks(int64_t n, int64_t unit)
{
    if (n / unit < 2)
        return 0;
    return n / unit < MAX_CHUNKS ? n / unit : MAX_CHUNKS;
}

static void add_step(const struct belay_call *call, struct steps *s, int64_t outer, int64_t n,
                     int64_t inner)
{
    assert(s->num + 2 <= MAX_STEPS);
    int64_t from = s->num == 0 ? -1 : s->step[s->num - 1].to, cells = outer * inner;
    int64_t chunks = max_chunks(n, unit_of(call, inner));
    if (chunks > 0 && cells < few_of(call, inner)) {
        int64_t chunk = (n + chunks - 1) / chunks;
        chunks = (n + chunk - 1) / chunk;
        s->step[s->num++] = (struct step){ outer, n, inner, chunk, chunks, from, s->scratch };
        from = s->scratch;
        s->scratch += cells * chunks;
        n = chunks;
    }
    s->step[s->num++] = (struct step){ outer, n, inner, n, 1, from, s->scratch };
    s->scratch += cells;
}

// The last axis first; the axes before it are `outer` of its pass, so that fewer rows of a batch
// change no pass but the last.
static struct steps make_steps(const struct belay_call *call)
{
    struct steps s = { 0 };
    struct joined j = { 0 };
    join_axes(call, &j);
    for (int i = j.rank - 1; i >= 0; i--)
        if (j.reduced[i])
            add_step(call, &s, before(&j, i), j.dim[i], kept_after(&j, i));
    if (s.num == 0)
        add_step(call, &s, 1, 1, belay_shape_count(&call->x_shape[0]));
    struct step *last = &s.step[s.num - 1];
    s.scratch = last->to;
    last->to = -1;
    return s;
}

int belay_reduce_stages(const struct belay_call *call)
{
    return make_steps(call).num;
}

// Enough for every smaller number of rows too: a bound that grows with each dimension.
size_t belay_reduce_scratch(const struct belay_call *call)
{
    struct joined j = { 0 };
    join_axes(call, &j);
    int64_t bound = 0;
    bool last = true; // its results are the output
    for (int i = 0; i < j.rank; i++) {
        if (!j.reduced[i])
            continue;
        int64_t outer = before(&j, i), inner = kept_after(&j, i);
        int64_t cells = outer * inner, few = few_of(call, inner);
        bound += (cells < few ? cells : few) * max_chunks(j.dim[i], unit_of(call, inner));
        bound += last ? 0 : cells;
        last = false;
    }
    return (size_t) bound;
}

// ---- launches ----

static void put_buffers(const struct step *s, struct belay_launch *l)
{
    if (s->to < 0)
        belay_launch_y(l, 0);
    else
        belay_launch_scratch(l);
    if (s->from < 0)
        belay_launch_x(l, 0);
    else
        belay_launch_scratch(l);
    belay_launch_uint(l, s->to < 0 ? 0 : (uint64_t) s->to);
    belay_launch_uint(l, s->from < 0 ? 0 : (uint64_t) s->from);
}

static void put_sizes(const struct step *s, bool inner, double div, struct belay_launch *l)
{
    belay_launch_uint(l, (uint64_t) s->outer);
    belay_launch_uint(l, (uint64_t) s->n);
    if (inner)
        belay_launch_uint(l, (uint64_t) s->inner);
    belay_launch_uint(l, (uint64_t) s->chunk);
    belay_launch_uint(l, (uint64_t) s->chunks);
    belay_launch_float(l, div);
}

// One work-item takes several results (or blocks of 16) when each is little work.
static void launch_cpu(const struct step *s, double div, struct belay_launch *l)
{
    int64_t width = s->inner == 1 ? 1 : 16;
    int64_t total = s->outer * s->chunks * ((s->inner + width - 1) / width);
    int64_t per = 8192 / (s->chunk * width + 16) + 1;
    belay_launch_begin(l, s->inner == 1 ? "reduce_rows_cpu" : "reduce_columns_cpu");
    put_buffers(s, l);
    put_sizes(s, s->inner != 1, div, l);
    belay_launch_uint(l, (uint64_t) per);
    belay_launch_range(l, (size_t) ((total + per - 1) / per), 1);
}

static size_t group_size(const struct belay_profile *profile)
{
    size_t size = 1;
    while (size < 256 && size * 2 <= profile->max_group)
        size *= 2;
    return size;
}

static void launch_gpu(const struct belay_call *call, const struct step *s, double div,
                       struct belay_launch *l)
{
    size_t group = group_size(call->profile);
    int64_t total = s->outer * s->chunks * s->inner;
    bool groups = s->inner == 1 && s->n > SMALL_ROW;
    belay_launch_begin(l, groups ? "reduce_groups" : "reduce_items");
    put_buffers(s, l);
    put_sizes(s, !groups, div, l);
    if (groups)
        belay_launch_local(l, group * sizeof(float));
    belay_launch_range(l, (size_t) total * (groups ? group : 1), group);
}

void belay_reduce_launch(const struct belay_call *call, int stage, struct belay_launch *out)
{
    struct steps s = make_steps(call);
    const struct step *step = &s.step[stage];
    assert(stage < s.num && (size_t) s.scratch <= belay_reduce_scratch(call));
    double div = stage == s.num - 1 ? (double) belay_reduce_divisor(call) : 1;
    if (call->profile->cpu)
        launch_cpu(step, div, out);
    else
        launch_gpu(call, step, div, out);
}
