//! A RELP receiver that answers as a test wants.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a receiver does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It keeps it.
    Accept,
    /// It refuses it.
    Refuse,
    /// It does not answer.
    Silence,
    /// It accepts it, and ends the session.
    Close,
}

/// Decides about a message of a connection, by the connection's number and the message.
type Decide = dyn Fn(usize, &str) -> Answer + Send + Sync;

/// A receiver; it listens until the process ends.
pub struct Relp {
    /// For `LOGSKIFF_SYSLOG_ADDRESS`.
    pub address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    accepted: Mutex<Vec<String>>,
    connections: Mutex<usize>,
}

impl Relp {
    pub fn start(decide: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("relp://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(State::default());
        let decide: Arc<Decide> = Arc::new(decide);
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                *shared.connections.lock().unwrap() = number + 1;
                let (decide, shared) = (Arc::clone(&decide), Arc::clone(&shared));
                thread::spawn(move || serve(stream, &shared, |message| decide(number, message)));
            }
        });
        Self { address, state }
    }

    /// The messages that it has accepted; each ends with its line.
    pub fn accepted(&self) -> Vec<String> {
        self.state.accepted.lock().unwrap().clone()
    }

    /// How many of them end with this line.
    pub fn count(&self, line: &str) -> usize {
        self.accepted().iter().filter(|message| message.ends_with(&format!("] {line}"))).count()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        *self.state.connections.lock().unwrap()
    }
}

/// Answers the frames of one connection until it breaks.
fn serve(mut stream: TcpStream, state: &State, decide: impl Fn(&str) -> Answer) {
    let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        while let Some((number, command, data, length)) = frame(&received) {
            received.drain(..length);
            let answer = match command.as_str() {
                "open" => "200 OK\nrelp_version=0\nrelp_software=test\ncommands=syslog",
                "syslog" => match decide(&data) {
                    Answer::Silence => continue,
                    Answer::Refuse => "500 not this one",
                    Answer::Accept | Answer::Close => "200 OK",
                },
                _ => "200 OK",
            };
            if command == "syslog" && answer == "200 OK" {
                state.accepted.lock().unwrap().push(data.clone());
            }
            if writeln!(stream, "{number} rsp {} {answer}", answer.len()).is_err() {
                return;
            }
            if command == "syslog" && decide(&data) == Answer::Close {
                // It ends an idle session, like a receiver that is restarted.
                thread::sleep(std::time::Duration::from_millis(300));
                _ = stream.write_all(b"0 serverclose 0\n");
                return;
            }
        }
        match stream.read(&mut buffer) {
            Ok(bytes) if bytes > 0 => received.extend_from_slice(&buffer[..bytes]),
            _ => return,
        }
    }
}

/// The first frame: its number, command, data and length.
fn frame(bytes: &[u8]) -> Option<(u32, String, String, usize)> {
    let header_end = bytes.iter().enumerate().filter(|(_, byte)| b" \n".contains(byte)).nth(2)?.0;
    let header = std::str::from_utf8(&bytes[..header_end]).expect("a header");
    let mut words = header.split(' ');
    let number = words.next()?.parse().expect("a number");
    let command = words.next()?.to_owned();
    let data_bytes: usize = words.next()?.parse().expect("a length");
    let start = if bytes[header_end] == b'\n' { header_end } else { header_end + 1 };
    let data = bytes.get(start..start + data_bytes)?;
    bytes.get(start + data_bytes).filter(|byte| **byte == b'\n')?;
    Some((number, command, String::from_utf8_lossy(data).into_owned(), start + data_bytes + 1))
}
