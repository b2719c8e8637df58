"""Rules about the code itself: who may import whom, sizes, words that must not occur."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import ROOT

PACKAGE = ROOT / "components" / "bedplate"
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if "files" not in path.relative_to(PACKAGE).parts]
OUTSIDE_THE_LIBRARY = (
    *("cli", "deploy", "builds", "starter", "rehearsal", "plans", "engine", "embedded_cluster", "programs"),
)
LIBRARY = [path for path in MODULES if path.relative_to(PACKAGE).parts[0] not in OUTSIDE_THE_LIBRARY]
FOUNDATION = {"spec", "field_texts", "labels", "errors", "on_demand", "wording"}
"""Root modules that every room may import."""
CONFIGURED = {"config", "clouds", "guardrails", "kubernetes", "services", "tenants", "workloads"}
ALLOWED = {
    "kubernetes": set[str](),
    "clouds": set[str](),
    "guardrails": {"kubernetes", "clouds"},
    "offers": {"kubernetes"},
    "offered": set[str](),
    "services": {"kubernetes", "clouds", "offers"},
    "tenants": {"kubernetes", "clouds", "offered"},
    "workloads": {"kubernetes", "clouds", "offers"},
    "config": CONFIGURED,
    "stack_file": CONFIGURED,
    "tenancy": {*CONFIGURED, "offers", "offered"},
    "platform": {*CONFIGURED, "stack_file", "offers", "tenancy"},
    "__init__": {"config", "platform", "stack_file"},
    "engine": set[str](),
    "programs": set[str](),
    "embedded_cluster": {"programs"},
    "plans": {*CONFIGURED, "stack_file", "engine"},
    "rehearsal": {*CONFIGURED, "stack_file", "engine", "plans", "embedded_cluster", "programs"},
    "deploy": {*CONFIGURED, "offers", "offered", "stack_file", "engine", "embedded_cluster", "rehearsal", "builds"},
    "starter": {"deploy"},
    # Runs with a developer's kubeconfig and knows no stack file; `buildctl` is a program of the table.
    "builds": {"programs"},
    "cli": {
        *CONFIGURED,
        "builds",
        "deploy",
        "offered",
        "starter",
        "stack_file",
        "engine",
        "plans",
        "embedded_cluster",
        "programs",
        "rehearsal",
    },
}
"""What each room may import besides itself and the foundation. A room is a folder, or a module at the root."""


def identifier(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def imports(path: Path) -> Iterator[str]:
    """The first part below `bedplate` of each import."""
    for parts in imported(path):
        yield parts[0]


def imported(path: Path) -> Iterator[list[str]]:
    """Each module of ours that is imported, in parts without `bedplate`."""
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "bedplate" else []
            names = names or [node.module or ""]
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "bedplate" and len(parts) > 1:
                yield parts[1:]


@pytest.mark.parametrize("path", MODULES, ids=identifier)
class TestEveryModule:
    def test_imports_only_in_the_direction_of_the_layers(self, path: Path) -> None:
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        allowed = FOUNDATION if room in FOUNDATION else ALLOWED[room] | {room} | FOUNDATION
        assert set(imports(path)) <= allowed

    def test_has_at_most_400_lines(self, path: Path) -> None:
        assert len(path.read_text().splitlines()) <= 400

    def test_has_functions_of_at_most_60_lines(self, path: Path) -> None:
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        long = [
            f"{node.name}: {(node.end_lineno or 0) - node.lineno + 1} lines"
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, functions) and (node.end_lineno or 0) - node.lineno >= 60
        ]
        assert not long

    def test_says_what_it_is(self, path: Path) -> None:
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree) or not tree.body

    def test_evaluates_its_annotations(self, path: Path) -> None:
        """Pulumi's component analysis cannot read annotations that are text."""
        assert "from __future__ import annotations" not in path.read_text()


@pytest.mark.parametrize("path", LIBRARY, ids=identifier)
class TestTheLibrary:
    def test_reads_no_configuration_and_exports_nothing(self, path: Path) -> None:
        assert not re.search(r"pulumi\.(Config\(|export\(|get_stack|get_project|get_root_directory)", path.read_text())

    def test_names_no_cloud_outside_clouds(self, path: Path) -> None:
        if path.relative_to(PACKAGE).parts[0] in ("clouds", "spec.py"):
            return
        strings = [
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 40
        ]
        assert not [text for text in strings if re.fullmatch(r"(aws|gcp|azure|existing|eks|gke|aks)\b.*", text)]


class TestTheProgram:
    def test_is_one_short_file_and_no_package(self) -> None:
        """A package called `platform` shadows the standard library's module and breaks every import of it."""
        assert [path.name for path in (ROOT / "platform").glob("*.py")] == ["__main__.py"]
        assert len((ROOT / "platform" / "__main__.py").read_text().splitlines()) <= 40

    def test_does_not_know_the_embedded_engine(self) -> None:
        """It takes what the package offers to everybody, and nothing of its rooms."""
        program = (ROOT / "platform" / "__main__.py").read_text()
        assert re.findall(r"^from bedplate\S* import|^import bedplate\S*", program, re.MULTILINE) == [
            "from bedplate import"
        ]
