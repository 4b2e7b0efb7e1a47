#!/usr/bin/env bash
# Holds both lock files against deny.toml: `make deny`. Licences, bans and sources always; known vulnerabilities where their database can
# be reached, or with ADVISORIES=required, which fails where it cannot.
set -euo pipefail
cd "$(dirname "$0")/.."
deny=$PWD/target/tools/bin/cargo-deny
# Seconds for a database that nobody answers for.
patience=60
manifests=(Cargo.toml fuzz/Cargo.toml)

check() {
    local manifest=$1
    shift
    "$deny" --locked --manifest-path "$manifest" --config deny.toml check --hide-inclusion-graph "$@" 2>&1
}

# Which crates are there twice is worth a line; a fault is worth all that is said of it.
always() {
    local said twice
    if ! said=$(check "$1" licenses bans sources); then
        check "$1" --allow duplicate licenses bans sources >&2 || true
        echo "deny: $1 breaks a rule of deny.toml" >&2
        return 1
    fi
    twice=$(sed -n "s/^warning\[duplicate\]: .* for crate '\(.*\)'$/\1/p" <<<"$said" | paste -sd ' ')
    echo "deny: $1 is in order${twice:+; more than once, which is allowed: $twice}"
}

advisories() {
    local said manifest
    if ! said=$(GIT_TERMINAL_PROMPT=0 timeout "$patience" "$deny" --locked --config deny.toml fetch db 2>&1); then
        echo "deny: KNOWN VULNERABILITIES WERE NOT LOOKED UP, for their database is not reached from here" >&2
        tail -n 3 <<<"$said" >&2
        [ "${ADVISORIES:-}" != required ]
        return
    fi
    for manifest in "${manifests[@]}"; do
        if ! said=$(check "$manifest" --disable-fetch advisories); then
            echo "$said" >&2
            return 1
        fi
    done
    echo "deny: no known vulnerabilities"
}

for manifest in "${manifests[@]}"; do
    always "$manifest"
done
advisories
