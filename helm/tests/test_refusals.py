"""What does not go together is refused, and the refusal says what to do."""

import json
import unittest

import yaml

import chart

# The way that is changed, the changes, and what the advice must name.
FORBIDDEN = [
    ("sqlite", {"allowUnauthenticated": False}, ["callers are not authenticated", "allowUnauthenticated: true"]),
    ("sqlite", {"image.repository": ""}, ["image.repository", "Dockerfile"]),
    ("sqlite", {"replicas": 2}, ["one process", "store.type: postgresql"]),
    ("sqlite", {"autoscaling": {"enabled": True}}, ["autoscaling.enabled", "store.type: postgresql"]),
    ("postgresql", {"store.postgresql.url.secretKey": ""}, ["store.postgresql.url.secretKey", "postgres://"]),
    ("postgresql", {"networkPolicy.database.peers": []}, ["networkPolicy.database.peers", "ipBlock"]),
    ("sqlite", {"secrets.existingSecret": ""}, ["secrets.existingSecret", "secrets.externalSecret"]),
    ("postgresql-scaled", {"secrets.existingSecret": "other"}, ["not both"]),
    ("postgresql-scaled", {"secrets.externalSecret.secretStoreRef": {}}, ["secretStoreRef"]),
    ("postgresql-scaled", {"seal.secretKey": "other-key"}, ["externalSecret.data", "other-key"]),
    ("sqlite", {"config.tenant": {}}, ["at least one credential", "config.tenant.finpro"]),
    ("sqlite", {"config.tenants": {"acme": {}}}, ["config.tenants", "beside config.tenant"]),
    ("several-tenants", {"config.tenants.acme.finpass": {}}, ["config.tenants.acme", "at least one credential"]),
    ("sqlite", {"extraEnv": [{"name": "SANGAM__LISTEN__GRPC", "value": "x"}]}, ["SANGAM__LISTEN__GRPC", "under config"]),
    ("postgresql-scaled", {"replicas": 3}, ["Leave replicas out"]),
    ("postgresql-scaled", {"autoscaling.minReplicas": 7}, ["autoscaling.minReplicas"]),
    ("postgresql-scaled", {"resources.requests": {"memory": "1Gi", "cpu": None}}, ["resources.requests.cpu"]),
    ("sqlite-full", {"ingress.host": ""}, ["ingress.host"]),
    ("sqlite-full", {"ingress.tlsSecretName": ""}, ["ingress.tlsSecretName", "tlsEndsBefore"]),
    ("sqlite-full", {"config.webhook.public_base_url": "https://hooks.lender.example/sangam"}, ["public_base_url", "Leave it out"]),
    ("sqlite-full", {"networkPolicy.webhookSources": []}, ["networkPolicy.webhookSources", "namespaceSelector"]),
    ("sqlite-full", {"networkPolicy.telemetry.peers": []}, ["networkPolicy.telemetry.peers"]),
    ("sqlite-full", {"ingress.certificate.issuerRef": {}}, ["ingress.certificate.issuerRef", "ClusterIssuer"]),
    ("postgresql-scaled", {"networkPolicy.monitors": []}, ["networkPolicy.monitors", "namespaceSelector"]),
    ("postgresql-scaled", {"grpcRoute.parentRefs": []}, ["grpcRoute.parentRefs"]),
]

# What the schema refuses: the changes, and the place that the refusal must name.
MALFORMED = [
    ({"replica": 1}, "replica"),
    ({"image.name": "x"}, "name"),
    ({"config.tenant_s": {}}, "tenant_s"),
    ({"config.tenants": {"Acme": {}}}, "Acme"),
    ({"config.tenants": {"acme": {"id": "acme"}}}, "id"),
    ({"config.listen.grpc": "0.0.0.0:1"}, "grpc"),
    ({"config.listen.insecure": True}, "insecure"),
    ({"config.seal": {"key_file": "/x"}}, "seal"),
    ({"config.store": {"path": "/x"}}, "store"),
    ({"config.poller.first_ms": "2s"}, "first_ms"),
    ({"config.tenant.finpass.main.api_key": "in-clear"}, "api_key"),
    ({"config.tenant.finpass.main.api_key": {"env": "KEY"}}, "api_key"),
    ({"config.tenant.finpass.Main": {}}, "Main"),
    ({"store.type": "mysql"}, "type"),
    ({"store.sqlite.accessMode": "ReadWriteMany"}, "accessMode"),
    ({"replicas": 0}, "replicas"),
    ({"user": 0}, "user"),
    # An empty list of peers or ports would let everything through.
    ({"networkPolicy.dns": []}, "dns"),
    ({"networkPolicy.providers.peers": []}, "peers"),
    ({"networkPolicy.providers.ports": []}, "ports"),
    # Kubernetes takes texts here, and would refuse the pod only as it is made.
    ({"extraEnv": [{"name": "TOKIO_WORKER_THREADS", "value": 5}]}, "/extraEnv/0/value"),
    ({"extraEnv": [{"name": "A", "value": "1"}, {"name": "SSL_SOMETHING", "value": True}]}, "/extraEnv/1/value"),
    ({"extraEnv": [{"name": "A", "value": 1.5}]}, "/extraEnv/0/value"),
    ({"extraEnv": [{"name": "A", "value": None}]}, "/extraEnv/0/value"),
    ({"extraEnv": [{"name": 5, "value": "1"}]}, "/extraEnv/0/name"),
    ({"extraEnv": [{"name": "A", "values": "1"}]}, "values"),
    ({"extraEnv": [{"name": "A", "value": "1", "valueFrom": {}}]}, "/extraEnv/0"),
    ({"tolerations": [{"key": "dedicated", "value": True}]}, "/tolerations/0/value"),
]


class Refusals(unittest.TestCase):
    def test_what_does_not_go_together_is_refused_with_advice(self):
        for way, changes, words in FORBIDDEN:
            with self.subTest(changes=changes):
                said = chart.refusal(changes, way)
                for word in words:
                    self.assertIn(word, said)
                self.assertNotIn("values don't meet the specifications", said)

    def test_each_refusal_of_the_chart_is_tried(self):
        written = (chart.CHART / "templates/checks.yaml").read_text().count("{{- fail ")
        self.assertEqual(written, len(FORBIDDEN))

    def test_values_of_another_form_are_refused_where_they_stand(self):
        for changes, place in MALFORMED:
            with self.subTest(changes=changes):
                said = chart.refusal(changes)
                self.assertIn("values don't meet the specifications", said)
                self.assertIn(place, said)

    def test_the_schema_and_the_default_values_name_the_same(self):
        schema = json.loads((chart.CHART / "values.schema.json").read_text())
        defaults = yaml.safe_load((chart.CHART / "values.yaml").read_text())

        def compare(schema, values, path):
            for name in set(values) - set(schema["properties"]):
                self.fail(f"{path}{name} is in values.yaml only")
            for name, inner in schema["properties"].items():
                # Helm's own, and what is filled by the operator.
                if path + name in ("global", "config", "secrets.externalSecret.secretStoreRef") or path.startswith(("probes.", "resources.")):
                    continue
                self.assertIn(name, values, f"{path}{name} is in the schema only")
                if inner.get("properties"):
                    compare(inner, values[name], f"{path}{name}.")

        compare(schema, defaults, "")

    def test_an_older_kubernetes_is_refused(self):
        done = chart.helm(["template"], chart.values_of("sqlite"), "--kube-version", "1.29.9")
        self.assertIn("kubeVersion", done.stderr)


if __name__ == "__main__":
    unittest.main()
