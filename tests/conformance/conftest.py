"""A folder for recordings, and the clouds one by one."""

from pathlib import Path

import pytest

from every_cloud import CLOUDS, MANAGED


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contract")


@pytest.fixture(params=CLOUDS)
def cloud(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=MANAGED)
def managed_cloud(request: pytest.FixtureRequest) -> str:
    return request.param
