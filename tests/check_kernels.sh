#!/usr/bin/env bash
# check_kernels.sh [FILE.cl ...]: clang reads each kernel file as OpenCL C 1.2, with common.clh
# before it as the library does, and must have nothing to say. No OpenCL device is needed.
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/check.sh
. tests/check.sh

clang=${CLANG:-clang}
command -v "$clang" >/dev/null || {
    skipped "kernel lint: no clang"
    finish
}

# shellcheck disable=SC2317 # called through check
# A kernel file may name the macros that it is built with: // lint: -DN=4 -DT=float
lint() {
    local macros
    macros=$(sed -n 's,^// lint: *,,p' "$1" | tr '\n' ' ')
    # shellcheck disable=SC2086 # several arguments
    "$clang" -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -fsyntax-only \
        -Wall -Wextra -Werror -Wno-unused-function -include cl/common.clh $macros "$1"
}

[ $# -gt 0 ] || set -- cl/*.cl
for file; do
    [ -e "$file" ] || continue
    check "$file" lint "$file"
    if ! LC_ALL=C.UTF-8 grep -qE '.{101}' "$file"; then
        passed
    else
        failed "$file has lines of more than 100 columns"
    fi
done

# A file that is not listed is not embedded.
for file in cl/*.cl cl/*.clh; do
    [ -e "$file" ] || continue
    check "$file is in cl/meson.build" grep -qF "'${file##*/}'" cl/meson.build
done

finish
