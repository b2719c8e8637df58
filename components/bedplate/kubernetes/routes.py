"""How a workload is reached from outside the cluster: what a person decides about it."""

from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationInfo, field_validator

from bedplate.kubernetes.api_keys import ApiKeySpec
from bedplate.spec import Domain, HttpsUrl, PositiveCount, Seconds, Spec, matching, mistake, refuse, repeated

TokenSubject = Annotated[
    str,
    Field(max_length=255),
    matching(
        r"[A-Za-z0-9:_./@-]{8,}",
        "must be the subject of a token, of at least 8 characters: letters, digits and : _ . / @ -",
        "write it like 'system:serviceaccount:<namespace>:<name>'",
    ),
]
_OfPrograms = TypeVar("_OfPrograms", bound=tuple[object, ...])


class RouteSpec(Spec):
    """A way in from outside the cluster."""

    access: Literal["browser", "api", "public"]
    """Who comes in. browser: people of the tenant's groups, who are sent to the login; api: who shows a token of such a
    person, or what `apiKeys` and `subjects` admit, and 401 otherwise; public: everybody, where guardrails.publicRoutes
    allows it."""
    host: Domain | None = None
    """Where it answers, within the platform's domain; <workload>-<tenant>.<domain> if absent."""
    api_keys: tuple[ApiKeySpec, ...] = ()
    """Keys that programs may show in place of a token; with `access: api`."""
    subjects: tuple[TokenSubject, ...] = ()
    """Subjects of tokens that come in too, as far as `login.tokens` accepts who issues them, such as
    system:serviceaccount:<namespace>:<name>; with `access: api`."""
    subjects_issuer: HttpsUrl | None = None
    """Whose tokens these are, one of `login.tokens.issuers`. Absent: ServiceAccounts are the cluster's own, where the
    login accepts its tokens, and all else is of the one issuer that there is."""
    max_body_mib: Annotated[PositiveCount, Field(le=102_400)] = 100
    """Largest request body in MiB; what is larger gets 413."""
    answer_seconds: Annotated[Seconds, Field(le=3600)] = 300
    """Time until the workload must begin to answer; then the caller gets 504. Streams and websockets may go on."""
    max_concurrent: Annotated[PositiveCount, Field(le=100_000)] = 500
    """Most requests and websockets at once, for each pod of the front door; what is more gets 429."""

    @field_validator("api_keys", "subjects")
    @classmethod
    def _of_programs(cls, admitted: _OfPrograms, info: ValidationInfo) -> _OfPrograms:
        access = info.data.get("access", "api")
        if admitted and access != "api":
            raise mistake(f"a route with `access: {access}` asks programs for nothing", "write `access: api`")
        return admitted

    @field_validator("api_keys")
    @classmethod
    def _with_names_of_their_own(cls, keys: tuple[ApiKeySpec, ...]) -> tuple[ApiKeySpec, ...]:
        twice = repeated(key.name for key in keys)
        refuse(
            ((index, "name"), name, mistake("another key has this name", "give each key its own name"))
            for index, name in twice.items()
        )
        return keys
