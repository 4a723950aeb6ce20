"""Charts, read as a browser reads them: XML whose shapes and words belong together."""

from xml.etree import ElementTree as ET

import pytest

from ota_stream.charts import Line, bars, heat, lines


def drawn(figure: str) -> ET.Element:
    svg = ET.fromstring(figure).find("svg")  # noqa: S314 - ours
    assert svg is not None
    return svg


def test_each_line_has_its_colour_beside_its_name():
    svg = drawn(lines("Things", "things", [Line("<up>", [(0, 1), (2, 3)]), Line("down", [(0, 3), (2, 1)])]))
    strokes = [line.get("stroke") for line in svg.iter("polyline")]
    assert [key.get("fill") for key in svg.iter("rect")] == strokes
    assert len(set(strokes)) == 2
    assert {"<up>", "down"} <= {word.text for word in svg.iter("text")}


def test_a_single_line_needs_no_name():
    words = [
        word.text for word in drawn(lines("Throughput", "blocks/s", [Line("blocks", [(0, 5), (4, 9)])])).iter("text")
    ]
    assert "blocks" not in words
    assert {"0", "10", "0 s", "4 s"} <= set(words)


def test_what_was_not_measured_is_said():
    nothing = {word.text for chart in (lines("a", "b", []), heat("c", [], [], 1)) for word in drawn(chart).iter("text")}
    assert nothing == {"nothing was measured"}
    assert [word.text for word in drawn(bars("Failures", [])).iter("text")] == ["none"]


def test_the_longest_bar_is_the_most_frequent():
    wide = [float(bar.get("width") or 0) for bar in drawn(bars("Failures", [("lost", 4), ("late", 1)])).iter("rect")]
    assert wide[0] / wide[1] == pytest.approx(4, abs=0.01)
