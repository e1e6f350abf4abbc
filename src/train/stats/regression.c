// For each target {n, sum err², sum |err|, mean y, sum (y - mean y)²}, one row of each: [5 * targets].
// Means and squares about them, since a sum of squares would drown the spread of large targets.
#include "op/op.h"
#include "train/metric.h"

enum { N, SQUARES, ABSOLUTES, MEAN, SPREAD };

static size_t count(size_t targets)
{
    return BELAY_REGRESSION * targets;
}

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target)
{
    const int rows = 0;
    belay_value *err = belay_sub(g, output, target);
    belay_value *ones = belay_expand_like(g, belay_scalar(g, 1), target);
    belay_value *mean = belay_mean(g, target, 1, &rows, true);
    belay_value *away = belay_sub(g, target, mean);
    const int64_t row = -1;
    belay_value *part[BELAY_REGRESSION] = {
        [N] = belay_sum(g, ones, 1, &rows, false),
        [SQUARES] = belay_sum(g, belay_mul(g, err, err), 1, &rows, false),
        [ABSOLUTES] = belay_sum(g, belay_abs(g, err), 1, &rows, false),
        [MEAN] = belay_reshape(g, mean, 1, &row),
        [SPREAD] = belay_sum(g, belay_mul(g, away, away), 1, &rows, false),
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
