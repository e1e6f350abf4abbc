// The live line and the clock: what the commands ask of POSIX.
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

static bool shown;

bool live_wanted(void)
{
    return isatty(STDERR_FILENO) == 1;
}

void live_show(const char *text)
{
    // No wrap: a line that is broken in two cannot be rewritten.
    fprintf(stderr, "\r\033[?7l%s\033[K\033[?7h", text);
    fflush(stderr);
    shown = true;
}

void live_clear(void)
{
    if (!shown)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    shown = false;
}

size_t terminal_width(void)
{
    struct winsize size;
    if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}

double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}
