"""How callers of one host are told apart by what they show, so that each is checked in the one way that fits.

Owns patterns of the header `Authorization`, as Traefik matches them. It deliberately checks nothing: whoever comes by
the wrong way is refused there.
"""

import base64
from collections.abc import Sequence

from bedplate.spec import API_KEY_PREFIX

API_KEY = f"(?i:bearer) {API_KEY_PREFIX}"
"""A key of the platform's own."""


def token_of(subjects: Sequence[str]) -> str:
    """A token that names one of the subjects.

    The claims of a token are JSON in base64 (https://datatracker.ietf.org/doc/html/rfc7519#section-3.1), which writes a
    text in one of three ways, by where it stands.
    """
    ways = [_in_base64(subject, offset) for subject in subjects for offset in range(3)]
    return rf"(?i:bearer) [\w-]+\.[\w-]*({'|'.join(ways)})"


def _in_base64(text: str, offset: int) -> str:
    """The digits that only the text decides where it begins so many bytes behind a whole group of three."""
    first, last = -(-offset * 8 // 6), (offset + len(text)) * 8 // 6
    return base64.urlsafe_b64encode(b"\0" * offset + text.encode()).decode()[first:last]
