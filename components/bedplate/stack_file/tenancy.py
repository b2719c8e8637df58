"""What must hold between the names of tenants, of workloads and of what else runs in the cluster."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from bedplate.config import TenantEntry
from bedplate.labels import LABEL_LENGTH, SECRET_STORE
from bedplate.stack_file.documents import Document
from bedplate.stack_file.parts import Parts, has, is_whole
from bedplate.stack_file.problems import PathParts, Problem, shown
from bedplate.workloads import WorkloadSpec

_SERVICE_ACCOUNTS = ("default", SECRET_STORE)


@dataclass(frozen=True)
class _Reserved:
    """Namespaces of other software: exact names, and beginnings."""

    names: frozenset[str]
    beginnings: tuple[str, ...]

    @classmethod
    def of(cls, parts: Parts) -> "_Reserved":
        """Those of the cloud and of the guardrails."""
        patterns = list(parts.cloud.namespaces_of_others()) if parts.cloud else []
        if parts.guardrails and has(parts.guardrails, ["reserved_namespaces"]):
            patterns += parts.guardrails.reserved_namespaces
        return cls(
            frozenset(pattern for pattern in patterns if not pattern.endswith("*")),
            tuple(pattern[:-1] for pattern in patterns if pattern.endswith("*")),
        )

    def __contains__(self, namespace: str) -> bool:
        return namespace in self.names or namespace.startswith(self.beginnings)


def file_of_a_tenant(document: Document) -> Iterator[Problem]:
    """One file is one tenant, and says by its own name which: who may change the file may change no other tenant.

    A repository gives files to teams (CODEOWNERS), and a tenant's name decides its namespace, hosts and secrets.
    """
    data: object = document.data
    if not isinstance(data, dict):
        is_empty = data is None
        yield Problem(
            path=(),
            message="the file is empty" if is_empty else "the file must be a mapping: one tenant",
            given=None if is_empty else shown(data),
            fix="write one tenant's keys without indentation (name, groups, owner, quota), or remove the file",
        )
        return
    name = cast(dict[str, object], data).get("name")
    if isinstance(name, str) and name != document.path.stem:
        yield Problem(
            path=("name",),
            message=f"the file is that of a tenant '{document.path.stem}': whoever owns it decides about no other",
            given=shown(name),
            fix=f"write `name: {document.path.stem}`, or rename the file to {name}.yaml",
        )


def tenant_names(parts: Parts) -> Iterator[Problem]:
    """Each tenant has a namespace of its own, and nobody else's."""
    reserved = _Reserved.of(parts)
    seen: dict[str, PathParts] = {}
    for path, tenant in parts.with_tenants("name"):
        first = seen.setdefault(tenant.name, path)
        if first != path:
            yield Problem(
                path=(*path, "name"),
                message="two tenants have this name",
                given=shown(tenant.name),
                fix="rename one of the two",
                other=(*first, "name"),
            )
        elif parts.tenant_prefix is not None:
            yield from _namespace(parts.tenant_prefix, tenant.name, (*path, "name"), reserved)


def _namespace(prefix: str, name: str, path: PathParts, reserved: _Reserved) -> Iterator[Problem]:
    namespace = f"{prefix}{name}"
    if namespace == "default" or namespace.startswith(("kube-", "bedplate-")):
        yield Problem(
            path=path,
            message=f"the namespace '{namespace}' is not for tenants: default, kube-* and bedplate-* are reserved",
            given=shown(name),
            fix="choose another name, or set tenantPrefix",
        )
    elif namespace in reserved:
        yield Problem(
            path=path,
            message=f"the namespace '{namespace}' is other software's: members of the tenant could act as it",
            given=shown(name),
            fix="choose another name, or set tenantPrefix",
        )
    if len(namespace) > LABEL_LENGTH:
        yield Problem(
            path=path,
            message=f"the namespace '{namespace}' has {len(namespace)} characters",
            given=shown(name),
            allowed=f"at most {LABEL_LENGTH}, tenantPrefix included",
            fix=f"shorten the name or tenantPrefix by {len(namespace) - LABEL_LENGTH}",
        )


def workload_names(parts: Parts) -> Iterator[Problem]:
    """Each workload has objects of its own."""
    named: dict[tuple[object, str], list[tuple[PathParts, TenantEntry, WorkloadSpec]]] = {}
    for path, tenant, workload in parts.with_workloads(["name"]):
        alike = named.setdefault((path[1], workload.name), [])
        alike.append((path, tenant, workload))
        if len(alike) > 1:
            yield Problem(
                path=(*path, "name"),
                message="two workloads of the tenant have this name",
                given=shown(workload.name),
                fix="rename one of the two",
                other=(*alike[0][0], "name"),
            )
        elif workload.name in _SERVICE_ACCOUNTS:
            yield Problem(
                path=(*path, "name"),
                message="every namespace has a ServiceAccount of this name already, and a workload has one of its own",
                given=shown(workload.name),
                fix="rename the workload",
            )
    for path, _, workload in (one for alike in named.values() for one in alike):
        further: Mapping[tuple[str, ...], str] = workload.more_names() if is_whole(workload) else {}
        for place, name in further.items():
            for at, other, _ in named.get((path[1], name), ()):
                yield Problem(
                    path=(*path, *place),
                    message=f"its objects would be called like the tenant's workload '{name}'",
                    given=shown(workload.name),
                    fix=f"rename the workload '{name}' of '{other.name}', or this one",
                    other=(*at, "name"),
                )


def owners(parts: Parts) -> Iterator[Problem]:
    """Whoever alone may open a workload can sign in."""
    login = parts.services.login
    if login is None or not has(login, ["email_domains"]) or not login.email_domains:
        return
    for path, tenant, workload in parts.with_workloads(["owner"], of_tenant=["owner"]):
        owner = workload.owner or tenant.owner
        if getattr(workload, "open_to", "") != "owner" or owner.rpartition("@")[2].lower() in login.email_domains:
            continue
        yield Problem(
            path=(*path, "owner") if workload.owner else (*path[:2], "owner"),
            message=f"'{workload.name}' is open to its owner alone, and the login lets in no address of that domain",
            given=shown(owner),
            allowed=", ".join(f"…@{domain}" for domain in login.email_domains),
            fix="write an address of one of these domains, or add the domain to `login.emailDomains`",
        )
