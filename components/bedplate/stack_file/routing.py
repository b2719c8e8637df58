"""What must hold between the ways in of a platform: hosts, who may come, and what they show."""

from collections.abc import Iterator

from bedplate.kubernetes import RouteSpec
from bedplate.labels import FRONT_DOOR_NAMES, LABEL_LENGTH, grafana_host, host_label, login_host, logs_host
from bedplate.services.login.spec import SERVICE_ACCOUNT_SUBJECT
from bedplate.stack_file.parts import Parts, has, route_of
from bedplate.stack_file.problems import PathParts, Problem, shown

_PUNYCODE = "xn--"
"""Begins a label of other than ASCII characters: https://datatracker.ietf.org/doc/html/rfc5890#section-2.3.2.1."""


def _of_the_platform(parts: Parts) -> Iterator[tuple[str, tuple[PathParts, str]]]:
    """Hosts of the platform's own pages: where each comes from, and whose it is."""
    if not parts.domain or not parts.services.login:
        return
    yield login_host(parts.domain), (("login",), "the login")
    if parts.services.monitoring:
        yield grafana_host(parts.domain), (("monitoring",), "Grafana")
        if has(parts.services.monitoring, ["tenant_dashboards"]):
            for tenant in parts.services.monitoring.tenant_dashboards:
                yield grafana_host(parts.domain, tenant), (("monitoring", "tenantDashboards"), "the tenant's Grafana")
    if parts.services.logs:
        for tenant in ("", *(tenant.name for _, tenant in parts.with_tenants("name"))):
            yield logs_host(parts.domain, tenant), (("logs",), "the logs")


def hosts(parts: Parts) -> Iterator[Problem]:
    """Every workload has a host and a name of its own at the front door, whether or not it has a route yet."""
    named: dict[str, tuple[PathParts, str]] = dict.fromkeys(FRONT_DOOR_NAMES, ((), "the platform itself"))
    taken = dict(_of_the_platform(parts))
    for path, tenant, workload in parts.with_workloads(["name"], of_tenant=["name"]):
        label, route = host_label(tenant.name, workload.name), route_of(workload)
        own = route.host if route and has(route, ["host"]) else None
        at: PathParts = (*path, "route", "host") if own else (*path, "name")
        given = shown(own or workload.name)
        if own:
            yield from _within_the_domain(parts.domain, own, at)
        elif len(label) > LABEL_LENGTH:
            yield Problem(
                path=at,
                message=f"its host '{label}' (workload-tenant) has {len(label)} characters",
                given=given,
                allowed=f"at most {LABEL_LENGTH}, as one label of a DNS name",
                fix=f"shorten the workload's or the tenant's name by {len(label) - LABEL_LENGTH}",
            )
        host, owner = own or f"{label}.{parts.domain or ''}", f"'{workload.name}' of '{tenant.name}'"
        if parts.domain:
            yield from _looks_like_itself(parts.domain, host, at, given)
        first, first_owner = taken.setdefault(host, (at, owner))
        if first_owner != owner:
            called = f"'{own}'" if own else f"'{label}' (workload-tenant)"
            yield Problem(
                path=at,
                message=f"its host {called} is taken by {first_owner}",
                given=given,
                fix="choose another host" if own else "rename one of the two workloads",
                other=first,
            )
            continue
        first, first_owner = named.setdefault(label, ((*path, "name"), owner))
        if first_owner != owner:
            yield Problem(
                path=(*path, "name"),
                message=f"its name at the front door '{label}' (workload-tenant) is taken by {first_owner}",
                given=shown(workload.name),
                fix="rename one of the two workloads" if first else "rename the workload",
                other=first or None,
            )


def _within_the_domain(domain: str | None, host: str, path: PathParts) -> Iterator[Problem]:
    """One label below it, so that the wildcard serves it."""
    if domain is None:
        return
    label, _, above = host.partition(".")
    if above != domain:
        yield Problem(
            path=path,
            message="the host is not directly below the platform's domain, for which it has records and a certificate",
            given=shown(host),
            allowed=f"<one label>.{domain}",
            fix=f"write it like '{label}.{domain}'",
        )


def _looks_like_itself(domain: str, host: str, path: PathParts, given: str) -> Iterator[Problem]:
    """Browsers show what stands behind `xn--`, which may look like the login's host or another workload's."""
    if not host.startswith(_PUNYCODE) or any(label.startswith(_PUNYCODE) for label in domain.split(".")):
        return
    yield Problem(
        path=path,
        message=f"its host '{host}' is shown as other characters than it is written in, and may look like another host",
        given=given,
        allowed=f"a label that does not begin with '{_PUNYCODE}', as the domain has none that does",
        fix="choose a host of plain letters and digits" if path[-1] == "host" else "rename the workload",
    )


def routes(parts: Parts) -> Iterator[Problem]:
    """Every route leads somewhere, and somebody can be asked who comes."""
    for path, _, workload in parts.with_workloads():
        route = route_of(workload)
        if route is None:
            continue
        if hasattr(workload, "open_to"):
            yield from _people(parts, str(getattr(workload, "open_to", "")), (*path, "openTo"))
            continue
        at: PathParts = (*path, "route")
        if not parts.has_front_door:
            yield Problem(
                path=at,
                message="nobody can come in: this stack has no front door",
                fix="add `certificates:` (and `services` to layers), or remove the route",
            )
        if has(route, ["access", "api_keys"]):
            yield from _access(parts, route, (*at, "access"))
        if has(route, ["subjects", "subjects_issuer"]) and (route.subjects or route.subjects_issuer):
            yield from _subjects(parts, route, at)


def _people(parts: Parts, open_to: str, path: PathParts) -> Iterator[Problem]:
    """Of what is opened to people alone."""
    if not parts.has_front_door or not parts.has_login:
        missing = [
            *([] if parts.has_front_door else ["`certificates:` (and `services` to layers)"]),
            *([] if parts.has_login else ["`login:`"]),
        ]
        yield Problem(
            path=path,
            message="nobody can come in: this stack lacks a front door or a login",
            given=shown(open_to),
            allowed="nobody",
            fix=f"add {' and '.join(missing)}, or write `openTo: nobody`",
        )


def _access(parts: Parts, route: RouteSpec, path: PathParts) -> Iterator[Problem]:
    if route.access != "public" and not parts.has_login and not route.api_keys:
        yield Problem(
            path=path,
            message="there is no login that could say who comes in",
            given=shown(route.access),
            allowed="public, or api with apiKeys",
            fix="add `login:`, or `apiKeys:` with `access: api`, or remove the route; `access: public` opens it to all",
        )
    limits = parts.guardrails
    if route.access == "public" and limits and has(limits, ["public_routes"]) and not limits.public_routes:
        yield Problem(
            path=path,
            message="the workload would be open to everybody, which the guardrails do not allow",
            given=shown(route.access),
            allowed="browser, api",
            fix="choose who comes in, or have `publicRoutes: true` added to guardrails",
        )


def _subjects(parts: Parts, route: RouteSpec, path: PathParts) -> Iterator[Problem]:
    """Each is one issuer's: another might call somebody else the same."""
    login = parts.services.login
    if login is None or not has(login, ["tokens"]):
        if not parts.has_login:
            yield _nobodys_subjects(path)
        return
    known = login.tokens.issuer_urls()
    if not known and not login.tokens.service_accounts:
        yield _nobodys_subjects(path)
        return
    if route.subjects_issuer and route.subjects_issuer not in known:
        yield Problem(
            path=(*path, "subjectsIssuer"),
            message="the login accepts no tokens of this issuer",
            given=shown(route.subjects_issuer),
            allowed=", ".join(known) or "no issuer: there is none in `login.tokens.issuers`",
            fix="write it as it stands in `login.tokens.issuers`, or remove this where the cluster issues the tokens",
        )
        return
    for position, subject in enumerate(route.subjects):
        found = login.tokens.issuers_of(subject, route.subjects_issuer)
        if len(found) == 1:
            continue
        yield Problem(
            path=(*path, "subjects", position),
            message="several issuers may call somebody so" if found else "nobody's tokens have such a subject",
            given=shown(subject),
            allowed="subjects of one issuer"
            if found
            else f"the cluster's: {SERVICE_ACCOUNT_SUBJECT}<namespace>:<name>",
            fix=f"add `subjectsIssuer: {found[0]}`, or whose they are"
            if found
            else "name a ServiceAccount, or add who issues such tokens to `login.tokens.issuers`",
        )


def _nobodys_subjects(path: PathParts) -> Problem:
    return Problem(
        path=(*path, "subjects"),
        message="nobody's tokens have such subjects: the login knows no issuer but the provider of people",
        fix="add `serviceAccounts: true` to `login.tokens`, or who issues them to its `issuers`, or remove this",
    )


def api_keys(parts: Parts) -> Iterator[Problem]:
    """A key opens one workload: who loses it, or is to lose it, need not ask what else it opened."""
    seen: dict[str, PathParts] = {}
    for path, _, workload in parts.with_workloads():
        route = route_of(workload)
        if route is None or not has(route, ["api_keys"]):
            continue
        for position, key in enumerate(route.api_keys):
            at: PathParts = (*path, "route", "apiKeys", position, "sha256")
            first = seen.setdefault(key.sha256, at)
            if first != at:
                yield Problem(
                    path=at,
                    message="this key stands somewhere else too",
                    fix="make one key for each workload and caller: `bedplate api-key NAME`",
                    other=first,
                )
