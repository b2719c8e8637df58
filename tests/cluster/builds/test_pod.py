"""The pod of a build: its script, as its user, on a root that is read-only."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bedplate.builds.build import Order
from bedplate.builds.context import context_of
from bedplate.builds.failures import BuildError
from bedplate.builds.progress import Progress
from bedplate.builds.spec import BuildSpec
from cluster.builds.build_pod import BuildPod, sent
from cluster.builds.build_processes import Registry, registry

pytestmark = pytest.mark.enable_socket

TOKEN = "hf_seenByTheBuildAlone"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry")) as found:
        yield found


def _order(folder: Path, host: str, name: str) -> Order:
    project = folder / "project"
    project.mkdir()
    (project / ("a-long-name-" * 12)).write_text("long")
    (project / "left.log").write_text("left out")
    (project / ".dockerignore").write_text("*.log\n")
    dockerfile = "FROM scratch\nCOPY . /app/\n"
    return Order(
        context=context_of(project, BuildSpec()),
        dockerfile=dockerfile,
        image=f"{host}/vision/{name}:1",
        cache=f"{host}/vision/{name}:buildcache",
        secrets={"HF_TOKEN": TOKEN},
    )


class TestThePodOfABuild:
    def test_builds_and_pushes_as_its_user_with_a_root_that_is_read_only(
        self, images: Registry, tmp_path: Path
    ) -> None:
        order = _order(tmp_path, images.host, "pod")
        done = BuildPod(tmp_path, images.host).run(sent(order, tmp_path / "sent"))
        progress = Progress(print)
        # As the API server gives it: both together.
        for line in [*done.stderr.splitlines(), *done.stdout.splitlines()]:
            progress.read(line)
        digest = progress.pushed()
        assert images.manifest(f"vision/pod@{digest}")["layers"]
        assert progress.steps == 1
        assert done.returncode == 0

    def test_ends_where_what_was_sent_is_cut_off(self, images: Registry, tmp_path: Path) -> None:
        order = _order(tmp_path, images.host, "cut")
        done = BuildPod(tmp_path, images.host).run(sent(order, tmp_path / "sent")[:5000])
        assert done.returncode == 65
        progress = Progress(print)
        for line in done.stderr.splitlines():
            progress.read(line)
        with pytest.raises(BuildError) as found:
            progress.pushed()
        assert "what was sent is not whole" in "".join(found.value.lines)

    def test_ends_where_nothing_was_sent(self, images: Registry, tmp_path: Path) -> None:
        done = BuildPod(tmp_path, images.host).run(b"")
        assert done.returncode == 64
        assert "nobody sent anything" in done.stderr
