"""A month with known prices adds up to the cent, by Prometheus' own evaluation of the rules.

Expected sums are made here in exact fractions, from the looks at which each pod is there. promtool begins at
1970-01-01, so the month is that January, and whole. It is looked at every ten minutes, because promtool takes two
minutes for a month of minutes; two days are looked at every minute, as in a cluster.
"""

import json
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from bedplate.clouds import PoolPrices
from bedplate.clouds.contract import NodePoolSpec
from bedplate.clouds.existing import ExistingClusterSpec
from bedplate.config import prices_of
from bedplate.kubernetes import rules_file
from bedplate.services.cost.rules import MONTH_RULES, cost_rules, price_rules
from bedplate.services.cost.spec import CostSpec
from harness import MINIMAL
from programs_under_test import program_under_test

CENT = Decimal("0.01")
COST = CostSpec.model_validate(
    {
        "prices": {
            "cpuCoreHour": 0.03,
            "memoryGibHour": 0.004,
            "accelerators": {"nvidia-h100": 2.5, "nvidia-a100-80gb": 1.75, "nvidia-l4": 0.7},
            "spotShare": 0.4,
        }
    }
)
CLOUD = ExistingClusterSpec.model_validate(MINIMAL["cloud"])
WRITTEN: dict[str, dict[str, Any]] = {
    "h100": {"accelerator": "nvidia-h100", "count": 8, "machine": {"cpu": 192, "memoryGib": 2048}},
    "a100": {
        **{"accelerator": "nvidia-a100-80gb", "count": 4, "machine": {"cpu": 48, "memoryGib": 640}},
        **{"sharing": {"mig": "1g.10gb"}, "spot": True},
    },
    "l4": {
        **{"accelerator": "nvidia-l4", "count": 1, "machine": {"cpu": 8, "memoryGib": 32}},
        **{"sharing": {"timeSlicing": 4}},
    },
    "general": {"machine": {"cpu": 32, "memoryGib": 128}},
}
POOL_SPECS = {name: NodePoolSpec.model_validate({**pool, "max": 1}) for name, pool in WRITTEN.items()}
POOLS: dict[str, PoolPrices] = dict(prices_of(COST, CLOUD, POOL_SPECS))
STORAGE_GIB_MONTH = 0.1


@dataclass(frozen=True, kw_only=True)
class Run:
    """A pod, and the looks at which it is there, the last one included. gpus: those that it asks for, parts too."""

    name: str
    of: tuple[str, str, str]
    pool: str
    first: int
    last: int
    cpu: float
    memory_gib: float
    gpus: int = 0
    init_cpu: float = 0

    def cost(self, looks_an_hour: int) -> Fraction:
        """By prices worked out by hand: a seventh of an A100, a quarter of an L4."""
        share = Fraction(2, 5) if self.pool == "a100" else 1
        whole = {"h100": "2.5", "a100": "1.75", "l4": "0.7", "general": "0"}[self.pool]
        gpu = Fraction(whole) / {"a100": 7, "l4": 4}.get(self.pool, 1)
        cpu = Fraction(str(max(self.cpu, self.init_cpu))) * Fraction("0.03")
        hourly = cpu + Fraction(str(self.memory_gib)) * Fraction("0.004") + self.gpus * gpu
        return hourly * share * (self.last - self.first + 1) / looks_an_hour


@dataclass(frozen=True, kw_only=True)
class Time:
    """Looks from the first of January on."""

    look_minutes: int
    days: int
    runs: Sequence[Run]

    @property
    def looks(self) -> int:
        return self.days * 24 * self.looks_an_hour

    @property
    def looks_an_hour(self) -> int:
        return 60 // self.look_minutes


ALICE, BOB, SAM = "alice_at_example.com", "bob_at_example.com", "sam_at_example.com"
NIGHTLY = [
    Run(
        name=f"nightly-{day}",
        of=("search", "index", SAM),
        pool="general",
        first=day * 144 + 7,
        last=day * 144 + 7 + day,
        cpu=3,
        memory_gib=12,
        init_cpu=4 if day % 2 else 1,
    )
    for day in range(31)
]
TRAIN = Run(
    name="train", of=("vision", "resnet", ALICE), pool="h100", first=60, last=2003, cpu=96, memory_gib=512, gpus=8
)
PARTS = Run(name="parts", of=("search", "index", ALICE), pool="a100", first=100, last=345, cpu=4, memory_gib=40, gpus=2)
TURNS = Run(name="turns", of=("vision", "vision", ALICE), pool="l4", first=1, last=4000, cpu=1, memory_gib=4, gpus=1)
SERVE = Run(name="serve", of=("vision", "vision", BOB), pool="general", first=1, last=31 * 144, cpu=2.5, memory_gib=7)
MONTH = Time(look_minutes=10, days=31, runs=[TRAIN, SERVE, *NIGHTLY, PARTS, TURNS])
TWO_DAYS = Time(
    look_minutes=1,
    days=2,
    runs=[
        replace(TRAIN, first=61, last=1333),
        replace(PARTS, first=59, last=60),
        replace(TURNS, first=600, last=2880),
        replace(NIGHTLY[1], first=2, last=2),
        replace(NIGHTLY[2], first=119, last=121),
    ],
)
CLAIM_GIB = 250


def values(first: int, last: int, end: int, value: float = 1) -> str:
    """The samples of the looks: nothing, the value, and then the end, as kube-state-metrics shows it."""
    before = f"_x{first} " if first else ""
    after = " stale" if last < end else ""
    return f"{before}{value}x{last - first}{after}"


def series(time: Time) -> list[dict[str, str]]:
    lines: list[dict[str, str]] = []

    def always(value: float = 1) -> str:
        return values(0, time.looks, time.looks, value)

    def add(metric: str, labels: dict[str, str], samples: str) -> None:
        inside = ",".join(f'{key}="{text}"' for key, text in labels.items() if text)
        lines.append({"series": f"{metric}{{{inside}}}", "values": samples})

    for name, pool in POOL_SPECS.items():
        labels = {"node": name, "label_bedplate_dev_pool": name, "label_bedplate_dev_accelerator": pool.offers or ""}
        # Two replicas of kube-state-metrics say everything twice.
        add("kube_node_labels", {**labels, "instance": "a"}, always())
        add("kube_node_labels", {**labels, "instance": "b"}, always())
    for run in time.runs:
        tenant, project, owner = run.of
        pod = {"namespace": tenant, "pod": run.name}
        there = (run.first, run.last, time.looks)
        add("kube_pod_info", {**pod, "node": run.pool, "uid": run.name}, values(*there))
        add("kube_pod_status_phase", {**pod, "phase": "Running"}, values(*there))
        owned = {"tenant": tenant, "project": project, "owner": owner, "workload": run.name}
        labels = {f"label_bedplate_dev_{key}": text for key, text in owned.items()}
        add("kube_pod_labels", {**pod, **labels}, values(*there))
        requests = {"cpu": run.cpu, "memory": run.memory_gib * 2**30}
        if run.gpus:
            requests["nvidia_com_gpu"] = run.gpus
        for resource, amount in requests.items():
            container = {**pod, "container": "main", "node": run.pool, "resource": resource}
            for instance in ("a", "b"):
                add("kube_pod_container_resource_requests", {**container, "instance": instance}, values(*there, amount))
        if run.init_cpu:
            container = {**pod, "container": "init", "node": run.pool, "resource": "cpu"}
            add("kube_pod_init_container_resource_requests", container, values(*there, run.init_cpu))
    # A finished pod that nobody removed, and one that waits for a node, cost nothing.
    for name, node, phase in (("done", "general", "Succeeded"), ("waiting", "", "Pending")):
        pod = {"namespace": "vision", "pod": name}
        add("kube_pod_info", {**pod, "node": node}, always())
        add("kube_pod_status_phase", {**pod, "phase": phase}, always())
        add("kube_pod_labels", {**pod, "label_bedplate_dev_tenant": "vision"}, always())
        add("kube_pod_container_resource_requests", {**pod, "container": "c", "resource": "cpu"}, always(9))
    claim = {"namespace": "vision", "persistentvolumeclaim": "data"}
    add("kube_persistentvolumeclaim_info", {**claim, "storageclass": "standard"}, always())
    add("kube_persistentvolumeclaim_resource_requests_storage_bytes", claim, always(CLAIM_GIB * 2**30))
    add("kube_persistentvolumeclaim_status_phase", {**claim, "phase": "Bound"}, always())
    owned = {"label_bedplate_dev_tenant": "vision", "label_bedplate_dev_project": "vision"}
    add("kube_persistentvolumeclaim_labels", {**claim, **owned, "label_bedplate_dev_owner": BOB}, always())
    return lines


def expected(time: Time) -> dict[tuple[str, str, str], Fraction]:
    costs: dict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
    for run in time.runs:
        costs[run.of] += run.cost(time.looks_an_hour)
    costs["vision", "vision", BOB] += Fraction(CLAIM_GIB) * Fraction("0.1") / 730 * time.days * 24
    return costs


def to_the_cent(value: Fraction) -> Decimal:
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(CENT)


def by(time: Time, position: int) -> dict[str, Fraction]:
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for whose, cost in expected(time).items():
        sums[whose[position]] += cost
    return sums


def expression(name: str) -> str:
    (rule,) = [rule for rule in MONTH_RULES.rules if rule.name == name]
    return getattr(rule, "expression")  # noqa: B009 - alerts have one too


def promtool(folder: Path, time: Time, questions: list[dict[str, Any]]) -> str:
    """What promtool finds wrong, or nothing."""
    groups = [price_rules(POOLS, {"standard": STORAGE_GIB_MONTH}), cost_rules(time.look_minutes * 60)]
    (folder / "rules.yaml").write_text(rules_file(groups))
    step = f"{time.look_minutes}m"
    test = {"interval": step, "input_series": series(time), "promql_expr_test": questions}
    tests = {"rule_files": ["rules.yaml"], "evaluation_interval": step, "tests": [test]}
    (folder / "tests.yaml").write_text(json.dumps(tests))
    command = [str(program_under_test("promtool")), "test", "rules", str(folder / "tests.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    return "" if done.returncode == 0 else (done.stdout + done.stderr)[-6000:]


def asked(expr: str, samples: dict[str, Decimal], minutes: int) -> dict[str, Any]:
    wanted = [{"labels": labels, "value": float(value)} for labels, value in sorted(samples.items())]
    return {"expr": expr, "eval_time": f"{minutes}m", "exp_samples": wanted}


def to_whom(time: Time, month: str, minutes: int) -> list[dict[str, Any]]:
    """What each has to pay, to the cent, and all together."""
    questions = [
        asked(
            f"round(sum by ({key}) ({month}) * 100) / 100",
            {f'{{{key}="{name}"}}': to_the_cent(cost) for name, cost in by(time, position).items()},
            minutes,
        )
        for position, key in enumerate(("tenant", "project", "owner"))
    ]
    total = to_the_cent(sum(expected(time).values(), Fraction(0)))
    return [*questions, asked(f"round(sum({month}) * 100) / 100", {"{}": total}, minutes)]


def test_a_month_adds_up_to_the_cent(tmp_path: Path) -> None:
    month, before = expression("bedplate:month_cost"), expression("bedplate:previous_month_cost")
    end = MONTH.days * 24 * 60
    # Two minutes into February it is the month before, whole, and February has cost nothing yet.
    questions = [*to_whom(MONTH, month, end), *to_whom(MONTH, before, end + 2), asked(month, {}, end + 2)]
    # Nodes cost what pods cost and what is nobody's.
    nodes = "sum_over_time(sum(bedplate:node_cost_hour{})[31d:1h])"
    nobodys = "sum_over_time(sum(bedplate:node_unallocated_hour)[31d:1h])"
    pods = 'sum_over_time(sum(bedplate:cost_hour{of!="storage_gib"})[31d:1h])'
    questions.append(asked(f"round(({nodes} - {nobodys} - {pods}) * 100) / 100", {"{}": Decimal(0)}, end))
    assert promtool(tmp_path, MONTH, questions) == ""


def test_a_look_a_minute_adds_up_to_the_cent(tmp_path: Path) -> None:
    questions = to_whom(TWO_DAYS, expression("bedplate:month_cost"), TWO_DAYS.days * 24 * 60)
    assert promtool(tmp_path, TWO_DAYS, questions) == ""
