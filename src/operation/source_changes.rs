//! What is in a deployment: the commits of the source repository between what ran before and what runs
//! now. What can't be told is said, and never keeps anything from being deployed.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use url::Url;

use super::session::Session;
use super::{Operation, Progress};
use crate::deployment::{Reference, Source, built_from, merged_pulls};
use crate::files::RepoPath;
use crate::image::ImageReference;
use crate::limits::shortened;
use crate::manifest::ImageChange;
use crate::markdown::{code, link, paragraphs};
use crate::registry::{ImageSource, Registry};
use crate::repository::github::client::Client;
use crate::repository::github::compare::{Compared, Comparison};
use crate::repository::head::Relation;
use crate::repository::{CommitId, Location, RepositoryError};

/// How long it may take, within the run's own time.
const PATIENCE: Duration = Duration::from_secs(15);
/// The most pairs of commits that are compared.
const MAX_RANGES: usize = 5;
/// The longest subject and name, in characters.
const LONGEST: usize = 200;

/// What a deployment brings from one repository, or what a rollback takes out. `docs/changes.schema.json`
/// describes this shape to users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceChanges {
    /// Of this shape.
    pub version: u32,
    /// The source repository.
    pub repository: String,
    /// `added`, or `removed`: then `from` runs again, and no more what came after it.
    pub direction: &'static str,
    /// The earlier of the two commits, by what was asked for.
    pub from: String,
    /// The later one.
    pub to: String,
    /// Where a person sees all of it; none outside of an `http` server.
    pub compare_url: Option<String>,
    /// How many commits `to` has that `from` has not; none where it was not to be learned.
    pub count: Option<usize>,
    /// The newest of those, newest first.
    pub commits: Vec<SourceChange>,
    /// What is special about it, in sentences without the last full stop.
    pub note: Option<String>,
}

/// A commit of a source repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceChange {
    /// Its id.
    pub sha: String,
    /// Where to look at it.
    pub url: Option<String>,
    /// The first line of its message.
    pub subject: String,
    /// Its author's name.
    pub author: String,
    /// When it was written, in ISO 8601.
    pub date: String,
    /// The pull requests that its subject names as merged.
    pub pull_requests: Vec<PullRequestLink>,
}

/// A pull request of a source repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PullRequestLink {
    /// Its number.
    pub number: u64,
    /// Where to look at it.
    pub url: Option<String>,
}

/// What changes, and what is known of the past.
pub(super) struct Deploying<'a> {
    pub(super) operation: Operation,
    /// What was on the branch before.
    pub(super) base: &'a CommitId,
    pub(super) images: &'a [ImageChange],
    /// The messages of the branch's newest commits, newest first, as far as they came along.
    pub(super) recent: Vec<String>,
    /// The registry, where it is asked about the images anyway.
    pub(super) registry: Option<&'a Registry>,
}

/// Two commits of one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Range {
    repository: String,
    from: String,
    to: String,
}

/// Finds out what is in a deployment.
pub(super) async fn find(
    session: &Session<'_>,
    deploying: &Deploying<'_>,
    log: &mut impl Progress,
) -> Vec<SourceChanges> {
    let changed = deploying
        .images
        .iter()
        .filter(|image| image.old != image.new);
    let changed: Vec<&ImageChange> = changed.collect();
    if changed.is_empty() {
        return Vec::new();
    }
    let deadline = session.deadline.within(PATIENCE);
    let source = session.source;
    let mut labels = HashMap::new();
    let mut ranges = deploying.ranges(source, &changed, &deploying.recent, &labels);
    let access = &session.remote.sources;
    if ranges.is_empty() && access.token.is_some() && is_known(source, &access.server) {
        // It was before what came along: one request more, for a list that is told then.
        let mut paths: Vec<&RepoPath> = changed.iter().map(|image| &image.file).collect();
        paths.dedup();
        let said = session.repository.said_before(deploying.base, &paths);
        let said = tokio::time::timeout(deadline.remaining(), said).await;
        if let Ok(Ok(said)) = said {
            let messages: Vec<String> = said.into_iter().map(|said| said.message).collect();
            ranges = deploying.ranges(source, &changed, &messages, &labels);
        }
    }
    if let (true, Some(registry)) = (ranges.is_empty(), deploying.registry) {
        for change in changed.iter().take(MAX_RANGES) {
            let asked = labels_of(registry, change);
            let asked = tokio::time::timeout(deadline.remaining(), asked).await;
            labels.extend(asked.ok().flatten());
        }
        ranges = deploying.ranges(source, &changed, &[], &labels);
    }
    let mut found = Vec::new();
    for range in ranges.into_iter().take(MAX_RANGES) {
        let location = Location::new(&range.repository, &access.server).ok();
        let mut changes = SourceChanges::new(&range, deploying.operation, location.as_ref());
        let name = location.as_ref().and_then(Location::github_name);
        let api_url = &session.remote.api_url;
        let is_its_api = location.is_some_and(|location| location.may_be_asked_at(api_url));
        match (&access.token, name) {
            (Some(_), Some(_)) if !is_its_api => changes.unknown(
                "`api-url` is of another server than `server-url`, and `source-token` is not sent there",
            ),
            (Some(token), Some(name)) => {
                let http = session.remote.http().ok();
                let client =
                    http.and_then(|http| Client::new(http, api_url, token, deadline.clone()).ok());
                if let Some(client) = client {
                    let compared = client.compare(&name, &range.from, &range.to);
                    let compared = tokio::time::timeout(deadline.remaining(), compared).await;
                    match compared {
                        Ok(compared) => changes.tell(compared, &client, &name, &range).await,
                        Err(_) => changes.unknown("the source repository did not answer in time"),
                    }
                }
            }
            (None, Some(_)) => changes.unknown("`source-token` is empty"),
            (_, None) => changes.unknown(
                "the source repository is not on the GitHub server that `server-url` names",
            ),
        }
        log.info(&changes.sentence());
        found.push(changes);
    }
    found
}

/// Whether the run says what it built, on this server.
fn is_known(source: &Source, server: &Url) -> bool {
    let Source {
        sha,
        repository_url,
        ..
    } = source;
    let url = repository_url.as_deref();
    let location = url.and_then(|url| Location::new(url, server).ok());
    let is_there = location.is_some_and(|location| location.github_name().is_some());
    sha.is_some() && is_there
}

/// What the image that ran before was built from, by its labels; asked of the registry of the image that
/// runs now, so that no other one gets what that is signed on to with.
async fn labels_of(registry: &Registry, change: &ImageChange) -> Option<(String, ImageSource)> {
    let old: ImageReference = change.old.parse().ok()?;
    let new: ImageReference = change.new.parse().ok()?;
    if old.registry() != new.registry() {
        return None;
    }
    let built = registry.built_from(&old).await.ok()??;
    Some((change.old.clone(), built))
}

impl Deploying<'_> {
    /// The commits between the images, each pair once, by what the deployments of them say.
    fn ranges(
        &self,
        source: &Source,
        changed: &[&ImageChange],
        messages: &[String],
        labels: &HashMap<String, ImageSource>,
    ) -> Vec<Range> {
        let built = |image: &str| {
            let said = built_from(image, messages.iter().map(String::as_str));
            said.or_else(|| {
                let labels = labels.get(image)?;
                Reference::new(&labels.revision, Some(&labels.repository_url))
            })
        };
        let own = || {
            let sha = source.sha.as_deref()?;
            let repository_url = source.repository_url.as_deref();
            Some(Reference {
                sha,
                repository_url,
                time: None,
            })
        };
        let mut ranges = Vec::new();
        for image in changed {
            let (from, to) = match self.operation {
                Operation::Rollback => (built(&image.new), built(&image.old)),
                // What it was built from, the deployment to the other stage says.
                Operation::Promote => (built(&image.old), built(&image.new)),
                Operation::Update | Operation::History | Operation::Verify | Operation::Status => {
                    (built(&image.old), own())
                }
            };
            let (Some(from), Some(to)) = (from, to) else {
                continue;
            };
            let (Some(before), Some(after)) = (from.repository_url, to.repository_url) else {
                continue;
            };
            let range = Range {
                repository: after.to_owned(),
                from: from.sha.to_owned(),
                to: to.sha.to_owned(),
            };
            if is_same(before, after) && range.from != range.to && !ranges.contains(&range) {
                ranges.push(range);
            }
        }
        ranges
    }
}

/// Whether two URLs are one repository's.
fn is_same(one: &str, other: &str) -> bool {
    let name = |url: &str| {
        let url = url.trim_end_matches('/').to_lowercase();
        url.strip_suffix(".git").unwrap_or(&url).to_owned()
    };
    name(one) == name(other)
}

impl SourceChanges {
    fn new(range: &Range, operation: Operation, location: Option<&Location>) -> Self {
        let Range {
            repository,
            from,
            to,
        } = range;
        Self {
            version: 1,
            repository: repository.clone(),
            direction: match operation {
                Operation::Rollback => "removed",
                _ => "added",
            },
            from: from.clone(),
            to: to.clone(),
            compare_url: location.and_then(|location| location.compare_url(from, to)),
            count: None,
            commits: Vec::new(),
            note: None,
        }
    }

    fn unknown(&mut self, why: &str) {
        self.note = Some(format!("Which commits these are is not known: {why}"));
    }

    /// Takes down what GitHub says.
    async fn tell(
        &mut self,
        compared: Result<Option<Comparison>, RepositoryError>,
        client: &Client,
        name: &str,
        range: &Range,
    ) {
        let comparison = match compared {
            Ok(Some(comparison)) => comparison,
            Ok(None) => {
                return self.unknown(&format!(
                    "{name} is not to be read with `source-token`, or one of the commits is gone, as after a force push"
                ));
            }
            Err(error) => return self.unknown(&error.to_string()),
        };
        let Comparison {
            relation,
            ahead,
            behind,
            commits,
        } = match comparison.relation {
            // The other way round: an older version is deployed, or a rollback goes to a newer one.
            Relation::Behind => match client.compare(name, &range.to, &range.from).await {
                Ok(Some(other)) => Comparison {
                    relation: Relation::Behind,
                    ..other
                },
                _ => comparison,
            },
            _ => comparison,
        };
        match relation {
            Relation::Behind => {
                self.direction = match self.direction {
                    "added" => "removed",
                    _ => "added",
                };
                (self.from, self.to) = (self.to.clone(), self.from.clone());
                self.compare_url = compare_of(&self.compare_url, range);
                self.note = Some("The commit deployed now is older than the one before".to_owned());
            }
            Relation::Diverged => {
                let s = if behind == 1 { "" } else { "s" };
                self.note = Some(format!(
                    "The two are on different lines, as after a force push or on another branch: {behind} commit{s} of the earlier one {} not in the later one",
                    if behind == 1 { "is" } else { "are" }
                ));
            }
            Relation::Ahead | Relation::Identical => {}
        }
        self.count = Some(ahead);
        let base = self
            .compare_url
            .as_deref()
            .and_then(|url| url.split("/compare/").next())
            .map(str::to_owned);
        let commits = commits.into_iter();
        self.commits = commits
            .map(|commit| SourceChange::new(commit, base.as_deref()))
            .collect();
    }

    /// What became of the commits, and of how many it is known.
    fn title(&self) -> (&'static str, String) {
        let title = match self.direction {
            "removed" => "Taken out",
            _ => "In it",
        };
        let count = match self.count {
            Some(1) => "1 commit of ".to_owned(),
            Some(count) => format!("{count} commits of "),
            None => String::new(),
        };
        (title, count)
    }

    /// As Markdown, with `shown` commits at most.
    fn markdown(&self, shown: usize) -> String {
        let (title, count) = self.title();
        let repository = code(self.repository.trim_start_matches("https://"));
        let compare = self.compare_url.as_ref();
        let compare = compare.map(|url| format!(" ({})", link("compare", Some(url))));
        let mut text = format!(
            "**{title}:** {count}{repository}{}",
            compare.unwrap_or_default()
        );
        if let Some(note) = &self.note {
            let _ = write!(text, ". {}.", paragraphs(note));
        }
        text.push_str("\n\n");
        let lines = self.commits.iter().take(shown).map(SourceChange::markdown);
        let listed = lines.clone().count();
        text.extend(lines);
        let more = self.count.unwrap_or_default().saturating_sub(listed);
        match (more, listed) {
            (_, 0) => {}
            (0, _) => text.push('\n'),
            _ => {
                let _ = writeln!(text, "- … and {more} more\n");
            }
        }
        text
    }

    /// What it is, in a sentence.
    pub fn sentence(&self) -> String {
        let (what, count) = self.title();
        let where_ = self.compare_url.as_ref().unwrap_or(&self.repository);
        let note = self.note.as_ref();
        let note = note.map(|note| format!(" {note}.")).unwrap_or_default();
        format!("{what}: {count}{where_}.{note}")
    }
}

/// The address of the comparison the other way round.
fn compare_of(url: &Option<String>, range: &Range) -> Option<String> {
    let (base, _) = url.as_deref()?.split_once("/compare/")?;
    Some(format!("{base}/compare/{}...{}", range.to, range.from))
}

impl SourceChange {
    fn new(commit: Compared, base: Option<&str>) -> Self {
        let Compared {
            sha,
            message,
            author,
            date,
        } = commit;
        let subject = message.lines().next().unwrap_or_default().trim();
        let pull_requests = merged_pulls(&message)
            .into_iter()
            .map(|number| PullRequestLink {
                number,
                url: base.map(|base| format!("{base}/pull/{number}")),
            });
        Self {
            url: base.map(|base| format!("{base}/commit/{sha}")),
            subject: shortened(subject, LONGEST),
            author: shortened(&author, LONGEST),
            pull_requests: pull_requests.collect(),
            date,
            sha,
        }
    }
}

impl SourceChange {
    fn markdown(&self) -> String {
        let sha = self.sha.get(..7).unwrap_or(&self.sha);
        let commit = link(&code(sha), self.url.as_deref());
        // Its number is in the subject, and as code leads nowhere.
        let pulls = self.pull_requests.iter().map(|pull| {
            let number = format!("#{}", pull.number);
            format!(" {}", link(&number, pull.url.as_deref()))
        });
        let pulls: String = pulls.collect();
        format!(
            "- {commit} {} by {}{pulls}\n",
            code(&self.subject),
            code(&self.author)
        )
    }
}

/// What is in a deployment, as Markdown with `shown` commits of each repository at most; nothing where that
/// is not known at all.
pub fn markdown(changes: &[SourceChanges], shown: usize) -> String {
    changes.iter().map(|one| one.markdown(shown)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repository_has_several_urls() {
        assert!(is_same(
            "https://github.com/acme/web",
            "https://github.com/Acme/web.git/"
        ));
        assert!(!is_same(
            "https://github.com/acme/web",
            "https://github.com/acme/api"
        ));
    }
}
