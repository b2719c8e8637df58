"""The whole way from a visitor to a workload, on this machine, for a stack of two tenants.

Everything that the program registers for the stack is applied to a real API server, from which a real Traefik reads the
routes; it asks the real login proxy, with its store and a provider. Workloads are servers of this machine. Only what
names an address in the cluster is changed: no pod runs here, and nobody resolves names of Services.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.engine.engine import Recording
from bedplate.kubernetes import RouteSpec, new_api_key
from bedplate.labels import FRONT_DOOR_NAMESPACE, Identity
from bedplate.rehearsal.applying import manifest_of
from bedplate.rehearsal.definitions import Definitions
from bedplate.rehearsal.deleting import delete
from bedplate.services.front_door.routes import RouteArgs, route_parts
from bedplate.services.login.authentication import PROXY, AuthenticationEndpoints
from cluster.login_processes import CLOUD, DOMAIN, ISSUER, LOGIN, Generated, LoginPrograms, Site, replaced, running_site
from cluster.objects_under_test import endpoint_slice, eventually
from cluster.processes_under_test import Visitor, own_address
from cluster.traefik_under_test import RunningTraefik, certificate, running_traefik, wildcard_secret
from cluster.waker_under_test import at_waker
from harness import MINIMAL, model_api, objects, platform, record, tenant
from programs_under_test import program_under_test

STUDIO, SCORER, TRACKING = (f"{name}-vision.{DOMAIN}" for name in ("studio", "scorer", "tracking"))
REPORTS = f"reports.{DOMAIN}"
"""Hosts of the first tenant: two for people (the second of its own choice), one for programs, one for everybody."""
OTHERS = f"studio-audio.{DOMAIN}"
"""A host of the other tenant."""
SHOP, ACCOUNT = new_api_key("shop"), "system:serviceaccount:vision:nightly"
"""Programs that may ask the first tenant's host for programs."""
HOSTS = (STUDIO, REPORTS, SCORER, TRACKING, OTHERS)


def stack(**login: Any) -> dict[str, Any]:
    """The platform as its stack file writes it."""

    def api(name: str, **route: Any) -> dict[str, Any]:
        return model_api(name, replicas={"min": 1, "max": 1}, route=route)

    programs = {"apiKeys": [{"name": SHOP.name, "sha256": SHOP.sha256}], "subjects": [ACCOUNT]}
    return platform(
        tenant(
            "vision",
            api("studio", access="browser"),
            api("reports", access="browser", host=REPORTS),
            api("scorer", access="api", **programs),
            api("tracking", access="public"),
        ),
        tenant("audio", api("studio", access="browser")),
        cloud=CLOUD,
        login={**LOGIN, **login},
        certificates={"issuer": "internal"},
        guardrails={**MINIMAL["guardrails"], "publicRoutes": True},
    )


@dataclass(frozen=True)
class Programs:
    """What the chain is made of."""

    traefik: Path
    login: LoginPrograms
    address: str

    @classmethod
    def found(cls) -> "Programs":
        """Skips the test where something is missing."""
        address = own_address()
        return cls(login=LoginPrograms.found(), traefik=program_under_test("traefik"), address=address)


@dataclass(frozen=True)
class Chain:
    """The running chain. certificate: of every host."""

    api: ApiServer
    programs: Programs
    traefik: RunningTraefik
    site: Site
    certificate: Path

    @property
    def endpoints(self) -> AuthenticationEndpoints:
        """The platform's, but the provider is this machine's."""
        provider, proxy = self.site.origin("provider"), self.site.origin("proxy")
        return AuthenticationEndpoints(
            domain=DOMAIN,
            issuer=provider,
            email_domains=LOGIN["emailDomains"],
            end_session_url=f"{provider}/logout",
            proxy=proxy,
        )

    def visitor(self) -> Visitor:
        """A program that asks for hosts."""
        return Visitor(self.traefik.https, self.certificate)


@contextmanager
def running_chain(
    access: ClusterAccess,
    programs: Programs,
    folder: Path,
    workload_port: int,
    platform: Mapping[str, Any],
    extra: Callable[[AuthenticationEndpoints], Sequence[dict[str, Any]]] = lambda _: (),
    ports: Mapping[str, int] | None = None,
    secrets: frozenset[str] = frozenset(),
) -> Iterator[Chain]:
    """The stack, with every workload at the port. extra: further objects, of routes that no template makes. ports: of
    workloads that have one of their own. secrets: names of config secrets that there are."""
    if not access.is_disposable:
        pytest.skip("it needs the embedded control plane: it makes namespaces of fixed names")
    recording, api = record(dict(platform), secrets), ApiServer(access)
    definitions = Definitions(api)
    definitions.create(recording)
    with running_site(folder, programs.login, Generated.in_recording(recording), programs.address) as site:
        found, key = certificate(folder, f"*.{DOMAIN}")
        applied = [*_objects(recording, site, workload_port, ports or {}), wildcard_secret(found, key)]
        for body in applied:
            api.apply(body)
        with running_traefik(programs.traefik, access, api, folder) as traefik:
            chain = Chain(api, programs, traefik, site, found)
            for body in extra(chain.endpoints):
                api.apply(body)
            eventually(lambda: is_serving(chain), f"an answer of Traefik, whose log is {traefik.log}", seconds=60)
            yield chain
    assert delete(api, objects(recording)) == []
    definitions.remove()


def _objects(
    recording: Recording, site: Site, workload_port: int, ports: Mapping[str, int]
) -> Iterator[dict[str, Any]]:
    endpoints = AuthenticationEndpoints(domain=DOMAIN, issuer=ISSUER)
    for resource in objects(recording):
        body = manifest_of(resource)
        asking = body.get("spec", {}).get("forwardAuth", {}) if body["kind"] == "Middleware" else {}
        if "redirectRegex" in body.get("spec", {}):
            end = body["spec"]["redirectRegex"]
            provider = {quote(ISSUER, safe=""): quote(site.origin("provider"), safe="")}
            end["replacement"] = replaced(end["replacement"], provider)
        if asking:
            assert asking["address"].startswith(endpoints.proxy)
            asking["address"] = asking["address"].replace(endpoints.proxy, site.origin("proxy"))
        body = at_waker(body, "")
        if ISSUER in json.dumps(body) and body["kind"] == "Middleware":
            body = json.loads(replaced(json.dumps(body), {f'"{ISSUER}"': f'"{site.origin("provider")}"'}))
        yield body
        if body["kind"] == "Service":
            name, namespace = body["metadata"]["name"], body["metadata"]["namespace"]
            if name == PROXY:
                yield endpoint_slice(name, namespace, site.address, site.ports["proxy"])
            elif namespace in ("vision", "audio"):
                yield endpoint_slice(name, namespace, site.address, ports.get(name, workload_port))


def route(host: str, access: str, service: str, endpoints: AuthenticationEndpoints) -> dict[str, dict[str, Any]]:
    """One more route to a workload of the first tenant: its objects in the front door's namespace, by suffix."""
    args = RouteArgs(
        spec=RouteSpec.model_validate({"access": access}),
        label=host.partition(".")[0],
        host=host,
        identity=Identity(name="model-api", component="model-api", tenant="vision", workload=service),
        namespace=cast(Any, None),
        namespace_name="vision",
        service=service,
        service_port=80,
        port=8080,
        front_door=cast(Any, None),
        authentication=endpoints,
        groups=["ml-vision"],
    )
    return {suffix: part for suffix, part in route_parts(args) if part["metadata"]["namespace"] == FRONT_DOOR_NAMESPACE}


def is_serving(chain: Chain) -> bool:
    """Whether every route is there."""
    visitor = chain.visitor()
    try:
        return all(visitor.ask(host)[0].status not in (404, 503) for host in HOSTS) and (
            visitor.ask(f"auth.{DOMAIN}", "/oauth2/auth")[0].status == 401
        )
    except OSError:
        return False
