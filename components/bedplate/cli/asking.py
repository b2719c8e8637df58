"""What commands of people who deploy share: their options, whom they ask, and how they say what stopped them."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer
from typer.core import TyperGroup

from bedplate.cli.options import Output

if TYPE_CHECKING:
    from bedplate.deploy.cluster import Cluster
    from bedplate.offered import Offered

FELL_SHORT, WRONG_INPUT = 1, 2
WAIT_SECONDS = 900.0

NameArgument = Annotated[
    str | None, typer.Argument(metavar="APP", help="The app; that of ./bedplate.toml if absent.", show_default=False)
]
ContextOption = Annotated[
    str | None, typer.Option("--context", metavar="NAME", help="Context of your kubeconfig; the current one if absent.")
]
NamespaceOption = Annotated[
    str | None, typer.Option("-n", "--namespace", metavar="NAME", help="Your tenant's; the context's if absent.")
]
BuildkitOption = Annotated[
    str | None, typer.Option("--buildkit", metavar="ADDRESS", help="One of yours that builds, not the cluster.")
]
WaitOption = Annotated[
    bool, typer.Option("--wait", help="Wait until all pods are new and ready, and ask the app once.")
]
TimeoutOption = Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="The longest wait.")]
YesOption = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]


class GroupWithDefault(TyperGroup):
    """Commands of which one goes without its name. needs_arguments: whether nothing at all asks for help."""

    default: ClassVar[str]
    needs_arguments: ClassVar[bool]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What is no command's name is an argument of that one."""
        is_named = bool(args) and (args[0] in self.commands or args[0] in ("-h", "--help"))
        if not is_named and (args or not self.needs_arguments):
            args = [self.default, *args]
        return super().parse_args(ctx, args)


@contextmanager
def told(form: Output) -> Generator[None]:
    """What stops a command, for people on standard error, and as JSON where that was asked for."""
    from bedplate.deploy.app_file import AppFileError
    from bedplate.deploy.cluster import Refused
    from bedplate.deploy.errors import DeployError

    code = FELL_SHORT
    try:
        yield
        return
    except DeployError as error:
        problems = [{"object": error.name, "reason": error.message, "fix": error.fix}]
        text = str(error)
    except Refused as refused:
        fix = "see `bedplate doctor` for what you may do here"
        problems = [{"object": "", "reason": refused.reason, "fix": fix}]
        text = f"{refused.reason}\nFix: {fix}"
    except AppFileError as error:
        code, text = WRONG_INPUT, str(error)
        problems = [
            {"object": f"{one.file}:{one.line}", "reason": one.message, "fix": one.fix} for one in error.problems
        ]
    from bedplate.cli import consoles

    if form is Output.JSON:
        from bedplate.cli.for_programs import print_json

        print_json({"ok": False, "problems": problems})
    consoles.print_error(text)
    raise typer.Exit(code)


def progress(form: Output) -> Callable[[str], None]:
    """Says what is going on, on standard error; grey where the result is for a program. Nothing is imported for it:
    the first line comes before anything else can be shown."""
    is_grey = form is Output.JSON and sys.stderr.isatty()

    def say(text: str) -> None:
        sys.stderr.write(f"\x1b[2m{text}\x1b[0m\n" if is_grey else f"{text}\n")
        sys.stderr.flush()

    return say


def cluster_of(context: str | None, namespace: str | None) -> "Cluster":
    from bedplate.deploy.access import find_access
    from bedplate.deploy.cluster import Cluster

    access = find_access(context)
    return Cluster(access, namespace or access.namespace or "default")


def app_name(given: str | None) -> str:
    from bedplate.deploy.app_file import checked_name, name_in

    return checked_name(given or name_in(Path()))


def offered_by(cluster: "Cluster") -> "Offered":
    from bedplate.deploy.deploying import offered_in

    return offered_in(cluster)
