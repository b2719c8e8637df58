"""What holds for every cloud: lazy imports, machines of pools, identities, located mistakes."""

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pydantic_core import PydanticCustomError
from ruamel.yaml import YAML

from bedplate.clouds import CLOUD_SPECS, NodePoolSpec, create_cluster
from bedplate.clouds.aws.spec import AwsClusterSpec
from bedplate.clouds.cluster import Cluster
from bedplate.clouds.existing_cluster import ExistingCluster
from harness import ROOT, changed, refused

ROLE = "arn:aws:iam::123456789012:role/admin"
L4 = {"accelerator": "nvidia-l4", "count": 1, "max": 12}
AWS = YAML(typ="safe").load(ROOT / "stacks" / "Pulumi.aws.yaml")


@pytest.mark.parametrize(
    ("path", "value", "place", "said"),
    [
        ("cloud.access.endpoint", "public", "cloud.access.allowedNetworks", "needs the networks that reach it"),
        ("cloud.access", {"endpoint": "public", "allowedNetworks": ["0.0.0.0/0"], "admins": [ROLE]},
         "cloud.access.allowedNetworks", "the whole internet would reach"),
        ("cloud.access.allowedNetworks", ["10.0.0.0/8"], "cloud.access.allowedNetworks", "private endpoint"),
        ("cloud.access.admins", ["arn:aws:iam::123456789012:user/ines"], "cloud.access.admins[0]", "ARN of an IAM"),
        ("cloud.network.cidr", "10.64.0.0/22", "cloud.network.cidr", "too small: the pools have up to 42 nodes"),
        ("cloud.network.cidr", "10.64.0.0/25", "cloud.network.cidr", "cannot be divided"),
        ("cloud.network.cidr", "10.64.1.0/16", "cloud.network.cidr", "without host bits"),
        ("cloud.network.cidr", "8.8.0.0/16", "cloud.network.cidr", "must be a private network"),
        ("cloud.network.serviceCidr", "10.64.128.0/20", "cloud.network.serviceCidr", "overlaps"),
        ("cloud.network.connectedNetworks", ["10.0.0.0/8"], "cloud.network.connectedNetworks", "overlaps"),
        ("cloud.kubernetesVersion", "1.21", "cloud.kubernetesVersion", "not supported"),
        ("cloud.accountId", "1234", "cloud.accountId", "twelve digits"),
        ("cloud.region", "cn-north-1", "cloud.region", "public partition"),
        ("cloud.availabilityZones", ["eu-west-1a", "eu-west-1b", "eu-west-1c"], "cloud.availabilityZones", "zones of"),
        ("cloud.auditDays", 30, "cloud.auditDays", "at least 400"),
        ("cloud.maintenance", {"day": "sunday", "startHour": 2}, "cloud.maintenance", "no maintenance window"),
        ("nodePools.l4", {"accelerator": "nvidia-l4", "count": 2, "max": 1}, "nodePools.l4", "no machine with 2"),
        ("nodePools.l4", {"accelerator": "nvidia-l4", "count": 1, "max": 12, "interconnect": True}, "nodePools.l4",
         "has no interconnect"),
        ("nodePools.general", {"max": 1}, "nodePools.general", "a CPU pool needs the size"),
        ("nodePools.general", {"max": 1, "machine": {"cpu": 500, "memoryGib": 8}}, "nodePools.general", "this large"),
        ("nodePools.general", {"max": 1, "machineType": "z9.huge"}, "nodePools.general", "size of z9.huge"),
        ("nodePools.general", {"max": 1, "machineType": "g6.xlarge"}, "nodePools.general", "has 1 nvidia-l4"),
        ("nodePools.l4", {**L4, "reservation": "cr-0123456789abcdef0"}, "nodePools.l4", "names no capacity"),
        ("nodePools.l4", {**L4, "reservation": "eu-central-1a/cr-1"}, "nodePools.l4", "names no capacity"),
        ("nodePools.l4", {**L4, "reservation": "eu-west-1a/cr-0123456789abcdef0"}, "nodePools.l4",
         "none of the cluster's"),
        ("nodePools.l4", {**L4, "reservation": "eu-central-1a/cr-0123456789abcdef0", "spot": True}, "nodePools.l4",
         "not taken away"),
        ("nodePools.general", {"max": 1, "machine": {"cpu": 4, "memoryGib": 16}, "localDisks": True},
         "nodePools.general", "no disks of its own"),
        ("layers", ["tenants"], "layers", "does not own it"),
    ],
)  # fmt: skip
def test_a_wrong_input_is_located(path: str, value: Any, place: str, said: str, tmp_path: Path) -> None:
    problems = refused(changed(AWS, path, value), tmp_path)
    assert [(at, message) for at, message in problems if at == place and said in message], problems


def test_a_volume_of_many_nodes_is_refused_where_no_storage_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AwsClusterSpec, "shares_volumes", lambda _: False)
    data = copy.deepcopy(AWS)
    data["config"]["bedplate:platform"]["tenants"][0]["volumes"][0]["access"] = "manyNodes"
    assert [place for place, _ in refused(data, tmp_path)] == ["tenants[0].volumes[0].access"]


class TestMachines:
    @pytest.mark.parametrize(
        ("pool", "machine_type"),
        [
            ({"machine": {"cpu": 4, "memoryGib": 16}}, "m7i.xlarge"),
            ({"machine": {"cpu": 4, "memoryGib": 60}}, "m7i.4xlarge"),
            ({"accelerator": "nvidia-l4", "count": 1}, "g6.xlarge"),
            ({"accelerator": "nvidia-l4", "count": 1, "machine": {"cpu": 6, "memoryGib": 20}}, "g6.2xlarge"),
            ({"accelerator": "nvidia-h100", "count": 8, "interconnect": True}, "p5.48xlarge"),
            ({"accelerator": "nvidia-h200", "count": 8, "interconnect": True, "localDisks": True}, "p5en.48xlarge"),
            ({"accelerator": "nvidia-rtx-pro-6000", "count": 2}, "g7e.12xlarge"),
            ({"machineType": "m6id.xlarge", "localDisks": True}, "m6id.xlarge"),
            ({"machineType": "m7g.large", "machine": {"cpu": 2, "memoryGib": 8}}, "m7g.large"),
        ],
    )
    def test_of_aws_are_the_smallest_that_fit(self, pool: dict[str, Any], machine_type: str) -> None:
        cloud = CLOUD_SPECS["aws"].model_validate(AWS["config"]["bedplate:platform"]["cloud"])
        assert cloud.shape_of(NodePoolSpec.model_validate({**pool, "max": 1})).machine_type == machine_type

    @pytest.mark.parametrize("pool", [{}, {"machineType": "m7i.large", "machine": {"cpu": 2, "memoryGib": 8}}])
    def test_of_an_existing_cluster_are_written_down(self, pool: dict[str, Any]) -> None:
        cloud = CLOUD_SPECS["existing"].model_construct()
        with pytest.raises(PydanticCustomError):
            cloud.shape_of(NodePoolSpec.model_validate({**pool, "max": 1}))


def test_an_existing_cluster_gives_no_identity() -> None:
    with pytest.raises(ValueError, match="create the identity yourself"):
        ExistingCluster.workload_identity(ExistingCluster.__new__(ExistingCluster), "x", "vision", "api", [])


def test_a_cloud_is_imported_only_when_it_is_selected() -> None:
    """Importing the library and previewing another cloud's stack loads no SDK of this one."""
    program = (
        "import sys; sys.argv[1:] = ['preview', 'local']; from bedplate.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "assert 'pulumi' in sys.modules\n"
        "print([name for name in sys.modules if name.startswith(('pulumi_aws', 'pulumi_gcp', 'pulumi_azure'))])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_every_implementation_answers_the_contract() -> None:
    assert set(CLOUD_SPECS) == {"existing", "aws", "azure", "gcp"}
    for kind in CLOUD_SPECS.values():
        implementation: Any = kind.model_construct().implementation()
        assert issubclass(implementation, Cluster)
        assert implementation.workload_identity is not Cluster.workload_identity
    assert create_cluster.__annotations__["opts"] == pulumi.ResourceOptions | None


def test_a_pool_that_follows_from_a_wrong_key_of_the_cloud_is_not_judged(tmp_path: Path) -> None:
    zones = changed(AWS, "cloud.availabilityZones", ["eu-west-1a"])
    pool = {**L4, "reservation": "eu-central-1a/cr-0123456789abcdef0"}
    assert [place for place, _ in refused(changed(zones, "nodePools.l4", pool), tmp_path)] == [
        "cloud.availabilityZones"
    ]
