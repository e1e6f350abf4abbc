// What the device room uses of the OpenCL room besides the backend table. No OpenCL header here.
#ifndef BELAY_DEVICE_OPENCL_OPENCL_H
#define BELAY_DEVICE_OPENCL_OPENCL_H

#include <belay/context.h>

#include "base/log.h"

// All devices of all platforms; *out is owned (belay_free), NULL when there are none.
belay_status belay_opencl_list(struct belay_log *log, belay_device_info **out, size_t *count);

#endif
