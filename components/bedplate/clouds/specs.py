"""The specs of all clouds, of which a stack file has one."""

from typing import Annotated

from pydantic import Field

from bedplate.clouds.aws.spec import AwsClusterSpec
from bedplate.clouds.azure.spec import AzureClusterSpec
from bedplate.clouds.contract import ClusterSpec
from bedplate.clouds.existing import ExistingClusterSpec
from bedplate.clouds.gcp.spec import GcpClusterSpec

CLOUD_SPECS: dict[str, type[ClusterSpec]] = {
    "existing": ExistingClusterSpec,
    "aws": AwsClusterSpec,
    "azure": AzureClusterSpec,
    "gcp": GcpClusterSpec,
}
CloudSpec = Annotated[
    ExistingClusterSpec | AwsClusterSpec | AzureClusterSpec | GcpClusterSpec, Field(discriminator="provider")
]
