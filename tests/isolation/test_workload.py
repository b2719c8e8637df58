"""A program in a tenant's pod that is hostile, or was taken over."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest

from bedplate.services.front_door.headers import NOT_ANSWERED
from cluster.processes_under_test import SESSION
from harness import pod_templates
from isolation.actions import BASE
from isolation.network import PORTS, Network, Pod
from isolation.reviewed import ACCESS, AUDIO, DOMAIN, KINDS, OPEN_TO, ROUTED, VISION, Door, Review, host, workload_name

pytestmark = pytest.mark.enable_socket

PLATFORM = ("bedplate-front-door", "bedplate-login", "bedplate-certificates")
TRAEFIK = {"app.kubernetes.io/name": "traefik", "app.kubernetes.io/instance": "traefik-bedplate-front-door"}
SIGNED_IN = [("Cookie", f"{SESSION}=ines")]
CREDENTIALS = ("169.254.169.254", "169.254.170.2", "169.254.170.23", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254")
"""Where clouds hand out credentials of nodes and pods: AWS, its containers and Pod Identity, Azure, AWS and Google
Cloud in IPv6."""
PRIVATE = ("10.0.0.1", "10.96.0.1", "172.16.4.4", "192.168.1.1", "100.64.0.10", "127.0.0.1", "fd00::1")
"""Nodes, Services, the API server and the company's networks."""
TRANSLATED = ("64:ff9b::a9fe:a9fe", "64:ff9b::a00:1")
"""The same behind NAT64; what is mapped (::ffff:0:0/96) leaves a pod as IPv4, and the policies see that."""


def is_workspace(pod: Pod) -> bool:
    return pod.labels["app.kubernetes.io/component"] == "workspace"


@pytest.fixture(scope="module")
def network(review: Review) -> Network:
    bodies = [body for space in (VISION, AUDIO, *PLATFORM) for body in review.objects_of(space)]
    found = Network([body for body in bodies if body["kind"] == "NetworkPolicy"])
    assert {policy["metadata"]["namespace"] for policy in found.policies} == {VISION, AUDIO, *PLATFORM}
    return found


class TestTheApiServer:
    def test_is_asked_with_no_token_by_any_pod_of_a_template(self, review: Review) -> None:
        found = [(name, template) for name, template in pod_templates(review.recording) if _is_tenants(template)]
        assert {template["metadata"]["labels"]["bedplate.dev/workload"] for _, template in found} >= {
            workload_name(kind) for kind in KINDS
        }
        for name, template in found:
            assert template["spec"]["automountServiceAccountToken"] is False, name
            sources = [
                source
                for volume in template["spec"]["volumes"]
                for source in volume.get("projected", {}).get("sources", [])
            ]
            assert [source for source in sources if "serviceAccountToken" in source] == [], name
            assert template["spec"]["serviceAccountName"] != "default", name

    def test_grants_nothing_to_any_account_of_a_tenant(self, review: Review) -> None:
        """A member's Job may have a token of each of them."""
        names = [text["metadata"]["name"] for text in review.api.objects("v1", "ServiceAccount", VISION)]
        assert {"default", *(workload_name(kind) for kind in KINDS)} <= set(names)
        for name in names:
            for namespace in (VISION, AUDIO, "kube-system", *PLATFORM):
                assert review.service_account(name).rights(namespace) == BASE, f"{name} in {namespace}"

    def test_lets_no_account_of_a_tenant_make_pods(self, review: Review) -> None:
        body = review.of_kind("Job")
        told = review.service_account(workload_name(KINDS[0])).told(body)
        assert "cannot create resource" in told


class TestTheNetwork:
    @pytest.mark.parametrize("address", [*CREDENTIALS, *PRIVATE, *TRANSLATED])
    def test_leads_to_no_address_of_the_cluster_or_the_cloud(
        self, review: Review, network: Network, address: str
    ) -> None:
        for name, pod in review.pods(VISION).items():
            reached = [port for port in PORTS if port != 53 and network.lets_out(pod, address, port)]
            assert reached == [], name

    @pytest.mark.parametrize("address", CREDENTIALS)
    def test_leads_to_no_credential_by_the_port_of_names(self, review: Review, network: Network, address: str) -> None:
        pod = review.any_pod(VISION)
        assert not network.lets_out(pod, address, 53)
        assert not network.lets_out(pod, address, 53, "UDP")

    def test_leads_to_the_internet_and_the_own_tenant(self, review: Review, network: Network) -> None:
        pods = review.pods(VISION)
        for name, pod in pods.items():
            assert network.lets_out(pod, "1.1.1.1", 443), name
            others = [other for other in pods.values() if not is_workspace(other)]
            assert all(network.lets_through(pod, other, 8080) for other in others), name

    def test_leads_to_no_workspace(self, review: Review, network: Network) -> None:
        """Not even from another one, or from what looks like one: they ask nobody for a password."""
        pods = review.pods(VISION)
        targets = [pod for pod in pods.values() if is_workspace(pod)]
        assert len(targets) == 1 + len(OPEN_TO)
        for source in [*pods.values(), review.any_pod(VISION, **TRAEFIK)]:
            for target in targets:
                assert [port for port in PORTS if network.lets_through(source, target, port)] == []

    def test_leads_to_no_pod_of_another_tenant(self, review: Review, network: Network) -> None:
        """Nor for one that a member made, with the labels of the front door."""
        sources = [*review.pods(VISION).values(), review.any_pod(VISION, **TRAEFIK)]
        for source in sources:
            for name, target in review.pods(AUDIO).items():
                assert [port for port in PORTS if network.lets_out(source, target, port)] == [], name
                assert [port for port in PORTS if network.lets_in(source, target, port)] == [], name

    @pytest.mark.parametrize("namespace", PLATFORM)
    def test_leads_to_the_platform_by_the_front_door_alone(
        self, review: Review, network: Network, namespace: str
    ) -> None:
        targets = [*review.pods(namespace).values(), review.any_pod(namespace, **TRAEFIK)]
        for source in (*review.pods(VISION).values(), review.any_pod(VISION, **TRAEFIK)):
            for target in targets:
                reached = [port for port in PORTS if network.lets_through(source, target, port)]
                is_door = namespace == "bedplate-front-door" and target.labels.items() >= TRAEFIK.items()
                assert reached == ([8443] if is_door else []), target

    def test_leads_in_from_the_front_door_to_routes_alone(self, review: Review, network: Network) -> None:
        """And by the port of the route; a closed workload has no way in."""
        traefik = review.any_pod("bedplate-front-door", **TRAEFIK)
        routed = {workload_name(kind, access) for kind in ROUTED for access in ACCESS}
        routed |= {workload_name("workspace", open_to) for open_to in OPEN_TO}
        for name, pod in review.pods(VISION).items():
            reached = [port for port in PORTS if network.lets_in(traefik, pod, port)]
            assert (len(reached) == 1) is (pod.labels["bedplate.dev/workload"] in routed), f"{name}: {reached}"

    @pytest.mark.parametrize(
        "namespace", ["bedplate-login", "bedplate-certificates", "kube-system", "default", "other"]
    )
    def test_leads_in_from_nowhere_else(self, review: Review, network: Network, namespace: str) -> None:
        source = Pod(namespace, {**TRAEFIK, "app.kubernetes.io/part-of": "bedplate"})
        for name, pod in review.pods(VISION).items():
            assert [port for port in PORTS if network.lets_in(source, pod, port)] == [], name

    @pytest.mark.parametrize("address", ["1.1.1.1", "10.0.0.1", "127.0.0.1"])
    def test_leads_in_from_no_address(self, review: Review, network: Network, address: str) -> None:
        for name, pod in review.pods(VISION).items():
            assert [port for port in PORTS if network.lets_in(address, pod, port)] == [], name

    def test_is_closed_to_a_job_of_a_member_that_looks_like_a_workload_with_a_route(
        self, review: Review, network: Network
    ) -> None:
        """By every label but the component, which a guardrail refuses."""
        traefik = review.any_pod("bedplate-front-door", **TRAEFIK)
        for pod in review.pods(VISION).values():
            dressed = Pod(VISION, {**pod.labels, "app.kubernetes.io/component": "batch"}, pod.of_namespace)
            assert [port for port in PORTS if network.lets_in(traefik, dressed, port)] == []


@pytest.mark.parametrize(("kind", "access"), [(kind, access) for kind in ROUTED for access in ACCESS])
@pytest.mark.parametrize("place", ["/answers", "/early", "/late", "/unannounced"])
class TestWhatItAnswers:
    """In the answer, in one before it, behind its body, and there without a word before; on every route."""

    def answer(self, door: Door, kind: str, access: str, place: str, headers: list[tuple[str, str]]) -> str:
        said = door.visitor.hears(host(kind, access), f"{place}?{urlencode(headers)}", SIGNED_IN)
        assert "200 OK" in said
        return said.lower()

    def test_sets_and_ends_no_session(self, door: Door, kind: str, access: str, place: str) -> None:
        planted = [
            *(f"{SESSION}=evil; Domain=.{DOMAIN}; Path=/; Secure; HttpOnly", f"{SESSION}=; Max-Age=0; evil"),
            *(f"{SESSION.lower()}_csrf=evil", f"={SESSION}=evil", f' "{SESSION}"=evil', "__Secure-bedplate=evil"),
        ]
        said = self.answer(door, kind, access, place, [("Set-Cookie", cookie) for cookie in planted])
        assert "evil" not in said

    def test_sets_no_cookie_of_other_hosts(self, door: Door, kind: str, access: str, place: str) -> None:
        cookies = [f"theme=dark; Domain={domain}" for domain in (DOMAIN, f".{DOMAIN}", "example.com")]
        said = self.answer(door, kind, access, place, [("Set-Cookie", cookie) for cookie in cookies])
        assert not re.search(r"theme=.*domain", said)

    def test_speaks_not_for_the_platform(self, door: Door, kind: str, access: str, place: str) -> None:
        """By the names of the table, and by others of their families."""
        names = [name if not name.endswith("-") else f"{name}Zzz" for name in NOT_ANSWERED]
        said = self.answer(door, kind, access, place, [(name, "evil") for name in names])
        assert "evil" not in said


def _is_tenants(template: dict[str, Any]) -> bool:
    return template["metadata"]["labels"].get("bedplate.dev/tenant") in (VISION, AUDIO)
