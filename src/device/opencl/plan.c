// Preparing a plan: the element-wise kernels of all its groups built as one program, each distinct
// kernel once a device.
#include "device/opencl/prepared.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/env.h"
#include "base/hash.h"
#include "base/mem.h"

static belay_status describe(struct belay_cl *cl, const struct belay_group *group,
                             struct belay_cl_fused *out, struct belay_str *text)
{
    struct belay_digest digest;
    belay_cl_space_of(group, &out->space);
    BELAY_TRY(belay_cl_fused_text(cl, group, &out->space, text));
    belay_digest_of(text->text, text->length, &digest);
    snprintf(out->name, sizeof(out->name), "fused_%.20s", digest.hex);
    return BELAY_OK;
}

// A kernel of the same text among the groups before.
static bool made_before(const struct belay_cl_prepared *p, int index)
{
    for (int i = 0; i < index; i++)
        if (strcmp(p->fused[i].name, p->fused[index].name) == 0)
            return true;
    return false;
}

static belay_status add_group(struct belay_cl *cl, struct belay_cl_prepared *p, int index,
                              struct belay_str *source)
{
    struct belay_str text = { 0 };
    belay_status status = describe(cl, &p->plan->groups[index], &p->fused[index], &text);
    if (status == BELAY_OK &&
        !belay_cl_fused_find(cl, p->fused[index].name, &p->fused[index].program) &&
        !made_before(p, index)) {
        belay_str_addf(source, "\nkernel void %s", p->fused[index].name);
        belay_str_add(source, text.text);
    }
    belay_str_free(&text);
    return status;
}

// Remembers where the new kernels are.
static belay_status keep_all(struct belay_cl *cl, struct belay_cl_prepared *p, cl_program program)
{
    for (int i = 0; i < p->plan->num_groups; i++) {
        struct belay_cl_fused *f = &p->fused[i];
        if (!f->name[0] || f->program)
            continue;
        if (!belay_cl_fused_find(cl, f->name, &f->program)) {
            f->program = program;
            BELAY_TRY(belay_cl_fused_keep(cl, f->name, program));
        }
    }
    return BELAY_OK;
}

static belay_status build_new(struct belay_cl *cl, struct belay_cl_prepared *p,
                              const struct belay_str *kernels)
{
    struct belay_str source = { 0 };
    cl_program program;
    belay_status status;
    belay_str_addf(&source, "#define W %u\n", belay_cl_fused_width(cl));
    BELAY_TRY_DONE(belay_cl_source_header(cl, "fused.clh", &source));
    belay_str_add(&source, "#line 1 \"fused kernels\"\n");
    belay_str_add(&source, kernels->text);
    if (source.failed) {
        status = belay_fail_nomem(cl->log, source.length);
        goto done;
    }
    BELAY_TRY_DONE(belay_cl_program_text(cl, "fused kernels", source.text, NULL, &program));
    status = keep_all(cl, p, program);
done:
    belay_str_free(&source);
    return status;
}

belay_status belay_cl_plan_prepare(struct belay_device *dev, const struct belay_plan *plan,
                                   void **out)
{
    struct belay_cl *cl = belay_cl_of(dev);
    struct belay_str kernels = { 0 };
    belay_status status = BELAY_OK;
    struct belay_cl_prepared *p = belay_alloc(sizeof(*p));
    if (!p)
        return belay_fail_nomem(cl->log, sizeof(*p));
    p->plan = plan;
    p->fused = belay_alloc_array((size_t) plan->num_groups, sizeof(*p->fused));
    if (!p->fused) {
        status = belay_fail_nomem(cl->log, sizeof(*p->fused));
        goto done;
    }
    for (int i = 0; i < plan->num_groups; i++)
        if (plan->groups[i].elementwise)
            BELAY_TRY_DONE(add_group(cl, p, i, &kernels));
    if (kernels.failed) {
        status = belay_fail_nomem(cl->log, kernels.length);
        goto done;
    }
    if (kernels.length)
        BELAY_TRY_DONE(build_new(cl, p, &kernels));
    *out = p;
    p = NULL;
done:
    belay_str_free(&kernels);
    if (p)
        belay_cl_plan_release(dev, p);
    return status;
}

void belay_cl_plan_release(struct belay_device *dev, void *prepared)
{
    struct belay_cl_prepared *p = prepared;
    if (!p)
        return;
    belay_free(p->fused);
    belay_free(p);
}
