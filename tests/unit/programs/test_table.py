"""The table of programs against the folders that it speaks of, and against what the platform installs."""

import re

import pytest

from bedplate.programs import PROGRAMS, Program, program
from bedplate.services.certificates.cert_manager import CERT_MANAGER_VERSION
from bedplate.services.login.login import VERSION as OAUTH2_PROXY
from harness import ROOT

SOURCES = ROOT / "components" / "bedplate" / "programs" / "go"


def test_every_folder_is_in_the_table() -> None:
    assert {folder.name for folder in SOURCES.iterdir()} == {one.name for one in PROGRAMS}


@pytest.mark.parametrize("one", PROGRAMS, ids=lambda one: one.name)
class TestAProgram:
    def test_lists_every_file_of_its_folder(self, one: Program) -> None:
        """One that is not listed is not built, and does not change the cache's key."""
        folder = SOURCES / one.name
        assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == set(one.sources)

    def test_says_version_and_go(self, one: Program) -> None:
        assert re.fullmatch(r"v\d+\.\d+\.\d+", one.version)
        assert re.fullmatch(r"1\.\d+\.\d+", one.go_version)

    def test_has_a_checksum_for_its_module(self, one: Program) -> None:
        assert re.search(rf"^{re.escape(one.module)} v\S+ h1:", one.files["go.sum"], re.MULTILINE)

    def test_is_built_from_its_module(self, one: Program) -> None:
        """What Renovate updates is what is built."""
        text = one.files["main.go"] if one.package == "." else one.package
        assert one.module in text

    def test_writes_no_go_sum(self, one: Program) -> None:
        assert "-mod=readonly" in one.arguments


def test_every_part_of_kubernetes_is_of_one_release() -> None:
    one = program("control-plane")
    versions = set(re.findall(r"k8s\.io/\S+ => \S+ (v\S+)", one.files["go.mod"]))
    assert versions == {one.version.replace("v1.", "v0.")}


@pytest.mark.parametrize(
    ("name", "installed"), [("oauth2-proxy", OAUTH2_PROXY), ("cert-manager", CERT_MANAGER_VERSION)]
)
def test_what_runs_here_is_what_the_platform_installs(name: str, installed: str) -> None:
    assert program(name).version == installed
