"""Language models: how much memory they take, what is refused, and what vLLM is told."""

from pathlib import Path
from typing import Any

import pytest

from bedplate.config import PlatformSpec
from bedplate.engine.resources import Resource
from bedplate.stack_file.consistency import problems
from bedplate.stack_file.parts import Parts
from bedplate.stack_file.problems import Problem
from bedplate.workloads._models import MODELS, least_gb
from harness import MINIMAL, objects, platform, record, tenant

FLAGS = (Path(__file__).parent / "vllm-0.33.0-flags.txt").read_text().split()
"""Of `vllm serve --help=all` of vLLM 0.33.0: names alone."""
TOOL_PARSERS = {"deepseek_v3", "deepseek_v31", "hermes", "llama3_json", "mistral", "openai"}
REASONING_PARSERS = {"deepseek_r1", "deepseek_v3", "qwen3"}
"""Those of ours that vLLM registers (https://github.com/vllm-project/vllm, vllm/tool_parsers and vllm/reasoning)."""
PUBLISHED = [name for name, model in MODELS.items() if model.published_gb]
GPUS_OF = {"llama-3.3-70b-instruct": 4, "qwen3-235b-a22b": 8, "deepseek-r1": 8, "deepseek-v3.1": 8}
"""On how many GPUs a published size is meant, where on more than one."""
POOLS = {
    "general": MINIMAL["nodePools"]["general"],
    "l4": {"accelerator": "nvidia-l4", "count": 4, "machine": {"cpu": 48, "memoryGib": 192}, "max": 20},
    "h100": {"accelerator": "nvidia-h100", "count": 8, "machine": {"cpu": 208, "memoryGib": 1872}, "max": 4},
    "h200": {"accelerator": "nvidia-h200", "count": 8, "machine": {"cpu": 208, "memoryGib": 1872}, "max": 4},
}


def stack(model: str, gpu: str, count: int = 1, **changes: Any) -> dict[str, Any]:
    chat = {
        "kind": "llm",
        "name": "chat",
        "image": "ghcr.io/acme/vllm:0.33.0",
        "model": model,
        "gpu": {"accelerator": gpu, "count": count},
        "weights": {"volume": "models", "folder": model},
        **changes,
    }
    quota = {"cpu": 400, "memoryGib": 4000, "gpus": dict.fromkeys(("nvidia-l4", "nvidia-h100", "nvidia-h200"), 32)}
    volumes = [{"name": "models", "sizeGib": 100, "retain": False, "access": "manyNodes"}]
    team = tenant("vision", chat, quota={**quota, "storageGib": 500}, volumes=volumes)
    return platform(team, nodePools=POOLS)


def found(model: str, gpu: str, count: int = 1, **changes: Any) -> list[Problem]:
    of_the_model = ("gpu", "replicas")
    all_of_it = problems(Parts.of(PlatformSpec.model_validate(stack(model, gpu, count, **changes))))
    return [problem for problem in all_of_it if problem.path[4:5] and problem.path[4] in of_the_model]


def parts(kind: str, **changes: Any) -> list[Resource]:
    return objects(record(stack("qwen3-4b", "nvidia-l4", **changes)), kind)


class TestTheMemoryOfAModel:
    @pytest.mark.parametrize("name", PUBLISHED)
    def test_is_at_most_a_tenth_off_what_is_published(self, name: str) -> None:
        """Sizes of https://github.com/vllm-project/recipes and of the models' own pages."""
        model = MODELS[name]
        assert least_gb(model, GPUS_OF.get(name, 1)) == pytest.approx(model.published_gb, rel=0.1)

    @pytest.mark.parametrize(("name", "kib"), [
        ("llama-3.1-8b-instruct", 128), ("llama-3.3-70b-instruct", 320), ("qwen3-8b", 144), ("qwen3-32b", 256),
        ("mistral-small-3.2-24b-instruct", 160), ("qwen3-30b-a3b", 96), ("qwen3-235b-a22b", 188), ("deepseek-r1", 68.6),
    ])  # fmt: skip
    def test_of_one_token_is_what_its_configuration_says(self, name: str, kib: float) -> None:
        assert MODELS[name].cache_bytes_of_token() / 1024 == pytest.approx(kib, rel=0.001)

    @pytest.mark.parametrize(("model", "gpu", "count", "fits"), [
        ("llama-3.1-8b-instruct", "nvidia-l4", 1, True),
        ("llama-3.3-70b-instruct", "nvidia-h100", 1, False),
        ("llama-3.3-70b-instruct", "nvidia-h100", 2, False),
        ("llama-3.3-70b-instruct", "nvidia-h100", 4, True),
        ("llama-3.3-70b-instruct", "nvidia-h200", 2, True),
        ("gpt-oss-120b", "nvidia-h100", 1, True),
        ("gpt-oss-120b", "nvidia-l4", 1, False),
        ("deepseek-r1", "nvidia-h100", 8, False),
        ("deepseek-r1", "nvidia-h200", 8, True),
        ("qwen3-32b", "nvidia-l4", 2, False),
    ])  # fmt: skip
    def test_decides_where_it_runs(self, model: str, gpu: str, count: int, fits: bool) -> None:
        assert (found(model, gpu, count) == []) is fits

    @pytest.mark.parametrize(("changes", "fits"), [
        ({}, True), ({"fullRequests": 64}, False), ({"fullRequests": 64, "contextTokens": 4096}, False),
        ({"fullRequests": 8, "cacheType": "fp8"}, True), ({"fullRequests": 5, "contextTokens": 8192}, False),
    ])  # fmt: skip
    def test_grows_with_the_texts_that_are_to_find_room(self, changes: dict[str, Any], fits: bool) -> None:
        assert (found("llama-3.1-8b-instruct", "nvidia-l4", **changes) == []) is fits

    @pytest.mark.parametrize(("model", "gpu", "count", "changes"), [
        ("qwen3-8b", "nvidia-l4", 1, {"fullRequests": 40}),
        ("llama-3.3-70b-instruct", "nvidia-h100", 1, {}),
        ("deepseek-r1", "nvidia-h100", 8, {}),
        ("qwen3-8b", "nvidia-l4", 3, {}),
    ], ids=["requests", "more GPUs", "other GPUs", "uneven"])  # fmt: skip
    def test_that_is_missing_is_proposed(self, model: str, gpu: str, count: int, changes: dict[str, Any]) -> None:
        """Each change that is proposed is made, and then nothing is wrong."""
        (problem,) = found(model, gpu, count, **changes)
        proposals = problem.fix.removeprefix("write ").split(", or ")
        assert proposals
        for proposal in proposals:
            made = dict(part.split(": ", 1) for part in proposal.replace("` and `", "|").strip("`").split("|"))
            written: dict[str, Any] = {
                key: int(value) for key, value in made.items() if key in ("fullRequests", "contextTokens")
            }
            if "gpu" in made:
                name, many = made["gpu"].strip("{}").split(", ")
                gpu, count = name.removeprefix("accelerator: "), int(many.removeprefix("count: "))
            assert found(model, gpu, count, **{**changes, **written}) == [], proposal


class TestWhatVllmIsTold:
    @pytest.mark.parametrize("model", MODELS)
    def test_are_flags_that_it_has(self, model: str) -> None:
        recording = record(stack(model, "nvidia-h200", 8))
        (deployment,) = [one for one in objects(recording, "Deployment") if one.inputs["metadata"]["name"] == "chat"]
        container = deployment.inputs["spec"]["template"]["spec"]["containers"][0]
        used = {argument.partition("=")[0] for argument in container["args"] if argument.startswith("--")}
        assert container["command"] == ["vllm", "serve"]
        assert used >= {"--tensor-parallel-size", "--shutdown-timeout", "--max-model-len"}
        assert used <= set(FLAGS)
        known = MODELS[model]
        assert {known.tool_parser} - {""} <= TOOL_PARSERS
        assert {known.reasoning_parser} - {""} <= REASONING_PARSERS

    def test_gives_answers_under_way_their_time(self) -> None:
        """vLLM's own time begins after the pause in which routers hear of the stop, and ends before the pod's."""
        (deployment,) = parts("Deployment")
        pod = deployment.inputs["spec"]["template"]["spec"]
        container = pod["containers"][0]
        pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert "--shutdown-timeout=120" in container["args"]
        assert pod["terminationGracePeriodSeconds"] > pause + 120

    def test_lets_a_model_load_for_half_an_hour(self) -> None:
        (deployment,) = parts("Deployment")
        probe = deployment.inputs["spec"]["template"]["spec"]["containers"][0]["startupProbe"]
        assert probe["periodSeconds"] * probe["failureThreshold"] == 1800

    def test_is_what_a_person_adds_too(self) -> None:
        (deployment,) = parts("Deployment", args=["--seed=7"])
        assert deployment.inputs["spec"]["template"]["spec"]["containers"][0]["args"][-1] == "--seed=7"


class TestWeights:
    def test_are_fetched_once_and_waited_for(self) -> None:
        """Another revision is another Job and another folder, so that what serves goes on serving what it loaded."""
        jobs = [
            parts("Job", weights={"volume": "models", "folder": "qwen", "preload": {"revision": revision * 40}})
            for revision in ("a", "b")
        ]
        names = {one.inputs["metadata"]["name"] for made in jobs for one in made}
        assert len(names) == 2
        weights = {"volume": "models", "folder": "qwen", "preload": {"revision": "a" * 40}}
        (deployment,) = parts("Deployment", weights=weights)
        pod = deployment.inputs["spec"]["template"]["spec"]
        (waiting,) = pod["initContainers"]
        fetching = jobs[0][0].inputs["spec"]["template"]["spec"]["containers"][0]
        target = {one["name"]: one["value"] for one in fetching["env"]}["TARGET"]
        assert {one["name"]: one["value"] for one in waiting["env"]}["TARGET"] == target
        assert pod["containers"][0]["args"][0] == target == f"/models/qwen/{'a' * 12}"
        assert "nvidia.com/gpu" not in fetching["resources"]["limits"]

    def test_come_from_a_bucket_without_a_volume(self) -> None:
        (deployment,) = parts("Deployment", weights={"bucket": "s3://acme-models/qwen"})
        container = deployment.inputs["spec"]["template"]["spec"]["containers"][0]
        assert container["args"][0] == "s3://acme-models/qwen"
        assert "--load-format=runai_streamer" in container["args"]

    @pytest.mark.parametrize(("folder", "address"), [({}, "/models"), ({"folder": "qwen"}, "/models/qwen")])
    def test_come_in_an_image(self, folder: dict[str, str], address: str) -> None:
        """As files that nobody can change, pulled by each node once."""
        (deployment,) = parts("Deployment", weights={"image": "ghcr.io/acme/weights/qwen3-4b:1", **folder})
        pod = deployment.inputs["spec"]["template"]["spec"]
        (mount,) = [one for one in pod["containers"][0]["volumeMounts"] if one["mountPath"] == "/models"]
        (volume,) = [one for one in pod["volumes"] if one["name"] == mount["name"]]
        assert pod["containers"][0]["args"][0] == address
        assert volume["image"] == {"reference": "ghcr.io/acme/weights/qwen3-4b:1", "pullPolicy": "IfNotPresent"}
        assert mount["readOnly"] is True

    def test_in_an_image_want_a_cluster_that_mounts_one(self) -> None:
        data = stack("qwen3-4b", "nvidia-l4", weights={"image": "ghcr.io/acme/weights/qwen3-4b:1"})
        old = {**data, "cloud": {**data["cloud"], "kubernetesVersion": "1.34"}}
        (problem,) = problems(Parts.of(PlatformSpec.model_validate(old)))
        assert problem.path[4:] == ("weights", "image")
        assert "1.35" in str(problem.allowed)
        assert problems(Parts.of(PlatformSpec.model_validate(data))) == []

    def test_in_an_image_come_from_an_approved_registry(self) -> None:
        data = stack("qwen3-4b", "nvidia-l4", weights={"image": "docker.io/acme/qwen3-4b:1"})
        (problem,) = problems(Parts.of(PlatformSpec.model_validate(data)))
        assert problem.path[4:] == ("weights", "image")

    @pytest.mark.parametrize(("pods", "is_enough"), [(1, False), (2, True)])
    def test_that_are_fetched_find_room_in_the_quota(self, pods: int, is_enough: bool) -> None:
        """The server waits for them: without room for the Job's pod it would wait for ever."""
        weights = {"volume": "models", "folder": "qwen", "preload": {"revision": "a" * 40}}
        data = stack("qwen3-4b", "nvidia-l4", weights=weights)
        data["tenants"][0]["quota"]["pods"] = pods
        found = problems(Parts.of(PlatformSpec.model_validate(data)))
        assert (found == []) is is_enough
        assert is_enough or "what fetches its weights" in found[0].message


class TestTheNumberOfPods:
    def test_follows_what_waits_where_it_may_change(self) -> None:
        idle = {"monitoring": {"retentionDays": 45, "diskGib": 200}, "idle": {}}
        data = {**stack("qwen3-4b", "nvidia-l4", replicas={"min": 1, "max": 4}), **idle}
        (scaled,) = objects(record(data), "ScaledObject")
        queries = [trigger["metadata"]["query"] for trigger in scaled.inputs["spec"]["triggers"]]
        assert [query.partition("{")[0] for query in queries] == [
            "sum(vllm:num_requests_waiting",
            "sum(vllm:num_requests_running",
        ]
        assert scaled.inputs["spec"]["maxReplicaCount"] == 4
        assert objects(record(data), "HorizontalPodAutoscaler") == []

    def test_cannot_follow_it_where_nobody_reads_that(self) -> None:
        (problem,) = found("qwen3-4b", "nvidia-l4", replicas={"min": 1, "max": 4})
        assert problem.path[4:] == ("replicas",)
        assert "idle: {}" in problem.fix
