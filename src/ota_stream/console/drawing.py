"""Turns what a page shows into HTML: everything a device, a person or a file has said is escaped."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

import msgspec

from ota_stream.charts import Line, lines

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_KIB: Final = 1024.0


def draw(template: str, content: Mapping[str, Any]) -> str:
    """Return a page, or a part of one."""
    return _environment().get_template(template).render(content)


@cache
def _environment() -> "Environment":
    from jinja2 import ChainableUndefined, Environment, PackageLoader  # noqa: PLC0415 - who never looks does not pay

    made = Environment(
        loader=PackageLoader("ota_stream.console"),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters = cast("dict[str, object]", made.filters)
    filters.update(moment=moment, size=size, part=part, chart=chart, pretty=pretty)
    filters.update(map_of_blocks=map_of_blocks, with_code=with_code)
    return made


def moment(at: float | None) -> str:
    """Write epoch seconds as a time of day in UTC, with milliseconds: as the log has it."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")


def size(many: float) -> str:
    """Write bytes as people read them."""
    value, unit = float(many), "bytes"
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if value < _KIB or unit == "GiB":
            break
        value /= _KIB
    return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"


def part(text: str) -> str:
    """Write a name as a part of a path."""
    return quote(text, safe="")


def map_of_blocks(download: Mapping[str, Any]) -> "Markup":
    """Draw a block map: one shape for all cells of a kind, as wide as the cells are many."""
    from markupsafe import Markup  # noqa: PLC0415 - comes with the templates

    shapes: dict[str, list[str]] = {}
    at = 0
    for state, many in download["map"]:
        shapes.setdefault(state, []).append(f"M{at} 0h{many}v1h-{many}z")
        at += many
    label = f"{download['sent']} of {download['blocks']} blocks sent, {download['repeated']} more than once"
    box = f'viewBox="0 0 {at} 1" preserveAspectRatio="none" role="img" aria-label="{label}"'
    paths = "".join(f'<path class="{state}" d="{"".join(parts)}"/>' for state, parts in shapes.items())
    return Markup(f'<svg class="map" {box}>{paths}</svg>')  # noqa: S704 - numbers, and names that are ours


def pretty(message: str) -> str:
    """Write JSON over several lines; what is none stays as it is."""
    try:
        return msgspec.json.format(message, indent=2)
    except msgspec.DecodeError:
        return message


def with_code(text: str) -> "Markup":
    """Write what stands between `backticks` as code."""
    from markupsafe import Markup, escape  # noqa: PLC0415 - comes with the templates

    parts = (escape(each) for each in text.split("`"))
    return Markup("").join(
        Markup("<code>{}</code>").format(each) if odd % 2 else each for odd, each in enumerate(parts)
    )


def chart(moments: list[dict[str, Any]], title: str, unit: str, names: list[str]) -> "Markup":
    """Draw members of a fleet's moments over time."""
    from markupsafe import Markup  # noqa: PLC0415 - comes with the templates

    shown = [
        Line(name, [(each["at"], value) for each in moments if (value := _at(each, name)) is not None])
        for name in names
    ]
    return Markup(lines(title, unit, shown))  # noqa: S704 - numbers, and names that are ours


def _at(moment_of_fleet: dict[str, Any], name: str) -> float | None:
    value = moment_of_fleet.get(name, moment_of_fleet["stages"].get(name))
    return None if value is None else float(value)
