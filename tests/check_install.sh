#!/usr/bin/env bash
# check_install.sh BUILD_DIR: installs into an empty folder, and builds and runs programs from
# outside that know Belay only through pkg-config.
set -u
build=$(realpath "${1:?the build folder}")
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/check.sh
. tests/check.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
examples=$PWD/examples

if ! DESTDIR=$work/root meson install -C "$build" --no-rebuild >"$work/log" 2>&1; then
    cat "$work/log"
    failed "meson install"
    finish
fi
passed

pc=$(find "$work/root" -name belay.pc)
check "belay.pc is installed" test -n "$pc"
library=$(dirname "$(find "$work/root" -name 'libbelay.so')")
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$work/root LD_LIBRARY_PATH=$library${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
for page in man1/belay.1 man5/belay-recipe.5; do
    check "the manual page $page is installed" test -s "$(find "$work/root" -path "*/$page")"
done
cd "$work" || exit 1
read -ra flags < <(pkg-config --cflags --libs belay)

check "the C example builds as C11" "${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Werror \
    "$examples/tiny.c" -o tiny "${flags[@]}" -lm
check "the C example runs" ./tiny
check "it saved its model" test -s tiny.safetensors
./tiny 2>&1 | sed 's/^/    /'

# Operators, a loss and an optimizer of a program's own; who does not know them says so.
check "the example with its own operators builds as C11" "${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic \
    -Werror "$examples/own.c" -o own_example "${flags[@]}" -lm
for device in host opencl; do
    rm -rf own
    check "it trains on $device" env BELAY_DEVICE=$device ./own_example
done
tool=$(find "$work/root" -name belay -type f -perm -u+x)
# refuses PART COMMAND...: one line that says PART.
refuses() {
    local part=$1 said
    shift
    said=$("$@" 2>&1 >/dev/null | grep -v warning)
    [ "$(printf '%s\n' "$said" | wc -l)" = 1 ] && [[ $said == *"$part"* ]] || { echo "    $said"; return 1; }
}
check "a run with them is not resumed without them" \
    refuses "'log_cosh' is none of Belay's: the program that wrote this had registered it" "$tool" resume own
check "nor is its model opened" \
    refuses "'log_cosh' is none of Belay's" "$tool" predict own/best.safetensors none.npy

cat >version.cc <<'END'
#include <belay/belay.h>
#include <cstdio>
int main() { return std::puts(belay_version()) < 0; }
END
if command -v "${CXX:-c++}" >/dev/null; then
    check "a C++ program builds" "${CXX:-c++}" -std=c++17 -Wall -Wextra -Werror version.cc \
        -o version "${flags[@]}"
    check "a C++ program runs" test "$(./version)" = "$(pkg-config --modversion belay)"
else
    skipped "a C++ program: no C++ compiler"
fi

tool=$(find "$work/root" -name belay -type f -perm -u+x)
check "the command is installed" test -n "$tool"
[ -z "$tool" ] || check "the installed command runs" "$tool" --help
check "the recipes are installed" test -n "$(find "$work/root" -name spirals.yaml)"

finish
