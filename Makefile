# The commands of the project. Needed: Rust and make; the C compiler that SQLite and the cryptography need, and the PostgreSQL that the
# tests need, are installed where they are missing and may be.
CARGO ?= cargo

.PHONY: test strace torture demo parity run bench fuzz verify lint-proto clients compiler postgres helm-lint helm-schema helm-test image-root \
	image-check deny sbom helm-dryrun

TOOLS := target/tools
BUF := $(TOOLS)/node_modules/.bin/buf
BUF_VERSION := 1.75.0
# Prometheus' own checker, which looks at what /metrics says.
PROMTOOL := $(or $(shell command -v promtool),$(TOOLS)/bin/promtool)
FUZZ := $(TOOLS)/bin/cargo-fuzz
FUZZ_VERSION := 0.13.2
OPTIMISED ?= --profile optimised
FUZZ_SECONDS ?= 30
FUZZ_TARGETS ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))

DENY_VERSION := 0.20.2
DENY := $(TOOLS)/bin/.cargo-deny-$(DENY_VERSION)
SBOM := target/sbom/sangam.cdx.json
SBOM_PYTHON := $(TOOLS)/sbom-python

# Format, lints as errors, every test; what may be part of the binary; of the chart a look at whether it renders.
test: compiler postgres $(PROMTOOL) helm-lint deny
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) test

# Faults at real processes of the optimised program, in full: kills, several gateways on one database, a provider that is gone. Each run
# prints what it counted: doubled, lost, refused.
torture: compiler postgres strace
	SANGAM_TORTURE=full PROPTEST_CASES=4096 $(CARGO) test $(OPTIMISED) --lib -- --nocapture --test-threads=1 \
		cache::loading:: journey::orders_tests::
	SANGAM_TORTURE=full SANGAM_WEBHOOKS=10000 SANGAM_KILLS=20 $(CARGO) test $(OPTIMISED) --test it -- --nocapture --test-threads=1 \
		torture:: webhooks::flood:: webhooks::applied::one_message reconcile::every_approved replicas::whatever_becomes \
		replicas::an_outage --skip torture::rolling::
	SANGAM_TORTURE=full $(CARGO) test $(OPTIMISED) --test it -- --nocapture torture::rolling::

# The main job, once, through every provider, on the sandbox.
demo: compiler
	$(CARGO) run --quiet -- demo

# The same customers through every provider: where their data differ.
parity: compiler
	$(CARGO) run --quiet -- parity --all

# The gateway on the sandbox, to try it.
run: compiler
	$(CARGO) run --quiet -- run

# The numbers, as ratios within one run.
bench: compiler
	$(CARGO) bench --bench parts --bench memory --bench whole

# Every parser of bytes from outside under libFuzzer, FUZZ_SECONDS each, from the seeds; what it finds new is kept in target/fuzz. Without a
# sanitizer, so that the stable toolchain does: the code has no unsafe part, so a fault is a panic.
fuzz: compiler $(FUZZ)
	for target in $(FUZZ_TARGETS); do \
		mkdir -p target/fuzz/$$target && \
		PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" $(CARGO) fuzz run --sanitizer none $$target target/fuzz/$$target fuzz/corpus/$$target \
			tests/it/documented -- -max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=0 || exit 1; \
	done

# Licences, versions and sources of every crate, by deny.toml, and known vulnerabilities where their database is reached; with
# ADVISORIES=required it fails where it is not.
deny: $(DENY)
	supply/bites.sh
	supply/deny.sh

# The bill of materials of the release binary, as CycloneDX, in target/sbom; held against the form's schema. Python is needed.
sbom: $(SBOM_PYTHON)/.ready
	python3 supply/sbom.py $(SBOM)
	$(SBOM_PYTHON)/bin/python supply/sbom_check.py $(SBOM)

# What a release needs beside `test`: the image, which is the release build, and its bill of materials, the chart with the image's binary,
# the code without the sandbox, and all tests on optimised code with many more cases of properties and mutations.
verify: test lint-proto image-check sbom
	SANGAM_BIN=$(CURDIR)/target/image/root/sangam $(MAKE) helm-test helm-dryrun
	$(CARGO) clippy --no-default-features -- -D warnings
	SANGAM_CASES=10000 PROPTEST_CASES=4096 $(CARGO) test $(OPTIMISED)

# The chart renders in every way of helm/sangam/ci. Without helm, and without Go to install it, this is left out.
helm-lint:
	helm/tests/run.sh lint

# The chart's schema after src/config/default.toml; to be run when a setting was added.
helm-schema:
	python3 helm/schema.py

# Everything about the chart, by the real helm and kubeconform; Go and Python are needed. SANGAM_BIN names a gateway that is to take the
# settings of each rendering.
helm-test:
	helm/tests/run.sh

# Every rendering of the chart before a real kube-apiserver, which is built once from its Go modules; that takes many minutes.
helm-dryrun:
	helm/tests/run.sh dry-run

# The root folder of the image, in target/image/root, with a static binary. `docker build .` runs the same steps.
image-root: compiler
	image/root.sh

# It serves as another user with that folder as its root; needs root.
image-check: image-root
	image/check.sh

# The contract's style, by buf; npm is needed.
lint-proto: $(BUF)
	$(BUF) lint

# The programs of docs/calling in Python, Go, Java and Node against the gateway on the sandbox; each language's tools are needed.
clients: compiler $(BUF)
	tests/clients/run.sh

$(FUZZ):
	$(CARGO) install --quiet --root $(TOOLS) --locked cargo-fuzz@$(FUZZ_VERSION)

$(DENY): | compiler
	$(CARGO) install --quiet --root $(TOOLS) --locked cargo-deny@$(DENY_VERSION)
	touch $@

$(SBOM_PYTHON)/.ready: supply/requirements.txt
	python3 -m venv $(SBOM_PYTHON)
	$(SBOM_PYTHON)/bin/python -m pip install --quiet --disable-pip-version-check -r supply/requirements.txt
	touch $@

$(BUF):
	npm install --silent --no-audit --no-fund --prefix $(TOOLS) @bufbuild/buf@$(BUF_VERSION)

# Out of Debian's package, which is not installed: it would start a server.
$(TOOLS)/bin/promtool:
	@mkdir -p $(TOOLS)/bin $(TOOLS)/prometheus && cd $(TOOLS)/prometheus && \
	if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then \
		echo "promtool is needed: it is a part of Prometheus" >&2; exit 1; \
	fi && \
	{ [ "$$(id -u)" != 0 ] || apt-get update -qq; } && \
	apt-get download -qq prometheus && dpkg-deb --fsys-tarfile prometheus_*.deb | tar -xO ./usr/bin/promtool >../bin/promtool.new && \
	chmod 755 ../bin/promtool.new && mv ../bin/promtool.new ../bin/promtool

compiler:
	@command -v cc >/dev/null && command -v c++ >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc g++ libc6-dev; \
		else \
			echo "a C and C++ compiler is needed: apt-get install gcc g++" >&2; exit 1; \
		fi; }

# Looks at a process's calls of the system; without it that part is left out.
strace:
	@command -v strace >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends strace; } || \
		echo "strace is not to be had: whether writes are synced before their answers is not looked at" >&2

# PostgreSQL 15 or later, whose programs the tests run; a server need not run. Debian's package would start one on port 5432, so it is
# told not to.
postgres:
	@for programs in "$$(pg_config --bindir 2>/dev/null)" /usr/lib/postgresql/*/bin $$(echo "$$PATH" | tr : ' '); do \
		[ -x "$$programs/initdb" ] || continue; \
		[ "$$("$$programs/postgres" --version | sed 's/^.*) \([0-9]*\).*/\1/')" -ge 15 ] && exit 0; \
	done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		mkdir -p /etc/postgresql-common && \
		{ [ -e /etc/postgresql-common/createcluster.conf ] || \
			echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf; } && \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			-o Dpkg::Options::=--force-confold postgresql; \
	else \
		echo "PostgreSQL 15 or later is needed: apt-get install postgresql" >&2; exit 1; \
	fi
