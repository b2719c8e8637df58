"""Whether whoever asks can deploy here, and if not, why: from the kubeconfig to the quota.

Owns the questions and their order; each is asked only where those before it were answered well.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bedplate.deploy.access import find_access
from bedplate.deploy.cluster import NOTHING, Cluster, Refused
from bedplate.deploy.deploying import offered_in
from bedplate.deploy.errors import DeployError
from bedplate.offered import Offered

_NEEDED = (
    *(("create", "Deployment"), ("patch", "Deployment"), ("delete", "Deployment"), ("create", "Service")),
    *(("create", "ConfigMap"), ("create", "ServiceAccount"), ("create", "HorizontalPodAutoscaler")),
    *(("create", "PodDisruptionBudget"), ("create", "Secret"), ("list", "Pod"), ("list", "Event")),
)


@dataclass(frozen=True, kw_only=True)
class Check:
    """outcome: `ok`, `warning` or `failed`."""

    name: str
    outcome: str
    detail: str
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class Examined:
    """All checks. ok: whether none failed."""

    ok: bool
    checks: Sequence[Check]


def examine(context: str | None, namespace: str | None) -> Iterator[Check]:
    """One after the other; the first that fails is the last."""
    try:
        access = find_access(context)
        yield _ok("kubeconfig", f"context {access.context}, server {access.server}")
        cluster = Cluster(access, namespace or access.namespace or "default")
        served = cluster.ask("GET", "/version")
        yield _ok("API server", f"Kubernetes {served.get('gitVersion')}")
        yield _ok("identity", cluster.user())
        offered = offered_in(cluster)
    except DeployError as error:
        yield Check(name="access", outcome="failed", detail=error.message, fix=error.fix)
        return
    except Refused as refused:
        yield Check(name="access", outcome="failed", detail=refused.reason, fix="ask your platform team for access")
        return
    yield _ok("tenant", f"{offered.tenant}, owner {offered.owner}")
    yield _rights(cluster)
    yield _version(offered)
    yield _builds(offered)
    yield _way_in(offered)
    yield from _quotas(cluster)


def _ok(name: str, detail: str) -> Check:
    return Check(name=name, outcome="ok", detail=detail)


def _rights(cluster: Cluster) -> Check:
    lacking = [f"{verb} {kind}" for verb, kind in _NEEDED if not cluster.may(verb, kind)]
    if not lacking:
        return _ok("rights", f"all {len(_NEEDED)} that a deploy needs")
    fix = "ask your platform team to put you into a group of the tenant, or to renew the platform"
    return Check(name="rights", outcome="failed", detail=f"you may not: {', '.join(lacking)}", fix=fix)


def _version(offered: Offered) -> Check:
    from importlib.metadata import version

    here = version("bedplate")
    if here == offered.version:
        return _ok("version", f"bedplate {here}, as the platform's")
    detail = f"bedplate {here}, and the platform's is {offered.version}"
    return Check(name="version", outcome="warning", detail=detail, fix=f"pip install bedplate=={offered.version}")


def _builds(offered: Offered) -> Check:
    if offered.registry and offered.builds:
        return _ok("builds", f"in the cluster; images are {offered.registry}/<app>")
    fix = "name an image: bedplate deploy --image REF; or ask your platform team for `images.builds` in the stack file"
    return Check(name="builds", outcome="warning", detail="the cluster builds no images of your tenant", fix=fix)


def _way_in(offered: Offered) -> Check:
    if offered.has_front_door:
        return _ok("front door", f"<app>-{offered.tenant}.{offered.domain}")
    fix = "apps are reached inside their tenant; ask your platform team for `certificates` in the stack file"
    return Check(name="front door", outcome="warning", detail="the platform has none", fix=fix)


def _quotas(cluster: Cluster) -> Iterator[Check]:
    from bedplate.kubernetes.quantities import quantity

    for quota in cluster.list("ResourceQuota"):
        status = quota.get("status") or NOTHING
        hard, used = status.get("hard") or NOTHING, status.get("used") or NOTHING
        full = [
            f"{resource} {used[resource]} of {limit}"
            for resource, limit in hard.items()
            if quantity(str(limit)) > 0 and quantity(str(used.get(resource, "0"))) >= 0.95 * quantity(str(limit))
        ]
        name = f"quota {quota['metadata']['name']}"
        if full:
            fix = "destroy what nobody needs, or have the quota raised in the tenant's file"
            yield Check(name=name, outcome="warning", detail=f"full: {', '.join(full)}", fix=fix)
        elif quota["metadata"]["name"] == "tenant":
            shown = [
                f"{key} {used.get(key, '0')} of {hard[key]}"
                for key in ("requests.cpu", "requests.memory")
                if key in hard
            ]
            yield _ok(name, ", ".join(shown))
