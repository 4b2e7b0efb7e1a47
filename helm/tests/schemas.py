"""Lays out JSON schemas for kubeconform: OUT VERSION... CRD... - of Kubernetes from the wheel of kubernetes-validate in OUT, and of custom
resources from their definitions."""

import json
import pathlib
import sys
import zipfile

import yaml

INSIDE = "kubernetes_validate/kubernetes-json-schema/v{}-local-strict/"


def of_kubernetes(out, version):
    """The strict schemas of one version. Their names for themselves are those of a place where they do not lie."""
    [wheel] = out.glob("kubernetes_validate-*.whl")
    folder = out / f"v{version}"
    folder.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith(INSIDE.format(version))]
        if not names:
            sys.exit(f"{wheel.name} has no schemas of Kubernetes {version}")
        for name in names:
            schema = json.loads(archive.read(name).decode().replace('"/api/_definitions.json#', '"_definitions.json#'))
            schema.pop("$id", None)
            (folder / pathlib.PurePath(name).name).write_text(json.dumps(schema))


def closed(schema):
    """A structural schema that refuses what it does not name, as the server does with strict validation."""
    if not isinstance(schema, dict):
        return schema
    schema = {name: closed_within(name, value) for name, value in schema.items()}
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        schema.setdefault("additionalProperties", False)
    if schema.pop("x-kubernetes-int-or-string", False):
        schema.pop("type", None)
        schema["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    return schema


def closed_within(name, value):
    if name == "properties":
        return {key: closed(inner) for key, inner in value.items()}
    if name in ("items", "additionalProperties"):
        return closed(value)
    return value


def of_definition(out, path):
    """The schema of each version that a CustomResourceDefinition serves."""
    folder = out / "custom"
    folder.mkdir(exist_ok=True)
    for definition in yaml.safe_load_all(pathlib.Path(path).read_text()):
        spec = definition["spec"]
        for version in spec["versions"]:
            schema = closed(version["schema"]["openAPIV3Schema"])
            # These two are the same for every kind, and a definition says nothing about them.
            schema["properties"]["metadata"] = {"type": "object"}
            name = f"{spec['names']['kind'].lower()}-{spec['group'].split('.')[0]}-{version['name']}.json"
            (folder / name).write_text(json.dumps(schema))


def main(out, *arguments):
    for argument in arguments:
        if argument.endswith(".yaml"):
            of_definition(pathlib.Path(out), argument)
        else:
            of_kubernetes(pathlib.Path(out), argument)


if __name__ == "__main__":
    main(*sys.argv[1:])
