// The time of each kernel of the programs that run, for belay_measure_ops.
#ifndef BELAY_DEVICE_TIMER_H
#define BELAY_DEVICE_TIMER_H

#include "device/device.h"

// Forgets what was measured before.
belay_status belay_timer_start(struct belay_device *dev);
// The rows belong to the device. Nothing (count 0) when it was not started.
belay_status belay_timer_stop(struct belay_device *dev, const belay_op_time **ops, size_t *count);
bool belay_timer_on(const struct belay_device *dev);
// Runs the steps of a plan one after the other and notes their times.
belay_status belay_timer_run(struct belay_device *dev, const struct belay_plan *plan,
                             struct belay_step *const *steps);
void belay_timer_destroy(struct belay_device *dev);

#endif
