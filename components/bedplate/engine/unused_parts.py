"""Parts of Pulumi's SDK that no program needs here, and that `import pulumi` would bring: half of what it takes.

Modules are loaded as soon as somebody uses one of them. That must be arranged before the first import of `pulumi`,
which is why the package itself asks for it.
"""

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

NAMES = frozenset({"pulumi.automation", "pulumi.dynamic", "pulumi.runtime._instrumentation"})
"""What drives the Pulumi CLI, providers that are Python functions, and tracing of calls to the engine."""
_REGISTERING = "pulumi.runtime.resource"
_STACK_TRACE = "_get_stack_trace"


class _Later:
    """Finds these modules where they are; what is in them is run when an attribute is asked for.

    https://docs.python.org/3/library/importlib.html#importlib.util.LazyLoader
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in NAMES:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


def load_later() -> None:
    """Has these parts loaded by who uses them, from now on and in this process."""
    sys.meta_path.insert(0, _Later())


@contextmanager
def without_stack_traces() -> Generator[None]:
    """Registrations say nothing of the lines of code that they come from, which nobody here reads.

    Finding them took a tenth of a preview: the SDK extracts the whole call stack for each resource
    (https://github.com/pulumi/pulumi/blob/v3.272.0/sdk/python/lib/pulumi/runtime/resource.py) and has no switch.
    """
    registering = vars(import_module(_REGISTERING))
    if _STACK_TRACE not in registering:  # an SDK that calls it otherwise works as well, and takes longer
        yield
        return
    original = registering[_STACK_TRACE]
    registering[_STACK_TRACE] = import_module("pulumi.runtime.proto.source_pb2").StackTrace
    try:
        yield
    finally:
        registering[_STACK_TRACE] = original
