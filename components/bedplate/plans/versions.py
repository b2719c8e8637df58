"""Which updates of Kubernetes a cloud takes: one minor at a time, and never back.

Owns that judgement, over two revisions of a stack file. It deliberately judges clusters alone that the platform makes:
of an existing one the stack file only says what somebody else has done.

https://docs.aws.amazon.com/eks/latest/userguide/update-cluster.html,
https://cloud.google.com/kubernetes-engine/versioning, https://learn.microsoft.com/azure/aks/upgrade-aks-cluster
"""

from collections.abc import Mapping
from typing import Any, cast

from bedplate.clouds import CLOUD_SPECS
from bedplate.errors import RehearsalError

KEY = "cloud.kubernetesVersion"


def impossible_upgrade(before: object, after: object) -> RehearsalError | None:
    """Why no cloud takes the cluster from one version to the other; None where it does.

    before, after: the platform as the stack file has it, at the earlier revision and now.
    """
    old, new = _cloud(before), _cloud(after)
    if old is None or new is None or _identity(old) != _identity(new):
        return None
    was, becomes = _minor(old.get("kubernetesVersion")), _minor(new.get("kubernetesVersion"))
    if was is None or becomes is None or becomes in (was, was + 1):
        return None
    step = f"{KEY}: 1.{was} → 1.{becomes}"
    if becomes < was:
        return RehearsalError(f"{step}: no cluster goes back to an earlier minor", f'write "1.{was}"')
    return RehearsalError(
        f"{step}: a cluster is upgraded by one minor at a time",
        f'write "1.{was + 1}" and update the stack, then go on to the next',
    )


def _cloud(platform: object) -> Mapping[str, Any] | None:
    """The section of a cluster that the platform makes."""
    section = cast(Mapping[str, Any], platform).get("cloud") if isinstance(platform, Mapping) else None
    if not isinstance(section, Mapping):
        return None
    cloud = cast(Mapping[str, Any], section)
    spec = CLOUD_SPECS.get(str(cloud.get("provider")))
    return cloud if spec is not None and spec.owns_cluster else None


def _identity(cloud: Mapping[str, Any]) -> tuple[Any, ...]:
    """Of another name or in another place it is another cluster, which begins with any version."""
    return tuple(cloud.get(key) for key in ("provider", "name", "region"))


def _minor(version: object) -> int | None:
    major, _, minor = str(version).partition(".")
    return int(minor) if major == "1" and minor.isascii() and minor.isdecimal() else None
