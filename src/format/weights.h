// Files of named tensors in any of the formats of one table: safetensors, .pth, .npz, shards.
#ifndef BELAY_FORMAT_WEIGHTS_H
#define BELAY_FORMAT_WEIGHTS_H

#include "format/safetensors.h"

struct belay_weights { // what is written; borrowed
    const struct belay_st_item *items;
    const struct belay_st_meta_item *meta;
    size_t count, meta_count;
    bool digest;         // safetensors: "belay.digest" in the metadata
    uint64_t shard_size; // bytes of data in one shard; 0: 5 GB
};
// A format is one of these in its own file and a line in weights_list.h.
struct belay_weights_format {
    const char *name;
    const char *suffixes[5]; // the first is the usual one
    bool meta;               // metadata is kept (not only with a tree)
    // By the bytes alone; NULL: only the suffix tells. Must be certain.
    bool (*is)(const char *bytes, size_t size);
    // Takes `bytes`, on failure too; `path` also tells the folder.
    belay_status (*parse)(struct belay_log *log, const char *path, char *bytes, size_t size,
                          struct belay_st *st);
    belay_status (*write)(struct belay_log *log, const char *path, const struct belay_weights *w);
};
extern const struct belay_weights_format *const belay_weights_formats[]; // NULL last
// By its name, or by the longest suffix of a path; NULL: none.
const struct belay_weights_format *belay_weights_format_named(const char *name);
const struct belay_weights_format *belay_weights_format_of(const char *path);

// Reads and checks a file of any format, told by its content, then by its suffix.
belay_status belay_weights_read(struct belay_log *log, const char *path, struct belay_st *st);
belay_status belay_weights_write(struct belay_log *log, const char *path,
                                 const struct belay_weights_format *format,
                                 const struct belay_weights *w);
// In a training checkpoint the weights are one of several states: what its names begin with
// ("model_state_dict."), else "". `tree` is the metadata BELAY_TREE_KEY or NULL. Static.
const char *belay_weights_prefix(const char *tree);

#endif
