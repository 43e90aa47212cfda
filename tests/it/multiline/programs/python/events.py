"""Writes logs of several events as Python services write them: `events.py KIND.PREFIX`, or `events.py list`.

A line `%%%% event` comes before each event. Standard output and standard error go to one pipe.
`lines.PREFIX` logs each line of standard input as an event.
"""

import asyncio
import faulthandler
import json
import logging
import os
import subprocess
import sys
import threading
import warnings

MARK = "%%%% event\n"
KINDS = {}


def event():
    """Marks the event that comes next."""
    sys.stderr.flush()
    sys.stdout.write(MARK)
    sys.stdout.flush()


class Marked(logging.StreamHandler):
    """A handler of the standard library that marks each event."""

    def emit(self, record):
        event()
        super().emit(record)


FORMATS = {
    "logging-time": "%(asctime)s %(levelname)s %(name)s: %(message)s",
    "logging-basic": logging.BASIC_FORMAT,
    "logging-dashes": "%(asctime)s - %(name)s - %(levelname)s - %(message)s",
    "flask": "[%(asctime)s] %(levelname)s in %(module)s: %(message)s",
}


def standard(prefix):
    handler = Marked(sys.stdout)
    handler.setFormatter(logging.Formatter(FORMATS[prefix]))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    return logging.getLogger("shop.orders")


def uvicorn_log(_):
    import logging.config
    from uvicorn.config import LOGGING_CONFIG

    configuration = json.loads(json.dumps(LOGGING_CONFIG))
    for handler in configuration["handlers"].values():
        handler["()"] = Marked
        handler["stream"] = sys.stdout
        del handler["class"]
    logging.config.dictConfig(configuration)
    return logging.getLogger("uvicorn.error")


def gunicorn_log(_):
    from gunicorn.glogging import Logger

    handler = Marked(sys.stdout)
    handler.setFormatter(logging.Formatter(Logger.error_fmt, Logger.datefmt))
    log = logging.getLogger("gunicorn.error")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    return log


def loguru_log(prefix):
    from loguru import logger

    def sink(message):
        event()
        sys.stdout.write(message)
        sys.stdout.flush()

    logger.remove()
    logger.add(sink, colorize=prefix.endswith("colours"), backtrace=True, diagnose=True)
    return logger


def structlog_log(prefix):
    import structlog

    class Output:
        """What structlog writes a rendered event to."""

        def msg(self, message):
            event()
            sys.stdout.write(message + "\n")
            sys.stdout.flush()

        log = debug = info = warning = error = critical = exception = msg

    formatter = structlog.dev.plain_traceback
    if prefix.endswith("rich"):
        formatter = structlog.dev.RichTracebackFormatter(width=100, show_locals=True, color_system=None)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer(colors=prefix.endswith("rich"), exception_formatter=formatter, sort_keys=False),
        ],
        logger_factory=lambda *_: Output(),
    )
    return structlog.get_logger().bind(order=17)


class Plain:
    """Prints, as a program without a logger does."""

    def info(self, text):
        event()
        print(text, flush=True)


def logger_of(prefix):
    makers = {"uvicorn": uvicorn_log, "gunicorn": gunicorn_log, "loguru": loguru_log, "structlog": structlog_log}
    if prefix == "none":
        return Plain()
    return makers.get(prefix.split("-")[0], standard)(prefix)


# The failures of a shop.


class OrderError(Exception):
    pass


def query(text):
    total = {"id": 17}
    return total["total"] + len(text)


def chained():
    try:
        query("select")
    except KeyError as error:
        raise OrderError("order 17 cannot be stored") from error


def during():
    try:
        query("select")
    except KeyError:
        raise ValueError("and the rollback failed")


def nameless():
    raise OrderError


def statement():
    raise OrderError('syntax error at or near "FORM"\nLINE 1: SELECT * FORM orders\n                 ^\n\nhint: FROM')


def noted():
    try:
        chained()
    except OrderError as error:
        error.add_note("- order 17")
        error.add_note("seen by the dispatcher:\n  at 10:15 in warehouse 3")
        raise


def grouped():
    errors = []
    for work in (statement, chained, nameless):
        try:
            work()
        except Exception as error:
            errors.append(error)
    raise ExceptionGroup("3 of 4 orders failed", errors)


def nested_groups():
    try:
        grouped()
    except ExceptionGroup as inner:
        group = ExceptionGroup("shop", [inner, ExceptionGroup("stock", [OSError(5, "disk"), OrderError("a\n\nb")])])
        group.add_note("night run")
        raise group from OrderError("first")


def deep(level=0):
    return deep(level + 1) + 1


def unclosed():
    compile("total = (1 +\nprint(total)\n", "/srv/app/rules.py", "exec")


def caret():
    order = {"items": [{"price": None, "count": 3}]}
    return sum(item["price"] * item["count"] for item in order["items"]) + order["items"][0]["price"]


async def task():
    await asyncio.sleep(0)
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(0))
        group.create_task(failing())


async def failing():
    await asyncio.sleep(0)
    chained()


def gathered():
    asyncio.run(task())


def around(work, text="order 17 failed"):
    """A log: lines around one kind of event, the event twice in a row, and once more between other lines."""

    def write(log):
        def fail():
            try:
                work()
            except (Exception, RecursionError):
                log.exception(text)

        log.info("order 17 accepted")
        fail()
        log.info("order 17 goes to the dead letters")
        fail()
        fail()
        log.info("order 18 accepted")
        log.info("order 19 accepted")
        fail()
        log.info("order 20 accepted")

    return write


def told(*texts):
    """The same for messages of several lines."""

    def write(log):
        log.info("service started in 812 ms")
        for text in texts:
            log.info(text)
            log.info("order 18 accepted")
        for text in texts:
            log.info(text)
        log.info("order 19 accepted")

    return write


def crashes(*kinds):
    """Plain lines, and between them programs that end by a failure of their own."""

    def write(log):
        for number in range(2):
            for kind in kinds:
                log.info(f"2026-11-29 23:24:4{number} worker starts")
                event()
                subprocess.run([sys.executable, __file__, "crash", kind], stderr=sys.stdout, check=False)
        event()
        subprocess.run([sys.executable, __file__, "crash", kinds[0]], stderr=sys.stdout, check=False)
        log.info("2026-11-29 23:24:49 no worker is left")

    return write


def in_thread(work):
    thread = threading.Thread(target=work, name="orders-1")
    thread.start()
    thread.join()


class Connection:
    def __del__(self):
        raise OrderError("connection was not closed")


def sleeping():
    threading.Thread(target=threading.Event().wait, name="idle", daemon=True).start()
    faulthandler.enable()
    faulthandler._sigsegv()


def dropped():
    Connection()


def warned():
    warnings.warn("order() is deprecated,\nuse orders() instead", DeprecationWarning, stacklevel=1)


CRASHES = {
    "chained": chained,
    "during": during,
    "group": nested_groups,
    "thread": lambda: in_thread(noted),
    "recursion": deep,
    "segfault": sleeping,
    "ignored": dropped,
    "warning": warned,
    "syntax": unclosed,
}


def lost_task(log):
    async def run():
        for number in range(3):
            log.info(f"task {number} starts")
            lost = asyncio.create_task(failing(), name=f"order-{number}")
            await asyncio.sleep(0.01)
            del lost
            log.info(f"task {number} is gone")
        await asyncio.sleep(0.01)

    asyncio.run(run())


def requests(work):
    """What an ASGI server writes about requests: the access line of a request comes after its trace."""

    def write(log):
        access = logging.getLogger("uvicorn.access")
        log.info("Started server process [4711]")
        log.info("Waiting for application startup.")
        for number in range(3):
            access.info('%s - "%s %s HTTP/%s" %d', "192.0.2.7:5312", "GET", f"/orders/{number}", "1.1", 200)
            try:
                work()
            except Exception as error:
                access.info('%s - "%s %s HTTP/%s" %d', "192.0.2.7:5312", "GET", "/failing", "1.1", 500)
                log.error("Exception in ASGI application\n", exc_info=error)

    return write


def stacked(log):
    for number in range(3):
        log.info("order 17 accepted")
        log.warning("slow order, and where it waits", stack_info=True)


SQL = "slow statement took 2113 ms:\nSELECT o.id, o.total\nFROM orders o\n  JOIN customers c ON c.id = o.customer\nORDER BY o.id"
YAML = "configuration in force:\nserver:\n  port: 8080\n  hosts:\n  - a.example.org\nlimits: {orders: 10}"
DIFF = "schema changed:\n--- orders.before\n+++ orders.after\n@@ -1,3 +1,3 @@\n id bigint\n-total integer\n+total numeric"
PARAGRAPHS = "The warehouse was closed today.\n\nOrders are kept until tomorrow.\nNothing is lost.\n"
QUOTED = "the payment service wrote:\n11/29/26 23:24:42 E payment refused (code 51)\n11/29/26 23:24:43 I retry"
JSON = "order:\n" + json.dumps({"id": 17, "note": "brace } in text", "items": ["[", {"price": 3}], "empty": {}}, indent=2)
LEADING = "\n{'id': 17,\n 'items': ['apple',\n           'pear']}"
CRLF = "the mail server answered:\r\n550-5.7.1 rejected\r\n550 5.7.1 see https://example.org/why\r\nend"


def lines(log):
    for line in sys.stdin:
        log.info(line.rstrip("\n"))


KINDS = {
    "chained.logging-time": around(chained),
    "during-handling.logging-basic": around(during),
    "group.logging-time": around(grouped),
    "nested-groups.logging-dashes": around(nested_groups),
    "notes.logging-time": around(noted),
    "recursion.logging-basic": around(deep),
    "syntax-error.logging-dashes": around(unclosed),
    "statement-in-exception.logging-time": around(statement),
    "only-a-name.logging-basic": around(nameless),
    "message-newlines.logging-dashes": told(SQL, YAML, DIFF),
    "paragraphs-and-quotes.logging-time": told(PARAGRAPHS, QUOTED),
    "first-line-empty.logging-time": told(LEADING, JSON),
    "carriage-returns.logging-basic": told(CRLF, SQL),
    "stack-info.logging-dashes": stacked,
    "lost-task.logging-basic": lost_task,
    "request.flask": around(chained, "Exception on /orders [GET]"),
    "asgi.uvicorn": requests(chained),
    "task-group.uvicorn": requests(gathered),
    "worker.gunicorn": around(during, "Error handling request /orders"),
    "boot-failure.gunicorn": around(unclosed, "Exception in worker process"),
    "variables.loguru": around(chained),
    "group-margins.loguru": around(grouped),
    "notes-coloured.loguru-colours": around(noted),
    "text.loguru": told(SQL, JSON),
    "exception-after-fields.structlog": around(chained),
    "fields-after-text.structlog": told(YAML, PARAGRAPHS),
    "boxes.structlog-rich": around(during),
    "uncaught.none": crashes("chained", "syntax", "during"),
    "uncaught-group.none": crashes("group", "thread"),
    "native.none": crashes("segfault", "ignored", "warning"),
    "carets-of-3-13.logging-time": around(caret),
    "uncaught-of-3-13.none": crashes("group", "recursion", "thread"),
}


def main():
    name = sys.argv[1]
    if name == "list":
        print("\n".join(KINDS))
    elif name == "crash":
        CRASHES[sys.argv[2]]()
    else:
        sys.stdout.reconfigure(newline="")
        kind, prefix = name.split(".", 1)
        (lines if kind == "lines" else KINDS[name])(logger_of(prefix))


if __name__ == "__main__":
    os.environ["PYTHONWARNINGS"] = "always"
    main()
