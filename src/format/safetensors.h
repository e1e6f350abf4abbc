// safetensors: reading (stricter than the reference) and writing (byte-identical to the reference
// writer for the same content).
#ifndef BELAY_FORMAT_SAFETENSORS_H
#define BELAY_FORMAT_SAFETENSORS_H

#include "base/file.h"
#include "base/mem.h"
#include "tensor/tensor.h"

struct belay_st_entry {
    const char *name;
    bool known;              // dtype is one of ours (else only inspect shows it)
    belay_dtype dtype;
    const char *dtype_name;
    struct belay_shape shape;
    const void *data;        // into the file's bytes; maybe unaligned
    size_t size;             // bytes
};
struct belay_st {
    struct belay_arena arena;
    char *bytes;             // the whole file, owned
    size_t size;
    struct belay_st_entry *entries; // sorted by position in the file
    size_t count;
    const char **meta_keys, **meta_values; // __metadata__
    size_t meta_count;
    struct belay_st *parts;  // files that this one is made of (shards), or NULL; owned
    size_t num_parts;
    const char *error_name;  // on failure: the stable name of the cases ("E_HDR_SHORT")
};
// Reads and checks a file; with "belay.digest" in the metadata (see the writer) the digest is
// verified too. BELAY_ERR_DAMAGED or BELAY_ERR_IO.
belay_status belay_st_read(struct belay_log *log, const char *path, struct belay_st *st);
// From memory: takes `bytes` (belay_free), on failure too.
belay_status belay_st_parse(struct belay_log *log, const char *name, char *bytes, size_t size,
                            struct belay_st *st);
void belay_st_finish(struct belay_st *st); // safe on zeroed
const struct belay_st_entry *belay_st_find(const struct belay_st *st, const char *name);
const char *belay_st_meta(const struct belay_st *st, const char *key); // or NULL
// Copies a tensor as F32 (converting float types and integers).
belay_status belay_st_load(struct belay_log *log, const struct belay_st_entry *entry,
                           struct belay_tensor *out, belay_dtype as);

struct belay_st_item { // borrowed
    const char *name;
    belay_dtype dtype;
    struct belay_shape shape;
    const void *data;
};
// A type that is not ours, for an item's dtype: "F8_E4M3". BELAY_DTYPE_COUNT: no such type.
belay_dtype belay_st_other_type(const char *name);
const char *belay_st_item_type(const struct belay_st_item *item); // "F32"
size_t belay_st_item_size(const struct belay_st_item *item);      // bytes
struct belay_st_meta_item {
    const char *key, *value;
};
// Writes durably (belay_commit). Order: dtype alignment descending, then name; header padded with
// spaces to 8. With `digest` the metadata gets "belay.digest": XXH3-128 hex over the header with
// that value as 32 zeros, then the data; and "belay.digests", a JSON object of each tensor's own,
// by which a reader names the damaged one. `digest_out` may be NULL. `what` for a file digest.
belay_status belay_st_write(struct belay_log *log, const char *path,
                            const struct belay_st_item *items, size_t count,
                            const struct belay_st_meta_item *meta, size_t meta_count, bool digest,
                            char digest_out[33]);

#endif
