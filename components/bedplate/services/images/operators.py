"""Nothing of it runs before somebody builds an image; tests run the real BuildKit and a real registry."""

from bedplate.services.operator import OperatorProgram

OPERATORS: tuple[OperatorProgram, ...] = ()
NOT_RUN: dict[str, str] = {}
