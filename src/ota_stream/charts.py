"""Charts as SVG text: lines, bars, a heat map. Nothing is loaded from anywhere, nothing runs."""

from collections.abc import Sequence
from html import escape
from math import floor, log10
from typing import Final

from msgspec import Struct

WIDTH: Final = 720
HEIGHT: Final = 240
LEFT: Final = 70  # room for the numbers of the y axis
BOTTOM: Final = 28
TOP: Final = 26  # room for the names of the lines
COLOURS: Final = ("#2563eb", "#16a34a", "#dc2626", "#9333ea", "#ea580c", "#0891b2")
_BAR: Final = 22
_TICKS: Final = 5


class Line(Struct, frozen=True):
    """A line of a chart: points (x, y), by x."""

    name: str
    points: Sequence[tuple[float, float]]


def lines(title: str, unit: str, shown: Sequence[Line]) -> str:
    """Draw lines over seconds, the y axis from 0."""
    points = [point for line in shown for point in line.points]
    if not points:
        return _frame(title, '<text x="70" y="60">nothing was measured</text>')
    right, top = max(x for x, _ in points) or 1.0, max(y for _, y in points) or 1.0
    step = _step(top)
    top = step * -(-top // step)
    body = [_grid(value, top, f"{value:,.6g}") for value in _marks(top, step)]
    body += [_second(value, right) for value in _marks(right, _step(right))]
    for number, line in enumerate(shown):
        colour = COLOURS[number % len(COLOURS)]
        places = " ".join(f"{_x(x, right):.1f},{_y(y, top):.1f}" for x, y in line.points)
        body.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.6" points="{places}"/>')
        if len(shown) > 1:
            at = LEFT + number * min(120, (WIDTH - LEFT) // len(shown))
            body.append(f'<rect x="{at}" y="3" width="10" height="10" fill="{colour}"/>')
            body.append(f'<text x="{at + 14}" y="12">{escape(line.name)}</text>')
    return _frame(f"{title} ({unit})", "".join(body))


def bars(title: str, rows: Sequence[tuple[str, float]]) -> str:
    """Draw a bar for each row, with its name and number."""
    most = max((value for _, value in rows), default=0) or 1.0
    body: list[str] = []
    for number, (name, value) in enumerate(rows):
        y = TOP + number * _BAR
        width = (WIDTH - LEFT) / 2 * value / most
        body.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{_BAR - 6}" fill="{COLOURS[2]}"/>')
        body.append(f'<text x="{LEFT - 6}" y="{y + 12}" text-anchor="end">{value:,.0f}</text>')
        body.append(f'<text x="{LEFT + width + 6:.1f}" y="{y + 12}">{escape(name)}</text>')
    if not rows:
        body.append(f'<text x="{LEFT}" y="{TOP + 12}">none</text>')
    return _frame(title, "".join(body), TOP + max(1, len(rows)) * _BAR + 6)


def heat(title: str, columns: Sequence[Sequence[int]], names: Sequence[str], seconds: float) -> str:
    """Draw a cell for each (moment, row), darker for more. `names` are of the rows, from below."""
    most = max((many for column in columns for many in column), default=0)
    if not most:
        return _frame(title, f'<text x="{LEFT}" y="60">nothing was measured</text>')
    wide, high = (WIDTH - LEFT - 10) / len(columns), (HEIGHT - TOP - BOTTOM) / len(names)
    body: list[str] = []
    for at, column in enumerate(columns):
        for row, many in enumerate(column):
            if many:
                shade = 0.12 + 0.88 * log10(1 + many) / log10(1 + most)
                x, y = LEFT + at * wide, HEIGHT - BOTTOM - (row + 1) * high
                size = f'width="{wide + 0.3:.1f}" height="{high + 0.3:.1f}"'
                body.append(f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{COLOURS[0]}" fill-opacity="{shade:.2f}"/>')
    for row, name in enumerate(names):
        if name:
            y = HEIGHT - BOTTOM - row * high
            body.append(f'<text x="{LEFT - 6}" y="{y:.1f}" text-anchor="end">{escape(name)}</text>')
    body += [_second(value, seconds) for value in _marks(seconds, _step(seconds))]
    return _frame(title, "".join(body))


def _frame(title: str, body: str, height: int = HEIGHT) -> str:
    box = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-label="{escape(title)}"'
    return f"<figure><figcaption>{escape(title)}</figcaption><svg {box}>{body}</svg></figure>"


def _grid(value: float, top: float, name: str) -> str:
    y = _y(value, top)
    line = f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{y:.1f}" y2="{y:.1f}" stroke="#8884"/>'
    return f'{line}<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{name}</text>'


def _second(value: float, right: float) -> str:
    return f'<text x="{_x(value, right):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{value:,.6g} s</text>'


def _x(value: float, right: float) -> float:
    return LEFT + (WIDTH - LEFT - 10) * value / right


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _marks(top: float, step: float) -> list[float]:
    return [number * step for number in range(int(top / step + 1e-9) + 1)]


def _step(top: float) -> float:
    """Return a round step that cuts the axis into five or so."""
    rough = top / _TICKS
    power = 10.0 ** floor(log10(rough))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough))
