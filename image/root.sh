#!/usr/bin/env bash
# Lays out the root folder of the image: image/root.sh [OUT [BINARY]]. OUT is target/image/root if it is left out. Without BINARY the
# release binary is built, static and without the sandbox. The Dockerfile runs this too.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-target/image/root}
binary=${2:-}
# Most bytes of the whole.
limit=25000000
# The process in the image; the chart and the Dockerfile name the same.
user=65532

# Static, because nothing else is in the image. The target is named although it is this machine's, for only then are cargo's own helpers
# built without the flag.
build() {
    local target variable
    target=$(rustc -vV | sed -n 's/^host: //p')
    variable=CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$target")_RUSTFLAGS
    # Flags of the environment would take the place of these.
    # The binary is loaded at any address; the list of what has to be mended then is kept in its short form. A static binary cannot look up
    # whether the C library has getrandom, and would read /dev/urandom instead, which need not be there: the kernel has it since 3.17.
    env --unset=RUSTFLAGS --unset=CARGO_ENCODED_RUSTFLAGS \
        "$variable=-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs --cfg getrandom_backend=\"linux_getrandom\"" \
        "${CARGO:-cargo}" build --release --locked --no-default-features --target "$target"
    binary=target/$target/release/sangam
}

# What the linker would look for at the start does not exist in the image.
is_static() { ! readelf --program-headers "$1" | grep -q INTERP && ! readelf --dynamic "$1" | grep -q NEEDED; }

lay_out() {
    rm -rf "$out"
    install -d -m 755 "$out" "$out/etc" "$out/etc/sangam" "$out/etc/ssl" "$out/etc/ssl/certs" "$out/run" "$out/run/secrets" \
        "$out/usr" "$out/usr/share" "$out/usr/share/licenses" "$out/usr/share/licenses/sangam" "$out/var" "$out/var/lib"
    install -d -m 1777 "$out/tmp"
    install -d -m 700 "$out/var/lib/sangam"
    # Only root can give it away; a build without root leaves that to whoever makes the image.
    [ "$(id -u)" != 0 ] || chown "$user:$user" "$out/var/lib/sangam"
    install -m 755 "$binary" "$out/sangam"
    install -m 644 LICENSE "$out/usr/share/licenses/sangam/LICENSE"
    # The roots of trust for the providers' certificates.
    install -m 644 /etc/ssl/certs/ca-certificates.crt "$out/etc/ssl/certs/ca-certificates.crt"
    # Names are looked up in /etc/hosts, then by DNS: both are part of a static C library, any other way is not.
    echo 'hosts: files dns' >"$out/etc/nsswitch.conf"
    echo "sangam:x:$user:$user:sangam:/:/nonexistent" >"$out/etc/passwd"
    echo "sangam:x:$user:" >"$out/etc/group"
    chmod 644 "$out/etc/nsswitch.conf" "$out/etc/passwd" "$out/etc/group"
}

[ -e /etc/ssl/certs/ca-certificates.crt ] || { echo "image: the roots of trust are missing: apt-get install ca-certificates" >&2; exit 1; }
[ -n "$binary" ] || build
is_static "$binary" || { echo "image: $binary needs libraries, and the image has none" >&2; exit 1; }
lay_out
size=$(find "$out" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
[ "$size" -le "$limit" ] || { echo "image: $size bytes in $out, more than $limit" >&2; exit 1; }
echo "image: $size bytes in $out"
