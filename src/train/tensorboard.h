// What a run shows in TensorBoard while it goes on: RUN/tensorboard/{train,validation}. The same
// tag in both folders is one chart with two lines. The recipe and its settings lie in RUN/tensorboard,
// above both, so that the table of settings shows the values of both.
#ifndef BELAY_TRAIN_TENSORBOARD_H
#define BELAY_TRAIN_TENSORBOARD_H

#include "train/trainer_internal.h"

struct belay_board;

// Nothing unless the recipe asks for it (run.tensorboard). Every process of a run writes files of
// its own.
belay_status belay_board_open(struct belay_trainer *t, bool resumed);
// The values of a check.
belay_status belay_board_check(struct belay_trainer *t, const struct check_values *val);
void belay_board_close(struct belay_board **board);

#endif
