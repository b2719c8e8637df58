"""Runs a Pulumi program in its own virtual environment, by the settings that `language_host` leaves in the environment.

What the real host's `pulumi-language-python-exec` does, on the SDK's public functions.
"""

import asyncio
import json
import os
import runpy
import sys
import traceback

import pulumi
from language_host import BAIL, SETTINGS
from pulumi.runtime import Settings, configure, run_in_stack
from pulumi.runtime.config import set_all_config

_LOGGING_SECONDS = 0.2


def main() -> int:
    """The exit code: 0, or `BAIL` where the engine was told why."""
    sys.path.insert(0, "")
    configure(Settings(**json.loads(os.environ[SETTINGS])))
    set_all_config(json.loads(os.environ["PULUMI_CONFIG"]), json.loads(os.environ["PULUMI_CONFIG_SECRET_KEYS"]))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(run_in_stack(_program))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
    except Exception:
        pulumi.log.error(f"Program failed with an unhandled exception:\n{traceback.format_exc()}")
    else:
        return 0
    # Logging is a call that nobody waits for.
    loop.run_until_complete(asyncio.sleep(_LOGGING_SECONDS))
    return BAIL


def _program() -> None:
    runpy.run_path(sys.argv[1], run_name="__main__")


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(code)
