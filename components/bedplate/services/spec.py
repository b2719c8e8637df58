"""The sections of the stack file that services read, assembled from those of each concern."""

from bedplate.kubernetes import ChartsSpec
from bedplate.services.certificates.spec import CertificatesSection
from bedplate.services.cost.spec import CostSection
from bedplate.services.idle.spec import IdleSection
from bedplate.services.images.spec import ImagesSection
from bedplate.services.login.spec import LoginSection
from bedplate.services.logs.spec import LogsSection
from bedplate.services.monitoring.spec import MonitoringSection
from bedplate.services.queue.spec import QueueSection
from bedplate.services.secrets.spec import SecretsSection
from bedplate.services.ssh.spec import SshSection


class ServicesSpec(
    IdleSection,
    MonitoringSection,
    LoginSection,
    CertificatesSection,
    QueueSection,
    CostSection,
    SshSection,
    ImagesSection,
    SecretsSection,
    LogsSection,
):
    """What a person decides about the services. A section is read before those of the bases to its left."""

    charts: ChartsSpec = ChartsSpec()
    """A mirror of upstream charts, for sites without the internet."""
