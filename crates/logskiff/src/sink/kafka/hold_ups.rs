//! Says why a partition acknowledges nothing, although the cluster is reached: librdkafka retries without a word.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::producer::{BaseProducer, Producer};

use super::context::Callbacks;

/// A batch that is not acknowledged after this time is reported.
pub(super) const REPORT_AFTER: Duration = Duration::from_secs(8);
/// The time limit of the request for the partition's state.
const TIMEOUT: Duration = Duration::from_secs(3);

/// A partition whose batch is not acknowledged.
pub(super) struct HoldUp {
    pub(super) topic: String,
    /// `None`: librdkafka has not chosen one yet.
    pub(super) partition: Option<i32>,
    pub(super) waited: Duration,
    /// Such lines that were left out before.
    pub(super) left_out: u64,
}

/// What the cluster says about a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// It does not answer, or does not know the partition.
    Unknown,
    NoLeader,
    /// Fewer replicas are in sync than there are.
    FewInSync {
        in_sync: usize,
        replicas: usize,
    },
    Led {
        by: i32,
        address: String,
    },
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => write!(f, "the cluster does not say who leads it; look at the broker's log"),
            Self::NoLeader => write!(f, "it has no leader: the brokers with its replicas are down"),
            Self::FewInSync { in_sync, replicas } => write!(
                f,
                "{in_sync} of {replicas} replicas are in sync: the topic's min.insync.replicas may ask for more; bring \
                 the missing brokers back"
            ),
            Self::Led { by, address } => write!(
                f,
                "its leader, broker {by} at {address}, does not answer, or limits the client by a quota: can that address \
                 be reached from here? look at the broker's load, disk and log"
            ),
        }
    }
}

/// Logs why a partition acknowledges nothing, from a thread of its own.
///
/// # Errors
/// When the system has no thread for it.
pub(super) fn report(producer: &Arc<BaseProducer<Callbacks>>, hold_up: HoldUp) -> std::io::Result<()> {
    let producer = Arc::clone(producer);
    let run = move || {
        let HoldUp { topic, partition, waited, left_out } = hold_up;
        let cause = state(&producer, &topic, partition);
        let waited_s = waited.as_secs();
        tracing::warn!(topic, partition, waited_s, %cause, left_out, "a partition acknowledges nothing; logskiff retries");
    };
    std::thread::Builder::new().name("kafka-state".into()).stack_size(128 * 1024).spawn(run).map(drop)
}

fn state(producer: &BaseProducer<Callbacks>, topic: &str, partition: Option<i32>) -> State {
    let Ok(metadata) = producer.client().fetch_metadata(Some(topic), TIMEOUT) else { return State::Unknown };
    let partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
    let found = partitions.filter(|each| partition.is_none_or(|id| each.id() == id));
    let address = |id: i32| {
        let broker = metadata.brokers().iter().find(|broker| broker.id() == id);
        broker.map_or_else(|| "an unknown address".to_owned(), |broker| format!("{}:{}", broker.host(), broker.port()))
    };
    let of = |each: &MetadataPartition| {
        to_state(each.leader(), address(each.leader()), each.isr().len(), each.replicas().len())
    };
    let worst = found.map(of).min_by_key(rank);
    worst.unwrap_or(State::Unknown)
}

/// The state of a partition by its leader, which is negative without one, and its replicas.
fn to_state(leader: i32, address: String, in_sync: usize, replicas: usize) -> State {
    match leader {
        ..0 => State::NoLeader,
        _ if in_sync < replicas => State::FewInSync { in_sync, replicas },
        by => State::Led { by, address },
    }
}

/// The worst state comes first.
fn rank(state: &State) -> u8 {
    match state {
        State::NoLeader => 0,
        State::FewInSync { .. } => 1,
        State::Led { .. } => 2,
        State::Unknown => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_follows_from_the_leader_and_the_replicas() {
        let state = |leader, in_sync, replicas| to_state(leader, "kafka-2:9092".to_owned(), in_sync, replicas);
        let text = |leader, in_sync, replicas| state(leader, in_sync, replicas).to_string();
        assert!(text(-1, 0, 3).contains("no leader"));
        assert!(text(2, 2, 3).contains("2 of 3 replicas are in sync"));
        assert!(text(2, 3, 3).contains("broker 2 at kafka-2:9092"));
        assert!(rank(&state(-1, 0, 3)) < rank(&state(1, 2, 3)));
    }
}
