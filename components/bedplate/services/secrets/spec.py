"""What a person decides about secrets that stand outside of the stack."""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator

from bedplate.spec import DnsLabel, HttpsUrl, PositiveCount, Spec, StrictBool, matching, mistake

NameForm = tuple[re.Pattern[str], str]
"""What a store's names look like, and an example."""
_MOUNT = matching(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*",
    "must be a path of Vault, without '/' at its ends",
    "write it like 'secret'",
    lambda value: value.strip("/"),
)
Mount = Annotated[str, Field(max_length=128), _MOUNT]
SecretPrefix = Annotated[
    str,
    Field(max_length=100),
    matching(
        r"([a-z0-9]([-a-z0-9]*[a-z0-9])?/)+",
        "must be the beginning of names: lower-case letters, digits and '-', with '/' at its end",
        "write it like 'vision/' or 'teams/vision/'",
        lambda value: f"{value.strip('/').lower()}/",
    ),
]


class ProvidedOperatorsSpec(Spec):
    """External Secrets and Reloader that somebody else runs in the cluster, which has room for one of each."""

    provided: StrictBool
    """true: both are there already, and whoever runs them keeps them up to date."""
    namespace: DnsLabel = "external-secrets"
    """Where External Secrets runs, as the ServiceAccount `external-secrets`."""

    @field_validator("provided")
    @classmethod
    def _by_somebody(cls, provided: bool) -> bool:
        if not provided:
            raise mistake("false says what leaving `operators` out says", "remove `operators`, or write true")
        return provided


class SecretStoreSpec(Spec):
    """Base of the stores: what holds wherever secrets stand."""

    is_of_the_cloud: ClassVar[bool] = False
    """Whether the cloud that has the cluster has the store."""
    needs_a_key: ClassVar[bool] = False
    """Whether a secret is always several values, each by a key."""

    refresh_minutes: Annotated[PositiveCount, Field(le=1440)] = 15
    """Minutes after which a changed secret reaches the cluster at the latest; each workload asks the store that
    often, and clouds count it."""
    prefixes: Mapping[DnsLabel, SecretPrefix] = Field(default_factory=dict[str, str])
    """What the names of a tenant's secrets begin with, by tenant; `<tenant>/` where nothing is said."""
    operators: ProvidedOperatorsSpec | None = None
    """Somebody else's External Secrets and Reloader; without it the platform installs both."""

    def prefix_of(self, tenant: str) -> str:
        """What the names of the tenant's secrets begin with."""
        return self.prefixes.get(tenant, f"{tenant}/")

    def name_form(self) -> NameForm | None:
        """What the store's own names look like; None where that is the cloud's to say."""
        return None


class CloudStoreSpec(SecretStoreSpec):
    """The cloud's own: Secrets Manager of AWS, Secret Manager of Google Cloud, a key vault a tenant on Azure."""

    is_of_the_cloud: ClassVar[bool] = True

    store: Literal["cloud"]
    """Where secrets stand."""


def _without_tenant(role: str) -> str:
    if "{tenant}" not in role:
        raise mistake(
            "is the same for all tenants, and would read what all of them may",
            "write where the tenant's name goes, like 'bedplate-{tenant}'",
        )
    return role


class VaultStoreSpec(SecretStoreSpec):
    """HashiCorp Vault or OpenBao, a KV engine of version 2, whose Kubernetes method signs tenants in."""

    store: Literal["vault"]
    """Where secrets stand."""
    url: HttpsUrl
    """Address of Vault."""
    mount: Mount = "secret"
    """Where the KV engine is mounted."""
    auth_mount: Mount = "kubernetes"
    """Where the Kubernetes method is mounted."""
    role: Annotated[
        str,
        Field(max_length=64),
        matching(r"[A-Za-z0-9._{}-]+", "must be the name of a role of Vault", "write it like 'bedplate-{tenant}'"),
        AfterValidator(_without_tenant),
    ] = "bedplate-{tenant}"
    """Role of a tenant, whose policy reads below its prefix alone; `{tenant}` stands for the tenant's name."""
    authority: Annotated[str, Field(max_length=64 * 1024)] | None = None
    """Certificate of the authority that signed Vault's, as PEM; those that everybody trusts if absent."""

    @field_validator("authority")
    @classmethod
    def _a_certificate(cls, authority: str | None) -> str | None:
        if authority is not None and not authority.strip().startswith("-----BEGIN CERTIFICATE-----"):
            raise mistake("must be a certificate", "write it as PEM, from its line BEGIN CERTIFICATE on, after '|'")
        return authority

    def name_form(self) -> NameForm | None:
        """Paths: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2."""
        return re.compile(r"[A-Za-z0-9._/-]{1,200}"), "database/reader"


class KubernetesStoreSpec(SecretStoreSpec):
    """Secrets of the cluster itself, in a namespace for administrators alone: to rehearse, and for small sites."""

    needs_a_key: ClassVar[bool] = True

    store: Literal["kubernetes"]
    """Where secrets stand."""

    def name_form(self) -> NameForm | None:
        """With the tenant's prefix a DNS subdomain:
        https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names."""
        return re.compile(r"[a-z0-9]([-a-z0-9]{0,98}[a-z0-9])?"), "database"


AnySecretStoreSpec = CloudStoreSpec | VaultStoreSpec | KubernetesStoreSpec
"""Where secrets stand that are no config secrets."""


class SecretsSection(Spec):
    """The section `secrets` of the stack file."""

    secrets: Annotated[AnySecretStoreSpec, Field(discriminator="store")] | None = None
    """Where workloads' external secrets stand (`secretEnv: {NAME: {external: …}}`); without it there are config secrets
    alone."""

    @field_validator("secrets", mode="before")
    @classmethod
    def _with_a_store(cls, secrets: object) -> object:
        if secrets is None:
            raise mistake("has nothing below it", "write `store: cloud` below it, or remove the key")
        return secrets
