"""A stack's front door on a real API server: what the program registers, and Services of this process behind it."""

from collections.abc import Mapping
from typing import Any

from bedplate.engine.engine import Recording
from bedplate.engine.resources import RELEASE_TYPE
from bedplate.rehearsal.applying import manifest_of
from cluster.objects_under_test import endpoint_slice
from harness import objects


def registered(recording: Recording, *parts: str) -> list[dict[str, Any]]:
    """What the program registers with one of these in its URN, but policies, which nothing enforces here."""
    return [
        manifest_of(resource)
        for resource in objects(recording)
        if resource.inputs["kind"] != "NetworkPolicy" and any(part in resource.urn for part in parts)
    ]


def traefik_values(recording: Recording) -> Mapping[str, Any]:
    """What the program tells Traefik's chart."""
    (release,) = (
        found for found in recording.resources if found.type == RELEASE_TYPE and found.inputs["name"] == "traefik"
    )
    return release.inputs["values"]


def service(name: str, namespace: str, address: str | None, serving_port: int, port: int = 80) -> list[dict[str, Any]]:
    """A Service whose one pod is a server of this process; none without an address."""
    ports = [{"name": "http", "port": port, "targetPort": serving_port}]
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"ports": ports},
        },
        endpoint_slice(name, namespace, address, serving_port),
    ]
