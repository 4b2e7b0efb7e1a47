#!/usr/bin/env bash
# Proves that deny.toml refuses what it is there to refuse: small projects, each with one fault, and one without. Part of `make deny`.
set -euo pipefail
cd "$(dirname "$0")/.."
deny=$PWD/target/tools/bin/cargo-deny
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A crate of this name, version and licence, in the project at hand.
crate() {
    local dir=$project/$1-$2
    mkdir -p "$dir/src"
    touch "$dir/src/lib.rs"
    printf '[package]\nname = "%s"\nversion = "%s"\nedition = "2021"\nlicense = "%s"\n' "$1" "$2" "$3" >"$dir/Cargo.toml"
    printf '"%s-%s" = { package = "%s", path = "%s-%s", version = "=%s" }\n' "$1" "${2//[.+]/-}" "$1" "$1" "$2" "$2" >>"$project/Cargo.toml"
}

# case WHAT EXPECTED (NAME VERSION LICENCE)...: EXPECTED is the fault's code, or nothing.
case_of() {
    local what=$1 expected=$2 said
    shift 2
    project=$work/$what
    mkdir -p "$project/src"
    touch "$project/src/lib.rs"
    printf '[package]\nname = "project"\nversion = "0.0.0"\nedition = "2021"\npublish = false\n[dependencies]\n' >"$project/Cargo.toml"
    while [ $# -gt 0 ]; do
        crate "$1" "$2" "$3"
        shift 3
    done
    # Says nothing of crates that this project does not have.
    said=$("$deny" --offline --manifest-path "$project/Cargo.toml" --config "$PWD/deny.toml" check --hide-inclusion-graph bans licenses 2>&1) \
        && said=
    if [ -z "$expected" ] && [ -n "$said" ] || [ -n "$expected" ] && ! grep -q "^error\[$expected\]" <<<"$said"; then
        echo "deny: $what should be ${expected:-in order}, and is not: $said" >&2
        exit 1
    fi
}

case_of fine '' h2 0.4.20 MIT rustls 0.23.18 MIT jsonwebtoken 10.3.0 MIT bytes 1.11.1 MIT sqlx 0.8.1 MIT tracing-subscriber 0.3.20 MIT \
    quick-xml 0.41.0 MIT tonic 0.14.0 'MIT OR GPL-3.0-only'
case_of other-duplicates '' syn 2.0.0 MIT syn 3.0.0 MIT
case_of copyleft rejected syn 2.0.0 GPL-3.0-only
while read -r name version; do
    case_of "old-$name" banned "$name" "$version" MIT
done <<'OLD'
h2 0.4.19
h2 0.3.27
rustls 0.23.17
jsonwebtoken 10.2.9
jsonwebtoken 9.9.9
bytes 1.11.0
sqlx 0.8.0
tracing-subscriber 0.3.19
quick-xml 0.40.9
OLD
for name in tonic prost hyper rustls opentelemetry; do
    case_of "two-$name" duplicate "$name" 90.0.0 MIT "$name" 91.0.0 MIT
done
case_of second-tls banned openssl 0.10.0 MIT
echo "deny: the rules refuse what they are there for"
