//! A TCP proxy in front of a broker: it delays what passes, cuts connections, and counts produce requests.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// Kafka's request for API versions, version 0, without a client id: what any client may ask first.
const REQUEST: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 255, 255];
/// Threads wake a little late, on a busy machine more than that. Less than the delay is never right.
const SLACK: Duration = Duration::from_millis(40);

/// Connections to its address go to the broker's listener.
pub struct Proxy {
    address: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    delay_us: AtomicU64,
    produce_requests: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Listens on a port, for a target that need not be there yet.
    pub fn start(port: u16, target: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the proxy's port");
        let (address, shared) = (format!("127.0.0.1:{port}"), Arc::new(Shared::default()));
        let accepting = Arc::clone(&shared);
        spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&target) else { continue };
                accepting.join(&client, &server);
            }
        });
        Self { address, shared }
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The number of produce requests that have passed.
    pub fn produce_requests(&self) -> u64 {
        self.shared.produce_requests.load(Ordering::Relaxed)
    }

    /// Ends all connections.
    pub fn cut(&self) {
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Sets the delay each way, and proves it by the round trip of one message.
    #[track_caller]
    pub fn set_delay(&self, delay: Duration) {
        self.shared.delay_us.store(u64::try_from(delay.as_micros()).unwrap(), Ordering::Relaxed);
        let mut stream = TcpStream::connect(&self.address).expect("the proxy");
        let mut took = Duration::ZERO;
        // The first one also waits for the proxy's own connection.
        for _ in 0..2 {
            let (start, mut size) = (Instant::now(), [0; 4]);
            stream.write_all(&REQUEST).unwrap();
            stream.read_exact(&mut size).expect("the broker answers");
            took = start.elapsed();
            let mut rest = vec![0; u32::from_be_bytes(size) as usize];
            stream.read_exact(&mut rest).unwrap();
        }
        eprintln!("proxy: {delay:?} each way, a round trip of one message takes {took:?}");
        assert!(took >= 2 * delay && took < 2 * delay + SLACK, "{delay:?} each way, but a round trip of {took:?}");
    }
}

impl Shared {
    fn join(self: &Arc<Self>, client: &TcpStream, server: &TcpStream) {
        let copy = |stream: &TcpStream| stream.try_clone().expect("a second handle");
        for stream in [client, server] {
            let _ = stream.set_nodelay(true);
            self.open.lock().unwrap().push(copy(stream));
        }
        for (from, to, counts) in [(client, server, true), (server, client, false)] {
            let (shared, from, to) = (Arc::clone(self), copy(from), copy(to));
            spawn(move || shared.pass(from, to, counts));
        }
    }

    /// Passes bytes on until one side ends, and counts the produce requests among them.
    fn pass(&self, mut from: TcpStream, mut to: TcpStream, counts: bool) {
        let (give, take) = channel::<(Instant, Vec<u8>)>();
        spawn(move || {
            for (at, bytes) in take {
                sleep(at.saturating_duration_since(Instant::now()));
                if to.write_all(&bytes).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Both);
        });
        let (mut buffer, mut requests) = (vec![0; 256 * 1024], Requests::default());
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            if counts {
                self.produce_requests.fetch_add(requests.count_produce(&buffer[..read]), Ordering::Relaxed);
            }
            let delay = Duration::from_micros(self.delay_us.load(Ordering::Relaxed));
            if give.send((Instant::now() + delay, buffer[..read].to_vec())).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
    }
}

/// Where a stream of requests stands: each has its size in four bytes, and then the number of its kind in two.
#[derive(Default)]
struct Requests {
    head: Vec<u8>,
    skip: usize,
}

impl Requests {
    fn count_produce(&mut self, mut bytes: &[u8]) -> u64 {
        let mut count = 0;
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let missing = (6 - self.head.len()).min(bytes.len());
            self.head.extend_from_slice(&bytes[..missing]);
            bytes = &bytes[missing..];
            if let [a, b, c, d, kind_high, kind_low] = self.head[..] {
                count += u64::from([kind_high, kind_low] == [0, 0]);
                self.skip = (u32::from_be_bytes([a, b, c, d]) as usize).saturating_sub(2);
                self.head.clear();
            }
        }
        count
    }
}
