#!/usr/bin/env bash
# Checks the chart: `make helm-test`, or `helm/tests/run.sh lint` for the quick part (lint and template). Needed: Go and Python 3 with venv.
# The tools and schemas are fetched once, to target/tools. With SANGAM_BIN the settings of each rendering are given to that gateway too.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$PWD/target/tools
export PATH=$tools/bin:$PATH

HELM=v3.22.0
KUBECONFORM=v0.8.0
KUBERNETES_SCHEMAS=1.37.0
GATEWAY_API=v1.6.3
EXTERNAL_SECRETS=v1.3.2
PROMETHEUS_OPERATOR=v0.85.0
CERT_MANAGER=v1.21.2
# The oldest that the chart takes, and the newest that there are schemas for.
export KUBE_VERSIONS="1.30.0 1.37.0"

# Installs a command of a Go module, unless this version of it is there.
install_go() {
    local module=$2 version=$3 stamp=$tools/bin/.$1-$3
    [ ! -e "$stamp" ] || return 0
    # Elsewhere, so that no go.mod around here has a say.
    (cd / && GOBIN=$tools/bin go install "$module@$version") || return 1
    touch "$stamp"
}

# The folder of a Go module's sources, which are fetched if need be.
module_dir() {
    local said dir
    said=$(cd / && go mod download -json "$1@$2") || true
    dir=$(sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p' <<<"$said")
    [ -d "$dir" ] || { echo "$1@$2 cannot be fetched: $said" >&2; return 1; }
    echo "$dir"
}

install_helm() { install_go helm helm.sh/helm/v3/cmd/helm "$HELM"; }

prepare_python() {
    [ -x "$tools/helm-python/bin/python" ] || python3 -m venv "$tools/helm-python"
    "$tools/helm-python/bin/pip" install --quiet --disable-pip-version-check -r helm/tests/requirements.txt
}

# The files that define the kinds which are not Kubernetes' own.
custom() {
    local dir
    dir=$(module_dir sigs.k8s.io/gateway-api "$GATEWAY_API")
    echo "$dir/config/crd/standard/gateway.networking.k8s.io_grpcroutes.yaml"
    dir=$(module_dir github.com/external-secrets/external-secrets "$EXTERNAL_SECRETS")
    echo "$dir/config/crds/bases/external-secrets.io_externalsecrets.yaml"
    dir=$(module_dir github.com/prometheus-operator/prometheus-operator "$PROMETHEUS_OPERATOR")
    echo "$dir/example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml"
    echo "$dir/example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml"
    dir=$(module_dir github.com/cert-manager/cert-manager "$CERT_MANAGER")
    echo "$dir/deploy/crds/cert-manager.io_certificates.yaml"
}

# Schemas lie on the disk: what is checked does not hang on a host of somebody else.
prepare_schemas() {
    local out=$tools/kubernetes-schemas stamp=$tools/kubernetes-schemas/.$KUBERNETES_SCHEMAS-$GATEWAY_API-$EXTERNAL_SECRETS-$PROMETHEUS_OPERATOR-$CERT_MANAGER
    [ ! -e "$stamp" ] || return 0
    local crds
    crds=$(custom)
    rm -rf "$out" && mkdir -p "$out"
    "$tools/helm-python/bin/pip" download --quiet --disable-pip-version-check --no-deps --only-binary :all: -d "$out" \
        "kubernetes-validate==$KUBERNETES_SCHEMAS"
    # shellcheck disable=SC2086 # one argument for each version and file
    "$tools/helm-python/bin/python" helm/tests/schemas.py "$out" $KUBE_VERSIONS $crds
    touch "$stamp"
}

lint() {
    local values version ways=0
    for values in helm/sangam/ci/*.yaml; do
        ways=$((ways + 1))
        helm lint --strict --quiet helm/sangam --values "$values"
        for version in $KUBE_VERSIONS; do
            helm template sangam helm/sangam --namespace lending --kube-version "$version" --values "$values" >/dev/null
        done
    done
    echo "helm: $ways ways of installing pass lint and template"
}

case "${1:-all}" in
lint)
    # One that is there already is good enough for this.
    if ! command -v helm >/dev/null && { ! command -v go >/dev/null || ! install_helm; }; then
        echo "helm: the chart is not looked at, for helm is not here and Go cannot install it"
        exit 0
    fi
    lint
    ;;
all)
    install_helm
    install_go kubeconform github.com/yannh/kubeconform/cmd/kubeconform "$KUBECONFORM"
    prepare_python
    prepare_schemas
    lint
    python3 helm/schema.py --check
    SCHEMAS=$tools/kubernetes-schemas "$tools/helm-python/bin/python" -m unittest discover --start-directory helm/tests
    ;;
dry-run)
    install_helm
    prepare_python
    crds=$(custom)
    # shellcheck disable=SC2086 # one argument for each file
    helm/tests/apiserver.sh $crds
    ;;
*)
    echo "usage: helm/tests/run.sh [lint|all|dry-run]" >&2
    exit 64
    ;;
esac
