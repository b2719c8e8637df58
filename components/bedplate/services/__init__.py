"""Cluster services: one file each."""

from bedplate.services.accelerator_classes import AcceleratorClasses, AcceleratorClassesArgs
from bedplate.services.storage_classes import StorageClasses, StorageClassesArgs

__all__ = ["AcceleratorClasses", "AcceleratorClassesArgs", "StorageClasses", "StorageClassesArgs"]
