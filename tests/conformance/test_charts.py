"""Rules that hold for every upstream chart, and for every object of a kind that one brings."""

import re
from collections import Counter
from typing import Any

import pytest
from ruamel.yaml import YAML

from aws_stack import with_karpenter
from bedplate.engine.engine import Recording
from bedplate.engine.resources import RELEASE_TYPE, Resource, revealed
from bedplate.kubernetes import Chart, CustomKind
from bedplate.rehearsal.definitions import provided_by_others, releases_of
from bedplate.spec import is_secret_name
from conformance.test_components import secrets_in
from harness import LOGIN, ROOT, STACKS, is_custom, model_api, objects, platform, record, record_stack, tenant
from upstream import CARRIED, CHARTS, KINDS, mistakes, needed_definition_of


def issued_by(issuer: dict[str, Any], cloud: str) -> Recording:
    """The minimal platform, or that of AWS, with certificates of this issuer."""
    if cloud == "existing":
        return record(platform(certificates=issuer))
    config: dict[str, Any] = YAML(typ="safe").load(ROOT / "stacks" / "Pulumi.aws.yaml")["config"]["bedplate:platform"]
    return record({**config, "certificates": issuer})


PER_HOST = {"mode": "perHost", "issuer": "letsEncrypt", "email": "ines@example.com", "challenge": "http01"}
PROVIDED = {"issuer": "internal", "certManager": {"provided": True}}
ROUTES = platform(tenant("vision", model_api("scorer", route={"access": "browser"})), login=LOGIN)
STAGING = {"issuer": "letsEncrypt", "email": "ines@example.com", "environment": "staging"}
RECORDINGS = {
    **{file.stem: record_stack(file) for file in STACKS},
    "internal": issued_by({"issuer": "internal"}, "existing"),
    "own": issued_by({"issuer": "clusterIssuer", "name": "corporate"}, "existing"),
    "staging": issued_by(STAGING, "aws"),
    "perHost": record({**ROUTES, "certificates": PER_HOST}),
    "perHostInternal": record({**ROUTES, "certificates": {"issuer": "internal", "mode": "perHost"}}),
    "provided": record({**ROUTES, "certificates": PROVIDED}),
    "karpenter": record(with_karpenter()),
}


NO_LONGER_SERVED = {"external-secrets.io": {"v1beta1"}}
"""By group: versions that the newest module that can be had serves, and the chart of the stack does not any more."""


def group_of(resource: Resource) -> str:
    return str(resource.inputs["apiVersion"]).rpartition("/")[0]


@pytest.fixture(params=RECORDINGS)
def recording(request: pytest.FixtureRequest) -> Recording:
    return RECORDINGS[request.param]


def helm_releases(recording: Recording) -> list[Resource]:
    return [resource for resource in recording.resources if resource.type == RELEASE_TYPE]


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
class TestEveryChart:
    def test_is_pinned_under_a_marker_that_renovate_reads(self, chart: Chart) -> None:
        config = (ROOT / "renovate.json5").read_text()
        (pattern,) = re.findall(r'"(# renovate: .*)",', config)
        pattern = pattern.replace("\\\\", "\\").replace('\\"', '"').replace("(?<", "(?P<")
        pinned = [
            match["currentValue"]
            for file in (ROOT / "components").rglob("*.py")
            for match in re.finditer(pattern, file.read_text())
            if match["depName"].endswith(f"/{chart.name}") or match["depName"] == chart.name
        ]
        assert pinned == [chart.version]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.definition)
def test_a_kind_is_declared_as_upstream_defines_it(kind: CustomKind) -> None:
    spec = needed_definition_of(kind)["spec"]
    versions = {version["name"]: version["storage"] for version in spec["versions"] if version["served"]}
    assert (spec["group"], spec["names"]["kind"], spec["scope"]) == (kind.group, kind.kind, kind.scope)
    assert set(kind.versions) == set(versions) - NO_LONGER_SERVED.get(kind.group, set())
    assert versions[kind.versions[0]]


def test_every_kind_is_brought_by_exactly_one_chart() -> None:
    brought = Counter((kind.group, kind.kind) for chart in CHARTS for kind in chart.kinds)
    assert [kind for kind, charts in brought.items() if charts > 1] == []


class TestEveryRelease:
    def test_is_complete_or_not_there(self, recording: Recording) -> None:
        for release in helm_releases(recording):
            assert release.inputs["atomic"] is True
            assert release.inputs["timeout"] > 0
            assert 0 < release.inputs["maxHistory"] <= 10

    def test_keeps_the_objects_of_its_kinds_when_it_goes(self, recording: Recording) -> None:
        """Definitions come from the templates alone, where they carry the policy that lets them stay."""
        charts = {chart.name: chart for chart in CHARTS}
        for release in helm_releases(recording):
            assert release.inputs["skipCrds"] is True
            keeping = charts[release.inputs["name"]].keeping
            assert keeping.items() <= release.inputs["values"].items()

    def test_is_named_after_its_chart_so_that_it_finds_its_definitions_again(self, recording: Recording) -> None:
        for release in helm_releases(recording):
            assert release.inputs["chart"].rpartition("/")[2] == release.inputs["name"]

    def test_holds_no_secret_in_its_values(self, recording: Recording) -> None:
        def named(value: Any) -> list[str]:
            items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
            return [
                name
                for key, item in items
                for name in ([str(key)] if is_secret_name(str(key)) and isinstance(item, str) else named(item))
            ]

        for release in helm_releases(recording):
            assert secrets_in(release.inputs) == []
            assert named(release.inputs["values"]) == []

    def test_finds_its_namespace_closed(self, recording: Recording) -> None:
        by_urn = recording.by_urn()
        for release in helm_releases(recording):
            before = [by_urn[urn].inputs for urn in release.dependencies if by_urn[urn].is_kubernetes_object]
            assert release.inputs["createNamespace"] is False
            namespaces = {body["metadata"]["name"] for body in before if body.get("kind") == "Namespace"}
            assert release.inputs["namespace"] in namespaces
            policies = [body["metadata"] for body in before if body.get("kind") == "NetworkPolicy"]
            assert {each["namespace"] for each in policies if each["name"] == "default-deny"} == namespaces

    def test_says_which_kinds_it_brings(self, recording: Recording) -> None:
        charts = {chart.name: chart for chart in CHARTS}
        for release, kinds in releases_of(recording):
            assert list(kinds) == [kind.shown() for kind in charts[release.inputs["name"]].kinds]


class TestEveryCustomObject:
    def test_is_there_at_all(self) -> None:
        assert any(is_custom(resource) for resource in objects(RECORDINGS["internal"]))

    def test_comes_after_the_one_resource_that_brings_its_kind(self, recording: Recording) -> None:
        """Unless somebody else runs what brings it."""
        owners = {
            (kind["group"], kind["kind"]): release.urn for release, kinds in releases_of(recording) for kind in kinds
        }
        for resource in filter(lambda resource: resource.is_definition, recording.resources):
            spec = resource.inputs["spec"]
            assert (spec["group"], spec["names"]["kind"]) not in owners
            owners[spec["group"], spec["names"]["kind"]] = resource.urn
        provided = {(kind["group"], kind["kind"]) for _, kinds in provided_by_others(recording) for kind in kinds}
        for resource in filter(is_custom, objects(recording)):
            kind = group_of(resource), resource.inputs["kind"]
            assert kind in provided or owners[kind] in resource.dependencies, resource.name
        assert not provided & owners.keys()

    def test_names_a_namespace_where_its_kind_has_one(self, recording: Recording) -> None:
        kinds = [kind for chart in CHARTS for kind in chart.kinds]
        kinds += [CustomKind.defined_by(body) for body in CARRIED.values()]
        scopes = {(kind.group, kind.kind): kind.scope for kind in kinds}
        for resource in filter(is_custom, objects(recording)):
            scope = scopes[group_of(resource), resource.inputs["kind"]]
            assert ("namespace" in resource.inputs["metadata"]) == (scope == "Namespaced"), resource.name

    def test_is_what_upstreams_schema_admits(self, recording: Recording) -> None:
        for resource in filter(is_custom, objects(recording)):
            assert mistakes(revealed(resource.inputs)) == [], resource.name


CERTIFICATE: dict[str, Any] = {
    "apiVersion": "cert-manager.io/v1",
    "kind": "Certificate",
    "metadata": {"name": "wildcard", "namespace": "default"},
    "spec": {"secretName": "wildcard", "issuerRef": {"name": "internal"}, "dnsNames": ["*.example.com"]},
}


class TestUpstreamsSchema:
    """It refuses what it must: otherwise the checks above show nothing."""

    def test_admits_a_right_certificate(self) -> None:
        assert mistakes(CERTIFICATE) == []

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"secretNam": "wildcard"}, "'secretNam' was unexpected"),
            ({"issuerRef": {}}, "'name' is a required property"),
            ({"privateKey": {"rotationPolicy": "Sometimes"}}, "'Sometimes' is not one of"),
            ({"dnsNames": "*.example.com"}, "is not of type 'array'"),
            ({"usages": ["server"]}, "'server' is not one of"),
        ],
    )
    def test_refuses_a_wrong_one(self, change: dict[str, Any], said: str) -> None:
        assert said in "\n".join(mistakes({**CERTIFICATE, "spec": {**CERTIFICATE["spec"], **change}}))
