// Runs tests/test_cli.sh on the command that lies beside this program's folder, so that it runs
// wherever the other test programs do. The working directory is the source's root.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char command[4096];
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    int length = slash ? (int) (slash - argv[0]) : 1;
    if (snprintf(command, sizeof(command), "%.*s/../belay", length, slash ? argv[0] : ".") >=
        (int) sizeof(command))
        return 1;
    execl("/bin/sh", "sh", "tests/test_cli.sh", command, (char *) NULL);
    perror("tests/test_cli.sh");
    return 1;
}
