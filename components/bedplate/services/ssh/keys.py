"""Who gets where: lines of `authorized_keys`, as OpenSSH reads them.

Owns the lines of the gate and of workspaces. At the gate a key opens connections to the workspaces of its owner, and
nothing else: no shell, no way back, no other address. Options: https://man.openbsd.org/sshd#AUTHORIZED_KEYS_FILE_FORMAT.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bedplate.labels import SSH_PORT
from bedplate.services.ssh.spec import SshSpec


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A workspace that is reached by SSH. owner: the one person who may."""

    namespace: str
    workspace: str
    owner: str

    @property
    def host(self) -> str:
        """What people call it: the short name of its Service."""
        return f"{self.workspace}.{self.namespace}"


def keys_of(spec: SshSpec, person: str, options: Sequence[str] = ()) -> list[str]:
    """Lines that let one person in: by a key of theirs, or by a certificate with their name."""
    told = ",".join(options)
    lines = [f"{told} {_bare(key)}".lstrip() for key in spec.keys.get(person, ())]
    signed = ",".join(["cert-authority", f'principals="{person}"', *options])
    return [*lines, *(f"{signed} {_bare(key)}" for key in spec.certificate_authorities)]


def gate_keys(spec: SshSpec, workspaces: Sequence[Reached]) -> str:
    """The file of the gate. Who has no workspace gets no line, and stays outside."""
    return "".join(f"{line}\n" for line in _lines(spec, workspaces))


def _lines(spec: SshSpec, workspaces: Sequence[Reached]) -> Iterator[str]:
    for person in sorted({each.owner for each in workspaces}):
        hosts = sorted(each.host for each in workspaces if each.owner == person)
        to_own = [f'permitopen="{host}:{SSH_PORT}"' for host in hosts]
        yield from keys_of(spec, person, ["restrict", "port-forwarding", *to_own])


def _bare(key: str) -> str:
    """Without the comment, which may say anything."""
    return " ".join(key.split(" ")[:2])
