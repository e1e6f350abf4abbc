#!/usr/bin/env bash
# check_tutorial.sh BUILD_DIR: runs every command of docs/tutorial.md against an installed copy. What the
# page shows must be what is printed, but for the numbers: those depend on the device.
set -u
build=$(realpath "${1:?the build folder}")
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/check.sh
. tests/check.sh
page=$PWD/docs/tutorial.md
examples=$PWD/examples

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/stubs"
ln -s "$build" "$work/build"
ln -s "$examples" "$work/examples"
ln -s /bin/true "$work/stubs/ldconfig" # the system's cache stays as it is

# block LANGUAGE: the blocks of that language ("" for output), one after the other.
block() {
    awk -v start="\`\`\`$1" '/^```/ { on = on ? 0 : $0 == start ? 1 : 2; next } on == 1' "$page"
}

check "the tutorial's C program is examples/penguin.c" diff <(block c) examples/penguin.c
lines=$(wc -l <examples/penguin.c)
check "examples/penguin.c has $lines lines, want fewer than 60" test "$lines" -lt 60

# What a newcomer's shell would have: the installed command, headers and library.
cd "$work" || exit 1
export DESTDIR=$work/root
prefix=$DESTDIR$(meson introspect "$build" --buildoptions | tr '{' '\n' | sed -n 's/.*"name": "prefix", "value": "\([^"]*\)".*/\1/p')
libdir=$prefix/$(meson introspect "$build" --buildoptions | tr '{' '\n' | sed -n 's/.*"name": "libdir", "value": "\([^"]*\)".*/\1/p')
export PATH=$work/stubs:$prefix/bin:$PATH PKG_CONFIG_PATH=$libdir/pkgconfig PKG_CONFIG_SYSROOT_DIR=$DESTDIR
export LD_LIBRARY_PATH=$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

# Each command as it stands; the first that fails is named.
ran=0
while read -r line; do
    if bash -c "$line" >out 2>&1 </dev/null; then
        passed
    else
        failed "$line"
        tail -5 out | sed 's/^/    /'
    fi
    cat out >>all
    ran=$((ran + 1))
done < <(block sh)
check "the tutorial has commands ($ran)" test "$ran" -gt 10

# Numbers as N, spaces as one.
plain() { sed -E 's/[0-9][0-9.e+-]*/N/g; s/[[:space:]]+/ /g; s/^ //; s/ best$//; s/ $//'; }
plain <all | sort -u >got
while read -r line; do
    [ "$line" = ... ] || check "it prints: $line" grep -qxF -e "$(printf '%s\n' "$line" | plain)" got
done < <(block '' | grep .)
check "the recipe is the one that is shown" diff <(block yaml) penguins.yaml

finish
