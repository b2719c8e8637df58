"""The base of every spec and the vocabulary of its fields.

A spec is what a person decides: plain data, frozen, no I/O, unknown keys refused. It is both the shape of the stack
file and the argument of a component (ADR 0003). Validators raise `mistake`: what is wrong, and what to write instead;
the value, the file and the line are added by `bedplate.stack_file.reading`.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from bedplate.field_texts import Described


class Spec(Described):
    """Base of all specs: frozen, camelCase in YAML, unknown keys refused, no input values in error texts."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=False,
        validate_by_alias=True,
        defer_build=True,
        hide_input_in_errors=True,
    )


MISTAKE = "mistake"
"""Pydantic's error type of a `mistake`."""


def mistake(message: str, fix: str, *, allowed: str = "", nearest: str = "") -> PydanticCustomError:
    """What a validator raises.

    message: what is wrong, as said after the key: 'must be …'. fix: the change to make. allowed: the values. nearest: a
    right value made of the wrong one, which is a better fix unless the value is a secret.
    """
    context = {"message": message, "fix": fix, "allowed": allowed, "nearest": nearest}
    return PydanticCustomError(MISTAKE, "{message}; {fix}", context)


def refuse(mistakes: Iterable[tuple[tuple[str | int, ...], Any, PydanticCustomError]]) -> None:
    """Raises all of a validator's mistakes at once: where below the validated value, the value there, what is wrong."""
    details = [InitErrorDetails(type=error, loc=at, input=given) for at, given, error in mistakes]
    if details:
        raise ValidationError.from_exception_data("spec", details, hide_input=True)


def repeated(names: Iterable[str]) -> dict[int, str]:
    """Names that stand earlier in the list too, by position."""
    seen: set[str] = set()
    return {index: name for index, name in enumerate(names) if name in seen or seen.add(name)}


_SECRET_WORDS = re.compile(
    r"pass(word|wd|phrase)|(^|[^a-z])pwd([^a-z]|$)|secret|credential|kubeconfig|(api|private|access)[-_]?key"
    r"|token(?!i[sz])",
    re.IGNORECASE,
)
_NOT_THE_SECRET_ITSELF = re.compile(
    r"(TOKENS|_(FILE|PATH|DIR|URL|URI|NAME|ID|ARN|REF|LENGTH|LIMIT|COUNT))$"
    r"|^(?-i:KUBECONFIG|GOOGLE_APPLICATION_CREDENTIALS)$",
    re.IGNORECASE,
)
"""Numbers of tokens, and names of files and places; the last two hold paths by convention."""
API_KEY_PREFIX = "bedplate_"
"""Every key of the platform's own begins with it."""
_SECRET_VALUE = re.compile(
    rf"\b{API_KEY_PREFIX}[\w-]{{43}}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|\b(AKIA|ASIA)[A-Z0-9]{16}\b|\b(gh[pousr]|hf)_[A-Za-z0-9]{20}|\bgithub_pat_\w{20}"
    r"|\b(glpat|sk|xox[abeprs])-[\w-]{16}|\bAIza[\w-]{35}|\beyJ[\w-]{10,}\.[\w-]{10,}|://[^/\s:@]*:(?!\$[({])[^/\s@]+@"
    r"|(?i:password|passwd|passphrase|api[-_]?key)=[^\s$<{]|\bv1:[\w+/=]{8,}:"
)
"""Keys of the platform, private keys, tokens of well-known services, JSON web tokens, passwords in addresses and
options, ciphertext."""


def is_secret_name(name: str) -> bool:
    """Whether a value of this name is a secret by all appearance: DB_PASSWORD and HF_TOKEN, not MAX_TOKENS."""
    return bool(_SECRET_WORDS.search(name)) and not _NOT_THE_SECRET_ITSELF.search(name)


def is_secret_value(value: str) -> bool:
    """Whether a text is a secret by all appearance, whatever its name."""
    return bool(_SECRET_VALUE.search(value))


def matching(pattern: str, message: str, fix: str, suggest: Callable[[str], str] | None = None) -> AfterValidator:
    """Refuses text that does not match. suggest: makes text that may match of text that does not."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if compiled.fullmatch(value):
            return value
        nearest = suggest(value) if suggest else ""
        raise mistake(message, fix, nearest=nearest if compiled.fullmatch(nearest) else "")

    return AfterValidator(check)


PositiveCount = Annotated[int, Field(strict=True, ge=1)]
Count = Annotated[int, Field(strict=True, ge=0)]
Cpu = Annotated[float, Field(strict=True, ge=0.001, le=1024, allow_inf_nan=False)]
"""Cores, 0.1 for a tenth of one."""
Gib = Annotated[float, Field(strict=True, ge=0.001, le=1_000_000, allow_inf_nan=False)]
"""Gibibytes (2^30 bytes)."""
Seconds = Annotated[int, Field(strict=True, ge=1, le=31_536_000)]
Hours = Annotated[float, Field(strict=True, ge=0.01, le=8760, allow_inf_nan=False)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
StrictBool = Annotated[bool, Field(strict=True)]


def not_below_min(most: int, info: ValidationInfo) -> int:
    """For a key `max` after a key `min`."""
    if (fewest := info.data.get("min", 0)) > most:
        raise mistake(f"max is smaller than min ({fewest})", "raise max or lower min")
    return most


def _as_dns_label(value: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")


_IS_DNS_LABEL = matching(
    r"[a-z]([-a-z0-9]*[a-z0-9])?",
    "must consist of lower-case letters, digits and '-', begin with a letter and not end with '-'",
    "write it like 'label-reader'",
    _as_dns_label,
)
DnsLabel = Annotated[str, Field(max_length=63), _IS_DNS_LABEL]
JobName = Annotated[str, Field(max_length=52), _IS_DNS_LABEL]
"""Kubernetes appends eleven characters for each run of a CronJob, and as many for each revision of a StatefulSet, in a
label of its pods: https://github.com/kubernetes/kubernetes/issues/64023."""
NamespacePattern = Annotated[
    str,
    Field(max_length=63),
    matching(
        r"[a-z0-9]([-a-z0-9]*[a-z0-9*])?",
        "must be the name of a namespace, or its beginning and '*'",
        "write it like 'istio-system' or 'istio-*'",
    ),
]
NamePrefix = Annotated[
    str,
    Field(max_length=20),
    matching(
        r"([a-z]([-a-z0-9]*[a-z0-9])?-)?",
        "must begin with a letter, end with '-', and consist of lower-case letters, digits and '-'",
        "write it like 'ml-'",
        lambda value: f"{_as_dns_label(value)}-",
    ),
]
DnsName = Annotated[
    str,
    Field(max_length=253),
    matching(
        r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
        "must consist of lower-case letters, digits, '-' and '.', and begin and end with a letter or digit",
        "write the object's name as Kubernetes shows it",
    ),
]
Domain = Annotated[
    str,
    Field(max_length=189),
    matching(
        r"([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?",
        "must be a domain name in lower case, without scheme, port or path",
        "write it like 'ml.example.com'",
        lambda value: re.sub(r"^[a-z]+://|[:/].*$|\.$", "", value.lower()),
    ),
]
"""At most 189 characters: with a dot and a workload's host label of 63 that makes the 253 of a DNS name."""
EmailAddress = Annotated[
    str,
    Field(max_length=254),
    matching(
        r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+",
        "must be an e-mail address",
        "write one address like 'ines@example.com'",
    ),
]
GroupName = Annotated[
    str,
    Field(max_length=253),
    matching(r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*", "holds control characters", "write it as plain text"),
    matching(r"\S(.*\S)?", "must be a group's name, without spaces around it", "write the group's name", str.strip),
    matching(
        r"(?!system:).*",
        "must be a group of the identity provider; those that begin with 'system:' are Kubernetes' own",
        "name a group that your identity provider knows",
    ),
]
KubernetesVersion = Annotated[
    str,
    matching(
        r"1\.[0-9]{2}",
        "must be a minor version of Kubernetes",
        'write it like "1.35"',
        lambda value: ".".join(value.removeprefix("v").split(".")[:2]),
    ),
]
EnvironmentName = Annotated[
    str,
    matching(
        r"[A-Za-z_][A-Za-z0-9_]*",
        "must be the name of an environment variable: letters, digits and '_'",
        "rename it like 'LOG_LEVEL'",
        lambda value: re.sub(r"[^A-Za-z0-9_]", "_", value),
    ),
]
ClientId = Annotated[
    str,
    Field(max_length=255),
    matching(
        r"[!-~]+",
        "must be the id of an application, without spaces",
        "write the client id that the identity provider shows",
        lambda value: value.strip(),
    ),
]
ConfigKey = Annotated[
    str,
    matching(
        r"[A-Za-z][A-Za-z0-9_-]*",
        "must be the name of a config secret (letters, digits, '-' and '_'), never the secret itself",
        "store the secret with `pulumi config set --secret bedplate:<name>` and write that name here",
    ),
]
AbsolutePath = Annotated[
    str,
    Field(max_length=4096),
    matching(
        r"(/(?!\.{1,2}(/|$))[^/:\0]+)+",
        "must be an absolute path below '/', without '..', ':' and a '/' at its end",
        "write it like '/data'",
        lambda value: "/" + "/".join(part for part in value.split("/") if part not in ("", ".", "..")),
    ),
]
UrlPath = Annotated[
    str,
    Field(max_length=1024),
    matching(r"/[!-~]*", "must be a path that begins with '/'", "write it like '/health'", lambda value: f"/{value}"),
]
GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
Guid = Annotated[
    str,
    matching(
        GUID,
        "must be a GUID in lower case",
        "write it like '0b1f6471-1bf0-4dda-aec3-cb9272f09590'",
        lambda value: value.strip().lower(),
    ),
]
HttpsUrl = Annotated[
    str,
    Field(max_length=1024),
    matching(
        r"https://([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)*[a-z0-9]([-a-z0-9]*[a-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~@%+-]*)*",
        "must be an address that begins with 'https://', without user, query and fragment, its host in lower case",
        "write it like 'https://login.example.com'",
        lambda value: f"https://{re.sub('^[A-Za-z]+://', '', value)}",
    ),
]
RelativeFolder = Annotated[
    str,
    Field(max_length=255),
    matching(
        r"(\./)?(?!(\.{1,2}|~)(/|$))[^/\\\0]+(/(?!\.{1,2}(/|$))[^/\\\0]+)*/?",
        "must be a folder below the stack file's own: not an absolute path, no '..'",
        "move the folder beside the stack file and write it like 'tenants'",
    ),
]
"""Below the stack file, so that a stack means the same in every checkout, and a pull request cannot read elsewhere."""

_HOST = r"(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+|[a-z0-9-]+(?=:))(:[0-9]{1,5})?"
_PATH = r"[a-z0-9]+((\.|_{1,2}|-+)[a-z0-9]+)*"
_REGISTRY = re.compile(rf"{_HOST}/.*")
_IMAGE = re.compile(
    rf"([a-z0-9.-]+(:[0-9]{{1,5}})?/)?{_PATH}(/{_PATH})*(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}))?"
    r"(?P<digest>@sha256:[0-9a-f]{64})?"
)
"""https://github.com/distribution/reference/blob/main/regexp.go, with SHA-256 digests only."""


def _image(value: str) -> str:
    parts = _IMAGE.fullmatch(value)
    if parts is None:
        nearest = re.sub("^[a-z]+://", "", value.lower())
        raise mistake(
            "must be an image reference in lower case, without scheme and spaces",
            "write it like 'ghcr.io/acme/scorer:1.4.0'",
            nearest=nearest if _IMAGE.fullmatch(nearest) else "",
        )
    missing: list[str] = []
    name = value
    if not _REGISTRY.fullmatch(value):
        missing.append("its registry")
        name = f"docker.io/{value if '/' in value else f'library/{value}'}"
    if not parts["digest"] and parts["tag"] in (None, "latest"):
        missing.append("an exact release: a tag other than latest, or a digest (@sha256:…)")
        name = f"{name.removesuffix(':latest')}:<tag>"
    if missing:
        fix = "write it in full, like 'ghcr.io/acme/scorer:1.4.0'"
        raise mistake(f"must name {' and '.join(missing)}", fix, nearest=name)
    return value


_is_image_prefix = matching(
    rf"{_HOST}/({_PATH}(/{_PATH})*/?)?",
    "must be a registry or a path in it with '/' at the end, or one image without its tag",
    "write it like 'registry.example.com/', 'ghcr.io/acme/' or 'ghcr.io/acme/scorer'",
    lambda value: f"{value}/" if re.fullmatch(_HOST, value) else re.sub(r"(:[^/]*)?(@.*)?$", "", value.lower()),
)

ImageReference = Annotated[str, Field(max_length=512), AfterValidator(_image)]
ImagePrefix = Annotated[str, Field(max_length=512), _is_image_prefix]

CRON_MACROS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_WEEKDAYS = {"SUN": 0, "MON": 1, "TUE": 2, "WED": 3, "THU": 4, "FRI": 5, "SAT": 6}
CRON_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 6, _WEEKDAYS),
)
_CRON_PART = re.compile(
    r"(?:[*?]|(?P<low>[0-9]{1,2}|[A-Z]{3})(?:-(?P<high>[0-9]{1,2}|[A-Z]{3}))?)(?:/0*[1-9][0-9]{0,3})?"
)


def _is_cron_part(part: str, lowest: int, highest: int, names: dict[str, int]) -> bool:
    """Whether it is '*', a number, a range or one of these with a step, as Kubernetes' parser reads them.

    https://pkg.go.dev/github.com/robfig/cron/v3: weekdays are 0 to 6, a step may be larger than its field.
    """
    parts = _CRON_PART.fullmatch(part.upper())
    if parts is None or parts["low"] is None:
        return parts is not None
    low, high = (
        int(bound) if bound.isdigit() else names.get(bound, -1)
        for bound in (parts["low"], parts["high"] or parts["low"])
    )
    return lowest <= low <= high <= highest


def _cron(value: str) -> str:
    if value in CRON_MACROS:
        return value
    fields = value.split()
    if len(fields) != len(CRON_FIELDS):
        raise mistake(
            "must have five fields: minute, hour, day of the month, month, weekday",
            "write it like '30 6 * * 1-5' (6:30, Monday to Friday)",
            allowed=f"five fields, or one of {', '.join(CRON_MACROS)}",
        )
    for text, (field, low, high, names) in zip(fields, CRON_FIELDS, strict=True):
        for part in text.split(","):
            if not _is_cron_part(part, low, high, names):
                sunday = ", Sunday is 0" if field == "weekday" else ""
                known = f" or {'|'.join(names)}" if names else ""
                raise mistake(
                    f"'{text}' cannot be the {field}{sunday}",
                    f"write *, or numbers from {low} to {high}, in its place",
                    allowed=f"{low}-{high}{known}, as number, range (a-b), list (a,b), step (*/n), or *",
                )
    return value


@cache
def _time_zones() -> frozenset[str]:
    """Read once. Empty on a machine without the IANA database; then only the form of a name is checked."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _time_zone(value: str) -> str:
    known = _time_zones()
    if value in known or (not known and re.fullmatch(r"[A-Z][A-Za-z_]*(/[A-Z][A-Za-z0-9_+-]*)*", value)):
        return value
    nearest = [name for name in sorted(known) if name.lower().rpartition("/")[2] == value.lower().rpartition("/")[2]]
    raise mistake(
        "must be a time zone of the IANA database",
        "write it like 'Europe/Berlin', or 'Etc/UTC'",
        nearest=nearest[0] if nearest else "",
    )


CronSchedule = Annotated[str, Field(max_length=200), AfterValidator(_cron)]
"""Five cron fields or a @macro; https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax"""
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_time_zone)]
