"""The first two of the five steps: an image of the folder, built and pushed where the tenant's images are.

Owns who builds: a Job of the cluster with the rights of whoever asks, or a BuildKit of his own. How an image is built
is `builds`'.
"""

import os
from collections.abc import Callable

from bedplate.builds.build import Builder, BuildTarget, build_image
from bedplate.builds.failures import BuildError
from bedplate.builds.spec import BuildSpec
from bedplate.deploy.app_file import AppFile
from bedplate.deploy.cluster import Cluster
from bedplate.deploy.deploying import Step
from bedplate.deploy.errors import DeployError
from bedplate.deploy.scanning import api_client, scanned
from bedplate.labels import CACHE_TAG
from bedplate.offered import Offered

_OWN = "build and push it yourself, and name it: bedplate deploy --image REF"


def built(
    cluster: Cluster, offered: Offered, app: AppFile, report: Callable[[str], None], buildkit: str | None = None
) -> tuple[str, list[Step]]:
    """The image, by its digest, and the two steps. buildkit: address of one that builds in the cluster's place. Raises
    DeployError where nobody can build, or a step of the build failed."""
    if not offered.registry:
        raise DeployError("this platform has no registry for what you build", _OWN, app.name)
    build = BuildSpec.model_validate(app.build)
    builder = _builder(cluster, offered, app.name, buildkit)
    secrets = {name: os.environ[name] for name in build.secrets if name in os.environ}
    target = BuildTarget(
        repository=f"{offered.registry}/{app.name}",
        builder=builder,
        cache=f"{offered.caches}/{app.name}:{CACHE_TAG}" if offered.caches else None,
        secrets=secrets,
    )
    try:
        made = build_image(app.folder, build, target, lambda line: report(f"          {line}"))
    except BuildError as error:
        said = "".join(f"\n  {line}" for line in error.lines)
        step = f" (step {error.step})" if error.step else ""
        raise DeployError(f"the build failed{step}: {error.message}{said}", error.fix, app.name) from None
    if offered.scans:
        scanned(cluster, app.name, made.reference_with_digest, lambda line: report(f"          {line}"))
    cached = f"{made.cached_steps} of {made.steps} steps from the cache"
    return made.reference_with_digest, [
        Step(name="build", outcome="done", seconds=made.seconds, detail=cached),
        Step(name="push", outcome="done", seconds=0, detail=made.reference_with_digest),
    ]


def _builder(cluster: Cluster, offered: Offered, app: str, buildkit: str | None) -> Builder:
    if buildkit:
        from bedplate.builds.at_address import AtAddress

        return AtAddress(address=buildkit)
    if not offered.builds:
        raise DeployError("this platform builds no images of your tenant", f"{_OWN}, or --buildkit ADDRESS", app)
    from bedplate.builds.in_cluster import InCluster

    return InCluster(client=api_client(cluster, app), namespace=cluster.namespace, app=app)
