"""Whose an app is: a member's, or the stack's, which is changed by a pull request alone."""

from bedplate.deploy.errors import DeployError
from bedplate.offered import Offered


def of_stack(name: str, offered: Offered) -> DeployError:
    """Why an app of the stack is not changed here, and where it is."""
    file = f"{offered.tenant}.yaml of the stack's tenants, or the entry '{offered.tenant}' of its stack file"
    return DeployError(
        f"'{name}' is the stack's own", f"change the workload '{name}' in {file}, by a pull request", name
    )
