// The texts of the programs that a training used, so that the next process with the same name can
// build them while its data are read: drivers that keep programs themselves still take long to find
// one again.
#include <string.h>

#include "base/mem.h"
#include "device/opencl/cl.h"

#define MOST 64 // programs

// Each program: options, 0, text, 0.
void belay_cl_remember(struct belay_device *dev, const char *name)
{
    struct belay_cl *cl = belay_cl_of(dev);
    struct belay_str list = { 0 };
    const char *options, *text, *kept;
    char path[4096], *data = NULL;
    size_t length;
    if (!belay_cl_cache_path(cl, "starts", "txt", name, path, sizeof(path)))
        return;
    for (size_t i = 0; i < MOST && belay_cl_built(cl, i, &options, &text); i++) {
        belay_str_add_bytes(&list, options, strlen(options) + 1);
        belay_str_add_bytes(&list, text, strlen(text) + 1);
    }
    bool same = false;
    if (belay_cl_cache_read(path, &data, &kept, &length)) {
        same = !list.failed && length == list.length && memcmp(kept, list.text, length) == 0;
        belay_free(data);
    }
    if (!same && !list.failed && list.length)
        (void) belay_cl_cache_write(path, list.text, list.length);
    belay_str_free(&list);
}

void belay_cl_recall(struct belay_device *dev, const char *name)
{
    struct belay_cl *cl = belay_cl_of(dev);
    char path[4096], *data = NULL;
    const char *at;
    size_t left;
    if (!belay_cl_cache_path(cl, "starts", "txt", name, path, sizeof(path)) ||
        !belay_cl_cache_read(path, &data, &at, &left))
        return;
    while (left > 0) {
        const char *end = memchr(at, '\0', left);
        const char *text = end && end + 1 < at + left ? end + 1 : NULL;
        const char *last = text ? memchr(text, '\0', left - (size_t) (text - at)) : NULL;
        if (!last)
            break;
        belay_cl_build_early(cl, at, text);
        left -= (size_t) (last + 1 - at);
        at = last + 1;
    }
    belay_free(data);
}
