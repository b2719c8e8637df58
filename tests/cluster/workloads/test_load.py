"""The guide of how many replicas an API needs: its load against a real program, started as its pod is rendered.

It asks this machine alone, for seconds. No front door is before the program, and its CPU is not bounded.
"""

import json
import os
import re
import subprocess
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from cluster.objects_under_test import eventually
from cluster.processes_under_test import free_ports
from contained import Image, image_under_test, running_pod
from harness import ROOT, model_api, platform, record, tenant

pytestmark = pytest.mark.enable_socket
GUIDE = ROOT / "docs" / "guides" / "capacity.md"
CALLERS, SECONDS = (1, 2, 4, 8), 4
PROGRAM = """
import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/health")
async def health() -> str:
    return "ok"


@app.get("/score")
async def score(amount: float = 0) -> dict[str, bool]:
    until = time.process_time() + 0.010
    while time.process_time() < until:
        pass
    return {"fraud": amount > 1000}
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Of one number of callers."""

    per_second: float
    half_ms: float
    most_ms: float
    failures: int


@pytest.fixture(scope="module")
def image() -> Image:
    return image_under_test("interfaces/load", "locust", "make interfaces")


@pytest.fixture(scope="module")
def address(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """Where the program answers, once it is ready."""
    port = free_ports("scorer")["scorer"]
    code = tmp_path_factory.mktemp("code")
    (code / "main.py").write_text(PROGRAM)
    code.chmod(0o755)
    command = ["python3", "-m", "uvicorn", "--app-dir", "/mnt/code", "--log-level", "warning"]
    started = [*command, "--host", "127.0.0.1", "--port", str(port), "main:app"]
    recording = record(platform(tenant("vision", model_api("scorer", command=started, port=port))))
    holding = replace(image, folders={**image.folders, "/mnt/code": code})
    with running_pod(recording, "scorer", holding, tmp_path_factory.mktemp("scorer")) as pod:
        found = f"http://127.0.0.1:{port}"
        eventually(lambda: _is_healthy(found), f"the program, whose log is {pod.log}", 60)
        yield found


def _is_healthy(address: str) -> bool:
    try:
        with urlopen(f"{address}/health", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def load(image: Image, address: str, folder: Path, callers: int) -> Measured:
    """What the guide's file measures with so many callers."""
    (file,) = re.findall(r"```python load.py\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    (folder / "load.py").write_text(file)
    assert image.programs
    done = subprocess.run(
        [
            *(image.programs / "locust", "-f", folder / "load.py", "--headless", "--json"),
            *("--users", str(callers), "--spawn-rate", str(callers), "--run-time", f"{SECONDS}s", "--host", address),
        ],
        env={**os.environ, "KEY": "of-nobody"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (scored,) = json.loads(done.stdout)
    return measured(scored)


def measured(scored: dict[str, Any]) -> Measured:
    times = sorted((float(ms), count) for ms, count in scored["response_times"].items())

    def within(share: float) -> float:
        seen = 0
        for ms, count in times:
            seen += count
            if seen >= share * scored["num_requests"]:
                return ms
        raise AssertionError(scored)

    took = scored["last_request_timestamp"] - scored["start_time"]
    return Measured(
        per_second=scored["num_requests"] / took,
        half_ms=within(0.5),
        most_ms=within(0.95),
        failures=scored["num_failures"],
    )


def test_more_callers_than_a_pod_carries_wait_and_get_no_more(image: Image, address: str, tmp_path: Path) -> None:
    rows = {callers: load(image, address, tmp_path, callers) for callers in CALLERS}
    print()
    for callers, row in rows.items():
        print(f"| {callers} | {row.per_second:.0f} | {row.half_ms:.0f} | {row.most_ms:.0f} | {row.failures} |")
    assert [row.failures for row in rows.values()] == [0] * len(CALLERS)
    # Each request takes 10 ms of the one core.
    assert all(20 < row.per_second < 100 for row in rows.values())
    assert rows[8].per_second < 1.5 * rows[2].per_second
    assert rows[8].half_ms > 2 * rows[2].half_ms
    assert rows[1].half_ms >= 10
