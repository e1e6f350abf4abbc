// Inside of the host backend.
#ifndef BELAY_DEVICE_HOST_HOST_H
#define BELAY_DEVICE_HOST_HOST_H

#include "device/device.h"

belay_status belay_host_step_create(struct belay_device *dev, void *prepared,
                                    const struct belay_step_desc *desc, struct belay_step **out);
belay_status belay_host_step_bind(struct belay_device *dev, struct belay_step *step,
                                  const struct belay_shape *shapes);
belay_status belay_host_step_run(struct belay_device *dev, struct belay_step *step);
void belay_host_step_destroy(struct belay_device *dev, struct belay_step **step);

// C = alpha op(A) op(B) + beta C in double, plain loops.
void belay_host_gemm(const struct belay_gemm *gemm, const double *a, const double *b, double *c);

#endif
