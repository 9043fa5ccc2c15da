//! What all freezes mean for a deployment at a moment.

use std::fmt::Write as _;

use super::entry::Freeze;
use super::window::End;
use super::zone::Zone;
use crate::files::RepoPath;
use crate::nearest::first_few;

/// How often in a row one freeze may go on where another ends: more than a year of days. What goes on for longer
/// has no end that anybody waits for.
const IN_A_ROW: usize = 400;
/// How many files and freezes a sentence names.
const NAMED: usize = 3;

/// All freezes of a file.
#[derive(Debug, Clone, Default)]
pub struct Freezes(pub(super) Vec<Freeze>);

/// A deployment that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The files that it may not touch.
    files: Vec<RepoPath>,
    /// Why: reason, who, and the line, of each freeze that is on.
    by: Vec<(String, String, usize)>,
    /// When no freeze holds it any more, in seconds since 1970; none where nobody has said when.
    pub until: Option<i64>,
    /// The same for a person.
    shown: Option<String>,
}

impl Freezes {
    /// What holds a deployment that is each of `operations` on `files` at `now`, in seconds since 1970, if
    /// anything does. One file that is held holds all of them.
    pub fn hold<'p>(
        &self,
        operations: &[&str],
        files: impl IntoIterator<Item = &'p RepoPath>,
        now: i64,
    ) -> Option<Hold> {
        let files: Vec<&RepoPath> = files.into_iter().collect();
        let own = self.0.iter();
        let own: Vec<&Freeze> = own.filter(|one| one.is_about(operations, &files)).collect();
        let on: Vec<&Freeze> = own
            .iter()
            .copied()
            .filter(|one| one.end(now).is_some())
            .collect();
        if on.is_empty() {
            return None;
        }
        let held = files
            .into_iter()
            .filter(|path| on.iter().any(|one| one.files.hold(path)));
        let last = last(&own, now);
        Some(Hold {
            files: held.cloned().collect(),
            by: on
                .iter()
                .map(|one| (one.reason.clone(), one.who.clone(), one.line))
                .collect(),
            until: last.map(|(until, _)| until),
            shown: last.map(|(until, zone)| shown(until, zone)),
        })
    }
}

/// When the last of `freezes` ends that are on from `now` on without a break, and in which zone it says so.
fn last<'f>(freezes: &[&'f Freeze], now: i64) -> Option<(i64, &'f Zone)> {
    let mut last = None;
    let mut at = now;
    for _ in 0..IN_A_ROW {
        let on = freezes.iter().filter_map(|one| Some((one.end(at)?, one)));
        match on.max_by_key(|(end, _)| *end) {
            Some((End::At(until), one)) => {
                last = Some((until, &one.zone));
                at = until;
            }
            Some((End::Open, _)) => return None,
            None => return last,
        }
    }
    None
}

/// `2026-12-01 08:00 Europe/Berlin (2026-12-01 07:00 UTC)`
fn shown(until: i64, zone: &Zone) -> String {
    let utc = Zone::utc().shown(until);
    match zone.is_utc() {
        true => utc,
        false => format!("{} ({utc})", zone.shown(until)),
    }
}

impl Hold {
    /// What is held, until when, by whom and why, as a clause; `file` says so.
    pub fn told(&self, file: &RepoPath) -> String {
        let names: Vec<&str> = self.files.iter().map(RepoPath::as_str).collect();
        let (names, is) = (
            first_few(&names, NAMED),
            if self.files.len() == 1 { "is" } else { "are" },
        );
        let until = match &self.shown {
            Some(shown) => format!("until {shown}"),
            None => format!("until {file} says otherwise"),
        };
        let mut told = format!("{names} {is} frozen {until}");
        for (index, (reason, who, line)) in self.by.iter().take(NAMED).enumerate() {
            let mark = if index == 0 { ':' } else { ';' };
            let reason = reason.trim_end_matches('.');
            let _ = write!(told, "{mark} {reason} ({who}, {file} line {line})");
        }
        if let Some(more @ 1..) = self.by.len().checked_sub(NAMED) {
            let _ = write!(told, "; and by {more} more");
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::parse;
    use super::*;
    use crate::date::Timestamp;

    const FILE: &str = "
freezes:
  - reason: Black Friday.
    who: Retail on call
    files:
      - envs/production/**
      - '!envs/production/docs.yaml'
    from: 2026-11-26T18:00
    until: 2026-12-01T08:00
    timeZone: Europe/Berlin
  - reason: Nobody is there at weekends
    who: Platform
    files: envs/production
    schedule: 0 18 * * 5
    duration: 62h
    timeZone: Europe/Berlin
  - reason: The registry is being moved
    who: Infrastructure
    files: envs/staging/web.yaml
    operations: [update, promote, rollback]
    from: 2026-11-30
";

    fn told(operation: &str, files: &[&str], now: &str) -> String {
        let freezes = parse(FILE.as_bytes()).unwrap();
        let files: Vec<RepoPath> = files.iter().map(|path| path.parse().unwrap()).collect();
        let now = Timestamp::seconds_of_iso(now).unwrap();
        let path = "freezes.yaml".parse().unwrap();
        match freezes.hold(&[operation], &files, now) {
            Some(hold) => format!("{} [{:?}]", hold.told(&path), hold.until),
            None => "free".to_owned(),
        }
    }

    #[test]
    fn a_deployment_is_held_by_what_is_on_for_its_files() {
        let web = &["envs/production/web.yaml"][..];
        for (operation, files, now, expected) in [
            ("update", web, "2026-11-26T16:59:59Z", "free"),
            (
                "update",
                web,
                "2026-11-26T17:00:00Z",
                "envs/production/web.yaml is frozen until 2026-12-01 08:00 Europe/Berlin (2026-12-01 07:00 UTC): \
                 Black Friday (Retail on call, freezes.yaml line 3) [Some(1796108400)]",
            ),
            ("promote", web, "2026-12-01T07:00:00Z", "free"),
            // Two at once.
            (
                "promote",
                web,
                "2026-11-28T12:00:00Z",
                "envs/production/web.yaml is frozen until 2026-12-01 08:00 Europe/Berlin (2026-12-01 07:00 UTC): \
                 Black Friday (Retail on call, freezes.yaml line 3); \
                 Nobody is there at weekends (Platform, freezes.yaml line 11) [Some(1796108400)]",
            ),
            // It ends in the other one.
            (
                "update",
                &["envs/production/docs.yaml"][..],
                "2026-11-28T12:00:00Z",
                "envs/production/docs.yaml is frozen until 2026-11-30 08:00 Europe/Berlin (2026-11-30 07:00 UTC): \
                 Nobody is there at weekends (Platform, freezes.yaml line 11) [Some(1796022000)]",
            ),
            ("rollback", web, "2026-11-28T12:00:00Z", "free"),
            (
                "rollback",
                &["envs/staging/web.yaml"][..],
                "2026-11-30T00:00:00Z",
                "envs/staging/web.yaml is frozen until freezes.yaml says otherwise: \
                 The registry is being moved (Infrastructure, freezes.yaml line 17) [None]",
            ),
            (
                "update",
                &["envs/staging/api.yaml"][..],
                "2026-11-30T00:00:00Z",
                "free",
            ),
            (
                "update",
                &["envs/production-2/web.yaml"][..],
                "2026-11-28T12:00:00Z",
                "free",
            ),
            ("update", &[][..], "2026-11-28T12:00:00Z", "free"),
            // Those that are not frozen are not named.
            (
                "update",
                &["a.yaml", "envs/production/a.yaml", "envs/production/b.yaml"][..],
                "2026-12-05T00:00:00Z",
                "envs/production/a.yaml, envs/production/b.yaml are frozen until 2026-12-07 08:00 Europe/Berlin \
                 (2026-12-07 07:00 UTC): Nobody is there at weekends (Platform, freezes.yaml line 11) [Some(1796626800)]",
            ),
        ] {
            assert_eq!(
                told(operation, files, now),
                expected,
                "{operation} {files:?} {now}"
            );
        }
    }

    #[test]
    fn the_end_is_that_of_the_last_one_in_a_row() {
        let until = |text: &str, now: &str| {
            let freezes = parse(format!("freezes:\n{text}").as_bytes()).unwrap();
            let file = "a.yaml".parse().unwrap();
            let now = Timestamp::seconds_of_iso(now).unwrap();
            let hold = freezes.hold(&["update"], [&file], now).unwrap();
            hold.until.map(|until| Timestamp::utc(until).iso())
        };
        let entry = |times: &str| format!("  - {{reason: r, who: w, {times}}}\n");
        let (one, two, later, rollbacks) = (
            entry("until: 2026-12-24T18:00Z"),
            entry("from: 2026-12-24, until: 2026-12-26T08:00Z"),
            entry("from: 2026-12-26T09:00Z"),
            entry("from: 2026-12-26T00:00Z, operations: rollback"),
        );
        let now = "2026-12-20T00:00:00Z";
        let end = |day: &str| Some(format!("2026-12-{day}:00:00+00:00"));
        assert_eq!(until(&one, now), end("24T18"));
        assert_eq!(
            until(&format!("{one}{two}{later}{rollbacks}"), now),
            end("26T08")
        );
        let open = entry("from: 2026-12-26T07:00Z");
        assert_eq!(until(&format!("{one}{two}{open}"), now), None);
        // Each day, all day.
        assert_eq!(
            until(&entry("schedule: 0 0 * * *, duration: 24h"), now),
            None
        );
        assert_eq!(
            until(&entry("schedule: 0 0 * * *, duration: 23h"), now),
            end("20T23")
        );
    }

    #[test]
    fn an_entry_without_files_is_about_all_of_them() {
        let freezes = parse(b"freezes: [{reason: r, who: w}]").unwrap();
        let path: RepoPath = "any/file.yaml".parse().unwrap();
        assert!(freezes.hold(&["update"], [&path], 0).is_some());
        assert!(freezes.hold(&["rollback"], [&path], 0).is_none());
        let all = parse(b"freezes: [{reason: r, who: w, files: '**'}]").unwrap();
        assert!(
            all.hold(&["update"], [&path, &"x.yaml".parse().unwrap()], 0)
                .is_some()
        );
    }
}
