"""bedplate: the production baseline for a machine-learning platform on Kubernetes.

The public API is what this module lists; everything else may change in a minor release.
"""

from typing import TYPE_CHECKING

from bedplate.on_demand import on_demand

if TYPE_CHECKING:
    from bedplate.config import PlatformSpec
    from bedplate.platform import Platform, PlatformArgs
    from bedplate.stack_file.reading import StackFileError, load, load_for_program

__getattr__ = on_demand(
    {
        "bedplate.config": ("PlatformSpec",),
        "bedplate.platform": ("Platform", "PlatformArgs"),
        "bedplate.stack_file.reading": ("StackFileError", "load", "load_for_program"),
    }
)

__all__ = ["Platform", "PlatformArgs", "PlatformSpec", "StackFileError", "load", "load_for_program"]
