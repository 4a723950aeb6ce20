"""Reads YAML and remembers the line of everything in it, so that a mistake can be pointed at."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import yaml

SIZE_MAX: Final = 1 << 20  # bytes of a file
_UNKNOWN: Final = re.compile(r"unknown field `(.+?)`")
_MISSING: Final = re.compile(r"missing required field `(.+?)`")
_STEP: Final = re.compile(r"\.[^.\[]+|\[\d+\]")
_PATH: Final = re.compile(r" - at (?:`key` in )?`(\$.*)`$")
_MEMBER: Final = re.compile(r"([\w.\[\]]+): ")

Lines = dict[str, int]
"""Line numbers, from 1, by path: `$.classes[0].count`."""


class BadFile(ValueError):
    """A file that cannot be read. `line` is where, from 1; `more` are the mistakes beside this one."""

    def __init__(self, message: str, line: int, more: Sequence["BadFile"] = ()) -> None:
        super().__init__(message)
        self.line = line
        self.more = tuple(more)

    @property
    def mistakes(self) -> list["BadFile"]:
        """All of them, in the order of the lines."""
        return sorted((self, *self.more), key=lambda mistake: mistake.line)


def load(text: str) -> tuple[Any, Lines]:
    """Return what a YAML text says, and where. Raises BadFile.

    Every key once, no aliases: what is written is what is there.
    """
    try:
        loader = yaml.SafeLoader(text)
        try:
            return _load(loader)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadFile(error.problem or "it is not YAML", 1 if mark is None else mark.line + 1) from None
    except yaml.YAMLError as error:
        raise BadFile(str(error).splitlines()[0], 1) from None
    except BadFile:
        raise
    except (RecursionError, ValueError):  # brackets without end; a date that is none
        raise BadFile("it cannot be read: too many brackets, or a date that is none", 1) from None


def _load(loader: yaml.SafeLoader) -> tuple[Any, Lines]:
    node = loader.get_single_node()
    lines: Lines = {"$": 1}
    if node is None:
        return None, lines
    _walk(node, "$", lines, set())
    return cast("Any", loader).construct_document(node), lines


def placed(message: str, lines: Lines) -> tuple[BadFile, str]:
    """Return the error for a message of msgspec, which ends in a path, and the path of what is wrong."""
    path = _PATH.search(message)
    where = path[1] if path else "$"
    said = message[: path.start()] if path else message
    name = where.removeprefix("$").lstrip(".")
    named = _UNKNOWN.search(said) or _MEMBER.match(said)
    if named is not None:  # the message names a member of what is at the path
        where = f"{where}.{named[1]}"
        return BadFile(said, line(where, lines)), where
    missing = _MISSING.search(said)
    error = BadFile(f"{name}: {said}" if name else said, line(where, lines))
    return error, where if missing is None else f"{where}.{missing[1]}"


def mend(content: object, path: str, stand_ins: Mapping[str, object]) -> bool:
    """Take what is wrong out of a content, so that the next mistake can be found; return whether that was possible.

    What has to be there is replaced by its stand-in, by the name of the member.
    """
    *around, last = _STEP.findall(path) or [""]
    for step in around:
        content = _inner(content, step)
    name = last.strip(".[]")
    if not isinstance(content, dict) or not name:
        return False
    members = cast("dict[str, object]", content)
    if name in stand_ins and members.get(name) is not stand_ins[name]:
        members[name] = stand_ins[name]
        return True
    return members.pop(name, None) is not None


def _inner(content: object, step: str) -> object:
    if isinstance(content, dict):
        return cast("dict[str, object]", content).get(step.strip("."))
    listed = cast("list[object]", content) if isinstance(content, list) else []
    number = step.strip("[]")
    return listed[int(number)] if number.isdigit() and int(number) < len(listed) else None


def line(where: str, lines: Lines) -> int:
    """Return the line of a path, or of the nearest thing around it."""
    while where not in lines and where != "$":
        where = where[: max(where.rfind("."), where.rfind("["))] or "$"
    return lines[where]


def _walk(node: yaml.Node, path: str, lines: Lines, seen: set[int]) -> None:
    if id(node) in seen:
        raise BadFile("an alias: write it out", node.start_mark.line + 1)
    seen.add(id(node))
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = f"{path}.{key.value}"
            line = key.start_mark.line + 1
            if inner in lines:
                raise BadFile(f"{key.value} is there twice, first on line {lines[inner]}", line)
            lines[inner] = line
            _walk(value, inner, lines, seen)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            _walk(value, f"{path}[{number}]", lines, seen)
