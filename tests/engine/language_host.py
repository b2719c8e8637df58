"""A stand-in for Pulumi's language host for Python: the program that the engine asks to run a program.

The real one (https://github.com/pulumi/pulumi/tree/master/sdk/python/cmd/pulumi-language-python) comes with an
installation of the Pulumi CLI and is in no registry. This one speaks its protocol
(https://github.com/pulumi/pulumi/blob/master/proto/pulumi/language.proto) as far as a program needs it whose virtual
environment is there: it installs nothing, lists no plugins, and checks no types.
"""

import json
import os
import signal
import subprocess
import sys
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

SETTINGS = "BEDPLATE_TEST_PROGRAM"
"""Environment variable by which `program_runner` hears what to run."""
BAIL = 32
"""Exit code of a program that has said itself why it failed, as of the real host."""
_MESSAGE_BYTES = 400 << 20
"""As the SDK's own limit: https://github.com/pulumi/pulumi/blob/master/sdk/python/lib/pulumi/runtime/_grpc_settings.py."""


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs programs; `engine` is where they report what they log."""

    def __init__(self, engine: str) -> None:
        self._engine = engine

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802 - name of the RPC, here and below
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version="3.0.0")

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802
        """None: the engine finds providers when the program asks for them."""
        return language_pb2.GetRequiredPackagesResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        return iter(())

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.GetProgramDependenciesResponse()

    def About(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.AboutResponse(executable=sys.executable, version=sys.version)

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        root = request.info.root_directory
        virtualenv = dict(request.info.options).get("virtualenv", ".venv")
        settings = {
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "monitor": request.monitor_address,
            "engine": self._engine,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "root_directory": root,
        }
        done = subprocess.run(
            [
                str(Path(root, virtualenv, "bin", "python")),
                str(Path(__file__).with_name("program_runner.py")),
                request.info.entry_point,
            ],
            cwd=request.info.program_directory,
            env={
                **os.environ,
                SETTINGS: json.dumps(settings),
                # As one string each, as the real host hands them over: its length is limited.
                "PULUMI_CONFIG": json.dumps(dict(request.config)),
                "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
            },
            check=False,
        )
        if done.returncode == BAIL:
            return language_pb2.RunResponse(bail=True)
        failure = f"program exited with non-zero exit code: {done.returncode}" if done.returncode else ""
        return language_pb2.RunResponse(error=failure)


def serve(add: Any, servicer: Any) -> None:
    """Serves a plugin until the engine ends it: the port goes to standard output, where the engine reads it."""
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", _MESSAGE_BYTES)])
    add(servicer, server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    serve(language_pb2_grpc.add_LanguageRuntimeServicer_to_server, LanguageHost(sys.argv[-1]))
