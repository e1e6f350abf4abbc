// What runs have done, for people: one HTML page, a table for the terminal, the same as JSON.
#ifndef BELAY_REPORT_H
#define BELAY_REPORT_H

#include <belay/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct belay_report_params {
    const char *kind;        // "html", "table" or "json"
    const char *const *runs; // run folders
    size_t num_runs;         // 1 to 32
    const char *path;        // the file to write, durably; NULL: to `fn`
    belay_text_fn fn;
    void *user;
    // html: do not open a device to measure the best models on their test data (no confusion
    // matrix, no worst examples then).
    bool no_eval;
    size_t width; // table: no wider than so many columns, one below the other instead; 0: as it comes
} belay_report_params;

// Borrows params. Of several runs those that cannot be read are left out with a warning. A run whose test data or device is missing is reported without its evaluation,
// and the report says why.
BELAY_API BELAY_MUST_CHECK belay_status belay_report_write(belay_ctx *ctx,
                                                           const belay_report_params *params);

#ifdef __cplusplus
}
#endif
#endif
