"""What asks the API server before and after a scan: which image, and what becomes of the answer.

`request` writes into a file which image the Job names, if it is one of the tenant's. `record` judges what Grype found,
says it, and writes an image that passes into an annotation of the tenant's namespace, which is all it may write. Fails
closed: an image of which nothing is written has not passed.
"""

import datetime
import json
import os
import re
import ssl
import sys
import time
import urllib.error
import urllib.request
from typing import Any

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
WORK = "/work"
IMAGE, SCANNED = "bedplate.dev/image", "bedplate.dev/scanned-images"
SEVERITIES = ("negligible", "low", "medium", "high", "critical")
MOST_KEPT = 1000
TOLD = 20
ANSWER_SECONDS = 30
ATTEMPTS = 8
CONFLICT = 409


class Kubernetes:
    """The API server, asked as the pod's own ServiceAccount."""

    def __init__(self) -> None:
        account = os.environ.get("ACCOUNT", ACCOUNT)
        with open(f"{account}/token") as file:
            self._token = file.read().strip()
        self._server = os.environ["KUBERNETES"]
        self._trusted = ssl.create_default_context(cafile=f"{account}/ca.crt")

    def get(self, path: str) -> Any:
        """An object."""
        return self._ask("GET", path)

    def patch(self, path: str, body: Any) -> None:
        """Merges into an object."""
        self._ask("PATCH", f"{path}?fieldManager=bedplate-scans", json.dumps(body).encode())

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/merge-patch+json"}
        request = urllib.request.Request(f"{self._server}{path}", data=body, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS, context=self._trusted) as answer:
            return json.load(answer)


def reference_of(job: Any, repository: str) -> str:
    """The image that a Job names. Raises ValueError for one that is not the tenant's, or not named by its digest."""
    image = str(job["metadata"].get("annotations", {}).get(IMAGE, ""))
    if not re.fullmatch(r"[a-z0-9.:-]+(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}", image):
        raise ValueError(f"{image or 'nothing'} is no image by its digest, such as {repository}/app@sha256:...")
    if not image.startswith(f"{repository}/"):
        raise ValueError(f"{image} is not below {repository}/")
    return image


def findings(report: Any, fail_on: str, only_fixed: bool) -> tuple[dict[str, int], list[str]]:
    """Of Grype's report: how many there are by severity, and those that keep the image from passing."""
    counts, failing = dict[str, int](), list[tuple[int, str]]()
    for name in reversed(SEVERITIES):
        counts[name] = 0
    for match in report["matches"]:
        vulnerability, package = match["vulnerability"], match["artifact"]
        severity = str(vulnerability.get("severity", "")).lower()
        # What nobody has rated yet counts as nothing, and is counted.
        rank = SEVERITIES.index(severity) if severity in SEVERITIES else -1
        counts[severity if rank >= 0 else "unknown"] = counts.get(severity if rank >= 0 else "unknown", 0) + 1
        fixed: list[str] = vulnerability.get("fix", {}).get("versions") or []
        if rank >= SEVERITIES.index(fail_on) and (fixed or not only_fixed):
            mend = f"mended in {', '.join(fixed)}" if fixed else "not mended yet"
            said = f"{severity}: {vulnerability['id']} in {package['name']} {package['version']}, {mend}"
            failing.append((-rank, said))
    return counts, [said for _, said in sorted(set(failing))]


def kept(written: str, digest: str, today: datetime.date, believed_days: int) -> str:
    """The annotation with this image, without those that are believed no more."""
    oldest = today - datetime.timedelta(days=believed_days)
    entries = [entry.partition("=") for entry in written.split(",") if entry]
    there = {name: day for name, _, day in entries if day and datetime.date.fromisoformat(day) > oldest}
    there.pop(digest, None)
    there[digest] = today.isoformat()
    return ",".join(f"{name}={day}" for name, day in list(there.items())[-MOST_KEPT:])


def request() -> int:
    """Writes which image is meant."""
    job = Kubernetes().get(f"/apis/batch/v1/namespaces/{os.environ['NAMESPACE']}/jobs/{os.environ['JOB']}")
    try:
        image = reference_of(job, os.environ["REPOSITORY"])
    except ValueError as error:
        print(f"bedplate: {error}")
        return 65
    with open(f"{os.environ.get('WORK', WORK)}/reference", "w") as file:
        file.write(image)
    print(f"bedplate: scanning {image}")
    return 0


def record() -> int:
    """Judges, says it, and writes what has passed."""
    work = os.environ.get("WORK", WORK)
    with open(f"{work}/report.json") as file:
        report = json.load(file)
    with open(f"{work}/reference") as file:
        digest = file.read().strip().rpartition(":")[2]
    counts, failing = findings(report, os.environ["FAIL_ON"], os.environ["ONLY_FIXED"] == "true")
    for line in failing[:TOLD]:
        print(line)
    if len(failing) > TOLD:
        print(f"and {len(failing) - TOLD} more")
    if not failing:
        _write(Kubernetes(), digest)
    said = {"passed": not failing, "digest": f"sha256:{digest}", "counts": counts, "failing": len(failing)}
    print(f"bedplate: scanned {json.dumps(said)}")
    return 0


def _write(kubernetes: Kubernetes, digest: str) -> None:
    path = f"/api/v1/namespaces/{os.environ['TENANT_NAMESPACE']}"
    days, today = int(os.environ["BELIEVED_DAYS"]), datetime.datetime.now(datetime.UTC).date()
    for attempt in range(ATTEMPTS):
        there = kubernetes.get(path)["metadata"]
        value = kept(there.get("annotations", {}).get(SCANNED, ""), digest, today, days)
        body = {"metadata": {"resourceVersion": there["resourceVersion"], "annotations": {SCANNED: value}}}
        try:
            return kubernetes.patch(path, body)
        except urllib.error.HTTPError as error:
            # Another scan wrote meanwhile.
            if error.code != CONFLICT or attempt == ATTEMPTS - 1:
                raise
            time.sleep(0.2 * (attempt + 1))
    return None


if __name__ == "__main__":
    sys.exit({"request": request, "record": record}[sys.argv[1]]())
