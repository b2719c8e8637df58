"""YAML files whose every value knows its line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from bedplate.consistency import PathPart


class UnreadableDocument(Exception):
    """A file that is no YAML. line: where, from 1; fix: the change to make."""

    def __init__(self, line: int, message: str, fix: str) -> None:
        super().__init__(message)
        self.line, self.message, self.fix = line, message, fix


@dataclass(frozen=True)
class Document:
    """A YAML file: plain data, and the line of each value."""

    path: Path
    data: Any
    _nodes: Any

    @classmethod
    def read(cls, path: Path) -> "Document":
        """The file's content. Raises UnreadableDocument with the line, FileNotFoundError."""
        raw = path.read_bytes()
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            raise UnreadableDocument(line, "the file is not UTF-8 text", "save it as UTF-8") from None
        for number, line in enumerate(text.splitlines(), 1):
            if line[: len(line) - len(line.lstrip())].count("\t"):
                raise UnreadableDocument(number, "a tab indents this line", "indent with spaces; YAML forbids tabs there")
        parser = YAML(typ="rt")
        try:
            nodes = cast(Any, parser.load(text))  # pyright: ignore[reportUnknownMemberType]
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = " ".join(str(error.problem or error.context or "").split())
            raise UnreadableDocument(
                mark.line + 1 if mark else 1, f"this is not YAML: {problem}", "correct the line or the one before it"
            ) from None
        except (YAMLError, ValueError, RecursionError) as error:
            raise UnreadableDocument(1, f"this is not YAML: {type(error).__name__}", "correct the file") from None
        return cls(path, plain(nodes), nodes)

    def line(self, path: Sequence[PathPart]) -> int:
        """The line of the value at `path`, or of the nearest thing around it that is in the file; from 1."""
        node, line = self._nodes, 1
        for part in path:
            if isinstance(node, CommentedMap) and part in node:
                line = cast(int, node.lc.key(part)[0]) + 1  # pyright: ignore[reportUnknownMemberType]
            elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
                line = cast(int, node.lc.item(part)[0]) + 1  # pyright: ignore[reportUnknownMemberType]
            else:
                break
            node = cast(Any, node[part])
        return line


def plain(node: Any) -> Any:
    """The parser's types as Python's own; what JSON does not know (dates) as text, as Pulumi hands it on."""
    if isinstance(node, dict):
        return {str(key): plain(value) for key, value in cast(dict[Any, Any], node).items()}
    if isinstance(node, list):
        return [plain(value) for value in cast(list[Any], node)]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return str(node)
