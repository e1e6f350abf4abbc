// Built programs on disk, for drivers that keep none themselves: a file a program, named by a
// digest of source, options, device and driver. A file that is damaged, foreign or unreadable is
// built over; nothing here can fail a run.
#include <stdio.h>
#include <string.h>

#include "base/env.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "device/opencl/cl.h"

#define MAGIC "belay-kernels 1\n"
#define MAX_BINARY ((uint64_t) 64 << 20) // bytes of one file
// Of the folder; what was used longest ago goes first.
#define MAX_FILES 512
#define MAX_BYTES ((uint64_t) 256 << 20)

// PoCL keeps finished work-group functions, NVIDIA and Mesa finished code: better than what
// CL_PROGRAM_BINARIES would give.
static bool driver_keeps_its_own(const struct belay_cl *cl)
{
    static const char *const platforms[] = { "Portable Computing Language", "NVIDIA", "rusticl" };
    for (size_t i = 0; i < sizeof(platforms) / sizeof(platforms[0]); i++)
        if (strstr(cl->info.platform, platforms[i]))
            return true;
    return false;
}

bool belay_cl_cache_path(struct belay_cl *cl, const char *folder, const char *ending,
                         const char *key, char *out, size_t size)
{
    struct belay_hash h;
    struct belay_digest digest;
    const char *dir = cl->dev->cache_dir;
    const char *wanted = belay_env("BELAY_KERNEL_CACHE");
    bool off = wanted && strcmp(wanted, "0") == 0;
    if (!dir || off || !belay_hash_begin(&h))
        return false;
    const char *const parts[] = { MAGIC, key, cl->info.name, cl->info.platform, cl->info.driver,
                                  cl->info.version };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        belay_hash_add(&h, parts[i], strlen(parts[i]) + 1);
    belay_hash_end(&h, &digest);
    int length = snprintf(out, size, "%s/%s/%s.%s", dir, folder, digest.hex, ending);
    return length > 0 && (size_t) length < size;
}

bool belay_cl_binary_path(struct belay_cl *cl, const char *text_key, char *out, size_t size)
{
    return !driver_keeps_its_own(cl) &&
           belay_cl_cache_path(cl, "kernels", "bin", text_key, out, size);
}

// "MAGIC" "32 hex digits\n" what is kept
static bool whole(const char *data, size_t size, const char **from, size_t *length)
{
    const size_t head = sizeof(MAGIC) - 1 + 33;
    struct belay_digest digest;
    if (size <= head || memcmp(data, MAGIC, sizeof(MAGIC) - 1) != 0)
        return false;
    belay_digest_of(data + head, size - head, &digest);
    *from = data + head;
    *length = size - head;
    return memcmp(data + sizeof(MAGIC) - 1, digest.hex, 32) == 0;
}

bool belay_cl_cache_read(const char *path, char **data, const char **from, size_t *length)
{
    size_t size;
    // No log: a file that is not there is no error.
    if (!belay_file_exists(path) || belay_file_read(NULL, path, MAX_BINARY, data, &size))
        return false;
    if (whole(*data, size, from, length))
        return true;
    belay_free(*data);
    return false;
}

static bool build_binary(struct belay_cl *cl, const unsigned char *binary, size_t length,
                         const char *options, cl_program *out)
{
    cl_int error, each;
    cl_program program = clCreateProgramWithBinary(cl->context, 1, &cl->device, &length, &binary,
                                                   &each, &error);
    if (error != CL_SUCCESS)
        return false;
    if (clBuildProgram(program, 1, &cl->device, options, NULL, NULL) != CL_SUCCESS) {
        clReleaseProgram(program);
        return false;
    }
    *out = program;
    return true;
}

bool belay_cl_binary_load(struct belay_cl *cl, const char *path, const char *options,
                          cl_program *out)
{
    const char *binary;
    size_t length;
    char *data = NULL;
    bool loaded = belay_cl_cache_read(path, &data, &binary, &length);
    if (loaded) {
        loaded = build_binary(cl, (const unsigned char *) binary, length, options, out);
        belay_free(data);
    }
    if (loaded)
        belay_file_touch(path);
    else if (belay_file_exists(path))
        belay_say(cl->log, BELAY_LOG_DEBUG, "kernel cache: %s is of no use, built again", path);
    return loaded;
}

// The folder is the user's own. Room is made before a program comes, so the caps are passed by one
// file at most.
static bool prepare_folder(const char *path)
{
    char dir[4096];
    snprintf(dir, sizeof(dir), "%s", path);
    char *slash = strrchr(dir, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return belay_dir_create_private(NULL, dir) == BELAY_OK &&
           belay_dir_trim(NULL, dir, MAX_FILES - 1, MAX_BYTES) == BELAY_OK;
}

bool belay_cl_cache_write(const char *path, const void *data, size_t size)
{
    struct belay_str file = { 0 };
    struct belay_digest digest;
    belay_digest_of(data, size, &digest);
    belay_str_addf(&file, "%s%s\n", MAGIC, digest.hex);
    belay_str_add_bytes(&file, data, size);
    bool written = !file.failed && prepare_folder(path) &&
                   belay_file_write(NULL, path, file.text, file.length) == BELAY_OK;
    belay_str_free(&file);
    return written;
}

void belay_cl_binary_store(struct belay_cl *cl, const char *path, cl_program program)
{
    unsigned char *binary = NULL;
    size_t size = 0;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof(size), &size, NULL) ||
        size == 0 || size > MAX_BINARY)
        return;
    binary = belay_alloc(size);
    if (binary && clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof(binary), &binary, NULL) ==
                      CL_SUCCESS &&
        !belay_cl_cache_write(path, binary, size))
        belay_say(cl->log, BELAY_LOG_DEBUG, "kernel cache: %s cannot be written", path);
    belay_free(binary);
}
