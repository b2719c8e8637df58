"""Whether tenants are within what the stack's file allows any tenant, whoever owns their own files."""

import ipaddress
from collections.abc import Iterator

from bedplate.guardrails import MaxTenantSpec
from bedplate.stack_file.parts import Parts, has, route_of
from bedplate.stack_file.problems import PathParts, Problem, number, shown


def _ceilings(parts: Parts, key: str) -> MaxTenantSpec | None:
    limits = parts.guardrails
    if limits is None or not has(limits, ["max_tenant"]) or not has(limits.max_tenant, [key]):
        return None
    return limits.max_tenant


def quotas(parts: Parts) -> Iterator[Problem]:
    """No quota is above the largest there may be."""
    ceilings = _ceilings(parts, "quota")
    if ceilings is None:
        return
    most = ceilings.quota
    limits = [
        (name, str(type(most).model_fields[name].alias), getattr(most, name))
        for name in type(most).model_fields
        if name != "gpus" and getattr(most, name) is not None
    ]
    for path, tenant in parts.with_tenants("quota"):
        quota = tenant.quota
        for name, key, limit in limits:
            if getattr(quota, name) > limit:
                yield _above((*path, "quota", key), getattr(quota, name), limit)
        for accelerator, count in quota.gpus.items():
            if most.gpus is not None and count > most.gpus.get(accelerator, 0):
                yield _above((*path, "quota", "gpus", accelerator), count, most.gpus.get(accelerator, 0))
        for accelerator, count in quota.borrowed_gpus.items():
            if most.gpus is not None and quota.most_gpus[accelerator] > most.gpus.get(accelerator, 0):
                room = max(0, most.gpus.get(accelerator, 0) - quota.gpus.get(accelerator, 0))
                yield _above((*path, "quota", "borrowedGpus", accelerator), count, room)


def _above(path: PathParts, asked: float, limit: float) -> Problem:
    return Problem(
        path=path,
        message="no tenant may have this much (guardrails.maxTenant)",
        given=number(asked),
        allowed=f"at most {number(limit)}",
        fix="lower it, or have guardrails.maxTenant raised in the stack's file",
    )


def networks(parts: Parts) -> Iterator[Problem]:
    """Private networks are opened within those that the stack's file names."""
    ceilings = _ceilings(parts, "allowed_networks")
    if ceilings is None or ceilings.allowed_networks is None:
        return
    allowed = [ipaddress.ip_network(text) for text in ceilings.allowed_networks]
    for path, tenant in parts.with_tenants("allowed_networks"):
        for position, text in enumerate(tenant.allowed_networks):
            network = ipaddress.ip_network(text)
            if not any(_within(network, wider) for wider in allowed):
                yield Problem(
                    path=(*path, "allowedNetworks", position),
                    message="no tenant may reach this network (guardrails.maxTenant)",
                    given=shown(text),
                    allowed=", ".join(ceilings.allowed_networks) or "none",
                    fix="write one within these, or have it added to guardrails.maxTenant.allowedNetworks",
                )


_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _within(network: _Network, wider: _Network) -> bool:
    if isinstance(network, ipaddress.IPv4Network):
        return isinstance(wider, ipaddress.IPv4Network) and network.subnet_of(wider)
    return isinstance(wider, ipaddress.IPv6Network) and network.subnet_of(wider)


def pod_security(parts: Parts) -> Iterator[Problem]:
    """Pods are held to at least the level that the stack's file demands."""
    ceilings = _ceilings(parts, "pod_security")
    if ceilings is None or ceilings.pod_security == "baseline":
        return
    for path, tenant in parts.with_tenants("pod_security"):
        if tenant.pod_security != ceilings.pod_security:
            yield Problem(
                path=(*path, "podSecurity"),
                message="no tenant's pods may be held to less (guardrails.maxTenant)",
                given=shown(tenant.pod_security),
                allowed=ceilings.pod_security,
                fix="remove it, or have guardrails.maxTenant.podSecurity changed in the stack's file",
            )


def public_routes(parts: Parts) -> Iterator[Problem]:
    """Only workloads of tenants that the stack's file names are open to everybody."""
    ceilings = _ceilings(parts, "public_routes")
    if ceilings is None or ceilings.public_routes is None:
        return
    for path, tenant, workload in parts.with_workloads(of_tenant=["name"]):
        route = route_of(workload)
        is_public = route is not None and has(route, ["access"]) and route.access == "public"
        if is_public and tenant.name not in ceilings.public_routes:
            yield Problem(
                path=(*path, "route", "access"),
                message="no workload of this tenant may be open to everybody (guardrails.maxTenant)",
                given=shown("public"),
                allowed="browser, api",
                fix="choose who comes in, or have the tenant added to guardrails.maxTenant.publicRoutes",
            )
