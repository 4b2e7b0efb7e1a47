"""The values that docs/operating/deploy.md shows are values that the chart takes."""

import re
import unittest

import yaml

import chart

BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", (chart.REPO / "docs/operating/deploy.md").read_text(), re.M | re.S)
SHOWN = [block for block in map(yaml.safe_load, BLOCKS) if "apiVersion" not in block]


def laid_over(values, more):
    """Values as helm lays one file over another."""
    if not (isinstance(values, dict) and isinstance(more, dict)):
        return more
    return {name: laid_over(values.get(name), more[name]) if name in more else values[name] for name in {**values, **more}}


class Docs(unittest.TestCase):
    def test_each_way_of_the_guide_renders(self):
        first, *rest = SHOWN
        self.assertEqual(chart.one(chart.render(first), "StatefulSet")["metadata"]["name"], "sangam")
        self.assertEqual(len(rest), 4)
        kinds = set()
        for more in rest:
            kinds |= {each["kind"] for each in chart.render(laid_over(first, more))}
        self.assertLessEqual({"Ingress", "Deployment", "PodDisruptionBudget"}, kinds)

    def test_the_guide_names_the_objects_as_the_chart_does(self):
        text = (chart.REPO / "docs/operating/deploy.md").read_text()
        objects = chart.render(SHOWN[0])
        self.assertIn("dns:///sangam-headless.sangam.svc.cluster.local:50051", text)
        self.assertIn("sangam-headless", [each["metadata"]["name"] for each in chart.of_kind(objects, "Service")])
        made = re.findall(r"--from-file=([\w-]+)", text)
        [secret] = [each["secret"] for each in chart.gateway(objects)["spec"]["volumes"] if each["name"] == "secrets"]
        self.assertEqual(sorted(made), [each["key"] for each in secret["items"]])
        self.assertIn("store-sangam-0", text)
        [container] = chart.gateway(objects)["spec"]["containers"]
        _, *config = container["args"]
        self.assertIn(" ".join(["exec sangam-0 -- /sangam backup", *config]), text)


if __name__ == "__main__":
    unittest.main()
