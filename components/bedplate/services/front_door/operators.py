"""Traefik beside an API server: it reads the stack's routes and serves them with the certificate that was issued.

Owns its command line, which is that of the chart's values with the ports of this machine, and what it must show. Its
rights are those that the stack gives its ServiceAccount. No pod runs behind a route: what a visitor is let through to
is `cluster_network`'s answer in a pod's place.
"""

import base64
import re
import ssl
from collections import Counter
from collections.abc import Mapping
from typing import Any

from bedplate.kubernetes import Manifest
from bedplate.labels import FRONT_DOOR_NAMESPACE, TRAEFIK
from bedplate.services.certificates.operators import not_issued
from bedplate.services.front_door.command_line import NEWER_THAN_BUILT, at_ports, flags, way_to_api_server
from bedplate.services.front_door.traefik_plugins import sources
from bedplate.services.operator import Launch, OperatorProgram, Ready, Shortfall, Sight, Surroundings, Work, asked
from bedplate.wording import counted

_PORTS = ("websecure", "web", "metrics", "traefik")


def _launch(surroundings: Surroundings) -> Launch:
    files = {
        f"plugins-local/src/{module}/{name}": content
        for module, contents in sources().items()
        for name, content in contents.items()
    }
    values = surroundings.values
    way = way_to_api_server(values, surroundings.server, surroundings.token, surroundings.authority)
    return Launch(arguments=[*flags_here(values, surroundings.ports), *way], files=files)


def flags_here(values: Mapping[str, Any], ports: Mapping[str, int]) -> list[str]:
    """The chart's flags that the program knows, on this machine's ports."""
    return at_ports([flag for flag in flags(values) if not flag.startswith(NEWER_THAN_BUILT)], ports)


def _passes_on(surroundings: Surroundings) -> Mapping[str, str]:
    """By the host that a visitor asked for, which stays the request's: nothing else of it tells where it leads."""
    found = dict[str, str]()
    for route in (body for body in surroundings.objects if body["kind"] == "IngressRoute"):
        for rule in route["spec"]["routes"]:
            for host in re.findall(r"Host\(`([^`]+)`\)", rule["match"]):
                for service in rule.get("services", []):
                    namespace = service.get("namespace", route["metadata"]["namespace"])
                    found[host] = f"{service['name']}.{namespace}.svc.cluster.local:{service.get('port', 80)}"
    return found


def _absent(surroundings: Surroundings) -> str:
    """It is strict about hosts: without a certificate it does not even speak."""
    reason = not_issued(surroundings)
    return f"it serves no host without a certificate, and {reason}" if reason else ""


def _work(sight: Sight) -> Work:
    """Asks for every host, and takes no certificate but one of the stack's issuer for it."""
    secrets = {
        body["metadata"]["name"]: body["data"]
        for body in sight.cluster.objects("v1", "Secret", FRONT_DOOR_NAMESPACE)
        if body.get("type") == "kubernetes.io/tls"
    }
    authorities = {base64.b64decode(data["ca.crt"]).decode() for data in secrets.values() if data.get("ca.crt")}
    said, missing, without_service = Counter[int](), list[Shortfall](), list[str]()
    known = _services(sight)
    for route in (body for body in sight.surroundings.objects if body["kind"] == "IngressRoute"):
        for host, path in sorted(_places(route).items()):
            status, reason = _visit(host, path, sight.surroundings.ports["websecure"], authorities)
            if status and status != 404:
                said[status] += 1
            elif status and (led_to := _leads_to(route)) and led_to.isdisjoint(known):
                without_service.append(host)
            else:
                name = f"IngressRoute {route['metadata']['namespace']}/{route['metadata']['name']}"
                fix = f"see {TRAEFIK}'s log, and whether all that the route names is there"
                missing.append(Shortfall(object=name, reason=f"is not served at https://{host}: {reason}", fix=fix))
    by_answer = ", ".join(f"{count} answered {status}" for status, count in sorted(said.items()))
    served = sum(said.values())
    text = f"{counted(served, 'host')} served with a certificate of the stack's authority"
    text = f"{text}: {by_answer}" if by_answer else text
    if without_service:
        text = f"{text}; not {', '.join(without_service)}, whose Service a chart makes that did not run"
    answers = {f"answered.{status}": count for status, count in sorted(said.items())}
    return Work(
        text=text,
        counts={"hostsServed": served, "hostsWithoutService": len(without_service), **answers},
        missing=missing,
    )


def _services(sight: Sight) -> set[tuple[str, str]]:
    """Those of the stack and those that are there, by namespace and name. Others are a chart's that did not run: the
    front door serves no route to a Service that is not there."""
    own = [body for body in sight.surroundings.objects if body["kind"] == "Service"]
    there = [*own, *sight.cluster.objects("v1", "Service")]
    return {(body["metadata"]["namespace"], body["metadata"]["name"]) for body in there}


def _leads_to(route: Manifest) -> set[tuple[str, str]]:
    home = route["metadata"]["namespace"]
    services = [service for rule in route["spec"]["routes"] for service in rule.get("services", [])]
    return {
        (service.get("namespace", home), service["name"])
        for service in services
        if service.get("kind", "Service") == "Service"
    }


def _places(route: Manifest) -> Mapping[str, str]:
    """A path that is served of each host."""
    found = dict[str, str]()
    for rule in (rule["match"] for rule in route["spec"]["routes"]):
        path = re.search(r"Path(?:Prefix)?\(`([^`]+)`\)", rule)
        for host in re.findall(r"Host\(`([^`]+)`\)", rule):
            found.setdefault(host, path[1] if path else "/")
    return found


def _visit(host: str, path: str, port: int, authorities: set[str]) -> tuple[int, str]:
    """The answer's status, or 0, and what is wrong."""
    if not authorities:
        return 0, "there is no certificate yet"
    try:
        context = ssl.create_default_context(cadata="".join(sorted(authorities)))
        status = asked(port, path, {"Host": host}, context).status
    except OSError as error:
        return 0, str(error)
    return status, f"the answer is {status}"


NOT_RUN: Mapping[str, str] = {}
OPERATORS = (
    OperatorProgram(
        name="Traefik",
        program="traefik",
        release=TRAEFIK,
        account=f"{FRONT_DOOR_NAMESPACE}/{TRAEFIK}",
        launch=_launch,
        work=_work,
        ready=Ready(port="traefik", path="/ping"),
        ports=_PORTS,
        passes_on=_passes_on,
        absent=_absent,
    ),
)
