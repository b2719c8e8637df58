"""What lets somebody in the terminal of his workspace have images built: a token of the workspace's ServiceAccount.

Owns the files, where every program that speaks to Kubernetes looks for them. What the token is good for is said where
images are built (`services/images/from_workspace.py`): nothing else in the cluster knows the account.
"""

from dataclasses import replace

from bedplate.kubernetes import Container, Manifest
from bedplate.labels import ACCOUNT_FOLDER

_TOKEN_SECONDS = 4 * 3600
"""A kubelet renews it when a fifth of that is left, which most builds need less than."""


def with_account(container: Container) -> Container:
    """The container, in which the files are."""
    return replace(container, files={**container.files, ACCOUNT_FOLDER: {"projected": {"sources": _SOURCES}}})


_SOURCES: list[Manifest] = [
    {"serviceAccountToken": {"path": "token", "expirationSeconds": _TOKEN_SECONDS}},
    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
]
