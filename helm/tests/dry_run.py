"""Gives every rendering to the API server that KUBECONFIG names, as apiserver.sh started it, and some bad ones that it must refuse."""

import copy
import json
import subprocess
import sys

import chart

# The version of the server, so that the chart's conditions see it.
SERVER = json.loads(subprocess.check_output(["kubectl", "version", "-o", "json"]))["serverVersion"]
VERSION = SERVER["gitVersion"].lstrip("v")


def kubectl(*arguments, objects=None):
    text = None if objects is None else json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    return subprocess.run(["kubectl", *arguments], input=text, capture_output=True, text=True)


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
            claims = [claim["metadata"]["name"] for claim in each["spec"].get("volumeClaimTemplates", [])]
            # As the controller adds them.
            volumes = [{"name": name, "persistentVolumeClaim": {"claimName": f"{name}-0"}} for name in claims]
            yield {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": each["metadata"]["name"], "labels": template["metadata"]["labels"]},
                "spec": {**template["spec"], "volumes": template["spec"].get("volumes", []) + volumes},
            }
        elif each["kind"] == "Pod":
            yield each


def needed(objects):
    """What the values name, and a cluster has."""
    names = {pod["spec"]["priorityClassName"] for pod in pods(objects) if "priorityClassName" in pod["spec"]}
    return [
        {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": 1000} for name in sorted(names)
    ]


def bad(objects):
    """What must not pass: by name, the objects."""
    [gateway, *_] = pods(objects)
    root = copy.deepcopy(gateway)
    root["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    unknown = copy.deepcopy(gateway)
    unknown["spec"]["containers"][0]["imagePolicy"] = "Always"
    service = copy.deepcopy(chart.of_kind(objects, "Service")[0])
    service["spec"]["ports"][0]["port"] = 70_000
    return {"a pod against the restricted standard": root, "an unknown field": unknown, "a port that does not exist": service}


def main():
    faults, count = [], 0
    for way in chart.WAYS:
        objects = chart.render(chart.values_of(way), VERSION)
        for each in objects:
            each["metadata"]["namespace"] = way
        labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": way, "labels": labels}}
        made = kubectl("apply", "--server-side", "-f", "-", objects=[namespace, *needed(objects)])
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
