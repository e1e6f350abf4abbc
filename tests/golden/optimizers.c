// The group optimizers: ten steps on given gradients, all parameters in one arena, as in training;
// and the clipping of gradients by their norm.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "golden/options.h"
#include "golden/program.h"

enum { MAX_PARAMS = 32, MAX_GROUPS = 4, MAX_NAME = 96 };

struct param {
    const char *name;
    size_t offset, count; // in the arenas
    struct belay_shape shape;
    int group;
    float *after;         // steps * count
    size_t steps;
};
struct run {
    struct golden_case *c;
    const struct belay_optimizer *opt;
    double options[MAX_GROUPS][BELAY_MAX_OPTIONS];
    int num_groups, num_params, num_states;
    struct param params[MAX_PARAMS];
    size_t blocks;
    bool clips;        // a case of clipping, not of an optimizer
    struct belay_norm clip;
    double clip_value;
    float *arena; // of blocks * BELAY_BLOCK
    struct golden_program p;
    // Of an optimizer that is a graph: parameters as values of their own, in these arenas.
    struct belay_update_slot slots[MAX_PARAMS];
    struct belay_buf param_buf, grad_buf;
    belay_value *param, *grad, *state[BELAY_MAX_MOMENTS], *block_group, *hyper, *common, *norm;
};

static const char *join(char *out, const char *prefix, const char *name)
{
    snprintf(out, MAX_NAME, "%s.%s", prefix, name);
    return out;
}

// ---- groups ----

static bool read_groups(struct run *r)
{
    const struct belay_json *list = belay_json_get(r->c->line, "groups");
    for (const struct belay_json *g = list ? list->first : NULL; g; g = g->next) {
        const struct belay_json *names = belay_json_get(g, "params");
        int group = r->num_groups++;
        if (group == MAX_GROUPS || !names)
            return false;
        golden_options(r->opt, NULL, r->options[group]);
        golden_options(r->opt, belay_json_get(r->c->line, "attributes"), r->options[group]);
        golden_options(r->opt, g, r->options[group]);
        for (const struct belay_json *e = names->first; e; e = e->next) {
            if (r->num_params == MAX_PARAMS)
                return false;
            r->params[r->num_params++] = (struct param){ .name = e->string, .group = group };
        }
    }
    return r->num_groups > 0;
}

// Every gradient of the file is a parameter.
static bool read_gradients(struct run *r)
{
    for (size_t i = 0; i < r->c->st.count; i++) {
        const char *name = r->c->st.entries[i].name;
        if (strncmp(name, "grad.", 5) != 0)
            continue;
        if (r->num_params == MAX_PARAMS)
            return false;
        r->params[r->num_params++] = (struct param){ .name = name + 5 };
    }
    r->num_groups = 1;
    return r->num_params > 0;
}

// ---- arenas ----

static bool place(struct run *r, bool steps)
{
    char name[MAX_NAME];
    for (int i = 0; i < r->num_params; i++) {
        struct param *p = &r->params[i];
        const struct belay_st_entry *e = belay_st_find(&r->c->st, join(name, "grad", p->name));
        if (!e || (steps && e->shape.rank < 1))
            return false;
        p->steps = steps ? (size_t) e->shape.dim[0] : 1;
        p->count = (size_t) belay_shape_count(&e->shape) / (p->steps ? p->steps : 1);
        p->shape = e->shape;
        p->shape.rank -= steps;
        memmove(p->shape.dim, e->shape.dim + steps, sizeof(p->shape.dim) - steps * sizeof(int64_t));
        p->offset = r->blocks * BELAY_BLOCK;
        p->after = belay_alloc_array(p->steps * p->count, sizeof(float));
        r->blocks += (p->count + BELAY_BLOCK - 1) / BELAY_BLOCK;
        if (!p->after)
            return false;
    }
    r->arena = belay_alloc_array(r->blocks * BELAY_BLOCK, sizeof(float));
    return r->arena != NULL;
}

static bool load(struct run *r, const char *prefix, size_t step)
{
    char name[MAX_NAME];
    for (int i = 0; i < r->num_params; i++) {
        const struct param *p = &r->params[i];
        struct belay_tensor t;
        if (!golden_load(r->c, join(name, prefix, p->name), BELAY_F32, &t))
            return false;
        memcpy(r->arena + p->offset, (float *) t.data + step * p->count, p->count * sizeof(float));
        belay_tensor_finish(&t);
    }
    return true;
}

static belay_value *arena(struct run *r, const char *name)
{
    const int64_t count = (int64_t) (r->blocks * BELAY_BLOCK);
    return belay_state(r->p.graph, name, BELAY_F32, 1, &count);
}

// ---- optimizers that are graphs ----

static belay_value *view(struct run *r, const char *of, const char *name,
                         const struct belay_shape *shape)
{
    char full[MAX_NAME];
    return belay_state(r->p.graph, join(full, of, name), BELAY_F32, shape->rank, shape->dim);
}

static void make_slots(struct run *r)
{
    for (int i = 0; i < r->num_params; i++) {
        const struct param *p = &r->params[i];
        struct belay_update_slot *slot = &r->slots[i];
        struct belay_shape shape;
        slot->group = p->group;
        slot->p.shape = p->shape;
        slot->p.options = r->options[p->group];
        slot->p.param = view(r, "param", p->name, &p->shape);
        slot->p.grad = view(r, "grad", p->name, &p->shape);
        for (int k = 0; k < r->opt->num_states; k++)
            if (r->opt->state_shape(slot->p.options, k, &p->shape, &shape))
                slot->p.states[k] = view(r, r->opt->state_names[k], p->name, &shape);
    }
}

static belay_status bind_slots(struct run *r)
{
    size_t size = r->blocks * BELAY_BLOCK * sizeof(float);
    BELAY_TRY(golden_program_create(r->c, &r->p));
    BELAY_TRY(belay_buf_create(r->c->device, size, 0, &r->param_buf));
    BELAY_TRY(belay_buf_create(r->c->device, size, 0, &r->grad_buf));
    BELAY_TRY(belay_program_bind(r->p.program, r->param, &r->param_buf, 0));
    BELAY_TRY(belay_program_bind(r->p.program, r->grad, &r->grad_buf, 0));
    for (int i = 0; i < r->num_params; i++) {
        size_t at = r->params[i].offset * sizeof(float);
        BELAY_TRY(belay_program_bind(r->p.program, r->slots[i].p.param, &r->param_buf, at));
        BELAY_TRY(belay_program_bind(r->p.program, r->slots[i].p.grad, &r->grad_buf, at));
    }
    return BELAY_OK;
}

// Their state, zero or got, one value after the other in the arena's copy.
static bool slot_states(struct run *r, bool check)
{
    char prefix[MAX_NAME], name[2 * MAX_NAME];
    bool equal = true;
    memset(r->arena, 0, r->blocks * BELAY_BLOCK * sizeof(float));
    for (int i = 0; i < r->num_params; i++) {
        for (int k = 0; k < r->opt->num_states && r->opt->build; k++) {
            belay_value *v = r->slots[i].p.states[k];
            if (!v)
                continue;
            if (!check && belay_program_set(r->p.program, v, r->arena, 0) != BELAY_OK)
                return false;
            if (!check)
                continue;
            snprintf(name, sizeof(name), "%s.%s", join(prefix, "state", r->params[i].name),
                     r->opt->state_names[k]);
            if (belay_program_get(r->p.program, v, r->arena, 0) != BELAY_OK)
                return false;
            equal = golden_compare_f32(r->c, name, r->arena,
                                       belay_shape_count(belay_value_shape(v))) && equal;
        }
    }
    return equal;
}

static belay_status build(struct run *r)
{
    BELAY_TRY(golden_program_begin(r->c, &r->p));
    struct belay_graph *g = r->p.graph;
    const int64_t blocks = (int64_t) r->blocks, hyper = r->num_groups * BELAY_HYPER;
    r->grad = arena(r, "grads");
    r->common = belay_state(g, "common", BELAY_F32, 1, (const int64_t[]){ BELAY_COMMON });
    r->norm = belay_grad_norm(g, belay_grad_sums(g, r->grad, r->common, r->clip.power), r->clip);
    r->param = arena(r, "params");
    unsigned mask = 0;
    for (int i = 0; i < r->num_groups; i++)
        mask |= r->opt->states(r->options[i]);
    for (; mask && !r->opt->build; mask >>= 1, r->num_states++)
        r->state[r->num_states] = arena(r, r->opt->state_names[r->num_states]);
    r->block_group = belay_state(g, "block_group", BELAY_I32, 1, &blocks);
    r->hyper = belay_state(g, "hyper", BELAY_F32, 1, &hyper);
    struct belay_update update = {
        .optimizer = r->opt, .num_states = r->num_states, .params = r->param,
        .grads = r->grad, .block_group = r->block_group, .hyper = r->hyper,
        .common = r->common, .norm = r->clip.max > 0 ? r->norm : NULL,
        .clip_value = r->clip_value,
    };
    memcpy(update.states, r->state, sizeof(update.states));
    if (r->opt->build)
        make_slots(r);
    for (int i = 0; i < r->num_params && r->opt->build; i++)
        BELAY_TRY(belay_optimizer_graph(g, &update, &r->slots[i]));
    BELAY_TRY(r->opt->build ? belay_optimizer_move(g, &update)
                            : belay_optimizer_nodes(g, &update, NULL));
    r->norm = belay_graph_output(g, r->norm, "norm");
    if (r->opt->build)
        BELAY_TRY(bind_slots(r));
    BELAY_TRY(golden_program_ready(r->c, &r->p));
    const float common[BELAY_COMMON] = { [BELAY_COMMON_LAST] = 1 };
    return belay_program_set(r->p.program, r->common, common, 0);
}

static belay_status set_blocks(struct run *r)
{
    int32_t *groups = belay_alloc_array(r->blocks, sizeof(*groups));
    if (!groups)
        return BELAY_ERR_NOMEM;
    for (int i = 0; i < r->num_params; i++)
        for (size_t b = 0; b < (r->params[i].count + BELAY_BLOCK - 1) / BELAY_BLOCK; b++)
            groups[r->params[i].offset / BELAY_BLOCK + b] = r->params[i].group;
    belay_status status = belay_program_set(r->p.program, r->block_group, groups, 0);
    belay_free(groups);
    return status;
}

static belay_status set_hyper(struct run *r, size_t step)
{
    const struct belay_json *rates = belay_json_get(r->c->line, "lr_per_step");
    const struct belay_json *rate = rates ? rates->first : NULL;
    float numbers[MAX_GROUPS * BELAY_HYPER] = { 0 };
    for (size_t i = 0; rate && i < step; i++)
        rate = rate->next;
    for (int g = 0; g < r->num_groups; g++) {
        double h[BELAY_HYPER] = { 0 };
        if (rate)
            golden_option(r->opt, "lr", rate->number, r->options[g]);
        r->opt->hyper(r->options[g], step + 1, h);
        for (int i = 0; i < BELAY_HYPER; i++)
            numbers[g * BELAY_HYPER + i] = (float) h[i];
    }
    return belay_program_set(r->p.program, r->hyper, numbers, 0);
}

static belay_status run_steps(struct run *r)
{
    BELAY_TRY(set_blocks(r));
    if (!load(r, "param", 0))
        return BELAY_ERR_DATA;
    BELAY_TRY(belay_program_set(r->p.program, r->param, r->arena, 0));
    memset(r->arena, 0, r->blocks * BELAY_BLOCK * sizeof(float));
    for (int i = 0; i < r->num_states; i++)
        BELAY_TRY(belay_program_set(r->p.program, r->state[i], r->arena, 0));
    if (!slot_states(r, false))
        return BELAY_ERR_DATA;
    for (size_t t = 0; t < r->params[0].steps; t++) {
        BELAY_TRY(set_hyper(r, t));
        if (!load(r, "grad", t))
            return BELAY_ERR_DATA;
        BELAY_TRY(belay_program_set(r->p.program, r->grad, r->arena, 0));
        BELAY_TRY(belay_program_run(r->p.program, 0));
        BELAY_TRY(belay_program_get(r->p.program, r->param, r->arena, 0));
        for (int i = 0; i < r->num_params; i++) {
            struct param *p = &r->params[i];
            memcpy(p->after + t * p->count, r->arena + p->offset, p->count * sizeof(float));
        }
    }
    return BELAY_OK;
}

// A centered rmsprop without momentum has a buffer that PyTorch's has not.
static bool is_spare(const struct run *r, const char *name, int k)
{
    return strcmp(r->opt->name, "rmsprop") == 0 && k == 1 && !belay_st_find(&r->c->st, name);
}

static bool check_states(struct run *r)
{
    char prefix[MAX_NAME], name[2 * MAX_NAME];
    bool equal = true;
    for (int k = 0; k < r->num_states; k++) {
        if (belay_program_get(r->p.program, r->state[k], r->arena, 0) != BELAY_OK)
            return false;
        for (int i = 0; i < r->num_params; i++) {
            const struct param *p = &r->params[i];
            snprintf(name, sizeof(name), "%s.%s", join(prefix, "state", p->name),
                     r->opt->state_names[k]);
            if (is_spare(r, name, k))
                continue;
            equal = golden_compare_f32(r->c, name, r->arena + p->offset, (int64_t) p->count) &&
                    equal;
        }
    }
    return equal;
}

static enum golden_result check_steps(struct run *r)
{
    char name[MAX_NAME];
    bool equal = true;
    for (int i = 0; i < r->num_params; i++) {
        const struct param *p = &r->params[i];
        equal = golden_compare_f32(r->c, join(name, "after", p->name), p->after,
                                   (int64_t) (p->steps * p->count)) && equal;
        // Of muon, whose other numbers are in bfloat16.
        if (belay_st_find(&r->c->st, join(name, "after_float32", p->name)))
            equal = golden_compare_f32(r->c, name, p->after,
                                       (int64_t) (p->steps * p->count)) && equal;
    }
    return check_states(r) && slot_states(r, true) && equal ? GOLDEN_PASS : GOLDEN_FAIL;
}

// A step of plain descent with rate 1 from 0 leads to minus the clipped gradient.
static enum golden_result check_clip(struct run *r)
{
    float norm[2];
    char name[MAX_NAME];
    if (set_blocks(r) != BELAY_OK || set_hyper(r, 0) != BELAY_OK ||
        belay_program_set(r->p.program, r->param, r->arena, 0) != BELAY_OK ||
        !load(r, "grad", 0) ||
        belay_program_set(r->p.program, r->grad, r->arena, 0) != BELAY_OK ||
        belay_program_run(r->p.program, 0) != BELAY_OK ||
        belay_program_get(r->p.program, r->param, r->arena, 0) != BELAY_OK ||
        belay_program_get(r->p.program, r->norm, norm, 0) != BELAY_OK)
        return golden_fail(r->c, "%s", r->c->log->last);
    bool equal = r->clip.max == 0 || golden_compare_f32(r->c, "out.total_norm", norm, 1);
    for (int i = 0; i < r->num_params; i++) {
        const struct param *p = &r->params[i];
        for (size_t k = 0; k < p->count; k++)
            p->after[k] = -r->arena[p->offset + k];
        equal = golden_compare_f32(r->c, join(name, "out", p->name), p->after,
                                   (int64_t) p->count) && equal;
    }
    return equal ? GOLDEN_PASS : GOLDEN_FAIL;
}

// The limits of a clipping case; false: one that there is not.
static bool read_clip(struct golden_case *c, struct run *r)
{
    const char *word = golden_text(c, "norm_type", "");
    r->clip.power = strcmp(word, "inf") == 0 ? HUGE_VAL : golden_number(c, "norm_type", 2);
    if (strcmp(c->op, "clip_grad_norm_") == 0 && golden_only(c, "max_norm norm_type"))
        r->clip.max = golden_number(c, "max_norm", 0);
    else if (strcmp(c->op, "clip_grad_value_") == 0 && golden_only(c, "clip_value"))
        r->clip_value = golden_number(c, "clip_value", 0);
    else
        return false;
    r->opt = belay_optimizer_find("sgd");
    golden_options(r->opt, NULL, r->options[0]);
    golden_option(r->opt, "lr", 1, r->options[0]);
    return r->opt != NULL;
}

static enum golden_result run_all(struct run *r)
{
    bool read = r->clips ? read_gradients(r) : read_groups(r);
    if (!read || !place(r, !r->clips))
        return golden_fail(r->c, "the parameters of the case do not fit its file");
    if (build(r) != BELAY_OK)
        return golden_fail(r->c, "%s", r->c->log->last);
    if (r->clips)
        return check_clip(r);
    if (run_steps(r) != BELAY_OK)
        return golden_fail(r->c, "%s", r->c->log->last);
    return check_steps(r);
}

enum golden_result golden_optimizer(struct golden_case *c)
{
    struct run *r = belay_alloc(sizeof(*r));
    enum golden_result result = GOLDEN_SKIP;
    if (!r)
        return golden_fail(c, "no memory");
    r->c = c;
    r->opt = golden_optimizer_of(c->op, belay_json_get(c->line, "attributes"));
    r->clip.power = 2;
    r->clips = !r->opt && read_clip(c, r);
    if (r->opt)
        result = run_all(r);
    for (int i = 0; i < r->num_params; i++)
        belay_free(r->params[i].after);
    belay_free(r->arena);
    golden_program_finish(&r->p);
    belay_buf_destroy(c->device, &r->param_buf);
    belay_buf_destroy(c->device, &r->grad_buf);
    belay_free(r);
    return result;
}
