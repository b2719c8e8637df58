"""Why nothing of it runs in a rehearsal: there is no GPU, and simulated nodes say themselves what they offer."""

from bedplate.labels import GPU_METRICS_NAMESPACE, GPU_NAMESPACE
from bedplate.services.gpu import device_plugin, exporter
from bedplate.services.operator import OperatorProgram

OPERATORS: tuple[OperatorProgram, ...] = ()
NOT_RUN = {
    f"{GPU_NAMESPACE}/{device_plugin.NAME}": "no program: its module is in no registry, and nodes say their GPUs",
    f"{GPU_NAMESPACE}/efa-device-plugin": "no program: it needs the cards of a machine of AWS",
    f"{GPU_METRICS_NAMESPACE}/{exporter.NAME}": "no program: its module is in no registry, and it needs a GPU",
}
