// NumPy's .npz as a whole: one tensor for each member.
#ifndef BELAY_FORMAT_NPZ_H
#define BELAY_FORMAT_NPZ_H

#include "format/safetensors.h"

// Takes `bytes`, on failure too. BELAY_ERR_DAMAGED or UNSUPPORTED.
belay_status belay_npz_parse_all(struct belay_log *log, const char *name, char *bytes, size_t size,
                                 struct belay_st *st);
bool belay_npz_is(const char *bytes, size_t size); // an archive of .npy members alone
// Writes durably. UNSUPPORTED for types that NumPy has not (BF16).
belay_status belay_npz_write(struct belay_log *log, const char *path,
                             const struct belay_st_item *items, size_t count);

#endif
