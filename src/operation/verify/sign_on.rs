//! Signing on to Argo CD with the job's ID token, in words for a person.

use std::time::Duration;

use super::ended::Ended;
use super::rbac::{RbacObject, rbac_object};
use super::seen::Seen;
use crate::argocd::client::{ArgocdError, Identity};
use crate::date::Timestamp;
use crate::failure::Reason;
use crate::oidc::{Claims, IdTokens, Refusal, shortened};
use crate::operation::advice::ON_A_PROXY;

/// Whether the job itself asks, by its ID token.
pub(super) fn is_by_job(seen: &Seen<'_>) -> bool {
    matches!(seen.watching.argocd.identity, Identity::Job { .. })
}

/// The job gets no token, after `waited`.
pub(super) fn refused(seen: &Seen<'_>, refusal: &Refusal, waited: Duration) -> Ended {
    let (connector, is_given) = match &seen.watching.argocd.identity {
        Identity::Job {
            connector,
            id_tokens,
        } => (connector.as_str(), matches!(id_tokens, IdTokens::Given(_))),
        Identity::Token(_) => ("", false),
    };
    let asked = match refusal.may_pass() {
        true => format!(" This step asked for {} s.", waited.as_secs()),
        false => String::new(),
    };
    let (what, hint) = match refusal {
        Refusal::NoIdToken { .. } => (
            " It gives out this job's ID tokens.".to_owned(),
            "That is GitHub's part, and Argo CD was not asked: run the job again. If that lasts, look at githubstatus.com, or let this runner reach that host.".to_owned(),
        ),
        Refusal::Proxy { .. } => (String::new(), ON_A_PROXY.to_owned()),
        Refusal::IdToken { claims: None, .. } => (
            String::new(),
            "What the variable ARGOCD_ID_TOKEN has is not an ID token (a JSON Web Token): check its name in `id_tokens:` of the job.".to_owned(),
        ),
        Refusal::IdToken {
            claims: Some(claims),
            is_over: true,
            ..
        } => {
            let hint = match is_given {
                true => "It was made when the job started, and can't be renewed: let this step come earlier in it, or give the job more time (GitLab lets it last as long as the job's `timeout`).",
                false => "It was made a moment ago: the clocks of its issuer and of Argo CD differ.",
            };
            (format!(" {}", described(claims, true)), hint.to_owned())
        }
        Refusal::IdToken {
            claims: Some(claims),
            ..
        } => (
            format!(" {}", described(claims, false)),
            format!(
                "In `dex.config`, the connector `{connector}` needs `type: oidc`, exactly that issuer, `userNameKey: sub`, and `allowedGroups`, where it has some, that let this job in. The log of `argocd-dex-server` has the reason (`failed to verify subject token`)."
            ),
        ),
        Refusal::Connector(_) => (
            String::new(),
            format!(
                "`{connector}` must be the `id` of a connector of `type: oidc` in `dex.config` (ConfigMap `argocd-cm`). Dex says the same of one that it can't open, such as where it does not reach the issuer: the log of `argocd-dex-server` has the reason."
            ),
        ),
        Refusal::NotOffered(_) => (
            String::new(),
            format!(
                "Dex exchanges no tokens for it: list `urn:ietf:params:oauth:grant-type:token-exchange` in `dex.config`, where `oauth2.grantTypes` or the `grantTypes` of the connector `{connector}` are listed. Argo CD before 2.11 has a Dex that can't."
            ),
        ),
        Refusal::NoEndpoint(_) => (
            " That is not how Argo CD's Dex answers.".to_owned(),
            "`argocd-oidc-connector` needs `dex.config` in the ConfigMap `argocd-cm`. Where Argo CD has it, check `argocd-server`, with its root path where it has one; what is in front of it must let `/api/dex/token` through.".to_owned(),
        ),
        Refusal::RateLimit(_) => (
            String::new(),
            "Argo CD's Dex, or what is in front of it, limits how often it is asked: whoever runs it can raise that for this runner.".to_owned(),
        ),
        Refusal::Trouble(_) => (
            String::new(),
            "Argo CD's Dex does not answer as it should: look whether `argocd-dex-server` runs, and at its log. It does nothing without `dex.config` in the ConfigMap `argocd-cm`.".to_owned(),
        ),
        Refusal::Other(_) => (
            String::new(),
            "That is the word of Argo CD's Dex: the log of `argocd-dex-server` has the reason.".to_owned(),
        ),
    };
    let reason = match refusal {
        Refusal::RateLimit(_) => Reason::RateLimited,
        Refusal::Proxy { .. } => Reason::Proxy,
        _ => Reason::SignOn,
    };
    Ended::new(reason, format!("{refusal}.{what}{asked}"), hint)
}

/// Whose ID token was not taken.
fn described(claims: &Claims, is_over: bool) -> String {
    let Claims {
        issuer,
        subject,
        audience,
        ends,
        ..
    } = claims;
    let ends = match ends.map(Timestamp::utc) {
        Some(ends) if is_over => format!(" It ended at {}.", ends.day_and_second()),
        _ => String::new(),
    };
    format!(
        "The ID token is of the issuer `{}`, about `{}`, for `{}`.{ends}",
        quoted(&shortened(issuer)),
        quoted(&shortened(subject)),
        quoted(&shortened(&audience.join(", ")))
    )
}

/// A text between backticks.
fn quoted(text: &str) -> String {
    text.replace('`', "'")
}

/// Whether Argo CD's words are those of a token whose time is over (golang-jwt, `ErrTokenExpired`).
pub(super) fn is_expired(said: &str) -> bool {
    said.contains("token is expired")
}

/// Argo CD does not take a token that its Dex gave out.
pub(super) fn not_taken(seen: &Seen<'_>, error: &ArgocdError) -> Ended {
    let (what, hint) = if is_expired(&error.to_string()) {
        (
            ". Its Dex has given that token out a moment ago",
            "The clocks of `argocd-dex-server` and `argocd-server` differ, or `expiry.idTokens` in `dex.config` lets tokens last for next to no time.",
        )
    } else if seen.watching.client.has_taken_a_token_of_dex() {
        (
            ". Argo CD took this job's tokens before, and takes none now",
            "Argo CD or its Dex was changed meanwhile, or does not run as it should: the log of `argocd-server` has the reason (`Failed to verify session token`).",
        )
    } else {
        (
            ", though Dex has given out the token a moment ago",
            "With `oidc.config` in its ConfigMap `argocd-cm`, Argo CD takes the tokens of that provider alone, and none of Dex's: then give an `argocd-token`. Else the log of `argocd-server` has the reason (`Failed to verify session token`).",
        )
    };
    Ended::new(Reason::ArgocdToken, format!("{error}{what}."), hint)
}

/// The line of RBAC that the job lacks, to see the application.
pub(super) fn missing_right(seen: &Seen<'_>) -> String {
    let claims = seen.watching.client.claims().unwrap_or_default();
    let Claims {
        subject, federated, ..
    } = claims;
    // Argo CD before 3.0 goes by what Dex calls it.
    let older = match &federated {
        Some(_) => format!(" Before Argo CD 3.0, the subject is `{}`.", field(&subject)),
        None => String::new(),
    };
    let known = federated.unwrap_or(subject);
    // A part of a subject is that of nobody.
    let subject = match known.is_empty() || known.ends_with('…') {
        true => "SUBJECT".to_owned(),
        false => field(&known),
    };
    let RbacObject {
        name: object,
        otherwise,
    } = rbac_object(seen);
    let project = match object.starts_with("PROJECT/") {
        true => ", with the application's project in place of PROJECT",
        false => "",
    };
    format!(
        "The job needs `applications, get` on it, in `policy.csv` of the ConfigMap `argocd-rbac-cm`{project}: `p, {subject}, applications, get, {object}, allow`{otherwise}.{older}"
    )
}

/// A field of a policy, which is CSV.
fn field(text: &str) -> String {
    let text = quoted(text);
    match text.contains([',', '"']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_field_of_a_policy() {
        assert_eq!(
            field("repo:acme/web:ref:refs/heads/main"),
            "repo:acme/web:ref:refs/heads/main"
        );
        assert_eq!(field("a, \"b`"), "\"a, \"\"b'\"");
    }
}
