// Element types and their facts.
#ifndef BELAY_TENSOR_DTYPE_H
#define BELAY_TENSOR_DTYPE_H

#include <belay/graph.h>

size_t belay_dtype_size(belay_dtype dtype);
const char *belay_dtype_name(belay_dtype dtype); // safetensors' names: "F32", "I64", "BOOL"
bool belay_dtype_parse(const char *name, belay_dtype *out);
bool belay_dtype_is_int(belay_dtype dtype); // BOOL included
// One element as double and back; F16 and BF16 round to nearest even. `p` needs no alignment.
double belay_dtype_load(belay_dtype dtype, const void *p);
void belay_dtype_store(belay_dtype dtype, void *p, double value);
// count elements from one type to another.
void belay_dtype_convert(belay_dtype from, const void *src, belay_dtype to, void *dst,
                         size_t count);

#endif
