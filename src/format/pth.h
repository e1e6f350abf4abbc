// PyTorch's .pth files: state dicts and checkpoints of plain values, read without running anything
// (format/pickle.h), and written so that torch.load(weights_only=True) takes them.
#ifndef BELAY_FORMAT_PTH_H
#define BELAY_FORMAT_PTH_H

#include "format/safetensors.h"

// The whole file as named tensors: keys of nested dicts and places in lists are joined by dots,
// numbers, texts, booleans and None become metadata (JSON; a text as it is where it cannot be
// mistaken). BELAY_TREE_KEY holds the nesting where a flat dict would not do. Views are made
// contiguous; all others point into the file's bytes. Takes `bytes`, on failure too.
// BELAY_ERR_DAMAGED, or UNSUPPORTED for what holds more than plain values.
belay_status belay_pth_parse(struct belay_log *log, const char *name, char *bytes, size_t size,
                             struct belay_st *st);
bool belay_pth_is(const char *bytes, size_t size); // by the first bytes and the members' names

// Writes durably. Without BELAY_TREE_KEY in `meta` one flat dict of the tensors, without the
// metadata.
belay_status belay_pth_write(struct belay_log *log, const char *path,
                             const struct belay_st_item *items, size_t count,
                             const struct belay_st_meta_item *meta, size_t meta_count);

// JSON: a dict is an object, a list an array, a tuple {"()": […]}, a leaf null: a tensor or
// metadata by the joined name. Keys that were numbers begin with "#i"; "#t" goes before texts that
// begin with '#' or are "()".
#define BELAY_TREE_KEY "belay.tree"
#define BELAY_TREE_TUPLE "()"
#define BELAY_TREE_INT "#i"
#define BELAY_TREE_TEXT "#t"
#define BELAY_TREE_DEPTH 24

#endif
