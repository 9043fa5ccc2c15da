//! What Argo CD made of a commit: Git and cluster side by side.

use std::fmt::Write as _;
use std::time::Duration;

use super::landing::of_landing;
use crate::argocd::Done;
use crate::image::ImageReference;
use crate::markdown::{code, link, paragraphs, table};
use crate::operation::delivery::Delivery;
use crate::operation::verify::{
    ApplicationReport, GitImage, Phases, ResourceReport, VerificationReport,
};

/// What landed, what Argo CD made of it, and what followed.
pub fn of_delivery(delivery: &Delivery) -> String {
    let mut text = of_landing(&delivery.landed);
    if let Some(report) = &delivery.verified {
        text.push_str(&of_verification(report));
    }
    if let Some(report) = delivery.rollback() {
        text.push_str(&of_landing(report));
    }
    text
}

/// What Argo CD made of a commit.
pub fn of_verification(report: &VerificationReport) -> String {
    let title = match report.failure {
        Some(_) => "🔴 Argo CD does not run it",
        None => "🟢 Git = cluster",
    };
    let commit_url = report.location.commit_url(report.commit.as_str());
    let commit = link(&code(report.commit.short()), commit_url.as_deref());
    let sentence = match report.failure {
        Some(_) => String::new(),
        None => format!(" {}", paragraphs(&report.sentence())),
    };
    let (branch, location) = (
        code(report.branch.as_str()),
        code(&report.location.to_string()),
    );
    let mut text =
        format!("### {title}\n\nCommit {commit} of {branch} in {location}.{sentence}\n\n");
    text.push_str(&table(
        &[
            "Application",
            "Sync",
            "Health",
            "Revision",
            "Seen",
            "Synced",
            "Healthy",
        ],
        report.applications.iter().map(application),
    ));
    let running: Vec<&str> = report
        .applications
        .iter()
        .flat_map(|one| one.running.iter().map(String::as_str))
        .collect();
    let images = report
        .images
        .iter()
        .map(|image| side_by_side(image, &running));
    text.push_str(&table(
        &[
            "Resource",
            "Container",
            "Image in Git",
            "Image in the cluster",
            "",
        ],
        images,
    ));
    for one in &report.applications {
        text.push_str(&resources(one));
    }
    text.push_str(&timeline(report));
    text
}

fn application(one: &ApplicationReport) -> String {
    let Phases {
        seen,
        synced,
        healthy,
    } = one.phases;
    let seconds = |at: Option<Duration>| {
        at.map(|at| format!("{} s", at.as_secs()))
            .unwrap_or_default()
    };
    let health = match one.health.message.as_str() {
        "" => code(&one.health.status),
        message => format!("{} {}", code(&one.health.status), cell(message)),
    };
    format!(
        "| {} | {} | {health} | {} | {} | {} | {} |",
        link(&code(&one.name.to_string()), Some(&one.page)),
        code(&one.sync),
        code(one.revision.get(..7).unwrap_or(&one.revision)),
        seconds(seen),
        seconds(synced),
        seconds(healthy),
    )
}

/// A row for an image: what Pods run of its repository.
fn side_by_side(image: &GitImage, running: &[&str]) -> String {
    let wanted: Option<ImageReference> = image.image().parse().ok();
    let parsed = |text: &str| text.parse::<ImageReference>().ok();
    let of_repository: Vec<&str> = running
        .iter()
        .copied()
        .filter(|text| match (&wanted, parsed(text)) {
            (Some(wanted), Some(other)) => other.same_repository(wanted),
            _ => false,
        })
        .collect();
    let runs = of_repository
        .iter()
        .any(|text| match (&wanted, parsed(text)) {
            (Some(wanted), Some(other)) => other.satisfies(wanted),
            _ => false,
        });
    let mark = match (runs, of_repository.is_empty()) {
        (true, _) => "✅",
        (false, true) => "no Pod",
        (false, false) => "❌",
    };
    let cluster: Vec<String> = of_repository.into_iter().map(code).collect();
    let place = image.held();
    format!(
        "| {} | {} | {} | {} | {mark} |",
        place.map(|place| code(&place.resource)).unwrap_or_default(),
        place
            .and_then(|place| place.container.as_deref())
            .map(code)
            .unwrap_or_default(),
        code(image.image()),
        cluster.join(" ")
    )
}

/// The resources, folded; open where something is wrong with one.
fn resources(one: &ApplicationReport) -> String {
    if one.resources.is_empty() {
        return String::new();
    }
    let row = |resource: &ResourceReport| {
        format!(
            "| {} | {} | {} | {} |",
            code(&resource.title),
            code(&resource.sync),
            code(&resource.health),
            cell(&resource.message)
        )
    };
    let good = |resource: &ResourceReport| {
        resource.sync == "Synced" && matches!(resource.health.as_str(), "" | "Healthy")
    };
    let open = if one.resources.iter().all(good) {
        ""
    } else {
        " open"
    };
    let rows = table(
        &["Resource", "Sync", "Health", "Message"],
        one.resources.iter().map(row),
    );
    format!(
        "<details{open}><summary>{} resources of {}</summary>\n\n{rows}</details>\n\n",
        one.resources.len(),
        one.name
    )
}

/// How long each phase took, as a chart.
fn timeline(report: &VerificationReport) -> String {
    let finished = report
        .applications
        .iter()
        .any(|one| one.phases.seen.is_some());
    if !finished {
        return String::new();
    }
    let mut text = "```mermaid\ngantt\n  dateFormat HH:mm:ss\n  axisFormat %M:%S\n".to_owned();
    for one in &report.applications {
        let name: String = one
            .name
            .to_string()
            .chars()
            .map(|c| {
                if c.is_alphanumeric() || "-./".contains(c) {
                    c
                } else {
                    ' '
                }
            })
            .collect();
        let _ = writeln!(text, "  section {name}");
        let Phases {
            seen,
            synced,
            healthy,
        } = one.phases;
        let last = match one.done {
            Some(Done::Suspended) => "until paused",
            _ => "until healthy",
        };
        let mut from = Duration::ZERO;
        for (phase, at) in [
            ("until seen", seen),
            ("until synced", synced),
            (last, healthy),
        ] {
            let Some(at) = at else { break };
            // A phase of no length would not be drawn.
            let length = at.saturating_sub(from).as_secs().max(1);
            let _ = writeln!(text, "  {phase} :{}, {length}s", clock(from));
            from = at.max(from + Duration::from_secs(length));
        }
    }
    text.push_str("```\n\n");
    text
}

/// `00:01:30`
fn clock(at: Duration) -> String {
    let seconds = at.as_secs();
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// Text of a server within a table.
fn cell(text: &str) -> String {
    paragraphs(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}
