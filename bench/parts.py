"""The real parts of a measurement: a Kafka broker, a shipper as a measured process, and the content of a topic."""

import gzip
import os
import pathlib
import typing
import multiprocessing
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import corpus

# A port range below the kernel's range for outgoing connections.
PORTS = range(21000, 31000, 7)
READY_S = 60.0
# If it is slower than this, something hangs: rsyslog needs about 10 s for a million lines.
RUN_S = 600.0


class Failure(Exception):
    """A measurement that cannot be trusted, with the reason."""


class Unsupported(Exception):
    """The shipper does not know this configuration (exit code 78)."""


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listens on."""
    found = []
    for port in PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise Failure("no free port")


class Broker:
    """One Kafka broker of one node, in its own folder; use as a context."""

    def __init__(self, jars: pathlib.Path, folder: pathlib.Path, far: tuple[int, int] | None = None):
        """`far`: the port of a second listener, and the port of the proxy that it is advertised as."""
        self.port, controller = free_ports(2 if far is None else 3)[-2:]
        self.address = f"127.0.0.1:{self.port}"
        self.folder, self.jars = folder, jars
        folder.mkdir(parents=True)
        self.properties = folder / "server.properties"
        listener, advertised = (f",FAR://127.0.0.1:{port}" for port in far) if far else ("", "")
        self.properties.write_text(
            "process.roles=broker,controller\nnode.id=1\n"
            f"controller.quorum.voters=1@127.0.0.1:{controller}\ncontroller.listener.names=CONTROLLER\n"
            f"listeners=PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{controller}{listener}\n"
            f"advertised.listeners=PLAINTEXT://{self.address}{advertised}\n"
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,FAR:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
            # Each message has the time at which the broker got it.
            "log.message.timestamp.type=LogAppendTime\n"
            f"log.dirs={folder / 'data'}\nlog.retention.ms=-1\nnum.partitions=1\noffsets.topic.replication.factor=1\n"
        )

    def __enter__(self) -> "Broker":
        java = ["java", "-Xmx768m", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{self.jars}/*"]
        storage = ["kafka.tools.StorageTool", "format", "-t", "bG9nc2tpZmYtYmVuY2gtMQ", "-c", self.properties]
        subprocess.run([*java, *storage], check=True, stdout=subprocess.DEVNULL)
        with (self.folder / "broker.log").open("wb") as log:
            self.process = subprocess.Popen([*java, "kafka.Kafka", self.properties], stdout=log, stderr=log)
        deadline = time.monotonic() + READY_S
        while subprocess.run(["kcat", "-L", "-m", "2", "-b", self.address], capture_output=True).returncode != 0:
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.__exit__()
                raise Failure("the broker does not come up:\n" + (self.folder / "broker.log").read_text()[-2000:])
            time.sleep(0.2)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def create(self, topic: str, partitions: int = 1) -> None:
        """Creates a topic. With one partition the broker does so if a client requests an unknown one."""
        if partitions > 1:
            command = ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{self.jars}/*", "org.apache.kafka.tools.TopicCommand"]
            options = ["--bootstrap-server", self.address, "--create", "--topic", topic, "--partitions", str(partitions)]
            subprocess.run([*command, *options], check=True, capture_output=True)
        deadline = time.monotonic() + READY_S
        while self.end_offset(topic) is None:
            subprocess.run(["kcat", "-P", "-b", self.address, "-t", topic], stdin=subprocess.DEVNULL, capture_output=True)
            subprocess.run(["kcat", "-L", "-b", self.address, "-t", topic], capture_output=True)
            if time.monotonic() > deadline:
                raise Failure(f"topic {topic} was not created")

    def end_offset(self, topic: str) -> int | None:
        """The number of messages in the topic; 0 if it does not exist."""
        asked = subprocess.run(["kcat", "-Q", "-b", self.address, "-t", f"{topic}:0:-1"], capture_output=True, text=True)
        found = re.search(r"offset (\d+)", asked.stdout)
        return int(found[1]) if asked.returncode == 0 and found else None

    def contents(self, topic: str):
        """The payloads of the topic, one after another."""
        command = ["kcat", "-C", "-q", "-e", "-o", "beginning", "-b", self.address, "-t", topic, "-f", "%S\n%s"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as kcat:
            while head := kcat.stdout.readline():
                yield kcat.stdout.read(int(head))
        if kcat.returncode != 0:
            raise Failure(f"kcat ended with {kcat.returncode}")


def verify(broker: Broker, topic: str, lines: int, batch: bool, redacted: bool) -> str:
    """Reads the topic back: every event once, parsed, and no planted value left if it must be redacted."""
    seen, duplicates, leaked, failed = bytearray(lines), 0, 0, 0
    number = re.compile(rb'\bseq(?:=|\\?":)(\d+)')
    for payload in broker.contents(topic):
        records = gzip.decompress(payload).splitlines() if batch else (payload,)
        for record in records:
            found = number.search(record)
            seq = int(found[1]) if found else lines
            if seq >= lines:
                raise Failure(f"{topic}: a record without a line's number")
            duplicates += seen[seq]
            seen[seq] = 1
            if redacted:
                leaked += corpus.PLANTED.search(record) is not None
                failed += b'"parse.error"' in record
    lost = lines - sum(seen)
    summary = f"{lost} lost, {duplicates} duplicates" + (f", {leaked} leaked, {failed} not parsed" if redacted else "")
    if lost or duplicates or leaked or failed:
        raise Failure(f"{topic}: {summary}")
    return summary


class Shipper:
    """An observed process: its CPU time by `wait4`, its peak memory by `VmHWM`."""

    def __init__(self, command: list[str], env: dict[str, str], log: pathlib.Path):
        self.log, self.peak_kib, self.start = log, 0, time.monotonic()
        with log.open("wb") as out:
            self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=out)
        self.sampler = threading.Thread(target=self._sample, daemon=True)
        self.sampler.start()

    def _sample(self) -> None:
        # `ru_maxrss` would start with this script's own size, which a new process inherits until it executes its
        # program.
        while (status := self.status("VmHWM")) is not None:
            self.peak_kib = max(self.peak_kib, status)
            time.sleep(0.02)

    def status(self, name: str) -> int | None:
        """A size of `/proc/PID/status` in KiB."""
        try:
            text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return None
        found = re.search(rf"{name}:\s+(\d+) kB", text)
        return int(found[1]) if found else None

    def cpu_ns(self) -> int:
        """The CPU time of its threads so far; the scheduler's own count is finer than `stat`'s ticks of 10 ms."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)

    def wait(self, timeout_s: float = RUN_S) -> tuple[float, float]:
        """Waits for the end; returns (CPU seconds, wall seconds since the start)."""
        deadline = time.monotonic() + timeout_s
        while True:
            pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                self.kill()
                raise Failure(f"still running after {timeout_s:.0f} s:\n{self.log_tail()}")
            time.sleep(0.005)
        wall = time.monotonic() - self.start
        code = self.process.returncode = os.waitstatus_to_exitcode(status)
        if code == 78:
            raise Unsupported(self.log_tail())
        if code != 0:
            raise Failure(f"ended with {code}:\n{self.log_tail()}")
        return usage.ru_utime + usage.ru_stime, wall

    def stop(self) -> tuple[float, float]:
        """Sends SIGTERM, and waits."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(60)

    def kill(self) -> None:
        """Kills it; harmless if it has ended."""
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()

    def log_tail(self) -> str:
        """The end of its own log."""
        return self.log.read_text(errors="replace")[-2000:]


RSYSLOG = """
global(workDirectory="{work}" maxMessageSize="64k")
{queue}
module(load="imfile")
module(load="omkafka")
template(name="line" type="string" string="%msg%")
input(type="imfile" file="{file}" tag="bench" ruleset="ship")
ruleset(name="ship") {{
    action(type="omkafka" broker=["{broker}"] topic="{topic}" template="line"
        confParam=[{parameters}] resubmitOnFailure="on")
}}
"""


def rsyslog(work: pathlib.Path, file: pathlib.Path, broker: Broker, topic: str, tuned: bool) -> Shipper:
    """rsyslog as the reference: imfile to omkafka, lz4, failed messages sent again. `tuned`: with larger batches, as its
    users set it, and the acknowledgements of all replicas."""
    work.mkdir(parents=True)
    config = work / "rsyslog.conf"
    queue, parameters = "", '"compression.codec=lz4"'
    if tuned:
        queue = 'main_queue(queue.dequeuebatchsize="1000")'
        parameters += ',"queue.buffering.max.ms=50","acks=all"'
    config.write_text(
        RSYSLOG.format(work=work, file=file, broker=broker.address, topic=topic, queue=queue, parameters=parameters)
    )
    binary = shutil.which("rsyslogd", path=os.environ["PATH"] + ":/usr/sbin")
    command = [binary, "-n", "-f", str(config), "-i", str(work / "pid")]
    return Shipper(command, dict(os.environ), work / "log")


def environment(settings: dict[str, str], work: pathlib.Path, file: pathlib.Path, broker: Broker, topic: str) -> dict[str, str]:
    """logskiff's defaults except for the given settings; its state is in a new folder."""
    (work / "state").mkdir(parents=True)
    return {
        "LOGSKIFF_PATHS": str(file),
        "LOGSKIFF_STATE_DIR": str(work / "state"),
        "LOGSKIFF_OUTPUT": "kafka",
        "LOGSKIFF_KAFKA_BROKERS": broker.address,
        "LOGSKIFF_KAFKA_TOPIC": topic,
        "LOGSKIFF_KAFKA_COMPRESSION": "lz4",
        **settings,
    }


def logskiff(binary: pathlib.Path, settings: dict[str, str], work: pathlib.Path, file: pathlib.Path, broker: Broker, topic: str) -> Shipper:
    """logskiff with its defaults except for the given settings."""
    return Shipper([str(binary)], environment(settings, work, file, broker, topic), work / "log")


class Sink:
    """A TCP receiver that only reads, in a separate process; stores one connection's data in a file if requested."""

    def __init__(self, keep: pathlib.Path | None = None):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.got = multiprocessing.Value("q", 0)
        self.process = multiprocessing.Process(target=self._read, args=(keep,), daemon=True)
        self.process.start()

    def _read(self, keep: pathlib.Path | None) -> None:
        peer, _ = self.listener.accept()
        out = keep.open("wb") if keep else None
        buffer = bytearray(1 << 18)
        while size := peer.recv_into(buffer):
            if out:
                out.write(memoryview(buffer)[:size])
            with self.got.get_lock():
                self.got.value += size
        if out:
            out.close()

    def close(self) -> None:
        """Waits for the end of the connection."""
        self.process.join(10)
        self.process.kill()
        self.listener.close()


def frames(stream: bytes) -> typing.Iterator[bytes]:
    """The messages of an octet-counted stream (RFC 6587)."""
    at = 0
    while at < len(stream):
        space = stream.index(b" ", at, at + 12)
        length = int(stream[at:space])
        yield stream[space + 1 : space + 1 + length]
        at = space + 1 + length


def verify_stream(path: pathlib.Path, lines: int) -> str:
    """Checks that every line arrived once."""
    seen, duplicates, number = bytearray(lines), 0, re.compile(rb"\bseq=(\d+)")
    for message in frames(path.read_bytes()):
        found = number.search(message)
        seq = int(found[1]) if found else lines
        if seq >= lines:
            raise Failure("a message without a line's number")
        duplicates += seen[seq]
        seen[seq] = 1
    lost = lines - sum(seen)
    if lost or duplicates:
        raise Failure(f"{lost} lost, {duplicates} duplicates")
    return "0 lost, 0 duplicates"


# By default a full queue drops lines after two seconds, and its shutdown is cut short: neither would be a result.
RSYSLOG_TCP = """
global(workDirectory="{work}" maxMessageSize="64k")
main_queue(queue.timeoutEnqueue="60000" queue.timeoutShutdown="60000" queue.timeoutActionCompletion="60000")
module(load="imfile")
input(type="imfile" file="{file}" tag="bench" ruleset="ship")
ruleset(name="ship") {{
    action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format")
}}
"""


def rsyslog_tcp(work: pathlib.Path, file: pathlib.Path, port: int) -> Shipper:
    """rsyslog as the reference: imfile to omfwd."""
    work.mkdir(parents=True)
    config = work / "rsyslog.conf"
    config.write_text(RSYSLOG_TCP.format(work=work, file=file, port=port))
    binary = shutil.which("rsyslogd", path=os.environ["PATH"] + ":/usr/sbin")
    return Shipper([binary, "-n", "-f", str(config), "-i", str(work / "pid")], dict(os.environ), work / "log")
