// Between the files of the optimizer's nodes.
#ifndef BELAY_TRAIN_UPDATE_H
#define BELAY_TRAIN_UPDATE_H

#include "train/optimizer.h"

size_t belay_count_blocks(const struct belay_shape *s);
belay_status belay_check_arena(struct belay_log *log, const char *op, const struct belay_shape *s);
// Work-items that do one block together; 1: one work-item does belay_blocks_per_item.
size_t belay_block_group(const struct belay_profile *p);
size_t belay_blocks_per_item(const struct belay_profile *p, size_t blocks);
// Arguments `blocks` and `per`, and the range.
void belay_launch_blocks(const struct belay_profile *p, size_t blocks, struct belay_launch *l);

#endif
