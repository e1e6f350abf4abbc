#include "base/mem.h"

#include <stdalign.h>
#include <string.h>

#define BLOCK_SIZE (16 * 1024)
#define ARENA_ALIGN 16

struct belay_arena_block {
    struct belay_arena_block *next;
    size_t used, size;
    alignas(ARENA_ALIGN) unsigned char bytes[];
};

static struct belay_arena_block *block_create(size_t size)
{
    size_t total;
    struct belay_arena_block *block;

    if (!belay_add_size(size, sizeof(*block), &total))
        return NULL;
    block = belay_alloc(total);
    if (block)
        block->size = size;
    return block;
}

// Large requests get a block of their own behind the head, so that the head is not wasted.
static void *alloc_large(struct belay_arena *arena, size_t size)
{
    struct belay_arena_block *block = block_create(size);
    if (!block)
        return NULL;
    block->used = size;
    if (arena->head) {
        block->next = arena->head->next;
        arena->head->next = block;
    } else {
        arena->head = block;
    }
    return block->bytes;
}

void *belay_arena_alloc(struct belay_arena *arena, size_t size)
{
    struct belay_arena_block *block = arena->head;

    if (!belay_add_size(size ? size : 1, ARENA_ALIGN - 1, &size))
        return NULL;
    size = size / ARENA_ALIGN * ARENA_ALIGN;
    if (size > BLOCK_SIZE / 4)
        return alloc_large(arena, size);
    if (!block || block->size - block->used < size) {
        block = block_create(BLOCK_SIZE);
        if (!block)
            return NULL;
        block->next = arena->head;
        arena->head = block;
    }
    void *out = block->bytes + block->used;
    block->used += size;
    return out;
}

void *belay_arena_array(struct belay_arena *arena, size_t count, size_t size)
{
    size_t total;
    return belay_mul_size(count, size, &total) ? belay_arena_alloc(arena, total) : NULL;
}

char *belay_arena_strdup(struct belay_arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = belay_arena_alloc(arena, size);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

void belay_arena_free(struct belay_arena *arena)
{
    struct belay_arena_block *block = arena->head;
    while (block) {
        struct belay_arena_block *next = block->next;
        belay_free(block);
        block = next;
    }
    arena->head = NULL;
}

void belay_arena_join(struct belay_arena *to, struct belay_arena *from)
{
    struct belay_arena_block **last = &to->head;
    while (*last)
        last = &(*last)->next;
    *last = from->head;
    from->head = NULL;
}
