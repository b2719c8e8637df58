"""Objects for the tests of this folder, and waiting for what the cluster makes of them."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bedplate.embedded_cluster.cluster_api import ClusterApi, JsonObject, text

CORE = "/api/v1"


def eventually(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Waits until `condition` holds; fails the test with `what` if it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


@contextmanager
def namespace(api: ClusterApi) -> Iterator[str]:
    """The path of a new namespace that can hold pods. Its deletion is not waited for."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    path = f"{CORE}/namespaces/{name}"
    api.create(f"{CORE}/namespaces", {"metadata": {"name": name}})
    try:
        eventually(lambda: api.answers(f"{path}/serviceaccounts/default"), "a service account for pods")
        yield path
    finally:
        api.delete(path)


def pod(name: str, **spec: object) -> JsonObject:
    """A pod of one container. A `container` among the arguments is merged into it."""
    container: JsonObject = {"name": "main", "image": "example.com/app:1"}
    extra = spec.pop("container", None)
    if isinstance(extra, dict):
        container.update(extra)
    return {"metadata": {"name": name}, "spec": {"containers": [container], **spec}}


def claim(name: str, storage_class: str) -> JsonObject:
    """A claim of 5 GiB."""
    return {
        "metadata": {"name": name},
        "spec": {
            "storageClassName": storage_class,
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "5Gi"}},
        },
    }


def pod_using(name: str, claim_name: str) -> JsonObject:
    """A pod that mounts a claim."""
    return pod(
        name,
        container={"volumeMounts": [{"name": "data", "mountPath": "/data"}]},
        volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": claim_name}}],
    )


def phase(api: ClusterApi, path: str) -> str:
    """The phase of the object at a path."""
    return text(api.get(path), "status", "phase")


def endpoint_slice(service: str, namespace: str, address: str | None, port: int) -> JsonObject:
    """A server of this machine as the one pod of a Service; none without an address."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": service, "namespace": namespace, "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}] if address else [],
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
    }
