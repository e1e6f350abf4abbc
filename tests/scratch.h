// A folder of its own for a test, emptied first. One level of files and folders of files.
#ifndef BELAY_TESTS_SCRATCH_H
#define BELAY_TESTS_SCRATCH_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

static inline void scratch_empty(const char *dir)
{
    char **names;
    size_t count;

    if (belay_dir_list(NULL, dir, &names, &count) != BELAY_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        char *path = belay_path_join(dir, names[i]);
        if (belay_dir_exists(path)) {
            scratch_empty(path);
            rmdir(path);
        } else {
            unlink(path);
        }
        belay_free(path);
    }
    belay_names_free(names, count);
}

// Tests may run at once: the folder is named by the subject and the process.
static inline const char *scratch_dir(const char *subject)
{
    static char dir[256];
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof(dir), "%s/belay-test-%s-%ld", tmp && *tmp ? tmp : "/tmp", subject,
             (long) getpid());
    scratch_empty(dir);
    mkdir(dir, 0777);
    return dir;
}

static inline void scratch_remove(const char *dir)
{
    scratch_empty(dir);
    rmdir(dir);
}

#endif
