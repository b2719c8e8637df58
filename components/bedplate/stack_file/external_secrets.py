"""Which store there is, whose the names in it are, and what workloads ask it for.

A tenant's secrets are those below its prefix, which the stack's file alone can say (ADR 0039).
"""

from collections.abc import Iterator, Mapping, Sequence

from bedplate.clouds.facts import TenantSecretsFacts
from bedplate.services.secrets.spec import AnySecretStoreSpec
from bedplate.stack_file.parts import Parts, has
from bedplate.stack_file.problems import PathParts, Problem, shown, suggestion
from bedplate.workloads import ExternalSecretSpec


def stores(parts: Parts) -> Iterator[Problem]:
    """Somebody can sign tenants in to the store."""
    spec = parts.services.secrets
    if spec is None or parts.cloud is None or parts.cloud.owns_cluster or not spec.is_of_the_cloud:
        return
    if not parts.has_secret_store:
        return  # of another stack, which its facts speak of
    below = parts.cloud.secret_stores()
    if below:
        for path, tenant in parts.with_tenants("name"):
            if tenant.name not in below:
                yield _without_a_store((*path, "name"), tenant.name, sorted(below))
        return
    yield Problem(
        path=("secrets", "store"),
        message="this cluster is somebody else's, and nobody here can give tenants an identity of its cloud",
        given=shown("cloud"),
        allowed="vault, kubernetes",
        fix="write `store: vault` and its `url`, or `store: kubernetes`; or write `secrets` and the tenants into the "
        "stack that owns the cluster too, and take its facts anew",
    )


def prefixes(parts: Parts) -> Iterator[Problem]:
    """No tenant's prefix begins with another's, so that nobody reads what is another's."""
    spec = parts.services.secrets
    if spec is None or not has(spec, ["prefixes"]):
        return
    names = [tenant.name for _, tenant in parts.with_tenants("name")]
    is_complete = len(names) == len(parts.tenants)
    for tenant in spec.prefixes:
        if is_complete and tenant not in names:
            yield Problem(
                path=("secrets", "prefixes", tenant),
                message="there is no tenant of this name",
                given=shown(tenant),
                fix=suggestion(tenant, names, "correct the name, or remove the entry"),
            )
    for tenant, prefix in spec.prefixes.items():
        for other in sorted({*names, *spec.prefixes} - {tenant}):
            theirs = spec.prefix_of(other)
            # Of two that are written, the later one is told.
            if other in spec.prefixes and list(spec.prefixes).index(other) > list(spec.prefixes).index(tenant):
                continue
            if _overlap(prefix, theirs):
                yield Problem(
                    path=("secrets", "prefixes", tenant),
                    message=f"it overlaps the prefix of '{other}', '{theirs}': one would read the secrets of both",
                    given=shown(prefix),
                    fix=f"write a prefix that neither begins with the other, such as '{tenant}/'",
                    other=("secrets", "prefixes", other) if other in spec.prefixes else None,
                )


def _overlap(one: str, other: str) -> bool:
    """Also where names of a cloud have '-' for '/', and both would be one vault's."""
    is_one = one.replace("/", "-") == other.replace("/", "-")
    return is_one or one.startswith(other) or other.startswith(one)


def asked(parts: Parts) -> Iterator[Problem]:
    """There is a store for whoever asks one, and what is asked for can be a name in it."""
    spec = parts.services.secrets
    below: Mapping[str, TenantSecretsFacts] = parts.cloud.secret_stores() if parts.cloud else {}
    for path, tenant, workload in parts.with_workloads(["secret_env"], ["name"]):
        for variable, one in workload.external_env().items():
            at = (*path, "secretEnv", variable)
            if not parts.has_secret_store and tenant.name in below:
                yield from _with_a_key(at, one, needs_a_key=below[tenant.name].source_namespace is not None)
            elif not parts.has_secret_store and below:
                yield _without_a_store(at, tenant.name, sorted(below))
            elif not parts.has_secret_store:
                yield Problem(
                    path=at,
                    message="the stack has no store of external secrets",
                    fix="have `secrets: {store: cloud}` (or vault, kubernetes) added to the stack's file, and "
                    "`services` to its layers, or take the facts of the stack that has both, or store it as a config "
                    "secret and write that name here",
                )
            elif spec is not None and has(one, ["external"]):
                yield from _named((*at, "external"), one.external, spec, parts)
                yield from _with_a_key(at, one, needs_a_key=spec.needs_a_key)


def _with_a_key(path: PathParts, one: ExternalSecretSpec, *, needs_a_key: bool) -> Iterator[Problem]:
    if needs_a_key and has(one, ["external", "key"]) and one.key is None:
        yield Problem(
            path=path,
            message="a Secret of Kubernetes is several values, each by a key",
            given=shown(one.external),
            fix=f"write which one: {{external: {one.external}, key: password}}",
        )


def _without_a_store(path: PathParts, tenant: str, others: Sequence[str]) -> Problem:
    return Problem(
        path=path,
        message=f"the stack below has given '{tenant}' no store of external secrets, and nobody here can",
        given=shown(tenant),
        allowed=", ".join(others),
        fix="write the tenant into the stack that owns the cluster or the services too, and take its facts anew: "
        "`pulumi stack output facts`",
    )


def _named(path: PathParts, name: str, spec: AnySecretStoreSpec, parts: Parts) -> Iterator[Problem]:
    form = spec.name_form()
    if form is None:
        if parts.cloud is None or not parts.cloud.owns_cluster:
            return
        form = parts.cloud.secret_form()
    pattern, example = form
    if not pattern.fullmatch(name):
        yield Problem(
            path=path,
            message="no secret of this store has such a name",
            given=shown(name),
            allowed=f"what matches {pattern.pattern}",
            fix=f"write it like '{example}'",
        )
