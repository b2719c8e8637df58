"""Whether an image may run that somebody built: asked of a scan in the cluster, with the rights of whoever asks.

How a scan is run is `builds.scanning`'s, and what becomes of its answer the platform's.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from bedplate.builds.failures import BuildError
from bedplate.deploy.cluster import Cluster
from bedplate.deploy.errors import DeployError

if TYPE_CHECKING:
    from bedplate.builds.scanning import Scanned


def scanned(cluster: Cluster, app: str, reference: str, report: Callable[[str], None]) -> "Scanned":
    """What was found. app: that asks, in errors. Raises DeployError where the image has not passed."""
    from bedplate.builds.scanning import ClusterScans

    try:
        found = ClusterScans(client=api_client(cluster, app), namespace=cluster.namespace).scan(reference, report)
    except BuildError as error:
        said = "".join(f"\n  {line}" for line in error.lines)
        raise DeployError(f"{error.message}{said}", error.fix, app) from None
    report(found.summary)
    if not found.has_passed:
        said = "".join(f"\n  {line}" for line in found.lines)
        raise DeployError(
            f"the scan did not pass {reference}:{said}",
            "take newer versions of these packages, or a newer base image, and deploy again",
            app,
        )
    return found


def api_client(cluster: Cluster, app: str) -> Any:
    """Of the Kubernetes API, as the command itself asks. app: that asks, in errors. Raises DeployError for a kubeconfig
    that acts as somebody else, which the client cannot."""
    if cluster.access.acts_as:
        what = (
            f"your kubeconfig acts as {cluster.access.acts_as}, and builds and scans are started as whoever signed in"
        )
        raise DeployError(what, "use a context of your own, or --buildkit ADDRESS", app)
    from kubernetes import client

    # As the command itself asks, and not as a kubeconfig is read once more.
    access, api = cluster.access, cast(Any, client)
    configuration = api.Configuration(host=access.server)
    configuration.ssl_ca_cert, configuration.verify_ssl = access.authority, access.is_verified
    if access.certificate:
        configuration.cert_file, configuration.key_file = access.certificate
    if access.token:
        configuration.api_key = {"authorization": f"Bearer {access.token}"}
    return api.ApiClient(configuration)
