#include "fuzz.h"

#include "format/pth.h"
#include "format/pth_tree.h"

// Storages' bytes for pickles without an archive; those that claim more get none.
static const char zeros[4096];

static void check(const struct belay_st *st)
{
    for (size_t i = 0; i < st->count; i++) {
        FUZZ_CHECK(strlen(st->entries[i].name) <= 4096);
        fuzz_touch(st->entries[i].data, st->entries[i].size);
    }
    for (size_t i = 0; i < st->meta_count; i++)
        fuzz_touch(st->meta_values[i], strlen(st->meta_values[i]));
}

static belay_status read_pickle(struct belay_pickle *p, const char *bytes, size_t size,
                                struct belay_st *st)
{
    struct belay_pickle_object *root;
    BELAY_TRY(belay_pickle_read(p, bytes, size, false, &root));
    for (struct belay_pickle_storage *s = p->storages; s; s = s->next) {
        if (s->size > sizeof(zeros))
            return BELAY_ERR_DAMAGED;
        s->data = zeros;
    }
    return belay_pth_flatten(p, root, size % 2, st);
}

// Archives and old files are read whole; all else is taken for the pickle within.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct belay_log log = { 0 };
    struct belay_pickle p = { .log = &log, .file = "fuzz" };
    struct belay_st st = { 0 };
    const char *text = (const char *) data;
    char *bytes = belay_alloc(size);
    belay_status status;

    FUZZ_CHECK(bytes);
    memcpy(bytes, data, size);
    if (belay_pth_is(text, size) || size == 0 || data[0] != 0x80) {
        status = belay_pth_parse(&log, "fuzz", bytes, size, &st);
    } else {
        st = (struct belay_st){ .bytes = bytes, .size = size };
        status = read_pickle(&p, text, size, &st);
    }
    FUZZ_CHECK(status == BELAY_OK || status == BELAY_ERR_DAMAGED ||
               status == BELAY_ERR_UNSUPPORTED);
    if (status == BELAY_OK)
        check(&st);
    belay_pickle_finish(&p);
    belay_st_finish(&st);
    return 0;
}
