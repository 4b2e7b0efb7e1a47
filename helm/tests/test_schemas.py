"""Renderings are what a Kubernetes server takes, for the oldest and the newest version; and the check itself would see a fault."""

import copy
import json
import os
import pathlib
import subprocess
import unittest

import chart

SCHEMAS = pathlib.Path(os.environ["SCHEMAS"])


def kubeconform(objects, version):
    """What is wrong with objects, by kind."""
    line = ["kubeconform", "-strict", "-output", "json", "-kubernetes-version", version]
    for folder in (f"v{version}", "custom"):
        line += ["-schema-location", f"{SCHEMAS}/{folder}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"]
    text = "\n---\n".join(json.dumps(each) for each in objects)
    done = subprocess.run([*line, "-"], input=text, capture_output=True, text=True)
    answer = json.loads(done.stdout)
    faults = {each["kind"]: each["status"] + " " + each["msg"] for each in answer.get("resources", [])}
    assert (done.returncode == 0) == (not faults), done.stdout
    return faults


def container(pod):
    return pod["spec"]["containers"][0]


def spoil_probe(workload):
    container(workload["spec"]["template"])["readinessProbe"]["grpc"]["port"] = "grpc"


# One fault for each kind that the chart makes, as a slip in a template would make it.
FAULTS = {
    "ConfigMap": lambda it: it["data"].update({"number": 1}),
    "Deployment": spoil_probe,
    "StatefulSet": lambda it: it["spec"].update({"volumeClaimTemplate": []}),
    "Pod": lambda it: container(it).pop("name"),
    "Service": lambda it: it["spec"]["ports"][0].update({"port": "http"}),
    "ServiceAccount": lambda it: it.update({"automountServiceAccountTokens": False}),
    "NetworkPolicy": lambda it: it["spec"]["egress"][0].update({"too": []}),
    "Ingress": lambda it: it["spec"]["rules"][0]["http"]["paths"][0].pop("pathType"),
    "PodDisruptionBudget": lambda it: it["spec"].update({"maxUnavailables": 1}),
    "HorizontalPodAutoscaler": lambda it: it["spec"].pop("maxReplicas"),
    "ExternalSecret": lambda it: it["spec"]["secretStoreRef"].update({"kind": "Vault"}),
    "ServiceMonitor": lambda it: it["spec"]["endpoints"][0].update({"intervals": "15s"}),
    "PrometheusRule": lambda it: it["spec"]["groups"][0]["rules"][0].pop("expr"),
    "Certificate": lambda it: it["spec"].pop("secretName"),
    "GRPCRoute": lambda it: it["spec"]["rules"][0]["backendRefs"][0].update({"port": 70000}),
}


class Schemas(unittest.TestCase):
    def test_every_rendering_is_taken(self):
        for way in chart.WAYS:
            for version in chart.VERSIONS:
                with self.subTest(way=way, version=version):
                    self.assertEqual(kubeconform(chart.render(chart.values_of(way), version), version), {})

    def test_a_fault_in_any_kind_is_seen(self):
        seen = {}
        for _, objects in chart.every():
            seen.update({each["kind"]: each for each in objects})
        self.assertEqual(set(seen), set(FAULTS), "each kind needs a fault of its own here")
        for kind, spoil in FAULTS.items():
            for version in chart.VERSIONS:
                with self.subTest(kind=kind, version=version):
                    spoilt = copy.deepcopy(seen[kind])
                    spoil(spoilt)
                    self.assertEqual(kubeconform([seen[kind]], version), {})
                    faults = kubeconform([spoilt], version)
                    self.assertIn(kind, faults)
                    self.assertTrue(faults[kind].startswith("statusInvalid"), faults)


if __name__ == "__main__":
    unittest.main()
