#include "train/metric.h"

#include <math.h>

#include "harness.h"

enum { ROWS = 64, TARGETS = 2 };

// What the device gives for rows from … to.
static void batch_of(double (*y)[TARGETS], double (*x)[TARGETS], int from, int to,
                     float *out)
{
    for (int j = 0; j < TARGETS; j++) {
        double n = to - from, squares = 0, absolutes = 0, mean = 0, spread = 0;
        for (int i = from; i < to; i++)
            mean += y[i][j] / n;
        for (int i = from; i < to; i++) {
            squares += (x[i][j] - y[i][j]) * (x[i][j] - y[i][j]);
            absolutes += fabs(x[i][j] - y[i][j]);
            spread += (y[i][j] - mean) * (y[i][j] - mean);
        }
        const double all[BELAY_REGRESSION] = { n, squares, absolutes, mean, spread };
        for (int k = 0; k < BELAY_REGRESSION; k++)
            out[k * TARGETS + j] = (float) all[k];
    }
}

static double value(const char *name, const double *stats)
{
    return belay_metric_value(belay_metric_find(name), stats, TARGETS);
}

START_TEST(r2_of_large_targets_in_several_batches_is_that_of_the_spread)
{
    double y[ROWS][TARGETS], x[ROWS][TARGETS], sums[BELAY_REGRESSION * TARGETS] = { 0 };
    float batch[BELAY_REGRESSION * TARGETS];
    for (int i = 0; i < ROWS; i++) {
        y[i][0] = 65536 + (i * 37 % ROWS);
        y[i][1] = (i * 11 % ROWS) / 8.0;
        x[i][0] = y[i][0] + (i % 3 - 1) * 4;
        x[i][1] = y[i][1] + (i % 5 - 2);
    }
    for (int from = 0; from < ROWS; from += 20) { // the last one is of 4 rows
        batch_of(y, x, from, from + 20 < ROWS ? from + 20 : ROWS, batch);
        belay_regression_add(sums, batch, TARGETS);
    }
    double r2 = 0, rmse = 0;
    for (int j = 0; j < TARGETS; j++) {
        double errors = 0, spread = 0, mean = 0;
        for (int i = 0; i < ROWS; i++)
            mean += y[i][j] / ROWS;
        for (int i = 0; i < ROWS; i++) {
            errors += (x[i][j] - y[i][j]) * (x[i][j] - y[i][j]);
            spread += (y[i][j] - mean) * (y[i][j] - mean);
        }
        r2 += (1 - errors / spread) / TARGETS;
        rmse += sqrt(errors / ROWS) / TARGETS;
    }
    ck_assert_double_eq_tol(value("r2", sums), r2, 1e-6);
    ck_assert_double_eq_tol(value("rmse", sums), rmse, 1e-6);
    belay_regression_rescale(sums, TARGETS, -3, 10); // in units ten times as small
    ck_assert_double_eq_tol(value("r2", sums), r2, 1e-6);
    ck_assert_double_eq_tol(value("rmse", sums), 10 * rmse, 1e-5);
}
END_TEST

START_TEST(r2_of_equal_targets_or_of_one_row_has_no_spread_to_explain)
{
    double stats[BELAY_REGRESSION * TARGETS] = { 4, 4, 1, 0, 1, 0, 5, 5, 0, 0 };
    ck_assert_double_eq(value("r2", stats), 0.5); // one target is met, the other not
    stats[0] = 1;
    ck_assert_double_nan(value("r2", stats));
}
END_TEST

static Suite *suite_metric(void)
{
    Suite *suite = suite_create("metric");
    TCase *t = tcase_create("regression");
    tcase_add_test(t, r2_of_large_targets_in_several_batches_is_that_of_the_spread);
    tcase_add_test(t, r2_of_equal_targets_or_of_one_row_has_no_spread_to_explain);
    suite_add_tcase(suite, t);
    return suite;
}

int main(void)
{
    return harness_main(suite_metric, NULL);
}
