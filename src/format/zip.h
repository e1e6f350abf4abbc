// ZIP archives in memory, by their central directory: stored and deflated members, checked.
#ifndef BELAY_FORMAT_ZIP_H
#define BELAY_FORMAT_ZIP_H

#include "base/log.h"
#include "base/mem.h"

struct belay_zip_entry {
    const char *name; // no NUL inside
    unsigned method;  // 0 stored, 8 deflated
    uint32_t crc;
    size_t packed, size; // bytes in the archive and unpacked
    const char *data;    // packed, inside the archive's bytes
};
struct belay_zip {
    struct belay_arena arena;
    struct belay_zip_entry *entries; // in the directory's order, names unique
    size_t count;
};
// Borrows `bytes` until belay_zip_finish. BELAY_ERR_DATA; UNSUPPORTED for what is never written
// by the programs whose files we read (encryption, archives beyond 4 GiB, several disks).
belay_status belay_zip_open(struct belay_log *log, const char *file, const char *bytes,
                            size_t size, struct belay_zip *zip);
// The content of one member, its checksum verified; owned (belay_free).
belay_status belay_zip_read(struct belay_log *log, const char *file,
                            const struct belay_zip_entry *entry, char **out);
void belay_zip_finish(struct belay_zip *zip); // safe on zeroed

#endif
