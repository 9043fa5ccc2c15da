//! Who deployed what, when: a timeline, a table, and how delivery went.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use crate::deployment::metrics::{Measures, Metrics, Restored};
use crate::image::ImageReference;
use crate::markdown::{code, counted, line, link, paragraphs, table, whole_table};
use crate::nearest::first_few;
use crate::operation::history::{Deployment, HistoryReport, Image, RolledBack, Value};

/// How many deployments the timeline shows: more do not fit beside each other.
const ON_TIMELINE: usize = 15;
/// The longest word of the timeline, in characters: the box of an event is no wider, and Mermaid breaks
/// lines at spaces only.
const IN_A_BOX: usize = 15;
/// How many changes of one commit a cell lists.
const IN_A_CELL: usize = 50;
/// The longest value in a cell, in characters.
const VALUE: usize = 40;
/// Above this the table is cut. GitHub refuses a step's summary above 1 MiB.
const MAX_BYTES: usize = 900 << 10;
/// The longest list of files in the heading, in characters.
const FILES: usize = 80;
/// How many deployments that were rolled back are named.
const RESTORED: usize = 20;
/// How many files, or places in them, are named.
const PLACES: usize = 3;

/// What was found.
pub fn of_history(report: &HistoryReport) -> String {
    let mut text = format!(
        "### 📜 {}\n\n{}\n\n",
        verdict(report),
        paragraphs(&report.sentence())
    );
    text.push_str(&timeline(report));
    text.push_str(&of_metrics(&report.metrics));
    let in_several = in_several(report);
    let rows = report.deployments.iter().map(|one| row(one, &in_several));
    let rows: Vec<[String; 6]> = rows.collect();
    let mut shown = rows.len();
    let mut bytes = text.len();
    for (number, row) in rows.iter().enumerate() {
        bytes += line(row).len();
        if bytes > MAX_BYTES {
            shown = number;
            break;
        }
    }
    let heads = ["Date", "Commit", "Author", "What", "Changes", "Subject"];
    text.push_str(&whole_table(&heads, rows[..shown].iter()));
    if shown < rows.len() {
        let _ = writeln!(
            text,
            "… and {} rows more: the CSV file, `deployments-csv`, has them all.",
            rows.len() - shown
        );
    }
    text
}

/// What was found, of which files, over which time: `apps/web.yaml: 5 deployments from … to …, 1 rolled back`.
fn verdict(report: &HistoryReport) -> String {
    let Metrics { from, to, all, .. } = &report.metrics;
    let files = code(&crate::limits::shortened(&report.files, FILES));
    let commits = report.deployments.len();
    if commits == 0 {
        let found = format!("{files}: no commit {}", paragraphs(&report.filters));
        return found.trim_end().to_owned();
    }
    let what = match all.deployments.count {
        0 => format!("no deployment, {}", counted(commits, "commit")),
        count => counted(count, "deployment"),
    };
    let when = days(from, to);
    let failed = all.change_failure_rate.as_ref();
    let failed = failed.filter(|rate| rate.failed > 0).map(|rate| {
        let in_part = match rate.in_part.len() {
            0 => String::new(),
            all if all == rate.failed => " in part".to_owned(),
            some => format!(" ({some} in part)"),
        };
        format!(", {} rolled back{in_part}", rate.failed)
    });
    format!("{files}: {what} {when}{}", failed.unwrap_or_default())
}

/// `on 2026-08-01`, or `from` one day `to` another.
fn days(from: &str, to: &str) -> String {
    match (day(from), day(to)) {
        (from, to) if from == to => format!("on {from}"),
        (from, to) => format!("from {from} to {to}"),
    }
}

/// The day of a moment in ISO 8601.
fn day(moment: &str) -> &str {
    moment.get(..10).unwrap_or(moment)
}

/// The same for a log that nobody draws: a line for each commit, and one for each of its changes.
pub fn plain(report: &HistoryReport) -> String {
    let mut text = String::new();
    let in_several = in_several(report);
    for deployment in &report.deployments {
        let Deployment {
            when,
            commit,
            author,
            subject,
            ..
        } = deployment;
        let short = commit.get(..7).unwrap_or(commit);
        let what = what(deployment, &str::to_owned);
        let _ = writeln!(text, "{when}  {short}  {what}  {author}: {subject}");
        for change in changes(deployment, &in_several, &str::to_owned) {
            let _ = writeln!(text, "    {change}");
        }
    }
    text
}

fn row(deployment: &Deployment, in_several: &HashSet<&str>) -> [String; 6] {
    let Deployment {
        when,
        commit,
        commit_url,
        author,
        subject,
        ..
    } = deployment;
    let short = commit.get(..7).unwrap_or(commit);
    let commit = link(&code(short), commit_url.as_deref());
    let what = what(deployment, &code);
    let mut changes = changes(deployment, in_several, &code);
    let more = changes.len().saturating_sub(IN_A_CELL);
    changes.truncate(IN_A_CELL);
    if more > 0 {
        changes.push(format!("… and {more} more"));
    }
    [
        when.clone(),
        commit,
        code(author),
        what,
        changes.join("<br>"),
        code(subject),
    ]
}

/// What a commit was, and what became of it: `update, rolled back in web.yaml by 0123456`.
fn what(deployment: &Deployment, shown: Shown<'_>) -> String {
    let Deployment {
        kind,
        merged,
        takes_back,
        rolled_back_by,
        rolled_back,
        is_own,
        ..
    } = deployment;
    let short = |id: &str| shown(id.get(..7).unwrap_or(id));
    let mut text = (*kind).to_owned();
    if let (Some(newest), "rollback" | "reapply") = (takes_back.first(), *kind) {
        let _ = write!(text, " of {}", short(newest));
        if takes_back.len() > 1 {
            let _ = write!(text, " and {} more", takes_back.len() - 1);
        }
    }
    if let [newest, more @ ..] = &merged[..] {
        let how = match is_own {
            true => "in a merge of",
            false => "merged from",
        };
        let _ = write!(text, ", {how} {}", short(newest));
        if !more.is_empty() {
            let _ = write!(text, " and {} more", more.len());
        }
    }
    if let Some(by) = rolled_back_by {
        let undone = match *kind {
            "rollback" => "undone",
            _ => "rolled back",
        };
        let _ = write!(text, ", {undone} by {}", short(by));
        return text;
    }
    let mut seen: Vec<&str> = Vec::new();
    for RolledBack { by, .. } in rolled_back {
        if seen.contains(&by.as_str()) {
            continue;
        }
        seen.push(by);
        let own = rolled_back.iter().filter(|one| one.by == *by);
        let files: Vec<String> = own
            .map(|RolledBack { file, all, .. }| match all {
                true => shown(name_of(file, deployment)),
                false => format!("a part of {}", shown(name_of(file, deployment))),
            })
            .collect();
        let _ = write!(
            text,
            ", rolled back in {} by {}",
            first_few(&files, PLACES),
            short(by)
        );
    }
    text
}

/// The name of a file without its directories, if it is the only one that the commit touched with it.
fn name_of<'a>(file: &'a str, deployment: &Deployment) -> &'a str {
    let Deployment {
        images,
        values,
        rolled_back,
        ..
    } = deployment;
    let name = file.rsplit('/').next().unwrap_or(file);
    let images = images.iter().map(|image| &image.file);
    let values = values.iter().map(|value| &value.file);
    let rolled_back = rolled_back.iter().map(|one| &one.file);
    let mut others = images.chain(values).chain(rolled_back);
    match others.any(|other| other != file && other.rsplit('/').next() == Some(name)) {
        true => file,
        false => name,
    }
}

/// The names of the objects that are in several files, as those of overlays are: which is meant, the file
/// tells.
fn in_several(report: &HistoryReport) -> HashSet<&str> {
    let mut files: HashMap<&str, &str> = HashMap::new();
    let mut in_several = HashSet::new();
    for Deployment { images, values, .. } in &report.deployments {
        let images = images.iter().map(|image| (&image.resource, &image.file));
        let values = values.iter().map(|value| (&value.resource, &value.file));
        for (resource, file) in images.chain(values) {
            if *files.entry(resource).or_insert(file) != file {
                in_several.insert(resource.as_str());
            }
        }
    }
    in_several
}

/// Makes what is not ours harmless.
type Shown<'a> = &'a dyn Fn(&str) -> String;

/// What a commit changed, each once with the objects where it did; and whether that was taken back, where
/// other parts of it were not.
fn changes(deployment: &Deployment, in_several: &HashSet<&str>, shown: Shown<'_>) -> Vec<String> {
    let is_in_part = deployment.rolled_back_by.is_none();
    let taken = |by: &Option<String>| match by {
        Some(_) if is_in_part => ", rolled back",
        _ => "",
    };
    let images = deployment.images.iter().map(|image| {
        let taken = taken(&image.rolled_back_by);
        (of_image(image, shown), taken, &image.file, &image.resource)
    });
    let values = deployment.values.iter().map(|value| {
        let taken = taken(&value.rolled_back_by);
        (of_value(value, shown), taken, &value.file, &value.resource)
    });
    let mut changes: Vec<(String, &str, Vec<String>)> = Vec::new();
    let mut numbers: HashMap<(String, &str), usize> = HashMap::new();
    let mut seen: HashSet<(usize, String)> = HashSet::new();
    for (text, taken, file, resource) in images.chain(values) {
        let place = match in_several.contains(resource.as_str()) {
            // Without a kind it is called as its file is.
            true if file.ends_with(resource.as_str()) => shown(file),
            true => format!("{} of {}", shown(resource), shown(file)),
            false => shown(resource),
        };
        let number = *numbers
            .entry((text, taken))
            .or_insert_with_key(|(text, taken)| {
                changes.push((text.clone(), taken, Vec::new()));
                changes.len() - 1
            });
        if seen.insert((number, place.clone())) {
            changes[number].2.push(place);
        }
    }
    let lines = changes.into_iter();
    lines
        .map(|(text, taken, places)| format!("{text} in {}{taken}", first_few(&places, PLACES)))
        .collect()
}

/// `web`: `v13` → `v14`; in full where another image takes its place.
fn of_image(image: &Image, shown: Shown<'_>) -> String {
    if is_version_only(image) {
        let version =
            |text: &Option<String>| Some(text.as_ref()?.trim_start_matches(':').to_owned());
        let (old, new) = (version(&image.old), version(&image.new));
        let versions = replaced(old.as_deref(), new.as_deref(), shown);
        return format!("{}: {versions}", shown(&image.called));
    }
    let parsed = |text: &Option<String>| text.as_ref()?.parse::<ImageReference>().ok();
    let (old, new) = (parsed(&image.old), parsed(&image.new));
    let one = new.as_ref().or(old.as_ref());
    let is_same = match (&old, &new) {
        (Some(old), Some(new)) => old.same_repository(new),
        (None, None) => false,
        _ => image.old.is_none() || image.new.is_none(),
    };
    match one.filter(|_| is_same) {
        Some(one) => {
            let version = |image: &Option<ImageReference>| image.as_ref().map(version);
            format!(
                "{}: {}",
                shown(one.name()),
                replaced(version(&old).as_deref(), version(&new).as_deref(), shown)
            )
        }
        None => replaced(image.old.as_deref(), image.new.as_deref(), shown),
    }
}

/// Whether the file has its version alone, and its repository is elsewhere.
fn is_version_only(image: &Image) -> bool {
    let mut texts = [&image.old, &image.new].into_iter().flatten();
    texts.all(|text| text.starts_with([':', '@']))
}

fn of_value(value: &Value, shown: Shown<'_>) -> String {
    let cut = |text: &Option<String>| {
        let text = text.as_ref()?;
        Some(crate::limits::shortened(text, VALUE))
    };
    let (old, new) = (cut(&value.old), cut(&value.new));
    format!(
        "{}: {}",
        shown(&value.path),
        replaced(old.as_deref(), new.as_deref(), shown)
    )
}

fn replaced(old: Option<&str>, new: Option<&str>, shown: Shown<'_>) -> String {
    match (old, new) {
        (Some(old), Some(new)) => format!("{} → {}", shown(old), shown(new)),
        (None, Some(new)) => format!("{} (new)", shown(new)),
        (Some(old), None) => format!("{} (gone)", shown(old)),
        (None, None) => String::new(),
    }
}

/// Tag and digest, as much of it as tells one from another.
fn version(image: &ImageReference) -> String {
    let digest = image.digest().and_then(|digest| digest.get(..14));
    match (image.tag(), digest) {
        (Some(tag), Some(digest)) => format!("{tag}@{digest}"),
        (Some(tag), None) => tag.to_owned(),
        (None, Some(digest)) => digest.to_owned(),
        (None, None) => "latest".to_owned(),
    }
}

/// How delivery went: all of it, each file, each part of the time.
fn of_metrics(metrics: &Metrics) -> String {
    let Metrics {
        from,
        to,
        all,
        periods,
        files,
        ..
    } = metrics;
    if all.deployments.count == 0 {
        return String::new();
    }
    let heads = |first| {
        [
            first,
            "Deployments",
            "a day",
            "Lead time, median",
            "Lead time, 90 %",
            "Rolled back",
            "Time to restore, median",
        ]
    };
    let mut rows = vec![of_measures("**all**", all)];
    if files.len() > 1 {
        let of_file = |(file, measures): (&String, &Measures)| of_measures(&code(file), measures);
        rows.extend(files.iter().map(of_file));
    }
    let mut text = format!("#### 📈 Delivery {}\n\n", days(from, to));
    text.push_str(&table(&heads("File"), rows.into_iter()));
    let restores = all.time_to_restore.iter().flat_map(|one| &one.restores);
    let failed = all.change_failure_rate.as_ref();
    let in_part = failed.map(|rate| &rate.in_part[..]).unwrap_or_default();
    let restored = |restored: &Restored| {
        let part = match in_part.contains(&restored.deployment) {
            true => " in part",
            false => "",
        };
        let short = |id: &str| code(id.get(..7).unwrap_or(id));
        format!(
            "- {} was rolled back{part} by {} after {}\n",
            short(&restored.deployment),
            short(&restored.restored_by),
            duration(restored.seconds)
        )
    };
    let lines: Vec<String> = restores.map(restored).collect();
    text.extend(lines.iter().take(RESTORED).cloned());
    match lines.len().saturating_sub(RESTORED) {
        0 if lines.is_empty() => {}
        0 => text.push('\n'),
        more => {
            let _ = writeln!(text, "- … and {more} more\n");
        }
    }
    let unknown = match &all.lead_time {
        Some(lead) => lead.unknown,
        None => all.deployments.count,
    };
    if unknown > 0 {
        let _ = writeln!(
            text,
            "The lead time of {unknown} of {} is not known: their commits do not say when what they deploy was \
             committed (`Argocd-reference-commit-date`).\n",
            all.deployments.count
        );
    }
    if periods.len() > 1 {
        let rows = periods
            .iter()
            .rev()
            .map(|period| of_measures(&period.name, &period.measures));
        let _ = write!(
            text,
            "<details><summary>By time</summary>\n\n{}</details>\n\n",
            table(&heads("When"), rows)
        );
    }
    text
}

fn of_measures(first: &str, measures: &Measures) -> [String; 7] {
    let Measures {
        deployments,
        lead_time,
        change_failure_rate,
        time_to_restore,
    } = measures;
    let lead = lead_time.as_ref();
    let failed = change_failure_rate.as_ref().map(|rate| {
        let percent = (rate.rate * 100.0).round();
        format!("{} of {} ({percent} %)", rate.failed, rate.deployments)
    });
    [
        first.to_owned(),
        deployments.count.to_string(),
        format!("{:.2}", deployments.per_day),
        lead.map(|lead| duration(lead.median_seconds))
            .unwrap_or_default(),
        lead.map(|lead| duration(lead.p90_seconds))
            .unwrap_or_default(),
        failed.unwrap_or_default(),
        time_to_restore
            .as_ref()
            .map(|restoring| duration(restoring.median_seconds))
            .unwrap_or_default(),
    ]
}

/// `3 d 4 h`, `2 h 5 min`, `40 s`: the two largest units.
fn duration(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {} min", minutes % 60),
        (days, hours, _) => format!("{days} d {} h", hours % 24),
    }
}

/// The newest deployments from left to right, a column for each day.
fn timeline(report: &HistoryReport) -> String {
    let with_images = report
        .deployments
        .iter()
        .filter(|deployment| !deployment.images.is_empty());
    let newest: Vec<&Deployment> = with_images.take(ON_TIMELINE).collect();
    if newest.is_empty() {
        return String::new();
    }
    let mut text = "```mermaid\ntimeline\n".to_owned();
    let mut day = "";
    for deployment in newest.into_iter().rev() {
        let own = deployment.when.get(..10).unwrap_or(&deployment.when);
        let start = if own == day {
            "           ".to_owned()
        } else {
            format!(" {own}")
        };
        day = own;
        let _ = writeln!(text, "{start} : {}", event(deployment));
    }
    text.push_str("```\n\n");
    text
}

/// `blog-web v14`, `rollback to blog-web v13`; in words that fit into a box.
fn event(deployment: &Deployment) -> String {
    let mut images: Vec<String> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    for image in &deployment.images {
        let shown = match (&image.new, &image.old) {
            (Some(new), _) => short(new, &image.called),
            (None, Some(old)) => format!("{} removed", short(old, &image.called)),
            (None, None) => continue,
        };
        if seen.insert(shown.clone()) {
            images.push(shown);
        }
    }
    let more = images.len().saturating_sub(3);
    images.truncate(3);
    let mut text = images.join(" and ");
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    let text = match deployment.kind {
        "rollback" => format!("rollback to {text}"),
        "reapply" => format!("again {text}"),
        _ => text,
    };
    in_words(&text)
}

/// `text` with spaces in words that are longer than a box is wide: behind a hyphen or the like, or anywhere.
fn in_words(text: &str) -> String {
    let word = |word: &str| {
        let mut out = String::new();
        let mut rest = word;
        while let Some((end, _)) = rest.char_indices().nth(IN_A_BOX) {
            let line = &rest[..end];
            let joint = line.rfind(['-', '_', '.', '+']).filter(|at| *at > 0);
            let end = joint.map_or(end, |at| at + 1);
            out.push_str(&rest[..end]);
            out.push(' ');
            rest = &rest[end..];
        }
        out + rest
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Name and version, in characters that mean nothing to Mermaid; `called` is the name where there is none.
fn short(image: &str, called: &str) -> String {
    let text = match image.parse::<ImageReference>() {
        Ok(image) => {
            let version = image
                .tag()
                .or(image.digest().and_then(|digest| digest.get(..14)));
            format!("{} {}", image.name(), version.unwrap_or("latest"))
        }
        Err(_) if image.starts_with([':', '@']) => format!("{called} {}", &image[1..]),
        Err(_) => image.to_owned(),
    };
    let harmless = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ' | '+');
    text.chars()
        .take(60)
        .map(|c| if harmless(c) { c } else { ' ' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_word_is_broken_so_that_it_fits() {
        for (text, expected) in [
            ("blog-web v14", "blog-web v14"),
            (
                "nginx-prometheus-exporter 1.1",
                "nginx- prometheus- exporter 1.1",
            ),
            ("averyveryverylongname v1", "averyveryverylo ngname v1"),
            ("x 2026.11.26-1234567890", "x 2026.11.26- 1234567890"),
            ("üüüüüüüüüüüüüüüüüü", "üüüüüüüüüüüüüüü üüü"),
        ] {
            assert_eq!(in_words(text), expected);
        }
    }

    #[test]
    fn a_duration_has_two_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (7500, "2 h 5 min"),
            (86_400, "1 d 0 h"),
            (273_600, "3 d 4 h"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }
}
