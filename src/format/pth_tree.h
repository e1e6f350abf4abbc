// From the objects of a pickle to named tensors and metadata.
#ifndef BELAY_FORMAT_PTH_TREE_H
#define BELAY_FORMAT_PTH_TREE_H

#include "format/pickle.h"
#include "format/pth.h"

// Fills st->entries and st->meta_*; storages have their data. `swap`: elements are in the other
// byte order.
belay_status belay_pth_flatten(struct belay_pickle *p, const struct belay_pickle_object *root,
                               bool swap, struct belay_st *st);

#endif
