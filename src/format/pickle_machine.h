// Inside of the pickle reader: pickle.c runs opcodes, pickle_names.c knows the names that are
// allowed, pickle_reduce.c what calling them makes, pickle_storage.c what persistent ids stand for.
#ifndef BELAY_FORMAT_PICKLE_MACHINE_H
#define BELAY_FORMAT_PICKLE_MACHINE_H

#include "format/pickle.h"

enum belay_pickle_tag {
    BELAY_TAG_DICT,      // OrderedDict, Counter
    BELAY_TAG_LIST,      // set, Size
    BELAY_TAG_TENSOR,    // _rebuild_tensor and _v2
    BELAY_TAG_TENSOR_V3, // with a dtype behind
    BELAY_TAG_PARAMETER, // whose first argument is the tensor
    BELAY_TAG_DEVICE,
    BELAY_TAG_ENCODE, // a text to bytes
    BELAY_TAG_BYTES,  // bytearray
    BELAY_TAG_STORAGE,
    BELAY_TAG_DTYPE,
};
struct belay_pickle_name {
    enum belay_pickle_tag tag;
    const struct belay_pth_type *type; // STORAGE (NULL: untyped), DTYPE
};

belay_status belay_pickle_damaged(const struct belay_pickle *p, const char *format, ...)
    BELAY_PRINTF(2, 3);
belay_status belay_pickle_refuse(const struct belay_pickle *p, const char *format, ...)
    BELAY_PRINTF(2, 3);
belay_status belay_pickle_new(struct belay_pickle *p, enum belay_pickle_kind kind,
                              struct belay_pickle_object **out);
// Accounts for a copy of `count` items or bytes: shared objects must not multiply in memory.
belay_status belay_pickle_pay(struct belay_pickle *p, size_t count);
belay_status belay_pickle_append(struct belay_pickle *p, struct belay_pickle_object *to,
                                 struct belay_pickle_object *item);

bool belay_pickle_is(const char *name, const char *text, size_t size); // the same text
// Argument `i`, if there is one and it is of that kind; else NULL.
const struct belay_pickle_object *belay_pickle_arg(const struct belay_pickle_object *args, size_t i,
                                                   enum belay_pickle_kind kind);
// A name of Python's to an object of kind NAME, or the refusal.
belay_status belay_pickle_find_name(struct belay_pickle *p, const char *module, size_t module_size,
                                    const char *name, size_t name_size,
                                    struct belay_pickle_object **out);
// What calling `callable` with the tuple `args` would make.
belay_status belay_pickle_reduce(struct belay_pickle *p, const struct belay_pickle_object *callable,
                                 const struct belay_pickle_object *args,
                                 struct belay_pickle_object **out);
// What a persistent id stands for: a storage.
belay_status belay_pickle_persistent(struct belay_pickle *p, const struct belay_pickle_object *id,
                                     bool legacy, struct belay_pickle_object **out);

#endif
