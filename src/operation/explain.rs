//! What a person reads when the repository refuses: what failed, why as far as the server lets one
//! tell, and what to do about it. The one place that words these.

use secrecy::SecretString;
use url::Url;

use super::advice::{
    IN_THE_URL, ON_A_PROXY, ServerKind, Settings, on_a_rule, on_this_machine, on_tls, on_words,
};
use crate::deployment::{self, Withheld};
use crate::failure::{Failure, Reason};
use crate::files::{FileSelection, RepoPath};
use crate::http::text::is_loopback;
use crate::image::ImageReference;
use crate::limits::Exceeded;
use crate::manifest::{ImageChange, ManifestError, PromotionError, Undecided};
use crate::nearest::{alike, all_of, either, first_few};
use crate::repository::github::access::{self, Finding, TokenKind};
use crate::repository::github::permissions::{Permission, Scope};
use crate::repository::retry::LandError;
use crate::repository::{
    Access, BranchTip, FileProblem, Identity, Location, Refusal, RepositoryError,
};

/// How much of a deployment a refusal lists.
const MOST_BROUGHT: usize = 5;

/// What a branch brings, as a part of a sentence.
fn brought(what: &Undecided) -> String {
    match what {
        Undecided::Image(held) => held.to_string(),
        Undecided::Value(change) => deployment::value_trailer(change),
        Undecided::File(path) => format!("changes of {path} that can't be compared"),
    }
}

/// What is known of the run when something fails.
pub struct Explainer<'a> {
    /// The repository.
    pub location: &'a Location,
    /// The token in use.
    pub token: Option<&'a SecretString>,
    /// The repository that the workflow runs in.
    pub own_repository: Option<&'a str>,
    /// Why the run has no secrets, and a token that only reads.
    pub(super) withheld: Option<Withheld>,
    /// GitHub's API, which knows more than its Git server says.
    pub api_url: &'a Url,
    /// To ask it.
    pub client: reqwest::Client,
    /// What the token is to be good for.
    pub(super) scope: Scope,
    /// What advice need not name.
    pub(super) settings: Settings,
    /// The inputs that name what is read.
    pub(super) named_by: NamedBy,
}

/// The inputs that name what is read, so that advice is about the right one.
pub(super) struct NamedBy {
    /// For the branch.
    pub(super) branch: &'static str,
    /// What `from` names of the files; `file` names the others.
    pub(super) from: Option<FileSelection>,
}

impl Default for NamedBy {
    fn default() -> Self {
        let (branch, from) = ("branch", None);
        Self { branch, from }
    }
}

impl NamedBy {
    /// The input that names `path`, a path or a glob as it was selected.
    fn file(&self, path: &str) -> &'static str {
        let from = self.from.iter().flat_map(|from| &from.include);
        match from.into_iter().any(|one| one.to_string() == path) {
            true => "from",
            false => "file",
        }
    }
}

impl Explainer<'_> {
    /// Why nothing landed of a commit by `identity`.
    pub async fn landing(&self, error: LandError<Failure>, identity: &Identity) -> Failure {
        let settings = Settings {
            names_author: !identity.is_default(),
            ..self.settings
        };
        match error {
            LandError::Plan(failure) => failure,
            LandError::Repository(error) => self.repository(&error).await,
            LandError::Declined(detail) => self.declined(&detail, settings),
            LandError::Contention { attempts, detail } => Failure::new(
                Reason::Contention,
                format!(
                    "{} was changed by others each time before the push arrived: none of {attempts} tries \
                     landed until `timeout` was over. The last refusal: {detail}. Git is as the others left it.",
                    self.location
                ),
            )
            .with_hint(on_words(&detail, settings).unwrap_or("Run the job again, or raise `timeout`.")),
        }
    }

    /// Why the repository can't be used.
    pub async fn repository(&self, error: &RepositoryError) -> Failure {
        let finding = match (error, self.location.github_name(), self.token) {
            (RepositoryError::Refused { .. }, Some(name), Some(token))
                if self.location.may_be_asked_at(self.api_url) =>
            {
                access::diagnose(self.client.clone(), self.api_url, &name, token).await
            }
            _ => Finding::Nothing,
        };
        self.explained(error, &finding)
    }

    fn explained(&self, error: &RepositoryError, finding: &Finding) -> Failure {
        let location = self.location;
        match error {
            RepositoryError::Refused {
                refusal, access, ..
            } => match (refusal, finding) {
                (Refusal::Token, _) | (Refusal::Repository, Finding::TokenRefused) => {
                    self.refused(error)
                }
                (Refusal::Repository, Finding::Nothing | Finding::NotVisible { .. }) => {
                    self.not_found(error, finding)
                }
                (Refusal::Access | Refusal::Repository, _) => self.denied(error, *access, finding),
            },
            RepositoryError::Empty => Failure::new(
                Reason::RepositoryEmpty,
                format!("{location} has no commits yet, so there is no manifest to edit. Nothing was changed."),
            )
            .with_hint("Push the manifests to it first."),
            RepositoryError::BranchNotFound { branch, existing } => Failure::new(
                Reason::BranchNotFound,
                format!("{location} has no branch `{branch}`. Nothing was changed."),
            )
            .with_hint(self.another_branch(branch.as_str(), existing)),
            RepositoryError::NoDefaultBranch { named, existing } => Failure::new(
                Reason::BranchNotFound,
                match named {
                    Some(named) => format!("The default branch of {location} is `{named}`, which is not there, and `branch` is not given. Nothing was changed."),
                    None => format!("{location} has no default branch, or names one that is not there, and `branch` is not given. Nothing was changed."),
                },
            )
            .with_hint(format!("Set `branch` to one of: {}.", listed(existing))),
            RepositoryError::ForeignCommit {
                branch,
                commit,
                author,
                subject,
            } => Failure::new(
                Reason::PullRequest,
                format!(
                    "The branch `{branch}` of {location} holds a commit that this action did not make: {} by {author} (`{subject}`). Nothing was changed.",
                    commit.short()
                ),
            )
            .with_hint("Merge or close that pull request and delete its branch, or name another one with `pull-request-branch`."),
            RepositoryError::AnotherDeployment {
                branch,
                commit,
                subject,
                brings,
            } => Failure::new(
                Reason::PullRequest,
                format!(
                    "The branch `{branch}` of {location} proposes another deployment, which this one would take out of its pull request: {} (`{subject}`) brings {}. Nothing was changed.",
                    commit.short(),
                    first_few(&Vec::from_iter(brings.iter().map(brought)), MOST_BROUGHT)
                ),
            )
            .with_hint("Merge or close that pull request first. Or give each deployment a `pull-request-branch` of its own."),
            RepositoryError::NameTaken { branch, existing } => Failure::new(
                Reason::PullRequest,
                format!(
                    "The branch `{branch}` can't be made in {location}: there is a branch `{existing}`, and Git can't have both, as the name of one would be a folder for the other. Nothing was changed."
                ),
            )
            .with_hint(format!(
                "Name another one with `pull-request-branch`{}. Or delete `{existing}`, where nobody needs it any more.",
                match branch.as_str().replace('/', "-") {
                    name if name == branch.as_str() => String::new(),
                    name => format!(", such as `{name}`"),
                }
            )),
            RepositoryError::AnotherTarget {
                branch,
                number,
                target,
            } => Failure::new(
                Reason::PullRequest,
                format!(
                    "Pull request #{number} from the branch `{branch}` of {location} is open into `{target}`, and would bring this deployment there. Nothing was changed."
                ),
            )
            .with_hint("Give each target a `pull-request-branch` of its own, or leave it out: each has a branch of its own then. Or merge or close that pull request first."),
            RepositoryError::File {
                path,
                problem,
                read,
            } => self.file(path, problem, read.as_ref()),
            RepositoryError::Unavailable { what, .. } | RepositoryError::DeadlineExceeded { what } => {
                let is_limited = error.is_rate_limit();
                let is_until_known = error.passing().is_some_and(|passing| passing.until.is_some());
                let reason = if is_limited { Reason::RateLimited } else { Reason::Unavailable };
                Failure::new(
                    reason,
                    format!("{what}, so nothing was changed in {location}."),
                )
                .with_hint(match (is_limited, self.settings) {
                    _ if what.contains("can't be reached") && is_loopback(self.asked()) => on_this_machine(),
                    (true, Settings { proposes: true, .. }) if self.is_github() => {
                        match is_until_known {
                            true => "Raise `timeout` beyond that time, or run the job again then. Another token, or a GitHub App's, has a limit of its own.",
                            false => "Run the job again in some minutes, or raise `timeout`: a limit is waited for within that time. Another token, or a GitHub App's, has a limit of its own.",
                        }
                    }
                    (true, Settings { over_api: true, .. }) => match is_until_known {
                        true => "With `transport: git` it works at once: git has no such limit. Or raise `timeout` beyond that time.",
                        false => "With `transport: git` it works at once: git has no such limit. Or run the job again in some minutes.",
                    },
                    (true, _) if is_until_known => "Run the job again then, or raise `timeout` beyond that time.",
                    (true, _) => "Run the job again later, or raise `timeout`: a limit is waited for within that time.",
                    (false, _) => "Run the job again when the server is well. Where it always fails: check the URL, that this \
                              runner may reach the host (firewall, HTTPS_PROXY), and raise `timeout` for a slow server.",
                })
            }
            RepositoryError::KeptOut { what, .. } => Failure::new(
                Reason::Proxy,
                format!("{what}, so nothing was changed in {location}."),
            )
            .with_hint(ON_A_PROXY),
            RepositoryError::Unconfirmed { commit, what } => Failure::new(
                Reason::Unconfirmed,
                format!(
                    "{} was sent to {location}, and whether it landed is not known: {what}.",
                    commit.as_ref().map_or_else(|| "A commit".to_owned(), |id| format!("Commit {id}"))
                ),
            )
            .with_hint(
                "Look at the branch. Running the job again is safe: it changes nothing where the image is there already.",
            ),
            RepositoryError::Cancelled => Failure::new(
                Reason::Cancelled,
                format!("The run was cancelled before anything was pushed to {location}. Git is as it was."),
            ),
            RepositoryError::Tls { error: tls, .. } => {
                let (reason, hint) = on_tls(tls, IN_THE_URL);
                Failure::new(reason, format!("{error}. Nothing was sent.")).with_hint(hint)
            }
            RepositoryError::TooLarge { .. } => {
                Failure::new(Reason::Declined, format!("{location}: {error}. Nothing was changed."))
                    .with_hint("Raise the limit of the server or of the proxy before it.")
            }
            RepositoryError::NotGit { what } => {
                Failure::new(Reason::NotGit, format!("{what}. Nothing was changed."))
                    .with_hint("Check `repository`: it must be the URL that `git clone` takes. A login page means that the server wants a login first.")
            }
            RepositoryError::NotApi { what, .. } => {
                Failure::new(Reason::NotApi, format!("{what}. Nothing was changed."))
                    .with_hint(match self.settings.proposes {
                        true => "Check `api-url` and `server-url`. Pull requests are made over the API.",
                        false => "Check `api-url` and `server-url`. With `transport: git` the API is not needed.",
                    })
            }
            RepositoryError::NoPushOptions { .. } => Failure::new(
                Reason::PullRequest,
                format!("No merge request can be opened: {error}, which is how GitLab is asked for one. Nothing was changed."),
            )
            .with_hint("Whoever runs the server turns them on: `receive.advertisePushOptions` in Git's configuration. A proxy before it may leave them out, too."),
            RepositoryError::NoForge { .. } => Failure::new(
                Reason::PullRequest,
                format!("No pull request can be opened: {error}, by what it answers. Nothing was changed."),
            )
            .with_hint("If it is a GitHub Enterprise Server, set `server-url` and `api-url`. A proxy that turns `/api/v4/metadata` and `/api/v1/version` away hides what it is. Without `pull-request` the change would go to `branch` itself, and nobody would review it."),
            RepositoryError::Redirected { to } => self.redirected(to),
            RepositoryError::Shut { status, what } => self.shut(*status, what),
            RepositoryError::Runner { what } => Failure::new(
                Reason::Runner,
                format!("{what}, so nothing was changed in {location}."),
            )
            .with_hint("The runner lacks it, not the server: free some room there, or use another runner."),
            RepositoryError::ObjectFormat { format } => Failure::new(
                Reason::Protocol,
                format!("{location} names its objects by {format}, which this action does not support. Nothing was changed."),
            )
            .with_hint("Use a repository with SHA-1 names, as `git init` makes it."),
            RepositoryError::TooMuch(exceeded) => too_much(location, *exceeded),
            RepositoryError::Protocol { what } => Failure::new(
                Reason::Protocol,
                format!("The exchange with {location} failed: {what}. Nothing was changed."),
            )
            .with_hint("Run the job again; if it fails again, report it with this message."),
        }
    }

    /// HTTP 401, or what means the same.
    fn refused(&self, error: &RepositoryError) -> Failure {
        let host = self.location.host();
        let message = format!(
            "{host} refuses the token{}. It is expired, revoked or mistyped. Nothing was changed.",
            answer(error)
        );
        let hint = match self.kind() {
            TokenKind::Installation if self.settings.by_app => {
                "The app's token was made by this run: the app, or its installation, was changed meanwhile. Run the job again."
            }
            TokenKind::Installation => {
                "A token that starts with `ghs_` lives for an hour at most: mint it in the same job that uses it."
            }
            TokenKind::Classic | TokenKind::FineGrained | TokenKind::Other => {
                "Make a new token, and put it into the secret that `token` comes from (Settings → Secrets and \
                 variables → Actions of the repository that runs this workflow)."
            }
        };
        let name = match (self.location.github_name(), self.settings.names_user) {
            (Some(_), _) => "",
            (None, true) => "Check `token-username`, too. ",
            (None, false) => {
                "Where the server wants a certain name with it, such as Bitbucket, set `token-username`. "
            }
        };
        let hint = format!("{hint} {name}{}", self.permitted());
        Failure::new(Reason::TokenRefused, message).with_hint(hint.trim_end())
    }

    /// HTTP 403, or what means the same: the token is valid, and may not.
    fn denied(&self, error: &RepositoryError, access: Access, finding: &Finding) -> Failure {
        let location = self.location;
        let failure = |why: String, hint: String| {
            let message =
                format!("The token may not {access} {location}{why}. Nothing was changed.");
            Failure::new(Reason::AccessDenied, message).with_hint(hint)
        };
        match finding {
            Finding::TokenRefused => return self.refused(error),
            Finding::SignOnRequired { url } => {
                let place = url
                    .clone()
                    .unwrap_or_else(|| "the token's settings".to_owned());
                return failure(
                    ": its organisation wants tokens to be authorized for single sign-on"
                        .to_owned(),
                    format!("Authorize the token at {place} (Configure SSO)."),
                );
            }
            Finding::Visible { archived: true, .. } => {
                return failure(
                    ": the repository is archived, and so read-only for everyone".to_owned(),
                    "Unarchive it, or deploy to another repository.".to_owned(),
                );
            }
            Finding::Visible {
                push: Some(false),
                scopes: None,
                ..
            } if self.kind() == TokenKind::Other => {
                return failure(": its owner has no write access".to_owned(), self.needed());
            }
            Finding::Visible { .. } | Finding::NotVisible { .. } | Finding::Nothing => {}
        }
        let scopes = scopes_of(finding)
            .map(|scopes| format!("; its scopes are {scopes}"))
            .unwrap_or_default();
        let text = answer(error);
        let hint = on_words(&text, self.settings).map_or_else(|| self.needed(), str::to_owned);
        failure(format!("{text}{scopes}"), hint)
    }

    /// HTTP 404: GitHub answers so for what is not there and for what the token may not see.
    fn not_found(&self, error: &RepositoryError, finding: &Finding) -> Failure {
        let location = self.location;
        let (valid, scopes) = match finding {
            Finding::NotVisible { scopes } => (
                "The token itself is valid. ",
                scopes
                    .as_ref()
                    .map(|scopes| format!(" Its scopes are {}.", listed(scopes))),
            ),
            _ => ("", None),
        };
        let message = format!(
            "{location} was not found{}. {valid}Either the name is wrong, or the token has no access to it.{} Nothing was changed.",
            answer(error),
            scopes.unwrap_or_default()
        );
        let hint = format!(
            "Check the spelling of `repository`, then the token. {}",
            self.needed()
        );
        Failure::new(Reason::RepositoryNotFound, message).with_hint(hint)
    }

    /// What the token must be allowed, and where to set it; of the run's own, why it may not.
    fn needed(&self) -> String {
        let is_runs_own = self.kind() == TokenKind::Installation && !self.settings.by_app;
        let own_repository = self
            .own_repository
            .filter(|own| self.location.is_named(own));
        match (self.withheld.filter(|_| is_runs_own), own_repository) {
            // Whatever its job asks for.
            (Some(Withheld::Fork), Some(_)) => format!("{}.", Withheld::Fork.told()),
            (Some(withheld), _) => format!("{}. {}", withheld.told(), self.permitted()),
            (None, _) => self.permitted(),
        }
    }

    /// What the token must be allowed, and where to set it.
    fn permitted(&self) -> String {
        let (location, access) = (self.location, self.scope.contents);
        if location.github_name().is_none() {
            return match access {
                Access::Read => "The token must be allowed to read the repository.".to_owned(),
                Access::Write => "The token must be allowed to write to the repository.".to_owned(),
            };
        }
        let elsewhere = self.own_repository.filter(|own| !location.is_named(own));
        let permissions = self.scope.permissions();
        let all = |told: fn(Permission) -> String| -> Vec<String> {
            permissions
                .iter()
                .map(|permission| told(*permission))
                .collect()
        };
        let token = all(Permission::on_a_page).join(", ");
        let app = all_of(&all(|permission| format!("*{}*", permission.on_a_page())));
        let scopes = all_of(&all(|permission| {
            format!("{}: {}", permission.key, permission.level())
        }));
        let (many, job) = match &all(Permission::in_a_workflow)[..] {
            [one] => ("", format!("`permissions: {one}`")),
            several => {
                let several: Vec<String> = several.iter().map(|one| format!("`{one}`")).collect();
                ("s", format!("the `permissions` {}", all_of(&several)))
            }
        };
        let caveats = permissions.iter().filter_map(|permission| {
            let caveat = permission.caveat()?;
            Some(format!(" *{}*: {}", permission.on_a_page(), caveat))
        });
        let caveats: String = caveats.collect();
        match (self.kind(), elsewhere) {
            (TokenKind::Installation, _) if self.settings.by_app => {
                format!(
                    "The app needs the permission{many} {app}, accepted where it is installed on {location}."
                )
            }
            (TokenKind::Installation, Some(own)) => format!(
                "The workflow's own GITHUB_TOKEN, which `token` defaults to, reaches only {own}. Give `token` a \
                 fine-grained personal access token for {location} with {token}, or a GitHub App's \
                 token from an installation on {location} with the permission{many} {scopes}."
            ),
            (TokenKind::Installation, None) => format!(
                "Give the job {job}. Where it has that: the \
                 settings of the organisation or repository (Actions → General → Workflow permissions) may hold \
                 the token to reading."
            ),
            (TokenKind::Classic, _) => format!(
                "A classic token needs the scope `repo` (github.com/settings/tokens), and its owner {access} access to {location}."
            ),
            (TokenKind::FineGrained, _) => format!(
                "The token needs {location} under Repository access, and {token} under \
                 Repository permissions (github.com/settings/personal-access-tokens); an organisation may have to approve it.{caveats}"
            ),
            (TokenKind::Other, _) => format!(
                "The token needs {scopes} on {location} (a classic token: the scope `repo`)."
            ),
        }
    }

    /// Whether the server is GitHub.
    fn is_github(&self) -> bool {
        ServerKind::of(self.location, self.api_url, "") == ServerKind::Github
    }

    fn kind(&self) -> TokenKind {
        self.token.map_or(TokenKind::Other, TokenKind::of)
    }

    fn declined(&self, detail: &str, settings: Settings) -> Failure {
        let kind = ServerKind::of(self.location, self.api_url, detail);
        Failure::new(
            Reason::Declined,
            format!(
                "{} declined the push: {}. Nothing was changed.",
                self.location,
                detail.trim_end_matches('.')
            ),
        )
        .with_hint(on_a_rule(kind, detail, settings))
    }

    /// A redirect that is not followed: to another host, to a sign-in, or out of HTTPS.
    fn redirected(&self, to: &str) -> Failure {
        let location = self.location;
        let target = Url::parse(to).ok();
        let own = location.url();
        let is_elsewhere = target.as_ref().is_none_or(|target| {
            !is_same_server(target, own) && !is_same_server(target, self.api_url)
        });
        let path = target.as_ref().map_or("", Url::path).to_lowercase();
        let signs_on = [
            "login", "sign_in", "signin", "sign-in", "sso", "saml", "oauth",
        ];
        if is_elsewhere {
            let message = format!(
                "{location} redirects to {to}, and the token is not sent to another host. Nothing was changed."
            );
            Failure::new(Reason::NotGit, message)
                .with_hint("If that is where the repository is now, set `repository` to it.")
        } else if signs_on.iter().any(|word| path.contains(word)) {
            let message = format!(
                "{} does not take the token: it leads to its sign-in ({to}). Nothing was changed.",
                location.host()
            );
            Failure::new(Reason::TokenRefused, message).with_hint(
                "Check `token`, and `token-username` where the server wants a certain name; and that `repository` is the \
                 URL that `git clone` takes.",
            )
        } else if own.scheme() == "https" && to.starts_with("http:") {
            let message = format!(
                "{location} redirects to {to}, where the token would travel unencrypted. Nothing was changed."
            );
            Failure::new(Reason::NotGit, message).with_hint(
                "The server's own address is set to `http://`: whoever runs it has it say `https://`.",
            )
        } else {
            let message = format!("{location} redirects to {to}. Nothing was changed.");
            Failure::new(Reason::NotGit, message)
                .with_hint("Set `repository` to the URL that `git clone` takes.")
        }
    }

    /// What to do about a branch that is not there.
    fn another_branch(&self, branch: &str, existing: &[String]) -> String {
        let input = self.named_by.branch;
        let meant = match alike(branch, existing).first() {
            Some(meant) => format!("did you mean `{meant}`? "),
            None => String::new(),
        };
        if let Some(what) = other_than_a_branch(branch) {
            return format!(
                "Check `{input}`: {meant}`{branch}` {what}, and only a branch is written to. {} has {}.",
                self.location,
                listed(existing)
            );
        }
        format!(
            "Check `{input}`: {meant}{} has {}. A new branch has to be pushed first: this action makes none.",
            self.location,
            listed(existing)
        )
    }

    /// The server that is asked.
    fn asked(&self) -> &Url {
        match self.settings.over_api {
            true => self.api_url,
            false => self.location.url(),
        }
    }

    /// What the server has shut.
    fn shut(&self, status: u16, what: &str) -> Failure {
        let (reason, hint) = match status {
            402 => (
                Reason::AccessDenied,
                "The server's licence or plan does not cover it: ask whoever runs or pays for it. Another token does not help.",
            ),
            410 => (
                Reason::RepositoryNotFound,
                "The repository was removed, or Git access to it was: check `repository`.",
            ),
            _ => (
                Reason::Unavailable,
                "The repository is locked, as while it is moved or maintained: run the job again when it is unlocked.",
            ),
        };
        let message = format!("{what}, so nothing was changed in {}.", self.location);
        Failure::new(reason, message).with_hint(hint)
    }

    /// What is wrong with the file that says what is frozen.
    pub fn freeze_file(
        &self,
        path: &str,
        problem: &FileProblem,
        read: Option<&BranchTip>,
    ) -> Failure {
        let read = read.map(|tip| format!(" on {tip}")).unwrap_or_default();
        let message = format!(
            "`freeze-file`: `{path}` {problem}{read} in {}. Nothing was changed.",
            self.location
        );
        let nearest = match problem {
            FileProblem::Missing { nearest } => meant(nearest),
            _ => String::new(),
        };
        let hint = format!(
            "Name a YAML file, from the root of the repository, that is on the branch which is written to.{nearest}"
        );
        Failure::new(Reason::FreezeFile, message).with_hint(hint)
    }

    fn file(&self, path: &str, problem: &FileProblem, read: Option<&BranchTip>) -> Failure {
        let read = read.map(|tip| format!(" on {tip}")).unwrap_or_default();
        let message = format!(
            "`{path}` {problem}{read} in {}. Nothing was changed.",
            self.location
        );
        let input = self.named_by.file(path);
        let hint = match problem {
            FileProblem::Missing { nearest } => format!(
                "Check `{input}`: it takes one path a line, each from the root of the repository.{}",
                meant(nearest)
            ),
            FileProblem::NoMatch { nearest } => format!(
                "Check `{input}`: `*` and `?` stay within a directory, `**` crosses directories.{}",
                meant(nearest)
            ),
            FileProblem::Directory => {
                format!("Name the file in it, or a glob such as `{path}/*.yaml`.")
            }
            FileProblem::Symlink { at: None } => "Name the file that it points to.".to_owned(),
            FileProblem::Symlink { at: Some(_) } => {
                "Name the file by its path behind the link.".to_owned()
            }
            FileProblem::Submodule { .. } => {
                "Set `repository` to the submodule's own repository.".to_owned()
            }
            FileProblem::TooLarge { .. } => format!("Check `{input}`: is that a manifest?"),
        };
        let reason = match problem {
            FileProblem::Missing { .. } | FileProblem::NoMatch { .. } => Reason::FileNotFound,
            _ => Reason::File,
        };
        Failure::new(reason, message).with_hint(hint)
    }
}

/// What a name is instead of a branch's, by how it looks.
fn other_than_a_branch(name: &str) -> Option<&'static str> {
    let is_hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    let version = name.strip_prefix(['v', 'V']).unwrap_or(name);
    let is_version = version.contains('.')
        && version.starts_with(|c: char| c.is_ascii_digit())
        && !version.contains('/');
    if name.starts_with("refs/tags/") {
        Some("is the reference of a tag")
    } else if is_version {
        Some("looks like a tag")
    } else if name.starts_with("refs/pull/") {
        Some("is what GitHub keeps of a pull request")
    } else if (7..=64).contains(&name.len())
        && name.chars().all(is_hex)
        && name.contains(|c: char| c.is_ascii_digit())
    {
        Some("looks like the id of a commit")
    } else {
        None
    }
}

/// Why the manifests can't be edited that were read on `tip`.
pub fn manifest(error: &ManifestError, tip: &str) -> Failure {
    let reason = match error {
        ManifestError::NoImage { .. }
        | ManifestError::NoContainer { .. }
        | ManifestError::NoEntry { .. } => Reason::NoImage,
        ManifestError::NothingAt { .. }
        | ManifestError::NoMapping { .. }
        | ManifestError::NoDocument { .. }
        | ManifestError::NoResource { .. } => Reason::NoPlace,
        ManifestError::Invalid { .. }
        | ManifestError::Template { .. }
        | ManifestError::LfsPointer { .. } => Reason::NoYaml,
        ManifestError::Signed { .. } | ManifestError::Encrypted { .. } => Reason::Encrypted,
        ManifestError::Contradiction { .. } | ManifestError::Overlap { .. } => {
            Reason::Contradiction
        }
        ManifestError::Unwritable { .. }
        | ManifestError::Branches { .. }
        | ManifestError::TemplateBelow { .. }
        | ManifestError::TemplateBetween { .. }
        | ManifestError::TemplateBranch { .. }
        | ManifestError::AmbiguousPath { .. }
        | ManifestError::NoScalar { .. }
        | ManifestError::OtherImage { .. }
        | ManifestError::Edit { .. } => Reason::Manifest,
    };
    of_what_was_read(reason, &error.to_string(), error.advice().as_deref(), tip)
}

/// Why a tag that stands alone is not written for another image than that of the last deployment, which `commit` made.
pub fn another_tag(
    image: &ImageChange,
    repository: &ImageReference,
    commit: &str,
    tip: &str,
) -> Failure {
    let (file, line) = (&image.file, image.line);
    let new: Option<ImageReference> = image.new.parse().ok();
    let version = image
        .new
        .strip_prefix(new.as_ref().map_or("", |new| new.repository_as_written()));
    let version = version.unwrap_or_default();
    let what = format!(
        "{file} line {line}: the tag there is one of {repository}, by commit {}, and {} is asked for",
        commit.get(..7).unwrap_or(commit),
        image.new
    );
    let path = image.tag_at.as_deref().unwrap_or_default();
    let advice = format!(
        "Did you mean `{repository}{version}`? Where the image has another name from now on, say so once, with the input `path: {path}`."
    );
    of_what_was_read(Reason::NoImage, &what, Some(&advice), tip)
}

/// Why the images can't be promoted that were read on `tip`.
pub fn promotion(error: &PromotionError, tip: &str) -> Failure {
    let reason = match error {
        PromotionError::Manifest(error) => return manifest(error, tip),
        PromotionError::NotThere { .. } => Reason::NoImage,
        PromotionError::SeveralVersions { .. }
        | PromotionError::NoText { .. }
        | PromotionError::TagAlone { .. }
        | PromotionError::NothingInCommon { .. } => Reason::Promotion,
    };
    of_what_was_read(reason, &error.to_string(), error.advice().as_deref(), tip)
}

/// The failure for more than is taken in.
pub(super) fn too_much(location: &Location, exceeded: Exceeded) -> Failure {
    Failure::new(
        Reason::Limit,
        format!("Of what {location} holds or sends, {exceeded}. Nothing was changed."),
    )
    .with_hint("`docs/limits.md` says what each limit is for. Narrow `file`, or keep manifests in a repository of their own.")
}

/// What is wrong with files, and where they were read.
pub(super) fn of_what_was_read(
    reason: Reason,
    what: &str,
    advice: Option<&str>,
    tip: &str,
) -> Failure {
    // What ends in a list goes on below it.
    let end = match what.contains('\n') {
        true => "\n",
        false => ". ",
    };
    let message = format!("{what}{end}Read on {tip}. Nothing was changed.");
    let failure = Failure::new(reason, message);
    match advice {
        Some(advice) => failure.with_hint(advice),
        None => failure,
    }
}

/// How a refusal was told, behind a sentence that says what was refused: what the server only repeats is
/// left out.
fn answer(error: &RepositoryError) -> String {
    let RepositoryError::Refused { code, detail, .. } = error else {
        return format!(": {error}");
    };
    let words = detail.trim_end_matches('.');
    // The word with which git's protocol begins a refusal tells a person nothing.
    let code = match code.as_str() {
        "ERR" => String::new(),
        code => format!(" ({code})"),
    };
    match words.to_lowercase().as_str() {
        "" | "not found" | "repository not found" => code,
        words if words.starts_with("could not resolve to a repository") => code,
        _ => format!("{code}: {words}"),
    }
}

/// Whether two URLs are of one server, by whatever scheme.
fn is_same_server(one: &Url, other: &Url) -> bool {
    let has_port = one.scheme() != other.scheme() || one.port() == other.port();
    one.host() == other.host() && has_port
}

fn scopes_of(finding: &Finding) -> Option<String> {
    match finding {
        Finding::Visible { scopes, .. } | Finding::NotVisible { scopes } => {
            scopes.as_ref().map(|scopes| listed(scopes))
        }
        Finding::Nothing | Finding::TokenRefused | Finding::SignOnRequired { .. } => None,
    }
}

/// The paths that may have been meant, if there are any.
fn meant(nearest: &[RepoPath]) -> String {
    match nearest {
        [] => String::new(),
        nearest => format!(" Did you mean {}?", either(nearest)),
    }
}

/// Names for a sentence; the first few where there are many.
fn listed<T: ToString>(names: &[T]) -> String {
    const MOST: usize = 10;
    if names.is_empty() {
        return "none".to_owned();
    }
    let quoted = names.iter().map(|name| format!("`{}`", name.to_string()));
    first_few(&quoted.collect::<Vec<_>>(), MOST)
}
