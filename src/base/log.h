// Messages and failures. Whoever finds an error calls belay_fail once, with the values; everybody
// above passes the status on untouched (BELAY_TRY).
#ifndef BELAY_BASE_LOG_H
#define BELAY_BASE_LOG_H

#include <belay/status.h>

struct belay_log {
    belay_log_fn fn; // NULL is silent
    void *user;
    char last[1024]; // text of the last failure
};

#if defined(__GNUC__)
#define BELAY_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define BELAY_PRINTF(f, a)
#endif

// Logs an error, keeps its text, returns `status`. `log` may be NULL.
belay_status belay_fail(struct belay_log *log, belay_status status, const char *format, ...)
    BELAY_PRINTF(3, 4);
// Puts "prefix: " before the kept text of a failure that is on its way up (a file, a layer).
belay_status belay_fail_in(struct belay_log *log, belay_status status, const char *format, ...)
    BELAY_PRINTF(3, 4);
void belay_say(struct belay_log *log, enum belay_log_level level, const char *format, ...)
    BELAY_PRINTF(3, 4);
// BELAY_ERR_NOMEM with the size that was wanted.
belay_status belay_fail_nomem(struct belay_log *log, size_t size);

#define BELAY_TRY(expr)                                                                            \
    do {                                                                                           \
        belay_status try_status_ = (expr);                                                         \
        if (try_status_ != BELAY_OK)                                                               \
            return try_status_;                                                                    \
    } while (0)

// The same with `status` and the label `done`.
#define BELAY_TRY_DONE(expr)                                                                       \
    do {                                                                                           \
        status = (expr);                                                                           \
        if (status != BELAY_OK)                                                                    \
            goto done;                                                                             \
    } while (0)

#endif
