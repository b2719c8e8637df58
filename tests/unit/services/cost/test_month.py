"""A month with known prices adds up to the cent, by Prometheus' own evaluation of the rules.

Expected sums are made here in exact decimals, from the minutes in which each pod is there. promtool begins at
1970-01-01, so the month is that January, and whole.
"""

import json
import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from bedplate.clouds import MachineShape, OwnPrices, PoolPrices, pool_prices
from bedplate.kubernetes import rules_file
from bedplate.services.cost.rules import COST_RULES, MONTH_RULES, price_rules
from programs_under_test import program_under_test

MINUTES = 31 * 24 * 60
OWN = OwnPrices(
    cpu_core_hour=0.03,
    memory_gib_hour=0.004,
    accelerators={"nvidia-h100": 2.5, "nvidia-a100-80gb": 1.75, "nvidia-l4": 0.7},
    spot_share=0.4,
)
CENT = Decimal("0.01")


def pool(cpu: int, memory_gib: int, accelerator: str | None = None, gpus: int = 0, is_spot: bool = False) -> PoolPrices:
    shape = MachineShape(machine_type="", cpu=cpu, memory_gib=memory_gib, gpus=gpus)
    prices = pool_prices(shape, accelerator, is_spot=is_spot, own=OWN, listed=None)
    assert prices
    return prices


ACCELERATORS = {"h100": "nvidia-h100", "a100": "nvidia-a100-80gb", "l4": "nvidia-l4", "general": ""}
POOLS = {
    "h100": pool(192, 2048, "nvidia-h100", 8),
    "a100": pool(48, 640, "nvidia-a100-80gb", 4, is_spot=True),
    "l4": pool(8, 32, "nvidia-l4", 1),
    "general": pool(32, 128),
}
STORAGE_GIB_MONTH = 0.1


@dataclass(frozen=True, kw_only=True)
class Run:
    """A pod, and the minutes in which it is there, the last one included."""

    name: str
    of: tuple[str, str, str]
    pool: str
    first: int
    last: int
    cpu: float
    memory_gib: float
    devices: dict[str, int] = field(default_factory=dict[str, int])
    gpus: Fraction = Fraction(0)
    """In whole GPUs, worked out by hand."""
    init_cpu: float = 0

    def cost(self) -> Fraction:
        prices = {"general": 1, "h100": 1, "l4": 1, "a100": Fraction(2, 5)}[self.pool]
        gpu = Fraction({"h100": "2.5", "a100": "1.75", "l4": "0.7", "general": "0"}[self.pool])
        cpu = Fraction(str(max(self.cpu, self.init_cpu))) * Fraction("0.03")
        hourly = cpu + Fraction(str(self.memory_gib)) * Fraction("0.004") + self.gpus * gpu
        return hourly * prices * (self.last - self.first + 1) / 60


ALICE, BOB, SAM = "alice_at_example.com", "bob_at_example.com", "sam_at_example.com"
NIGHTLY = [
    Run(
        name=f"nightly-{day}",
        of=("search", "index", SAM),
        pool="general",
        first=day * 1440 + 61,
        last=day * 1440 + 61 + 7 * day,
        cpu=3,
        memory_gib=12,
        init_cpu=4 if day % 2 else 1,
    )
    for day in range(31)
]
TRAIN = Run(
    name="train",
    of=("vision", "resnet", ALICE),
    pool="h100",
    first=600,
    last=20_003,
    cpu=96,
    memory_gib=512,
    devices={"nvidia_com_gpu": 8},
    gpus=Fraction(8),
)
SLICE = Run(
    name="slice",
    of=("search", "index", ALICE),
    pool="a100",
    first=1000,
    last=3456,
    cpu=4,
    memory_gib=40,
    devices={"nvidia_com_mig_1g_10gb": 2},
    gpus=Fraction(2, 7),
)
HALF = Run(
    name="half",
    of=("search", "search", SAM),
    pool="a100",
    first=1440,
    last=2000,
    cpu=4,
    memory_gib=40,
    devices={"nvidia_com_mig_3g_40gb": 1},
    gpus=Fraction(1, 2),
)
SHARED = Run(
    name="shared",
    of=("vision", "vision", ALICE),
    pool="l4",
    first=7,
    last=40_000,
    cpu=1,
    memory_gib=4,
    devices={"nvidia_com_gpu_shared": 1},
    gpus=Fraction(1, 4),
)
SERVE = Run(name="serve", of=("vision", "vision", BOB), pool="general", first=1, last=MINUTES, cpu=2.5, memory_gib=7)
RUNS = [TRAIN, SERVE, *NIGHTLY, SLICE, HALF, SHARED]
CLAIM_GIB = 250


def values(first: int, last: int, value: float = 1) -> str:
    """The samples of one look a minute: nothing, the value, and then the end, as kube-state-metrics shows it."""
    before = f"_x{first} " if first else ""
    after = " stale" if last < MINUTES else ""
    return f"{before}{value}x{last - first}{after}"


def series() -> list[dict[str, str]]:
    lines: list[dict[str, str]] = []

    def add(metric: str, labels: dict[str, str], samples: str) -> None:
        inside = ",".join(f'{key}="{text}"' for key, text in labels.items() if text)
        lines.append({"series": f"{metric}{{{inside}}}", "values": samples})

    for name, accelerator in ACCELERATORS.items():
        labels = {"node": name, "label_bedplate_dev_pool": name, "label_bedplate_dev_accelerator": accelerator}
        # Two replicas of kube-state-metrics say everything twice.
        add("kube_node_labels", {**labels, "instance": "a"}, values(0, MINUTES))
        add("kube_node_labels", {**labels, "instance": "b"}, values(0, MINUTES))
    shared = {"node": "l4", "resource": "nvidia_com_gpu_shared"}
    add("kube_node_status_capacity", shared, values(0, MINUTES, 4))
    for run in RUNS:
        tenant, project, owner = run.of
        pod = {"namespace": tenant, "pod": run.name}
        there = (run.first, run.last)
        add("kube_pod_info", {**pod, "node": run.pool, "uid": run.name}, values(*there))
        add("kube_pod_status_phase", {**pod, "phase": "Running"}, values(*there))
        owned = {"tenant": tenant, "project": project, "owner": owner, "workload": run.name}
        labels = {f"label_bedplate_dev_{key}": text for key, text in owned.items()}
        add("kube_pod_labels", {**pod, **labels}, values(*there))
        requests = {"cpu": run.cpu, "memory": run.memory_gib * 2**30, **run.devices}
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
        add("kube_pod_info", {**pod, "node": node}, values(0, MINUTES))
        add("kube_pod_status_phase", {**pod, "phase": phase}, values(0, MINUTES))
        add("kube_pod_labels", {**pod, "label_bedplate_dev_tenant": "vision"}, values(0, MINUTES))
        add("kube_pod_container_resource_requests", {**pod, "container": "c", "resource": "cpu"}, values(0, MINUTES, 9))
    claim = {"namespace": "vision", "persistentvolumeclaim": "data"}
    add("kube_persistentvolumeclaim_info", {**claim, "storageclass": "standard"}, values(0, MINUTES))
    add("kube_persistentvolumeclaim_resource_requests_storage_bytes", claim, values(0, MINUTES, CLAIM_GIB * 2**30))
    add("kube_persistentvolumeclaim_status_phase", {**claim, "phase": "Bound"}, values(0, MINUTES))
    owned = {"label_bedplate_dev_tenant": "vision", "label_bedplate_dev_project": "vision"}
    add("kube_persistentvolumeclaim_labels", {**claim, **owned, "label_bedplate_dev_owner": BOB}, values(0, MINUTES))
    return lines


def expected() -> dict[tuple[str, str, str], Fraction]:
    costs: dict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
    for run in RUNS:
        costs[run.of] += run.cost()
    costs["vision", "vision", BOB] += Fraction(CLAIM_GIB) * Fraction("0.1") / 730 * Fraction(MINUTES, 60)
    return costs


def to_the_cent(value: Fraction) -> Decimal:
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(CENT)


def by(position: int) -> dict[str, Fraction]:
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for whose, cost in expected().items():
        sums[whose[position]] += cost
    return sums


def expression(name: str) -> str:
    (rule,) = [rule for rule in MONTH_RULES.rules if rule.name == name]
    return getattr(rule, "expression")  # noqa: B009 - alerts have one too


def promtool(folder: Path, tests: dict[str, Any]) -> "subprocess.CompletedProcess[str]":
    (folder / "tests.yaml").write_text(json.dumps(tests))
    command = [str(program_under_test("promtool")), "test", "rules", str(folder / "tests.yaml")]
    return subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    groups = [price_rules(POOLS, {"standard": STORAGE_GIB_MONTH}), COST_RULES]
    (folder / "rules.yaml").write_text(rules_file(groups))
    return folder


def asked(expr: str, samples: dict[str, Decimal], minutes: int) -> dict[str, Any]:
    wanted = [{"labels": labels, "value": float(value)} for labels, value in sorted(samples.items())]
    return {"expr": expr, "eval_time": f"{minutes}m", "exp_samples": wanted}


def test_a_month_adds_up_to_the_cent(rules: Path) -> None:
    month, before = expression("bedplate:month_cost"), expression("bedplate:previous_month_cost")
    rounded = "round(sum by ({}) ({}) * 100) / 100"
    questions = [
        asked(
            rounded.format(key, month),
            {f'{{{key}="{name}"}}': to_the_cent(cost) for name, cost in by(position).items()},
            MINUTES,
        )
        for position, key in enumerate(("tenant", "project", "owner"))
    ]
    total = to_the_cent(sum(expected().values(), Fraction(0)))
    questions.append(asked(f"round(sum({month}) * 100) / 100", {"{}": total}, MINUTES))
    # Two minutes into February it is the month before, whole, and February has cost nothing yet.
    questions.append(asked(f"round(sum({before}) * 100) / 100", {"{}": total}, MINUTES + 2))
    questions.append(asked(month, {}, MINUTES + 2))
    # Nodes cost what pods cost and what is nobody's.
    nodes = "sum_over_time(sum(bedplate:node_cost_hour{})[31d:1h])"
    nobodys = "sum_over_time(sum(bedplate:node_unallocated_hour)[31d:1h])"
    pods = 'sum_over_time(sum(bedplate:cost_hour{of!="storage_gib"})[31d:1h])'
    questions.append(asked(f"round(({nodes} - {nobodys} - {pods}) * 100) / 100", {"{}": Decimal(0)}, MINUTES))
    tests = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series(), "promql_expr_test": questions}],
    }
    done = promtool(rules, tests)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
