"""The measurements as Markdown: the table of targets first, then the figures."""

import dataclasses
import statistics

from work import REDACTION, REFERENCE, WORK

LIVE_RATES = (0, 100, 2000)
# Goals for the live work, in percent of a core and as a ratio to rsyslog's, at each rate; without lines also in MiB. They
# were set on a machine where rsyslog took 0.00 % (by a clock with ticks of 10 ms) and 6 MiB without lines: no more than
# rsyslog, and 8 / 6.
LIVE_GOALS = ((0.0, 1.0), (0.5, 0.5), (1.5, 0.8))
IDLE_MIB = (8.0, 8 / 6)
PEAK_MIB = 24.0
START_MS = 150.0
LATENCY, LATENCY_MS = ("json", 2_000), 100.0
BINARY_MB, IMAGE_MB = 12.0, 25.0
# Goal for the cost of 1,000 additional quiet files, as a ratio to the same work without them.
MANY = ("many", "raw", 1.10)


@dataclasses.dataclass
class Results:
    """All measurements; missing ones are empty."""

    # By work, for each round: CPU seconds per GB, wall time in seconds, peak memory in MiB.
    speed: dict[str, list[dict[str, float]]] = dataclasses.field(default_factory=dict)
    # By work: why there are no figures.
    notes: dict[str, str] = dataclasses.field(default_factory=dict)
    # By work, at each of `LIVE_RATES`, for each round: CPU in percent of a core and memory in MiB.
    live: dict[str, list[list[tuple[float, float]]]] = dataclasses.field(default_factory=dict)
    # Start of the process to the broker's timestamp on its first line, in milliseconds.
    start_ms: list[float] = dataclasses.field(default_factory=list)
    # By kind of line and rate: milliseconds from write to append of each line, ascending.
    latency_ms: dict[tuple[str, float], list[float]] = dataclasses.field(default_factory=dict)
    binary_mb: float | None = None
    image_mb: float | None = None


def middle(runs: list[dict[str, float]], key: str) -> float:
    """The median of one figure."""
    return statistics.median(run[key] for run in runs)


def spread(values: list[float], digits: int) -> str:
    """The median, and the range if it was run more than once."""
    words = f"{statistics.median(values):.{digits}f}"
    return words if len(values) == 1 else f"{words} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def to_reference(results: Results, name: str) -> float | None:
    """The work's CPU as a ratio to rsyslog's in the same run."""
    runs, reference = results.speed.get(name), results.speed.get(WORK[name].reference)
    return middle(runs, "cpu") / middle(reference, "cpu") if runs and reference else None


def pairs(results: Results, name: str, base: str) -> list[float]:
    """CPU of one work divided by that of another, for the two runs of each round."""
    both = zip(results.speed.get(name, ()), results.speed.get(base, ()))
    return [one["cpu"] / other["cpu"] for one, other in both]


def share(ratios: list[float], sorted_share: float) -> float:
    """A quantile of ascending values."""
    return ratios[min(len(ratios) - 1, int(len(ratios) * sorted_share))]


class Table:
    """The table of targets."""

    def __init__(self) -> None:
        self.rows = ["| target | measured | goal | × rsyslog | goal |", "|---|---|---|---|---|"]

    def add(
        self, words: str, value: float | None, goal: float | None, unit: str, digits: int = 1, ratio: tuple[float, float] | None = None
    ) -> None:
        """One target; `ratio`: measured, and its goal. Without a goal only the ratio has one."""
        if value is None:
            return
        cells = self.cells(value, goal, digits, unit) + (self.cells(*ratio, 2, "") if ratio else ("–", "–"))
        self.rows.append(f"| {words} | " + " | ".join(cells) + " |")

    @staticmethod
    def cells(value: float, goal: float | None, digits: int, unit: str) -> tuple[str, str]:
        shown = round(value, digits)
        if goal is None:
            return f"{shown:.{digits}f}{unit}", "–"
        return f"{shown:.{digits}f}{unit}", f"{goal:.{digits}f}{unit}{'' if shown <= goal else ' **missed**'}"


def targets(results: Results) -> str:
    """Every target with its measurement."""
    table = Table()
    for name, work in WORK.items():
        if work.goal and results.speed.get(name):
            ratio = to_reference(results, name)
            table.add(f"{work.words}: CPU s/GB", middle(results.speed[name], "cpu"), work.goal[0], "", 1, ratio and (ratio, work.goal[1]))
    peaks = [middle(runs, "rss") for name, runs in results.speed.items() if WORK[name].goal and runs]
    table.add("peak of memory at full speed, the largest of these medians", max(peaks, default=None), PEAK_MIB, " MiB")
    live_targets(results, table)
    if results.latency_ms.get(LATENCY):
        words = f"write to append at {LATENCY[1]:,} lines/s that are whole by themselves, p99"
        table.add(words, share(results.latency_ms[LATENCY], 0.99), LATENCY_MS, " ms", 0)
    table.add("start to the append of the first line", statistics.median(results.start_ms) if results.start_ms else None, START_MS, " ms", 0)
    for words, (name, base, most) in (
        ("1,000 quiet files beside a busy one: CPU to that without", MANY),
        ("`secrets,pii` and fields by name: CPU to that without redaction", REDACTION),
    ):
        ratios = pairs(results, name, base)
        table.add(words, statistics.median(ratios) if ratios else None, most, "", 2)
    table.add("stripped release binary", results.binary_mb, BINARY_MB, " MB")
    table.add("files of the image", results.image_mb, IMAGE_MB, " MB")
    return "\n".join(table.rows)


def live_targets(results: Results, table: Table) -> None:
    """The slow application."""
    runs = results.live.get("raw")
    if not runs:
        return
    reference = results.live.get(REFERENCE)
    for at, (rate, (most, ratio)) in enumerate(zip(LIVE_RATES, LIVE_GOALS)):
        words = f"live, {rate:,} lines/s, one write a line" if rate else "live, no lines"
        cpu = live_middle(runs, at, 0)
        to = (cpu / live_middle(reference, at, 0), ratio) if reference else None
        table.add(f"{words}: CPU of a core", cpu, most, " %", 2, to)
        if not rate:
            memory = live_middle(runs, at, 1)
            to = (memory / live_middle(reference, at, 1), IDLE_MIB[1]) if reference else None
            table.add(f"{words}: memory", memory, IDLE_MIB[0], " MiB", 1, to)


def live_middle(runs: list[list[tuple[float, float]]], at: int, figure: int) -> float:
    """The median at one rate."""
    return statistics.median(run[at][figure] for run in runs)


def speed_table(results: Results) -> str:
    """The runs at full speed."""
    rows = ["| work | cpu-s/GB | × rsyslog | wall, s | peak RSS, MiB |", "|---|---|---|---|---|"]
    for name, runs in results.speed.items():
        if not runs:
            rows.append(f"| {WORK[name].words} | {results.notes.get(name, '–')} | – | – | – |")
            continue
        ratio = to_reference(results, name)
        figures = [spread([run[key] for run in runs], 1) for key in ("cpu", "wall", "rss")]
        rows.append(f"| {WORK[name].words} | {figures[0]} | {f'{ratio:.2f}' if ratio else '–'} | {figures[1]} | {figures[2]} |")
    return "\n".join(rows)


def pair_sentences(results: Results) -> list[str]:
    """Ratios of two kinds of work in the same round."""
    sentences = []
    for name, base, most in (MANY, REDACTION):
        if ratios := pairs(results, name, base):
            sentences.append(
                f"CPU of “{WORK[name].words}” to “{WORK[base].words}”, pairs of one round: × {spread(ratios, 2)}, goal × {most:.2f}."
            )
    return sentences


def live_table(results: Results) -> str:
    """The slow application."""
    heads = ["no lines" if rate == 0 else f"{rate:,} lines/s" for rate in LIVE_RATES]
    rows = ["| live, one write a line: CPU of one core, RSS | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    for name, runs in results.live.items():
        cells = [
            f"{spread([run[at][0] for run in runs], 2)} %, {live_middle(runs, at, 1):.1f} MiB" for at in range(len(LIVE_RATES))
        ]
        rows.append(f"| {WORK[name].words} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def latency_table(results: Results) -> str:
    """From the write of a line to the broker's own timestamp on it."""
    rows = ["| write to append by the broker, linger 50 ms | p50, ms | p99, ms | p99.9, ms | most, ms |", "|---|---|---|---|---|"]
    for (kind, rate), took in results.latency_ms.items():
        at = [share(took, part) for part in (0.5, 0.99, 0.999, 1.0)]
        rows.append(f"| {kind}, {rate:,} lines/s | " + " | ".join(f"{ms:.0f}" for ms in at) + " |")
    return "\n".join(rows)


def report(results: Results) -> str:
    """The whole report."""
    parts = [targets(results), speed_table(results) if results.speed else "", *pair_sentences(results)]
    if results.live:
        parts.append(live_table(results))
    if results.start_ms:
        parts.append(f"Start of the process to the broker's stamp on its first line: {spread(results.start_ms, 0)} ms.")
    if results.latency_ms:
        parts.append(latency_table(results))
    return "\n\n".join(part for part in parts if part)
