#include <math.h>
#include <string.h>

#include "tensor/dtype.h"
#include "train/ops.h"

enum { STEP_POSITION = 2, STEP_SLOT = 3 };

// Elements of one row.
static size_t row_size(const struct belay_shape *s)
{
    size_t count = 1;
    for (int i = 1; i < s->rank; i++)
        count *= (size_t) s->dim[i];
    return count;
}

static size_t cpu_or_group(const struct belay_profile *p)
{
    if (p->cpu)
        return 1;
    return p->max_group < 64 ? p->max_group : 64;
}

// ---- gather_rows, gather_labelled: y[r] = data[order[step[2] + r]] ----
// Device: cl/batch.cl. A change here is a change there.

enum { DATA, ORDER, STEP, LIKE, LABELS };

static belay_status gather_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                                 const struct belay_shape *x, struct belay_shape *y)
{
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
    if (x[DATA].rank < 1 || x[LIKE].rank < 1 || x[ORDER].rank != 1)
        return belay_fail(log, BELAY_ERR_SHAPE, "batch: data %s and rows %s need a dimension each",
                          belay_shape_text(&x[DATA], a), belay_shape_text(&x[LIKE], b));
    if (belay_shape_count(&x[STEP]) <= STEP_SLOT)
        return belay_fail(log, BELAY_ERR_SHAPE, "batch: the step table has shape %s, want [8]",
                          belay_shape_text(&x[STEP], a));
    y[0] = x[DATA];
    y[0].dim[0] = x[LIKE].dim[0];
    if (num_x > LABELS)
        y[1] = (struct belay_shape){ 1, { x[LIKE].dim[0] } };
    return BELAY_OK;
}

// The row of the data that row `r` of the batch is; SIZE_MAX for none.
static size_t source_row(const struct belay_ref *r, size_t row)
{
    const int32_t *order = r->xraw[ORDER], *step = r->xraw[STEP];
    int64_t at = (int64_t) step[STEP_POSITION] + (int64_t) row;
    if (at < 0 || at >= r->call->x_shape[ORDER].dim[0])
        return SIZE_MAX;
    int64_t from = order[at];
    return from < 0 || from >= r->call->x_shape[DATA].dim[0] ? SIZE_MAX : (size_t) from;
}

static void gather_rows_ref(const struct belay_ref *r)
{
    const struct belay_call *call = r->call;
    float scale = (float) call->attrs->f[0], shift = (float) call->attrs->f[1];
    size_t size = row_size(&call->x_shape[DATA]), rows = (size_t) call->y_shape[0].dim[0];
    size_t src_size = belay_dtype_size(call->x_dtype[DATA]);
    size_t dst_size = belay_dtype_size(call->y_dtype[0]);
    for (size_t row = 0; row < rows; row++) {
        size_t from = source_row(r, row);
        const char *src = r->xraw[DATA];
        src += from == SIZE_MAX ? 0 : from * size * src_size;
        char *dst = (char *) r->yraw[0] + row * size * dst_size;
        for (size_t i = 0; i < size; i++) {
            float v = 0;
            if (from != SIZE_MAX) // fmaf: the bits of every device
                v = fmaf((float) belay_dtype_load(call->x_dtype[DATA], src + i * src_size), scale,
                         shift);
            belay_dtype_store(call->y_dtype[0], dst + i * dst_size, v);
        }
        if (call->num_x > LABELS)
            ((int32_t *) r->yraw[1])[row] =
                from == SIZE_MAX ? 0 : ((const int32_t *) r->xraw[LABELS])[from];
    }
}

static void add_sources(const struct belay_call *call, struct belay_launch *out)
{
    belay_launch_y(out, 0);
    belay_launch_x(out, DATA);
    belay_launch_x(out, ORDER);
    belay_launch_x(out, STEP);
    belay_launch_uint(out, (uint64_t) call->x_shape[DATA].dim[0]);
    belay_launch_uint(out, (uint64_t) call->x_shape[ORDER].dim[0]);
    belay_launch_uint(out, (uint64_t) call->y_shape[0].dim[0]);
}

static void gather_rows_launch(const struct belay_call *call, int stage, struct belay_launch *out)
{
    bool bytes = call->x_dtype[DATA] == BELAY_U8, cpu = call->profile->cpu;
    bool labels = call->num_x > LABELS;
    size_t rows = (size_t) call->y_shape[0].dim[0], size = row_size(&call->y_shape[0]);
    if (cpu)
        belay_launch_begin(out, bytes ? "gather_rows_u8_cpu" : "gather_rows_f32_cpu");
    else
        belay_launch_begin(out, bytes ? "gather_rows_u8" : "gather_rows_f32");
    add_sources(call, out);
    belay_launch_uint(out, size);
    belay_launch_float(out, call->attrs->f[0]);
    belay_launch_float(out, call->attrs->f[1]);
    belay_launch_y(out, labels); // not touched when there are none
    belay_launch_x(out, labels ? LABELS : ORDER);
    belay_launch_uint(out, labels);
    if (cpu)
        belay_launch_range(out, rows, 1);
    else
        belay_launch_range2(out, size, cpu_or_group(call->profile), rows, 1);
}

// The rows of a batch out of all, and their positions.
static double gather_bytes(const struct belay_call *call)
{
    double elements = (double) belay_shape_count(&call->y_shape[0]);
    size_t each = belay_dtype_size(call->x_dtype[DATA]) + belay_dtype_size(call->y_dtype[0]);
    return elements * (double) each + 4.0 * (double) call->y_shape[0].dim[0];
}

static const struct belay_op op_gather_rows = {
    .name = "gather_rows",
    .num_x = 4,
    .flags = BELAY_OP_RAW,
    .shape_only = 1u << LIKE,
    .index_inputs = 1u << ORDER | 1u << STEP,
    .infer = gather_infer,
    .ref = gather_rows_ref,
    .cl_file = "batch",
    .launch = gather_rows_launch,
    .bytes = gather_bytes,
};

static const struct belay_op op_gather_labelled = {
    .name = "gather_labelled",
    .num_x = 5,
    .num_y = 2,
    .flags = BELAY_OP_RAW,
    .shape_only = 1u << LIKE,
    .index_inputs = 1u << ORDER | 1u << STEP | 1u << LABELS,
    .index_outputs = 1u << 1,
    .infer = gather_infer,
    .ref = gather_rows_ref,
    .cl_file = "batch",
    .launch = gather_rows_launch,
    .bytes = gather_bytes,
};

belay_value *belay_gather_rows(belay_graph *g, belay_value *data, belay_value *order,
                               belay_value *step, belay_value *like, double scale, double shift)
{
    struct belay_attrs attrs;
    memset(&attrs, 0, sizeof(attrs));
    attrs.f[0] = scale;
    attrs.f[1] = shift;
    if (data && data->dtype != BELAY_U8 && data->dtype != BELAY_F32)
        return belay_graph_fail(g, BELAY_ERR_ARG, "gather_rows: data are %s, want U8 or F32",
                                belay_dtype_name(data->dtype));
    return belay_apply(g, &op_gather_rows, 4, (belay_value *[]){ data, order, step, like },
                       &attrs);
}

belay_value *belay_gather_labelled(belay_graph *g, belay_value *data, belay_value *labels,
                                   belay_value *order, belay_value *step, belay_value *like,
                                   double scale, double shift)
{
    const struct belay_attrs attrs = { .f = { scale, shift } };
    belay_value *x[5] = { data, order, step, like, labels };
    if (data && data->dtype != BELAY_U8 && data->dtype != BELAY_F32)
        return belay_graph_fail(g, BELAY_ERR_ARG, "gather_rows: data are %s, want U8 or F32",
                                belay_dtype_name(data->dtype));
    return belay_apply(g, &op_gather_labelled, 5, x, &attrs);
}

// ---- record: log[step[3]] = value ----

static belay_status record_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                                 const struct belay_shape *x, struct belay_shape *y)
{
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
    if (x[0].rank != 2 || x[0].dim[1] != belay_shape_count(&x[1]))
        return belay_fail(log, BELAY_ERR_SHAPE, "record: a value of shape %s is no row of %s",
                          belay_shape_text(&x[1], b), belay_shape_text(&x[0], a));
    if (belay_shape_count(&x[2]) <= STEP_SLOT)
        return belay_fail(log, BELAY_ERR_SHAPE, "record: the step table has shape %s, want [8]",
                          belay_shape_text(&x[2], a));
    y[0] = x[0];
    return BELAY_OK;
}

static void record_ref(const struct belay_ref *r)
{
    const struct belay_shape *s = &r->call->x_shape[0];
    size_t row = (size_t) s->dim[1] * belay_dtype_size(r->call->x_dtype[0]);
    int32_t slot = ((const int32_t *) r->xraw[2])[STEP_SLOT];
    if (r->yraw[0] != r->xraw[0])
        memcpy(r->yraw[0], r->xraw[0], (size_t) s->dim[0] * row);
    if (slot >= 0 && slot < s->dim[0])
        memcpy((char *) r->yraw[0] + (size_t) slot * row, r->xraw[1], row);
}

static void record_launch(const struct belay_call *call, int stage, struct belay_launch *out)
{
    size_t most = call->profile->max_group;
    belay_launch_begin(out, "record_row");
    belay_launch_y(out, 0);
    belay_launch_x(out, 1);
    belay_launch_x(out, 2);
    belay_launch_uint(out, (uint64_t) call->x_shape[0].dim[0]);
    belay_launch_uint(out, (uint64_t) call->x_shape[0].dim[1]);
    belay_launch_range(out, (size_t) call->x_shape[0].dim[1], most < 64 ? most : 64);
}

static double record_bytes(const struct belay_call *call)
{
    return 8.0 * (double) call->x_shape[0].dim[1] + 4;
}

static const struct belay_op op_record = {
    .name = "record",
    .num_x = 3,
    .flags = BELAY_OP_RAW | BELAY_OP_EFFECT,
    .index_inputs = 1u << 2,
    .inplace = { 1 },
    .infer = record_infer,
    .ref = record_ref,
    .cl_file = "batch",
    .launch = record_launch,
    .bytes = record_bytes,
};

belay_value *belay_record(belay_graph *g, belay_value *log, belay_value *value, belay_value *step)
{
    return belay_apply(g, &op_record, 3, (belay_value *[]){ log, value, step }, NULL);
}

// ---- accumulate: sum += value ----

static belay_status accumulate_infer(struct belay_log *log, const struct belay_attrs *attrs,
                                     int num_x, const struct belay_shape *x, struct belay_shape *y)
{
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
    if (belay_shape_count(&x[0]) != belay_shape_count(&x[1]))
        return belay_fail(log, BELAY_ERR_SHAPE, "accumulate: %s does not fit the sum's %s",
                          belay_shape_text(&x[1], b), belay_shape_text(&x[0], a));
    y[0] = x[0];
    return BELAY_OK;
}

static void accumulate_ref(const struct belay_ref *r)
{
    size_t count = (size_t) belay_shape_count(&r->call->x_shape[0]);
    for (size_t i = 0; i < count; i++)
        r->y[0][i] = r->x[0][i] + r->x[1][i];
}

static void accumulate_launch(const struct belay_call *call, int stage, struct belay_launch *out)
{
    size_t count = (size_t) belay_shape_count(&call->x_shape[0]);
    size_t most = call->profile->max_group;
    belay_launch_begin(out, "accumulate");
    belay_launch_y(out, 0);
    belay_launch_x(out, 1);
    belay_launch_uint(out, count);
    belay_launch_range(out, count, most < 64 ? most : 64);
}

static const struct belay_op op_accumulate = {
    .name = "accumulate",
    .num_x = 2,
    .flags = BELAY_OP_EFFECT,
    .inplace = { 1 },
    .infer = accumulate_infer,
    .ref = accumulate_ref,
    .cl_file = "batch",
    .launch = accumulate_launch,
};

belay_value *belay_accumulate(belay_graph *g, belay_value *sum, belay_value *value)
{
    return belay_apply(g, &op_accumulate, 2, (belay_value *[]){ sum, value }, NULL);
}
