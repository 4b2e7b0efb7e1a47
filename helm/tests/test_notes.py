"""What is said after the installation warns, and tells the next step."""

import functools
import pathlib
import shutil
import tempfile
import unittest

import chart


@functools.cache
def notes(way):
    """The notes. Only an installation prints them, and it wants a server; so a copy of the chart has them in a template."""
    with tempfile.TemporaryDirectory() as name:
        copy = pathlib.Path(name) / "sangam"
        shutil.copytree(chart.CHART, copy)
        text = (copy / "templates/NOTES.txt").read_text()
        template = '{{- define "notes" }}' + text + '{{- end }}\nkind: Notes\ntext: {{ include "notes" . | toJson }}\n'
        (copy / "templates/notes.yaml").write_text(template)
        return chart.one(chart.render(chart.values_of(way), at=copy), "Notes")["text"]


class Notes(unittest.TestCase):
    def test_the_open_port_is_said_loudly_everywhere(self):
        for way in chart.WAYS:
            said = "WARNING: callers are not authenticated" in notes(way)
            self.assertEqual(said, way != "postgresql-closed", way)
        self.assertIn("NOTHING in this release keeps strangers away", notes("postgresql-one"))
        self.assertIn("tenant.full_view is true", notes("postgresql-one"))
        self.assertNotIn("tenant.full_view", notes("sqlite"))
        self.assertIn("the Gateway must authenticate callers", notes("postgresql-scaled"))

    def test_the_next_steps_name_the_objects_of_this_release(self):
        said = notes("sqlite")
        self.assertIn("kubectl -n lending rollout status statefulset/sangam\n", said)
        self.assertIn("finpass-api-key, finpass-api-secret, seal-key", said)
        self.assertIn("helm -n lending test sangam", said)
        self.assertIn("dns:///sangam-headless.lending.svc.cluster.local:50051", said)
        self.assertIn("claim store-sangam-0", said)
        self.assertIn("Webhooks do not come in", said)
        self.assertIn("deployment/gateway", notes("postgresql-one"))

    def test_webhooks_and_connections_are_counted(self):
        self.assertIn("https://hooks.lender.example/webhooks/", notes("sqlite-full"))
        said = notes("postgresql-scaled")
        self.assertIn("https://hooks.lender.example/sangam/webhooks/", said)
        self.assertIn("16 connections to PostgreSQL, 96 at most", said)


if __name__ == "__main__":
    unittest.main()
