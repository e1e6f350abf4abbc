#include "train/doctor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <belay/trainer.h>

#include "base/mem.h"
#include "base/rng.h"
#include "device/context.h"
#include "op/own.h"

// ---- Operators ----

static belay_status check_op(struct belay_device *host, struct belay_device *dev,
                             const struct belay_op *op, bool quick, int *sizes)
{
    for (int fuse = 0; fuse < 2; fuse++) {
        bool made = true;
        for (int i = 0; made && !(quick && i == 4); i++) {
            BELAY_TRY(belay_op_check(host, dev, op, i, fuse, &made));
            *sizes += made && !fuse;
        }
    }
    return BELAY_OK;
}

static void check_one(struct belay_device *host, struct belay_device *dev, const struct belay_op *op,
                      struct belay_checks *c)
{
    char text[64];
    int sizes = 0;
    belay_status status = check_op(host, dev, op, c->quick, &sizes);
    snprintf(text, sizeof(text), "%d sizes alone and fused, twice", sizes);
    belay_checks_end(c, dev, "operators", op->name, status, text);
    host->failed = BELAY_OK;
}

static belay_status check_ops(struct belay_device *dev, struct belay_checks *c)
{
    struct belay_device *host;
    BELAY_TRY(belay_device_open(dev->log, "host", 0, &host));
    for (int i = 0; belay_ops[i]; i++)
        check_one(host, dev, belay_ops[i], c);
    const struct belay_own_op_entry *own;
    for (size_t i = 0; (own = belay_own_op_at(i)); i++)
        if (own->op.eval)
            check_one(host, dev, &own->op, c);
    belay_device_close(&host);
    return BELAY_OK;
}

// ---- Training ----

static const char recipe_text[] =
    "model: {input: [12], layers: [{linear: 40}, relu, {dropout: 0.1}, {linear: 24}, tanh, "
    "{linear: 3}]}\n"
    "split: {validation: 0.25}\n"
    "loss: cross_entropy\n"
    "optimizer: {name: adam, lr: 0.01, clip_norm: 1}\n"
    "train: {batch: 32, epochs: 1000000, seed: 3}\n"
    "check: {every: 1 step}\n"
    "stop: {monitor: val.loss, patience: 1000000}\n";
enum { ROWS = 120, FEATURES = 12 };

struct rows {
    float x[ROWS * FEATURES];
    int32_t labels[ROWS];
};

static void make_rows(struct rows *r)
{
    struct belay_rng rng;
    belay_rng_init(&rng, 5, 6);
    for (int i = 0; i < ROWS * FEATURES; i++)
        r->x[i] = (float) belay_rng_normal(&rng);
    for (int i = 0; i < ROWS; i++) {
        const float sum = r->x[i * FEATURES] - 0.5f * r->x[i * FEATURES + 1];
        r->labels[i] = sum > 0.4f ? 2 : sum > -0.4f ? 1 : 0;
    }
}

// Validation losses after each step.
static belay_status train(belay_ctx *ctx, const struct rows *rows, int steps, double *losses)
{
    belay_recipe *recipe = NULL;
    belay_trainer *trainer = NULL;
    const belay_data data = { .x = rows->x, .rows = ROWS, .features = FEATURES,
                              .labels = rows->labels, .classes = 3 };
    belay_status status;
    BELAY_TRY_DONE(belay_recipe_parse(ctx, recipe_text, "the doctor's recipe", NULL, 0, &recipe));
    const belay_trainer_params params = { .recipe = recipe, .train = &data, .no_files = true };
    BELAY_TRY_DONE(belay_trainer_create(ctx, &params, &trainer));
    for (int i = 0; i < steps; i++) {
        belay_progress progress;
        BELAY_TRY_DONE(belay_trainer_step(trainer, &progress));
        losses[i] = progress.val_loss;
    }
done:
    belay_trainer_destroy(&trainer);
    belay_recipe_destroy(&recipe);
    return status;
}

static belay_status train_on_host(belay_ctx *ctx, const struct rows *rows, int steps,
                                  double *losses)
{
    belay_ctx *host = NULL;
    const belay_ctx_params params = { .device = "host" };
    belay_status status = belay_ctx_create(&params, &host);
    if (status == BELAY_OK)
        status = train(host, rows, steps, losses);
    if (status != BELAY_OK)
        belay_fail(&ctx->log, status, "training on the host: %s",
                   host ? belay_ctx_error(host) : "no context");
    belay_ctx_destroy(&host);
    return status;
}

static belay_status compare(belay_ctx *ctx, int steps, const double *want, const double *got,
                            const double *again)
{
    for (int i = 0; i < steps; i++)
        if (!(fabs(got[i] - want[i]) <= 2e-3 * (1 + fabs(want[i]))))
            return belay_fail(&ctx->log, BELAY_ERR_DEVICE,
                              "after step %d the loss is %.9g, on the host %.9g", i + 1, got[i],
                              want[i]);
    for (int i = 0; i < steps; i++)
        if (memcmp(&got[i], &again[i], sizeof(*got)) != 0)
            return belay_fail(&ctx->log, BELAY_ERR_DEVICE,
                              "after step %d the loss is %.9g, in a second run %.9g", i + 1,
                              got[i], again[i]);
    return BELAY_OK;
}

void belay_doctor_train(belay_ctx *ctx, int steps, struct belay_checks *c)
{
    char text[64] = "";
    belay_status status;
    struct rows *rows = belay_alloc(sizeof(*rows));
    double *losses = belay_alloc_array(3 * (size_t) steps, sizeof(*losses));
    if (!rows || !losses) {
        status = belay_fail_nomem(&ctx->log, sizeof(*rows));
        goto done;
    }
    make_rows(rows);
    double *got = losses + steps, *again = got + steps;
    BELAY_TRY_DONE(train_on_host(ctx, rows, steps, losses));
    BELAY_TRY_DONE(train(ctx, rows, steps, got));
    BELAY_TRY_DONE(train(ctx, rows, steps, again));
    BELAY_TRY_DONE(compare(ctx, steps, losses, got, again));
    snprintf(text, sizeof(text), "%d steps, loss %.6f, host %.6f", steps, got[steps - 1],
             losses[steps - 1]);
done:
    belay_free(rows);
    belay_free(losses);
    belay_checks_end(c, ctx->device, "training", "small network", status, text);
}

// ---- All ----

belay_status belay_doctor(belay_ctx *ctx, bool quick, belay_doctor_fn fn, void *user,
                          belay_doctor_counts *counts)
{
    struct belay_checks c = { .quick = quick, .fn = fn, .user = user };
    BELAY_TRY(belay_ctx_open(ctx));
    struct belay_device *dev = ctx->device;
    belay_checks_fact(&c, "belay", "version", "%s", belay_version());
    belay_checks_fact(&c, "device", "name", "%s", dev->description);
    belay_checks_fact(&c, "device", "select", "%s", dev->select);
    belay_check_memory(dev, &c);
    BELAY_TRY(check_ops(dev, &c));
    if (dev->ops->check)
        dev->ops->check(dev, &c);
    belay_doctor_train(ctx, quick ? 10 : 100, &c);
    if (dev->ops->describe)
        dev->ops->describe(dev, &c);
    if (counts)
        *counts = c.counts;
    return BELAY_OK;
}
