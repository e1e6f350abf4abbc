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
    const char *content; // unpacked and checked; NULL until belay_zip_content
};
struct belay_zip {
    struct belay_arena arena;
    struct belay_zip_entry *entries; // in the directory's order, names unique
    size_t count;
    struct belay_zip_entry **by_name; // sorted
    bool no_checksums; // of every member it is 0: the writer left them out
};
// Borrows `bytes` until belay_zip_finish. BELAY_ERR_DATA; UNSUPPORTED for what is never written
// by the programs whose files we read (encryption, several disks).
belay_status belay_zip_open(struct belay_log *log, const char *file, const char *bytes,
                            size_t size, struct belay_zip *zip);
// The content of one member, its checksum verified; owned (belay_free).
belay_status belay_zip_read(struct belay_log *log, const char *file,
                            const struct belay_zip_entry *entry, char **out);
// The content without a copy where it is stored; it lives with the archive and its bytes. An
// archive without any checksums (torch.save can leave them out) is taken as it is.
belay_status belay_zip_content(struct belay_log *log, const char *file, struct belay_zip *zip,
                               struct belay_zip_entry *entry, const char **out);
struct belay_zip_entry *belay_zip_find(const struct belay_zip *zip, const char *name); // or NULL
void belay_zip_finish(struct belay_zip *zip); // safe on zeroed

#endif
