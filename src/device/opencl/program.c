// Programs: kernel files with their includes, built once a device and kept by their text.
#include <stdio.h>
#include <string.h>

#include "base/env.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "device/opencl/cl.h"
#include "device/opencl/sources.h"
#include "op/own.h"

struct built {
    struct belay_digest key; // of text and options
    cl_program program;
    char *text, *options;    // kept for the next process (recall.c)
    bool used;               // not only recalled
};

struct place { // where a kernel was built
    char file[64], kernel[96];
    cl_program program;
};

struct used {
    char name[48];
};

struct belay_cl_cache {
    struct used *used; // kernels by name
    size_t num_used, cap_used;
    struct built *built;
    size_t num, capacity;
    struct place *places;
    size_t num_places, cap_places;
};

belay_status belay_cl_cache_create(struct belay_cl *cl)
{
    cl->cache = belay_alloc(sizeof(*cl->cache));
    return cl->cache ? BELAY_OK : belay_fail_nomem(cl->log, sizeof(*cl->cache));
}

void belay_cl_cache_destroy(struct belay_cl *cl)
{
    if (!cl->cache)
        return;
    for (size_t i = 0; i < cl->cache->num; i++) {
        clReleaseProgram(cl->cache->built[i].program);
        belay_free(cl->cache->built[i].text);
        belay_free(cl->cache->built[i].options);
    }
    belay_free(cl->cache->built);
    belay_free(cl->cache->places);
    belay_free(cl->cache->used);
    belay_free(cl->cache);
    cl->cache = NULL;
}

// ---- Sources ----

static const struct belay_cl_file *find_embedded(const char *name)
{
    for (const struct belay_cl_file *f = belay_cl_files; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

static belay_status add_file(struct belay_cl *cl, const char *name, int depth,
                             struct belay_str *out);

// `#include "name"`: the name, or false.
static bool include_of(const char *line, char *name, size_t size)
{
    static const char start[] = "#include \"";
    if (strncmp(line, start, sizeof(start) - 1) != 0)
        return false;
    const char *from = line + sizeof(start) - 1, *to = strchr(from, '"');
    if (!to || (size_t) (to - from) >= size)
        return false;
    memcpy(name, from, (size_t) (to - from));
    name[to - from] = '\0';
    return true;
}

static belay_status add_line(struct belay_cl *cl, const char *file, int number, const char *line,
                             size_t length, int depth, struct belay_str *out)
{
    char name[128];
    if (!include_of(line, name, sizeof(name))) {
        belay_str_add_bytes(out, line, length);
        return BELAY_OK;
    }
    BELAY_TRY(add_file(cl, name, depth + 1, out));
    belay_str_addf(out, "#line %d \"%s\"\n", number + 1, file);
    return BELAY_OK;
}

static belay_status add_text(struct belay_cl *cl, const char *file, const char *text, int depth,
                             struct belay_str *out)
{
    belay_str_addf(out, "#line 1 \"%s\"\n", file);
    for (int number = 1; *text; number++) {
        const char *end = strchr(text, '\n');
        size_t length = end ? (size_t) (end - text) + 1 : strlen(text);
        BELAY_TRY(add_line(cl, file, number, text, length, depth, out));
        text += length;
    }
    return BELAY_OK;
}

static belay_status add_embedded(struct belay_cl *cl, const struct belay_cl_file *file, int depth,
                                 struct belay_str *out)
{
    // The first line is the embedder's own #line.
    for (int i = 0; file->lines[i]; i++)
        BELAY_TRY(add_line(cl, file->name, i, file->lines[i], strlen(file->lines[i]), depth,
                           out));
    return BELAY_OK;
}

// A file of the folder BELAY_CL_DIR; *data NULL when there is none.
static belay_status read_override(struct belay_cl *cl, const char *name, char **data)
{
    const char *dir = belay_env("BELAY_CL_DIR");
    size_t size;
    *data = NULL;
    if (!dir)
        return BELAY_OK;
    char *path = belay_path_join(dir, name);
    if (!path)
        return belay_fail_nomem(cl->log, strlen(name));
    belay_status status =
        belay_file_exists(path) ? belay_file_read(cl->log, path, 1 << 24, data, &size) : BELAY_OK;
    belay_free(path);
    return status;
}

// Kernels that the program registered.
static const char *own_text(const char *name)
{
    char file[128];
    snprintf(file, sizeof(file), "%.*s", (int) strcspn(name, "."), name);
    return belay_own_source(file);
}

static belay_status add_file(struct belay_cl *cl, const char *name, int depth,
                             struct belay_str *out)
{
    if (depth > 4)
        return belay_fail(cl->log, BELAY_ERR_DEVICE, "%s: kernel files include each other", name);
    char *text = NULL;
    BELAY_TRY(read_override(cl, name, &text));
    if (text) {
        belay_status status = add_text(cl, name, text, depth, out);
        belay_free(text);
        return status;
    }
    const struct belay_cl_file *file = find_embedded(name);
    const char *own = file ? NULL : own_text(name);
    if (own)
        return add_text(cl, name, own, depth, out);
    if (!file)
        return belay_fail(cl->log, BELAY_ERR_UNSUPPORTED, "no kernel file '%s' in this build",
                          name);
    return add_embedded(cl, file, depth, out);
}

belay_status belay_cl_source(struct belay_cl *cl, const char *file, struct belay_str *out)
{
    char name[128];
    snprintf(name, sizeof(name), "%s.cl", file);
    return add_file(cl, name, 0, out);
}

belay_status belay_cl_source_header(struct belay_cl *cl, const char *name, struct belay_str *out)
{
    return add_file(cl, name, 0, out);
}

// ---- Building ----

static belay_status make_key(struct belay_cl *cl, const char *text, const char *options,
                             struct belay_digest *out)
{
    struct belay_hash h;
    if (!belay_hash_begin(&h))
        return belay_fail_nomem(cl->log, strlen(text));
    belay_hash_add(&h, text, strlen(text));
    belay_hash_add(&h, "\0", 1);
    belay_hash_add(&h, options, strlen(options));
    belay_hash_end(&h, out);
    return BELAY_OK;
}

// The driver's log, line by line, for who wants to know more than the first.
static void say_build_log(struct belay_cl *cl, const char *label, char *text)
{
    for (char *line = text; line && *line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        if (*line)
            belay_say(cl->log, BELAY_LOG_WARN, "%s: %s", label, line);
        line = end ? end + 1 : NULL;
    }
}

static belay_status fail_build(struct belay_cl *cl, cl_program program, const char *label,
                               cl_int error)
{
    size_t size = 0;
    char *text = NULL;
    clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    text = belay_alloc(size + 1);
    if (text && size) {
        clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BUILD_LOG, size, text, NULL);
        say_build_log(cl, label, text);
    }
    belay_free(text);
    return belay_fail(cl->log, BELAY_ERR_DEVICE,
                      "%s (%s): the kernels of %s do not build: %s (%d); the driver's messages "
                      "stand before this one",
                      cl->info.select, cl->info.name, label, belay_cl_error_name(error),
                      (int) error);
}

// `label` NULL: failure is silent, and no error of the device.
static belay_status build(struct belay_cl *cl, const char *label, const char *text,
                          const char *options, cl_program *out)
{
    cl_int error;
    cl_program program = clCreateProgramWithSource(cl->context, 1, &text, NULL, &error);
    BELAY_TRY(belay_cl_check(cl, error, "clCreateProgramWithSource"));
    error = clBuildProgram(program, 1, &cl->device, options, NULL, NULL);
    cl->dev->counters.builds++;
    if (error != CL_SUCCESS) {
        belay_status status =
            label ? fail_build(cl, program, label, error) : BELAY_ERR_UNSUPPORTED;
        clReleaseProgram(program);
        return status;
    }
    *out = program;
    return BELAY_OK;
}

// `text` is whole. The program belongs to the cache. `use` false: somebody will ask for it later.
static belay_status find_or_build(struct belay_cl *cl, const char *label, const char *text,
                                  const char *options, bool use, cl_program *out)
{
    struct belay_cl_cache *cache = cl->cache;
    struct belay_digest key;
    BELAY_TRY(make_key(cl, text, options, &key));
    for (size_t i = 0; i < cache->num; i++) {
        if (strcmp(cache->built[i].key.hex, key.hex) == 0) {
            *out = cache->built[i].program;
            cache->built[i].used |= use;
            return BELAY_OK;
        }
    }
    if (!belay_grow((void **) &cache->built, cache->num, &cache->capacity,
                    sizeof(*cache->built)))
        return belay_fail_nomem(cl->log, sizeof(*cache->built));
    char path[4096];
    bool on_disk = belay_cl_binary_path(cl, key.hex, path, sizeof(path));
    if (!on_disk || !belay_cl_binary_load(cl, path, options, out)) {
        BELAY_TRY(build(cl, label, text, options, out));
        if (on_disk)
            belay_cl_binary_store(cl, path, *out);
    }
    // Without memory for the texts they are not kept.
    cache->built[cache->num++] = (struct built){ key, *out, belay_strdup(text),
                                                 belay_strdup(options), use };
    return BELAY_OK;
}

bool belay_cl_built(const struct belay_cl *cl, size_t n, const char **options, const char **text)
{
    for (size_t i = 0; i < cl->cache->num; i++) {
        const struct built *b = &cl->cache->built[i];
        if (!b->used || !b->text || !b->options || n-- > 0)
            continue;
        *options = b->options;
        *text = b->text;
        return true;
    }
    return false;
}

void belay_cl_build_early(struct belay_cl *cl, const char *options, const char *text)
{
    cl_program program;
    (void) find_or_build(cl, NULL, text, options, false, &program);
}

belay_status belay_cl_program_text(struct belay_cl *cl, const char *label, const char *text,
                                   const char *options, cl_program *out)
{
    struct belay_str whole = { 0 }, all = { 0 };
    belay_status status;
    BELAY_TRY_DONE(add_file(cl, "common.clh", 0, &whole));
    belay_str_add(&whole, text);
    // The moments of Adam sink below the smallest normal number, where CPUs take a hundred times as
    // long for an operation.
    belay_str_addf(&all, "%s -cl-denorms-are-zero", options ? options : "-w");
    if (whole.failed || all.failed) {
        status = belay_fail_nomem(cl->log, whole.length + all.length);
        goto done;
    }
    status = find_or_build(cl, label, whole.text, all.text, true, out);
done:
    belay_str_free(&whole);
    belay_str_free(&all);
    return status;
}

belay_status belay_cl_program_file(struct belay_cl *cl, const char *file, const char *options,
                                   cl_program *out)
{
    struct belay_str text = { 0 };
    char label[128];
    belay_status status;
    snprintf(label, sizeof(label), "%s.cl", file);
    BELAY_TRY_DONE(belay_cl_source(cl, file, &text));
    if (text.failed) {
        status = belay_fail_nomem(cl->log, text.length);
        goto done;
    }
    status = belay_cl_program_text(cl, label, text.text, options, out);
done:
    belay_str_free(&text);
    return status;
}

bool belay_cl_place_find(struct belay_cl *cl, const char *file, const char *kernel,
                         cl_program *out)
{
    for (size_t i = 0; i < cl->cache->num_places; i++) {
        const struct place *p = &cl->cache->places[i];
        if (strcmp(p->kernel, kernel) == 0 && strcmp(p->file, file) == 0) {
            *out = p->program;
            return true;
        }
    }
    return false;
}

belay_status belay_cl_place_keep(struct belay_cl *cl, const char *file, const char *kernel,
                                 cl_program program)
{
    struct belay_cl_cache *cache = cl->cache;
    if (!belay_grow((void **) &cache->places, cache->num_places, &cache->cap_places,
                    sizeof(*cache->places)))
        return belay_fail_nomem(cl->log, sizeof(*cache->places));
    struct place *p = &cache->places[cache->num_places++];
    snprintf(p->file, sizeof(p->file), "%s", file);
    snprintf(p->kernel, sizeof(p->kernel), "%s", kernel);
    p->program = program;
    return BELAY_OK;
}

// Names for the doctor's report; without memory for one it is left out. Variants of a kernel have
// "__" and a digest behind its name.
static void note_used(struct belay_cl *cl, const char *kernel)
{
    struct belay_cl_cache *cache = cl->cache;
    const char *digest = strstr(kernel, "__");
    char name[sizeof(cache->used->name)];
    snprintf(name, sizeof(name), "%.*s", digest ? (int) (digest - kernel) : (int) sizeof(name),
             kernel);
    for (size_t i = 0; i < cache->num_used; i++)
        if (strcmp(cache->used[i].name, name) == 0)
            return;
    if (belay_grow((void **) &cache->used, cache->num_used, &cache->cap_used,
                   sizeof(*cache->used)))
        snprintf(cache->used[cache->num_used++].name, sizeof(cache->used->name), "%s", name);
}

void belay_cl_kernel_names(struct belay_cl *cl, struct belay_str *out)
{
    size_t generated = 0;
    for (size_t i = 0; i < cl->cache->num_used; i++) {
        const char *name = cl->cache->used[i].name;
        if (strncmp(name, "fused_", 6) == 0)
            generated++;
        else
            belay_str_addf(out, "%s ", name);
    }
    belay_str_addf(out, "and %zu generated", generated);
}

belay_status belay_cl_file_kernel(struct belay_cl *cl, const char *file, const char *name,
                                  cl_kernel *out)
{
    cl_program program;
    cl_int error;
    if (belay_cl_place_find(cl, file, name, &program)) {
        note_used(cl, name);
        *out = clCreateKernel(program, name, &error);
        if (error == CL_SUCCESS)
            return BELAY_OK;
    }
    BELAY_TRY(belay_cl_program_file(cl, file, NULL, &program));
    return belay_cl_kernel(cl, program, name, out);
}

belay_status belay_cl_kernel(struct belay_cl *cl, cl_program program, const char *name,
                             cl_kernel *out)
{
    cl_int error;
    char call[128];
    note_used(cl, name);
    *out = clCreateKernel(program, name, &error);
    if (error == CL_SUCCESS)
        return BELAY_OK;
    snprintf(call, sizeof(call), "clCreateKernel '%s'", name);
    return belay_cl_check(cl, error, call);
}

belay_status belay_cl_enqueue(struct belay_cl *cl, const struct belay_cl_launch *l)
{
    if (l->skip)
        return BELAY_OK;
    cl->dev->counters.launches++;
    if (cl->timing)
        return belay_cl_enqueue_timed(cl, l);
    cl_int error = clEnqueueNDRangeKernel(cl->queue, l->kernel, l->dims, NULL, l->global,
                                          l->local, 0, NULL, NULL);
    return belay_cl_check(cl, error, "clEnqueueNDRangeKernel");
}
