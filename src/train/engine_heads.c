// Models with several heads: the losses' weighted sum, and the statistics of each in an evaluation.
#include <string.h>

#include "train/engine_internal.h"
#include "train/ops.h"

// ---- Graphs ----

static belay_status check_head(struct belay_engine *e, const struct belay_engine_head *h,
                               const belay_value *output)
{
    const struct belay_shape *shape = belay_value_shape(output);
    char text[BELAY_SHAPE_TEXT];
    size_t want = h->classes ? h->classes : h->targets;
    if (shape->rank == 2 && shape->dim[1] == (int64_t) want)
        return BELAY_OK;
    return belay_fail(e->log, BELAY_ERR_SHAPE,
                      "head %s: '%s' is %s, the data have %zu %s: want [batch, %zu]", h->name, h->from,
                      belay_shape_text(shape, text), want, h->classes ? "classes" : "targets", want);
}

static belay_value *target_of(belay_graph *g, const struct belay_engine_head *h, belay_value *all)
{
    int64_t end = (int64_t) (h->first + h->targets);
    belay_value *own = belay_slice(g, all, 1, (int64_t) h->first, end, 1);
    if (!h->classes)
        return own;
    return belay_to_index(g, belay_reshape(g, own, 1, (const int64_t[]){ -1 }));
}

static belay_status add_head(struct belay_engine *e, struct belay_side *s, size_t i,
                             belay_value *target)
{
    const struct belay_engine_head *h = &e->p.heads[i];
    belay_graph *g = s->graph;
    BELAY_TRY(check_head(e, h, s->head_output[i]));
    s->head_target[i] = target_of(g, h, target);
    const struct belay_loss_weights weights = { .rows = s->row_weights };
    s->head_loss[i] = belay_loss_build(g, h->loss, s->head_output[i], s->head_target[i], h->options,
                                       &weights, &s->total);
    BELAY_TRY(belay_graph_check(g));
    if (!s->head_loss[i] || belay_shape_count(belay_value_shape(s->head_loss[i])) != 1)
        return belay_fail(e->log, BELAY_ERR_SHAPE, "loss %s: its build gives not one number",
                          h->loss->name);
    belay_value *part = belay_mul(g, s->head_loss[i], belay_scalar(g, h->weight));
    s->loss = s->loss ? belay_add(g, s->loss, part) : part;
    return belay_graph_check(g);
}

belay_status belay_engine_heads_model(struct belay_engine *e, struct belay_side *s, belay_value *x,
                                      belay_value *target, bool first)
{
    struct belay_model_io io = { .num_inputs = e->p.num_inputs, .num_heads = e->p.num_heads };
    if (e->p.build)
        return belay_fail(e->log, BELAY_ERR_UNSUPPORTED,
                          "a model with several inputs or heads is listed in the recipe; a build "
                          "function has one of each");
    memcpy(io.inputs, e->p.inputs, sizeof(io.inputs));
    for (size_t i = 0; i < e->p.num_heads; i++)
        io.from[i] = e->p.heads[i].from;
    s->output = belay_model_build_io(s->graph, e->p.model, x, first ? &e->model_params : NULL, &io);
    BELAY_TRY(belay_graph_check(s->graph));
    if (!e->p.num_heads)
        return belay_engine_add_loss(e, s, target);
    memcpy(s->head_output, io.heads, sizeof(s->head_output));
    for (size_t i = 0; i < e->p.num_heads; i++)
        BELAY_TRY(add_head(e, s, i, target));
    return BELAY_OK;
}

static belay_value *predicted(struct belay_engine *e, struct belay_side *s, size_t i)
{
    const struct belay_loss *loss = e->p.heads[i].loss;
    return loss->predict ? loss->predict(s->graph, s->head_output[i]) : s->head_output[i];
}

static belay_value *joined(belay_graph *g, int num, belay_value **parts)
{
    for (int i = 0; i < num; i++)
        parts[i] = belay_reshape(g, parts[i], 1, (const int64_t[]){ -1 });
    return num == 1 ? parts[0] : belay_concat(g, num, parts, 0);
}

belay_value *belay_engine_heads_row(struct belay_engine *e, struct belay_side *s)
{
    belay_value *parts[2 * BELAY_MAX_HEADS];
    int num = 0;
    for (size_t i = 0; i < e->p.num_heads; i++)
        if (!e->p.heads[i].classes)
            parts[num++] = belay_stats_find("regression")->build(
                s->graph, predicted(e, s, i), s->head_target[i], s->row_weights);
    for (size_t i = 0; i < e->p.num_heads; i++)
        parts[num++] = s->head_loss[i];
    return joined(s->graph, num, parts);
}

belay_status belay_engine_heads_stats(struct belay_engine *e, struct belay_side *s)
{
    belay_value *parts[BELAY_MAX_HEADS];
    belay_graph *g = s->graph;
    int num = 0;
    for (size_t i = 0; i < e->p.num_heads; i++) {
        if (!e->p.heads[i].classes)
            continue;
        parts[num++] =
            belay_stats_find("confusion")->build(g, s->head_output[i], s->head_target[i],
                                                 s->row_weights);
        if (e->p.scores)
            s->head_scores[i] = belay_graph_output(g, predicted(e, s, i), e->p.heads[i].name);
    }
    if (num && e->p.confusion) {
        s->counts = belay_state(g, "counts", BELAY_F32, 1, (const int64_t[]){ (int64_t) e->num_counts });
        belay_accumulate(g, s->counts, joined(g, num, parts));
    }
    return belay_graph_check(g);
}

// ---- Passes ----

belay_status belay_engine_heads_begin(struct belay_engine *e, enum belay_part part)
{
    const struct belay_dataset *d = e->p.parts[part];
    size_t rows = e->rows[part], count;
    for (size_t i = 0; i < e->p.num_heads; i++) {
        const struct belay_engine_head *h = &e->p.heads[i];
        struct belay_head_sums *sums = &e->head_sums[i];
        if (!h->classes)
            continue;
        if (sums->room < rows) {
            belay_free(sums->scores);
            belay_free(sums->truth);
            sums->room = 0;
            sums->truth = belay_alloc_array(rows, sizeof(*sums->truth));
            sums->scores = belay_mul_size(rows, h->classes, &count)
                               ? belay_alloc_array(count, sizeof(float))
                               : NULL;
            if (!sums->truth || !sums->scores)
                return belay_fail_nomem(e->log, rows * h->classes * sizeof(float));
            sums->room = rows;
        }
        for (size_t r = 0; r < rows; r++)
            sums->truth[r] = (int32_t) d->y[r * d->targets + h->first];
    }
    return BELAY_OK;
}

void belay_engine_heads_log(struct belay_engine *e, const float *row, double weight)
{
    size_t at = 0;
    for (size_t i = 0; i < e->p.num_heads; i++) {
        const struct belay_engine_head *h = &e->p.heads[i];
        if (h->classes)
            continue;
        belay_regression_add(e->regression_sum + at, row + at, h->targets);
        at += h->targets * BELAY_REGRESSION;
    }
    for (size_t i = 0; i < e->p.num_heads; i++)
        e->head_sums[i].loss += (double) row[at + i] * weight;
}

belay_status belay_engine_heads_scores(struct belay_engine *e, size_t at, size_t rows)
{
    for (size_t i = 0; i < e->p.num_heads; i++) {
        size_t width = e->p.heads[i].classes;
        if (e->eval.head_scores[i])
            BELAY_TRY(belay_buf_read(e->dev,
                                     belay_program_buf(e->eval.program, e->eval.head_scores[i]), 0,
                                     e->head_sums[i].scores + at * width,
                                     rows * width * sizeof(float)));
    }
    return BELAY_OK;
}

void belay_engine_heads_end(struct belay_engine *e, enum belay_part part, double weight,
                            struct belay_eval_sums *out)
{
    size_t counts = 0, sums = 0, rows = e->rows[part];
    bool scores = e->p.scores && part != BELAY_PART_TRAIN;
    for (size_t i = 0; i < e->p.num_heads; i++, out++) {
        const struct belay_engine_head *h = &e->p.heads[i];
        struct belay_head_sums *own = &e->head_sums[i];
        out->rows = rows;
        out->loss = own->loss / weight;
        out->classes = h->classes;
        out->targets = h->targets;
        if (h->classes) {
            out->confusion = e->p.confusion ? e->counts_sum + counts : NULL;
            counts += h->classes * h->classes;
            if (scores)
                out->scores = (struct belay_score_rows){ rows, h->classes, own->scores, own->truth,
                                                         e->p.parts[part]->weights };
        } else {
            out->regression = e->regression_sum + sums;
            sums += h->targets * BELAY_REGRESSION;
        }
    }
}

void belay_engine_heads_free(struct belay_engine *e)
{
    for (size_t i = 0; i < BELAY_MAX_HEADS; i++) {
        belay_free(e->head_sums[i].scores);
        belay_free(e->head_sums[i].truth);
    }
}
