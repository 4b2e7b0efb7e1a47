#!/usr/bin/env bash
# Starts the image's binary in its root folder, as the image's user, and asks it: image/check.sh [ROOT]. It must serve, resolve a name by
# DNS, write nowhere but where it may, and stop. Needs root, for chroot, and python3 and curl. The folder itself stays as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
root=${1:-target/image/root}
user=65532

[ "$(id -u)" = 0 ] || { echo "image: the check needs root, for chroot" >&2; exit 1; }
[ -x "$root/sangam" ] || { echo "image: $root has no binary; make image-root" >&2; exit 1; }
work=$(mktemp -d)
gateway='' outside=''
clean() {
    [ -z "$gateway" ] || kill -KILL "$gateway" 2>/dev/null || true
    [ -z "$outside" ] || kill "$outside" 2>/dev/null || true
    rm -rf "$work"
}
trap clean EXIT
fail() {
    echo "image: $1" >&2
    cat "$work/log" >&2 2>/dev/null || true
    exit 1
}
# Repeats a command until it succeeds, for a minute at most.
until_it_works() {
    for _ in $(seq 600); do
        if "$@" 2>/dev/null; then return 0; fi
        sleep 0.1
    done
    return 1
}

for shell in bin/sh usr/bin/sh bin/bash bin/busybox; do
    [ ! -e "$root/$shell" ] || fail "there is a shell: /$shell"
done
[ -z "$(find "$root" -perm /6000)" ] || fail "a file runs as somebody else: $(find "$root" -perm /6000)"
[ -z "$(find "$root" -type f -perm /022)" ] || fail "a file can be changed by others: $(find "$root" -type f -perm /022)"

# What the pod brings: settings, secrets, a volume. A name server, and a collector of spans under a name that only it knows.
cp -a "$root" "$work/root"
chmod 755 "$work"
python3 image/outside.py >"$work/outside" &
outside=$!
until_it_works grep -q '^collector ' "$work/outside" || fail "the name server does not start"
read -r _ collector server <"$work/outside"
echo "nameserver $server" >"$work/root/etc/resolv.conf"
printf '%064d' 0 >"$work/root/run/secrets/seal-key"
printf synthetic >"$work/root/run/secrets/api"
cat >"$work/root/etc/sangam/sangam.toml" <<TOML
[listen]
grpc = "127.0.0.1:0"
webhook = "127.0.0.1:0"
admin = "127.0.0.1:0"
[store]
path = "/var/lib/sangam/sangam.db"
[seal]
key_file = "/run/secrets/seal-key"
[telemetry]
otlp_endpoint = "http://collector.sangam.test:$collector"
[tenant.finpass.main]
base_url = "https://provider.sangam.test"
api_key = { file = "/run/secrets/api" }
api_secret = { file = "/run/secrets/api" }
TOML

env --ignore-environment "$(command -v chroot)" --userspec="$user:$user" "$work/root" /sangam serve --config /etc/sangam/sangam.toml 2>"$work/log" &
gateway=$!
address() { sed -nE '/serving gRPC/s/.*"address":"([^"]+)".*/\1/p' "$work/log" | head -n 1; }
started() { [ -n "$(address)" ] || ! kill -0 "$gateway"; }
until_it_works started || true
[ -n "$(address)" ] || fail "it does not start"

# A call without fields: five bytes of frame and nothing in it. The answer's message is in the file.
call() {
    printf '\0\0\0\0\0' | curl --silent --show-error --fail --noproxy '*' --http2-prior-knowledge --max-time 10 --output "$work/answer" \
        --header 'content-type: application/grpc' --header 'te: trailers' --data-binary @- "http://$(address)/$1"
}
call grpc.health.v1.Health/Check || fail "it cannot be called"
# A frame of two bytes: field 1, SERVING.
[ "$(od -An -tx1 "$work/answer" | tr -d ' \n')" = 00000000020801 ] || fail "it does not say SERVING"
echo "image: SERVING as user $user"

# Any call leaves a span, and the span wants to go to the collector.
call sangam.v1.ProviderService/ListProviders || fail "it cannot be called"
until_it_works grep -q '^reached' "$work/outside" || fail "it does not find a name by DNS"
echo "image: a name was resolved and reached"

kill -TERM "$gateway"
wait "$gateway" && code=0 || code=$?
gateway=''
[ "$code" = 0 ] || fail "it ends with $code"
strays=$(find "$work/root" -user "$user" ! -path "$work/root/var/lib/sangam*" ! -path "$work/root/tmp/*")
[ -z "$strays" ] || fail "it writes elsewhere: $strays"
[ -s "$work/root/var/lib/sangam/sangam.db" ] || fail "it has written no store"
echo "image: it stops, and has written to its volume only"
