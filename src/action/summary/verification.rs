//! What Argo CD made of a commit: Git and cluster side by side.

use std::fmt::Write as _;
use std::time::Duration;

use crate::argocd::Done;
use crate::image::ImageReference;
use crate::markdown::{code, counted, details, link, paragraphs, table};
use crate::operation::verify::{ApplicationReport, GitImage, ResourceReport, VerificationReport};

/// What took no longer needs no chart.
const WORTH_A_CHART: Duration = Duration::from_secs(20);

/// Who was asked.
pub fn title(report: &VerificationReport) -> &'static str {
    match (report.applications.is_empty(), report.statuses.is_empty()) {
        (false, true) => "Argo CD",
        (true, false) => "What is posted on the commit",
        // Nothing was told, by whomever.
        (true, true) => "Verification",
        (false, false) => "Argo CD, and what is posted on the commit",
    }
}

/// What became of a commit, in a few words that go on from what was done.
pub fn verdict(report: &VerificationReport) -> String {
    if report.applications.is_empty() && !report.statuses.is_empty() {
        return "reported as deployed".to_owned();
    }
    let mut done = report
        .applications
        .iter()
        .filter_map(|one| one.done.as_ref());
    let words = match done.find(|done| **done != Done::Healthy) {
        None | Some(Done::Healthy) => "healthy",
        Some(Done::Synced) => "synced",
        Some(Done::Suspended) => "paused",
        Some(Done::WithoutPods(images)) => {
            return match &images[..] {
                [image] => format!("healthy, without a Pod of {}", code(image)),
                _ => format!("healthy, without a Pod of {} images", images.len()),
            };
        }
        Some(Done::Beside(_)) => "well, beside what was unwell before",
    };
    words.to_owned()
}

/// What Argo CD made of a commit.
pub fn of_verification(report: &VerificationReport) -> String {
    let commit_url = report.location.commit_url(report.commit.as_str());
    let commit = link(&code(report.commit.short()), commit_url.as_deref());
    let sentence = match report.failure {
        Some(_) => String::new(),
        None => format!(" {}", paragraphs(&report.sentence())),
    };
    let (branch, location) = (
        code(report.branch.as_str()),
        link(&code(&report.location.to_string()), report.location.page()),
    );
    let mut text = format!("Commit {commit} of {branch} in {location}.{sentence}\n\n");
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
    text.push_str(&posted(report));
    if report.applications.is_empty() {
        text.push_str(&in_git(report));
        return text;
    }
    let running: Vec<&str> = report
        .applications
        .iter()
        .flat_map(|one| one.running.iter().map(String::as_str))
        .collect();
    // Where nobody answered, nothing is known of Pods.
    let is_known = report.applications.iter().any(|one| !one.sync.is_empty());
    let images = report
        .images
        .iter()
        .map(|image| side_by_side(image, &running, is_known));
    text.push_str(&table(
        &[
            "Resource",
            "Container",
            heading(report),
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

/// What others posted, and what that is worth.
fn posted(report: &VerificationReport) -> String {
    if report.statuses.is_empty() {
        return String::new();
    }
    let rows = report.statuses.iter().map(|one| {
        let commit = report.location.commit_url(&one.commit);
        [
            link(&code(&one.context), one.url.as_deref()),
            code(&one.state),
            cell(&one.description),
            one.creator.as_deref().map(code).unwrap_or_default(),
            link(
                &code(one.commit.get(..7).unwrap_or(&one.commit)),
                commit.as_deref(),
            ),
        ]
    });
    let rows = table(&["Posted as", "State", "Description", "By", "On"], rows);
    format!("{rows}That is the word of whoever posted it: nobody looked at Pods.\n\n")
}

/// The images that are to run.
fn in_git(report: &VerificationReport) -> String {
    table(
        &["Resource", "Container", heading(report)],
        report.images.iter().map(row),
    )
}

/// A row for an image: where it is, and the reference.
fn row(image: &GitImage) -> [String; 3] {
    let place = image.held();
    let resource = place.map(|place| code(&place.resource));
    let container = place.and_then(|place| place.container.as_deref());
    [
        resource.unwrap_or_default(),
        container.map(code).unwrap_or_default(),
        code(image.image()),
    ]
}

/// What the images of a report are: those of the files, or those that were asked for, which Git need not hold.
fn heading(report: &VerificationReport) -> &'static str {
    match report.images.iter().all(|image| image.held().is_none()) {
        true => "Image asked for",
        false => "Image in Git",
    }
}

fn application(one: &ApplicationReport) -> [String; 7] {
    let [seen, synced, healthy] = one.phases.all();
    let seconds = |at: Option<Duration>| {
        at.map(|at| format!("{} s", at.as_secs()))
            .unwrap_or_default()
    };
    let health = match one.health.message.as_str() {
        "" => code(&one.health.status),
        message => format!("{} {}", code(&one.health.status), cell(message)),
    };
    [
        link(&code(&one.name.to_string()), Some(&one.page)),
        code(&one.sync),
        health,
        code(one.revision.get(..7).unwrap_or(&one.revision)),
        seconds(seen),
        seconds(synced),
        seconds(healthy),
    ]
}

/// The same, with what Pods run of its repository.
fn side_by_side(image: &GitImage, running: &[&str], is_known: bool) -> [String; 5] {
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
    // In words: the heading alone says how it ended, and a sign of its own would contradict it.
    let mark = match (runs, of_repository.len()) {
        (true, 1) => "the same",
        (true, 2) => "**both**",
        (true, _) => "**beside others**",
        (false, 0) if !is_known => "not known",
        (false, 0) => "no Pod",
        (false, _) => "**another**",
    };
    let cluster: Vec<String> = of_repository.into_iter().map(code).collect();
    let [resource, container, in_git] = row(image);
    [
        resource,
        container,
        in_git,
        cluster.join(" "),
        mark.to_owned(),
    ]
}

/// The resources, folded; open where something is wrong with one.
fn resources(one: &ApplicationReport) -> String {
    if one.resources.is_empty() {
        return String::new();
    }
    let row = |resource: &ResourceReport| {
        [
            code(&resource.title),
            code(&resource.sync),
            code(&resource.health),
            cell(&resource.message),
        ]
    };
    let good = |resource: &ResourceReport| {
        resource.sync == "Synced" && matches!(resource.health.as_str(), "" | "Healthy")
    };
    let rows = table(
        &["Resource", "Sync", "Health", "Message"],
        one.resources.iter().map(row),
    );
    let summary = format!(
        "{} of {}",
        counted(one.resources.len(), "resource"),
        one.name
    );
    details(&summary, !one.resources.iter().all(good), &rows)
}

/// How long each phase took, as a chart.
fn timeline(report: &VerificationReport) -> String {
    let applications = report.applications.iter();
    let phases = applications.flat_map(|one| one.phases.all());
    if phases.flatten().max().unwrap_or_default() <= WORTH_A_CHART {
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
        let last = match one.done {
            Some(Done::Suspended) => "until paused",
            _ => "until healthy",
        };
        let mut from = Duration::ZERO;
        let phases = ["until seen", "until synced", last];
        for (phase, at) in phases.into_iter().zip(one.phases.all()) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argocd::Health;
    use crate::operation::verify::{Blame, Phases};
    use crate::repository::{CommitId, Location};

    fn healthy_after(seconds: u64) -> VerificationReport {
        let after = |seconds| Some(Duration::from_secs(seconds));
        VerificationReport {
            location: Location::new("acme/k8s-manifests", &"https://github.com".parse().unwrap())
                .unwrap(),
            branch: "main".parse().unwrap(),
            commit: CommitId::parse("8a3f5c1d9e7b2a4f6c8d0e1f3a5b7c9d1e3f5a7b").unwrap(),
            images: Vec::new(),
            applications: vec![ApplicationReport {
                name: "argocd/web".parse().unwrap(),
                page: "https://argocd.example.com/applications/argocd/web".to_owned(),
                sync: "Synced".to_owned(),
                health: Health::default(),
                revision: String::new(),
                resources: Vec::new(),
                running: Vec::new(),
                phases: Phases {
                    seen: after(2),
                    synced: after(2),
                    healthy: after(seconds),
                },
                done: Some(Done::Healthy),
            }],
            statuses: Vec::new(),
            waited: Duration::ZERO,
            failure: None,
            blame: Blame::NotKnown,
        }
    }

    #[test]
    fn a_chart_is_drawn_of_a_wait_that_was_long() {
        assert_eq!(timeline(&healthy_after(20)), "");
        let chart = timeline(&healthy_after(95));
        // For those who check charts.
        if let Some(directory) = std::env::var_os("GITOPS_DEPLOY_RECORD_SUMMARIES") {
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::write(std::path::Path::new(&directory).join("wait.md"), &chart).unwrap();
        }
        insta::assert_snapshot!(chart, @"
        ```mermaid
        gantt
          dateFormat HH:mm:ss
          axisFormat %M:%S
          section argocd/web
          until seen :00:00:00, 2s
          until synced :00:00:02, 1s
          until healthy :00:00:03, 92s
        ```
        ");
    }
}
