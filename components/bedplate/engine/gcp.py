"""How resources of Google Cloud behave, by type: what the cloud would answer, and which fields replace.

Ids and addresses have their true forms, for one invented project.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from bedplate.engine.resources import Resource

Outputs = Callable[[Resource], tuple[str, dict[str, Any]]]
_PROJECT = "nordwind-ml-prod"
_NUMBER = "123456789012"
_REGION = "europe-west4"
_AUTHORITY = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCnN5bnRoZXRpYwo="
"""No certificate, only the form of one."""
_COMPUTE = "https://www.googleapis.com/compute/v1"


def _digits(resource: Resource, length: int) -> str:
    return sha256(resource.urn.encode()).hexdigest()[:length]


def _number(resource: Resource, length: int) -> str:
    return str(int(_digits(resource, 16), 16))[:length]


def _of_project(identifier: str, key: str = "name", **more: Any) -> Outputs:
    """Resources whose id is a path, with `{name}` in it. key: the input that names them."""

    def outputs(resource: Resource) -> tuple[str, dict[str, Any]]:
        name = str(resource.inputs.get(key) or f"{resource.name}-{_digits(resource, 7)}")
        return f"projects/{_PROJECT}/{identifier.format(name=name)}", {key: name, "project": _PROJECT, **more}

    return outputs


def _of_compute(kind: str) -> Outputs:
    """Resources of Compute Engine, which are also known by an address."""

    def outputs(resource: Resource) -> tuple[str, dict[str, Any]]:
        identifier, known = _of_project(f"{kind}/{{name}}")(resource)
        return identifier, {**known, "selfLink": f"{_COMPUTE}/{identifier}"}

    return outputs


def _plain(resource: Resource) -> tuple[str, dict[str, Any]]:
    """Resources of which the program reads nothing."""
    return f"{resource.name}-{_digits(resource, 7)}", {}


def _named_by_number(kind: str) -> Outputs:
    """Resources that Google names; the name is the id."""

    def outputs(resource: Resource) -> tuple[str, dict[str, Any]]:
        identifier = f"projects/{_PROJECT}/{kind}/{_number(resource, 19)}"
        return identifier, {"name": identifier}

    return outputs


def _cluster(resource: Resource) -> tuple[str, dict[str, Any]]:
    identifier, outputs = _of_project(f"locations/{_REGION}/clusters/{{name}}")(resource)
    host = int(_digits(resource, 2), 16)
    return identifier, {
        **outputs,
        "endpoint": f"10.64.0.{host}",
        "masterAuth": {**resource.inputs.get("masterAuth", {}), "clusterCaCertificate": _AUTHORITY},
        "masterVersion": f"{resource.inputs['minMasterVersion']}.4-gke.1000000",
    }


def _account(resource: Resource) -> tuple[str, dict[str, Any]]:
    email = f"{resource.inputs['accountId']}@{_PROJECT}.iam.gserviceaccount.com"
    return f"projects/{_PROJECT}/serviceAccounts/{email}", {"email": email, "member": f"serviceAccount:{email}"}


def _key(resource: Resource) -> tuple[str, dict[str, Any]]:
    return f"{resource.inputs['keyRing']}/cryptoKeys/{resource.inputs['name']}", {}


def _zone(resource: Resource) -> tuple[str, dict[str, Any]]:
    identifier, outputs = _of_project("managedZones/{name}")(resource)
    servers = [f"ns-cloud-a{number}.googledomains.com." for number in range(1, 5)]
    return identifier, {**outputs, "nameServers": servers, "managedZoneId": _number(resource, 19)}


def _role(resource: Resource) -> tuple[str, dict[str, Any]]:
    identifier = f"projects/{_PROJECT}/roles/{resource.inputs['roleId']}"
    return identifier, {"name": identifier}


def _repository(resource: Resource) -> tuple[str, dict[str, Any]]:
    name = str(resource.inputs["repositoryId"])
    return f"projects/{_PROJECT}/locations/{_REGION}/repositories/{name}", {"name": name}


def _bucket(resource: Resource) -> tuple[str, dict[str, Any]]:
    name = str(resource.inputs["name"])
    return name, {"url": f"gs://{name}"}


def _sink(resource: Resource) -> tuple[str, dict[str, Any]]:
    identifier, outputs = _of_project("sinks/{name}")(resource)
    writer = f"serviceAccount:service-{_NUMBER}@gcp-sa-logging.iam.gserviceaccount.com"
    return identifier, {**outputs, "writerIdentity": writer}


GCP_OUTPUTS: dict[str, Outputs] = {
    "pulumi:providers:gcp": _plain,
    "gcp:artifactregistry/repository:Repository": _repository,
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": _plain,
    "gcp:billing/budget:Budget": _plain,
    "gcp:compute/address:Address": _of_compute(f"regions/{_REGION}/addresses"),
    "gcp:compute/firewall:Firewall": _of_compute("global/firewalls"),
    "gcp:compute/network:Network": _of_compute("global/networks"),
    "gcp:compute/router:Router": _of_compute(f"regions/{_REGION}/routers"),
    "gcp:compute/routerNat:RouterNat": _plain,
    "gcp:compute/subnetwork:Subnetwork": _of_compute(f"regions/{_REGION}/subnetworks"),
    "gcp:container/cluster:Cluster": _cluster,
    "gcp:container/nodePool:NodePool": _plain,
    "gcp:dns/dnsManagedZoneIamMember:DnsManagedZoneIamMember": _plain,
    "gcp:dns/managedZone:ManagedZone": _zone,
    "gcp:dns/recordSet:RecordSet": _plain,
    "gcp:kms/cryptoKey:CryptoKey": _key,
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": _plain,
    "gcp:kms/keyRing:KeyRing": _of_project(f"locations/{_REGION}/keyRings/{{name}}"),
    "gcp:logging/projectSink:ProjectSink": _sink,
    "gcp:monitoring/notificationChannel:NotificationChannel": _named_by_number("notificationChannels"),
    "gcp:projects/iAMAuditConfig:IAMAuditConfig": _plain,
    "gcp:projects/iAMCustomRole:IAMCustomRole": _role,
    "gcp:projects/iAMMember:IAMMember": _plain,
    "gcp:projects/serviceIdentity:ServiceIdentity": _plain,
    "gcp:serviceaccount/account:Account": _account,
    "gcp:storage/bucket:Bucket": _bucket,
    "gcp:storage/bucketIAMMember:BucketIAMMember": _plain,
}
"""By type token; a type that is missing here stops the program, because a made-up value would hide mistakes."""

GCP_IMMUTABLE_FIELDS: dict[str, tuple[str, ...]] = {
    "gcp:artifactregistry/repository:Repository": (
        "format",
        "kmsKeyName",
        "location",
        "mavenConfig.allowSnapshotOverwrites",
        "mavenConfig.versionPolicy",
        "mode",
        "project",
        "remoteRepositoryConfig",
        "repositoryId",
    ),
    "gcp:compute/address:Address": (
        "address",
        "addressType",
        "description",
        "ipCollection",
        "ipVersion",
        "ipv6EndpointType",
        "name",
        "network",
        "networkTier",
        "prefixLength",
        "project",
        "purpose",
        "region",
        "subnetwork",
    ),
    "gcp:compute/network:Network": (
        "autoCreateSubnetworks",
        "description",
        "internalIpv6Range",
        "name",
        "networkProfile",
        "params",
        "project",
    ),
    "gcp:compute/subnetwork:Subnetwork": (
        "description",
        "externalIpv6Prefix",
        "internalIpv6Prefix",
        # One that holds the former is widened in place; whoever does that names the subnet as allowed.
        "ipCidrRange",
        "name",
        "network",
        "params",
        "project",
        "region",
        "reservedInternalRange",
        "resolveSubnetMask",
        # The cluster's pods have their addresses in them: https://cloud.google.com/kubernetes-engine/docs/how-to/alias-ips.
        "secondaryIpRanges",
    ),
    # Without those of the default pool (nodeConfig, nodePools, initialNodeCount), which is gone when the cluster is
    # there, and whose fields the platform tells Pulumi to ignore.
    "gcp:container/cluster:Cluster": (
        "clusterAutoscaling.autoProvisioningDefaults.bootDiskKmsKey",
        "clusterIpv4Cidr",
        "confidentialNodes",
        "datapathProvider",
        "defaultMaxPodsPerNode",
        "description",
        "enableAutopilot",
        "enableKubernetesAlpha",
        # Cannot be switched off again.
        "enableL4IlbSubsetting",
        "enableTpu",
        "ipAllocationPolicy.clusterIpv4CidrBlock",
        "ipAllocationPolicy.clusterSecondaryRangeName",
        "ipAllocationPolicy.podCidrOverprovisionConfig",
        "ipAllocationPolicy.servicesIpv4CidrBlock",
        "ipAllocationPolicy.servicesSecondaryRangeName",
        "location",
        "masterAuth.clientCertificateConfig",
        "name",
        "network",
        "networkingMode",
        "privateClusterConfig.masterIpv4CidrBlock",
        "privateClusterConfig.privateEndpointSubnetwork",
        "project",
        "subnetwork",
        "userManagedKeysConfig.aggregationCa",
        "userManagedKeysConfig.clusterCa",
        "userManagedKeysConfig.etcdApiCa",
        "userManagedKeysConfig.etcdPeerCa",
    ),
    "gcp:dns/managedZone:ManagedZone": ("dnsName", "name", "project", "visibility"),
    "gcp:kms/cryptoKey:CryptoKey": (
        "cryptoKeyBackend",
        "destroyScheduledDuration",
        "importOnly",
        "keyRing",
        "name",
        "purpose",
        "versionTemplate.protectionLevel",
    ),
    "gcp:kms/keyRing:KeyRing": ("location", "name", "project"),
    "gcp:serviceaccount/account:Account": ("accountId", "project"),
    "gcp:storage/bucket:Bucket": (
        "customPlacementConfig.dataLocations",
        "enableObjectRetention",
        "hierarchicalNamespace",
        "location",
        "name",
        "project",
    ),
    # Resources take the provider's project where they name none, and go with it: `DefaultProviderProject` in
    # https://github.com/hashicorp/terraform-provider-google/blob/main/google/tpgresource/utils.go. All of ours that
    # have a region or location name it.
    "pulumi:providers:gcp": ("project",),
}
"""Fields that replace, of the types that the platform protects.

`ForceNew` and `CustomizeDiff` in https://github.com/hashicorp/terraform-provider-google/tree/main/google/services.
"""
