// How a product is done on a CPU: tile shapes as data, and the choice as a pure function.
#include <stdio.h>
#include <string.h>

#include "device/opencl/gemm_cpu.h"

// Tile shapes by vector width, the usual one first: as many sums as there are registers, less those
// for the operands (16 registers on AVX2, 32 on AVX-512 and NEON). Tiles of one or two rows are for
// vectors and a few rows.
struct tile {
    cl_uint width, rows, vectors;
};
static const struct tile tiles[] = {
    { 16, 12, 2 }, { 16, 8, 3 }, { 16, 14, 2 }, { 16, 4, 4 }, { 16, 1, 8 }, { 16, 2, 8 },
    { 8, 6, 2 },   { 8, 4, 3 },  { 8, 12, 1 },  { 8, 3, 4 },  { 8, 1, 8 },  { 8, 2, 4 },
    { 4, 6, 4 },   { 4, 8, 2 },  { 4, 4, 4 },   { 4, 1, 8 },  { 4, 2, 8 },
};
static const struct tile dots[] = {
    { 16, 6, 4 }, { 16, 1, 4 }, { 8, 4, 3 }, { 8, 1, 4 }, { 4, 4, 4 }, { 4, 1, 4 },
};

cl_uint belay_cpu_width(const struct belay_profile *profile)
{
    const cl_uint w = profile->float_width;
    return w >= 16 ? 16 : w >= 8 ? 8 : 4;
}

static bool has_tile(const struct tile *list, size_t count, cl_uint width, cl_uint rows,
                     cl_uint vectors)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].width == width && list[i].rows == rows && list[i].vectors == vectors)
            return true;
    return false;
}

// The first tile of a width that has no more rows than there are; programs are few because only
// the first one and those of one and two rows are chosen untuned.
static struct tile tile_for(const struct tile *list, size_t count, cl_uint width, int64_t rows)
{
    struct tile best = { 0 };
    for (size_t i = 0; i < count; i++)
        if (list[i].width == width && (best.rows == 0 || (rows <= 2 && list[i].rows <= rows)))
            best = list[i];
    return best;
}

#define SHARED_ROWS 96 // of a block, where all share B
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

// Dot products read both operands as they lie; worth it while few rows would share a copy of B.
static enum belay_cpu_form form_of(const struct belay_gemm *g)
{
    return g->tb && !g->ta && g->m < 8 ? BELAY_CPU_DOT : BELAY_CPU_TILES;
}

// Whether a copy of B is made once, by a kernel of its own: where several blocks of rows use it.
static bool shares(const struct belay_gemm *g)
{
    return g->batch_rank == 0 && g->m >= 2 * SHARED_ROWS &&
           (double) g->m * (double) g->n * (double) g->k >= 4e6 && belay_cpu_splits(g) == 1;
}

// Blocks of a shared B: a panel of it and one of A fill half of the nearest cache, a block of A
// half of the next one.
static void share(const struct belay_gemm *g, struct belay_cpu_choice *c)
{
    c->share_b = true;
    c->pack_a = g->n >= 256;
    c->kc = 512;
    c->mc = SHARED_ROWS;
}

void belay_cpu_default(const struct belay_profile *profile, const struct belay_gemm *g,
                       struct belay_cpu_choice *out)
{
    const cl_uint width = belay_cpu_width(profile);
    const bool dot = form_of(g) == BELAY_CPU_DOT;
    const struct tile t = dot ? tile_for(dots, COUNT(dots), width, g->m)
                              : tile_for(tiles, COUNT(tiles), width, g->m);
    *out = (struct belay_cpu_choice){ .form = form_of(g), .rows = t.rows, .vectors = t.vectors,
                                      .kc = 320, .mc = 192, .items = 4 };
    if (dot)
        return;
    if (shares(g)) {
        share(g, out);
        return;
    }
    out->pack_b = g->tb || g->m > 2 * t.rows;
    out->pack_a = g->n >= 512 && g->m * g->k >= 1 << 18;
}

// ---- Work-items ----

// `size` in blocks of whole tiles, at most `blocks` of them.
static cl_uint block_of(int64_t size, cl_uint tile, int64_t blocks)
{
    const int64_t in_tiles = ceil_div(size, tile);
    return (cl_uint) (ceil_div(in_tiles, blocks < 1 ? 1 : blocks) * tile);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

// One for each unit as soon as that pays at all; more of them, so that none waits long for the last
// one, while each is long beside its launch.
static int64_t count_items(int64_t units, int64_t items, double flops)
{
    const int64_t few = least(units, 1 + (int64_t) (flops / 1e5));
    return most(few, least(units * items, 1 + (int64_t) (flops / 1.5e6)));
}

// How many blocks along m and n. Items should be alike and many enough for all compute units, but
// each worth its launch.
static void count_blocks(const struct belay_profile *profile, const struct belay_gemm *g,
                         uint64_t batches, const struct belay_cpu_choice *c, int64_t columns,
                         int64_t blocks[2])
{
    const int64_t units = profile->compute_units ? profile->compute_units : 1;
    const int64_t row_tiles = ceil_div(g->m, c->rows), column_tiles = ceil_div(g->n, columns);
    const double flops = 2.0 * (double) g->m * (double) g->n * (double) g->k;
    const int64_t want = ceil_div(count_items(units, c->items, flops * (double) batches),
                                  (int64_t) batches);
    blocks[1] = c->mc ? ceil_div(g->m, c->mc) : 1; // tuned names of dot forms have none
    if (c->share_b) // nothing is lost by many rows of blocks
        blocks[1] = least(row_tiles, most(blocks[1], want));
    blocks[0] = least(column_tiles, ceil_div(want, blocks[1]));
    if (blocks[0] > 1 && column_tiles > 2 * units)
        blocks[0] = ceil_div(blocks[0], units) * units;
    if (blocks[0] * blocks[1] < want)
        blocks[1] = least(row_tiles, ceil_div(want, blocks[0]));
    // A few large blocks: as many for each unit.
    if (blocks[0] % units != 0 && blocks[0] * blocks[1] < 16 * units && row_tiles > 8 * units)
        blocks[1] = ceil_div(blocks[1], units) * units;
}

cl_uint belay_cpu_splits(const struct belay_gemm *g)
{
    const int64_t squares = ceil_div(g->m, 16) * ceil_div(g->n, 16);
    if (g->batch_rank > 0 || squares >= 16 || g->k < 2048)
        return 1;
    return (cl_uint) least(ceil_div(32, squares), g->k / 512);
}

void belay_cpu_range_of(const struct belay_profile *profile, const struct belay_gemm *g,
                        uint64_t batches, const struct belay_cpu_choice *c,
                        struct belay_cpu_range *out)
{
    const cl_uint columns =
        c->form == BELAY_CPU_DOT ? c->vectors : c->vectors * belay_cpu_width(profile);
    const uint64_t enough = (uint64_t) profile->compute_units * 8;
    int64_t blocks[2];
    count_blocks(profile, g, batches, c, columns, blocks);
    *out = (struct belay_cpu_range){ .mb = block_of(g->m, c->rows, blocks[1]),
                                     .nb = block_of(g->n, columns, blocks[0]) };
    out->blocks[0] = (size_t) ceil_div(g->n, out->nb);
    out->blocks[1] = (size_t) ceil_div(g->m, out->mb);
    // Not more items than needed share the scratch.
    out->blocks[2] = (size_t) (batches < enough ? batches : enough);
    out->columns = columns;
    out->panels = (size_t) ceil_div(g->n, columns);
    if (c->form == BELAY_CPU_DOT)
        return;
    // Blocks along k are alike, in eights so that transposing goes in squares.
    out->kc = (cl_uint) (ceil_div(ceil_div(g->k, ceil_div(g->k > 0 ? g->k : 1, c->kc)), 8) * 8);
    const size_t rows = c->pack_a ? out->mb : c->rows;
    const size_t panels = c->share_b ? 0 : BELAY_CPU_GROUP;
    out->room = (columns * panels + rows) * out->kc;
    out->room = (out->room + 31) / 32 * 32;
}

// ---- Names ----

void belay_cpu_name(const struct belay_cpu_choice *c, char out[BELAY_CL_CHOICE_TEXT])
{
    if (c->form == BELAY_CPU_DOT)
        snprintf(out, BELAY_CL_CHOICE_TEXT, "dot %ux%u i%u", (unsigned) c->rows,
                 (unsigned) c->vectors, (unsigned) c->items);
    else
        snprintf(out, BELAY_CL_CHOICE_TEXT, "%ux%u %s%s k%u m%u i%u", (unsigned) c->rows,
                 (unsigned) c->vectors, c->pack_a ? "a" : "",
                 c->share_b ? "s" : c->pack_b ? "b" : c->pack_a ? "" : "-", (unsigned) c->kc,
                 (unsigned) c->mc, (unsigned) c->items);
}

bool belay_cpu_parse(const struct belay_profile *profile, const char *name,
                     struct belay_cpu_choice *out)
{
    char again[BELAY_CL_CHOICE_TEXT], pack[4] = "";
    unsigned rows, vectors, kc = 0, mc = 0, items;
    const bool dot = strncmp(name, "dot ", 4) == 0;
    if (dot ? sscanf(name, "dot %ux%u i%u", &rows, &vectors, &items) != 3
            : sscanf(name, "%ux%u %3s k%u m%u i%u", &rows, &vectors, pack, &kc, &mc, &items) != 6)
        return false;
    const struct belay_cpu_choice c = {
        dot ? BELAY_CPU_DOT : BELAY_CPU_TILES, rows, vectors, pack[0] == 'a',
        strchr(pack, 'b') != NULL, strchr(pack, 's') != NULL, kc, mc, items };
    belay_cpu_name(&c, again);
    if (strcmp(again, name) != 0 || items < 1 || items > 64 ||
        !has_tile(dot ? dots : tiles, dot ? COUNT(dots) : COUNT(tiles), belay_cpu_width(profile), rows,
                  vectors))
        return false;
    if (!dot && (kc < 8 || kc > 1 << 16 || mc < 1 || mc > 1 << 20))
        return false;
    *out = c;
    return true;
}

// ---- Candidates ----

struct candidates {
    struct belay_cpu_choice *list;
    size_t count, most;
};

static void add(struct candidates *s, const struct belay_cpu_choice *c)
{
    for (size_t i = 0; i < s->count; i++)
        if (memcmp(&s->list[i], c, sizeof(*c)) == 0)
            return;
    if (s->count < s->most)
        s->list[s->count++] = *c;
}

// Variations of one choice, in the order in which they are likely to pay.
static void vary(struct candidates *s, const struct belay_gemm *g,
                 const struct belay_cpu_choice *from)
{
    static const cl_uint kcs[] = { 192, 320, 512 }, mcs[] = { 96, 192, 384 }, items[] = { 1, 2, 8 };
    struct belay_cpu_choice c = *from;
    c.pack_a = !from->pack_a;
    add(s, &c);
    c = *from;
    c.share_b = !from->share_b;
    c.pack_b = from->share_b;
    add(s, &c);
    c = *from;
    c.share_b = false;
    c.pack_b = !from->pack_b || g->tb;
    add(s, &c);
    for (size_t i = 0; i < COUNT(items); i++) {
        c = *from;
        c.items = items[i];
        add(s, &c);
    }
    for (size_t i = 0; i < COUNT(kcs) && g->k > 192; i++) {
        c = *from;
        c.kc = kcs[i];
        add(s, &c);
    }
    for (size_t i = 0; i < COUNT(mcs) && g->m > 96; i++) {
        c = *from;
        c.mc = mcs[i];
        add(s, &c);
    }
}

size_t belay_cpu_candidates(const struct belay_profile *profile, const struct belay_gemm *g,
                            struct belay_cpu_choice *out, size_t most)
{
    struct candidates s = { out, 0, most };
    struct belay_cpu_choice usual, c;
    const cl_uint width = belay_cpu_width(profile);
    belay_cpu_default(profile, g, &usual);
    add(&s, &usual);
    const bool dot = usual.form == BELAY_CPU_DOT;
    for (size_t i = 0; i < (dot ? COUNT(dots) : COUNT(tiles)); i++) {
        const struct tile *t = dot ? &dots[i] : &tiles[i];
        c = usual;
        c.rows = t->rows;
        c.vectors = t->vectors;
        if (t->width == width && (int64_t) t->rows < g->m + 8 && 8 * (int64_t) t->rows > g->m / 64)
            add(&s, &c);
    }
    if (dot)
        return s.count;
    vary(&s, g, &usual);
    return s.count;
}
