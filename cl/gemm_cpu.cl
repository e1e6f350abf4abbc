// Products on CPUs: one work-item, alone in its group, makes a block of C from tiles of MR rows and
// NV vectors, whose sums fill the vector registers. It goes along k in blocks of `kc`; where it
// pays it copies its part of A (panels of MR rows) and of B (one panel of NV * W columns) so that
// both lie along k and in the nearest caches. Sums wait in `part` between two blocks of k.
//
// Order of summation: one fma chain along k, ascending, whatever the tile and the blocks.
// lint: -DW=8 -DMR=6 -DNV=2 -DUNIT=0
#include "gemm_cpu.clh"
#define TN (NV * W)

// A block of B as the tiles read it: rows of TN columns, ld apart along k. The first `fast` rows
// may be read in full; behind the last column of the others there may be no memory.
struct columns {
    global const float *b;
    size_t ld;
    uint fast, count;
};

// What becomes of a tile's sums.
struct sink {
    global float *c, *part;
    uint n;
    bool first, last; // block of k
    float alpha, beta;
};

// The rows of A along k: UNIT: the rows of a tile are neighbours (panels, or A transposed).
#if UNIT
#define ROW_ARG global const float *a
#define ROW(i) a[(i) + q]
#else
#define ROW_ARG global const float *const *row
#define ROW(i) row[i][q]
#endif

#define STEP(load)                                                                                 \
    {                                                                                              \
        VW y[NV];                                                                                  \
        UNROLL                                                                                     \
        for (uint j = 0; j < NV; j++)                                                              \
            y[j] = load;                                                                           \
        UNROLL                                                                                     \
        for (uint i = 0; i < MR; i++) {                                                            \
            const VW x = (VW) (ROW(i));                                                            \
            UNROLL                                                                                 \
            for (uint j = 0; j < NV; j++)                                                          \
                sum[i][j] = fma(x, y[j], sum[i][j]);                                               \
        }                                                                                          \
        q += as1;                                                                                  \
        b += ld;                                                                                   \
    }

INLINE void add_products(VW (*sum)[NV], ROW_ARG, size_t as1, const struct columns *in, uint k)
{
    global const float *b = in->b;
    const size_t ld = in->ld;
    const uint fast = min(in->fast, k);
    size_t q = 0;
    uint p = 0;
    for (; p < fast; p++)
        STEP(LOAD(b + j * W))
    for (; p < k; p++)
        STEP(load_part(b + j * W, in->count > j * W ? in->count - j * W : 0))
}

INLINE void begin_sums(VW (*sum)[NV], const struct sink *to, size_t at, uint rows, uint columns)
{
    UNROLL
    for (uint i = 0; i < MR; i++) {
        UNROLL
        for (uint j = 0; j < NV; j++) {
            sum[i][j] = (VW) (0.0f);
            if (!to->first && i < rows && j * W < columns)
                sum[i][j] = load_part(to->part + at + (size_t) i * to->n + j * W, columns - j * W);
        }
    }
}

INLINE void end_sums(VW (*sum)[NV], const struct sink *to, size_t at, uint rows, uint columns)
{
    UNROLL
    for (uint i = 0; i < MR; i++) {
        UNROLL
        for (uint j = 0; j < NV; j++) {
            if (i >= rows || j * W >= columns)
                continue;
            const size_t e = at + (size_t) i * to->n + j * W;
            VW v = sum[i][j];
            if (!to->last) {
                store_part(to->part + e, v, columns - j * W);
                continue;
            }
            v *= to->alpha;
            if (to->beta != 0)
                v += to->beta * load_part(to->c + e, columns - j * W);
            store_part(to->c + e, v, columns - j * W);
        }
    }
}

// The tile of C at element `at`; `a` begins at its first row.
INLINE void make_tile(const struct sink *to, size_t at, uint rows, global const float *a,
                      size_t as0, size_t as1, const struct columns *in, uint k)
{
    VW sum[MR][NV];
    begin_sums(sum, to, at, rows, in->count);
#if UNIT
    add_products(sum, a, as1, in, k);
#else
    global const float *row[MR];
    UNROLL
    for (uint i = 0; i < MR; i++)
        row[i] = a + min(i, rows - 1) * as0;
    add_products(sum, row, as1, in, k);
#endif
    end_sums(sum, to, at, rows, in->count);
}

// Rows of A to panels [rows / MR][k][MR]; rows behind the last repeat it.
INLINE void pack_a(global float *to, global const float *a, size_t as0, size_t as1, uint rows,
                   uint k)
{
    for (uint i0 = 0; i0 < rows; i0 += MR, to += (size_t) k * MR) {
        global const float *row[MR];
        UNROLL
        for (uint i = 0; i < MR; i++)
            row[i] = a + min(i0 + i, rows - 1) * as0;
        for (uint p = 0; p < k; p++) {
            UNROLL
            for (uint i = 0; i < MR; i++)
                to[p * MR + i] = row[i][p * as1];
        }
    }
}

// 8 rows of 8 neighbours along k, each `stride` apart, to 8 rows of a panel.
INLINE void transpose_8(global float *to, global const float *b, size_t stride)
{
    float8 r[8], s[8], t[8];
    UNROLL
    for (uint i = 0; i < 8; i++)
        r[i] = vload8(0, b + i * stride);
    UNROLL
    for (uint i = 0; i < 8; i += 2) {
        s[i] = (float8) (r[i].s0, r[i + 1].s0, r[i].s1, r[i + 1].s1, r[i].s4, r[i + 1].s4,
                         r[i].s5, r[i + 1].s5);
        s[i + 1] = (float8) (r[i].s2, r[i + 1].s2, r[i].s3, r[i + 1].s3, r[i].s6, r[i + 1].s6,
                             r[i].s7, r[i + 1].s7);
    }
    UNROLL
    for (uint i = 0; i < 8; i += 4) {
        UNROLL
        for (uint h = 0; h < 2; h++) {
            const float8 x = s[i + h], y = s[i + 2 + h];
            t[i + 2 * h] = (float8) (x.s01, y.s01, x.s45, y.s45);
            t[i + 2 * h + 1] = (float8) (x.s23, y.s23, x.s67, y.s67);
        }
    }
    UNROLL
    for (uint i = 0; i < 4; i++) {
        vstore8((float8) (t[i].lo, t[i + 4].lo), 0, to + i * TN);
        vstore8((float8) (t[i].hi, t[i + 4].hi), 0, to + (i + 4) * TN);
    }
}

// TN columns of B, of which there are `count`, to a panel [k][TN] with zeros behind them.
INLINE void pack_b(global float *to, global const float *b, size_t bs0, size_t bs1, uint count,
                   uint k)
{
    uint p = 0;
    if (bs1 == 1) {
        for (; p < k; p++) {
            UNROLL
            for (uint j = 0; j < NV; j++)
                STORE(load_part(b + p * bs0 + j * W, count > j * W ? count - j * W : 0),
                      to + p * TN + j * W);
        }
        return;
    }
#if TN % 8 == 0
    if (bs0 == 1 && count == TN)
        for (; p + 8 <= k; p += 8)
            for (uint j = 0; j < TN; j += 8)
                transpose_8(to + p * TN + j, b + p + j * bs1, bs1);
#endif
    for (; p < k; p++)
        for (uint j = 0; j < TN; j++)
            to[p * TN + j] = j < count ? b[p * bs0 + j * bs1] : 0.0f;
}

// Bits of `pack`.
#define PACK_A 1
#define PACK_B 2

// as0, as1: strides of op(A) along m and k; bs0, bs1: of op(B) along k and n. A work-item makes mb
// rows (whole tiles) by nb columns of `batches` / global size products; `room` is its scratch,
// behind `sums` floats that are `part` unless that is C.
kernel void gemm_cpu(global float *c, global float *part, global const float *a,
                     global const float *b, global float *scratch, uint m, uint n, uint k, uint as0,
                     uint as1, uint bs0, uint bs1, uint mb, uint nb, uint kc, uint pack, uint room,
                     uint sums, float alpha, float beta, uint batches, uint8 batch_dim,
                     uint8 batch_a, uint8 batch_b)
{
    const uint i0 = (uint) get_global_id(1) * mb, i1 = min(m, i0 + mb);
    const uint j0 = (uint) get_global_id(0) * nb, j1 = min(n, j0 + nb);
    const size_t item = (get_global_id(2) * get_global_size(1) + get_global_id(1)) *
                            get_global_size(0) + get_global_id(0);
    global float *const panel = scratch + sums + item * room, *const panels = panel + TN * kc;
    // Rows from here on are read from panels. UNIT would read behind A in a tile that is not whole.
    const uint whole = pack & PACK_A ? i0 : UNIT ? i0 + (i1 - i0) / MR * MR : i1;
    for (uint q = (uint) get_global_id(2); q < batches; q += (uint) get_global_size(2)) {
        global const float *const aq = a + batch_start(q, batch_dim, batch_a);
        global const float *const bq = b + batch_start(q, batch_dim, batch_b);
        const size_t cq = (size_t) q * m * n;
        uint p0 = 0;
        do { // once for k 0 too
            const uint kb = min(kc, k - p0);
            const struct sink to = { c + cq, part + cq, n, p0 == 0, p0 + kb == k, alpha, beta };
            global const float *const ap = aq + p0 * (size_t) as1;
            if (whole < i1)
                pack_a(panels, ap + whole * (size_t) as0, as0, as1, i1 - whole, kb);
            for (uint j = j0; j < j1; j += TN) {
                struct columns in = { bq + p0 * (size_t) bs0 + j * (size_t) bs1, bs0, kb,
                                      min(j1 - j, (uint) TN) };
                if (pack & PACK_B) {
                    pack_b(panel, in.b, bs0, bs1, in.count, kb);
                    in.b = panel;
                    in.ld = TN;
                } else if (j + TN > n) {
                    const size_t all = (size_t) k * n, reach = (size_t) p0 * n + j + TN;
                    in.fast = all < reach ? 0 : (uint) min((size_t) kb, (all - reach) / n + 1);
                }
                for (uint i = i0; i < i1; i += MR) {
                    const bool packed = i >= whole;
                    make_tile(&to, (size_t) i * n + j, min(i1 - i, (uint) MR),
                              packed ? panels + (size_t) (i - whole) * kb : ap + i * (size_t) as0,
                              packed ? 1 : as0, packed ? MR : as1, &in, kb);
                }
            }
            p0 += kb;
        } while (p0 < k);
    }
}
