#!/usr/bin/env bash
# README.md keeps its word: its C example is examples/tiny.c, under 60 lines and of the public
# header alone; the first command stands by line 15; the paths that it names exist.
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/check.sh
. tests/check.sh

# The first ```c block.
example() {
    awk '/^```c$/ { on = 1; next } /^```$/ && on { exit } on' README.md
}

check "README's C example is examples/tiny.c" diff <(example) examples/tiny.c
lines=$(wc -l <examples/tiny.c)
check "examples/tiny.c has $lines lines, want fewer than 60" test "$lines" -lt 60
includes=$(grep -oE '#include *["<]belay[^">]*|#include *"[^"]*' examples/tiny.c)
check "examples/tiny.c includes <belay/belay.h> alone" test "$includes" = '#include <belay/belay.h'

first=$(grep -nE '^(\$ )?(git clone|tools/|sudo |cd )' README.md | head -1 | cut -d: -f1)
check "the first command is on line ${first:-none}, want 15 at most" test "${first:-99}" -le 15

# Links in brackets, and what the map of the tree names.
for file in README.md ARCHITECTURE.md CONTRIBUTING.md CHANGELOG.md docs/*.md; do
    check "$file exists" test -s "$file"
    while read -r target; do
        check "$file links to $target" test -e "$(dirname "$file")/$target"
    done < <(grep -oE '\]\([^)#:]+\)' "$file" | sed 's/^](//; s/)$//')
done
# shellcheck disable=SC2016 # backquotes of Markdown
while read -r path; do
    check "README's map names $path" test -e "$path"
done < <(grep -oE '^\| `[a-z]+/[a-z./]*` ' README.md | tr -d '|` ')

finish
