//! A RELP receiver that answers, answers late or not at all, refuses records, and refuses connections.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::arrivals::{Arrivals, Receiver};
use crate::support::Random;

const LOOK: Duration = Duration::from_millis(5);
const HELLO: &str = "200 OK\nrelp_version=0\nrelp_software=chaos\ncommands=syslog";

#[derive(Default)]
struct State {
    /// Where messages are recorded; different for each seed.
    arrivals: Mutex<Option<Arc<Arrivals>>>,
    delay_ms: AtomicU64,
    /// Nothing is read.
    holds: AtomicBool,
    /// Messages are recorded, but not confirmed.
    is_mute: AtomicBool,
    /// New connections are closed immediately.
    refuses: AtomicBool,
    /// Refused records per 1,000.
    errors: AtomicU64,
    streams: Mutex<Vec<TcpStream>>,
}

/// The receiver; it listens until the process ends.
#[derive(Clone)]
pub struct Relp(Arc<State>, u16);

impl Relp {
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State::default());
        let relp = Self(Arc::clone(&state), port);
        thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                if state.refuses.load(Ordering::Acquire) {
                    continue;
                }
                _ = stream.set_nodelay(true);
                state.streams.lock().unwrap().push(stream.try_clone().expect("a second handle"));
                // Messages for the receiver of one seed are not recorded for the next.
                let Some(arrivals) = state.arrivals.lock().unwrap().clone() else { continue };
                let state = Arc::clone(&state);
                // A connection may break.
                thread::spawn(move || serve(&state, &arrivals, stream, &mut Random::new(number as u64)));
            }
        });
        relp
    }

    /// For `LOGSKIFF_SYSLOG_ADDRESS`.
    pub fn address(&self) -> String {
        format!("relp://127.0.0.1:{}", self.1)
    }

    /// Records messages of new connections there.
    pub fn note_in(&self, arrivals: Option<Arc<Arrivals>>) {
        *self.0.arrivals.lock().unwrap() = arrivals;
        self.cut();
    }

    /// Confirms everything immediately again.
    pub fn calm(&self) {
        self.delay(0);
        self.errors(0);
        self.hold(false);
        self.mute(false);
        self.0.refuses.store(false, Ordering::Release);
    }

    pub fn delay(&self, ms: u64) {
        self.0.delay_ms.store(ms, Ordering::Release);
    }

    pub fn errors(&self, of_thousand: u64) {
        self.0.errors.store(of_thousand, Ordering::Release);
    }

    pub fn hold(&self, holds: bool) {
        self.0.holds.store(holds, Ordering::Release);
    }

    pub fn mute(&self, is_mute: bool) {
        self.0.is_mute.store(is_mute, Ordering::Release);
    }

    pub fn refuse(&self) {
        self.0.refuses.store(true, Ordering::Release);
    }

    pub fn cut(&self) {
        for stream in self.0.streams.lock().unwrap().drain(..) {
            _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// The transaction number, command and data of one frame; `None` at the end.
fn frame(reader: &mut BufReader<TcpStream>) -> Option<(u64, String, Vec<u8>)> {
    let mut word = || {
        let mut word = Vec::new();
        reader.read_until(b' ', &mut word).ok()?;
        String::from_utf8(word).ok().map(|word| word.trim().to_owned())
    };
    let (number, command) = (word()?.parse().ok()?, word()?);
    let mut length = Vec::new();
    loop {
        let mut byte = [0];
        reader.read_exact(&mut byte).ok()?;
        if !byte[0].is_ascii_digit() {
            break;
        }
        length.push(byte[0]);
    }
    let length = String::from_utf8(length).ok()?.parse::<usize>().ok()?;
    let mut data = vec![0; length];
    reader.read_exact(&mut data).ok()?;
    if length > 0 {
        reader.read_exact(&mut [0]).ok()?;
    }
    Some((number, command, data))
}

fn serve(state: &State, arrivals: &Arrivals, stream: TcpStream, random: &mut Random) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::with_capacity(64 << 10, stream);
    let mut answers = String::new();
    loop {
        let (number, command, data) = frame(&mut reader)?;
        while state.holds.load(Ordering::Acquire) {
            thread::sleep(LOOK);
            // A disconnected client sends nothing more.
            writer.peer_addr().ok()?;
        }
        let answer = match command.as_str() {
            "open" => HELLO,
            "syslog" if random.between(0, 1_000) < state.errors.load(Ordering::Acquire) => "500 not now",
            "syslog" => {
                let at = data.iter().position(|byte| *byte == b'{').unwrap_or(0);
                arrivals.take(Receiver::Relp, &data[at..]);
                "200 OK"
            }
            _ => "",
        };
        if command != "syslog" || !state.is_mute.load(Ordering::Acquire) {
            answers += &format!("{number} rsp {}{}{answer}\n", answer.len(), if answer.is_empty() { "" } else { " " });
        }
        if reader.buffer().is_empty() || answers.len() > 2_000 {
            thread::sleep(Duration::from_millis(state.delay_ms.load(Ordering::Acquire)));
            writer.write_all(answers.as_bytes()).ok()?;
            answers.clear();
        }
        if command == "close" {
            return None;
        }
    }
}
