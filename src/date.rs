//! Dates: as people write them for `since` and `until`, and as they are shown.

use std::fmt;
use std::str::FromStr;

use chrono::{
    DateTime, Datelike, Days, FixedOffset, Months, NaiveDate, NaiveDateTime, TimeDelta, Utc,
    Weekday,
};

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

    /// The moment that `2026-08-22T10:00:05+09:00` is.
    pub fn seconds_of_iso(text: &str) -> Option<i64> {
        let moment = DateTime::parse_from_rfc3339(text.trim()).ok()?;
        Some(moment.timestamp())
    }

    /// `2026-08-22T10:00:05+09:00` (ISO 8601, RFC 3339).
    pub fn iso(self) -> String {
        self.shown("%Y-%m-%dT%H:%M:%S%:z")
    }

    /// `2026-08-22 10:00 UTC`, or with `+09:00` where it was noted there: as every person is told a moment.
    pub fn day_and_minute(self) -> String {
        self.with_zone("%Y-%m-%d %H:%M")
    }

    /// The same with its seconds, where these count.
    pub fn day_and_second(self) -> String {
        self.with_zone("%Y-%m-%d %H:%M:%S")
    }

    fn with_zone(self, form: &str) -> String {
        let zone = if self.offset_minutes == 0 {
            "UTC"
        } else {
            "%:z"
        };
        self.shown(&format!("{form} {zone}"))
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
    /// The whole day, UTC, that it is now.
    Today,
    /// The newest such day that is over, UTC.
    Last(Weekday),
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
    "expected a date such as `2026-08-22`, `22 Aug 2026`, `2026-08-22T10:00Z`, `2026-08-22 10:00` (UTC), `today`, \
     `yesterday`, `last monday`, `2 weeks ago` or `@1787392800`"
)]
pub struct InvalidDate;

/// How a day is written.
const DAYS: [&str; 6] = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d %B %Y",
    "%B %d %Y",
    "%B %d, %Y",
];
/// How the time of a day is written behind it.
const TIMES: [&str; 6] = [
    " %H:%M:%S",
    " %H:%M:%S%.f",
    " %H:%M",
    "T%H:%M:%S",
    "T%H:%M:%S%.f",
    "T%H:%M",
];

impl FromStr for DateSpec {
    type Err = InvalidDate;

    fn from_str(text: &str) -> Result<Self, InvalidDate> {
        let text = text.trim();
        if let Some(seconds) = text.strip_prefix('@') {
            let seconds = seconds.parse::<i64>();
            return seconds.map(Self::At).map_err(|_| InvalidDate);
        }
        // As UTC, which a moment without a zone is, too.
        let without_zone = ["Z", "z", " UTC", " GMT"].into_iter();
        let mut without_zone = without_zone.filter_map(|zone| text.strip_suffix(zone));
        let local = without_zone.next().unwrap_or(text);
        for day in DAYS {
            if let Ok(day) = NaiveDate::parse_from_str(text, day) {
                return Ok(Self::Day(day));
            }
            for time in TIMES {
                let form = format!("{day}{time}");
                if let Ok(moment) = NaiveDateTime::parse_from_str(local, &form) {
                    return Ok(Self::At(moment.and_utc().timestamp()));
                }
                for zone in ["%#z", " %#z"] {
                    let form = format!("{form}{zone}");
                    if let Ok(moment) = DateTime::parse_from_str(text, &form) {
                        return Ok(Self::At(moment.timestamp()));
                    }
                }
            }
        }
        relative(&text.to_lowercase()).ok_or(InvalidDate)
    }
}

/// `now`, `today`, `last monday`, `2 weeks ago`, `1.month.ago`, `3 days`
fn relative(text: &str) -> Option<DateSpec> {
    let ago = |count, unit| Some(DateSpec::Ago(Ago { count, unit }));
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c == '.')
        .filter(|word| !word.is_empty())
        .collect();
    match words[..] {
        ["now"] => ago(0, Unit::Seconds),
        ["today"] => Some(DateSpec::Today),
        ["yesterday"] => ago(1, Unit::Days),
        ["last", one] => match unit(one) {
            Some(unit) => ago(1, unit),
            None => one.parse().ok().map(DateSpec::Last),
        },
        [day] => day.parse().ok().map(DateSpec::Last),
        [count, one] | [count, one, "ago"] => {
            let count = match count {
                "a" | "an" | "one" => 1,
                digits => digits.parse().ok()?,
            };
            ago(count, unit(one)?)
        }
        _ => None,
    }
}

fn unit(text: &str) -> Option<Unit> {
    Some(match text.strip_suffix('s').unwrap_or(text) {
        "second" | "sec" => Unit::Seconds,
        "minute" | "min" => Unit::Minutes,
        "hour" => Unit::Hours,
        "day" => Unit::Days,
        "week" => Unit::Weeks,
        "month" => Unit::Months,
        "year" => Unit::Years,
        _ => return None,
    })
}

impl DateSpec {
    /// The day that is meant, where one is named.
    fn day(&self, now: i64) -> Option<NaiveDate> {
        let today = || Some(DateTime::from_timestamp(now, 0)?.date_naive());
        match self {
            Self::Day(day) => Some(*day),
            Self::Today => today(),
            Self::Last(weekday) => {
                let today = today()?;
                let since = today.weekday().days_since(*weekday);
                let since = if since == 0 { 7 } else { since };
                today.checked_sub_days(Days::new(since.into()))
            }
            Self::At(_) | Self::Ago(_) => None,
        }
    }

    /// The first moment that is meant, in seconds since 1970. `now` likewise.
    pub fn start(&self, now: i64) -> i64 {
        match self {
            Self::At(moment) => *moment,
            Self::Ago(ago) => ago.before(now),
            Self::Day(_) | Self::Today | Self::Last(_) => match self.day(now) {
                Some(day) => midnight(day),
                None => now,
            },
        }
    }

    /// The last moment that is meant: the end of a day that is named.
    pub fn end(&self, now: i64) -> i64 {
        match self.day(now) {
            Some(day) => midnight(day).saturating_add(DAY - 1),
            None => self.start(now),
        }
    }
}

/// Of a day in seconds.
const DAY: i64 = 24 * 60 * 60;

/// The first second of a day, UTC.
fn midnight(day: NaiveDate) -> i64 {
    day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp()
}

/// From one moment to another, both included; in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub from: i64,
    /// The last.
    pub to: i64,
}

/// The most parts of a span; a person reads fewer.
const MAX_PARTS: usize = 120;

impl Span {
    /// Whether it has this moment.
    pub fn contains(self, moment: i64) -> bool {
        (self.from..=self.to).contains(&moment)
    }

    /// How long it is.
    pub fn seconds(self) -> i64 {
        self.to.saturating_sub(self.from).saturating_add(1).max(0)
    }

    /// Its days, weeks, months or years, UTC, each by its name, oldest first; the first and the last one as
    /// far as they are in it. Of a very long one the newest.
    pub fn parts(self) -> Vec<(String, Self)> {
        let of_day = |seconds| Some(DateTime::from_timestamp(seconds, 0)?.date_naive());
        let days = self.seconds() / DAY;
        // The first day of the part that has `day`, and the name of the part.
        let part = |day: NaiveDate| -> Option<(NaiveDate, String)> {
            match days {
                ..=14 => Some((day, day.to_string())),
                15..=120 => {
                    let monday = day
                        .checked_sub_days(Days::new(day.weekday().num_days_from_monday().into()))?;
                    Some((monday, day.format("%G-W%V").to_string()))
                }
                121..=1_827 => Some((day.with_day(1)?, day.format("%Y-%m").to_string())),
                _ => Some((day.with_ordinal(1)?, day.format("%Y").to_string())),
            }
        };
        let mut parts = Vec::new();
        let mut to = self.to;
        while to >= self.from && parts.len() < MAX_PARTS {
            let Some((first, name)) = of_day(to).and_then(part) else {
                break;
            };
            let from = midnight(first).max(self.from);
            parts.push((name, Self { from, to }));
            to = from.saturating_sub(1);
        }
        parts.reverse();
        parts
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
            Self::Today => f.write_str("today"),
            Self::Last(weekday) => write!(f, "last {weekday}"),
            Self::Ago(Ago { count, unit }) => {
                let units = format!("{unit:?}").to_lowercase();
                let unit = match count {
                    1 => units.trim_end_matches('s'),
                    _ => &units,
                };
                write!(f, "{count} {unit} ago")
            }
        }
    }
}

/// The seconds of an amount of time as it is written: `90s`, `30m`, `2h`, `1d`, and one behind the other: `1h30m`.
pub fn seconds(text: &str) -> Option<u64> {
    let (mut rest, mut seconds) = (text, 0_u64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        let unit = match rest.as_bytes().get(digits)? {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 24 * 3600,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = rest.get(digits + 1..)?;
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_of_time_has_a_unit() {
        for (text, expected) in [
            ("90s", Some(90)),
            ("2h", Some(7200)),
            ("1h30m", Some(5400)),
            ("1d", Some(86_400)),
            ("90", None),
            ("2 h", None),
            ("h", None),
            ("1.5h", None),
            ("-1h", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(super::seconds(text), expected, "{text}");
        }
    }

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
            ("2026-08-22T10:00Z", "2026-08-22T10:00:00+00:00"),
            ("2026-08-22 10:00 UTC", "2026-08-22T10:00:00+00:00"),
            ("2026-08-22T10:00+09:00", "2026-08-22T01:00:00+00:00"),
            ("2026-08-22T10:00:05.250Z", "2026-08-22T10:00:05+00:00"),
            ("2026/08/01", "2026-08-01T00:00:00+00:00"),
            ("2026.08.01", "2026-08-01T00:00:00+00:00"),
            ("1 Aug 2026", "2026-08-01T00:00:00+00:00"),
            ("August 1, 2026", "2026-08-01T00:00:00+00:00"),
            ("Aug 1 2026 10:30", "2026-08-01T10:30:00+00:00"),
            ("@1787392800", "2026-08-22T10:00:00+00:00"),
            ("Today", "2026-08-22T00:00:00+00:00"),
            // That day is a Saturday.
            ("last friday", "2026-08-21T00:00:00+00:00"),
            ("saturday", "2026-08-15T00:00:00+00:00"),
            ("last week", "2026-08-15T10:00:00+00:00"),
            ("3.days", "2026-08-19T10:00:00+00:00"),
        ] {
            assert_eq!(start(text), expected, "{text}");
        }
        for day in ["2026-08-01", "today", "last friday"] {
            let day: DateSpec = day.parse().unwrap();
            assert_eq!(day.end(NOW) - day.start(NOW), 86_399);
        }
    }

    #[test]
    fn a_span_has_parts_that_a_person_can_read() {
        let parts = |from: &str, to: &str| {
            let seconds = |text: &str| text.parse::<DateSpec>().unwrap();
            let span = Span {
                from: seconds(from).start(NOW),
                to: seconds(to).end(NOW),
            };
            let parts = span.parts();
            let total: i64 = parts.iter().map(|(_, part)| part.seconds()).sum();
            assert_eq!(total, span.seconds());
            let names: Vec<String> = parts.into_iter().map(|(name, _)| name).collect();
            names.join(" ")
        };
        assert_eq!(parts("yesterday", "today"), "2026-08-21 2026-08-22");
        assert_eq!(
            parts("2026-08-01", "2026-08-22"),
            "2026-W31 2026-W32 2026-W33 2026-W34"
        );
        assert_eq!(
            parts("2025-11-20", "2026-04-01"),
            "2025-11 2025-12 2026-01 2026-02 2026-03 2026-04"
        );
        assert_eq!(parts("2020-06-01", "2022-01-01").len(), 20 * 8 - 1);
        assert_eq!(parts("2016-06-01", "2026-01-01").len(), 11 * 5 - 1);
        assert_eq!(parts("today", "yesterday"), "");
    }

    #[test]
    fn a_span_is_told_in_the_number_it_has() {
        let told = ["1 days ago", "2 day ago"].map(|text| text.parse::<DateSpec>().unwrap());
        assert_eq!(
            told.map(|date| date.to_string()),
            ["1 day ago", "2 days ago"]
        );
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
            "next monday",
            "2026-08-22T10:00 EST",
            "@x",
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
        let utc = Timestamp::utc(NOW);
        assert_eq!(utc.day_and_minute(), "2026-08-22 10:00 UTC");
        assert_eq!(utc.day_and_second(), "2026-08-22 10:00:00 UTC");
        assert_eq!(korean.day(), "2026-08-22");
        let nonsense = Timestamp {
            seconds: i64::MAX,
            offset_minutes: 1_000_000,
        };
        assert_eq!(nonsense.iso(), "@9223372036854775807");
    }
}
