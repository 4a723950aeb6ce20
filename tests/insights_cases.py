"""Queries of Logs Insights, each beside the same question in plain Python, over the same generated log events.

`EVENTS` come newest first, as a query reads them; `RECORDS` are the same as plain mappings with the time and the text.
"""

import json
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from ota_stream.logs.events import LogEvent

Record = dict[str, Any]
Rows = list[dict[str, str]]

START: Final = 1_532_556_000_000  # 2018-07-25 22:00:00
DEFAULT_COLUMNS: Final = ("@timestamp", "@message", "@ptr")


def _generated() -> list[Record]:
    dice, records, at = random.Random(5), [], START  # noqa: S311 - records, not secrets
    for number in range(400):
        at += dice.randrange(1, 9_000)
        entry: Record = {
            "actionType": dice.choice(["GetStream", "GetStream", "GetStream", "DescribeStream", "CreateStream"]),
            "status": dice.choice(["Success", "Success", "Failure"]),
            "blocks": dice.randrange(1, 40),
            "ratio": dice.randrange(100) / 8,
            "code": dice.choice([200, "200", "404", "none"]),
            "late": dice.choice([True, False]),
            "user": {"name": dice.choice(["ann", "bob"]), "tags": [dice.choice("xyz"), "end"]},
            "details": f"took {dice.randrange(900)} ms for file-{dice.randrange(4)} [{dice.choice(['ok', 'bad'])}]",
        }
        if entry["actionType"] != "CreateStream":
            entry["clientId"] = f"dev-{dice.randrange(7)}"
        text = json.dumps(entry) if number % 50 else f"plain text {number}"
        log_stream = f"stream-{number % 3}"
        records.append(
            {
                **(entry if number % 50 else {}),
                "@timestamp": moment(at),
                "@message": text,
                "@logStream": log_stream,
                "@ptr": f"{log_stream}:{number}",
                "at": at,
                "number": number,
            }
        )
    return records[::-1]


def moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(" ", "milliseconds")[:23]


RECORDS: Final = _generated()
EVENTS: Final = [
    LogEvent(each["at"], each["@logStream"], each["number"], each["@message"], each["at"] + 5) for each in RECORDS
]


def text(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(round(value, 4))
    return str(value)


def shown(records: Iterable[Record], *names: str) -> Rows:
    return [{name: text(each[name]) for name in (*names, "@ptr") if each.get(name) is not None} for each in records]


def where(test: Callable[[Record], Any]) -> list[Record]:
    return [each for each in RECORDS if test(each)]


def whole(test: Callable[[Record], Any]) -> Rows:
    return shown(where(test), "@timestamp", "@message")


def groups(key: Callable[[Record], Any], records: Iterable[Record] = RECORDS) -> dict[Any, list[Record]]:
    found = defaultdict(list)
    for each in records:
        found[key(each)].append(each)
    return dict(found)


def values(records: Iterable[Record], name: str) -> list[Any]:
    return [each[name] for each in records if name in each]


def row(**cells: Any) -> dict[str, str]:
    return {name: text(value) for name, value in cells.items() if value is not None}


def ranked(numbers: Iterable[float], percent: float) -> float:
    found = sorted(numbers)
    return found[max(0, math.ceil(percent / 100 * len(found)) - 1)]


def starts(step: int) -> Callable[[Record], str]:
    return lambda each: moment(each["at"] // step * step)


def parsed(pattern: str, name: str = "details") -> list[tuple[Record, tuple[str, ...]]]:
    return [(each, found.groups()) for each in RECORDS if (found := re.search(pattern, str(each.get(name, ""))))]


def first_of(key: Callable[[Record], Any], records: Iterable[Record]) -> list[Record]:
    return [found[0] for each, found in groups(key, records).items() if each is not None]


GOOD: Final = where(lambda each: each.get("status") == "Success")
MINUTES: Final = 60_000

CASES: Final[tuple[tuple[str, Rows], ...]] = (
    ("fields @timestamp, @message", whole(lambda _: True)),
    ("fields @timestamp, clientId, blocks", shown(RECORDS, "@timestamp", "clientId", "blocks")),
    ("fields @logStream | fields status", shown(RECORDS, "@logStream", "status")),
    ("fields ratio as r, late", [row(r=e.get("ratio"), late=e.get("late")) | {"@ptr": e["@ptr"]} for e in RECORDS]),
    ("limit 7", shown(RECORDS[:7], "@timestamp", "@message")),
    ('filter status = "Success"', whole(lambda e: e.get("status") == "Success")),
    ("FILTER status = 'Success' | LIMIT 3", shown(GOOD[:3], "@timestamp", "@message")),
    ('filter status != "Success"', whole(lambda e: e.get("status", "Success") != "Success")),
    ('filter not status = "Success"', whole(lambda e: e.get("status") != "Success")),
    ("filter not not not blocks > 3", whole(lambda e: not e.get("blocks", 0) > 3)),
    ("filter blocks > 30", whole(lambda e: e.get("blocks", 0) > 30)),
    ("filter blocks >= 39 or blocks <= 1", whole(lambda e: e.get("blocks", 9) in {1, 39})),
    ("filter ratio < 0.5 and blocks < 20", whole(lambda e: e.get("ratio", 9) < 0.5 and e["blocks"] < 20)),
    (
        'filter status = "Failure" and (blocks = 5 or blocks = 6) # a remark',
        whole(lambda e: e.get("status") == "Failure" and e["blocks"] in {5, 6}),
    ),
    ("filter code = 200", whole(lambda e: str(e.get("code")) == "200")),
    ('filter code in ["404", "none"]', whole(lambda e: e.get("code") in {"404", "none"})),
    ("filter blocks not in [1, 2, 3]", whole(lambda e: e.get("blocks") not in {1, 2, 3})),
    ("filter ispresent(clientId)", whole(lambda e: "clientId" in e)),
    ("filter not ispresent(actionType)", whole(lambda e: "actionType" not in e)),
    ('filter @message like "dev-3"', whole(lambda e: "dev-3" in e["@message"])),
    ("filter @message not like 'dev'", whole(lambda e: "dev" not in e["@message"])),
    (r"filter clientId like /^dev-[0-2]$/", whole(lambda e: e.get("clientId", "") in {"dev-0", "dev-1", "dev-2"})),
    (r"filter details not like /ms for \w+-3/", whole(lambda e: "file-3" not in e.get("details", ""))),
    (r"filter @message =~ /(?i)PLAIN/", whole(lambda e: "plain" in e["@message"])),
    ('filter user.name = "ann" and user.tags.0 = "x"', whole(lambda e: e.get("user", {}).get("name") == "ann"
                                                            and e["user"]["tags"][0] == "x")),
    ("filter late = 1 | fields late", shown(where(lambda e: e.get("late")), "late")),
    ("filter @timestamp < 1532556100000", whole(lambda e: e["at"] < 1_532_556_100_000)),
    ("sort blocks | limit 20", shown(sorted(RECORDS, key=lambda e: e.get("blocks", 0))[:20], "@timestamp", "@message")),
    (
        "sort blocks desc, ratio asc | display blocks, ratio",
        shown(sorted(RECORDS, key=lambda e: (-e.get("blocks", -1), e.get("ratio", 0))), "blocks", "ratio"),
    ),
    ("sort @timestamp | limit 2", shown(RECORDS[:-3:-1], "@timestamp", "@message")),
    ("fields clientId | dedup clientId", shown(first_of(lambda e: e.get("clientId"), RECORDS), "clientId")),
    (
        "filter ispresent(clientId) | dedup clientId, status | display status, clientId",
        shown(first_of(lambda e: (e["clientId"], e["status"]), where(lambda e: "clientId" in e)), "status", "clientId"),
    ),
    (
        'parse details "took * ms for * [*]" as ms, file, how | display ms, file, how',
        [row(ms=m, file=f, how=h) | {"@ptr": e["@ptr"]} for e, (m, f, h) in parsed(r"took (.*) ms for (.*) \[(.*)\]")]
        + [{"@ptr": e["@ptr"]} for e in RECORDS if "details" not in e],
    ),
    (
        'parse details "for *" as rest | filter ispresent(rest) | display rest | sort @timestamp',
        [row(rest=rest) | {"@ptr": e["@ptr"]} for e, (rest,) in parsed("for (.*)")][::-1],
    ),
    (
        r"parse details /took (?<ms>\d+) ms/ | filter ms > 800 | display ms",
        [row(ms=ms) | {"@ptr": e["@ptr"]} for e, (ms,) in parsed(r"took (\d+) ms") if int(ms) > 800],
    ),
    (
        r"parse /dev-(\d)/ as device | stats count(*) by device | sort device | filter ispresent(device)",
        [{"device": d, "count(*)": str(n)} for d, n in
         sorted(Counter(d for _, (d,) in parsed(r"dev-(\d)", "@message")).items())],
    ),
    ("stats count(*)", [{"count(*)": "400"}]),
    ("stats count() as n, count(clientId) as c", [row(n=400, c=len(values(RECORDS, "clientId")))]),
    ("filter blocks > 99 | stats count(*) as n, max(blocks) as m", [row(n=0)]),
    (
        "stats sum(blocks), avg(blocks), min(blocks), max(blocks)",
        [{
            "sum(blocks)": text(sum(values(RECORDS, "blocks"))),
            "avg(blocks)": text(sum(values(RECORDS, "blocks")) / len(values(RECORDS, "blocks"))),
            "min(blocks)": text(min(values(RECORDS, "blocks"))),
            "max(blocks)": text(max(values(RECORDS, "blocks"))),
        }],
    ),
    ("stats count_distinct(clientId) as n", [row(n=len(set(values(RECORDS, "clientId"))))]),
    (
        "stats pct(ratio, 50) as half, pct(ratio, 99.5) as most, pct(ratio, 0) as least",
        [row(**{n: ranked(values(RECORDS, "ratio"), p) for n, p in (("half", 50), ("most", 99.5), ("least", 0))})],
    ),
    (
        "stats earliest(details) as a, latest(details) as z",
        [row(a=values(RECORDS, "details")[-1], z=values(RECORDS, "details")[0])],
    ),
    (
        "stats min(@timestamp) as a, max(@timestamp) as z",
        [row(a=RECORDS[-1]["@timestamp"], z=RECORDS[0]["@timestamp"])],
    ),
    ("stats min(user.name) as a, sum(user.name) as s, avg(user.name) as g, pct(user.name, 9) as p", [row(a="ann")]),
    (
        "stats count(*) as n by actionType, status | sort n desc, actionType, status",
        [row(actionType=a, status=s, n=n) for (a, s), n in sorted(
            Counter((e.get("actionType"), e.get("status")) for e in RECORDS).items(),
            key=lambda each: (-each[1], each[0][0] or "", each[0][1] or ""),
        )],
    ),
    (
        "stats count(*) by bin(5m) | sort bin(5m)",
        [{"bin(5m)": at, "count(*)": str(len(found))} for at, found in sorted(groups(starts(5 * MINUTES)).items())],
    ),
    (
        'filter actionType = "GetStream" | stats avg(blocks) as b by bin(1h) as hour, clientId | sort hour, clientId',
        [row(hour=hour, clientId=client, b=sum(values(found, "blocks")) / len(found))
         for (hour, client), found in sorted(
            groups(lambda e: (starts(60 * MINUTES)(e), e["clientId"]),
                   where(lambda e: e.get("actionType") == "GetStream")).items())],
    ),
    (
        "stats count(*) by status | sort count(*) desc | limit 1",
        [{"status": "Success", "count(*)": str(len(GOOD))}],
    ),
    (
        "stats count(*) as n by clientId, status | stats max(n) as m by status | sort status",
        [row(status=s, m=max(n for (_, each), n in
                             Counter((e.get("clientId"), e.get("status")) for e in RECORDS).items() if each == s))
         for s in (None, "Failure", "Success")],
    ),
    (
        "sort blocks desc | stats count(*) as n by status | sort n",
        sorted((row(status=s, n=len(f)) for s, f in groups(lambda e: e.get("status")).items()),
               key=lambda each: int(each["n"])),
    ),
    ("fields bin(30s) as half | limit 5", [row(half=starts(30_000)(e)) | {"@ptr": e["@ptr"]} for e in RECORDS[:5]]),
    ("fields `user.name`, @ingestionTime, @unknown | limit 1", [
        {"user.name": RECORDS[0]["user"]["name"], "@ingestionTime": moment(RECORDS[0]["at"] + 5),
         "@ptr": RECORDS[0]["@ptr"]},
    ]),
)  # fmt: skip

# with the position
BAD_QUERIES: Final[tuple[tuple[str, int], ...]] = (
    ("", 0),
    ("fields", 6),
    ("fields a,", 9),
    ("fields a as", 11),
    ("select a", 0),
    ("filter", 6),
    ("filter a", 8),
    ("filter a ==", 10),
    ('filter a = "x', 11),
    ("filter a like b", 14),
    ("filter (a = 1", 13),
    ("filter a in []", 13),
    ("filter a like /(/", 16),
    ("filter a like /((a{1000}){1000})/", 25),
    ("filter " + "(" * 51, 57),
    ('parse "a *" as x, y', 6),
    ('parse "a *"', 6),
    ("parse /(a)(b)/ as x", 6),
    ("parse /(a)/", 6),
    ("stats count", 11),
    ("stats sum(*)", 6),
    ("stats foo(a)", 6),
    ("stats sum(a, 5)", 6),
    ("stats pct(a)", 6),
    ("stats pct(a, 101)", 6),
    ("stats count(*) by bin(0m)", 22),
    ("stats count(*) by bin(5y)", 22),
    ("sort", 4),
    ("limit 0", 6),
    ("limit 10001", 6),
    ("limit x", 6),
    ("dedup", 5),
    ("limit 1 |", 9),
    ("x" * 10_001, 10_000),
)
