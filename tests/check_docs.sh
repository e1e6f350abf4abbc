#!/usr/bin/env bash
# check_docs.sh BELAY: what is made from the tables is what the program prints now: the recipe
# reference; manual pages and completions are well formed.
set -u
belay=$(realpath "${1:?the path of belay}")
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/check.sh
. tests/check.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck disable=SC2317 # called through check
# same FILE PAGE
same() {
    "$belay" manual "$2" | diff - "$1" | head -20
    [ "${PIPESTATUS[1]}" = 0 ] && return
    echo "to bring it up to date: build/belay manual $2 >$1"
    return 1
}
for file in docs/*.md; do
    [ "$file" = docs/README.md ] || check "docs/README.md lists $file" grep -qF "(${file#docs/})" docs/README.md
done
check "docs/reference.md is what belay prints" same docs/reference.md reference

# Each formatter that is there must have nothing to say.
# shellcheck disable=SC2317 # called through check
silent() {
    local said
    said=$("$@" 2>&1 >/dev/null) && [ -z "$said" ] && return
    printf '%s\n' "$said" | head -20
    return 1
}
for page in belay recipe; do
    "$belay" manual $page >"$work/$page.man"
    if command -v groff >/dev/null; then
        check "the page $page is clean for groff" silent groff -man -ww -Tutf8 "$work/$page.man"
    else
        skipped "the page $page: no groff"
    fi
    if command -v mandoc >/dev/null; then
        # Without a date, so that every build makes the same bytes.
        check "the page $page is clean for mandoc" test -z \
            "$(mandoc -Tlint -Wwarning "$work/$page.man" | grep -v 'missing date')"
    else
        skipped "the page $page: no mandoc"
    fi
done
for shell in bash zsh fish; do
    "$belay" manual completion-$shell >"$work/completion.$shell"
    if command -v $shell >/dev/null; then
        check "the completion for $shell parses" $shell -n "$work/completion.$shell"
    else
        skipped "the completion for $shell: no $shell"
    fi
done

# completed WORD...: what bash offers for the last word.
completed() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _belay; echo "${COMPREPLY[*]}"' \
        _ "$work/completion.bash" "$@"
}
check "bash completes commands" test "$(completed belay trai)" = train
check "bash completes options" test "$(completed belay train --overf)" = --overfit-batch

finish
