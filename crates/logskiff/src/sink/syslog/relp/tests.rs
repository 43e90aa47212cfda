use proptest::prelude::*;

use super::*;
use event::FileId;

const OPENED: &str = "200 OK\nrelp_version=0\nrelp_software=librelp,1.10.0,http://librelp.adiscon.com\ncommands=syslog";

/// A response to transaction 1.
fn response(data: &str) -> Vec<u8> {
    format!("1 rsp {} {data}\n", data.len()).into_bytes()
}

fn ticket(sequence: u32) -> Ticket {
    Ticket { file: FileId(7), sequence }
}

fn waiting(window: usize) -> Options {
    Options { window, refused: Outcome::Refused }
}

fn opened(window: usize) -> Relp {
    let mut relp = Relp::new(waiting(window), &mut Vec::new());
    assert_eq!(relp.free_window(), 0, "nothing is sent before the session is open");
    relp.receive(&response(OPENED), &mut Vec::new()).unwrap();
    assert!(relp.is_open());
    relp
}

#[test]
fn a_refused_message_waits_or_is_dropped() {
    for refused in [Outcome::Refused, Outcome::Rejected] {
        let mut relp = Relp::new(Options { window: 8, refused }, &mut Vec::new());
        relp.receive(&response(OPENED), &mut Vec::new()).unwrap();
        for sequence in 0..3 {
            relp.send(b"x", ticket(sequence), &mut Vec::new());
        }
        let mut acks = Vec::new();
        relp.receive(b"2 rsp 6 200 OK\n3 rsp 6 500 no\n4 rsp 0\n", &mut acks).unwrap();
        let want = [Outcome::Delivered, refused, refused];
        assert_eq!(acks.iter().map(|ack| ack.outcome).collect::<Vec<_>>(), want);
        assert_eq!((relp.take_refused_status(), relp.take_refused_status()), (Some(0), None));
    }
}

#[test]
fn commands_are_written_as_the_protocol_defines_them() {
    let mut out = Vec::new();
    let mut relp = Relp::new(waiting(2), &mut out);
    let offers = format!("relp_version=0\nrelp_software=logskiff,{}\ncommands=syslog", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(out).unwrap(), format!("1 open {} {offers}\n", offers.len()));
    relp.receive(&response(OPENED), &mut Vec::new()).unwrap();
    let mut out = Vec::new();
    relp.send(b"<13>1 a\nb", ticket(5), &mut out);
    assert_eq!(out, b"2 syslog 9 <13>1 a\nb\n");
    let mut out = Vec::new();
    relp.close(&mut out);
    assert_eq!(out, b"3 close 0\n");
}

#[test]
fn responses_are_matched_in_any_order_and_in_any_pieces() {
    let mut relp = opened(3);
    let mut acks = Vec::new();
    for sequence in 0..3 {
        relp.send(b"m", ticket(sequence), &mut Vec::new());
    }
    assert_eq!((relp.free_window(), relp.pending()), (0, 3));
    for byte in b"3 rsp 6 200 OK\n4 rsp 9 500 error\n" {
        relp.receive(&[*byte], &mut acks).unwrap();
    }
    let report =
        |sequence, delivered| Ack::new(ticket(sequence), if delivered { Outcome::Delivered } else { Outcome::Refused });
    assert_eq!(acks, [report(1, true), report(2, false)]);
    // The window moves with its oldest transaction, as the receiver's does.
    assert_eq!((relp.free_window(), relp.pending()), (0, 1));
    relp.receive(b"2 rsp 3 200\n0 hint 0\n", &mut acks).unwrap();
    assert_eq!((relp.free_window(), relp.pending()), (3, 0));
    relp.send(b"m", ticket(3), &mut Vec::new());
    assert_eq!(relp.take_unacknowledged(), [ticket(3)]);
}

#[test]
fn numbers_start_again_after_the_largest() {
    let mut relp = opened(4);
    (relp.next, relp.first) = (NUMBER_MAX, NUMBER_MAX);
    let (mut out, mut acks) = (Vec::new(), Vec::new());
    for sequence in 0..2 {
        relp.send(b"m", ticket(sequence), &mut out);
    }
    assert_eq!(out, b"999999999 syslog 1 m\n1 syslog 1 m\n");
    relp.receive(b"1 rsp 6 200 OK\n999999999 rsp 6 200 OK\n", &mut acks).unwrap();
    assert_eq!(acks.iter().map(|report| report.ticket).collect::<Vec<_>>(), [ticket(1), ticket(0)]);
    assert_eq!(relp.free_window(), 4);
}

#[test]
fn other_protocols_and_refusals_are_errors() {
    #[track_caller]
    fn check(bytes: &[u8], want: &Error) {
        let mut relp = Relp::new(waiting(8), &mut Vec::new());
        let whole = relp.receive(bytes, &mut Vec::new());
        assert_eq!(whole.as_ref(), Err(want), "{:?}", String::from_utf8_lossy(bytes));
        let mut relp = Relp::new(waiting(8), &mut Vec::new());
        let cut = bytes.iter().find_map(|byte| relp.receive(&[*byte], &mut Vec::new()).err());
        assert_eq!(cut.as_ref(), Some(want), "byte by byte");
    }
    check(b"HTTP/1.1 400 Bad Request\r\n", &Error::NotRelp);
    check(b"220 mail.example ESMTP\r\n", &Error::NotRelp);
    check(b"\x15\x03\x03\x00\x02\x02\x28", &Error::NotRelp);
    check(b"\n", &Error::NotRelp);
    check(b"<13>1 2026-01-01T00:00:00Z host app - - - text\n", &Error::NotRelp);
    check(b"1234567890 rsp 0\n", &Error::NotRelp);
    check(b"1 rsp 1234567890\n", &Error::NotRelp);
    check(b"1 rsp 65537 ", &Error::NotRelp);
    check(format!("1 {}", "r".repeat(HEADER_BYTES_MAX)).as_bytes(), &Error::NotRelp);
    check(b"1  rsp 0\n", &Error::NotRelp);
    check(b"1 rsp 3\n200", &Error::NotRelp);
    check(b"1 rsp 0\n", &Error::Refused(String::new()));
    check(b"1 rsp 10 2000 is no\n", &Error::Refused("2000 is no".into()));
    check(b"1 rsp 8 500 \x1b[2J\n", &Error::Refused("500  [2J".into()));
    check(b"1 rsp 99999999 200", &Error::NotRelp);
    check(b"1 rsp 6 200 OKx", &Error::NotRelp);
    check(b"1 syslog 1 m\n", &Error::NotRelp);
    check(b"0 serverclose 0\n", &Error::Closed);
    check(b"0 serverclose 0 \n", &Error::Closed);
    check(&response("500 go away"), &Error::Refused("500 go away".into()));
    check(&response("200 OK"), &Error::NoSyslog);
    check(&response("200 OK\ncommands=syslogs"), &Error::NoSyslog);
    check(b"9 rsp 6 200 OK\n", &Error::UnknownTransaction);
}

#[test]
fn responses_of_other_implementations_are_understood() {
    #[track_caller]
    fn check(data: &str) {
        let mut relp = Relp::new(waiting(8), &mut Vec::new());
        relp.receive(&response(data), &mut Vec::new()).unwrap();
        assert!(relp.is_open());
    }
    // Logstash puts its first offer on the line of the status.
    check("200 OK relp_version=0\nrelp_software=logstash,1.0.0,http://logstash.net\ncommands=syslog");
    check("200 OK\ncommands=eventlog,syslog,other\nrelp_version=0");
    // The largest response, and a window of zero.
    check(&format!("200 OK\ncommands=syslog\n{}", "x".repeat(DATA_BYTES_MAX - 23)));
    assert_eq!(opened(0).free_window(), 1, "with a window of zero, nothing would ever be sent");
}

#[test]
fn responses_after_the_close_command_are_accepted() {
    // Closed before it was open: the response to the open command still comes.
    let (mut relp, mut out) = (Relp::new(waiting(8), &mut Vec::new()), Vec::new());
    relp.close(&mut out);
    relp.close(&mut out);
    assert_eq!(out, b"2 close 0\n", "the close command is written once");
    relp.receive(&response(OPENED), &mut Vec::new()).unwrap();
    assert!(!relp.is_open() && relp.free_window() == 0);
    relp.receive(b"2 rsp 0\n", &mut Vec::new()).unwrap();
    assert_eq!(relp.receive(&response(OPENED), &mut Vec::new()), Err(Error::UnknownTransaction), "accepted once");
    // Closed while a message waits: its response still counts.
    let (mut relp, mut acks) = (opened(8), Vec::new());
    relp.send(b"m", ticket(0), &mut Vec::new());
    relp.close(&mut Vec::new());
    relp.receive(b"2 rsp 6 200 OK\n3 rsp 6 200 OK\n0 serverclose 0\n", &mut acks).unwrap_err();
    assert_eq!(acks, [Ack::new(ticket(0), Outcome::Delivered)], "reported before the error");
    // A later message is not confused with one that is no longer awaited.
    let (mut relp, mut acks) = (opened(8), Vec::new());
    relp.send(b"m", ticket(0), &mut Vec::new());
    assert_eq!(relp.take_unacknowledged(), [ticket(0)]);
    relp.send(b"m", ticket(1), &mut Vec::new());
    relp.receive(b"3 rsp 6 200 OK\n", &mut acks).unwrap();
    assert_eq!(acks, [Ack::new(ticket(1), Outcome::Delivered)]);
}

#[test]
fn a_second_response_is_an_error() {
    let mut relp = opened(8);
    relp.send(b"m", ticket(0), &mut Vec::new());
    relp.send(b"m", ticket(1), &mut Vec::new());
    relp.receive(b"3 rsp 6 200 OK\n", &mut Vec::new()).unwrap();
    assert_eq!(relp.receive(b"3 rsp 6 200 OK\n", &mut Vec::new()), Err(Error::UnknownTransaction));
}

proptest! {
    #[test]
    fn each_message_gets_its_own_response(
        order in prop::collection::vec(0_u32..24, 24),
        rejected in prop::collection::vec(any::<bool>(), 24),
        cut in 1_usize..40,
        start in prop_oneof![Just(2), NUMBER_MAX - 24..=NUMBER_MAX],
    ) {
        let mut relp = opened(24);
        (relp.next, relp.first) = (start, start);
        let mut numbers = Vec::new();
        for sequence in 0..24 {
            numbers.push(relp.next);
            relp.send(b"m", ticket(sequence), &mut Vec::new());
        }
        // The receiver answers some of them, each once, in any order.
        let mut answered: Vec<u32> = Vec::new();
        for sequence in order {
            if !answered.contains(&sequence) {
                answered.push(sequence);
            }
        }
        let status = |sequence: u32| if rejected[sequence as usize] { 500 } else { 200 };
        let frame = |sequence: &u32| format!("{} rsp 3 {}\n", numbers[*sequence as usize], status(*sequence));
        let session: String = answered.iter().map(frame).collect();
        let mut acks = Vec::new();
        for chunk in session.as_bytes().chunks(cut) {
            relp.receive(chunk, &mut acks).unwrap();
        }
        let outcome = |sequence: &u32| if rejected[*sequence as usize] { Outcome::Refused } else { Outcome::Delivered };
        let want = |sequence: &u32| Ack::new(ticket(*sequence), outcome(sequence));
        prop_assert_eq!(acks, answered.iter().map(want).collect::<Vec<_>>());
        prop_assert_eq!(relp.pending(), 24 - answered.len());
        let oldest = (0..24).find(|sequence| !answered.contains(sequence)).unwrap_or(24);
        prop_assert_eq!(relp.free_window(), oldest as usize);
        let unanswered: Vec<Ticket> = (0..24).filter(|sequence| !answered.contains(sequence)).map(ticket).collect();
        prop_assert_eq!(relp.take_unacknowledged(), unanswered);
    }

    #[test]
    fn any_frames_are_handled(frames in prop::collection::vec("[0-9]{1,3} (rsp|open|hint|serverclose) [0-9]{1,2} ?[0-9 a\n]{0,9}\n?", 0..8)) {
        let mut relp = opened(8);
        relp.send(b"m", ticket(0), &mut Vec::new());
        let mut acks = Vec::new();
        let mut pending = 1;
        for frame in frames {
            let result = relp.receive(frame.as_bytes(), &mut acks);
            pending = relp.pending();
            if result.is_err() {
                break;
            }
        }
        prop_assert_eq!(acks.len() + pending, 1, "each message is either acknowledged or pending");
    }

    #[test]
    fn any_bytes_are_handled(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..16), open: bool) {
        let mut relp = if open { opened(8) } else { Relp::new(waiting(8), &mut Vec::new()) };
        for chunk in chunks {
            if relp.receive(&chunk, &mut Vec::new()).is_err() {
                break;
            }
            prop_assert!(relp.received.len() <= DATA_BYTES_MAX + HEADER_BYTES_MAX + 64);
        }
    }
}
