#!/usr/bin/env bash
# Puts every rendering of the chart before a real kube-apiserver: helm/tests/apiserver.sh CRD..., by `make helm-dryrun`. Defaults, field
# validation, admission and the restricted Pod Security Standard are the server's own; nothing is scheduled, for nothing else of Kubernetes
# runs. The server and its etcd are built once from their Go modules, which takes many minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$PWD/target/tools
export PATH=$tools/bin:$PATH

KUBERNETES=1.36.3
ETCD=v3.6.8
built=$tools/kubernetes-$KUBERNETES
export PATH=$PATH:$built/bin

# The module of Kubernetes takes its parts from folders beside it; as modules of their own they carry the same number.
build() {
    [ ! -e "$built/.done" ] || return 0
    local said its
    mkdir -p "$built"
    cd "$built"
    said=$(cd / && go mod download -json "k8s.io/kubernetes@v$KUBERNETES")
    its=$(sed -n 's/^\t"GoMod": "\(.*\)",\{0,1\}$/\1/p' <<<"$said")
    {
        printf 'module apiserver\n\n'
        grep -E '^(go|godebug) ' "$its"
        printf '\nrequire (\n\tgo.etcd.io/etcd/server/v3 %s\n\tk8s.io/kubernetes v%s\n)\n\nreplace (\n' "$ETCD" "$KUBERNETES"
        sed -nE "s#^\t?(replace )?(k8s.io/[a-z0-9-]+) => ./staging/.*#\t\2 => \2 v0.${KUBERNETES#1.}#p" "$its"
        echo ")"
    } >go.mod
    export GOFLAGS=-mod=mod
    go build -trimpath -ldflags '-s -w' -o bin/etcd go.etcd.io/etcd/server/v3
    # One that is there already is good enough.
    command -v kubectl >/dev/null || go build -trimpath -ldflags '-s -w' -o bin/kubectl k8s.io/kubernetes/cmd/kubectl
    go build -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v$KUBERNETES" -o bin/kube-apiserver \
        k8s.io/kubernetes/cmd/kube-apiserver
    touch .done
    cd - >/dev/null
}

free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Repeats a command until it succeeds, for two minutes at most.
until_it_works() {
    local _
    for _ in $(seq 240); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.5
    done
    tail -n 20 "$work"/*.log >&2
    return 1
}

(build)
work=$(mktemp -d)
etcd='' server=''
clean() {
    local pid
    for pid in $server $etcd; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap clean EXIT

client=$(free_port) peer=$(free_port) port=$(free_port)
"$built/bin/etcd" --data-dir "$work/etcd" --listen-client-urls "http://127.0.0.1:$client" --advertise-client-urls "http://127.0.0.1:$client" \
    --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
    --initial-cluster "default=http://127.0.0.1:$peer" --unsafe-no-fsync >"$work/etcd.log" 2>&1 &
etcd=$!
openssl genrsa -out "$work/accounts.key" 2048 2>/dev/null
token=$(openssl rand -hex 16)
echo "$token,admin,admin,system:masters" >"$work/tokens"
"$built/bin/kube-apiserver" --etcd-servers "http://127.0.0.1:$client" --bind-address 127.0.0.1 --secure-port "$port" --cert-dir "$work" \
    --service-cluster-ip-range 10.96.0.0/16 --authorization-mode RBAC --token-auth-file "$work/tokens" \
    --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$work/accounts.key" \
    --service-account-signing-key-file "$work/accounts.key" --disable-admission-plugins ServiceAccount >"$work/server.log" 2>&1 &
server=$!
# Not where a real cluster's settings are.
export KUBECONFIG=$work/config
kubectl config set-cluster it --server "https://127.0.0.1:$port" --certificate-authority "$work/apiserver.crt" >/dev/null
kubectl config set-credentials it --token "$token" >/dev/null
kubectl config set-context it --cluster it --user it >/dev/null
kubectl config use-context it >/dev/null
until_it_works kubectl get --raw /readyz || { echo "apiserver: it does not become ready" >&2; exit 1; }

for crd in "$@"; do
    kubectl create -f "$crd" >/dev/null
    kubectl wait --for condition=Established -f "$crd" --timeout 60s >/dev/null
done
"$tools/helm-python/bin/python" helm/tests/dry_run.py
