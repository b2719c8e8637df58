"""Charts that Helm can install, and cannot keep: of made-up archives, and of those that the platform installs."""

import io
import os
import random
import tarfile
from pathlib import Path

import pytest

from bedplate.errors import RehearsalError
from bedplate.kubernetes import Chart
from bedplate.kubernetes.chart_records import LARGEST_BYTES, record_bytes, too_large
from bedplate.services.front_door import traefik
from harness import platform, record
from upstream import CHARTS

FOLDER = os.environ.get("BEDPLATE_TEST_CHARTS", "")


def archive(path: Path, noise_bytes: int, *, name: str = "files/noise") -> Path:
    """A chart with a file that no compression makes smaller."""
    files = {"Chart.yaml": b"name: widgets\nversion: 1.2.3\n", "values.yaml": b"{}\n", "templates/one.yaml": b"a: b\n"}
    files[name] = random.Random(1).randbytes(noise_bytes)
    with tarfile.open(path, "w:gz") as stream:
        for file, data in files.items():
            entry = tarfile.TarInfo(f"widgets/{file}")
            entry.size = len(data)
            stream.addfile(entry, io.BytesIO(data))
    return path


class TestARecord:
    def test_has_all_files_of_the_chart_used_or_not(self, tmp_path: Path) -> None:
        """Noise grows by a third twice: in the JSON, and in the Secret."""
        small, large = (record_bytes(archive(tmp_path / f"{size}.tgz", size)) for size in (10_000, 110_000))
        assert 100_000 * 4 / 3 < large - small < 100_000 * 4 / 3 * 4 / 3

    def test_has_none_of_the_charts_inside(self, tmp_path: Path) -> None:
        assert record_bytes(archive(tmp_path / "one.tgz", 100_000, name="charts/other/noise")) < 1000

    def test_that_leaves_no_room_is_named_with_its_size(self, tmp_path: Path) -> None:
        file = archive(tmp_path / "one.tgz", 700_000)
        said = too_large(file) or ""
        assert said.startswith(f"{file} takes ")
        assert f"{record_bytes(file):,} bytes" in said
        assert f"{LARGEST_BYTES:,}" in said

    @pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08"])
    def test_of_what_is_no_archive_is_nobodys_to_judge(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "one.tgz").write_bytes(content)
        assert too_large(tmp_path / "one.tgz") is None
        assert too_large(tmp_path / "absent.tgz") is None


class TestAStack:
    def stack(self, folder: Path, noise_bytes: int) -> dict[str, object]:
        archive(folder / f"traefik-{traefik.CHART.version}.tgz", noise_bytes)
        return platform(certificates={"issuer": "internal"}, charts={"source": str(folder)})

    def test_with_a_chart_that_helm_cannot_keep_is_refused_before_anything_is_made(self, tmp_path: Path) -> None:
        with pytest.raises(RehearsalError, match=r"traefik-.*\.tgz takes [\d,]+ bytes of the Secret"):
            record(self.stack(tmp_path, 700_000))

    def test_with_one_that_fits_is_not(self, tmp_path: Path) -> None:
        assert record(self.stack(tmp_path, 100_000)).resources


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_every_chart_of_the_platform_leaves_room(chart: Chart) -> None:
    file = Path(FOLDER) / f"{chart.name}-{chart.version}.tgz"
    if not FOLDER or not file.is_file():
        pytest.skip(f"no {file.name}: name a folder of charts, as `helm pull` writes them, with BEDPLATE_TEST_CHARTS")
    assert record_bytes(file) <= LARGEST_BYTES
