"""What a command does not need is not imported: it would take longer to start than to do its work."""

import os
import subprocess
import sys

import pytest

from harness import ROOT

SDKS = frozenset(
    {"grpc", "kubernetes", "pulumi", "pulumi_aws", "pulumi_azure_native", "pulumi_gcp", "pulumi_kubernetes"}
)
SHOWN = """
import sys
from bedplate.cli import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    assert not ended.code, ended.code
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def imported(*arguments: str) -> set[str]:
    """The packages that are there when a command has ended well."""
    done = subprocess.run(
        [sys.executable, "-c", SHOWN, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "the command said nothing"
    packages = set(done.stderr.splitlines()[-1].split())
    assert {"bedplate", "typer"} <= packages
    return packages


class TestACommand:
    @pytest.mark.parametrize("option", ["--help", "--version"])
    def test_that_only_says_what_there_is_imports_nothing_that_does_it(self, option: str) -> None:
        assert not imported(option) & {*SDKS, "pydantic", "ruamel"}

    @pytest.mark.parametrize("stack", ["local", "aws", "azure", "gcp"])
    def test_that_checks_a_stack_imports_no_pulumi_and_no_sdk(self, stack: str) -> None:
        assert not imported("check", stack) & SDKS

    def test_that_previews_imports_the_sdk_of_its_cloud_alone(self) -> None:
        assert imported("preview", "gcp", "-o", "json") & SDKS == {"grpc", "pulumi", "pulumi_gcp", "pulumi_kubernetes"}


class TestThePackage:
    def test_has_every_public_name_and_no_other(self) -> None:
        import bedplate

        assert all(getattr(bedplate, name) for name in bedplate.__all__)
        with pytest.raises(AttributeError, match="there is no 'Platfrom' here"):
            bedplate.Platfrom  # noqa: B018 # pyright: ignore[reportAttributeAccessIssue]


def test_byte_code_says_when_none_would_be_written() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bedplate.cli.byte_code"],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Fix: env -u PYTHONDONTWRITEBYTECODE" in done.stderr
