// Products on CPUs: one work-item, alone in its group, makes a block of C from tiles of MR rows and
// NV vectors, whose sums fill the vector registers. It goes along k in blocks of `kc`; where it
// pays it copies its part of A (panels of MR rows) and of B (one panel of NV * W columns) so that
// both lie along k and in the nearest caches. Sums wait in `part` between two blocks of k.
//
// Order of summation: one fma chain along k, ascending, whatever the tile and the blocks. Parts
// along k are such chains, added in ascending order (gemm_cpu_sum).
// lint: -DW=8 -DMR=6 -DNV=2 -DUNIT=0
#include "gemm_cpu_pack.clh"

// A product with element-wise work behind it is built with macros before this text: TAIL_PARAMS,
// its operands as arguments of the kernel, TAIL_FIELDS and TAIL_SET, the same in `sink`, TAIL_BODY,
// statements that take `v` at element `e` of C (row `row`, column `col`, `rest` of them) and store
// the outcome, and TAIL_KEEP: whether C is wanted too.
#ifndef TAIL_BODY
#define TAIL_PARAMS
#define TAIL_FIELDS
#define TAIL_SET
#endif

// What becomes of a tile's sums.
struct sink {
    global float *c, *part;
    uint n;
    bool first, last; // block of k
    float alpha, beta;
    size_t row; // of all batches
    TAIL_FIELDS
};

// The rows of A along k: UNIT: the rows of a tile are neighbours (panels, or A transposed).
#if UNIT
#define ROW(i) a[(i) + q]
#else
#define ROW(i) row[i][q]
#endif

INLINE void begin_sums(VW (*sum)[NV], const struct sink *to, size_t at, uint rows, uint columns)
{
    float tile[MR * TN];
    global const float *from = to->part + at;
    if (!to->first && (rows < MR || columns < TN))
        for (uint i = 0; i < rows; i++)
            for (uint j = 0; j < columns; j++)
                tile[i * TN + j] = from[(size_t) i * to->n + j];
    UNROLL
    for (uint i = 0; i < MR; i++) {
        UNROLL
        for (uint j = 0; j < NV; j++) {
            if (to->first)
                sum[i][j] = (VW) (0.0f);
            else if (rows < MR || columns < TN)
                sum[i][j] = LOAD(tile + i * TN + j * W);
            else
                sum[i][j] = LOAD(from + (size_t) i * to->n + j * W);
        }
    }
}

// A vector of finished sums to C.
INLINE void put(const struct sink *to, size_t e, VW v, uint rest)
{
    v *= to->alpha;
    if (to->beta != 0)
        v += to->beta * load_part(to->c + e, rest);
    store_part(to->c + e, v, rest);
}

#ifdef TAIL_BODY
INLINE void put_tail(const struct sink *to, size_t row, uint col, VW v, uint rest)
{
    const size_t e = row * to->n + col;
    v *= to->alpha;
    TAIL_BODY
}
#endif

INLINE void end_sums(VW (*sum)[NV], const struct sink *to, uint row, uint rows, uint col,
                     uint columns)
{
    const size_t at = (size_t) row * to->n + col;
#ifdef TAIL_BODY
    const bool plain = !to->last;
#else
    const bool plain = !to->last || (to->alpha == 1 && to->beta == 0);
#endif
    if (plain && rows == MR && columns == TN) {
        global float *c = (to->last ? to->c : to->part) + at;
        UNROLL
        for (uint i = 0; i < MR; i++)
            UNROLL
            for (uint j = 0; j < NV; j++)
                STORE(sum[i][j], c + (size_t) i * to->n + j * W);
        return;
    }
    float tile[MR * TN];
    UNROLL
    for (uint i = 0; i < MR; i++)
        UNROLL
        for (uint j = 0; j < NV; j++)
            STORE(sum[i][j], tile + i * TN + j * W);
    for (uint i = 0; i < rows; i++) {
        const size_t e = at + (size_t) i * to->n;
        for (uint j = 0; j < columns; j += W) {
            const VW v = LOAD(tile + i * TN + j);
            if (!to->last) {
                store_part(to->part + e + j, v, columns - j);
                continue;
            }
#ifdef TAIL_BODY
            put_tail(to, to->row + row + i, col + j, v, columns - j);
#endif
#if !defined(TAIL_BODY) || TAIL_KEEP
            put(to, e + j, v, columns - j);
#endif
        }
    }
}

// A tile of C. `a` begins at its first row; b: TN columns, ldb apart along k.
// Not inlined: compilers make several copies of it in the loops around it.
__attribute__((noinline)) void make_tile(const struct sink *to, uint row0, uint rows, uint col0,
                                         uint columns, global const float *a, size_t as0,
                                         size_t as1, global const float *b, size_t ldb, uint k)
{
    VW sum[MR][NV];
    size_t q = 0;
    begin_sums(sum, to, (size_t) row0 * to->n + col0, rows, columns);
#if !UNIT
    global const float *row[MR];
    UNROLL
    for (uint i = 0; i < MR; i++)
        row[i] = a + min(i, rows - 1) * as0;
#endif
    for (uint p = 0; p < k; p++, q += as1, b += ldb) {
        VW y[NV];
        UNROLL
        for (uint j = 0; j < NV; j++)
            y[j] = LOAD(b + j * W);
        UNROLL
        for (uint i = 0; i < MR; i++) {
            const VW x = (VW) (ROW(i));
            UNROLL
            for (uint j = 0; j < NV; j++)
                sum[i][j] = fma(x, y[j], sum[i][j]);
        }
    }
    end_sums(sum, to, row0, rows, col0, columns);
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

// Bits of `pack`.
#define PACK_A 1
#define PACK_B 2
#define SHARED 4 // B was packed by gemm_cpu_pack, at `shared` in the scratch

// as0, as1: strides of op(A) along m and k; bs0, bs1: of op(B) along k and n. A work-item makes mb
// rows (whole tiles) by nb columns of `batches` / global size products; `room` is its scratch,
// behind `front` floats: `part` unless that is C, and B when it is packed for all items. With
// `split` the products are parts of one along k: each has k steps, the last one what is left of
// `all`.
kernel void gemm_cpu(global float *c, global float *part, global const float *a,
                     global const float *b, global float *scratch, uint m, uint n, uint k, uint as0,
                     uint as1, uint bs0, uint bs1, uint mb, uint nb, uint kc, uint pack, uint room,
                     uint front, uint shared, uint split, uint all, float alpha, float beta,
                     uint batches, uint8 batch_dim, uint8 batch_a, uint8 batch_b TAIL_PARAMS)
{
    const uint i0 = (uint) get_global_id(1) * mb, i1 = min(m, i0 + mb);
    const uint j0 = (uint) get_global_id(0) * nb, j1 = min(n, j0 + nb);
    const size_t item = (get_global_id(2) * get_global_size(1) + get_global_id(1)) *
                            get_global_size(0) + get_global_id(0);
    global float *const panel = scratch + front + item * room;
    global float *const panels = panel + (pack & SHARED ? 0 : GROUP * TN * kc);
    // Rows from here on are read from panels. UNIT would read behind A in a tile that is not whole.
    const uint whole = pack & PACK_A ? i0 : UNIT ? i0 + (i1 - i0) / MR * MR : i1;
    for (uint q = (uint) get_global_id(2); q < batches; q += (uint) get_global_size(2)) {
        global const float *const aq = a + batch_start(q, batch_dim, batch_a);
        global const float *const bq = b + batch_start(q, batch_dim, batch_b);
        const size_t cq = (size_t) q * m * n;
        const uint kq = split ? min(k, all - q * k) : k;
        uint p0 = 0;
        do { // once for k 0 too
            const uint kb = min(kc, kq - p0);
            struct sink to = { .c = c + cq, .part = part + cq, .n = n, .first = p0 == 0,
                               .last = p0 + kb == kq, .alpha = alpha, .beta = beta,
                               .row = (size_t) q * m };
            TAIL_SET
            global const float *const ap = aq + p0 * (size_t) as1;
            global const float *const bp =
                pack & SHARED ? scratch + shared + p0 * shared_width(n) : bq + p0 * (size_t) bs0;
            if (whole < i1)
                pack_a(panels, ap + whole * (size_t) as0, as0, as1, i1 - whole, kb);
            for (uint j = j0; j < j1; j += TN) {
                global const float *const from = bp + j * (size_t) (pack & SHARED ? kb : bs1);
                const uint columns = min(j1 - j, (uint) TN), nth = (j - j0) / TN % GROUP;
                // Behind the last column there may be no memory, so that panel is always packed.
                const bool packed_b = !(pack & SHARED) && (pack & PACK_B || columns < TN);
                if (packed_b && (nth == 0 || !(pack & PACK_B)))
                    pack_b(panel, from, bs0, bs1, min(j1 - j, (uint) GROUP * TN), kb,
                           (size_t) kc * TN);
                for (uint i = i0; i < i1; i += MR) {
                    const bool packed_a = i >= whole;
                    make_tile(&to, i, min(i1 - i, (uint) MR), j, columns,
                              packed_a ? panels + (size_t) (i - whole) * kb : ap + i * (size_t) as0,
                              packed_a ? 1 : as0, packed_a ? MR : as1,
                              !packed_b     ? from
                              : pack & PACK_B ? panel + nth * (size_t) kc * TN
                                            : panel,
                              packed_b || pack & SHARED ? TN : bs0, kb);
                }
            }
            p0 += kb;
        } while (p0 < kq);
    }
}
