// checkpoint.on_save: the command runs beside the training, one at a time, with the path of the newest
// durable checkpoint as its last argument.
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cli.h"

extern char **environ;

static pid_t child;            // 0: none
static char waiting[4096];     // the checkpoint that came while it ran, "": none
static const char *const *command;

static void start(const char *path)
{
    size_t count = 0;
    while (command[count])
        count++;
    char **argv = calloc(count + 2, sizeof(*argv));
    if (!argv)
        return;
    for (size_t i = 0; i < count; i++)
        argv[i] = (char *) command[i];
    argv[count] = (char *) path;
    int error = posix_spawnp(&child, argv[0], NULL, NULL, argv, environ);
    if (error) {
        child = 0;
        fprintf(stderr, "belay: warning: checkpoint.on_save: cannot run '%s': %s\n", argv[0],
                strerror(error));
    }
    free(argv);
}

static void reap(bool wait)
{
    int status = 0;
    if (!child || waitpid(child, &status, wait ? 0 : WNOHANG) != child)
        return;
    child = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status))
        fprintf(stderr, "belay: warning: checkpoint.on_save: '%s' ended with %d\n", command[0],
                WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        fprintf(stderr, "belay: warning: checkpoint.on_save: '%s' was killed by signal %d\n",
                command[0], WTERMSIG(status));
}

void on_save(const char *const *argv, const char *saved)
{
    command = argv;
    if (!argv)
        return;
    if (saved)
        snprintf(waiting, sizeof(waiting), "%s", saved);
    reap(false);
    if (child || !waiting[0])
        return;
    start(waiting);
    waiting[0] = '\0';
}

void on_save_end(void)
{
    reap(true);
    if (waiting[0] && command) {
        start(waiting);
        waiting[0] = '\0';
        reap(true);
    }
}
