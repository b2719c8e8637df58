"""Images that a real BuildKit builds of folders and a real registry keeps: what is built again, what is in them.

The program is an API of FastAPI, on an image that is made of this machine's Python. Its packages come from the index
that pip finds.
"""

import http.client
import http.server
import json
import re
import tarfile
import threading
import zlib
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from bedplate.builds.at_address import AtAddress
from bedplate.builds.build import BuildTarget, BuiltImage, build_image
from bedplate.builds.context import context_of
from bedplate.builds.failures import BuildError
from bedplate.builds.spec import BuildSpec
from cluster.builds.build_processes import Registry, base_image, buildkit, registry
from cluster.objects_under_test import eventually
from cluster.processes_under_test import free_ports
from contained import Image, Surroundings, contained, rendered_pod
from harness import model_api, platform, record, tenant

pytestmark = pytest.mark.enable_socket

TOKEN = "hf_thatMustBeInNoLayer42"
PACKAGES = "fastapi==0.121.0\nuvicorn==0.38.0\n"
PROGRAM = """
from fastapi import FastAPI

app = FastAPI()


@app.get("/health")
def health() -> dict[str, str]:
    return {"release": "RELEASE"}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("builds")


@pytest.fixture(scope="module")
def images(folder: Path) -> Iterator[Registry]:
    with registry(folder) as found:
        yield found


@pytest.fixture(scope="module")
def builder(folder: Path, images: Registry) -> Iterator[AtAddress]:
    with buildkit(folder / "buildkit", images.host) as found:
        yield found


@pytest.fixture(scope="module")
def base(folder: Path, images: Registry, builder: AtAddress) -> str:
    return base_image(builder, images.host, folder / "base")


class Project:
    """A folder that is built, with what was said meanwhile."""

    def __init__(self, folder: Path, images: Registry, builder: AtAddress, name: str) -> None:
        self.folder, self.repository, self.builder = folder / name, f"{images.host}/vision/{name}", builder
        self.folder.mkdir()
        self.said: list[str] = []

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / name.replace("_", ".")).write_text(text)

    def built(self, builder: AtAddress | None = None, **spec: Any) -> BuiltImage:
        target = BuildTarget(repository=self.repository, builder=builder or self.builder)
        self.said.clear()
        return build_image(self.folder, BuildSpec.model_validate(spec), target, self.said.append)

    def step(self, beginning: str) -> str:
        """What was said of the step that begins so, or of a part of it."""
        found = [line for line in self.said if beginning in line]
        assert len(found) == 1, self.said
        return found[0]


@pytest.fixture(scope="module")
def scorer(folder: Path, images: Registry, builder: AtAddress) -> Project:
    project = Project(folder, images, builder, "scorer")
    project.write(requirements_txt=PACKAGES, main_py=PROGRAM.replace("RELEASE", "one"))
    return project


@pytest.fixture(scope="module")
def first(scorer: Project, base: str) -> BuiltImage:
    return scorer.built(base=base, requirements="requirements.txt")


class TestAProgramOfPython:
    def test_is_in_the_registry_by_its_digest(self, first: BuiltImage, images: Registry) -> None:
        assert re.fullmatch(rf"{images.host}/vision/scorer@sha256:[0-9a-f]{{64}}", first.reference_with_digest)
        assert images.manifest(first.reference_with_digest)["layers"]
        assert images.manifest(f"{images.host}/vision/scorer:{first.tag}") == images.manifest(
            first.reference_with_digest
        )

    def test_is_built_of_its_code_alone_the_second_time_on_a_machine_that_knows_nothing(
        self, scorer: Project, first: BuiltImage, base: str, images: Registry, tmp_path: Path
    ) -> None:
        """As in the cluster, where each build has a BuildKit of its own, and the registry has the cache."""
        scorer.write(main_py=PROGRAM.replace("RELEASE", "two"))
        with buildkit(tmp_path, images.host) as empty:
            second = scorer.built(empty, base=base, requirements="requirements.txt")
        assert first.cached_steps == 0
        assert second.steps - second.cached_steps == 1
        assert "cached" in scorer.step("pip install")
        assert "cached" not in scorer.step("COPY . /app")
        assert second.tag != first.tag
        assert second.reference_with_digest != first.reference_with_digest
        print(f"\nfirst build {first.seconds} s, code alone {second.seconds} s: {second.cached_steps}/{second.steps}")
        assert second.seconds < 60

    def test_answers_within_what_pods_may(self, first: BuiltImage, images: Registry, tmp_path: Path) -> None:
        """As its template runs it: an ordinary user, nothing writable but /tmp, no capability."""
        root = tmp_path / "image"
        root.mkdir()
        settings = images.unpacked(first.reference_with_digest, root)
        port = free_ports("http")["http"]
        command = ["python3", "-m", "uvicorn", "main:app", "--host", "127.0.0.1", "--port", str(port)]
        written = model_api("scorer", port=port, command=command, image=first.reference_with_digest)
        approving = {"approvedImages": [f"{images.host}/"]}
        recording = record(platform(tenant("vision", written), guardrails=approving))
        image = Image(files=root, settings=settings)
        pod = contained(rendered_pod(recording, "scorer"), Surroundings(folder=tmp_path / "pod", image=image))
        with pod.running():
            eventually(
                lambda: _answered(port) == {"release": "one"}, f"an answer of the program, whose log is {pod.log}"
            )


def _answered(port: int) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health")
        return json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class TestASecret:
    def test_is_there_while_the_script_runs_and_nowhere_afterwards(
        self, folder: Path, images: Registry, builder: AtAddress, base: str
    ) -> None:
        project = Project(folder, images, builder, "gated")
        project.write(setup_sh='test -n "$HF_TOKEN"\nprintf %s "$HF_TOKEN" | sha256sum > /proof\n', main_py="1")
        secrets = {"HF_TOKEN": TOKEN, "OTHER": "unasked"}
        built = build_image(
            project.folder,
            BuildSpec.model_validate({"base": base, "script": "setup.sh", "secrets": ["HF_TOKEN"]}),
            BuildTarget(repository=project.repository, builder=builder, secrets=secrets),
            project.said.append,
        )
        layers = images.manifest(built.reference_with_digest)["layers"]
        proofs = [text for layer in layers if (text := _file_in(images.blob(layer["digest"]), "proof"))]
        assert proofs == [f"{sha256(TOKEN.encode()).hexdigest()}  -\n"]
        kept = [file for file in images.folder.rglob("data") if _holds(file.read_bytes(), TOKEN)]
        assert kept == []

    def test_that_nobody_gave_is_named_before_anything_is_sent(self, scorer: Project, base: str) -> None:
        with pytest.raises(BuildError, match="needs the secret HF_TOKEN"):
            build_image(
                scorer.folder,
                BuildSpec.model_validate({"base": base, "script": "setup.sh", "secrets": ["HF_TOKEN"]}),
                BuildTarget(repository=scorer.repository, builder=scorer.builder),
                print,
            )


def _file_in(layer: bytes, name: str) -> str:
    with tarfile.open(fileobj=BytesIO(layer)) as archive:
        found = [member for member in archive.getmembers() if member.name == name]
        content = archive.extractfile(found[0]) if found else None
        return content.read().decode() if content else ""


def _holds(blob: bytes, text: str) -> bool:
    """Whether a blob has a text in it, compressed or not."""
    plain = zlib.decompress(blob, wbits=31) if blob[:2] == b"\x1f\x8b" else blob
    return text.encode() in plain


class Files(http.server.SimpleHTTPRequestHandler):
    """Serves weights, and counts who takes them."""

    taken = 0

    def do_GET(self) -> None:
        type(self).taken += 1
        content = b"w" * 3_000_000
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


def test_weights_are_not_fetched_again_when_a_package_changes(
    folder: Path, images: Registry, builder: AtAddress, base: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from bedplate.builds import dockerfile

    # A stack's weights come over HTTPS alone; the address of this process has no certificate.
    written = dockerfile._weights  # pyright: ignore[reportPrivateUsage]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    own = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(
        dockerfile, "_weights", lambda one, mounts: written(one, mounts).replace("https://weights.example.com", own)
    )
    weights = {
        "url": "https://weights.example.com/model.bin",
        "sha256": sha256(b"w" * 3_000_000).hexdigest(),
        "path": "/models/model.bin",
    }
    project = Project(folder, images, builder, "weighty")
    spec: dict[str, Any] = {"base": base, "weights": [weights], "script": "setup.sh"}
    try:
        project.write(setup_sh="echo one > /one\n", main_py="1")
        project.built(**spec)
        project.write(setup_sh="echo two > /two\n")
        with buildkit(tmp_path, images.host) as empty:
            again = project.built(empty, **spec)
    finally:
        server.shutdown()
        server.server_close()
    assert Files.taken == 1
    assert "cached" in project.step("ADD ")
    assert "cached" not in project.step("RUN bash")
    layers = images.manifest(again.reference_with_digest)["layers"]
    assert any(_file_in(images.blob(layer["digest"]), "models/model.bin") for layer in layers)


class TestWhatIsSent:
    RULES = """
# comment
*.log
!keep.log
data/
**/cache
docs/*.md
!docs/README.md
a?c
/anchored
nested/**/deep
"""
    FILES = (
        *("main.py", "a.log", "keep.log", "sub/b.log", "data/x.bin", "data/deep/y.bin", "sub/cache/z", "cache"),
        *("docs/a.md", "docs/README.md", "docs/sub/b.md", "abc", "abbc", "anchored", "sub/anchored"),
        *("nested/deep", "nested/one/deep", "nested/one/two/deep/file", ".env", "sub/.env.local", ".git/config"),
        *("sub/__pycache__/m.pyc", ".venv/bin/python", "with space.txt"),
    )

    def test_is_what_buildkit_takes(self, folder: Path, images: Registry, builder: AtAddress) -> None:
        """Its own reading of the same rules, over the same folder."""
        project = Project(folder, images, builder, "ruled")
        for name in self.FILES:
            file = project.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(name)
        project.write(**{"_dockerignore": self.RULES, "Dockerfile": "FROM scratch\nCOPY . /files/\n"})
        built = project.built()
        (layer,) = images.manifest(built.reference_with_digest)["layers"]
        with tarfile.open(fileobj=BytesIO(images.blob(layer["digest"]))) as archive:
            taken = {member.name.removeprefix("files/") for member in archive.getmembers() if member.isfile()}
        ours = set(context_of(project.folder, BuildSpec()).files)
        assert ours == taken
        assert {"main.py", "keep.log", "docs/README.md"} <= ours
        assert not {"a.log", "data/x.bin", ".env", ".git/config", "sub/cache/z"} & ours


class TestABuildThatFails:
    def test_names_the_step_and_what_it_said_last(
        self, folder: Path, images: Registry, builder: AtAddress, base: str
    ) -> None:
        project = Project(folder, images, builder, "broken")
        project.write(setup_sh="echo compiling >&2\necho no such header: cuda.h >&2\nexit 3\n", main_py="1")
        with pytest.raises(BuildError) as found:
            project.built(base=base, script="setup.sh")
        assert "setup.sh" in found.value.step
        assert "exit code: 3" in found.value.message
        assert found.value.lines[-2:] == ("compiling", "no such header: cuda.h")

    def test_says_that_a_base_image_is_not_there(self, scorer: Project, images: Registry) -> None:
        with pytest.raises(BuildError, match="not found") as found:
            scorer.built(base=f"{images.host}/nothing/here:1", requirements="requirements.txt")
        assert "base image" in found.value.fix

    def test_says_that_nobody_answers(self, scorer: Project, builder: AtAddress, base: str, tmp_path: Path) -> None:
        nobody = AtAddress(address=f"unix://{tmp_path}/nobody.sock", client=builder.client)
        with pytest.raises(BuildError, match="without an image") as found:
            scorer.built(nobody, base=base, requirements="requirements.txt")
        assert "nobody.sock" in "".join(found.value.lines)
