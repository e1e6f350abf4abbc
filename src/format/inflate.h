// Bounded decompression: the caller says how many bytes it wants before any are made.
#ifndef BELAY_FORMAT_INFLATE_H
#define BELAY_FORMAT_INFLATE_H

#include "base/log.h"

struct belay_inflate {
    struct belay_log *log;
    const char *name; // of the file, for messages
    void *stream;     // z_stream
    const char *next; // input not yet handed over
    size_t left;
    bool ended; // the compressed stream is whole and its checksum right
};
enum belay_inflate_kind { BELAY_INFLATE_GZIP, BELAY_INFLATE_RAW };

// `bytes` stay borrowed until finish.
belay_status belay_inflate_begin(struct belay_inflate *z, struct belay_log *log, const char *name,
                                 enum belay_inflate_kind kind, const char *bytes, size_t size);
// Exactly `size` bytes, else BELAY_ERR_DATA.
belay_status belay_inflate_read(struct belay_inflate *z, void *out, size_t size);
// Checks that nothing is left, neither decompressed nor behind the stream.
belay_status belay_inflate_end(struct belay_inflate *z);
void belay_inflate_finish(struct belay_inflate *z); // safe on zeroed

#endif
