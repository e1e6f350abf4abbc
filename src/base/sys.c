#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

static _Atomic int64_t calls;
static _Atomic int64_t fail_at = -1; // the call's number since the start
static _Atomic int fail_error;
static _Atomic bool fail_forever;

static void fail(int64_t n, int error, bool forever)
{
    atomic_store(&fail_error, error);
    atomic_store(&fail_forever, forever);
    atomic_store(&fail_at, n < 0 ? -1 : atomic_load(&calls) + n);
}

void belay_file_fail_at(int64_t n, int error)
{
    fail(n, error, false);
}

void belay_file_fail_from(int64_t n, int error)
{
    fail(n, error, true);
}

int64_t belay_file_call_count(void)
{
    return atomic_load(&calls);
}

static bool injected(void)
{
    int64_t call = atomic_fetch_add(&calls, 1), at = atomic_load(&fail_at);
    if (at < 0 || call < at || (call > at && !atomic_load(&fail_forever)))
        return false;
    // Tests of resume: the process dies here as by SIGKILL.
    if (atomic_load(&fail_error) == BELAY_FILE_KILL)
        raise(SIGKILL);
    errno = atomic_load(&fail_error);
    return true;
}

int belay_sys_open(const char *path, int flags, mode_t mode)
{
    int fd;
    if (injected())
        return -1;
    do
        fd = open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

ssize_t belay_sys_read(int fd, void *data, size_t size)
{
    ssize_t got;
    if (injected())
        return -1;
    do
        got = read(fd, data, size > (1u << 30) ? 1u << 30 : size);
    while (got < 0 && errno == EINTR);
    return got;
}

ssize_t belay_sys_write(int fd, const void *data, size_t size)
{
    ssize_t put;
    if (injected())
        return -1;
    do
        put = write(fd, data, size > (1u << 30) ? 1u << 30 : size);
    while (put < 0 && errno == EINTR);
    return put;
}

int belay_sys_fsync(int fd)
{
    int rc;
    if (injected())
        return -1;
    do
        rc = fsync(fd);
    while (rc < 0 && errno == EINTR);
    return rc;
}

int belay_sys_fstat(int fd, struct stat *st)
{
    return injected() ? -1 : fstat(fd, st);
}

int belay_sys_stat(const char *path, struct stat *st)
{
    return injected() ? -1 : stat(path, st);
}

int belay_sys_ftruncate(int fd, uint64_t size)
{
    int rc;
    if (injected())
        return -1;
    if (size > INT64_MAX) {
        errno = EFBIG;
        return -1;
    }
    do
        rc = ftruncate(fd, (off_t) size);
    while (rc < 0 && errno == EINTR);
    return rc;
}

int belay_sys_reserve(int fd, uint64_t size)
{
    int error;
    if (injected())
        return -1;
    if (size > INT64_MAX) {
        errno = EFBIG;
        return -1;
    }
    do
        error = posix_fallocate(fd, 0, (off_t) size);
    while (error == EINTR);
    if (error == 0 || error == EOPNOTSUPP || error == EINVAL || error == ENOSYS)
        return 0;
    errno = error;
    return -1;
}

int belay_sys_rename(const char *from, const char *to)
{
    return injected() ? -1 : rename(from, to);
}

int belay_sys_link(const char *from, const char *to)
{
    return injected() ? -1 : link(from, to);
}

int belay_sys_unlink(const char *path)
{
    return injected() ? -1 : unlink(path);
}

int belay_sys_mkdir(const char *path, mode_t mode)
{
    return injected() ? -1 : mkdir(path, mode);
}

int belay_sys_lock(int fd)
{
    int rc;
    if (injected())
        return -1;
    do
        rc = flock(fd, LOCK_EX | LOCK_NB);
    while (rc < 0 && errno == EINTR);
    return rc;
}

int belay_sys_close(int fd)
{
    int before = errno;
    // After EINTR the descriptor is gone on Linux: closing again could hit another thread's file.
    if (close(fd) < 0 && errno != EINTR)
        return -1;
    errno = before;
    return 0;
}

int belay_sys_write_all(int fd, const void *data, size_t size)
{
    const char *from = data;

    while (size > 0) {
        ssize_t put = belay_sys_write(fd, from, size);
        if (put < 0)
            return -1;
        if (put == 0) {
            errno = EIO;
            return -1;
        }
        from += put;
        size -= (size_t) put;
    }
    return 0;
}

static int sync_folder(const char *folder)
{
    int fd = belay_sys_open(folder, O_RDONLY | O_DIRECTORY, 0);
    int rc;

    if (fd < 0)
        return -1;
    rc = belay_sys_fsync(fd);
    if (rc < 0 && errno == EINVAL)
        rc = 0; // a file system without synced folders
    belay_sys_close(fd);
    return rc;
}

int belay_sys_sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder;
    int rc;

    if (!slash)
        return sync_folder(".");
    folder = belay_strndup(path, slash == path ? 1 : (size_t) (slash - path));
    if (!folder) {
        errno = ENOMEM;
        return -1;
    }
    rc = sync_folder(folder);
    belay_free(folder);
    return rc;
}
