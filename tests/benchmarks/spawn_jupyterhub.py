"""JupyterHub with KubeSpawner, as their documentation has it, on a cluster of this machine; and somebody who visits it.

The real Hub, the real proxy (configurable-http-proxy) and the real spawner: the Hub asks for a claim and a pod, watches
until the pod runs, asks its server until that answers, adds a route to the proxy, and tells the page that waits, by
which the browser goes there and through the server's own sign-in at the Hub.
https://jupyterhub.readthedocs.io/en/stable/explanation/concepts.html,
https://jupyterhub-kubespawner.readthedocs.io/en/latest/spawner.html
"""

import http.cookiejar
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.programs.processes import BackgroundProcess, guarded, stop
from cluster.objects_under_test import eventually
from cluster.processes_under_test import free_ports

NAMESPACE = "jupyterhub"
_TIMEOUT_SECONDS = 300
_CONFIGURATION = """
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = "http://{address}:{hub}"
c.JupyterHub.hub_connect_url = "http://{address}:{hub}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy}"
c.ConfigurableHTTPProxy.command = ["{chp}"]
c.JupyterHub.db_url = "sqlite:///{folder}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/cookie"
# As Zero to JupyterHub sets it: the page that waits is shown at once.
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0}}
c.KubeSpawner.namespace = "{namespace}"
c.KubeSpawner.image = "{image}"
c.KubeSpawner.cmd = ["jupyterhub-singleuser"]
c.KubeSpawner.port = 8888
c.KubeSpawner.default_url = "/lab"
c.KubeSpawner.start_timeout = 300
c.KubeSpawner.http_timeout = 60
c.KubeSpawner.storage_pvc_ensure = True
c.KubeSpawner.storage_class = "{storage}"
c.KubeSpawner.storage_capacity = "20Gi"
c.KubeSpawner.storage_access_modes = ["ReadWriteOnce"]
c.KubeSpawner.pvc_name_template = "claim-{{username}}"
c.KubeSpawner.volumes = [{{"name": "home", "persistentVolumeClaim": {{"claimName": "claim-{{username}}"}}}}]
c.KubeSpawner.volume_mounts = [{{"name": "home", "mountPath": "/home/jovyan"}}]
"""


class Visitor:
    """Somebody who has signed in."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = url, name
        self._jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))
        self._ask("/hub/login")
        self._ask("/hub/login?next=%2Fhub%2Fhome", {"username": name, "password": "x", "_xsrf": self._xsrf()})

    def spawns(self) -> float:
        """From asking for her server to its page: how many seconds."""
        started = time.monotonic()
        self._ask(f"/hub/spawn/{self._name}")  # the Hub starts it, and answers with the page that waits
        self._waits(f"/hub/api/users/{self._name}/server/progress?_xsrf={self._xsrf()}")
        while not (seen := self._sees_jupyterlab()) and time.monotonic() - started < _TIMEOUT_SECONDS:
            time.sleep(0.1)  # the proxy may hear of the server's address after the Hub has told that it is ready
        if not seen:
            raise RuntimeError(f"no page of JupyterLab at {self._url}/user/{self._name}/lab")
        return time.monotonic() - started

    def _sees_jupyterlab(self) -> bool:
        status, address, page = self._ask(f"/user/{self._name}/lab")
        return status == 200 and "/lab" in address and b"jupyter-config-data" in page

    def stops(self) -> None:
        """Asks for the end of her server, and waits for it."""
        path = f"/hub/api/users/{self._name}/server?_xsrf={self._xsrf()}"
        ends = time.monotonic() + _TIMEOUT_SECONDS
        while self._ask(path, method="DELETE")[0] != 204 and time.monotonic() < ends:
            time.sleep(1)

    def _waits(self, path: str) -> None:
        """The events that the waiting page listens to, until the server is ready."""
        with self._opener.open(self._request(path), timeout=_TIMEOUT_SECONDS) as events:
            for line in events:
                if not line.startswith(b"data:"):
                    continue
                said = json.loads(line.removeprefix(b"data:"))
                if said.get("failed"):
                    raise RuntimeError(f"JupyterHub started nothing: {said}")
                if said.get("ready"):
                    return
        raise RuntimeError("JupyterHub told no end of the start")

    def _xsrf(self) -> str:
        return next((str(cookie.value) for cookie in self._jar if cookie.name == "_xsrf"), "")

    def _request(
        self, path: str, form: dict[str, str] | None = None, method: str | None = None
    ) -> urllib.request.Request:
        asked = urllib.request.Request(self._url + path, urlencode(form).encode() if form else None, method=method)
        asked.add_header("Referer", f"{self._url}/hub/home")
        # What browsers say of a page that somebody opens, by which the Hub knows it.
        asked.add_header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
        asked.add_header("Sec-Fetch-Mode", "navigate" if method is None else "cors")
        asked.add_header("Sec-Fetch-Dest", "document" if method is None else "empty")
        asked.add_header("Sec-Fetch-Site", "same-origin")
        return asked

    def _ask(self, path: str, form: dict[str, str] | None = None, method: str | None = None) -> tuple[int, str, bytes]:
        try:
            with self._opener.open(self._request(path, form, method), timeout=60) as answer:
                return answer.status, answer.url, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.url, error.read()


@dataclass(frozen=True)
class Hub:
    """JupyterHub that runs."""

    url: str
    log: Path

    def visitor(self, name: str) -> Visitor:
        return Visitor(self.url, name)


@contextmanager
def running_hub(
    access: ClusterAccess, folder: Path, programs: Path, proxy: Path, address: str, image: str, storage: str
) -> Iterator[Hub]:
    """programs: where JupyterHub is installed; proxy: the program of configurable-http-proxy."""
    folder.mkdir(parents=True)
    ports = free_ports("public", "hub", "proxy")
    told = _CONFIGURATION.format(
        **ports, address=address, chp=proxy, folder=folder, namespace=NAMESPACE, image=image, storage=storage,

    )  # fmt: skip
    (folder / "jupyterhub_config.py").write_text(told)
    command = [str(programs / "bin" / "jupyterhub"), "-f", str(folder / "jupyterhub_config.py")]
    environment = {
        "PATH": f"{programs / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "KUBECONFIG": str(access.kubeconfig),
    }
    process = BackgroundProcess(
        "jupyterhub", guarded(command), log=folder / "jupyterhub.log", folder=folder, environment=environment
    )
    url = f"http://127.0.0.1:{ports['public']}"
    try:
        eventually(lambda: _is_there(f"{url}/hub/health"), f"an answer of JupyterHub, whose log is {folder}", 60)
        yield Hub(url, folder / "jupyterhub.log")
    finally:
        stop([process])


def _is_there(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def version(programs: Path, proxy: Path) -> str:
    """Of JupyterHub, KubeSpawner and the proxy."""
    asked = "import importlib.metadata as m; print(m.version('jupyterhub'), m.version('jupyterhub-kubespawner'))"
    python = [programs / "bin" / "python", "-c", asked]
    hub, spawner = subprocess.run(python, capture_output=True, text=True, check=True).stdout.split()
    said = subprocess.run([proxy, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return f"JupyterHub {hub}, KubeSpawner {spawner}, configurable-http-proxy {said.splitlines()[-1]}"
