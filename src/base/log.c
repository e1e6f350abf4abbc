#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Messages are one line each, whatever a hostile file put into them.
static void make_one_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char) *text < 0x20 || *text == 0x7f)
            *text = ' ';
}

static void format_line(char *out, size_t size, const char *format, va_list args)
{
    if (vsnprintf(out, size, format, args) < 0)
        snprintf(out, size, "(message could not be formatted)");
    make_one_line(out);
}

belay_status belay_fail(struct belay_log *log, belay_status status, const char *format, ...)
{
    // A copy first: the arguments may point into log->last.
    char text[sizeof(log->last)];
    va_list args;

    if (!log)
        return status;
    va_start(args, format);
    format_line(text, sizeof(text), format, args);
    va_end(args);
    memcpy(log->last, text, sizeof(text));
    if (log->fn)
        log->fn(log->user, BELAY_LOG_ERROR, log->last);
    return status;
}

// The text was logged when it was found; what is kept now also says where.
belay_status belay_fail_in(struct belay_log *log, belay_status status, const char *format, ...)
{
    char prefix[256], text[sizeof(log->last)];
    va_list args;

    if (!log)
        return status;
    va_start(args, format);
    format_line(prefix, sizeof(prefix), format, args);
    va_end(args);
    memcpy(text, log->last, sizeof(text));
    int written = snprintf(log->last, sizeof(log->last), "%s: ", prefix);
    size_t room = sizeof(log->last) - (size_t) written;
    size_t length = strnlen(text, sizeof(text) - 1);
    if (length >= room)
        length = room - 1;
    memcpy(log->last + written, text, length);
    log->last[(size_t) written + length] = '\0';
    return status;
}

void belay_say(struct belay_log *log, enum belay_log_level level, const char *format, ...)
{
    char text[1024];
    va_list args;

    if (!log || !log->fn)
        return;
    va_start(args, format);
    format_line(text, sizeof(text), format, args);
    va_end(args);
    log->fn(log->user, level, text);
}

belay_status belay_fail_nomem(struct belay_log *log, size_t size)
{
    return belay_fail(log, BELAY_ERR_NOMEM, "memory is short: could not get %zu bytes", size);
}
