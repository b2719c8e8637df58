"""What a rehearsal raises when it cannot go on for a reason its user can change."""


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
