//! A freeze file: YAML, strictly. What is not understood is an error, since whoever wrote it wanted something to be
//! frozen.

use std::collections::BTreeMap;
use std::fmt;

use chrono::TimeDelta;

use super::entry::Freeze;
use super::files::{Files, is_several};
use super::hold::Freezes;
use super::schedule::Schedule;
use super::window::{Window, Written};
use super::zone::Zone;
use crate::date;
use crate::files::{Pattern, lone_alternative};
use crate::limits::{self, FREEZE_FILE, FREEZE_PATTERNS, FREEZES};
use crate::nearest;
use crate::yaml::{Content, NodeId, Role, Stream};

/// The operations that a freeze can hold, as the input `operation` names them.
pub const OPERATIONS: [&str; 3] = ["update", "promote", "rollback"];
/// Those that it holds where it does not say: what goes back to what ran before is how trouble ends.
const HELD: [&str; 2] = ["update", "promote"];

/// The keys of an entry.
const KEYS: [&str; 9] = [
    "reason",
    "who",
    "files",
    "from",
    "until",
    "schedule",
    "duration",
    "timeZone",
    "operations",
];

/// The longest reason or name, in characters.
const LONGEST_TEXT: usize = 500;
/// The longest window, in seconds.
const LONGEST_WINDOW: u64 = 366 * 24 * 3600;
/// How many problems are told.
const TOLD: usize = 10;

/// Everything that is wrong with a freeze file, each with its line and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeFileError(Vec<String>);

impl fmt::Display for FreezeFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<&str> = self.0.iter().take(TOLD).map(String::as_str).collect();
        f.write_str(&told.join("\n"))?;
        match self.0.len().saturating_sub(TOLD) {
            0 => Ok(()),
            more => write!(f, "\n… and {more} more"),
        }
    }
}

impl std::error::Error for FreezeFileError {}

/// The freezes of a file.
///
/// # Errors
/// Everything in it that is not understood.
pub fn parse(bytes: &[u8]) -> Result<Freezes, FreezeFileError> {
    let failed = |error: &dyn fmt::Display| FreezeFileError(vec![error.to_string()]);
    FREEZE_FILE
        .check(bytes.len() as u64)
        .map_err(|error| failed(&error))?;
    let stream = Stream::parse(bytes).map_err(|error| failed(&error))?;
    let mut reader = Reader {
        stream: &stream,
        problems: Vec::new(),
        patterns: 0,
    };
    let freezes = reader.all();
    let mut problems = reader.problems;
    problems.sort_by_key(|(line, _)| *line);
    let problems = problems.into_iter();
    let problems: Vec<String> = problems
        .map(|(line, problem)| format!("line {line}: {problem}"))
        .collect();
    match problems.is_empty() {
        true => Ok(Freezes(freezes)),
        false => Err(FreezeFileError(problems)),
    }
}

struct Reader<'s> {
    stream: &'s Stream<'s>,
    /// Each with its line.
    problems: Vec<(usize, String)>,
    /// How many paths and globs there were so far.
    patterns: u64,
}

impl<'s> Reader<'s> {
    fn all(&mut self) -> Vec<Freeze> {
        const FORM: &str = "expected `freezes:` with a list; without freezes, `freezes: []`";
        let root = match self.stream.roots() {
            [root] if !self.stream.is_null(*root) => *root,
            [] | [_] => {
                self.problems.push((1, format!("it is empty: {FORM}")));
                return Vec::new();
            }
            [_, second, ..] => {
                let why = "a second document: a freeze file is one".to_owned();
                self.problems.push((self.stream[*second].line(), why));
                return Vec::new();
            }
        };
        let Some(keys) = self.keys(root, &["freezes"], FORM) else {
            return Vec::new();
        };
        let Some(list) = keys.get("freezes").copied() else {
            if self.problems.is_empty() {
                self.wrong(root, "freezes", FORM);
            }
            return Vec::new();
        };
        let Content::Sequence(items) = self.stream.content(self.meant(list)) else {
            self.wrong(list, "freezes", FORM);
            return Vec::new();
        };
        if let Err(error) = FREEZES.check(items.count() as u64) {
            self.wrong(list, "freezes", error);
            return Vec::new();
        }
        items.filter_map(|item| self.entry(item)).collect()
    }

    fn entry(&mut self, id: NodeId) -> Option<Freeze> {
        let entry = self.meant(id);
        let form = "an entry of `freezes`: expected keys such as `reason` and `who`";
        let keys = self.keys(entry, &KEYS, form)?;
        let reason = self.required(entry, &keys, "reason");
        let who = self.required(entry, &keys, "who");
        let files = self.files(&keys);
        let operations = self.operations(&keys);
        let zone = self.zone(&keys);
        let window = match &zone {
            Some(zone) => self.window(&keys, zone),
            // What else is wrong is told all the same.
            None => self.window(&keys, &Zone::utc()),
        };
        Some(Freeze {
            line: self.stream[entry].line(),
            reason: reason?.to_owned(),
            who: who?.to_owned(),
            files: files?,
            operations: operations?,
            window: window?,
            zone: zone?,
        })
    }

    fn files(&mut self, keys: &Keys<'_>) -> Option<Files> {
        let mut files = Files::default();
        let Some(id) = keys.get("files") else {
            return Some(files);
        };
        // As in `file`, a pattern a line.
        let (texts, mut is_good) = self.list(*id, "files");
        let lines = texts.into_iter().flat_map(|(id, text)| {
            let is_comment = |line: &&str| text.contains('\n') && line.starts_with('#');
            let lines = text.lines().map(str::trim);
            let lines = lines.filter(|line| !line.is_empty() && !is_comment(line));
            lines.map(|line| (id, line)).collect::<Vec<_>>()
        });
        let lines: Vec<(NodeId, &str)> = lines.collect();
        self.patterns += lines.len() as u64;
        if let Err(error) = FREEZE_PATTERNS.check(self.patterns) {
            self.wrong(*id, "files", error);
            return None;
        }
        for (id, line) in lines {
            let (patterns, text) = match line.strip_prefix('!') {
                Some(excluded) => (&mut files.exclude, excluded.trim_start()),
                None => (&mut files.include, line),
            };
            if is_several(text) {
                is_good = false;
                let why = "more than one, it seems: write a list, such as `[\"a/**\", \"b/**\"]`; for a space or a comma in a name, write `?`";
                self.refused(id, "files", line, why);
                continue;
            }
            if let Some(name) = lone_alternative(text) {
                is_good = false;
                let name = shortened(name);
                let why = format!(
                    "`{{{name}}}` stands for nothing here: write that part of the path itself, `*` for any, or alternatives such as `{{staging,production}}`"
                );
                self.refused(id, "files", line, why);
                continue;
            }
            match text.parse::<Pattern>() {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => {
                    is_good = false;
                    self.refused(id, "files", line, error);
                }
            }
        }
        if is_good && files.include.is_empty() {
            let why = "it only excludes (`!`): name what is frozen as well, such as `**`";
            self.wrong(*id, "files", why);
            return None;
        }
        is_good.then_some(files)
    }

    fn operations(&mut self, keys: &Keys<'_>) -> Option<Vec<String>> {
        let Some(id) = keys.get("operations") else {
            return Some(HELD.map(str::to_owned).to_vec());
        };
        let (names, mut is_good) = self.list(*id, "operations");
        for (id, name) in &names {
            if !OPERATIONS.contains(name) {
                is_good = false;
                let expected = OPERATIONS.map(|name| format!("`{name}`")).join(", ");
                self.refused(*id, "operations", name, format!("expected {expected}"));
            }
        }
        is_good.then(|| names.iter().map(|(_, name)| (*name).to_owned()).collect())
    }

    fn zone(&mut self, keys: &Keys<'_>) -> Option<Zone> {
        let Some(id) = keys.get("timeZone") else {
            return Some(Zone::utc());
        };
        let name = self.text(*id, "timeZone")?;
        match Zone::named(name) {
            Ok(zone) => Some(zone),
            Err(error) => {
                self.refused(*id, "timeZone", name, error);
                None
            }
        }
    }

    fn window(&mut self, keys: &Keys<'_>, zone: &Zone) -> Option<Window> {
        match (keys.get("schedule"), keys.get("duration")) {
            (None, None) => self.once(keys, zone),
            (Some(schedule), Some(duration)) => {
                let twice = ["from", "until"].into_iter();
                let twice: Vec<_> = twice.filter_map(|key| keys.get_key_value(key)).collect();
                for (key, id) in &twice {
                    let why = "beside `schedule` it says twice when: make two entries of them";
                    self.wrong(**id, key, why);
                }
                let schedule = self.schedule(*schedule);
                let duration = self.duration(*duration);
                if !twice.is_empty() {
                    return None;
                }
                Some(Window::Again {
                    schedule: schedule?,
                    duration: duration?,
                })
            }
            (Some(id), None) => {
                let why = "it needs `duration`, such as `12h`: how long it lasts each time";
                self.wrong(*id, "schedule", why);
                self.schedule(*id);
                self.once(keys, zone);
                None
            }
            (None, Some(id)) => {
                let why = "it needs `schedule`, such as `0 18 * * 5`: when it begins each time";
                self.wrong(*id, "duration", why);
                self.duration(*id);
                self.once(keys, zone);
                None
            }
        }
    }

    fn once(&mut self, keys: &Keys<'_>, zone: &Zone) -> Option<Window> {
        let (from, until) = (keys.get("from"), keys.get("until"));
        let begin = from.map(|id| Some(self.time(*id, "from")?.begin(zone)));
        let end = until.map(|id| Some(self.time(*id, "until")?.end(zone)));
        let (begin, end) = match (begin, end) {
            (Some(None), _) | (_, Some(None)) => return None,
            (begin, end) => (begin.flatten(), end.flatten()),
        };
        if let (Some(id), Some(begin), Some(end)) = (until, begin, end)
            && end <= begin
        {
            self.wrong(*id, "until", "it does not come after `from`");
            return None;
        }
        Some(Window::Once {
            from: begin,
            until: end,
        })
    }

    fn time(&mut self, id: NodeId, key: &str) -> Option<Written> {
        let text = self.text(id, key)?;
        let time = Written::parse(text);
        if time.is_none() {
            let why = "expected a day or a time, such as `2026-12-24`, `2026-12-24T18:00` (in `timeZone`) or `2026-12-24T17:00Z`";
            self.refused(id, key, text, why);
        }
        time
    }

    fn schedule(&mut self, id: NodeId) -> Option<Schedule> {
        let text = self.text(id, "schedule")?;
        match Schedule::parse(text) {
            Ok(schedule) => Some(schedule),
            Err(error) => {
                self.refused(id, "schedule", text, error);
                None
            }
        }
    }

    fn duration(&mut self, id: NodeId) -> Option<TimeDelta> {
        let text = self.text(id, "duration")?;
        let seconds = date::seconds(text).filter(|seconds| (1..=LONGEST_WINDOW).contains(seconds));
        let duration = seconds.and_then(|seconds| TimeDelta::try_seconds(seconds.try_into().ok()?));
        if duration.is_none() {
            let why =
                "expected a time with its unit, such as `30m`, `12h` or `2d`, of at most 366 days";
            self.refused(id, "duration", text, why);
        }
        duration
    }

    /// The values of a mapping by the keys of these that it has; one that is misspelt stands for the key that
    /// is meant, so that what else is wrong is told with that.
    fn keys(&mut self, id: NodeId, known: &[&'static str], form: &str) -> Option<Keys<'s>> {
        let Content::Mapping(pairs) = self.stream.content(id) else {
            let line = self.stream[id].line();
            self.problems.push((line, form.to_owned()));
            return None;
        };
        let mut keys = Keys::new();
        let mut unknown = Vec::new();
        for (key, value) in pairs {
            let name = self.stream.value(key).unwrap_or_default();
            if !known.contains(&name) {
                unknown.push((key, name, value));
            } else if keys.insert(name, value).is_some() {
                self.wrong(key, name, "it is there twice");
            }
        }
        for (key, name, value) in unknown {
            let meant = nearest::alike(name, known.iter().copied());
            let told = match meant.first() {
                Some(meant) => {
                    keys.entry(meant).or_insert(value);
                    format!("did you mean `{meant}`?")
                }
                None => {
                    let known: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
                    format!("expected {}", known.join(", "))
                }
            };
            self.wrong(key, name, format!("unknown key: {told}"));
        }
        Some(keys)
    }

    fn required(&mut self, entry: NodeId, keys: &Keys<'_>, key: &str) -> Option<&'s str> {
        let given = keys.get(key);
        let Some(id) = given.filter(|id| !self.is_empty(**id)) else {
            let what = match key {
                "reason" => "required: why it is frozen",
                _ => "required: who has frozen it, and can be asked",
            };
            self.wrong(given.copied().unwrap_or(entry), key, what);
            return None;
        };
        let text = self.text(*id, key)?;
        if text.chars().count() > LONGEST_TEXT {
            self.wrong(
                *id,
                key,
                format!("it has more than {LONGEST_TEXT} characters"),
            );
            return None;
        }
        Some(text)
    }

    /// The text of a scalar that says something.
    fn text(&mut self, id: NodeId, key: &str) -> Option<&'s str> {
        let text = self.stream.value(self.meant(id)).map(str::trim);
        match text.filter(|_| !self.is_empty(id)) {
            Some(text) => Some(text),
            None => {
                let why = match text {
                    Some(_) => "it has no value: give it one, or leave the key out",
                    None => "expected a text",
                };
                self.wrong(id, key, why);
                None
            }
        }
    }

    /// Whether a scalar says nothing.
    fn is_empty(&self, id: NodeId) -> bool {
        let meant = self.meant(id);
        let value = self.stream.value(meant);
        self.stream.is_null(meant) || value.is_some_and(|value| value.trim().is_empty())
    }

    /// The texts of a list, or of the one that stands for it, and whether that is all of it.
    fn list(&mut self, id: NodeId, key: &str) -> (Vec<(NodeId, &'s str)>, bool) {
        let meant = self.meant(id);
        let items = match self.stream.content(meant) {
            Content::Sequence(items) => items.collect(),
            _ => vec![id],
        };
        if items.is_empty() {
            self.wrong(
                id,
                key,
                "an empty list: give it an item, or leave the key out",
            );
        }
        let texts = items.iter();
        let texts = texts.filter_map(|item| Some((*item, self.text(*item, key)?)));
        let texts: Vec<(NodeId, &str)> = texts.collect();
        let is_all = !items.is_empty() && texts.len() == items.len();
        (texts, is_all)
    }

    /// What an alias stands for.
    fn meant(&self, id: NodeId) -> NodeId {
        match self.stream.content(id) {
            Content::Alias { target, .. } => target,
            _ => id,
        }
    }

    /// The line of a value's key, which is there where the value is not; else its own.
    fn line(&self, at: NodeId) -> usize {
        match self.stream[at].role() {
            Role::Value { key } => self.stream[key].line(),
            _ => self.stream[at].line(),
        }
    }

    fn wrong(&mut self, at: NodeId, key: &str, why: impl fmt::Display) {
        let line = self.line(at);
        self.problems
            .push((line, format!("`{}`: {why}", shortened(key))));
    }

    fn refused(&mut self, at: NodeId, key: &str, value: &str, why: impl fmt::Display) {
        let line = self.line(at);
        let value = shortened(value);
        self.problems
            .push((line, format!("`{key}` `{value}`: {why}")));
    }
}

/// The values of a mapping by their keys.
type Keys<'s> = BTreeMap<&'s str, NodeId>;

/// A text of theirs, as a message quotes it.
fn shortened(text: &str) -> String {
    limits::shortened(text, 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err().to_string()
    }

    /// What is wrong with one entry that has a reason, `who`, and these lines.
    fn of_entry(lines: &str) -> String {
        let lines = lines.replace('\n', "\n    ");
        problems(&format!(
            "freezes:\n  - reason: r\n    who: w\n    {lines}\n"
        ))
    }

    #[test]
    fn of_a_path_or_glob_without_end_its_beginning_is_told() {
        let long = "a".repeat(100_000);
        for files in [
            format!("{{{long}}}"),
            format!("{long}*"),
            format!("{long}/"),
            format!("/{long}"),
            format!("{{{}}}", &long[..4_000]),
        ] {
            let told = of_entry(&format!("files: '{files}'"));
            assert!(told.len() < 500, "{told}");
        }
    }

    #[test]
    fn a_bad_freeze_file_is_told_by_line_and_key() {
        for (lines, expected) in [
            (
                "until: soon",
                "line 4: `until` `soon`: expected a day or a time",
            ),
            (
                "until:",
                "line 4: `until`: it has no value: give it one, or leave the key out",
            ),
            ("until: ~", "line 4: `until`: it has no value"),
            ("until: [2026-12-24]", "line 4: `until`: expected a text"),
            (
                "from: 2026-12-24T18:00\nuntil: 2026-12-24T18:00",
                "line 5: `until`: it does not come after `from`",
            ),
            (
                "from: 2026-12-24\nuntil: 2026-12-23",
                "line 5: `until`: it does not come after `from`",
            ),
            (
                "from: 2026-12-24T00:00Z\nuntil: 2026-12-24T00:30+01:00",
                "line 5: `until`: it does not come after `from`",
            ),
            (
                "timezone: UTC",
                "line 4: `timezone`: unknown key: did you mean `timeZone`?",
            ),
            (
                "x: y",
                "line 4: `x`: unknown key: expected `reason`, `who`, `files`, ",
            ),
            ("<<: {until: 2026-12-24}", "line 4: `<<`: unknown key"),
            ("who: me", "line 4: `who`: it is there twice"),
            (
                "timeZone: Europe/Berln",
                "line 4: `timeZone` `Europe/Berln`: the IANA time zone database has no such zone: did you mean `Europe/Berlin`",
            ),
            (
                "schedule: 0 18 * * 5",
                "line 4: `schedule`: it needs `duration`",
            ),
            ("duration: 62h", "line 4: `duration`: it needs `schedule`"),
            (
                "duration: 62h\nschedule: 18:00",
                "line 5: `schedule` `18:00`: expected the five fields of cron",
            ),
            (
                "schedule: 0 0 30 2 *\nduration: 1h",
                "line 4: `schedule` `0 0 30 2 *`: there is no such time, ever",
            ),
            (
                "schedule: 0 18 * * 5\nduration: 62",
                "line 5: `duration` `62`: expected a time with its unit",
            ),
            (
                "schedule: 0 18 * * 5\nduration: 0h",
                "line 5: `duration` `0h`: expected a time",
            ),
            (
                "schedule: 0 18 * * 5\nduration: 367d",
                "line 5: `duration` `367d`: expected a time",
            ),
            (
                "schedule: 0 18 * * 5\nduration: 62h\nuntil: 2026-12-24",
                "line 6: `until`: beside `schedule` it says twice when",
            ),
            ("files: []", "line 4: `files`: an empty list"),
            ("files:", "line 4: `files`: it has no value"),
            ("files: '!a.yaml'", "line 4: `files`: it only excludes"),
            (
                "files:\n  - a.yaml\n  - ../b.yaml",
                "line 6: `files` `../b.yaml`: the path leaves the repository",
            ),
            (
                "files: envs/production/",
                "line 4: `files` `envs/production/`: the path ends in `/`",
            ),
            (
                "files: >-\n  envs/production/**\n  envs/other/**",
                "line 4: `files` `envs/production/** envs/other/**`: more than one, it seems: write a list",
            ),
            (
                "files: envs/production/**\n  envs/other/**",
                "line 4: `files` `envs/production/** envs/other/**`: more than one",
            ),
            (
                "files: envs/production/** envs/other/**",
                "line 4: `files` `envs/production/** envs/other/**`: more than one",
            ),
            (
                "files: 'envs/production/**, envs/other/**'",
                "line 4: `files` `envs/production/**, envs/other/**`: more than one",
            ),
            (
                "files: envs/production/**,envs/other/**",
                "line 4: `files` `envs/production/**,envs/other/**`: more than one",
            ),
            (
                "files: '[envs/production/**,envs/other/**]'",
                "line 4: `files` `[envs/production/**,envs/other/**]`: more than one",
            ),
            (
                "files: envs/production,envs/other",
                "line 4: `files` `envs/production,envs/other`: more than one",
            ),
            (
                "files:\n  - a.yaml\n  - '!b.yaml c.yaml'",
                "line 6: `files` `!b.yaml c.yaml`: more than one",
            ),
            (
                "files: |\n  - a.yaml\n",
                "line 4: `files` `- a.yaml`: more than one",
            ),
            (
                "operations: [update, deploy]",
                "line 4: `operations` `deploy`: expected `update`, `promote`, `rollback`",
            ),
            (
                "files: apps/{stage}/**",
                "line 4: `files` `apps/{stage}/**`: `{stage}` stands for nothing here: write that part of the path itself",
            ),
            (
                "files: ['**', '!apps/{stage}/**']",
                "line 4: `files` `!apps/{stage}/**`: `{stage}` stands for nothing here",
            ),
            ("operations: []", "line 4: `operations`: an empty list"),
        ] {
            let told = of_entry(lines);
            assert!(told.starts_with(expected), "{lines}\n{told}");
            assert_eq!(told.lines().count(), 1, "{told}");
        }
    }

    #[test]
    fn what_is_no_freeze_file_is_never_one_without_freezes() {
        for (text, expected) in [
            (
                "",
                "line 1: it is empty: expected `freezes:` with a list; without freezes, `freezes: []`",
            ),
            ("# nothing\n", "line 1: it is empty"),
            ("freezes:\n", "line 1: `freezes`: expected `freezes:`"),
            ("freezes: none\n", "line 1: `freezes`: expected `freezes:`"),
            (
                "freeze: []\n",
                "line 1: `freeze`: unknown key: did you mean `freezes`?",
            ),
            ("{}\n", "line 1: `freezes`: expected `freezes:`"),
            ("- reason: r\n", "line 1: expected `freezes:`"),
            (
                "freezes: []\n---\nfreezes: []\n",
                "line 3: a second document",
            ),
            (
                "freezes: []\nfreezes: []\n",
                "line 2: `freezes`: it is there twice",
            ),
            ("freezes: [x]\n", "line 1: an entry of `freezes`"),
            ("freezes:\n  - who: w\n", "line 2: `reason`: required"),
            (
                "freezes:\n  - reason: r\n    who: ~\n",
                "line 3: `who`: required: who has frozen it",
            ),
            ("freezes:\n  - reason: r\n", "line 2: `who`: required"),
            (
                "freezes:\n  - reason: ''\n    who: w\n",
                "line 2: `reason`: required: why it is frozen",
            ),
            ("freezes: [\n", "line 2, column 1: "),
            (
                "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n",
                "line ",
            ),
        ] {
            let told = problems(text);
            assert!(told.starts_with(expected), "{text:?}\n{told}");
        }
        let binary = parse(b"freezes: []\xff").unwrap_err().to_string();
        assert!(binary.contains("not UTF-8"), "{binary}");
        assert!(parse(b"freezes: []\n").is_ok());
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let told = of_entry("timeZone: x\nfrom: a\noperations: b\nfiles: /c");
        let lines: Vec<&str> = told.lines().map(|line| &line[..7]).collect();
        assert_eq!(lines, ["line 4:", "line 5:", "line 6:", "line 7:"]);
        // What is wrong with a key hides nothing of what is wrong with values, its own and others.
        for (text, expected) in [
            (
                "freezes:\n  - resaon: r\n    untli: soon\n    who: [w]\n    who: w\n    x: y\n    from: b\n",
                "line 2: `resaon`: unknown key: did you mean `reason`?
line 3: `untli`: unknown key: did you mean `until`?
line 3: `until` `soon`: expected a day or a time
line 5: `who`: it is there twice
line 6: `x`: unknown key: expected `reason`
line 7: `from` `b`: expected a day or a time",
            ),
            (
                "freeze:\n  - reason: r\n    schedule: daily\n    from: a\n    operations: [[update], deploy]\n",
                "line 1: `freeze`: unknown key: did you mean `freezes`?
line 2: `who`: required
line 3: `schedule`: it needs `duration`
line 3: `schedule` `daily`: expected the five fields of cron
line 4: `from` `a`: expected a day or a time
line 5: `operations`: expected a text
line 5: `operations` `deploy`: expected `update`",
            ),
            (
                "freezes:\n  - reason: r\n    who: w\n    duration: long\n    files: [[a], /b]\n",
                "line 4: `duration`: it needs `schedule`
line 4: `duration` `long`: expected a time with its unit
line 5: `files`: expected a text
line 5: `files` `/b`: the path",
            ),
        ] {
            let told = problems(text);
            let expected: Vec<&str> = expected.lines().collect();
            assert_eq!(told.lines().count(), expected.len(), "{told}");
            for (line, expected) in told.lines().zip(expected) {
                assert!(line.starts_with(expected), "{expected}\n{told}");
            }
        }
        let many = format!("freezes:\n{}", "  - x\n".repeat(20));
        assert!(problems(&many).ends_with("\n… and 10 more"));
    }

    #[test]
    fn a_freeze_file_has_limits() {
        let entry = |lines: &str| format!("  - {{reason: r, who: w{lines}}}\n");
        let file = |entries: &str| format!("freezes:\n{entries}");
        assert!(parse(file(&entry("").repeat(1_000)).as_bytes()).is_ok());
        let globs = entry(&format!(", files: [{}]", "'*', ".repeat(1_001)));
        for (text, expected) in [
            (
                file(&entry("").repeat(1_001)),
                "1000 freezes in one freeze file",
            ),
            (
                file(&globs.repeat(10)),
                "10000 paths and globs in one freeze file",
            ),
            ("#".repeat((1 << 20) + 1), "1 MiB in one freeze file"),
            (
                file(&entry(&format!(", reason: {}", "x".repeat(501)))),
                "twice",
            ),
            (
                file(&format!("  - {{reason: {}, who: w}}\n", "x".repeat(501))),
                "more than 500 characters",
            ),
        ] {
            let told = problems(&text);
            assert!(told.contains(expected), "{told}");
        }
    }

    #[test]
    fn a_block_text_is_a_pattern_a_line() {
        let path = |text: &str| text.parse().unwrap();
        for lines in [
            "files: |\n      envs/production/**\n\n      !envs/production/docs.yaml\n      {a,b}/[,x].yaml",
            "files: |-\n      !envs/production/docs.yaml\n      {a,b}/[,x].yaml\n      envs/production/**",
            "files:\n      - |\n        envs/production/**\n        ! envs/production/docs.yaml\n      - '{a,b}/[,x].yaml'",
        ] {
            let text = format!("freezes:\n  - reason: r\n    who: w\n    {lines}\n");
            let freezes = parse(text.as_bytes()).unwrap();
            for (file, expected) in [
                ("envs/production/web.yaml", true),
                ("envs/production/docs.yaml", false),
                ("b/,.yaml", true),
                ("c/x.yaml", false),
            ] {
                let held = freezes.hold(&["update"], [&path(file)], 0).is_some();
                assert_eq!(held, expected, "{file}\n{text}");
            }
        }
    }

    #[test]
    fn an_alias_is_what_it_stands_for() {
        let text = "freezes:\n  - reason: r\n    who: &us Platform\n    files: &all ['**']\n  - reason: s\n    who: *us\n    files: *all\n";
        assert!(parse(text.as_bytes()).is_ok());
    }
}
