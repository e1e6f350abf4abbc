// Host memory: one wrapper round malloc, so that tests can fail the k-th call, and checked sizes.
#ifndef BELAY_BASE_MEM_H
#define BELAY_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// All zeroed; NULL when memory is short or count * size overflows. Size 0 gives a valid pointer.
void *belay_alloc(size_t size);
void *belay_alloc_array(size_t count, size_t size);
// Grows or shrinks; new bytes are not zeroed. On NULL the old block stands.
void *belay_realloc_array(void *block, size_t count, size_t size);
char *belay_strdup(const char *text);
char *belay_strndup(const char *text, size_t length);
void belay_free(void *block); // safe on NULL

// Aligned to 64 bytes, zeroed; freed by belay_free_aligned.
void *belay_alloc_aligned(size_t size);
void belay_free_aligned(void *block);

// False on overflow; *out is then untouched.
bool belay_mul_size(size_t a, size_t b, size_t *out);
bool belay_add_size(size_t a, size_t b, size_t *out);

// Tests: the n-th allocation from now fails (n = 0: the next), and all after it if `forever`;
// negative switches off. belay_alloc_count counts calls since the start.
void belay_alloc_fail_at(int64_t n, bool forever);
int64_t belay_alloc_count(void);

// Doubles capacity when full. For `T *items; size_t count, capacity`.
// Returns false when memory is short (items untouched).
bool belay_grow(void **items, size_t count, size_t *capacity, size_t item_size);

// A bump allocator: everything is freed at once. Memory is zeroed.
struct belay_arena {
    struct belay_arena_block *head;
};
void *belay_arena_alloc(struct belay_arena *arena, size_t size);
void *belay_arena_array(struct belay_arena *arena, size_t count, size_t size);
char *belay_arena_strdup(struct belay_arena *arena, const char *text);
void belay_arena_free(struct belay_arena *arena);
// All blocks of `from` live and end with `to` from now on; `from` is empty after.
void belay_arena_join(struct belay_arena *to, struct belay_arena *from);

#endif
