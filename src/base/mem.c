#define _DEFAULT_SOURCE // madvise
#include "base/mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT 64

static _Atomic int64_t calls;
static _Atomic int64_t fail_at = -1; // the call's number since the start
static _Atomic bool fail_forever;

static bool must_fail(void)
{
    int64_t call = atomic_fetch_add(&calls, 1);
    int64_t at = atomic_load_explicit(&fail_at, memory_order_relaxed);
    if (at < 0)
        return false;
    return call == at || (call > at && atomic_load(&fail_forever));
}

void belay_alloc_fail_at(int64_t n, bool forever)
{
    atomic_store(&fail_forever, forever);
    atomic_store(&fail_at, n < 0 ? -1 : atomic_load(&calls) + n);
}

int64_t belay_alloc_count(void)
{
    return atomic_load(&calls);
}

bool belay_mul_size(size_t a, size_t b, size_t *out)
{
    if (b && a > SIZE_MAX / b)
        return false;
    *out = a * b;
    return true;
}

bool belay_add_size(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b)
        return false;
    *out = a + b;
    return true;
}

// Large blocks in large pages: the first touch of 47 MB costs a third then.
static void advise(char *block, size_t size)
{
#ifdef MADV_HUGEPAGE
    const uintptr_t page = 4096, least = (uintptr_t) 8 << 20;
    const uintptr_t from = ((uintptr_t) block + page - 1) / page * page;
    if (size >= least)
        (void) madvise((void *) from, (size - page) / page * page, MADV_HUGEPAGE);
#else
    (void) block;
    (void) size;
#endif
}

void *belay_alloc(size_t size)
{
    if (must_fail() || size > PTRDIFF_MAX)
        return NULL;
    void *block = calloc(1, size ? size : 1);
    if (block)
        advise(block, size);
    return block;
}

void *belay_alloc_array(size_t count, size_t size)
{
    size_t total;
    return belay_mul_size(count, size, &total) ? belay_alloc(total) : NULL;
}

void *belay_realloc_array(void *block, size_t count, size_t size)
{
    size_t total;
    if (!belay_mul_size(count, size, &total) || total > PTRDIFF_MAX || must_fail())
        return NULL;
    return realloc(block, total ? total : 1);
}

char *belay_strndup(const char *text, size_t length)
{
    size_t total;
    char *copy;

    length = strnlen(text, length);
    if (!belay_add_size(length, 1, &total))
        return NULL;
    copy = belay_alloc(total);
    if (copy)
        memcpy(copy, text, length);
    return copy;
}

char *belay_strdup(const char *text)
{
    return belay_strndup(text, strlen(text));
}

void belay_free(void *block)
{
    free(block);
}

// From calloc, since large blocks of it are zero without being touched. Before what is given out stands
// where the block begins.
void *belay_alloc_aligned(size_t size)
{
    size_t total;
    char *block;

    if (must_fail() || size > PTRDIFF_MAX || !belay_add_size(size, 2 * ALIGNMENT, &total))
        return NULL;
    block = calloc(1, total);
    if (!block)
        return NULL;
    advise(block, total);
    char *given = block + ALIGNMENT + (ALIGNMENT - (uintptr_t) block % ALIGNMENT) % ALIGNMENT;
    memcpy(given - sizeof(block), &block, sizeof(block));
    return given;
}

void belay_free_aligned(void *block)
{
    if (block)
        free(*(void **) ((char *) block - sizeof(void *)));
}

bool belay_grow(void **items, size_t count, size_t *capacity, size_t item_size)
{
    size_t wanted;
    void *grown;

    if (count < *capacity)
        return true;
    if (!belay_mul_size(*capacity ? *capacity : 4, 2, &wanted))
        return false;
    grown = belay_realloc_array(*items, wanted, item_size);
    if (!grown)
        return false;
    *items = grown;
    *capacity = wanted;
    return true;
}
