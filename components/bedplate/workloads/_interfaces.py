"""What people work with in a workspace, as data: how it is started, where it answers, what its pages ask by themselves.

Owns the table of interfaces. Each one leaves it to the front door who comes in: it asks for no password of its own, and
the workspace's NetworkPolicy lets nobody else reach it. Each one writes below HOME and /tmp only, because the rest of
the file system is read-only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

InterfaceName = Literal["jupyterlab", "vscode", "rstudio"]
SETTINGS_PATH = "/opt/bedplate"
"""Where a pod sees the files that the platform gives to its interface."""
_BUSY_KERNELS = "bedplate_busy_kernels.py"


@dataclass(frozen=True, kw_only=True)
class Interface:
    """command, args: how it starts; `{home}` and `{user}` are put in. health_path: answers as soon as people can work,
    and its being asked is no use. polling_paths: patterns of paths that an open page asks for whether or not somebody
    looks at it; with a method before it where that is not GET. files: by name, given at
    SETTINGS_PATH. environment: what it needs set. user, login: number and name of the user that it runs as, of the
    workload's `user` and the workspace's name if none. tells_busy_kernels: whether it has metrics at
    BUSY_KERNELS_PATH."""

    command: Sequence[str]
    args: Sequence[str]
    port: int
    health_path: str
    polling_paths: Sequence[str] = ()
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    user: int | None = None
    login: str | None = None
    tells_busy_kernels: bool = False


def file_text(name: str) -> str:
    """The text of one of the files that pods are given."""
    return (Path(__file__).parent / "files" / name).read_text()


_LAYOUT = "PUT /lab/api/workspaces/"
"""Where an open page of JupyterLab 4 keeps which panels are open, every few seconds while nobody touches it."""
INTERFACES: Mapping[InterfaceName, Interface] = {
    # https://jupyter-server.readthedocs.io/en/latest/other/full-config.html
    "jupyterlab": Interface(
        command=["jupyter", "lab"],
        args=[
            "--no-browser",
            "--ServerApp.ip=0.0.0.0",
            "--ServerApp.port=8888",
            "--ServerApp.root_dir={home}",
            "--ServerApp.allow_remote_access=True",
            "--ServerApp.quit_button=False",
            "--IdentityProvider.token=",
            "--ServerApp.jpserver_extensions=bedplate_busy_kernels=True",
        ],
        port=8888,
        health_path="/api",
        # Its file browser and its lists of what runs ask every ten seconds while the page is visible.
        polling_paths=["/api/(status|me|kernels|sessions|terminals|kernelspecs|contents)", "/lab/api/", _LAYOUT],
        files={_BUSY_KERNELS: file_text(_BUSY_KERNELS)},
        environment={"PYTHONPATH": SETTINGS_PATH, "JUPYTER_RUNTIME_DIR": "/tmp/jupyter"},
        tells_busy_kernels=True,
    ),
    # https://coder.com/docs/code-server/FAQ, https://github.com/coder/code-server/blob/main/src/node/cli.ts
    "vscode": Interface(
        command=["code-server"],
        args=[
            "--bind-addr=0.0.0.0:8080",
            "--auth=none",
            "--disable-telemetry",
            "--disable-update-check",
            "--disable-workspace-trust",
            "{home}",
        ],
        port=8080,
        health_path="/healthz",
        polling_paths=["/healthz", "/manifest.json", "/_static/"],
    ),
    # https://docs.posit.co/ide/server-pro/rstudio-server-configuration.html. It wants a user whom the image knows:
    # images of the Rocker project have `rstudio`, 1000 (https://rocker-project.org/images/versioned/rstudio.html).
    "rstudio": Interface(
        command=["/usr/lib/rstudio-server/bin/rserver"],
        args=[
            "--server-daemonize=0",
            "--server-user={user}",
            "--server-data-dir=/tmp/rstudio-server",
            "--server-pid-file=/tmp/rstudio-server.pid",
            "--secure-cookie-key-file=/tmp/rstudio-cookie-key",
            f"--database-config-file={SETTINGS_PATH}/database.conf",
            "--auth-none=1",
            "--www-address=0.0.0.0",
            "--www-port=8787",
            "--www-verify-user-agent=0",
            "--www-frame-origin=same",
        ],
        port=8787,
        health_path="/unsupported_browser.htm",
        polling_paths=["/events/get_events", "/rpc/get_events"],
        files={"database.conf": "provider=sqlite\ndirectory=/tmp\n"},
        user=1000,
        login="rstudio",
    ),
}
