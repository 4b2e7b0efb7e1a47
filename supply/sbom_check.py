"""Holds a bill of materials against CycloneDX' own schema, and against the lock file: sbom_check.py BOM."""

import json
import pathlib
import sys
import tomllib

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def faults(text, lock):
    """What is wrong, one line each."""
    for error in JsonStrictValidator(SchemaVersion.V1_6).validate_str(text, all_errors=True) or ():
        yield f"the schema: {error.data}"
    bill = json.loads(text)
    held = {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}
    refs = {bill["metadata"]["component"]["bom-ref"]}
    for each in bill["components"]:
        refs.add(each["bom-ref"])
        what = f"{each['name']} {each['version']}"
        if [hashed["content"] for hashed in each.get("hashes", [])] != [held.get((each["name"], each["version"]))]:
            yield f"{what}: not the hash of the lock file"
        if not each["licenses"]:
            yield f"{what}: no licence"
    for entry in bill["dependencies"]:
        for ref in {entry["ref"], *entry["dependsOn"]} - refs:
            yield f"{ref}: depended on, and not listed"
    listed = {each["name"] for each in bill["components"] if each["scope"] == "required"}
    # Each of these is in every build of the gateway, and none of those ever.
    for name in {"tonic", "rustls", "sqlx-postgres", "aws-lc-sys", "libsqlite3-sys"} - listed:
        yield f"{name}: linked, and not listed"
    for name in {"proptest", "tempfile", "rust_xlsxwriter", "protox", "syn"} & listed:
        yield f"{name}: listed as linked, and is not"


def main():
    text = pathlib.Path(sys.argv[1]).read_text()
    found = list(faults(text, tomllib.loads(pathlib.Path("Cargo.lock").read_text())))
    for fault in found:
        print(f"sbom: {fault}", file=sys.stderr)
    if found:
        sys.exit(1)
    print("sbom: as CycloneDX 1.6 wants it, and as Cargo.lock says")


if __name__ == "__main__":
    main()
