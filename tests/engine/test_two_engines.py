"""Two engines, one truth: what the Pulumi engine plans is what the embedded engine registered.

Compared are URNs, types, inputs, parents, dependencies, providers, protection, aliases, options, on an empty cluster.
Providers of clouds are in no registry: of the cloud stacks the layers above the cluster are compared, on the facts that
the layer below exports. What a provider adds to or drops from inputs when it checks them is taken off by `KNOWN`.
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from kubernetes.utils.quantity import parse_quantity

from bedplate.engine.engine import Recording, RecordingBackend, run
from bedplate.engine.resources import KUBERNETES_PROVIDER_TYPE, RELEASE_TYPE, Resource, hidden
from bedplate.plans.difference import field_changes
from bedplate.plans.planning import program_of
from bedplate.plans.project import Project as BedplateProject
from bedplate.stack_file.reading import load
from engine.project import Plan, Project, Stack, stack_file
from harness import ROOT, STACKS, record
from stacks.test_layers import splittable, upper

pytestmark = pytest.mark.enable_socket

Shown = dict[str, Any]


Normalising = Callable[[Shown, Shown], None]
"""Takes a known difference off the inputs of both sides: Pulumi's, and ours."""


def _without(*keys: str) -> Normalising:
    """What only one side has at these keys."""

    def normalise(real: Shown, embedded: Shown) -> None:
        for key in keys:
            if (key in real) != (key in embedded):
                real.pop(key, None)
                embedded.pop(key, None)

    return normalise


def _releases(real: Shown, embedded: Shown) -> None:
    for key in real.keys() - embedded.keys():
        del real[key]
    embedded.pop("compat", None)


def _quantities(real: Shown, embedded: Shown) -> None:
    for side in (real, embedded):
        side["spec"]["hard"] = {key: parse_quantity(amount) for key, amount in side["spec"]["hard"].items()}


def _encoded(real: Shown, embedded: Shown) -> None:
    """Both sides hide the values."""
    if "data" in real and "stringData" in embedded:
        del real["data"], embedded["stringData"]


def _cluster_scope(real: Shown, embedded: Shown) -> None:
    _without("namespace")(real["metadata"], embedded["metadata"])


KNOWN: dict[str, tuple[str, Normalising]] = {
    RELEASE_TYPE: ("the provider writes its defaults, and reads `compat` itself", _releases),
    KUBERNETES_PROVIDER_TYPE: (
        "the engine adds the version, the provider what is in KUBECONFIG",
        _without("version", "kubeconfig", "__internal"),
    ),
    "kubernetes:scheduling.k8s.io/v1:PriorityClass": (
        "Kubernetes drops `false`, its default",
        _without("globalDefault"),
    ),
    "kubernetes:core/v1:Secret": ("the provider writes known `stringData` as `data`", _encoded),
    "kubernetes:core/v1:ResourceQuota": ("Kubernetes writes 2048Gi as 2Ti and 1000 as 1k", _quantities),
    "kubernetes:cert-manager.io/v1:ClusterIssuer": (
        "the provider cannot know a kind's scope before its definition is there, and takes it for namespaced",
        _cluster_scope,
    ),
}
"""By type: why the provider's Check makes other inputs of ours, and what takes that off both sides."""


def shown(resource: Resource) -> Shown:
    """A resource of the embedded engine as the state of the other has it."""
    return {
        "type": resource.type,
        "parent": resource.parent,
        "provider": resource.provider,
        "dependencies": sorted(resource.dependencies),
        "protect": resource.protect,
        "retainOnDelete": resource.retain_on_delete,
        "deletedWith": resource.deleted_with,
        "aliases": sorted(resource.aliases),
        "ignoreChanges": sorted(resource.ignore_changes),
        **{name: resource.options.get(name) for name in ("replaceOnChanges", "customTimeouts", "hideDiff")},
        "inputs": hidden(resource.inputs),
    }


def planned(state: Mapping[str, Any]) -> Shown:
    """A new state of the Pulumi engine, the same way."""
    return {
        "type": state["type"],
        "parent": state.get("parent", ""),
        "provider": _provider(state.get("provider", "")),
        "dependencies": sorted(state.get("dependencies") or ()),
        "protect": bool(state.get("protect")),
        "retainOnDelete": bool(state.get("retainOnDelete")),
        "deletedWith": state.get("deletedWith", ""),
        "aliases": sorted(state.get("aliases") or ()),
        "ignoreChanges": sorted(state.get("ignoreChanges") or ()),
        **{name: state.get(name) for name in ("replaceOnChanges", "customTimeouts", "hideDiff")},
        "inputs": state.get("inputs", {}),
    }


def _provider(reference: str) -> str:
    """URN of a provider that the program made; '' for those that the engine makes itself where none is named."""
    urn = reference.rpartition("::")[0]
    return "" if urn.rpartition("::")[2].startswith("default_") else urn


def _is_one_number(before: object, after: object) -> bool:
    """Numbers travel as floating point, of which the engines print the largest in other digits."""
    return isinstance(before, int) and isinstance(after, int) and float(before) == float(after)


def differences(plan: Plan, recording: Recording) -> Iterator[str]:
    """Every line in which the two differ, such as a reader would look for it."""
    real = {step["urn"]: planned(step["newState"]) for step in plan["steps"]}
    embedded = {resource.urn: shown(resource) for resource in recording.resources}
    yield from (f"only Pulumi plans {urn}" for urn in sorted(real.keys() - embedded.keys()))
    yield from (f"only bedplate plans {urn}" for urn in sorted(embedded.keys() - real.keys()))
    for urn in sorted(real.keys() & embedded.keys()):
        one, other = copy.deepcopy(real[urn]), copy.deepcopy(embedded[urn])
        if one["type"] in KNOWN:
            KNOWN[one["type"]][1](one["inputs"], other["inputs"])
        for change in field_changes(other, one):
            if _is_one_number(change.before, change.after):
                continue
            yield f"{urn}: {change.path} is {change.before!r} to bedplate, {change.after!r} to Pulumi"


def compared(stack: Stack) -> list[str]:
    read = load(stack.file)
    recording = run(program_of(BedplateProject.read(stack.file.parents[1]), read), RecordingBackend(), is_preview=True)
    return list(differences(stack.preview(), recording))


def test_agree_on_the_local_stack(project: Project) -> None:
    stack = project.stack("twice", stack_file(ROOT / "stacks" / "Pulumi.local.yaml"))
    assert compared(stack) == []


LOCAL = stack_file(ROOT / "stacks" / "Pulumi.local.yaml")


@pytest.mark.parametrize("layers", [["services"], ["tenants"]], ids="-".join)
def test_agree_on_layers(project: Project, layers: list[str]) -> None:
    written = copy.deepcopy(LOCAL)
    written["config"]["bedplate:platform"]["layers"] = layers
    if "services" not in layers:
        _without_what_needs_services(written["config"]["bedplate:platform"])
    assert compared(project.stack(f"layers-{'-'.join(layers)}", written)) == []


def _without_what_needs_services(platform: dict[str, Any]) -> None:
    """Routes are made by the stack that has the front door; it alone stops what nobody uses, has work wait, and
    has a store of secrets."""
    platform["monitoring"].pop("tenantDashboards", None)
    platform.pop("certificates")
    platform.pop("login")
    platform.pop("tenantsDir")
    for tenant in platform["tenants"]:
        kept = [workload for workload in tenant["workloads"] if workload["kind"] not in ("workspace", "training")]
        tenant["workloads"] = kept
        for workload in kept:
            workload.pop("route", None)
            workload.pop("idle", None)
            secrets = workload.get("secretEnv", {}).items()
            workload["secretEnv"] = {name: kept for name, kept in secrets if isinstance(kept, str)}


@pytest.mark.parametrize("file", [file for file in STACKS if load(file).spec.cloud.owns_cluster], ids=lambda f: f.stem)
def test_agree_on_what_a_cloud_has_above_its_cluster(project: Project, file: Any) -> None:
    written = stack_file(file)
    platform = splittable(written["config"]["bedplate:platform"])
    lower = record({**platform, "layers": ["cluster"]})
    written["config"]["bedplate:platform"] = json.loads(json.dumps(upper(platform, lower, ["services", "tenants"])))
    assert compared(project.stack(f"above-{file.stem.removeprefix('Pulumi.')}", written)) == []
