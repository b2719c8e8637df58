"""What runs in pods of ours: single files that need nothing of the platform's own, and their texts.

They are data here: the library never imports them, pods run them from a ConfigMap, and tests as they are.
"""

from pathlib import Path

_FOLDER = Path(__file__).parent


def text(name: str) -> str:
    """The text of one."""
    return (_FOLDER / name).read_text()
