// Files: reading whole, writing durably, folders, locks. Errors name the path and the reason.
#ifndef BELAY_BASE_FILE_H
#define BELAY_BASE_FILE_H

#include "base/log.h"

// Reads a whole file; at most `max` bytes (0: no limit). *data is owned (belay_free), one NUL
// byte follows the content. Regular files only.
belay_status belay_file_read(struct belay_log *log, const char *path, uint64_t max, char **data,
                             size_t *size);
// The first `size` bytes, or all there are; *got says how many.
belay_status belay_file_read_head(struct belay_log *log, const char *path, size_t size,
                                  char **data, size_t *got);
bool belay_file_exists(const char *path);
// The same for what is asked again and again: not one of the calls that tests count and fail.
bool belay_file_polled(const char *path);
bool belay_dir_exists(const char *path);
belay_status belay_file_size(struct belay_log *log, const char *path, uint64_t *size);
belay_status belay_dir_create(struct belay_log *log, const char *path); // with parents, 0777
belay_status belay_dir_create_private(struct belay_log *log, const char *path); // and 0700
belay_status belay_file_remove(struct belay_log *log, const char *path); // absent is fine
// Durably; what stood at `to` is replaced.
belay_status belay_file_rename(struct belay_log *log, const char *from, const char *to);
// Makes `path` exactly `size` bytes long and syncs it.
belay_status belay_file_truncate(struct belay_log *log, const char *path, uint64_t size);
// dir + "/" + name; owned, NULL when memory is short.
char *belay_path_join(const char *dir, const char *name);
// The names in a folder without "." and "..", sorted. Owned: free each and the list.
belay_status belay_dir_list(struct belay_log *log, const char *path, char ***names, size_t *count);
void belay_names_free(char **names, size_t count);
// Its time becomes now: it was used. What cannot be is left.
void belay_file_touch(const char *path);
// Removes the files of a folder that were used longest ago until at most `max_files` are left with at
// most `max_bytes` in all. Folders in it stay. For caches: what cannot be removed is left.
belay_status belay_dir_trim(struct belay_log *log, const char *path, size_t max_files,
                            uint64_t max_bytes);

// A durable replacement of one file: writes go to a temporary file in the same folder; commit
// syncs it, renames it over the target and syncs the folder. Until then the old file stands.
struct belay_commit {
    struct belay_log *log;
    char *path, *temp;
    int fd;
    uint64_t written;
};
// `expect` bytes are reserved first when > 0, so that a full disk shows early.
belay_status belay_commit_begin(struct belay_commit *c, struct belay_log *log, const char *path,
                                uint64_t expect);
belay_status belay_commit_write(struct belay_commit *c, const void *data, size_t size);
belay_status belay_commit_finish(struct belay_commit *c); // frees; on failure the old file stands
void belay_commit_abort(struct belay_commit *c);          // safe on zeroed and on finished
// All three for a small text.
belay_status belay_file_write(struct belay_log *log, const char *path, const void *data,
                              size_t size);
// Makes `path` the same file as the committed `source` (hard link through a temporary name and a
// rename; a copy where links are not to be had), durably.
belay_status belay_file_publish(struct belay_log *log, const char *source, const char *path);

// An append-only file for logs. Each append is one write call; sync makes it durable.
struct belay_append {
    struct belay_log *log;
    char *path;
    int fd;
    uint64_t size; // bytes now
};
belay_status belay_append_open(struct belay_append *a, struct belay_log *log, const char *path);
belay_status belay_append_write(struct belay_append *a, const void *data, size_t size);
belay_status belay_append_sync(struct belay_append *a);
void belay_append_close(struct belay_append *a); // safe on zeroed

// An exclusive lock on a file (created), held until closed or the process ends.
// BELAY_ERR_EXISTS when another process holds it.
belay_status belay_lock_take(struct belay_log *log, const char *path, int *fd);
bool belay_lock_held(const char *path); // by anybody, this process too
void belay_lock_drop(int *fd); // safe on -1

// Tests: the n-th system call of this file (open, write, fsync, rename, unlink, ...) fails with
// `error`, or kills the process with BELAY_FILE_KILL; negative n switches off.
// belay_file_call_count counts them.
#define BELAY_FILE_KILL (-9)
void belay_file_fail_at(int64_t n, int error);
void belay_file_fail_from(int64_t n, int error); // that one and all after it
int64_t belay_file_call_count(void);

#endif
