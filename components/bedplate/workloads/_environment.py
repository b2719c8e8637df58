"""Variables and arguments of a workload, as a stack file may have them: no secrets, nothing of the GPUs' runtime."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from bedplate.labels import GPU_RUNTIME, GPU_SETTINGS, GPUS_VISIBLE
from bedplate.spec import EnvironmentName, is_secret_name, is_secret_value, mistake, refuse


def _a_secret(name: str) -> PydanticCustomError:
    return mistake(
        "looks like a secret, and the stack file is no place for one",
        f"store it with `pulumi config set --secret bedplate:<key>`, write `secretEnv: {{{name}: <key>}}`, and "
        "replace it if it was ever committed",
    )


def _no_secret_by_name(name: str) -> str:
    if is_secret_name(name):
        raise _a_secret(name)
    return name


def _no_program() -> PydanticCustomError:
    return mistake("holds the character of number 0, with which no program starts", "remove it")


def _no_secrets_by_value(env: Mapping[str, str]) -> Mapping[str, str]:
    refuse(((name,), value, _no_program()) for name, value in env.items() if "\0" in value)
    refuse(((name,), value, _a_secret(name)) for name, value in env.items() if is_secret_value(value))
    return env


def _no_secret(argument: str) -> str:
    if "\0" in argument:
        raise _no_program()
    if is_secret_value(argument):
        raise mistake(
            "looks like a secret, and the stack file is no place for one",
            "store it with `pulumi config set --secret bedplate:<key>`, name the key in secretEnv, and read it "
            "from there",
        )
    return argument


def _not_of_the_runtime(name: str) -> str:
    if name == GPUS_VISIBLE:
        raise mistake(
            "would show the pod GPUs that are others'; a pod sees those that `gpu` gives it",
            "remove it; CUDA_VISIBLE_DEVICES chooses among the pod's own",
        )
    if name.startswith(GPU_RUNTIME) and name not in GPU_SETTINGS:
        raise mistake(
            f"may open devices of the node: what begins with {GPU_RUNTIME} is read by NVIDIA's runtime",
            "remove it, or give the program's own variable another name",
            allowed=", ".join(GPU_SETTINGS),
        )
    return name


Variable = Annotated[EnvironmentName, AfterValidator(_not_of_the_runtime)]
PlainText = Annotated[str, AfterValidator(_no_secret)]
PlainEnvironment = Annotated[
    Mapping[Annotated[Variable, AfterValidator(_no_secret_by_name)], str], AfterValidator(_no_secrets_by_value)
]
