"""Log corpora for measurements, the same on every machine: each event is a function of its number.

An event is a line, except in `java`, where one in five is a stack trace. Every event carries its number once (`seq=N` in a
request or a message, `"seq":N` in JSON), so that a reader can detect lost events, duplicates, and events that were cut or
merged. About one in twelve contains a value that a redaction rule must find; `PLANTED` matches all of these.
"""

import json
import pathlib
import random
import re

# Changes with the lines, so that an outdated file is not used.
VERSION = 1

HOSTS = ("shop.example.com", "api.example.com", "img.example.com")
ROUTES = ("/", "/basket", "/basket/items", "/checkout", "/v2/orders", "/v2/customers/self", "/assets/site.5b1c9e.css", "/find")
BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "kube-probe/1.36", "curl/8.14.1", "python-requests/2.32.4",
)
PEOPLE = ("ines", "tomasz.w", "yuki", "olu.ade", "freya", "mateo", "priya.n", "sanna")
CARDS = ("4111111111111111", "5555555555554444", "378282246310005", "6011111111111117")
CLASSES = ("OrderService", "StockRepository", "PaymentClient", "BasketController", "MailQueue", "PriceListLoader")
METHODS = ("place", "find", "connect", "lambda$reserve$0", "doFilter", "invoke", "getToken")
EVENTS = ("order placed", "payment refused", "stock reserved", "basket merged", "mail queued", "price list reloaded")

# The planted values, as they would appear in the output.
PLANTED = re.compile(rb"@example\.(?:org|net)|%s" % b"|".join(card.encode() for card in CARDS))


def access(rng: random.Random, seq: int) -> str:
    """An nginx line: `combined` with the request time after it."""
    second = seq // 40
    stamp = "%02d/Oct/2026:%02d:%02d:%02d +0000" % (1 + second // 86400 % 30, second // 3600 % 24, second // 60 % 60, second % 60)
    chance = rng.random()
    query = f"seq={seq}"
    if chance < 0.04:
        query += f"&notify={rng.choice(PEOPLE)}@example.org"
    elif chance < 0.06:
        query += f"&pan={rng.choice(CARDS)}"
    elif chance < 0.08:
        query += f"&password={rng.getrandbits(64):016x}@example.net"
    status = rng.choice((200, 200, 200, 200, 201, 302, 304, 404, 502))
    return (
        f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)} - "
        f"{rng.choice(PEOPLE) if chance > 0.85 else '-'} [{stamp}] "
        f"\"{'POST' if chance > 0.7 else 'GET'} {rng.choice(ROUTES)}?{query} HTTP/1.1\" {status} {rng.randrange(60000)} "
        f"\"https://{rng.choice(HOSTS)}/\" \"{rng.choice(BROWSERS)}\" {rng.random() * 3:.3f}\n"
    )


def structured(rng: random.Random, seq: int) -> str:
    """One JSON object, as a structured logger writes it."""
    second, milli = divmod(seq * 25, 1000)
    record: dict[str, object] = {
        "time": "2026-10-%02dT%02d:%02d:%02d.%03dZ" % (1 + second // 86400 % 30, second // 3600 % 24, second // 60 % 60, second % 60, milli),
        "level": rng.choice(("info", "info", "info", "warn", "error")),
        "logger": "shop." + rng.choice(("orders", "stock", "mail")),
        "message": rng.choice(EVENTS),
        "seq": seq,
        "took_ms": round(rng.random() * 800, 2),
        "http": {"method": "GET", "route": rng.choice(ROUTES), "status": rng.choice((200, 404, 502))},
    }
    chance = rng.random()
    if chance < 0.05:
        record["customer"] = {"email": f"{rng.choice(PEOPLE)}@example.org", "card": rng.choice(CARDS)}
    elif chance < 0.08:
        record["message"] = f"login refused, password={rng.getrandbits(64):016x}@example.net"
    return json.dumps(record, separators=(",", ":")) + "\n"


def java(rng: random.Random, seq: int) -> str:
    """An event as logback writes it; one in five is a stack trace with a cause, of 21 lines on average."""
    second, milli = divmod(seq * 25, 1000)
    stamp = "2026-10-%02d %02d:%02d:%02d.%03d" % (1 + second // 86400 % 30, second // 3600 % 24, second // 60 % 60, second % 60, milli)
    thread, logger = f"http-nio-8080-exec-{rng.randrange(1, 40)}", f"com.example.shop.{rng.choice(CLASSES)}"
    chance = rng.random()
    detail = ""
    if chance < 0.05:
        detail = f" for {rng.choice(PEOPLE)}@example.org"
    elif chance < 0.08:
        detail = f" with pan={rng.choice(CARDS)}"
    if seq % 5:
        return f"{stamp} INFO  [{thread}] {logger} - {rng.choice(EVENTS)}{detail} seq={seq}\n"
    frames = lambda count: "".join(
        f"\tat com.example.shop.{rng.choice(CLASSES)}.{rng.choice(METHODS)}({rng.choice(CLASSES)}.java:{rng.randrange(20, 400)})\n"
        for _ in range(count)
    )
    return (
        f"{stamp} ERROR [{thread}] {logger} - {rng.choice(EVENTS)} failed seq={seq}\n"
        f"com.example.shop.StockException: no stock left{detail}\n{frames(rng.randrange(6, 13))}"
        f"Caused by: java.sql.SQLException: cannot connect\n{frames(rng.randrange(5, 12))}\t... {rng.randrange(10, 90)} more\n"
    )


def logfmt(rng: random.Random, seq: int) -> str:
    """The members of a JSON line as pairs, as Go's `slog` writes them."""
    pairs = []
    for name, value in json.loads(structured(rng, seq)).items():
        members = value if isinstance(value, dict) else {"": value}
        for member, text in members.items():
            name_in_line = {"message": "msg"}.get(name, f"{name}.{member}" if member else name)
            pairs.append(f"{name_in_line}={json.dumps(text) if ' ' in str(text) else text}")
    return " ".join(pairs) + "\n"


KINDS = {"access": access, "json": structured, "java": java, "logfmt": logfmt}
# Lines of an event on average.
EVENT_LINES = {"java": 5}


def events(kind: str, lines: int) -> int:
    """The number of events in a corpus of about this many lines."""
    return lines // EVENT_LINES.get(kind, 1)


def line(kind: str, seq: int) -> bytes:
    """The event with this number."""
    return KINDS[kind](random.Random(seq), seq).encode()


def make(folder: pathlib.Path, kind: str, lines: int) -> pathlib.Path:
    """The corpus of about this many lines as a file, created if it does not exist."""
    path = folder / f"{kind}-{lines}-v{VERSION}.log"
    if not path.exists():
        rng, write = random.Random(kind), KINDS[kind]
        partial = path.with_suffix(".partial")
        with partial.open("w", encoding="utf-8") as file:
            count = events(kind, lines)
            for first in range(0, count, 1000):
                file.write("".join(write(rng, seq) for seq in range(first, min(first + 1000, count))))
        partial.rename(path)
    return path
