// Tuned choices as the kernels' owners see them.
#ifndef BELAY_DEVICE_TUNE_H
#define BELAY_DEVICE_TUNE_H

#include "device/device.h"

// The name of the candidate that was the fastest of a class of shapes; NULL: never measured here,
// the default counts. The user's file is read at the first call and not again: a run's choices
// stay.
const char *belay_device_tuned(struct belay_device *dev, const char *kind, const char *shape);
// Puts the measured limits of the file, if it has any, into the device's profile.
void belay_device_take_limits(struct belay_device *dev);
void belay_device_forget_tuning(struct belay_device *dev);

#endif
