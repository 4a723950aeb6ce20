"""Feeds one target from atheris, a fuzzer that looks at coverage, until the time is over or something does not hold."""

import logging
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ota_stream", "ota_broker"]):
    from fuzz.seeds import SEEDS
    from fuzz.targets import TARGETS


def main(name: str, seconds: str, corpus: str) -> None:
    """Fuzz a target; what was found worth keeping is in `corpus`, a crash in a file that is named at the end."""
    logging.disable()
    folder = Path(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (folder / f"seed-{number}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", f"-artifact_prefix={folder.parent}/{name}-", "-rss_limit_mb=1024"]
    atheris.Setup([name, *options, "-max_len=4096", "-timeout=10", "-print_final_stats=1", corpus], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
