"""The whole way: a folder, a real BuildKit and a real registry, and pods of what was built."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bedplate.builds.at_address import AtAddress
from bedplate.deploy import access
from bedplate.embedded_cluster.cluster import ClusterAccess
from bedplate.embedded_cluster.cluster_api import ClusterApi
from cluster.builds.build_processes import Registry, buildkit
from cluster.deploy.people import TENANT, Person, write
from cluster.deploy.scan_pod import cluster_of, token_of
from cluster.deploy.test_json import matches

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def builder(images: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtAddress]:
    with buildkit(tmp_path_factory.mktemp("buildkit") / "root", images.host) as found:
        yield found


def test_a_folder_is_built_pushed_and_run_by_its_digest(
    alice: Person, app_name: str, tmp_path: Path, images: Registry, builder: AtAddress, base: str
) -> None:
    folder = write(tmp_path / "app", app_name, healthPath='"/main.py"')
    (folder / "main.py").write_text("print('one')\n")
    (folder / "Dockerfile").write_text(
        f"FROM {base}\nRUN mkdir /slow\nCOPY main.py /app/main.py\nWORKDIR /app\nUSER 65532\n"
        'CMD ["python3", "-m", "http.server", "8000"]\n'
    )
    ways = ("deploy", str(folder), "--buildkit", builder.address, "--wait", "-o", "json")
    done = alice.runs(*ways)
    assert done.code == 0, done.said
    assert [step["outcome"] for step in done.json["steps"]][:4] == ["done"] * 4, done.said
    image = done.json["image"]
    assert image.startswith(f"{images.host}/ml/vision/{app_name}@sha256:")
    assert alice.runs("deploy", "get", app_name, "-o", "json").json["image"] == image
    (folder / "main.py").write_text("print('two')\n")
    again = alice.runs(*ways)
    assert again.code == 0, again.said
    assert again.json["image"] != image
    assert not again.json["steps"][0]["detail"].startswith("0 of"), f"all was built again: {again.said}"
    (folder / "Dockerfile").write_text(f"FROM {base}\nRUN cat /nothing-there\n")
    failed = alice.runs(*ways)
    assert failed.code == 1
    assert "the build failed" in failed.json["problems"][0]["reason"]
    assert "nothing-there" in failed.json["problems"][0]["reason"]
    assert alice.runs("deploy", "get", app_name, "-o", "json").json["version"] == 2, "the release before serves on"


@pytest.fixture
def terminal(
    admin: ClusterApi, cluster_access: ClusterAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Person:
    """Somebody in the terminal of the workspace: no kubeconfig, and what the kubelet puts into its pod."""
    cluster = cluster_of(cluster_access)
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text(token_of(admin, TENANT, "ines"))
    (account / "namespace").write_text(TENANT)
    (account / "ca.crt").write_text(Path(cluster["certificate-authority"]).read_text())
    server = urlsplit(cluster["server"])
    monkeypatch.setattr(access, "ACCOUNT", account)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(server.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    return Person(name="ines", kubeconfig=tmp_path / "none")


def test_a_workspace_has_images_built_by_its_own_account_and_deploys_none(
    terminal: Person, tmp_path: Path, images: Registry, base: str
) -> None:
    folder = write(tmp_path / "app", "from-workspace")
    (folder / "Dockerfile").write_text(f"FROM {base}\nCOPY bedplate.toml /app/\n")
    done = terminal.runs("build", str(folder), "-o", "json")
    assert done.code == 0, done.said
    matches("build", done.json)
    image = done.json["image"]
    assert image.startswith(f"{images.host}/ml/vision/from-workspace@sha256:")
    assert images.manifest(image)["layers"]
    deployed = terminal.runs("deploy", str(folder), "--image", image, "-o", "json")
    assert deployed.code == 1
    assert "forbidden" in deployed.json["problems"][0]["reason"] or "may not" in deployed.json["problems"][0]["reason"]
