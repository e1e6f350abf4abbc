// Losses and optimizers that the program registered (belay/own.h); NULL past the last.
#ifndef BELAY_TRAIN_OWN_H
#define BELAY_TRAIN_OWN_H

#include "train/loss.h"
#include "train/optimizer.h"

const struct belay_loss *belay_own_loss_at(size_t index);
const struct belay_optimizer *belay_own_optimizer_at(size_t index);

#endif
