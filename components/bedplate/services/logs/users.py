"""Who may do what in the store: users, their passwords, and roles by stream.

Owns all of it, as files that the operator gives to Elasticsearch (file realm, roles.yml): the free licence has both,
and rights by stream, but neither rights by document nor single sign-on
(https://www.elastic.co/docs/deploy-manage/deploy/cloud-on-k8s/users-roles). So each tenant has a stream and a user that
may read that stream alone: what another tenant's people ask for, the store itself refuses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi
import pulumi_random as random

from bedplate.kubernetes import Manifest, manifest
from bedplate.kubernetes.plain_yaml import yaml_text
from bedplate.labels import LOGS_NAMESPACE, Identity
from bedplate.services.logs.streams import AUDIT, PODS, stream_of

IDENTITY = Identity(name="logs", component="logs")
COLLECTOR, KEEPER, TEAM = "log-collector", "log-keeper", "team"
"""Users: who writes, who keeps the streams in order, and the platform's team."""
ROLES_SECRET = "log-roles"
_OF_ALL = [f"{PODS}.*", f"{AUDIT}.*"]
_KIBANA = "kibana-.kibana"
_READS = ["read", "view_index_metadata"]


def reader_of(tenant: str) -> str:
    """The user and the role of a tenant's people."""
    return f"reader-{tenant}"


def space_of(tenant: str) -> str:
    """A tenant's space in Kibana; no tenant's is the one that comes with it, `default`."""
    return f"tenant-{tenant}"


def user_secret(user: str) -> str:
    """The Secret with a user's password."""
    return f"log-user-{user}"


def users(tenants: Sequence[str]) -> Mapping[str, str]:
    """The roles of each user, by commas. `kibana_admin` comes with the store; it makes spaces and reads no stream."""
    return {
        COLLECTOR: COLLECTOR,
        KEEPER: f"{KEEPER},kibana_admin",
        TEAM: f"{TEAM},kibana_admin",
        **{reader_of(tenant): reader_of(tenant) for tenant in sorted(tenants)},
    }


def roles(namespaces: Mapping[str, str]) -> Mapping[str, Mapping[str, Any]]:
    """By name. namespaces: of tenants, by tenant."""
    return {
        COLLECTOR: {"cluster": ["monitor"], "indices": [{"names": _OF_ALL, "privileges": ["create_doc"]}]},
        KEEPER: {
            "cluster": ["monitor", "manage_index_templates"],
            "indices": [{"names": [*_OF_ALL, f".ds-{PODS}.*", f".ds-{AUDIT}.*"], "privileges": ["manage"]}],
        },
        TEAM: {"indices": [{"names": _OF_ALL, "privileges": _READS}]},
        **{
            reader_of(tenant): {
                "indices": [{"names": [stream_of(namespace)], "privileges": _READS}],
                "applications": [
                    {"application": _KIBANA, "privileges": ["space_read"], "resources": [f"space:{space_of(tenant)}"]}
                ],
            }
            for tenant, namespace in sorted(namespaces.items())
        },
    }


def roles_file(namespaces: Mapping[str, str]) -> Manifest:
    """The Secret with roles.yml, which holds no secret."""
    secret = manifest("v1", "Secret", ROLES_SECRET, IDENTITY, namespace=LOGS_NAMESPACE, type="Opaque")
    secret["stringData"] = {"roles.yml": yaml_text(roles(namespaces))}
    return secret


def password(name: str, user: str, parent: pulumi.Resource) -> pulumi.Output[str]:
    """A user's password, made once."""
    options = pulumi.ResourceOptions(parent=parent)
    made = random.RandomPassword(f"{name}-password-{user}", length=43, special=False, opts=options)
    return pulumi.Output.secret(made.result)


def user_file(user: str, user_roles: str, secret_password: pulumi.Output[str], tenant: str = "") -> Manifest:
    """The Secret of a user, as the operator reads it. tenant: whose people the user is, if any."""
    identity, kind = replace(IDENTITY, tenant=tenant), "kubernetes.io/basic-auth"
    body = manifest("v1", "Secret", user_secret(user), identity, namespace=LOGS_NAMESPACE, type=kind)
    body["stringData"] = {"username": user, "password": secret_password, "roles": user_roles}
    return body
