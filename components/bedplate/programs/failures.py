"""Why a build failed, in words of who wanted the program: what Go wrote, and what to do about it."""

import re
from dataclasses import dataclass
from pathlib import Path

from bedplate.errors import RehearsalError
from bedplate.programs.processes import log_tail
from bedplate.programs.table import Program


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What a line of a log means. written: a pattern of it; `{title}` and `{name}` are the program's."""

    written: str
    message: str
    fix: str


_CAUSES = (
    Cause(
        written="checksum mismatch|SECURITY ERROR",
        message="a module of {title} is not the one that its go.sum names",
        fix="do not use what was downloaded. Run `go clean -modcache` and try again with "
        "GOPROXY=https://proxy.golang.org: if that works, a mirror or a proxy on the way alters modules. "
        "Never take a line out of go.sum to get past this.",
    ),
    Cause(
        written=r"missing go\.sum entry|updates to go\.mod needed",
        message="go.mod and go.sum of {title} do not belong together",
        fix="cd components/bedplate/programs/go/{name} && go mod tidy -e, commit both files, and try again.",
    ),
    Cause(
        written=r"dial tcp|no such host|proxyconnect|network is unreachable|handshake timeout|i/o timeout"
        r"|connection re(fused|set)|disabled by GOPROXY=off",
        message="the modules of {title} cannot be downloaded",
        fix="connect to the network, or set GOPROXY to a mirror that you reach; what was downloaded before is kept.",
    ),
    Cause(
        written="no space left on device",
        message="there is no room to build {title}",
        fix="free 10 GB where `go env GOCACHE GOMODCACHE` and ~/.cache are; `go clean -cache` frees a lot.",
    ),
    Cause(
        written="signal: killed",
        message="a compiler of {title} was killed, most likely because memory ran out",
        fix="end other programs, or build where 6 GB of memory are free; what was compiled before is kept.",
    ),
)
_OLD_GO = r"requires go >= \d|toolchain not available"


def build_failed(one: Program, log: Path) -> RehearsalError:
    """What a log of `go build` means."""
    content, tail = log.read_text(encoding="utf-8", errors="replace"), log_tail(log)
    known = _known(one, content, tail)
    if known is not None:
        return RehearsalError(known.message, f"{known.fix} The whole log is in {log}.")
    return RehearsalError(
        f"building {one.titled} failed:\n{tail}",
        f"the whole log is in {log}. If it names a file of ours, mend components/bedplate/programs/go/{one.name}; "
        "if it names a module, take another version of it there.",
    )


def download_failed(one: Program, answer: str) -> RehearsalError:
    """What an answer of `go mod download` means."""
    tail = "\n".join(f"  {line[:300]}" for line in answer.splitlines()[-15:])
    fix = f"see what `go mod download {one.module}` says in components/bedplate/programs/go/{one.name}."
    return _known(one, answer, tail) or RehearsalError(f"downloading {one.module} failed:\n{tail}", fix)


def _known(one: Program, content: str, tail: str) -> RehearsalError | None:
    for cause in _CAUSES:
        if re.search(cause.written, content):
            return RehearsalError(f"{cause.message.format(title=one.titled)}:\n{tail}", cause.fix.format(name=one.name))
    if re.search(_OLD_GO, content):
        return no_go(one, f"{one.titled} cannot be built by this Go:\n{tail}")
    return None


def no_go(one: Program, message: str) -> RehearsalError:
    """There is no Go, or none that is new enough."""
    otherwise = one.otherwise.format(version=one.version)
    install = f"install Go {one.go_version} or newer (https://go.dev/dl/), or let Go fetch it: unset GOTOOLCHAIN"
    return RehearsalError(message, f"{install}; or {otherwise}.")
