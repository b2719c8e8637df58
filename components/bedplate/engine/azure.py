"""How resources of Azure behave, by type: what the cloud would answer, and which fields replace.

Ids and addresses have their true forms, of an invented subscription.
"""

import base64
import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from bedplate.engine.resources import Resource

Outputs = Callable[[Resource], tuple[str, dict[str, Any]]]
_SUBSCRIPTION = "3f1b2c4d-0000-4000-8000-123456789012"
_AUTHORITY = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCnN5bnRoZXRpYwo="
"""No certificate, only the form of one."""
_NETWORK, _STORAGE = "Microsoft.Network", "Microsoft.Storage/storageAccounts"


def _guid(text: str) -> str:
    digits = sha256(text.encode()).hexdigest()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


def _in_group(kind: str, key: str, *above: str, **more: Any) -> Outputs:
    """Resources of a group. kind: with its namespace; key: of the name; above: keys of the names of its parents."""
    namespace, *kinds = kind.split("/")

    def outputs(resource: Resource) -> tuple[str, dict[str, Any]]:
        inputs = resource.inputs
        names = [str(inputs[parent]) for parent in above] + [str(inputs[key])]
        path = "/".join(f"{part}/{name}" for part, name in zip(kinds, names, strict=True))
        group = f"/subscriptions/{_SUBSCRIPTION}/resourceGroups/{inputs['resourceGroupName']}"
        return f"{group}/providers/{namespace}/{path}", {"name": names[-1], **more}

    return outputs


def _group(resource: Resource) -> tuple[str, dict[str, Any]]:
    name = str(resource.inputs["resourceGroupName"])
    return f"/subscriptions/{_SUBSCRIPTION}/resourceGroups/{name}", {"name": name}


def _identities(resource: Resource) -> dict[str, Any]:
    """Who the resource acts as: the program names identities, Azure answers with what they sign in as."""
    identity = dict(resource.inputs["identity"])
    named: list[str] = identity.get("userAssignedIdentities", [])
    return {
        **identity,
        "userAssignedIdentities": {
            found: {"clientId": _guid(f"client of {found}"), "principalId": _guid(f"principal of {found}")}
            for found in named
        },
    }


def _storage_account(resource: Resource) -> tuple[str, dict[str, Any]]:
    found, outputs = _in_group(_STORAGE, "accountName")(resource)
    return found, {**outputs, "identity": _identities(resource)}


def _identity(resource: Resource) -> tuple[str, dict[str, Any]]:
    found, outputs = _in_group("Microsoft.ManagedIdentity/userAssignedIdentities", "resourceName")(resource)
    return found, {**outputs, "clientId": _guid(f"client of {found}"), "principalId": _guid(f"principal of {found}")}


def _disk_encryption_set(resource: Resource) -> tuple[str, dict[str, Any]]:
    found, outputs = _in_group("Microsoft.Compute/diskEncryptionSets", "diskEncryptionSetName")(resource)
    identity = {**dict(resource.inputs["identity"]), "principalId": _guid(found), "tenantId": _guid("directory")}
    return found, {**outputs, "identity": identity}


def _key(resource: Resource) -> tuple[str, dict[str, Any]]:
    found, outputs = _in_group("Microsoft.KeyVault/vaults/keys", "keyName", "vaultName")(resource)
    uri = f"https://{resource.inputs['vaultName']}.vault.azure.net/keys/{resource.inputs['keyName']}"
    version = sha256(uri.encode()).hexdigest()[:32]
    return found, {**outputs, "keyUri": uri, "keyUriWithVersion": f"{uri}/{version}"}


def _cluster(resource: Resource) -> tuple[str, dict[str, Any]]:
    found, outputs = _in_group("Microsoft.ContainerService/managedClusters", "resourceName")(resource)
    host, region = (
        f"{resource.inputs['dnsPrefix']}-{sha256(found.encode()).hexdigest()[:8]}",
        resource.inputs["location"],
    )
    issuer = f"https://{region}.oic.prod-aks.azure.com/{_guid('directory')}/{_guid(found)}/"
    return found, {
        **outputs,
        "identity": _identities(resource),
        "fqdn": f"{host}.hcp.{region}.azmk8s.io",
        "privateFQDN": f"{host}.{_guid('zone')}.privatelink.{region}.azmk8s.io",
        "oidcIssuerProfile": {"enabled": True, "issuerURL": issuer},
    }


def _zone(resource: Resource) -> tuple[str, dict[str, Any]]:
    found, outputs = _in_group("Microsoft.Network/dnsZones", "zoneName")(resource)
    ends = enumerate(("com", "net", "org", "info"), 1)
    return found, {**outputs, "nameServers": [f"ns{number}-01.azure-dns.{end}." for number, end in ends]}


def _definition(resource: Resource) -> tuple[str, dict[str, Any]]:
    scope, role = resource.inputs["scope"], resource.inputs["roleDefinitionId"]
    return f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{role}", {"name": role}


def _container(resource: Resource) -> tuple[str, dict[str, Any]]:
    account, found = _in_group(_STORAGE, "accountName")(resource)[0], str(resource.inputs["containerName"])
    return f"{account}/blobServices/default/containers/{found}", {"name": found}


def _plain(resource: Resource) -> tuple[str, dict[str, Any]]:
    """Resources of which the program reads nothing."""
    return f"{resource.name}-{sha256(resource.urn.encode()).hexdigest()[:7]}", {}


AZURE_OUTPUTS: dict[str, Outputs] = {
    "pulumi:providers:azure-native": _plain,
    "azure-native:authorization:RoleAssignment": _plain,
    "azure-native:authorization:RoleDefinition": _definition,
    "azure-native:compute:DiskEncryptionSet": _disk_encryption_set,
    "azure-native:consumption:Budget": _plain,
    "azure-native:containerregistry:Registry": _in_group("Microsoft.ContainerRegistry/registries", "registryName"),
    "azure-native:containerservice:AgentPool": _plain,
    "azure-native:containerservice:MaintenanceConfiguration": _plain,
    "azure-native:containerservice:ManagedCluster": _cluster,
    "azure-native:dns:RecordSet": _plain,
    "azure-native:dns:Zone": _zone,
    "azure-native:keyvault:Key": _key,
    "azure-native:keyvault:Vault": _in_group("Microsoft.KeyVault/vaults", "vaultName"),
    "azure-native:managedidentity:FederatedIdentityCredential": _plain,
    "azure-native:managedidentity:UserAssignedIdentity": _identity,
    "azure-native:monitor:DiagnosticSetting": _plain,
    "azure-native:monitor:SubscriptionDiagnosticSetting": _plain,
    "azure-native:network:NatGateway": _in_group(f"{_NETWORK}/natGateways", "natGatewayName"),
    "azure-native:network:NetworkSecurityGroup": _in_group(
        f"{_NETWORK}/networkSecurityGroups", "networkSecurityGroupName"
    ),
    "azure-native:network:PrivateDnsZoneGroup": _plain,
    "azure-native:network:PrivateEndpoint": _in_group(f"{_NETWORK}/privateEndpoints", "privateEndpointName"),
    "azure-native:network:PublicIPAddress": _in_group(f"{_NETWORK}/publicIPAddresses", "publicIpAddressName"),
    "azure-native:network:Subnet": _in_group(f"{_NETWORK}/virtualNetworks/subnets", "subnetName", "virtualNetworkName"),
    "azure-native:network:VirtualNetwork": _in_group(f"{_NETWORK}/virtualNetworks", "virtualNetworkName"),
    "azure-native:operationalinsights:Workspace": _in_group(
        "Microsoft.OperationalInsights/workspaces", "workspaceName"
    ),
    "azure-native:privatedns:PrivateZone": _in_group(f"{_NETWORK}/privateDnsZones", "privateZoneName"),
    "azure-native:privatedns:VirtualNetworkLink": _plain,
    "azure-native:resources:ResourceGroup": _group,
    "azure-native:storage:BlobContainer": _container,
    "azure-native:storage:BlobContainerImmutabilityPolicy": _plain,
    "azure-native:storage:BlobServiceProperties": _plain,
    "azure-native:storage:ManagementPolicy": _plain,
    "azure-native:storage:StorageAccount": _storage_account,
}
"""By type token; a type that is missing here stops the program, because a made-up value would hide mistakes."""


def _credentials(_arguments: Mapping[str, Any]) -> dict[str, Any]:
    cluster = {"name": "synthetic", "cluster": {"certificate-authority-data": _AUTHORITY}}
    content = json.dumps({"apiVersion": "v1", "kind": "Config", "clusters": [cluster]})
    return {"kubeconfigs": [{"name": "clusterUser", "value": base64.b64encode(content.encode()).decode()}]}


AZURE_ANSWERS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "azure-native:containerservice:listManagedClusterUserCredentials": _credentials,
}
"""Functions that read what the program itself has made; there is no other way to the value."""

AZURE_IMMUTABLE_FIELDS: dict[str, tuple[str, ...]] = {
    "azure-native:compute:DiskEncryptionSet": ("diskEncryptionSetName", "location", "resourceGroupName"),
    "azure-native:containerregistry:Registry": ("location", "registryName", "resourceGroupName"),
    "azure-native:containerservice:ManagedCluster": (
        "diskEncryptionSetID",
        "dnsPrefix",
        "fqdnSubdomain",
        "linuxProfile",
        "location",
        "networkProfile.dnsServiceIP",
        "networkProfile.networkDataplane",
        "networkProfile.networkMode",
        "networkProfile.networkPlugin",
        "networkProfile.networkPluginMode",
        "networkProfile.networkPolicy",
        "networkProfile.outboundType",
        "networkProfile.podCidr",
        "networkProfile.serviceCidr",
        "networkProfile.serviceCidrs",
        "nodeResourceGroup",
        "resourceGroupName",
        "resourceName",
        "windowsProfile",
    ),
    "azure-native:dns:Zone": ("location", "resourceGroupName", "zoneName"),
    "azure-native:keyvault:Key": ("keyName", "resourceGroupName", "vaultName"),
    "azure-native:keyvault:Vault": ("location", "resourceGroupName", "vaultName"),
    "azure-native:managedidentity:UserAssignedIdentity": ("location", "resourceGroupName", "resourceName"),
    "azure-native:network:PublicIPAddress": (
        "location",
        "publicIPAddressVersion",
        "publicIPPrefix",
        "publicIpAddressName",
        "resourceGroupName",
        "sku",
    ),
    "azure-native:network:Subnet": (
        # The provider would try; Azure refuses while nodes are in it:
        # https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-subnet#change-subnet-settings.
        "addressPrefix",
        "resourceGroupName",
        "subnetName",
        "virtualNetworkName",
    ),
    "azure-native:network:VirtualNetwork": ("location", "resourceGroupName", "virtualNetworkName"),
    "azure-native:resources:ResourceGroup": ("location", "resourceGroupName"),
    "azure-native:storage:BlobContainer": ("accountName", "containerName", "resourceGroupName"),
    "azure-native:storage:StorageAccount": ("accountName", "isHnsEnabled", "location", "resourceGroupName"),
    # The provider's own DiffConfig replaces nothing, and what exists is changed where it is, in the former
    # subscription, while what refers to it by its new id is made in the other: two halves of a platform.
    # https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/provider/provider.go
    "pulumi:providers:azure-native": ("subscriptionId",),
}
"""Fields that replace, of the types that the platform protects.

What stands in a resource's URL, `forceNewMap` in
https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/gen/replacement.go, and what Azure's own
specifications let one say at creation alone, of which `location` is the one that matters here.
"""
