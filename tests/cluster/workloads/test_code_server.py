"""The real code-server, as a workspace with `interface: vscode` is rendered, behind the real front door in Chromium."""

import json
import shutil
import urllib.request
from collections.abc import Generator
from typing import Any

import pytest
from playwright.sync_api import Browser

from bedplate.embedded_cluster.cluster import ClusterAccess
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

CODE = f"code-vision.{DOMAIN}"
PORT = 8080
_START_SECONDS = 90
IDLE_SECONDS = 20


def platform_with_vscode() -> dict[str, Any]:
    """The chain's stack, and a workspace of ada's."""
    made = stack()
    code = {"kind": "workspace", "name": "code", "owner": "ada@example.com", "image": "ghcr.io/acme/code:4.139.1"}
    made["tenants"][0]["workloads"].append({**code, "interface": "vscode", "alwaysOn": True})
    return made


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Generator[Contained]:
    image = image_under_test("interfaces/code-server", "code-server", "make interfaces")
    with running_pod(record(platform_with_vscode()), "code", image, tmp_path_factory.mktemp("code")) as running:
        home = running.volumes["/home/code"]
        (home / "parcels.py").write_text("print(6 * 7)\n")
        shutil.chown(home / "parcels.py", 65532, 65532)
        yield running


@pytest.fixture(scope="module")
def chain(cluster_access: ClusterAccess, pod: Contained, tmp_path_factory: pytest.TempPathFactory) -> Generator[Chain]:
    chromium_program()
    programs, folder, written = Programs.found(), tmp_path_factory.mktemp("chain"), platform_with_vscode()
    with (
        serving(Pages, programs.address) as port,
        running_chain(cluster_access, programs, folder, port, written, ports={"code": PORT}) as running,
    ):
        visitor = running.visitor()
        eventually(lambda: visitor.ask(CODE)[0].status == 302, f"a way to it; log in {pod.log}", _START_SECONDS)
        eventually(lambda: health(programs.address) is not None, f"code-server; log in {pod.log}", _START_SECONDS)
        yield running


@pytest.fixture(scope="module")
def chromium(chain: Chain) -> Generator[Browser]:
    with running_chromium(chromium_program(), chain.traefik.https, chain.certificate) as browser:
        yield browser


def signed_in(chain: Chain, chromium: Browser, name: str) -> Person:
    person = {"email": f"{name}@example.com", "groups": ["ml-vision"]}
    chain.site.tell_provider("PUT", f"/people/{name}", person)
    made = Person(name, chromium)
    made.signs_in(f"https://{CODE}/")
    return made


def health(address: str) -> str | None:
    """What its probe hears; None while nothing answers."""
    try:
        with urllib.request.urlopen(f"http://{address}:{PORT}/healthz", timeout=5) as answer:
            return json.load(answer)["status"]
    except OSError:
        return None


def test_its_owner_works_in_the_page_and_nobody_else_sees_it(chain: Chain, chromium: Browser, pod: Contained) -> None:
    """Being probed is no use, nor is a page that nobody touches; the files of the home come by a websocket; what is
    written is on the home volume."""
    address = chain.programs.address
    assert health(address) == "expired"
    ada = signed_in(chain, chromium, "ada")
    ada.tab.locator(".monaco-workbench").wait_for(timeout=_START_SECONDS * 1000)
    ada.tab.get_by_role("treeitem", name="parcels.py").first.wait_for(timeout=_START_SECONDS * 1000)
    ada.tab.get_by_role("treeitem", name="parcels.py").first.dblclick()
    ada.tab.locator(".view-lines", has_text="print(6 * 7)").first.wait_for(timeout=_START_SECONDS * 1000)
    ada.keeps_picture("workspace-vscode")
    ada.tab.locator(".monaco-editor").first.click()
    ada.tab.keyboard.press("Control+Home")
    ada.tab.keyboard.type("# by ada")
    ada.tab.keyboard.press("Enter")
    ada.tab.keyboard.press("Control+S")
    written = pod.volumes["/home/code"] / "parcels.py"
    eventually(lambda: written.read_text() == "# by ada\nprint(6 * 7)\n", "what was saved", 30)
    assert health(address) == "alive"
    ada.tab.wait_for_timeout(IDLE_SECONDS * 1000)  # until it has all that it shows
    assert ada.counted_while_idle(INTERFACES["vscode"].polling_paths, IDLE_SECONDS) == []
    grace = signed_in(chain, chromium, "grace")
    assert grace.opens(f"https://{CODE}/") == 403
    for each in (ada, grace):
        each.leaves()
