//! Which partition's records go to the client next, and how many.
//!
//! Enters: records, with the partition of each, and reports of messages. Leaves: the outbox whose turn it is. A partition
//! has one batch at a time in the client, and a broker [`BROKER_BATCHES_MAX`]; the partition that has waited longest goes
//! first. All that waits and all that the client has share one budget of memory.
//!
//! An idempotent client sends one request at a time to a partition, and polls without a pause while another message of
//! that partition is ready. So it must never have more than one request's messages.

use std::time::{Duration, Instant};

use super::gathering::Gathering;
use super::outbox::{Out, Outbox};
use crate::sink::Supply;
use event::Ticket;

/// The client sends at most five requests at a time over a connection. More batches would only wait in it, where they
/// take more memory.
const BROKER_BATCHES_MAX: usize = 5;
/// A request is not much larger than this.
const BATCH_BYTES_MAX: usize = 1_000_000;
/// When memory is short, a batch is worth a request from this size on.
const BATCH_BYTES_MIN: usize = 32 * 1024;
/// A partition takes nothing if its batch is not acknowledged for this time, while another partition's is.
const STALLED_AFTER: Duration = Duration::from_secs(10);

/// Limits of memory and of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The memory for all records, waiting or in the client.
    pub budget_bytes: usize,
    /// A batch is sent at this age, or when it has its full size.
    pub linger: Duration,
    /// While few records come, they gather for this time.
    pub linger_max: Duration,
}

impl Pace {
    /// The memory for what the client has. The rest is for records that wait.
    fn client_bytes(self) -> usize {
        self.budget_bytes / 5 * 4
    }
}

/// A request holds copies of messages up to this size, and only refers to larger ones.
pub const COPY_BYTES_MAX: usize = 300;

/// The memory that a message takes in librdkafka until its acknowledgement: the message, its copy or its references in the
/// request, and the compressed request.
pub(super) fn message_cost(bytes: usize) -> usize {
    const MESSAGE_BYTES: usize = 320;
    if bytes > COPY_BYTES_MAX { bytes * 2 + COPY_BYTES_MAX / 2 + MESSAGE_BYTES } else { bytes * 5 / 2 + MESSAGE_BYTES }
}

/// The outboxes, and what they hold together.
pub(super) struct Outboxes {
    pace: Pace,
    all: Vec<Outbox>,
    /// The number of those that have a partition.
    partitions: usize,
    /// Those in which records wait.
    waiting: Vec<usize>,
    waiting_bytes: usize,
    waiting_records: usize,
    client_bytes: usize,
    pub(super) gathering: Gathering,
    /// When a batch was last acknowledged as a whole.
    acked_at: Option<Instant>,
}

impl Outboxes {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            pace,
            all: Vec::new(),
            partitions: 0,
            waiting: Vec::new(),
            waiting_bytes: 0,
            waiting_records: 0,
            client_bytes: 0,
            gathering: Gathering::new(pace),
            acked_at: None,
        }
    }

    /// Adds an outbox, and returns its number.
    pub(super) fn add(&mut self, outbox: Outbox) -> usize {
        self.partitions += usize::from(outbox.partition.is_some());
        self.all.push(outbox);
        self.all.len() - 1
    }

    pub(super) fn get(&self, number: usize) -> &Outbox {
        &self.all[number]
    }

    /// Whether the budget is used up.
    pub(super) fn is_full(&self) -> bool {
        self.waiting_bytes + self.client_bytes >= self.pace.budget_bytes
    }

    /// The memory that one batch may take in the client. Five batches, or as many as there are partitions, share it.
    pub(super) fn batch_cost_max(&self) -> usize {
        self.pace.client_bytes() / self.partitions.clamp(1, BROKER_BATCHES_MAX)
    }

    /// Whether an outbox has enough for such a batch.
    pub(super) fn is_batch(&self, outbox: &Outbox) -> bool {
        outbox.waiting_cost >= self.batch_cost_max() || outbox.waiting_bytes >= BATCH_BYTES_MAX
    }

    /// Changes an outbox, and counts what waits in it.
    pub(super) fn change<R>(&mut self, number: usize, change: impl FnOnce(&mut Outbox) -> R) -> R {
        let outbox = &mut self.all[number];
        let (bytes, records, was_empty) = (outbox.waiting_bytes, outbox.waiting_records, outbox.is_empty());
        let result = change(outbox);
        self.waiting_bytes = self.waiting_bytes - bytes + outbox.waiting_bytes;
        self.waiting_records = self.waiting_records - records + outbox.waiting_records;
        match (was_empty, outbox.is_empty()) {
            (true, false) => self.waiting.push(number),
            (false, true) => self.waiting.retain(|waiting| *waiting != number),
            _ => {}
        }
        result
    }

    /// The outboxes in which records wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Outbox> {
        self.waiting.iter().map(|number| &self.all[*number])
    }

    /// Decides whether what waits gathers for longer.
    pub(super) fn decide_gathering(&mut self, supply: Supply, now: Instant) -> bool {
        if supply == Supply::Done {
            return self.gathering.decide(self.waiting_records, self.waiting_bytes, now);
        }
        self.gathering.end();
        false
    }

    /// The outbox whose turn it is, unless none is due. `broker` tells the broker of an outbox, if it may go now.
    pub(super) fn due(&self, supply: Supply, now: Instant, broker: impl Fn(&Outbox) -> Option<i32>) -> Option<usize> {
        // Few: at most five for a broker.
        let brokers: Vec<i32> = self.all.iter().filter_map(|outbox| Some(outbox.out.as_ref()?.broker)).collect();
        let has_turn = |broker: i32| brokers.iter().filter(|other| **other == broker).count() < BROKER_BATCHES_MAX;
        let is_due = |number: &&usize| {
            let outbox = &self.all[**number];
            let bytes = outbox.waiting_bytes;
            let aged = outbox.since().is_some_and(|since| now.saturating_duration_since(since) >= self.pace.linger);
            let is_worth = self.is_batch(outbox) || aged;
            let goes = match supply {
                Supply::More => is_worth,
                Supply::Waits => is_worth || bytes >= BATCH_BYTES_MIN || brokers.is_empty(),
                Supply::Done | Supply::Last => true,
            };
            goes && outbox.out.is_none() && broker(outbox).is_some_and(has_turn)
        };
        let due = self.waiting.iter().filter(is_due);
        let first = due.min_by_key(|number| self.all[**number].since()).copied()?;
        let cost = self.all[first].waiting_cost.min(self.batch_cost_max());
        (self.client_bytes == 0 || self.client_bytes + cost <= self.pace.client_bytes()).then_some(first)
    }

    /// The client has a batch of an outbox.
    pub(super) fn set_out(&mut self, number: usize, out: Out) {
        self.client_bytes += out.cost;
        self.gathering.note_sent(out.since);
        self.all[number].out = Some(out);
    }

    /// Takes the report of a message, and shows its records.
    pub(super) fn settle(&mut self, number: usize, message: usize, now: Instant, record: impl FnMut(&Ticket)) {
        let Some(outbox) = self.all.get_mut(number) else { return };
        let Some(out) = &mut outbox.out else { return };
        out.records(message).iter().for_each(record);
        out.left -= 1;
        if out.left == 0 {
            self.client_bytes -= out.cost;
            outbox.out = None;
            self.acked_at = Some(now);
        }
    }

    /// An outbox whose batch waits for this long and was not reported yet; from now on it is.
    pub(super) fn take_held_up(&mut self, wait: Duration, now: Instant) -> Option<&Outbox> {
        let is_held_up = |out: &Out| !out.is_reported && now.saturating_duration_since(out.since) >= wait;
        let outbox = self.all.iter_mut().find(|outbox| outbox.out.as_ref().is_some_and(is_held_up))?;
        if let Some(out) = &mut outbox.out {
            out.is_reported = true;
        }
        Some(outbox)
    }

    /// Whether a partition takes nothing, while others do.
    pub(super) fn is_stalled(&self, number: usize, now: Instant) -> bool {
        let out = self.all[number].out.as_ref();
        out.is_some_and(|out| {
            now.saturating_duration_since(out.since) >= STALLED_AFTER && self.acked_at.is_some_and(|at| at > out.since)
        })
    }

    /// The partitions that take nothing, and are not closed.
    pub(super) fn stalled(&self, now: Instant) -> Vec<usize> {
        (0..self.all.len()).filter(|number| !self.all[*number].is_closed && self.is_stalled(*number, now)).collect()
    }

    /// Whether any partition takes nothing.
    pub(super) fn has_stalled(&self, now: Instant) -> bool {
        (0..self.all.len()).any(|number| self.is_stalled(number, now))
    }

    /// Whether closed partitions take records again, all of them.
    pub(super) fn can_reopen(&self) -> bool {
        let mut closed = self.all.iter().filter(|outbox| outbox.is_closed).peekable();
        closed.peek().is_some() && closed.all(|outbox| outbox.out.is_none())
    }

    pub(super) fn reopen(&mut self) {
        self.all.iter_mut().for_each(|outbox| outbox.is_closed = false);
    }

    /// Takes all records out that wait, and returns them.
    pub(super) fn give_up(&mut self) -> Vec<Ticket> {
        let mut tickets = Vec::new();
        for number in self.waiting.clone() {
            self.change(number, |outbox| outbox.take_waiting(|record| tickets.push(record.ticket)));
        }
        tickets
    }

    /// Forgets all records: another client begins.
    pub(super) fn clear(&mut self) {
        drop(self.give_up());
        for outbox in &mut self.all {
            (outbox.out, outbox.is_closed) = (None, false);
        }
        (self.client_bytes, self.acked_at) = (0, None);
    }
}

#[cfg(test)]
mod tests {
    use super::super::outbox::Record;
    use super::*;

    const LINGER: Duration = Duration::from_millis(50);
    const PACE: Pace = Pace { budget_bytes: 7_000_000, linger: LINGER, linger_max: LINGER };

    /// Outboxes of so many partitions, led by broker 1.
    fn outboxes(partitions: i32) -> Outboxes {
        let mut outboxes = Outboxes::new(PACE);
        (0..partitions).for_each(|partition| _ = outboxes.add(Outbox::new(0, Some(partition))));
        outboxes
    }

    fn push(outboxes: &mut Outboxes, number: usize, bytes: usize, now: Instant) {
        let record = Record { ticket: Ticket::from_bits(0), payload: &vec![b'x'; bytes], extra: b"" };
        outboxes.change(number, |outbox| outbox.push(record, now));
    }

    /// Hands over what waits in an outbox, as one message.
    fn hand_over(outboxes: &mut Outboxes, number: usize, cost: usize, since: Instant) {
        outboxes.change(number, |outbox| outbox.take_waiting(|_| {}));
        let tickets = vec![Ticket::from_bits(0)];
        outboxes
            .set_out(number, Out { tickets, ends: Vec::new(), left: 1, cost, broker: 1, since, is_reported: false });
    }

    #[test]
    fn batches_share_the_memory_of_the_budget() {
        let cost = |partitions| outboxes(partitions).batch_cost_max();
        assert_eq!([1, 2, 3, 5, 30].map(cost), [5_600_000, 2_800_000, 1_866_666, 1_120_000, 1_120_000]);
        // A record of 178 bytes costs 4.3 times as much in the client.
        assert_eq!([178, COPY_BYTES_MAX, 600].map(message_cost), [765, 1_070, 1_670]);
    }

    #[test]
    fn a_batch_waits_for_its_size_its_age_or_the_end_of_the_lines() {
        let (mut outboxes, now) = (outboxes(2), Instant::now());
        let due = |outboxes: &Outboxes, supply, now| outboxes.due(supply, now, |_| Some(1));
        assert_eq!(due(&outboxes, Supply::Done, now), None, "nothing waits");
        push(&mut outboxes, 0, 1_000, now);
        assert_eq!(due(&outboxes, Supply::More, now), None);
        assert_eq!(due(&outboxes, Supply::More, now + LINGER), Some(0));
        assert_eq!(due(&outboxes, Supply::Done, now), Some(0));
        assert_eq!(due(&outboxes, Supply::Waits, now), Some(0), "nothing else is under way");
        hand_over(&mut outboxes, 0, 5_000, now);
        push(&mut outboxes, 0, 300_000, now);
        assert_eq!(due(&outboxes, Supply::Done, now + LINGER), None, "one at a time");
        push(&mut outboxes, 1, 1_000, now);
        assert_eq!(due(&outboxes, Supply::Waits, now), None, "too small to be worth a request");
        push(&mut outboxes, 1, BATCH_BYTES_MIN, now);
        assert_eq!(due(&outboxes, Supply::Waits, now), Some(1));
        assert_eq!(due(&outboxes, Supply::More, now), None, "not a full batch");
        push(&mut outboxes, 1, BATCH_BYTES_MAX, now);
        assert_eq!(due(&outboxes, Supply::More, now), Some(1));
    }

    #[test]
    fn a_broker_has_five_batches_and_the_longest_waiting_comes_first() {
        let (mut outboxes, start) = (outboxes(7), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        for number in 0..7_usize {
            push(&mut outboxes, number, 1_000, at(100 - number as u64));
        }
        let mut order = Vec::new();
        while let Some(number) = outboxes.due(Supply::Done, at(200), |_| Some(1)) {
            hand_over(&mut outboxes, number, 5_000, at(200));
            order.push(number);
        }
        assert_eq!(order, [6, 5, 4, 3, 2]);
        assert_eq!(outboxes.due(Supply::Done, at(200), |_| Some(2)), Some(1), "another broker");
        let not_one = |outbox: &Outbox| (outbox.partition != Some(1)).then_some(2);
        assert_eq!(
            outboxes.due(Supply::Done, at(200), not_one),
            Some(0),
            "one whose topic must answer holds up no other"
        );
        outboxes.settle(4, 0, at(300), |_| {});
        assert_eq!(outboxes.due(Supply::Done, at(300), |_| Some(1)), Some(1));
    }

    #[test]
    fn the_client_s_memory_is_a_part_of_the_budget() {
        let (mut outboxes, now) = (outboxes(2), Instant::now());
        push(&mut outboxes, 0, 1_000, now);
        hand_over(&mut outboxes, 0, 5_598_000, now);
        push(&mut outboxes, 1, 1_000, now);
        assert_eq!(outboxes.due(Supply::Done, now, |_| Some(1)), None);
        assert!(!outboxes.is_full());
        push(&mut outboxes, 1, 1_500_000, now);
        assert!(outboxes.is_full());
        outboxes.settle(0, 0, now, |_| {});
        assert_eq!(outboxes.due(Supply::Done, now, |_| Some(1)), Some(1));
        assert_eq!(outboxes.give_up().len(), 2);
        assert_eq!((outboxes.waiting_bytes, outboxes.client_bytes), (0, 0));
    }

    #[test]
    fn a_partition_is_stalled_only_while_another_is_not() {
        let (mut outboxes, now) = (outboxes(2), Instant::now());
        let later = now + STALLED_AFTER;
        for number in 0..2 {
            push(&mut outboxes, number, 1_000, now);
            hand_over(&mut outboxes, number, 5_000, now);
        }
        assert!(outboxes.stalled(later).is_empty(), "nothing is acknowledged: the cluster is away");
        outboxes.settle(1, 0, now + LINGER, |_| {});
        assert!(outboxes.stalled(now + LINGER).is_empty(), "not for long");
        assert_eq!(outboxes.stalled(later), [0]);
        outboxes.change(0, |outbox| outbox.is_closed = true);
        assert!(outboxes.stalled(later).is_empty() && outboxes.has_stalled(later) && !outboxes.can_reopen());
        outboxes.settle(0, 0, later, |_| {});
        assert!(outboxes.can_reopen());
        outboxes.reopen();
        assert!(!outboxes.can_reopen());
    }
}
