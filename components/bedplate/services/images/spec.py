"""Where images are and who builds them: the section `images` of the stack file.

Owns the specs. Whether pools, tenants and secrets are there is checked by `bedplate.stack_file.images`.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from bedplate.clouds.networks import network_form
from bedplate.spec import (
    ConfigKey,
    Cpu,
    DnsLabel,
    Gib,
    HttpsUrl,
    ImagePrefix,
    PositiveCount,
    Spec,
    StrictBool,
    matching,
    mistake,
)


class RegistryCredentialsSpec(Spec):
    """An account of the registry: a robot, a token, a service account."""

    username: Annotated[
        str, Field(max_length=255), matching(r"[!-9;-~]+", "must be a user's name without ':'", "write it as it is")
    ]
    """Its name, such as robot$vision or _json_key."""
    password_ref: ConfigKey
    """Name of the config secret with its password."""


class ScanSpec(Spec):
    """How images are looked through for known vulnerabilities, before they may run where `guardrails.scannedBuilds`
    asks for it."""

    fail_on: Literal["critical", "high", "medium"] = "critical"
    """The least that keeps an image from passing."""
    only_fixed: StrictBool = True
    """Whether only that counts which a newer package mends."""
    believed_days: Annotated[PositiveCount, Field(le=365)] = 90
    """Days after which an image must be scanned again before it is deployed anew, counted at the next scan; what runs
    goes on."""
    database: HttpsUrl | None = None
    """Where the database of vulnerabilities is listed, such as a mirror of yours; that of Grype's makers if none."""


class BuildsSpec(Spec):
    """How images are built in the cluster. Each tenant has a namespace of its own for it, and pays with no quota of
    its own."""

    credentials: Mapping[DnsLabel, RegistryCredentialsSpec] = {}
    """Tenant → what may push and pull below `<registry>/<tenant>/`, and nothing else: a build can read it. Tenants that
    are neither here nor in `cloudIdentities` build nothing."""
    cloud_identities: tuple[DnsLabel, ...] = ()
    """Tenants whose builds push to the registry of the cluster's cloud, each as an identity that reaches its own images
    alone; no password is anywhere. Only where the platform owns the cluster."""
    pool: DnsLabel | None = None
    """Pool of `nodePools` on whose nodes builds run; any node without GPUs that takes tenants' pods if none."""
    cpu: Cpu = 4
    """Cores of one build."""
    memory_gib: Gib = 16
    """Memory of one build in GiB; compiling CUDA extensions takes more."""
    disk_gib: Annotated[Gib, Field(ge=5)] = 60
    """Disk of its node that one build takes: base image, layers and the folder, in GiB."""
    at_once: Annotated[PositiveCount, Field(le=100)] = 2
    """Builds of one tenant at one time."""
    max_minutes: Annotated[PositiveCount, Field(le=720)] = 60
    """Longest build, in minutes."""
    scan: ScanSpec | None = None
    """Scans by Grype in the cluster, by the members themselves; without it there are none but the registry's."""
    networks: tuple[Annotated[str, AfterValidator(network_form)], ...] = ()
    """Private networks (CIDR) that builds reach besides the internet, such as that of a registry or an index of
    packages."""

    @model_validator(mode="after")
    def _of_somebody(self) -> "BuildsSpec":
        if not self.credentials and not self.cloud_identities:
            raise mistake("nobody may build", "name tenants in `credentials` or in `cloudIdentities`")
        twice = sorted(set(self.credentials) & set(self.cloud_identities))
        if twice:
            raise mistake(f"'{twice[0]}' is in `credentials` and in `cloudIdentities`", "take it out of one of them")
        return self

    def builds_for(self, tenant: str) -> bool:
        """Whether a tenant's members may build."""
        return tenant in self.credentials or tenant in self.cloud_identities


class ImagesSpec(Spec):
    """The registry of the platform's images."""

    registry: ImagePrefix | None = None
    """Where tenants' images are, each below its tenant's name: 'registry.example.com/ml/' holds
    registry.example.com/ml/vision/scorer. That of the cluster's cloud if none."""
    pull: RegistryCredentialsSpec | None = None
    """What may read there; every namespace of a tenant gets it. None where nodes may read anyway, as those of clouds
    may read the cloud's own."""
    builds: BuildsSpec | None = None
    """Builds in the cluster; without it there are none, and images come from elsewhere."""

    @model_validator(mode="after")
    def _of_one_registry(self) -> "ImagesSpec":
        if self.registry and self.builds and self.builds.cloud_identities:
            raise mistake(
                "`builds.cloudIdentities` push to the cloud's own registry, and `registry` names another",
                "remove `registry`, or give those tenants an account of it in `builds.credentials`",
            )
        return self

    @field_validator("registry")
    @classmethod
    def _a_place(cls, registry: str | None) -> str | None:
        if registry is not None and not registry.endswith("/"):
            raise mistake(
                "must be a place for many images, with '/' at its end", "write it like 'registry.example.com/ml/'"
            )
        return registry


class ImagesSection(Spec):
    """The section of the stack file."""

    images: ImagesSpec | None = None
    """The registry and the builds; without it images are pulled as nodes can, and built elsewhere."""
