#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sys.h"

char *belay_path_join(const char *dir, const char *name)
{
    size_t length = strlen(dir), extra = strlen(name);
    bool slash = length > 0 && dir[length - 1] != '/';
    char *path = belay_alloc(length + slash + extra + 1);

    if (!path)
        return NULL;
    memcpy(path, dir, length);
    if (slash)
        path[length] = '/';
    memcpy(path + length + slash, name, extra);
    return path;
}

static belay_status make_one(struct belay_log *log, const char *path)
{
    if (belay_sys_mkdir(path, 0777) == 0) {
        if (belay_sys_sync_parent(path) == 0)
            return BELAY_OK;
        return belay_fail(log, errno == ENOMEM ? BELAY_ERR_NOMEM : BELAY_ERR_IO,
                          "%s: cannot sync the folder above: %s", path, strerror(errno));
    }
    int error = errno;
    if (error == EEXIST && belay_dir_exists(path))
        return BELAY_OK;
    return belay_fail(log, BELAY_ERR_IO, "%s: cannot make the folder: %s", path, strerror(error));
}

static void trim_slashes(char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        path[--length] = '\0';
}

belay_status belay_dir_create(struct belay_log *log, const char *path)
{
    belay_status status = BELAY_OK;
    char *copy;

    if (belay_dir_exists(path))
        return BELAY_OK;
    if (!*path)
        return belay_fail(log, BELAY_ERR_ARG, "the name of the folder to make is empty");
    copy = belay_strdup(path);
    if (!copy)
        return belay_fail_nomem(log, strlen(path) + 1);
    trim_slashes(copy);
    for (char *p = copy + 1; *p && status == BELAY_OK; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (!belay_dir_exists(copy))
            status = make_one(log, copy);
        *p = '/';
    }
    if (status == BELAY_OK)
        status = make_one(log, copy);
    belay_free(copy);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

void belay_names_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        belay_free(names[i]);
    belay_free(names);
}

static bool add_name(char ***names, size_t *count, size_t *capacity, const char *name)
{
    void *items = *names;
    char *copy;

    if (!belay_grow(&items, *count, capacity, sizeof(**names)))
        return false;
    *names = items;
    copy = belay_strdup(name);
    if (!copy)
        return false;
    (*names)[(*count)++] = copy;
    return true;
}

belay_status belay_dir_list(struct belay_log *log, const char *path, char ***names, size_t *count)
{
    belay_status status = BELAY_OK;
    char **list = NULL;
    size_t n = 0, capacity = 0;
    struct dirent *entry;
    DIR *dir = opendir(path);

    if (!dir)
        return belay_fail(log, BELAY_ERR_IO, "%s: cannot list the folder: %s", path,
                          strerror(errno));
    while (errno = 0, (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!add_name(&list, &n, &capacity, entry->d_name)) {
            status = belay_fail_nomem(log, sizeof(*list));
            goto done;
        }
    }
    if (errno) {
        status =
            belay_fail(log, BELAY_ERR_IO, "%s: cannot list the folder: %s", path, strerror(errno));
        goto done;
    }
    if (n)
        qsort(list, n, sizeof(*list), compare_names);
    *names = list;
    *count = n;
    list = NULL;
done:
    closedir(dir);
    if (list)
        belay_names_free(list, n);
    return status;
}

belay_status belay_dir_create_private(struct belay_log *log, const char *path)
{
    BELAY_TRY(belay_dir_create(log, path));
    if (chmod(path, 0700) != 0)
        return belay_fail(log, BELAY_ERR_IO, "%s: cannot be made private: %s", path,
                          strerror(errno));
    return BELAY_OK;
}

void belay_file_touch(const char *path)
{
    (void) utimensat(AT_FDCWD, path, NULL, 0);
}

// ---- caches ----

struct used_file {
    char *path; // owned
    uint64_t size;
    int64_t seconds, nanoseconds; // when it was used
};

static int by_use(const void *a, const void *b)
{
    const struct used_file *x = a, *y = b;
    if (x->seconds != y->seconds)
        return x->seconds < y->seconds ? -1 : 1;
    if (x->nanoseconds != y->nanoseconds)
        return x->nanoseconds < y->nanoseconds ? -1 : 1;
    return strcmp(x->path, y->path);
}

// The regular files of a folder with their sizes; `files` has room for all names.
static size_t look_at_files(const char *dir, char *const *names, size_t count,
                            struct used_file *files)
{
    size_t num = 0;
    for (size_t i = 0; i < count; i++) {
        struct stat st;
        char *path = belay_path_join(dir, names[i]);
        if (!path || belay_sys_stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
            belay_free(path);
            continue;
        }
        files[num++] = (struct used_file){ path, (uint64_t) st.st_size, st.st_mtim.tv_sec,
                                           st.st_mtim.tv_nsec };
    }
    return num;
}

static void remove_oldest(const struct used_file *files, size_t count, size_t max_files,
                          uint64_t max_bytes)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += files[i].size;
    for (size_t i = 0; i < count && (count - i > max_files || bytes > max_bytes); i++) {
        (void) belay_file_remove(NULL, files[i].path);
        bytes -= files[i].size;
    }
}

belay_status belay_dir_trim(struct belay_log *log, const char *path, size_t max_files,
                            uint64_t max_bytes)
{
    char **names;
    size_t count, num;
    BELAY_TRY(belay_dir_list(log, path, &names, &count));
    struct used_file *files = belay_alloc_array(count + 1, sizeof(*files));
    num = files ? look_at_files(path, names, count, files) : 0;
    if (num)
        qsort(files, num, sizeof(*files), by_use);
    remove_oldest(files, num, max_files, max_bytes);
    for (size_t i = 0; i < num; i++)
        belay_free(files[i].path);
    belay_names_free(names, count);
    bool whole = files != NULL;
    belay_free(files);
    return whole ? BELAY_OK : belay_fail_nomem(log, (count + 1) * sizeof(*files));
}
