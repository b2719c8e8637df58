"""The operator's definitions: of the version that runs, and what its module has."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bedplate.services.monitoring import operator_definitions
from bedplate.services.monitoring.kube_prometheus import OPERATOR_VERSION, definitions, kinds
from prometheus_definitions import MODULE, files, module_folder


def test_are_of_the_version_that_runs() -> None:
    version, _ = operator_definitions.published()
    assert version == OPERATOR_VERSION, "run `make definitions`"


def test_are_of_what_we_make_and_of_what_the_operator_looks_for() -> None:
    assert {kind.kind for kind in kinds()} == {
        *("Prometheus", "Alertmanager", "AlertmanagerConfig", "PrometheusRule"),
        *("ServiceMonitor", "PodMonitor", "Probe", "ScrapeConfig"),
    }
    assert len(definitions()) == 8


@pytest.mark.enable_socket
@pytest.mark.skipif(shutil.which("go") is None, reason=f"no Go to download {MODULE} with")
def test_are_what_its_module_has() -> None:
    try:
        folder = module_folder()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{MODULE} cannot be downloaded: {error.stderr.decode()[-200:]}")
    package = Path(next(iter(operator_definitions.__path__)))
    for name, text in files(folder).items():
        assert (package / name).read_text(encoding="utf-8") == text, f"{name}: run `make definitions`"
