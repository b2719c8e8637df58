"""Each threshold, comparison, window and guard of the rules is one that a scenario would miss.

A mutant is the rules with one place changed; the scenario that is named must find it out.
"""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bedplate.kubernetes import Alert, RuleGroup
from programs_under_test import program_under_test
from unit.services.idle.scenarios import SCENARIOS, Scenario
from unit.services.idle.test_rules import groups, judged

A100, CPU, TRAINING, READER = "IDLE-1", "IDLE-2", "IDLE-6", "IDLE-7"
DOWNLOAD, TELLS, NO_GPU, GPU_BACK = "IDLE-8", "IDLE-9", "missing DCGM", "a GPU that is missing"
NO_FIGURES, NO_TRAEFIK, BACK, WAKES = "missing CPU", "Traefik not scraped", "Prometheus just back", "the first 503"
STRANGER, OLD_SERIES, NEW_TRAEFIK = "who is not let in", "the series of a Traefik", "a Traefik that has just started"
DOWN, NO_GPU_AFTER, NO_CPU_AFTER, NO_TRAFFIC_AFTER, UNREAD = (
    f"Prometheus was down itself{what}"
    for what in (": what", ", and the GPU", ", and CPU", ", and traffic", ", and Traefik")
)
KEPT, STARTED, NO_KSM, BY_HAND, KEDA = "keep-alive", "somebody starts", "kube-state", "a woken one", "KEDA down"
UNTOLD = "sessions by SSH that nobody counts"
KEPT_GPUS = "GPUs that nothing stops"
Mutant = tuple[str, str, str, str]
MUTANTS: tuple[Mutant, ...] = (
    ("workspace", "[5m]", "[1m]", NO_KSM),
    ("workspace_replicas", "kube_statefulset_replicas", "kube_statefulset_status_replicas", READER),
    ("workspace_replicas", "kube_deployment_spec_replicas", "kube_deployment_status_replicas", "a Deployment"),
    ("workspace_pod", "(.+)", "(.)", READER),
    ("front_door_read", "== 1", ">= 0", NO_TRAEFIK),
    ("front_door_read", ">= 3", ">= 0", OLD_SERIES),
    ("front_door_read", "- 45", "- 450", "one minute without Prometheus"),
    ("workspace_network_bytes_per_second", "_receive_", "_transmit_", "one way"),
    ("workspace_network_bytes_per_second", "_transmit_", "_receive_", "one way"),
    ("workspace_cpu_percent", "100 *", "1 *", CPU),
    ("workspace_cpu_percent", "{container!=\"\"}", "{container=\"\"}", CPU),
    ("workspace_gpu_percent", "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED", TRAINING),
    ("workspace_gpu_percent", "100 * max_over_time", "max_over_time", "a part of a GPU"),
    ("workspace_gpu_percent", "max_over_time(DCGM_FI_DEV", "min_over_time(DCGM_FI_DEV", "a GPU that works"),
    ("workspace_measured", "> 0 and", "> 1 and", READER),
    ("workspace_measured", "bedplate:workspace_network_bytes_per_second", "bedplate:workspace_replicas", NO_FIGURES),
    ("workspace_measured", "bytes_per_second) >= time() - 45", "bytes_per_second) >= time() - 450", NO_TRAFFIC_AFTER),
    ("workspace_measured", "bedplate:workspace_cpu_percent", "bedplate:workspace_replicas", NO_FIGURES),
    ("workspace_measured", "cpu_percent) >= time() - 45", "cpu_percent) >= time() - 450", NO_CPU_AFTER),
    ("workspace_measured", "gpu_percent) >= time() - 45", "gpu_percent) >= time() - 450", NO_GPU_AFTER),
    ("workspace_measured", "door_read) >= time() - 45", "door_read) >= time() - 450", UNREAD),
    ("workspace_measured", "bedplate_workspace_gpus > 0", "bedplate_workspace_gpus > 1", NO_GPU),
    ("workspace_measured", " and on () (timestamp(bedplate:front_door_read) >= time() - 45)", "", NO_TRAEFIK),
    ("workspace_measured", "[2h]", "[120s]", UNTOLD),
    ("workspace_measured", "_sessions[120s]", "_sessions[12000s]", UNTOLD),
    ("requests", "> 0 or", "> 1000 or", READER),
    ("requests", " or ((traefik", " unless ((traefik", WAKES),
    ("requests", "[_-].+@kubernetescrd", "_.+@kubernetescrd", WAKES),
    ("requests", "(.+)[_-](?:", "([^.]+).*[_-](?:", TELLS),
    ("requests", ", protocol=\"http\"", "", TELLS),
    ("requests", "302|", "", STRANGER),
    ("requests", "|401", "", STRANGER),
    ("requests", "|403", "", STRANGER),
    ("requests", "|429", "", STRANGER),
    ("requests", "up{job=\"traefik\"} offset 120s == 1", "up{job=\"traefik\"} == 1", OLD_SERIES),
    ("requests", "< 120", "< 0", NEW_TRAEFIK),
    ("requests", "< 120", "< 12000", OLD_SERIES),
    ("network", "> 2000", "> 2000000000", DOWNLOAD),
    ("network", "> 2000", "> 10", DOWNLOAD),
    ("cpu", "> 5", "> 7", CPU),
    ("cpu", "> 5", "> 3", CPU),
    ("gpu", "> 5", "> 99", TRAINING),
    ("gpu", "> 5", ">= 0", A100),
    ("kernels", "> 0", "> 5", TELLS),
    ("ssh", "> 0", ">= 0", TELLS),
    ("ssh", "> 0", "> 1", TELLS),
    ("started", "- 120", "- 1", STARTED),
    ("started", "- 120", "- 12000", STARTED),
    ("started", " <= time()", "", "somebody says a time to come"),
    ("unmeasured", "> 0 unless", ">= 0 unless", NO_GPU),
    ("unmeasured", " and (timestamp(bedplate:workspace_measured offset 60s) >= time() - 105)", "", GPU_BACK),
    ("unmeasured", ">= time() - 105)", ">= time() - 450)", DOWN),
    ("workspace_active", "max by (namespace, workspace) (bedplate:workspace_signal) or", "", READER),
    ("workspace_active", "bedplate:workspace_measured * 0 or", "", READER),
    ("workspace_active", "bedplate:workspace_measured * 0", "bedplate:workspace_replicas * 0", NO_TRAEFIK),
    ("workspace_active", " and on () (timestamp(bedplate:front_door_read) >= time() - 45)", "", NO_TRAEFIK),
    ("workspace_active", "door_read) >= time() - 45", "door_read) >= time() - 450", UNREAD),
    ("workspace_last_active_seconds", "- 90", "- 400", READER),
    ("workspace_last_active_seconds", "- 90", "+ 90", READER),
    ("workspace_last_active_seconds", " or (bedplate:", " unless (bedplate:", READER),
    ("workspace_last_active_seconds", "(bedplate:workspace_replicas > 0)", "bedplate:workspace", "what somebody"),
    ("workspace_idle_seconds", "time() -", "time() - 600 -", READER),
    ("workspace_stops_in_seconds", " and on (namespace, workspace) bedplate:workspace_active == 0", "", DOWN),
    ("workspace_limit_seconds", "14400", "14400000", KEPT),
    ("workspace_limit_seconds", "14400", "1440", KEPT),
    ("workspace_limit_seconds", "> on (namespace, workspace) max", "< on (namespace, workspace) max", KEPT),
    ("workspace_limit_seconds", "* 60", "* 90", READER),
    ("workspace_wanted", "bedplate:workspace_active == 1 or", "", WAKES),
    ("workspace_wanted", "> bool 0", "> 0", READER),
    ("workspace_wanted", "> bool 0", "> bool 300", READER),
    ("workspace_wanted", "or ((timestamp", "unless ((timestamp", WAKES),
    ("workspace_wanted", ">= time() - 45", ">= time() - 450", UNREAD),
    ("workspace_stopped_gpus", "== 0", ">= 0", "what a stopped"),
    ("saved_gpus", "sum by", "count by", "what a stopped"),
    ("saved_cost_hourly", "* on", "+ on", "what a stopped"),
    ("workspace_stopped_by_hand", "== 0", "== 1", BY_HAND),
    ("BedplateWorkspaceStopsSoon", "<= 900", "<= 1200", A100),
    ("BedplateWorkspaceStopsSoon", "<= 900", "<= 300", A100),
    ("BedplateWorkspaceStopsSoon", "> 0 ", "", A100),
    ("BedplateWorkspaceStopsSoon", ">= time() - 45", ">= time() - 450", DOWN),
    ("BedplateIdleBlind", "signal=\"unmeasured\"", "signal=\"gpu\"", NO_GPU),
    ("BedplateIdleBlind", " and on () bedplate:front_door_read", "", NO_TRAEFIK),
    ("BedplateIdleBlind", "phase=\"Running\"", "phase=\"Pending\"", NO_GPU),
    ("BedplateGpuWithoutEnd", " unless on (namespace, workspace) bedplate:workspace", "", KEPT_GPUS),
    ("BedplateGpuWithoutEnd", "unless on (namespace, workspace) label_replace", "and label_replace", KEPT_GPUS),
    ("BedplateGpuWithoutEnd", "-[0-9a-z]+", "", KEPT_GPUS),
    ("BedplateGpuWithoutEnd", "|StatefulSet", "|StatefulSet|Job", KEPT_GPUS),
    ("BedplateGpuWithoutEnd", "nvidia_com_gpu", "cpu", KEPT_GPUS),
    ("BedplateGpuWithoutEnd", "on (namespace) max", "on () max", KEPT_GPUS),
    ("BedplateIdleNotDeciding", "unless", "and", NO_TRAEFIK),
    ("BedplateIdleNotFollowed", " unless on (namespace, workspace) bedplate:workspace_stopped_by_hand", "", BY_HAND),
    ("BedplateIdleNotFollowed", "bedplate:workspace_replicas == 0", "bedplate:workspace_replicas == 1", BY_HAND),
    ("BedplateIdleNotFollowed", "bedplate:workspace_replicas > 0", "bedplate:workspace_replicas > 1", A100),
    ("BedplateKedaDown", "== 0 or", "== 7 or", KEDA),
    ("BedplateKedaDown", " or absent", " and absent", KEDA),
)  # fmt: skip


def mutated(rule: str, old: str, new: str) -> Iterator[RuleGroup]:
    """rule: name of an alert, of a series without its beginning, or of a signal."""
    found = 0
    for group in groups():
        rules = list(group.rules)
        for index, one in enumerate(rules):
            name = one.name if isinstance(one, Alert) else one.labels.get("signal", one.name.removeprefix("bedplate:"))
            if name == rule and old in one.expression:
                rules[index] = replace(one, expression=one.expression.replace(old, new))
                found += 1
        yield replace(group, rules=rules)
    assert found == 1, f"{rule} has no '{old}'"


def scenario(beginning: str) -> Scenario:
    (found,) = [one for one in SCENARIOS if one.name.startswith(beginning)]
    return found


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Mutant, str]:
    """What promtool finds wrong with each, asked as many at once as there are processors."""
    promtool = str(program_under_test("promtool"))

    def asked(mutant: Mutant) -> str:
        rule, old, new, by = mutant
        return judged(promtool, list(mutated(rule, old, new)), scenario(by), tmp_path_factory.mktemp("mutant"))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(MUTANTS, pool.map(asked, MUTANTS), strict=True))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: " ".join(mutant))
def test_a_mutant_is_found_out(mutant: Mutant, answers: Mapping[Mutant, str]) -> None:
    assert "FAILED" in answers[mutant]
    assert "parse error" not in answers[mutant]


def test_every_rule_has_a_mutant() -> None:
    names = {
        one.name if isinstance(one, Alert) else one.labels.get("signal", one.name.removeprefix("bedplate:"))
        for group in groups()
        for one in group.rules
    }
    assert names <= {rule for rule, *_ in MUTANTS}
