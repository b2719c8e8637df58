"""A tenant and its parts."""

from typing import TYPE_CHECKING

from bedplate.on_demand import on_demand
from bedplate.tenants.quota import QuotaSpec
from bedplate.tenants.spec import TenantSpec
from bedplate.tenants.volumes import VolumeSpec

if TYPE_CHECKING:
    from bedplate.tenants.access import TenantAccess
    from bedplate.tenants.tenant import Tenant, TenantArgs

__getattr__ = on_demand(
    {"bedplate.tenants.access": ("TenantAccess",), "bedplate.tenants.tenant": ("Tenant", "TenantArgs")}
)

__all__ = ["QuotaSpec", "Tenant", "TenantAccess", "TenantArgs", "TenantSpec", "VolumeSpec"]
