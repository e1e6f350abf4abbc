#ifndef BELAY_TRAIN_DOCTOR_H
#define BELAY_TRAIN_DOCTOR_H

#include "device/check.h"

// A small network trained for so many steps on the context's device, twice, and on the host: the
// same bits both times, and losses near the host's.
void belay_doctor_train(belay_ctx *ctx, int steps, struct belay_checks *c);

#endif
