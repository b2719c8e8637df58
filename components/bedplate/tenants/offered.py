"""What the platform offers to whoever deploys in a tenant's namespace, as the members of the tenant read it.

Owns the ConfigMap, and nothing of what is offered. There is no secret in it. It is no parameter of a policy: what
members must not do, the guardrails say.
"""

import json
from typing import Any, cast

from bedplate.kubernetes import Manifest, manifest
from bedplate.labels import OFFERED, Identity
from bedplate.offered import OFFERED_KEY, Offered


def offered_manifest(namespace: str, identity: Identity, offered: Offered) -> Manifest:
    """The ConfigMap; keys in the order of their names, so that a difference is one of content."""
    given: dict[str, Any] = vars(offered)
    said = {
        name: [*cast(tuple[str, ...], value)] if isinstance(value, tuple) else value
        for name, value in given.items()
        if value is not None
    }
    text = json.dumps(said, indent=1, sort_keys=True)
    return manifest("v1", "ConfigMap", OFFERED, identity, namespace=namespace, data={OFFERED_KEY: text})
