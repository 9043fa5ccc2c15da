//! Time zones: the clock on the wall, and what its changes make of it.
//!
//! A time that the clocks skip is the moment of the change. One that comes twice is the first of the two for what
//! begins then, and the second one for what ends: a freeze is never shorter than it reads.

use chrono::{DateTime, NaiveDateTime};
use jiff::civil;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use crate::nearest::Nearest;

/// How many names a message suggests.
const SUGGESTED: usize = 3;

/// A zone of the IANA time zone database, which is part of this program: the image has no other.
#[derive(Debug, Clone)]
pub(super) struct Zone(TimeZone);

/// The database has no zone of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the IANA time zone database has no such zone{0}")]
pub(super) struct UnknownZone(String);

impl Zone {
    /// `UTC`
    pub(super) fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The zone of that name, such as `Europe/Berlin`.
    pub(super) fn named(name: &str) -> Result<Self, UnknownZone> {
        let database = TimeZoneDatabase::bundled();
        if let Ok(zone) = database.get(name) {
            return Ok(Self(zone));
        }
        let mut nearest = Nearest::to(name, SUGGESTED);
        for zone in database.available() {
            nearest.consider(zone.as_str().to_owned());
        }
        let names = nearest.names();
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        Err(UnknownZone(match names.as_slice() {
            [] => ". A name has the form `Europe/Berlin` or `UTC`".to_owned(),
            names => format!(": did you mean {}?", names.join(", ")),
        }))
    }

    /// The moment at which what begins at `local` begins.
    pub(super) fn begin(&self, local: NaiveDateTime) -> i64 {
        self.moment(local, |first, _| first)
    }

    /// The moment at which what ends at `local` ends.
    pub(super) fn end(&self, local: NaiveDateTime) -> i64 {
        self.moment(local, |_, second| second)
    }

    fn moment(&self, local: NaiveDateTime, of_two: fn(i64, i64) -> i64) -> i64 {
        let seconds = local.and_utc().timestamp();
        let at = |offset: Offset| seconds.saturating_sub(offset.seconds().into());
        match self.0.to_ambiguous_timestamp(wall(seconds)).offset() {
            AmbiguousOffset::Unambiguous { offset } => at(offset),
            AmbiguousOffset::Fold { before, after } => of_two(at(before), at(after)),
            AmbiguousOffset::Gap { before, after } => {
                let mut changes = self.0.following(timestamp(at(after)));
                let change = changes.next().map(|change| change.timestamp().as_second());
                change.unwrap_or(at(before))
            }
        }
    }

    /// The last time of the clock such that whatever begins at it has begun by `moment`.
    pub(super) fn reached(&self, moment: i64) -> NaiveDateTime {
        let shown = |at: Timestamp, offset: Offset| at.as_second() + i64::from(offset.seconds());
        let at = timestamp(moment);
        let mut reached = shown(at, self.0.to_offset(at));
        // Where the clocks were put back, they were further before.
        let behind = timestamp(moment.saturating_add(1));
        if let Some(change) = self.0.preceding(behind).next()
            && let Ok(before) = change.timestamp().checked_sub(SignedDuration::from_secs(1))
        {
            reached = reached.max(shown(before, self.0.to_offset(before)));
        }
        naive(reached)
    }

    /// `2026-12-01 08:00 Europe/Berlin`
    pub(super) fn shown(&self, moment: i64) -> String {
        let at = timestamp(moment);
        let local = naive(at.as_second() + i64::from(self.0.to_offset(at).seconds()));
        let form = match moment.rem_euclid(60) {
            0 => "%Y-%m-%d %H:%M",
            _ => "%Y-%m-%d %H:%M:%S",
        };
        format!("{} {}", local.format(form), self.name())
    }

    /// Whether it is the one that everybody knows.
    pub(super) fn is_utc(&self) -> bool {
        self.name() == "UTC"
    }

    fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }
}

/// What a clock shows, as the database's library has it; the first or last time that this knows for one beyond.
fn wall(seconds: i64) -> civil::DateTime {
    Offset::UTC.to_datetime(timestamp(seconds))
}

fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(match seconds {
        ..0 => Timestamp::MIN,
        _ => Timestamp::MAX,
    })
}

fn naive(seconds: i64) -> NaiveDateTime {
    DateTime::from_timestamp(seconds, 0).map_or(NaiveDateTime::MAX, |time| time.naive_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }

    fn utc(moment: i64) -> String {
        Zone::utc().shown(moment)
    }

    #[test]
    fn the_clocks_of_a_zone_are_moments() {
        for (zone, time, begin, end) in [
            (
                "UTC",
                "2026-03-29 02:30",
                "2026-03-29 02:30",
                "2026-03-29 02:30",
            ),
            (
                "Asia/Seoul",
                "2026-01-01 00:00",
                "2025-12-31 15:00",
                "2025-12-31 15:00",
            ),
            (
                "Europe/Berlin",
                "2026-03-28 02:30",
                "2026-03-28 01:30",
                "2026-03-28 01:30",
            ),
            // From 02:00 to 03:00 at 01:00 UTC.
            (
                "Europe/Berlin",
                "2026-03-29 01:59",
                "2026-03-29 00:59",
                "2026-03-29 00:59",
            ),
            (
                "Europe/Berlin",
                "2026-03-29 02:00",
                "2026-03-29 01:00",
                "2026-03-29 01:00",
            ),
            (
                "Europe/Berlin",
                "2026-03-29 02:30",
                "2026-03-29 01:00",
                "2026-03-29 01:00",
            ),
            (
                "Europe/Berlin",
                "2026-03-29 03:00",
                "2026-03-29 01:00",
                "2026-03-29 01:00",
            ),
            (
                "Europe/Berlin",
                "2026-03-29 03:30",
                "2026-03-29 01:30",
                "2026-03-29 01:30",
            ),
            // From 03:00 back to 02:00 at 01:00 UTC.
            (
                "Europe/Berlin",
                "2026-10-25 02:00",
                "2026-10-25 00:00",
                "2026-10-25 01:00",
            ),
            (
                "Europe/Berlin",
                "2026-10-25 02:30",
                "2026-10-25 00:30",
                "2026-10-25 01:30",
            ),
            (
                "Europe/Berlin",
                "2026-10-25 03:00",
                "2026-10-25 02:00",
                "2026-10-25 02:00",
            ),
            (
                "America/New_York",
                "2026-03-08 02:30",
                "2026-03-08 07:00",
                "2026-03-08 07:00",
            ),
            (
                "America/New_York",
                "2026-11-01 01:30",
                "2026-11-01 05:30",
                "2026-11-01 06:30",
            ),
            // Half an hour, and the other half of the year.
            (
                "Australia/Lord_Howe",
                "2026-10-04 02:15",
                "2026-10-03 15:30",
                "2026-10-03 15:30",
            ),
            (
                "Australia/Lord_Howe",
                "2026-04-05 01:45",
                "2026-04-04 14:45",
                "2026-04-04 15:15",
            ),
            // A day that Samoa never had.
            (
                "Pacific/Apia",
                "2011-12-30 12:00",
                "2011-12-30 10:00",
                "2011-12-30 10:00",
            ),
            // Beyond what the database lists, by its rules.
            (
                "Europe/Berlin",
                "2099-07-01 12:00",
                "2099-07-01 10:00",
                "2099-07-01 10:00",
            ),
        ] {
            let own = Zone::named(zone).unwrap();
            let time = local(time);
            let moments = (utc(own.begin(time)), utc(own.end(time)));
            let expected = (format!("{begin} UTC"), format!("{end} UTC"));
            assert_eq!(moments, expected, "{zone} {time}");
        }
    }

    /// Minute by minute over both changes: no minute has begun that has not, and none is left out.
    #[test]
    fn what_the_clocks_have_reached_has_begun() {
        for (zone, from, to) in [
            ("Europe/Berlin", "2026-03-28 23:00", "2026-03-29 05:00"),
            ("Europe/Berlin", "2026-10-24 22:00", "2026-10-25 05:00"),
            (
                "Australia/Lord_Howe",
                "2026-04-04 12:00",
                "2026-04-04 18:00",
            ),
        ] {
            let zone = Zone::named(zone).unwrap();
            let (from, to) = (local(from).and_utc(), local(to).and_utc());
            for moment in (from.timestamp()..to.timestamp()).step_by(60) {
                let reached = zone.reached(moment);
                assert!(zone.begin(reached) <= moment);
                let next = reached + chrono::TimeDelta::minutes(1);
                assert!(zone.begin(next) > moment, "{} {next}", utc(moment));
            }
        }
    }

    #[test]
    fn a_zone_that_is_not_there_is_told_with_the_nearest() {
        for (name, expected) in [
            ("Europe/Berln", "did you mean `Europe/Berlin`"),
            ("Berlin", "did you mean `Europe/Berlin`"),
            ("+01:00", "A name has the form"),
        ] {
            let told = Zone::named(name).unwrap_err().to_string();
            assert!(told.contains(expected), "{name}: {told}");
        }
        // As the database knows them, in any case.
        assert_eq!(
            Zone::named("europe/berlin").unwrap().shown(0),
            "1970-01-01 01:00 Europe/Berlin"
        );
    }

    #[test]
    fn a_moment_beyond_the_calendar_is_at_its_end() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        for moment in [i64::MIN, i64::MAX] {
            let _ = (zone.reached(moment), zone.shown(moment));
        }
        let _ = (zone.begin(NaiveDateTime::MAX), zone.end(NaiveDateTime::MIN));
    }
}
