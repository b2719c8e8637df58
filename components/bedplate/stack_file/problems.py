"""Mistakes, and how places and values are shown to people."""

import difflib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bedplate.spec import is_secret_name, is_secret_value
from bedplate.wording import escaped

PathPart = str | int
PathParts = tuple[PathPart, ...]
NOT_SHOWN = "(not shown, it may be a secret)"
_LONGEST_SHOWN = 80
DECIMALS = 6
"""Finer than Kubernetes counts, and coarser than the noise of sums such as 0.1 + 0.2."""
_LONGEST_NUMBER = 40


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake: where, what is wrong, the value given, the values allowed, the change to make.

    line: where it stands, if not where `path` does. other: path of the second thing that takes part in it, such as the
    earlier of two equal names.
    """

    path: PathParts
    message: str
    given: str | None = None
    allowed: str | None = None
    fix: str
    line: int | None = None
    other: PathParts | None = None


def dotted(path: Sequence[PathPart]) -> str:
    """A path as people write it: tenants[0].workloads[1].image."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{printable(part)}" for part in path)
    return text.removeprefix(".")


def number(value: float) -> str:
    """A number without a needless '.0' and without the noise of sums."""
    rounded = round(value, DECIMALS)
    return str(int(rounded)) if isinstance(rounded, float) and rounded.is_integer() else str(rounded)


def printable(text: str) -> str:
    """The text escaped, and of reasonable length."""
    safe = escaped(text[: _LONGEST_SHOWN + 1])
    return safe if len(safe) <= _LONGEST_SHOWN else f"{safe[: _LONGEST_SHOWN - 1]}…"


def shown(value: object, path: Sequence[PathPart] = ()) -> str:
    """A value as a message shows it: never a secret, never a whole section. path: where it stands."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list | tuple):
        kind = "mapping" if isinstance(value, dict) else "list"
        return f"a {kind}" if value else f"an empty {kind}"
    if isinstance(value, int) and abs(value) >= 10**_LONGEST_NUMBER:
        return f"a number of more than {_LONGEST_NUMBER} digits"
    text = number(value) if isinstance(value, float) else str(value)
    if any(isinstance(part, str) and is_secret_name(part) for part in path) or _may_be_secret(text):
        return NOT_SHOWN
    if isinstance(value, str):
        return f"'{printable(text)}'"
    return text.lower() if isinstance(value, bool) else printable(text)


def nearest(given: str, known: Collection[str]) -> str | None:
    """The known name that was probably meant."""
    return next(iter(difflib.get_close_matches(given[:_LONGEST_SHOWN], known, n=1, cutoff=0.7)), None)


def suggestion(given: str, known: Collection[str], otherwise: str) -> str:
    """The fix for a name that is not known."""
    near = nearest(given, known)
    return f"did you mean `{near}`?" if near else otherwise


def _may_be_secret(text: str) -> bool:
    """By its own looks: a known kind of token, `--password …`, or a long run of letters and digits at random."""
    if is_secret_value(text) or (re.search(r"[\s=]", text) and is_secret_name(text)):
        return True
    runs = re.findall(r"[A-Za-z0-9+_=-]{20,}", text)
    is_mixed = any(all(re.search(kind, run) for kind in ("[a-z]", "[A-Z]", "[0-9]")) for run in runs)
    return is_mixed or bool(re.fullmatch(r"(?=[0-9-]*[a-f])[0-9a-f-]{32,}", text))
