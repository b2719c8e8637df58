"""A mistake in a stack file under the real engine: our message with its place, and nothing of a traceback."""

import copy

import pytest

from engine.project import Project, stack_file
from harness import ROOT

pytestmark = pytest.mark.enable_socket


@pytest.mark.parametrize("command", ["preview", "up"])
def test_is_said_with_its_place_and_no_traceback(project: Project, command: str) -> None:
    written = copy.deepcopy(stack_file(ROOT / "stacks" / "Pulumi.local.yaml"))
    written["config"]["bedplate:platform"]["tenants"][1]["quota"]["cpu"] = "many"
    stack = project.stack(f"mistaken-{command}", written)
    yes = ["--yes", "--skip-preview"] if command == "up" else []
    done = stack.run(command, "-s", stack.name, *yes, succeeds=False)
    said = done.stdout + done.stderr
    line = next(n for n, text in enumerate(stack.file.read_text().splitlines(), 1) if "cpu: many" in text)
    assert f"Pulumi.{stack.name}.yaml:{line}" in said
    assert "quota.cpu" in said
    assert "Traceback" not in said
    assert stack.state().keys() <= {f"urn:pulumi:{stack.name}::bedplate::pulumi:pulumi:Stack::bedplate-{stack.name}"}
