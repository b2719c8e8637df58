"""What stops a build for a reason that its user can change."""

from bedplate.errors import RehearsalError


class BuildError(RehearsalError):
    """Says what is wrong and what to do about it; step: what failed, as the Dockerfile has it, if one did; lines: what
    it printed last."""

    def __init__(self, message: str, fix: str, *, step: str = "", lines: tuple[str, ...] = ()) -> None:
        super().__init__(message, fix)
        self.step = step
        self.lines = lines

    def __str__(self) -> str:
        said = "".join(f"\n  {line}" for line in self.lines)
        return f"{self.message}{said}\nFix: {self.fix}"
