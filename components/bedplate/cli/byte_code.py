"""`python -m bedplate.cli.byte_code`: compiles what commands import, once, as part of an installation.

Where PYTHONDONTWRITEBYTECODE is set, as in most images and in CI, each command would compile its sources again, which
is half of what it does. Only what is imported is compiled: the clouds' SDKs have twelve thousand modules, of which a
stack needs one in ten. Run it without that variable.
"""

import sys
from importlib import import_module
from pkgutil import walk_packages

import bedplate


def main() -> None:
    """Imports every module of the library; those of a cloud whose SDK is not installed are left out."""
    if sys.dont_write_bytecode:
        sys.exit(
            "PYTHONDONTWRITEBYTECODE is set, so that nothing would be written\nFix: env -u PYTHONDONTWRITEBYTECODE"
        )
    for module in walk_packages(bedplate.__path__, "bedplate."):
        if "__main__" in module.name or ".files." in module.name:
            continue
        try:
            import_module(module.name)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("bedplate"):
                raise
    import_module("typer.rich_utils")  # of --help; typer imports it itself, when it is asked


if __name__ == "__main__":
    main()
