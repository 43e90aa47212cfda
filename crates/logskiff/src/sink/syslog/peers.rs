//! The order in which the addresses of a host name are tried.

use std::net::SocketAddr;
use std::time::Duration;

use fastrand::Rng;

/// The shortest time limit for one of several addresses: a handshake over a long way takes a second.
const EACH_MIN: Duration = Duration::from_secs(2);

/// The addresses in random order, so that the sidecars of a cluster spread over them. `avoided`, which failed last, comes
/// last.
pub(super) fn in_order(mut peers: Vec<SocketAddr>, avoided: Option<SocketAddr>, rng: &mut Rng) -> Vec<SocketAddr> {
    rng.shuffle(&mut peers);
    peers.sort_by_key(|peer| Some(*peer) == avoided);
    peers
}

/// The time limit for each of several addresses, if one alone may take `limit`.
pub(super) fn limit_of_each(limit: Duration, peers: usize) -> Duration {
    let share = limit / u32::try_from(peers).unwrap_or(u32::MAX).max(1);
    share.max(EACH_MIN).min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_first_as_often_and_the_failed_one_last() {
        let peers: Vec<SocketAddr> = (1..=4).map(|last| ([10, 0, 0, last], 514).into()).collect();
        let mut rng = Rng::with_seed(7);
        let mut first = [0; 4];
        for _ in 0..4_000 {
            let ordered = in_order(peers.clone(), None, &mut rng);
            first[peers.iter().position(|peer| *peer == ordered[0]).unwrap()] += 1;
            let ordered = in_order(peers.clone(), Some(peers[2]), &mut rng);
            assert_eq!((ordered.len(), ordered[3]), (4, peers[2]));
        }
        assert!(first.iter().all(|count| (800..1_200).contains(count)), "{first:?}");
    }

    #[test]
    fn all_addresses_share_the_time() {
        let seconds = Duration::from_secs;
        assert_eq!(limit_of_each(seconds(10), 1), seconds(10));
        assert_eq!(limit_of_each(seconds(10), 2), seconds(5));
        assert_eq!(limit_of_each(seconds(10), 100), EACH_MIN);
        assert_eq!(limit_of_each(seconds(1), 3), seconds(1));
    }
}
