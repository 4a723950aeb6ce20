import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from filter_cases import BAD_PATTERNS, ENTRY, JSON_PATTERNS, MESSAGE, TERM_PATTERNS, TEXT
from ota_stream.errors import ControlError
from ota_stream.logs import patterns, regexes
from ota_stream.logs.pattern_nodes import Globbed
from ota_stream.logs.patterns import PatternError, equalities
from ota_stream.logs.regexes import BadRegex, Regex

PIECES = st.sampled_from([
    *'{}().a=<*5 ?-%"\\\n$é',
    *("[0]", "[*]", "['x']", "!=", ">=", "&&", "||", "%a%", '"t"', "NOT", "EXISTS", "IS", "NULL", "TRUE", "a{2}"),
])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abx"), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(("pattern", "wanted"), JSON_PATTERNS)
def test_a_json_pattern_says_of_an_entry_what_the_table_says(pattern: str, *, wanted: bool):
    assert patterns.compile(pattern)(MESSAGE, ENTRY) is wanted


@pytest.mark.parametrize(("pattern", "wanted"), TERM_PATTERNS)
def test_terms_say_of_a_message_what_the_table_says(pattern: str, *, wanted: bool):
    assert patterns.compile(pattern)(TEXT, None) is wanted


def test_the_table_has_more_than_sixty_patterns():
    assert len(JSON_PATTERNS) + len(TERM_PATTERNS) > 60


@pytest.mark.parametrize(("pattern", "position"), BAD_PATTERNS)
def test_a_bad_pattern_is_refused_with_the_place_where_it_goes_wrong(pattern: str, position: int):
    with pytest.raises(PatternError) as caught:
        patterns.compile(pattern)
    assert (caught.value.name, caught.value.status) == ("InvalidParameterException", 400)
    assert caught.value.position == position
    assert caught.value.message.endswith(f"at position {position}")


def test_a_message_that_is_no_json_fits_no_json_pattern():
    assert not patterns.compile("{ $.a NOT EXISTS }")("text", None)


def test_the_empty_pattern_wants_everything():
    assert patterns.compile("")("", None)
    assert patterns.compile("")("x", {})


@given(st.text() | st.lists(PIECES, max_size=25).map("".join) | st.lists(PIECES, max_size=20).map(" ".join))
@example("{ $.a = 1e9999 }")
@example("{ $.a = %a{2}{3}% }")
@example("{ $.a\x00= 1 }")
@example("\ud800")
def test_any_text_is_a_pattern_or_an_error_with_a_place_in_it(text: str):
    try:
        pattern = patterns.compile(text)
    except PatternError as error:
        place = error.position
    else:
        assert isinstance(pattern(MESSAGE, ENTRY), bool)
        place = 0
    assert 0 <= place <= len(text)


@given(
    JSON,
    st.lists(st.sampled_from([".a", ".b", "[0]", "[*]", ".*"]), min_size=1, max_size=4).map("".join),
    st.sampled_from(["= a", '= "b"', "!= 1", "> 0", "<= 1e3", "IS NULL", "EXISTS", "NOT EXISTS", "= a*b", "= %a%"]),
)
def test_any_entry_can_be_asked_anything(entry, path: str, question: str):
    whole = {"a": entry}
    assert isinstance(patterns.compile(f"{{ ${path} {question} }}")(json.dumps(whole), whole), bool)


@given(
    st.dictionaries(st.sampled_from("ab"), st.sampled_from(["x", "y", 1, None])),
    st.lists(st.sampled_from(['$.a = "x"', '$.b = "y"', '$.a != "x"', "$.b = 1", "$.a = x"]), min_size=1, max_size=4),
    st.sampled_from([" && ", " || "]),
)
def test_what_fits_a_pattern_has_all_its_equalities(entry, conditions: list[str], join: str):
    pattern = patterns.compile("{ " + join.join(conditions) + " }")
    if pattern("", entry):
        assert equalities(pattern).items() <= entry.items()


@pytest.mark.parametrize(
    ("pattern", "equal"),
    [
        ("", {}),
        ("GetStream", {}),
        ('{ $.actionType = "GetStream" }', {"actionType": "GetStream"}),
        ('{ $.actionType = "GetStream" && ($.clientId = "d") }', {"actionType": "GetStream", "clientId": "d"}),
        ('{ $.actionType = "GetStream" || $.clientId = "d" }', {}),
        ('{ $.actionType = "GetStream" && ($.clientId = "d" || $.n = 1) }', {"actionType": "GetStream"}),
        ('{ $.actionType = "Get*" && $.user.name = "x" && $.a = 5 && $.b != "x" && $["c"] = "y" }', {"c": "y"}),
    ],
)
def test_equalities_are_those_that_every_wanted_event_keeps(pattern: str, equal: dict[str, str]):
    assert equalities(patterns.compile(pattern)) == equal


@given(st.text("ab", max_size=12), st.lists(st.text("ab", max_size=3), min_size=2, max_size=4))
def test_a_star_is_any_run_of_characters(text: str, pieces: list[str]):
    expression = Regex("^(?s:" + ".*".join(pieces) + ")\\Z")
    assert Globbed(tuple(pieces)).fits(text) is (expression.find(text) is not None)


def test_an_expression_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(regexes, "SECONDS_MAX", 0.001)
    with pytest.raises(ControlError, match="takes too long"):
        Regex("(a|a)*$").find("a" * 60 + "b")


@pytest.mark.parametrize(
    "text",
    [
        "(?:" * 30 + "a" + "{1,9})" * 30,  # laid out, this would be all the memory there is
        "((a{1000}){1000})",
        "a{99999999999999}",
        "a{100001}",
        "(" * 9000,
        "[",
        "a**",
    ],
)
def test_an_expression_that_is_bad_or_too_large_is_refused(text: str):
    with pytest.raises(BadRegex):
        Regex(text)


def test_repeats_side_by_side_are_fine():
    assert Regex(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").find("x 08957b03-eea3-448a-87fe-743e6891ca3a")
