#include "data/parts.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"

void belay_parts_finish(struct belay_preprocess *p)
{
    for (size_t i = 0; p->inputs && i < p->num_inputs; i++) {
        belay_free(p->inputs[i].name);
        belay_free(p->inputs[i].array);
    }
    for (size_t i = 0; p->heads && i < p->num_heads; i++) {
        belay_free(p->heads[i].name);
        belay_names_free(p->heads[i].targets, p->heads[i].num_targets);
        belay_names_free(p->heads[i].classes, p->heads[i].num_classes);
    }
    belay_free(p->inputs);
    belay_free(p->heads);
    p->inputs = NULL;
    p->heads = NULL;
    p->num_inputs = p->num_heads = 0;
}

static belay_status copy_text(struct belay_log *log, const char *text, char **out)
{
    *out = belay_strdup(text);
    return *out ? BELAY_OK : belay_fail_nomem(log, strlen(text));
}

static belay_status begin_inputs(struct belay_log *log, const struct belay_dataset_params *params,
                                 struct belay_preprocess *p)
{
    p->inputs = belay_alloc_array(params->num_inputs, sizeof(*p->inputs));
    if (!p->inputs)
        return belay_fail_nomem(log, params->num_inputs * sizeof(*p->inputs));
    p->num_inputs = params->num_inputs;
    for (size_t i = 0; i < p->num_inputs; i++) {
        const struct belay_input_group *from = &params->inputs[i];
        BELAY_TRY(copy_text(log, from->name, &p->inputs[i].name));
        BELAY_TRY(copy_text(log, from->array ? from->array : from->name, &p->inputs[i].array));
    }
    return BELAY_OK;
}

static belay_status begin_head(struct belay_log *log, const struct belay_target_group *from,
                               size_t first, struct belay_head_part *h)
{
    BELAY_TRY(copy_text(log, from->name, &h->name));
    h->targets = belay_alloc_array(from->num_targets, sizeof(*h->targets));
    if (!h->targets)
        return belay_fail_nomem(log, from->num_targets * sizeof(*h->targets));
    h->num_targets = from->num_targets;
    for (size_t i = 0; i < from->num_targets; i++)
        BELAY_TRY(copy_text(log, from->targets[i], &h->targets[i]));
    h->first = first;
    h->count = from->num_targets;
    return BELAY_OK;
}

belay_status belay_parts_begin(struct belay_log *log, const struct belay_dataset_params *params,
                               struct belay_preprocess *p)
{
    size_t first = 0;
    if (params->num_inputs)
        BELAY_TRY(begin_inputs(log, params, p));
    if (!params->num_heads)
        return BELAY_OK;
    p->heads = belay_alloc_array(params->num_heads, sizeof(*p->heads));
    if (!p->heads)
        return belay_fail_nomem(log, params->num_heads * sizeof(*p->heads));
    p->num_heads = params->num_heads;
    for (size_t i = 0; i < p->num_heads; i++) {
        BELAY_TRY(begin_head(log, &params->heads[i], first, &p->heads[i]));
        first += p->heads[i].count;
    }
    return BELAY_OK;
}

size_t belay_parts_targets(const struct belay_preprocess *p)
{
    const struct belay_head_part *last = p->num_heads ? &p->heads[p->num_heads - 1] : NULL;
    return last ? last->first + last->count : 1;
}

belay_status belay_parts_labels(struct belay_log *log, const struct belay_preprocess *p,
                                const float *y, size_t rows, int32_t **labels, size_t *classes)
{
    size_t targets = belay_parts_targets(p);
    *labels = NULL;
    *classes = 0;
    for (size_t i = 0; i < p->num_heads && !*labels; i++) {
        const struct belay_head_part *h = &p->heads[i];
        if (!h->num_classes)
            continue;
        *labels = belay_alloc_array(rows, sizeof(**labels));
        if (!*labels)
            return belay_fail_nomem(log, rows * sizeof(**labels));
        for (size_t r = 0; r < rows; r++)
            (*labels)[r] = (int32_t) y[r * targets + h->first];
        *classes = h->num_classes;
    }
    return BELAY_OK;
}
