// The embedded kernel files (made by tools/embed_cl.c).
#ifndef BELAY_DEVICE_OPENCL_SOURCES_H
#define BELAY_DEVICE_OPENCL_SOURCES_H

struct belay_cl_file {
    const char *name;         // "softmax.cl"
    const char *const *lines; // each with its line end; ends with NULL
};
extern const struct belay_cl_file belay_cl_files[]; // ends with a NULL name

#endif
