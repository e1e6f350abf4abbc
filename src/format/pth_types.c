#include "format/pth_types.h"

#include <string.h>

const struct belay_pth_type belay_pth_types[] = {
    { "FloatStorage", "float32", "F32", 4, 4 },
    { "DoubleStorage", "float64", "F64", 8, 8 },
    { "HalfStorage", "float16", "F16", 2, 2 },
    { "BFloat16Storage", "bfloat16", "BF16", 2, 2 },
    { "LongStorage", "int64", "I64", 8, 8 },
    { "IntStorage", "int32", "I32", 4, 4 },
    { "ShortStorage", "int16", "I16", 2, 2 },
    { "CharStorage", "int8", "I8", 1, 1 },
    { "ByteStorage", "uint8", "U8", 1, 1 },
    { "BoolStorage", "bool", "BOOL", 1, 1 },
    { "ComplexFloatStorage", "complex64", "C64", 8, 4 },
    { "ComplexDoubleStorage", "complex128", NULL, 16, 8 },
    { NULL, "complex32", NULL, 4, 2 },
    { NULL, "uint16", "U16", 2, 2 },
    { NULL, "uint32", "U32", 4, 4 },
    { NULL, "uint64", "U64", 8, 8 },
    { NULL, "float8_e4m3fn", "F8_E4M3", 1, 1 },
    { NULL, "float8_e5m2", "F8_E5M2", 1, 1 },
    { NULL, "float8_e8m0fnu", "F8_E8M0", 1, 1 },
    { NULL, "float8_e4m3fnuz", "F8_E4M3FNUZ", 1, 1 },
    { NULL, "float8_e5m2fnuz", "F8_E5M2FNUZ", 1, 1 },
    { NULL, NULL, NULL, 0, 0 },
};

static int equals(const char *name, const char *text, size_t length)
{
    return name && strlen(name) == length && memcmp(name, text, length) == 0;
}

const struct belay_pth_type *belay_pth_type_by_storage(const char *storage, size_t length)
{
    for (const struct belay_pth_type *t = belay_pth_types; t->torch; t++)
        if (equals(t->storage, storage, length))
            return t;
    return NULL;
}

const struct belay_pth_type *belay_pth_type_by_torch(const char *torch, size_t length)
{
    for (const struct belay_pth_type *t = belay_pth_types; t->torch; t++)
        if (equals(t->torch, torch, length))
            return t;
    return NULL;
}

const struct belay_pth_type *belay_pth_type_by_name(const char *name)
{
    for (const struct belay_pth_type *t = belay_pth_types; t->torch; t++)
        if (t->name && strcmp(t->name, name) == 0)
            return t;
    return NULL;
}
