"""What the documentation shows works, and what it links to is there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from ruamel.yaml import YAML

from bedplate.config import TenantEntry
from bedplate.services.logs.spec import LogsSpec
from bedplate.stack_file.reading import StackFileError, load
from bedplate.workloads import AnyWorkloadSpec
from harness import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
EXAMPLES = [
    (page, kind, text)
    for page in PAGES
    for kind, text in re.findall(r"```yaml (stack|tenant|workload)\n(.*?)```", page.read_text(), re.DOTALL)
]


def parsed(text: str) -> dict[str, Any]:
    return YAML(typ="safe").load(text)


@pytest.mark.parametrize(("page", "kind", "text"), EXAMPLES, ids=[f"{page.name}-{kind}" for page, kind, _ in EXAMPLES])
def test_an_example_is_accepted(page: Path, kind: str, text: str, tmp_path: Path) -> None:
    if kind == "stack":
        (tmp_path / "Pulumi.example.yaml").write_text(text)
        load(tmp_path / "Pulumi.example.yaml")
    elif kind == "tenant":
        TenantEntry.model_validate(parsed(text))
    else:
        TypeAdapter(AnyWorkloadSpec).validate_python(parsed(text))


def test_the_template_of_the_guide_keeps_every_rule(tmp_path: Path) -> None:
    """The guide's file, put where it says, in a copy of the package."""
    guide = (ROOT / "docs" / "guides" / "write-a-template.md").read_text()
    ((name, text),) = re.findall(r"```python template=(\w+)\n(.*?)```", guide, re.DOTALL)
    package = ROOT / "components" / "bedplate"
    shutil.copytree(package, tmp_path / "bedplate", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "bedplate" / "workloads" / f"{name}.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "tests/conformance/test_templates.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert len(re.findall(rf"\[{name}\] PASSED", done.stdout)) >= 5, done.stdout[-3000:]


def test_there_are_examples_of_every_kind() -> None:
    assert {kind for _, kind, _ in EXAMPLES} == {"stack", "tenant", "workload"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_every_page_is_led_to_by_the_readme() -> None:
    """Guides and references: a page that only its address finds is read by nobody."""
    readme = (ROOT / "README.md").read_text()
    pages = [*(ROOT / "docs" / "guides").glob("*.md"), *(ROOT / "docs" / "reference").glob("*.md")]
    linked = {(ROOT / link).resolve() for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", readme) if "://" not in link}
    assert sorted(page.name for page in pages if page.resolve() not in linked) == []


def test_the_readme_shows_what_check_says_of_two_mistakes(tmp_path: Path) -> None:
    """Of the local stack with those two: all but the numbers of lines, which change with the file."""
    (shown,) = re.findall(r"\$ bedplate check wrong\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    local = (ROOT / "stacks" / "Pulumi.local.yaml").read_text()
    wrong = local.replace("memoryGib: 16", "memoryGib: 16Gi", 1).replace("nvidia-l4}", "nvidia-l40}", 1)
    (tmp_path / "Pulumi.wrong.yaml").write_text(wrong)
    shutil.copytree(ROOT / "stacks" / "local-tenants", tmp_path / "local-tenants")
    with pytest.raises(StackFileError) as refused:
        load(tmp_path / "Pulumi.wrong.yaml")
    says = re.sub(r"(?m)^\S*Pulumi.wrong.yaml:\d+:", "stacks/Pulumi.wrong.yaml:N:", str(refused.value))
    assert says.strip() == re.sub(r"yaml:\d+:", "yaml:N:", shown).strip()


def test_an_audit_log_is_written_where_the_collector_may_look() -> None:
    text = (ROOT / "docs" / "guides" / "audit.md").read_text()
    paths = re.findall(r"audit-log-path(?:=|, value: )([^\s\]}]+)", text)
    assert len(paths) == 3
    assert {LogsSpec.model_validate({"auditFile": path}).audit_file for path in paths} == set(paths)


def test_every_claim_of_what_is_proven_names_a_test_that_is_there() -> None:
    """By its function, or by the title of a case of wrong stack files."""
    page = ROOT / "docs" / "guides" / "what-is-proven.md"
    claims = re.findall(r"\[([^\]]+)\]\((\.\./\.\./tests/[^)]+)\)", page.read_text())
    assert len(claims) > 30
    for name, link in claims:
        text = (page.parent / link).read_text()
        begins = f"def {name.strip('`')}(" if link.endswith(".py") else f"=== {name}\n"
        assert begins in text, f"{link} has no {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_an_anchor_is_a_heading(page: Path) -> None:
    for link, anchor in re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", page.read_text()):
        there = page.parent / link if link else page
        headings = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE) if there.suffix == ".md" else []
        slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
        assert anchor in slugs, f"{there.name} has no heading for #{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_command_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), re.MULTILINE)
    assert set(named) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_secret_is_set_in_our_namespace(page: Path) -> None:
    """Pulumi puts the project's name before a key without one, and the program reads ours."""
    named = re.findall(r"pulumi config set --secret ([^\s`]+)", page.read_text())
    assert [name for name in named if not name.startswith("bedplate:")] == []
