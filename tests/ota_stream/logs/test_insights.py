import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from insights_cases import BAD_QUERIES, CASES, EVENTS
from ota_stream.errors import ControlError
from ota_stream.logs import insights, regexes
from ota_stream.logs.events import LogEvent
from ota_stream.logs.insights import MalformedQuery, Run, run
from ota_stream.logs.insights_stages import ROWS_MAX, Grouped, Sorted
from ota_stream.logs.insights_terms import field
from ota_stream.logs.insights_values import Row, number, shown

WORDS = st.sampled_from([
    *("fields", "filter", "parse", "stats", "sort", "limit", "dedup", "display", "|", "a", "@message", ",", "as", "by"),
    *("count(*)", "avg(a)", "pct(a, 5)", "bin(5m)", "=", "<", "like", "/a/", '"*"', "5", "0.5", "not", "and", "or"),
    *("in", "[1]", "(", ")", "ispresent(a)", "desc", "#", "`x y`", "é", "\n", "limit 3", "sort a", "filter a = 1"),
])  # fmt: skip


def event(message: str, number: int = 0) -> LogEvent:
    return LogEvent(number, "s", number, message, number)


@pytest.mark.parametrize(("query", "rows"), CASES, ids=[query for query, _ in CASES])
def test_a_query_finds_what_plain_python_finds(query: str, rows: list[dict[str, str]]):
    found = run(insights.compile(query), EVENTS)
    if "sort" not in query and ("stats" in query or "parse" in query):
        assert sorted(found, key=str) == sorted(rows, key=str)
    else:
        assert found == rows


def test_the_table_has_more_than_thirty_queries_and_hardly_one_finds_nothing():
    assert len(CASES) > 30
    assert all(rows for _, rows in CASES)


@pytest.mark.parametrize(("query", "position"), BAD_QUERIES, ids=[query[:40] for query, _ in BAD_QUERIES])
def test_a_bad_query_is_refused_with_the_place_where_it_goes_wrong(query: str, position: int):
    with pytest.raises(MalformedQuery) as caught:
        insights.compile(query)
    assert (caught.value.name, caught.value.status) == ("MalformedQueryException", 400)
    assert caught.value.position == position


@given(st.text() | st.lists(WORDS, max_size=20).map(" ".join))
@example("filter " + "not " * 2000 + "a = 1")
@example("filter " + "a = 1 and " * 900 + "a = 1")
@example("fields @timestamp | filter a = 1e99 | limit 9999999999999999999999")
def test_any_text_is_a_query_or_an_error_with_a_place_in_it(text: str):
    try:
        query = insights.compile(text)
    except MalformedQuery as error:
        place = error.position
    else:
        assert isinstance(run(query, EVENTS[:20]), list)
        place = 0
    assert 0 <= place <= len(text)


def test_a_query_without_a_limit_shows_as_many_rows_as_are_asked_for():
    assert len(run(insights.compile("fields a"), EVENTS, 5)) == 5
    assert len(run(insights.compile("fields a | limit 9"), EVENTS, 5)) == 9  # its own limit counts


def test_a_run_counts_and_tells_when_more_events_change_nothing():
    going = Run(insights.compile('filter status = "Success" | limit 3'))
    for each in EVENTS:
        if going.full:
            break
        going.feed(each)
    assert going.matched == 3
    assert 3 <= going.scanned < 30
    assert going.size > going.scanned
    assert len(going.finish()) == 3


def test_events_are_counted_where_single_ones_are_judged_for_the_last_time():
    going = Run(insights.compile("filter ispresent(clientId) | stats count(*) | filter 1 = 2"))
    for each in EVENTS:
        going.feed(each)
    assert 0 < going.matched < going.scanned == len(EVENTS)
    assert going.finish() == []


def test_a_sort_that_is_cut_keeps_the_right_rows():
    stage = Sorted([(field("n"), True)], 3)
    for each in range(5000):
        assert stage.take(Row(None, {"n": each % 977})) == ()
    assert [row.get("n") for row in stage.rest()] == [976, 976, 976]


def test_groups_are_bounded():
    stage = Grouped([], [("n", field("n"))])
    for each in range(ROWS_MAX + 5):
        stage.take(Row(None, {"n": each}))
    assert len(list(stage.rest())) == ROWS_MAX


@pytest.mark.parametrize(
    ("query", "row"),
    [
        ("fields a.b as x, `a.c` as y, a.l.1 as z", {"x": "1", "y": "dotted", "z": "two"}),
        ("fields a, a.l, a.l.9 as p, a.l.x as q, a.b.c as r, none as n", {}),
        ('fields say as it | filter say like "\\"hi\\""', {"it": '"hi"'}),
        ("fields say as say, say as it | filter path like /a\\/b/", {"say": '"hi"', "it": '"hi"'}),
        ('parse path "x*z*" as q, r | parse path "b*" as q | display q, r', {"q": ""}),
        ("parse path /(?<q>a)(?<r>z)?/ | display q, r", {"q": "a"}),
        ('parse path /zz/ | parse nowhere "*" as r | display r', {}),
        ('parse path "zz*" as r | display r', {}),
        ('parse path "a*q*" as r, t | display r, t', {}),
        ("filter say > 5 and say > 'A' or path > 5 | fields path", {"path": "a/b"}),
    ],
)
def test_fields_are_found_where_they_are(query: str, row: dict[str, str]):
    message = '{"a": {"b": 1, "l": ["one", "two"]}, "a.c": "dotted", "none": null, "say": "\\"hi\\"", "path": "a/b"}'
    (found,) = run(insights.compile(query), [event(message)])
    assert found == {**row, "@ptr": "s:0"}


def test_an_event_that_is_no_json_has_its_own_fields_only():
    assert run(insights.compile("fields a, @message"), [event("text"), event("[1]", 1)]) == [
        {"@message": "text", "@ptr": "s:0"},
        {"@message": "[1]", "@ptr": "s:1"},
    ]


def test_behind_stats_there_are_columns_only():
    assert run(insights.compile("stats count(*) as n | fields @message, n, bin(5m)"), [event("text")]) == [{"n": "1"}]


@pytest.mark.parametrize(
    ("value", "text"), [(3.0, "3"), (0.123456, "0.1235"), (1e300, "1e+300"), ("nan", "nan"), (float("inf"), "inf")]
)
def test_values_are_shown_as_texts(value, text: str):
    assert shown(value) == text


def test_words_that_only_look_like_numbers_are_none():
    assert [number(each) for each in ("nan", "inf", "1e999", "x", "", None)] == [None] * 6


def test_an_expression_that_takes_too_long_ends_the_query(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(regexes, "SECONDS_MAX", 0.001)
    with pytest.raises(ControlError, match="takes too long"):
        run(insights.compile("filter @message like /(a|a)*$/"), [event("a" * 60 + "b")])
