"""How soon a line is there: from its write, and from the start of the shipper."""

import pathlib
import statistics
import subprocess
import time
import typing

from parts import Failure, logskiff
from work import RAW

RATES = (10, 1_000, 20_000)
# What is written before is not counted: connections and the topic's metadata are not part of the steady state.
WARM_UP_S = 1.0


class Place(typing.Protocol):
    """What is needed of where a measurement happens."""

    binary: pathlib.Path
    folder: pathlib.Path
    broker: typing.Any


def start(place: Place, runs: int) -> str:
    """From the start of the process to its first line at a consumer that waits for it; a sentence."""
    took = []
    for run in range(runs):
        topic = f"start-{run}"
        file = place.folder / f"{topic}.log"
        file.write_bytes(b"the first line\n")
        place.broker.create(topic)
        command = ["kcat", "-C", "-q", "-u", "-c", "1", "-o", "beginning", "-X", "fetch.wait.max.ms=5", "-b", place.broker.address, "-t", topic]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as consumer:
            time.sleep(1)
            shipper = logskiff(place.binary, RAW, place.folder / topic, file, place.broker, topic)
            try:
                consumer.stdout.readline()
                took.append((time.monotonic() - shipper.start) * 1000)
                shipper.stop()
            finally:
                shipper.kill()
    return (
        f"Start of the process to its first line at a consumer: {statistics.median(took):.0f} ms "
        f"({min(took):.0f}–{max(took):.0f}), goal 150 ms"
    )


def latency(place: Place, seconds: float) -> str:
    """From the write of a line to the broker's own stamp on it, one write a line; as Markdown."""
    rows = ["| write to append by the broker, linger 50 ms | p50, ms | p99, ms | p99.9, ms | most, ms |", "|---|---|---|---|---|"]
    for rate in RATES:
        took = sorted(latencies(place, rate, seconds))
        at = [took[min(len(took) - 1, int(len(took) * share))] for share in (0.5, 0.99, 0.999)]
        rows.append(f"| {rate:,} lines/s | " + " | ".join(f"{ms:.0f}" for ms in (*at, took[-1])) + " |")
    return "\n".join(rows)


def latencies(place: Place, rate: int, seconds: float) -> list[float]:
    """Milliseconds of each line at a rate."""
    topic = f"latency-{rate}"
    file = place.folder / f"{topic}.log"
    file.touch()
    place.broker.create(topic)
    shipper = logskiff(place.binary, RAW, place.folder / topic, file, place.broker, topic)
    written = 0
    try:
        time.sleep(1)
        with file.open("ab", buffering=0) as out:
            began = time.monotonic()
            while (elapsed := time.monotonic() - began) < seconds + WARM_UP_S:
                while written < int(elapsed * rate):
                    # As wide as a line of an access log.
                    out.write(b"%.3f %-170d\n" % (time.time() * 1000, written))
                    written += 1
                time.sleep(0.4 / rate)
        deadline = time.monotonic() + 60
        while (place.broker.end_offset(topic) or 0) < written:
            if time.monotonic() > deadline:
                raise Failure(f"{topic} is not there after a minute:\n{shipper.said()}")
            time.sleep(0.2)
        shipper.stop()
    finally:
        shipper.kill()
    command = ["kcat", "-C", "-q", "-e", "-o", "beginning", "-b", place.broker.address, "-t", topic, "-f", "%T %s\n"]
    read = subprocess.run(command, capture_output=True, check=True).stdout.splitlines()
    if len(read) != written:
        raise Failure(f"{topic} holds {len(read)} messages instead of {written}")
    stamps = [[float(word) for word in line.split()[:2]] for line in read]
    first = stamps[0][1] + WARM_UP_S * 1000
    return [appended - wrote for appended, wrote in stamps if wrote >= first]
