"""Commands about what runs in a tenant: `logs`, `secret`, `domains`, `doctor`, `open`, `why`, `build`, `scan`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bedplate.cli.asking import (
    FELL_SHORT,
    BuildkitOption,
    ContextOption,
    GroupWithDefault,
    NameArgument,
    NamespaceOption,
    app_name,
    cluster_of,
    offered_by,
    progress,
    told,
)
from bedplate.cli.deploying import deploy
from bedplate.cli.options import Output, OutputOption


class _LogsGroup(GroupWithDefault):
    """`bedplate logs scorer --tail 5` besides `bedplate logs stream scorer`."""

    default, needs_arguments = "tail", True


logs = typer.Typer(
    cls=_LogsGroup, no_args_is_help=True, help="What an app's pods say: bedplate logs APP --tail 5 is `tail`."
)
secret = typer.Typer(no_args_is_help=True, help="Secrets that apps read; nobody reads them here again.")
domains = typer.Typer(no_args_is_help=True, help="Hosts of the tenant's apps.")

_SCAN_EXAMPLE = "Example: bedplate scan registry.example.com/ml/vision/scorer@sha256:9f86d0…"
_PANEL = "For members of a tenant: their apps, with a kubeconfig alone"


def register(app: typer.Typer) -> None:
    """Adds these commands to the command line, under a heading of their own."""
    app.command(name="doctor", epilog="Example: bedplate doctor", rich_help_panel=_PANEL)(doctor)
    app.command(name="why", epilog="Example: bedplate why scorer", rich_help_panel=_PANEL)(why)
    app.command(name="build", epilog="Example: bedplate build .", rich_help_panel=_PANEL)(build)
    app.command(name="scan", epilog=_SCAN_EXAMPLE, rich_help_panel=_PANEL)(scan)
    app.command(name="open", epilog="Example: bedplate open scorer", rich_help_panel=_PANEL)(open_app)
    for name, group, example in (
        ("deploy", deploy, "deploy . --wait"),
        ("logs", logs, "logs tail scorer --lines 100"),
        ("secret", secret, "secret create hf-token < token.txt"),
        ("domains", domains, "domains list"),
    ):
        app.add_typer(group, name=name, epilog=f"Example: bedplate {example}", rich_help_panel=_PANEL)


@logs.command("tail", epilog="Example: bedplate logs tail scorer --lines 100")
def tail_logs(
    name: NameArgument = None,
    lines: Annotated[int, typer.Option("--lines", "--tail", min=1, max=100_000, help="How many.")] = 100,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    form: OutputOption = Output.TEXT,
) -> None:
    """The last lines of an app's pods, each with its time and its pod."""
    with told(form):
        from bedplate.cli import deploy_output
        from bedplate.deploy.logs import last_lines

        deploy_output.log(form, last_lines(cluster_of(context, namespace), app_name(name), lines))


@logs.command("stream", epilog="Example: bedplate logs stream scorer")
def stream_logs(
    name: NameArgument = None,
    lines: Annotated[int, typer.Option("--lines", "--tail", min=1, max=100_000, help="How many of before.")] = 10,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    form: OutputOption = Output.TEXT,
) -> None:
    """Lines as they come, of new pods too, until Ctrl-C."""
    with told(form):
        from bedplate.cli import deploy_output
        from bedplate.deploy.logs import followed

        deploy_output.log(form, followed(cluster_of(context, namespace), app_name(name), lines))


@secret.command("create", epilog="Example: bedplate secret create hf-token < token.txt")
def create_secret(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as hf-token; `secretEnv` names it.")],
    file: Annotated[
        Path | None, typer.Option("--file", exists=True, dir_okay=False, help="That holds the value.")
    ] = None,
    value: Annotated[
        str | None,
        typer.Option("--value", help="The value itself; it stays in your shell's history.", show_default=False),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="In the place of one that is there.")] = False,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    form: OutputOption = Output.TEXT,
) -> None:
    """Keep a value from standard input or a file. Pods see it when they start."""
    with told(form):
        from bedplate.cli import deploy_output, deploy_tables
        from bedplate.deploy import secrets

        if value is not None:
            deploy_tables.warning("--value shows the secret to your shell's history and to others on this machine")
            given = value.encode()
        elif file is not None:
            given = file.read_bytes()
        else:
            given = typer.prompt("Value", hide_input=True).encode() if sys.stdin.isatty() else sys.stdin.buffer.read()
        cluster = cluster_of(context, namespace)
        offered_by(cluster)
        made = secrets.create_secret(cluster, name, given.removesuffix(b"\n"), is_replaced=replace)
        readers = secrets.readers_of(cluster, name)
        deploy_output.secret_made(form, made, readers)


@secret.command("list", epilog="Example: bedplate secret list")
def list_secrets(
    context: ContextOption = None, namespace: NamespaceOption = None, form: OutputOption = Output.TEXT
) -> None:
    """Names, never values."""
    with told(form):
        from bedplate.cli import deploy_output
        from bedplate.deploy.secrets import secrets_of

        deploy_output.rows(form, secrets_of(cluster_of(context, namespace)), ("name", "created_by", "created_at"))


@secret.command("delete", epilog="Example: bedplate secret delete hf-token")
def delete_secret(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    form: OutputOption = Output.TEXT,
) -> None:
    """Refused while an app's active release reads it."""
    with told(form):
        from bedplate.cli import deploy_output
        from bedplate.deploy import secrets
        from bedplate.deploy.errors import DeployError

        cluster = cluster_of(context, namespace)
        if readers := secrets.readers_of(cluster, name):
            fix = "take it out of their secretEnv and deploy them first"
            raise DeployError(f"the secret '{name}' is read by {', '.join(readers)}", fix, name)
        if not secrets.delete_secret(cluster, name):
            raise DeployError(f"there is no secret '{name}'", "see `bedplate secret list`", name)
        deploy_output.said(form, name, f"deleted {name}")


@domains.command("list", epilog="Example: bedplate domains list")
def list_domains(
    context: ContextOption = None, namespace: NamespaceOption = None, form: OutputOption = Output.TEXT
) -> None:
    """Hosts of the tenant's apps, members' and the stack's."""
    with told(form):
        from bedplate.cli import deploy_output
        from bedplate.deploy import forms

        cluster = cluster_of(context, namespace)
        deploy_output.rows(form, forms.domains(cluster, offered_by(cluster)), ("domain", "app", "owned_by", "url"))


def why(
    name: NameArgument = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    form: OutputOption = Output.TEXT,
) -> None:
    """Why an app, a workspace, a training or a job does not run, and the change to make."""
    with told(form):
        from bedplate.cli import deploy_output
        from bedplate.deploy.explaining import explain

        deploy_output.explanation(form, explain(cluster_of(context, namespace), app_name(name)))


def build(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", exists=True, file_okay=False)] = Path(),
    buildkit: BuildkitOption = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    form: OutputOption = Output.TEXT,
) -> None:
    """Build and push the image of a folder with a bedplate.toml, and deploy nothing: in a workspace's terminal, too."""
    with told(form):
        from bedplate.cli import deploy_output
        from bedplate.deploy import app_file
        from bedplate.deploy.building import built

        found, report = app_file.read(folder), progress(form)
        cluster = cluster_of(context, namespace)
        image, steps = built(cluster, offered_by(cluster), found, report, buildkit)
        deploy_output.built(form, found.name, image, steps)


def scan(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="By its digest: NAME@sha256:…")],
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    form: OutputOption = Output.TEXT,
) -> None:
    """Have an image of the tenant scanned, where only what has passed may run."""
    with told(form):
        from bedplate.cli import deploy_output
        from bedplate.deploy.errors import DeployError
        from bedplate.deploy.scanning import scanned

        cluster = cluster_of(context, namespace)
        if not offered_by(cluster).scans:
            raise DeployError("this platform scans no images of your tenant", "ask who runs it for images.builds.scan")
        deploy_output.scanned(form, scanned(cluster, image, image, progress(form)))


def open_app(
    name: NameArgument = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    form: OutputOption = Output.TEXT,
) -> None:
    """Open an app in the browser."""
    with told(form):
        import webbrowser

        from bedplate.cli import deploy_output
        from bedplate.deploy import forms
        from bedplate.deploy.errors import DeployError

        cluster, app = cluster_of(context, namespace), app_name(name)
        found = forms.app(cluster, app, offered_by(cluster))
        if found.url is None:
            raise DeployError(f"'{app}' has no way in from outside", "give it a `route` in bedplate.toml", app)
        if form is Output.TEXT:
            webbrowser.open(found.url)
        deploy_output.said(form, app, found.url, found.url)


def doctor(context: ContextOption = None, namespace: NamespaceOption = None, form: OutputOption = Output.TEXT) -> None:
    """Whether you can deploy here, and what is missing if not."""
    from bedplate.cli import deploy_output
    from bedplate.deploy.doctor import examine

    checks = list(examine(context, namespace))
    deploy_output.examined(form, checks)
    if any(check.outcome == "failed" for check in checks):
        raise typer.Exit(FELL_SHORT)
