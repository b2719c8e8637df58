"""Where images come from: the registry, who may pull from it, and builds in the cluster.

Owns the pull credentials of tenants and everything of builds. It deliberately owns no registry: a cloud's own is made
with the cluster (`clouds/<cloud>/registry.py`: immovable tags, scans, clean-up), and any other is somebody else's. Why
builds look as they do: docs/adr/0041-builds-by-the-members.md.
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pulumi

from bedplate.clouds import ClusterFacts
from bedplate.kubernetes import Alert, KubernetesObject, manifest
from bedplate.labels import PULL_SECRET, Identity
from bedplate.offers import TenantImages
from bedplate.services.images.alerts import IMAGES_ALERTS
from bedplate.services.images.place import BuildPlace, BuildPlaceArgs, role
from bedplate.services.images.policy import binding, policy
from bedplate.services.images.spec import ImagesSpec, RegistryCredentialsSpec

_IDENTITY = Identity(name="images", component="images")


@dataclass(frozen=True, kw_only=True)
class ImagesArgs:
    """secret: resolves the name of a config secret."""

    spec: ImagesSpec
    facts: ClusterFacts
    secret: Callable[[str], pulumi.Output[str]]


class Images(pulumi.ComponentResource):
    """What tenants' images need."""

    alerts: Sequence[Alert]
    """Of builds."""
    pull_secrets: Sequence[str]
    """Names of the Secrets in every tenant's namespace by which images are pulled."""

    def __init__(self, name: str, args: ImagesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bedplate:index:Images", name, {}, opts)
        self._args = args
        spec, child = args.spec, pulumi.ResourceOptions(parent=self)
        self.alerts = IMAGES_ALERTS if spec.builds else ()
        self.pull_secrets = (PULL_SECRET,) if spec.pull else ()
        self._before_builds: list[pulumi.Resource] = []
        if spec.builds:
            made = KubernetesObject(f"{name}-policy", policy(_IDENTITY, spec.builds.max_minutes * 60), child)
            bound = pulumi.ResourceOptions(parent=self, depends_on=[made])
            self._before_builds = [
                KubernetesObject(f"{name}-binding", binding(_IDENTITY), bound),
                KubernetesObject(f"{name}-builder", role(_IDENTITY), child),
            ]
        self.register_outputs({})

    def repository(self, tenant: str) -> str:
        """What a tenant's images begin with, without '/' at the end; '' where there is no registry."""
        registry = self._args.spec.registry or self._args.facts.registry
        return f"{registry.rstrip('/')}/{tenant}" if registry else ""

    def builds_for(self, tenant: str) -> bool:
        """Whether a tenant's members may build in the cluster."""
        builds = self._args.spec.builds
        return builds is not None and tenant in builds.credentials

    def open(self, name: str, request: TenantImages, parent: pulumi.Resource) -> None:
        """Registers for `parent`, a tenant, what its images need."""
        spec, facts = self._args.spec, self._args.facts
        if spec.pull:
            inside = pulumi.ResourceOptions(
                parent=parent, depends_on=[request.namespace], deleted_with=request.namespace
            )
            KubernetesObject(f"{name}-pull-secret", self._pull_secret(request, spec.pull), inside)
        if spec.builds and self.builds_for(request.identity.tenant):
            credentials = self._docker_config(spec.builds.credentials[request.identity.tenant])
            place = BuildPlaceArgs(
                tenant=request,
                spec=spec.builds,
                facts=facts,
                credentials=credentials,
                before=[request.namespace, *self._before_builds],
            )
            BuildPlace(f"{name}-builds", place, pulumi.ResourceOptions(parent=parent))

    def _docker_config(self, account: RegistryCredentialsSpec) -> pulumi.Output[str]:
        """As ~/.docker/config.json has an account of the registry."""
        host = self.repository("").partition("/")[0]

        def written(password: str) -> str:
            both = base64.b64encode(f"{account.username}:{password}".encode()).decode()
            return json.dumps({"auths": {host: {"auth": both}}})

        return pulumi.Output.secret(self._args.secret(account.password_ref)).apply(written)

    def _pull_secret(self, request: TenantImages, account: RegistryCredentialsSpec) -> dict[str, object]:
        body = manifest(
            "v1",
            "Secret",
            PULL_SECRET,
            request.identity,
            namespace=request.namespace_name,
            type="kubernetes.io/dockerconfigjson",
        )
        return {**body, "stringData": {".dockerconfigjson": self._docker_config(account)}}
