//! The Argo CD that is waited for, and what follows.

use std::time::Duration;

use secrecy::SecretString;

use crate::action::inputs::definition::{
    DELIVERING, DEPLOYING, Definition, Input, PROMOTE, Problems, Secret, inputs,
};
use crate::action::inputs::given::Given;
use crate::action::inputs::groups::promotion::FOR_A_PROMOTION;
use crate::action::inputs::groups::server::PLAINTEXT;
use crate::action::inputs::groups::status::STATUS_CONTEXT;
use crate::action::inputs::parse::{boolean, lines, seconds, text};
use crate::argocd::client::Server;
use crate::argocd::{ApplicationName, WaitFor};
use crate::operation::verify::Argocd;

inputs! {
    /// Where Argo CD is, such as `argocd.example.com` or `https://example.com/argocd`.
    ARGOCD_SERVER: String = Input::new("argocd-server", DELIVERING, text)
        .needs(&ARGOCD_ASKED);

    /// A token for Argo CD that may get the application (`applications, get`).
    ARGOCD_TOKEN: SecretString = Input::new("argocd-token", DELIVERING, token)
        .needs(&ARGOCD_ASKED)
        .secret(Secret::Whole);

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
    ARGOCD_WAIT_FOR: WaitFor = Input::new("argocd-wait-for", DELIVERING, wait_for)
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

fn wait_for(text: &str, problems: &mut Problems<'_>) -> Option<WaitFor> {
    match text.to_ascii_lowercase().as_str() {
        "healthy" => Some(WaitFor::Healthy),
        "synced" => Some(WaitFor::Synced),
        _ => {
            problems.quote(text, "expected `synced` or `healthy`");
            None
        }
    }
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
    let token = given.read(&ARGOCD_TOKEN);
    if applications.is_empty() {
        return None;
    }
    let name = input.definition.name;
    if !given.has(&ARGOCD_SERVER) {
        let why = format!("required with `{name}`: where Argo CD is, such as `argocd.example.com`");
        given.refuse(&ARGOCD_SERVER, why);
    }
    if !given.has(&ARGOCD_TOKEN) {
        let why = "empty: Argo CD can't be asked without one. Where it comes from a secret, that secret is not set here";
        given.refuse(&ARGOCD_TOKEN, why);
    }
    Some(Argocd {
        server: server?,
        token: token?,
        applications,
        project: given.read(&ARGOCD_PROJECT),
        wait_for: wait_for?,
        allow_suspended: allow_suspended?,
        timeout: timeout?,
    })
}
