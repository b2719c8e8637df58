"""bedplate: the production baseline for a machine-learning platform on Kubernetes.

The public API is what this module lists; everything else may change in a minor release.
"""

from bedplate.config import PlatformSpec
from bedplate.platform import Platform, PlatformArgs
from bedplate.stack_file.reading import StackFileError, load, load_for_program

__all__ = ["Platform", "PlatformArgs", "PlatformSpec", "StackFileError", "load", "load_for_program"]
