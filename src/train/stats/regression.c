// For each target, each row counting 1 or its weight: {n, sum err², sum |err|, mean y, sum (y - mean y)²}, one row of each: [5 * targets].
// Means and squares about them, since a sum of squares would drown the spread of large targets.
#include "op/op.h"
#include "train/metric.h"

enum { N, SQUARES, ABSOLUTES, MEAN, SPREAD };

static size_t count(size_t targets)
{
    return BELAY_REGRESSION * targets;
}

// What each target of each row counts: of the shape of the target.
static belay_value *counts(belay_graph *g, belay_value *target, belay_value *weights)
{
    const int64_t column[] = { -1, 1 };
    belay_value *ones = belay_expand_like(g, belay_scalar(g, 1), target);
    return weights ? belay_mul(g, ones, belay_reshape(g, weights, 2, column)) : ones;
}

// The sum over rows, a row of one for each target.
static belay_value *sum(belay_graph *g, belay_value *each, belay_value *weight, bool weighted)
{
    const int rows = 0;
    return belay_sum(g, weighted ? belay_mul(g, each, weight) : each, 1, &rows, false);
}

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          belay_value *weights)
{
    const int rows = 0;
    const int64_t row = -1;
    const bool w = weights != NULL;
    belay_value *err = belay_sub(g, output, target), *count = counts(g, target, weights);
    belay_value *n = belay_sum(g, count, 1, &rows, false), *mean;
    if (w)
        mean = belay_div(g, sum(g, target, count, w), n); // NaN when nothing counts: then unread
    else
        mean = belay_mean(g, target, 1, &rows, true);
    belay_value *away = belay_sub(g, target, mean);
    belay_value *part[BELAY_REGRESSION] = {
        [N] = n,
        [SQUARES] = sum(g, belay_mul(g, err, err), count, w),
        [ABSOLUTES] = sum(g, belay_abs(g, err), count, w),
        [MEAN] = belay_reshape(g, mean, 1, &row),
        [SPREAD] = sum(g, belay_mul(g, away, away), count, w),
    };
    return belay_concat(g, BELAY_REGRESSION, part, 0);
}

// Chan, Golub and LeVeque 1979: the squares about the mean of both.
void belay_regression_add(double *sums, const float *batch, size_t targets)
{
    for (size_t i = 0; i < targets; i++) {
        double old = sums[N * targets + i], n = batch[N * targets + i];
        double away = batch[MEAN * targets + i] - sums[MEAN * targets + i];
        if (n == 0)
            continue;
        sums[N * targets + i] += n;
        sums[SQUARES * targets + i] += batch[SQUARES * targets + i];
        sums[ABSOLUTES * targets + i] += batch[ABSOLUTES * targets + i];
        sums[MEAN * targets + i] += away * n / (old + n);
        sums[SPREAD * targets + i] +=
            batch[SPREAD * targets + i] + away * away * old * n / (old + n);
    }
}

void belay_regression_rescale(double *sums, size_t targets, double mean, double std)
{
    for (size_t i = 0; i < targets; i++) {
        sums[SQUARES * targets + i] *= std * std;
        sums[ABSOLUTES * targets + i] *= std;
        sums[MEAN * targets + i] = sums[MEAN * targets + i] * std + mean;
        sums[SPREAD * targets + i] *= std * std;
    }
}

double belay_regression_mean(const double *sums, size_t targets,
                             double (*score)(double n, double squares, double absolutes,
                                             double spread))
{
    double all = 0;
    for (size_t i = 0; i < targets; i++)
        all += score(sums[N * targets + i], sums[SQUARES * targets + i],
                     sums[ABSOLUTES * targets + i], sums[SPREAD * targets + i]);
    return all / (double) targets;
}

extern const struct belay_stats belay_stats_regression;
const struct belay_stats belay_stats_regression = {
    .name = "regression",
    .count = count,
    .build = build,
};
