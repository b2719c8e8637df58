"""Cluster services: one file each."""

from bedplate.services.accelerator_classes import AcceleratorClasses, AcceleratorClassesArgs
from bedplate.services.alerts import Alerts, AlertsArgs
from bedplate.services.authentication import AuthenticationEndpoints
from bedplate.services.certificates import Certificates, CertificatesArgs
from bedplate.services.certificates_spec import (
    CERTIFICATES_SPECS,
    AnyCertificatesSpec,
    CertificatesSpec,
    LetsEncryptSpec,
)
from bedplate.services.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from bedplate.services.device_plugin import DevicePlugin, DevicePluginArgs
from bedplate.services.front_door import FrontDoor, FrontDoorArgs
from bedplate.services.karpenter import Karpenter, KarpenterArgs
from bedplate.services.login import Login, LoginArgs
from bedplate.services.login_spec import LOGIN_SPECS, AnyLoginSpec, LoginSpec
from bedplate.services.nodes import NODE_ALERTS
from bedplate.services.routes import Route, RouteArgs, SignInRoute, SignInRouteArgs
from bedplate.services.storage_classes import StorageClasses, StorageClassesArgs

__all__ = [
    "CERTIFICATES_SPECS",
    "LOGIN_SPECS",
    "NODE_ALERTS",
    "AcceleratorClasses",
    "AcceleratorClassesArgs",
    "Alerts",
    "AlertsArgs",
    "AnyCertificatesSpec",
    "AnyLoginSpec",
    "AuthenticationEndpoints",
    "Certificates",
    "CertificatesArgs",
    "CertificatesSpec",
    "ClusterAutoscaler",
    "ClusterAutoscalerArgs",
    "DevicePlugin",
    "DevicePluginArgs",
    "FrontDoor",
    "FrontDoorArgs",
    "Karpenter",
    "KarpenterArgs",
    "LetsEncryptSpec",
    "Login",
    "LoginArgs",
    "LoginSpec",
    "Route",
    "RouteArgs",
    "SignInRoute",
    "SignInRouteArgs",
    "StorageClasses",
    "StorageClassesArgs",
]
