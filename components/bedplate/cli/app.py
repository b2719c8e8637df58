"""Commands, options and exit codes.

0: all is well. 1: the rehearsal fell short, or it could not run. 2: the stack file, the plan or the command line is
wrong; nothing was created. 3: the update would lose what must not be lost, or no cloud takes it. 130 and 143:
interrupted, after cleaning up. 141: nobody reads the output any more.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bedplate.cli import apps, programs
from bedplate.cli.endings import ending
from bedplate.cli.options import Output, OutputOption, ordered
from bedplate.errors import RehearsalError
from bedplate.starter import CLOUDS, PROGRAM

# Each command imports what it needs itself: `--help` needs nothing of this, and `check` no Pulumi.
if TYPE_CHECKING:
    from bedplate.plans.planning import Revision
    from bedplate.plans.project import Project
    from bedplate.stack_file.reading import Stack

FELL_SHORT, WRONG_INPUT, REFUSED = 1, 2, 3

app = typer.Typer(
    name="bedplate",
    epilog="Example: bedplate rehearse local",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version  # as long as all of this module

        typer.echo(f"bedplate {version('bedplate')}")
        raise typer.Exit


@app.callback()
def options(
    _version_option: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Check, preview and rehearse a machine-learning platform. Production is `pulumi up`."""


FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", file_okay=False, exists=True)]
CheckOption = Annotated[bool, typer.Option("--check", help="Write nothing; fail where a file is not fresh.")]
StackArgument = Annotated[str, typer.Argument(metavar="STACK", help="A stack by name (local) or by its file.")]
AllowOption = Annotated[
    list[str] | None,
    typer.Option("--allow", metavar="NAME", help="A protected resource that may go, by its name; repeatable."),
]
ContextOption = Annotated[
    str | None,
    typer.Option("--context", metavar="NAME", help="Context of your kubeconfig, in place of a cluster of its own."),
]

DefinitionsOption = Annotated[
    Path | None,
    typer.Option(
        "--crds",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Folder with real definitions of custom kinds, named like certificates.cert-manager.io.yaml; "
        "kinds that it lacks get stand-ins, which admit any object.",
    ),
]

OperatorsOption = Annotated[
    bool,
    typer.Option(
        "--operators",
        help="Run operators beside the cluster: certificates are issued, hosts served, GPU nodes come from zero. "
        "Builds their programs once, which takes minutes.",
    ),
]


@app.command(epilog="Example: bedplate init ml-platform --cloud existing --domain ml.example.com")
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the project goes; made if it is not there.")],
    cloud: Annotated[
        str | None,
        typer.Option("--cloud", help=f"What the platform runs on: {', '.join(CLOUDS)}. Asked for on a terminal."),
    ] = None,
    domain: Annotated[str, typer.Option("--domain", help="Domain below which its hosts are.")] = "ml.example.com",
    stack: Annotated[str, typer.Option("--stack", metavar="NAME", help="Name of its first stack.")] = "production",
) -> None:
    """Write a project: stack file, tenants, program, workflows. It checks, previews and rehearses at once."""
    from bedplate.cli import output
    from bedplate.starter.starter import NewProject

    if cloud is None and sys.stdin.isatty():
        cloud = typer.prompt(f"What does the platform run on ({', '.join(CLOUDS)})?")
    if cloud not in CLOUDS:
        given = "--cloud is missing" if cloud is None else f"there is no cloud '{cloud}'"
        _fail(RehearsalError(given, f"add --cloud with one of {', '.join(CLOUDS)}"), WRONG_INPUT, Output.TEXT)
    project = NewProject(folder=folder, cloud=cloud, domain=domain, stack=stack)
    try:
        written = project.write()
    except RehearsalError as error:
        _fail(error, WRONG_INPUT, Output.TEXT)
    output.new_project(project, written)


@app.command(epilog="Example: bedplate check local")
def check(stack: StackArgument, output_form: OutputOption = Output.TEXT) -> None:
    """Check a stack file: every mistake at once, with its line. Needs no cluster and no network."""
    from bedplate.cli import output
    from bedplate.cli.for_programs import print_json
    from bedplate.plans.project import stack_name
    from bedplate.stack_file.growth import advice

    read = _stack(stack, output_form)[1]
    advised = [each.shown() for each in advice(read.spec, read.config)]
    if output_form is Output.JSON:
        print_json({"ok": True, "stack": stack_name(read.file), "problems": [], "advice": advised})
    else:
        output.check_result(read, advised)


@app.command(epilog="Example: bedplate preview local --against main")
def preview(
    stack: StackArgument,
    against: Annotated[
        str | None, typer.Option("--against", metavar="REV", help="A git revision to compare with, such as main.")
    ] = None,
    allow: AllowOption = None,
    output_form: OutputOption = Output.TEXT,
) -> None:
    """Show what the stack is made of, or what differs from a git revision. Needs no cluster, credentials or state.

    Refuses (exit code 3) a difference that deletes or replaces what must not be lost, and an upgrade that no cloud
    takes: by more than one minor of Kubernetes, or back.
    """
    from bedplate.cli import difference_output, plan_output
    from bedplate.cli.comparing import comparison
    from bedplate.cli.for_programs import print_json
    from bedplate.engine.engine import RecordingBackend, run
    from bedplate.plans.difference import field_changes
    from bedplate.plans.planning import program_of, written_platform
    from bedplate.plans.versions import impossible_upgrade

    project, read = _stack(stack, output_form)
    resources = [
        resource.shown() for resource in run(program_of(project, read), RecordingBackend(), is_preview=True).resources
    ]
    if against is None:
        plan = plan_output.plan(read, resources)
        print_json(plan) if output_form is Output.JSON else plan_output.plan_tree(plan)
        return
    there = _revision(against, project, read, output_form)
    if impossible := impossible_upgrade(there.platform, written_platform(read.file)):
        _fail(impossible, REFUSED, output_form)
    written = list(field_changes(there.platform, written_platform(read.file)))
    compared = comparison(there.resources, resources, written, allow or ())
    if output_form is Output.JSON:
        print_json(difference_output.changes(compared))
    elif compared.lost:
        plan_output.refusal(compared.lost)
    if output_form is Output.TEXT:
        difference_output.change_tree(compared, against)
    if compared.lost:
        raise typer.Exit(REFUSED)


def _revision(revision: str, project: "Project", read: "Stack", form: Output) -> "Revision":
    from bedplate.cli import output
    from bedplate.plans.planning import stack_at

    try:
        there = stack_at(revision, project, read.file)
    except RehearsalError as error:
        _fail(error, WRONG_INPUT, form)
    if there.other_library:
        output.other_library(revision, there.other_library)
    return there


@app.command(epilog="Example: bedplate guard preview.json")
def guard(
    plan: Annotated[
        typer.FileText,
        typer.Argument(metavar="FILE", help="What `pulumi preview --json` printed; - reads standard input."),
    ],
    allow: AllowOption = None,
    output_form: OutputOption = Output.TEXT,
) -> None:
    """Show a plan of Pulumi, and refuse it (exit code 3) where it deletes or replaces what must not be lost.

    A plan that failed or is not whole ends with code 2: nobody knows what else it would do.
    """
    from bedplate.cli import difference_output, plan_output
    from bedplate.cli.comparing import comparison_of_plan
    from bedplate.cli.for_programs import print_json
    from bedplate.plans.pulumi_preview import disks_of_plan, losses_of_plan, read_document, read_plan

    try:
        found = read_plan(read_document(plan))
        lost, disks = losses_of_plan(found, allow or ()), disks_of_plan(found)
    except RehearsalError as error:
        _fail(error, WRONG_INPUT, output_form)
    if output_form is Output.JSON:
        print_json(plan_output.guarded(found, lost, disks))
    else:
        if found.errors:
            plan_output.plan_errors(found)
        if lost:
            plan_output.refusal(lost)
        if shown := comparison_of_plan(found, lost, disks):
            difference_output.change_tree(shown, "what is there")
        if not lost and not found.errors:
            typer.echo("nothing that must be kept is deleted or replaced")
    if lost:
        raise typer.Exit(REFUSED)
    if found.errors:
        raise typer.Exit(WRONG_INPUT)


@app.command(epilog="Example: bedplate rehearse local")
def rehearse(
    stack: StackArgument,
    context: ContextOption = None,
    definitions: DefinitionsOption = None,
    operators: OperatorsOption = False,
    output_form: OutputOption = Output.TEXT,
) -> None:
    """Bring the stack up on a real Kubernetes API server with simulated nodes, prove it, and tear it down."""
    from bedplate.cli import output
    from bedplate.cli.consoles import Progress
    from bedplate.cli.for_programs import print_json

    if operators and context is not None:
        raise typer.BadParameter(
            "--operators and --context exclude each other: your cluster may run the same operators"
        )
    project, read = _stack(stack, output_form)
    from bedplate.cli.rehearsing import rehearse_stack  # the Kubernetes client takes a second to import
    from bedplate.embedded_cluster.kubeconfig import find_context

    if context is not None:
        try:
            find_context(context)
        except RehearsalError as error:
            _fail(error, WRONG_INPUT, output_form)
    with Progress() as progress:
        report = rehearse_stack(project, read, context, definitions, progress.step, with_operators=operators)
    if output_form is Output.JSON:
        print_json(report.shown())
    else:
        output.rehearsal_result(report)
    if not report.is_well:
        raise typer.Exit(FELL_SHORT)


@app.command(epilog="Example: bedplate cluster local")
def cluster(stack: StackArgument) -> None:
    """Keep a simulated cluster with the stack's node pools running until Ctrl-C, for `pulumi up` and `kubectl`."""
    from bedplate.cli.consoles import Progress

    _, read = _stack(stack, Output.TEXT)
    from bedplate.cli.rehearsing import keep_cluster

    with Progress() as progress:
        keep_cluster(read, progress.step)


@app.command(epilog="Example: bedplate api-key shop")
def api_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who will call with it, such as shop.")],
    output_form: OutputOption = Output.TEXT,
) -> None:
    """Make a key for a program that calls a workload, and the line for the stack file. The key is stored nowhere."""
    from dataclasses import asdict

    from pydantic import ValidationError

    from bedplate.cli import output
    from bedplate.cli.for_programs import print_json
    from bedplate.kubernetes import ApiKeySpec, new_api_key

    made = new_api_key(name)
    try:
        ApiKeySpec.model_validate({"name": name, "sha256": made.sha256})
    except ValidationError as error:
        message = f"NAME {error.errors()[0].get('ctx', {}).get('message', 'is too long')}"
        _fail(RehearsalError(message, "bedplate api-key shop"), WRONG_INPUT, output_form)
    if output_form is Output.JSON:
        print_json(asdict(made))
    else:
        output.api_key(made)


@app.command(epilog="Example: bedplate schema stacks")
def schema(folder: FolderArgument, is_check: CheckOption = False) -> None:
    """Write the JSON schemas of stack files, tenants' files and bedplate.toml, and of what commands tell programs."""
    from bedplate.deploy.schemas import schema_files

    _generate("schema", folder, schema_files(), is_check)


@app.command(epilog="Example: bedplate reference docs/reference")
def reference(folder: FolderArgument, is_check: CheckOption = False) -> None:
    """Write the reference of stack files and guardrails, from the code."""
    from bedplate.cli.reference import pages

    _generate("reference", folder, pages(), is_check)


app.add_typer(programs.commands, name="programs")
apps.register(app)  # last, as `--help` lists them


def _generate(command: str, folder: Path, files: Mapping[str, str], is_check: bool) -> None:
    from bedplate.cli.consoles import print_error

    for name, text in files.items():
        path = folder / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        if is_check:
            print_error(f"{path} is not fresh\nFix: bedplate {command} {folder}")
            raise typer.Exit(FELL_SHORT)
        path.write_text(text, encoding="utf-8")
        typer.echo(f"wrote {path}")


def _stack(stack: str, form: Output) -> "tuple[Project, Stack]":
    """The project and the checked stack; ends the command where there is a mistake."""
    from bedplate.cli import output
    from bedplate.cli.consoles import print_error
    from bedplate.cli.for_programs import print_json
    from bedplate.plans.project import Project
    from bedplate.stack_file.reading import StackFileError, load

    try:
        project = Project.of(stack, PROGRAM)
        return project, load(project.stack_file(stack))
    except StackFileError as error:
        if form is Output.JSON:
            print_json({"ok": False, "stack": stack, "problems": output.stack_problems(error)})
        else:
            print_error(str(error))
        raise typer.Exit(WRONG_INPUT) from None
    except RehearsalError as error:
        _fail(error, WRONG_INPUT, form)


def _fail(error: RehearsalError, code: int, form: Output) -> NoReturn:
    from bedplate.cli.consoles import print_error
    from bedplate.cli.for_programs import print_json

    if form is Output.JSON:
        print_json({"ok": False, "problems": [{"object": "", "reason": error.message, "fix": error.fix}]})
    print_error(str(error))
    raise typer.Exit(code)


def run(arguments: Sequence[str] | None) -> None:
    """What `bedplate.cli.main` says."""
    with ending():
        app(ordered(arguments))
