// Tuned choices as the kernels' owners see them.
#ifndef BELAY_DEVICE_TUNE_H
#define BELAY_DEVICE_TUNE_H

#include "device/device.h"

// The name of the candidate that was the fastest of a class of shapes; NULL: never measured here, the
// default counts. The user's file is read at the first call and not again: a run's choices stay.
const char *belay_device_tuned(struct belay_device *dev, const char *kind, const char *shape);
void belay_device_forget_tuning(struct belay_device *dev);

#endif
