#include "train/criterion.h"

#include <float.h>
#include <math.h>
#include <string.h>

void belay_ring_put(struct belay_ring *r, double value)
{
    r->v[r->count++ % BELAY_MAX_HISTORY] = value;
}

double belay_ring_get(const struct belay_ring *r, uint64_t back)
{
    return r->v[(r->count - 1 - back) % BELAY_MAX_HISTORY];
}

void belay_criterion_init(struct belay_criterion_state *s)
{
    memset(s, 0, sizeof(*s));
    s->low = s->strip_end = NAN;
}

// ---- Prechelt ----

// GL = 100 (E / E_min - 1), with |E_min| below, so that negative errors keep their order.
static double loss_above_low(const struct belay_criterion_state *s)
{
    double error = belay_ring_get(&s->values, 0);
    return error == s->low ? 0 : 100 * (error - s->low) / fabs(s->low);
}

// P = 1000 (mean of the training strip / its minimum - 1)
static double progress(const struct belay_criterion *c, const struct belay_criterion_state *s)
{
    double sum = 0, low = INFINITY;
    for (uint64_t i = 0; i < (uint64_t) c->strip; i++) {
        sum += belay_ring_get(&s->train, i);
        low = fmin(low, belay_ring_get(&s->train, i));
    }
    double mean = sum / c->strip;
    return mean == low ? 0 : 1000 * (mean - low) / fabs(low);
}

static bool at_strip_end(const struct belay_criterion *c, const struct belay_criterion_state *s)
{
    return s->values.count > 0 && s->values.count % (uint64_t) c->strip == 0;
}

// GL over P. Training that no longer moves makes it infinite as soon as the error is above its low.
static double quotient(const struct belay_criterion *c, const struct belay_criterion_state *s)
{
    if (!at_strip_end(c, s) || s->train.count < (uint64_t) c->strip)
        return NAN;
    double gl = loss_above_low(s), p = progress(c, s);
    return p > DBL_EPSILON ? gl / p : gl > 0 ? INFINITY : isnan(p) ? NAN : 0;
}

static void end_strip(const struct belay_criterion *c, struct belay_criterion_state *s,
                      double error)
{
    if (!at_strip_end(c, s))
        return;
    s->rises = error > s->strip_end ? s->rises + 1 : 0;
    s->strip_end = error;
}

// ---- windows ----

static double average(const struct belay_ring *r, uint64_t back, uint64_t width)
{
    double sum = 0;
    for (uint64_t i = 0; i < width; i++)
        sum += belay_ring_get(r, back + i);
    return sum / (double) width;
}

// How much the best of the last k (averages of k, or values) is better than the one before them, as
// a share of that one's size.
static double gain_of_last(const struct belay_criterion *c, const struct belay_criterion_state *s)
{
    uint64_t k = (uint64_t) c->limit, width = c->kind == BELAY_CRITERION_WINDOW ? k : 1;
    double low = INFINITY;
    if (k < 1 || s->values.count < k + width)
        return NAN;
    for (uint64_t i = 0; i < k; i++)
        low = fmin(low, average(&s->values, i, width));
    double before = average(&s->values, k, width), gain = before - low;
    return gain == 0 ? 0 : gain / fabs(before);
}

// ---- increase to decrease ----

#define FORGET 0.99

// The largest rise of the score between two checks of the past, older ones fading.
static void expect(struct belay_criterion_state *s, double error)
{
    uint64_t known = s->values.count < BELAY_MAX_HISTORY ? s->values.count : BELAY_MAX_HISTORY;
    double fade = 1;
    s->expected *= FORGET;
    for (uint64_t i = 0; i < known; i++, fade *= FORGET)
        s->expected = fmax(s->expected, fade * (belay_ring_get(&s->values, i) - error));
}

// exp(-0.5 / (expected gain / distance from the best)): how likely it is that the best is reached
// again.
static double p_value(const struct belay_criterion *c, const struct belay_criterion_state *s)
{
    const double least = 1e-10;
    if ((double) s->since_low < c->strip)
        return NAN;
    double ratio = s->expected / fmax(belay_ring_get(&s->values, 0) - s->low, least);
    return exp(-0.5 / fmax(ratio, least));
}

void belay_criterion_feed(const struct belay_criterion *c, struct belay_criterion_state *s,
                          double error, bool improved, double train)
{
    bool lower = isnan(s->low) || error < s->low;
    belay_ring_put(&s->values, error);
    if (!isnan(train))
        belay_ring_put(&s->train, train);
    s->low = lower ? error : s->low;
    s->since_low = lower ? 0 : s->since_low + 1;
    s->misses += !improved;
    if (c->kind == BELAY_CRITERION_UP)
        end_strip(c, s, error);
    if (c->kind == BELAY_CRITERION_INC_TO_DEC)
        expect(s, error);
}

double belay_criterion_value(const struct belay_criterion *c, const struct belay_criterion_state *s)
{
    if (s->values.count == 0)
        return NAN;
    switch (c->kind) {
    case BELAY_CRITERION_GL:
        return loss_above_low(s);
    case BELAY_CRITERION_PQ:
        return quotient(c, s);
    case BELAY_CRITERION_UP:
        return at_strip_end(c, s) ? (double) s->rises : NAN;
    case BELAY_CRITERION_WINDOW:
    case BELAY_CRITERION_STALL:
        return gain_of_last(c, s);
    case BELAY_CRITERION_MISSES:
        return (double) s->misses;
    case BELAY_CRITERION_INC_TO_DEC:
        return p_value(c, s);
    default:
        return NAN;
    }
}

bool belay_criterion_met(const struct belay_criterion *c, const struct belay_criterion_state *s)
{
    double value = belay_criterion_value(c, s);
    switch (c->kind) {
    case BELAY_CRITERION_GL:
    case BELAY_CRITERION_PQ:
        return value > c->limit;
    case BELAY_CRITERION_UP:
        return value >= c->limit && s->rises > 0;
    case BELAY_CRITERION_WINDOW:
    case BELAY_CRITERION_STALL:
        return value <= c->tolerance;
    case BELAY_CRITERION_MISSES:
        return value >= c->limit && s->since_low > 0;
    case BELAY_CRITERION_INC_TO_DEC:
        return value < c->limit;
    default:
        return false;
    }
}

// ---- smoothing ----

static double median(const struct belay_ring *r, uint64_t count)
{
    double sorted[BELAY_MAX_WINDOW];
    for (uint64_t i = 0; i < count; i++) {
        double value = belay_ring_get(r, i);
        uint64_t at = i;
        for (; at > 0 && sorted[at - 1] > value; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = value;
    }
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

double belay_smooth_feed(const struct belay_smooth *c, struct belay_smooth_state *s, double value)
{
    if (c->kind == BELAY_SMOOTH_NONE)
        return value;
    if (c->kind == BELAY_SMOOTH_EMA) {
        s->sum = c->amount * value + (1 - c->amount) * s->sum;
        s->weight = c->amount + (1 - c->amount) * s->weight;
        return s->sum / s->weight;
    }
    belay_ring_put(&s->values, value);
    uint64_t width = (uint64_t) c->amount, count = s->values.count;
    count = count < width ? count : width;
    return c->kind == BELAY_SMOOTH_SMA ? average(&s->values, 0, count) : median(&s->values, count);
}
