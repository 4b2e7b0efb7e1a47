#!/usr/bin/env bash
# Runs the program of each language against the gateway on the sandbox: `make clients`, or `tests/clients/run.sh go java` for some.
# Needed: Python 3 with venv, Go, a JDK with Maven, Node with npm, curl. What is installed and made goes to target/.
set -euo pipefail
cd "$(dirname "$0")/../.."
repo=$PWD
out=$repo/target/clients
tools=$repo/target/tools
log=$out/gateway.log

prepare_python() {
    [ -x "$tools/python/bin/python" ] || python3 -m venv "$tools/python"
    "$tools/python/bin/pip" install --quiet --disable-pip-version-check -r tests/clients/python/requirements.txt
    "$tools/python/bin/python" -m grpc_tools.protoc -I proto --python_out="$out/python" --grpc_python_out="$out/python" \
        proto/sangam/v1/*.proto
    cp tests/clients/python/*.py "$out/python/"
}
run_python() { "$tools/python/bin/python" "$out/python/client.py" "$1"; }
run_large() { "$tools/python/bin/python" "$out/python/large.py" "$1"; }
run_short() { "$tools/python/bin/python" "$out/python/short.py" "$1"; }
run_watch() { "$tools/python/bin/python" "$out/python/watch.py" "$1"; }

prepare_go() {
    GOBIN=$tools/go/bin go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
    GOBIN=$tools/go/bin go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
    cp tests/clients/go/* "$out/go/"
    (cd "$out/go" && PATH=$tools/go/bin:$PATH "$tools/node_modules/.bin/buf" generate "$repo" && go build -o client .)
}
run_go() { "$out/go/client" "$1"; }

prepare_java() { mvn --quiet --batch-mode -f tests/clients/java/pom.xml compile dependency:build-classpath; }
run_java() { java -cp "$out/java/classes:$(<"$out/java/classpath")" example.Client "$1"; }

prepare_node() {
    cp tests/clients/node/* "$out/node/"
    npm install --silent --no-audit --no-fund --prefix "$out/node"
}
run_node() { node "$out/node/client.js" "$1" "$repo/proto"; }

# Repeats a command until it succeeds, for a minute at most.
until_it_works() {
    for _ in $(seq 600); do
        if "$@"; then return 0; fi
        sleep 0.1
    done
    return 1
}

# What the customer does in a browser: opens the page and presses its first button, which approves.
approve() {
    local url=$1 page action
    page=$(curl -fsS --noproxy '*' "$url")
    action=$(grep -o 'action="[^"]*"' <<<"$page" | head -n 1 | cut -d '"' -f 2)
    curl -fsS --noproxy '*' -o /dev/null -d decision=approve "$(grep -oE '^https?://[^/]+' <<<"$url")$action"
}

# Whether the program has named the customer's page, or is gone.
said_or_ended() { grep -q '^open ' "$1" || ! kill -0 "$2" 2>/dev/null; }

# Runs a program and approves in between; what it said is in $out/<name>.out.
drive() {
    local name=$1 said=$out/$1.out client url
    "run_$name" "$gateway" >"$said" &
    client=$!
    until_it_works said_or_ended "$said" "$client"
    grep -q '^open ' "$said" || { kill "$client" 2>/dev/null; echo "$name: no link came" >&2; return 1; }
    url=$(sed -n 's/^open //p' "$said")
    approve "$url" || { kill "$client" 2>/dev/null; echo "$name: the customer could not approve" >&2; return 1; }
    wait "$client" || { echo "$name: the program failed" >&2; return 1; }
    sed 1d "$said" | sed "s/^/$name  /"
}

check() {
    local name=$1 said=$out/$1.out wanted
    drive "$name" || return 1
    # The bank writes on from day to day, so the count of rows is only held to its size.
    wanted=$(printf 'READY\naccounts 5\ntransactions 2...\nJOURNEY_NOT_FOUND')
    [ "$(sed -E '1d; s/^(transactions 2)[0-9]{3}$/\1.../' "$said")" = "$wanted" ] || { echo "$name: this is not what was wanted" >&2; return 1; }
}

# An account of more than a hundred thousand transactions, in pages and as a stream; the program itself compares.
check_large() {
    drive large || return 1
    grep -qx READY "$out/large.out" && grep -q '^equal ' "$out/large.out" || { echo "large: this is not what was wanted" >&2; return 1; }
}

# The ten lines of the README, and the program that follows changes.
check_short() {
    drive short || return 1
    grep -qx 'accounts 5' "$out/short.out" || { echo "short: this is not what was wanted" >&2; return 1; }
}
check_watch() {
    drive watch || return 1
    [ "$(tail -n 1 "$out/watch.out")" = READY ] || { echo "watch: this is not what was wanted" >&2; return 1; }
}

# Fails if the page does not show the program in full.
shows() {
    [[ $(<"$1") == *"$(<"$2")"* ]] || { echo "$1 does not show $2 as it is" >&2; return 1; }
}

languages=("$@")
[ $# -gt 0 ] || languages=(python go java node)
for name in "${languages[@]}"; do
    mkdir -p "$out/$name"
    "prepare_$name"
done

"${CARGO:-cargo}" build --quiet
"${CARGO:-cargo}" run --quiet -- run >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
until_it_works grep -q '^gateway ' "$log" || { cat "$log" >&2; exit 1; }
gateway=$(awk '$1 == "gateway" { print $2 }' "$log")

failed=0
for name in "${languages[@]}"; do
    # The page of each language shows its program in full.
    program=$(find "tests/clients/$name" -name 'client.*' -o -name main.go -o -name Client.java)
    shows "docs/calling/$name.md" "$program" || failed=1
done
shows README.md tests/clients/python/short.py || failed=1
shows docs/calling/watching.md tests/clients/python/watch.py || failed=1
for name in "${languages[@]}"; do
    check "$name" || failed=1
    [ "$name" = python ] || continue
    for further in short watch large; do
        "check_$further" || failed=1
    done
done
exit "$failed"
