"""`bedplate programs`: what rehearsals and tests run beside the library, and building it before it is needed."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bedplate.cli.options import Output, OutputOption
from bedplate.errors import RehearsalError

# What it prints with is imported when it prints: `--help` needs nothing of this.

commands = typer.Typer(
    help="List the programs that rehearsals and tests run: version, what needs it, size where it is built.",
    epilog="Example: bedplate programs build oauth2-proxy",
)


@commands.callback(invoke_without_command=True)
def programs(context: typer.Context, output_form: OutputOption = Output.TEXT) -> None:
    """List the programs that rehearsals and tests run: version, what needs it, size where it is built."""
    if context.invoked_subcommand is not None:
        return
    from bedplate.cli.for_programs import print_json

    listed = _listed()
    if output_form is Output.JSON:
        print_json(listed)
    else:
        _print(listed)


@commands.command(epilog="Example: bedplate programs build pulumi pulumi-resource-kubernetes")
def build(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Which; all if none is named.")] = None,
) -> None:
    """Build programs from their Go modules, into ~/.cache/bedplate, with the definitions of the kinds that they serve.

    What is there already is not built again. Needs Go and the network.
    One that cannot be built does not stop the others.
    """
    from bedplate.cli.consoles import Progress, print_error
    from bedplate.programs import PROGRAMS, built, definitions, program

    known = [one.name for one in PROGRAMS]
    if unknown := [name for name in names or () if name not in known]:
        raise typer.BadParameter(f"there is no {', '.join(unknown)}; there are {', '.join(known)}")
    failed = 0
    with Progress() as progress:
        for name in names or known:
            try:
                typer.echo(built(name, progress.step))
                if program(name).definitions:
                    definitions(name, progress.step)
            except RehearsalError as error:
                failed += 1
                print_error(str(error))
    if failed:
        raise typer.Exit(1)


def _listed() -> list[dict[str, Any]]:
    """With stable names."""
    from bedplate.programs import PROGRAMS, found

    return [
        {
            "name": one.name,
            "version": one.version,
            "module": one.module,
            "goVersion": one.go_version,
            "neededBy": one.needed_by,
            "path": str(there) if there else None,
            "sizeMib": _size_mib(there) if there else None,
        }
        for one in PROGRAMS
        for there in [found(one.name)]
    ]


def _size_mib(path: Path) -> int:
    return round(path.stat().st_size / 2**20)


def _print(listed: list[dict[str, Any]]) -> None:
    from rich.table import Table

    from bedplate.cli.consoles import OUT

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Program", "Version", "Built", "Needed by"):
        table.add_column(heading, justify="right" if heading == "Built" else "left")
    for one in listed:
        size = f"{one['sizeMib']} MiB" if one["path"] else "no"
        table.add_row(one["name"], one["version"], size, one["neededBy"])
    OUT.print(table)
    if absent := [one["name"] for one in listed if not one["path"]]:
        OUT.print(f"\nNext: bedplate programs build {' '.join(absent)}", style="dim")
