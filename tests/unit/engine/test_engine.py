"""What the embedded engine refuses, as the real one would, or as nobody would notice there."""

import sys
from pathlib import Path

import pytest

from bedplate.engine.engine import Program, RecordingBackend, run
from bedplate.errors import RehearsalError
from harness import ROOT

PROGRAM = """
import pulumi
import pulumi_kubernetes as kubernetes

def door(name, api_version, kind, namespace, provider):
    options = pulumi.ResourceOptions(provider=provider)
    body = {{"apiVersion": api_version, "kind": kind, "metadata": {{"name": "sign-in", "namespace": namespace}}}}
    pulumi.CustomResource(f"kubernetes:{{api_version}}:{{kind}}", name, body, options)

one, other = kubernetes.Provider("one"), kubernetes.Provider("other")
door("first", "traefik.io/v1alpha1", "IngressRoute", "front-door", one)
door("second", {second})
"""


def made(tmp_path: Path, second: str) -> int:
    (tmp_path / "__main__.py").write_text(PROGRAM.format(second=second))
    # Programs run as ".", whose importer Python remembers by that name: each folder needs a new one.
    sys.path_importer_cache.pop(".", None)
    program = Program(root=ROOT, folder=tmp_path, project="bedplate", stack="test", config={})
    try:
        return len([r for r in run(program, RecordingBackend(), is_preview=True).resources if r.is_kubernetes_object])
    finally:
        sys.path_importer_cache.pop(".", None)


class TestTwoResources:
    @pytest.mark.parametrize("version", ["v1alpha1", "v1"])
    def test_cannot_be_one_object(self, tmp_path: Path, version: str) -> None:
        with pytest.raises(RehearsalError, match=r"two resources are the IngressRoute front-door/sign-in: .*first"):
            made(tmp_path, f"'traefik.io/{version}', 'IngressRoute', 'front-door', one")

    @pytest.mark.parametrize("second", [
        pytest.param("'traefik.io/v1alpha1', 'IngressRoute', 'front-door', other", id="clusters"),
        pytest.param("'traefik.io/v1alpha1', 'IngressRoute', 'elsewhere', one", id="namespaces"),
        pytest.param("'traefik.io/v1alpha1', 'Middleware', 'front-door', one", id="kinds"),
        pytest.param("'example.com/v1alpha1', 'IngressRoute', 'front-door', one", id="groups"),
    ])  # fmt: skip
    def test_may_have_one_name_in_different(self, tmp_path: Path, second: str) -> None:
        assert made(tmp_path, second) == 2
