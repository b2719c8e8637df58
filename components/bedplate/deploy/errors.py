"""What stops a command of somebody who deploys, for a reason that he can change."""

from bedplate.errors import RehearsalError


class DeployError(RehearsalError):
    """Says what is wrong, of which object, and the change to make. name: of the object, '' where it is none."""

    def __init__(self, message: str, fix: str, name: str = "") -> None:
        super().__init__(message, fix)
        self.name = name
