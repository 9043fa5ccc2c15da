//! When something begins again and again: cron's five fields, by the clock on the wall.
//!
//! What a change of the clocks makes of it is not asked here: `zone` says it, for all times alike.

use chrono::{NaiveDate, NaiveDateTime};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// Times by cron's rules (`crontab(5)`).
#[derive(Debug, Clone)]
pub(super) struct Schedule(Box<Cron>);

/// The text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidSchedule {
    /// It breaks the grammar.
    #[error(
        "expected the five fields of cron (minute, hour, day of the month, month, day of the week), such as `0 18 * * 5`: {0}"
    )]
    Syntax(String),
    /// A day that no month has.
    #[error("there is no such time, ever")]
    Never,
}

impl Schedule {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidSchedule> {
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let parsed = parser.parse(text).map_err(|error| {
            InvalidSchedule::Syntax(error.to_string().trim_end_matches('.').to_owned())
        });
        let schedule = Self(Box::new(parsed?));
        // The calendar repeats itself after 400 years.
        let then = NaiveDate::from_ymd_opt(2400, 1, 1).unwrap_or_default();
        match schedule.last(then.into()) {
            Some(_) => Ok(schedule),
            None => Err(InvalidSchedule::Never),
        }
    }

    /// The last such time up to `local`, that one included.
    pub(super) fn last(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        self.0.find_previous_occurrence(&local, true).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last such times before Wednesday, 2026-08-19 10:30:15.
    #[test]
    fn a_schedule_is_crons() {
        let now = NaiveDate::from_ymd_opt(2026, 8, 19).unwrap();
        let now = now.and_hms_opt(10, 30, 15).unwrap();
        for (text, expected) in [
            ("0 18 * * 5", "2026-08-14 18:00:00"),
            ("0 18 * * FRI", "2026-08-14 18:00:00"),
            ("0 18 * * fri", "2026-08-14 18:00:00"),
            ("30 10 * * *", "2026-08-19 10:30:00"),
            ("31 10 * * *", "2026-08-18 10:31:00"),
            ("*/15 9-17 * * 1-5", "2026-08-19 10:30:00"),
            ("0 0 1 * *", "2026-08-01 00:00:00"),
            ("0 0 L * *", "2026-07-31 00:00:00"),
            ("0 0 29 2 *", "2024-02-29 00:00:00"),
            // Day of the month or of the week, as cron has it.
            ("0 0 1 * 7", "2026-08-16 00:00:00"),
            ("@weekly", "2026-08-16 00:00:00"),
        ] {
            let schedule = Schedule::parse(text).unwrap();
            let last = schedule.last(now).unwrap();
            assert_eq!(last.to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "",
            "18:00",
            "0 18 * *",
            "0 0 18 * * 5",
            "0 25 * * *",
            "60 * * * *",
            "0 18 * * 8",
            "0 18 * * fr",
            "0 18 * 13 *",
            "5-1 * * * *",
            "@reboot",
            "@midnight-ish",
        ] {
            let error = Schedule::parse(text).unwrap_err();
            assert!(matches!(error, InvalidSchedule::Syntax(_)), "{text}");
        }
        assert_eq!(
            Schedule::parse("0 0 30 2 *").unwrap_err(),
            InvalidSchedule::Never
        );
    }
}
