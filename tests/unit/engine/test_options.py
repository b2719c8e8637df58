"""What the embedded engine makes of resource options: what production does, or a refusal."""

import sys
from pathlib import Path
from typing import Any

import pytest

from bedplate.engine.engine import Program, RecordingBackend, run
from bedplate.errors import RehearsalError
from bedplate.plans.difference import difference
from harness import ROOT

# A program with transforms or hooks serves the engine's calls back at a port of this machine.
pytestmark = pytest.mark.enable_socket

PROGRAM = """
import pulumi
import pulumi_kubernetes as kubernetes

one = kubernetes.Provider("one")


def made(name="made", data=None, **options):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "x"}, "data": data or {}}
    options = pulumi.ResourceOptions(provider=one, **options)
    return pulumi.CustomResource("kubernetes:core/v1:ConfigMap", name, body, options)


"""


def recorded(tmp_path: Path, program: str) -> list[Any]:
    (tmp_path / "__main__.py").write_text(PROGRAM + program)
    # Programs run as ".", whose importer Python remembers by that name: each folder needs a new one.
    sys.path_importer_cache.pop(".", None)
    try:
        program_ = Program(root=ROOT, folder=tmp_path, project="bedplate", stack="test", config={})
        return run(program_, RecordingBackend(), is_preview=True).resources
    finally:
        sys.path_importer_cache.pop(".", None)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
class TestIsRefused:
    @pytest.mark.parametrize(("what", "said"), [
        ("made(transforms=[lambda args: None])", r"'made' .* has the option transforms"),
        ("made(hooks=pulumi.ResourceHookBinding(before_create=[lambda args: None]))", r"has the option hooks"),
        ("made(hooks=pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook('e', lambda args: False)]))", r"hooks"),
        ("made(import_='x/made')", r"has the option import"),
        ("made('other', replace_with=[made()])", r"'other' .* has the option replace_with"),
        ("made(replacement_trigger='1')", r"has the option replacement_trigger"),
        ("kubernetes.Provider('two', opts=pulumi.ResourceOptions(env_var_mappings={'A': 'B'}))", r"env_var_mappings"),
        ("pulumi.runtime.register_resource_transform(lambda args: None)", r"a transform of all its resources"),
        ("pulumi.runtime.register_invoke_transform(lambda args: None)", r"a transform of all its calls"),
        ("kubernetes.core.v1.Service.get('s', 'x/s')", r"reads 's' \(kubernetes:core/v1:Service\)"),
        ("pulumi.StackReference('organization/bedplate/base')", r"reads 'organization/bedplate/base'"),
        ("pulumi.runtime.invoke('aws:index/getRegion:getRegion', {})", r"asks a cloud \(aws:index/getRegion"),
        ("kubernetes.helm.v4.Chart('c', chart='c', opts=pulumi.ResourceOptions(provider=one))", r"built by a plugin"),
    ])  # fmt: skip
    def test_what_it_cannot_follow(self, tmp_path: Path, what: str, said: str) -> None:
        with pytest.raises(RehearsalError, match=said) as refused:
            recorded(tmp_path, what)
        assert refused.value.fix


class TestIsKnown:
    def test_what_only_an_update_heeds(self, tmp_path: Path) -> None:
        timeouts = "custom_timeouts=pulumi.CustomTimeouts(create='1m')"
        resource = recorded(tmp_path, f"made(replace_on_changes=['data'], hide_diffs=['data'], {timeouts})")[-1]
        assert resource.options == {
            "replaceOnChanges": ["data"],
            "hideDiff": ["data"],
            "customTimeouts": {"create": "1m"},
        }

    @pytest.mark.parametrize(("option", "updated", "replaced"), [
        ("", ["data.a", "data.b"], []),
        ("ignore_changes=['data.a']", ["data.b"], []),
        ("ignore_changes=['data.a', 'data[\"b\"]']", ["data.b"], []),
        ("ignore_changes=['data.*']", [], []),
        ("ignore_changes=['data']", [], []),
        ("ignore_changes=['dat']", ["data.a", "data.b"], []),
        ("replace_on_changes=['data.b']", [], ["data.b"]),
        ("ignore_changes=['data.b'], replace_on_changes=['data.b']", ["data.a"], []),
    ])  # fmt: skip
    def test_in_a_difference(self, tmp_path: Path, option: str, updated: list[str], replaced: list[str]) -> None:
        before, after = ({"a": "1", "b": "1"}, {"a": "2", "b": "2"})
        sides = [
            [resource.shown() for resource in recorded(tmp_path, f"made(data={data}, {option})")]
            for data in (before, after)
        ]
        found = difference(*sides)
        assert [change.path for each in found.updated for change in each.fields] == updated
        assert [change.path for each in found.replaced for change in each.causes] == replaced
