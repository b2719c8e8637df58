"""A tenant's own Grafana as it is rendered: what it asks, who gets to it, and what it gets to."""

from typing import Any

import pytest

from bedplate.engine.engine import Recording
from bedplate.labels import COMPONENT, INSTANCE, NAME
from harness import LOGIN, objects, platform, record, tenant
from isolation.network import PORTS, Network, Pod

VISION, AUDIO = "ml-vision", "ml-audio"
"""Namespaces of both tenants."""


def recorded(*tenants: str) -> Recording:
    return record(
        platform(
            tenant("vision"),
            tenant("audio"),
            tenantPrefix="ml-",
            certificates={"issuer": "internal"},
            login={**LOGIN, "adminGroups": ["platform"]},
            monitoring={"diskGib": 400, "tenantDashboards": list(tenants)},
        )
    )


@pytest.fixture(scope="module")
def both() -> Recording:
    return recorded("vision", "audio")


def place(namespace: str) -> str:
    return f"bedplate-grafana-{namespace}"


def bodies(recording: Recording, kind: str, namespace: str) -> dict[str, dict[str, Any]]:
    """Of a kind in a namespace, by name."""
    found = [dict(body.inputs) for body in objects(recording, kind)]
    return {body["metadata"]["name"]: body for body in found if body["metadata"].get("namespace") == namespace}


def labels_of(recording: Recording, namespace: str) -> dict[str, str]:
    (found,) = (body for body in objects(recording, "Namespace") if body.inputs["metadata"]["name"] == namespace)
    return dict(found.inputs["metadata"]["labels"])


def grafana(recording: Recording, namespace: str) -> Pod:
    """As its chart labels it."""
    labels = {NAME: "grafana", INSTANCE: "grafana", COMPONENT: "monitoring"}
    return Pod(place(namespace), labels, labels_of(recording, place(namespace)))


def proxy(recording: Recording, namespace: str) -> Pod:
    deployment = bodies(recording, "Deployment", place(namespace))["prom-label-proxy"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    return Pod(place(namespace), labels, labels_of(recording, place(namespace)))


def prometheus(recording: Recording) -> Pod:
    return Pod("bedplate-monitoring", {NAME: "prometheus"}, labels_of(recording, "bedplate-monitoring"))


def network(recording: Recording) -> Network:
    return Network([body.inputs for body in objects(recording, "NetworkPolicy")])


class TestTheProxy:
    @pytest.mark.parametrize("namespace", [VISION, AUDIO])
    def test_is_told_the_one_namespace_that_can_be_seen(self, both: Recording, namespace: str) -> None:
        (container,) = bodies(both, "Deployment", place(namespace))["prom-label-proxy"]["spec"]["template"]["spec"][
            "containers"
        ]
        told = dict(argument.split("=", 1) for argument in container["args"] if "=" in argument)
        assert (told["--label"], told["--label-value"]) == ("namespace", namespace)
        assert [one for one in container["args"] if "passthrough" in one or "regex" in one or "header" in one] == []

    def test_is_what_its_grafana_asks_and_nothing_else(self, both: Recording) -> None:
        for namespace in (VISION, AUDIO):
            (values,) = (
                release.inputs["values"]
                for release in both.resources
                if release.type == "kubernetes:helm.sh/v3:Release" and release.inputs["namespace"] == place(namespace)
            )
            (source,) = values["datasources"]["datasources.yaml"]["datasources"]
            assert source["url"] == f"http://prom-label-proxy.{place(namespace)}.svc:8080"
            assert source["editable"] is False
            assert values["grafana.ini"]["dataproxy"]["max_conns_per_host"] == 8
            assert values["grafana.ini"]["users"]["auto_assign_org_role"] == "Viewer"


class TestTheNetwork:
    def test_leads_from_a_grafana_to_its_own_proxy_alone(self, both: Recording) -> None:
        ways, own = network(both), grafana(both, VISION)
        others = [proxy(both, AUDIO), grafana(both, AUDIO), prometheus(both), Pod(VISION), Pod(AUDIO)]
        assert ways.lets_through(own, proxy(both, VISION), 8080)
        assert [port for port in PORTS if port != 8080 and ways.lets_through(own, proxy(both, VISION), port)] == []
        assert [other for other in others for port in PORTS if ways.lets_through(own, other, port)] == []
        assert [port for port in PORTS if port != 53 and ways.lets_out(own, "203.0.113.7", port)] == []

    def test_lets_prometheus_itself_refuse_a_grafana(self, both: Recording) -> None:
        """If the policy beside Grafana were gone."""
        assert not network(both).lets_in(grafana(both, VISION), prometheus(both), 9090)

    def test_leads_from_a_proxy_to_prometheus_alone(self, both: Recording) -> None:
        ways, own = network(both), proxy(both, VISION)
        assert ways.lets_through(own, prometheus(both), 9090)
        alertmanager = Pod("bedplate-monitoring", {NAME: "alertmanager"}, labels_of(both, "bedplate-monitoring"))
        others = [alertmanager, proxy(both, AUDIO), grafana(both, AUDIO), grafana(both, VISION), Pod(VISION)]
        assert [other for other in others for port in PORTS if ways.lets_through(own, other, port)] == []

    def test_leads_to_a_grafana_from_the_front_door_alone(self, both: Recording) -> None:
        ways, target = network(both), grafana(both, VISION)
        door = Pod("bedplate-front-door", {NAME: "traefik"}, labels_of(both, "bedplate-front-door"))
        assert ways.lets_through(door, target, 3000)
        assert not ways.lets_through(door, proxy(both, VISION), 8080)
        tenants = [Pod(namespace, {}, labels_of(both, namespace)) for namespace in (VISION, AUDIO)]
        others = [*tenants, grafana(both, AUDIO), proxy(both, AUDIO), Pod("bedplate-login")]
        for port in (*PORTS, 3000):
            assert [one for one in others if ways.lets_through(one, target, port)] == []
            assert [one for one in others if ways.lets_through(one, proxy(both, VISION), port)] == []


class TestWhatIsShown:
    def test_are_dashboards_of_tenants(self, both: Recording) -> None:
        files = bodies(both, "ConfigMap", place(VISION))
        assert set(files) == {"dashboards-tenant"}
        assert set(files["dashboards-tenant"]["data"]) == {"bedplate-tenant.json", "bedplate-jobs.json"}

    def test_asks_the_login_for_the_tenants_groups(self, both: Recording) -> None:
        asked = {
            name: body["spec"]["forwardAuth"]["address"]
            for name, body in bodies(both, "Middleware", "bedplate-front-door").items()
            if name.startswith("grafana") and "forwardAuth" in body["spec"]
        }
        (vision,) = (address for name, address in asked.items() if name.startswith("grafana-vision"))
        assert "allowed_groups=ml-vision" in vision
        assert "ml-audio" not in vision

    def test_a_tenant_that_is_not_named_has_none(self) -> None:
        one, none = recorded("vision"), recorded()
        names = {body.inputs["metadata"]["name"] for body in objects(one, "Namespace")}
        assert place(VISION) in names
        assert place(AUDIO) not in names
        assert not any("bedplate-grafana" in body.inputs["metadata"]["name"] for body in objects(none, "Namespace"))
