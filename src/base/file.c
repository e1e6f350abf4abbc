#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"

#define LOCK_TRIES 5

static belay_status fail_errno(struct belay_log *log, const char *verb, const char *path)
{
    int error = errno;
    return belay_fail(log, error == ENOMEM ? BELAY_ERR_NOMEM : BELAY_ERR_IO, "%s: cannot %s: %s",
                      path, verb, strerror(error));
}

bool belay_file_exists(const char *path)
{
    struct stat st;
    return belay_sys_stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

bool belay_file_polled(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool belay_dir_exists(const char *path)
{
    struct stat st;
    return belay_sys_stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

belay_status belay_file_size(struct belay_log *log, const char *path, uint64_t *size)
{
    struct stat st;
    if (belay_sys_stat(path, &st) < 0)
        return fail_errno(log, "look at it", path);
    if (!S_ISREG(st.st_mode))
        return belay_fail(log, BELAY_ERR_IO, "%s: is not a regular file", path);
    *size = (uint64_t) st.st_size;
    return BELAY_OK;
}

// Opens a regular file; without blocking, so that a pipe of that name is refused, not waited for.
static belay_status open_regular(struct belay_log *log, const char *path, uint64_t max, int *fd,
                                 size_t *size)
{
    struct stat st;
    belay_status status = BELAY_OK;
    int opened = belay_sys_open(path, O_RDONLY | O_NONBLOCK, 0);

    if (opened < 0)
        return fail_errno(log, "open", path);
    if (belay_sys_fstat(opened, &st) < 0)
        status = fail_errno(log, "look at it", path);
    else if (!S_ISREG(st.st_mode))
        status = belay_fail(log, BELAY_ERR_IO, "%s: is not a regular file", path);
    else if ((max && (uint64_t) st.st_size > max) || (uint64_t) st.st_size >= PTRDIFF_MAX)
        status = belay_fail(log, BELAY_ERR_IO, "%s: has %lld bytes, at most %llu are read", path,
                            (long long) st.st_size, (unsigned long long) (max ? max : PTRDIFF_MAX));
    if (status != BELAY_OK) {
        belay_sys_close(opened);
        return status;
    }
    *fd = opened;
    *size = (size_t) st.st_size;
    return BELAY_OK;
}

static belay_status read_all(struct belay_log *log, const char *path, int fd, char *data,
                             size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = belay_sys_read(fd, data + done, size - done);
        if (got < 0)
            return fail_errno(log, "read", path);
        if (got == 0)
            return belay_fail(log, BELAY_ERR_IO,
                              "%s: became shorter while it was read: %zu of "
                              "%zu bytes",
                              path, done, size);
        done += (size_t) got;
    }
    return BELAY_OK;
}

belay_status belay_file_read(struct belay_log *log, const char *path, uint64_t max, char **data,
                             size_t *size)
{
    belay_status status;
    char *bytes = NULL;
    size_t count = 0;
    int fd = -1;

    BELAY_TRY(open_regular(log, path, max, &fd, &count));
    bytes = belay_alloc(count + 1);
    if (!bytes)
        status = belay_fail_nomem(log, count + 1);
    else
        status = read_all(log, path, fd, bytes, count);
    belay_sys_close(fd);
    if (status != BELAY_OK) {
        belay_free(bytes);
        return status;
    }
    *data = bytes;
    *size = count;
    return BELAY_OK;
}

belay_status belay_file_read_head(struct belay_log *log, const char *path, size_t size,
                                  char **data, size_t *got)
{
    belay_status status;
    char *bytes = NULL;
    size_t count = 0;
    int fd = -1;

    BELAY_TRY(open_regular(log, path, 0, &fd, &count));
    count = count < size ? count : size;
    bytes = belay_alloc(count + 1);
    status = bytes ? read_all(log, path, fd, bytes, count) : belay_fail_nomem(log, count + 1);
    belay_sys_close(fd);
    if (status != BELAY_OK) {
        belay_free(bytes);
        return status;
    }
    *data = bytes;
    *got = count;
    return BELAY_OK;
}

belay_status belay_file_remove(struct belay_log *log, const char *path)
{
    if (belay_sys_unlink(path) < 0 && errno != ENOENT)
        return fail_errno(log, "remove", path);
    return BELAY_OK;
}

belay_status belay_file_rename(struct belay_log *log, const char *from, const char *to)
{
    if (belay_sys_rename(from, to) < 0)
        return fail_errno(log, "rename", from);
    if (belay_sys_sync_parent(to) < 0)
        return fail_errno(log, "sync the folder of", to);
    return BELAY_OK;
}

belay_status belay_file_truncate(struct belay_log *log, const char *path, uint64_t size)
{
    belay_status status = BELAY_OK;
    int fd = belay_sys_open(path, O_WRONLY, 0);

    if (fd < 0)
        return fail_errno(log, "open", path);
    if (belay_sys_ftruncate(fd, size) < 0)
        status = fail_errno(log, "cut", path);
    else if (belay_sys_fsync(fd) < 0)
        status = fail_errno(log, "sync", path);
    belay_sys_close(fd);
    return status;
}

belay_status belay_append_open(struct belay_append *a, struct belay_log *log, const char *path)
{
    struct stat st;
    belay_status status = BELAY_OK;
    int fd = -1;

    *a = (struct belay_append){ .log = log, .fd = -1 };
    a->path = belay_strdup(path);
    if (!a->path)
        return belay_fail_nomem(log, strlen(path) + 1);
    fd = belay_sys_open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (fd < 0)
        status = fail_errno(log, "open", path);
    else if (belay_sys_fstat(fd, &st) < 0)
        status = fail_errno(log, "look at it", path);
    else if (belay_sys_sync_parent(path) < 0)
        status = fail_errno(log, "sync the folder", path);
    if (status != BELAY_OK) {
        if (fd >= 0)
            belay_sys_close(fd);
        belay_free(a->path);
        *a = (struct belay_append){ 0 };
        return status;
    }
    a->fd = fd;
    a->size = (uint64_t) st.st_size;
    return BELAY_OK;
}

belay_status belay_append_write(struct belay_append *a, const void *data, size_t size)
{
    if (!a->path)
        return belay_fail(a->log, BELAY_ERR_ARG, "append to a file that is not open");
    if (belay_sys_write_all(a->fd, data, size) < 0) {
        belay_status status = fail_errno(a->log, "write", a->path);
        // Half a line is worse than none; where this fails too, the reader cuts by length.
        if (belay_sys_ftruncate(a->fd, a->size) < 0)
            belay_say(a->log, BELAY_LOG_WARN, "%s: half a record may be left", a->path);
        return status;
    }
    a->size += size;
    return BELAY_OK;
}

belay_status belay_append_sync(struct belay_append *a)
{
    if (!a->path)
        return belay_fail(a->log, BELAY_ERR_ARG, "sync of a file that is not open");
    if (belay_sys_fsync(a->fd) < 0)
        return fail_errno(a->log, "sync", a->path);
    return BELAY_OK;
}

void belay_append_close(struct belay_append *a)
{
    if (a->path)
        belay_sys_close(a->fd);
    belay_free(a->path);
    *a = (struct belay_append){ 0 };
}

belay_status belay_lock_take(struct belay_log *log, const char *path, int *fd)
{
    belay_status status;
    int opened = belay_sys_open(path, O_RDWR | O_CREAT, 0666);

    if (opened < 0)
        return fail_errno(log, "open", path);
    // Who only looks whether it is held (`belay status`) holds it for a moment.
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (belay_sys_lock(opened) == 0) {
            *fd = opened;
            return BELAY_OK;
        }
        if (errno != EWOULDBLOCK || i + 1 == LOCK_TRIES)
            break;
        nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
        errno = EWOULDBLOCK;
    }
    if (errno == EWOULDBLOCK)
        status = belay_fail(log, BELAY_ERR_EXISTS, "%s: another process holds this lock", path);
    else
        status = fail_errno(log, "lock", path);
    belay_sys_close(opened);
    return status;
}

bool belay_lock_held(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        belay_sys_close(fd);
    return held;
}

// The file stays: removing it could free the name while another process waits on the old file.
void belay_lock_drop(int *fd)
{
    if (*fd >= 0)
        belay_sys_close(*fd);
    *fd = -1;
}
