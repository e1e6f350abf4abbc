// ZIP archives written durably: stored members, zip64 where it is needed.
#ifndef BELAY_FORMAT_ZIP_WRITE_H
#define BELAY_FORMAT_ZIP_WRITE_H

#include "base/file.h"
#include "base/mem.h"

struct belay_zip_writer {
    struct belay_log *log;
    const char *path;
    struct belay_commit commit;
    struct belay_arena arena;
    struct belay_zip_written {
        const char *name;
        uint32_t crc;
        uint64_t size, offset;
    } * entries;
    size_t count, room;
};
struct belay_zip_part {
    const void *data;
    size_t size;
};
// `expect`: bytes of content, reserved first.
belay_status belay_zip_write_begin(struct belay_zip_writer *w, struct belay_log *log,
                                   const char *path, uint64_t expect);
// One member of `num` parts; its content begins at a multiple of `align` (1, or 8 to 4096).
belay_status belay_zip_write_add(struct belay_zip_writer *w, const char *name,
                                 const struct belay_zip_part *parts, size_t num, size_t align);
belay_status belay_zip_write_finish(struct belay_zip_writer *w); // on failure the old file stands
void belay_zip_write_abort(struct belay_zip_writer *w);          // safe on zeroed and finished

#endif
