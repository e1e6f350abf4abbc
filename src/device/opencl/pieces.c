#include "device/opencl/pieces.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "device/opencl/fused.h"
#include "device/opencl/trim.h"

struct belay_cl_piece {
    const char *file; // "": generated kernels
    const char **kernels;
    size_t num, capacity;
    struct belay_str text;
    struct belay_cl_names names;
    const char *source; // a variant: its kernel file; `text` holds its macros until texts are made
    bool built;
};

static belay_status add_piece(struct belay_cl_pieces *p, const char *file,
                              struct belay_cl_piece **out)
{
    for (size_t i = 0; i < p->num; i++) {
        if (strcmp(p->list[i].file, file) == 0) {
            *out = &p->list[i];
            return BELAY_OK;
        }
    }
    char *copy = belay_arena_strdup(&p->arena, file);
    if (!copy || !belay_grow((void **) &p->list, p->num, &p->capacity, sizeof(*p->list)))
        return belay_fail_nomem(p->cl->log, sizeof(*p->list));
    *out = &p->list[p->num++];
    **out = (struct belay_cl_piece){ .file = copy };
    return BELAY_OK;
}

// *is_new false when the device has the kernel or it is in the piece.
static belay_status add_kernel(struct belay_cl_pieces *p, struct belay_cl_piece *piece,
                               const char *kernel, bool *is_new)
{
    cl_program program;
    *is_new = false;
    for (size_t i = 0; i < piece->num; i++)
        if (strcmp(piece->kernels[i], kernel) == 0)
            return BELAY_OK;
    if (belay_cl_place_find(p->cl, piece->file, kernel, &program))
        return BELAY_OK;
    char *copy = belay_arena_strdup(&p->arena, kernel);
    if (!copy || !belay_grow((void **) &piece->kernels, piece->num, &piece->capacity,
                             sizeof(*piece->kernels)))
        return belay_fail_nomem(p->cl->log, sizeof(*piece->kernels));
    piece->kernels[piece->num++] = copy;
    *is_new = true;
    return BELAY_OK;
}

belay_status belay_cl_pieces_begin(struct belay_cl *cl, struct belay_cl_pieces *out)
{
    struct belay_cl_piece *piece;
    *out = (struct belay_cl_pieces){ .cl = cl };
    return add_piece(out, "", &piece);
}

belay_status belay_cl_pieces_want(struct belay_cl_pieces *p, const char *file, const char *kernel)
{
    struct belay_cl_piece *piece;
    bool is_new;
    BELAY_TRY(add_piece(p, file, &piece));
    return add_kernel(p, piece, kernel, &is_new);
}

belay_status belay_cl_pieces_add(struct belay_cl_pieces *p, const char *name, const char *text)
{
    struct belay_cl_piece *piece = &p->list[0];
    bool is_new;
    BELAY_TRY(add_kernel(p, piece, name, &is_new));
    if (is_new) {
        belay_str_addf(&piece->text, "\nkernel void %s", name);
        belay_str_add(&piece->text, text);
    }
    return piece->text.failed ? belay_fail_nomem(p->cl->log, strlen(text)) : BELAY_OK;
}

static void name_variant(const char *file, const char *options, const char *macros, char name[64])
{
    struct belay_digest digest[2];
    belay_digest_of(options, strlen(options), &digest[0]);
    belay_digest_of(macros, strlen(macros), &digest[1]);
    snprintf(name, 64, "%.30s__%.12s_%.12s", file, digest[0].hex, digest[1].hex);
}

// "-DNAME=VALUE -DFLAG" as lines.
static void add_defines(struct belay_str *s, const char *options)
{
    for (const char *at = strstr(options, "-D"); at; at = strstr(at, "-D")) {
        const int length = (int) strcspn(at += 2, " "), name = (int) strcspn(at, " =");
        const char *value = name < length ? at + name + 1 : "1";
        belay_str_addf(s, "#define %.*s %.*s\n", name, at, name < length ? length - name - 1 : 1,
                       value);
    }
}

belay_status belay_cl_pieces_variant(struct belay_cl_pieces *p, const char *file,
                                     const char *options, const char *macros)
{
    struct belay_cl_piece *piece;
    bool is_new;
    char name[64];
    name_variant(file, options, macros, name);
    BELAY_TRY(add_piece(p, name, &piece));
    BELAY_TRY(add_kernel(p, piece, name, &is_new));
    if (!is_new)
        return BELAY_OK;
    add_defines(&piece->text, options);
    belay_str_add(&piece->text, macros);
    piece->source = belay_arena_strdup(&p->arena, file);
    return piece->source && !piece->text.failed ? BELAY_OK
                                                : belay_fail_nomem(p->cl->log, strlen(macros));
}

bool belay_cl_variant_find(struct belay_cl *cl, const char *file, const char *options,
                           const char *macros, char name[64], cl_program *out)
{
    name_variant(file, options, macros, name);
    return belay_cl_place_find(cl, name, name, out);
}

void belay_cl_pieces_free(struct belay_cl_pieces *p)
{
    for (size_t i = 0; i < p->num; i++) {
        belay_free(p->list[i].kernels);
        belay_str_free(&p->list[i].text);
        belay_cl_names_free(&p->list[i].names);
    }
    belay_free(p->list);
    belay_arena_free(&p->arena);
    *p = (struct belay_cl_pieces){ 0 };
}

// ---- texts ----

static belay_status make_generated(struct belay_cl *cl, struct belay_cl_piece *piece)
{
    struct belay_str text = { 0 };
    belay_str_addf(&text, "#define W %u\n", belay_cl_fused_width(cl));
    belay_status status = belay_cl_source_header(cl, "fused.clh", &text);
    belay_str_add(&text, "#line 1 \"fused kernels\"\n");
    belay_str_add(&text, piece->text.text ? piece->text.text : "");
    belay_str_free(&piece->text);
    piece->text = text;
    return status;
}

static belay_status make_trimmed(struct belay_cl *cl, struct belay_cl_piece *piece,
                                 const char *common)
{
    struct belay_str whole = { 0 };
    belay_status status = belay_cl_source(cl, piece->file, &whole);
    if (status == BELAY_OK && !whole.failed)
        belay_cl_trim(whole.text, common, piece->kernels, piece->num, &piece->text);
    piece->text.failed |= whole.failed;
    belay_str_free(&whole);
    return status;
}

static bool is_defined(const char *text, const char *name)
{
    char line[128];
    snprintf(line, sizeof(line), "#define %s", name);
    const size_t length = strlen(line);
    for (const char *at = text; (at = strstr(at, line)); at += length)
        if (!strchr("_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", at[length]))
            return true;
    return false;
}

// What the file defines gets the variant's digest behind its name, by macros that are forgotten
// after it; so variants meet nothing.
static belay_status make_variant(struct belay_cl *cl, struct belay_cl_piece *piece)
{
    struct belay_str text = { 0 };
    struct belay_cl_names names = { 0 };
    const char *digest = strstr(piece->file, "__");
    belay_status status = belay_cl_source(cl, piece->source, &text);
    if (status != BELAY_OK || text.failed)
        goto done;
    belay_cl_names_of(text.text, &names);
    for (size_t i = 0; i < names.num; i++)
        if (!is_defined(text.text, names.name[i]) && !is_defined(piece->text.text, names.name[i]))
            belay_str_addf(&piece->text, "#define %s %s%s\n", names.name[i], names.name[i], digest);
    belay_str_add(&piece->text, text.text);
done:
    piece->text.failed |= text.failed || names.failed;
    belay_cl_names_free(&names);
    belay_str_free(&text);
    return status;
}

static belay_status make_texts(struct belay_cl_pieces *p)
{
    struct belay_str common = { 0 };
    belay_status status = belay_cl_source_header(p->cl, "common.clh", &common);
    for (size_t i = 0; i < p->num && status == BELAY_OK; i++) {
        struct belay_cl_piece *piece = &p->list[i];
        if (piece->num == 0 || common.failed)
            continue;
        status = piece->source  ? make_variant(p->cl, piece)
                 : *piece->file ? make_trimmed(p->cl, piece, common.text)
                                : make_generated(p->cl, piece);
        if (status != BELAY_OK)
            break;
        if (!piece->source)
            belay_cl_names_of(piece->text.text ? piece->text.text : "", &piece->names);
        if (piece->text.failed || piece->names.failed)
            status = belay_fail_nomem(p->cl->log, piece->text.length);
    }
    if (common.failed)
        status = belay_fail_nomem(p->cl->log, common.length);
    belay_str_free(&common);
    return status;
}

// ---- programs ----

static belay_status keep(struct belay_cl_pieces *p, const struct belay_cl_piece *piece,
                         cl_program program)
{
    for (size_t i = 0; i < piece->num; i++)
        BELAY_TRY(belay_cl_place_keep(p->cl, piece->file, piece->kernels[i], program));
    return BELAY_OK;
}

// Macros are forgotten behind their piece; what else two pieces define is renamed in the second. False:
// it is a kernel.
static bool rename_met(const struct belay_cl_piece *piece, const struct belay_cl_names *names,
                       size_t number, struct belay_str *out)
{
    struct belay_str defines = { 0 };
    for (size_t i = 0; i < piece->names.num; i++) {
        const char *name = piece->names.name[i];
        if (!belay_cl_names_have(names, name) || is_defined(piece->text.text, name))
            continue;
        for (size_t k = 0; k < piece->num; k++) {
            if (strcmp(piece->kernels[k], name) == 0) {
                belay_str_free(&defines);
                return false;
            }
        }
        belay_str_addf(&defines, "#define %s %s__%zu\n", name, name, number);
    }
    out->failed |= defines.failed;
    if (defines.text)
        belay_str_add(out, defines.text);
    belay_str_free(&defines);
    return true;
}

// The first piece that is not built, and all others that can stand beside it.
static size_t join(struct belay_cl_pieces *p, struct belay_cl_piece **joined,
                   struct belay_str *text, bool *failed)
{
    struct belay_cl_names names = { 0 };
    size_t num = 0;
    for (size_t i = 0; i < p->num; i++) {
        struct belay_cl_piece *piece = &p->list[i];
        struct belay_str renames = { 0 };
        if (piece->built || piece->num == 0 || !rename_met(piece, &names, i, &renames))
            continue;
        belay_cl_names_join(&names, &piece->names);
        belay_str_add(text, renames.text ? renames.text : "");
        belay_str_add(text, piece->text.text);
        belay_cl_forget_macros(renames.text ? renames.text : "", text);
        belay_cl_forget_macros(piece->text.text, text);
        text->failed |= renames.failed;
        belay_str_free(&renames);
        piece->built = true;
        joined[num++] = piece;
    }
    *failed = text->failed || names.failed;
    belay_cl_names_free(&names);
    return num;
}

static belay_status build_joined(struct belay_cl_pieces *p, struct belay_cl_piece **joined,
                                 size_t num, const char *text)
{
    cl_program program;
    belay_status status = belay_cl_program_text(p->cl, NULL, text, NULL, &program);
    if (status == BELAY_OK)
        for (size_t i = 0; i < num && status == BELAY_OK; i++)
            status = keep(p, joined[i], program);
    if (status != BELAY_ERR_UNSUPPORTED)
        return status;
    // Files are built one by one when they are used, with the driver's messages; generated kernels
    // have no other place.
    if (*joined[0]->file)
        return BELAY_OK;
    BELAY_TRY(belay_cl_program_text(p->cl, "fused kernels", joined[0]->text.text, NULL, &program));
    return keep(p, joined[0], program);
}

belay_status belay_cl_pieces_build(struct belay_cl_pieces *p)
{
    belay_status status = BELAY_OK;
    struct belay_cl_piece **joined = belay_alloc_array(p->num, sizeof(*joined));
    if (!joined)
        return belay_fail_nomem(p->cl->log, p->num * sizeof(*joined));
    BELAY_TRY_DONE(make_texts(p));
    for (;;) {
        struct belay_str text = { 0 };
        bool failed;
        size_t num = join(p, joined, &text, &failed);
        status = failed ? belay_fail_nomem(p->cl->log, text.length)
                 : num  ? build_joined(p, joined, num, text.text)
                        : BELAY_OK;
        belay_str_free(&text);
        if (num == 0 || status != BELAY_OK)
            break;
    }
done:
    belay_free(joined);
    return status;
}
