// Nodes that a training or evaluation graph needs beside the model: batches out of data that lie on
// the device, the log of losses, sums over a pass. `step` is the I32 [8] table of
// belay_graph_step_table: [2] is the first position in `order` of this batch, [3] the log slot.
#ifndef BELAY_TRAIN_OPS_H
#define BELAY_TRAIN_OPS_H

#include "graph/graph.h"

// F32 [rows, F…]: row r is data[order[step[2] + r]] * scale + shift. data: U8 or F32 [N, F…];
// order: I32 [M]; `like` gives the number of rows by its first dimension and is not read. Positions
// beyond M and rows beyond N give zeros.
belay_value *belay_gather_rows(belay_graph *g, belay_value *data, belay_value *order,
                               belay_value *step, belay_value *like, double scale, double shift);
// The same, with the labels (I32 [N]) of those rows as output 1 (I32 [rows]).
belay_value *belay_gather_labelled(belay_graph *g, belay_value *data, belay_value *labels,
                                   belay_value *order, belay_value *step, belay_value *like,
                                   double scale, double shift);
// log[step[3]] = value, in place. log: F32 state [S, K]; value: F32 of K elements. A slot outside
// of the log writes nothing.
belay_value *belay_record(belay_graph *g, belay_value *log, belay_value *value, belay_value *step);
// sum += value, in place. sum: F32 state of as many elements as value.
belay_value *belay_accumulate(belay_graph *g, belay_value *sum, belay_value *value);

#endif
