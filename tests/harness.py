"""Building stacks for tests and running the real program on them."""

import copy
import importlib
import inspect
import json
import pkgutil
import re
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
from ruamel.yaml import YAML

import bedplate.clouds
import bedplate.kubernetes
import bedplate.platform
import bedplate.services
import bedplate.tenancy
from bedplate.config import PlatformSpec
from bedplate.engine.engine import Program, Recording, RecordingBackend, run
from bedplate.engine.resources import Resource
from bedplate.plans.planning import program_of, without, written_platform
from bedplate.plans.project import Project
from bedplate.stack_file.reading import NAMESPACE, PLATFORM_KEY, StackFileError, load
from bedplate.workloads import Workload

ROOT = Path(__file__).resolve().parents[1]
STACKS = [ROOT / "stacks" / f"Pulumi.{name}.yaml" for name in ("aws", "azure", "gcp", "local")]
"""The example stacks that come with the library; others in the folder are somebody's own, and no test judges them."""

MINIMAL: dict[str, Any] = {
    "domain": "ml.example.com",
    "cloud": {
        "provider": "existing",
        "name": "test",
        "kubernetesVersion": "1.35",
        "storageClasses": {"deleted": "standard", "retained": "standard-retained"},
    },
    "nodePools": {
        "general": {"machine": {"cpu": 16, "memoryGib": 64}, "max": 3},
        "l4": {"accelerator": "nvidia-l4", "count": 1, "machine": {"cpu": 8, "memoryGib": 32}, "max": 2},
    },
    "guardrails": {"approvedImages": ["ghcr.io/acme/"]},
    "tenants": [],
}

NEEDED_BY_KIND: dict[str, dict[str, Any]] = {
    "app": {"framework": "streamlit"},
    "llm": {
        "model": "llama-3.1-8b-instruct",
        "weights": {"volume": "data", "folder": "llama"},
        "gpu": {"accelerator": "nvidia-l4"},
    },
    "training": {"nodes": 2, "command": ["python", "train.py"]},
    "workspace": {"owner": "ines@example.com"},
}
"""Keys without which a template's spec is not valid, by kind."""
SECRET_OF_EVERY = "every-token"
"""The config secret that workloads of `every_template` name."""
LOGIN: dict[str, Any] = {
    "provider": "oidc",
    "issuerUrl": "https://login.example.com",
    "clientId": "ml-platform",
    "clientSecretRef": "client",
}
"""A login as the stack file writes it."""


def model_api(name: str, **changes: Any) -> dict[str, Any]:
    """A model API as the stack file writes it."""
    return {"kind": "modelApi", "name": name, "image": "ghcr.io/acme/scorer:1.0.0", **changes}


def job(name: str, **changes: Any) -> dict[str, Any]:
    """A job as the stack file writes it."""
    return {"kind": "job", "name": name, "image": "ghcr.io/acme/etl:1.0.0", **changes}


def tenant(name: str, *workloads: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A tenant as the stack file writes it."""
    return {
        "name": name,
        "groups": [f"ml-{name}"],
        "owner": f"{name}@example.com",
        "quota": {"cpu": 64, "memoryGib": 256, "gpus": {"nvidia-l4": 2}, "storageGib": 500},
        "workloads": list(workloads),
        **changes,
    }


def platform(*tenants: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The minimal platform with these tenants."""
    return {**copy.deepcopy(MINIMAL), "tenants": list(tenants), **changes}


def every_template() -> dict[str, Any]:
    """A platform with each template twice: as little as it takes, and with every key set that all templates share.

    A template that requires more than name and image has it in NEEDED_BY_KIND.
    """
    shared = {
        "gpu": {"accelerator": "nvidia-l4", "count": 1},
        "env": {"LOG_LEVEL": "info"},
        "secretEnv": {"API_TOKEN": SECRET_OF_EVERY},
        "mounts": [{"volume": "data", "path": "/data"}],
        "command": ["serve"],
        "args": ["--all"],
    }
    workloads = [
        {"kind": kind, "name": f"{kind.lower()}-{form}", "image": "ghcr.io/acme/any:1.0.0", **needed, **more}
        for kind, needed in ((kind, NEEDED_BY_KIND.get(kind, {})) for kind in sorted(Workload.registry))
        for form, more in (("bare", {}), ("full", shared))
    ]
    quota = {"cpu": 1000, "memoryGib": 4000, "gpus": {"nvidia-l4": 100}, "storageGib": 500}
    volumes = [{"name": "data", "sizeGib": 10, "retain": False, "access": "manyNodes"}]
    pools = {**MINIMAL["nodePools"], "l4": {**MINIMAL["nodePools"]["l4"], "max": 100}}
    every = tenant("every", *workloads, quota=quota, volumes=volumes)
    services = {"certificates": {"issuer": "internal"}, "login": LOGIN, "idle": {}, "monitoring": {"diskGib": 500}}
    return platform(every, nodePools=pools, queue={}, **services)


def program(data: dict[str, Any], secrets: frozenset[str] = frozenset()) -> Program:
    """The project's program with a platform written in the test."""
    project = Project.read(ROOT)
    return Program(
        root=project.root,
        folder=project.program,
        project=project.name,
        stack="test",
        config={PLATFORM_KEY: data},
        secrets=frozenset(f"{NAMESPACE}{name}" for name in secrets | login_secrets(data)),
    )


def login_secrets(data: dict[str, Any]) -> frozenset[str]:
    """The config secrets that the login and the gate name: they are there, also in tests about something else."""
    login = data.get("login", {})
    names = (
        login.get("clientSecretRef"),
        login.get("directory", {}).get("serviceAccountRef"),
        data.get("ssh", {}).get("hostKeyRef"),
    )
    return frozenset(name for name in names if name)


def record(data: dict[str, Any], secrets: frozenset[str] = frozenset()) -> Recording:
    """What the program registers for a platform written in the test; recorded once, so nobody may change it."""
    return _recorded(json.dumps(data), secrets)


@cache
def _recorded(data: str, secrets: frozenset[str]) -> Recording:
    return run(program(json.loads(data), secrets), RecordingBackend(), is_preview=True)


@cache
def record_stack(file: Path) -> Recording:
    """What the program registers for a stack file; recorded once, so nobody may change it."""
    return run_stack(file)


def run_stack(file: Path) -> Recording:
    """A run of the program for a stack file of its own."""
    return run(program_of(Project.read(ROOT), load(file)), RecordingBackend(), is_preview=True)


def nobody(stack: dict[str, Any]) -> dict[str, Any]:
    """A platform with nobody on it, and so with nobody's budget."""
    rest = {key: value for key, value in stack.items() if key not in ("tenants", "tenantsDir", "cost", "buckets")}
    cost = {key: value for key, value in stack.get("cost", {}).items() if key != "budgets"}
    for tenant in stack.get("tenants", []):
        rest = without(rest, tenant["name"])
    return {**rest, **({"cost": cost} if cost else {}), "tenants": []}


def without_tenants(file: Path) -> dict[str, Any]:
    """The platform of a stack file as it is written, with nobody on it."""
    return nobody(written_platform(file))


def spec(data: dict[str, Any]) -> PlatformSpec:
    """The platform as a spec."""
    return PlatformSpec.model_validate(data)


def bare_resource(name: str, of: str, inputs: dict[str, Any], parent: str = "") -> Resource:
    """A resource with nothing but its inputs; its URN is its name. of: its type."""
    return Resource(
        urn=name,
        type=of,
        name=name,
        custom=True,
        parent=parent,
        provider="",
        dependencies=(),
        aliases=(),
        protect=False,
        retain_on_delete=False,
        deleted_with="",
        inputs=inputs,
    )


def objects(recording: Recording, kind: str = "") -> list[Resource]:
    """The Kubernetes objects of a recording, of one kind or all."""
    return [
        resource
        for resource in recording.resources
        if resource.is_kubernetes_object and kind in ("", resource.inputs["kind"])
    ]


def library() -> list[ModuleType]:
    """Every module that a stack may take a component or a chart from."""
    packages = (bedplate.clouds, bedplate.kubernetes, bedplate.services)
    return [
        bedplate.platform,
        bedplate.tenancy,
        *(
            importlib.import_module(module.name)
            for package in packages
            for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        ),
    ]


def is_custom(resource: Resource) -> bool:
    """Whether the kind is not Kubernetes' own; by its group, so that it need not be declared anywhere."""
    group = str(resource.inputs["apiVersion"]).rpartition("/")[0]
    return "." in group and not group.endswith(".k8s.io")


def pod_templates(recording: Recording) -> list[tuple[str, dict[str, Any]]]:
    """Every pod template with the name of its object."""
    templates: list[tuple[str, dict[str, Any]]] = []
    for resource in objects(recording):
        kind, body = resource.inputs["kind"], resource.inputs.get("spec", {})
        if kind == "CronJob":
            templates.append((resource.name, body["jobTemplate"]["spec"]["template"]))
        elif kind in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            templates.append((resource.name, body["template"]))
        elif kind == "JobSet":
            templates += [(resource.name, each["template"]["spec"]["template"]) for each in body["replicatedJobs"]]
    return templates


def changed(stack: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The stack with another value at a dotted path of the platform."""
    data = copy.deepcopy(stack)
    place = data["config"][PLATFORM_KEY]
    *above, last = path.split(".")
    for key in above:
        place = place[key]
    place[last] = value
    return data


def refused(stack: dict[str, Any], folder: Path) -> list[tuple[str, str]]:
    """Where and what: every problem of a stack file."""
    file = folder / "Pulumi.test.yaml"
    with file.open("w") as stream:
        YAML().dump(stack, stream)
    with pytest.raises(StackFileError) as error:
        load(file)
    assert all(problem.line and problem.fix for problem in error.value.problems)
    return [(problem.path, problem.message) for problem in error.value.problems]


def arguments_of(kind: str) -> type:
    """The class of the inputs of a resource of a cloud's SDK."""
    package, module, name = kind.split(":")
    service = importlib.import_module(f"pulumi_{package.replace('-', '_')}.{module.partition('/')[0]}")
    classes = vars(importlib.import_module(getattr(service, name).__module__))
    return classes.get(f"{name}InitArgs") or classes[f"{name}Args"]


def has_input(arguments: type, path: str) -> bool:
    """Whether the class has an input of this name, and its class the next one."""
    name, _, rest = path.partition(".")
    for attribute, value in vars(arguments).items():
        if isinstance(value, property) and getattr(value.fget, "_pulumi_name", attribute) == name:
            nested = re.search(
                r"ForwardRef\('(\w+Args)'", str(inspect.get_annotations(cast(Any, value.fget))["return"])
            )
            return not rest or (nested is not None and has_input(_class(arguments, nested[1]), rest))
    return False


def _class(beside: type, name: str) -> type:
    return vars(importlib.import_module(beside.__module__))[name]
