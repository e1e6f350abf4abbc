// CSV (RFC 4180): quotes, CRLF, UTF-8 BOM; ragged rows are errors with their line.
#ifndef BELAY_FORMAT_CSV_H
#define BELAY_FORMAT_CSV_H

#include "base/log.h"
#include "base/mem.h"

struct belay_csv {
    struct belay_arena arena;
    char *text;           // owned
    size_t rows, columns; // rows without the header
    const char **names;   // of columns; "0", "1", … without a header
    const char **cells;   // rows x columns, unquoted
    size_t *lines;        // of each row in the file, 1-based
    bool header;
};
enum belay_csv_header { BELAY_CSV_HEADER_AUTO, BELAY_CSV_HEADER_YES, BELAY_CSV_HEADER_NO };
// AUTO: a header when no cell of the first row is a number, but some cell of the second is.
belay_status belay_csv_read(struct belay_log *log, const char *path, enum belay_csv_header header,
                            char delimiter, struct belay_csv *out);
belay_status belay_csv_parse(struct belay_log *log, const char *name, char *text, size_t size,
                             enum belay_csv_header header, char delimiter,
                             struct belay_csv *out); // takes text
void belay_csv_finish(struct belay_csv *csv);

#endif
