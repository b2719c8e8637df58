"""What people read of apps: tables, lines, and what they are warned of."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bedplate.cli import consoles
from bedplate.wording import counted

if TYPE_CHECKING:
    from bedplate.deploy.cluster import Cluster
    from bedplate.deploy.deploying import Deployment
    from bedplate.deploy.destroying import Destroyed
    from bedplate.deploy.doctor import Check
    from bedplate.deploy.explaining import Explanation
    from bedplate.deploy.secrets import SecretRecord
    from bedplate.deploy.state import AppState

_out, _err = consoles.OUT, consoles.ERR
_STYLES = {
    **{"Healthy": "green", "Failing": "bold red", "NotReady": "yellow", "Updating": "yellow", "Asleep": "dim"},
    **{"ok": "green", "failed": "bold red", "warning": "yellow", "active": "green", "superseded": "dim"},
}


def warning(text: str) -> None:
    """On standard error."""
    _err.print(Text(f"warning: {text}", style="yellow"))


def said(text: str) -> None:
    """One line."""
    _out.print(Text(text))


def rows(found: Sequence[Any], columns: Sequence[str]) -> None:
    """A table with these fields."""
    if not found:
        _out.print("none")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " ").upper(), no_wrap=True)
    for each in found:
        table.add_row(*(_cell(getattr(each, column)) for column in columns))
    _out.print(table)


def _cell(value: object) -> Text:
    text = (
        "–"
        if value is None or value == ""
        else ", ".join(map(str, cast(list[object], value)))
        if isinstance(value, list)
        else str(value)
    )
    return Text(text, style=_STYLES.get(text, ""))


def fields(value: Mapping[str, Any]) -> None:
    """One thing, a field a line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, each in value.items():
        table.add_row(Text(name.replace("_", " "), style="dim"), _cell(each))
    _out.print(table)


def status(found: "AppState", message: str) -> None:
    """Status, message, progress."""
    _out.print(Text(found.status, style=_STYLES.get(found.status, "")) + Text(f"  {found.progress} %  {message}"))
    if found.failing:
        _out.print(Text(f"why: bedplate why {found.app}", style="dim"))


def deployed(cluster: "Cluster", done: "Deployment") -> None:
    """Where it is now, or why it is not."""
    state, release = done.state, done.release
    _steps(done)
    _out.print(f"deployment  {release.id}", markup=False)
    _out.print(f"release     {release.version}", markup=False)
    _out.print(f"domain      {done.host or '– (no route in bedplate.toml)'}", markup=False)
    _out.print(f"URL         {done.url or _inside(cluster, state)}", markup=False)
    if not done.is_well and state is not None:
        from bedplate.deploy.explaining import explain

        explanation(explain(cluster, state.app))
    elif state is not None and not state.is_complete:
        _out.print(f"\nNext: bedplate deploy status {state.app}", style="dim")


def _inside(cluster: "Cluster", state: "AppState | None") -> str:
    return f"http://{state.app}.{cluster.namespace} (inside the tenant)" if state else "–"


def _steps(done: "Deployment") -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for number, step in enumerate(done.steps, 1):
        outcome = Text(step.outcome, style={"done": "green", "failed": "bold red"}.get(step.outcome, "dim"))
        seconds = f"{step.seconds:.1f} s" if step.seconds else ""
        table.add_row(f"{number}/5", step.name, outcome, seconds, Text(step.detail, style="dim"))
    _out.print(table)


def explanation(told: "Explanation") -> None:
    """Each cause with its fix, and the log where it says more."""
    if not told.causes:
        _out.print(Text(f"{told.name} is well: nothing keeps it.", style="green"))
        return
    for cause in told.causes:
        _out.print(Text(f"\n✗ {cause.object}: {cause.kind}", style="bold red"))
        _out.print(Text(f"  {cause.cause}"), soft_wrap=True)
        for line in cause.log:
            _out.print(Text(f"    | {line}", style="dim"), soft_wrap=True)
        _out.print(Text(f"  fix: {cause.fix}"), soft_wrap=True)


def about_to_go(app: str, found: Sequence[tuple[str, str]]) -> None:
    """On standard error, before anybody is asked."""
    _err.print(Text(f"{app} is made of:"))
    for kind, name in found:
        _err.print(Text(f"  {kind} {name}"))


def destroyed(done: "Destroyed") -> None:
    """What went, what is left, what stays."""
    _out.print(Text(f"removed {counted(len(done.removed), 'object')} of {done.app}"))
    for kind, name in done.left:
        _out.print(Text(f"left: {kind} {name}", style="bold red"))
    if not done.left:
        _out.print(Text("nothing of it is left", style="green"))
    for kept in done.kept:
        _out.print(Text(f"kept: {kept}", style="dim"), soft_wrap=True)


def secret_made(made: "SecretRecord", readers: Sequence[str]) -> None:
    """And who must start anew to see it."""
    _out.print(Text(f"secret {made.name} is kept; name it in secretEnv of bedplate.toml"))
    for app in readers:
        _out.print(Text(f"  {app} reads it when its pods start: bedplate deploy restart {app}", style="dim"))


def examined(checks: "Sequence[Check]") -> None:
    """Each check, and the fix of what is wrong."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for check in checks:
        outcome = Text(check.outcome, style=_STYLES.get(check.outcome, ""))
        table.add_row(outcome, check.name, escape(check.detail))
    _out.print(table)
    for check in checks:
        if check.fix:
            _out.print(Text(f"{check.name}: {check.fix}"), soft_wrap=True)
