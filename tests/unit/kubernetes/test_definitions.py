"""Definitions that the platform registers itself: what becomes of them in a cluster, and where they are from."""

import json
import shutil
import subprocess
from typing import Any

import pytest

from bedplate.engine.engine import Recording
from bedplate.engine.resources import Resource
from bedplate.kubernetes import CustomKind
from bedplate.services.front_door import traefik_definitions
from bedplate.services.front_door.traefik import TRAEFIK_VERSION, definitions, values
from harness import platform, record
from traefik_definitions import MODULE, files, module_folder

RECORDING: Recording = record(platform(certificates={"issuer": "internal"}))
REGISTERED = [resource for resource in RECORDING.resources if resource.is_definition]
LIMIT_BYTES = 20_000


def one(version: str, *, served: bool = True, storage: bool = False) -> dict[str, Any]:
    return {"name": version, "served": served, "storage": storage}


def travelled(spec: Any) -> Any:
    """Numbers as Pulumi hands them on, and as a schema's bounds are read: https://protobuf.dev/reference/protobuf/google.protobuf/#value"""
    return json.loads(json.dumps(spec), parse_int=float)


class TestTheKindOfADefinition:
    def test_has_the_versions_that_are_served_and_the_stored_one_first(self) -> None:
        names = {"kind": "Widget", "plural": "widgets"}
        versions = [one("v1alpha1", served=False), one("v1beta1"), one("v1", storage=True)]
        body = {"spec": {"group": "example.com", "scope": "Cluster", "names": names, "versions": versions}}
        assert CustomKind.defined_by(body) == CustomKind(
            group="example.com", versions=("v1", "v1beta1"), kind="Widget", plural="widgets", scope="Cluster"
        )


@pytest.mark.parametrize("resource", REGISTERED, ids=lambda resource: resource.name.rpartition("-")[2])
class TestADefinition:
    def test_stays_when_the_stack_goes(self, resource: Resource) -> None:
        assert resource.retain_on_delete

    def test_is_applied_whether_it_is_there_or_not_and_whoever_made_it(self, resource: Resource) -> None:
        """A plain resource is only created, so that what stayed from before would stop the update."""
        assert resource.type == "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinitionPatch"
        annotations = resource.inputs["metadata"]["annotations"]
        assert annotations["pulumi.com/patchForce"] == "true"
        assert annotations["pulumi.com/patchFieldManager"] == "bedplate"

    def test_is_waited_for(self, resource: Resource) -> None:
        assert resource.inputs["metadata"]["annotations"]["pulumi.com/waitFor"] == "condition=Established"

    def test_says_whose_it_is(self, resource: Resource) -> None:
        labels = resource.inputs["metadata"]["labels"]
        assert (labels["app.kubernetes.io/part-of"], labels["app.kubernetes.io/name"]) == ("bedplate", "traefik")

    def test_is_small_because_a_state_holds_it_three_times(self, resource: Resource) -> None:
        assert len(str(resource.inputs)) < LIMIT_BYTES


class TestDefinitionsOfTraefik:
    def test_are_registered_all_of_them_and_unchanged(self) -> None:
        registered = {
            resource.inputs["metadata"]["name"]: travelled(resource.inputs["spec"]) for resource in REGISTERED
        }
        assert registered == {body["metadata"]["name"]: travelled(body["spec"]) for body in definitions()}
        assert len(registered) == 10

    def test_are_of_the_version_that_runs(self) -> None:
        version, _ = traefik_definitions.published()
        assert version == TRAEFIK_VERSION, "run `make definitions`"
        assert values()["image"] == {"tag": TRAEFIK_VERSION}

    @pytest.mark.enable_socket
    @pytest.mark.skipif(shutil.which("go") is None, reason=f"no Go to download {MODULE} with")
    def test_are_what_its_module_has(self) -> None:
        try:
            folder = module_folder()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"{MODULE} cannot be downloaded: {error.stderr.decode()[-200:]}")
        package = traefik_definitions.__path__[0]
        for name, text in files(folder).items():
            with open(f"{package}/{name}", encoding="utf-8") as file:
                assert file.read() == text, f"{name}: run `make definitions`"
