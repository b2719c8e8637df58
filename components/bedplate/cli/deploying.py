"""`bedplate deploy`: an app from a folder, and what there is to do with one that is deployed.

Each command imports what it needs itself: to start must not take longer than to ask the API server. They need a
kubeconfig, and neither the Pulumi CLI nor a stack file.
"""

import sys
import threading
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bedplate.cli.asking import (
    FELL_SHORT,
    WAIT_SECONDS,
    BuildkitOption,
    ContextOption,
    GroupWithDefault,
    NameArgument,
    NamespaceOption,
    TimeoutOption,
    WaitOption,
    YesOption,
    app_name,
    cluster_of,
    offered_by,
    progress,
    told,
)
from bedplate.cli.options import Output, OutputOption

if TYPE_CHECKING:
    from bedplate.deploy.app_file import AppFile
    from bedplate.deploy.beforehand import Seen
    from bedplate.deploy.cluster import Cluster
    from bedplate.deploy.deploying import Step
    from bedplate.deploy.records import Release
    from bedplate.offered import Offered


class _DeployGroup(GroupWithDefault):
    """`bedplate deploy FOLDER` besides `bedplate deploy list`: what is no command is the folder."""

    default, needs_arguments = "up", False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """A folder that is not there, called nearly like a command, is that command misspelt."""
        is_neither = bool(args) and args[0] not in self.commands and not Path(args[0]).exists()
        if is_neither and (close := get_close_matches(args[0], self.commands, 1)):
            ctx.fail(f"there is no command and no folder '{args[0]}': did you mean `{close[0]}`?")
        return super().parse_args(ctx, args)


deploy = typer.Typer(
    cls=_DeployGroup,
    help="Deploy the app of a folder, and see to what is deployed: bedplate deploy [FOLDER] is `up`.",
)


@deploy.command("up", epilog="Example: bedplate deploy . --image ghcr.io/acme/scorer:1.4.0 --wait")
def up(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", exists=True, file_okay=False)] = Path(),
    image: Annotated[
        str | None, typer.Option("--image", metavar="REF", help="An image that is there: nothing is built.")
    ] = None,
    same_image: Annotated[
        bool, typer.Option("--same-image", help="The image of the active release: nothing is built.")
    ] = False,
    buildkit: BuildkitOption = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = WAIT_SECONDS,
    lock_timeout: Annotated[
        float,
        typer.Option("--lock-timeout", metavar="SECONDS", help="How long to wait for somebody else's deploy of it."),
    ] = 0,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    form: OutputOption = Output.TEXT,
) -> None:
    """Build, push, apply, roll out, ask: the app of a folder with a bedplate.toml."""
    with told(form):
        from bedplate.deploy import app_file
        from bedplate.deploy.beforehand import Asking

        asking = Asking(folder, lambda: cluster_of(context, namespace))
        found = app_file.read(folder)
        known = asking.known()
        if same_image:
            image = _same_image(known.cluster, found.name)
        is_there = image is not None
        image, steps = _image(known.cluster, known.offered, found, image, buildkit, form)
        _deploy(
            known.cluster,
            known.offered,
            found.name,
            found.workload,
            image,
            steps,
            wait,
            timeout,
            form,
            lock_seconds=lock_timeout,
            # Somebody else may have changed it while it was built.
            there=known.seen if is_there else None,
        )


def _same_image(cluster: "Cluster", app: str) -> str:
    """That of the active release. Raises DeployError where there is none."""
    from bedplate.deploy import records
    from bedplate.deploy.errors import DeployError

    newest = next(iter(records.releases(cluster, app)), None)
    if newest is None:
        raise DeployError(f"'{app}' has no release whose image could stay", "give --image", app)
    return newest.image


def _image(
    cluster: "Cluster", offered: "Offered", found: "AppFile", image: str | None, buildkit: str | None, form: Output
) -> "tuple[str, list[Step]]":
    """The image that is deployed, with the first two of the steps."""
    if image is not None:
        return image, _not_built(image)
    from bedplate.deploy.building import built

    report = progress(form)
    report("Step 1/5  build")
    return built(cluster, offered, found, report, buildkit)


def _not_built(image: str) -> "list[Step]":
    """The first two of the steps where the image is there already."""
    from bedplate.deploy.deploying import Step

    return [Step(name=name, outcome="skipped", seconds=0, detail=image) for name in ("build", "push")]


def _deploy(
    cluster: "Cluster",
    offered: "Offered",
    app: str,
    workload: Any,
    image: str,
    steps: "list[Step]",
    wait: bool,
    timeout: float,
    form: Output,
    *,
    of: int | None = None,
    lock_seconds: float = 0,
    there: "Seen | None" = None,
) -> None:
    """Deploys, and tells what it came to; ends with code 1 where a step failed."""
    from bedplate.deploy.deploying import Wanted
    from bedplate.deploy.deploying import deploy as deploy_it

    wanted = Wanted(app=app, workload=workload, image=image, of=of)
    report = progress(form)
    if form is Output.TEXT:
        # While the API server works: they are needed in the end.
        threading.Thread(target=import_module, args=("bedplate.cli.deploy_tables",), daemon=True).start()
    for number, step in enumerate(steps, 1):
        report(f"Step {number}/5  {step.name}: {step.outcome}, {step.detail}")
    done = deploy_it(
        cluster,
        offered,
        wanted,
        report,
        before=steps,
        is_waited_for=wait,
        wait_seconds=timeout,
        lock_seconds=lock_seconds,
        there=there,
    )
    from bedplate.cli import deploy_output

    deploy_output.deployed(cluster, done, form)
    if not done.is_well:
        raise typer.Exit(FELL_SHORT)


@deploy.command("list", epilog="Example: bedplate deploy list -o json")
def list_apps(
    context: ContextOption = None, namespace: NamespaceOption = None, form: OutputOption = Output.TEXT
) -> None:
    """All apps of the tenant, members' and the stack's."""
    with told(form):
        from bedplate.cli import deploy_output
        from bedplate.deploy import forms

        cluster = cluster_of(context, namespace)
        found = forms.apps(cluster, offered_by(cluster))
        deploy_output.rows(
            form, found, ("name", "status", "ready_replicas", "replicas", "version", "image", "owned_by", "url")
        )


@deploy.command("get", epilog="Example: bedplate deploy get scorer")
def get(
    name: NameArgument = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    form: OutputOption = Output.TEXT,
) -> None:
    """Everything about one app."""
    with told(form):
        from bedplate.cli import deploy_output
        from bedplate.deploy import forms

        cluster = cluster_of(context, namespace)
        deploy_output.fields(form, forms.app(cluster, app_name(name), offered_by(cluster)))


@deploy.command("status", epilog="Example: bedplate deploy status scorer")
def status(
    name: NameArgument = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    form: OutputOption = Output.TEXT,
) -> None:
    """Status, message and progress of one app."""
    with told(form):
        from bedplate.cli import deploy_output
        from bedplate.deploy.state import state_of

        found = state_of(cluster_of(context, namespace), app_name(name))
        deploy_output.status(form, found)


@deploy.command("releases", epilog="Example: bedplate deploy releases scorer")
def releases(
    name: NameArgument = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    form: OutputOption = Output.TEXT,
) -> None:
    """All releases that are kept, the newest first."""
    with told(form):
        from bedplate.cli import deploy_output
        from bedplate.deploy import forms, records

        found = forms.release_rows(records.releases(cluster_of(context, namespace), app_name(name)))
        columns = ("version", "image", "status", "deployed_at", "deployed_by", "memory_limit", "rolled_back_to")
        deploy_output.rows(form, found, columns)


@deploy.command("rollback", epilog="Example: bedplate deploy rollback scorer --to 3")
def rollback(
    name: NameArgument = None,
    to: Annotated[int | None, typer.Option("--to", metavar="VERSION", help="The one before if absent.")] = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = WAIT_SECONDS,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    form: OutputOption = Output.TEXT,
) -> None:
    """Bring back a release as it was, its image and its spec, as a new release."""
    with told(form):
        from bedplate.deploy.deploying import again

        cluster, app = cluster_of(context, namespace), app_name(name)
        offered = _of_members(cluster, app)
        release = again(cluster, app, to)
        _deploy_release(cluster, offered, app, release, wait, timeout, form, of=release.version)


def _of_members(cluster: "Cluster", app: str) -> "Offered":
    """What is offered. Raises DeployError where the stack owns the app."""
    from bedplate.deploy.owners import of_stack

    offered = offered_by(cluster)
    if app in offered.of_stack:
        raise of_stack(app, offered)
    return offered


def _deploy_release(
    cluster: "Cluster",
    offered: "Offered",
    app: str,
    release: "Release",
    wait: bool,
    timeout: float,
    form: Output,
    of: int | None = None,
) -> None:
    steps = _not_built(release.image)
    _deploy(cluster, offered, app, release.workload, release.image, steps, wait, timeout, form, of=of)


@deploy.command("scale", epilog="Example: bedplate deploy scale scorer --min 2 --max 6")
def scale(
    name: NameArgument = None,
    fewest: Annotated[int | None, typer.Option("--min", min=1, max=500, help="Fewest pods.")] = None,
    most: Annotated[int | None, typer.Option("--max", min=1, max=500, help="Most pods.")] = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = WAIT_SECONDS,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    form: OutputOption = Output.TEXT,
) -> None:
    """Other bounds of pods, as a new release of the same image."""
    with told(form):
        from bedplate.deploy.deploying import with_replicas
        from bedplate.deploy.errors import DeployError
        from bedplate.deploy.records import releases as kept

        if fewest is None and most is None:
            raise DeployError("neither --min nor --max is given", "bedplate deploy scale APP --min 2 --max 6")
        cluster, app = cluster_of(context, namespace), app_name(name)
        offered = _of_members(cluster, app)
        newest = next(iter(kept(cluster, app)), None)
        if newest is None:
            raise DeployError(f"no release of '{app}' is kept", "see `bedplate deploy list`", app)
        from bedplate.deploy.cluster import NOTHING

        bounds = newest.workload.get("replicas") or NOTHING
        low = fewest if fewest is not None else min(int(bounds.get("min", 2)), most or 500)
        high = most if most is not None else max(int(bounds.get("max", 10)), low)
        _deploy_release(cluster, offered, app, with_replicas(newest, low, high), wait, timeout, form)


@deploy.command("restart", epilog="Example: bedplate deploy restart scorer")
def restart(
    name: NameArgument = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    form: OutputOption = Output.TEXT,
) -> None:
    """New pods one by one, of the same release: secrets are read anew. Apps of the stack too."""
    with told(form):
        from bedplate.cli import deploy_output
        from bedplate.deploy.deploying import restart as restart_it

        app = app_name(name)
        restart_it(cluster_of(context, namespace), app)
        deploy_output.said(form, app, f"{app} gets new pods, one by one")


@deploy.command("destroy", epilog="Example: bedplate deploy destroy scorer --secrets")
def destroy(
    name: NameArgument = None,
    secrets: Annotated[bool, typer.Option("--secrets", help="The secrets that it alone reads, too.")] = False,
    yes: YesOption = False,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    form: OutputOption = Output.TEXT,
) -> None:
    """Take an app away: says what, asks, and looks until nothing is left."""
    with told(form):
        from bedplate.cli import deploy_output, deploy_tables
        from bedplate.deploy import destroying
        from bedplate.deploy.errors import DeployError
        from bedplate.deploy.secrets import secrets_of_app

        cluster, app = cluster_of(context, namespace), app_name(name)
        _of_members(cluster, app)
        found = destroying.found_of(cluster, app)
        names = secrets_of_app(cluster, app) if secrets else []
        if not found:
            raise DeployError(f"nothing of '{app}' is in {cluster.namespace}", "see `bedplate deploy list`", app)
        deploy_tables.about_to_go(app, [*found, *(("Secret", each) for each in names)])
        if not yes:
            if not sys.stdin.isatty():
                raise DeployError("nobody is there to ask", "add -y to destroy it without being asked", app)
            typer.confirm(f"Destroy {app}?", abort=True)
        done = destroying.destroy(cluster, app, names)
        deploy_output.destroyed(form, done)
        if done.left:
            raise typer.Exit(FELL_SHORT)
