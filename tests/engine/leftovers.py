"""What a stack leaves in a cluster, and what keeps it from going."""

from bedplate.embedded_cluster.api_server import ApiServer

_OF_KUBERNETES = ("foregroundDeletion", "kubernetes.io/")
"""Finalizers that the control plane takes off itself."""


def held_back(cluster: ApiServer) -> list[str]:
    """What is being deleted and waits for somebody to take a finalizer off: the object, and the finalizer."""
    return [
        f"{key} waits for {finalizer}"
        for key, body in sorted(cluster.inventory().items())
        if "deletionTimestamp" in body["metadata"]
        for finalizer in body["metadata"].get("finalizers", ())
        if not finalizer.startswith(_OF_KUBERNETES)
    ]
