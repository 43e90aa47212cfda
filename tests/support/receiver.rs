//! A real rsyslog or syslog-ng on loopback, with one source at a time.
//!
//! Input: a folder of unpacked packages, named by `LOGSKIFF_TEST_SYSLOG` (`.ci/syslog-install DIR` fills it). Output:
//! an address, and every message as parsed by the receiver. The data is in a temporary folder, and the receiver ends
//! with its value.

use std::env;
use std::fs::{self, OpenOptions};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::authority::{Authority, Issued};
use super::broker::free_ports;
use super::{KillOnDrop, signal, tail_of, wait_until};

/// On a busy machine, a receiver starts within a second or two.
const READY_DEADLINE: Duration = Duration::from_secs(30);
/// Follow the text of a message as parsed, and the message as received. No test line contains either.
const SEPARATORS: (u8, &[u8]) = (0x1f, b"\x1e\n");

/// The receiver's program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Rsyslog,
    SyslogNg,
}

/// The kind of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Udp,
    Tcp,
    /// Messages end with a newline.
    Lines,
    /// The same, for a receiver that only knows RFC 3164.
    OldLines,
    Tls,
    /// The client must present a certificate.
    MutualTls,
    UnixDatagram,
    UnixStream,
    Relp,
    RelpTls,
    /// One zlib stream.
    Compressed,
}

/// One message.
#[derive(Debug)]
pub struct Received {
    /// The text, as the receiver parsed it.
    pub text: Vec<u8>,
    /// The whole message.
    pub whole: Vec<u8>,
}

/// A receiver with its data; ends when dropped, and shows its log if a test fails.
pub struct Receiver {
    parts: PathBuf,
    program: Program,
    way: Way,
    folder: TempDir,
    port: u16,
    process: Option<KillOnDrop>,
}

impl Receiver {
    /// Starts a receiver and waits until it listens; `None`, and a message on stderr, without real parts.
    ///
    /// # Panics
    /// If `LOGSKIFF_TEST_REAL=1` and a part is missing, or the receiver does not start.
    pub fn start(program: Program, way: Way, identity: Option<(&Authority, &Issued)>) -> Option<Self> {
        let mut receiver = Self::prepare(program, way, identity)?;
        receiver.restart();
        Some(receiver)
    }

    /// Reserves an address, but does not start: [`Receiver::restart`] does.
    ///
    /// # Panics
    /// As [`Receiver::start`].
    pub fn prepare(program: Program, way: Way, identity: Option<(&Authority, &Issued)>) -> Option<Self> {
        let parts = real_parts()?;
        let folder = tempfile::Builder::new().prefix("logskiff-syslog-").tempdir().expect("a temporary folder");
        let port = free_ports(1)[0];
        let receiver = Self { parts, program, way, folder, port, process: None };
        let files = identity.map(|(authority, issued)| {
            [authority.certificate(), issued.certificate.clone(), issued.key.clone()]
                .map(|path| path.display().to_string())
        });
        let text = match program {
            Program::Rsyslog => receiver.rsyslog(&files.unwrap_or_default()),
            Program::SyslogNg => receiver.syslog_ng(&files.unwrap_or_default()),
        };
        fs::write(receiver.at("conf"), text).expect("written");
        Some(receiver)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn socket(&self) -> PathBuf {
        self.at("socket")
    }

    /// The address for `LOGSKIFF_SYSLOG_ADDRESS`.
    pub fn address(&self) -> String {
        let scheme = match self.way {
            Way::Udp => "udp",
            Way::Tcp | Way::Lines | Way::OldLines | Way::Compressed => "tcp",
            Way::Tls | Way::MutualTls => "tls",
            Way::UnixDatagram | Way::UnixStream => return format!("unix://{}", self.socket().display()),
            Way::Relp => "relp",
            Way::RelpTls => "relp+tls",
        };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Messages are stored unchanged, including control characters and length.
    fn rsyslog(&self, [ca, certificate, key]: &[String; 3]) -> String {
        let (port, socket, out) = (self.port, self.socket(), self.at("out"));
        let tls = |mode: &str| {
            format!(
                "global(defaultNetstreamDriver=\"ossl\" defaultNetstreamDriverCAFile=\"{ca}\" \
                 defaultNetstreamDriverCertFile=\"{certificate}\" defaultNetstreamDriverKeyFile=\"{key}\")\n\
                 module(load=\"imtcp\" streamDriver.name=\"ossl\" streamDriver.mode=\"1\" streamDriver.authMode=\"{mode}\")\n\
                 input(type=\"imtcp\" port=\"{port}\" address=\"127.0.0.1\")\n"
            )
        };
        let socket = socket.display();
        let input = match self.way {
            Way::Udp => format!(
                "module(load=\"imudp\")\ninput(type=\"imudp\" port=\"{port}\" address=\"127.0.0.1\" rcvbufSize=\"8m\")\n"
            ),
            Way::Tcp | Way::Lines | Way::OldLines => {
                format!("module(load=\"imtcp\")\ninput(type=\"imtcp\" port=\"{port}\" address=\"127.0.0.1\")\n")
            }
            Way::Tls => tls("anon"),
            Way::MutualTls => tls("x509/certvalid"),
            Way::UnixDatagram => format!(
                "module(load=\"imuxsock\" sysSock.use=\"off\")\n\
                 input(type=\"imuxsock\" socket=\"{socket}\" useSpecialParser=\"off\" parseHostname=\"on\" \
                 rateLimit.interval=\"0\")\n"
            ),
            Way::UnixStream => format!("module(load=\"imptcp\")\ninput(type=\"imptcp\" path=\"{socket}\")\n"),
            Way::Compressed => format!(
                "module(load=\"imptcp\")\n\
                 input(type=\"imptcp\" port=\"{port}\" address=\"127.0.0.1\" compression.mode=\"stream:always\")\n"
            ),
            Way::Relp => format!(
                "module(load=\"imrelp\")\ninput(type=\"imrelp\" port=\"{port}\" address=\"127.0.0.1\" maxDataSize=\"64k\")\n"
            ),
            Way::RelpTls => format!(
                "module(load=\"imrelp\" tls.tlslib=\"openssl\")\n\
                 input(type=\"imrelp\" port=\"{port}\" address=\"127.0.0.1\" maxDataSize=\"64k\" tls=\"on\" \
                 tls.caCert=\"{ca}\" tls.myCert=\"{certificate}\" tls.myPrivKey=\"{key}\" tls.authMode=\"certvalid\")\n"
            ),
        };
        format!(
            "global(workDirectory=\"{work}\" parser.escapeControlCharactersOnReceive=\"off\" maxMessageSize=\"64k\")\n\
             main_queue(queue.timeoutShutdown=\"20000\")\n\
             {input}\
             template(name=\"all\" type=\"string\" string=\"%msg%\\037%rawmsg%\\036\\n\")\n\
             action(type=\"omfile\" file=\"{out}\" template=\"all\")\n",
            work = self.folder.path().display(),
            out = out.display(),
        )
    }

    fn syslog_ng(&self, [ca, certificate, key]: &[String; 3]) -> String {
        let (port, socket, out) = (self.port, self.socket(), self.at("out"));
        let place = format!("ip(127.0.0.1) port({port}) flags(store-raw-message)");
        let socket = format!("\"{}\" flags(syslog-protocol, store-raw-message)", socket.display());
        let input = match self.way {
            Way::Udp => format!("syslog({place} transport(udp) so-rcvbuf(8388608));"),
            Way::Tcp => format!("syslog({place} transport(tcp));"),
            Way::Lines => {
                format!("network(ip(127.0.0.1) port({port}) flags(syslog-protocol, store-raw-message) transport(tcp));")
            }
            Way::OldLines => format!("network({place} transport(tcp));"),
            Way::Tls | Way::MutualTls => {
                let verify = if self.way == Way::Tls { "optional-untrusted" } else { "required-trusted" };
                format!(
                    "syslog({place} transport(tls) \
                     tls(key-file(\"{key}\") cert-file(\"{certificate}\") ca-file(\"{ca}\") peer-verify({verify})));"
                )
            }
            Way::UnixDatagram => format!("unix-dgram({socket});"),
            Way::UnixStream => format!("unix-stream({socket});"),
            Way::Relp | Way::RelpTls | Way::Compressed => panic!("syslog-ng has no such way in"),
        };
        format!(
            "@version: 3.38\noptions {{ log-msg-size(65536); use-dns(no); keep-hostname(yes); stats-freq(0); flush-lines(100); }};\n\
             source s {{ {input} }};\n\
             destination d {{ file(\"{out}\" template(\"${{MSG}}\\x1f${{RAWMSG}}\\x1e\\n\") template-escape(no)); }};\n\
             log {{ source(s); destination(d); flags(flow-control); }};\n",
            out = out.display(),
        )
    }

    /// Starts at the same address, keeps the received messages, and waits until it listens.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "the receiver runs already");
        let log = OpenOptions::new().create(true).append(true).open(self.at("log")).expect("a log file");
        let mut command = match self.program {
            Program::Rsyslog => rsyslogd(&self.parts, &self.at("conf")),
            Program::SyslogNg => {
                let root = self.parts.join("root");
                let mut command = Command::new(root.join("usr/sbin/syslog-ng"));
                let at = |name: &str| self.at(name).display().to_string();
                command.args(["--foreground", "--no-caps", "--stderr", "-f"]).arg(self.at("conf"));
                command.args(["-R", &at("persist"), "-p", &at("pid"), "-c", &at("control")]);
                command.arg("--module-path").arg(root.join("usr/lib/syslog-ng/3.38"));
                command.env("LD_LIBRARY_PATH", libraries(&self.parts));
                command
            }
        };
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::from(log.try_clone().expect("a second handle")))
            .stderr(Stdio::from(log))
            .spawn()
            .expect("the receiver starts");
        self.process = Some(KillOnDrop(process));
        let (way, port, socket) = (self.way, self.port, self.socket());
        let up = || match way {
            Way::UnixDatagram | Way::UnixStream => socket.exists(),
            Way::Udp => is_bound(port),
            _ => TcpStream::connect(("127.0.0.1", port)).is_ok(),
        };
        wait_until(&format!("{:?} to listen", self.program), READY_DEADLINE, up);
    }

    /// Stops in an orderly way and waits for the end.
    pub fn stop(&mut self) {
        self.signal("TERM");
        let mut process = self.process.take().expect("a running receiver");
        process.wait().expect("its end");
        _ = fs::remove_file(self.socket());
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        signal(self.process.as_ref().expect("a running receiver").id(), name);
    }

    /// All received messages, in order.
    pub fn received(&self) -> Vec<Received> {
        let bytes = fs::read(self.at("out")).unwrap_or_default();
        let mut received = Vec::new();
        let mut rest = &bytes[..];
        while let Some(end) = rest.windows(2).position(|pair| pair == SEPARATORS.1) {
            let record = &rest[..end];
            let middle = record.iter().position(|byte| *byte == SEPARATORS.0).expect("two parts of a message");
            let text = record[..middle].strip_prefix(b" ").unwrap_or(&record[..middle]);
            received.push(Received { text: text.to_vec(), whole: record[middle + 1..].to_vec() });
            rest = &rest[end + 2..];
        }
        received
    }

    /// The number of received messages, without parsing them.
    pub fn count(&self) -> u64 {
        let bytes = fs::read(self.at("out")).unwrap_or_default();
        bytes.split(|byte| *byte == SEPARATORS.1[0]).count().saturating_sub(1) as u64
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.process = None;
        if std::thread::panicking() {
            eprintln!("--- {:?} said:\n{}", self.program, tail_of(&self.at("log"), 20));
        }
    }
}

/// rsyslogd in the foreground, from the folder of parts.
///
/// # Panics
/// If its modules are missing.
pub fn rsyslogd(parts: &Path, conf: &Path) -> Command {
    let root = parts.join("root");
    let mut command = Command::new(root.join("usr/sbin/rsyslogd"));
    let modules = ["x86_64", "aarch64"].map(|machine| root.join(format!("usr/lib/{machine}-linux-gnu/rsyslog")));
    let modules = modules.into_iter().find(|folder| folder.exists()).expect("rsyslog's modules");
    command.args(["-n", "-iNONE", "-M"]).arg(modules).arg("-f").arg(conf).env("LD_LIBRARY_PATH", libraries(parts));
    command
}

fn libraries(parts: &Path) -> String {
    ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib/syslog-ng"]
        .map(|folder| parts.join("root").join(folder).display().to_string())
        .join(":")
}

/// Whether a UDP port on loopback is in use.
fn is_bound(port: u16) -> bool {
    std::net::UdpSocket::bind(("127.0.0.1", port)).is_err()
}

/// The folder of the receivers, if one was given.
///
/// # Panics
/// If it is required and missing, or incomplete.
pub fn real_parts() -> Option<PathBuf> {
    const HOW: &str =
        ".ci/syslog-install DIR && LOGSKIFF_TEST_SYSLOG=DIR cargo test --test real real_syslog:: -- --test-threads=1";
    let Some(parts) = env::var_os("LOGSKIFF_TEST_SYSLOG").map(PathBuf::from) else {
        let required = env::var_os("LOGSKIFF_TEST_REAL").is_some_and(|value| value == "1");
        assert!(!required, "LOGSKIFF_TEST_REAL=1 demands receivers, but LOGSKIFF_TEST_SYSLOG is not set; try: {HOW}");
        eprintln!("skipped: this test needs real syslog receivers; to run it: {HOW}");
        return None;
    };
    let has = |program: &str| Path::new(&parts).join("root/usr/sbin").join(program).exists();
    assert!(has("rsyslogd") && has("syslog-ng"), "no receivers in {}; try: {HOW}", parts.display());
    Some(parts)
}
