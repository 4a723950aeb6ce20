"""The report of a run as one HTML page that needs nothing else."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from ota_device.fleet.histogram import edge
from ota_device.fleet.report import Report, Times
from ota_device.fleet.tally import HEAT_EVERY, Sample
from ota_stream import charts
from ota_stream.charts import Line
from ota_stream.cli.fleet_view import milliseconds
from ota_stream.cli.logs import printable

_MB: Final = 1e6
_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;max-width:760px;margin:2em auto;padding:0 1em;color:#111;background:#fff}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .9em .2em 0;text-align:left;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}figure{margin:2em 0}figcaption{font-weight:600}
svg{max-width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:currentColor}
.met{color:#15803d}.missed{color:#b91c1c}
@media(prefers-color-scheme:dark){body{color:#eee;background:#111}}
"""


def page(report: Report) -> bytes:
    """Write the page."""
    verdict = '<span class="met">as expected</span>' if report.met else '<span class="missed">not as expected</span>'
    parts = [
        f"<h1>{_text(report.title)}: {verdict}</h1>",
        f"<p>{_text(report.started)}, {report.target}, seed {report.seed}, {_text(report.machine)}</p>",
        _numbers(report),
        _classes(report),
        _diagnosis(report),
        *_charts(report),
    ]
    head = f'<meta charset="utf-8"><title>{_text(report.title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'.encode()


def _charts(report: Report) -> list[str]:
    samples = report.samples
    rates = [("blocks", [(each.at, each.blocks / (each.interval or 1)) for each in samples])]
    size = [("MB", [(each.at, each.bytes / _MB / (each.interval or 1)) for each in samples])]
    names = ("connected", "downloading", "verified", "rebooted", "succeeded", "failed")
    curves = [
        Line(name, [(each.at, each.connected if name == "connected" else each.stages[name]) for each in samples])
        for name in names
    ]
    delays = [
        Line(
            f"p{round(share * 100)}",
            [(each.at, 1000 * _percentile(each, share)) for each in samples if any(each.delays)],
        )
        for share in (0.5, 0.95, 0.99)
    ]
    return [
        charts.lines("Throughput", "blocks/s", [Line(*each) for each in rates]),
        charts.lines("Throughput", "MB/s", [Line(*each) for each in size]),
        charts.lines("Time from request to block", "ms", delays),
        _heat(samples),
        charts.lines("How far the things are", "things", curves),
        charts.bars("Failures by reason", [(printable(why), many) for why, many in report.reasons.items()]),
    ]


def _heat(samples: Sequence[Sample]) -> str:
    """Draw when blocks took how long, in the rows that have any."""
    used = [row for each in samples for row, many in enumerate(each.delays) if many]
    first, end = (min(used), max(used) + 1) if used else (0, 1)
    names = [milliseconds(edge(row * HEAT_EVERY)) if (row - first) % 4 == 0 else "" for row in range(first, end)]
    columns = [each.delays[first:end] for each in samples]
    return charts.heat("Block delays", columns, names, samples[-1].at if samples else 1.0)


def _percentile(sample: Sample, share: float) -> float:
    rank, seen = share * sum(sample.delays), 0
    for row, many in enumerate(sample.delays):
        seen += many
        if many and seen >= rank:
            return edge((row + 0.5) * HEAT_EVERY)
    return 0.0


def _numbers(report: Report) -> str:
    cpu = report.cpu_per_block
    rows: list[tuple[str, str]] = [
        ("things", f"{report.things:,}: {report.succeeded:,} succeeded, {report.failed:,} failed"),
        ("otherwise than expected", f"{report.unexpected:,} ({report.expectation.unexpected:,} may)"),
        ("time", f"{report.elapsed:,.1f} s" + (", stopped before its end" if report.interrupted else "")),
        ("images verified", f"{report.images:,}"),
        ("blocks", f"{report.blocks:,}, {report.blocks_per_second:,.0f}/s, {report.bytes_per_second / _MB:,.1f} MB/s"),
        ("requests", f"{report.requests:,}"),
        ("connections", f"{report.connections:,}, {report.lost_connections:,} lost"),
        ("messages lost on purpose", f"{report.lost_messages:,}"),
        ("power cuts", f"{report.power_cuts:,}"),
        ("block", _times(report.block_delay)),
        ("image", _times(report.image_time)),
        ("CPU of the fleet", f"{report.cpu:,.1f} s" + ("" if cpu is None else f", {cpu:.0f} µs a block")),
    ]
    return _table((), rows)


def _classes(report: Report) -> str:
    rows = [
        (row.name, f"{row.count:,}", f"{row.succeeded:,}", f"{row.failed:,}", f"{row.unexpected:,}")
        for row in report.classes
    ]
    return _table(("class", "things", "succeeded", "failed", "unexpected"), rows)


def _diagnosis(report: Report) -> str:
    if report.diagnosis is None:
        return ""
    head = ("found wrong", "things", "times", "for example", "what to do")
    rows = [
        (f"{row.wrong} [{row.kind}, {row.rule}]", f"{row.things:,}", f"{row.times:,}", f"{row.example}: {row.seen}",
         row.remedy)
        for row in report.diagnosis
    ]  # fmt: skip
    return "<h2>Diagnosis</h2>" + (_table(head, rows) if rows else "<p>nothing found</p>")


def _times(times: Times) -> str:
    values = (("p50", times.p50), ("p95", times.p95), ("p99", times.p99), ("longest", times.most))
    return ", ".join(f"{name} {milliseconds(value)}" for name, value in values)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = f"<tr>{''.join(f'<th>{_text(cell)}</th>' for cell in head)}</tr>" if head else ""
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{top}{body}</table>"


def _text(text: str) -> str:
    return escape(printable(text))
