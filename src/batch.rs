use std::time::Duration;
#[derive(Clone, Copy, Debug)]
pub struct Config { pub bytes: usize, pub linger: Duration, /** budget for all that's read and not acknowledged */ pub in_flight_bytes: usize }
