"""Writes the bill of materials of the release binary, as CycloneDX 1.6 in JSON: `make sbom`, or sbom.py OUT.

What cargo resolves for the release build (without the sandbox, on Linux) is listed with version, licence, package URL and the hash that
Cargo.lock holds it to. `required` is linked into the binary; `excluded` only helps to build it. The same sources give the same bytes."""

import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tomllib
import uuid

TARGET = "x86_64-unknown-linux-gnu"
# The C libraries that crates bring along, and compile in: whoever looks for their vulnerabilities will not look for the crate.
BUNDLED = {
    "aws-lc-sys": ("aws-lc", "Apache-2.0 OR ISC"),
    "libmimalloc-sys": ("mimalloc", "MIT"),
    "libsqlite3-sys": ("sqlite", "blessing"),
    "zstd-sys": ("zstd", "BSD-3-Clause"),
}


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def metadata():
    """What cargo resolves for the release binary."""
    cargo = os.environ.get("CARGO", "cargo")
    return json.loads(
        run(cargo, "metadata", "--format-version=1", "--locked", "--no-default-features", f"--filter-platform={TARGET}")
    )


def checksums(lock):
    """(name, version) -> SHA-256 of the archive that the registry serves."""
    packages = tomllib.loads(lock.read_text())["package"]
    return {(package["name"], package["version"]): package["checksum"] for package in packages if "checksum" in package}


def is_proc_macro(package):
    return any("proc-macro" in target["kind"] for target in package["targets"])


def reach(resolved, packages):
    """The ids of what is linked, and of all that takes part in the build; tests' dependencies are in neither."""
    nodes = {node["id"]: node for node in resolved["nodes"]}
    linked, built = set(), set()

    def walk(at, is_linked):
        seen = linked if is_linked else built
        if at in seen:
            return
        seen.add(at)
        for edge in nodes[at]["deps"]:
            kinds = {kind["kind"] for kind in edge["dep_kinds"]}
            if None in kinds:
                walk(edge["pkg"], is_linked and not is_proc_macro(packages[edge["pkg"]]))
            if "build" in kinds:
                walk(edge["pkg"], False)

    sys.setrecursionlimit(10_000)
    walk(resolved["root"], True)
    return linked, linked | built


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version'].replace('+', '%2B')}"


def licences(package):
    """Old crates write MIT/Apache-2.0 for a choice."""
    said = package.get("license")
    return [{"expression": " ".join(said.replace("/", " OR ").split())}] if said else []


def bundled(package, features):
    """The C library inside a crate, by the version that the crate's number or sources tell."""
    name, licence = BUNDLED[package["name"]]
    root = pathlib.Path(package["manifest_path"]).parent
    version = {
        "sqlite": lambda: defined(root / "sqlite3/sqlite3.h", "SQLITE_VERSION"),
        "mimalloc": lambda: mimalloc(root, features),
        "zstd": lambda: package["version"].partition("zstd.")[2],
        "aws-lc": lambda: defined(root / "aws-lc/include/openssl/base.h", "AWSLC_VERSION_NUMBER_STRING"),
    }[name]()
    component = {"type": "library", "bom-ref": f"{purl(package)}#{name}", "name": name, "licenses": [{"expression": licence}]}
    if name == "sqlite":
        component["cpe"] = f"cpe:2.3:a:sqlite:sqlite:{version}:*:*:*:*:*:*:*"
    return component | {"version": version, "purl": f"pkg:generic/{name}@{version}"}


def defined(header, macro):
    """The text of a `#define`."""
    for line in header.read_text().splitlines():
        words = line.split()
        if words[:2] == ["#define", macro]:
            return words[2].strip('"')
    raise SystemExit(f"sbom: {header} does not define {macro}")


def mimalloc(root, features):
    """Of the two in the crate that one which the features choose. It counts as 20302 what is called 2.3.2."""
    number = int(defined(root / "c_src/mimalloc" / ("v2" if "v2" in features else "v3") / "include/mimalloc.h", "MI_MALLOC_VERSION"))
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


def component(package, sums, features, is_linked):
    """One crate."""
    found = {
        "type": "library",
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "scope": "required" if is_linked else "excluded",
        "licenses": licences(package),
        "purl": purl(package),
    }
    if package.get("description"):
        found["description"] = " ".join(package["description"].split())
    if package["source"]:
        found["hashes"] = [{"alg": "SHA-256", "content": sums[package["name"], package["version"]]}]
    if package.get("repository"):
        found["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    if is_linked and package["name"] in BUNDLED:
        found["components"] = [bundled(package, features)]
    return found


def time_of_sources():
    """When the sources were written, and not when somebody ran this."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or run("git", "log", "-1", "--format=%ct")
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def bill(found, sums, timestamp):
    packages = {package["id"]: package for package in found["packages"]}
    resolved = found["resolve"]
    features = {node["id"]: node["features"] for node in resolved["nodes"]}
    linked, built = reach(resolved, packages)
    root = packages[resolved["root"]]
    crates = sorted((packages[at] for at in built - {root["id"]}), key=lambda package: (package["name"], package["version"]))
    graph = [
        {
            "ref": purl(packages[node["id"]]),
            "dependsOn": sorted(purl(packages[at]) for at in {edge["pkg"] for edge in node["deps"]} & built),
        }
        for node in resolved["nodes"]
        if node["id"] in built
    ]
    main = component(root, sums, [], True) | {"type": "application"}
    del main["scope"]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": timestamp,
            "tools": {"components": [{"type": "application", "name": "supply/sbom.py", "version": root["version"]}]},
            "component": main,
            "properties": [{"name": "cargo:target", "value": TARGET}, {"name": "cargo:features", "value": "none"}],
        },
        "components": [component(package, sums, features[package["id"]], package["id"] in linked) for package in crates],
        "dependencies": sorted(graph, key=lambda entry: entry["ref"]),
    }
    text = json.dumps(document, sort_keys=True)
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, text)}"
    return document


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=pathlib.Path, default=pathlib.Path("target/sbom/sangam.cdx.json"))
    out = parser.parse_args().out.absolute()
    os.chdir(pathlib.Path(__file__).parent.parent)
    document = bill(metadata(), checksums(pathlib.Path("Cargo.lock")), time_of_sources())
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    of = [each["scope"] for each in document["components"]]
    print(f"sbom: {of.count('required')} crates in the binary, {of.count('excluded')} that help to build it, in {out}")


if __name__ == "__main__":
    main()
