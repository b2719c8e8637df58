"""What people and programs read of apps: tables, or the forms as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bedplate.cli import consoles
from bedplate.cli.options import Output
from bedplate.deploy.forms import Deployed, Done, SecretMade, StatusRow, StepRow
from bedplate.wording import counted

if TYPE_CHECKING:
    from bedplate.builds.scanning import Scanned
    from bedplate.deploy.cluster import Cluster
    from bedplate.deploy.deploying import Deployment
    from bedplate.deploy.destroying import Destroyed
    from bedplate.deploy.doctor import Check
    from bedplate.deploy.explaining import Explanation
    from bedplate.deploy.logs import Line
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


def said(form: Output, name: str, text: str, url: str | None = None) -> None:
    """One line, or that it was done."""
    if form is Output.JSON:
        consoles.print_json(asdict(Done(ok=True, name=name, url=url)))
    else:
        _out.print(Text(text))


def scanned(form: Output, found: "Scanned") -> None:
    """An image that has passed."""
    if form is Output.JSON:
        consoles.print_json(asdict(found))
    else:
        _out.print(Text(f"{found.reference} has passed: {found.summary}"))


def rows(form: Output, found: Sequence[Any], columns: Sequence[str]) -> None:
    """A table with some of the fields, or all of them as JSON."""
    if form is Output.JSON:
        consoles.print_json([asdict(each) for each in found])
        return
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


def fields(form: Output, value: Any) -> None:
    """One thing, a field a line."""
    if form is Output.JSON:
        consoles.print_json(asdict(value))
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, each in asdict(value).items():
        table.add_row(Text(name.replace("_", " "), style="dim"), _cell(each))
    _out.print(table)


def status(form: Output, found: "AppState") -> None:
    """Status, message, progress."""
    message = found.failing or found.message
    if form is Output.JSON:
        row = StatusRow(
            name=found.app,
            status=found.status,
            message=message,
            progress=found.progress,
            replicas=found.replicas,
            ready_replicas=found.ready,
        )
        consoles.print_json(asdict(row))
        return
    _out.print(Text(found.status, style=_STYLES.get(found.status, "")) + Text(f"  {found.progress} %  {message}"))
    if found.failing:
        _out.print(Text(f"why: bedplate why {found.app}", style="dim"))


def deployed(cluster: "Cluster", done: "Deployment", form: Output) -> None:
    """Where it is now, or why it is not."""
    state, release = done.state, done.release
    if form is Output.JSON:
        row = Deployed(
            ok=done.is_well,
            name=state.app if state else "",
            namespace=cluster.namespace,
            deployment_id=release.id,
            version=release.version,
            image=release.image,
            url=done.url or None,
            domain=done.host or None,
            status=state.status if state else "",
            progress=state.progress if state else 0,
            steps=[StepRow(**asdict(step)) for step in done.steps],
        )
        consoles.print_json(asdict(row))
    else:
        _steps(done)
        _out.print(f"deployment  {release.id}", markup=False)
        _out.print(f"release     {release.version}", markup=False)
        _out.print(f"domain      {done.host or '– (no route in bedplate.toml)'}", markup=False)
        _out.print(f"URL         {done.url or _inside(cluster, state)}", markup=False)
    if not done.is_well and state is not None:
        from bedplate.deploy.explaining import explain

        told = explain(cluster, state.app)
        if form is Output.TEXT:
            explanation(form, told)
    elif form is Output.TEXT and state is not None and not state.is_complete:
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


def explanation(form: Output, told: "Explanation") -> None:
    """Each cause with its fix, and the log where it says more."""
    if form is Output.JSON:
        consoles.print_json(asdict(told))
        return
    if not told.causes:
        _out.print(Text(f"{told.name} is well: nothing keeps it.", style="green"))
        return
    for cause in told.causes:
        _out.print(Text(f"\n✗ {cause.object}: {cause.kind}", style="bold red"))
        _out.print(Text(f"  {cause.cause}"), soft_wrap=True)
        for line in cause.log:
            _out.print(Text(f"    | {line}", style="dim"), soft_wrap=True)
        _out.print(Text(f"  fix: {cause.fix}"), soft_wrap=True)


def about_to_go(form: Output, app: str, found: Sequence[tuple[str, str]]) -> None:
    """On standard error, before anybody is asked."""
    _err.print(Text(f"{app} is made of:"))
    for kind, name in found:
        _err.print(Text(f"  {kind} {name}"))


def destroyed(form: Output, done: "Destroyed") -> None:
    """What went, what is left, what stays."""
    if form is Output.JSON:
        from bedplate.deploy.destroying import row_of

        consoles.print_json(asdict(row_of(done)))
        return
    _out.print(Text(f"removed {counted(len(done.removed), 'object')} of {done.app}"))
    for kind, name in done.left:
        _out.print(Text(f"left: {kind} {name}", style="bold red"))
    if not done.left:
        _out.print(Text("nothing of it is left", style="green"))
    for kept in done.kept:
        _out.print(Text(f"kept: {kept}", style="dim"), soft_wrap=True)


def log(form: Output, lines: "Iterable[Line]") -> None:
    """A line each, as JSON one object a line."""
    import json
    import sys

    for line in lines:
        text = json.dumps(asdict(line)) if form is Output.JSON else f"{line.time} {line.pod} {_printable(line.text)}"
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def _printable(text: str) -> str:
    """Without what a terminal would act upon."""
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in text)


def secret_made(form: Output, made: "SecretRecord", readers: Sequence[str]) -> None:
    """And who must start anew to see it."""
    if form is Output.JSON:
        row = SecretMade(ok=True, name=made.name, created_at=made.created_at, read_by=list(readers))
        consoles.print_json(asdict(row))
        return
    _out.print(Text(f"secret {made.name} is kept; name it in secretEnv of bedplate.toml"))
    for app in readers:
        _out.print(Text(f"  {app} reads it when its pods start: bedplate deploy restart {app}", style="dim"))


def examined(form: Output, checks: "Sequence[Check]") -> None:
    """Each check, and the fix of what is wrong."""
    if form is Output.JSON:
        from bedplate.deploy.doctor import Examined

        is_well = all(check.outcome != "failed" for check in checks)
        consoles.print_json(asdict(Examined(ok=is_well, checks=checks)))
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for check in checks:
        outcome = Text(check.outcome, style=_STYLES.get(check.outcome, ""))
        table.add_row(outcome, check.name, escape(check.detail))
    _out.print(table)
    for check in checks:
        if check.fix:
            _out.print(Text(f"{check.name}: {check.fix}"), soft_wrap=True)
