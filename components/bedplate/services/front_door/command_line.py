"""Traefik's command line, made of the chart's values as the chart makes it.

The rules are those of https://github.com/traefik/traefik-helm-chart/blob/v41.3.0/traefik/templates/_podtemplate.tpl,
for the values that the platform sets; tests compare the result with the chart's own where Helm is there.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

NEWER_THAN_BUILT = (
    "--core.strictTLSOptions",
    "--providers.kubernetescrd.defaultTLSResourcesNamespace",
    "--providers.kubernetescrd.safeNaming",
)
"""Options that the Traefik of the table of programs (3.7.9) does not know: newer ones need a module that no registry
has."""
_PORTS = {"metrics": {"port": 9100}, "traefik": {"port": 8080}}
"""The chart's own, beside ours."""


def flags(values: Mapping[str, Any]) -> list[str]:
    """What the chart starts Traefik with."""
    return [f"--{name}" if value is None else f"--{name}={_text(value)}" for name, value in _options(values)]


def at_ports(chosen: Sequence[str], ports: Mapping[str, int]) -> list[str]:
    """The flags with each entry point on a port of this machine's loopback interface. ports: by entry point."""
    ours = list(chosen)
    for name, port in ports.items():
        address = f"--entryPoints.{name}.address="
        (index,) = (index for index, flag in enumerate(ours) if flag.startswith(address))
        ours[index] = f"{address}127.0.0.1:{port}"
    return ours


def way_to_api_server(values: Mapping[str, Any], server: str, token: Path, authority: str | Path) -> list[str]:
    """Flags for what a pod finds by itself. token, authority: files."""
    settings = {"endpoint": server, "token": token, "certauthfilepath": authority}
    providers = [name.lower() for name, provider in values["providers"].items() if provider["enabled"]]
    return [f"--providers.{name}.{key}={value}" for name in providers for key, value in settings.items()]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(cast("list[str]", value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _options(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    ports = {**_PORTS, **values["ports"]}
    yield "global.checkNewVersion", values["global"]["checkNewVersion"]
    for name, port in sorted(ports.items()):
        yield f"entryPoints.{name}.address", f":{port['port']}/tcp"
        if port.get("asDefault"):
            yield f"entryPoints.{name}.asDefault", True
    yield from ((f"api.{key}", value) for key, value in values["api"].items())
    yield "ping", True
    yield "core.strictTLSOptions", values["core"]["strictTLSOptions"]
    yield "metrics.prometheus", True
    prometheus = dict(values["metrics"]["prometheus"])
    yield "metrics.prometheus.entrypoint", prometheus.pop("entryPoint")
    yield from ((f"metrics.prometheus.{key}", value) for key, value in prometheus.items())
    for name, plugin in values["experimental"]["localPlugins"].items():
        yield f"experimental.localPlugins.{name}.moduleName", plugin["moduleName"]
    yield "experimental.abortonpluginfailure", values["experimental"]["abortOnPluginFailure"]
    yield from _provider("kubernetescrd", values["providers"]["kubernetesCRD"])
    yield from _provider("kubernetesingress", values["providers"]["kubernetesIngress"])
    for name, port in sorted(values["ports"].items()):
        yield from _entry_point(f"entryPoints.{name}", port, ports_exposed={"websecure": 443})
    yield from _logs(values)
    for argument in values["additionalArguments"]:
        name, _, value = argument.removeprefix("--").partition("=")
        yield name, value


def _provider(name: str, provider: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if not provider["enabled"]:
        return
    yield f"providers.{name}", None
    for key, value in provider.items():
        if key not in ("enabled", "publishedService") and (value or key == "allowEmptyServices"):
            yield f"providers.{name}.{key}", value


def _entry_point(name: str, port: Mapping[str, Any], ports_exposed: Mapping[str, int]) -> Iterator[tuple[str, Any]]:
    http = dict(port["http"])
    for key, value in http.pop("encodedCharacters", {}).items():
        yield f"{name}.http.encodedCharacters.{key}", value
    for key, value in http.pop("redirections", {}).get("entryPoint", {}).items():
        where = f":{ports_exposed[value]}" if key == "to" else value
        yield f"{name}.http.redirections.entryPoint.{key}", where
    if http.pop("tls", {}).get("enabled"):
        yield f"{name}.http.tls", True
    yield from ((f"{name}.http.{key}", value) for key, value in http.items())
    if port.get("allowACMEByPass"):
        yield f"{name}.allowACMEByPass", True
    for group, settings in port["transport"].items():
        yield from ((f"{name}.transport.{group}.{key}", value) for key, value in settings.items())


def _logs(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from ((f"log.{key}", value) for key, value in values["log"].items())
    access = values["accessLog"]
    fields = access["fields"]
    yield "accesslog", access["enabled"]
    yield "accesslog.format", access["format"]
    yield "accesslog.fields.defaultmode", fields["defaultMode"]
    yield "accesslog.fields.headers.defaultmode", fields["headers"]["defaultMode"]
    for header, action in fields["headers"]["names"].items():
        yield f"accesslog.fields.headers.names.{header}", action
    yield "accesslog.fields.queryparameters.defaultmode", fields["queryParameters"]["defaultMode"]
