"""The operations that migrations of every Hub app use; defined in hub/common/operations.py."""

from hub.common.operations import Grant, Grants, SameTenant, TenantTable

__all__ = ["Grant", "Grants", "SameTenant", "TenantTable"]
