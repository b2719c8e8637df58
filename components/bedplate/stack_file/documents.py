"""YAML files whose every value knows its line.

Reads the subset of YAML that Pulumi reads alike: what two versions of YAML take for different things (010, 2026-01-31)
is a mistake here, and so is what is easily overlooked (a key that stands twice).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from bedplate.stack_file.problems import PathPart, PathParts, Problem, printable, shown

_Node = Any
"""A node of the parser, which is not typed."""
_LARGEST_FILE = 1024 * 1024
_LARGEST_CONTENT = 8 * 1024 * 1024
_VALUE_SIZE = 32
"""What a value counts besides its characters. Aliases count as if written out: a few lines can stand for terabytes."""
_LONGEST_NUMBER = 40
_BREAK = re.compile(r"\r\n|\r|\n")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""https://yaml.org/spec/1.2.2/#51-character-set"""
_EXPLANATIONS = (
    ("'\\\\t'", "problem", "a tab stands where YAML wants spaces", "indent with spaces"),
    (
        r"expected ',' or '[\]}]'",
        "context",
        "a bracket is opened here and not closed",
        "close it with ] or }, and put commas between the entries",
    ),
    (
        "unknown escape",
        "problem",
        "\\ in double quotes begins an escape, and this one does not exist",
        "write \\\\ for a backslash, or use single quotes",
    ),
    ("quoted scalar", "context", "quotes are opened here and not closed", "close them"),
    (
        "mapping values are not allowed",
        "problem",
        "a ':' stands here where no key can",
        "indent the line like its neighbours; text that contains ': ' needs quotes",
    ),
    (
        "cannot start any token",
        "problem",
        "a value begins with a character that has a meaning in YAML",
        "put the value in quotes",
    ),
    (
        "expected '<document start>'",
        "problem",
        "something stands here that is neither a key nor part of the values before",
        "begin the line with a key, as in `config:`",
    ),
    ("found another document", "problem", "a second document begins here", "remove `---`; a file holds one document"),
    (
        "undefined alias",
        "problem",
        "*name stands for a value marked &name before, and there is none",
        "mark it, or put the text in quotes if it only begins with *",
    ),
    ("expected ':'", "context", "a key without ':'", "write it as `key: value`"),
    (
        r"expected (the node content|<block end>)|did not find expected|block (mapping|collection|sequence)",
        "problem",
        "the line does not fit those before: its indentation, or quotes that an earlier line opens",
        "indent the line like its neighbours, and close all quotes; entries of a list begin with '- '",
    ),
)
"""What the parser says, which of its two places helps, and the same in words for people."""

_HALF_A_CHARACTER = ("an escape that stands for half a character", "write the character itself")


class UnreadableDocument(Exception):  # noqa: N818 - it is the document that is wrong
    """A file that is no YAML. line: where, from 1; fix: the change to make."""

    def __init__(self, line: int, message: str, fix: str) -> None:
        super().__init__(message)
        self.line, self.message, self.fix = line, message, fix


@dataclass(frozen=True)
class Document:
    """A YAML file: plain data, the line of each value, and values that can be read but not relied on."""

    path: Path
    data: Any
    problems: Sequence[Problem]
    _lines: Mapping[PathParts, int]

    @classmethod
    def read(cls, path: Path) -> "Document":
        """The file's content. Raises UnreadableDocument with the line, OSError."""
        with path.open("rb") as file:
            raw = file.read(_LARGEST_FILE + 1)
        if len(raw) > _LARGEST_FILE:
            fix = "move tenants to files of their own: `tenantsDir: tenants`, one file a tenant"
            raise UnreadableDocument(1, "the file is larger than 1 MiB, and no configuration can be", fix)
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            raise UnreadableDocument(line, "the file is not UTF-8 text", "save it as UTF-8") from None
        if bad := _UNPRINTABLE.search(text):
            message = f"the character {printable(bad[0])} cannot stand in YAML"
            raise UnreadableDocument(_line_at(text, bad.start()), message, "remove it")
        reader = _Reader()
        try:
            root = _composed(text)
            data = reader.value(root, ()) if root is not None else None
        except RecursionError:
            raise UnreadableDocument(1, "the values are nested too deeply to be read", "remove levels") from None
        return cls(path, data, reader.problems, reader.lines)

    def at(self, path: Sequence[PathPart]) -> Any:
        """The value at `path`, which must be there."""
        value = self.data
        for part in path:
            value = value[part]
        return value

    def line(self, path: Sequence[PathPart]) -> int:
        """The line of the value at `path`, or of the nearest thing around it that is in the file; from 1."""
        return next((self._lines[key] for n in range(len(path), -1, -1) if (key := tuple(path[:n])) in self._lines), 1)


def _line_at(text: str, position: int) -> int:
    return len(_BREAK.findall(text[:position])) + 1


@lru_cache(maxsize=4)
def _composed(text: str) -> _Node:
    """The nodes of a text. A command reads its stack file, and so does the program that it runs: they are kept."""
    parser = YAML(typ="safe", pure=True)
    parser.composer.warn_double_anchors = False
    try:
        return cast(Any, parser).compose(text)  # pyright: ignore[reportUnknownMemberType]
    except MarkedYAMLError as error:
        _explain(error)
    except (YAMLError, ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        # Some texts that are no YAML break the parser instead of being refused by it.
        raise UnreadableDocument(1, f"this is not YAML: {type(error).__name__}", "correct the file") from None


def _explain(error: Any) -> NoReturn:
    marks = {"problem": error.problem_mark or error.context_mark, "context": error.context_mark or error.problem_mark}
    lines = {name: mark.line + 1 if mark else 1 for name, mark in marks.items()}
    said = " ".join(f"{error.context or ''}: {error.problem or ''}".split()).strip(": ")
    for pattern, place, message, fix in _EXPLANATIONS:
        if re.search(pattern, said):
            raise UnreadableDocument(lines[place], f"this is not YAML: {message}", fix) from None
    raise UnreadableDocument(
        lines["problem"], f"this is not YAML: {printable(said)}", "correct the line or the one before it"
    ) from None


@dataclass
class _Reader:
    """Plain data of parsed nodes. open: containers that are being read, to notice one that contains itself. size: what
    was read so far."""

    lines: dict[PathParts, int] = field(default_factory=dict[PathParts, int])
    problems: list[Problem] = field(default_factory=list[Problem])
    open: set[int] = field(default_factory=set[int])
    size: int = 0

    def value(self, node: _Node, path: PathParts) -> Any:
        """The node as Python's own types; its line is kept unless its key has told a better one."""
        line = _line_of(node)
        self.lines.setdefault(path, line)
        self._grow(1, len(node.value) if _is_a(ScalarNode, node) else 0, line)
        if _is_a(ScalarNode, node):
            return self._scalar(node, path)
        if not (_is_a(MappingNode, node) or _is_a(SequenceNode, node)) or not node.tag.startswith("tag:yaml.org,2002:"):
            self._doubt(node, path, f"the tag {printable(str(node.tag))} has no meaning here", "remove the tag")
        self._refuse_circle(node, line)
        self.open.add(id(node))
        data = self._mapping(node, path) if _is_a(MappingNode, node) else self._sequence(node, path)
        self.open.remove(id(node))
        return data

    def _refuse_circle(self, node: _Node, line: int) -> None:
        if id(node) in self.open:
            fix = "write the value instead of the alias"
            raise UnreadableDocument(line, "the value contains itself by an alias", fix)

    def _grow(self, values: int, characters: int, line: int) -> None:
        self.size += values * _VALUE_SIZE + characters
        if self.size > _LARGEST_CONTENT:
            message = "the file holds more than any configuration can, its aliases written out"
            raise UnreadableDocument(line, message, "write the values that are meant instead of aliases")

    def _sequence(self, node: _Node, path: PathParts) -> list[Any]:
        return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: _Node, path: PathParts) -> dict[str, Any]:
        data: dict[str, Any] = {}
        own: set[str] = set()
        for key, value, inherited in self._pairs(node, path):
            name = str(key.value)
            if not _is_text(name):
                self._doubt(key, path, *_HALF_A_CHARACTER)
            elif name in own and not inherited:
                message = f"the key `{printable(name)}` stands twice here, first in line {self.lines[(*path, name)]}"
                self._doubt(key, (*path, name), message, "keep one of the two")
            elif name not in data:
                self.lines[(*path, name)] = _line_of(key)
                data[name] = self.value(value, (*path, name))
            own |= set() if inherited else {name}
        return data

    def _pairs(self, node: _Node, path: PathParts) -> Iterator[tuple[_Node, _Node, bool]]:
        """The mapping's own pairs, then those that `<<` takes over from elsewhere."""
        merged: list[_Node] = []
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                sources = value.value if _is_a(SequenceNode, value) else [value]
                merged += [source for source in sources if _is_a(MappingNode, source)]
            elif _is_a(ScalarNode, key):
                yield key, value, False
            else:
                fix = "write it as `key: value`; text that begins with { or [ needs quotes"
                whole = "a mapping" if len(node.value) == 1 else None
                self._doubt(key, path, "a mapping or list stands where a key should", fix, whole)
        for source in merged:
            self._refuse_circle(source, _line_of(source))
            self._grow(len(source.value), 0, _line_of(source))
            yield from ((key, value, True) for key, value, _ in self._pairs(source, path))

    def _scalar(self, node: _Node, path: PathParts) -> Any:
        tag, text = str(node.tag).removeprefix("tag:yaml.org,2002:"), str(node.value)
        if tag in ("str", "value", "merge"):
            return text if _is_text(text) else self._doubt(node, path, *_HALF_A_CHARACTER, text)
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() in ("true", "yes", "on", "y")
        if tag == "timestamp":
            return self._doubt(
                node, path, "an unquoted date, which programs read differently", "put it in quotes", text
            )
        if tag not in ("int", "float"):
            return self._doubt(node, path, f"the tag {printable(tag)} has no meaning here", "remove the tag", text)
        digits = text.replace("_", "").lower()
        try:
            if len(digits) > _LONGEST_NUMBER:
                raise ValueError
            if re.fullmatch(r"[-+]?0[0-9]+", digits):
                fix = f"write {int(digits)} for the number, or put it in quotes for the text"
                return self._doubt(node, path, "a number that begins with 0: some programs read it as octal", fix, text)
            return int(digits, 0) if tag == "int" else float(re.sub(r"^([-+]?)\.(inf|nan)$", r"\1\2", digits))
        except ValueError:
            fix = "write an ordinary number, or put it in quotes for the text"
            return self._doubt(node, path, "not a number that programs can read", fix, text)

    def _doubt(self, node: _Node, path: PathParts, message: str, fix: str, text: str | None = None) -> str | None:
        """Notes a value that can be read but not relied on, with its text where nothing else can be said of it."""
        given = None if text is None else shown(text, path).strip("'")
        self.problems.append(Problem(line=_line_of(node), path=path, message=message, given=given, fix=fix))
        return text


def _is_text(text: str) -> bool:
    """Whether it is without surrogates, which an escape can write and no file can hold."""
    return not re.search("[\ud800-\udfff]", text)


def _is_a(kind: type, node: _Node) -> bool:
    return isinstance(node, kind)


def _line_of(node: _Node) -> int:
    return int(node.start_mark.line) + 1
