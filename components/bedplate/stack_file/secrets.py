"""Whose a config secret is: the platform's own, or one tenant's.

All config secrets of a stack stand side by side. A tenant's file names those that its workloads get, so the name alone,
or a list outside of that file, says whose a secret is (ADR 0021).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from bedplate.stack_file.images import accounts
from bedplate.stack_file.parts import Parts, has
from bedplate.stack_file.problems import PathParts, Problem, shown, suggestion

_STORE = (
    "store it with `pulumi config set --secret bedplate:<name>` and write that name here, never the secret; "
    "to try without the Pulumi CLI, write `bedplate:<name>: {secure: placeholder}` below `config:`"
)


def config_secrets(parts: Parts) -> Iterator[Problem]:
    """What the platform itself needs is there."""
    if parts.secrets is None:
        return
    for path, key in _of_the_platform(parts):
        if key not in parts.secrets:
            yield _missing(path, key, sorted(parts.secrets), _STORE)


def of_tenants(parts: Parts) -> Iterator[Problem]:
    """Each tenant gets secrets of its own, and they are there."""
    platforms = {key for _, key in _of_the_platform(parts)}
    names = {tenant.name for _, tenant in parts.with_tenants("name")}
    if parts.tenant_secrets is not None:
        yield from _listed(parts, parts.tenant_secrets, platforms, names)
        yield from _asked(parts, parts.tenant_secrets, platforms, names)


def _listed(
    parts: Parts, listed: Mapping[str, Sequence[str]], platforms: Collection[str], names: Collection[str]
) -> Iterator[Problem]:
    for tenant, keys in listed.items():
        if tenant not in names and len(names) == len(parts.tenants):
            yield Problem(
                path=("tenantSecrets", tenant),
                message="there is no tenant of this name",
                given=shown(tenant),
                fix=suggestion(tenant, names, "correct the name, or remove the entry"),
            )
        for position, key in enumerate(keys):
            if key in platforms:
                yield _of_the_platforms_own(("tenantSecrets", tenant, position), key, tenant)
            elif parts.secrets is not None and key not in parts.secrets:
                yield _missing(("tenantSecrets", tenant, position), key, sorted(parts.secrets), _STORE)


def _asked(
    parts: Parts, listed: Mapping[str, Sequence[str]], platforms: Collection[str], names: Collection[str]
) -> Iterator[Problem]:
    for path, tenant, workload in parts.with_workloads(["secret_env"], of_tenant=["name"]):
        also = listed.get(tenant.name, ())
        for variable, key in workload.config_env().items():
            at = (*path, "secretEnv", variable)
            if key in platforms:
                yield _of_the_platforms_own(at, key, tenant.name)
            elif key not in also and _owner(key, names) != tenant.name:
                yield _of_another(at, key, tenant.name)
            elif parts.secrets is not None and key not in parts.secrets:
                own = [name for name in sorted(parts.secrets) if name in also or _owner(name, names) == tenant.name]
                yield _missing(at, key, own, _STORE)


def _of_the_platform(parts: Parts) -> Iterator[tuple[PathParts, str]]:
    """Where the platform names secrets of its own, and which."""
    if parts.cloud:
        yield from ((("cloud", field), key) for field, key in parts.cloud.config_secrets().items())
    if parts.services.login:
        yield from ((("login", *field.split(".")), key) for field, key in parts.services.login.config_secrets().items())
    if parts.services.ssh and has(parts.services.ssh, ["host_key_ref"]):
        yield from ((("ssh", field), key) for field, key in parts.services.ssh.config_secrets().items())
    yield from accounts(parts)
    if parts.services.logs:
        yield from ((("logs", *field.split(".")), key) for field, key in parts.services.logs.config_secrets().items())
    if parts.services.monitoring:
        yield from ((("monitoring", *place), key) for place, key in parts.services.monitoring.config_secrets())


def _owner(key: str, tenants: Collection[str]) -> str | None:
    """The tenant with whose name and '-' the secret's begins; the longest, where one's name begins another's."""
    beginning = key
    while "-" in beginning:
        beginning = beginning.rpartition("-")[0]
        if beginning in tenants:
            return beginning
    return None


def _of_the_platforms_own(path: PathParts, key: str, tenant: str) -> Problem:
    return Problem(
        path=path,
        message="this secret is the platform's own, and whoever has it can do what the platform can",
        given=shown(key, path),
        fix=f"store another one with `pulumi config set --secret bedplate:{tenant}-<name>` and write that name here",
    )


def _of_another(path: PathParts, key: str, tenant: str) -> Problem:
    return Problem(
        path=path,
        message=f"this secret is not the tenant's: its name does not begin with '{tenant}-'",
        given=shown(key, path),
        allowed=f"{tenant}-<name>, and what the stack's tenantSecrets lists for '{tenant}'",
        fix=f"store it as '{tenant}-<name>', or have it listed in the stack's file: `tenantSecrets: {{{tenant}: […]}}`",
    )


def _missing(path: PathParts, key: str, known: list[str], otherwise: str) -> Problem:
    return Problem(
        path=path,
        message="there is no config secret of this name",
        given=shown(key, path),
        allowed=", ".join(known) or "none, the stack has no such secrets",
        fix=suggestion(key, known, otherwise),
    )
