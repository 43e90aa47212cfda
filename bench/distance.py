"""Kafka at a distance: rate, CPU and peak memory through a proxy that delays what passes."""

import contextlib
import dataclasses
import pathlib
import re
import statistics
import time
import typing
import urllib.request

from pace import LINES, WRITTEN_AT, stamps, write_at
from parts import Broker, Failure, Shipper, free_ports, logskiff
from proxy import Proxy
from work import RAW

DELAYS_MS = (0, 1, 5, 20, 100)
# Name: partitions, and whether each file has a key of its own.
TOPICS = {"1 partition": (1, False), "6, no key": (6, False), "6, keyed": (6, True), "30, no key": (30, False), "30, keyed": (30, True)}
# With keys, the lines come from so many files, each of which is a key.
FILES = 60
# It is measured once it runs: connected, with an id, and what waits is full.
WARM_UP_S = 1.5
# Lines a second, and the delay.
LATENCY, LATENCY_MS = 2000, 20
DRAIN_BYTES, DRAIN_MS = 8_000_000, 100
LIVE = ("1 partition", "30, keyed")
ACKNOWLEDGED = re.compile(r'^logskiff_acknowledged_bytes_total(?:\{[^}]*\})? (\d+)', re.M)


@dataclasses.dataclass
class Figures:
    """Of one run."""

    # MB of the files, 10^6 bytes, a second.
    rate: float
    # CPU seconds a GB.
    cpu: float
    peak_mib: float


class Place(typing.Protocol):
    """What a measurement needs."""

    binary: pathlib.Path
    folder: pathlib.Path
    files: dict[str, pathlib.Path]


class Distance:
    """The broker behind the proxy, and the files."""

    def __init__(self, place: Place, broker: Broker, proxy: Proxy, seconds: float, say: typing.Callable[[str], None]):
        self.place, self.broker, self.proxy, self.seconds, self.say = place, broker, proxy, seconds, say
        self.runs = 0
        self.split = place.folder / "split"
        self.split.mkdir()
        with place.files["access"].open("rb") as lines:
            files = [(self.split / f"{number:02}.log").open("wb") for number in range(FILES)]
            for number, line in enumerate(lines):
                files[number % FILES].write(line)
            for file in files:
                file.close()

    def run(self, binary: pathlib.Path, name: str, settings: dict[str, str]) -> Figures:
        """One run of a binary against a new topic."""
        partitions, keyed = TOPICS[name]
        self.runs += 1
        topic, (port,) = f"distance-{self.runs}", free_ports(1)
        self.broker.create(topic, partitions)
        more = {"LOGSKIFF_KAFKA_BROKERS": f"127.0.0.1:{self.proxy.port}", "LOGSKIFF_HTTP_LISTEN": f"127.0.0.1:{port}"}
        paths = f"{self.split}/*.log" if keyed else str(self.place.files["access"])
        more |= {"LOGSKIFF_PATHS": paths} | ({"LOGSKIFF_KAFKA_KEY": "{file}"} if keyed else {})
        work = self.place.folder / topic
        shipper = logskiff(binary, settings | more, work, self.place.files["access"], self.broker, topic)
        try:
            while not self.acknowledged(port):
                time.sleep(0.02)
                if shipper.process.poll() is not None or time.monotonic() - shipper.start > 60:
                    raise Failure(f"{topic}: nothing is acknowledged:\n{shipper.log_tail()}")
            time.sleep(WARM_UP_S)
            start, bytes_before, cpu_before = time.monotonic(), self.acknowledged(port), shipper.cpu_ns()
            time.sleep(self.seconds)
            took, got, cpu = time.monotonic() - start, self.acknowledged(port) - bytes_before, shipper.cpu_ns() - cpu_before
            if bytes_before + got >= sum(file.stat().st_size for file in self.split.iterdir()):
                self.say(f"{topic}: all lines were sent before the end, so that the rate is too low: use more --lines")
        finally:
            shipper.kill()
        if got == 0:
            raise Failure(f"{topic}: nothing was acknowledged in {took:.1f} s; if the lines ran out, use more --lines")
        return Figures(got / took / 1e6, cpu / got, shipper.peak_kib / 1024)

    def latency(self, binary: pathlib.Path, name: str) -> float:
        """The p99 of milliseconds from the write of a line to the broker's own timestamp on it, at `LATENCY` lines a second."""
        with self.live(binary, name) as (shipper, topic, file):
            with file.open("ab", buffering=0) as out:
                written = write_at(out, LATENCY, self.seconds + WARM_UP_S, LINES["json"])
            deadline = time.monotonic() + 30
            while len(read := stamps(self, topic)) < written + 1:
                if time.monotonic() > deadline:
                    raise Failure(f"{topic} holds {len(read)} messages instead of {written}:\n{shipper.log_tail()}")
        times = [(appended, float(WRITTEN_AT.search(words)[0])) for appended, words in read]
        first = min(wrote for _, wrote in times) + (1 + WARM_UP_S) * 1000
        took = sorted(appended - wrote for appended, wrote in times if wrote >= first)
        return took[int((len(took) - 1) * 0.99)]

    def drain(self, binary: pathlib.Path, name: str) -> float:
        """Seconds from SIGTERM to the end, when `DRAIN_BYTES` were written just before; infinite if not all left."""
        with self.live(binary, name) as (shipper, topic, file):
            lines = b"".join(LINES["json"](number) for number in range(DRAIN_BYTES // 170))
            with file.open("ab", buffering=0) as out:
                out.write(lines)
            start = time.monotonic()
            shipper.stop()
            took = time.monotonic() - start
        # At the end of its time a drain leaves what is not acknowledged in the file.
        return took if len(stamps(self, topic)) > lines.count(b"\n") else float("inf")

    @contextlib.contextmanager
    def live(self, binary: pathlib.Path, name: str) -> typing.Iterator[tuple[Shipper, str, pathlib.Path]]:
        """A shipper that has sent one line of a file, and its topic. With keys, each line has its own."""
        partitions, keyed = TOPICS[name]
        self.runs += 1
        topic = f"live-{self.runs}"
        file = self.place.folder / f"{topic}.log"
        file.write_bytes(LINES["json"](0))
        self.broker.create(topic, partitions)
        more = {"LOGSKIFF_KAFKA_BROKERS": f"127.0.0.1:{self.proxy.port}", "LOGSKIFF_HTTP_LISTEN": "off"}
        more |= {"LOGSKIFF_PARSE": "json", "LOGSKIFF_KAFKA_KEY": "{field.k}"} if keyed else {}
        shipper = logskiff(binary, RAW | more, self.place.folder / topic, file, self.broker, topic)
        try:
            deadline = time.monotonic() + 30
            while not stamps(self, topic):
                if time.monotonic() > deadline:
                    raise Failure(f"{topic} stays empty:\n{shipper.log_tail()}")
            time.sleep(1)
            yield shipper, topic, file
        finally:
            shipper.kill()

    @staticmethod
    def acknowledged(port: int) -> int:
        """The bytes that are acknowledged."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return sum(map(int, ACKNOWLEDGED.findall(answer.read().decode())))
        except OSError:
            return 0


def measure(place: Place, jars: pathlib.Path, options: "Options", say: typing.Callable[[str], None]) -> str:
    """Rounds of all cases, the binaries in turns; returns the table."""
    # The broker advertises the proxy, which is there first.
    (port,) = free_ports(1)
    proxy = Proxy(("127.0.0.1", port))
    results: dict[tuple[str, str, int], list[Figures]] = {}
    try:
        with Broker(jars, place.folder / "far-broker", (port, proxy.port)) as broker:
            distance = Distance(place, broker, proxy, options.seconds, say)
            for round_no in range(options.runs):
                for delay in options.delays:
                    say(f"{delay} ms each way: a round trip of one message takes {proxy.set_delay(delay):.1f} ms")
                    for case in options.cases:
                        for name, binary in options.binaries.items():
                            figures = distance.run(binary, case, RAW)
                            results.setdefault((name, case, delay), []).append(figures)
                            say(f"{case}, {delay} ms, {name}, round {round_no + 1}: {figures.rate:.2f} MB/s, "
                                f"{figures.cpu:.1f} s/GB, {figures.peak_mib:.1f} MiB")
            rows = [table(results, options), ""]
            for name, binary in options.binaries.items() if options.live else ():
                for words, delay, run in (
                    (f"p99 at {LATENCY:,} lines/s, {LATENCY_MS} ms, in ms", LATENCY_MS, distance.latency),
                    (f"drain of {DRAIN_BYTES / 1e6:.0f} MB, {DRAIN_MS} ms, in s", DRAIN_MS, distance.drain),
                ):
                    proxy.set_delay(delay)
                    took = {case: statistics.median(run(binary, case) for _ in range(min(options.runs, 3))) for case in LIVE}
                    rows.append(f"{words}, {name}: " + ", ".join(f"{case} {value:.3g}" for case, value in took.items()) + ".")
                    say(rows[-1])
    finally:
        proxy.close()
    return "\n".join(rows)


@dataclasses.dataclass
class Options:
    """What is measured."""

    binaries: dict[str, pathlib.Path]
    runs: int
    seconds: float
    delays: tuple[int, ...] = DELAYS_MS
    cases: tuple[str, ...] = tuple(TOPICS)
    # Also latency and drain.
    live: bool = True


def table(results: dict[tuple[str, str, int], list[Figures]], options: Options) -> str:
    """The medians."""
    rows = ["| MB/s, CPU s/GB, peak MiB | " + " | ".join(f"{delay} ms" for delay in options.delays) + " |"]
    rows.append("|---" * (len(options.delays) + 1) + "|")
    for case in options.cases:
        for name in options.binaries:
            cells = []
            for delay in options.delays:
                runs = results[name, case, delay]
                rate, cpu, peak = (statistics.median(getattr(run, key) for run in runs) for key in ("rate", "cpu", "peak_mib"))
                cells.append(f"{rate:.3g}, {cpu:.1f}, {peak:.1f}")
            words = case if len(options.binaries) == 1 else f"{case}, {name}"
            rows.append(f"| {words} | " + " | ".join(cells) + " |")
    return "\n".join(rows)
