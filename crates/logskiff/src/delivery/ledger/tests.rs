//! The ledger against a model, and pending spans before complete ones.

use proptest::prelude::*;

use super::account::UNMERGED_MAX;
use super::*;
use Outcome::{Delivered, Lost};

const FIRST: OutputId = OutputId::FIRST;

/// A span with one message, or `messages` of them, for the first output.
fn outgoing(span: Span, messages: u16) -> Outgoing {
    let cost_bytes = usize::try_from(span.bytes()).unwrap();
    let messages = MessageCounts::default().with(FIRST, messages);
    Outgoing { share: whole(span), cost_bytes, messages, written_ms: 0 }
}

/// A line.
fn whole(span: Span) -> Share {
    Share::whole(span, Boundary::LineStart)
}

fn span(start: u64, end: u64) -> Span {
    Span { start, end }
}

fn at(offset: u64) -> Watermark {
    Watermark { offset, boundary: Boundary::LineStart }
}

#[test]
fn a_later_success_never_moves_the_watermark_past_a_pending_span() {
    let mut ledger = Ledger::default();
    let file = FileId(0);
    ledger.open(file, 0, at(0));
    let first = ledger.track(file, &outgoing(span(0, 10), 1));
    let second = ledger.track(file, &outgoing(span(10, 20), 1));
    let third = ledger.track(file, &outgoing(span(20, 30), 1));
    ledger.settle(first, FIRST, Delivered);
    ledger.settle(second, FIRST, Lost);
    ledger.settle(third, FIRST, Delivered);
    assert_eq!(ledger.watermark(file), at(10));
    assert!(ledger.failed());
    assert_eq!(ledger.rewind(), [(file, at(10))]);
    assert!(!ledger.skip_if_acknowledged(file, whole(span(10, 20))), "the lost span is sent again");
    let again = ledger.track(file, &outgoing(span(10, 20), 1));
    assert!(ledger.skip_if_acknowledged(file, whole(span(20, 30))), "the acknowledged span is not");
    ledger.settle(second, FIRST, Delivered);
    assert_eq!(ledger.watermark(file), at(10), "a report from before the rewind changes nothing");
    ledger.settle(again, FIRST, Delivered);
    assert_eq!(ledger.watermark(file), at(30));
    assert_eq!(ledger.in_flight_bytes(), 0);
}

#[test]
fn a_record_in_parts_is_acknowledged_with_its_last_part() {
    let mut ledger = Ledger::default();
    let file = FileId(3);
    ledger.open(file, 0, at(5));
    let ticket =
        ledger.track(file, &Outgoing { share: Share::whole(span(5, 9), Boundary::MidLine), ..outgoing(span(5, 9), 2) });
    ledger.settle(ticket, FIRST, Delivered);
    assert_eq!(ledger.watermark(file), at(5));
    ledger.settle(ticket, FIRST, Delivered);
    assert_eq!(ledger.watermark(file), Watermark { offset: 9, boundary: Boundary::MidLine });
}

/// Goal: of records that overlap, one that is acknowledged is not sent twice after a rewind. Another process sends it again, for
/// it may form other records, and these have lines that are not acknowledged.
#[test]
fn a_mixed_share_is_complete_for_the_same_record_only() {
    let mut ledger = Ledger::default();
    let file = FileId(0);
    let mixed = |span: Span| Share { is_mixed: true, ..whole(span) };
    ledger.open(file, 0, at(0));
    ledger.track(file, &Outgoing { share: mixed(span(0, 10)), ..outgoing(span(0, 10), 1) });
    let inner = ledger.track(file, &Outgoing { share: mixed(span(10, 30)), ..outgoing(span(10, 30), 1) });
    let after = ledger.track(file, &outgoing(span(30, 40), 1));
    ledger.settle(inner, FIRST, Delivered);
    ledger.settle(after, FIRST, Delivered);
    assert_eq!((ledger.watermark(file), &ledger.progress(file).ahead[..]), (at(0), &[span(30, 40)][..]));
    ledger.rewind();
    assert!(!ledger.skip_if_acknowledged(file, mixed(span(0, 10))));
    let first = ledger.track(file, &Outgoing { share: mixed(span(0, 10)), ..outgoing(span(0, 10), 1) });
    assert!(!ledger.skip_if_acknowledged(file, whole(span(10, 20))), "another record");
    assert!(ledger.skip_if_acknowledged(file, mixed(span(10, 30))), "the same record");
    assert_eq!(ledger.progress(file).ahead, [span(30, 40)]);
    assert!(ledger.skip_if_acknowledged(file, whole(span(30, 40))));
    ledger.settle(first, FIRST, Delivered);
    assert_eq!(ledger.watermark(file), at(40));
    assert!(ledger.balance(file).holds() && ledger.balance(file).pending_bytes == 0);
}

#[test]
fn the_id_of_a_complete_file_is_safe_to_reuse() {
    let mut ledger = Ledger::default();
    let file = FileId(0);
    ledger.open(file, 0, at(0));
    let old = ledger.track(file, &outgoing(span(0, 4), 1));
    assert!(!ledger.is_complete(file));
    ledger.settle(old, FIRST, Delivered);
    assert!(ledger.is_complete(file));
    ledger.open(file, 0, at(0));
    let new = ledger.track(file, &outgoing(span(0, 4), 1));
    ledger.settle(old, FIRST, Delivered);
    assert_eq!(ledger.watermark(file), at(0), "the former file's ticket does not acknowledge the new file's span");
    ledger.settle(new, FIRST, Delivered);
    assert_eq!(ledger.watermark(file), at(4));
}

/// Goal: complete spans behind a pending one take no memory, however many they are, and the watermark counts them
/// later.
#[test]
fn complete_spans_behind_a_pending_one_take_no_memory() {
    let mut ledger = Ledger::default();
    let file = FileId(0);
    ledger.open(file, 0, at(0));
    let pending = ledger.track(file, &outgoing(span(0, 10), 1));
    for start in (10..1_000_000).step_by(10) {
        if start % 100 == 0 {
            ledger.dropped(file, whole(span(start, start + 10)), DropReason::Blank);
        } else {
            let ticket = ledger.track(file, &outgoing(span(start, start + 10), 1));
            assert_eq!(ledger.settle(ticket, FIRST, Delivered).map(|completed| completed.bytes), Some(10));
        }
    }
    let last = ledger.track(file, &outgoing(span(1_000_000, 1_000_010), 1));
    let account = &ledger.accounts[0];
    assert!(account.entries.len() <= 2 * account.pending + UNMERGED_MAX, "{} entries", account.entries.len());
    assert!(account.entries.capacity() <= 64, "capacity {}", account.entries.capacity());
    ledger.settle(last, FIRST, Delivered);
    assert_eq!(ledger.watermark(file), at(0));
    ledger.settle(pending, FIRST, Delivered);
    assert_eq!(ledger.watermark(file), at(1_000_010));
    assert!(ledger.is_complete(file) && !ledger.in_flight());
}

/// Goal: the questions have answers for a file without an account too.
#[test]
fn a_file_without_an_account_is_complete() {
    let ledger = Ledger::default();
    let file = FileId(7);
    assert!(ledger.is_complete(file));
    assert_eq!((ledger.watermark(file), ledger.to_reread(file, 3), ledger.oldest_ms(file)), (at(0), 0, None));
    assert_eq!(ledger.balance(file), Balance::default());
}

/// Goal: a message that one output has is not sent there again because another output refused it, and a refused span
/// takes nothing of the budget.
#[test]
fn each_output_of_a_span_is_tracked_alone() {
    let mut ledger = Ledger::default();
    let file = FileId(0);
    ledger.open(file, 0, at(0));
    let second = OutputId::new(1).unwrap();
    let sent = outgoing(span(0, 10), 2);
    let ticket = ledger.track(file, &Outgoing { messages: sent.messages.with(second, 1), written_ms: 5, ..sent });
    ledger.settle(ticket, FIRST, Outcome::Refused);
    ledger.settle(ticket, FIRST, Delivered);
    assert_eq!((ledger.refused(file), ledger.in_flight_bytes()), (0, 10), "the message is still in flight");
    ledger.settle(ticket, second, Delivered);
    assert_eq!((ledger.refused(file), ledger.in_flight_bytes()), (1, 0));
    assert!(!ledger.failed(), "a refusal causes no rewind");
    let outputs = MessageCounts::default().with(FIRST, 1).outputs();
    let refused = Refused { ticket, span: span(0, 10), before: Boundary::LineStart, outputs };
    assert_eq!(ledger.refused_spans(file, 0, 9, 100), [refused]);
    assert_eq!(ledger.refused_spans(file, 1, 9, 100), []);
    ledger.send_again(ticket, 12, MessageCounts::default().with(FIRST, 1));
    assert_eq!((ledger.refused(file), ledger.in_flight_bytes()), (0, 12));
    let completed = Completed { bytes: 10, written_ms: 5, was_refused: true };
    assert_eq!(ledger.settle(ticket, FIRST, Delivered), Some(completed));
    assert_eq!((ledger.watermark(file), ledger.in_flight()), (at(10), false));
    assert_eq!(ledger.balance(file).resent_bytes, 10);
}

/// Goal: a record that is too large for one receiver counts as dropped.
#[test]
fn a_record_that_is_too_large_for_one_receiver_is_dropped() {
    let mut ledger = Ledger::default();
    let file = FileId(0);
    ledger.open(file, 0, at(0));
    let second = OutputId::new(1).unwrap();
    let sent = outgoing(span(0, 10), 1);
    let ticket = ledger.track(file, &Outgoing { messages: sent.messages.with(second, 1), ..sent });
    ledger.settle(ticket, second, Outcome::Oversize);
    assert!(ledger.settle(ticket, FIRST, Delivered).is_some());
    let balance = ledger.balance(file);
    assert_eq!((balance.acknowledged_bytes, balance.dropped_bytes[DropReason::Oversize as usize]), (0, 10));
    assert!(ledger.is_complete(file) && balance.holds());
}

#[derive(Clone, Debug)]
enum Action {
    Send,
    Drop,
    Settle(prop::sample::Index, Outcome),
    Again(prop::sample::Index),
    Rewind,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let outcome = prop_oneof![8 => Just(Delivered), 1 => Just(Lost), 2 => Just(Outcome::Refused), 1 => Just(Outcome::Oversize), 1 => Just(Outcome::Rejected)];
    let action = prop_oneof![
        4 => Just(Action::Send),
        1 => Just(Action::Drop),
        4 => (any::<prop::sample::Index>(), outcome).prop_map(|(at, outcome)| Action::Settle(at, outcome)),
        1 => any::<prop::sample::Index>().prop_map(Action::Again),
        1 => Just(Action::Rewind),
    ];
    prop::collection::vec(action, 0..200)
}

proptest! {
    /// Spans are ten bytes each; the model is the set of spans that were delivered or dropped.
    #[test]
    fn the_watermark_is_the_end_of_the_complete_prefix(actions in actions()) {
        let mut ledger = Ledger::default();
        let file = FileId(0);
        ledger.open(file, 0, at(0));
        let mut complete = vec![false; actions.len() + 1];
        let mut deliveries = vec![0; actions.len() + 1];
        let mut in_flight: Vec<(Ticket, usize)> = Vec::new();
        let mut refused = std::collections::BTreeSet::new();
        let (mut next, mut furthest) = (0, 0);
        for action in actions {
            let here = span(next as u64 * 10, next as u64 * 10 + 10);
            match action {
                Action::Send => {
                    let skip = ledger.skip_if_acknowledged(file, whole(here));
                    prop_assert_eq!(skip, complete[next]);
                    if !skip {
                        in_flight.push((ledger.track(file, &Outgoing { cost_bytes: 7, ..outgoing(here, 1) }), next));
                    }
                    next += 1;
                }
                Action::Drop => {
                    if !ledger.skip_if_acknowledged(file, whole(here)) {
                        ledger.dropped(file, whole(here), DropReason::Blank);
                        complete[next] = true;
                    }
                    next += 1;
                }
                Action::Settle(at, outcome) if !in_flight.is_empty() => {
                    let (ticket, span) = in_flight.swap_remove(at.index(in_flight.len()));
                    ledger.settle(ticket, FIRST, outcome);
                    let is_now_complete = matches!(outcome, Delivered | Outcome::Oversize | Outcome::Rejected);
                    complete[span] |= is_now_complete;
                    deliveries[span] += u32::from(is_now_complete);
                    if !is_now_complete {
                        refused.insert(span);
                    }
                }
                Action::Settle(..) => {}
                Action::Again(from) => {
                    let from = from.index(next + 1);
                    let first = ledger.refused_spans(file, from as u64 * 10, 3, 10_000);
                    let want: Vec<u64> = refused.range(from..).take(3).map(|span| *span as u64 * 10).collect();
                    prop_assert_eq!(first.iter().map(|found| found.span.start).collect::<Vec<_>>(), want);
                    for found in first {
                        ledger.send_again(found.ticket, 7, outgoing(found.span, 1).messages);
                        let span = usize::try_from(found.span.start / 10).unwrap();
                        refused.remove(&span);
                        in_flight.push((found.ticket, span));
                    }
                }
                Action::Rewind => {
                    in_flight.clear();
                    refused.clear();
                    if let [(_, watermark)] = ledger.rewind()[..] {
                        next = usize::try_from(watermark.offset / 10).unwrap();
                    }
                }
            }
            let prefix = complete.iter().position(|complete| !complete).unwrap_or(complete.len());
            prop_assert_eq!(ledger.watermark(file).offset, prefix.min(next) as u64 * 10);
            prop_assert_eq!(ledger.in_flight_bytes(), in_flight.len() * 7);
            prop_assert_eq!(ledger.refused(file), refused.len());
            let balance = ledger.balance(file);
            prop_assert!(balance.holds(), "{:?}", balance);
            prop_assert_eq!(balance, ledger.total(0));
            furthest = furthest.max(next);
            prop_assert_eq!(balance.read_bytes, furthest as u64 * 10, "bytes that are read again count once");
            let done = complete.iter().filter(|complete| **complete).count() as u64;
            prop_assert_eq!(balance.acknowledged_bytes + balance.all_dropped_bytes(), done * 10);
            prop_assert_eq!(balance.pending_records(), furthest as u64 - done);
        }
        prop_assert!(deliveries.iter().all(|count| *count <= 1), "nothing acknowledged is sent twice in one process");
    }
}

/// Goal: the balance holds with any line boundaries when lines are read again, and only pending figures go down.
#[test]
fn the_balance_holds_when_line_boundaries_change_after_a_rewind() {
    let mut dice = fastrand::Rng::with_seed(5);
    let mut ledger = Ledger::default();
    let file = FileId(0);
    ledger.open(file, 1, at(0));
    let (mut next, mut in_flight, mut before) = (0, Vec::new(), Balance::default());
    for _ in 0..20_000 {
        let here = span(next, next + dice.u64(1..40));
        match dice.u8(0..20) {
            0..=7 => {
                if !ledger.skip_if_acknowledged(file, whole(here)) {
                    in_flight.push(ledger.track(file, &Outgoing { cost_bytes: 7, ..outgoing(here, 1) }));
                }
                next = here.end;
            }
            8..=9 => {
                if !ledger.skip_if_acknowledged(file, whole(here)) {
                    ledger.dropped(file, whole(here), DropReason::Parse);
                }
                next = here.end;
            }
            10..=18 if !in_flight.is_empty() => {
                let ticket = in_flight.swap_remove(dice.usize(0..in_flight.len()));
                ledger.settle(ticket, FIRST, if dice.u8(0..5) > 0 { Delivered } else { Lost });
            }
            19 => {
                in_flight.clear();
                next = ledger.rewind().first().map_or(next, |(_, watermark)| watermark.offset);
            }
            _ => {}
        }
        let balance = ledger.total(1);
        assert!(balance.holds(), "{balance:?}");
        let grows = balance.read_bytes >= before.read_bytes
            && balance.acknowledged_bytes >= before.acknowledged_bytes
            && balance.resent_bytes >= before.resent_bytes;
        assert!(grows, "{before:?} {balance:?}");
        before = balance;
    }
    assert!(before.resent_bytes > 0);
    ledger.close(file);
    let closed = ledger.total(1);
    assert!(closed.holds() && closed.pending_bytes == 0, "{closed:?}");
    assert_eq!(closed.dropped_bytes[DropReason::FileLost as usize], before.pending_bytes);
}

/// Goal: a restart does not send complete spans behind a pending one again, with any line boundaries, and the balance
/// holds.
#[test]
fn complete_spans_behind_a_pending_one_are_known_after_a_restart() {
    let file = FileId(0);
    let mut first = Ledger::default();
    first.open(file, 0, at(0));
    let mut in_flight: Vec<Ticket> =
        (0..10).map(|line| first.track(file, &outgoing(span(line * 10, line * 10 + 10), 1))).collect();
    for line in [7, 3, 0] {
        first.settle(in_flight.remove(line), FIRST, Outcome::Refused);
    }
    in_flight.drain(..).for_each(|ticket| _ = first.settle(ticket, FIRST, Delivered));
    let progress = first.progress(file);
    let ahead = vec![span(10, 30), span(40, 70), span(80, 100)];
    assert_eq!(progress, Progress { watermark: at(0), ahead, ..Progress::default() });

    let mut second = Ledger::default();
    second.open(file, 0, progress.clone());
    assert_eq!(second.progress(file), progress, "nothing is forgotten before it is read");
    // The third line has other boundaries.
    let lines = [(0, 10), (10, 20), (20, 35), (35, 40), (40, 70), (70, 80), (80, 100), (100, 110)];
    let mut sent = Vec::new();
    for (start, end) in lines {
        if !second.skip_if_acknowledged(file, whole(span(start, end))) {
            sent.push(start);
            let ticket = second.track(file, &outgoing(span(start, end), 1));
            assert!(second.settle(ticket, FIRST, Delivered).is_some());
        }
        assert!(second.balance(file).holds(), "{:?}", second.balance(file));
    }
    assert_eq!(sent, [0, 20, 35, 70, 100]);
    assert_eq!(second.progress(file), at(110).into());
    assert_eq!(second.balance(file).acknowledged_bytes, 50);
}

/// Goal: the number of remembered spans is bounded, and the largest are kept.
#[test]
fn of_many_complete_spans_the_largest_are_remembered() {
    let mut ledger = Ledger::default();
    let file = FileId(0);
    ledger.open(file, 0, at(0));
    let many = AHEAD_MAX as u64 + 100;
    for pair in 0..many {
        let (start, end) = (pair * 10_000, pair * 10_000 + 11 + pair);
        ledger.track(file, &outgoing(span(start, start + 10), 1));
        ledger.dropped(file, whole(span(start + 10, end)), DropReason::Blank);
    }
    let ahead = ledger.progress(file).ahead;
    assert_eq!(ahead.len(), AHEAD_MAX);
    assert!(ahead.is_sorted_by_key(|span| span.start));
    assert!(ahead.iter().all(|span| span.bytes() >= 100), "the smallest are left out");
}
