//! The Argo CD that is waited for, and what follows.

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::action::inputs::definition::{
    DELIVERING, DEPLOYING, Definition, Input, PROMOTE, Problems, Secret, inputs,
};
use crate::action::inputs::given::Given;
use crate::action::inputs::groups::promotion::FOR_A_PROMOTION;
use crate::action::inputs::groups::server::PLAINTEXT;
use crate::action::inputs::groups::status::STATUS_CONTEXT;
use crate::action::inputs::parse::{Keyword, boolean, choice, lines, seconds, text};
use crate::argocd::client::{Identity, Server};
use crate::argocd::{ApplicationName, WaitFor};
use crate::date::Timestamp;
use crate::http::text::{host, is_cleartext};
use crate::oidc::{Claims, IdTokens};
use crate::operation::verify::Argocd;

inputs! {
    /// Where Argo CD is, such as `argocd.example.com` or `https://example.com/argocd`.
    ARGOCD_SERVER: String = Input::new("argocd-server", DELIVERING, text)
        .needs(&ARGOCD_ASKED);

    /// A token for Argo CD that may get the application (`applications, get`).
    ARGOCD_TOKEN: SecretString = Input::new("argocd-token", DELIVERING, token)
        .needs(&ARGOCD_ASKED)
        .secret(Secret::Whole);

    /// In place of `argocd-token`, without a secret: the `id` of the connector of Argo CD's Dex that knows the
    /// issuer of this job's ID token. The job needs `permissions: id-token: write`; elsewhere than in GitHub Actions,
    /// the ID token is taken from the variable `ARGOCD_ID_TOKEN`
    /// ([docs/argocd.md](docs/argocd.md#without-a-stored-token)).
    ARGOCD_OIDC_CONNECTOR: String = Input::new("argocd-oidc-connector", DELIVERING, connector)
        .needs(&ARGOCD_ASKED);

    /// The Argo CD applications that deploy the manifests, one `[NAMESPACE/]NAME` a line. `update`
    /// and `rollback` wait for them when they are given; `verify` needs them, or `status-context`.
    ARGOCD_APPLICATION: Vec<ApplicationName> = Input::new("argocd-application", DELIVERING, lines);

    /// The Argo CD applications that deploy `from`, one `[NAMESPACE/]NAME` a line: the images must run
    /// there, healthy, when they are promoted.
    FROM_ARGOCD_APPLICATION: Vec<ApplicationName> =
        Input::new("from-argocd-application", PROMOTE, lines).elsewhere(FOR_A_PROMOTION);

    /// The namespace of the applications, where it is not Argo CD's own.
    ARGOCD_NAMESPACE: String = Input::new("argocd-namespace", DELIVERING, text)
        .needs(&ARGOCD_ASKED);

    /// The Argo CD project of the applications. With it, a missing application is told from one
    /// that the token may not see.
    ARGOCD_PROJECT: String = Input::new("argocd-project", DELIVERING, text)
        .needs(&ARGOCD_ASKED);

    /// What to wait for. `healthy` means that the commit runs, `synced` that it was applied.
    ARGOCD_WAIT_FOR: WaitFor = Input::new("argocd-wait-for", DELIVERING, choice)
        .or("healthy")
        .needs(&ARGOCD_ASKED);

    /// Seconds until the commit must run, by the word of Argo CD or of what is posted on it.
    VERIFY_TIMEOUT: Duration = Input::new("verify-timeout", DELIVERING, seconds)
        .or("300")
        .formerly(&["argocd-timeout"])
        .needs(&[
            &ARGOCD_APPLICATION.definition,
            &FROM_ARGOCD_APPLICATION.definition,
            &STATUS_CONTEXT.definition,
        ]);

    /// Accept a rollout that pauses, such as at a canary's step, as done.
    ARGOCD_ALLOW_SUSPENDED: bool = Input::new("argocd-allow-suspended", DELIVERING, boolean)
        .or("false")
        .needs(&ARGOCD_ASKED);

    /// For `update` and `promote`, undo the deployment with a new commit where the evidence is that this commit broke
    /// the application: never what is slow, was unwell before, or is somebody else's. The step fails all
    /// the same.
    ROLLBACK_ON_FAILURE: bool = Input::new("rollback-on-failure", DEPLOYING, boolean)
        .or("false")
        .needs(&[&ARGOCD_APPLICATION.definition, &STATUS_CONTEXT.definition]);
}

/// What has Argo CD asked.
static ARGOCD_ASKED: [&Definition; 2] = [
    &ARGOCD_APPLICATION.definition,
    &FROM_ARGOCD_APPLICATION.definition,
];

fn token(text: &str, problems: &mut Problems<'_>) -> Option<SecretString> {
    let strange = |c: char| c.is_whitespace() || c.is_control() || !c.is_ascii();
    if text.chars().any(strange) {
        problems.add("a character that no token has: the secret was not pasted as one piece");
        return None;
    }
    Some(text.into())
}

fn connector(id: &str, problems: &mut Problems<'_>) -> Option<String> {
    let id = text(id, problems)?;
    if id.contains(|c: char| c.is_whitespace() || c.is_control()) {
        problems.quote(
            &id,
            "expected the `id` of one connector in `dex.config`, such as `github-actions`",
        );
        return None;
    }
    Some(id)
}

impl Keyword for WaitFor {
    const WORDS: &[(&str, Self)] = &[("synced", Self::Synced), ("healthy", Self::Healthy)];
}

/// The Argo CD that the inputs name; none where they name none, or something is wrong.
pub fn argocd(given: &mut Given) -> Option<Argocd> {
    let applications = given.read(&ARGOCD_APPLICATION).unwrap_or_default();
    server_for(given, &ARGOCD_APPLICATION, applications)
}

/// The Argo CD that runs the images where they come from; none where none is named, or something is
/// wrong.
pub fn from_argocd(given: &mut Given) -> Option<Argocd> {
    let applications = given.read(&FROM_ARGOCD_APPLICATION).unwrap_or_default();
    server_for(given, &FROM_ARGOCD_APPLICATION, applications)
}

/// The Argo CD that has `applications`, which `input` names.
fn server_for(
    given: &mut Given,
    input: &'static Input<Vec<ApplicationName>>,
    mut applications: Vec<ApplicationName>,
) -> Option<Argocd> {
    if !given.has_lines(input) {
        return None;
    }
    if let Some(namespace) = given.read(&ARGOCD_NAMESPACE) {
        for application in &mut applications {
            let own = &mut application.namespace;
            own.get_or_insert_with(|| namespace.clone());
        }
    }
    let plaintext = given.read(&PLAINTEXT).unwrap_or_default();
    let allow_suspended = given.read(&ARGOCD_ALLOW_SUSPENDED);
    let timeout = given.read(&VERIFY_TIMEOUT);
    let wait_for = given.read(&ARGOCD_WAIT_FOR);
    let server = given.read(&ARGOCD_SERVER).and_then(|text| {
        let server = Server::new(&text, plaintext);
        // Not quoted: it may hold credentials.
        let refuse = |error| given.refuse(&ARGOCD_SERVER, error);
        server.map_err(refuse).ok()
    });
    if !given.has(&ARGOCD_SERVER) {
        let name = input.definition.name;
        let why = format!("required with `{name}`: where Argo CD is, such as `argocd.example.com`");
        given.refuse(&ARGOCD_SERVER, why);
    }
    let identity = identity(given, plaintext);
    if applications.is_empty() {
        return None;
    }
    Some(Argocd {
        server: server?,
        identity: identity?,
        applications,
        project: given.read(&ARGOCD_PROJECT),
        wait_for: wait_for?,
        allow_suspended: allow_suspended?,
        timeout: timeout?,
    })
}

/// Who asks Argo CD; none where nothing says so, or something is wrong.
fn identity(given: &mut Given, plaintext: bool) -> Option<Identity> {
    let (token, connector) = (
        given.read(&ARGOCD_TOKEN),
        given.read(&ARGOCD_OIDC_CONNECTOR),
    );
    match (given.has(&ARGOCD_TOKEN), given.has(&ARGOCD_OIDC_CONNECTOR)) {
        (true, true) => {
            let why = "beside `argocd-token` it says twice who asks: keep one";
            given.refuse(&ARGOCD_OIDC_CONNECTOR, why);
            None
        }
        (true, false) => token.map(Identity::Token),
        (false, true) => {
            let id_tokens = id_tokens(given, plaintext);
            Some(Identity::Job {
                connector: connector?,
                id_tokens: id_tokens?,
            })
        }
        (false, false) => {
            let why = given.job.on_empty(
                "empty: Argo CD can't be asked without one",
                "Where it comes from a secret, that secret is not set here. Without a secret, give `argocd-oidc-connector`",
            );
            given.refuse(&ARGOCD_TOKEN, why);
            None
        }
    }
}

/// Where the job's ID token comes from.
fn id_tokens(given: &mut Given, plaintext: bool) -> Option<IdTokens> {
    let Some(id_tokens) = given.job.id_tokens.clone() else {
        let why = match given.job.is_githubs {
            true => {
                "this job may not have an ID token: add `id-token: write` to its `permissions`, and to those of the job that calls this workflow, where one does. What `permissions` does not list is taken away: where `token` is the job's own, list `contents: write` as well. A pull request from a fork can't have one"
            }
            false => {
                "this job has no ID token: set the variable ARGOCD_ID_TOKEN to one that is for Argo CD's URL. GitLab CI does that by `id_tokens:`"
            }
        };
        given.refuse(&ARGOCD_OIDC_CONNECTOR, why);
        return None;
    };
    if let IdTokens::Asked { url, .. } = &id_tokens
        && is_cleartext(url)
        && !plaintext
    {
        let why = format!(
            "the ID token would come unencrypted from {} (ACTIONS_ID_TOKEN_REQUEST_URL). Where the way is private, `plaintext: true` allows it",
            host(url)
        );
        given.refuse(&ARGOCD_OIDC_CONNECTOR, why);
        return None;
    }
    if let IdTokens::Given(id_token) = &id_tokens
        && let Some(why) = flaw(id_token, Utc::now())
    {
        given.refuse(&ARGOCD_OIDC_CONNECTOR, why);
        return None;
    }
    Some(id_tokens)
}

/// Why an ID token that was handed over does not work, as far as it tells that itself.
fn flaw(id_token: &SecretString, now: DateTime<Utc>) -> Option<String> {
    let Some(claims) = Claims::of(id_token) else {
        let why = "what the variable ARGOCD_ID_TOKEN has is not an ID token (a JSON Web Token): check its name in `id_tokens:` of the job";
        return Some(why.to_owned());
    };
    let ended = claims.ends.filter(|ends| *ends <= now.timestamp())?;
    let shown = |seconds| Timestamp::utc(seconds).day_and_second();
    Some(format!(
        "the ID token in the variable ARGOCD_ID_TOKEN ended at {}, and this runner's clock is at {}. It was made when the job started, and can't be renewed: let this step come earlier in it, or give the job more time (GitLab lets it last as long as the job's `timeout`)",
        shown(ended),
        shown(now.timestamp())
    ))
}
