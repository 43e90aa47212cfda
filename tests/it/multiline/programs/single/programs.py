"""Has programs write lines of which each is a record of its own: `programs.py FOLDER` writes FOLDER/KIND.log for each kind.

What a kind has of blank lines is left out, and so is what it has beyond its share.
"""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

LINES_MAX = 1500
# Words that a trace could have, for texts that a program is asked to write.
TEXTS = ["at the end of the day", "Caused by the user", "... 12 more rows", "panic: is only a word", "note: late", "exit status 2", "}", "{", "goroutine 17 [running] is slow"]

# A shell's command for each kind, in an empty folder.
COMMANDS = {
    "ps": "for n in 1 2 3 4 5 6 7 8; do ps -eo pid,ppid,stat,rss,comm; done",
    "ls": "ls -lR /usr/include",
    "find": "find /usr/include -ls",
    "dpkg": "dpkg -l",
    "du": "du -a /usr/include/linux",
    "checksums": "find /usr/include/linux -type f -exec md5sum {} +",
    "git-log": "git fast-import --quiet <commits && git log --oneline --graph main",
    "git-stat": "git fast-import --quiet <commits && git log --format='%h %ad %an: %s' main",
    "openssl": "openssl list -digest-algorithms -cipher-algorithms; openssl ciphers -v",
    "gcc-includes": "gcc -H -E includes.c -o /dev/null",
    "gcc-macros": "gcc -dM -E includes.c",
    "readelf": "readelf -sW $(readlink -f /usr/bin/git)",
    "objdump": "objdump -d $(readlink -f /bin/ls)",
    "java-class-loading": "java -Xlog:class+load:stdout:none -version",
    "java-unified-log": "java -Xlog:gc*=debug,class+load,safepoint=debug,module=debug -version",
    "python-imports": "python3 -X importtime -c 'import asyncio, http.server, json, logging.config, unittest.mock, xml.dom.minidom'",
    "python-verbose": "python3 -v -c 'import asyncio'",
    "memory-map": "for n in 1 2 3; do cat /proc/self/smaps; done",
    "settings": "sysctl -a; sysctl -a",
    "libraries": "ldconfig -p; ldconfig -v",
    "xtrace": "bash -x steps",
    "make": "make -d -n",
    "logger": "logger --no-act --stderr --server 127.0.0.1 --udp --port 9 --rfc3164 --tag shop --file texts",
    "tab-separated": "awk -F: -v OFS='\\t' '{ for (n = 0; n < 50; n++) print (n % 3 ? \"\" : $1), n * $3, $6, $7 }' /etc/passwd",
    "ssh": "for n in $(seq 40); do ssh -vv -F none -p 1 127.0.0.1 true; done",
    "archive": "tar -cf x.tar /usr/include/linux && tar -tvf x.tar",
}


def prepare(folder):
    """What the commands read."""
    texts = [TEXTS[n % len(TEXTS)] + f" {n}" * (n % 5 > 0) for n in range(LINES_MAX)]
    commits = "".join(f"commit refs/heads/main\ncommitter a <a@example.org> {1790000000 + n * 60} +0000\ndata {len(text)}\n{text}\n" for n, text in enumerate(texts))
    targets = [f"order{n}" for n in range(60)]
    headers = "assert ctype errno fcntl limits locale math pthread signal stdio stdlib string time unistd wchar sys/socket sys/stat netinet/in arpa/inet netdb".split()
    files = {
        "texts": "\n".join(texts) + "\n",
        "commits": commits,
        "includes.c": "".join(f"#include <{name}.h>\n" for name in headers),
        "steps": "for n in $(seq 500); do total=$((n * 7)); : order $(echo $n); [[ $total -lt 40 ]] || : late; done\n",
        "Makefile": f"all: {' '.join(targets)}\n" + "".join(f"{target}: texts steps\n\techo {target}\n" for target in targets),
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True)


def nginx(folder):
    """What nginx writes to its two logs about requests, by kind."""
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error info;\n"
        f"events {{}} http {{ access_log {folder}/access; root {folder}/html; server {{ listen unix:{folder}/socket; }} }}\n"
    )
    server = subprocess.Popen(["nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error"], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while not (folder / "socket").exists() and time.monotonic() < end:
            time.sleep(0.05)
        for number in range(LINES_MAX):
            text = TEXTS[number % len(TEXTS)]
            with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(ConnectionError):
                client.connect(f"{folder}/socket")
                client.sendall(f"GET /orders/{number} HTTP/1.0\r\nHost: shop\r\nUser-Agent: {text}\r\n\r\n".encode())
                while client.recv(4096):
                    pass
    finally:
        server.terminate()
        server.wait()
    return {f"nginx-{name}": (folder / name).read_bytes() for name in ("access", "error")}


def main():
    to = pathlib.Path(sys.argv[1]).absolute()
    env = {**os.environ, "LC_ALL": "C", "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    written = {}
    for kind, command in COMMANDS.items():
        with tempfile.TemporaryDirectory() as folder:
            prepare(pathlib.Path(folder))
            written[kind] = subprocess.run(["bash", "-c", command], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60).stdout
    with tempfile.TemporaryDirectory() as folder:
        written |= nginx(pathlib.Path(folder))
    for kind, text in written.items():
        lines = [line for line in text.decode(errors="replace").split("\n") if line.strip()][:LINES_MAX]
        (to / f"{kind}.log").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
