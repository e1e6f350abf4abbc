// IDX files (MNIST's format), plain or gzipped.
#ifndef BELAY_FORMAT_IDX_H
#define BELAY_FORMAT_IDX_H

#include "tensor/tensor.h"

// Reads a file, by its content gzipped or not. Elements come in the machine's order.
// BELAY_ERR_DATA names what was found and wanted.
belay_status belay_idx_read(struct belay_log *log, const char *path, struct belay_tensor *out);
belay_status belay_idx_parse(struct belay_log *log, const char *name, const char *bytes,
                             size_t size, struct belay_tensor *out);

#endif
