"""What Go itself says when a program cannot be built, and what we make of it. Modules come from a folder."""

import base64
import dataclasses
import hashlib
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from bedplate.errors import RehearsalError
from bedplate.programs import Program, built, definitions

pytestmark = pytest.mark.skipif(shutil.which("go") is None, reason="Go is not on PATH: https://go.dev/dl/")

MODULE, VERSION = "example.com/greeting", "v1.2.3"
GO_MOD = "module bedplate.dev/programs/hello\n\ngo 1.24.0\n\nrequire example.com/greeting v1.2.3\n"
MAIN = """package main

import "example.com/greeting"

var version string

func main() { println(greeting.Text + " " + version) }
"""
DEFINITION = """---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  annotations:
    example.com/since: v1
  name: greetings.example.com
spec:
  group: example.com
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: other
"""
IN_MODULE = {
    "go.mod": f"module {MODULE}\n\ngo 1.24.0\n",
    "greeting.go": 'package greeting\n\nconst Text = "hello"\n',
    "crds/all.yaml": DEFINITION,
}


def module_hash(files: dict[str, str]) -> str:
    """As in go.sum (https://pkg.go.dev/golang.org/x/mod/sumdb/dirhash#Hash1)."""
    lines = [f"{hashlib.sha256(content.encode()).hexdigest()}  {name}\n" for name, content in sorted(files.items())]
    return "h1:" + base64.b64encode(hashlib.sha256("".join(lines).encode()).digest()).decode()


def go_sum(files: dict[str, str]) -> str:
    named = {f"{MODULE}@{VERSION}/{name}": content for name, content in files.items()}
    return (
        f"{MODULE} {VERSION} {module_hash(named)}\n"
        f"{MODULE} {VERSION}/go.mod {module_hash({'go.mod': files['go.mod']})}\n"
    )


def publish(folder: Path, files: dict[str, str]) -> None:
    """Writes a module as a proxy serves it (https://go.dev/ref/mod#goproxy-protocol)."""
    served = folder / MODULE / "@v"
    served.mkdir(parents=True)
    (served / f"{VERSION}.mod").write_text(files["go.mod"])
    (served / f"{VERSION}.info").write_text(f'{{"Version": "{VERSION}"}}')
    with zipfile.ZipFile(served / f"{VERSION}.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{MODULE}@{VERSION}/{name}", content)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of a program `hello` that builds. Its module is published in a folder; only what Go compiled is cached."""
    publish(tmp_path / "proxy", IN_MODULE)
    folder = tmp_path / "go" / "hello"
    folder.mkdir(parents=True)
    for name, content in {"main.go": MAIN, "go.mod": GO_MOD, "go.sum": go_sum(IN_MODULE)}.items():
        (folder / name).write_text(content)
    monkeypatch.setattr("bedplate.programs.table.SOURCES", tmp_path / "go")
    monkeypatch.setattr("bedplate.programs.table.PROGRAMS", (hello(),))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cached = subprocess.run(["go", "env", "GOCACHE"], capture_output=True, text=True, check=True).stdout.strip()
    for name, value in {
        **{"GOCACHE": cached, "GOMODCACHE": str(tmp_path / "modules"), "GOPROXY": f"file://{tmp_path}/proxy"},
        **{"GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local"},
    }.items():
        monkeypatch.setenv(name, value)
    return folder


def hello() -> Program:
    return Program(
        name="hello",
        title="the greeting",
        module=MODULE,
        needed_by="tests",
        otherwise="greet by hand",
        stamps={"main.version": "{version}"},
        sources=("main.go", "go.mod", "go.sum"),
        definitions=("crds",),
    )


def failure() -> RehearsalError:
    """Of a build; nothing of it may stay."""
    with pytest.raises(RehearsalError) as raised:
        built("hello", no_progress)
    cache = Path(os.environ["XDG_CACHE_HOME"]) / "bedplate"
    assert sorted(path.name for path in cache.rglob("*")) == ["build.lock", "hello-build.log"]
    return raised.value


def no_progress(line: str) -> None:
    pass


@pytest.mark.usefixtures("sources")
def test_a_program_is_built_with_its_version() -> None:
    done = subprocess.run([built("hello", no_progress)], capture_output=True, text=True, check=True)
    assert done.stderr == "hello 1.2.3\n"


def test_what_upstream_embeds_and_its_module_lacks_is_there_and_empty(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it Go says that no file matches. What is built is the module that go.sum names, all the same."""
    embedding = (
        'package greeting\n\nimport _ "embed"\n\n//go:embed pages/index.html\nvar Page string\n\nconst Text = "hello"\n'
    )
    files = {**IN_MODULE, "greeting.go": embedding}
    publish(sources.parents[1] / "other", files)
    monkeypatch.setenv("GOPROXY", f"file://{sources.parents[1]}/other")
    (sources / "go.sum").write_text(go_sum(files))
    assert "no matching files found" in failure().message
    completed = dataclasses.replace(hello(), unpublished=("pages/index.html",))
    monkeypatch.setattr("bedplate.programs.table.PROGRAMS", (completed,))
    done = subprocess.run([built("hello", no_progress)], capture_output=True, text=True, check=True)
    assert done.stderr == "hello 1.2.3\n"


@pytest.mark.usefixtures("sources")
def test_definitions_are_those_of_the_module_one_a_file() -> None:
    (found,) = definitions("hello", no_progress).iterdir()
    assert found.name == "greetings.example.com.yaml"
    assert found.read_text() == DEFINITION.split("---\n")[1]
    (Path(os.environ["GOPROXY"].removeprefix("file://"))).rename(found.parents[3] / "gone")
    assert definitions("hello", no_progress) == found.parent


def test_a_program_that_does_not_compile_says_where(sources: Path) -> None:
    (sources / "main.go").write_text(MAIN.replace("greeting.Text", "greeting.Test"))
    error = failure()
    assert "undefined: greeting.Test" in error.message
    assert "components/bedplate/programs/go/hello" in error.fix
    assert "hello-build.log" in error.fix


class TestAModuleThatIsNotWhatGoSumNames:
    @pytest.fixture(autouse=True)
    def altered(self, sources: Path) -> None:
        other = {**IN_MODULE, "greeting.go": 'package greeting\n\nconst Text = "altered"\n'}
        (sources / "go.sum").write_text(go_sum(other))

    def test_is_not_built(self) -> None:
        error = failure()
        assert error.message.startswith("a module of the greeting v1.2.3 is not the one that its go.sum names")
        assert "Never take a line out of go.sum" in error.fix

    def test_is_not_completed_either(self, monkeypatch: pytest.MonkeyPatch) -> None:
        completed = dataclasses.replace(hello(), unpublished=("pages/index.html",))
        monkeypatch.setattr("bedplate.programs.table.PROGRAMS", (completed,))
        with pytest.raises(RehearsalError, match=r"not the one that its go\.sum names"):
            built("hello", no_progress)

    def test_gives_no_definitions(self) -> None:
        with pytest.raises(RehearsalError, match=r"not the one that its go\.sum names"):
            definitions("hello", no_progress)
        cache = Path(os.environ["XDG_CACHE_HOME"]) / "bedplate"
        assert [path.name for path in cache.rglob("*")] == ["download.lock"]


def test_a_go_sum_that_lacks_a_module_says_how_to_make_it_whole(sources: Path) -> None:
    (sources / "go.sum").write_text("")
    error = failure()
    assert "do not belong together" in error.message
    assert "go mod tidy" in error.fix


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("proxy", ["off", "http://127.0.0.1:9"])
def test_no_network_says_so(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Port 9 of this machine, discard, is closed."""
    monkeypatch.setenv("GOPROXY", proxy)
    error = failure()
    assert error.message.startswith("the modules of the greeting v1.2.3 cannot be downloaded")
    assert "GOPROXY" in error.fix


def test_a_go_that_is_too_old_says_which_is_needed(sources: Path) -> None:
    (sources / "go.mod").write_text(GO_MOD.replace("go 1.24.0", "go 1.99.0"))
    error = failure()
    assert "cannot be built by this Go" in error.message
    assert "install Go 1.99.0 or newer (https://go.dev/dl/), or let Go fetch it: unset GOTOOLCHAIN" in error.fix
    assert "greet by hand" in error.fix


def test_a_go_that_cannot_be_fetched_says_which_is_needed(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOTOOLCHAIN")
    (sources / "go.mod").write_text(GO_MOD.replace("go 1.24.0", "go 1.99.0"))
    error = failure()
    assert "Go 1.99.0" in error.fix
