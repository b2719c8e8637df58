"""Whether a list of packages means the same tomorrow: each with one exact version."""

import re
from collections.abc import Callable

Report = Callable[[str], None]
_EXACT = re.compile(r"===?\s*[^\s*]+(\s*(;.*|--hash.*|\\))?$|\s@\s")
_NAMED = 3


def unpinned(requirements: str) -> list[tuple[int, str]]:
    """Lines of a requirements.txt that leave the version open, with their numbers."""
    found: list[tuple[int, str]] = []
    for number, line in enumerate(requirements.splitlines(), 1):
        said = re.sub(r"(^|\s)#.*$", "", line).strip()
        if said and not said.startswith("-") and not _EXACT.search(said):
            found.append((number, said))
    return found


def tell_unpinned(name: str, requirements: str, report: Report) -> None:
    """Says which lines make a later build another image."""
    found = unpinned(requirements)
    if not found:
        return
    named = ", ".join(f"line {number}: {line}" for number, line in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    report(
        f"{name} leaves versions open, so that a later build may be another image ({named}{more}); "
        "pin them with `pip freeze` or `uv pip compile`"
    )
