"""What a tenant's store is made of, and what is brought from it, whichever stack has the operators.

Owns the composition of `stores`' objects from a tenant's facts, the facts themselves, and the offer of a stack whose
operators are those of the stack below. It deliberately decides nothing about who may read what: the stack with the
operators did, and its facts say it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds import Cluster
from bedplate.clouds.buckets import identity_name
from bedplate.clouds.contract import SecretsGrant
from bedplate.clouds.facts import TenantSecretsFacts
from bedplate.kubernetes import (
    CustomObject,
    KubernetesObject,
    Operator,
    PlatformNamespace,
    ProvidedOperator,
    ProvidedOperatorArgs,
)
from bedplate.labels import SECRET_SOURCE_NAMESPACE, SECRET_STORE, SECRETS_NAMESPACE
from bedplate.offers import ExternalSecretRequest, SecretStoreRequest
from bedplate.services.secrets import external_secrets
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


def operator_namespace(spec: AnySecretStoreSpec) -> str:
    """Where External Secrets runs."""
    return spec.operators.namespace if spec.operators else SECRETS_NAMESPACE


def store_of(spec: AnySecretStoreSpec, cluster: Cluster, tenant: str, namespace_name: str) -> TenantSecretsFacts:
    """Where a tenant's secrets are read, and as whom; a cloud makes the identity, unless the stack below has made it.

    To be asked once a tenant.
    """
    below = cluster.facts.secret_stores.get(tenant) if spec.is_of_the_cloud else None
    if below:
        return below
    prefix, minutes, runs_in = spec.prefix_of(tenant), spec.refresh_minutes, operator_namespace(spec)
    if isinstance(spec, KubernetesStoreSpec):
        return TenantSecretsFacts(
            provider=kubernetes_provider(),
            prefix=source_name(prefix, ""),
            source_namespace=SECRET_SOURCE_NAMESPACE,
            operator_namespace=runs_in,
            refresh_minutes=minutes,
        )
    if isinstance(spec, VaultStoreSpec):
        provider = vault_provider(spec, tenant)
        return TenantSecretsFacts(provider=provider, prefix=prefix, operator_namespace=runs_in, refresh_minutes=minutes)
    grant, name = SecretsGrant(prefix=prefix), identity_name(tenant, SECRET_STORE)
    store = cluster.secret_store(grant, SECRET_STORE)
    identity = cluster.workload_identity(name, namespace_name, SECRET_STORE, [grant])
    return TenantSecretsFacts(
        provider=store.provider,
        prefix=store.prefix,
        annotations=identity.annotations,
        operator_namespace=runs_in,
        refresh_minutes=minutes,
    )


def stores_of(
    spec: AnySecretStoreSpec, cluster: Cluster, namespaces: Mapping[str, str]
) -> Mapping[str, TenantSecretsFacts]:
    """Those of all tenants, for the stacks above. namespaces: of tenants, by tenant."""
    return {tenant: store_of(spec, cluster, tenant, namespace) for tenant, namespace in namespaces.items()}


@dataclass(frozen=True, kw_only=True)
class Opening:
    """A tenant's store as it is opened. source: where Secrets of the cluster itself stand, if this stack has it."""

    facts: TenantSecretsFacts
    operator: Operator
    source: PlatformNamespace | None = None

    def open(self, name: str, request: SecretStoreRequest, parent: pulumi.Resource) -> pulumi.Resource | None:
        """Registers the store of a tenant for `parent`; None where nothing is asked of a source."""
        if self.facts.source_namespace and not request.names:
            return None
        inside = pulumi.ResourceOptions(parent=parent, depends_on=[request.namespace], deleted_with=request.namespace)
        rights = tokens_of_the_reader(request, self.facts.operator_namespace)
        before: list[pulumi.Resource] = [
            KubernetesObject(f"{name}-store-reader", reader(request, self.facts.annotations), inside),
            *(KubernetesObject(f"{name}-store-{suffix}", part, inside) for suffix, part in rights),
            *self._read_the_source(name, request, parent),
        ]
        after = pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(depends_on=before))
        return CustomObject(f"{name}-store", secret_store(request, self.facts.provider), self.operator, after)

    def _read_the_source(
        self, name: str, request: SecretStoreRequest, parent: pulumi.Resource
    ) -> Sequence[pulumi.Resource]:
        if self.facts.source_namespace is None:
            return ()
        names = [f"{self.facts.prefix}{each}" for each in request.names]
        there = self.source.inside(parent) if self.source else pulumi.ResourceOptions(parent=parent)
        return [
            KubernetesObject(f"{name}-store-{suffix}", part, there)
            for suffix, part in reading_the_source(request, names)
        ]

    def bring(self, name: str, request: ExternalSecretRequest, parent: pulumi.Resource) -> None:
        """Registers for `parent` what a workload asks its tenant's store for."""
        inside = pulumi.ResourceOptions(
            parent=parent, depends_on=[request.namespace, *request.after], deleted_with=request.namespace
        )
        body = external_secret(request, self.facts.prefix, self.facts.refresh_minutes)
        CustomObject(name, body, self.operator, inside)


class SecretsBelow:
    """The offer of a stack of tenants whose operators are those of the stack below; no store for who is not named."""

    def __init__(
        self, name: str, stores: Mapping[str, TenantSecretsFacts], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        (runs_in,) = {store.operator_namespace for store in stores.values()}
        operator = ProvidedOperatorArgs(chart=external_secrets.CHART, namespace=runs_in)
        provided = ProvidedOperator(f"{name}-provided", operator, opts)
        self._stores = {tenant: Opening(facts=facts, operator=provided) for tenant, facts in stores.items()}

    def open(self, name: str, request: SecretStoreRequest, parent: pulumi.Resource) -> pulumi.Resource | None:
        """Registers the store of a tenant for `parent`, if the stack below has given it one."""
        store = self._stores.get(request.tenant)
        return store.open(name, request, parent) if store else None

    def bring(self, name: str, request: ExternalSecretRequest, parent: pulumi.Resource) -> None:
        """Registers for `parent` what a workload asks its tenant's store for."""
        self._stores[request.tenant].bring(name, request, parent)
