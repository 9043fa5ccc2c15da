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
        "expected the five fields of cron (minute, hour, day of the month, month, day of the week), such as `0 18 * * 5`{0}"
    )]
    Syntax(String),
    /// A day that no month has.
    #[error("there is no such time, ever")]
    Never,
}

impl Schedule {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidSchedule> {
        let cron = cron(text).ok_or_else(|| InvalidSchedule::Syntax(what_is_wrong(text)))?;
        let schedule = Self(Box::new(cron));
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

fn cron(text: &str) -> Option<Cron> {
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    parser.parse(text).ok()
}

/// The fields by their names, with what may be in them.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31"),
    ("month", "1 to 12, or JAN to DEC"),
    ("day of the week", "0 to 7, or SUN to SAT"),
];

/// What breaks the grammar, as the end of a sentence: the first field that is none, alone among fields that may be
/// anything.
fn what_is_wrong(text: &str) -> String {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if text.starts_with('@') {
        return ", or one of `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`".to_owned();
    }
    if fields.len() != FIELDS.len() {
        let plural = if fields.len() == 1 { "" } else { "s" };
        return format!(": this has {} field{plural}", fields.len());
    }
    let is_wrong = |number: usize| {
        let mut alone = ["*"; FIELDS.len()];
        alone[number] = fields[number];
        cron(&alone.join(" ")).is_none()
    };
    let mut named = FIELDS.iter().enumerate();
    match named.find(|(number, _)| is_wrong(*number)) {
        Some((number, (name, range))) => {
            format!(": the {name} `{}` is not one ({range})", fields[number])
        }
        None => String::new(),
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
        for (text, told) in [
            ("18:00", ": this has 1 field"),
            ("0 25 * * *", ": the hour `25` is not one (0 to 23)"),
            (
                "0 18 * 13 *",
                ": the month `13` is not one (1 to 12, or JAN to DEC)",
            ),
            (
                "0 18 * * fr",
                ": the day of the week `fr` is not one (0 to 7, or SUN to SAT)",
            ),
            (
                "@reboot",
                ", or one of `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`",
            ),
        ] {
            let error = Schedule::parse(text).unwrap_err().to_string();
            assert!(error.ends_with(&format!("`0 18 * * 5`{told}")), "{error}");
        }
        assert_eq!(
            Schedule::parse("0 0 30 2 *").unwrap_err(),
            InvalidSchedule::Never
        );
    }
}
