#include "train/recipe_inner.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

belay_status belay_recipe_bad(struct belay_recipe *r, const struct belay_yaml *node,
                              const char *format, ...)
{
    char text[768];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (!node)
        return belay_fail(r->log, BELAY_ERR_RECIPE, "%s: %s", r->name, text);
    if (node->line == 0)
        return belay_fail(r->log, BELAY_ERR_RECIPE, "'%s': %s", node->from, text);
    return belay_fail(r->log, BELAY_ERR_RECIPE, "%s:%d: %s", node->from, node->line, text);
}

const struct belay_key *belay_recipe_key(const char *path)
{
    for (const struct belay_key *key = belay_recipe_keys; key->path; key++)
        if (strcmp(key->path, path) == 0)
            return key;
    return NULL;
}

int belay_recipe_choice(const char *choices, const char *word)
{
    size_t length = strlen(word);
    int index = 0;
    for (const char *c = choices; length > 0; index++) {
        size_t n = strcspn(c, "|");
        if (n == length && strncmp(c, word, n) == 0)
            return index;
        if (!c[n])
            break;
        c += n + 1;
    }
    return -1;
}

bool belay_recipe_is_empty(const struct belay_yaml *node)
{
    if (node->kind != BELAY_YAML_SCALAR || node->quoted)
        return false;
    return !node->text[0] || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0;
}

static bool is_plain(const struct belay_yaml *node)
{
    return node->kind == BELAY_YAML_SCALAR && !node->quoted;
}

bool belay_recipe_as_double(const struct belay_yaml *node, double *out)
{
    double value;
    if (!is_plain(node) || !belay_parse_double(node->text, &value) || isnan(value))
        return false;
    *out = value;
    return true;
}

bool belay_recipe_as_bool(const struct belay_yaml *node, bool *out)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on" };
    if (!is_plain(node))
        return false;
    for (size_t i = 0; i < 6; i++) {
        if (strcmp(node->text, words[i]) != 0)
            continue;
        *out = i % 2 == 1;
        return true;
    }
    return false;
}

bool belay_recipe_is_off(const struct belay_yaml *node)
{
    return is_plain(node) && (strcmp(node->text, "off") == 0 || strcmp(node->text, "none") == 0 ||
                              strcmp(node->text, "false") == 0);
}

// What was written, short enough for a message.
static const char *shown(const struct belay_yaml *node, char out[80])
{
    if (node->kind == BELAY_YAML_MAP)
        return "a map";
    if (node->kind == BELAY_YAML_LIST)
        return "a list";
    snprintf(out, 80, node->quoted ? "the text '%.60s'" : "'%.60s'", node->text);
    return out;
}

static belay_status wrong(struct belay_recipe *r, const struct belay_key *key,
                          const struct belay_yaml *node, const char *want)
{
    char text[80], range[64] = "";
    if (key->kind != BELAY_KEY_LENGTH && (key->low != 0 || key->high != 0)) {
        if (key->high >= 2147483647)
            snprintf(range, sizeof(range), ", %g or more", key->low);
        else
            snprintf(range, sizeof(range), " from %g to %g", key->low, key->high);
    }
    return belay_recipe_bad(r, node, "%s: got %s, want %s%s%s", key->path, shown(node, text), want,
                            range, key->can_off ? ", or off" : "");
}

static belay_status check_range(struct belay_recipe *r, const struct belay_key *key,
                                const struct belay_yaml *node, double value)
{
    if ((key->low == 0 && key->high == 0) || (key->can_off && value == key->off))
        return BELAY_OK;
    if (value >= key->low && value <= key->high)
        return BELAY_OK;
    char text[80];
    if (isinf(key->high))
        return belay_recipe_bad(r, node, "%s: got %s, want at least %g", key->path,
                                shown(node, text), key->low);
    return belay_recipe_bad(r, node, "%s: got %s, want a value from %g to %.10g", key->path,
                            shown(node, text), key->low, key->high);
}

static bool read_u64(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        uint64_t digit = (uint64_t) (*text - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

static belay_status read_whole(struct belay_recipe *r, const struct belay_key *key,
                               const struct belay_yaml *node, void *at)
{
    uint64_t value = 0;
    if (!is_plain(node) || !read_u64(node->text, &value))
        return wrong(r, key, node, "a whole number");
    BELAY_TRY(check_range(r, key, node, (double) value));
    if (key->kind == BELAY_KEY_INT)
        *(int *) at = (int) value;
    else if (key->kind == BELAY_KEY_I64)
        *(int64_t *) at = (int64_t) value;
    else if (key->kind == BELAY_KEY_SIZE)
        *(size_t *) at = (size_t) value;
    else
        *(uint64_t *) at = value;
    return BELAY_OK;
}

static belay_status read_float(struct belay_recipe *r, const struct belay_key *key,
                               const struct belay_yaml *node, double *at)
{
    if (key->can_off && belay_recipe_is_off(node)) {
        *at = key->off;
        return BELAY_OK;
    }
    double value;
    if (!belay_recipe_as_double(node, &value))
        return wrong(r, key, node, "a number");
    BELAY_TRY(check_range(r, key, node, value));
    *at = value;
    return BELAY_OK;
}

// "steps, epochs or checks"
static void unit_words(unsigned units, char out[64])
{
    static const char *const words[] = { "checks", "steps", "epochs", "seconds" };
    out[0] = '\0';
    for (unsigned i = 0; i < 4; i++) {
        if (!(units & (1u << i)))
            continue;
        units &= ~(1u << i);
        if (out[0])
            strcat(out, units ? ", " : " or ");
        strcat(out, words[i]);
    }
}

static belay_status read_length(struct belay_recipe *r, const struct belay_key *key,
                                const struct belay_yaml *node, struct belay_length *at)
{
    enum belay_unit bare = BELAY_UNIT_CHECKS;
    while (!(key->units & (1u << bare)))
        bare++;
    if (key->can_off && belay_recipe_is_off(node)) {
        *at = (struct belay_length){ key->off, bare };
        return BELAY_OK;
    }
    char units[64], want[128];
    unit_words(key->units, units);
    snprintf(want, sizeof(want), "a length in %s", units);
    struct belay_length value;
    if (!is_plain(node) || !belay_parse_length(node->text, bare, &value) ||
        !(key->units & (1u << value.unit)))
        return wrong(r, key, node, want);
    BELAY_TRY(check_range(r, key, node, value.value));
    if (value.value == 0 && !key->can_off && !strchr(key->fallback, '0'))
        return wrong(r, key, node, want);
    *at = value;
    return BELAY_OK;
}

// "500 MB", "2 GiB", "1e9", "123456".
static belay_status read_bytes(struct belay_recipe *r, const struct belay_key *key,
                               const struct belay_yaml *node, uint64_t *at)
{
    static const char *const want = "a size such as 500 MB or 2 GiB";
    double value;
    if (key->can_off && belay_recipe_is_off(node)) {
        *at = (uint64_t) key->off;
        return BELAY_OK;
    }
    if (!is_plain(node) || !belay_parse_bytes(node->text, &value) || !(value >= 1))
        return wrong(r, key, node, want);
    *at = value < 9e18 ? (uint64_t) value : (uint64_t) 9e18;
    return BELAY_OK;
}

static belay_status read_text(struct belay_recipe *r, const struct belay_key *key,
                              const struct belay_yaml *node, const char **at)
{
    if (node->kind != BELAY_YAML_SCALAR)
        return wrong(r, key, node, "a text");
    *at = node->text;
    return BELAY_OK;
}

static belay_status read_char(struct belay_recipe *r, const struct belay_key *key,
                              const struct belay_yaml *node, char *at)
{
    const char *text = NULL;
    BELAY_TRY(read_text(r, key, node, &text));
    if (strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0)
        text = "\t";
    if (strlen(text) != 1 || strchr("\"\r\n", text[0]))
        return wrong(r, key, node, "one character, or tab");
    *at = text[0];
    return BELAY_OK;
}

static belay_status read_choice(struct belay_recipe *r, const struct belay_key *key,
                                const struct belay_yaml *node, int *index)
{
    int found = -1;
    bool on;
    if (node->kind == BELAY_YAML_SCALAR)
        found = belay_recipe_choice(key->type, node->text);
    // YAML's other words for yes and no.
    if (found < 0 && belay_recipe_as_bool(node, &on))
        found = belay_recipe_choice(key->type, on ? "yes" : "no");
    if (found < 0)
        return wrong(r, key, node, key->type);
    *index = found;
    return BELAY_OK;
}

static belay_status read_word(struct belay_recipe *r, const struct belay_key *key,
                              const struct belay_yaml *node, const char **at)
{
    int index;
    BELAY_TRY(read_choice(r, key, node, &index));
    *at = node->text;
    return BELAY_OK;
}

static belay_status read_bool(struct belay_recipe *r, const struct belay_key *key,
                              const struct belay_yaml *node, bool *at)
{
    return belay_recipe_as_bool(node, at) ? BELAY_OK : wrong(r, key, node, "true or false");
}

static belay_status read_files(struct belay_recipe *r, const struct belay_key *key,
                               const struct belay_yaml *node, const char *const **at, size_t *num)
{
    bool list = node->kind == BELAY_YAML_LIST;
    if (node->kind == BELAY_YAML_MAP)
        return wrong(r, key, node, "a file name or a list of them");
    size_t count = list ? node->count : 1, i = 0;
    const char **files = belay_arena_array(&r->doc.arena, count, sizeof(*files));
    if (!files)
        return belay_fail_nomem(r->log, count * sizeof(*files));
    for (const struct belay_yaml *f = list ? node->first : node; f && i < count; f = f->next) {
        if (f->kind != BELAY_YAML_SCALAR || !f->text[0])
            return wrong(r, key, f, "a file name");
        files[i++] = f->text;
    }
    *at = files;
    *num = i;
    return BELAY_OK;
}

belay_status belay_recipe_value(struct belay_recipe *r, const struct belay_key *key,
                                const struct belay_yaml *node)
{
    struct belay_yaml fallback = { .kind = BELAY_YAML_SCALAR, .text = key->fallback,
                                   .from = "default" };
    if (!node || belay_recipe_is_empty(node)) {
        if (!key->fallback[0])
            return BELAY_OK;
        node = &fallback;
    }
    void *at = (char *) r + key->offset;
    switch (key->kind) {
    case BELAY_KEY_INT:
    case BELAY_KEY_I64:
    case BELAY_KEY_U64:
    case BELAY_KEY_SIZE:
        return read_whole(r, key, node, at);
    case BELAY_KEY_FLOAT:
        return read_float(r, key, node, at);
    case BELAY_KEY_BOOL:
        return read_bool(r, key, node, at);
    case BELAY_KEY_TEXT:
        return read_text(r, key, node, at);
    case BELAY_KEY_CHAR:
        return read_char(r, key, node, at);
    case BELAY_KEY_WORD:
        return read_word(r, key, node, at);
    case BELAY_KEY_CHOICE:
        return read_choice(r, key, node, at);
    case BELAY_KEY_LENGTH:
        return read_length(r, key, node, at);
    case BELAY_KEY_BYTES:
        return read_bytes(r, key, node, at);
    case BELAY_KEY_FILES:
        return read_files(r, key, node, at, (size_t *) ((char *) r + key->count_offset));
    case BELAY_KEY_OWN:
        break;
    }
    return BELAY_OK;
}
