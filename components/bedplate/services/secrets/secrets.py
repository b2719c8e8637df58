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
from bedplate.kubernetes import (
    Alert,
    Operator,
    PlatformNamespace,
    PlatformNamespaceArgs,
    ProvidedOperator,
    ProvidedOperatorArgs,
    Release,
    ReleaseArgs,
)
from bedplate.labels import SECRET_SOURCE_NAMESPACE, Identity
from bedplate.offers import ExternalSecretRequest, SecretStoreRequest
from bedplate.services.secrets import external_secrets, reloader
from bedplate.services.secrets.alerts import secrets_alerts
from bedplate.services.secrets.opening import Opening, operator_namespace, store_of
from bedplate.services.secrets.spec import AnySecretStoreSpec, KubernetesStoreSpec, VaultStoreSpec

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
        self._openings: dict[str, Opening] = {}
        self.alerts = secrets_alerts(operator_namespace(args.spec))
        self.register_outputs({})

    def open(self, name: str, request: SecretStoreRequest, parent: pulumi.Resource) -> pulumi.Resource | None:
        """Registers the store of a tenant for `parent`; what its workloads ask for comes after what is returned."""
        if self._source and not request.names:
            return None
        facts = store_of(self._spec, self._cluster, request.tenant, request.namespace_name)
        opening = Opening(facts=facts, operator=self.operator, source=self._source)
        self._openings[request.tenant] = opening
        return opening.open(name, request, parent)

    def bring(self, name: str, request: ExternalSecretRequest, parent: pulumi.Resource) -> None:
        """Registers for `parent` what a workload asks its tenant's store for, which is open."""
        self._openings[request.tenant].bring(name, request, parent)

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
