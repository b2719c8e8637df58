"""One platform on three clouds: what differs above the cluster, as the page that the documentation includes.

Renew with `pytest tests/stacks --update-snapshots`, and review the difference like code.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from bedplate.engine.resources import RELEASE_TYPE, hidden
from bedplate.plans.planning import written_platform
from harness import ROOT, record

CLOUDS = {"aws": "AWS", "azure": "Azure", "gcp": "Google Cloud"}
PAGE = ROOT / "docs" / "reference" / "clouds.md"
_SHOWN = 60
_INTRO = """<!-- Written by tests/stacks/test_parity.py; `pytest tests/stacks --update-snapshots` renews it. -->
# What differs above the cluster

One platform (the tenants, pools and guardrails of `stacks/Pulumi.azure.yaml`) with the `cloud:` section of each
cloud's stack. Of {objects} objects and charts above the cluster, {same} are the same on all three clouds, every object
of every tenant among them but for the names under which its groups come and what grants of buckets and stores of
secrets need. The rest differs in what a cluster's facts say. A dash: there is none.

| object | field | AWS | Azure | Google Cloud |
|---|---|---|---|---|
{rows}
"""

BY_GRANTS = ("NetworkPolicy fine-tune-buckets", "ServiceAccount fine-tune", "CronJob fine-tune")
"""Of the workload that has grants."""
BY_STORES = (
    "SecretStore bedplate-secret-store",
    "ServiceAccount bedplate-secret-store",
    "ExternalSecret eta-external",
)
"""Where and as whom a tenant's external secrets are read, and how the cloud writes its prefix in their names."""
Objects = dict[str, dict[str, Any]]


def on_the_cluster(cloud: str) -> Objects:
    """All objects and charts, with their fields, under names that say what they are."""
    platform = written_platform(ROOT / "stacks" / "Pulumi.azure.yaml")
    section = written_platform(ROOT / "stacks" / f"Pulumi.{cloud}.yaml")["cloud"]
    found: Objects = {}
    for resource in record({**platform, "cloud": section}).resources:
        inputs = hidden(resource.inputs)
        if resource.is_kubernetes_object:
            metadata = inputs["metadata"]
            where = f" in {metadata['namespace']}" if "namespace" in metadata else ""
            found[f"{inputs['kind']} {metadata['name']}{where}"] = dict(flat("", inputs))
        elif resource.type == RELEASE_TYPE:
            found[f"chart {inputs['name']} in {inputs['namespace']}"] = dict(flat("", inputs))
    return found


def flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key in sorted(value):
            yield from flat(f"{path}.{key}".removeprefix("."), value[key])
    elif isinstance(value, list) and value:
        for name, item in zip(called(value), value, strict=True):
            yield from flat(f"{path}[{name}]", item)
    else:
        yield path, value


def called(items: list[Any]) -> list[Any]:
    """Of alerts, what they are called: one that a cloud lacks moves no other. Of all else, the places in the list."""
    alerts = [item.get("alert") if isinstance(item, dict) else None for item in items]
    return list(range(len(items))) if None in alerts else alerts


@pytest.fixture(scope="module")
def clouds() -> dict[str, Objects]:
    return {cloud: on_the_cluster(cloud) for cloud in CLOUDS}


def differing(clouds: dict[str, Objects]) -> list[str]:
    names = {name for objects in clouds.values() for name in objects}
    return sorted(
        name for name in names if any(objects.get(name) != clouds["aws"].get(name) for objects in clouds.values())
    )


def rows(clouds: dict[str, Objects]) -> Iterator[tuple[str, str, list[Any]]]:
    for name in differing(clouds):
        sides = [clouds[cloud].get(name) for cloud in CLOUDS]
        if None in sides:
            yield name, "", ["there" if side else None for side in sides]
            continue
        fields = {field for side in sides if side for field in side}
        for field in sorted(fields):
            values = [side.get(field) for side in sides if side is not None]
            if values != [values[0]] * len(values):
                yield name, field, values


def folded(found: Iterator[tuple[str, str, list[Any]]]) -> Iterator[tuple[str, str, list[Any]]]:
    """An alert that a cloud lacks as one row, and what is the same in many namespaces as one."""
    places: dict[tuple[str, str, str], list[str]] = {}
    values_of: dict[tuple[str, str, str], list[Any]] = {}
    for name, field, values in found:
        object_name, _, place = name.partition(" in ")
        if None in values and (alert := re.match(r".*\[[A-Z]\w+\]", field)):
            field, values = alert[0], [None if value is None else "there" for value in values]
        row = (object_name, field, json.dumps(values))
        values_of[row] = values
        if place not in places.setdefault(row, []):
            places[row].append(place)
    for row, where in places.items():
        object_name, field, _ = row
        place = f" in {', '.join(where)}" if where[0] else ""
        yield f"{object_name}{place}", field, values_of[row]


def shown(value: Any) -> str:
    if value is None:
        return "–"
    text = value.replace("\n", " ") if isinstance(value, str) else json.dumps(value)
    text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return text.replace("|", "\\|")


def test_every_tenant_is_the_same_on_every_cloud(clouds: dict[str, Objects]) -> None:
    """But for the platform's own services, whose namespaces begin with bedplate-, and what has no namespace.

    And for what an API server puts before the groups of a provider, for the cloud's own cache of names, for what
    makes the pods of a workload with grants act as an identity of the cloud, and for network cards that pods ask for.
    """
    of_tenants = [name for name in differing(clouds) if " in " in name and " in bedplate-" not in name]
    by_facts = ("RoleBinding members in ", "NetworkPolicy dns in ", "ResourceQuota tenant in ", *BY_GRANTS, *BY_STORES)
    others = [name for name in of_tenants if not name.startswith(by_facts)]
    assert others == []
    fields = {field for name, field, _ in rows(clouds) if name in of_tenants}
    decided = (
        r"subjects\[\d+\]\.name|spec\.egress\[0\]\.to\[\d+\](\.ipBlock(\.cidr)?)?"
        r"|spec\.egress\[0\]\.ports.*|metadata\.annotations\.(eks\.amazonaws\.com/role-arn|azure\.workload\..*)"
        r"|spec\..*\.template\.metadata\.labels\.azure\.workload\.identity/use"
        r"|spec\.hard\.requests\.vpc\.amazonaws\.com/efa"
        r"|spec\.provider\.(aws|azurekv|gcpsm)\..*|spec\.data\[\d+\]\.remoteRef\.key"
    )
    assert [field for field in fields if not re.fullmatch(decided, field)] == []


def test_nothing_else_differs_than_what_facts_decide(clouds: dict[str, Objects]) -> None:
    kinds = {name.partition(" in ")[0] for name in differing(clouds)}
    services = (
        *("nvidia-device-plugin", "efa-device-plugin", "dcgm-exporter", "cluster-autoscaler"),
        *("bedplate-gpu", "bedplate-gpu-metrics", "bedplate-autoscaling"),
    )
    decided = {
        "StorageClass bedplate-deleted",
        "StorageClass bedplate-retained",
        "StorageClass bedplate-shared",
        "ClusterIssuer bedplate-letsencrypt",
        "chart cert-manager",
        "Service traefik",
        "Service ssh-gate",
        "RoleBinding members",
        "NetworkPolicy dns",
        "ResourceQuota tenant",
        "ValidatingAdmissionPolicy bedplate-guardrails",
        *BY_GRANTS,
        *BY_STORES,
        "PrometheusRule bedplate",
        "PrometheusRule bedplate-prices",
    }
    of_services = {name for name in kinds if name.endswith(services)}
    in_their_namespaces = {
        name.partition(" in ")[0]
        for name in differing(clouds)
        if name.endswith((" in bedplate-gpu", " in bedplate-gpu-metrics", " in bedplate-autoscaling"))
    }
    assert kinds - decided - of_services - in_their_namespaces == set()


def test_the_page_shows_every_difference(clouds: dict[str, Objects], request: pytest.FixtureRequest) -> None:
    lines = [
        f"| {name} | {f'`{field}`' if field else 'all of it'} | {' | '.join(shown(value) for value in values)} |"
        for name, field, values in folded(rows(clouds))
    ]
    names = {name for objects in clouds.values() for name in objects}
    same = len(names) - len(differing(clouds))
    page = _INTRO.format(objects=len(names), same=same, rows="\n".join(lines))
    if request.config.getoption("--update-snapshots"):
        PAGE.write_text(page)
    assert PAGE.read_text() == page
