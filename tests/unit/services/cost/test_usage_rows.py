"""Rows of usage: the program as its pod runs it, against what Prometheus answers, read back by DuckDB."""

import http.server
import json
import threading
import time
import urllib.parse
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bedplate.services.cost.programs import usage_rows

pytestmark = pytest.mark.enable_socket
HOUR = 3600
ALICE = {"namespace": "vision", "tenant": "vision", "project": "resnet", "owner": "alice", "workload": "train"}
TRAIN = {**ALICE, "accelerator": "nvidia-h100"}
PLATFORM = {"namespace": "bedplate-login"}


@dataclass
class Answers:
    """What Prometheus says of each hour's end: quantities, costs and looks by labels."""

    url: str = ""
    hours: dict[int, list[tuple[dict[str, str], float, float, int]]] = field(
        default_factory=dict[int, list[tuple[dict[str, str], float, float, int]]]
    )

    def of(self, query: str, at: int) -> list[dict[str, Any]]:
        found = self.hours.get(at, [])
        position = 2 if "bedplate:cost_hourly[1h]" in query else 1
        if "count_over_time" in query:
            position = 3
        return [{"metric": labels[0], "value": [at, str(labels[position])]} for labels in found]


@pytest.fixture
def answers() -> Generator[Answers]:
    state = Answers()

    class Api(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            result = state.of(asked["query"][0], int(asked["time"][0]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"status": "success", "data": {"result": result}}).encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name is the library's
            del format, args

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def export(answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PROMETHEUS", answers.url)
    monkeypatch.setenv("FOLDER", tmp_path.as_uri())
    monkeypatch.setenv("CURRENCY", "USD")
    monkeypatch.setenv("BACK_HOURS", "3")
    return usage_rows.main


def last_hour() -> int:
    return int(time.time() - usage_rows.SETTLED_SECONDS) // HOUR * HOUR - HOUR


def trained(gpu_hours: float, minutes: int) -> list[tuple[dict[str, str], float, float, int]]:
    return [
        ({**TRAIN, "of": "gpu"}, gpu_hours, gpu_hours * 2.5, minutes),
        ({**TRAIN, "of": "cpu_core"}, 12.0, 0.36, minutes),
        ({**TRAIN, "of": "memory_gib"}, 64.0, 0.256, minutes),
        ({**ALICE, "of": "storage_gib"}, 250.0, 0.034, 60),
        ({**PLATFORM, "of": "cpu_core"}, 1.0, 0.03, 60),
    ]


def asked(folder: Path, query: str) -> list[tuple[Any, ...]]:
    rows = f"read_parquet('{folder}/**/*.parquet', hive_partitioning = true)"
    found = duckdb.sql(query.format(rows=rows))
    assert found is not None
    return found.fetchall()


def test_duckdb_reads_what_was_written(export: Any, answers: Answers, tmp_path: Path) -> None:
    begin = last_hour()
    answers.hours[begin + HOUR] = trained(4.0, 30)
    assert export() == 0
    (file,) = tmp_path.rglob("*.parquet")
    assert str(file.relative_to(tmp_path)) == time.strftime("year=%Y/month=%m/day=%d/%H.parquet", time.gmtime(begin))
    train = "SELECT epoch(hour), duration_seconds, gpu_count, gpu_hours, round(cost, 6), currency FROM {rows} "
    assert asked(tmp_path, train + "WHERE accelerator = 'nvidia-h100'") == [(begin, 1800, 8.0, 4.0, 10.616, "USD")]
    by_tenant = "SELECT tenant, round(sum(cost), 3) FROM {rows} GROUP BY tenant ORDER BY tenant"
    assert asked(tmp_path, by_tenant) == [("", 0.03), ("vision", 10.65)]
    assert {name for name, *_ in asked(tmp_path, "DESCRIBE SELECT * FROM {rows}")} == {
        *usage_rows.SCHEMA.names,
        *("year", "month", "day"),
    }


def test_an_hour_that_was_missed_is_written_later_and_the_others_stay(
    export: Any, answers: Answers, tmp_path: Path
) -> None:
    begin = last_hour()
    answers.hours[begin + HOUR] = trained(8.0, 60)
    assert export() == 0
    (written,) = tmp_path.rglob("*.parquet")
    before = written.stat().st_mtime_ns
    answers.hours[begin] = trained(2.0, 15)
    assert export() == 0
    assert asked(tmp_path, "SELECT count(DISTINCT hour), sum(gpu_hours) FROM {rows}") == [(2, 10.0)]
    assert written.stat().st_mtime_ns == before


def test_an_hour_written_again_is_the_same_to_the_byte(answers: Answers) -> None:
    end = last_hour() + HOUR
    answers.hours[end] = trained(4.0, 30)
    first = usage_rows.parquet(usage_rows.rows(answers.url, end - HOUR, "USD"))
    answers.hours[end].reverse()
    assert usage_rows.parquet(usage_rows.rows(answers.url, end - HOUR, "USD")) == first


def test_an_hour_that_is_not_over_is_not_written(export: Any, answers: Answers, tmp_path: Path) -> None:
    answers.hours[last_hour() + 2 * HOUR] = trained(4.0, 30)
    assert export() == 0
    assert not list(tmp_path.rglob("*.parquet"))


def test_the_guide_names_every_column() -> None:
    guide = Path(__file__).parents[4] / "docs" / "guides" / "cost.md"
    text = guide.read_text()
    assert [name for name in usage_rows.SCHEMA.names if f"`{name}`" not in text] == []
