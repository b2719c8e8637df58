"""What a job leaves behind that runs 300 times a day for a week, on the embedded cluster with simulated nodes.

`make benchmark-jobs` prints the table. A day lasts 40 seconds: see `cluster/workloads/week_of_jobs.py`.
"""

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bedplate.embedded_cluster.api_server import ApiServer
from bedplate.embedded_cluster.cluster import embedded_cluster
from bedplate.embedded_cluster.simulation import simulated_cluster
from bedplate.rehearsal.applying import apply
from cluster.workloads.week_of_jobs import FASTER_SERVER, POOLS, removed, stack_of, week

JOBS_A_DAY, DAY_SECONDS = 300, 40


def main() -> None:
    """One week."""
    table = Table("day", "runs so far", "Jobs left", "pods left", "storage, MiB")
    with embedded_cluster(print, FASTER_SERVER) as access, simulated_cluster(access, POOLS, {}, print):
        assert apply(ApiServer(access), stack_of(JOBS_A_DAY).resources).problems == []
        for day, evening in enumerate(week(access, JOBS_A_DAY, DAY_SECONDS), 1):
            row = (day, day * JOBS_A_DAY, evening.jobs, evening.pods, f"{evening.storage_mib:.1f}")
            table.add_row(*(str(cell) for cell in row))
            print(*row, flush=True)
        removed(access, DAY_SECONDS)
        table.add_row("after", str(7 * JOBS_A_DAY), "0", "0", "")
    Console().print(table)


if __name__ == "__main__":
    main()
