import pytest

from ota_broker.front.codec.packets import Violation
from ota_broker.front.delivery.topics import check_filter, check_name, has_wildcard, matches

MATCHES = [
    ("a/b", "a/b", True),
    ("a/b", "a/B", False),
    ("a/+", "a/b", True),
    ("a/+", "a/b/c", False),
    ("a/+", "a/", True),
    ("+/+", "/a", True),
    ("/+", "/a", True),
    ("+", "/a", False),
    ("a/#", "a/b/c", True),
    ("a/#", "a/", True),
    ("a/#", "b/a", False),
    ("#", "a/b", True),
    ("#", "/", True),
    ("+/b/#", "a/b/c", True),
    ("a/b/c", "a/b", False),
    ("a/b", "a/b/c", False),
    ("#", "$aws/things", False),  # MB-7
    ("+/things", "$aws/things", False),  # MB-7
    ("$aws/#", "$aws/things/d/jobs/notify", True),
    ("$aws/things/+/streams/#", "$aws/things/d/streams/s/data/json", True),
]


@pytest.mark.parametrize(("topic_filter", "topic", "taken"), MATCHES)
@pytest.mark.parametrize("hash_takes_parent", [True, False])
def test_a_filter_takes_what_the_standard_says(topic_filter: str, topic: str, *, taken: bool, hash_takes_parent: bool):
    assert matches(topic_filter, topic, hash_takes_parent=hash_takes_parent) is taken


def test_hash_takes_its_parent_in_the_standard_and_not_on_aws():  # MB-2
    assert matches("sensor/#", "sensor", hash_takes_parent=True)
    assert not matches("sensor/#", "sensor", hash_takes_parent=False)


@pytest.mark.parametrize("topic", ["", "a/+", "#", "a" * 257, "é" * 129, "a/b/c/d/e/f/g/h/i"])
def test_a_topic_that_cannot_be_published_to_is_refused(topic: str):
    with pytest.raises(Violation):
        check_name(topic)


@pytest.mark.parametrize("topic_filter", ["", "a#", "#/a", "a/#/b", "a+/b", "a/+b", "+a", "a/b+", "a/b#", "a" * 257])
def test_a_filter_that_is_none_is_refused(topic_filter: str):
    with pytest.raises(Violation):
        check_filter(topic_filter)


@pytest.mark.parametrize("text", ["a", "/", "a/b/c/d/e/f/g/h", "a" * 256, "$aws/things/d/jobs/$next/get", " "])
def test_names_at_the_limits_are_taken(text: str):
    assert check_name(text) == check_filter(text) == text


def test_wildcards_are_seen():
    assert [has_wildcard(text) for text in ("a/b", "a/+", "#")] == [False, True, True]
