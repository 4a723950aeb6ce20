"""The language of Logs Insights, the part of it that is kept here, and what each command of it means."""

import re
from collections.abc import Sequence
from typing import Final

from lark import Token, Transformer
from msgspec import Struct

from ota_stream.logs import insights_stages as stages
from ota_stream.logs import insights_stats as stats
from ota_stream.logs import insights_terms as terms
from ota_stream.logs.grammars import BadText, Grammar, inline, start
from ota_stream.logs.insights_stages import ROWS_MAX, Maker
from ota_stream.logs.insights_stats import Aggregate
from ota_stream.logs.insights_terms import Condition, Term
from ota_stream.logs.insights_values import Row
from ota_stream.logs.regexes import BadRegex, Regex

_GRAMMAR: Final = r"""
query: "|"? command ("|" command)*
?command: "fields"i column ("," column)* -> fields
    | "display"i column ("," column)* -> display
    | "filter"i any -> filter
    | "parse"i [term] text [names] -> parse_glob
    | "parse"i [term] REGEX [names] -> parse_regex
    | "stats"i aggregate ("," aggregate)* ["by"i columns] -> stats
    | "sort"i order ("," order)* -> sort
    | "limit"i INTEGER -> limit
    | "dedup"i term ("," term)* -> dedup

columns: column ("," column)*
column: term ["as"i name]
names: "as"i name ("," name)*
order: (term | called) [DIRECTION]
called: aggregate
aggregate: function ["as"i name]
function: NAME "(" "*" ")" -> of_all
    | NAME "(" ")" -> of_all
    | NAME "(" term ")" -> of_term
    | NAME "(" term "," NUMBER ")" -> of_term
    | NAME "(" term "," INTEGER ")" -> of_term

any: all ("or"i all)*
all: one ("and"i one)*
?one: "not"i one -> negated
    | "(" any ")"
    | value SIGN value -> compared
    | value "like"i text -> like_text
    | value "like"i REGEX -> like_regex
    | value "=~" REGEX -> like_regex
    | value "not"i "like"i text -> unlike_text
    | value "not"i "like"i REGEX -> unlike_regex
    | value "in"i "[" value ("," value)* "]" -> among
    | value "not"i "in"i "[" value ("," value)* "]" -> not_among
    | "ispresent"i "(" term ")" -> present

?value: term | constant
constant: NUMBER -> number
    | INTEGER -> number
    | text -> text_value
term: name -> field
    | "bin"i "(" LENGTH ")" -> binned
name: NAME -> plain_name | QUOTED_NAME -> quoted_name
text: TEXT

SIGN: /!=|<=|>=|=(?!~)|<|>/
DIRECTION: "asc"i | "desc"i
INTEGER.1: /-?[0-9]{1,18}(?![\w.])/
NUMBER: /-?[0-9]{1,18}(?:\.[0-9]{1,18})?(?:e[+-]?[0-9]{1,2})?(?![\w.])/i
LENGTH: /[0-9]{1,6}\s*(?:ms|s|m|h|d|w)(?!\w)/i
NAME: /@?[a-z_]\w*(?:\.\w+)*/i
QUOTED_NAME: /`[^`]+`/
TEXT: /"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'/
REGEX: /\/(?:[^\/\\]|\\[\s\S])+\//
%ignore /\s+/
%ignore /#[^\n]*/
"""

_LENGTH: Final = re.compile(r"([0-9]+)\s*([a-z]+)")
_ESCAPED: Final = re.compile(r"""\\(["'\\])""")


class Command(Struct, frozen=True):
    """One command: how its stage is made (None: it has none), and the columns it shows (None: it says nothing of it).

    `keys` are those of `sort`, `amount` the number of `limit`.
    """

    kind: str
    make: Maker | None = None
    columns: tuple[str, ...] | None = None
    keys: Sequence[tuple[Term, bool]] = ()
    amount: int = 0


class _Negated(Struct, frozen=True):
    """A condition turned round; twice is not at all, so a hundred `not` are no deeper than one."""

    condition: Condition

    def __call__(self, row: Row) -> bool:
        return not self.condition(row)


def _not(condition: Condition) -> Condition:
    return condition.condition if isinstance(condition, _Negated) else _Negated(condition)


@inline
class _Meaning(Transformer[Token, list[Command]]):
    def query(self, *commands: Command) -> list[Command]:
        return list(commands)

    # Commands

    def fields(self, *columns: tuple[str, Term]) -> Command:
        return Command("fields", lambda: stages.Computed(columns), tuple(name for name, _ in columns))

    def display(self, *columns: tuple[str, Term]) -> Command:
        return Command("display", lambda: stages.Computed(columns), tuple(name for name, _ in columns))

    def filter(self, condition: Condition) -> Command:
        return Command("filter", lambda: stages.Filtered(condition))

    def parse_glob(self, term: Term | None, glob: tuple[str, int], names: Sequence[str] | None) -> Command:
        text, position = glob
        if names is None or text.count("*") != len(names):
            raise BadText(f"{text.count('*')} stars and {len(names or ())} names behind `as`", position)
        find = stages.by_glob(text, names)
        return Command("parse", lambda: stages.Parsed(term or _MESSAGE, find))

    def parse_regex(self, term: Term | None, token: Token, names: Sequence[str] | None) -> Command:
        regex = _regex(token)
        if names is None and len(regex.names) != regex.group_count:
            raise BadText("groups without names", start(token))
        if names is not None and len(names) != regex.group_count:
            raise BadText(f"{regex.group_count} groups and {len(names)} names behind `as`", start(token))
        find = stages.by_regex(regex, names or ())
        return Command("parse", lambda: stages.Parsed(term or _MESSAGE, find))

    def stats(self, *given: Aggregate | tuple[tuple[str, Term], ...] | None) -> Command:
        *aggregates, last = given
        by = last if isinstance(last, tuple) else ()
        made = [each for each in aggregates if isinstance(each, Aggregate)]
        shown = (*(name for name, _ in by), *(each.name for each in made))
        return Command("stats", lambda: stages.Grouped(made, by), shown)

    def sort(self, *keys: tuple[Term, bool]) -> Command:
        return Command("sort", keys=keys)

    def limit(self, number: Token) -> Command:
        amount = int(number)
        if not 1 <= amount <= ROWS_MAX:
            raise BadText(f"a limit outside 1 to {ROWS_MAX}", start(number))
        return Command("limit", lambda: stages.Limited(amount), amount=amount)

    def dedup(self, *asked: Term) -> Command:
        return Command("dedup", lambda: stages.Deduplicated(asked))

    # Parts of commands

    def columns(self, *columns: tuple[str, Term]) -> tuple[tuple[str, Term], ...]:
        return columns

    def column(self, term: Term, name: str | None) -> tuple[str, Term]:
        return name or term.name, term

    def names(self, *names: str) -> Sequence[str]:
        return names

    def order(self, term: Term, direction: Token | None) -> tuple[Term, bool]:
        return term, direction is not None and direction.lower() == "desc"

    def called(self, aggregate: Aggregate) -> Term:
        return terms.field(aggregate.name)

    def aggregate(self, aggregate: Aggregate, name: str | None) -> Aggregate:
        return Aggregate(name or aggregate.name, aggregate.make, aggregate.term)

    def of_all(self, function: Token) -> Aggregate:
        if function.lower() != "count":
            raise BadText(f"{function} of everything: only count can do that", start(function))
        return Aggregate("count(*)", stats.MAKERS["count"])

    def of_term(self, function: Token, term: Term, percent: Token | None = None) -> Aggregate:
        kind = function.lower()
        if kind in {"pct", "percentile"} and percent is not None and 0 <= float(percent) <= 100:  # noqa: PLR2004
            return Aggregate(f"{kind}({term.name}, {percent})", stats.percentile(float(percent)), term)
        if kind not in stats.MAKERS or percent is not None:
            raise BadText(f"unknown function, or not with such arguments: {function}", start(function))
        return Aggregate(f"{kind}({term.name})", stats.MAKERS[kind], term)

    # Conditions

    def any(self, *conditions: Condition) -> Condition:
        return terms.either(conditions)

    def all(self, *conditions: Condition) -> Condition:
        return terms.both(conditions)

    def negated(self, condition: Condition) -> Condition:
        return _not(condition)

    def compared(self, left: Term, sign: Token, right: Term) -> Condition:
        return terms.compared(left, str(sign), right)

    def like_text(self, term: Term, text: tuple[str, int]) -> Condition:
        return terms.contains(term, text[0])

    def like_regex(self, term: Term, regex: Token) -> Condition:
        return terms.matches(term, _regex(regex))

    def unlike_text(self, term: Term, text: tuple[str, int]) -> Condition:
        return _not(terms.contains(term, text[0]))

    def unlike_regex(self, term: Term, regex: Token) -> Condition:
        return _not(terms.matches(term, _regex(regex)))

    def among(self, term: Term, *values: Term) -> Condition:
        return terms.among(term, values)

    def not_among(self, term: Term, *values: Term) -> Condition:
        return _not(terms.among(term, values))

    def present(self, term: Term) -> Condition:
        return terms.present(term)

    # Terms

    def field(self, name: str) -> Term:
        return terms.field(name)

    def binned(self, length: Token) -> Term:
        found = _LENGTH.fullmatch(length.lower())
        if found is None or int(found[1]) == 0:
            raise BadText("an interval of no length", start(length))
        return terms.binned(int(found[1]), found[2])

    def number(self, number: Token) -> Term:
        return terms.constant(int(number) if number.lstrip("-").isdecimal() else float(number))

    def text_value(self, text: tuple[str, int]) -> Term:
        return terms.constant(text[0])

    def plain_name(self, name: Token) -> str:
        return str(name)

    def quoted_name(self, name: Token) -> str:
        return str(name[1:-1])

    def text(self, text: Token) -> tuple[str, int]:
        return _ESCAPED.sub(r"\1", text[1:-1]), start(text)


_MESSAGE: Final = terms.field("@message")
_QUERY: Final = Grammar(_GRAMMAR, "query", _Meaning())


def read(text: str) -> list[Command]:
    """Return the commands of a query.

    Raises:
        BadText: it is none.
    """
    commands: list[Command] = _QUERY.read(text)
    return commands


def _regex(token: Token) -> Regex:
    try:
        return Regex(token[1:-1].replace("\\/", "/"))
    except BadRegex as error:
        raise BadText(f"the regular expression cannot be used, {error},", start(token) + 1 + error.position) from None
