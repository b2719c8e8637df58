"""Secrets that a workload names: of the stack's configuration, or of a store outside of it.

Owns how a stack file names either, and the Secret that the second kind is brought to. It deliberately knows no store.
"""

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from bedplate.spec import ConfigKey, Spec, matching

ExternalName = Annotated[
    str,
    Field(max_length=200),
    matching(
        r"[A-Za-z0-9][A-Za-z0-9_+=.@-]*(/[A-Za-z0-9][A-Za-z0-9_+=.@-]*)*",
        "must be the name of a secret behind the tenant's prefix, without '/' at its ends and without '..'",
        "write it like 'database' or 'database/reader'",
        lambda value: "/".join(part for part in value.split("/") if part.strip(".")),
    ),
]


class ExternalSecretSpec(Spec):
    """A secret of the tenant's store, which nobody has to hand to the stack."""

    external: ExternalName
    """Name of the secret in the store, behind the tenant's prefix (`<tenant>/`, unless the stack's `secrets.prefixes`
    says another)."""
    key: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """Key of the value, where the secret is several: JSON, or a Secret of Kubernetes. The secret as a whole if
    absent."""


def _form(value: Any) -> str:
    return "string" if isinstance(value, str) else "object"


AnySecret = Annotated[
    Annotated[ConfigKey, Tag("string")] | Annotated[ExternalSecretSpec, Tag("object")], Discriminator(_form)
]
"""By the type that its schema has."""


def external_secret_name(workload: str) -> str:
    """Of the Secret that a workload's external secrets are brought to."""
    return f"{workload}-external"
