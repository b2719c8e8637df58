"""Requests to the API server as whoever deploys: few kinds, of one namespace.

Owns the wire and the paths of the kinds that a deployment is made of; it asks for no list of kinds, which is most of
what starting `kubectl` takes. What keeps an answer from coming is said with the change to make.
"""

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlencode, urlsplit

import urllib3

from bedplate.deploy.access import Access
from bedplate.deploy.errors import DeployError

Object = dict[str, Any]
_Answer = TypeVar("_Answer")
FIELD_MANAGER = "bedplate-deploy"
_CONNECT_SECONDS, _READ_SECONDS = 5.0, 30.0
_AT_ONCE = 4
"""Connections: each costs a handshake, which requests that wait for nothing are worth."""
NOTHING: Mapping[str, Any] = {}
NONE: Sequence[Any] = ()
"""In the place of what an object lacks."""
PATHS = {
    "ConfigMap": ("v1", "configmaps"),
    "Event": ("v1", "events"),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims"),
    "Pod": ("v1", "pods"),
    "ResourceQuota": ("v1", "resourcequotas"),
    "Secret": ("v1", "secrets"),
    "Service": ("v1", "services"),
    "ServiceAccount": ("v1", "serviceaccounts"),
    "Deployment": ("apps/v1", "deployments"),
    "ReplicaSet": ("apps/v1", "replicasets"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "HorizontalPodAutoscaler": ("autoscaling/v2", "horizontalpodautoscalers"),
    "CronJob": ("batch/v1", "cronjobs"),
    "Job": ("batch/v1", "jobs"),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets"),
    "ScaledObject": ("keda.sh/v1alpha1", "scaledobjects"),
    "IngressRoute": ("traefik.io/v1alpha1", "ingressroutes"),
    "Middleware": ("traefik.io/v1alpha1", "middlewares"),
    "PodMetrics": ("metrics.k8s.io/v1beta1", "pods"),
}
"""By kind: its version, and its name in a path."""


class Refused(Exception):  # noqa: N818 - said as it is read
    """The API server's answer was no. status: of HTTP. reason: its message; it never holds a credential."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Cluster:
    """The API server, and the namespace that everything is asked in."""

    def __init__(self, access: Access, namespace: str) -> None:
        self.access, self.namespace = access, namespace
        self._pool = urllib3.PoolManager(ssl_context=_tls(access), retries=False, maxsize=8)
        self._headers = urllib3.HTTPHeaderDict({"Accept": "application/json", "User-Agent": "bedplate"})
        if access.token:
            self._headers["Authorization"] = f"Bearer {access.token}"
        if access.acts_as:
            self._headers["Impersonate-User"] = access.acts_as
        for group in access.groups:
            self._headers.add("Impersonate-Group", group)

    def ask(
        self, method: str, path: str, body: object = None, content: str = "application/json", **query: str
    ) -> Object:
        """Of a path. Raises Refused; DeployError where there is no answer."""
        response = self._send(method, path, body, content, query, is_streamed=False)
        return cast(Object, json.loads(response.data)) if response.data else {}

    def path(self, kind: str, name: str = "") -> str:
        """Of an object or of all of a kind."""
        version, plural = PATHS[kind]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        return f"{root}/namespaces/{self.namespace}/{plural}" + (f"/{quote(name, safe='')}" if name else "")

    def get(self, kind: str, name: str) -> Object | None:
        """The object, or None."""
        try:
            return self.ask("GET", self.path(kind, name))
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def list(self, kind: str, labels: Mapping[str, str] | None = None, **query: str) -> Sequence[Object]:
        """Objects of a kind with these labels; none where the cluster lacks the kind."""
        if labels:
            query["labelSelector"] = ",".join(f"{key}={value}" for key, value in labels.items())
        try:
            return cast(Sequence[Object], self.ask("GET", self.path(kind), **query).get("items") or NONE)
        except Refused as refused:
            if refused.status == 404:
                return []
            raise

    def apply(self, body: Mapping[str, Any], *, is_dry_run: bool = False) -> Object:
        """Server-side apply; what others wrote into fields of ours is written anew."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true", "fieldValidation": "Strict"}
        if is_dry_run:
            query["dryRun"] = "All"
        path = self.path(str(body["kind"]), str(body["metadata"]["name"]))
        return self.ask("PATCH", path, body, "application/apply-patch+yaml", **query)

    def create(self, body: Mapping[str, Any]) -> Object:
        """Of an object that must not be there yet."""
        return self.ask("POST", self.path(str(body["kind"])), body, fieldManager=FIELD_MANAGER)

    def change(self, kind: str, name: str, change: Mapping[str, Any]) -> Object:
        """Merges; a `resourceVersion` in it must be the object's."""
        content = "application/merge-patch+json"
        return self.ask("PATCH", self.path(kind, name), change, content, fieldManager=FIELD_MANAGER)

    def delete(self, kind: str, name: str) -> bool:
        """With what hangs on it; False where it was gone."""
        try:
            self.ask("DELETE", self.path(kind, name), {"propagationPolicy": "Background"})
        except Refused as refused:
            if refused.status == 404:
                return False
            raise
        return True

    def user(self) -> str:
        """Who asks, as the API server knows him."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = self.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body)
        return str(answer["status"]["userInfo"].get("username", ""))

    def may(self, verb: str, kind: str, subresource: str = "") -> bool:
        """Whether whoever asks has a right in the namespace."""
        version, plural = PATHS[kind]
        asked = {
            "namespace": self.namespace,
            "verb": verb,
            "group": version.rpartition("/")[0],
            "resource": plural,
            "subresource": subresource,
        }
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        answer = self.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
        return bool(answer["status"]["allowed"])

    def log(self, pod: str, container: str, tail: int, *, is_previous: bool = False) -> Sequence[str]:
        """The last lines, none where there is no log."""
        query = {"container": container, "tailLines": str(tail), "previous": str(is_previous).lower()}
        try:
            response = self._send("GET", f"{self.path('Pod', pod)}/log", None, "", query, is_streamed=False)
        except Refused:
            return []
        return response.data.decode("utf-8", "replace").splitlines()

    def stream(self, pod: str, container: str, tail: int, *, is_followed: bool) -> Iterator[str]:
        """Lines of a log with the time of each, and those to come where it is followed."""
        query = {"container": container, "tailLines": str(tail), "timestamps": "true"}
        query["follow"] = str(is_followed).lower()
        response = self._send("GET", f"{self.path('Pod', pod)}/log", None, "", query, is_streamed=True)
        for line in _lines(response):
            yield line.decode("utf-8", "replace")

    def changes(self, kind: str, seen: Object, seconds: int) -> Iterator[Object]:
        """The object after each change since it was seen, for so many seconds. Ends earlier where it is gone, or where
        the server knows no more what was seen: whoever goes on asks for it anew
        (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes)."""
        metadata = seen["metadata"]
        query = {
            "watch": "true",
            "fieldSelector": f"metadata.name={metadata['name']}",
            "resourceVersion": str(metadata["resourceVersion"]),
            "timeoutSeconds": str(seconds),
        }
        response = self._send(
            "GET", self.path(kind), None, "", query, is_streamed=True, read=seconds + _CONNECT_SECONDS
        )
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            for line in _lines(response):
                event = cast(Object, json.loads(line))
                if event["type"] not in ("ADDED", "MODIFIED"):
                    return
                yield event["object"]

    def _send(
        self,
        method: str,
        path: str,
        body: object,
        content: str,
        query: Mapping[str, str],
        *,
        is_streamed: bool,
        read: float | None = None,
    ) -> urllib3.BaseHTTPResponse:
        url = f"{self.access.server}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = self._headers.copy()
        if body is not None:
            headers["Content-Type"] = content
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=read if is_streamed else _READ_SECONDS)
        try:
            response = self._pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
                timeout=timeout,
                preload_content=not is_streamed,
                redirect=False,
            )
            data = response.data if response.status >= 300 else b""
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from None
        if response.status == 401:
            fix = "sign in again, or ask your platform team for a new kubeconfig"
            raise DeployError(f"{self.access.server} does not know who you are (401)", fix)
        if response.status >= 300:
            raise Refused(response.status, _message(data))
        return response

    def _unreachable(self, error: urllib3.exceptions.HTTPError) -> DeployError:
        cause = str(getattr(error, "reason", None) or error).rpartition(": ")[2] or type(error).__name__
        host = urlsplit(self.access.server).netloc
        message = f"no answer from the API server {host} of context '{self.access.context}': {cause}"
        return DeployError(message, "check your network or VPN, then run the same command again: it goes on")


def _message(data: bytes) -> str:
    """The server's own words; the body of something that is no Kubernetes may be anything."""
    try:
        return str(json.loads(data).get("message") or "refused")
    except (ValueError, AttributeError):
        return data[:200].decode("utf-8", "replace") or "refused"


def _tls(access: Access) -> ssl.SSLContext:
    """Raises DeployError where a certificate of the kubeconfig is none."""
    try:
        tls = ssl.create_default_context(cafile=access.authority)
        if access.certificate:
            tls.load_cert_chain(*access.certificate)
    except OSError as error:
        said = f"a certificate or key of the context '{access.context}' cannot be used ({type(error).__name__})"
        raise DeployError(said, "sign in again, or ask your platform team for a kubeconfig") from None
    if not access.is_verified:
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    return tls


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Of a body, as they come."""
    rest = b""
    with contextlib.closing(response):
        for part in response.stream(amt=4096):
            *lines, rest = (rest + part).split(b"\n")
            yield from lines
        response.release_conn()
    if rest:
        yield rest


def together(calls: Sequence[Callable[[], _Answer]]) -> list[_Answer]:
    """What each call returns, asked at once. Raises what the first of them raised, when all have ended."""
    waiting = [(call, Future[_Answer]()) for call in calls]
    rest = iter(waiting)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                taken = next(rest, None)
            if taken is None:
                return
            call, answer = taken
            try:
                answer.set_result(call())
            except BaseException as error:
                answer.set_exception(error)

    # None of them keeps a command that ends from ending.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(_AT_ONCE, len(calls)) - 1)]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()
    return [answer.result() for _, answer in waiting]
