"""Cluster services: one file each."""

from bedplate.services.accelerator_classes import AcceleratorClasses, AcceleratorClassesArgs

__all__ = ["AcceleratorClasses", "AcceleratorClassesArgs"]
