"""What commands about apps print: the forms as JSON for programs, or tables for people.

Owns which of the two. Tables are imported for people alone: they take as long as half of a deploy's requests.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bedplate.cli.for_programs import print_json
from bedplate.cli.options import Output
from bedplate.deploy.forms import Built, Deployed, Done, SecretMade, StatusRow, StepRow

if TYPE_CHECKING:
    from bedplate.builds.scanning import Scanned
    from bedplate.deploy.cluster import Cluster
    from bedplate.deploy.deploying import Deployment, Step
    from bedplate.deploy.destroying import Destroyed
    from bedplate.deploy.doctor import Check
    from bedplate.deploy.explaining import Explanation
    from bedplate.deploy.logs import Line
    from bedplate.deploy.secrets import SecretRecord
    from bedplate.deploy.state import AppState


def said(form: Output, name: str, text: str, url: str | None = None) -> None:
    """One line, or that it was done."""
    if form is Output.JSON:
        print_json(asdict(Done(ok=True, name=name, url=url)))
        return
    from bedplate.cli import deploy_tables

    deploy_tables.said(text)


def scanned(form: Output, found: "Scanned") -> None:
    """An image that was scanned: whether it has passed, and what keeps it from that."""
    if form is Output.JSON:
        print_json(asdict(found))
        return
    from bedplate.cli import deploy_tables

    deploy_tables.said(f"{found.reference} has passed: {found.summary}")


def rows(form: Output, found: Sequence[Any], columns: Sequence[str]) -> None:
    """A table with some of the fields, or all of them as JSON."""
    if form is Output.JSON:
        print_json([asdict(each) for each in found])
        return
    from bedplate.cli import deploy_tables

    deploy_tables.rows(found, columns)


def fields(form: Output, value: Any) -> None:
    """One thing, a field a line."""
    if form is Output.JSON:
        print_json(asdict(value))
        return
    from bedplate.cli import deploy_tables

    deploy_tables.fields(asdict(value))


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
        print_json(asdict(row))
        return
    from bedplate.cli import deploy_tables

    deploy_tables.status(found, message)


def deployed(cluster: "Cluster", done: "Deployment", form: Output) -> None:
    """Where it is now, or why it is not."""
    if form is Output.JSON:
        print_json(asdict(_deployed(cluster, done)))
        return
    from bedplate.cli import deploy_tables

    deploy_tables.deployed(cluster, done)


def _deployed(cluster: "Cluster", done: "Deployment") -> Deployed:
    state, release = done.state, done.release
    return Deployed(
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


def built(form: Output, name: str, image: str, steps: "Sequence[Step]") -> None:
    """The image by its digest, for `--image` and for stack files."""
    if form is Output.JSON:
        print_json(asdict(Built(ok=True, name=name, image=image, steps=[StepRow(**asdict(step)) for step in steps])))
        return
    from bedplate.cli import deploy_tables

    deploy_tables.said(f"pushed {image}")


def explanation(form: Output, told: "Explanation") -> None:
    """Each cause with its fix, and the log where it says more."""
    if form is Output.JSON:
        print_json(asdict(told))
        return
    from bedplate.cli import deploy_tables

    deploy_tables.explanation(told)


def destroyed(form: Output, done: "Destroyed") -> None:
    """What went, what is left, what stays."""
    if form is Output.JSON:
        from bedplate.deploy.destroying import row_of

        print_json(asdict(row_of(done)))
        return
    from bedplate.cli import deploy_tables

    deploy_tables.destroyed(done)


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
        print_json(asdict(row))
        return
    from bedplate.cli import deploy_tables

    deploy_tables.secret_made(made, readers)


def examined(form: Output, checks: "Sequence[Check]") -> None:
    """Each check, and the fix of what is wrong."""
    if form is Output.JSON:
        from bedplate.deploy.doctor import Examined

        is_well = all(check.outcome != "failed" for check in checks)
        print_json(asdict(Examined(ok=is_well, checks=checks)))
        return
    from bedplate.cli import deploy_tables

    deploy_tables.examined(checks)
