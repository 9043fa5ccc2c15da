//! Who deployed what, when: a table and a timeline.

use std::fmt::Write as _;

use crate::image::ImageReference;
use crate::markdown::{code, link, paragraphs, whole_table};
use crate::operation::history::{Deployment, HistoryReport, Image};

/// How many deployments the timeline shows: more do not fit beside each other.
const ON_TIMELINE: usize = 15;
/// Above this the table is cut. GitHub refuses a step's summary above 1 MiB.
const MAX_BYTES: usize = 900 << 10;

/// What was found.
pub fn of_history(report: &HistoryReport) -> String {
    let mut text = format!("### 📜 History\n\n{}\n\n", paragraphs(&report.sentence()));
    text.push_str(&timeline(report));
    let rows: Vec<String> = report.deployments.iter().flat_map(rows).collect();
    let mut shown = rows.len();
    let mut bytes = text.len();
    for (number, row) in rows.iter().enumerate() {
        bytes += row.len() + 1;
        if bytes > MAX_BYTES {
            shown = number;
            break;
        }
    }
    let heads = [
        "Date",
        "Commit",
        "Author",
        "What",
        "Resource",
        "Container",
        "Old image",
        "New image",
        "Subject",
    ];
    text.push_str(&whole_table(&heads, rows[..shown].iter().cloned()));
    if shown < rows.len() {
        let _ = writeln!(
            text,
            "… and {} rows more: the CSV file, `deployments-csv`, has them all.",
            rows.len() - shown
        );
    }
    text
}

/// A row for each image; one for a commit that changed none.
fn rows(deployment: &Deployment) -> Vec<String> {
    let Deployment {
        when,
        commit,
        commit_url,
        author,
        kind,
        subject,
        images,
        ..
    } = deployment;
    let short = commit.get(..7).unwrap_or(commit);
    let commit = link(&code(short), commit_url.as_deref());
    let (author, subject) = (code(author), code(subject));
    let row = |image: Option<&Image>| {
        let cell = |value: Option<&String>| value.map(|value| code(value)).unwrap_or_default();
        format!(
            "| {when} | {commit} | {author} | {kind} | {} | {} | {} | {} | {subject} |",
            cell(image.map(|image| &image.resource)),
            cell(image.and_then(|image| image.container.as_ref())),
            cell(image.and_then(|image| image.old.as_ref())),
            cell(image.and_then(|image| image.new.as_ref())),
        )
    };
    if images.is_empty() {
        return vec![row(None)];
    }
    images.iter().map(|image| row(Some(image))).collect()
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

/// `blog-web v14`, `rollback to blog-web v13`
fn event(deployment: &Deployment) -> String {
    let mut images: Vec<String> = Vec::new();
    for image in &deployment.images {
        let shown = match (&image.new, &image.old) {
            (Some(new), _) => short(new),
            (None, Some(old)) => format!("{} removed", short(old)),
            (None, None) => continue,
        };
        if !images.contains(&shown) {
            images.push(shown);
        }
    }
    let more = images.len().saturating_sub(3);
    images.truncate(3);
    let mut text = images.join(" and ");
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    match deployment.kind {
        "rollback" => format!("rollback to {text}"),
        _ => text,
    }
}

/// Name and tag, in characters that mean nothing to Mermaid.
fn short(image: &str) -> String {
    let text = match image.parse::<ImageReference>() {
        Ok(image) => {
            let version = image
                .tag()
                .or(image.digest().and_then(|digest| digest.get(..14)));
            format!("{} {}", image.name(), version.unwrap_or("latest"))
        }
        Err(_) => image.to_owned(),
    };
    let harmless = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ' | '+');
    text.chars()
        .take(60)
        .map(|c| if harmless(c) { c } else { ' ' })
        .collect()
}
