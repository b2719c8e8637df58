"""Keys by which programs call a workload, of which the platform keeps the hash alone.

A key is 256 random bits behind a prefix, so that routes and secret scanners know one when they see it. Its SHA-256
stands in the stack file: it opens nothing and leads back to no key. Slow hashes protect what people choose, and would
add nothing to what nobody can guess (https://pages.nist.gov/800-63-3/sp800-63b.html#5122-look-up-secret-verifiers).
"""

import hashlib
from dataclasses import dataclass
from typing import Annotated

from bedplate.spec import API_KEY_PREFIX, DnsLabel, Spec, matching

_RANDOM_BYTES = 32


class ApiKeySpec(Spec):
    """A key of one caller. To change it without a gap, add the new one, hand it out, and remove the old one."""

    name: DnsLabel
    """Who calls with it; the workload and the access log are told `key:<name>`."""
    sha256: Annotated[
        str,
        matching(
            r"[0-9a-f]{64}",
            "must be the SHA-256 of the key in 64 digits (0-9, a-f), never the key itself",
            "write the line that `bedplate api-key NAME` prints; a key that stood here is no secret any more",
        ),
    ]
    """Its hash, as `bedplate api-key NAME` prints it."""


@dataclass(frozen=True, kw_only=True)
class NewApiKey:
    """A key that nobody has yet."""

    name: str
    key: str
    sha256: str


def new_api_key(name: str) -> NewApiKey:
    """A random key and its hash."""
    import secrets  # half of what importing this module takes, and specs have it

    key = f"{API_KEY_PREFIX}{secrets.token_urlsafe(_RANDOM_BYTES)}"
    return NewApiKey(name=name, key=key, sha256=hashlib.sha256(key.encode()).hexdigest())
