"""How the processes of a training find each other and are started: variables, the launcher, and the wait for names.

Owns no object. Each variable has one meaning, whoever starts the processes:

- MASTER_ADDR, MASTER_PORT: where the first pod listens.
- NNODES: pods. NODE_RANK: which of them this is, from 0. NPROC_PER_NODE: processes of each.
- WORLD_SIZE: processes of all pods together.
- PET_…: the same for a torchrun that is started by the command itself, under the names that it reads
  (https://docs.pytorch.org/docs/stable/elastic/run.html).

torchrun sets RANK and LOCAL_RANK, which differ between the processes of a pod, for each of them.
"""

from collections.abc import Sequence

from bedplate.kubernetes import Manifest
from bedplate.labels import GPUS_VISIBLE

MASTER_PORT = 29500
_INDEX = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
_OWN = ("NNODES", "NPROC_PER_NODE", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT")
RESERVED = (*_OWN, *(f"PET_{name}" for name in _OWN), "WORLD_SIZE", "RANK", "LOCAL_RANK", "CHECKPOINT_DIR")
"""Variables that no stack file sets."""
_STOP_SECONDS = 5
"""Of the pod's grace period, for torchrun itself after its processes have ended."""
_NAMES_SECONDS = 900
_WAIT = (
    "import socket, sys, time\n"
    "end = time.monotonic() + float(sys.argv[1])\n"
    "for name in (sys.argv[2], socket.gethostname()):\n"
    "    while True:\n"
    "        try:\n"
    "            socket.getaddrinfo(name, None)\n"
    "            break\n"
    "        except OSError as error:\n"
    "            if time.monotonic() > end:\n"
    '                sys.exit(f"{name} does not resolve: {error}")\n'
    "            time.sleep(1)\n"
)


def environment(head: str, nodes: int, processes: int, checkpoints: str | None, interface: str) -> list[Manifest]:
    """Variables of every process. head: name of the first pod. processes: of each pod. interface: of pods with GPUs,
    because NCCL would choose among those that it finds
    (https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/env.html#nccl-socket-ifname)."""
    plain = {"NNODES": nodes, "NPROC_PER_NODE": processes, "MASTER_ADDR": head, "MASTER_PORT": MASTER_PORT}
    more: dict[str, object] = {"WORLD_SIZE": nodes * processes}
    if checkpoints:
        more["CHECKPOINT_DIR"] = checkpoints
    if interface:
        more["NCCL_SOCKET_IFNAME"] = interface
    rank = {"fieldRef": {"fieldPath": _INDEX}}
    return [
        {"name": "NODE_RANK", "valueFrom": rank},
        {"name": "PET_NODE_RANK", "valueFrom": rank},
        *({"name": name, "value": str(value)} for name, value in plain.items()),
        *({"name": f"PET_{name}", "value": str(value)} for name, value in plain.items()),
        *({"name": name, "value": str(value)} for name, value in more.items()),
    ]


def launched(command: Sequence[str], launcher: str, grace_seconds: int) -> list[str]:
    """The command line of a pod.

    torchrun never restarts anything: all pods are made again, so that none meets what a failed attempt left behind.
    Ranks are those of the pods, whatever the order in which they come. When it is told to stop, its processes get the
    pod's grace period, and not the 30 seconds that torchrun would give them.
    """
    if launcher == "none":
        return list(command)
    return [
        "torchrun",
        "--nnodes=$(NNODES)",
        "--node-rank=$(NODE_RANK)",
        "--nproc-per-node=$(NPROC_PER_NODE)",
        "--rdzv-backend=static",
        "--master-addr=$(MASTER_ADDR)",
        "--master-port=$(MASTER_PORT)",
        "--max-restarts=0",
        f"--shutdown-timeout={grace_seconds - _STOP_SECONDS}",
        "--no-python",
        *command,
    ]


def names_resolve(image: str, head: str) -> Manifest:
    """An init container that ends when the first pod's name and its own resolve: names of pods come some seconds after
    them, and one that is asked for too early is remembered as missing for up to 30 s
    (https://coredns.io/plugins/cache/). It runs in the training's image, which has Python."""
    amounts = {"memory": "128Mi", "ephemeral-storage": "64Mi"}
    return {
        "name": "names",
        "image": image,
        "command": ["python3", "-c", _WAIT, str(_NAMES_SECONDS), head],
        # Images of CUDA bring `all`, and it has none of them.
        "env": [{"name": GPUS_VISIBLE, "value": "void"}],
        "resources": {"requests": {"cpu": "100m", **amounts}, "limits": {"cpu": "1", **amounts}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
