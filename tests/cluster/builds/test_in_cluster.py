"""A build in a cluster, from the folder to the registry, by the client that members have.

The API server and the kubelet are this process, for the six requests that there are: simulated nodes attach nobody to
anything. What is attached to is the real pod of a build with a real BuildKit. What the API server itself says of such
requests is in test_members.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from kubernetes import client as api

from bedplate.builds.build import BuildTarget, build_image
from bedplate.builds.failures import BuildError
from bedplate.builds.in_cluster import InCluster
from bedplate.builds.spec import BuildSpec
from cluster.builds.build_pod import BuildPod, pod_template
from cluster.builds.build_processes import Registry, registry

pytestmark = pytest.mark.enable_socket

PLACE = "/namespaces/bedplate-builds-vision"
_STDIN = 0


class Cluster:
    """Answers what a build asks. made, removed: Jobs. sent: over standard input. refusal: of Jobs."""

    def __init__(self, pod: BuildPod) -> None:
        self.pod, self.made, self.removed, self.sent = pod, list[dict[str, Any]](), list[str](), b""
        self._received = asyncio.Event()
        self.refusal: tuple[int, str] | None = None

    def application(self) -> web.Application:
        made = web.Application()
        made.add_routes(
            [
                web.get(f"/api/v1{PLACE}/podtemplates/build", self._template),
                web.post(f"/apis/batch/v1{PLACE}/jobs", self._create),
                web.delete(f"/apis/batch/v1{PLACE}/jobs/{{name}}", self._delete),
                web.get(f"/api/v1{PLACE}/pods", self._pods),
                web.get(f"/api/v1{PLACE}/pods/{{name}}/attach", self._attach),
                web.get(f"/api/v1{PLACE}/pods/{{name}}/log", self._log),
            ]
        )
        return made

    async def _template(self, _: web.Request) -> web.Response:
        return web.json_response({"apiVersion": "v1", "kind": "PodTemplate", **pod_template()})

    async def _create(self, request: web.Request) -> web.Response:
        if self.refusal:
            status, message = self.refusal
            return web.json_response({"kind": "Status", "message": message}, status=status)
        job = await request.json()
        self.made.append(job)
        return web.json_response({**job, "metadata": {**job["metadata"], "name": "reader-x7k2p"}})

    async def _delete(self, request: web.Request) -> web.Response:
        self.removed.append(request.match_info["name"])
        return web.json_response({"kind": "Status", "status": "Success"})

    async def _pods(self, request: web.Request) -> web.Response:
        assert request.query["labelSelector"] == "job-name=reader-x7k2p"
        pod = {"metadata": {"name": "reader-x7k2p-abcde"}, "status": {"phase": "Running"}}
        return web.json_response({"kind": "PodList", "items": [pod]})

    async def _attach(self, request: web.Request) -> web.WebSocketResponse:
        """The first byte of a message is its channel
        (https://pkg.go.dev/k8s.io/apimachinery/pkg/util/remotecommand)."""
        socket = web.WebSocketResponse(protocols=["v5.channel.k8s.io", "v4.channel.k8s.io"], max_msg_size=0)
        await socket.prepare(request)
        assert request.query["stdin"] == "true"
        async for message in socket:
            if message.type == WSMsgType.BINARY and message.data[0] == _STDIN:
                self.sent += message.data[1:]
                if len(self.sent) >= int(self.sent[:20]) + 20:
                    self._received.set()
        return socket

    async def _log(self, _: web.Request) -> web.Response:
        await asyncio.wait_for(self._received.wait(), 30)
        done = await asyncio.to_thread(self.pod.run, self.sent)
        return web.Response(text=done.stderr + done.stdout)


@contextmanager
def serving(cluster: Cluster) -> Iterator[str]:
    """The address of a server in a thread of its own."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(cluster.application(), access_log=None)
    loop.run_until_complete(runner.setup())
    site = web.TCPSite(runner, "127.0.0.1", 0)
    loop.run_until_complete(site.start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(70)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


@pytest.fixture
def images(tmp_path: Path) -> Iterator[Registry]:
    with registry(tmp_path) as found:
        yield found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /app/\n")
    (folder / "weights.bin").write_bytes(bytes(range(256)) * 8000)
    return folder


def _built(address: str, project: Path, images: Registry, secrets: dict[str, str]) -> Any:
    client = api.ApiClient(api.Configuration(host=address))
    builder = InCluster(client=client, namespace="vision", app="Reader")
    target = BuildTarget(repository=f"{images.host}/vision/reader", builder=builder, secrets=secrets)
    try:
        return build_image(project, BuildSpec.model_validate({"secrets": list(secrets)}), target, print)
    finally:
        client.close()


def test_a_folder_becomes_an_image_and_leaves_no_job_and_no_secret(
    images: Registry, project: Path, tmp_path: Path
) -> None:
    cluster = Cluster(BuildPod(tmp_path, images.host))
    with serving(cluster) as address:
        built = _built(address, project, images, {"HF_TOKEN": "hf_inNoObject"})
    assert images.manifest(built.reference_with_digest)["layers"]
    assert (built.steps, cluster.removed) == (1, ["reader-x7k2p"])
    (job,) = cluster.made
    assert job["metadata"]["generateName"] == "reader-"
    assert job["spec"]["template"]["spec"] == pod_template()["template"]["spec"]
    assert b"hf_inNoObject" in cluster.sent
    assert "hf_inNoObject" not in json.dumps(job)


@pytest.mark.parametrize(
    ("refusal", "message", "fix"),
    [
        ((403, "jobs.batch is forbidden: exceeded quota: builds"), "no more builds", "wait for another"),
        ((403, 'User "ines" cannot create resource "jobs"'), "builds no images for you", "images.builds.credentials"),
        ((500, "etcdserver: request timed out"), "did not take the build: etcdserver", "build again"),
    ],
)
def test_a_refusal_says_what_to_do(
    images: Registry, project: Path, tmp_path: Path, refusal: tuple[int, str], message: str, fix: str
) -> None:
    cluster = Cluster(BuildPod(tmp_path, images.host))
    cluster.refusal = refusal
    with serving(cluster) as address, pytest.raises(BuildError, match=message) as found:
        _built(address, project, images, {})
    assert fix in found.value.fix
