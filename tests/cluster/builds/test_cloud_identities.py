"""Builds that push as an identity of a cloud: the pod as it is rendered, real krane, real BuildKit, a real registry.

The clouds are this process (`cloud_registries`), for what a push asks of them.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bedplate.builds.build import Order
from bedplate.builds.context import context_of
from bedplate.builds.failures import BuildError
from bedplate.builds.progress import Progress
from bedplate.builds.spec import BuildSpec
from bedplate.labels import CACHE_TAG
from cluster.builds.build_pod import BuildPod, Cloud, sent
from cluster.builds.build_processes import Registry, registry
from cluster.builds.cloud_registries import (
    ADDRESS,
    AMAZON,
    AZURE,
    GOOGLE,
    HOSTS,
    POD_TOKEN,
    CloudRegistries,
    cloud_registries,
)
from every_cloud import pushing
from harness import objects, record

pytestmark = pytest.mark.enable_socket

PLACES = {
    "aws": f"{AMAZON}/nordwind-ml/images/vision",
    "gcp": f"{GOOGLE}/nordwind-ml-prod/nordwind-ml-vision-images-5f0e3c8a",
    "azure": f"{AZURE}/images",
}
ASKED = {
    "aws": ["pod identity", "GetAuthorizationToken"],
    "gcp": ["metadata server"],
    "azure": ["Entra", "exchange"],
}
"""Of each cloud, for every password."""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture
def clouds(images: Registry, tmp_path: Path) -> Iterator[CloudRegistries]:
    if shutil.which("openssl") is None:
        pytest.skip("registries with TLS need openssl: apt-get install openssl")
    with cloud_registries(images.host, tmp_path) as found:
        yield found


def template(cloud: str) -> dict[str, Any]:
    """The pod of builds in the shipped stack, as an identity of the cloud."""
    (found,) = objects(record(pushing(cloud, "vision")), "PodTemplate")
    return dict(found.inputs)


def built(cloud: str, clouds: CloudRegistries, folder: Path, token: str = POD_TOKEN) -> Progress:
    project = folder / "project"
    project.mkdir()
    (project / "main.py").write_text("print('one')\n")
    order = Order(
        context=context_of(project, BuildSpec()),
        dockerfile="FROM scratch\nCOPY . /app/\n",
        image=f"{PLACES[cloud]}/scorer:1",
        cache=f"{PLACES[cloud]}/scorer:{CACHE_TAG}",
        secrets={},
    )
    host = PLACES[cloud].partition("/")[0]
    around = Cloud(
        host=host,
        token=token,
        variables=lambda file: clouds.variables(cloud, file),
        hosts=dict.fromkeys(HOSTS, ADDRESS),
        authority=folder / "authority.crt",
    )
    done = BuildPod(folder, "127.0.0.1:1", template(cloud)["template"]["spec"], around).run(
        sent(order, folder / "sent")
    )
    progress = Progress(print)
    for line in [*done.stderr.splitlines(), *done.stdout.splitlines()]:
        progress.read(line)
    return progress


@pytest.mark.parametrize("cloud", PLACES)
def test_a_build_pushes_what_it_is_given_no_password_for(
    cloud: str, clouds: CloudRegistries, images: Registry, tmp_path: Path
) -> None:
    digest = built(cloud, clouds, tmp_path).pushed()
    name = f"{PLACES[cloud].partition('/')[2]}/scorer"
    assert images.manifest(f"{name}@{digest}")["layers"]
    assert images.manifest(f"{name}:{CACHE_TAG}")["layers"]
    assert clouds.asked[: len(ASKED[cloud])] == ASKED[cloud]
    assert set(clouds.asked) == set(ASKED[cloud])


def test_a_pod_that_nobody_knows_is_told_that_it_may_not(clouds: CloudRegistries, tmp_path: Path) -> None:
    with pytest.raises(BuildError) as found:
        built("aws", clouds, tmp_path, token="another").pushed()
    assert "401" in found.value.message
    assert "may push" in found.value.fix
