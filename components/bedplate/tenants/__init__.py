"""A tenant and its parts."""

from bedplate.tenants.access import TenantAccess
from bedplate.tenants.quota import QuotaSpec
from bedplate.tenants.tenant import Tenant, TenantArgs, TenantSpec
from bedplate.tenants.volumes import VolumeSpec

__all__ = ["QuotaSpec", "Tenant", "TenantAccess", "TenantArgs", "TenantSpec", "VolumeSpec"]
