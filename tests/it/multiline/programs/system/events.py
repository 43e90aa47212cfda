"""Writes logs of servers with events of several lines: `events.py KIND.PREFIX`, or `events.py list`.

PostgreSQL and nginx are started for it; MySQL's slow log is written out by hand. The servers know no marker, so the marker is put
before each line that has the server's head: what was asked of them is known, and none of their later lines has such a head.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

MARK = "%%%% event\n"
NOBODY = 65534


def marked(text, head):
    return "".join((MARK if re.match(head, line) else "") + line for line in re.findall(r".*\n", text))


def postgresql(statements, settings=()):
    """What a server logs about statements, some of which fail."""
    found = sorted(folder for folder, _, names in os.walk("/usr/lib/postgresql") if "initdb" in names)[-1]
    folder = tempfile.mkdtemp(dir="/srv/app")
    os.chown(folder, NOBODY, NOBODY)
    os.chmod("/srv/app", 0o755)
    nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    data = f"{folder}/data"
    subprocess.run([*nobody, f"{found}/initdb", "-D", data, "-U", "app", "-A", "trust", "-N", "--locale=C"], check=True, **quiet)
    options = [f"-c{s}" for s in ("listen_addresses=", f"unix_socket_directories={folder}", "fsync=off", "log_line_prefix=%m [%p] ", *settings)]
    with open(f"{folder}/log", "w") as log:
        server = subprocess.Popen([*nobody, f"{found}/postgres", "-D", data, *options], stderr=log, stdout=log, cwd=folder)
    for _ in range(600):
        if os.path.exists(f"{folder}/.s.PGSQL.5432") and subprocess.run([f"{found}/pg_isready", "-h", folder, "-U", "app", "-d", "postgres"], **quiet).returncode == 0:
            break
        time.sleep(0.1)
    for statement in statements:
        subprocess.run([f"{found}/psql", "-h", folder, "-U", "app", "-d", "postgres", "-c", statement], **quiet)
    server.terminate()
    server.wait()
    text = open(f"{folder}/log", newline="").read().replace(folder, "/srv/app/run")
    shutil.rmtree(folder)
    return marked(text, r"\d{4}-\d\d-\d\d ")


def nginx(paths):
    """What nginx logs about files that it does not find; a newline of a path is decoded."""
    folder = tempfile.mkdtemp(dir="/srv/app")
    with open(f"{folder}/nginx.conf", "w") as file:
        file.write(f"daemon off; master_process off; user root; pid {folder}/pid; error_log {folder}/log;\n"
                   f"events {{}} http {{ access_log off; server {{ listen unix:{folder}/socket; root /srv/app/html; }} }}\n")
    server = subprocess.Popen(["nginx", "-p", folder, "-c", f"{folder}/nginx.conf", "-e", f"{folder}/log"], stderr=subprocess.DEVNULL)
    while not os.path.exists(f"{folder}/socket"):
        time.sleep(0.1)
    for path in paths:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{folder}/socket")
            client.sendall(f"GET {path} HTTP/1.0\r\nHost: shop.example.org\r\n\r\n".encode())
            while client.recv(4096):
                pass
    server.terminate()
    server.wait()
    text = open(f"{folder}/log", newline="").read()
    shutil.rmtree(folder)
    return marked(text, r"\d{4}/\d\d/\d\d ")


STATEMENTS = [
    "CREATE TABLE orders (id int PRIMARY KEY, total numeric, note text)",
    "SELECT id,\n       totl\nFROM orders\nWHERE id = 17",
    "INSERT INTO orders\nVALUES (17, 3, 'two\nlines')",
    "INSERT INTO orders VALUES (17, 4, '2026-11-29 23:24:42 looks like a head')",
    "INSERT INTO orders VALUES (17,\n4,\n'2026-11-29 23:24:42 no head')",
    "DO $$ BEGIN\n  RAISE EXCEPTION E'no stock\\n\\nfor order 17' USING HINT = E'wait\\nor cancel';\nEND $$",
    "SELECT 1/0",
]
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

KINDS = {
    "failed-statements.postgresql": lambda: postgresql(STATEMENTS),
    "logged-statements.postgresql": lambda: postgresql(STATEMENTS, ["log_statement=all", "log_error_verbosity=verbose"]),
    "decoded-newlines.nginx": lambda: nginx(PATHS),
    "slow-queries.mysql": lambda: MARK + SLOW,
}

if sys.argv[1] == "list":
    print("\n".join(KINDS))
else:
    sys.stdout.reconfigure(newline="")
    sys.stdout.write(KINDS[sys.argv[1]]())
