// Status codes, messages and the marks on public functions.
//
// Words used for pointers in every header:
//   borrows  reads it until the function returns
//   keeps    uses it until the object is destroyed
//   takes    frees it, on failure too
//   owned    the caller must destroy it
#ifndef BELAY_STATUS_H
#define BELAY_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define BELAY_API __attribute__((visibility("default")))
#define BELAY_MUST_CHECK __attribute__((warn_unused_result))
#else
#define BELAY_API
#define BELAY_MUST_CHECK
#endif

// What became of a call. The text of a failure has gone to the log of the context and is kept
// there (belay_ctx_error).
typedef enum belay_status {
    BELAY_OK = 0,
    BELAY_ERR_ARG,         // the caller broke a rule stated in a header
    BELAY_ERR_NOMEM,       // host or device memory is short
    BELAY_ERR_IO,          // the operating system refused: open, read, write, sync, rename
    BELAY_ERR_DATA,        // a data file's content is wrong: truncated, ragged, out of range
    BELAY_ERR_RECIPE,      // a recipe is wrong: unknown key, wrong type, shapes that do not fit
    BELAY_ERR_SHAPE,       // operands' shapes do not fit
    BELAY_ERR_NO_DEVICE,   // no such device, or several that fit
    BELAY_ERR_DEVICE,      // the driver reported an error
    BELAY_ERR_UNSUPPORTED, // not built or not done by this version
    BELAY_ERR_DIVERGED,    // the loss went to NaN or infinity
    BELAY_ERR_CANCELLED,   // stopped on request; what was whole is saved
    BELAY_ERR_DAMAGED,     // a checkpoint is damaged: digest, structure, truncation
    BELAY_ERR_MISMATCH,    // a checkpoint of another model or other data
    BELAY_ERR_EXISTS,      // the run folder exists already, or another process writes it
    BELAY_STATUS_COUNT     // not a status
} belay_status;

// The status as a word, "ok" for BELAY_OK; never NULL. Any thread.
BELAY_API const char *belay_status_name(belay_status status);

// The version of the linked library, "MAJOR.MINOR.PATCH". Any thread.
BELAY_API const char *belay_version(void);

enum belay_log_level { BELAY_LOG_ERROR, BELAY_LOG_WARN, BELAY_LOG_INFO, BELAY_LOG_DEBUG };

// Called with each message: one line, no line end. The message is borrowed.
typedef void (*belay_log_fn)(void *user, enum belay_log_level level, const char *message);
// A piece of a text that the library hands over, borrowed; false ends it (BELAY_ERR_CANCELLED).
typedef bool (*belay_text_fn)(void *user, const char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
