"""Who may come in by SSH: the section `ssh` of the stack file.

Owns the specs. Public keys are no secrets and stand in the file, so that whoever adds or removes one is seen in a pull
request; the gate's own private key is a config secret. Whether owners of workspaces have a key is checked by
`bedplate.stack_file.ssh`.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from bedplate.clouds.networks import network_form
from bedplate.spec import ConfigKey, EmailAddress, Spec, matching, mistake

_KINDS = (
    *("ssh-ed25519", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"),
    *("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"),
)
"""https://man.openbsd.org/sshd_config#PubkeyAcceptedAlgorithms, less those that are no more accepted."""
_LEAST_RSA_BYTES = 384


def _whole(key: str) -> str:
    """A blob begins with the length and name of its kind: https://datatracker.ietf.org/doc/html/rfc4253#section-6.6."""
    kind, blob, *_ = key.split(" ", 2)
    try:
        decoded = base64.b64decode(blob, validate=True)
    except binascii.Error:
        decoded = b""
    if decoded[4 : 4 + len(kind)] != kind.encode() or len(decoded) < 4 + len(kind) + 32:
        raise mistake("is not whole", "copy the whole line of the file that ends in .pub")
    if kind == "ssh-rsa" and len(decoded) < _LEAST_RSA_BYTES:
        raise mistake("is an RSA key shorter than 3072 bits", "make another one with `ssh-keygen -t ed25519`")
    return key


PublicKey = Annotated[
    str,
    Field(max_length=2048),
    matching(
        rf"({'|'.join(kind.replace('.', '[.]') for kind in _KINDS)}) [A-Za-z0-9+/]+=* ?[ -~]*",
        "must be a public key as OpenSSH writes it",
        "copy the line of the file that ends in .pub, such as 'ssh-ed25519 AAAA… laptop'; never the private key",
    ),
    AfterValidator(_whole),
]


class SshSpec(Spec):
    """A gate by which owners reach their workspaces."""

    host_key_ref: ConfigKey
    """Name of the config secret with the gate's private key, which every client remembers it by."""
    keys: Mapping[EmailAddress, Annotated[tuple[PublicKey, ...], Field(min_length=1)]] = Field(
        default_factory=dict[str, tuple[str, ...]]
    )
    """Person → public keys, of all their machines. Who is taken out of here is out."""
    certificate_authorities: tuple[PublicKey, ...] = ()
    """Public keys of those who sign people's keys; a certificate names the person's address as its principal."""
    allowed_networks: tuple[Annotated[str, AfterValidator(network_form)], ...] = ()
    """Networks that the gate is reached from; from everywhere if empty."""

    @model_validator(mode="after")
    def _for_somebody(self) -> "SshSpec":
        if not self.keys and not self.certificate_authorities:
            raise mistake(
                "nobody could come in", "add `keys: {somebody@example.com: [ssh-ed25519 …]}` or certificateAuthorities"
            )
        return self

    def config_secrets(self) -> Mapping[str, str]:
        """Names of the config secrets that it needs, by field."""
        return {"hostKeyRef": self.host_key_ref}


class SshSection(Spec):
    """The section of the stack file."""

    ssh: SshSpec | None = None
    """The gate for SSH; without it there is none."""
