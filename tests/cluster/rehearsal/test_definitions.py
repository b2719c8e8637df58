"""Custom kinds on a real API server: stand-ins and upstream's definitions, and what a rehearsal leaves of them."""

from collections.abc import Generator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ApiError
from bedplate.engine.engine import Recording
from bedplate.engine.resources import RELEASE_TYPE
from bedplate.errors import RehearsalError
from bedplate.rehearsal.definitions import Definitions, stand_in
from harness import bare_resource, platform, record

pytestmark = pytest.mark.enable_socket

KIND = {
    "group": "test.bedplate.dev",
    "versions": ["v1", "v1beta1"],
    "kind": "Widget",
    "plural": "widgets",
    "scope": "Namespaced",
}
REAL = """
kind: CustomResourceDefinition
metadata: {name: widgets.test.bedplate.dev}
spec:
  group: test.bedplate.dev
  scope: Namespaced
  names: {kind: Widget, listKind: WidgetList, plural: widgets}
  conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1]}}
  versions:
    - &version
      name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: {spec: {type: object, properties: {size: {type: integer}}}}
    - {<<: *version, name: v1beta1, storage: false}
"""


def widget(version: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": "one", "namespace": "default"}
    return {"apiVersion": f"test.bedplate.dev/{version}", "kind": "Widget", "metadata": metadata, "spec": spec}


def middleware(spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "one", "namespace": "default"}
    return {"apiVersion": "traefik.io/v1alpha1", "kind": "Middleware", "metadata": metadata, "spec": spec}


def recording() -> Recording:
    inputs = {"name": "widgets", "namespace": "widgets", "chart": "oci://example.com/widgets", "version": "1.0.0"}
    release = bare_resource("release", RELEASE_TYPE, inputs, parent="component")
    return Recording(resources=[release], component_outputs={"component": {"custom_kinds": [KIND]}})


@pytest.fixture
def api(cluster_access: ClusterAccess) -> Generator[ApiServer]:
    api = ApiServer(cluster_access)
    yield api
    assert api.get(stand_in(KIND)) is None, "a test left its definition behind"


class TestStandIns:
    def test_admit_any_object_in_every_version_and_are_gone_afterwards(self, api: ApiServer) -> None:
        definitions = Definitions(api)
        (operator,) = definitions.create(recording())
        assert (operator.stand_ins, operator.real, operator.found) == (1, 0, 0)
        for version in ("v1", "v1beta1"):
            assert api.apply(widget(version, size="any", unknown={"deep": [1]}))["spec"]["unknown"] == {"deep": [1]}
        assert definitions.remove() == []
        assert api.get(widget("v1")) is None


class TestRealDefinitions:
    def test_refuse_what_upstream_refuses(self, api: ApiServer, tmp_path: Path) -> None:
        (tmp_path / "widgets.test.bedplate.dev.yaml").write_text(REAL)
        definitions = Definitions(api, [tmp_path])
        (operator,) = definitions.create(recording())
        try:
            assert (operator.stand_ins, operator.real) == (0, 1)
            assert api.apply(widget("v1beta1", size=2))["spec"] == {"size": 2}
            with pytest.raises(ApiError, match=r"\.spec\.sise: field not declared in schema"):
                api.apply(widget("v1", sise=2))
            with pytest.raises(ApiError, match="expected numeric"):
                api.apply(widget("v1", size="large"))
        finally:
            assert definitions.remove() == []

    def test_that_the_cluster_refuses_are_named(self, api: ApiServer, tmp_path: Path) -> None:
        (tmp_path / "widgets.test.bedplate.dev.yaml").write_text(REAL.replace("type: integer", "type: whole"))
        with pytest.raises(RehearsalError, match=r"refuses the definition widgets\.test\.bedplate\.dev"):
            Definitions(api, [tmp_path]).create(recording())


class TestDefinitionsOfTheStack:
    RECORDING = record(platform(certificates={"issuer": "internal"}))

    def test_are_met_as_they_are_until_the_end(self, api: ApiServer) -> None:
        definitions = Definitions(api)
        definitions.create(self.RECORDING)
        try:
            assert definitions.own == 10
            with pytest.raises(ApiError, match=r"\.spec\.replacePaths: field not declared in schema"):
                api.apply(middleware({"replacePaths": {"path": "/"}}))
            assert api.apply(middleware({"replacePath": {"path": "/"}}))["spec"] == {"replacePath": {"path": "/"}}
        finally:
            assert definitions.remove() == []
        bodies = [dict(found.inputs) for found in self.RECORDING.resources if found.is_definition]
        assert [body for body in bodies if api.get(body)] == []

    def test_leave_alone_what_was_there(self, api: ApiServer) -> None:
        two = [found for found in self.RECORDING.resources if found.name.endswith(("-tlsstores", "-tlsoptions"))]
        (body,) = (found.inputs for found in two if found.name.endswith("-tlsstores"))
        before = api.create(dict(body))
        try:
            definitions = Definitions(api)
            definitions.create(Recording(resources=two))
            assert definitions.own == 1
            assert definitions.remove() == []
            after = api.get(dict(body))
            assert after is not None
            assert after["metadata"]["uid"] == before["metadata"]["uid"]
        finally:
            api.delete(dict(body))
            while api.get(dict(body)):
                pass


class TestDefinitionsThatWereThere:
    def test_stay_as_they_are(self, api: ApiServer) -> None:
        before = api.create(stand_in(KIND))
        try:
            definitions = Definitions(api)
            (operator,) = definitions.create(recording())
            assert operator.found == 1
            assert definitions.remove() == []
            after = api.get(stand_in(KIND))
            assert after is not None
            assert after["metadata"]["uid"] == before["metadata"]["uid"]
        finally:
            api.delete(stand_in(KIND))
            while api.get(stand_in(KIND)):
                pass


class TestAnOperatorOfSomebodyElse:
    PLACE: ClassVar[dict[str, Any]] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "widgets-home"}}

    def recording(self) -> Recording:
        provided = {"name": "widgets", "chart": "widgets", "version": "1.0.0", "namespace": "widgets-home"}
        return Recording(component_outputs={"component": {"custom_kinds": [KIND], "provided": provided}})

    def test_has_its_kinds_and_its_namespace_until_the_end(self, api: ApiServer) -> None:
        definitions = Definitions(api)
        (operator,) = definitions.create(self.recording())
        assert (operator.provided, operator.stand_ins, operator.namespace) == (True, 1, "widgets-home")
        body = widget("v1")
        api.apply({**body, "metadata": {**body["metadata"], "namespace": "widgets-home"}})
        assert definitions.remove() == []
        assert api.get(self.PLACE) is None

    def test_keeps_a_namespace_that_was_there(self, api: ApiServer) -> None:
        before = api.create(self.PLACE)
        try:
            definitions = Definitions(api)
            definitions.create(self.recording())
            assert definitions.remove() == []
            after = api.get(self.PLACE)
            assert after is not None
            assert after["metadata"]["uid"] == before["metadata"]["uid"]
        finally:
            api.delete(self.PLACE)
