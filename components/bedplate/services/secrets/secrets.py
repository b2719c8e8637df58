"""Secrets that stand in a store outside of the stack, and reach workloads by reference.

Owns External Secrets and Reloader in one namespace, the store of each tenant, limited to its prefix, and what each
workload asks it for. It deliberately owns no secret: whoever has the store writes them there, and rotates them there.
Where the cluster itself is the store, it owns the namespace that they stand in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import pulumi

from bedplate.clouds import Cluster
from bedplate.clouds.buckets import identity_name
from bedplate.clouds.contract import SecretsGrant
from bedplate.clouds.facts import SecretStoreFacts, WorkloadIdentity
from bedplate.kubernetes import (
    Alert,
    CustomObject,
    KubernetesObject,
    Operator,
    PlatformNamespace,
    PlatformNamespaceArgs,
    ProvidedOperator,
    ProvidedOperatorArgs,
    Release,
    ReleaseArgs,
)
from bedplate.labels import SECRET_SOURCE_NAMESPACE, SECRET_STORE, SECRETS_NAMESPACE, Identity
from bedplate.offers import ExternalSecretRequest, SecretStoreRequest
from bedplate.services.secrets import external_secrets, reloader
from bedplate.services.secrets.alerts import secrets_alerts
from bedplate.services.secrets.spec import AnySecretStoreSpec, KubernetesStoreSpec, VaultStoreSpec
from bedplate.services.secrets.stores import (
    external_secret,
    kubernetes_provider,
    reader,
    reading_the_source,
    secret_store,
    source_name,
    tokens_of_the_reader,
    vault_provider,
)

_SOURCE = Identity(name="secret-source", component="secrets")


@dataclass(frozen=True, kw_only=True)
class SecretsArgs:
    """cluster: that makes identities of the cloud. chart_source: of charts, in the publisher's place."""

    spec: AnySecretStoreSpec
    cluster: Cluster
    chart_source: str | None = None


class Secrets(pulumi.ComponentResource):
    """External Secrets, Reloader, and where tenants' secrets are read."""

    operator: Operator
    """External Secrets; objects of its kinds come after it."""
    alerts: Sequence[Alert]
    """Of secrets that do not come."""

    def __init__(self, name: str, args: SecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Secrets", name, {}, opts)
        self._name, self._spec, self._cluster = name, args.spec, args.cluster
        self._source = self._place_of_the_source()
        self.operator = self._operators(args)
        provided = args.spec.operators
        self._runs_in = provided.namespace if provided else SECRETS_NAMESPACE
        self.alerts = secrets_alerts(self._runs_in)
        self.register_outputs({})

    def open(self, name: str, request: SecretStoreRequest, parent: pulumi.Resource) -> pulumi.Resource | None:
        """Registers the store of a tenant for `parent`; what its workloads ask for comes after what is returned."""
        if self._source and not request.names:
            return None
        store, identity = self._store(request.tenant), self._reader(request)
        inside = pulumi.ResourceOptions(parent=parent, depends_on=[request.namespace], deleted_with=request.namespace)
        rights = [*tokens_of_the_reader(request, self._runs_in)]
        before: list[pulumi.Resource] = [
            KubernetesObject(f"{name}-store-reader", reader(request, identity.annotations), inside),
            *(KubernetesObject(f"{name}-store-{suffix}", part, inside) for suffix, part in rights),
        ]
        if self._source:
            names = [f"{store.prefix}{each}" for each in request.names]
            before += [
                KubernetesObject(f"{name}-store-{suffix}", part, self._source.inside(parent))
                for suffix, part in reading_the_source(request, names)
            ]
        after = pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(depends_on=before))
        return CustomObject(f"{name}-store", secret_store(request, store.provider), self.operator, after)

    def bring(self, name: str, request: ExternalSecretRequest, parent: pulumi.Resource) -> None:
        """Registers for `parent` what a workload asks its tenant's store for."""
        inside = pulumi.ResourceOptions(
            parent=parent, depends_on=[request.namespace, *request.after], deleted_with=request.namespace
        )
        body = external_secret(request, self._store(request.tenant).prefix, self._spec.refresh_minutes)
        CustomObject(name, body, self.operator, inside)

    def _store(self, tenant: str) -> SecretStoreFacts:
        """Where the tenant's secrets are read, and what their names begin with there."""
        prefix = self._spec.prefix_of(tenant)
        if isinstance(self._spec, KubernetesStoreSpec):
            return SecretStoreFacts(provider=kubernetes_provider(), prefix=source_name(prefix, ""))
        if isinstance(self._spec, VaultStoreSpec):
            return SecretStoreFacts(provider=vault_provider(self._spec, tenant), prefix=prefix)
        return self._cluster.secret_store(SecretsGrant(prefix=prefix), SECRET_STORE)

    def _reader(self, request: SecretStoreRequest) -> WorkloadIdentity:
        """What the tenant's store reads as in the cloud; nothing where that is no cloud's store."""
        if not self._spec.is_of_the_cloud:
            return WorkloadIdentity()
        grant = SecretsGrant(prefix=self._spec.prefix_of(request.tenant))
        name = identity_name(request.tenant, SECRET_STORE)
        return self._cluster.workload_identity(name, request.namespace_name, SECRET_STORE, [grant])

    def _place_of_the_source(self) -> PlatformNamespace | None:
        """Where the cluster's own Secrets stand, if it is the store: nothing runs there, and nothing leads there."""
        if not isinstance(self._spec, KubernetesStoreSpec):
            return None
        facts = self._cluster.facts
        place = PlatformNamespaceArgs(
            namespace=SECRET_SOURCE_NAMESPACE,
            identity=_SOURCE,
            kubernetes_version=facts.kubernetes_version,
            dns=facts.dns,
        )
        return PlatformNamespace(f"{self._name}-source", place, pulumi.ResourceOptions(parent=self))

    def _operators(self, args: SecretsArgs) -> Operator:
        provided, child = args.spec.operators, pulumi.ResourceOptions(parent=self)
        if provided:
            operator = ProvidedOperatorArgs(chart=external_secrets.CHART, namespace=provided.namespace)
            return ProvidedOperator(f"{self._name}-provided", operator, child)
        vault = args.spec if isinstance(args.spec, VaultStoreSpec) else None
        ports = [urlsplit(vault.url).port or 443] if vault else []
        place = PlatformNamespace(f"{self._name}-place", external_secrets.namespace(args.cluster.facts, ports), child)
        source = [self._source] if self._source else []
        release = ReleaseArgs(
            chart=external_secrets.CHART,
            namespace=place,
            values=external_secrets.values(),
            source=args.chart_source,
            after=source,
        )
        operator = Release(f"{self._name}-release", release, child)
        restarts = ReleaseArgs(
            chart=reloader.CHART, namespace=place, values=reloader.values(), source=args.chart_source
        )
        Release(f"{self._name}-reloader", restarts, child)
        return operator
