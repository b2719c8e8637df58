"""What a deploy must know of the cluster, asked while the file is read and checked: neither waits for the other.

Owns no answer: what is wrong with the file is told first, and what is wrong with the cluster when it is used.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bedplate.deploy import records
from bedplate.deploy.app_file import checked_name, name_in
from bedplate.deploy.cluster import Cluster, Object, together
from bedplate.deploy.deploying import offered_in
from bedplate.offered import Offered


@dataclass(frozen=True, kw_only=True)
class Seen:
    """who: asks. record: of the app, as it lies in the cluster. live: its Deployment."""

    who: str
    record: Object | None
    live: Object | None


def seen(cluster: Cluster, app: str) -> Seen:
    """What there is of an app now."""
    calls: list[Callable[[], Any]] = [
        cluster.user,
        lambda: cluster.get("ConfigMap", records.record_name(app)),
        lambda: cluster.get("Deployment", app),
    ]
    who, record, live = together(calls)
    return Seen(who=who, record=record, live=live)


@dataclass(frozen=True, kw_only=True)
class Known:
    """The cluster, what the platform offers there, and what there is of the app."""

    cluster: Cluster
    offered: Offered
    seen: Seen


class Asking:
    """The questions, under way from now on."""

    def __init__(self, folder: Path, connect: Callable[[], Cluster]) -> None:
        self._answer = Future[Known]()
        threading.Thread(target=self._ask, args=(folder, connect), daemon=True).start()

    def known(self) -> Known:
        """The answers. Raises DeployError or Refused, as each of them would."""
        return self._answer.result()

    def _ask(self, folder: Path, connect: Callable[[], Cluster]) -> None:
        try:
            app, cluster = checked_name(name_in(folder)), connect()
            calls: list[Callable[[], Any]] = [lambda: offered_in(cluster), lambda: seen(cluster, app)]
            offered, found = together(calls)
            self._answer.set_result(Known(cluster=cluster, offered=offered, seen=found))
        except BaseException as error:
            self._answer.set_exception(error)
