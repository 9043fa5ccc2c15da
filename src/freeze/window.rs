//! When a freeze is on.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta};

use super::schedule::Schedule;
use super::zone::Zone;

/// When a freeze is on: once, or again and again.
#[derive(Debug, Clone)]
pub(super) enum Window {
    /// From one moment up to another, in seconds since 1970; for ever where there is none.
    Once {
        from: Option<i64>,
        until: Option<i64>,
    },
    /// For so long from each time of the schedule on, both by the clock on the wall.
    Again {
        schedule: Schedule,
        duration: TimeDelta,
    },
}

/// When a freeze that is on ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// In seconds since 1970; it is over then.
    At(i64),
    /// When somebody ends it.
    Open,
}

impl Window {
    /// When the window ends that `now` is in, if it is in one.
    pub(super) fn end(&self, zone: &Zone, now: i64) -> Option<End> {
        match self {
            Self::Once { from, until } => {
                let is_on =
                    from.is_none_or(|from| from <= now) && until.is_none_or(|end| now < end);
                is_on.then_some(until.map_or(End::Open, End::At))
            }
            Self::Again { schedule, duration } => {
                // Of all that have begun, the last one ends last.
                let begin = schedule.last(zone.reached(now))?;
                let end = zone.end(begin.checked_add_signed(*duration)?);
                (now < end).then_some(End::At(end))
            }
        }
    }
}

/// A time as it is written: a day, a time of its clock, or a moment by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Day(NaiveDate),
    Local(NaiveDateTime),
    Moment(i64),
}

impl Written {
    /// `2026-12-24`, `2026-12-24T18:00`, `2026-12-24 18:00:00`, and the last two with `Z` or `+01:00`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        if digits != 4 {
            return None;
        }
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Some(Self::Day(day));
        }
        let text = text.replacen(' ', "T", 1).replace(' ', "");
        let text = match text.strip_suffix(['Z', 'z']) {
            Some(utc) => format!("{utc}+00:00"),
            None => text,
        };
        let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
        forms.into_iter().find_map(|form| {
            if let Ok(local) = NaiveDateTime::parse_from_str(&text, form) {
                return Some(Self::Local(local));
            }
            let moment = DateTime::parse_from_str(&text, &format!("{form}%#z")).ok()?;
            Some(Self::Moment(moment.timestamp()))
        })
    }

    /// The moment at which what begins then begins: a day with its first second.
    pub(super) fn begin(self, zone: &Zone) -> i64 {
        match self {
            Self::Day(day) => zone.begin(day.into()),
            Self::Local(local) => zone.begin(local),
            Self::Moment(moment) => moment,
        }
    }

    /// The moment at which what ends then ends: a day with its last second.
    pub(super) fn end(self, zone: &Zone) -> i64 {
        match self {
            Self::Day(day) => zone.end(day.succ_opt().unwrap_or(NaiveDate::MAX).into()),
            Self::Local(local) => zone.end(local),
            Self::Moment(moment) => moment,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> i64 {
        match Written::parse(text) {
            Some(Written::Moment(moment)) => moment,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn again(schedule: &str, hours: i64) -> Window {
        Window::Again {
            schedule: Schedule::parse(schedule).unwrap(),
            duration: TimeDelta::minutes(hours * 60),
        }
    }

    /// The windows that a scan by minutes from one moment to another meets, by the zone's clock.
    fn windows(window: &Window, zone: &str, from: &str, to: &str) -> Vec<String> {
        let zone = Zone::named(zone).unwrap();
        let mut windows = Vec::new();
        let mut on: Option<i64> = None;
        for now in (moment(from)..moment(to)).step_by(60) {
            let end = window.end(&zone, now);
            match (on, end) {
                (None, Some(_)) => on = Some(now),
                (Some(begin), None) => {
                    let utc = Zone::utc();
                    windows.push(format!(
                        "{} to {} = {} to {}, {} min",
                        &zone.shown(begin)[..16],
                        &zone.shown(now)[11..16],
                        &utc.shown(begin)[11..16],
                        &utc.shown(now)[11..16],
                        (now - begin) / 60
                    ));
                    on = None;
                }
                _ => {}
            }
        }
        windows
    }

    #[test]
    fn a_window_is_by_the_clock_on_the_wall() {
        // The weekend of each change: on Friday evening to Monday morning, by the clock.
        let weekend = again("0 18 * * 5", 62);
        let berlin =
            |window: &Window, from: &str, to: &str| windows(window, "Europe/Berlin", from, to);
        assert_eq!(
            berlin(&weekend, "2026-03-20T00:00Z", "2026-03-31T00:00Z"),
            [
                "2026-03-20 18:00 to 08:00 = 17:00 to 07:00, 3720 min",
                "2026-03-27 18:00 to 08:00 = 17:00 to 06:00, 3660 min",
            ]
        );
        assert_eq!(
            berlin(&weekend, "2026-10-20T00:00Z", "2026-10-27T00:00Z"),
            ["2026-10-23 18:00 to 08:00 = 16:00 to 07:00, 3780 min"]
        );
        // It begins in the hour that is skipped: when the clocks change.
        let night = again("30 2 * * *", 2);
        assert_eq!(
            berlin(&night, "2026-03-28T00:00Z", "2026-03-30T12:00Z"),
            [
                "2026-03-28 02:30 to 04:30 = 01:30 to 03:30, 120 min",
                "2026-03-29 03:00 to 04:30 = 01:00 to 02:30, 90 min",
                "2026-03-30 02:30 to 04:30 = 00:30 to 02:30, 120 min",
            ]
        );
        // It begins in the hour that comes twice: at the first time.
        assert_eq!(
            berlin(&night, "2026-10-24T12:00Z", "2026-10-25T12:00Z"),
            ["2026-10-25 02:30 to 04:30 = 00:30 to 03:30, 180 min"]
        );
        // It ends in the hour that is skipped, and in the one that comes twice: there at the second time.
        let early = again("30 1 * * *", 1);
        assert_eq!(
            berlin(&early, "2026-03-28T20:00Z", "2026-03-29T12:00Z"),
            ["2026-03-29 01:30 to 03:00 = 00:30 to 01:00, 30 min"]
        );
        assert_eq!(
            berlin(&early, "2026-10-24T20:00Z", "2026-10-25T12:00Z"),
            ["2026-10-25 01:30 to 02:30 = 23:30 to 01:30, 120 min"]
        );
        // It lies in one whole, and in both passes of the other.
        let inside = again("15 2 * * *", 0);
        let Window::Again { schedule, .. } = inside else {
            panic!()
        };
        let inside = Window::Again {
            schedule,
            duration: TimeDelta::minutes(30),
        };
        assert_eq!(
            berlin(&inside, "2026-03-28T20:00Z", "2026-03-29T12:00Z"),
            Vec::<String>::new()
        );
        assert_eq!(
            berlin(&inside, "2026-10-24T20:00Z", "2026-10-25T12:00Z"),
            ["2026-10-25 02:15 to 02:45 = 00:15 to 01:45, 90 min"]
        );
        // The day has 25 hours, and no hole.
        assert_eq!(
            berlin(
                &again("0 0 * * 0", 24),
                "2026-10-24T12:00Z",
                "2026-10-26T12:00Z"
            ),
            ["2026-10-25 00:00 to 00:00 = 22:00 to 23:00, 1500 min"]
        );
        assert_eq!(
            windows(
                &weekend,
                "America/New_York",
                "2026-03-06T00:00Z",
                "2026-03-10T00:00Z"
            ),
            ["2026-03-06 18:00 to 08:00 = 23:00 to 12:00, 3660 min"]
        );
    }

    #[test]
    fn a_window_ends_when_it_says() {
        let zone = Zone::named("Asia/Seoul").unwrap();
        let (from, until) = (moment("2026-11-26T00:00Z"), moment("2026-12-01T08:00Z"));
        let once = |from, until| Window::Once { from, until };
        for (window, now, expected) in [
            (once(Some(from), Some(until)), from - 1, None),
            (once(Some(from), Some(until)), from, Some(End::At(until))),
            (
                once(Some(from), Some(until)),
                until - 1,
                Some(End::At(until)),
            ),
            (once(Some(from), Some(until)), until, None),
            (once(None, Some(until)), 0, Some(End::At(until))),
            (once(Some(from), None), until, Some(End::Open)),
            (once(None, None), 0, Some(End::Open)),
            // Each ends when the next one does: they overlap.
            (again("0 * * * *", 2), from, Some(End::At(from + 7200))),
            (
                again("0 * * * *", 2),
                from + 3599,
                Some(End::At(from + 7200)),
            ),
            (
                again("0 * * * *", 2),
                from + 3600,
                Some(End::At(from + 10_800)),
            ),
        ] {
            assert_eq!(window.end(&zone, now), expected, "{window:?} {now}");
        }
    }

    #[test]
    fn a_time_is_read_as_it_is_written() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let utc = Zone::utc();
        for (text, begin, end) in [
            ("2026-12-24", "2026-12-23 23:00 UTC", "2026-12-24 23:00 UTC"),
            (
                "2026-12-24T18:00",
                "2026-12-24 17:00 UTC",
                "2026-12-24 17:00 UTC",
            ),
            (
                "2026-12-24 18:00",
                "2026-12-24 17:00 UTC",
                "2026-12-24 17:00 UTC",
            ),
            (
                "2026-12-24T18:00:05",
                "2026-12-24 17:00:05 UTC",
                "2026-12-24 17:00:05 UTC",
            ),
            (
                "2026-12-24T18:00Z",
                "2026-12-24 18:00 UTC",
                "2026-12-24 18:00 UTC",
            ),
            (
                "2026-12-24T18:00:00+09:00",
                "2026-12-24 09:00 UTC",
                "2026-12-24 09:00 UTC",
            ),
            (
                "2026-12-24 18:00 -0330",
                "2026-12-24 21:30 UTC",
                "2026-12-24 21:30 UTC",
            ),
            // The second and the first time of the hour that comes twice.
            (
                "2026-10-25 02:30",
                "2026-10-25 00:30 UTC",
                "2026-10-25 01:30 UTC",
            ),
            // A day of 25 hours.
            ("2026-10-25", "2026-10-24 22:00 UTC", "2026-10-25 23:00 UTC"),
        ] {
            let written = Written::parse(text).unwrap();
            let moments = (
                utc.shown(written.begin(&berlin)),
                utc.shown(written.end(&berlin)),
            );
            assert_eq!(moments, (begin.to_owned(), end.to_owned()), "{text}");
        }
        for text in [
            "",
            "tomorrow",
            "24.12.2026",
            "26-12-24",
            "2026-13-01",
            "2026-02-30",
            "2026-12-24T25:00",
            "2026-12-24T24:00",
            "2026-12-24T18",
            "2026-12-24T18:00 Europe/Berlin",
            "+2026-12-24",
            "2026",
        ] {
            assert_eq!(Written::parse(text), None, "{text}");
        }
    }
}
