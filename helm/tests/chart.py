"""What the tests of the chart share: rendering by the real helm."""

import copy
import functools
import json
import os
import pathlib
import subprocess
import tempfile

import yaml

REPO = pathlib.Path(__file__).resolve().parents[2]
CHART = REPO / "helm/sangam"
# Ways of installing: the name of the file in ci/ without its end.
WAYS = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*.yaml"))
VERSIONS = os.environ.get("KUBE_VERSIONS", "1.30.0 1.37.0").split()

WORKLOADS = ("StatefulSet", "Deployment")


def values_of(way):
    """The values of a way of installing."""
    return yaml.safe_load((CHART / f"ci/{way}-values.yaml").read_text())


def changed(values, changes):
    """Values with changes: by dotted path, the new value. A path may go through names that are not there yet."""
    values = copy.deepcopy(values)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = values
        for name in parents:
            place = place.setdefault(name, {})
        place[last] = value
    return values


def helm(command, values, *options, at=CHART):
    """Runs helm on a chart with values. JSON is YAML, and says null where null is meant."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump(values, file)
        file.flush()
        line = ["helm", *command, "sangam", str(at), "--namespace", "lending", "--values", file.name, *options]
        return subprocess.run(line, capture_output=True, text=True)


def render(values, version=VERSIONS[-1], at=CHART):
    """Every object of a rendering."""
    done = helm(["template"], values, "--kube-version", version, at=at)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return [each for each in yaml.safe_load_all(done.stdout) if each]


@functools.cache
def rendered(way):
    """The objects of a way of installing, read only."""
    return tuple(render(values_of(way)))


def every():
    """Each way with its objects."""
    return [(way, rendered(way)) for way in WAYS]


def of_kind(objects, *kinds):
    return [each for each in objects if each["kind"] in kinds]


def one(objects, *kinds):
    """The only object of these kinds."""
    [found] = of_kind(objects, *kinds)
    return found


def refusal(changes, way="sqlite"):
    """What helm says to values that are refused; empty if they are not."""
    done = helm(["template"], changed(values_of(way), changes), "--kube-version", VERSIONS[-1])
    return done.stderr if done.returncode != 0 else ""


def pods(objects):
    """Each pod with the name of what makes it."""
    found = [(each["kind"], each["spec"]["template"]) for each in of_kind(objects, *WORKLOADS)]
    return found + [(each["kind"], each) for each in of_kind(objects, "Pod")]


def gateway(objects):
    """The pod of the gateway."""
    return one(objects, *WORKLOADS)["spec"]["template"]


def settings(objects):
    """The text of the gateway's configuration."""
    maps = [each for each in of_kind(objects, "ConfigMap") if "sangam.toml" in each["data"]]
    [found] = maps
    return found["data"]["sangam.toml"]


def selects(selector, labels):
    return all(labels.get(name) == value for name, value in selector.items())
