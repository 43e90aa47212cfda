"""Writes logs of servers with events of several lines: `events.py KIND.PREFIX`, or `events.py list`.

PostgreSQL and nginx are started for it; MySQL's slow log is written out by hand. The servers know no marker. For the kinds of the
list the marker is put before each line that has the server's head: what was asked of them is known, and none of their later lines
has such a head. For the others each question makes one event, which is what the log has grown by.
"""

import contextlib
import functools
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

MARK = "%%%% event\n"
NOBODY = 65534


@contextlib.contextmanager
def serving(command, folder, ready):
    """A server in the foreground, from when it is ready, with its log at `log` in the folder."""
    with open(f"{folder}/log", "a") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        end = time.monotonic() + 60
        while not ready():
            if time.monotonic() > end:
                sys.exit(f"{command} is not ready:\n" + open(f"{folder}/log").read())
            time.sleep(0.05)
        yield
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def postgresql(folder, settings=()):
    """A server; yields a function that asks it a statement."""
    found = sorted(folder for folder, _, names in os.walk("/usr/lib/postgresql") if "initdb" in names)[-1]
    # It refuses root.
    other = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    if other:
        os.chown(folder, NOBODY, NOBODY)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    data, of = f"{folder}/data", ["-h", folder, "-U", "app", "-d", "postgres"]
    subprocess.run([*other, f"{found}/initdb", "-D", data, "-U", "app", "-A", "trust", "-N", "--locale=C", "-E", "UTF8"], check=True, **quiet)
    options = [f"-c{s}" for s in ("listen_addresses=", f"unix_socket_directories={folder}", "fsync=off", "log_line_prefix=%m [%p] ", *settings)]
    ready = lambda: subprocess.run([f"{found}/pg_isready", *of], **quiet).returncode == 0
    with serving([*other, f"{found}/postgres", "-D", data, *options], folder, ready):
        yield lambda statement: subprocess.run([f"{found}/psql", *of, "-c", statement], **quiet)


@contextlib.contextmanager
def nginx(folder):
    """A server without any files; yields a function that asks it for a path, in which a newline is decoded."""
    with open(f"{folder}/nginx.conf", "w") as file:
        file.write(f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/log;\n"
                   f"events {{}} http {{ access_log off; server {{ listen unix:{folder}/socket; root /srv/app/html; }} }}\n")

    def ask(path):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{folder}/socket")
            client.sendall(f"GET {path} HTTP/1.0\r\nHost: shop.example.org\r\n\r\n".encode())
            while client.recv(4096):
                pass

    command = ["nginx", "-p", folder, "-c", f"{folder}/nginx.conf", "-e", f"{folder}/log"]
    with serving(command, folder, lambda: os.path.exists(f"{folder}/socket")):
        yield ask


def log_of(folder):
    with open(f"{folder}/log", newline="") as log:
        return log.read()


def by_head(server, questions, head):
    """The whole log, also of the server's start and end, with a marker before each line with a head."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        with server(folder) as ask:
            for question in questions:
                ask(question)
        text = log_of(folder).replace(folder, "/srv/app/run")
    return "".join((MARK if re.match(head, line) else "") + line for line in re.findall(r".*\n", text))


def by_size(server, questions):
    """What each question adds to the log, with a marker before it."""
    text = ""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, server(folder) as ask:
        for question in questions:
            before = len(log_of(folder))
            ask(question)
            text += MARK + log_of(folder)[before:]
    return text


STATEMENTS = [
    "CREATE TABLE orders (id int PRIMARY KEY, total numeric, note text)",
    "SELECT id,\n       totl\nFROM orders\nWHERE id = 17",
    "INSERT INTO orders\nVALUES (17, 3, 'two\nlines')",
    "INSERT INTO orders VALUES (17, 4, '2026-11-29 23:24:42 looks like a head')",
    "INSERT INTO orders VALUES (17,\n4,\n'2026-11-29 23:24:42 no head')",
    "DO $$ BEGIN\n  RAISE EXCEPTION E'no stock\\n\\nfor order 17' USING HINT = E'wait\\nor cancel';\nEND $$",
    "SELECT 1/0",
]
FAILING = [
    "SELECT 1/0",
    "DO $$ BEGIN RAISE EXCEPTION E'no stock\\n\\nfor order 17\\n  see:\\n2026-11-29 23:24:42 the warehouse'; END $$",
    'SELECT "a\ncolumn of two lines"',
    "SELECT 'x'::date",
    "DO $$ BEGIN RAISE EXCEPTION E'Caused by: {\\n\"id\": 17\\n}'; END $$",
    "SELECT 1/0",
]
GOOD = ["SELECT 1", "SELECT 1,\n       2\n\nAS two", "SELECT 'two\n2026-11-29 23:24:42 UTC [17] LOG:  looks like a head'", "SELECT 2"]
SLOW = """/usr/sbin/mysqld, Version: 8.0.40 (MySQL Community Server - GPL). started with:
Tcp port: 3306  Unix socket: /var/run/mysqld/mysqld.sock
Time                 Id Command    Argument
%%%% event
# Time: 2026-11-29T23:24:42.123456Z
# User@Host: shop[shop] @ web-1.example.org [192.0.2.7]  Id:    17
# Query_time: 2.113000  Lock_time: 0.000004 Rows_sent: 10  Rows_examined: 120000
use shop;
SET timestamp=1795994682;
SELECT o.id, o.total
FROM orders o
  JOIN customers c ON c.id = o.customer
ORDER BY o.id;
%%%% event
# Time: 2026-11-29T23:24:44.000456Z
# User@Host: shop[shop] @ web-1.example.org [192.0.2.7]  Id:    17
# Query_time: 3.001000  Lock_time: 0.000002 Rows_sent: 0  Rows_examined: 9
SET timestamp=1795994684;
INSERT INTO notes VALUES ('first line

# not a head
third line');
%%%% event
# Time: 2026-11-29T23:24:44.000456Z
# User@Host: shop[shop] @ web-1.example.org [192.0.2.7]  Id:    18
# Query_time: 5.000400  Lock_time: 0.000000 Rows_sent: 1  Rows_examined: 1
SET timestamp=1795994684;
SELECT SLEEP(5);
%%%% event
# Time: 2026-11-29T23:24:50.900456Z
# User@Host: shop[shop] @ localhost []  Id:    19
# Query_time: 2.000000  Lock_time: 0.000000 Rows_sent: 0  Rows_examined: 0
SET timestamp=1795994690;
# administrator command: Quit;
%%%% event
# Time: 2026-11-29T23:24:51.900456Z
# User@Host: shop[shop] @ web-1.example.org [192.0.2.7]  Id:    20
# Query_time: 2.500000  Lock_time: 0.000001 Rows_sent: 3  Rows_examined: 400
SET timestamp=1795994691;
UPDATE orders SET note = 'a; b' WHERE id IN (
  SELECT id FROM late
);
"""
PATHS = ["/orders/17", "/orders%0A17", "/a", "/b%0Aline%202%0A%0Aline%204", "/c%0D%0AERROR%20forged", "/d%0A%20%20indented", "/e", "/f%09tab"]

VERBOSE = ["log_statement=all", "log_error_verbosity=verbose"]
# A report is the error alone: details and the statement would be events of their own.
TERSE = ["log_error_verbosity=terse", "log_min_error_statement=panic"]
KINDS = {
    "failed-statements.postgresql": lambda: by_head(postgresql, STATEMENTS, r"\d{4}-\d\d-\d\d "),
    "logged-statements.postgresql": lambda: by_head(functools.partial(postgresql, settings=VERBOSE), STATEMENTS, r"\d{4}-\d\d-\d\d "),
    "decoded-newlines.nginx": lambda: by_head(nginx, PATHS, r"\d{4}/\d\d/\d\d "),
    "slow-queries.mysql": lambda: MARK + SLOW,
}
MEASURED = {
    "errors.postgresql": lambda: by_size(functools.partial(postgresql, settings=TERSE), FAILING),
    "statements.postgresql": lambda: by_size(functools.partial(postgresql, settings=["log_statement=all"]), GOOD),
    # A forged line with a level begins a record of its own.
    "requests.nginx": lambda: by_size(nginx, [path for path in PATHS if "ERROR" not in path]),
}

if sys.argv[1] == "list":
    print("\n".join(KINDS))
else:
    sys.stdout.reconfigure(newline="")
    sys.stdout.write((KINDS | MEASURED)[sys.argv[1]]())
