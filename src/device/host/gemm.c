// The reference product: c[i][j] = sum over k in ascending order, in double.
#include "device/host/host.h"

#include <string.h>

static void product(const struct belay_gemm *g, const double *a, const double *b, double *c)
{
    int64_t m = g->m, n = g->n, k = g->k;
    for (int64_t i = 0; i < m; i++) {
        double *row = c + i * n;
        if (g->beta == 0)
            memset(row, 0, (size_t) n * sizeof(*row));
        for (int64_t j = 0; j < n && g->beta != 0; j++)
            row[j] *= g->beta;
        for (int64_t l = 0; l < k && !g->tb; l++) {
            double x = g->alpha * (g->ta ? a[l * m + i] : a[i * k + l]);
            for (int64_t j = 0; j < n; j++)
                row[j] += x * b[l * n + j];
        }
        for (int64_t j = 0; j < n && g->tb; j++) {
            double sum = 0;
            for (int64_t l = 0; l < k; l++)
                sum += (g->ta ? a[l * m + i] : a[i * k + l]) * b[j * k + l];
            row[j] += g->alpha * sum;
        }
    }
}

void belay_host_gemm(const struct belay_gemm *g, const double *a, const double *b, double *c)
{
    int64_t at[BELAY_MAX_RANK] = { 0 };
    for (;;) {
        int64_t a_offset = 0, b_offset = 0;
        for (int i = 0; i < g->batch_rank; i++) {
            if (g->batch_dim[i] == 0)
                return;
            a_offset += at[i] * g->a_stride[i];
            b_offset += at[i] * g->b_stride[i];
        }
        product(g, a + a_offset, b + b_offset, c);
        c += g->m * g->n;
        int i = g->batch_rank - 1;
        while (i >= 0 && ++at[i] == g->batch_dim[i])
            at[i--] = 0;
        if (i < 0)
            return;
    }
}
