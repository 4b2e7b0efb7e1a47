"""The settings reach the gateway as they were given."""

import os
import pathlib
import re
import subprocess
import tempfile
import tomllib
import unittest

import chart
import trustme


def sangam(*arguments):
    # Settings of the environment would win over the file.
    env = {name: value for name, value in os.environ.items() if not name.startswith("SANGAM")}
    return subprocess.run([os.environ["SANGAM_BIN"], *arguments], capture_output=True, text=True, env=env)


class Config(unittest.TestCase):
    def test_the_smallest_settings_are_these(self):
        self.assertEqual(
            tomllib.loads(chart.settings(chart.rendered("sqlite"))),
            {
                "listen": {
                    "grpc": "0.0.0.0:50051",
                    "webhook": "0.0.0.0:50052",
                    "admin": "0.0.0.0:50053",
                    "drain_delay_ms": 5000,
                    "insecure": True,
                },
                "store": {"path": "/var/lib/sangam/sangam.db"},
                "seal": {"key_file": "/run/secrets/sangam/seal-key"},
                "tenant": {
                    "finpass": {
                        "main": {
                            "base_url": "https://api.finpass.ai",
                            "api_key": {"file": "/run/secrets/sangam/finpass-api-key"},
                            "api_secret": {"file": "/run/secrets/sangam/finpass-api-secret"},
                        }
                    }
                },
            },
        )

    def test_every_kind_of_setting_is_written_as_it_was_given(self):
        given = chart.values_of("sqlite-full")["config"]
        written = tomllib.loads(chart.settings(chart.rendered("sqlite-full")))
        main = given["tenant"]["finpro"]["main"]
        main["client_secret"] = {"file": "/run/secrets/sangam/finpro-client-secret"}
        given["tenant"]["finpass"]["main"]["api_key"] = {"file": "/run/secrets/sangam/finpass-api-key"}
        given["tenant"]["fair_use"]["rules_file"] = "/etc/sangam/fair-use.toml"
        given["listen"].update({"grpc": "[::]:50051", "webhook": "[::]:50052", "admin": "[::]:50053", "drain_delay_ms": 5000, "insecure": True})
        given["webhook"] = {"public_base_url": "https://hooks.lender.example"}
        given["store"] = {"path": "/var/lib/sangam/sangam.db"}
        given["seal"] = {"key_file": "/run/secrets/sangam/seal-key"}
        self.assertEqual(written, given)

    def test_awkward_text_and_large_numbers_survive(self):
        text = 'quote " backslash \\ <tag> & tab \t line \n unicode \u0939 }} {{ #'
        values = chart.changed(
            chart.values_of("sqlite"),
            {"config.telemetry.service_name": text, "config.cache.rows_max_bytes": 2**53 - 1, "config.poller.first_ms": 0},
        )
        written = tomllib.loads(chart.settings(chart.render(values)))
        self.assertEqual(written["telemetry"]["service_name"], text)
        self.assertEqual(written["cache"]["rows_max_bytes"], 2**53 - 1)
        self.assertIs(type(written["cache"]["rows_max_bytes"]), int)
        self.assertEqual(written["poller"]["first_ms"], 0)

    def test_the_webhook_address_is_the_ingress_unless_another_is_given(self):
        for way, address in [
            ("sqlite", None),
            ("sqlite-full", "https://hooks.lender.example"),
            ("postgresql-scaled", "https://hooks.lender.example/sangam"),
        ]:
            written = tomllib.loads(chart.settings(chart.rendered(way)))
            self.assertEqual(written.get("webhook", {}).get("public_base_url"), address, way)

    def test_a_change_of_settings_or_secrets_replaces_the_pods_and_nothing_else_does(self):
        def checksums(changes):
            objects = chart.render(chart.changed(chart.values_of("postgresql"), changes))
            return chart.gateway(objects)["metadata"]["annotations"]

        before = checksums({})
        self.assertEqual(before, checksums({"replicas": 5, "service.annotations": {"a": "b"}}))
        for changes in [
            {"config.poller.first_ms": 1},
            {"fairUseRules": "x = 1"},
            {"secrets.revision": "2"},
            {"secrets.existingSecret": "other"},
            {"store.postgresql.url.secretKey": "other"},
        ]:
            self.assertNotEqual(before, checksums(changes), changes)

    def test_what_the_chart_takes_for_the_default_is_the_default(self):
        defaults = tomllib.loads((chart.REPO / "src/config/default.toml").read_text())
        templates = "".join(path.read_text() for path in (chart.CHART / "templates").glob("*.*"))
        taken = re.findall(r'dig "(\w+)" "(\w+)" (\d+) \.Values\.config', templates)
        self.assertEqual({(section, name) for section, name, _ in taken}, {("listen", "shutdown_grace_ms"), ("store", "max_connections")})
        for section, name, value in taken:
            self.assertEqual(defaults[section][name], int(value))

    @unittest.skipUnless("SANGAM_BIN" in os.environ, "SANGAM_BIN names no gateway")
    def test_the_gateway_takes_the_settings_of_every_way(self):
        for way in chart.WAYS:
            with self.subTest(way=way):
                done = self.check(way)
                self.assertEqual((done.returncode, done.stdout), (0, "OK\n"), done.stderr)

    def check(self, way):
        """Lays out what the pod would have, and lets the gateway check its settings there."""
        values = chart.values_of(way)
        if "fairUseRules" in values:
            values["fairUseRules"] = sangam("rules").stdout
        objects = chart.render(values)
        [files] = [each["data"] for each in chart.of_kind(objects, "ConfigMap") if "sangam.toml" in each["data"]]
        pod = chart.gateway(objects)["spec"]
        [secret] = [volume["secret"] for volume in pod["volumes"] if volume["name"] == "secrets"]
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            for mount in pod["containers"][0]["volumeMounts"]:
                (root / mount["mountPath"].lstrip("/")).mkdir(parents=True)
            for item in secret["items"]:
                (root / "run/secrets/sangam" / item["path"]).write_text(self.secret(item["key"]))
            if way == "sqlite-full":
                (root / "run/secrets/vault/finpass-api-secret").write_text("mounted otherwise")
            if way == "postgresql-closed":
                self.issue(root / "etc/sangam-tls")
            for file, text in files.items():
                for place in ("/etc/sangam/", "/etc/sangam-tls/", "/run/secrets/", "/var/lib/sangam/"):
                    text = text.replace(f'"{place}', f'"{root}{place}')
                (root / "etc/sangam" / file).write_text(text)
            return sangam("check", "--config", str(root / "etc/sangam/sangam.toml"))

    @staticmethod
    def issue(folder):
        """What cert-manager puts into its Secret."""
        authority = trustme.CA()
        server = authority.issue_cert("sangam-headless.lending.svc.cluster.local")
        server.private_key_pem.write_to_path(folder / "tls.key")
        for number, pem in enumerate(server.cert_chain_pems):
            pem.write_to_path(folder / "tls.crt", append=number > 0)
        authority.cert_pem.write_to_path(folder / "ca.crt")

    @staticmethod
    def secret(key):
        if key == "seal-key":
            return "0f" * 32
        if key == "database-url":
            return "postgres://sangam:synthetic@db.example:5432/sangam?sslmode=verify-full"
        return "synthetic"


if __name__ == "__main__":
    unittest.main()
