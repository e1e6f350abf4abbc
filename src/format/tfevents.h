// TensorBoard's event files: TFRecord framing (lengths and CRC-32C) round protobuf `Event`
// messages. Field numbers are those of TensorFlow's core/util/event.proto, framework/summary.proto,
// framework/tensor.proto and TensorBoard's plugins/hparams/plugin_data.proto.
#ifndef BELAY_FORMAT_TFEVENTS_H
#define BELAY_FORMAT_TFEVENTS_H

#include "base/file.h"
#include "base/str.h"

struct belay_tfevents {
    struct belay_append file;
    struct belay_str summary; // values since the last flush
};

// Appends to `path`. With `restart_step` >= 0 TensorBoard forgets older points from that step on: a
// run that goes on.
belay_status belay_tfevents_open(struct belay_tfevents *e, struct belay_log *log, const char *path,
                                 double wall, int64_t restart_step);
void belay_tfevents_close(struct belay_tfevents *e); // safe on zeroed

// Values of one step, written together by flush.
void belay_tfevents_scalar(struct belay_tfevents *e, const char *tag, double value);
void belay_tfevents_text(struct belay_tfevents *e, const char *tag, const char *text);
// Of finite values; buckets at powers of 1.1 as TensorBoard's own writers have them.
void belay_tfevents_histogram(struct belay_tfevents *e, const char *tag, const float *x,
                              size_t count);
// The run's settings for the table of hyperparameters.
struct belay_tfevents_hparam {
    const char *name, *text; // a text that reads as a number is one
};
void belay_tfevents_hparams(struct belay_tfevents *e, double wall,
                            const struct belay_tfevents_hparam *params, size_t count);
belay_status belay_tfevents_flush(struct belay_tfevents *e, double wall, int64_t step);

uint32_t belay_crc32c(const void *bytes, size_t size); // Castagnoli, as in RFC 3720

#endif
