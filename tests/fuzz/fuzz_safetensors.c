#include "fuzz.h"

#include "format/safetensors.h"

static void load(const struct belay_st_entry *e)
{
    struct belay_tensor t;

    if (belay_st_load(NULL, e, &t, BELAY_F32) != BELAY_OK)
        return;
    FUZZ_CHECK(t.size == (size_t) belay_shape_count(&e->shape) * sizeof(float));
    fuzz_touch(t.data, t.size);
    belay_tensor_finish(&t);
}

static void check(const struct belay_st *st)
{
    const char *at = NULL;

    for (size_t i = 0; i < st->count; i++) {
        const struct belay_st_entry *e = &st->entries[i];
        FUZZ_CHECK((const char *) e->data >= st->bytes + 8);
        FUZZ_CHECK((size_t) ((const char *) e->data - st->bytes) + e->size <= st->size);
        FUZZ_CHECK(!at || e->data == at); // without holes
        at = (const char *) e->data + e->size;
        fuzz_touch(e->data, e->size);
        fuzz_touch(e->name, strlen(e->name));
        FUZZ_CHECK(belay_st_find(st, e->name) == e); // names are unique
        load(e);
    }
    FUZZ_CHECK(!at || at == st->bytes + st->size);
    for (size_t i = 0; i < st->meta_count; i++)
        FUZZ_CHECK(belay_st_meta(st, st->meta_keys[i]) == st->meta_values[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct belay_st st;
    struct belay_log log = { 0 };
    char *bytes = malloc(size ? size : 1);

    FUZZ_CHECK(bytes);
    if (size)
        memcpy(bytes, data, size);
    belay_status status = belay_st_parse(&log, "fuzz", bytes, size, &st);
    FUZZ_CHECK(status == BELAY_OK || status == BELAY_ERR_DAMAGED);
    if (status == BELAY_OK)
        check(&st);
    else
        FUZZ_CHECK(st.error_name && log.last[0]);
    belay_st_finish(&st);
    return 0;
}
