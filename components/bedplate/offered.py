"""What the platform offers to whoever deploys in a tenant's namespace, as one typed value.

Owns the form only: the tenant's component writes it (`tenants.offered`), and `bedplate deploy` reads it, which must
start faster than any spec can be imported.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

OFFERED_KEY = "offered.json"
"""Of the ConfigMap."""


@cache
def _version() -> str:
    from importlib.metadata import version

    return version("bedplate")


@dataclass(frozen=True, kw_only=True)
class Offered:
    """domain: of hosts. tenant, project, owner, groups: whose the namespace is.

    has_front_door, has_login: whether there is a way in from outside, and somebody who says who comes. public_routes:
    whether it may be open to everybody. approved_images: beginnings of images that may run. max_cpu, max_memory_gib: of
    one pod. volumes: that its workloads mount. of_stack: kind and host of each workload that the stack has there.
    registry: what its images begin with, without '/' at the end, if there is one; caches: the same of what builds keep,
    where that is elsewhere; builds, scans: whether they are built and scanned in the cluster; pull_secrets: Secrets by
    which they are pulled. version: of the library that wrote it.
    """

    domain: str
    tenant: str
    project: str
    owner: str
    groups: Sequence[str] = ()
    has_front_door: bool = False
    has_login: bool = False
    public_routes: bool = False
    approved_images: Sequence[str] = ()
    max_cpu: float = 0
    max_memory_gib: float = 0
    volumes: Sequence[str] = ()
    of_stack: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    registry: str | None = None
    caches: str | None = None
    builds: bool = False
    scans: bool = False
    pull_secrets: Sequence[str] = ()
    version: str = field(default_factory=_version)

    @classmethod
    def read(cls, config_map: Mapping[str, Any]) -> "Offered":
        """Of the ConfigMap. What a newer platform says and this library does not know is left out."""
        said: dict[str, Any] = json.loads(config_map["data"][OFFERED_KEY])
        return cls(**{name: value for name, value in said.items() if name in cls.__dataclass_fields__})
