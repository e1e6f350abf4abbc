// Python's names that a state dict needs: all others are refused.
#include <stdio.h>
#include <string.h>

#include "format/pickle_machine.h"

#define NAME_SHOWN 100

static const struct known {
    const char *module, *name;
    struct belay_pickle_name value;
} known[] = {
    { "collections", "OrderedDict", { BELAY_TAG_DICT, NULL } },
    { "collections", "Counter", { BELAY_TAG_DICT, NULL } },
    { "torch", "Size", { BELAY_TAG_LIST, NULL } },
    { "__builtin__", "set", { BELAY_TAG_LIST, NULL } },
    { "builtins", "set", { BELAY_TAG_LIST, NULL } },
    { "__builtin__", "bytearray", { BELAY_TAG_BYTES, NULL } },
    { "builtins", "bytearray", { BELAY_TAG_BYTES, NULL } },
    { "_codecs", "encode", { BELAY_TAG_ENCODE, NULL } },
    { "torch", "device", { BELAY_TAG_DEVICE, NULL } },
    { "torch._utils", "_rebuild_tensor", { BELAY_TAG_TENSOR, NULL } },
    { "torch._utils", "_rebuild_tensor_v2", { BELAY_TAG_TENSOR, NULL } },
    { "torch._utils", "_rebuild_tensor_v3", { BELAY_TAG_TENSOR_V3, NULL } },
    { "torch._utils", "_rebuild_parameter", { BELAY_TAG_PARAMETER, NULL } },
    { "torch._utils", "_rebuild_parameter_with_state", { BELAY_TAG_PARAMETER, NULL } },
    { "torch.storage", "UntypedStorage", { BELAY_TAG_STORAGE, NULL } },
};

bool belay_pickle_is(const char *name, const char *text, size_t size)
{
    return strlen(name) == size && memcmp(name, text, size) == 0;
}

static belay_status make_name(struct belay_pickle *p, const struct belay_pickle_name *value,
                              struct belay_pickle_object **out)
{
    struct belay_pickle_name *copy = belay_arena_alloc(&p->arena, sizeof(*copy));

    if (!copy)
        return belay_fail_nomem(p->log, sizeof(*copy));
    *copy = *value;
    BELAY_TRY(belay_pickle_new(p, BELAY_PICKLE_NAME, out));
    (*out)->name = copy;
    return BELAY_OK;
}

// Printable ASCII of a name from the file.
static const char *shown(char out[NAME_SHOWN + 1], const char *text, size_t size)
{
    size_t n = 0;
    for (; n < size && n < NAME_SHOWN; n++)
        out[n] = text[n] >= 0x20 && text[n] < 0x7F ? text[n] : '?';
    out[n] = '\0';
    return out;
}

belay_status belay_pickle_find_name(struct belay_pickle *p, const char *module, size_t module_size,
                                    const char *name, size_t name_size,
                                    struct belay_pickle_object **out)
{
    char a[NAME_SHOWN + 1], b[NAME_SHOWN + 1];
    struct belay_pickle_name value = { BELAY_TAG_STORAGE, NULL };
    bool torch = belay_pickle_is("torch", module, module_size);

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (belay_pickle_is(known[i].module, module, module_size) &&
            belay_pickle_is(known[i].name, name, name_size))
            return make_name(p, &known[i].value, out);
    if (torch || belay_pickle_is("torch.cuda", module, module_size))
        value.type = belay_pth_type_by_storage(name, name_size);
    if (value.type)
        return make_name(p, &value, out);
    value.tag = BELAY_TAG_DTYPE;
    if (torch)
        value.type = belay_pth_type_by_torch(name, name_size);
    if (value.type)
        return make_name(p, &value, out);
    return belay_pickle_refuse(
        p,
        "names %s.%s, and no code in a file is ever run. Only state dicts and plain values can be "
        "read; of a whole pickled model save the state dict: "
        "torch.save(model.state_dict(), \"model.pth\")",
        shown(a, module, module_size), shown(b, name, name_size));
}
