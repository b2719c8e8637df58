"""The face that every concern in `services/` has, and what holds for everything that it makes."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pytest

import bedplate.services
from aws_stack import with_karpenter
from bedplate.config import json_schema
from bedplate.engine.engine import Recording
from bedplate.engine.resources import RELEASE_TYPE, Resource
from bedplate.kubernetes import Alert, Chart
from bedplate.programs import PROGRAMS
from bedplate.services.concern import Concern
from bedplate.services.spec import ServicesSpec
from conformance.everything import EVERYTHING, SECRETS, WITH_CERT_MANAGER
from conformance.test_architecture import imported
from harness import ROOT, STACKS, objects, platform, pod_templates, record, record_stack

FOLDER = Path(bedplate.services.__path__[0])
CONCERNS = sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]) if module.ispkg)
PRIVILEGED = {"nvidia-device-plugin", "efa-device-plugin", "dcgm-exporter", "log-collector"}
"""Pods that run as root; why stands in test_pods."""


def modules(concern: str) -> list[Path]:
    return sorted((FOLDER / concern).rglob("*.py"))


def module(concern: str, name: str) -> Any:
    return importlib.import_module(f"bedplate.services.{concern}.{name}")


def component(concern: str) -> Any:
    """The class of the concern's name."""
    return getattr(module(concern, concern), concern.title().replace("_", ""))


def requires(concern: str) -> set[str]:
    """Other concerns, of which it imports something."""
    parts = [path for file in modules(concern) for path in imported(file)]
    return {path[1] for path in parts if path[0] == "services" and path[1] in CONCERNS} - {concern}


@cache
def recordings() -> dict[str, Recording]:
    written = {"everything": EVERYTHING, "provided": WITH_CERT_MANAGER, "karpenter": with_karpenter()}
    recorded = {name: record(stack, SECRETS) for name, stack in written.items()}
    return {**recorded, **{file.stem: record_stack(file) for file in STACKS}}


class TestTheSections:
    def test_say_nothing_under_the_same_name(self) -> None:
        """Of two validators of one name in sections that are put together, one would never be asked."""
        own = [
            name
            for section in ServicesSpec.__bases__
            for name in vars(section)
            if not name.startswith(("__", "_abc")) and name != "model_config"
        ]
        assert [name for name in own if own.count(name) > 1] == []


def tokens(concern: str) -> set[str]:
    """Types of the components that stand in its folder."""
    return {
        f"bedplate:index:{node.name}"
        for file in modules(concern)
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ClassDef) and any("ComponentResource" in ast.unparse(base) for base in node.bases)
    }


def made_by(concern: str, recording: Recording) -> list[Resource]:
    """The resources below the concern's components."""
    by_urn, own = recording.by_urn(), tokens(concern)

    def is_below(resource: Resource) -> bool:
        while resource.parent:
            resource = by_urn[resource.parent]
            if resource.type in own:
                return True
        return False

    return [resource for resource in recording.resources if resource.custom and is_below(resource)]


def made(concern: str) -> list[Resource]:
    return [resource for recording in recordings().values() for resource in made_by(concern, recording)]


@pytest.mark.parametrize("concern", CONCERNS)
class TestFace:
    def test_says_of_itself_what_all_say(self, concern: str) -> None:
        said = importlib.import_module(f"bedplate.services.{concern}").CONCERN
        assert isinstance(said, Concern)
        assert (ROOT / "docs" / "guides" / said.guide).is_file()
        assert bool(said.provided) is not bool(said.not_provided)

    def test_has_a_component_of_its_name_made_of_name_args_and_opts(self, concern: str) -> None:
        made_of = inspect.signature(component(concern)).parameters
        assert list(made_of) == ["name", "args", "opts"]
        args: type = made_of["args"].annotation
        assert args.__name__ == f"{component(concern).__name__}Args"
        assert dataclasses.is_dataclass(args)
        assert component(concern).__doc__
        assert "Owns" in (module(concern, concern).__doc__ or "")

    def test_has_its_alerts_in_their_file(self, concern: str) -> None:
        assert "alerts" in inspect.get_annotations(component(concern))
        elsewhere = [
            f"{file.name}:{node.lineno}"
            for file in modules(concern)
            if file.name != "alerts.py"
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Alert"
        ]
        assert elsewhere == []

    def test_reads_its_section_from_a_file_without_resources(self, concern: str) -> None:
        sections = {path.name for path in modules(concern) if "Section(Spec)" in path.read_text()}
        assert sections <= {"spec.py"}
        assert not [
            path
            for file in modules(concern)
            if file.name == "spec.py"
            for path in imported(file)
            if path not in (["spec"], ["clouds", "networks"])
        ]

    def test_honours_somebody_elses_where_it_says_so(self, concern: str) -> None:
        said: Concern = importlib.import_module(f"bedplate.services.{concern}").CONCERN
        if not said.provided:
            return
        section, *_ = said.provided.split(".")
        schema: Any = json_schema()
        assert section in schema["$defs"]["PlatformSpec"]["properties"]
        releases = [resource for resource in made_by(concern, recordings()["provided"]) if "Release" in resource.type]
        assert releases == []


def runs(concern: str) -> set[str]:
    """What it has running: releases by their names, and its own workloads as `namespace/name`."""
    found = set[str]()
    for resource in made(concern):
        if resource.type == RELEASE_TYPE:
            found.add(resource.inputs["name"])
        elif resource.inputs.get("kind") in ("Deployment", "StatefulSet", "DaemonSet"):
            metadata = resource.inputs["metadata"]
            found.add(f"{metadata['namespace']}/{metadata['name']}")
    return found


@pytest.mark.parametrize("concern", CONCERNS)
class TestItsOperators:
    """How each runs beside an API server, or why it does not."""

    def test_are_named_or_there_is_a_reason(self, concern: str) -> None:
        said = module(concern, "operators")
        named = {operator.release or operator.deployment for operator in said.OPERATORS} - {""}
        spoken, there = named | set(said.NOT_RUN), runs(concern)
        assert {one for one in there if not any(fnmatch(one, pattern) for pattern in spoken)} == set()
        assert {pattern for pattern in spoken if not any(fnmatch(one, pattern) for one in there)} == set()
        assert not named & set(said.NOT_RUN)
        assert all(said.NOT_RUN.values())

    def test_are_of_the_table_of_programs(self, concern: str) -> None:
        for operator in module(concern, "operators").OPERATORS:
            assert operator.program in {program.name for program in PROGRAMS}

    def test_say_where_they_are_reached_if_others_ask_them(self, concern: str) -> None:
        for operator in module(concern, "operators").OPERATORS:
            assert not operator.ready.port or operator.ready.port in operator.ports
            assert not operator.service or "http" in operator.ports


@pytest.mark.parametrize("concern", CONCERNS)
class TestWhatItKnows:
    def test_requires_nothing_that_requires_it(self, concern: str) -> None:
        found, waiting = set[str](), sorted(requires(concern))
        while waiting:
            other = waiting.pop()
            found.add(other)
            waiting += sorted(requires(other) - found)
        assert concern not in found

    def test_knows_no_composition(self, concern: str) -> None:
        files = [path for file in modules(concern) for path in imported(file) if path[:2] == ["services", "services"]]
        assert files == []

    def test_has_every_version_under_a_marker(self, concern: str) -> None:
        for file in modules(concern):
            lines = file.read_text().splitlines()
            for number, line in enumerate(lines):
                if re.match(r'_?[A-Z_]*VERSION = "v?[0-9]', line):
                    assert "# renovate: " in lines[number - 1], f"{file.name}:{number + 1}: {line}"

    def test_says_how_the_kinds_of_its_charts_outlive_it(self, concern: str) -> None:
        for file in modules(concern):
            name = ".".join(file.relative_to(FOLDER).with_suffix("").parts).removesuffix(".__init__")
            for chart in vars(importlib.import_module(f"bedplate.services.{name}")).values():
                if isinstance(chart, Chart) and chart.kinds:
                    assert chart.keeping


@pytest.mark.parametrize("concern", CONCERNS)
class TestWhatItMakes:
    def test_is_something(self, concern: str) -> None:
        assert made(concern)

    def test_is_gone_when_it_goes(self, concern: str) -> None:
        """The engine deletes it, alone or with its namespace; nothing is told to stay but definitions of kinds."""
        staying = [resource for resource in made(concern) if resource.retain_on_delete or resource.protect]
        assert [resource.name for resource in staying if not resource.is_definition] == []

    def test_is_not_there_without_the_layer_of_services(self, concern: str) -> None:
        assert made_by(concern, record(platform(layers=["cluster", "tenants"]))) == []

    def test_stands_in_a_closed_namespace(self, concern: str) -> None:
        for recording in recordings().values():
            closed = {
                policy.inputs["metadata"]["namespace"]
                for policy in objects(recording, "NetworkPolicy")
                if policy.inputs["metadata"]["name"] == "default-deny"
            }
            used = {resource.inputs.get("metadata", {}).get("namespace") for resource in made_by(concern, recording)}
            assert {name for name in used if name and name.startswith("bedplate-")} <= closed

    def test_runs_as_nobody_within_bounds(self, concern: str) -> None:
        for recording in recordings().values():
            names = {resource.name for resource in made_by(concern, recording)}
            for name, template in pod_templates(recording):
                if name in names:
                    software = template["metadata"]["labels"]["app.kubernetes.io/name"]
                    assert template["spec"]["securityContext"]["runAsNonRoot"] is (software not in PRIVILEGED)
                    for container in template["spec"]["containers"]:
                        assert {"requests", "limits"} <= container["resources"].keys()

    def test_names_each_of_its_rights(self, concern: str) -> None:
        for resource in made(concern):
            if resource.inputs.get("kind") in ("Role", "ClusterRole"):
                for rule in resource.inputs["rules"]:
                    assert not any("*" in name for names in rule.values() for name in names)


def alerts(concern: str) -> list[Alert]:
    """Those that need no argument to be made."""
    if not (FOLDER / concern / "alerts.py").exists():
        return []
    values = vars(module(concern, "alerts")).values()
    return [alert for value in values if isinstance(value, tuple) for alert in value if isinstance(alert, Alert)]


@pytest.mark.parametrize("concern", CONCERNS)
def test_every_alert_says_what_to_do(concern: str) -> None:
    for alert in alerts(concern):
        page, _, anchor = alert.runbook.partition("#")
        headings = re.findall(r"^#+ (.*)$", (ROOT / page).read_text(), re.MULTILINE)
        assert anchor in {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_there_is_no_concern_that_nobody_composes() -> None:
    text = (FOLDER / "services.py").read_text()
    assert [concern for concern in CONCERNS if f"{component(concern).__name__}(" not in text] == []
    assert pulumi.ComponentResource not in {component(concern) for concern in CONCERNS}
