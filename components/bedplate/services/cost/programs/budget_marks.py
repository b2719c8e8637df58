"""Marks the namespaces of tenants whose budgets are used up, for a short time.

Runs every few minutes, reads from Prometheus what share of each budget is used, and writes four annotations of each
namespace that has a tenant's label. A mark says until when it is to be believed, and never longer than the month lasts,
so one that nobody renews ends by itself. Where Prometheus does not say, nothing is written and the run fails: denying
needs proof. Needs Python's standard library only.
"""

import calendar
import json
import os
import ssl
import sys
import time
import urllib.parse
import urllib.request
from typing import Any

DOMAIN = "bedplate.dev/budgets-exhausted"
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
ANSWER_SECONDS = 20
UNITS = {"gpu_hours": "GPU hours", "cpu_hours": "CPU hours", "money": "of cost"}


def shares(prometheus: str) -> dict[tuple[str, str, str], float]:
    """What share is used, by scope, name and unit. Raises ValueError where Prometheus does not know."""
    query = urllib.parse.urlencode({"query": "bedplate:budget_share"})
    with urllib.request.urlopen(f"{prometheus}/api/v1/query?{query}", timeout=ANSWER_SECONDS) as answer:
        found = json.load(answer)["data"]["result"]
    if not found:
        raise ValueError("Prometheus knows no bedplate:budget_share: costs are not counted, so nothing is marked")
    return {
        (one["metric"]["scope"], one["metric"]["name"], one["metric"]["unit"]): float(one["value"][1]) for one in found
    }


def end_of_month(now: float) -> float:
    """The first second of the next month (UTC)."""
    today = time.gmtime(now)
    days = calendar.monthrange(today.tm_year, today.tm_mon)[1]
    return calendar.timegm((today.tm_year, today.tm_mon, days, 24, 0, 0))


def mark(tenant: str, denying: list[dict[str, Any]], used: dict[tuple[str, str, str], float], until: str) -> Any:
    """The annotations of a tenant's namespace; None for those that are to go."""
    said: dict[str, list[str]] = {"project": [], "person": []}
    texts: list[str] = []
    for budget in denying:
        scope, name = budget["scope"], budget["name"]
        if scope == "tenant" and name != tenant:
            continue
        over = [unit for unit in budget["limits"] if used.get((scope, name, unit), 0) >= 1]
        if not over:
            continue
        said["person" if scope == "person" else "project"].append("*" if scope == "tenant" else name)
        texts += [f"{scope} {name}: {budget['limits'][unit]:g} {UNITS[unit]} a month" for unit in over]
    values = {"-until": until, "-projects": ",".join(said["project"]), "-owners": ",".join(said["person"])}
    return {f"{DOMAIN}{key}": text if texts else None for key, text in {**values, "": "; ".join(texts)}.items()}


class Kubernetes:
    """The API server, asked as the pod's own ServiceAccount."""

    def __init__(self, server: str, account: str) -> None:
        with open(f"{account}/token") as file:
            self._token = file.read().strip()
        self._server, self._trusted = server, ssl.create_default_context(cafile=f"{account}/ca.crt")

    def namespaces(self, label: str) -> dict[str, str]:
        """Those with the label, and what it says: the tenant."""
        query = urllib.parse.urlencode({"labelSelector": label})
        with self._ask("GET", f"/api/v1/namespaces?{query}") as answer:
            found = [one["metadata"] for one in json.load(answer)["items"]]
        return {one["name"]: one["labels"][label] for one in found}

    def annotate(self, namespace: str, annotations: dict[str, str | None]) -> None:
        """Writes these, and takes away those that are None."""
        body = json.dumps({"metadata": {"annotations": annotations}}).encode()
        self._ask("PATCH", f"/api/v1/namespaces/{namespace}?fieldManager=bedplate-budget-marker", body).close()

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/merge-patch+json"}
        request = urllib.request.Request(f"{self._server}{path}", data=body, headers=headers, method=method)
        return urllib.request.urlopen(request, timeout=ANSWER_SECONDS, context=self._trusted)


def main() -> int:
    """One round. BUDGETS: the label of tenants, budgets that deny, and for how long a mark holds, as JSON."""
    settings, now = json.loads(os.environ["BUDGETS"]), time.time()
    used = shares(os.environ["PROMETHEUS"])
    until = min(now + settings["validSeconds"], end_of_month(now))
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until))
    kubernetes, failed = Kubernetes(os.environ["KUBERNETES"], os.environ.get("ACCOUNT", ACCOUNT)), 0
    for namespace, tenant in kubernetes.namespaces(settings["label"]).items():
        try:
            kubernetes.annotate(namespace, mark(tenant, settings["budgets"], used, stamp))
        except OSError as error:
            # A tenant that is not there yet, or no more, must not keep the others from being marked.
            print(f"{namespace}: {error}", file=sys.stderr)
            failed += getattr(error, "code", 0) != 404
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
