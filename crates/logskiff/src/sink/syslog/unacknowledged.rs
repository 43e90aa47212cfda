//! Counts the bytes of a stream that the peer has not acknowledged.
//!
//! It makes two `ioctl`s for which rustix has no safe wrapper.
#![allow(unsafe_code, reason = "SIOCOUTQ and SIOCOUTQNSD have no safe wrapper")]

use std::ffi::c_int;
use std::io;
use std::os::fd::AsFd;

use rustix::ioctl::{Getter, Opcode, ioctl};

/// `SIOCOUTQ`, which is `TIOCOUTQ` (`asm-generic/ioctls.h`: of x86, ARM and RISC-V).
const SIOCOUTQ: Opcode = 0x5411;

/// `SIOCOUTQNSD` (`linux/sockios.h`).
const SIOCOUTQNSD: Opcode = 0x894b;

/// The number of written bytes that the peer has not acknowledged. For TCP, its stack acknowledges them (Linux
/// `tcp(7)`, `SIOCOUTQ`). For a Unix stream, the count includes at least the bytes that the peer has not read
/// (`unix(7)`).
///
/// # Errors
/// The error of the system call.
pub(super) fn unacknowledged_bytes(socket: &impl AsFd) -> io::Result<u64> {
    // SAFETY: this operation writes one int, and nothing else.
    let count = unsafe { ioctl(socket, Getter::<SIOCOUTQ, c_int>::new()) }?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// The number of written bytes of a TCP socket that were not sent yet: the peer has no room for them.
///
/// # Errors
/// The error of the system call.
pub(super) fn unsent_bytes(socket: &impl AsFd) -> io::Result<u64> {
    // SAFETY: this operation writes one int, and nothing else.
    let count = unsafe { ioctl(socket, Getter::<SIOCOUTQNSD, c_int>::new()) }?;
    Ok(u64::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    use super::*;

    /// Fills a stream whose peer does not read, then lets it read: the count rises, and falls to zero.
    #[track_caller]
    fn check(mut near: impl Write + AsFd, mut far: impl Read, set: impl Fn()) {
        assert_eq!(unacknowledged_bytes(&near).unwrap(), 0, "nothing was written");
        set();
        let mut written = 0;
        while let Ok(bytes) = near.write(&[0; 4096]) {
            written += bytes;
        }
        assert!(unacknowledged_bytes(&near).unwrap() > 0, "the peer cannot hold all {written} bytes");
        let mut read = vec![0; written];
        far.read_exact(&mut read).unwrap();
        let start = std::time::Instant::now();
        while unacknowledged_bytes(&near).unwrap() > 0 {
            assert!(start.elapsed().as_secs() < 20, "bytes that the peer has read stay unacknowledged");
            std::thread::yield_now();
        }
    }

    #[test]
    fn counts_bytes_that_the_peer_has_not_acknowledged() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (far, _) = listener.accept().unwrap();
        assert_eq!(unsent_bytes(&near).unwrap(), 0);
        let handle = near.try_clone().unwrap();
        let unsent = handle.try_clone().unwrap();
        check(near, far, || handle.set_nonblocking(true).unwrap());
        assert_eq!(unsent_bytes(&unsent).unwrap(), 0, "all was read");
        let (near, far) = UnixStream::pair().unwrap();
        let handle = near.try_clone().unwrap();
        check(near, far, || handle.set_nonblocking(true).unwrap());
    }
}
