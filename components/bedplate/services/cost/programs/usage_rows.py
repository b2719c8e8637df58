"""Writes what each hour used, a row a workload, as one Parquet file an hour.

Asks Prometheus for the hours of the last days that have no file yet and writes those that are over; so an hour that was
missed is written later, and writing one again writes the same. The file is FOLDER/year=…/month=…/day=…/HH.parquet, by
the hour's beginning (UTC). Needs pyarrow; and boto3, google-cloud-storage or azure-storage-blob with azure-identity
where FOLDER begins with s3://, gs:// or abfs://.
"""

# pyright: basic, reportMissingImports=false
# What its image has is not all here.

import io
import json
import os
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

import pyarrow
import pyarrow.parquet

HOUR = 3600
SETTLED_SECONDS = 120
ANSWER_SECONDS = 60
KEYS = ("namespace", "tenant", "project", "owner", "workload", "accelerator")
QUANTITIES = {
    "gpu": ("gpu_hours", "gpu_cost"),
    "cpu_core": ("cpu_core_hours", "cpu_cost"),
    "memory_gib": ("memory_gib_hours", "memory_cost"),
    "storage_gib": ("storage_gib_hours", "storage_cost"),
}
SCHEMA = pyarrow.schema(
    [
        pyarrow.field("hour", pyarrow.timestamp("s", tz="UTC"), nullable=False),
        *(pyarrow.field(key, pyarrow.string(), nullable=False) for key in KEYS),
        pyarrow.field("duration_seconds", pyarrow.int32(), nullable=False),
        pyarrow.field("gpu_count", pyarrow.float64(), nullable=False),
        *(pyarrow.field(name, pyarrow.float64(), nullable=False) for pair in QUANTITIES.values() for name in pair),
        pyarrow.field("cost", pyarrow.float64(), nullable=False),
        pyarrow.field("currency", pyarrow.string(), nullable=False),
    ]
)


def ask(prometheus: str, query: str, at: int) -> list[dict[str, Any]]:
    """The series of a query at a time."""
    asked = urllib.parse.urlencode({"query": query, "time": at})
    with urllib.request.urlopen(f"{prometheus}/api/v1/query?{asked}", timeout=ANSWER_SECONDS) as answer:
        return json.load(answer)["data"]["result"]


def rows(prometheus: str, begin: int, currency: str) -> list[dict[str, Any]]:
    """The rows of the hour that begins then, in a fixed order; none where nothing was counted."""
    end, found = begin + HOUR, {}
    looks = {
        0: "sum_over_time(bedplate:quantity[1h]) / 60",
        1: "sum_over_time(bedplate:cost_hourly[1h]) / 60",
    }
    for position, query in looks.items():
        for one in ask(prometheus, query, end):
            labels = one["metric"]
            row = found.setdefault(tuple(labels.get(key, "") for key in KEYS), {})
            names = QUANTITIES[labels["of"]]
            row[names[position]] = row.get(names[position], 0.0) + float(one["value"][1])
    times = "max by (namespace, tenant, project, owner, workload, accelerator) (count_over_time(bedplate:quantity[1h]))"
    minutes = {
        tuple(one["metric"].get(key, "") for key in KEYS): one["value"][1] for one in ask(prometheus, times, end)
    }
    return [_row(begin, key, found[key], int(float(minutes.get(key, 0))) * 60, currency) for key in sorted(found)]


def _row(begin: int, key: tuple[str, ...], amounts: dict[str, float], seconds: int, currency: str) -> dict[str, Any]:
    numbers = {name: amounts.get(name, 0.0) for pair in QUANTITIES.values() for name in pair}
    return {
        "hour": begin,
        **dict(zip(KEYS, key, strict=True)),
        "duration_seconds": seconds,
        # On average while it ran: two pods with four GPUs each are eight.
        "gpu_count": numbers["gpu_hours"] * HOUR / seconds if seconds else 0.0,
        **numbers,
        "cost": sum(numbers[cost] for _, cost in QUANTITIES.values()),
        "currency": currency,
    }


def parquet(found: list[dict[str, Any]]) -> bytes:
    """The rows as a file; the same rows make the same bytes."""
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(found, schema=SCHEMA), file, compression="zstd")
    return file.getvalue()


class Folder:
    """A folder of an object store, or of this machine's disk: what it has, and writing a file as a whole."""

    def __init__(self, has: Callable[[str], bool], write: Callable[[str, bytes], None]) -> None:
        self.has, self.write = has, write


def folder(url: str) -> Folder:
    """The folder of an address, with the credentials that its pod was given."""
    place = urllib.parse.urlsplit(url)
    prefix = place.path.strip("/")
    key = lambda name: f"{prefix}/{name}" if prefix else name  # noqa: E731
    if place.scheme == "s3":
        return _of_s3(place.netloc, key)
    if place.scheme == "gs":
        from google.cloud import storage  # type: ignore

        bucket = storage.Client().bucket(place.netloc)
        return Folder(
            lambda name: bucket.blob(key(name)).exists(),
            lambda name, data: bucket.blob(key(name)).upload_from_string(data, "application/vnd.apache.parquet"),
        )
    if place.scheme == "abfs":
        from azure.identity import DefaultAzureCredential  # type: ignore
        from azure.storage.blob import BlobServiceClient  # type: ignore

        container, account = place.username, (place.hostname or "").replace(".dfs.", ".blob.")
        client = BlobServiceClient(f"https://{account}", DefaultAzureCredential()).get_container_client(container)
        return Folder(
            lambda name: client.get_blob_client(key(name)).exists(),
            lambda name, data: client.upload_blob(key(name), data, overwrite=True),
        )
    return _of_disk(place.path)


def _of_s3(bucket: str, key: Callable[[str], str]) -> Folder:
    import boto3  # type: ignore

    client = boto3.client("s3")

    def has(name: str) -> bool:
        listed = client.list_objects_v2(Bucket=bucket, Prefix=key(name), MaxKeys=1)
        return listed.get("KeyCount", 0) > 0

    return Folder(has, lambda name, data: client.put_object(Bucket=bucket, Key=key(name), Body=data))


def _of_disk(path: str) -> Folder:
    def write(name: str, data: bytes) -> None:
        target = os.path.join(path, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(f"{target}.new", "wb") as file:
            file.write(data)
        os.replace(f"{target}.new", target)

    return Folder(lambda name: os.path.exists(os.path.join(path, name)), write)


def main() -> int:
    """One round over the hours that are over and have no file."""
    prometheus, kept = os.environ["PROMETHEUS"], folder(os.environ["FOLDER"])
    last = int(time.time() - SETTLED_SECONDS) // HOUR * HOUR - HOUR
    for begin in range(last - (int(os.environ.get("BACK_HOURS", "72")) - 1) * HOUR, last + HOUR, HOUR):
        name = time.strftime("year=%Y/month=%m/day=%d/%H.parquet", time.gmtime(begin))
        if kept.has(name):
            continue
        found = rows(prometheus, begin, os.environ["CURRENCY"])
        # An hour without anything is not written: it may be one that Prometheus has not seen, or sees no more.
        if found:
            kept.write(name, parquet(found))
            print(f"{name}: rows written: {len(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
