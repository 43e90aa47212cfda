"""Latency of a line: from its write, and from the start of the shipper."""

import pathlib
import re
import subprocess
import time
import typing

from parts import Broker, Failure, Shipper, logskiff
from work import RAW

# As long as a line of an access log. One that is whole by itself, and one that may go on in the next line.
LINES = {
    "json": lambda number: b'{"at":"%.3f","k":"%d","n":"%-130d"}\n' % (time.time() * 1000, number, number),
    "text": lambda number: b"%s INFO [main] app - at=%.3f n=%-120d\n" % (time.strftime("%F %T").encode(), time.time() * 1000, number),
}
# Lines a second. At the lowest rate each line waits for the timeout.
RATES = {"json": (0.5, 10, 1_000, 2_000, 20_000), "text": (0.5, 10, 2_000)}
# Else few lines gather for a second.
LINGER = {"LOGSKIFF_LINGER": "50ms"}
WRITTEN_AT = re.compile(r"\d+\.\d{3}")
# An application that writes faster than this buffers.
ONE_BY_ONE_MAX = 20_000
# Earlier lines do not count: connections and the topic's metadata are not part of the steady state.
WARM_UP_S = 1.0


class Place(typing.Protocol):
    """What a measurement needs."""

    binary: pathlib.Path
    folder: pathlib.Path
    broker: Broker
    files: dict[str, pathlib.Path]


def write_at(out: typing.BinaryIO, rate: float, seconds: float, line: typing.Callable[[int], bytes]) -> int:
    """An application that writes lines at a rate; `line` returns the line for a number. One write per line, above
    `ONE_BY_ONE_MAX` lines a second one write for all lines that are due. Returns the number of lines."""
    written, began = 0, time.monotonic()
    pause = max(0.4 / rate, 0.001) if rate else seconds
    while (elapsed := time.monotonic() - began) < seconds:
        due = range(written, int(elapsed * rate))
        if rate > ONE_BY_ONE_MAX:
            out.write(b"".join(map(line, due)))
        else:
            for number in due:
                out.write(line(number))
        written = max(written, due.stop)
        time.sleep(min(pause, max(0.0, seconds - elapsed)))
    return written


def start(place: Place, runs: int) -> list[float]:
    """From the start of the process to the broker's own timestamp on its first line, in milliseconds."""
    took = []
    for run in range(runs):
        topic = f"start-{run}"
        file = place.folder / f"{topic}.log"
        file.write_bytes(LINES["json"](0))
        place.broker.create(topic)
        began = time.time() * 1000
        shipper = logskiff(place.binary, RAW, place.folder / topic, file, place.broker, topic)
        try:
            await_messages(place, topic, 1, shipper)
            shipper.stop()
        finally:
            shipper.kill()
        took.append(stamps(place, topic)[0][0] - began)
    return took


def latency(place: Place, seconds: float) -> dict[tuple[str, float], list[float]]:
    """Milliseconds from the write of a line to the broker's own timestamp on it, by kind of line and rate, ascending."""
    measured = [(kind, rate) for kind, rates in RATES.items() for rate in rates]
    return {(kind, rate): sorted(latencies(place, kind, rate, seconds)) for kind, rate in measured}


def latencies(place: Place, kind: str, rate: float, seconds: float) -> list[float]:
    """Milliseconds of each line of a kind at a rate."""
    topic = f"latency-{kind}-{rate}"
    file = place.folder / f"{topic}.log"
    file.touch()
    place.broker.create(topic)
    shipper = logskiff(place.binary, RAW | LINGER, place.folder / topic, file, place.broker, topic)
    try:
        time.sleep(1)
        with file.open("ab", buffering=0) as out:
            written = write_at(out, rate, seconds + WARM_UP_S, LINES[kind])
        await_messages(place, topic, written, shipper)
        shipper.stop()
    finally:
        shipper.kill()
    read = stamps(place, topic)
    if len(read) != written:
        raise Failure(f"{topic} holds {len(read)} messages instead of {written}")
    times = [(appended, float(WRITTEN_AT.search(words)[0])) for appended, words in read]
    first = times[0][1] + WARM_UP_S * 1000
    return [appended - wrote for appended, wrote in times if wrote >= first]


def stamps(place: Place, topic: str) -> list[tuple[float, str]]:
    """The messages of the topic, each with the broker's append time in Unix milliseconds."""
    command = ["kcat", "-C", "-q", "-e", "-o", "beginning", "-b", place.broker.address, "-t", topic, "-f", "%T %s\n"]
    read = subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
    return [(float(stamp), words) for stamp, words in (line.split(" ", 1) for line in read)]


def await_messages(place: Place, topic: str, count: int, shipper: Shipper) -> None:
    """Waits until the topic holds this many messages."""
    deadline = time.monotonic() + 600
    while (held := place.broker.end_offset(topic) or 0) < count:
        if time.monotonic() > deadline or shipper.process.poll() is not None:
            raise Failure(f"{topic} holds {held} of {count} messages:\n{shipper.log_tail()}")
        time.sleep(0.1)
