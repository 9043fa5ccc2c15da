//! The inputs for Argo CD, and those of `operation: verify`.

use secrecy::{ExposeSecret, SecretString};

use super::problems::{Problems, list};
use super::{Raw, remote};
use crate::argocd::client::Server;
use crate::argocd::{ApplicationName, WaitFor};
use crate::manifest::ImageAssignment;
use crate::operation::verify::{Argocd, Verify};

/// The verification that the inputs ask for; none where something is wrong.
pub(super) fn verify(raw: &Raw, problems: &mut Problems) -> Option<Verify> {
    let remote = remote::remote(raw, problems);
    let argocd = argocd(raw, problems);
    if argocd.is_none()
        && list(raw.argocd_application.as_deref().unwrap_or_default())
            .next()
            .is_none()
    {
        let why = "required: the Argo CD application that deploys the manifests";
        problems.add("argocd-application", None, why);
    }
    let commit = raw
        .commit
        .as_deref()
        .and_then(|commit| problems.parse("commit", commit.trim()));
    let files = raw
        .file
        .as_deref()
        .filter(|file| list(file).next().is_some())
        .and_then(|file| remote::files(Some(file), problems));
    let images = problems.lines::<ImageAssignment>("image", raw.image.as_deref());
    Some(Verify {
        remote: remote?,
        argocd: argocd?,
        commit,
        files,
        images: images.into_iter().map(|line| line.image).collect(),
    })
}

/// The Argo CD that the inputs name; none where they name none, or something is wrong.
pub(super) fn argocd(raw: &Raw, problems: &mut Problems) -> Option<Argocd> {
    let before = problems.0.len();
    let mut applications: Vec<ApplicationName> =
        problems.lines("argocd-application", raw.argocd_application.as_deref());
    let readable = problems.0.len() == before;
    if let Some(namespace) = raw.argocd_namespace.as_deref().map(str::trim) {
        for application in &mut applications {
            application
                .namespace
                .get_or_insert_with(|| namespace.to_owned());
        }
    }
    let plaintext = problems.boolean("argocd-plaintext", raw.argocd_plaintext.as_deref());
    let allow_suspended = problems.boolean(
        "argocd-allow-suspended",
        raw.argocd_allow_suspended.as_deref(),
    );
    let timeout = problems.seconds("argocd-timeout", raw.argocd_timeout.as_deref(), 300);
    let wait_for = match raw.argocd_wait_for.as_deref().map(str::trim) {
        None | Some("healthy") => WaitFor::Healthy,
        Some("synced") => WaitFor::Synced,
        Some(other) => {
            problems.add(
                "argocd-wait-for",
                Some(other),
                "expected `synced` or `healthy`",
            );
            WaitFor::Healthy
        }
    };
    let server = raw.argocd_server.as_deref().and_then(|text| {
        // Not quoted: it may hold credentials.
        let add = |error: crate::argocd::client::InvalidServer| {
            problems.add("argocd-server", None, &error.to_string());
        };
        Server::new(text, plaintext).map_err(add).ok()
    });
    let token = raw
        .argocd_token
        .as_ref()
        .and_then(|token| checked(token, problems));
    if applications.is_empty() {
        if readable && (raw.argocd_server.is_some() || raw.argocd_token.is_some()) {
            let why =
                "required with `argocd-server` and `argocd-token`: the application to wait for";
            problems.add("argocd-application", None, why);
        }
        return None;
    }
    if raw.argocd_server.is_none() {
        let why =
            "required with `argocd-application`: where Argo CD is, such as `argocd.example.com`";
        problems.add("argocd-server", None, why);
    }
    if raw.argocd_token.is_none() {
        let why = "empty: Argo CD can't be asked without one. Where it comes from a secret, that secret is not set here";
        problems.add("argocd-token", None, why);
    }
    Some(Argocd {
        server: server?,
        token: token?,
        applications,
        project: raw
            .argocd_project
            .as_deref()
            .map(|project| project.trim().to_owned()),
        wait_for,
        allow_suspended,
        timeout,
    })
}

fn checked(token: &SecretString, problems: &mut Problems) -> Option<SecretString> {
    let text = token.expose_secret().trim();
    if text
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii())
    {
        let why = "a character that no token has: the secret was not pasted as one piece";
        problems.add("argocd-token", None, why);
        return None;
    }
    Some(text.into())
}
