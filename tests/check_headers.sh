#!/usr/bin/env bash
# Each public header compiles alone, twice in one file, as C11 and as C++17, without a warning.
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/check.sh
. tests/check.sh

warnings=(-Wall -Wextra -Wpedantic -Wshadow -Wundef -Werror -fsyntax-only -Iinclude)

# shellcheck disable=SC2317 # called through check
# alone LANGUAGE-AND-COMPILER HEADER
alone() {
    printf '#include <belay/%s>\n#include <belay/%s>\nint main(void) { return 0; }\n' "$2" "$2" |
        $1 "${warnings[@]}" -
}

for header in include/belay/*.h; do
    name=${header##*/}
    check "$name as C11" alone "${CC:-cc} -std=c11 -Wstrict-prototypes -x c" "$name"
    if command -v "${CXX:-c++}" >/dev/null; then
        check "$name as C++17" alone "${CXX:-c++} -std=c++17 -x c++" "$name"
    else
        skipped "$name as C++17: no C++ compiler"
    fi
    case $(grep -c "include <belay/$name>" include/belay/belay.h) in
    1) passed ;;
    *) [ "$name" = belay.h ] || failed "$name is not in belay.h" ;;
    esac
done

finish
