"""Admission webhooks of an operator that runs on this machine: where they are called, and what vouches for them.

Owns the turn from a Service of the cluster, which no pod stands behind, to a port of the loopback interface
(https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#url).
"""

import base64
import copy
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bedplate.errors import RehearsalError

_DAYS = "2"


def serving_certificate(folder: Path) -> bytes:
    """A certificate for 127.0.0.1 that vouches for itself; returns it. It is in the folder as `tls.crt` and `ca.crt`,
    with `tls.key`.

    Raises RehearsalError where there is no OpenSSL.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        raise RehearsalError("a webhook needs a certificate, and there is no openssl on PATH", "install OpenSSL")
    folder.mkdir(mode=0o700)
    certificate, key = folder / "tls.crt", folder / "tls.key"
    asked = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", _DAYS)
    named = ("-subj", "/CN=webhook", "-addext", "subjectAltName=IP:127.0.0.1")
    written = ("-keyout", str(key), "-out", str(certificate))
    subprocess.run([openssl, "req", "-x509", *asked, *named, *written], check=True, capture_output=True)
    shutil.copy(certificate, folder / "ca.crt")
    return certificate.read_bytes()


def on_loopback(configuration: Mapping[str, Any], port: int, authority: bytes) -> dict[str, Any]:
    """The webhook configuration with every Service in it replaced by the port."""
    body = copy.deepcopy(dict(configuration))
    for webhook in body.get("webhooks", []):
        service = webhook["clientConfig"].get("service", {})
        webhook["clientConfig"] = {
            "url": f"https://127.0.0.1:{port}{service.get('path', '/')}",
            "caBundle": base64.b64encode(authority).decode(),
        }
    return body
