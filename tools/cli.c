#include "cli.h"

#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

const struct exit_code exit_codes[] = {
    { EXIT_DONE, "done", "done: trained to the end, or stopped early as the recipe says" },
    { EXIT_OTHER, "other", "something else went wrong: memory is short, not supported" },
    { EXIT_USAGE, "usage", "wrong arguments or a bad recipe" },
    { EXIT_NO_DEVICE, "no_device", "no such device, or several that fit the name" },
    { EXIT_DEVICE, "device", "the device or its driver failed" },
    { EXIT_DIVERGED, "diverged", "the loss went to NaN or past stop.diverged" },
    { EXIT_CANCELLED, "cancelled", "interrupted; what was whole is saved, `belay resume` goes on" },
    { EXIT_DAMAGED, "damaged", "a checkpoint or model file is damaged or of another model" },
    { EXIT_DATA, "data", "a file could not be read or written, or its content is wrong" },
    { EXIT_EXISTS, "exists", "the run exists already, or another process writes it" },
    { 0, NULL, NULL },
};

int exit_of(belay_status status)
{
    switch (status) {
    case BELAY_OK:
        return EXIT_DONE;
    case BELAY_ERR_ARG: // what the library was given is what stood on the command line
    case BELAY_ERR_RECIPE:
    case BELAY_ERR_SHAPE:
        return EXIT_USAGE;
    case BELAY_ERR_NO_DEVICE:
        return EXIT_NO_DEVICE;
    case BELAY_ERR_DEVICE:
        return EXIT_DEVICE;
    case BELAY_ERR_DIVERGED:
        return EXIT_DIVERGED;
    case BELAY_ERR_CANCELLED:
        return EXIT_CANCELLED;
    case BELAY_ERR_DAMAGED:
    case BELAY_ERR_MISMATCH:
        return EXIT_DAMAGED;
    case BELAY_ERR_DATA:
    case BELAY_ERR_IO:
        return EXIT_DATA;
    case BELAY_ERR_EXISTS:
        return EXIT_EXISTS;
    default:
        return EXIT_OTHER;
    }
}

// One line on stderr, clear of the live line.
static void say(const char *mark, const char *message)
{
    live_clear();
    fprintf(stderr, "belay: %s", mark);
    print_safe(stderr, message);
    fputc('\n', stderr);
}

static void on_log(void *user, enum belay_log_level level, const char *message)
{
    struct cli *cli = user;
    if (level == BELAY_LOG_ERROR) {
        snprintf(cli->error, sizeof(cli->error), "%s", message);
        say("error: ", message);
    } else if (level == BELAY_LOG_WARN) {
        say("warning: ", message);
    } else if (level == BELAY_LOG_INFO && !cli->quiet) {
        say("", message);
    }
}

belay_status cli_open(struct cli *cli, belay_ctx **ctx)
{
    const belay_ctx_params params = { .device = cli->device, .log = on_log, .log_user = cli };
    return belay_ctx_create(&params, ctx);
}

static void fail_json(const struct cli *cli, int code)
{
    const char *name = "other";
    for (const struct exit_code *e = exit_codes; e->name; e++)
        if (e->code == code)
            name = e->name;
    printf("{\"error\": ");
    json_text(stdout, cli->error);
    printf(", \"reason\": \"%s\", \"exit\": %d}\n", name, code);
}

int cli_fail(struct cli *cli, belay_status status)
{
    live_clear();
    if (!cli->error[0]) {
        snprintf(cli->error, sizeof(cli->error), "%s", belay_status_name(status));
        say("error: ", cli->error);
    }
    if (cli->json)
        fail_json(cli, exit_of(status));
    return exit_of(status);
}

int cli_error(struct cli *cli, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(cli->error, sizeof(cli->error), format, args);
    va_end(args);
    say("error: ", cli->error);
    if (cli->json)
        fail_json(cli, code);
    return code;
}

bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool join_path(char *out, size_t size, const char *folder, const char *name)
{
    size_t length = strlen(folder);
    bool slash = length > 0 && folder[length - 1] == '/';
    int n = snprintf(out, size, "%s%s%s", folder, slash ? "" : "/", name);
    return n >= 0 && (size_t) n < size;
}

void print_safe(FILE *to, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char) *text;
        fputc(c < 0x20 || c == 0x7F ? '?' : c, to);
    }
}

const char *size_text(char out[32], double bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    int unit = 0;
    for (; bytes >= 1024 && unit < 4; unit++)
        bytes /= 1024;
    snprintf(out, 32, unit && bytes < 100 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return out;
}

const char *time_text(char out[32], double seconds)
{
    if (!(seconds >= 0) || seconds > 1e8) {
        snprintf(out, 32, "-");
        return out;
    }
    unsigned long s = (unsigned long) (seconds + 0.5);
    if (s >= 3600)
        snprintf(out, 32, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, 32, "%lu:%02lu", s / 60, s % 60);
    return out;
}
