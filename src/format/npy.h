// NumPy's .npy and .npz (stored or deflated).
#ifndef BELAY_FORMAT_NPY_H
#define BELAY_FORMAT_NPY_H

#include "tensor/tensor.h"

belay_status belay_npy_read(struct belay_log *log, const char *path, struct belay_tensor *out);
belay_status belay_npy_parse(struct belay_log *log, const char *name, const char *bytes,
                             size_t size, struct belay_tensor *out);
// "f4" for "F32"; NULL for types that NumPy has not.
const char *belay_npy_descr(const char *dtype);
// `member` without ".npy"; NULL: the only one.
belay_status belay_npz_read(struct belay_log *log, const char *path, const char *member,
                            struct belay_tensor *out);
belay_status belay_npz_parse(struct belay_log *log, const char *name, const char *bytes,
                             size_t size, const char *member, struct belay_tensor *out);

#endif
