"""Writes files of single lines, each a record of its own: `events.py KIND [LINES]`, or `events.py list`.

Everything here is made up from a seeded generator, so that a file is the same each time.
"""

import json
import random
import sys

LINES = int(sys.argv[2]) if len(sys.argv) > 2 else 200
R = random.Random(24)
WORDS = "order stock payment mail customer price basket invoice refund parcel".split()
HOST = "web-1.example.org"


def word():
    return R.choice(WORDS)


def clock(line):
    return f"{9 + line // 3600:02}:{line // 60 % 60:02}:{line % 60:02}"


def syslog(n):
    program = R.choice(["systemd[1]", "cron[812]", "sshd[4711]", "kernel", "postfix/smtp[99]"])
    text = R.choice([
        "Started Daily apt download activities.",
        "(root) CMD (run-parts /etc/cron.hourly)",
        "Accepted publickey for deploy from 192.0.2.7 port 52211 ssh2",
        "apt-daily.service: Consumed 1.2s CPU time.",
        "message repeated 2 times: [ connection closed ]",
    ])
    return f"Nov 29 {clock(n)} {HOST} {program}: {text}"


def kernel(n):
    text = R.choice([
        "Call Trace:", " <TASK>", " dump_stack_lvl+0x44/0x5c", "eth0: renamed from veth1", "  node   0: [mem 0x0000-0x9ffff]",
        "Modules linked in: overlay nf_nat", "---[ end trace 0000000000000000 ]---", "RIP: 0033:0x7f0011223344",
        "rax: 0000000000000000 rbx: 0000000000000001", "Out of memory: Killed process 812 (java)",
    ])
    return f"[{n * 1.37 + 3:12.6f}] {text}"


def dpkg(n):
    action = R.choice(["status installed", "status unpacked", "status half-configured", "configure", "trigproc"])
    return f"2026-11-29 {clock(n)} {action} lib{word()}{n % 7}:amd64 1.{n % 9}-{n % 3}"


def access(n):
    agent = R.choice(["curl/8.0", "Mozilla/5.0 (X11; Linux x86_64)", "-"])
    path = R.choice(["/", f"/{word()}/{n}", "/a%0Ab", "/?q=at%20com.acme.Main(Main.java:3)", "/x%0d%0aINFO%20forged"])
    return f'192.0.2.{n % 250} - - [29/Nov/2026:{clock(n)} +0000] "GET {path} HTTP/1.1" {R.choice([200, 304, 404, 500])} {n * 7} "-" "{agent}"'


def indented_list(n):
    return R.choice(["", "  ", "    ", "\t", "      "]) * (n % 4 > 0) + f"- {word()} {word()} {n}"


def ps(n):
    if n == 0:
        return "    PID TTY          TIME CMD"
    return f"{R.choice([n, n * 97, n * 3001]):7} {R.choice(['?', 'pts/0', 'tty1']):8} {clock(n)} {R.choice(['bash', 'java', '[kworker/0:1]', 'nginx: worker'])}"


def tsv(n):
    first = "" if n % 3 else word()
    return f"{first}\t{n}\t{word()}\t{R.random():.3f}"


def yaml_like(n):
    return R.choice([f"{word()}: {n}", f"{word()}:", f"  {word()}: {word()}", f"- {word()}", "---", f"    - name: {word()}", f"# {word()}"])


def json_lines(n):
    value = {"time": f"2026-11-29T{clock(n)}Z", "level": R.choice(["info", "error"]), "msg": R.choice(
        ["order {17", "trace:\njava.lang.X: no\n\tat a.B.c(B.java:3)", "]}", f"{word()} \"quoted\" ["]), "n": n}
    return json.dumps(value, separators=R.choice([(",", ":"), (", ", ": ")]))


def klog(n):
    level = R.choice("IIIWEF")
    return f"{level}1129 {clock(n)}.{n:06} {n % 9 + 1:7} {word()}.go:{n + 10}] {R.choice(['Caches are synced', 'Unable to sync: timed out', 'goroutine 17 [running] is slow'])}"


def logfmt(n):
    return f'time=2026-11-29T{clock(n)}Z level={R.choice(["info", "warn", "error"])} msg="{word()} {word()}" err="a\\n\\tat b" n={n}'


def csv(n):
    if n == 0:
        return "id,word,text,total"
    return f'{n},{word()},"{word()}, {word()}",{R.random() * 100:.2f}'


def key_value(n):
    return f"{word()}={n} {word()}={word()} elapsed={n * 13}ms"


def prints_between(n):
    if n % 3 == 0:
        return f"2026-11-29 {clock(n)},{n:03} INFO  shop.{word()} - {word()} accepted"
    return R.choice([f"debug {word()} = {n}", f"step {n}", f"  {word()} -> {word()}", "done", f"[{n}/200] {word()}", "}", "..."])


def trace_words(n):
    text = R.choice([
        f"Caused by: {n} rows without a key", f"at 10:15 the {word()} was closed", f"... {n} more rows", "Traceback will follow",
        "panic: is only a word", "}", "--- checkpoint ---", "#0 is the first in the list", "Stack trace: none", f"note: {word()} is late",
        "goroutine 17 [running] is what it printed", "exit status 2", "java.lang.IllegalStateException: text, no stack", "{main}",
        "Exception in the rules of the house", "Suppressed: 3 mails", "Next year: more", "stack backtrace: see the handbook",
        "thread 'main' is idle", "During handling of the above exception we waited", "File of orders, line 17", "Require stack: no",
    ])
    return f"{text}"


def stamped_trace_words(n):
    return f"2026-11-29T{clock(n)}Z {trace_words(n)}"


def levels_first(n):
    return f"{R.choice(['INFO', 'WARN', 'ERROR', 'DEBUG'])}{R.choice([': ', '  ', ':shop.orders:'])}{word()} {n}"


def columns(n):
    if n == 0:
        return "NAME                     READY   STATUS             RESTARTS   AGE"
    return f"{word()}-{n * 7919 % 99999:05}-{n:<10}{n % 3}/3     {R.choice(['Running', 'CrashLoopBackOff', 'Completed']):18} {n % 5:<10} {n}m"


def process_tree(n):
    return R.choice(["├─", "│ ├─", "│ └─", "└─", "  ├─"]) + f"{n + 100} /usr/bin/{word()} --port={n + 8000}"


def progress(n):
    return f"{n / 2:5.1f}% |{'#' * (n // 8):<25}| {word()} {n}/200"


def time_only(n):
    return f"{clock(n)} {word()} {R.choice(['started', 'stopped', 'failed: no route to host'])}"


def sql_rows(n):
    if n == 1:
        return "----+--------+-------"
    return f" {'id' if n == 0 else n:>2} | {word():8} | {n * 3:>5}" if n < LINES - 2 else f"({n} rows)"


KINDS = {
    "syslog": syslog, "kernel": kernel, "dpkg": dpkg, "access-log": access, "indented-list": indented_list, "ps": ps,
    "tsv-empty-first-field": tsv, "yaml-like": yaml_like, "json-lines": json_lines, "klog": klog, "logfmt": logfmt, "csv": csv,
    "key-value": key_value, "prints-between-stamps": prints_between, "words-of-traces": trace_words,
    "stamped-words-of-traces": stamped_trace_words, "levels-first": levels_first, "columns": columns, "process-tree": process_tree,
    "progress": progress, "time-of-day": time_only, "rows-of-a-table": sql_rows,
}

if sys.argv[1] == "list":
    print("\n".join(KINDS))
else:
    sys.stdout.reconfigure(encoding="utf-8")
    for number in range(LINES):
        print(KINDS[sys.argv[1]](number))
