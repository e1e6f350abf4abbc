#!/usr/bin/env bash
# The rooms' order: a folder of src/ includes only from itself and from rooms above it.
# Who may see the system, OpenCL and CLBlast, and what library code never calls, is looked at too.
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/check.sh
. tests/check.sh

rooms=(base format tensor op graph device model data train report)

position() {
    local i
    for i in "${!rooms[@]}"; do
        [ "${rooms[i]}" = "$1" ] && echo "$i" && return
    done
    echo 99
}

# allowed FROM TO: may a file of room FROM include one of room TO?
allowed() {
    [ "$1/$2" = format/tensor ] || [ "$(position "$2")" -le "$(position "$1")" ]
}

# Every #include "a/b.h" under src/, as FILE:LINE:ROOM.
quoted_includes() {
    grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' src --include='*.[ch]' |
        sed -E 's/^([^:]*:[0-9]*):[^"]*"([^"/]*).*/\1:\2/'
}

while IFS=: read -r file line to; do
    from=${file#src/}
    from=${from%%/*}
    if allowed "$from" "$to"; then
        passed
    else
        failed "$file:$line: room '$from' includes from '$to'"
    fi
done < <(quoted_includes)

# Host backend and OpenCL backend know nothing of each other.
for pair in host:opencl opencl:host; do
    found=$(grep -rnE "include \"device/${pair#*:}/" "src/device/${pair%:*}" 2>/dev/null)
    check "one backend includes the other: $found" test -z "$found"
done

# nowhere WHAT PATTERN EXCEPT: no file of src/ but those matching EXCEPT may match PATTERN.
# Comment lines do not count.
nowhere() {
    local found
    found=$(grep -rnE "$2" src --include='*.[ch]' | grep -vE "^($3)" |
        grep -vE '^[^:]*:[0-9]*:[[:space:]]*//')
    if [ -z "$found" ]; then
        passed
    else
        failed "$1"
        printf '%s\n' "$found" | sed 's/^/    /'
    fi
}

include='#[[:space:]]*include[[:space:]]*<'
nowhere "only device/opencl sees OpenCL" "${include}CL/" 'src/device/opencl/'
nowhere "only base makes POSIX calls" \
    "${include}(unistd|fcntl|sys/|dirent|pthread|signal|dlfcn|poll)" 'src/base/'
nowhere "only base/env.c reads the environment" '\b(secure_)?getenv *\(' 'src/base/env\.c'
nowhere "library code never ends the process" '\b(exit|_exit|abort|quick_exit) *\(' '-'
nowhere "library code never prints" '\b(printf|puts|putchar|perror|vprintf) *\(|\b(stdout|stderr)\b' '-'
nowhere "memory comes from base/mem.h" '(^|[^_[:alnum:]])(malloc|calloc|realloc|strdup) *\(' 'src/base/mem\.[ch]'
nowhere "no thread-hostile functions" '\b(strtok|localtime|gmtime|rand|srand|setlocale) *\(' '-'

clblast=$(grep -rlE "${include}clblast" src | wc -l)
check "$clblast files see CLBlast, one may" test "$clblast" -le 1

finish
