"""Language models that are known here, and how much memory of GPUs each of them takes.

Owns the presets, as data, and the calculation. Sizes are those of what a server loads: parameters times their bytes,
or the published size of a checkpoint in mixed precision; the shape of a model's cache is what its `config.json` says.
It deliberately knows neither Kubernetes nor a cloud.

Sources: https://huggingface.co/ORGANISATION/MODEL/blob/main/config.json for layers, heads and head size (compared with
https://github.com/AI-Hypercomputer/maxtext/tree/main/src/MaxText/configs/models where that has the model); flags and
the least memory that a model is published with: https://github.com/vllm-project/recipes and the models' own pages.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

_OVERHEAD_GB = 1.0
"""Of each GPU for activations, CUDA's context and its graphs, beside weights and cache."""
LEAST_CONTEXT_TOKENS = 4096
_TWO_BYTES = 2


@dataclass(frozen=True, kw_only=True)
class Model:
    """One preset. repository: where its weights are published. weights_gb: of all of them in 10⁹ bytes.

    layers, kv_heads, head_size: of its cache; latent_size: of a cache that keeps one compressed vector for all heads
    (MLA) in place of these. heads: for attention, which the GPUs must divide among them. context_tokens: the longest
    text it was made for. tool_parser, reasoning_parser: how vLLM reads its answers. flags: what it needs besides.
    published_gb: the least memory that it is published with; 0 where nobody says.
    """

    repository: str
    family: str
    weights_gb: float
    layers: int
    kv_heads: int
    head_size: int
    heads: int
    context_tokens: int
    latent_size: int = 0
    tool_parser: str = ""
    reasoning_parser: str = ""
    flags: tuple[str, ...] = ()
    published_gb: float = 0

    def cache_bytes_of_token(self, gpus: int = 1, bytes_each: int = _TWO_BYTES) -> float:
        """What a token takes in the cache of each of so many GPUs: heads are shared among them, never cut; what is
        compressed is kept by each."""
        if self.latent_size:
            return self.layers * self.latent_size * bytes_each
        heads = max(1.0, self.kv_heads / gpus)
        return 2 * self.layers * heads * self.head_size * bytes_each

    def goes_on(self, gpus: int) -> bool:
        """Whether so many GPUs can share its heads."""
        heads_fit = self.heads % gpus == 0
        return heads_fit and (self.kv_heads % gpus == 0 or gpus % self.kv_heads == 0 or bool(self.latent_size))


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What is asked of a model. tokens: of all requests together that must find room. cache_bytes: of one number."""

    model: Model
    tokens: int
    cache_bytes: int = _TWO_BYTES

    def gb_of_each(self, gpus: int) -> float:
        """Memory of each of so many GPUs, in 10⁹ bytes."""
        cache = self.model.cache_bytes_of_token(gpus, self.cache_bytes) * self.tokens / 1e9
        return self.model.weights_gb / gpus + cache + _OVERHEAD_GB

    def fits(self, gpus: int, memory_gb: float, share: float) -> bool:
        """Whether so many GPUs of this size carry it, of which vLLM may take this share."""
        return self.model.goes_on(gpus) and self.gb_of_each(gpus) <= memory_gb * share

    def most_tokens(self, gpus: int, memory_gb: float, share: float) -> int:
        """How many tokens find room beside the weights; none where not even these do."""
        free = (memory_gb * share - _OVERHEAD_GB - self.model.weights_gb / gpus) * 1e9
        return max(0, math.floor(free / self.model.cache_bytes_of_token(gpus, self.cache_bytes)))


def least_gb(model: Model, gpus: int = 1, share: float = 0.92) -> float:
    """The least memory of all GPUs together with which it answers one short request."""
    return Demand(model=model, tokens=LEAST_CONTEXT_TOKENS).gb_of_each(gpus) * gpus / share


_MISTRAL = ("--tokenizer-mode=mistral", "--config-format=mistral", "--load-format=mistral")
_EXPERTS = ("--enable-expert-parallel",)


def _llama(size: str, weights_gb: float, layers: int, heads: int, published_gb: float, version: str) -> Model:
    return Model(
        repository=f"meta-llama/Llama-{version}-{size}-Instruct",
        family="Llama",
        weights_gb=weights_gb,
        layers=layers,
        kv_heads=8,
        head_size=128,
        heads=heads,
        context_tokens=131_072,
        tool_parser="llama3_json",
        published_gb=published_gb,
    )


def _qwen(
    size: str,
    weights_gb: float,
    layers: int,
    heads: int,
    kv_heads: int,
    published_gb: float,
    flags: tuple[str, ...] = (),
) -> Model:
    return Model(
        repository=f"Qwen/Qwen3-{size}",
        family="Qwen",
        weights_gb=weights_gb,
        layers=layers,
        kv_heads=kv_heads,
        head_size=128,
        heads=heads,
        context_tokens=40_960,
        tool_parser="hermes",
        reasoning_parser="qwen3",
        flags=flags,
        published_gb=published_gb,
    )


def _deepseek(name: str, tool_parser: str, reasoning_parser: str) -> Model:
    """671 billion parameters in FP8, and the module that predicts more than one token
    (https://huggingface.co/deepseek-ai/DeepSeek-V3#3-model-downloads)."""
    return Model(
        repository=f"deepseek-ai/{name}",
        family="DeepSeek",
        weights_gb=685,
        layers=61,
        kv_heads=128,
        head_size=128,
        heads=128,
        latent_size=576,
        context_tokens=163_840,
        tool_parser=tool_parser,
        reasoning_parser=reasoning_parser,
        flags=("--trust-remote-code", *_EXPERTS),
        published_gb=805,
    )


def _gpt_oss(size: str, weights_gb: float, layers: int, published_gb: float) -> Model:
    """Weights of experts in MXFP4. Every second layer keeps 128 tokens only, which is not counted here: less fits by
    this calculation than by the server's."""
    return Model(
        repository=f"openai/gpt-oss-{size}",
        family="gpt-oss",
        weights_gb=weights_gb,
        layers=layers,
        kv_heads=8,
        head_size=64,
        heads=64,
        context_tokens=131_072,
        tool_parser="openai",
        published_gb=published_gb,
    )


MODELS: Mapping[str, Model] = {
    "llama-3.2-3b-instruct": Model(
        repository="meta-llama/Llama-3.2-3B-Instruct",
        family="Llama",
        weights_gb=6.43,
        layers=28,
        kv_heads=8,
        head_size=128,
        heads=24,
        context_tokens=131_072,
        tool_parser="llama3_json",
        published_gb=8,
    ),
    "llama-3.1-8b-instruct": _llama("8B", 16.06, 32, 32, 20, "3.1"),
    "llama-3.3-70b-instruct": _llama("70B", 141.1, 80, 64, 170, "3.3"),
    "mistral-small-3.2-24b-instruct": Model(
        repository="mistralai/Mistral-Small-3.2-24B-Instruct-2506",
        family="Mistral",
        weights_gb=48.0,
        layers=40,
        kv_heads=8,
        head_size=128,
        heads=32,
        context_tokens=131_072,
        tool_parser="mistral",
        flags=_MISTRAL,
        published_gb=55,
    ),
    "qwen3-4b": _qwen("4B", 8.04, 36, 32, 8, 10),
    "qwen3-8b": _qwen("8B", 16.38, 36, 32, 8, 20),
    "qwen3-32b": _qwen("32B", 65.5, 64, 64, 8, 77),
    "qwen3-32b-fp8": _qwen("32B-FP8", 33.4, 64, 64, 8, 39),
    "qwen3-30b-a3b": _qwen("30B-A3B", 61.1, 48, 32, 4, 74),
    "qwen3-235b-a22b": _qwen("235B-A22B", 470.2, 94, 64, 4, 564, _EXPERTS),
    "deepseek-r1": _deepseek("DeepSeek-R1", "deepseek_v3", "deepseek_r1"),
    "deepseek-v3.1": _deepseek("DeepSeek-V3.1", "deepseek_v31", "deepseek_v3"),
    "deepseek-r1-distill-llama-70b": Model(
        repository="deepseek-ai/DeepSeek-R1-Distill-Llama-70B",
        family="DeepSeek",
        weights_gb=141.1,
        layers=80,
        kv_heads=8,
        head_size=128,
        heads=64,
        context_tokens=131_072,
        reasoning_parser="deepseek_r1",
    ),
    # 13.8 and 65.2 GB; "within 16GB of memory", "a single 80GB GPU": https://huggingface.co/openai/gpt-oss-120b
    "gpt-oss-20b": _gpt_oss("20b", 13.8, 24, 16),
    "gpt-oss-120b": _gpt_oss("120b", 65.2, 36, 80),
}
