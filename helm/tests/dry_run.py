"""Gives every rendering to the API server that KUBECONFIG names, as apiserver.sh started it, and some bad ones that it must refuse."""

import json
import os
import subprocess
import sys

import chart

KUBECTL = os.environ["KUBECTL"]
# The version of the server, so that the chart's conditions see it.
VERSION = json.loads(subprocess.check_output([KUBECTL, "version", "-o", "json"]))["serverVersion"]["gitVersion"].lstrip("v").partition("-")[0]


def kubectl(*arguments, objects=None):
    text = None if objects is None else json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    return subprocess.run([KUBECTL, *arguments], input=text, capture_output=True, text=True)


def refused(namespace, objects):
    """What the server says against objects; nothing if it takes them. Unknown fields and warnings count."""
    done = kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "--namespace", namespace, "-f", "-",
        objects=objects,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stderr


def pods(objects):
    """The pods that the workloads would make, and those of `helm test`."""
    for each in objects:
        if each["kind"] in chart.WORKLOADS:
            template = each["spec"]["template"]
            yield {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": each["metadata"]["name"], "labels": template["metadata"]["labels"]},
                "spec": {**template["spec"], "restartPolicy": "Always"},
            }
        elif each["kind"] == "Pod":
            yield each


def bad(objects):
    """What must not pass: by name, the objects."""
    [gateway, *_] = pods(objects)
    root = json.loads(json.dumps(gateway))
    root["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    unknown = json.loads(json.dumps(gateway))
    unknown["spec"]["containers"][0]["imagePolicy"] = "Always"
    service = json.loads(json.dumps(chart.of_kind(objects, "Service")[0]))
    service["spec"]["ports"][0]["port"] = 70_000
    return {"a pod against the restricted standard": root, "an unknown field": unknown, "a port that does not exist": service}


def main():
    faults, count = [], 0
    for way in chart.WAYS:
        objects = chart.render(chart.values_of(way), VERSION)
        for each in objects:
            each["metadata"]["namespace"] = way
        labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
        made = kubectl("create", "-f", "-", objects=[{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": way, "labels": labels}}])
        if made.returncode != 0:
            sys.exit(made.stderr)
        for each in [*objects, *pods(objects)]:
            each["metadata"]["namespace"] = way
            count += 1
            said = refused(way, [each])
            if said:
                faults.append(f"{way}: {each['kind']} {each['metadata']['name']}: {said}")
    for what, each in bad(chart.render(chart.values_of("sqlite"), VERSION)).items():
        each["metadata"]["namespace"] = "sqlite"
        if not refused("sqlite", [each]):
            faults.append(f"{what} is not refused")
    if faults:
        sys.exit("\n".join(faults))
    print(f"apiserver: {count} objects of {len(chart.WAYS)} ways of installing pass Kubernetes {VERSION}")


if __name__ == "__main__":
    main()
