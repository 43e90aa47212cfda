//! A TCP proxy before the broker that delays, withholds, disconnects and refuses.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How often withheld data checks whether it may continue.
const LOOK: Duration = Duration::from_millis(5);

#[derive(Default)]
struct State {
    delay_ms: AtomicU64,
    /// Nothing is forwarded to the broker.
    holds_requests: AtomicBool,
    /// Nothing is forwarded to the client.
    holds_answers: AtomicBool,
    /// New connections are closed immediately.
    refuses: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
}

/// The proxy; it listens until the process ends.
#[derive(Clone)]
pub struct Proxy(Arc<State>);

impl Proxy {
    /// Forwards between two ports on loopback.
    pub fn start(port: u16, upstream: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        let state = Arc::new(State::default());
        let proxy = Self(Arc::clone(&state));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if !state.refuses.load(Ordering::Acquire)
                    && let Ok(server) = TcpStream::connect(("127.0.0.1", upstream))
                {
                    connect(&state, client, server);
                }
            }
        });
        proxy
    }

    /// Forwards everything immediately again.
    pub fn calm(&self) {
        self.0.delay_ms.store(0, Ordering::Release);
        self.0.refuses.store(false, Ordering::Release);
        self.hold(false, false);
    }

    /// Delays each piece by this time.
    pub fn delay(&self, ms: u64) {
        self.0.delay_ms.store(ms, Ordering::Release);
    }

    /// Whether requests and answers are withheld. They are forwarded later, if the connection still exists.
    pub fn hold(&self, requests: bool, answers: bool) {
        self.0.holds_requests.store(requests, Ordering::Release);
        self.0.holds_answers.store(answers, Ordering::Release);
    }

    /// Refuses new connections.
    pub fn refuse(&self) {
        self.0.refuses.store(true, Ordering::Release);
    }

    /// Ends all connections; withheld data is lost.
    pub fn cut(&self) {
        for stream in self.0.streams.lock().unwrap().drain(..) {
            _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn connect(state: &Arc<State>, client: TcpStream, server: TcpStream) {
    let twice = |stream: &TcpStream| stream.try_clone().expect("a second handle");
    let mut streams = state.streams.lock().unwrap();
    streams.extend([twice(&client), twice(&server)]);
    let closed = Arc::new(AtomicBool::new(false));
    for (from, to, is_request) in [(twice(&client), twice(&server), true), (server, client, false)] {
        let (state, closed) = (Arc::clone(state), Arc::clone(&closed));
        _ = to.set_nodelay(true);
        thread::spawn(move || pump(&state, from, to, is_request, &closed));
    }
}

fn pump(state: &State, mut from: TcpStream, mut to: TcpStream, is_request: bool, closed: &AtomicBool) {
    let mut buffer = vec![0; 64 << 10];
    let holds = if is_request { &state.holds_requests } else { &state.holds_answers };
    while let Ok(bytes @ 1..) = from.read(&mut buffer) {
        thread::sleep(Duration::from_millis(state.delay_ms.load(Ordering::Acquire)));
        while holds.load(Ordering::Acquire) && !closed.load(Ordering::Acquire) {
            thread::sleep(LOOK);
        }
        if to.write_all(&buffer[..bytes]).is_err() {
            break;
        }
    }
    closed.store(true, Ordering::Release);
    _ = from.shutdown(Shutdown::Both);
    _ = to.shutdown(Shutdown::Both);
}
