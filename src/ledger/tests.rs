//! The ledger against a model, and the hole.

use proptest::prelude::*;

use super::*;

fn span(start: u64, end: u64) -> Span {
    Span { start, end }
}

fn at(offset: u64) -> Watermark {
    Watermark { offset, boundary: Boundary::Line }
}

#[test]
fn a_later_success_never_carries_the_watermark_past_a_hole() {
    let mut ledger = Ledger::default();
    let file = FileId(0);
    ledger.open(file, at(0));
    let first = ledger.pending(file, span(0, 10), Boundary::Line, 10, 1);
    let second = ledger.pending(file, span(10, 20), Boundary::Line, 10, 1);
    let third = ledger.pending(file, span(20, 30), Boundary::Line, 10, 1);
    ledger.settle(first, true);
    ledger.settle(second, false);
    ledger.settle(third, true);
    assert_eq!(ledger.watermark(file), at(10));
    assert!(ledger.failed());
    assert_eq!(ledger.rewind(), [(file, at(10))]);
    assert!(!ledger.settled_before(file, span(10, 20), Boundary::Line), "the failed span goes out again");
    let again = ledger.pending(file, span(10, 20), Boundary::Line, 10, 1);
    assert!(ledger.settled_before(file, span(20, 30), Boundary::Line), "the acknowledged one does not");
    ledger.settle(second, true);
    assert_eq!(ledger.watermark(file), at(10), "a report from before the rewind changes nothing");
    ledger.settle(again, true);
    assert_eq!(ledger.watermark(file), at(30));
    assert_eq!(ledger.in_flight_bytes(), 0);
}

#[test]
fn a_record_in_parts_is_acknowledged_with_its_last_part() {
    let mut ledger = Ledger::default();
    let file = FileId(3);
    ledger.open(file, at(5));
    let ticket = ledger.pending(file, span(5, 9), Boundary::Cut, 4, 2);
    ledger.settle(ticket, true);
    assert_eq!(ledger.watermark(file), at(5));
    ledger.settle(ticket, true);
    assert_eq!(ledger.watermark(file), Watermark { offset: 9, boundary: Boundary::Cut });
}

#[test]
fn a_settled_file_s_place_is_safe_to_reuse() {
    let mut ledger = Ledger::default();
    let file = FileId(0);
    ledger.open(file, at(0));
    let old = ledger.pending(file, span(0, 4), Boundary::Line, 4, 1);
    assert!(!ledger.settled(file));
    ledger.settle(old, true);
    assert!(ledger.settled(file));
    ledger.open(file, at(0));
    let new = ledger.pending(file, span(0, 4), Boundary::Line, 4, 1);
    ledger.settle(old, true);
    assert_eq!(ledger.watermark(file), at(0), "the former file's ticket does not settle the new file's span");
    ledger.settle(new, true);
    assert_eq!(ledger.watermark(file), at(4));
}

#[derive(Clone, Debug)]
enum Action {
    Send,
    Drop,
    Settle(prop::sample::Index, bool),
    Rewind,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        4 => Just(Action::Send),
        1 => Just(Action::Drop),
        4 => (any::<prop::sample::Index>(), prop::bool::weighted(0.8)).prop_map(|(at, ok)| Action::Settle(at, ok)),
        1 => Just(Action::Rewind),
    ];
    prop::collection::vec(action, 0..200)
}

proptest! {
    /// Spans are ten bytes each; the model is the set of spans that were delivered or dropped.
    #[test]
    fn the_watermark_is_the_settled_prefix(actions in actions()) {
        let mut ledger = Ledger::default();
        let file = FileId(0);
    ledger.open(file, at(0));
        let mut settled = vec![false; actions.len() + 1];
        let mut deliveries = vec![0; actions.len() + 1];
        let mut out: Vec<(Ticket, usize)> = Vec::new();
        let mut next = 0;
        for action in actions {
            let here = span(next as u64 * 10, next as u64 * 10 + 10);
            match action {
                Action::Send => {
                    let skip = ledger.settled_before(file, here, Boundary::Line);
                    prop_assert_eq!(skip, settled[next]);
                    if !skip {
                        out.push((ledger.pending(file, here, Boundary::Line, 7, 1), next));
                    }
                    next += 1;
                }
                Action::Drop => {
                    if !ledger.settled_before(file, here, Boundary::Line) {
                        ledger.dropped(file, here, Boundary::Line);
                        settled[next] = true;
                    }
                    next += 1;
                }
                Action::Settle(at, delivered) if !out.is_empty() => {
                    let (ticket, span) = out.swap_remove(at.index(out.len()));
                    ledger.settle(ticket, delivered);
                    settled[span] |= delivered;
                    deliveries[span] += u32::from(delivered);
                }
                Action::Settle(..) => {}
                Action::Rewind => {
                    out.clear();
                    if let [(_, watermark)] = ledger.rewind()[..] {
                        next = usize::try_from(watermark.offset / 10).unwrap();
                    }
                }
            }
            let prefix = settled.iter().position(|settled| !settled).unwrap_or(settled.len());
            prop_assert_eq!(ledger.watermark(file).offset, prefix.min(next) as u64 * 10);
            prop_assert_eq!(ledger.in_flight_bytes(), out.len() * 7);
            let balance = ledger.balance(file);
            prop_assert_eq!(balance.read_bytes, balance.acknowledged_bytes + balance.dropped_bytes + balance.pending_bytes);
        }
        prop_assert!(deliveries.iter().all(|count| *count <= 1), "nothing acknowledged is sent twice in one process");
    }
}
