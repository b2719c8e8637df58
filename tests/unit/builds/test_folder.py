"""What is made of a folder before anything is built: the Dockerfile, what is sent, what is refused."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bedplate.builds.context import context_of
from bedplate.builds.dockerfile import dockerfile_of
from bedplate.builds.failures import BuildError
from bedplate.builds.pins import unpinned
from bedplate.builds.spec import BuildSpec


def written(folder: Path, **spec: Any) -> list[str]:
    """Lines of the Dockerfile."""
    return dockerfile_of(folder, BuildSpec.model_validate(spec), lambda _: None).splitlines()


def line_of(lines: list[str], part: str) -> int:
    (found,) = (number for number, line in enumerate(lines) if part in line)
    return found


EVERYTHING: dict[str, Any] = {
    "base": "ghcr.io/acme/cuda:1",
    "weights": [
        {"path": "/models/a.bin", "url": "https://models.example.com/a.bin", "sha256": "a" * 64},
        {"path": "/models/llama", "repository": "meta/llama", "revision": "b" * 40},
    ],
    "apt": ["libgl1", "git=1:2.47.3-0"],
    "requirements": "requirements.txt",
    "script": "setup.sh",
    "secrets": ["HF_TOKEN"],
    "gpuArchitectures": ["8.9", "9.0a"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("requirements.txt", "setup.sh", "main.py", "environment.yaml"):
        (tmp_path / name).write_text("torch==2.15.0\n")
    return tmp_path


class TestTheDockerfile:
    def test_goes_from_what_changes_least_to_the_code(self, folder: Path) -> None:
        lines = written(folder, **EVERYTHING)
        parts = ["FROM ", "ADD --checksum", "snapshot_download", "apt-get", "TORCH_CUDA", "pip install --no", "bash"]
        places = [line_of(lines, part) for part in (*parts[:2], "meta/llama", *parts[3:5], "-r /run/build", "bash -e")]
        assert places == sorted(places)
        assert lines[-3:] == ["COPY . /app", "ENV PYTHONUNBUFFERED=1", "USER 65532:65532"]
        assert 'ENV TORCH_CUDA_ARCH_LIST="8.9;9.0a"' in lines

    def test_takes_nothing_of_the_folder_before_the_code_but_the_file_that_a_step_reads(self, folder: Path) -> None:
        """Or a change of code would run it again."""
        lines = written(folder, **EVERYTHING)
        before = lines[: line_of(lines, "COPY . /app")]
        sources = [
            word.split("source=")[1].split(",")[0] for line in before for word in line.split() if "source=" in word
        ]
        assert sources == ["requirements.txt", "setup.sh"]
        assert not [line for line in before if line.startswith("COPY")]

    def test_gives_secrets_to_steps_that_fetch_and_writes_none(self, folder: Path) -> None:
        lines = written(folder, **EVERYTHING)
        with_secret = [line for line in lines if "--mount=type=secret,id=HF_TOKEN,env=HF_TOKEN" in line]
        assert len(with_secret) == 3
        assert not [line for line in lines if line.startswith(("ARG", "ENV")) and "HF_TOKEN" in line]

    def test_is_the_folders_own_where_there_is_one(self, folder: Path) -> None:
        (folder / "Dockerfile").write_text("FROM ghcr.io/acme/own:1\n")
        assert written(folder) == ["FROM ghcr.io/acme/own:1"]
        assert written(folder, requirements="requirements.txt")[0].startswith("FROM docker.io/library/python:")

    def test_is_of_requirements_alone_where_nothing_is_said(self, folder: Path) -> None:
        assert line_of(written(folder), "-r /run/build/requirements.txt")

    def test_installs_an_environment_of_conda(self, folder: Path) -> None:
        lines = written(folder, environment="environment.yaml")
        assert lines[0].startswith("FROM docker.io/mambaorg/micromamba:")
        assert line_of(lines, "micromamba install --yes --name base --file /run/build/environment.yaml")
        assert "ENV PATH=/opt/conda/bin:$PATH" in lines

    def test_needs_something_to_be_made_of(self, tmp_path: Path) -> None:
        with pytest.raises(BuildError, match=r"neither a Dockerfile nor a requirements\.txt"):
            written(tmp_path)

    def test_names_a_file_that_is_not_there(self, folder: Path) -> None:
        with pytest.raises(BuildError, match=r"script: there is no file .*/build\.sh"):
            written(folder, script="build.sh")


class TestWhatIsSaid:
    @pytest.mark.parametrize(
        ("spec", "said"),
        [
            ({"dockerfile": "Dockerfile", "apt": ["git"]}, "`dockerfile` and `apt` cannot both be"),
            ({"requirements": "a.txt", "environment": "b.yaml"}, "cannot both be"),
            ({"script": "../setup.sh"}, "below the folder"),
            ({"requirements": "a.txt,target=/etc"}, "below the folder"),
            ({"apt": ["git; curl evil"]}, "package of Debian"),
            ({"gpuArchitectures": ["L4"]}, "compute capability"),
            ({"secrets": ["HF-TOKEN"]}, "name of an environment variable"),
            ({"weights": [{"path": "/m", "url": "https://x.example.com/a"}]}, "no sha256"),
            ({"weights": [{"path": "/m", "repository": "meta/llama", "revision": "main"}]}, "must be a commit"),
            ({"weights": [{"path": "/m'; import os", "repository": "a/b", "revision": "b" * 40}]}, "absolute path"),
            ({"weights": [{"path": "/m"}]}, "from one place"),
            ({"base": "python:3.13\nRUN id"}, "must be an image reference"),
        ],
    )
    def test_is_refused_where_it_is_wrong(self, spec: dict[str, Any], said: str) -> None:
        with pytest.raises(ValidationError) as found:
            BuildSpec.model_validate(spec)
        assert said in str(found.value)

    def test_versions_that_are_open_are_named(self) -> None:
        text = "torch==2.15.0\nnumpy>=2\n# comment\n\npandas\nuvicorn[standard]==0.38.0 ; python_version > '3.9'\n"
        text += "-r other.txt\nown @ https://example.com/own.whl\nrequests==2.*\n"
        assert unpinned(text) == [(2, "numpy>=2"), (5, "pandas"), (9, "requests==2.*")]


class TestWhatIsSent:
    def test_is_refused_where_it_is_too_large_with_what_to_leave_out(self, folder: Path) -> None:
        (folder / "data").mkdir()
        for name, mebibytes in (("train.tar", 40), ("test.tar", 20)):
            with (folder / "data" / name).open("wb") as file:
                file.truncate(mebibytes * 2**20)
        with (folder / "model.pt").open("wb") as file:
            file.truncate(5 * 2**20)
        spec = BuildSpec.model_validate({"maxContextMib": 10})
        with pytest.raises(BuildError) as found:
            context_of(folder, spec)
        assert "65 MiB" in found.value.message
        assert [line.split()[-1] for line in found.value.lines][:3] == ["data/train.tar", "data/test.tar", "model.pt"]
        assert "add `data` to" in found.value.fix
        (folder / ".dockerignore").write_text("data\n")
        assert "model.pt" in context_of(folder, spec).files

    def test_lacks_what_holds_credentials_unless_somebody_asks_for_it(self, folder: Path) -> None:
        for name in (".env", "key.pem"):
            (folder / name).write_text("x")
        assert not {".env", "key.pem"} & set(context_of(folder, BuildSpec()).files)
        (folder / ".dockerignore").write_text("!key.pem\n")
        assert "key.pem" in context_of(folder, BuildSpec()).files

    def test_is_another_content_when_a_file_changes_or_becomes_a_program(self, folder: Path) -> None:
        def digest(dockerfile: str = "FROM a") -> str:
            return context_of(folder, BuildSpec()).digest(dockerfile)

        first = digest()
        os.utime(folder / "main.py", (1, 1))
        assert digest() == first
        (folder / "main.py").chmod(0o755)
        second = digest()
        (folder / "main.py").write_text("print(1)\n")
        assert len({first, second, digest(), digest("FROM b")}) == 4

    def test_needs_a_file(self, tmp_path: Path) -> None:
        with pytest.raises(BuildError, match="no files"):
            context_of(tmp_path, BuildSpec())
