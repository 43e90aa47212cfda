//! Formats instants for syslog.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::Format;

/// Formats instants; caches the last second, which most messages share with the previous one.
#[derive(Debug)]
pub(super) struct Clock {
    format: Format,
    zone: TimeZone,
    second: Option<i64>,
    written: String,
    offset: String,
}

impl Clock {
    pub(super) fn new(format: Format, zone: TimeZone) -> Self {
        Self { format, zone, second: None, written: String::new(), offset: String::new() }
    }

    /// Writes `time_ns`, nanoseconds since the Unix epoch: as RFC 3339 with milliseconds, or with microseconds if
    /// needed (RFC 5424, 6.2.3), or in the format of RFC 3164 (4.1.2).
    pub(super) fn write(&mut self, time_ns: i64, out: &mut Vec<u8>) {
        let (second, nanosecond) = (time_ns.div_euclid(1_000_000_000), time_ns.rem_euclid(1_000_000_000));
        if self.second != Some(second) {
            self.second = Some(second);
            let instant = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
            let instant = instant.to_zoned_datetime(TimeZone::fixed(self.whole_minutes(instant)));
            let format = if self.format == Format::Rfc5424 { "%Y-%m-%dT%H:%M:%S" } else { "%b %e %H:%M:%S" };
            self.written = instant.strftime(format).to_string();
            self.offset = if instant.offset().is_zero() { "Z".to_owned() } else { instant.strftime("%:z").to_string() };
        }
        out.extend_from_slice(self.written.as_bytes());
        if self.format == Format::Rfc3164 {
            return;
        }
        let (mut unit, value) = match nanosecond / 1_000 {
            microsecond if microsecond % 1_000 == 0 => (100, microsecond / 1_000),
            microsecond => (100_000, microsecond),
        };
        out.push(b'.');
        while unit > 0 {
            out.push(b'0' + u8::try_from(value / unit % 10).unwrap_or_default());
            unit /= 10;
        }
        out.extend_from_slice(self.offset.as_bytes());
    }
    /// The zone's offset. Historical offsets had seconds, which RFC 3339 cannot express.
    fn whole_minutes(&self, instant: Timestamp) -> Offset {
        let seconds = self.zone.to_offset(instant).seconds();
        Offset::from_seconds(seconds - seconds % 60).unwrap_or(Offset::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_formatted_as_each_format_requires() {
        #[track_caller]
        fn check(zone: &str, time_ns: i64, rfc5424: &str, rfc3164: &str) {
            for (format, want) in [(Format::Rfc5424, rfc5424), (Format::Rfc3164, rfc3164)] {
                let mut out = Vec::new();
                let mut clock = Clock::new(format, TimeZone::get(zone).unwrap());
                clock.write(time_ns, &mut out);
                clock.write(time_ns, &mut out);
                assert_eq!(String::from_utf8(out).unwrap(), want.repeat(2));
            }
        }
        check("UTC", 0, "1970-01-01T00:00:00.000Z", "Jan  1 00:00:00");
        check("UTC", -1, "1969-12-31T23:59:59.999999Z", "Dec 31 23:59:59");
        check("Europe/Berlin", 1_795_471_200_120_000_000, "2026-11-23T23:00:00.120+01:00", "Nov 23 23:00:00");
        check("Europe/London", 1_783_000_000_000_001_000, "2026-07-02T14:46:40.000001+01:00", "Jul  2 14:46:40");
        check("Africa/Monrovia", 0, "1969-12-31T23:16:00.000-00:44", "Dec 31 23:16:00");
        check("Asia/Kathmandu", i64::MAX, "2262-04-12T05:32:16.854775+05:45", "Apr 12 05:32:16");
    }
}
