"""A front door with a workload behind each kind of route, and a login: what its tests ask.

Traefik is the one of TRAEFIK or PATH, or 3.7.9, the newest that builds from what registries have: see `command_line`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.kubernetes import RouteSpec, new_api_key
from bedplate.labels import Identity
from bedplate.offers import CanaryRequest, Sleep
from bedplate.rehearsal.applying import manifest_of
from bedplate.rehearsal.definitions import Definitions
from bedplate.services.front_door.routes import RouteArgs, provider_tokens, route_parts
from bedplate.services.login.authentication import AuthenticationEndpoints
from bedplate.services.login.spec import TokensSpec
from cluster.front_door_objects import service
from cluster.objects_under_test import eventually
from cluster.processes_under_test import PROVIDER, SESSION, Login, Told, Visitor, Workload, own_address, serving
from cluster.traefik_under_test import RunningTraefik, certificate, running_traefik, wildcard_secret
from cluster.waker_under_test import at_waker
from harness import objects, platform, record
from programs_under_test import program_under_test

DOMAIN = "ml.example.com"
BROWSER, API, PUBLIC = (f"{name}-vision.{DOMAIN}" for name in ("notebook", "scorer", "tracking"))
KEYED, KEYS_ONLY = f"keyed-vision.{DOMAIN}", f"keysonly-vision.{DOMAIN}"
STUDIO, AWAKE = f"studio-vision.{DOMAIN}", f"awake-vision.{DOMAIN}"
"""Hosts of two workloads that sleep when nobody uses them: one does, the other has a pod."""
SLEEP = Sleep(polling_paths=["/api/status"])
OTHERS, ASLEEP, BROKEN = f"notebook-audio.{DOMAIN}", f"asleep-vision.{DOMAIN}", f"broken-vision.{DOMAIN}"
MEMBER = [("Cookie", f"theme=dark; {SESSION}=ines; {SESSION}_csrf_1=x; _xsrf=2")]
FORGED = [("X-Auth-Request-User", "mallory"), ("x-auth-request-groups", "admins"), ("X-Forwarded-User", "mallory")]


SHOP, APP, FORMER = (new_api_key(name) for name in ("shop", "app", "former"))
KEYS = [{"name": key.name, "sha256": key.sha256} for key in (SHOP, APP)]
DEPLOYER, PIPELINE = "system:serviceaccount:ci:deployer", "project_path:acme/shop:ref:main"
CI = "https://ci.example.com"
TOKENS = TokensSpec.model_validate({"serviceAccounts": True, "issuers": [{"issuerUrl": CI, "audience": "bedplate"}]})
"""Who else issues tokens: the cluster and one more."""


def route(
    name: str,
    access: str,
    login: AuthenticationEndpoints | None,
    tenant: str = "vision",
    sleep: Sleep | None = None,
    canary: CanaryRequest | None = None,
    **more: Any,
) -> list[dict[str, Any]]:
    limits = {"maxBodyMib": 1, "answerSeconds": 2, "maxConcurrent": 3}
    args = RouteArgs(
        spec=RouteSpec.model_validate({"access": access, **limits, **more}),
        label=f"{name}-{tenant}",
        host=f"{name}-{tenant}.{DOMAIN}",
        identity=Identity(name="model-api", component="model-api", tenant=tenant, workload=name),
        namespace=cast(Any, None),
        namespace_name=tenant,
        service=name,
        service_port=80,
        port=8080,
        front_door=cast(Any, None),
        authentication=login,
        groups=[f"ml-{tenant}"],
        sleep=sleep,
        canary=canary,
    )
    return [part for _, part in route_parts(args)]


def the_platforms_part() -> list[dict[str, Any]]:
    """What the program registers for the front door, but the charts and the certificate."""
    recording = record(platform(certificates={"issuer": "internal"}))
    return [
        manifest_of(resource)
        for resource in objects(recording)
        if resource.name.startswith("platform-front-door-") and resource.inputs["kind"] != "Certificate"
    ]


@contextmanager
def running_front_door(cluster_access: ClusterAccess, folder: Path) -> Iterator[tuple[RunningTraefik, Visitor]]:
    """Traefik and who asks it; skips the test where something is missing."""
    if not cluster_access.is_disposable:
        pytest.skip("it needs the embedded control plane: it makes namespaces of fixed names")
    address = own_address()
    program = program_under_test("traefik")
    found, key = certificate(folder, f"*.{DOMAIN}")
    api = ApiServer(cluster_access)
    definitions = Definitions(api)
    definitions.create(record(platform(certificates={"issuer": "internal"})))
    with (
        serving(Workload, address) as workload,
        serving(Login, "127.0.0.1") as login_port,
        serving(Told, "127.0.0.1") as waker,
    ):
        login = AuthenticationEndpoints(
            domain=DOMAIN, issuer=PROVIDER, tokens=TOKENS, proxy=f"http://127.0.0.1:{login_port}"
        )
        broken = route("broken", "browser", login)
        applied = [
            *(at_waker(body, f"http://127.0.0.1:{waker}") for body in the_platforms_part()),
            provider_tokens(login),
            *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in ("vision", "audio")),
            wildcard_secret(found, key),
            *service("notebook", "vision", address, workload),
            *service("scorer", "vision", address, workload),
            *service("tracking", "vision", address, workload),
            *service("notebook", "audio", address, workload),
            *service("broken", "vision", address, workload),
            *service("keyed", "vision", address, workload),
            *service("keysonly", "vision", address, workload),
            *service("asleep", "vision", None, workload),
            *service("studio", "vision", None, workload),
            *service("awake", "vision", address, workload),
            *route("notebook", "browser", login),
            *route("scorer", "api", login),
            *route("tracking", "public", login),
            *route("asleep", "public", login),
            *route("studio", "browser", login, sleep=SLEEP),
            *route("awake", "browser", login, sleep=SLEEP),
            *route("keyed", "api", login, apiKeys=KEYS, subjects=[DEPLOYER, PIPELINE]),
            *route("keysonly", "api", None, apiKeys=KEYS[:1]),
            *route("notebook", "browser", login, tenant="audio"),
            *(part for part in broken if part["metadata"]["name"] != "broken-vision-login"),
        ]
        for body in applied:
            api.apply(body)
        with running_traefik(program, cluster_access, api, folder) as traefik:
            visitor = Visitor(traefik.https, found)
            eventually(lambda: is_serving(visitor), f"an answer of Traefik, whose log is {traefik.log}")
            yield traefik, visitor
        for body in reversed(applied):
            api.delete(body)
        # The next module makes them anew, and a namespace that is going takes nothing.
        spaces = [body for body in applied if body["kind"] == "Namespace"]
        eventually(
            lambda: not any(api.get(body) for body in spaces), "the end of the front door's namespaces", seconds=90
        )
    definitions.remove()


def is_serving(visitor: Visitor) -> bool:
    try:
        hosts = (BROWSER, API, PUBLIC, OTHERS, KEYED, KEYS_ONLY, AWAKE)
        return all(visitor.ask(host)[0].status not in (404, 503) for host in hosts)
    except OSError:
        return False
