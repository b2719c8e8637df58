#!/usr/bin/env bash
# pulumi (Python SDK) 3.272.0: what registering a resource costs grows with the depth of the call stack.
#
# For each resource the SDK takes down the whole Python stack, frame by frame, and makes a message of it, whether or not
# anybody asks for it. A program that builds its resources twenty calls deeper is the same program to the engine, and
# registers slower; no option turns it off.
#
# Shown: 400 bare resources against the SDK's own mocks, from shallow and from 150 calls down, least of three runs each.
# Seen with Python 3.11: 0.24 s and 0.67 s, 2.8 times as long. The script fails where it is below 1.8 times.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pulumi==3.272.0
cat > "$folder/program.py" <<'PYTHON'
import os
import sys
import time

import pulumi
from pulumi.runtime import mocks, stack, sync_await


class Answers(mocks.Mocks):
    def new_resource(self, args):
        return f"{args.name}-id", args.inputs

    def call(self, args):
        return {}


class Bare(pulumi.CustomResource):
    def __init__(self, name):
        super().__init__("example:index:Bare", name, {"size": 1}, None)


def from_below(depth, act):
    return act() if depth == 0 else from_below(depth - 1, act)


def register():
    for number in range(400):
        Bare(f"bare-{number}")


mocks.set_mocks(Answers())
started = time.process_time()
sync_await._sync_await(stack.run_pulumi_func(lambda: from_below(int(sys.argv[1]), register)))
print(time.process_time() - started, flush=True)
os._exit(0)  # without waiting for event loops of the SDK to be collected
PYTHON
least() { for _ in 1 2 3; do "$folder/venv/bin/python" "$folder/program.py" "$1"; done | sort -n | head -1; }
shallow=$(least 0) deep=$(least 150)
echo "400 resources: ${shallow} s from shallow, ${deep} s from 150 calls down"
awk -v a="$shallow" -v b="$deep" 'BEGIN { printf "%.1f times\n", b / a; exit !(b / a >= 1.8) }'
