"""Pods are hardened, stop in order, and are told apart."""

import unittest

import chart

CLAIMS = {"configMap", "secret", "emptyDir", "persistentVolumeClaim"}


class Pods(unittest.TestCase):
    def each(self):
        """Every pod of every way, the one of `helm test` too."""
        for way, objects in chart.every():
            for kind, pod in chart.pods(objects):
                with self.subTest(way=way, kind=kind):
                    yield pod

    def test_pods_meet_the_restricted_standard_with_a_root_that_is_read_only(self):
        for pod in self.each():
            spec = pod["spec"]
            self.assertIs(spec["securityContext"]["runAsNonRoot"], True)
            self.assertGreater(spec["securityContext"]["runAsUser"], 0)
            self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            self.assertIs(spec["automountServiceAccountToken"], False)
            self.assertIs(spec["enableServiceLinks"], False)
            for forbidden in ("hostNetwork", "hostPID", "hostIPC", "initContainers"):
                self.assertNotIn(forbidden, spec)
            for volume in spec.get("volumes", []):
                self.assertLessEqual(set(volume) - {"name"}, CLAIMS)
            for container in spec["containers"]:
                self.assertEqual(
                    container["securityContext"],
                    {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
                )
                for port in container.get("ports", []):
                    self.assertNotIn("hostPort", port)
                self.assertIn("cpu", container["resources"]["requests"])
                self.assertIn("memory", container["resources"]["requests"])
                self.assertIn("memory", container["resources"]["limits"])

    def test_probes_ask_the_port_that_is_there_from_the_first_moment(self):
        for _, objects in chart.every():
            [container] = chart.gateway(objects)["spec"]["containers"]
            [port] = [port["containerPort"] for port in container["ports"] if port["name"] == "admin"]
            for probe, name in (("startup", "readiness"), ("readiness", "readiness"), ("liveness", "liveness")):
                self.assertEqual(container[f"{probe}Probe"]["grpc"], {"port": port, "service": name})
            written = chart.settings(objects)
            self.assertRegex(written, rf'admin = "[^"]+:{port}"')
            self.assertIn("drain_delay_ms = 5000", written)

    def test_the_limit_of_the_stop_holds_all_its_parts(self):
        for way, seconds in [("sqlite", 5 + 5 + 20 + 15), ("sqlite-full", 5 + 5 + 26 + 15)]:
            spec = chart.gateway(chart.rendered(way))["spec"]
            self.assertEqual(spec["containers"][0]["lifecycle"], {"preStop": {"sleep": {"seconds": 5}}})
            self.assertEqual(spec["terminationGracePeriodSeconds"], seconds)

    def test_only_the_keys_that_the_settings_name_are_mounted(self):
        for way, keys in [
            ("sqlite", ["finpass-api-key", "finpass-api-secret", "seal-key"]),
            ("sqlite-full", ["finpass-api-key", "finpro-client-secret", "seal-key"]),
            ("postgresql", ["database-url", "finpass-api-key", "finpass-api-secret", "seal-key"]),
        ]:
            spec = chart.gateway(chart.rendered(way))["spec"]
            [secret] = [volume["secret"] for volume in spec["volumes"] if volume["name"] == "secrets"]
            self.assertEqual([item["key"] for item in secret["items"]], keys)
            self.assertEqual((secret["secretName"], secret["defaultMode"]), ("sangam-secrets", 0o440))
            # Whatever is a secret is read from a file.
            self.assertNotIn("env", {key for each in spec["containers"][0].get("env", []) for key in each})

    def test_nobody_but_gateway_pods_is_selected(self):
        for _, objects in chart.every():
            labels = chart.gateway(objects)["metadata"]["labels"]
            test = chart.one(objects, "Pod")["metadata"]["labels"]
            selectors = [each["spec"]["selector"] for each in chart.of_kind(objects, "Service")]
            selectors += [each["spec"]["selector"]["matchLabels"] for each in chart.of_kind(objects, *chart.WORKLOADS, "PodDisruptionBudget")]
            selectors += [each["spec"]["podSelector"]["matchLabels"] for each in chart.of_kind(objects, "NetworkPolicy")]
            self.assertGreaterEqual(len(selectors), 3)
            for selector in selectors:
                self.assertTrue(chart.selects(selector, labels))
                self.assertFalse(chart.selects(selector, test))

    def test_a_digest_wins_over_the_tag_and_the_tag_over_the_version(self):
        for way, image in [
            ("sqlite", "registry.example/sangam:0.1.0"),
            ("sqlite-full", "registry.example/sangam@sha256:" + "0123456789abcdef" * 4),
            ("postgresql", "registry.example/sangam:0.1.0-rc.1"),
        ]:
            self.assertEqual(chart.gateway(chart.rendered(way))["spec"]["containers"][0]["image"], image)

    def test_what_the_operator_adds_arrives(self):
        pod = chart.gateway(chart.rendered("sqlite-full"))
        self.assertEqual(pod["metadata"]["labels"]["team"], "lending")
        self.assertEqual(pod["metadata"]["annotations"]["note"], "text")
        spec = pod["spec"]
        self.assertEqual(spec["nodeSelector"], {"disk": "ssd"})
        self.assertEqual(spec["tolerations"], [{"key": "dedicated", "operator": "Exists"}])
        self.assertIn("nodeAffinity", spec["affinity"])
        self.assertEqual(spec["priorityClassName"], "high")
        self.assertEqual(spec["imagePullSecrets"], [{"name": "registry"}])
        self.assertEqual([each["name"] for each in spec["containers"][0]["env"]], ["SSL_CERT_FILE"])
        [extra] = [each for each in chart.of_kind(chart.rendered("sqlite-full"), "ConfigMap") if each["metadata"]["name"] == "sangam-extra"]
        self.assertEqual(extra["data"], {"of": "sangam"})


if __name__ == "__main__":
    unittest.main()
