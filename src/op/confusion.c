// confusion: y[t * C + p] = rows of class t that were predicted as p. Inputs: scores [N, C], the
// prediction being the first largest, or [N, 1], class 1 where above 0 (C is 2); labels [N]. A
// label that is no class is left out. With a third input [N] each row counts its weight.
#include "op/line.h"

static int64_t classes_of(const struct belay_shape *scores)
{
    return scores->dim[1] == 1 ? 2 : scores->dim[1];
}

static belay_status confusion_infer(struct belay_log *log, const struct belay_attrs *attrs,
                                    int num_x, const struct belay_shape *x, struct belay_shape *y)
{
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];

    if (x[0].rank != 2 || x[1].rank != 1 || x[0].dim[0] != x[1].dim[0])
        return belay_fail(log, BELAY_ERR_SHAPE,
                          "confusion: want scores [N, C] and labels [N], got %s and %s",
                          belay_shape_text(&x[0], a), belay_shape_text(&x[1], b));
    if (num_x > 2 && !belay_shape_equal(&x[2], &x[1]))
        return belay_fail(log, BELAY_ERR_SHAPE, "confusion: weights %s do not fit labels %s",
                          belay_shape_text(&x[2], a), belay_shape_text(&x[1], b));
    *y = (struct belay_shape){ .rank = 1, .dim = { classes_of(&x[0]) * classes_of(&x[0]) } };
    return BELAY_OK;
}

static int64_t predict(const double *x, int64_t n)
{
    int64_t best = 0;
    if (n == 1)
        return x[0] > 0;
    for (int64_t j = 1; j < n; j++)
        best = x[j] > x[best] ? j : best;
    return best;
}

static void confusion_ref(const struct belay_ref *r)
{
    int64_t n = r->call->x_shape[0].dim[1], classes = classes_of(&r->call->x_shape[0]);

    for (int64_t i = 0; i < classes * classes; i++)
        r->y[0][i] = 0;
    for (int64_t i = 0; i < r->call->x_shape[0].dim[0]; i++) {
        double label = r->x[1][i];
        if (label >= 0 && label < (double) classes)
            r->y[0][(int64_t) label * classes + predict(r->x[0] + i * n, n)] +=
                r->call->num_x > 2 ? r->x[2][i] : 1;
    }
}

static int confusion_stages(const struct belay_call *call)
{
    return 2;
}

static size_t confusion_scratch(const struct belay_call *call)
{
    return (size_t) call->x_shape[0].dim[0];
}

// First the predictions, then a work-item counts the rows of one true class.
static void confusion_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    int64_t rows = call->x_shape[0].dim[0], n = call->x_shape[0].dim[1];
    int64_t classes = classes_of(&call->x_shape[0]);
    struct belay_line_plan plan = belay_line_plan(call->profile, rows, n, 0);

    if (stage == 0) {
        belay_launch_begin(l, "predict");
        belay_launch_scratch(l);
        belay_launch_x(l, 0);
        belay_launch_uint(l, (uint64_t) rows);
        belay_launch_uint(l, (uint64_t) n);
        belay_launch_uint(l, plan.per);
        belay_line_range(l, &plan, rows);
        return;
    }
    belay_launch_begin(l, "count");
    belay_launch_y(l, 0);
    belay_launch_scratch(l);
    belay_launch_x(l, 1);
    belay_launch_x(l, call->num_x > 2 ? 2 : 0); // not read without weights
    belay_launch_uint(l, call->num_x > 2);
    belay_launch_uint(l, (uint64_t) rows);
    belay_launch_uint(l, (uint64_t) classes);
    belay_launch_range(l, (size_t) classes, call->profile->cpu ? 4 : 32);
}

static belay_value *confusion_make(belay_graph *g, int size_class)
{
    static const int64_t dim[][2] = { { 1, 1 },   { 33, 1 }, { 65, 4 },
                                      { 300, 5 }, { 7, 70 }, { 129, 3 } };
    if ((size_t) size_class >= sizeof(dim) / sizeof(dim[0]))
        return NULL;
    bool rows = dim[size_class][0] == 33;
    belay_value *x = belay_input(g, "x", BELAY_F32, 2, dim[size_class], rows);
    belay_value *label = belay_input(g, "label", BELAY_I32, 1, dim[size_class], rows),
                *weights = NULL;
    if (dim[size_class][0] % 64 == 1 && dim[size_class][0] > 1)
        weights = belay_input(g, "weights", BELAY_F32, 1, dim[size_class], rows);
    return belay_confusion_weighted(g, x, label, weights);
}

const struct belay_op belay_op_confusion = {
    .name = "confusion",
    .help = "how many rows of each class were predicted as each class; added up in place",
    .num_x = -1,
    .index_inputs = 1u << 1,
    .infer = confusion_infer,
    .ref = confusion_ref,
    .cl_file = "confusion",
    .stages = confusion_stages,
    .scratch = confusion_scratch,
    .launch = confusion_launch,
    .test = { .lo = -1, .hi = 4, .make = confusion_make, .no_grad_check = true },
};

belay_value *belay_confusion_weighted(belay_graph *g, belay_value *output, belay_value *target,
                                      belay_value *weights)
{
    belay_value *x[] = { output, target, weights };
    return output && target ? belay_apply(g, &belay_op_confusion, weights ? 3 : 2, x, NULL) : NULL;
}

belay_value *belay_confusion(belay_graph *g, belay_value *output, belay_value *target)
{
    return belay_confusion_weighted(g, output, target, NULL);
}
