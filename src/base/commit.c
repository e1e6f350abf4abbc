#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"

#define TEMP_EXTRA 48
#define TEMP_TRIES 100

static belay_status fail_errno(struct belay_log *log, const char *verb, const char *path)
{
    int error = errno;
    return belay_fail(log, error == ENOMEM ? BELAY_ERR_NOMEM : BELAY_ERR_IO, "%s: cannot %s: %s",
                      path, verb, strerror(error));
}

// PATH.tmp-PID-N: in the same folder, so that the rename never crosses file systems. Unique within
// the process; leftovers of a process that had our number are stepped over.
static void name_temp(char *out, size_t size, const char *path)
{
    static _Atomic unsigned counter;
    snprintf(out, size, "%s.tmp-%ld-%u", path, (long) getpid(), atomic_fetch_add(&counter, 1));
}

static char *alloc_temp(struct belay_log *log, const char *path, size_t *size)
{
    char *temp;
    *size = strlen(path) + TEMP_EXTRA;
    temp = belay_alloc(*size);
    if (!temp)
        belay_fail_nomem(log, *size);
    return temp;
}

static belay_status open_temp(struct belay_log *log, const char *path, char *temp, size_t size,
                              int *fd)
{
    for (int i = 0; i < TEMP_TRIES; i++) {
        name_temp(temp, size, path);
        *fd = belay_sys_open(temp, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (*fd >= 0)
            return BELAY_OK;
        if (errno != EEXIST)
            break;
    }
    temp[0] = '\0'; // nothing of ours to remove
    return fail_errno(log, "create a temporary file beside it", path);
}

belay_status belay_commit_begin(struct belay_commit *c, struct belay_log *log, const char *path,
                                uint64_t expect)
{
    belay_status status;
    size_t size;

    *c = (struct belay_commit){ .log = log, .fd = -1 };
    c->path = belay_strdup(path);
    if (!c->path)
        return belay_fail_nomem(log, strlen(path) + 1);
    c->temp = alloc_temp(log, path, &size);
    status = c->temp ? open_temp(log, path, c->temp, size, &c->fd) : BELAY_ERR_NOMEM;
    if (status == BELAY_OK && expect > 0 && belay_sys_reserve(c->fd, expect) < 0)
        status = fail_errno(log, "reserve space for it", path);
    if (status != BELAY_OK)
        belay_commit_abort(c);
    return status;
}

belay_status belay_commit_write(struct belay_commit *c, const void *data, size_t size)
{
    if (c->fd < 0 || !c->path)
        return belay_fail(c->log, BELAY_ERR_ARG, "write to a file that is not open");
    if (belay_sys_write_all(c->fd, data, size) < 0)
        return fail_errno(c->log, "write", c->path);
    c->written += size;
    return BELAY_OK;
}

// Everything up to the rename; the space reserved beyond what was written is given back.
static belay_status settle(struct belay_commit *c)
{
    int fd = c->fd;

    if (belay_sys_ftruncate(fd, c->written) < 0)
        return fail_errno(c->log, "cut", c->path);
    if (belay_sys_fsync(fd) < 0)
        return fail_errno(c->log, "sync", c->path);
    c->fd = -1;
    if (belay_sys_close(fd) < 0)
        return fail_errno(c->log, "close", c->path);
    return BELAY_OK;
}

belay_status belay_commit_finish(struct belay_commit *c)
{
    belay_status status;

    if (c->fd < 0 || !c->path)
        return belay_fail(c->log, BELAY_ERR_ARG, "commit of a file that is not open");
    status = settle(c);
    if (status == BELAY_OK && belay_sys_rename(c->temp, c->path) < 0)
        status = fail_errno(c->log, "rename the temporary file to", c->path);
    if (status == BELAY_OK) {
        belay_free(c->temp); // the name is gone: abort has nothing to remove
        c->temp = NULL;
        // From here the new file stands, but a crash may bring the old one back.
        if (belay_sys_sync_parent(c->path) < 0)
            status = fail_errno(c->log, "sync the folder of", c->path);
    }
    belay_commit_abort(c);
    return status;
}

void belay_commit_abort(struct belay_commit *c)
{
    if (c->path && c->fd >= 0)
        belay_sys_close(c->fd);
    if (c->temp && c->temp[0])
        belay_sys_unlink(c->temp);
    belay_free(c->temp);
    belay_free(c->path);
    *c = (struct belay_commit){ .fd = -1 };
}

belay_status belay_file_write(struct belay_log *log, const char *path, const void *data,
                              size_t size)
{
    struct belay_commit c;
    belay_status status;

    BELAY_TRY(belay_commit_begin(&c, log, path, size));
    status = belay_commit_write(&c, data, size);
    if (status == BELAY_OK)
        return belay_commit_finish(&c);
    belay_commit_abort(&c);
    return status;
}

static belay_status copy_file(struct belay_log *log, const char *source, const char *path)
{
    char *data = NULL;
    size_t size;
    belay_status status;

    BELAY_TRY(belay_file_read(log, source, 0, &data, &size));
    status = belay_file_write(log, path, data, size);
    belay_free(data);
    return status;
}

static bool cannot_link(int error)
{
    return error == EPERM || error == EXDEV || error == EMLINK || error == EOPNOTSUPP ||
           error == ENOSYS;
}

// Renaming one name of a file to another name of the same file does nothing and leaves both, so
// the temporary name is removed in any case.
static belay_status rename_link(struct belay_log *log, const char *temp, const char *path)
{
    belay_status status = BELAY_OK;

    if (belay_sys_rename(temp, path) < 0)
        status = fail_errno(log, "rename the temporary file to", path);
    belay_sys_unlink(temp);
    if (status == BELAY_OK && belay_sys_sync_parent(path) < 0)
        status = fail_errno(log, "sync the folder of", path);
    return status;
}

belay_status belay_file_publish(struct belay_log *log, const char *source, const char *path)
{
    belay_status status;
    size_t size;
    char *temp = alloc_temp(log, path, &size);
    int rc = -1, error = EEXIST;

    if (!temp)
        return BELAY_ERR_NOMEM;
    for (int i = 0; i < TEMP_TRIES && rc < 0 && error == EEXIST; i++) {
        name_temp(temp, size, path);
        rc = belay_sys_link(source, temp);
        error = errno;
    }
    errno = error;
    if (rc == 0)
        status = rename_link(log, temp, path);
    else if (cannot_link(error))
        status = copy_file(log, source, path);
    else
        status = fail_errno(log, "link it", source);
    belay_free(temp);
    return status;
}
