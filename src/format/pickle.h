// A machine for the pickles that torch.save writes. It builds plain objects and executes nothing:
// of Python's names only those in a fixed table are known, each as a tag, all others end the
// reading. Nothing recurses, and nothing is allocated that the input did not pay for by its own
// bytes.
#ifndef BELAY_FORMAT_PICKLE_H
#define BELAY_FORMAT_PICKLE_H

#include "base/log.h"
#include "base/mem.h"
#include "format/pth_types.h"

#define BELAY_PICKLE_MAX_RANK 8

enum belay_pickle_kind {
    BELAY_PICKLE_NONE, BELAY_PICKLE_BOOL, BELAY_PICKLE_INT, BELAY_PICKLE_BIG, BELAY_PICKLE_FLOAT,
    BELAY_PICKLE_TEXT, BELAY_PICKLE_BYTES, BELAY_PICKLE_LIST, BELAY_PICKLE_TUPLE,
    BELAY_PICKLE_DICT, BELAY_PICKLE_NAME, BELAY_PICKLE_STORAGE, BELAY_PICKLE_TENSOR,
};
struct belay_pickle_object {
    enum belay_pickle_kind kind;
    bool boolean;
    int64_t integer;    // INT; STORAGE: where a view on it begins, in elements (old files)
    double number;      // FLOAT
    const char *text;   // TEXT: UTF-8; BYTES; BIG: little-endian two's complement
    size_t size;        // of text
    struct belay_pickle_object **items; // LIST, TUPLE; DICT: key, value, key, value, …
    size_t count, capacity;
    const struct belay_pickle_name *name; // NAME
    struct belay_pickle_storage *storage; // STORAGE
    struct belay_pickle_tensor *tensor;   // TENSOR
};
struct belay_pickle_storage {
    const char *key;      // without NUL or '/'
    const struct belay_pth_type *type; // of elements; NULL: bytes of any type
    uint64_t count;       // elements
    const char *data;     // for the caller to find
    uint64_t size;        // bytes
    struct belay_pickle_storage *next;
};
struct belay_pickle_tensor {
    struct belay_pickle_storage *storage;
    const struct belay_pth_type *type;
    int rank;
    uint64_t offset, dim[BELAY_PICKLE_MAX_RANK], stride[BELAY_PICKLE_MAX_RANK];
};

struct belay_pickle {
    struct belay_log *log;
    const char *file;                      // for messages
    struct belay_arena arena;              // of all objects
    struct belay_pickle_storage *storages; // the last one met first
    const char *text;
    size_t size, at; // at: where the pickle ended
    // The machine's own.
    struct belay_pickle_object **stack, **memo;
    size_t depth, stack_room, memo_room, memo_count;
    size_t *marks, num_marks, marks_room;
    size_t copied; // items and bytes that were copied, kept in proportion to the input
    struct belay_pickle_storage **table; // by key
    size_t table_room, num_storages;
};
// Reads one pickle from `text`; objects may point into it. `legacy`: persistent ids have six parts.
// BELAY_ERR_DAMAGED, or UNSUPPORTED for what is not a state dict's.
belay_status belay_pickle_read(struct belay_pickle *p, const char *text, size_t size, bool legacy,
                               struct belay_pickle_object **out);
struct belay_pickle_storage *belay_pickle_find_storage(struct belay_pickle *p, const char *key,
                                                       size_t size); // or NULL
void belay_pickle_finish(struct belay_pickle *p); // safe on zeroed

#endif
