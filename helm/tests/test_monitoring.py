"""Metrics are found, alerts have their runbooks, and dashboards and alerts ask for metrics that there are."""

import json
import pathlib
import re
import subprocess
import unittest

import chart

RUNBOOKS = chart.REPO / "docs/runbooks"
ALERTS = chart.CHART / "rules/alerts.yaml"
PAGE = (chart.REPO / "docs/metrics.md").read_text()
KNOWN = set(re.findall(r"^## `(\w+)`$", PAGE, re.M))


def asked(expression):
    """The names of metrics in an expression, without what a histogram puts behind."""
    # Names of labels stand between brackets.
    bare = re.sub(r"\b(by|on)\s*\([^)]*\)|\{[^}]*\}", "", expression)
    names = re.findall(r"\b(?:sangam|rpc)_[a-z0-9_]+\b", bare)
    whole = {name: re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    return {base if base in KNOWN else name for name, base in whole.items()}


class Monitoring(unittest.TestCase):
    def rules(self):
        [group] = chart.one(chart.rendered("postgresql-scaled"), "PrometheusRule")["spec"]["groups"]
        return group["rules"]

    def test_metrics_are_read_from_the_port_for_it_by_those_who_may(self):
        objects = chart.rendered("postgresql-scaled")
        monitor = chart.one(objects, "ServiceMonitor")["spec"]
        selected = [
            each for each in chart.of_kind(objects, "Service")
            if chart.selects(monitor["selector"]["matchLabels"], each["metadata"]["labels"])
        ]
        [service] = selected
        [port] = service["spec"]["ports"]
        [endpoint] = monitor["endpoints"]
        self.assertEqual((endpoint["port"], endpoint["path"], port["targetPort"]), (port["name"], "/metrics", "admin"))
        rules = chart.one(objects, "NetworkPolicy")["spec"]["ingress"]
        [peers] = [rule["from"] for rule in rules if {"port": "admin"} in rule["ports"]]
        self.assertEqual(peers, chart.values_of("postgresql-scaled")["networkPolicy"]["monitors"])
        self.assertEqual(chart.of_kind(chart.rendered("sqlite"), "ServiceMonitor", "PrometheusRule"), [])
        self.assertIn("networkPolicy.monitors", chart.refusal({"serviceMonitor.enabled": True}))

    def test_each_alert_has_its_runbook_and_each_runbook_its_alert(self):
        alerts = [rule["alert"] for rule in self.rules()]
        self.assertEqual(len(alerts), len(set(alerts)))
        self.assertEqual(set(alerts), {path.stem for path in RUNBOOKS.glob("*.md")})
        for rule in self.rules():
            self.assertEqual(rule["annotations"]["runbook"], f"docs/runbooks/{rule['alert']}.md")
            text = (RUNBOOKS / f"{rule['alert']}.md").read_text()
            self.assertTrue(text.startswith(f"# {rule['alert']}\n") and "## See" in text and "## Do" in text)

    def test_alerts_and_dashboards_ask_for_metrics_that_there_are(self):
        expressions = [rule["expr"] for rule in self.rules()]
        for path in (chart.CHART / "dashboards").glob("*.json"):
            for panel in json.loads(path.read_text())["panels"]:
                expressions += [target["expr"] for target in panel.get("targets", [])]
        for expression in expressions:
            names = asked(expression)
            self.assertTrue(names, expression)
            self.assertLessEqual(names, KNOWN, expression)

    def test_prometheus_takes_the_rules(self):
        tool = chart.REPO / "target/tools/bin/promtool"
        line = [str(tool) if tool.is_file() else "promtool", "check", "rules", str(ALERTS)]
        done = subprocess.run(line, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_dashboards_are_in_their_configmap(self):
        maps = chart.of_kind(chart.rendered("postgresql-scaled"), "ConfigMap")
        [found] = [each for each in maps if each["metadata"]["labels"].get("grafana_dashboard") == "1"]
        files = {path.name: json.loads(path.read_text()) for path in (chart.CHART / "dashboards").glob("*.json")}
        self.assertEqual({name: json.loads(text) for name, text in found["data"].items()}, files)
        self.assertTrue(files)

    def test_a_certificate_fills_the_secret_of_the_ingress(self):
        objects = chart.rendered("sqlite-full")
        certificate = chart.one(objects, "Certificate")["spec"]
        [tls] = chart.one(objects, "Ingress")["spec"]["tls"]
        self.assertEqual((certificate["secretName"], certificate["dnsNames"]), (tls["secretName"], tls["hosts"]))
        self.assertIn("issuerRef", chart.refusal({"ingress.certificate": {"enabled": True, "issuerRef": {}}}, "sqlite-full"))


if __name__ == "__main__":
    unittest.main()
