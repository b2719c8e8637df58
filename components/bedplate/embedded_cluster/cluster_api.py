"""A thin, typed way to the Kubernetes API: JSON objects in and out.

The only module here that touches the `kubernetes` package, which carries no types and whose generated classes cost
seconds to import. Owns requests and watches; knows no kind.
"""

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import urllib3
from kubernetes import config
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient

JsonObject = dict[str, object]

_REQUEST_SECONDS = 30.0
_CONNECT_SECONDS = 5.0
# The server ends a watch after this time, so that a connection that died in silence is noticed.
_WATCH_SECONDS = 60.0
_RETRY_SECONDS = 0.5
_STOP_SECONDS = 5.0
_QUOTA_PAUSES_SECONDS = (0.05, 0.2, 0.5, 1.0)
REQUESTS_AT_ONCE = 8
"""Fewer than the connections that the client keeps, so that each request finds an open one."""
_logger = logging.getLogger(__name__)
_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


def at_once(call: Callable[[_Item], _Answer], things: Sequence[_Item]) -> list[_Answer]:
    """The answers to a call for each thing, in order; a few calls run at a time. Raises what the first of them does."""
    if len(things) < 2:
        return [call(thing) for thing in things]
    with ThreadPoolExecutor(REQUESTS_AT_ONCE, "requests") as pool:
        return list(pool.map(call, things))


class ApiError(Exception):
    """The server refused a request, or did not answer.

    status: of HTTP, or 0 if there was no answer; reason: what the server says of it. Never holds a credential.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}" if status else reason)
        self.status = status
        self.reason = reason


def _is_quota_counted_by_others(error: ApiError) -> bool:
    """Nothing was made: the server counts a quota in an object, and gave up because others made something meanwhile
    (https://github.com/kubernetes/kubernetes/issues/67761)."""
    return error.status == 409 and "resourcequotas" in error.reason and "has been modified" in error.reason


class ClusterApi:
    """The API server that a context of a kubeconfig names; None is its current context. May be shared by threads."""

    def __init__(self, kubeconfig: Path, context: str | None) -> None:
        try:
            client = cast(Any, config).new_client_from_config(str(kubeconfig), context, persist_config=False)
        except config.ConfigException as error:
            raise ApiError(0, f"{kubeconfig}: {error}") from error
        self.server: str = client.configuration.host
        if urlsplit(self.server).hostname in ("127.0.0.1", "::1", "localhost"):
            client.configuration.proxy = None  # a proxy from the environment cannot reach this machine's loopback
            client = type(client)(client.configuration)
        if client.configuration.connection_pool_maxsize < REQUESTS_AT_ONCE:
            client.configuration.connection_pool_maxsize = REQUESTS_AT_ONCE
            client = type(client)(client.configuration)
        # Without a discoverer it sends nothing by itself.
        self._client = cast(Any, DynamicClient)(client, discoverer=_no_discovery)

    def get(self, path: str, **query: str) -> JsonObject:
        """The object or the list at a path, such as `/api/v1/nodes`. Raises `ApiError`, like all of these."""
        return self._json("get", path, None, query)

    def items(self, path: str, **query: str) -> list[JsonObject]:
        """The objects of the list at a path."""
        return items(self.get(path, **query))

    def create(self, path: str, body: JsonObject) -> JsonObject:
        """Creates an object in the collection at a path."""
        return self._json("post", path, body, {})

    def delete(self, path: str, **query: str) -> None:
        """Deletes the object at a path, or all that a selector finds; no error if there is none."""
        try:
            self._json("delete", path, None, query)
        except ApiError as error:
            if error.status != 404:
                raise

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> JsonObject:
        """Any other request; headers replace those that are sent by default."""
        return self._json(method, path, body, query or {}, headers or {})

    def answers(self, path: str) -> bool:
        """Whether the server answers a path with success, whatever it says. Does not raise."""
        try:
            self._read("get", path, None, {})
        except ApiError:
            return False
        return True

    def open_watch(self, path: str, resource_version: str) -> "urllib3.response.HTTPResponse":
        """The unread stream of events at a path since a resource version: one JSON object a line, for a minute."""
        query = {"watch": "true", "resourceVersion": resource_version, "timeoutSeconds": f"{_WATCH_SECONDS:.0f}"}
        return self._send("get", path, None, query, timeout=(_CONNECT_SECONDS, _WATCH_SECONDS + _REQUEST_SECONDS))

    def _json(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
    ) -> JsonObject:
        return cast(JsonObject, json.loads(self._read(method, path, body, query, headers)))

    def _read(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        for pause in _QUOTA_PAUSES_SECONDS:
            try:
                return self._read_once(method, path, body, query, headers)
            except ApiError as error:
                if not _is_quota_counted_by_others(error):
                    raise
            time.sleep(pause)
        return self._read_once(method, path, body, query, headers)

    def _read_once(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None,
    ) -> bytes:
        response = self._send(method, path, body, query, headers, timeout=(_CONNECT_SECONDS, _REQUEST_SECONDS))
        try:
            return response.data
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        *,
        timeout: tuple[float, float],
    ) -> "urllib3.response.HTTPResponse":
        try:
            return self._client.request(
                method,
                path,
                body,
                query_params=list(query.items()),
                header_params=_without_content_type(headers),
                content_type=(headers or {}).get("Content-Type"),
                serialize=False,
                _request_timeout=timeout,
            )
        except ApiException as error:
            raise _api_error(error) from None
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: urllib3.exceptions.HTTPError) -> ApiError:
        cause = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) else error
        return ApiError(0, f"no answer from {self.server}: {str(cause).rpartition(': ')[2] or type(cause).__name__}")


class ObjectWatch:
    """Calls `handle` in a thread of its own with every object at a path, as it is now and whenever it changes.

    `handle` may see an object more than once, and does not see deletions. What it raises is logged, and all objects
    are handed to it again a little later: so it must be able to run twice.
    """

    def __init__(self, api: ClusterApi, path: str, handle: Callable[[JsonObject], None]) -> None:
        self._api = api
        self._path = path
        self._handle = handle
        self._stopping = threading.Event()
        self._stream: urllib3.response.HTTPResponse | None = None
        self._thread = threading.Thread(target=self._run, name=f"watch {path}", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stops it, in the middle of waiting for an event too, and returns when it is gone."""
        self._stopping.set()
        deadline = time.monotonic() + _STOP_SECONDS  # a server that hangs can hold it longer; it is a daemon
        while self._thread.is_alive() and time.monotonic() < deadline:
            if self._stream is not None:
                with contextlib.suppress(OSError, RuntimeError, ValueError):  # it has just ended by itself
                    self._stream.shutdown()
            self._thread.join(0.05)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except Exception as error:
                if not self._stopping.is_set():
                    _logger.warning("watch of %s: %s: %s", self._path, type(error).__name__, error)
                    self._stopping.wait(_RETRY_SECONDS)

    def _follow(self) -> None:
        listed = self._api.get(self._path)
        for found in items(listed):
            self._handle(found)
        self._stream = self._api.open_watch(self._path, text(listed, "metadata", "resourceVersion"))
        try:
            for event in _json_lines(self._stream):
                if self._stopping.is_set() or text(event, "type") == "ERROR":
                    break  # the error says that the resource version has expired: list again
                if text(event, "type") in ("ADDED", "MODIFIED"):
                    self._handle(cast(JsonObject, event["object"]))
        finally:
            stream, self._stream = self._stream, None
            stream.close()


def _without_content_type(headers: Mapping[str, str] | None) -> dict[str, str]:
    """The client sets that one itself, and would send it twice."""
    return {name: value for name, value in (headers or {}).items() if name != "Content-Type"}


def field(value: object, *path: str) -> object:
    """The value at a path of keys, or None where there is none."""
    for key in path:
        value = cast(JsonObject, value).get(key) if isinstance(value, dict) else None
    return value


def text(value: object, *path: str) -> str:
    """The text at a path of keys, or "" where there is none."""
    found = field(value, *path)
    return found if isinstance(found, str) else ""


def items(value: object, *path: str) -> list[JsonObject]:
    """The objects of a list at a path of keys, by default those of a Kubernetes list; none where there is none."""
    return cast(list[JsonObject], field(value, *(path or ("items",))) or [])


def _json_lines(stream: "urllib3.response.HTTPResponse") -> Iterator[JsonObject]:
    rest = b""
    for part in stream.stream(amt=None):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if line.strip():
                yield json.loads(line)


def _no_discovery(*_: object) -> None:
    pass


def _api_error(error: Any) -> ApiError:
    """With the server's own message: the exception's text holds all headers."""
    reason = str(error.reason)
    with contextlib.suppress(TypeError, ValueError):
        reason = text(json.loads(error.body), "message") or reason
    return ApiError(int(error.status or 0), reason)
