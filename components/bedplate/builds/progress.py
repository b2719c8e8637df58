"""What BuildKit says while it builds, line by line, in its form `rawjson`.

Owns reading it: which steps there are, which were not run again, what was pushed, and which step failed with what it
printed last. The form: https://pkg.go.dev/github.com/moby/buildkit/client#SolveStatus. What is not of that form is kept
as what was said last, because it tells why nothing was built.
"""

import base64
import json
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bedplate.builds.failures import BuildError

PUSHED = "bedplate: pushed "
"""What a builder says last, before the metadata that BuildKit wrote."""
_LAST_LINES = 15
_STEP = re.compile(r"\[(?:(?P<stage>[^\]]*?) )?(?P<number>\d+)/(?P<of>\d+)\] (?P<what>.*)", re.DOTALL)
_DIGEST = "containerimage.digest"
_LONGEST = 100
_CACHE = "importing cache manifest"


@dataclass(kw_only=True)
class _Step:
    """is_source: it fetches what a step begins with, a base image or a file, under the step's own name."""

    name: str
    is_source: bool
    is_cached: bool = False
    is_told: bool = False
    error: str = ""
    lines: deque[str] = field(default_factory=lambda: deque[str](maxlen=_LAST_LINES))

    @property
    def instruction(self) -> str:
        """As the Dockerfile has it; '' of what is BuildKit's own."""
        found = _STEP.match(self.name)
        return " ".join(found["what"].split()) if found else ""


class Progress:
    """The build so far."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._steps: dict[str, _Step] = {}
        self._other: deque[str] = deque(maxlen=_LAST_LINES)
        self._metadata: dict[str, Any] = {}

    @property
    def steps(self) -> int:
        """Instructions of the Dockerfile that make something."""
        return len(self._made())

    @property
    def cached_steps(self) -> int:
        """Those of them that were not run again."""
        return sum(step.is_cached for step in self._made())

    def read(self, line: str) -> None:
        """One line of what a builder prints."""
        text = line.strip()
        if text.startswith(PUSHED):
            self._metadata = json.loads(text.removeprefix(PUSHED))
        elif text.startswith("{"):
            try:
                self._status(json.loads(text))
            except (ValueError, AttributeError):
                self._other.append(text)
        elif text:
            self._other.append(text)

    def pushed(self) -> str:
        """The digest of what is in the registry now. Raises BuildError where nothing is."""
        digest = self._metadata.get(_DIGEST)
        if isinstance(digest, str):
            # What failed all the same did not matter: there is no cache before the first build.
            return digest
        failed = [step for step in self._steps.values() if step.error and not step.name.startswith(_CACHE)]
        if failed:
            raise _failure(next((step for step in failed if step.instruction), failed[0]))
        said = tuple(self._other)
        raise BuildError(
            "the build ended without an image; BuildKit said last:" if said else "the build ended without an image",
            "see whether BuildKit and the registry can be reached, then build again",
            lines=said,
        )

    def _made(self) -> list[_Step]:
        return [step for step in self._steps.values() if step.instruction and not step.is_source]

    def _status(self, status: dict[str, Any]) -> None:
        for vertex in status.get("vertexes") or ():
            step = self._steps.setdefault(
                vertex["digest"], _Step(name=vertex["name"], is_source=not vertex.get("inputs"))
            )
            step.is_cached = step.is_cached or bool(vertex.get("cached"))
            step.error = vertex.get("error") or step.error
            if vertex.get("completed") and not step.is_told:
                self._tell(step, vertex)
        for log in status.get("logs") or ():
            step = self._steps.get(log["vertex"])
            if step is not None:
                text = base64.b64decode(log.get("data") or "").decode(errors="replace")
                step.lines.extend(part for part in re.split(r"[\r\n]+", text) if part.strip())

    def _tell(self, step: _Step, vertex: dict[str, Any]) -> None:
        step.is_told = True
        if step.instruction and not step.error and not step.is_source:
            took = "cached" if step.is_cached else f"{_seconds(vertex):.1f} s"
            self._report(f"{_shortened(step.instruction)}: {took}")


def _seconds(vertex: dict[str, Any]) -> float:
    begun, ended = (_time(vertex.get(key) or "") for key in ("started", "completed"))
    return (ended - begun).total_seconds() if begun and ended else 0.0


def _time(text: str) -> datetime | None:
    """Go writes up to nine digits of a second."""
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError:
        return None


def _shortened(instruction: str) -> str:
    plain = re.sub(r"--mount=\S+ ", "", instruction)
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]} …"


_FIXES = (
    (r"401|403|unauthorized|denied|insufficient_scope", "give the platform's registry credentials that may push there"),
    (r"immutable|already exists", "build again: a tag that is there is never moved"),
    (r"no space left", "give builds more disk (images.builds.diskGib), or make the image smaller"),
    (r"not found|manifest unknown|does not exist", "name a base image and files that are there"),
    (r"secret \S+: not found", "name the secret in `secrets` and give its value"),
    (r"no such host|dial tcp|i/o timeout|connection refused", "see whether the builds' network reaches that host"),
    (r"exit code: 137|cannot allocate memory", "give builds more memory (images.builds.memoryGib)"),
)
"""What BuildKit's errors look like, and what to change."""


def _failure(step: _Step) -> BuildError:
    error = step.error.splitlines()[-1] if step.error else ""
    for pattern, known in _FIXES:
        if re.search(pattern, error, re.IGNORECASE):
            fix = known
            break
    else:
        fix = "mend that step, then build again: the steps before it are kept"
    name = step.instruction or step.name
    return BuildError(f"the build failed at `{name}`: {error}", fix, step=name, lines=tuple(step.lines))
