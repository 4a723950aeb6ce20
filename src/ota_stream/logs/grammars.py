"""Reading a text by a lark grammar, with one kind of error: what is wrong and at which character."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Final, cast

import lark
from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

DEPTH_MAX: Final = 50  # parentheses in each other

_Mark = Callable[[type], Any]

inline: Final = cast("_Mark", lark.v_args(inline=True))  # pyright: ignore[reportUnknownMemberType]
"""Marks a Transformer whose methods take what was found as arguments."""


class BadText(Exception):
    """A text that is not of the grammar: why, and the character, from 0, at which it goes wrong."""

    def __init__(self, why: str, position: int) -> None:
        super().__init__(why)
        self.position = position


class Grammar:
    """A grammar, and the meaning its parts are turned into while they are found, so no tree is walked.

    Its parser is made when first needed: it takes a tenth of a second, and a simulator should answer sooner.
    """

    def __init__(self, grammar: str, start: str, meaning: Transformer[Token, Any]) -> None:
        self._grammar = grammar
        self._start = start
        self._meaning = meaning

    @cached_property
    def _parse(self) -> Callable[[str], Any]:
        parser = Lark(self._grammar, start=self._start, parser="lalr", transformer=self._meaning)
        return cast("Callable[[str], Any]", parser.parse)  # pyright: ignore[reportUnknownMemberType]

    def read(self, text: str) -> Any:  # noqa: ANN401 - whatever the start rule means
        """Return what the text means.

        Raises:
            BadText: it is not of the grammar, or one of its parts means nothing.
        """
        _check_depth(text)
        try:
            return self._parse(text)
        except UnexpectedCharacters as error:
            at = cast("int", error.pos_in_stream)
            raise BadText(f"unexpected character {text[at]!r}", at) from None
        except UnexpectedToken as error:
            token = cast("Token", error.token)
            if token.type == "$END":
                raise BadText("unexpected end", len(text)) from None
            raise BadText(f"unexpected {str(token)!r}", start(token)) from None


def start(token: Token) -> int:
    """Return the place of a token's first character."""
    return token.start_pos or 0


def _check_depth(text: str) -> None:
    depth = 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth > DEPTH_MAX:
            raise BadText(f"more than {DEPTH_MAX} parentheses in each other", at)
