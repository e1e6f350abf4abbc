// What is inside a safetensors file: models, checkpoints, weights from elsewhere.
#ifndef BELAY_FILE_H
#define BELAY_FILE_H

#include <belay/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct belay_file belay_file;

typedef struct belay_tensor_info {
    const char *name;  // of the file
    const char *dtype; // as the file has it: "F32"
    int rank;
    int64_t dim[8];
    uint64_t size; // bytes
} belay_tensor_info;

// Reads and checks a file, its digest too when it has one. *out is owned.
BELAY_API BELAY_MUST_CHECK belay_status belay_file_open(belay_ctx *ctx, const char *path,
                                                        belay_file **out);
BELAY_API void belay_file_close(belay_file **file);
// The tensor at `index`, in the order of the file; false past the last. Texts live with the file.
BELAY_API bool belay_file_tensor(const belay_file *file, size_t index, belay_tensor_info *out);
// The metadata at `index`; false past the last.
BELAY_API bool belay_file_meta(const belay_file *file, size_t index, const char **key,
                               const char **value);
// The bytes of the tensor at `index` as they are in the file, little-endian, maybe unaligned; NULL
// past the last. They live with the file.
BELAY_API const void *belay_file_bytes(const belay_file *file, size_t index);
// Elements first..first+count-1 of the tensor at `index` as numbers. False: there are not so many,
// or the type is one that only belay_file_bytes gives.
BELAY_API bool belay_file_values(const belay_file *file, size_t index, uint64_t first, size_t count,
                                 double *out);

#ifdef __cplusplus
}
#endif
#endif
