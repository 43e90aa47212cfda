"""How cost grows with files, inputs, detectors, length and rate of lines; each as a plot, drawn by gnuplot."""

import dataclasses
import pathlib
import re
import statistics
import subprocess
import time
import typing

from pace import Place, await_messages, write_at
from parts import Failure, logskiff
from work import RAW, WORK

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES = (1, 10, 100, 1_000)
INPUTS = (1, 2, 4, 8, 16)
DETECTORS = (5, 10, 20, 50, 100)
LINE_BYTES = (100, 1_000, 10_000, 100_000)
RATES = (10, 100, 1_000, 10_000, 50_000, 200_000)
# Bytes of text for each length of lines.
TEXT_BYTES = 100_000_000
RATE_S = 5.0
MIB = 1024.0


@dataclasses.dataclass(frozen=True)
class Point:
    """The measurements at one position of the axis: CPU (in the plot's unit), and the peak memory in MiB."""

    x: int
    cpu: float
    rss: float


@dataclasses.dataclass(frozen=True)
class Plot:
    """One plot: curves over one axis."""

    name: str
    axis: str
    unit: str
    curves: dict[str, list[Point]]


def detectors(count: int) -> str:
    """The first detectors, in the order of docs/detectors.md."""
    names = re.findall(r"^\| `(\w+)` \| `(?:secrets|pii)`", (ROOT / "docs" / "detectors.md").read_text(), re.MULTILINE)
    if len(names) < count:
        raise Failure(f"the catalogue has {len(names)} detectors, {count} are asked for")
    return ",".join(names[:count])


def dealt(folder: pathlib.Path, lines: list[bytes], count: int) -> list[pathlib.Path]:
    """Lines distributed in turn to this many files of a folder."""
    files = [folder / f"{number}.log" for number in range(count)]
    if not folder.exists():
        folder.mkdir()
        for number, file in enumerate(files):
            file.write_bytes(b"".join(lines[number::count]))
    return files


def text(place: Place, line_bytes: int) -> tuple[pathlib.Path, int]:
    """The access log's text in lines of one length, and the number of lines."""
    file, lines = place.folder / f"lines-{line_bytes}.log", TEXT_BYTES // line_bytes
    if not file.exists():
        words = place.files["access"].read_bytes().replace(b"\n", b" ")
        words *= TEXT_BYTES // len(words) + 1
        width = line_bytes - 1
        with file.open("wb") as out:
            for number in range(lines):
                out.write(words[number * width : (number + 1) * width] + b"\n")
    return file, lines


class Growth:
    """The measurements, each position several times."""

    def __init__(self, place: Place, lines: int, runs: int, say: typing.Callable[[str], None]):
        self.place, self.lines, self.runs, self.say = place, lines, runs, say
        self.number = 0
        self.access = place.files["access"].read_bytes().splitlines(keepends=True)

    def whole(self, x: int, files: list[pathlib.Path], settings: dict[str, str], lines: int) -> Point:
        """Complete files at full speed: CPU seconds per GB. `settings` name the files if there are several."""
        gigabytes = sum(file.stat().st_size for file in files) / 1e9
        cpus, peaks = [], []
        for _ in range(self.runs):
            topic, work = self.topic()
            shipper = logskiff(self.place.binary, {**settings, "LOGSKIFF_EXIT": "eof"}, work, files[0], self.place.broker, topic)
            try:
                cpus.append(shipper.wait()[0] / gigabytes)
            finally:
                shipper.kill()
            peaks.append(shipper.peak_kib / MIB)
            if (count := self.place.broker.end_offset(topic)) != lines:
                raise Failure(f"{topic} holds {count} messages instead of {lines}")
        return Point(x, statistics.median(cpus), statistics.median(peaks))

    def paced(self, rate: int, settings: dict[str, str]) -> Point:
        """Lines at a rate: CPU in percent of a core."""
        topic, work = self.topic()
        file = self.place.folder / f"{topic}.log"
        file.touch()
        shipper = logskiff(self.place.binary, settings, work, file, self.place.broker, topic)
        try:
            with file.open("ab", buffering=0) as out:
                # Connections and the topic's metadata are not part of the steady state.
                out.write(self.access[0])
                await_messages(self.place, topic, 1, shipper)
                time.sleep(1)
                cpu, began = shipper.cpu_ns(), time.monotonic()
                written = write_at(out, rate, RATE_S, lambda number: self.access[(number + 1) % len(self.access)])
                took = time.monotonic() - began
            # Lines that were not shipped in that time cost too.
            await_messages(self.place, topic, written + 1, shipper)
            percent = (shipper.cpu_ns() - cpu) / 1e7 / took
            shipper.stop()
        finally:
            shipper.kill()
            file.unlink()
        if written < rate * RATE_S * 0.95:
            raise Failure(f"this machine writes {written / RATE_S:.0f} lines/s, not {rate}")
        return Point(rate, percent, shipper.peak_kib / MIB)

    def topic(self) -> tuple[str, pathlib.Path]:
        """A new topic, and a folder for its shipper."""
        self.number += 1
        name = f"growth-{self.number}"
        self.place.broker.create(name)
        return name, self.place.folder / name

    def curve(self, words: str, axis: tuple[int, ...], measure: typing.Callable[[int], Point]) -> list[Point]:
        """One measurement along an axis."""
        points = []
        for x in axis:
            points.append(measure(x))
            self.say(f"growth, {words}: {x:,}: CPU {points[-1].cpu:.2f}, {points[-1].rss:.1f} MiB")
        return points

    def all(self) -> list[Plot]:
        """Every plot."""
        access, whole = WORK["access"].settings, [self.place.files["access"]]
        per_gb = "CPU seconds for each GB"

        def files(count: int) -> Point:
            folder = self.place.folder / f"dealt-{count}"
            return self.whole(count, dealt(folder, self.access, count), {**RAW, "LOGSKIFF_PATHS": f"{folder}/*.log"}, self.lines)

        def inputs(count: int, own: bool) -> Point:
            files = dealt(self.place.folder / f"dealt-{count}", self.access, count)
            settings = {**access, "LOGSKIFF_PATHS": ""}
            for number, file in enumerate(files):
                settings[f"LOGSKIFF_INPUT_I{number}_PATHS"] = str(file)
                if own:
                    settings[f"LOGSKIFF_INPUT_I{number}_REDACT_RULE_OWN"] = f"own{number}=\\w+"
            return self.whole(count, files, settings, self.lines)

        def named(count: int) -> Point:
            return self.whole(count, whole, {**access, "LOGSKIFF_REDACT": detectors(count)}, self.lines)

        def long(line_bytes: int) -> Point:
            file, lines = text(self.place, line_bytes)
            return self.whole(line_bytes, [file], {"LOGSKIFF_PARSE": "none"}, lines)

        return [
            Plot("files", "files", per_gb, {"raw": self.curve("files", FILES, files)}),
            Plot(
                "inputs",
                "named inputs",
                per_gb,
                {
                    "access": self.curve("inputs", INPUTS, lambda count: inputs(count, False)),
                    "access, each with rules of its own": self.curve("inputs with rules", INPUTS, lambda count: inputs(count, True)),
                },
            ),
            Plot("detectors", "detectors", per_gb, {"access": self.curve("detectors", DETECTORS, named)}),
            Plot("line-bytes", "bytes of a line", per_gb, {"unparsed, secrets redacted": self.curve("line bytes", LINE_BYTES, long)}),
            Plot(
                "rate",
                "lines a second",
                "CPU, percent of a core",
                {
                    "raw": self.curve("rate, raw", RATES, lambda rate: self.paced(rate, RAW)),
                    "access": self.curve("rate, access", RATES, lambda rate: self.paced(rate, access)),
                },
            ),
        ]


def draw(plot: Plot, folder: pathlib.Path) -> None:
    """Writes the plot as SVG: CPU to the left, memory to the right."""
    scale = "set logscale y 10" if plot.name == "rate" else "set yrange [0:*]"
    blocks, cpu, rss = [], [], []
    for number, (words, points) in enumerate(plot.curves.items()):
        rows = "\n".join(f"{point.x} {point.cpu:.4f} {point.rss:.2f}" for point in points)
        blocks.append(f"$curve{number} << END\n{rows}\nEND")
        style = f"with linespoints pointtype 7 pointsize 0.5 linewidth 1.5 title '{words}'"
        cpu.append(f"$curve{number} using 1:2 {style}")
        rss.append(f"$curve{number} using 1:3 {style}")
    folder.mkdir(parents=True, exist_ok=True)
    script = "\n".join(
        (
            *blocks,
            "set terminal svg size 900,360 font 'sans-serif,12' background 'white'",
            f"set output '{folder / plot.name}.svg'",
            "set multiplot layout 1,2",
            "set logscale x 10",
            "set format x '%.0s%c'",
            "set grid linecolor '#e4e4e4'",
            "set key below",
            "set autoscale xfix",
            f"set xlabel '{plot.axis}'",
            scale,
            f"set ylabel '{plot.unit}'",
            "plot " + ", ".join(cpu),
            "unset logscale y",
            "set yrange [0:*]",
            "set ylabel 'peak of memory, MiB'",
            "plot " + ", ".join(rss),
            "unset multiplot",
        )
    )
    subprocess.run(["gnuplot", "-"], input=script, text=True, check=True)


def table(plots: list[Plot]) -> str:
    """The figures of the plots, as Markdown."""
    rows = ["| growth with | " + "from the least to the most |", "|---|---|"]
    for plot in plots:
        for words, points in plot.curves.items():
            cells = ", ".join(f"{point.x:,}: {point.cpu:.3g}, {point.rss:.1f} MiB" for point in points)
            rows.append(f"| {plot.axis}, {words} ({plot.unit}, peak of memory) | {cells} |")
    return "\n".join(rows)
