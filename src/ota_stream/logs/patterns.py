"""The language of CloudWatch Logs filter patterns: JSON patterns and terms (docs/wire.md, LQ-6).

The time a pattern takes on an event grows with the event's length only; a regular expression has a limit of its own.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, cast

from lark import Token, Transformer

from ota_stream.errors import ControlError
from ota_stream.logs import pattern_nodes as nodes
from ota_stream.logs.grammars import BadText, Grammar, inline, start
from ota_stream.logs.pattern_nodes import EVERY, Entry, Node, Operand, Path, Quoted, Step, Word
from ota_stream.logs.regexes import BadRegex, Regex

LENGTH_MAX: Final = 1024  # characters (LQ-4)

_GRAMMAR: Final = r"""
json: "{" any "}"
any: all ("||" all)*
all: one ("&&" one)*
?one: "(" any ")"
    | path SIGN operand -> compared
    | path "EXISTS"i -> exists
    | path "NOT"i "EXISTS"i -> exists_not
    | path "IS"i CONSTANT -> is_constant
path: "$" step+
step: "." NAME -> name
    | "." "*" -> every
    | "." "[" QUOTED_NAME "]" -> quoted_name
    | "[" QUOTED_NAME "]" -> quoted_name
    | "[" INDEX "]" -> index
    | "[" "*" "]" -> every
operand: WORD -> word
    | QUOTED -> quoted
    | REGEX -> regex

SIGN: "!=" | "<=" | ">=" | "=" | "<" | ">"
CONSTANT.2: /(NULL|TRUE|FALSE)\b/i
NAME: /[A-Za-z0-9_@-]+/
INDEX: /[0-9]{1,9}/
QUOTED_NAME: /'[^']*'|"[^"]*"/
WORD: /[^\s{}()="%|&!<>\[\]\\,]+/
QUOTED: /"(?:[^"\\]|\\[\s\S])*"/
REGEX: /%(?:[^%\\]|\\[\s\S])+%/
%ignore /\s+/
"""

_TERM: Final = re.compile(
    r"""(?P<mark>[?-]?)
    (?: "(?P<quoted>(?:[^"\\]|\\.)*)" | %(?P<regex>(?:[^%\\]|\\.)+)% | (?P<word>\w+) )
    (?=\s|$)""",
    re.DOTALL | re.VERBOSE,
)
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")
_PIECES: Final = re.compile(r"""\\([\\"*])|(\*)|([^\\*]+|\\)""")
_REGEX_CHARACTERS: Final = re.compile(r"(?:[A-Za-z0-9:_#=@/;,\-^$?\[\]{}|*+.]|\\[!-~])*")

_CONSTANTS: Final = MappingProxyType({"NULL": None, "TRUE": True, "FALSE": False})


class PatternError(ControlError):
    """A filter pattern that cannot be read: `position` is the character, from 0, at which it goes wrong."""

    def __init__(self, what: str, position: int) -> None:
        super().__init__("InvalidParameterException", 400, f"Invalid filter pattern: {what} at position {position}")
        self.position = position


class Pattern:
    """A compiled pattern: called with a log event's message and the entry in it (None: it is no JSON object)."""

    def __init__(self, fits: Callable[[str, Entry | None], bool], equal: Mapping[str, str]) -> None:
        self._fits = fits
        self.equal: Final = equal

    def __call__(self, message: str, entry: Entry | None) -> bool:
        """Tell whether the event is wanted.

        Raises:
            ControlError: InvalidParameterException, a regular expression takes too long on this event.
        """
        return self._fits(message, entry)


def compile(text: str) -> Pattern:  # noqa: A001 - as re.compile
    """Return a pattern to call; the empty one wants everything.

    Raises:
        PatternError: it cannot be read.
    """
    if len(text) > LENGTH_MAX:
        raise PatternError(f"it is longer than {LENGTH_MAX} characters", LENGTH_MAX)
    return _compile(text)


def equalities(pattern: Pattern) -> Mapping[str, str]:
    """Return what each wanted event has for sure: top-level properties and their texts, for a store's index."""
    return pattern.equal


@lru_cache(maxsize=64)
def _compile(text: str) -> Pattern:
    if not text.strip():
        return Pattern(lambda _message, _entry: True, MappingProxyType({}))
    if text.lstrip().startswith("{"):
        node = _json_pattern(text)
        fits = node.fits
        return Pattern(lambda _, entry: entry is not None and fits(entry), node.equal)
    return Pattern(_terms(text), MappingProxyType({}))


# JSON patterns


@inline
class _Meaning(Transformer[Token, Node]):
    """Turns what the grammar found into conditions while it is found, so no tree is walked."""

    def json(self, node: Node) -> Node:
        return node

    def any(self, *found: Node) -> Node:
        return nodes.some(list(found))

    def all(self, *found: Node) -> Node:
        return nodes.every(list(found))

    def compared(self, path: Path, sign: Token, operand: Operand) -> Node:
        node = nodes.compared(path, str(sign), operand)
        if node is None:
            raise BadText(f"{sign} compares with a number only", start(sign))
        return node

    def exists(self, path: Path) -> Node:
        return nodes.exists(path, wanted=True)

    def exists_not(self, path: Path) -> Node:
        return nodes.exists(path, wanted=False)

    def is_constant(self, path: Path, constant: Token) -> Node:
        return nodes.is_constant(path, _CONSTANTS[constant.upper()])

    def path(self, *steps: Step) -> Path:
        return steps

    def name(self, name: Token) -> Step:
        return str(name)

    def quoted_name(self, name: Token) -> Step:
        return str(name[1:-1])

    def index(self, index: Token) -> Step:
        return int(index)

    def every(self) -> Step:
        return EVERY

    def word(self, word: Token) -> Operand:
        return Word(str(word), float(word) if _NUMBER.fullmatch(word) else None, tuple(word.split("*")))

    def quoted(self, quoted: Token) -> Operand:
        pieces = _pieces(quoted[1:-1])
        return Quoted("*".join(pieces), pieces)

    def regex(self, expression: Token) -> Operand:
        return _regex(expression[1:-1], start(expression) + 1)


_GRAMMAR_OF_JSON: Final = Grammar(_GRAMMAR, "json", _Meaning())


def _json_pattern(text: str) -> Node:
    try:
        return cast("Node", _GRAMMAR_OF_JSON.read(text))
    except BadText as error:
        raise PatternError(str(error), error.position) from None


def _pieces(text: str) -> tuple[str, ...]:
    r"""Return what stands between the stars; `\*` is a star itself, `\"` a quote, `\\` a backslash."""
    pieces = [""]
    for escaped, star, plain in _PIECES.findall(text):
        if star:
            pieces.append("")
        else:
            pieces[-1] += escaped or plain
    return tuple(pieces)


def _regex(text: str, position: int) -> Regex:
    good = _REGEX_CHARACTERS.match(text)
    if good is not None and good.end() < len(text):
        raise PatternError(f"unsupported character {text[good.end()]!r} in a regular expression", position + good.end())
    try:
        return Regex(text)
    except BadRegex as error:
        raise PatternError(f"the regular expression cannot be used, {error},", position + error.position) from None


# Terms


class _Terms:
    """The terms of a pattern by what they ask: all of `must`, one of `may` if there are any, none of `never`."""

    def __init__(self) -> None:
        self.must: list[Callable[[str], bool]] = []
        self.may: list[Callable[[str], bool]] = []
        self.never: list[Callable[[str], bool]] = []

    def __call__(self, message: str, _: Entry | None) -> bool:
        return (
            all(test(message) for test in self.must)
            and (not self.may or any(test(message) for test in self.may))
            and not any(test(message) for test in self.never)
        )


def _terms(text: str) -> _Terms:
    terms, at = _Terms(), 0
    kinds = {"": terms.must, "?": terms.may, "-": terms.never}
    if text.lstrip().startswith("["):
        raise PatternError("space-delimited patterns are not supported", text.index("["))
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _TERM.match(text, at)
        if found is None:
            raise PatternError(f"Invalid character(s) in term {text[at:].split(maxsplit=1)[0]!r}", at)
        kinds[found["mark"]].append(_term(found))
        at = found.end()
    if terms.may and (terms.must or terms.never):  # the service passes over the marks then
        terms.must, terms.may = terms.must + terms.may, []
    return terms


def _term(found: re.Match[str]) -> Callable[[str], bool]:
    if found["regex"] is not None:
        expression = _regex(found["regex"], found.start("regex"))
        return lambda message: expression.find(message) is not None
    term = found["word"] if found["quoted"] is None else "*".join(_pieces(found["quoted"]))
    return lambda message: term in message
