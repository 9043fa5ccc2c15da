//! What a person reads when the action can't do what was asked: what failed, why, what to do.

use std::fmt;

/// Why a run failed, as a heading: the title of the annotation and of the summary.
///
/// Each has a title of its own, so that a search for the title finds one cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the titles below say what each means")]
pub enum Reason {
    Input,
    NoImage,
    NoPlace,
    NoYaml,
    Encrypted,
    Contradiction,
    Manifest,
    Promotion,
    FileNotFound,
    File,
    TokenRefused,
    AccessDenied,
    RepositoryNotFound,
    BranchNotFound,
    RepositoryEmpty,
    Declined,
    Contention,
    Rollback,
    History,
    Unavailable,
    Proxy,
    RateLimited,
    Unconfirmed,
    Certificate,
    Tls,
    NotGit,
    NotApi,
    Protocol,
    Limit,
    Runner,
    Cancelled,
    Downgrade,
    Frozen,
    FreezeFile,
    ArgocdUnavailable,
    ArgocdToken,
    SignOn,
    ArgocdAccess,
    ApplicationNotFound,
    NotArgocd,
    Mistracking,
    SyncFailed,
    Degraded,
    ReportedFailure,
    StatusAccess,
    CommitGone,
    Superseded,
    Elsewhere,
    NotInTime,
    OutOfSync,
    PullRequest,
    NotMerged,
    MergeUnknown,
    ImageMissing,
    ImageDenied,
    RegistryUnavailable,
    Platform,
    TagMoved,
    App,
}

impl Reason {
    /// Every reason there is.
    pub const ALL: [Self; 59] = [
        Self::Input,
        Self::NoImage,
        Self::NoPlace,
        Self::NoYaml,
        Self::Encrypted,
        Self::Contradiction,
        Self::Manifest,
        Self::Promotion,
        Self::FileNotFound,
        Self::File,
        Self::TokenRefused,
        Self::AccessDenied,
        Self::RepositoryNotFound,
        Self::BranchNotFound,
        Self::RepositoryEmpty,
        Self::Declined,
        Self::Contention,
        Self::Rollback,
        Self::History,
        Self::Unavailable,
        Self::Proxy,
        Self::RateLimited,
        Self::Unconfirmed,
        Self::Certificate,
        Self::Tls,
        Self::NotGit,
        Self::NotApi,
        Self::Protocol,
        Self::Limit,
        Self::Runner,
        Self::Cancelled,
        Self::Downgrade,
        Self::Frozen,
        Self::FreezeFile,
        Self::ArgocdUnavailable,
        Self::ArgocdToken,
        Self::SignOn,
        Self::ArgocdAccess,
        Self::ApplicationNotFound,
        Self::NotArgocd,
        Self::Mistracking,
        Self::SyncFailed,
        Self::Degraded,
        Self::ReportedFailure,
        Self::StatusAccess,
        Self::CommitGone,
        Self::Superseded,
        Self::Elsewhere,
        Self::NotInTime,
        Self::OutOfSync,
        Self::PullRequest,
        Self::NotMerged,
        Self::MergeUnknown,
        Self::ImageMissing,
        Self::ImageDenied,
        Self::RegistryUnavailable,
        Self::Platform,
        Self::TagMoved,
        Self::App,
    ];

    /// The heading a person sees.
    pub fn title(self) -> &'static str {
        match self {
            Self::Input => "The inputs are not valid",
            Self::NoImage => "The image is not in the manifest",
            Self::NoPlace => "There is no such place in the manifest",
            Self::NoYaml => "The manifest can't be read as YAML",
            Self::Encrypted => "The manifest is encrypted with SOPS",
            Self::Contradiction => "Two lines of the inputs contradict each other",
            Self::Manifest => "The manifest can't be edited at this place",
            Self::Promotion => "The two stages don't match",
            Self::FileNotFound => "The file was not found",
            Self::File => "The path is not a manifest",
            Self::TokenRefused => "The token was refused",
            Self::AccessDenied => "The server denied access",
            Self::RepositoryNotFound => "The repository was not found",
            Self::BranchNotFound => "The branch was not found",
            Self::RepositoryEmpty => "The repository is empty",
            Self::Declined => "The push was declined",
            Self::Contention => "Others kept pushing first",
            Self::Rollback => "The deployment can't be rolled back",
            Self::History => "The commit to verify was not found",
            Self::Unavailable => "The Git server is not available",
            Self::Proxy => "A proxy or a firewall is in the way",
            Self::RateLimited => "A rate limit was exceeded",
            Self::Unconfirmed => "It is not known whether the push landed",
            Self::Certificate => "The server's certificate is not trusted",
            Self::Tls => "No TLS connection comes about",
            Self::NotGit => "The URL is not a Git repository",
            Self::NotApi => "The URL is not a GitHub API",
            Self::Limit => "A limit of the action was exceeded",
            Self::Protocol => "The exchange with the Git server failed",
            Self::Runner => "The runner lacks what the action needs",
            Self::Cancelled => "The run was cancelled",
            Self::Downgrade => "The image is older than the one in Git",
            Self::Frozen => "The files are frozen",
            Self::FreezeFile => "The freeze file can't be used",
            Self::ArgocdUnavailable => "Argo CD is not available",
            Self::ArgocdToken => "Argo CD refused the token",
            Self::SignOn => "The job could not log in to Argo CD",
            Self::ArgocdAccess => "Argo CD does not show the application",
            Self::ApplicationNotFound => "The application was not found",
            Self::NotArgocd => "The URL is not an Argo CD server",
            Self::Mistracking => "The application follows something else",
            Self::SyncFailed => "Argo CD could not apply the commit",
            Self::Degraded => "The deployment is degraded",
            Self::ReportedFailure => "The deployment was reported as failed",
            Self::StatusAccess => "GitHub does not show what is posted on the commit",
            Self::CommitGone => "The branch does not lead to the commit",
            Self::Superseded => "Another deployment came in between",
            Self::Elsewhere => "Something else is wrong, not the deployment",
            Self::NotInTime => "The deployment was not done in time",
            Self::OutOfSync => "The application stays out of sync",
            Self::PullRequest => "The pull request was not opened",
            Self::NotMerged => "The pull request was not merged",
            Self::MergeUnknown => "It is not known whether the pull request was merged",
            Self::ImageMissing => "The image is not in its registry",
            Self::ImageDenied => "The registry does not show the image",
            Self::RegistryUnavailable => "The registry is not available",
            Self::Platform => "The image lacks a platform",
            Self::TagMoved => "The tag moved while it was pinned",
            Self::App => "The GitHub App gets no token",
        }
    }
}

/// A failure, ready to be read. Texts may hold what files and servers said: whoever prints them
/// escapes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The heading.
    pub reason: Reason,
    /// What failed and why.
    pub message: String,
    /// What to do, where there is something to say that the message does not.
    pub hint: Option<String>,
    /// What is still deployed, where it says so: `web:v14 (apps/web.yaml) is still deployed`.
    still: Option<String>,
}

/// What a failure says that has changed nothing.
const UNCHANGED: &str = "Nothing was changed.";

impl Failure {
    /// A failure without a hint.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: sentence(message.into()),
            hint: None,
            still: None,
        }
    }

    /// The same, with what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether it says that it has changed nothing.
    pub fn says_unchanged(&self) -> bool {
        self.message.contains(UNCHANGED)
    }

    /// The same where it says that it has changed nothing, with what is `still` deployed.
    #[must_use]
    pub fn with_still(mut self, still: String) -> Self {
        if self.says_unchanged() {
            let told = format!("Nothing was changed: {still}.");
            self.message = self.message.replacen(UNCHANGED, &told, 1);
            self.still = Some(still);
        }
        self
    }

    /// The message for a run that has changed something before: without that nothing was changed. With `otherwise`
    /// behind it where it does not say what is still deployed.
    pub fn after_a_change(&self, otherwise: &str) -> String {
        match &self.still {
            Some(still) => {
                let told = format!("Nothing was changed: {still}.");
                self.message.replacen(&told, &format!("{still}."), 1)
            }
            None => format!(
                "{} {otherwise}",
                self.message.replace(&format!(" {UNCHANGED}"), "")
            ),
        }
    }
}

/// A clause as a sentence: what others say of themselves begins with an article. Names stay as they are.
fn sentence(text: String) -> String {
    match text.strip_prefix("the ") {
        Some(rest) => format!("The {rest}"),
        None => text,
    }
}

impl fmt::Display for Failure {
    /// The message, and the hint on a line of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n{hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_message_is_a_sentence() {
        let message = |text| Failure::new(Reason::Runner, text).message;
        assert_eq!(message("the connection broke"), "The connection broke");
        assert_eq!(message("github.com answered"), "github.com answered");
    }

    #[test]
    fn behind_a_change_nobody_reads_that_nothing_was_changed() {
        let failure = || Failure::new(Reason::Rollback, "It is gone. Nothing was changed. More:");
        let put = "This run had put v2 there.";
        assert_eq!(
            failure().after_a_change(put),
            "It is gone. More: This run had put v2 there."
        );
        let still = failure().with_still("v1 is still deployed".to_owned());
        assert_eq!(
            still.message,
            "It is gone. Nothing was changed: v1 is still deployed. More:"
        );
        assert_eq!(
            still.after_a_change(put),
            "It is gone. v1 is still deployed. More:"
        );
        let silent = Failure::new(Reason::Rollback, "It is gone.").with_still("v1".to_owned());
        assert_eq!(silent.message, "It is gone.");
    }

    #[test]
    fn every_reason_has_a_title_of_its_own() {
        let titles: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.title()).collect();
        assert_eq!(titles.len(), Reason::ALL.len());
    }
}
