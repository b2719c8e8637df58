"""What a member may make beside jobs, and may not: at a real API server, by impersonation."""

import copy
from typing import Any

import pytest

from bedplate.deploy.cluster import Cluster, Refused
from bedplate.deploy.deploying import offered_in
from bedplate.deploy.rendering import render
from bedplate.embedded_cluster.cluster_api import ClusterApi
from cluster.deploy.people import IMAGE, TENANT, Person

pytestmark = pytest.mark.enable_socket
MARKED = {"app.kubernetes.io/managed-by": "bedplate-deploy"}
WORKLOAD = {"kind": "modelApi", "name": "probe", "cpu": 0.1, "memoryGib": 0.25, "replicas": {"min": 1, "max": 1}}
OTHERS = {
    "bedplate.dev/workload": "ines",
    "app.kubernetes.io/instance": "ines",
    "app.kubernetes.io/component": "workspace",
}
STACKS = f"/apis/apps/v1/namespaces/{TENANT}/deployments/label-reader"


def told(cluster: Cluster, body: dict[str, Any]) -> str:
    """Why it may not be applied; empty if it may."""
    try:
        cluster.apply(body, is_dry_run=True)
    except Refused as refused:
        return refused.reason
    return ""


@pytest.fixture
def bodies(alice: Person) -> dict[str, dict[str, Any]]:
    """What a deploy applies, by kind."""
    cluster = alice.cluster()
    return {body["kind"]: dict(body) for body in render(WORKLOAD, IMAGE, offered_in(cluster), TENANT)}


def changed(body: dict[str, Any], *path: str, to: Any) -> dict[str, Any]:
    body = copy.deepcopy(body)
    place = body
    for key in path[:-1]:
        place = place.setdefault(key, {})
    place[path[-1]] = to
    return body


def secret(**changes: Any) -> dict[str, Any]:
    metadata = {"name": "probe", "namespace": TENANT, "labels": MARKED}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": {}, **changes}


class TestAMember:
    def test_makes_what_a_deploy_is_made_of(self, alice: Person, bodies: dict[str, dict[str, Any]]) -> None:
        assert set(bodies) == {
            *("ServiceAccount", "Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler")
        }
        assert {kind: told(alice.cluster(), body) for kind, body in bodies.items()} == dict.fromkeys(bodies, "")

    @pytest.mark.parametrize(
        ("kind", "path", "value"),
        [
            ("Service", ("spec", "selector"), OTHERS),
            ("Service", ("spec", "type"), "NodePort"),
            ("Service", ("spec", "externalIPs"), ["10.0.0.1"]),
            ("PodDisruptionBudget", ("spec", "selector", "matchLabels"), OTHERS),
            ("PodDisruptionBudget", ("spec", "maxUnavailable"), 0),
            ("HorizontalPodAutoscaler", ("spec", "scaleTargetRef", "name"), "label-reader"),
            ("Deployment", ("spec", "template", "metadata", "labels", "bedplate.dev/workload"), "label-reader"),
            ("Deployment", ("spec", "template", "metadata", "labels", "app.kubernetes.io/component"), "workspace"),
            ("ServiceAccount", ("automountServiceAccountToken",), True),
        ],
        ids=lambda value: value if isinstance(value, str) else None,
    )
    def test_reaches_no_pods_but_those_of_the_app(
        self, alice: Person, bodies: dict[str, dict[str, Any]], kind: str, path: tuple[str, ...], value: Any
    ) -> None:
        body = changed(bodies[kind], *path, to=value)
        if kind == "Deployment":  # whose selector finds the labels, or Kubernetes itself refuses it
            body = changed(body, "spec", "selector", "matchLabels", path[-1], to=value)
        assert "bedplate-deployments" in told(alice.cluster(), body)

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("labels", "app.kubernetes.io/managed-by"), "pulumi"),
            (("labels", "grafana_dashboard"), "1"),
            (("annotations",), {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/admin"}),
            (("finalizers",), ["example.com/held"]),
        ],
        ids=["another's", "a label of other programs", "an identity of a cloud", "a finalizer"],
    )
    def test_marks_it_as_his_and_as_nothing_else(
        self, alice: Person, bodies: dict[str, dict[str, Any]], path: tuple[str, ...], value: Any
    ) -> None:
        body = changed(bodies["ServiceAccount"], "metadata", *path, to=value)
        assert "bedplate-deployments" in told(alice.cluster(), body)

    def test_keeps_the_guardrails(self, alice: Person, bodies: dict[str, dict[str, Any]]) -> None:
        body = copy.deepcopy(bodies["Deployment"])
        body["spec"]["template"]["spec"]["containers"][0]["image"] = "docker.io/evil/app:1"
        assert "approved-images" in told(alice.cluster(), body)

    def test_makes_a_secret_and_reads_none(self, alice: Person) -> None:
        cluster = alice.cluster()
        for body in (
            secret(type="kubernetes.io/tls", data={"tls.crt": "", "tls.key": ""}),
            secret(type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": "e30="}),
        ):
            with pytest.raises(Refused, match="bedplate-deployments"):
                cluster.create(body)
        with pytest.raises(Refused):
            cluster.create(secret(type="kubernetes.io/service-account-token"))
        cluster.create(secret())
        try:
            for ask in (
                lambda: cluster.get("Secret", "probe"),
                lambda: cluster.list("Secret"),
                lambda: cluster.change("Secret", "probe", {}),
                lambda: cluster.apply(secret()),
            ):
                with pytest.raises(Refused) as refused:
                    ask()
                assert refused.value.status == 403
        finally:
            assert cluster.delete("Secret", "probe")


@pytest.fixture
def route(alice: Person) -> dict[str, dict[str, Any]]:
    """What a deploy with a way in applies beside, by kind."""
    keys = [{"name": "shop", "sha256": "a" * 64}]
    workload = {**WORKLOAD, "route": {"access": "api", "apiKeys": keys}}
    made = {body["kind"]: dict(body) for body in render(workload, IMAGE, offered_in(alice.cluster()), TENANT)}
    return {kind: made[kind] for kind in ("IngressRoute", "Middleware")}


def of_rule(body: dict[str, Any], number: int, **changes: Any) -> dict[str, Any]:
    body = copy.deepcopy(body)
    body["spec"]["routes"][number] |= changes
    return body


HEADERS = {"headers": {"customRequestHeaders": {"X-Auth-Request-Email": "ines@example.com"}}}
BEFORE, AFTER = ({"name": f"deployed-{each}", "namespace": "bedplate-front-door"} for each in ("before", "after"))


class TestARoute:
    def test_has_one_form(self, alice: Person, route: dict[str, dict[str, Any]]) -> None:
        assert {kind: told(alice.cluster(), body) for kind, body in route.items()} == dict.fromkeys(route, "")
        browser = render({**WORKLOAD, "route": {"access": "browser"}}, IMAGE, offered_in(alice.cluster()), TENANT)
        assert [told(alice.cluster(), dict(body)) for body in browser if body["kind"] == "IngressRoute"] == [""]

    @pytest.mark.parametrize(
        ("number", "changes"),
        [
            (0, {"match": "Host(`label-reader-vision.ml.example.com`)"}),
            (0, {"match": "Host(`auth.ml.example.com`)"}),
            (0, {"match": "PathPrefix(`/`)"}),
            (0, {"priority": 1000}),
            (0, {"middlewares": []}),
            (0, {"middlewares": [{"name": "audio.deployed-api", "namespace": "bedplate-front-door"}]}),
            (0, {"middlewares": [{"name": "deployed-public", "namespace": "bedplate-front-door"}]}),
            (1, {"middlewares": [BEFORE, AFTER]}),
            (1, {"middlewares": [{"name": "probe-api-keys"}]}),
            (0, {"services": [{"name": "ines", "port": 80}]}),
            (0, {"services": [{"name": "probe", "port": 80, "namespace": "audio"}]}),
            (0, {"services": [{"name": "api@internal", "kind": "TraefikService"}]}),
        ],
        ids=str,
    )
    def test_opens_nothing_else(
        self, alice: Person, route: dict[str, dict[str, Any]], number: int, changes: dict[str, Any]
    ) -> None:
        assert "bedplate-deployments" in told(alice.cluster(), of_rule(route["IngressRoute"], number, **changes))

    def test_has_keys_and_no_other_middleware(self, alice: Person, route: dict[str, dict[str, Any]]) -> None:
        keys = route["Middleware"]
        for spec in (
            HEADERS,
            {**keys["spec"], **HEADERS},
            {"plugin": {"starting": {"retrySeconds": 1}}},
            {"plugin": {"apikeys": {**keys["spec"]["plugin"]["apikeys"], "userHeader": "X-Auth-Request-Email"}}},
            {"plugin": {"apikeys": {**keys["spec"]["plugin"]["apikeys"], "prefix": ""}}},
        ):
            assert "bedplate-deployments" in told(alice.cluster(), {**keys, "spec": spec}), spec

    def test_ends_at_what_may_be_another_tenants_host(self, alice: Person) -> None:
        workload = {**WORKLOAD, "name": "x-low", "route": {"access": "api"}}
        made = render(workload, IMAGE, offered_in(alice.cluster()), TENANT)
        assert [
            "bedplate-deployments" in told(alice.cluster(), dict(b)) for b in made if b["kind"] == "IngressRoute"
        ] == [True]


class TestTheStacksOwn:
    def test_is_restarted_and_nothing_else(self, alice: Person, admin: ClusterApi) -> None:
        cluster = alice.cluster()
        before: Any = admin.get(STACKS)
        for change in (
            {"spec": {"replicas": 0}},
            {"spec": {"template": {"metadata": {"annotations": {"bedplate.dev/restarted-at": "now"}}}}},
            {"spec": {"template": {"metadata": {"annotations": {"sidecar.istio.io/inject": "true"}}}}},
            {"metadata": {"labels": MARKED}},
            {},
        ):
            with pytest.raises(Refused, match=r"bedplate-(deployments|guardrails)"):
                cluster.change("Deployment", "label-reader", change)
        with pytest.raises(Refused, match="bedplate-deployments"):
            cluster.delete("Deployment", "label-reader")
        assert alice.runs("deploy", "restart", "label-reader").code == 0
        after: Any = admin.get(STACKS)
        assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1

    @pytest.mark.parametrize("name", ["bedplate", "kube-root-ca.crt"])
    def test_what_everybody_reads_is_written_by_no_member(self, alice: Person, name: str) -> None:
        cluster = alice.cluster()
        assert cluster.get("ConfigMap", name)
        with pytest.raises(Refused, match="bedplate-deployments"):
            cluster.change("ConfigMap", name, {"data": {"x": "y"}})
        with pytest.raises(Refused, match="bedplate-deployments"):
            cluster.delete("ConfigMap", name)
