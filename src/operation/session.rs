//! The repository of the manifests, and the way to it: the same for every operation.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::Progress;
use super::advice::Settings;
use super::explain::{self, Explainer, NamedBy};
use crate::deadline::{Cancellation, Deadline, Overrun};
use crate::deployment::Source;
use crate::failure::{Failure, Reason};
use crate::files::FileSelection;
use crate::http::text::{host, is_cleartext};
use crate::http::{self, Authorities, Credentials};
use crate::limits::{CHANGES, Exceeded};
use crate::manifest::Readings;
use crate::repository::forge::{self, Forge};
use crate::repository::github::access::TokenKind;
use crate::repository::github::app::{self, App, AppError};
use crate::repository::github::permissions::Scope;
use crate::repository::history::{FileHistory, HistoryQuery};
use crate::repository::retry::{self, Event};
use crate::repository::signing::SigningKey;
use crate::repository::transport::Choice;
use crate::repository::{BranchName, Location, Repository, RepositoryError, Route, Snapshot};

impl Session<'_> {
    /// Whether the token is one of an installation that somebody else got: GITHUB_TOKEN, most likely.
    pub(super) fn uses_an_installations_token(&self) -> bool {
        let token = self.remote.token.as_ref();
        let is_installations =
            token.is_some_and(|token| TokenKind::of(token) == TokenKind::Installation);
        is_installations && self.remote.app.is_none()
    }

    /// Where the pull requests of the repository are. Of a server that is not GitHub that is asked, once.
    ///
    /// # Errors
    /// When it can't be asked, or has none that anybody knows of.
    pub(super) async fn forge(&self) -> Result<Forge<'_>, RepositoryError> {
        if let Some(api) = self.repository.api() {
            return Ok(Forge::Github(api));
        }
        let Remote {
            forge, location, ..
        } = self.remote;
        let kind = forge.kind(&self.http, &self.route).await?;
        let git = self.repository.git();
        let found = Forge::of(kind, forge, git, self.http.clone(), &self.route);
        found.ok_or_else(|| RepositoryError::NoForge {
            host: location.host(),
        })
    }

    /// What the commits of the branch did to the files; trouble that may pass is waited for.
    ///
    /// # Errors
    /// As [`Session::read`].
    pub async fn history(
        &self,
        files: &FileSelection,
        query: &HistoryQuery,
        log: &mut impl Progress,
    ) -> Result<FileHistory, Failure> {
        let read = async || self.repository.history(files, query).await;
        self.read(log, read).await
    }

    /// Reads something from the repository; trouble that may pass is waited for.
    ///
    /// # Errors
    /// Whatever keeps it from being read, told for a person.
    pub async fn read<T>(
        &self,
        log: &mut impl Progress,
        attempt: impl AsyncFnMut() -> Result<T, RepositoryError>,
    ) -> Result<T, Failure> {
        let observe = |event: Event<'_>| log_event(log, &event);
        let read = retry::read(&self.deadline, observe, attempt).await;
        self.told(read).await
    }

    /// The same where something else is being told.
    ///
    /// # Errors
    /// As [`Session::read`].
    pub(super) async fn read_silently<T>(
        &self,
        attempt: impl AsyncFnMut() -> Result<T, RepositoryError>,
    ) -> Result<T, Failure> {
        let read = retry::read(&self.deadline, |_| {}, attempt).await;
        self.told(read).await
    }

    /// Works on what the repository holds, for as long as there is time: nobody has said how long that takes. Only
    /// before anything is written.
    ///
    /// # Errors
    /// When the time is over, or the run is cancelled.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let done = self.deadline.work(work).await;
        done.map_err(|overrun| self.gave_up(overrun))
    }

    /// Whether there is time to work on one more file, and room for so many changes of a past.
    ///
    /// # Errors
    /// When the time is over, or there is none.
    pub(super) fn may_go_on(&self, changes: u64) -> Result<(), Failure> {
        CHANGES
            .check(changes)
            .map_err(|error| self.too_much(error))?;
        match self.deadline.is_over() {
            true => Err(self.gave_up(Overrun::Time(self.deadline.total()))),
            false => Ok(()),
        }
    }

    /// The failure for more than is taken in.
    pub(super) fn too_much(&self, error: Exceeded) -> Failure {
        explain::too_much(&self.remote.location, error)
    }

    fn gave_up(&self, overrun: Overrun) -> Failure {
        let location = &self.remote.location;
        match overrun {
            Overrun::Time(total) => Failure::new(
                Reason::Limit,
                format!(
                    "Working on the files of {location} took longer than `timeout` ({} s). Nothing was changed.",
                    total.as_secs()
                ),
            )
            .with_hint("Name fewer or smaller files, or raise `timeout`."),
            Overrun::Cancelled => Failure::new(
                Reason::Cancelled,
                format!("The run was cancelled before anything was pushed to {location}. Git is as it was."),
            ),
        }
    }

    async fn told<T>(&self, read: Result<T, RepositoryError>) -> Result<T, Failure> {
        match read {
            Ok(read) => Ok(read),
            Err(error) => Err(self.explainer.repository(&error).await),
        }
    }
}

/// A line for what happens on the way.
pub(super) fn log_event(log: &mut impl Progress, event: &Event<'_>) {
    match event {
        Event::Read(Snapshot { branch, commit, .. }) => {
            log.info(&format!("Read {branch} at {}", commit.short()));
        }
        Event::Again { why, wait } => {
            log.info(&format!("Trying again{}: {why}", in_a_while(*wait)));
        }
        Event::Look { whether, why, wait } => log.info(&format!(
            "Looking{} whether {whether}: {why}",
            in_a_while(*wait)
        )),
    }
}

/// ` in 1.2 s`; nothing for what nobody notices.
fn in_a_while(wait: Duration) -> String {
    match wait.as_millis() {
        0..100 => String::new(),
        _ => format!(" in {:.1} s", wait.as_secs_f64()),
    }
}

/// Where source repositories are, and the token to read them with.
pub struct SourceAccess {
    /// Goes to the API of `server` alone.
    pub token: Option<SecretString>,
    /// The GitHub server.
    pub server: Url,
}

/// Where the manifests are.
pub struct Remote {
    /// The repository.
    pub location: Location,
    /// The branch; else the repository's default branch.
    pub branch: Option<BranchName>,
    /// For the repository; a local one needs none.
    pub token: Option<SecretString>,
    /// The name that goes with it over git.
    pub token_username: String,
    /// Signs the commits that are made over git.
    pub signing_key: Option<Arc<SigningKey>>,
    /// The GitHub App to get that token with.
    pub app: Option<App>,
    /// For everything that is done with it, retries included.
    pub timeout: Duration,
    /// Certificate authorities to trust beside the system's.
    pub trusted: Authorities,
    /// How the repository is spoken to.
    pub transport: Choice,
    /// Whether what is written is proposed as a pull request.
    pub proposes: bool,
    /// What the token is to be good for.
    pub scope: Scope,
    /// What its server is, where that is asked.
    pub forge: forge::Known,
    /// GitHub's API, which explains refusals even where git is spoken.
    pub api_url: Url,
    /// How the repositories are read that images are built from.
    pub sources: SourceAccess,
}

/// A repository that an operation works with.
pub struct Session<'a> {
    /// What it was made of.
    pub remote: &'a Remote,
    /// The repository.
    pub repository: Repository,
    /// When the time is over.
    pub deadline: Deadline,
    /// The versions of files that were read in it.
    pub(super) readings: Arc<Readings>,
    /// The run that it is part of.
    pub(super) source: &'a Source,
    /// Words what the repository refuses.
    pub(super) explainer: Explainer<'a>,
    http: reqwest::Client,
    route: Route,
}

impl Remote {
    /// Opens the repository. Nothing is asked of a server yet.
    ///
    /// # Errors
    /// When there is no HTTPS on this machine or no room for temporary files, or a local repository
    /// can't be opened.
    pub async fn connect<'a>(
        &'a self,
        source: &'a Source,
        cancellation: Cancellation,
        log: &mut impl Progress,
    ) -> Result<Session<'a>, Failure> {
        let deadline = Deadline::after(self.timeout, cancellation);
        self.connect_within(source, deadline, log).await
    }

    /// The same in what is left of the run's time.
    ///
    /// # Errors
    /// As [`Remote::connect`].
    pub(super) async fn connect_within<'a>(
        &'a self,
        source: &'a Source,
        deadline: Deadline,
        log: &mut impl Progress,
    ) -> Result<Session<'a>, Failure> {
        self.announce(log);
        self.open(source, deadline).await
    }

    /// Our HTTP client, with this repository's certificate authorities.
    ///
    /// # Errors
    /// When there is no HTTPS on this machine.
    pub fn http(&self) -> Result<reqwest::Client, Failure> {
        http::client(&self.trusted).map_err(|error| {
            Failure::new(Reason::Certificate, format!("There is no HTTPS: {error}."))
        })
    }

    /// The token, with the name that goes with it.
    fn credentials(&self) -> Option<Credentials> {
        let username = self.token_username.clone();
        let password = self.token.clone()?;
        Some(Credentials { username, password })
    }

    /// Has the app, where there is one, get the token. Returns that, so that nothing ever shows it.
    ///
    /// # Errors
    /// Why there is none, told for a person.
    pub async fn sign_on(
        &mut self,
        cancellation: Cancellation,
    ) -> Result<Option<Credentials>, Failure> {
        let (Some(app), Some(name)) = (&self.app, self.location.github_name()) else {
            return Ok(None);
        };
        if !self.location.may_be_asked_at(&self.api_url) {
            let (api, server) = (host(&self.api_url), self.location.host());
            return Err(Failure::new(
                Reason::App,
                format!("`api-url` is at {api}, and {} at {server}: the app's signature is not sent to another server. Nothing was changed.", self.location),
            )
            .with_hint("Set `api-url` to the API of the server that `server-url` names."));
        }
        let deadline = Deadline::after(self.timeout, cancellation);
        let (http, scope) = (self.http()?, self.scope);
        let ask = async || {
            let (http, deadline) = (http.clone(), deadline.clone());
            match app::installation_token(app, &name, scope, http, &self.api_url, deadline).await {
                Err(AppError::Repository(error)) if error.passing().is_some() => Err(error),
                other => Ok(other),
            }
        };
        let asked = retry::read(&deadline, |_| {}, ask).await;
        let token = match asked.unwrap_or_else(|error| Err(error.into())) {
            Ok(token) => token,
            Err(error) => return Err(self.no_token(app, &error).await),
        };
        self.token = Some(token);
        Ok(self.credentials())
    }

    /// Why the app has got no token.
    async fn no_token(&self, app: &App, error: &AppError) -> Failure {
        let (location, id) = (&self.location, &app.id);
        let said = match error.to_string() {
            words if words.is_empty() => String::new(),
            words => format!(": {}", words.trim_end_matches('.')),
        };
        match error {
            AppError::Refused { .. } => Failure::new(
                Reason::App,
                format!("GitHub does not take the key for the app `{id}`{said}. Nothing was changed."),
            )
            .with_hint(
                "`app-private-key` is another app's, or was deleted there; or `app-id` is wrong: it is the App ID or the Client ID of the app's settings page.",
            ),
            AppError::NotInstalled { .. } => Failure::new(
                Reason::App,
                format!("The app `{id}` is not installed on {location}{said}. Nothing was changed."),
            )
            .with_hint(
                "Install it there (the app's settings → Install App), with that repository among those it may see; and check `repository`.",
            ),
            AppError::Unknown { .. } => Failure::new(
                Reason::App,
                format!("The server knows no app `{id}`{said}. Nothing was changed."),
            )
            .with_hint(
                "`app-id` is wrong (it is the App ID or the Client ID of the app's settings page), or the app is of another server than `server-url` and `api-url` name.",
            ),
            AppError::Suspended { .. } => Failure::new(
                Reason::App,
                format!("The installation of the app `{id}` on {location} is suspended{said}. Nothing was changed."),
            )
            .with_hint(
                "The owner of the repository, or of the app, lifts that: Settings → GitHub Apps → Configure → Unsuspend.",
            ),
            AppError::Permission { .. } => {
                let needed = self.scope.permissions().into_iter();
                let needed = needed.map(|permission| format!("*{}*", permission.on_a_page()));
                let needed = needed.collect::<Vec<_>>().join(", ");
                Failure::new(
                    Reason::App,
                    format!("The app `{id}` gets no token for {location}{said}. Nothing was changed."),
                )
                .with_hint(format!(
                    "It needs {needed}: set it in the app's permissions, and accept the change where it is installed."
                ))
            }
            AppError::Repository(error) => match self.http() {
                Ok(client) => self.explainer(None, client).repository(error).await,
                Err(failure) => failure,
            },
            AppError::Signing => Failure::new(Reason::App, format!("{error}. Nothing was changed.")),
        }
    }

    /// Words what the repository refuses, in a run that is `source`, where that is known.
    fn explainer<'a>(
        &'a self,
        source: Option<&'a Source>,
        client: reqwest::Client,
    ) -> Explainer<'a> {
        Explainer {
            location: &self.location,
            token: self.token.as_ref(),
            own_repository: source.and_then(|source| source.repository.as_deref()),
            withheld: source.and_then(|source| source.withheld),
            api_url: &self.api_url,
            client,
            scope: self.scope,
            named_by: NamedBy::default(),
            settings: Settings {
                proposes: self.proposes,
                over_api: matches!(self.transport, Choice::Api { .. }),
                names_author: false,
                signs: self.signing_key.is_some(),
                names_user: self.token_username != Credentials::ANY_USERNAME,
                by_app: self.app.is_some(),
            },
        }
    }

    fn announce(&self, log: &mut impl Progress) {
        let asked = match &self.transport {
            Choice::Api { .. } => &self.api_url,
            Choice::Git { .. } => self.location.url(),
        };
        if is_cleartext(asked) {
            let host = host(asked);
            log.warning(&format!(
                "The token travels unencrypted to {host}: use an https:// URL"
            ));
        }
    }

    /// Opens the repository for as long as `deadline` allows.
    ///
    /// # Errors
    /// As [`Remote::connect`].
    pub(super) async fn open<'a>(
        &'a self,
        source: &'a Source,
        deadline: Deadline,
    ) -> Result<Session<'a>, Failure> {
        self.open_at(self.branch.clone(), source, deadline).await
    }

    /// The same for another branch of the repository.
    ///
    /// # Errors
    /// As [`Remote::connect`].
    pub(super) async fn open_at<'a>(
        &'a self,
        branch: Option<BranchName>,
        source: &'a Source,
        deadline: Deadline,
    ) -> Result<Session<'a>, Failure> {
        self.open_over(&self.transport, branch, source, deadline)
            .await
    }

    /// The same over another transport.
    ///
    /// # Errors
    /// As [`Remote::connect`].
    pub(super) async fn open_over<'a>(
        &'a self,
        transport: &Choice,
        branch: Option<BranchName>,
        source: &'a Source,
        deadline: Deadline,
    ) -> Result<Session<'a>, Failure> {
        let client = self.http()?;
        let explainer = self.explainer(Some(source), client.clone());
        let route = Route {
            location: self.location.clone(),
            branch,
            credentials: self.credentials(),
            api_url: self.api_url.clone(),
            signing_key: self.signing_key.clone(),
            deadline: deadline.clone(),
        };
        match Repository::open(transport, &route, client.clone()) {
            Ok(repository) => Ok(Session {
                remote: self,
                repository,
                deadline,
                readings: Arc::default(),
                source,
                explainer,
                http: client,
                route,
            }),
            Err(error) => Err(explainer.repository(&error).await),
        }
    }
}
