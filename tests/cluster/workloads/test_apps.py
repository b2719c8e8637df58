"""Apps as people see them: the real Streamlit, Gradio and Dash, started exactly as their pods are rendered.

Their code comes from a git repository by the real git, as the pod's own program fetches it. They answer behind the real
front door and login, in Chromium.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser

from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.workloads.app import FRAMEWORKS
from cluster.browsers import Person, chromium_program, running_chromium
from cluster.chain import Chain, Programs, running_chain, stack
from cluster.login_processes import DOMAIN
from cluster.objects_under_test import eventually
from cluster.pages import Pages
from cluster.processes_under_test import serving
from contained import Contained, Image, Surroundings, contained, image_under_test, rendered_pod, running_pod
from harness import record

pytestmark = pytest.mark.enable_socket

PORTS = {"streamlit": 8501, "gradio": 7860, "dash": 8050}
_START_SECONDS = 90
SECRETS = frozenset({"vision-token"})
TOKEN = "of-the-repository-alone"
CODE = {
    "streamlit": """
import getpass, os
import streamlit as st
st.title("Parcels")
st.write(f"runs as {getpass.getuser()} {os.getuid()} in {os.getcwd()}, token {os.environ.get('CODE_TOKEN')}")
if st.button("Count"):
    st.write("counted 42")
""",
    "gradio": """
import gradio as gr
with gr.Blocks(title="Parcels") as demo:
    gr.Markdown("# Parcels")
    said = gr.Textbox(label="Said")
    gr.Button("Count").click(lambda: "counted 42", outputs=said)
demo.launch()
""",
    "dash": """
from dash import Dash, Input, Output, html
app = Dash(title="Parcels")
app.layout = html.Div([html.H1("Parcels"), html.Button("Count", id="count"), html.Div(id="said")])
@app.callback(Output("said", "children"), Input("count", "n_clicks"), prevent_initial_call=True)
def count(_):
    return "counted 42"
app.run()
""",
}


def repository(folder: Path, framework: str) -> str:
    """A repository with two commits; the first is what the stack names."""

    def git(*words: str) -> str:
        identity = ["-c", "user.name=ada", "-c", "user.email=ada@example.com"]
        return subprocess.run(
            ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    folder.mkdir(parents=True)
    git("init", "-q", "-b", "main")
    (folder / "app.py").write_text(CODE[framework])
    git("add", "app.py")
    git("commit", "-q", "-m", "The app")
    commit = git("rev-parse", "HEAD")
    (folder / "app.py").write_text("raise SystemExit('a branch that moved on')\n")
    git("commit", "-q", "-a", "-m", "Something else")
    git("config", "uploadpack.allowAnySHA1InWant", "true")
    return commit


def platform_with_apps(commits: dict[str, str]) -> dict[str, Any]:
    """The chain's stack, and an app of each framework."""
    made = stack()
    for framework, commit in commits.items():
        source = {"repository": "https://git.example.com/parcels.git", "commit": commit, "tokenEnv": "CODE_TOKEN"}
        made["tenants"][0]["workloads"].append(
            {
                "kind": "app",
                "name": framework,
                "image": "ghcr.io/acme/apps:1.0.0",
                "framework": framework,
                "source": {**source, "image": "ghcr.io/acme/git:2.47.2"},
                "secretEnv": {"CODE_TOKEN": "vision-token"},
                "route": {"access": "browser"},
            }
        )
    return made


def fetch(spec: Any, repository: Path, folder: Path) -> str:
    """Runs what the pod runs before its program; only the address of the repository is another."""
    user = spec["securityContext"]["runAsUser"]
    for place in (repository, *repository.rglob("*")):
        shutil.chown(place, user, user)
    variables = {"REPOSITORY": "file:///mnt/repository", "CODE_TOKEN": TOKEN}
    surroundings = Surroundings(
        folder=folder, variables=variables, image=Image(folders={"/mnt/repository": repository})
    )
    (fetching,) = spec["initContainers"]
    pod = contained(spec, surroundings, fetching["name"])
    with pod.running() as process:
        assert process.wait(60) == 0, pod.log.read_text()
    return pod.log.read_text()


@pytest.fixture(scope="module")
def commits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("repositories")
    return {framework: repository(folder / framework, framework) for framework in PORTS}


@pytest.fixture(scope="module")
def platform(commits: dict[str, str]) -> dict[str, Any]:
    return platform_with_apps(commits)


@pytest.fixture(scope="module")
def pods(
    platform: dict[str, Any], commits: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Generator[dict[str, Contained]]:
    image = image_under_test("interfaces/apps", "streamlit", "make interfaces")
    recording = record(platform, SECRETS)
    repositories = tmp_path_factory.getbasetemp() / "repositories0"
    with ExitStack() as running:
        made: dict[str, Contained] = {}
        for framework in PORTS:
            folder = tmp_path_factory.mktemp(framework)
            said = fetch(rendered_pod(recording, framework), repositories / framework, folder)
            assert said.startswith(f"runs {commits[framework]}")
            assert said.strip().endswith("The app")
            made[framework] = running.enter_context(running_pod(recording, framework, image, folder, CODE_TOKEN=TOKEN))
        yield made


def probed(framework: str, pod: Contained) -> int:
    """The status that the pod's own probe gets."""
    asked = pod.spec["containers"][0]["readinessProbe"]["httpGet"]
    try:
        with urlopen(f"http://127.0.0.1:{PORTS[framework]}{asked['path']}", timeout=5) as answer:
            return int(answer.status)
    except (URLError, OSError):
        return 0


@pytest.fixture(scope="module")
def chain(
    cluster_access: ClusterAccess,
    platform: dict[str, Any],
    pods: dict[str, Contained],
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[Chain]:
    chromium_program()
    programs, folder = Programs.found(), tmp_path_factory.mktemp("chain")
    for framework, pod in pods.items():
        what = f"the probe of {framework}, whose log is {pod.log}"
        eventually(lambda one=framework, of=pod: probed(one, of) == 200, what, _START_SECONDS)
    with (
        serving(Pages, programs.address) as port,
        running_chain(cluster_access, programs, folder, port, platform, ports=PORTS, secrets=SECRETS) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def ada(chain: Chain) -> Generator[Person]:
    chain.site.tell_provider("PUT", "/people/ada", {"email": "ada@example.com", "groups": ["ml-vision"]})
    with running_chromium(chromium_program(), chain.traefik.https, chain.certificate) as browser:
        yield _signed_in(browser)


def _signed_in(browser: Browser) -> Person:
    person = Person("ada", browser)
    person.signs_in(f"https://streamlit-vision.{DOMAIN}/")
    return person


@pytest.mark.parametrize("framework", PORTS)
class TestAnApp:
    def test_works_behind_the_front_door(self, framework: str, ada: Person, pods: dict[str, Contained]) -> None:
        """Its page loads, and a click is answered by the program: of Streamlit by a websocket."""
        sockets: list[str] = []
        ada.tab.on("websocket", lambda socket: sockets.append(socket.url))
        assert ada.opens(f"https://{framework}-vision.{DOMAIN}/") == 200
        ada.tab.get_by_role("heading", name="Parcels").first.wait_for(timeout=_START_SECONDS * 1000)
        ada.tab.get_by_role("button", name="Count").click()
        if framework == "gradio":
            said = ada.tab.get_by_label("Said")
            eventually(lambda: said.input_value() == "counted 42", "Gradio's answer")
        else:
            ada.tab.get_by_text("counted 42").wait_for()
        ada.keeps_picture(f"app-{framework}")
        assert {url.partition("/_stcore")[0] for url in sockets} == (
            {f"wss://{framework}-vision.{DOMAIN}"} if framework == "streamlit" else set()
        )
        if framework == "streamlit":
            text = ada.tab.get_by_text("runs as").inner_text()
            assert text == "runs as streamlit 65532 in /tmp/code, token None"

    def test_counts_no_page_that_nobody_touches(self, framework: str, ada: Person) -> None:
        ada.opens(f"https://{framework}-vision.{DOMAIN}/")
        ada.tab.get_by_role("heading", name="Parcels").first.wait_for(timeout=_START_SECONDS * 1000)
        ada.tab.wait_for_timeout(2000)  # until it has all that it shows
        assert ada.counted_while_idle(FRAMEWORKS[framework].polling_paths, 12) == []

    def test_is_closed_to_who_has_not_signed_in(self, framework: str, chain: Chain) -> None:
        visitor, host = chain.visitor(), f"{framework}-vision.{DOMAIN}"
        assert visitor.ask(host)[0].status == 302
        said, _ = visitor.opens_websocket(host, path="/_stcore/stream")
        assert " 401 " in said.splitlines()[0] or " 302 " in said.splitlines()[0]

    def test_keeps_a_visitor_at_one_pod(self, framework: str, ada: Person) -> None:
        ada.opens(f"https://{framework}-vision.{DOMAIN}/")
        cookies = ada.context.cookies(f"https://{framework}-vision.{DOMAIN}/")
        (kept,) = [one for one in cookies if one.get("name") == "bedplate-pod"]
        assert kept.get("secure")
        assert kept.get("httpOnly")


@pytest.mark.parametrize("framework", PORTS)
def test_an_app_stops_within_seconds(framework: str, chain: Chain, pods: dict[str, Contained]) -> None:
    """A signal ends the program, as it would when its pod is to go: well before the end of its time. Last, because
    nobody starts it again."""
    assert probed(framework, pods[framework]) == 200
    for process in processes_of(framework):
        os.kill(process, signal.SIGTERM)
    begun = time.monotonic()
    eventually(lambda: not processes_of(framework), f"the end of {framework}", seconds=10)
    assert time.monotonic() - begun < pods[framework].spec["terminationGracePeriodSeconds"] - 5


def processes_of(framework: str) -> list[int]:
    """Programs of the pod's user that were started with the app's name among their variables."""
    found: list[int] = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            variables = (place / "environ").read_bytes().split(b"\0")
            if place.stat().st_uid == 65532 and f"USER={framework}".encode() in variables:
                found.append(int(place.name))
        except OSError:
            continue
    return found
