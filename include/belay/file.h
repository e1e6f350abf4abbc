// Files of named tensors: models, checkpoints, weights from and for elsewhere. Formats: safetensors,
// its shards (NAME.safetensors.index.json), PyTorch's .pth, NumPy's .npz.
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

// Reads and checks a file of any format, its digest too when it has one. Of a .pth only plain values
// are read, nothing in it is run: nested keys are joined by dots, numbers and texts are metadata.
// *out is owned.
BELAY_API BELAY_MUST_CHECK belay_status belay_file_open(belay_ctx *ctx, const char *path,
                                                        belay_file **out);
BELAY_API void belay_file_close(belay_file **file);
// The tensor at `index`, in the order of the file; false past the last. Texts live with the file.
BELAY_API bool belay_file_tensor(const belay_file *file, size_t index, belay_tensor_info *out);
// The metadata at `index`; false past the last.
BELAY_API bool belay_file_meta(const belay_file *file, size_t index, const char **key,
                               const char **value);
// An entry of a state that belay_file_save wrote, or of a .pth with such a dict; `state` and `name`
// may be NULL as there. *tensor is the index of a tensor, *value the text of a value; where it is
// the other they become SIZE_MAX and NULL. False: there is none.
BELAY_API bool belay_file_find(const belay_file *file, const char *state, const char *name,
                               size_t *tensor, const char **value);
// The bytes of the tensor at `index` as they are in the file, little-endian, maybe unaligned; NULL
// past the last. They live with the file.
BELAY_API const void *belay_file_bytes(const belay_file *file, size_t index);
// Elements first..first+count-1 of the tensor at `index` as numbers. False: there are not so many,
// or the type is one that only belay_file_bytes gives.
BELAY_API bool belay_file_values(const belay_file *file, size_t index, uint64_t first, size_t count,
                                 double *out);

// One entry: a tensor, or with `text` a value: a number, true, false or null as JSON has it, else a
// text.
typedef struct belay_file_entry {
    const char *name;  // NULL: the only entry of its state, which gives the name
    const char *dtype; // "F32"
    int rank;
    const int64_t *dim;
    const void *data;  // row-major, little-endian
    const char *text;  // NULL: a tensor
} belay_file_entry;

typedef struct belay_file_state {
    const char *name; // "model", "optimizer", "epoch"; NULL: entries stand at the top
    const belay_file_entry *entries;
    size_t count;
} belay_file_state;

typedef struct belay_file_params {
    const char *format;  // "safetensors", "shards", "pth", "npz"; NULL: by the path's suffix
    const char *dtype;   // "f16", "bf16", "f32": floating tensors become that; NULL: stay
    uint64_t shard_size; // bytes of tensors in one file of shards; 0: 5,000,000,000
    // Of a training checkpoint only the model's weights, without the state's name before theirs
    // (as belay_file_tensor lists a file with its metadata: states without names).
    bool weights_only;
    // "OLD=NEW": tensors whose name fits OLD, with '*' for any run of characters, are called NEW,
    // with the same runs for its stars. The first rule that fits counts; each must fit one.
    const char *const *rename;
    size_t num_rename;
    bool plain;          // tensors alone: no metadata and no digest
} belay_file_params;

// Writes states durably as one file. In .pth each named state is a dict of its own, so that Python
// does model.load_state_dict(torch.load(path)["model"]); in the others names are joined by dots.
// `params` may be NULL. Everything is borrowed.
BELAY_API BELAY_MUST_CHECK belay_status belay_file_save(belay_ctx *ctx, const char *path,
                                                        const belay_file_state *states, size_t num,
                                                        const belay_file_params *params);

#ifdef __cplusplus
}
#endif
#endif
