"""Rehearsals that are interrupted, and two at once."""

import json
import signal
import subprocess
import sys

import pytest

from cluster.objects_under_test import eventually
from cluster.process_tree import descendants, processes
from harness import ROOT

pytestmark = [pytest.mark.enable_socket, pytest.mark.usefixtures("programs")]
COMMAND = [sys.executable, "-m", "bedplate.cli", "rehearse", "local", "-o", "json"]


def start() -> "subprocess.Popen[str]":
    return subprocess.Popen(COMMAND, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_an_interrupted_rehearsal_leaves_no_process(number: signal.Signals, code: int) -> None:
    with start() as rehearsal:
        try:
            assert rehearsal.stderr is not None
            for line in rehearsal.stderr:
                if "objects applied" in line:
                    break
            started = descendants(rehearsal.pid)
            assert any("kube-apiserver" in command for command in started.values())
            rehearsal.send_signal(number)
            assert rehearsal.wait(60) == code
            eventually(lambda: not started.keys() & processes().keys(), "every process is gone", seconds=10)
            assert "Traceback" not in rehearsal.stderr.read()
        finally:
            rehearsal.kill()


def test_two_rehearsals_at_once_do_not_disturb_each_other() -> None:
    with start() as one, start() as other:
        try:
            reports = [json.loads(rehearsal.communicate(timeout=300)[0]) for rehearsal in (one, other)]
        finally:
            one.kill()
            other.kill()
    assert [(report["ok"], report["problems"]) for report in reports] == [(True, []), (True, [])]
