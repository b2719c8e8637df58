"""What a workload may do in a cloud, shown on every implementation."""

from pathlib import Path

from bedplate.engine.engine import Recording
from bedplate.engine.resources import Resource
from every_cloud import WORKLOADS, leaves, recorded

PRINCIPALS = {
    "aws": {"aws:eks/podIdentityAssociation:PodIdentityAssociation": "roleArn"},
    "gcp": {"gcp:storage/bucketIAMMember:BucketIAMMember": "member", "gcp:projects/iAMMember:IAMMember": "member"},
    "azure": {"azure-native:managedidentity:FederatedIdentityCredential": "resourceName"},
}
"""Who gets a grant: a field, by the type of a resource that a workload's identity has."""
KEPT_WITH_A_WORKLOAD = {
    "azure-native:keyvault:Vault": "holds secrets that people wrote; on other clouds these are no part of the stack"
}


class TestAWorkloadsIdentity:
    def of(self, recording: Recording, workload: str) -> list[Resource]:
        return [each for each in recording.resources if each.name.startswith(f"above-cluster-{workload}-")]

    def principals(self, recording: Recording, cloud: str, workload: str) -> set[str]:
        fields = PRINCIPALS[cloud]
        return {each.inputs[fields[each.type]] for each in self.of(recording, workload) if each.type in fields}

    def test_is_annotations_and_labels_for_every_grant(self, managed_cloud: str, folder: Path) -> None:
        granted = recorded(folder, managed_cloud, with_workloads=True).outputs["granted"]
        assert set(granted) == set(WORKLOADS)
        said = {"annotations", "labels", "credentials_networks", "storage_networks"}
        assert all(set(identity) == said for identity in granted.values())
        assert all(value for identity in granted.values() for value in leaves(identity))

    def test_is_each_service_accounts_own(self, managed_cloud: str, folder: Path) -> None:
        recording = recorded(folder, managed_cloud, with_workloads=True)
        found = [self.principals(recording, managed_cloud, workload) for workload in WORKLOADS]
        assert [len(principals) for principals in found] == [1] * len(WORKLOADS)
        assert len(set[str]().union(*found)) == len(WORKLOADS)

    def test_has_the_same_names_each_time(self, managed_cloud: str, folder: Path) -> None:
        one, two = (
            {each.urn: each.shown() for each in recording.resources}
            for recording in (
                recorded(folder, managed_cloud, with_workloads=True),
                recorded(folder, managed_cloud, with_workloads=True, attempt=2),
            )
        )
        assert one == two

    def test_goes_with_its_workload(self, managed_cloud: str, folder: Path) -> None:
        """Pulumi refuses to delete what is protected, so a protected one would keep the tenant for ever."""
        alone = {each.urn for each in recorded(folder, managed_cloud).resources}
        added = [
            each for each in recorded(folder, managed_cloud, with_workloads=True).resources if each.urn not in alone
        ]
        assert len(added) > len(WORKLOADS)
        assert {each.type for each in added if each.protect} <= set(KEPT_WITH_A_WORKLOAD)

    def test_of_an_existing_cluster_is_refused_in_words(self, folder: Path) -> None:
        granted = recorded(folder, "existing", with_workloads=True).outputs["granted"]
        for workload in ("reads", "secrets"):
            assert f"'{workload}' in 'vision'" in granted[workload]["refused"]
            assert "create the identity yourself" in granted[workload]["refused"]
