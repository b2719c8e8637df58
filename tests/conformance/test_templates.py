"""Rules that hold for every workload template, shown on workloads made for it: a template need not be in any stack."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from bedplate.cli.reference import pages
from bedplate.engine.resources import Secret
from bedplate.workloads import Workload
from harness import SECRET_OF_EVERY, every_template, objects, pod_templates, record

RECORDING = record(every_template(), frozenset({SECRET_OF_EVERY}))
KINDS = sorted(Workload.registry)
LONG_RUNNING = ("Deployment", "StatefulSet", "DaemonSet")


def named(kind: str, form: str) -> list[Mapping[str, Any]]:
    """The objects of a template's workload, `bare` or `full`."""
    name = f"{kind.lower()}-{form}"
    return [
        dict(resource.inputs)
        for resource in objects(RECORDING)
        if resource.inputs["metadata"]["labels"].get("bedplate.dev/workload") == name
    ]


def pods(kind: str, form: str = "full") -> list[dict[str, Any]]:
    name = f"{kind.lower()}-{form}"
    found = [
        body for _, body in pod_templates(RECORDING) if body["metadata"]["labels"].get("bedplate.dev/workload") == name
    ]
    assert found, f"{kind} has no pods: {[body['kind'] for body in named(kind, form)]}"
    return found


def long_running(kind: str, form: str = "full") -> list[Mapping[str, Any]]:
    return [body for body in named(kind, form) if body["kind"] in LONG_RUNNING]


@pytest.mark.parametrize("kind", KINDS)
class TestEveryTemplate:
    def test_gives_its_pods_what_the_spec_says(self, kind: str) -> None:
        for pod in pods(kind):
            (container,) = pod["spec"]["containers"]
            environment = {entry["name"]: entry for entry in container["env"]}
            mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
            claims = {volume["name"]: volume.get("persistentVolumeClaim") for volume in pod["spec"]["volumes"]}
            assert environment["LOG_LEVEL"]["value"] == "info", f"{kind}: `env` does not reach the container"
            assert "/data" in mounts, f"{kind}: `mounts` does not reach the container"
            assert claims[mounts["/data"]], f"{kind}: what is mounted at /data is no volume of the tenant"
            assert container["resources"]["limits"].get("nvidia.com/gpu") == "1", f"{kind}: `gpu` is not a limit"
            # What starts a program several times stands before it.
            assert (container["command"][-1:], container["args"]) == (["serve"], ["--all"]), (
                f"{kind}: `command`, `args`"
            )

    def test_takes_its_secrets_from_a_secret_of_its_own(self, kind: str) -> None:
        secrets = {body["metadata"]["name"]: body for body in named(kind, "full") if body["kind"] == "Secret"}
        for pod in pods(kind):
            entries = {entry["name"]: entry for entry in pod["spec"]["containers"][0]["env"]}
            reference = entries["API_TOKEN"]["valueFrom"]["secretKeyRef"]
            assert reference["name"] in secrets, f"{kind}: API_TOKEN comes from {reference['name']}, which is not its"
            assert isinstance(secrets[reference["name"]]["stringData"], Secret | dict)

    def test_restarts_its_pods_when_a_secret_is_rotated(self, kind: str) -> None:
        """Jobs read their secrets at the start of each run."""
        for body in long_running(kind):
            annotations = body["spec"]["template"]["metadata"].get("annotations", {})
            fix = "give the template's metadata `secrets_hash(args)` as annotations"
            assert "bedplate.dev/secrets-hash" in annotations, f"{kind}: {fix}"

    def test_is_moved_to_save_money_only_if_it_loses_no_work(self, kind: str) -> None:
        """Every pod has scratch space that is lost with it, and the autoscaler is told not to mind that."""
        loses_work = Workload.registry[kind].loses_work
        for pod in [*pods(kind), *pods(kind, "bare")]:
            annotations = pod["metadata"].get("annotations", {})
            stays = {
                "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
                "karpenter.sh/do-not-disrupt": "true",
            }.items() <= annotations.items()
            fix = "annotate the pods with NOT_EVICTED, or set `loses_work = False` on the class"
            assert stays is loses_work, f"{kind}: loses_work is {loses_work}, and its pods say {annotations}: {fix}"

    def test_spreads_pods_that_serve_and_says_when_they_are_ready(self, kind: str) -> None:
        selectors = [body["spec"]["selector"] for body in named(kind, "bare") if body["kind"] == "Service"]
        for body in long_running(kind, "bare"):
            template = body["spec"]["template"]
            constraints = template["spec"].get("topologySpreadConstraints")
            assert constraints or body["kind"] == "DaemonSet", f"{kind}: add spread_over_zones_and_nodes"
            if any(selector.items() <= template["metadata"]["labels"].items() for selector in selectors):
                ready = [container.get("readinessProbe") for container in template["spec"]["containers"]]
                assert all(ready), f"{kind}: a Service leads to pods that never say whether they are ready"


def test_every_key_of_the_stack_file_has_a_text() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]*)\|$", pages()["stack-file.md"].replace("\\|", "/"), re.MULTILINE)
    assert len(rows) > 100
    assert not [key for key, text in rows if not text.strip()], "write a docstring below the field"
