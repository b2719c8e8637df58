"""Cluster services: one file each."""

from bedplate.services.accelerator_classes import AcceleratorClasses, AcceleratorClassesArgs
from bedplate.services.certificates import (
    CERTIFICATES_SPECS,
    AnyCertificatesSpec,
    Certificates,
    CertificatesArgs,
    CertificatesSpec,
    LetsEncryptSpec,
)
from bedplate.services.front_door import FrontDoor, FrontDoorArgs
from bedplate.services.storage_classes import StorageClasses, StorageClassesArgs

__all__ = [
    "CERTIFICATES_SPECS",
    "AcceleratorClasses",
    "AcceleratorClassesArgs",
    "AnyCertificatesSpec",
    "Certificates",
    "CertificatesArgs",
    "CertificatesSpec",
    "FrontDoor",
    "FrontDoorArgs",
    "LetsEncryptSpec",
    "StorageClasses",
    "StorageClassesArgs",
]
