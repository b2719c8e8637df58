"""Keys that encrypt what the platform stores.

Owns a key ring with two KMS keys that rotate every 90 days: one for Kubernetes' secrets, one for disks, file servers,
buckets and images; and who of Google's own service accounts may use them. It deliberately grants nobody their
destruction. Google deletes neither rings nor keys; a version that is destroyed can be had back for thirty days.

Google's service accounts by project number: https://cloud.google.com/iam/docs/service-agents.
"""

from dataclasses import dataclass

import pulumi
from pulumi_gcp import kms, projects

from bedplate.clouds.gcp.spec import GcpClusterSpec

_USE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
_NINETY_DAYS = "7776000s"
_THIRTY_DAYS = "2592000s"
_OF_SECRETS = ("container-engine-robot",)
_OF_DATA = ("compute-system", "gs-project-accounts", "gcp-sa-artifactregistry", "cloud-filer")
_MADE_ON_DEMAND = {"gcp-sa-artifactregistry": "artifactregistry.googleapis.com", "cloud-filer": "file.googleapis.com"}
"""Accounts that do not exist until somebody asks for them; the others come with their API."""


@dataclass(frozen=True, kw_only=True)
class GcpKeysArgs:
    """spec: of the cluster."""

    spec: GcpClusterSpec


class GcpKeys(pulumi.ComponentResource):
    """The platform's keys."""

    secrets_id: str
    """Full name of the key of Kubernetes' secrets, known before it exists."""
    data_id: str
    """Full name of the key of disks, file servers, buckets and images, known before it exists."""
    usable: list[kms.CryptoKeyIAMMember]
    """What is encrypted waits for these: until then Google's services may not use the keys."""

    def __init__(self, name: str, args: GcpKeysArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:GcpKeys", name, {}, opts)
        spec = args.spec
        ring = kms.KeyRing(
            f"{name}-ring",
            name=spec.name,
            location=spec.region,
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        self.secrets_id, self.data_id = key_id(spec, "secrets"), key_id(spec, "data")
        self.usable = [
            *self._key(name, "secrets", ring, spec, _OF_SECRETS),
            *self._key(name, "data", ring, spec, _OF_DATA),
        ]
        self.register_outputs({})

    def _key(
        self, name: str, purpose: str, ring: kms.KeyRing, spec: GcpClusterSpec, agents: tuple[str, ...]
    ) -> list[kms.CryptoKeyIAMMember]:
        key = kms.CryptoKey(
            f"{name}-{purpose}",
            name=purpose,
            key_ring=ring.id,
            purpose="ENCRYPT_DECRYPT",
            rotation_period=_NINETY_DAYS,
            destroy_scheduled_duration=_THIRTY_DAYS,
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        return [
            kms.CryptoKeyIAMMember(
                f"{name}-{purpose}-{agent}",
                crypto_key_id=key.id,
                role=_USE,
                member=f"serviceAccount:service-{spec.project_number}@{agent}.iam.gserviceaccount.com",
                opts=pulumi.ResourceOptions(parent=self, depends_on=self._made(name, agent, spec)),
            )
            for agent in agents
        ]

    def _made(self, name: str, agent: str, spec: GcpClusterSpec) -> list[pulumi.Resource]:
        if agent not in _MADE_ON_DEMAND:
            return []
        return [
            projects.ServiceIdentity(
                f"{name}-{agent}",
                project=spec.project_id,
                service=_MADE_ON_DEMAND[agent],
                opts=pulumi.ResourceOptions(parent=self),
            )
        ]


def key_id(spec: GcpClusterSpec, purpose: str) -> str:
    """Full name of a key."""
    return f"projects/{spec.project_id}/locations/{spec.region}/keyRings/{spec.name}/cryptoKeys/{purpose}"
