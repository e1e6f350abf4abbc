#!/usr/bin/env bash
# check_symbols.sh LIBRARY: what it exports is what the headers declare, and fewer than 100 names.
set -u
library=$(realpath "${1:?the path of libbelay.so}")
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/check.sh
. tests/check.sh

# The name before the first bracket of each declaration that carries BELAY_API.
declared() {
    cat include/belay/*.h | sed 's,//.*,,; /^[[:space:]]*#/d' | tr '\n' ' ' | sed 's/[;{}]/\n/g' |
        grep -w BELAY_API | sed -E 's/.*BELAY_API([^(]*)\(.*/\1/; s/.*[^a-z0-9_]([a-z0-9_]+) *$/\1/' |
        sort -u
}

exported() {
    nm -D --defined-only "$library" | awk '{print $3}' | sed 's/@.*//' | sort -u
}

missing=$(comm -23 <(declared) <(exported))
extra=$(comm -13 <(declared) <(exported))
count=$(declared | wc -l)

for name in $(comm -12 <(declared) <(exported)); do
    [ -n "$name" ] && passed
done
for name in $missing; do
    failed "declared in a header, not exported: $name"
done
for name in $extra; do
    failed "exported, not in a header: $name"
done
check "$count public functions; want 1 to 99" test "$count" -gt 0 -a "$count" -lt 100

finish
