"""The processes of this machine, by who started them."""

import subprocess


def processes() -> dict[int, tuple[int, str]]:
    """Every living process by id, with its parent's id and its command."""
    listing = subprocess.run(
        ["ps", "-axww", "-o", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 3) for line in listing.stdout.splitlines()]
    return {int(row[0]): (int(row[1]), row[3]) for row in rows if len(row) == 4 and not row[2].startswith("Z")}


def descendants(pid: int) -> dict[int, str]:
    """The processes that a process started, and those that they did."""
    everything, found = processes(), dict[int, str]()
    generation = {pid}
    while generation:
        generation = {child for child, (parent, _) in everything.items() if parent in generation}
        found.update({child: everything[child][1] for child in generation})
    return found
