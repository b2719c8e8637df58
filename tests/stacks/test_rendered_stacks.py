"""Each stack file's whole program, rendered: what a reviewer sees of a change.

Renew with `pytest tests/stacks --update-snapshots`, and review the difference like code.
"""

import io
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bedplate.engine.resources import RELEASE_TYPE, hidden
from bedplate.labels import TENANT
from harness import STACKS, objects, record_stack, run_stack

SNAPSHOTS = Path(__file__).parent / "snapshots"


def rendered(file: Path) -> dict[str, str]:
    """YAML by tenant, objects sorted by URN; `platform` is what belongs to no tenant, `charts` what Helm installs."""
    parts: dict[str, list[Any]] = {}
    recording = record_stack(file)
    if releases := [hidden(resource.inputs) for resource in recording.resources if resource.type == RELEASE_TYPE]:
        parts["charts"] = sorted(releases, key=lambda release: release["name"])
    for resource in sorted(objects(recording), key=lambda resource: resource.urn):
        owner = resource.inputs["metadata"]["labels"].get(TENANT, "platform")
        inputs = hidden(resource.inputs)
        # What a definition says is upstream's, as `test_definitions` holds.
        shown = {key: inputs[key] for key in inputs if key != "spec"} if resource.is_definition else inputs
        parts.setdefault(owner, []).append(shown)
    return {f"{owner}.yaml": _yaml(documents) for owner, documents in parts.items()}


def _yaml(documents: list[Any]) -> str:
    writer, buffer = YAML(typ="safe"), io.StringIO()
    writer.default_flow_style = False
    writer.width = 4000
    writer.dump_all(documents, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.stem)
def test_a_stack_renders_as_its_snapshot_shows(file: Path, request: pytest.FixtureRequest) -> None:
    folder, parts = SNAPSHOTS / file.stem, rendered(file)
    if request.config.getoption("--update-snapshots"):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.yaml"):
            old.unlink()
        for name, text in parts.items():
            (folder / name).write_text(text)
    assert {path.name: path.read_text() for path in folder.glob("*.yaml")} == parts


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.stem)
def test_the_same_program_registers_the_same_resources(file: Path) -> None:
    """In whatever order: the SDK keeps dependencies in sets, so independent resources may change places."""
    assert run_stack(file).by_urn() == record_stack(file).by_urn()
