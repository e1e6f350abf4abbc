#include "base/env.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct belay_env_var belay_env_vars[] = {
    { "BELAY_DEVICE", "device: host, opencl, opencl:N or opencl:PART-OF-A-NAME" },
    { "BELAY_CACHE_DIR", "folder for built programs and tuned parameters" },
    { "BELAY_KERNEL_CACHE", "0: built programs are not kept on disk" },
    { "BELAY_FUSION", "0 switches the fusion of operators off" },
    { "BELAY_REUSE", "0 gives every value memory of its own" },
    { "BELAY_MAX_ALLOC", "bytes of the largest buffer that is asked for, less than the device's" },
    { "BELAY_STREAM", "1 streams the data by batches, however small it is" },
    { "BELAY_GEMM", "force a provider for matrix products: clblast, cpu, tiled or plain" },
    { "BELAY_TUNE", "tuning file of this user; 0: none is read or written" },
    { "BELAY_PROFILE", "force a kernel family: gpu or cpu" },
    { "BELAY_CL_DIR", "read kernels from this folder, not from the library" },
    { "BELAY_LOG", "how much is said: error, warn, info or debug" },
    { "BELAY_CASES", "folder with the case files that tests read" },
    { NULL, NULL },
};

static bool in_table(const char *name)
{
    for (const struct belay_env_var *v = belay_env_vars; v->name; v++)
        if (strcmp(v->name, name) == 0)
            return true;
    return false;
}

static const char *read_env(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

const char *belay_env(const char *name)
{
    assert(in_table(name));
    return in_table(name) ? read_env(name) : NULL;
}

bool belay_env_cache_dir(char *out, size_t size)
{
    const char *xdg = read_env("XDG_CACHE_HOME"), *home = read_env("HOME");
    int length = -1;

    // The XDG rules: a relative path there is to be ignored.
    if (xdg && xdg[0] == '/')
        length = snprintf(out, size, "%s/belay", xdg);
    else if (home)
        length = snprintf(out, size, "%s/.cache/belay", home);
    return length >= 0 && (size_t) length < size;
}
