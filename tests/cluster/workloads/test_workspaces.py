"""Workspaces as people see them: the real JupyterLab, as its pod is rendered, behind the real front door.

Chromium, our Traefik, the real login. Another person of the same team is there too, and stays outside.
"""

import time
import urllib.request
from collections.abc import Callable, Generator
from typing import Any

import pytest
from playwright.sync_api import Browser

from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.labels import BUSY_KERNELS_PATH
from bedplate.workloads._interfaces import INTERFACES
from cluster.browsers import Person, chromium_program, running_chromium
from cluster.chain import Chain, Programs, running_chain, stack
from cluster.login_processes import DOMAIN
from cluster.objects_under_test import eventually
from cluster.pages import Pages
from cluster.processes_under_test import serving
from contained import Contained, image_under_test, running_pod
from harness import record

pytestmark = pytest.mark.enable_socket

LAB = f"lab-vision.{DOMAIN}"
PORT = 8888
_START_SECONDS = 60
KERNEL = """async () => {
    const xsrf = document.cookie.match(/_xsrf=([^;]+)/)[1];
    const answer = await fetch("/api/kernels", {method: "POST", headers: {"X-XSRFToken": xsrf}, body: "{}"});
    return (await answer.json()).id;
}"""
RUNS = """([id, code]) => new Promise((tell, fail) => {
    const socket = new WebSocket(`wss://${location.host}/api/kernels/${id}/channels`);
    const header = {msg_id: "1", msg_type: "execute_request", session: "s", username: "", version: "5.3", date: ""};
    const content = {code, silent: false, store_history: false, user_expressions: {}, allow_stdin: false};
    const asked = {header, parent_header: {}, metadata: {}, channel: "shell", content, buffers: []};
    socket.onopen = () => socket.send(JSON.stringify(asked));
    socket.onerror = () => fail("the websocket was refused");
    socket.onmessage = (message) => {
        const said = JSON.parse(message.data);
        if (said.msg_type === "stream") { tell(said.content.text); socket.close(); }
        if (said.msg_type === "error") fail(said.content.evalue);
    };
})"""


def platform_with_a_workspace() -> dict[str, Any]:
    """The chain's stack, and a workspace of ada's."""
    made = stack()
    lab = {"kind": "workspace", "name": "lab", "owner": "ada@example.com", "image": "ghcr.io/acme/lab:1.0.0"}
    made["tenants"][0]["workloads"].append({**lab, "alwaysOn": True})
    return made


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Generator[Contained]:
    image = image_under_test("interfaces/jupyterlab", "jupyter-lab", "make interfaces")
    with running_pod(record(platform_with_a_workspace()), "lab", image, tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="module")
def chain(cluster_access: ClusterAccess, pod: Contained, tmp_path_factory: pytest.TempPathFactory) -> Generator[Chain]:
    chromium_program()
    programs, folder = Programs.found(), tmp_path_factory.mktemp("chain")
    with (
        serving(Pages, programs.address) as port,
        running_chain(
            cluster_access, programs, folder, port, platform_with_a_workspace(), ports={"lab": PORT}
        ) as running,
    ):
        visitor = running.visitor()
        eventually(lambda: visitor.ask(LAB)[0].status == 302, "a way to the workspace", _START_SECONDS)
        yield running


@pytest.fixture(scope="module")
def chromium(chain: Chain) -> Generator[Browser]:
    with running_chromium(chromium_program(), chain.traefik.https, chain.certificate) as browser:
        yield browser


@pytest.fixture(scope="module")
def person(chain: Chain, chromium: Browser) -> Generator[Callable[[str], Person]]:
    """Somebody of ml-vision, signed in at the workspace."""
    made: list[Person] = []

    def make(name: str) -> Person:
        chain.site.tell_provider("PUT", f"/people/{name}", {"email": f"{name}@example.com", "groups": ["ml-vision"]})
        made.append(Person(name, chromium))
        made[-1].signs_in(f"https://{LAB}/lab")
        return made[-1]

    yield make
    for each in made:
        each.leaves()


@pytest.fixture(scope="module")
def ada(person: Callable[[str], Person]) -> Person:
    owner = person("ada")
    owner.tab.get_by_role("menubar").first.wait_for(timeout=_START_SECONDS * 1000)
    return owner


class TestTheOwner:
    def test_works_in_the_page(self, ada: Person, pod: Contained) -> None:
        """Its launcher, a notebook in her home, a kernel by websocket; the notebook is on the home volume."""
        assert ada.tab.title().endswith("JupyterLab")
        ada.tab.locator(".jp-LauncherCard", has_text="Python 3").first.click()
        cell = ada.tab.locator(".jp-CodeCell .cm-content").first
        cell.wait_for()
        ada.tab.get_by_text("| Idle").first.wait_for(timeout=_START_SECONDS * 1000)
        cell.click()
        ada.tab.keyboard.type("print(6 * 7)")
        ada.tab.keyboard.press("Shift+Enter")
        ada.tab.locator(".jp-OutputArea-output", has_text="42").wait_for(timeout=_START_SECONDS * 1000)
        ada.keeps_picture("workspace-jupyterlab")
        assert [file.name for file in pod.volumes["/home/lab"].glob("*.ipynb")] == ["Untitled.ipynb"]

    def test_has_a_shell_that_knows_her(self, ada: Person) -> None:
        kernel = ada.tab.evaluate(KERNEL)
        said = ada.tab.evaluate(
            RUNS, [kernel, "import getpass, os; print(getpass.getuser(), os.getuid(), os.getcwd())"]
        )
        assert said.split() == ["lab", "65532", "/home/lab"]
        said = ada.tab.evaluate(
            RUNS, [kernel, "import subprocess; print(subprocess.getoutput('git var GIT_AUTHOR_IDENT'))"]
        )
        assert said.startswith("ada <ada@example.com>")

    def test_writes_in_her_home_and_nowhere_else(self, ada: Person) -> None:
        kernel = ada.tab.evaluate(KERNEL)
        tries = "import os\nfor place in ('/', '/opt/bedplate', '/usr/local', '/home/lab', '/tmp'):\n"
        tries += " print(place, os.access(place, os.W_OK), end=' ')"
        said = ada.tab.evaluate(RUNS, [kernel, tries])
        assert said.split() == [
            *("/", "False", "/opt/bedplate", "False", "/usr/local", "False"),
            *("/home/lab", "True", "/tmp", "True"),
        ]

    def test_is_not_counted_for_a_page_that_nobody_touches(self, ada: Person) -> None:
        """Its lists are asked for every ten seconds. Where what is open was changed, it is first kept once more."""
        ada.counted_while_idle([], 15)
        assert ada.counted_while_idle(INTERFACES["jupyterlab"].polling_paths, 22) == []
        assert ada.counted_while_idle([], 12), "that it asks at all"


class TestAColleague:
    def test_is_refused_page_and_websocket(self, person: Callable[[str], Person], chain: Chain) -> None:
        grace = person("grace")
        assert grace.opens(f"https://{LAB}/lab") == 403
        grace.keeps_picture("workspace-of-somebody-else")
        assert grace.opens(f"https://{LAB}/api/kernels") == 403


class TestWhatTellsActivity:
    def test_counts_kernels_that_compute_and_is_no_use_itself(self, ada: Person, programs_address: str) -> None:
        kernel = ada.tab.evaluate(KERNEL)
        ada.tab.evaluate(RUNS, [kernel, "import threading, time; print('ready')"])
        eventually(lambda: busy(programs_address) == 0, "a kernel that rests", 10)
        ada.tab.evaluate(f"({RUNS})(['{kernel}', 'print(1); import time; time.sleep(15)'])")
        eventually(lambda: busy(programs_address) == 1, "a busy kernel", 12)
        # The cell's print is activity, and so is what the open page asks for every ten seconds.
        eventually(lambda: is_no_activity(programs_address), "a moment in which only this test asks", 12)
        eventually(lambda: busy(programs_address) == 0, "the end of the cell", 40)


def is_no_activity(address: str) -> bool:
    """Whether being asked for busy kernels leaves the time of the last activity."""
    before = asked(address, "/api/status").split("last_activity")[1]
    for _ in range(3):
        busy(address)
        time.sleep(0.2)
    return asked(address, "/api/status").split("last_activity")[1] == before


@pytest.fixture(scope="module")
def programs_address(chain: Chain) -> str:
    return chain.programs.address


def asked(address: str, path: str) -> str:
    """As Prometheus and kubelets ask, past the front door."""
    with urllib.request.urlopen(f"http://{address}:{PORT}{path}", timeout=5) as answer:
        assert answer.status == 200
        return answer.read().decode()


def busy(address: str) -> int:
    return int(asked(address, BUSY_KERNELS_PATH).split()[-1])
