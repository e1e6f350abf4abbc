// Choosing the provider of each product, and its test.
#include "device/opencl/gemm.h"

#include <stdio.h>
#include <string.h>

#include "base/env.h"
#include "base/mem.h"
#include "device/opencl/gemm_test.h"
#include "device/opencl/gemm_tiled.h"
#include "device/tune.h"

static const struct belay_cl_provider *const providers[] = {
    &belay_cl_gemm_clblast,
    &belay_cl_gemm_cpu,
    &belay_cl_gemm_tiled,
    &belay_cl_gemm_plain,
};
enum provider { CLBLAST, CPU, TILED, PLAIN, NUM_PROVIDERS };

struct opened {
    bool open, off; // off: it was wrong on this driver
    void *state;
};

struct chosen {
    char class_name[BELAY_CL_CHOICE_TEXT], choice[BELAY_CL_CHOICE_TEXT];
};

struct belay_cl_gemm {
    int forced; // -1: none
    struct opened of[NUM_PROVIDERS];
    struct chosen *chosen;
    size_t num_chosen, cap_chosen;
};

static belay_status find_forced(struct belay_cl *cl, const char *name, int *out)
{
    for (int i = 0; i < NUM_PROVIDERS; i++) {
        if (strcmp(providers[i]->name, name) == 0) {
            *out = i;
            return BELAY_OK;
        }
    }
    return belay_fail(cl->log, BELAY_ERR_ARG,
                      "BELAY_GEMM is '%s', want clblast, cpu, tiled or plain", name);
}

// On GPUs CLBlast's database is good for what fills the device; it has neither a batched form that
// can be trusted nor one that cuts a long k, and vectors are not its case.
static bool suits_tiled(const struct belay_gemm *g)
{
    cl_uint chunk;
    return g->batch_rank > 0 || g->m == 1 || g->n == 1 || belay_cl_gemm_splits(g, &chunk) > 1;
}

// The own kernel for CPUs lives from vectors in registers. Where the driver reports none (llvmpipe),
// its panels in private memory were seen to come out wrong, too.
static int first_on_cpu(const struct belay_cl *cl)
{
    return cl->dev->profile.float_width >= 4 ? CPU : TILED;
}

// Which providers to ask for a product, the best first; PLAIN is the last. On CPUs the own kernel
// is level with CLBlast's best or above it and builds in a tenth of the time.
static void rank(const struct belay_cl *cl, const struct belay_gemm *g, int out[NUM_PROVIDERS])
{
    const bool cpu = cl->dev->profile.cpu, tiled = !cpu && suits_tiled(g);
    int num = 0;
    if (cl->gemm->forced >= 0)
        out[num++] = cl->gemm->forced;
    else if (cpu)
        out[num++] = first_on_cpu(cl);
    else {
        out[num++] = tiled ? TILED : CLBLAST;
        out[num++] = tiled ? CLBLAST : TILED;
    }
    out[num] = PLAIN;
}

static void close_provider(struct belay_cl *cl, int index)
{
    struct opened *o = &cl->gemm->of[index];
    if (o->open)
        providers[index]->close(cl, o->state);
    o->open = false;
    o->state = NULL;
}

// Opens and tests it when it is first needed.
static belay_status open_provider(struct belay_cl *cl, int index)
{
    struct opened *o = &cl->gemm->of[index];
    if (o->open)
        return BELAY_OK;
    BELAY_TRY(providers[index]->open(cl, &o->state));
    o->open = true;
    belay_status status = belay_cl_gemm_test(cl, providers[index], o->state);
    if (status != BELAY_OK)
        close_provider(cl, index);
    return status;
}

// What is forced must work; of the others the next best takes over.
static belay_status try_provider(struct belay_cl *cl, int index)
{
    belay_status status = open_provider(cl, index);
    if (status == BELAY_OK || status == BELAY_ERR_NOMEM || index == PLAIN ||
        index == cl->gemm->forced)
        return status;
    cl->gemm->of[index].off = true;
    belay_say(cl->log, BELAY_LOG_WARN,
              "%s: products by '%s' are not to be trusted here (%s); they are switched off and "
              "others take over",
              cl->info.select, providers[index]->name, cl->log->last);
    // Another order of summation: checkpoints say it.
    size_t length = strlen(cl->dev->identity);
    snprintf(cl->dev->identity + length, sizeof(cl->dev->identity) - length, "; without %s",
             providers[index]->name);
    return BELAY_OK;
}

static belay_status choose(struct belay_cl *cl, const struct belay_gemm *g, int *out)
{
    int list[NUM_PROVIDERS];
    rank(cl, g, list);
    for (int i = 0;; i++) {
        struct opened *o = &cl->gemm->of[list[i]];
        *out = list[i];
        if (o->off || (list[i] != PLAIN && !providers[list[i]]->takes(cl, g)))
            continue;
        BELAY_TRY(try_provider(cl, list[i]));
        if (o->open)
            return BELAY_OK;
    }
}

static belay_status ready(struct belay_cl *cl)
{
    const char *name = belay_env("BELAY_GEMM");
    int forced = -1;
    if (cl->gemm)
        return BELAY_OK;
    if (name)
        BELAY_TRY(find_forced(cl, name, &forced));
    cl->gemm = belay_alloc(sizeof(*cl->gemm));
    if (!cl->gemm)
        return belay_fail_nomem(cl->log, sizeof(*cl->gemm));
    cl->gemm->forced = forced;
    return BELAY_OK;
}

static void *state_of(struct belay_cl *cl, const struct belay_cl_provider *provider)
{
    for (int i = 0; i < NUM_PROVIDERS; i++)
        if (providers[i] == provider)
            return cl->gemm->of[i].state;
    return NULL;
}

static belay_status check_sizes(struct belay_cl *cl, const struct belay_gemm *g)
{
    const int64_t most = UINT32_MAX;
    if (g->m > most || g->n > most || g->k > most || g->m * g->n > most || g->m * g->k > most ||
        g->k * g->n > most)
        return belay_fail(cl->log, BELAY_ERR_UNSUPPORTED,
                          "a product of %lld x %lld x %lld has more than 2^32 elements",
                          (long long) g->m, (long long) g->n, (long long) g->k);
    return BELAY_OK;
}

belay_status belay_cl_gemm_bind(struct belay_cl *cl, struct belay_cl_gemm_slot *slot,
                                const struct belay_cl_gemm_call *call)
{
    return belay_cl_gemm_bind_tail(cl, slot, call, NULL);
}

belay_status belay_cl_gemm_bind_tail(struct belay_cl *cl, struct belay_cl_gemm_slot *slot,
                                     const struct belay_cl_gemm_call *call,
                                     const struct belay_cl_tail *tail)
{
    BELAY_TRY(ready(cl));
    BELAY_TRY(check_sizes(cl, &call->g));
    int index;
    BELAY_TRY(choose(cl, &call->g, &index));
    const struct belay_cl_provider *provider = providers[index];
    if (slot->provider != provider)
        belay_cl_gemm_drop(cl, slot);
    slot->provider = provider;
    if (tail)
        return provider->bind_tail(cl, state_of(cl, provider), call, tail, &slot->product);
    return provider->bind(cl, state_of(cl, provider), call, &slot->product);
}

// The provider that would be asked first. It is not opened.
static int first_of(struct belay_cl *cl, const struct belay_gemm *g)
{
    int list[NUM_PROVIDERS];
    rank(cl, g, list);
    for (int i = 0;; i++)
        if (list[i] == PLAIN ||
            (!cl->gemm->of[list[i]].off && providers[list[i]]->takes(cl, g)))
            return list[i];
}

belay_status belay_cl_gemm_prepare(struct belay_cl *cl, const struct belay_gemm *g,
                                   const char *macros, struct belay_cl_pieces *pieces)
{
    BELAY_TRY(ready(cl));
    const int index = first_of(cl, g);
    const struct belay_cl_provider *provider = providers[index];
    if (!provider->prepare)
        return BELAY_OK;
    if (macros && !(provider->takes_tail && provider->takes_tail(cl, g)))
        macros = NULL;
    if (!cl->gemm->of[index].open)
        BELAY_TRY(belay_cl_gemm_test_prepare(cl, provider, pieces));
    return provider->prepare(cl, g, macros, pieces);
}

belay_status belay_cl_gemm_needs(struct belay_cl *cl, const struct belay_gemm *g, size_t *bytes)
{
    *bytes = 0;
    BELAY_TRY(ready(cl));
    BELAY_TRY(check_sizes(cl, g));
    const int index = first_of(cl, g);
    const struct belay_cl_provider *provider = providers[index];
    if (!provider->needs)
        return BELAY_OK;
    BELAY_TRY(provider->needs(cl, g, bytes));
    return cl->gemm->of[index].open ? BELAY_OK : belay_cl_gemm_test_needs(cl, provider, bytes);
}

belay_status belay_cl_gemm_takes_tail(struct belay_cl *cl, const struct belay_gemm *g, bool *out)
{
    BELAY_TRY(ready(cl));
    int index;
    BELAY_TRY(choose(cl, g, &index));
    *out = providers[index]->takes_tail && providers[index]->takes_tail(cl, g);
    return BELAY_OK;
}

belay_status belay_cl_gemm_run(struct belay_cl *cl, struct belay_cl_gemm_slot *slot)
{
    return slot->provider->run(cl, state_of(cl, slot->provider), slot->product);
}

void belay_cl_gemm_drop(struct belay_cl *cl, struct belay_cl_gemm_slot *slot)
{
    if (slot->product)
        slot->provider->destroy(cl, state_of(cl, slot->provider), slot->product);
    *slot = (struct belay_cl_gemm_slot){ 0 };
}

void belay_cl_gemm_destroy(struct belay_cl *cl)
{
    if (!cl->gemm)
        return;
    for (int i = 0; i < NUM_PROVIDERS; i++)
        close_provider(cl, i);
    belay_free(cl->gemm->chosen);
    belay_free(cl->gemm);
    cl->gemm = NULL;
}

const char *belay_cl_gemm_name(const struct belay_cl_gemm_slot *slot)
{
    return slot->provider ? slot->provider->name : "";
}

// ---- Choices ----

static unsigned long long round_up(int64_t size)
{
    unsigned long long power = 1;
    while (power < (unsigned long long) size)
        power *= 2;
    return power;
}

void belay_cl_gemm_class(const struct belay_gemm *g, char out[BELAY_CL_CHOICE_TEXT])
{
    bool batch = false;
    for (int i = 0; i < g->batch_rank; i++)
        batch |= g->batch_dim[i] > 1;
    snprintf(out, BELAY_CL_CHOICE_TEXT, "%c%c %llu %llu %llu%s", g->ta ? 't' : 'n',
             g->tb ? 't' : 'n', round_up(g->m), round_up(g->n), round_up(g->k),
             batch ? " batch" : "");
}

belay_status belay_cl_gemm_choices(struct belay_cl *cl, const struct belay_gemm *g,
                                   struct belay_cl_choices *out)
{
    int index;
    BELAY_TRY(ready(cl));
    BELAY_TRY(choose(cl, g, &index));
    out->count = 0;
    if (!providers[index]->choices)
        return BELAY_OK;
    return providers[index]->choices(cl, cl->gemm->of[index].state, g, out);
}

// The provider of most products.
static const struct belay_cl_provider *main_provider(const struct belay_cl *cl)
{
    const struct belay_cl_gemm *gemm = cl->gemm;
    int index = gemm->forced >= 0 ? gemm->forced : cl->dev->profile.cpu ? first_on_cpu(cl) : CLBLAST;
    return providers[gemm->of[index].off ? PLAIN : index];
}

static struct chosen *find_chosen(const struct belay_cl *cl, const char *class_name)
{
    for (size_t i = 0; i < cl->gemm->num_chosen; i++)
        if (strcmp(cl->gemm->chosen[i].class_name, class_name) == 0)
            return &cl->gemm->chosen[i];
    return NULL;
}

belay_status belay_cl_gemm_choose(struct belay_cl *cl, const char *class_name,
                                  const char *choice)
{
    BELAY_TRY(ready(cl));
    struct belay_cl_gemm *gemm = cl->gemm;
    const struct belay_cl_provider *provider = main_provider(cl);
    if (*choice && !(provider->knows && provider->knows(cl, choice)))
        return belay_fail(cl->log, BELAY_ERR_ARG, "products by '%s' cannot be done as '%s'",
                          provider->name, choice);
    struct chosen *c = find_chosen(cl, class_name);
    if (!c) {
        if (!belay_grow((void **) &gemm->chosen, gemm->num_chosen, &gemm->cap_chosen,
                        sizeof(*gemm->chosen)))
            return belay_fail_nomem(cl->log, sizeof(*gemm->chosen));
        c = &gemm->chosen[gemm->num_chosen++];
    }
    snprintf(c->class_name, sizeof(c->class_name), "%s", class_name);
    snprintf(c->choice, sizeof(c->choice), "%s", choice);
    return BELAY_OK;
}

void belay_cl_gemm_kind(const struct belay_cl *cl, char out[BELAY_CL_CHOICE_TEXT])
{
    snprintf(out, BELAY_CL_CHOICE_TEXT, "product %s", main_provider(cl)->name);
}

// What was forced, else what the user's tuning file says; a name that the provider does not know
// counts as none.
const char *belay_cl_gemm_chosen(const struct belay_cl *cl, const struct belay_gemm *g)
{
    char name[BELAY_CL_CHOICE_TEXT], kind[BELAY_CL_CHOICE_TEXT];
    belay_cl_gemm_class(g, name);
    belay_cl_gemm_kind(cl, kind);
    const struct chosen *c = find_chosen(cl, name);
    const char *choice = c ? c->choice : belay_device_tuned(cl->dev, kind, name);
    return choice ? choice : "";
}

// ---- For checks ----

const char *belay_cl_gemm_provider_name(int index)
{
    return index < NUM_PROVIDERS ? providers[index]->name : NULL;
}

bool belay_cl_gemm_meant(struct belay_cl *cl, int index)
{
    const char *forced = belay_env("BELAY_GEMM");
    if (forced && strcmp(forced, providers[index]->name) == 0)
        return true;
    return cl->dev->profile.cpu ? index != TILED : index != CPU;
}

belay_status belay_cl_gemm_provider(struct belay_cl *cl, int index,
                                    const struct belay_cl_provider **out, void **state)
{
    BELAY_TRY(ready(cl));
    BELAY_TRY(open_provider(cl, index));
    *out = providers[index];
    *state = cl->gemm->of[index].state;
    return BELAY_OK;
}

const char *belay_cl_gemm_use(const struct belay_cl *cl, int index)
{
    const struct opened *o = cl->gemm ? &cl->gemm->of[index] : NULL;
    if (!o)
        return "not used";
    return o->off ? "switched off: its self test failed" : o->open ? "in use" : "not used";
}

// ---- Batches ----

belay_status belay_cl_batch_of(struct belay_cl *cl, const struct belay_gemm *g,
                               struct belay_cl_batch *out)
{
    struct belay_cl_batch b = { .count = 1 };
    int rank = 0;
    for (int i = 0; i < BELAY_CL_BATCH; i++)
        b.dim[i] = 1;
    for (int i = g->batch_rank - 1; i >= 0; i--) {
        int64_t dim = g->batch_dim[i], sa = g->a_stride[i], sb = g->b_stride[i];
        b.count *= (uint64_t) dim;
        if (dim == 1)
            continue;
        if (sa * dim > UINT32_MAX || sb * dim > UINT32_MAX || b.count > UINT32_MAX)
            return belay_fail(cl->log, BELAY_ERR_UNSUPPORTED,
                              "a batch of products has more than 2^32 elements");
        int last = rank - 1;
        if (rank > 0 && sa == (int64_t) b.a[last] * b.dim[last] &&
            sb == (int64_t) b.b[last] * b.dim[last]) {
            b.dim[last] *= (cl_uint) dim;
            continue;
        }
        b.dim[rank] = (cl_uint) dim;
        b.a[rank] = (cl_uint) sa;
        b.b[rank++] = (cl_uint) sb;
    }
    *out = b;
    return BELAY_OK;
}
