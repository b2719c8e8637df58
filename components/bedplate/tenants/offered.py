"""What the platform offers to whoever deploys in a tenant's namespace, as the members of the tenant read it.

Owns the ConfigMap's form, written here and read by `bedplate deploy`, and nothing of what is offered. There is no
secret in it. It is no parameter of a policy: what members must not do, the guardrails say.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from bedplate.kubernetes import Manifest, manifest
from bedplate.labels import OFFERED, Identity

_KEY = "offered.json"


@dataclass(frozen=True, kw_only=True)
class Offered:
    """domain: of hosts. tenant, project, owner, groups: whose the namespace is.

    has_front_door, has_login: whether there is a way in from outside, and somebody who says who comes. public_routes:
    whether it may be open to everybody. approved_images: beginnings of images that may run. max_cpu, max_memory_gib: of
    one pod. volumes: that its workloads mount. of_stack: kind and host of each workload that the stack has there.
    registry: where built images go, if there is one. version: of the library that wrote it.
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
    version: str = field(default_factory=lambda: version("bedplate"))

    @classmethod
    def read(cls, config_map: Mapping[str, Any]) -> "Offered":
        """Of the ConfigMap. What a newer platform says and this library does not know is left out."""
        said: dict[str, Any] = json.loads(config_map["data"][_KEY])
        return cls(**{name: value for name, value in said.items() if name in cls.__dataclass_fields__})


def offered_manifest(namespace: str, identity: Identity, offered: Offered) -> Manifest:
    """The ConfigMap; keys in the order of their names, so that a difference is one of content."""
    said = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in vars(offered).items()
        if value is not None
    }
    text = json.dumps(said, indent=1, sort_keys=True)
    return manifest("v1", "ConfigMap", OFFERED, identity, namespace=namespace, data={_KEY: text})
