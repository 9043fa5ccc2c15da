//! Dates: as people write them for `since` and `until`, and as they are shown.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Days, FixedOffset, Months, NaiveDate, NaiveDateTime, TimeDelta, Utc};

/// A moment, and the time zone of whoever noted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// Since 1970, UTC.
    pub seconds: i64,
    /// East of UTC.
    pub offset_minutes: i32,
}

impl Timestamp {
    /// One that was noted in UTC.
    pub fn utc(seconds: i64) -> Self {
        Self {
            seconds,
            offset_minutes: 0,
        }
    }

    /// `2026-08-22T10:00:05+09:00` (ISO 8601, RFC 3339).
    pub fn iso(self) -> String {
        self.shown("%Y-%m-%dT%H:%M:%S%:z")
    }

    /// `2026-08-22 10:00 +09:00`
    pub fn day_and_minute(self) -> String {
        self.shown("%Y-%m-%d %H:%M %:z")
    }

    /// `2026-08-22`, where it was noted.
    pub fn day(self) -> String {
        self.shown("%Y-%m-%d")
    }

    fn shown(self, form: &str) -> String {
        let calendar = || {
            let zone = FixedOffset::east_opt(self.offset_minutes.checked_mul(60)?)?;
            Some(DateTime::from_timestamp(self.seconds, 0)?.with_timezone(&zone))
        };
        match calendar() {
            Some(time) => time.format(form).to_string(),
            // Beyond the calendar.
            None => format!("@{}", self.seconds),
        }
    }
}

/// A date as `git log --since` takes it: a moment, or a time before now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DateSpec {
    /// Seconds since 1970.
    At(i64),
    /// A whole day, UTC.
    Day(NaiveDate),
    /// So much before now.
    Ago(Ago),
}

/// An amount of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ago {
    count: u32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Seconds,
    Minutes,
    Hours,
    Days,
    Weeks,
    Months,
    Years,
}

/// The text is no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a date such as `2026-08-22`, `2026-08-22T10:00:00Z`, `2026-08-22 10:00` (UTC), `yesterday` or `2 weeks ago`"
)]
pub struct InvalidDate;

impl FromStr for DateSpec {
    type Err = InvalidDate;

    fn from_str(text: &str) -> Result<Self, InvalidDate> {
        let text = text.trim();
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(moment.timestamp()));
        }
        for zoned in [
            "%Y-%m-%d %H:%M:%S %z",
            "%Y-%m-%d %H:%M %z",
            "%Y-%m-%dT%H:%M%z",
        ] {
            if let Ok(moment) = DateTime::parse_from_str(text, zoned) {
                return Ok(Self::At(moment.timestamp()));
            }
        }
        for local in [
            "%Y-%m-%d %H:%M:%S",
            "%Y-%m-%d %H:%M",
            "%Y-%m-%dT%H:%M:%S",
            "%Y-%m-%dT%H:%M",
        ] {
            if let Ok(moment) = NaiveDateTime::parse_from_str(text, local) {
                return Ok(Self::At(moment.and_utc().timestamp()));
            }
        }
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Self::Day(day));
        }
        relative(&text.to_lowercase())
            .map(Self::Ago)
            .ok_or(InvalidDate)
    }
}

/// `now`, `yesterday`, `2 weeks ago`, `1.month.ago`
fn relative(text: &str) -> Option<Ago> {
    let ago = |count, unit| Some(Ago { count, unit });
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c == '.')
        .filter(|word| !word.is_empty())
        .collect();
    match words[..] {
        ["now"] => ago(0, Unit::Seconds),
        ["yesterday"] => ago(1, Unit::Days),
        [count, unit, "ago"] => {
            let count = match count {
                "a" | "an" | "one" => 1,
                digits => digits.parse().ok()?,
            };
            let unit = match unit.strip_suffix('s').unwrap_or(unit) {
                "second" | "sec" => Unit::Seconds,
                "minute" | "min" => Unit::Minutes,
                "hour" => Unit::Hours,
                "day" => Unit::Days,
                "week" => Unit::Weeks,
                "month" => Unit::Months,
                "year" => Unit::Years,
                _ => return None,
            };
            ago(count, unit)
        }
        _ => None,
    }
}

impl DateSpec {
    /// The first moment that is meant, in seconds since 1970. `now` likewise.
    pub fn start(&self, now: i64) -> i64 {
        match self {
            Self::At(moment) => *moment,
            Self::Day(day) => day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp(),
            Self::Ago(ago) => ago.before(now),
        }
    }

    /// The last moment that is meant: the end of a day that is named.
    pub fn end(&self, now: i64) -> i64 {
        const DAY: i64 = 24 * 60 * 60;
        match self {
            Self::Day(_) => self.start(now).saturating_add(DAY - 1),
            Self::At(_) | Self::Ago(_) => self.start(now),
        }
    }
}

impl Ago {
    fn before(self, now: i64) -> i64 {
        let count = self.count;
        let seconds = |each: i64| TimeDelta::try_seconds(each.saturating_mul(count.into()));
        let now_there: Option<DateTime<Utc>> = DateTime::from_timestamp(now, 0);
        let then = now_there.and_then(|now| match self.unit {
            Unit::Seconds => now.checked_sub_signed(seconds(1)?),
            Unit::Minutes => now.checked_sub_signed(seconds(60)?),
            Unit::Hours => now.checked_sub_signed(seconds(3600)?),
            Unit::Days => now.checked_sub_days(Days::new(count.into())),
            Unit::Weeks => now.checked_sub_days(Days::new(u64::from(count) * 7)),
            Unit::Months => now.checked_sub_months(Months::new(count)),
            Unit::Years => now.checked_sub_months(Months::new(count.checked_mul(12)?)),
        });
        // Before the calendar begins: before every commit.
        then.map_or(i64::MIN, |then| then.timestamp())
    }
}

impl fmt::Display for DateSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(seconds) => f.write_str(&Timestamp::utc(*seconds).day_and_minute()),
            Self::Day(day) => day.fmt(f),
            Self::Ago(Ago { count, unit }) => {
                let unit = format!("{unit:?}").to_lowercase();
                write!(f, "{count} {unit} ago")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-08-22 10:00:00 UTC
    const NOW: i64 = 1_787_392_800;

    fn start(text: &str) -> String {
        let seconds = text.parse::<DateSpec>().unwrap().start(NOW);
        Timestamp::utc(seconds).iso()
    }

    #[test]
    fn dates_are_read_as_people_write_them() {
        for (text, expected) in [
            ("2026-08-01", "2026-08-01T00:00:00+00:00"),
            ("2026-08-01T10:30:00Z", "2026-08-01T10:30:00+00:00"),
            ("2026-08-01T10:30:00+09:00", "2026-08-01T01:30:00+00:00"),
            ("2026-08-01 10:30", "2026-08-01T10:30:00+00:00"),
            ("2026-08-01 10:30:05", "2026-08-01T10:30:05+00:00"),
            ("2026-08-01 10:30 +0900", "2026-08-01T01:30:00+00:00"),
            ("now", "2026-08-22T10:00:00+00:00"),
            ("Yesterday", "2026-08-21T10:00:00+00:00"),
            ("2 weeks ago", "2026-08-08T10:00:00+00:00"),
            ("1.month.ago", "2026-07-22T10:00:00+00:00"),
            ("an hour ago", "2026-08-22T09:00:00+00:00"),
            ("90 seconds ago", "2026-08-22T09:58:30+00:00"),
            ("2 years ago", "2024-08-22T10:00:00+00:00"),
        ] {
            assert_eq!(start(text), expected, "{text}");
        }
        let day: DateSpec = "2026-08-01".parse().unwrap();
        assert_eq!(day.end(NOW) - day.start(NOW), 86_399);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "soon",
            "2026-13-01",
            "22.08.2026",
            "2 fortnights ago",
            "weeks ago",
            "-1 days ago",
        ] {
            assert_eq!(text.parse::<DateSpec>(), Err(InvalidDate), "{text}");
        }
        let long_ago: DateSpec = "4294967295 years ago".parse().unwrap();
        assert_eq!(long_ago.start(NOW), i64::MIN);
    }

    #[test]
    fn a_moment_is_shown_where_it_was_noted() {
        let korean = Timestamp {
            seconds: NOW,
            offset_minutes: 540,
        };
        assert_eq!(korean.iso(), "2026-08-22T19:00:00+09:00");
        assert_eq!(korean.day_and_minute(), "2026-08-22 19:00 +09:00");
        assert_eq!(korean.day(), "2026-08-22");
        let nonsense = Timestamp {
            seconds: i64::MAX,
            offset_minutes: 1_000_000,
        };
        assert_eq!(nonsense.iso(), "@9223372036854775807");
    }
}
