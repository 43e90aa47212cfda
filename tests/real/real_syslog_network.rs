//! A real rsyslog behind a network of its own: a host name with several addresses, one that moves, and packets that vanish.
//!
//! Needs what `real_syslog.rs` needs, and root: the receiver and the sidecars are in network namespaces. Run with
//! `--test-threads=1`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::receiver::{real_parts, rsyslogd};
use crate::support::sidecar::{Settings, Sidecar};
use crate::support::{KillOnDrop, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);
/// The two addresses of the far side, which both belong to one rsyslog.
const ADDRESSES: [&str; 2] = ["10.77.0.2", "10.77.0.3"];
/// A network card that does not exist: packets to it vanish.
const NO_CARD: &str = "02:00:00:00:00:99";

/// Two namespaces with a cable between them, and rsyslog at the far end.
struct Network {
    folder: TempDir,
    /// The sidecars' namespaces, of the network and of mounts, which has a hosts file of its own.
    near: KillOnDrop,
    _far: KillOnDrop,
    _rsyslog: KillOnDrop,
    /// The network card at the far end.
    card: String,
}

fn inside(namespace: &KillOnDrop) -> Vec<String> {
    ["nsenter", "-t", &namespace.id().to_string(), "-n", "-m"].map(str::to_owned).into()
}

/// Runs a shell command in a namespace; returns what it prints.
#[track_caller]
fn run(namespace: &KillOnDrop, command: &str) -> String {
    let starter = inside(namespace);
    let done = Command::new(&starter[0]).args(&starter[1..]).args(["sh", "-ec", command]).output().expect("nsenter");
    assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

/// New namespaces, held by a process; `None`, with a message, if this user may not make any.
fn namespace() -> Option<KillOnDrop> {
    let mut unshare = Command::new("unshare");
    unshare.args(["-n", "-m", "--propagation", "private", "sleep", "1000"]).stdin(Stdio::null());
    let mut namespace = KillOnDrop(unshare.spawn().expect("unshare is there"));
    let network = |id: &str| fs::read_link(format!("/proc/{id}/ns/net")).ok();
    let id = namespace.id().to_string();
    let mut has_ended = false;
    wait_until("a namespace", PATIENCE, || {
        has_ended = namespace.try_wait().expect("a process").is_some();
        has_ended || network(&id).is_some_and(|made| Some(made) != network("self"))
    });
    if !has_ended {
        return Some(namespace);
    }
    assert!(std::env::var_os("LOGSKIFF_TEST_REAL").is_none(), "network namespaces are needed (root)");
    eprintln!("skipped: no network namespace can be made here");
    None
}

impl Network {
    /// `None`, and a message on stderr, without real parts.
    fn start(module: &str) -> Option<Self> {
        let parts = real_parts()?;
        let folder = tempfile::Builder::new().prefix("logskiff-network-").tempdir().expect("a temporary folder");
        let (near, far) = (namespace()?, namespace()?);
        run(
            &near,
            &format!("ip link set lo up; ip link add v0 type veth peer name v1; ip link set v1 netns {}", far.id()),
        );
        run(&near, "ip addr add 10.77.0.1/24 dev v0; ip link set v0 up");
        let addresses = ADDRESSES.map(|address| format!("ip addr add {address}/24 dev v1;")).concat();
        run(&far, &format!("ip link set lo up; {addresses} ip link set v1 up"));
        let link = run(&far, "ip -o link show v1");
        let card = link.split("link/ether ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a card").to_owned();
        let inputs = ADDRESSES.map(|address| {
            format!("input(type=\"{module}\" port=\"6514\" address=\"{address}\" name=\"at-{address}\")\n")
        });
        let conf = format!(
            "global(workDirectory=\"{work}\")\nmodule(load=\"{module}\")\n{inputs}\
             template(name=\"all\" type=\"string\" string=\"%inputname% %msg%\\n\")\n\
             action(type=\"omfile\" file=\"{work}/out\" template=\"all\")\n",
            work = folder.path().display(),
            inputs = inputs.concat(),
        );
        fs::write(folder.path().join("conf"), conf).expect("written");
        let daemon = rsyslogd(&parts, &folder.path().join("conf"));
        let starter = inside(&far);
        let mut command = Command::new(&starter[0]);
        command.args(&starter[1..]).arg(daemon.get_program()).args(daemon.get_args()).stdin(Stdio::null());
        command.envs(daemon.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let rsyslog = KillOnDrop(command.spawn().expect("rsyslog starts"));
        let network = Self { folder, near, _far: far, _rsyslog: rsyslog, card };
        network.name(&ADDRESSES);
        run(&network.near, &format!("mount --bind {} /etc/hosts", network.at("hosts").display()));
        // rsyslog listens within a moment; a datagram before that would be lost.
        sleep(Duration::from_secs(2));
        Some(network)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The host name has these addresses now.
    fn name(&self, addresses: &[&str]) {
        let lines = addresses.iter().map(|address| format!("{address} logs.example\n")).collect::<Vec<_>>().concat();
        fs::write(self.at("hosts"), format!("127.0.0.1 localhost\n{lines}")).expect("written");
    }

    /// Packets to this address vanish without a word from now on.
    fn vanish(&self, address: &str) {
        run(&self.near, &format!("ip neigh replace {address} lladdr {NO_CARD} dev v0 nud permanent"));
    }

    /// Packets to this address arrive.
    fn appear(&self, address: &str) {
        run(&self.near, &format!("ip neigh replace {address} lladdr {} dev v0 nud permanent", self.card));
    }

    fn sidecar(&self, folder: &Path, scheme: &str) -> Sidecar {
        let starter = inside(&self.near);
        let starter: Vec<&str> = starter.iter().map(String::as_str).collect();
        let settings = Settings::syslog(folder, &format!("{scheme}://logs.example:6514")).through(&starter);
        Sidecar::start(folder, &settings)
    }

    /// The address at which a line arrived.
    fn arrived(&self, line: &str) -> Option<String> {
        let text = fs::read_to_string(self.at("out")).unwrap_or_default();
        let found = text.lines().find(|received| received.ends_with(&format!(" {line}")))?;
        Some(found.split(' ').next()?.trim_start_matches("at-").to_owned())
    }
}

fn append(folder: &Path, line: &str) {
    use std::io::Write;
    fs::create_dir_all(folder.join("logs")).expect("a folder");
    let mut file = fs::File::options().create(true).append(true).open(folder.join("logs/app.log")).expect("a log");
    writeln!(file, "{line}").expect("written");
}

/// Goal: sidecars spread over the addresses of a name. Twelve use one only by a chance of 1 in 2,048.
#[test]
fn sidecars_spread_over_the_addresses_of_a_name() {
    let Some(network) = Network::start("imtcp") else { return };
    let sidecars: Vec<(TempDir, Sidecar)> = (0..12)
        .map(|number| {
            let folder = TempDir::new().expect("a temporary folder");
            append(folder.path(), &format!("line-{number}"));
            let sidecar = network.sidecar(folder.path(), "tcp");
            (folder, sidecar)
        })
        .collect();
    let used: std::collections::BTreeSet<String> = (0..sidecars.len())
        .map(|number| {
            let line = format!("line-{number}");
            wait_until(&line, PATIENCE, || network.arrived(&line).is_some());
            network.arrived(&line).expect("arrived")
        })
        .collect();
    assert_eq!(used.len(), 2, "{used:?}");
}

/// Goal: a connection whose packets vanish is given up within 10 s of the first pending byte, and another address of the
/// name is used. TCP's own retransmissions would go on for a quarter of an hour.
#[test]
fn a_receiver_that_vanishes_is_noticed() {
    for module in ["imtcp", "imrelp"] {
        let Some(network) = Network::start(module) else { return };
        let folder = TempDir::new().expect("a temporary folder");
        append(folder.path(), "one");
        let sidecar = network.sidecar(folder.path(), if module == "imtcp" { "tcp" } else { "relp" });
        wait_until("the first line", PATIENCE, || network.arrived("one").is_some());
        let first = network.arrived("one").expect("arrived");
        for address in ADDRESSES {
            network.appear(address);
        }
        network.vanish(&first);
        append(folder.path(), "two");
        let start = Instant::now();
        let is_lost = || sidecar.stderr().contains("lost the connection to the syslog receiver");
        wait_until("the loss", PATIENCE, is_lost);
        let noticed = start.elapsed();
        wait_until("the second line", PATIENCE, || network.arrived("two").is_some());
        eprintln!("{module}: noticed after {noticed:?}, delivered after {:?}", start.elapsed());
        assert!(noticed < Duration::from_secs(10), "{module}: {noticed:?}");
        assert_ne!(network.arrived("two"), Some(first), "{module}");
    }
}

/// Goal: a drain delivers to another address what a vanished receiver did not confirm.
#[test]
fn a_drain_survives_a_receiver_that_vanishes() {
    for module in ["imtcp", "imrelp"] {
        let Some(network) = Network::start(module) else { return };
        let folder = TempDir::new().expect("a temporary folder");
        append(folder.path(), "one");
        let mut sidecar = network.sidecar(folder.path(), if module == "imtcp" { "tcp" } else { "relp" });
        wait_until("the first line", PATIENCE, || network.arrived("one").is_some());
        let first = network.arrived("one").expect("arrived");
        network.vanish(&first);
        let others: Vec<&str> = ADDRESSES.into_iter().filter(|address| *address != first).collect();
        network.name(&others);
        append(folder.path(), "two");
        sleep(Duration::from_secs(1));
        let start = Instant::now();
        sidecar.terminate();
        let (status, _) = sidecar.wait(PATIENCE);
        eprintln!("{module}: the drain took {:?}", start.elapsed());
        assert!(status.success() && sidecar.stderr().contains("\"pending_bytes\":0"), "{}", sidecar.stderr());
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        wait_until("the second line", PATIENCE, || network.arrived("two").is_some());
    }
}

/// Goal: UDP follows a name that moves. Nothing says that datagrams are lost.
#[test]
fn datagrams_follow_the_name() {
    let Some(network) = Network::start("imudp") else { return };
    network.name(&ADDRESSES[..1]);
    let folder = TempDir::new().expect("a temporary folder");
    let _sidecar = network.sidecar(folder.path(), "udp");
    append(folder.path(), "one");
    wait_until("the first line", PATIENCE, || network.arrived("one").is_some());
    network.name(&ADDRESSES[1..]);
    network.vanish(ADDRESSES[0]);
    let start = Instant::now();
    let mut number = 0;
    wait_until("a line at the new address", PATIENCE, || {
        number += 1;
        append(folder.path(), &format!("line-{number}"));
        sleep(Duration::from_secs(1));
        (1..=number).any(|number| network.arrived(&format!("line-{number}")).is_some())
    });
    eprintln!("the name was resolved again after {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(35), "{:?}", start.elapsed());
}
