"""What is asked again of an API server, and what is not."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bedplate.embedded_cluster.cluster_api import ApiError, ClusterApi

pytestmark = pytest.mark.enable_socket

COUNTED_BY_OTHERS = (
    'Operation cannot be fulfilled on resourcequotas "tenant": the object has been modified; please apply your '
    "changes to the latest version and try again"
)
"""As the API server says it (https://github.com/kubernetes/kubernetes/issues/67761)."""


class Server(http.server.ThreadingHTTPServer):
    """Refuses with 409 and these words, one for each request, and then creates."""

    def __init__(self, *refusals: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.refusals = list(refusals)
        self.requests = 0


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        self.server.requests += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        refused = self.server.refusals.pop(0) if self.server.refusals else None
        body = {"kind": "Status", "message": refused} if refused else {"kind": "Job"}
        answer = json.dumps(body).encode()
        self.send_response(409 if refused else 201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name is the library's
        del format, args


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(*request.param) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def api(server: Server, tmp_path: Path) -> ClusterApi:
    cluster = {"server": f"http://127.0.0.1:{server.server_port}"}
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [{"name": "one", "cluster": cluster}],
        "users": [{"name": "one", "user": {"token": "none"}}],
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(kubeconfig))
    return ClusterApi(path, None)


@pytest.mark.parametrize("server", [[COUNTED_BY_OTHERS] * 2], indirect=True)
def test_a_quota_that_others_counted_meanwhile_is_counted_again(server: Server, api: ClusterApi) -> None:
    assert api.create("/apis/batch/v1/namespaces/vision/jobs", {"kind": "Job"}) == {"kind": "Job"}
    assert server.requests == 3


@pytest.mark.parametrize("server", [[COUNTED_BY_OTHERS] * 20], indirect=True)
def test_a_server_that_never_counts_is_not_asked_for_ever(server: Server, api: ClusterApi) -> None:
    with pytest.raises(ApiError, match="resourcequotas"):
        api.create("/apis/batch/v1/namespaces/vision/jobs", {"kind": "Job"})
    assert server.requests < 10


@pytest.mark.parametrize("server", [['jobs.batch "train" already exists']], indirect=True)
def test_another_conflict_is_told_at_once(server: Server, api: ClusterApi) -> None:
    with pytest.raises(ApiError, match="already exists"):
        api.create("/apis/batch/v1/namespaces/vision/jobs", {"kind": "Job"})
    assert server.requests == 1
