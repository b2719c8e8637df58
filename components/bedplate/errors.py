"""What stops a command for a reason its user can change."""


class RehearsalError(Exception):
    """Says what is wrong and what to do about it.

    message: what is wrong, with the value at fault. fix: the change to make. Neither ever holds a credential.
    """

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}\nFix: {self.fix}"


class MissingExtraError(ImportError):
    """A cloud's SDK is not installed. extra: what to install, such as `bedplate[aws]`."""

    def __init__(self, cause: ModuleNotFoundError, extra: str) -> None:
        super().__init__(f"{cause}; this stack needs it\nFix: install {extra}: pip install '{extra}'")
