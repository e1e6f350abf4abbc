#include "fuzz.h"

#include "format/json.h"

static size_t walk(const struct belay_json *v, int depth)
{
    size_t count = 0;

    FUZZ_CHECK(depth <= 33);
    if (v->key)
        fuzz_touch(v->key, strlen(v->key));
    if (v->kind == BELAY_JSON_STRING)
        fuzz_touch(v->string, strlen(v->string));
    for (const struct belay_json *c = v->first; c; c = c->next) {
        FUZZ_CHECK((v->kind == BELAY_JSON_OBJECT) == (c->key != NULL));
        walk(c, depth + 1);
        count++;
    }
    FUZZ_CHECK(count == v->count);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct belay_json_doc doc;
    struct belay_log log = { 0 };
    belay_status status = belay_json_parse(&log, "fuzz", (const char *) data, size, &doc);

    FUZZ_CHECK(status == BELAY_OK || status == BELAY_ERR_DAMAGED);
    FUZZ_CHECK((status == BELAY_OK) == (log.last[0] == '\0'));
    if (status == BELAY_OK)
        walk(doc.root, 0);
    belay_json_finish(&doc);
    return 0;
}
