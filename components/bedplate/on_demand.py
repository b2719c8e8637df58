"""Names of a package that are imported when somebody asks for them.

For what imports Pulumi, beside what does not: checking a stack file must not wait for an SDK that it does not use.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module


def on_demand(names: Mapping[str, Sequence[str]]) -> Callable[[str], object]:
    """The `__getattr__` of a package (https://peps.python.org/pep-0562/). names: by the module that has them.

    Type checkers and editors take the same names from imports below `if TYPE_CHECKING:`.
    """
    homes = {name: module for module, there in names.items() for name in there}

    def attribute(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"there is no '{name}' here", name=name)
        return getattr(import_module(homes[name]), name)

    return attribute
