// One wrapper for each system call on files, so that tests can fail the n-th. Only base/ uses it.
// All return -1 with errno set, as the calls do, and repeat on EINTR.
#ifndef BELAY_BASE_SYS_H
#define BELAY_BASE_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

int belay_sys_open(const char *path, int flags, mode_t mode);
ssize_t belay_sys_read(int fd, void *data, size_t size);
ssize_t belay_sys_write(int fd, const void *data, size_t size);
int belay_sys_fsync(int fd);
int belay_sys_fstat(int fd, struct stat *st);
int belay_sys_stat(const char *path, struct stat *st);
int belay_sys_ftruncate(int fd, uint64_t size);
int belay_sys_reserve(int fd, uint64_t size); // 0 also where the file system cannot
int belay_sys_rename(const char *from, const char *to);
int belay_sys_link(const char *from, const char *to);
int belay_sys_unlink(const char *path);
int belay_sys_mkdir(const char *path, mode_t mode);
int belay_sys_lock(int fd);  // exclusive, does not wait
int belay_sys_close(int fd); // keeps errno when it succeeds

// All bytes, through short writes.
int belay_sys_write_all(int fd, const void *data, size_t size);
// Syncs the folder that holds `path`.
int belay_sys_sync_parent(const char *path);

#endif
