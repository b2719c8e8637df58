"""A tenant's store and a workload's secrets, as objects.

Owns the SecretStore of each tenant with the ServiceAccount that it reads as and the rights around it, and the
ExternalSecret of each workload. What limits a store to its tenant is never the store's own word: it is the identity of
the cloud, the role of Vault, or a role of the API server that names each Secret.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bedplate.kubernetes import Manifest, manifest, service_account
from bedplate.labels import (
    EXTERNAL_SECRETS,
    SECRET_SOURCE_NAMESPACE,
    SECRET_STORE,
    Identity,
)
from bedplate.offers import ExternalSecretRequest, SecretStoreRequest
from bedplate.services.secrets.external_secrets import API_VERSION
from bedplate.services.secrets.spec import VaultStoreSpec

_RBAC = "rbac.authorization.k8s.io"
IN_CLUSTER = "https://kubernetes.default.svc"
"""The API server, as pods find it."""
_AUDIENCE = "vault"


def source_name(prefix: str, name: str) -> str:
    """The Secret of a tenant in SECRET_SOURCE_NAMESPACE. No prefix has a '.', so that none begins with another's."""
    return f"{prefix.strip('/').replace('/', '.')}.{name}"


def vault_provider(spec: VaultStoreSpec, tenant: str) -> Mapping[str, Any]:
    """https://external-secrets.io/latest/provider/hashicorp-vault/#kubernetes-authentication"""
    authority = {"caBundle": base64.b64encode(spec.authority.encode()).decode()} if spec.authority else {}
    signed_in = {
        "mountPath": spec.auth_mount,
        "role": spec.role.replace("{tenant}", tenant),
        "serviceAccountRef": {"name": SECRET_STORE, "audiences": [_AUDIENCE]},
    }
    return {
        "vault": {
            "server": spec.url,
            "path": spec.mount,
            "version": "v2",
            "auth": {"kubernetes": signed_in},
            **authority,
        }
    }


def kubernetes_provider() -> Mapping[str, Any]:
    """https://external-secrets.io/latest/provider/kubernetes/"""
    authority = {"type": "ConfigMap", "name": "kube-root-ca.crt", "key": "ca.crt"}
    return {
        "kubernetes": {
            "remoteNamespace": SECRET_SOURCE_NAMESPACE,
            "server": {"url": IN_CLUSTER, "caProvider": authority},
            "auth": {"serviceAccount": {"name": SECRET_STORE}},
        }
    }


def reader(request: SecretStoreRequest, annotations: Mapping[str, Any]) -> Manifest:
    """The ServiceAccount that the store reads as. annotations: by which the cloud knows it."""
    account = service_account(SECRET_STORE, request.namespace_name, request.identity)
    both = {**account["metadata"].get("annotations", {}), **annotations}
    return {**account, "metadata": {**account["metadata"], **({"annotations": both} if both else {})}}


def tokens_of_the_reader(request: SecretStoreRequest, operator_namespace: str) -> Iterator[tuple[str, Manifest]]:
    """External Secrets may sign in as the tenant's reader, and as nobody else there."""
    rule = {
        "apiGroups": [""],
        "resources": ["serviceaccounts/token"],
        "resourceNames": [SECRET_STORE],
        "verbs": ["create"],
    }
    subject = {"kind": "ServiceAccount", "name": EXTERNAL_SECRETS, "namespace": operator_namespace}
    yield from _role(SECRET_STORE, request.namespace_name, request.identity, rule, subject, "tokens")


def reading_the_source(request: SecretStoreRequest, names: Sequence[str]) -> Iterator[tuple[str, Manifest]]:
    """The tenant's reader gets these Secrets of the source, each by its name, and lists nothing."""
    if not names:
        raise ValueError("a role without names would read every Secret of the source")
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": sorted(set(names)), "verbs": ["get"]}
    subject = {"kind": "ServiceAccount", "name": SECRET_STORE, "namespace": request.namespace_name}
    yield from _role(f"store-{request.tenant}", SECRET_SOURCE_NAMESPACE, request.identity, rule, subject, "source")


def _role(
    name: str, namespace: str, identity: Identity, rule: Manifest, subject: Manifest, suffix: str
) -> Iterator[tuple[str, Manifest]]:
    """A role with its binding, by suffixes of resource names."""
    role = {"apiGroup": _RBAC, "kind": "Role", "name": name}
    yield f"{suffix}-role", manifest(f"{_RBAC}/v1", "Role", name, identity, namespace=namespace, rules=[rule])
    yield (
        f"{suffix}-binding",
        manifest(
            f"{_RBAC}/v1",
            "RoleBinding",
            name,
            identity,
            namespace=namespace,
            roleRef=role,
            subjects=[subject],
        ),
    )


def secret_store(request: SecretStoreRequest, provider: Mapping[str, Any]) -> Manifest:
    """The tenant's SecretStore."""
    return manifest(
        API_VERSION,
        "SecretStore",
        SECRET_STORE,
        request.identity,
        namespace=request.namespace_name,
        spec={"provider": dict(provider)},
    )


def external_secret(request: ExternalSecretRequest, prefix: str, refresh_minutes: int) -> Manifest:
    """What a workload asks its tenant's store for. prefix: of the store's names.

    The Secret goes with it, and stays as it was while the store does not answer.
    """
    strategies = {"conversionStrategy": "Default", "decodingStrategy": "None", "metadataPolicy": "None"}
    data: list[Manifest] = [
        {
            "secretKey": variable,
            "remoteRef": {
                "key": f"{prefix}{named.name}",
                **({"property": named.key} if named.key else {}),
                **strategies,
            },
        }
        for variable, named in sorted(request.variables.items())
    ]
    return manifest(
        API_VERSION,
        "ExternalSecret",
        request.secret,
        request.identity,
        namespace=request.namespace_name,
        spec={
            "refreshInterval": f"{refresh_minutes}m",
            "secretStoreRef": {"kind": "SecretStore", "name": SECRET_STORE},
            "target": {
                "name": request.secret,
                "creationPolicy": "Owner",
                "deletionPolicy": "Retain",
                "template": {"metadata": {"labels": request.identity.labels()}},
            },
            "data": data,
        },
    )
