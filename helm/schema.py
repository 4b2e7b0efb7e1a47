#!/usr/bin/env python3
"""Writes the part `config` of sangam/values.schema.json after src/config/default.toml, so that the chart knows each setting of the
gateway with its comment. With --check it writes nothing, and fails if the schema is not as it would be written."""

import json
import pathlib
import re
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
SCHEMA = HERE / "sangam/values.schema.json"
DEFAULTS = HERE.parent / "src/config/default.toml"

# What the chart sets itself.
OWN = {
    ("listen", "grpc"),
    ("listen", "webhook"),
    ("listen", "insecure"),
    ("listen", "admin"),
    ("listen", "drain_delay_ms"),
    ("store", "path"),
    ("store", "url"),
    ("seal", "key_file"),
    ("seal", "previous_key_files"),
    ("tenant", "fair_use", "rules_file"),
}
PROVIDERS = ("finpro", "finpass")


def free(path):
    """Whether the names in a table are the operator's own; the pattern that they follow, else None."""
    if len(path) == 2 and path[0] == "tenant" and path[1] in PROVIDERS:
        return "^[a-z0-9_-]{1,64}$"
    if len(path) == 2 and path[0] == "access" and path[1] in ("mtls", "jwt", "api_keys"):
        return "^[a-z0-9_-]{1,64}$"
    if len(path) == 4 and path[3] in ("products", "templates"):
        return "^[A-Za-z0-9_.-]{1,128}$"
    return None


def read(text):
    """All settings, those that are commented out too, and the comment before each."""
    lines, comments, pending, table = [], {}, [], ()
    for line in text.splitlines():
        # A `#` directly before a name or a heading shows a setting; before a space it is a comment.
        setting = re.sub(r"^#(?=[a-z\[])", "", line)
        lines.append(setting)
        if setting.startswith("# "):
            pending.append(setting[2:])
            continue
        if found := re.match(r"\[(.+)\]$", setting):
            table = tuple(found[1].split("."))
            comments[table] = " ".join(pending)
        elif found := re.match(r"(\w+) = ", setting):
            comments[(*table, found[1])] = " ".join(pending)
        pending = []
    return tomllib.loads("\n".join(lines)), comments


def is_secret(value):
    return isinstance(value, dict) and len(value) == 1 and set(value) <= {"file", "env"}


def merged(schemas):
    """One schema for what several examples show."""
    schemas = list(schemas)
    whole = schemas[0]
    for other in schemas[1:]:
        for name, schema in other.get("properties", {}).items():
            known = whole["properties"].get(name)
            whole["properties"][name] = merged([known, schema]) if known else schema
    return whole


def describe(value, path, comments):
    """The schema of a value."""
    if is_secret(value):
        schema = {"$ref": "#/$defs/secret"}
    elif isinstance(value, bool):
        schema = {"type": "boolean"}
    elif isinstance(value, int):
        schema = {"type": "integer", "minimum": 0}
    elif isinstance(value, str):
        schema = {"type": "string"}
    elif isinstance(value, list):
        schema = {"type": "array", "items": describe(value[0], (*path, "[]"), comments)}
    else:
        schema = describe_table(value, path, comments)
    return {"description": comments[path], **schema} if comments.get(path) else schema


def describe_table(table, path, comments):
    inner = {name: describe(value, (*path, name), comments) for name, value in table.items() if (*path, name) not in OWN}
    if pattern := free(path):
        return {"type": "object", "propertyNames": {"pattern": pattern}, "additionalProperties": merged(inner.values())}
    return {"type": "object", "additionalProperties": False, "properties": inner}


def config():
    settings, comments = read(DEFAULTS.read_text())
    schema = describe(settings, (), comments)
    sections = schema["properties"]
    for name in [name for name, section in sections.items() if section["type"] == "object" and not section.get("properties", True)]:
        del sections[name]
    # The file shows some tables once, or with one name of several: the limits, which hang on the credentials of every provider, and the
    # analyses, which a template may have as the tenant has them.
    providers = [sections["tenant"]["properties"][name]["additionalProperties"]["properties"] for name in PROVIDERS]
    limits = next(provider["limits"] for provider in providers if "limits" in provider)
    for provider in providers:
        provider.setdefault("limits", limits)
        if template := provider.get("templates", {}).get("additionalProperties"):
            template["properties"]["analytics"] = {**template["properties"]["analytics"], **provider["analytics"]}
    # Of several tenants each has what the one has, but for the id, which is the name of its table.
    tenant = sections["tenant"]
    properties = {name: schema for name, schema in tenant["properties"].items() if name != "id"}
    sections["tenants"] = {
        "description": "Several tenants, by their ids, in the place of `tenant`.",
        "type": "object",
        "propertyNames": {"pattern": "^[a-z0-9_-]{1,64}$"},
        "additionalProperties": {**tenant, "properties": properties},
    }
    return {"description": "The gateway's own settings; `sangam defaults` explains them.", **schema}


def main():
    schema = json.loads(SCHEMA.read_text())
    schema["properties"]["config"] = config()
    text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    if "--check" not in sys.argv[1:]:
        SCHEMA.write_text(text)
    elif text != SCHEMA.read_text():
        sys.exit("helm/sangam/values.schema.json does not know the settings of src/config/default.toml: make helm-schema")


if __name__ == "__main__":
    main()
