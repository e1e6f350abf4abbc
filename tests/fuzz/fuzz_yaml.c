#include "fuzz.h"

#include "format/yaml.h"

static void walk(const struct belay_yaml *node, int depth)
{
    size_t count = 0;

    FUZZ_CHECK(depth <= 200);
    fuzz_touch(node->from, strlen(node->from));
    if (node->kind == BELAY_YAML_SCALAR)
        fuzz_touch(node->text, strlen(node->text));
    for (const struct belay_yaml *c = node->first; c; c = c->next, count++) {
        FUZZ_CHECK((node->kind == BELAY_YAML_MAP) == (c->key != NULL));
        walk(c, depth + 1);
    }
    FUZZ_CHECK(count == node->count);
}

// A text, a NUL byte, and an override.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct belay_yaml_doc doc;
    struct belay_log log = { 0 };
    char *text = malloc(size + 2);

    FUZZ_CHECK(text);
    if (size)
        memcpy(text, data, size);
    text[size] = text[size + 1] = '\0';
    belay_status status = belay_yaml_parse(&log, "fuzz", text, &doc);
    FUZZ_CHECK(status == BELAY_OK || status == BELAY_ERR_RECIPE);
    if (status == BELAY_OK) {
        FUZZ_CHECK(doc.root->kind == BELAY_YAML_MAP);
        status = belay_yaml_override(&log, &doc, text + strlen(text) + 1);
        FUZZ_CHECK(status == BELAY_OK || status == BELAY_ERR_RECIPE);
        walk(doc.root, 0);
    }
    belay_yaml_finish(&doc);
    free(text);
    return 0;
}
