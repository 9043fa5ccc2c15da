//! What to do about a server's refusal: by what the server is, and by what it said. Words are those of
//! real servers; what can be concluded from them is only what to advise.

use url::Url;

use crate::failure::Reason;
use crate::http::exchange::TlsError;
use crate::repository::Location;
use crate::repository::transport::is_github;

/// What a server is, as far as its name and its words tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerKind {
    /// github.com, or a GitHub Enterprise Server.
    Github,
    Gitlab,
    /// And Forgejo.
    Gitea,
    Bitbucket,
    AzureDevops,
    /// And what else is made of JGit and says so.
    Gerrit,
    /// A repository of this machine, as `file://` names it.
    ThisMachine,
    Unknown,
}

use ServerKind::{AzureDevops, Bitbucket, Gerrit, Gitea, Github, Gitlab, ThisMachine, Unknown};

impl ServerKind {
    /// The server of `location`, which said `words`.
    pub(super) fn of(location: &Location, api_url: &Url, words: &str) -> Self {
        if location.github_name().is_some() && is_github(location.url(), api_url) {
            return Github;
        }
        if location.url().scheme() == "file" {
            return ThisMachine;
        }
        let host = location.host().to_lowercase();
        let words = words.to_lowercase();
        let marks: [(Self, &[&str], &[&str]); 6] = [
            (Github, &["github"], &["gh006", "gh007", "gh013", "github"]),
            (Gitlab, &["gitlab"], &["gitlab"]),
            (
                Gitea,
                &["gitea", "forgejo", "codeberg"],
                &["gitea", "forgejo"],
            ),
            (Bitbucket, &["bitbucket"], &["bitbucket"]),
            (
                AzureDevops,
                &["dev.azure.com", "visualstudio.com"],
                &["tf40", "azure devops"],
            ),
            (Gerrit, &["gerrit"], &["gerrit", "change-id"]),
        ];
        let has = |text: &str, marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
        let named = marks.iter().find(|(_, hosts, _)| has(&host, hosts));
        let named = named.or_else(|| marks.iter().find(|(_, _, said)| has(&words, said)));
        named.map_or(Unknown, |(kind, ..)| *kind)
    }
}

/// What the run has already, so that nobody is advised to give it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Settings {
    /// `pull-request: true`.
    pub(super) proposes: bool,
    /// GitHub's API makes the commits.
    pub(super) over_api: bool,
    /// `author-name`, or `author-email`.
    pub(super) names_author: bool,
    /// `signing-key`.
    pub(super) signs: bool,
    /// `token-username`.
    pub(super) names_user: bool,
    /// `app-id`.
    pub(super) by_app: bool,
}

/// What to do about something that was said.
enum Advice {
    Fixed(&'static str),
    Signature,
    PrivateEmail,
}

use Advice::{Fixed, PrivateEmail, Signature};

/// What is the same wherever it is said: by phrases in lower case.
const SAID: [(&[&str], Advice); 12] = [
    (
        &["must have verified signatures", "verified signature"],
        Signature,
    ),
    (&["gh007", "publish a private email"], PrivateEmail),
    (
        &["to create or update workflow"],
        Fixed(
            "`file` is a workflow, which takes a permission of its own: *Workflows: Read and write* for a fine-grained token or a \
         GitHub App, the scope `workflow` for a classic one. GITHUB_TOKEN can't have it.",
        ),
    ),
    (
        &["was archived", "is archived", "repository archived"],
        Fixed(
            "The repository is archived, and so read-only for everyone: unarchive it, or deploy to another one.",
        ),
    ),
    (
        &["ip allow list"],
        Fixed(
            "The organisation lets only known addresses in: add the runner's, or run the job on a runner whose address is on \
         the list.",
        ),
    ),
    (
        &["saml enforcement", "saml sso", "single sign-on"],
        Fixed(
            "Authorize the token for the organisation's single sign-on (the token's settings, Configure SSO).",
        ),
    ),
    (
        &["token's lifetime is greater", "token lifetime"],
        Fixed(
            "The organisation takes only tokens of a shorter life: make one that expires sooner.",
        ),
    ),
    (
        &["personal access token (classic)"],
        Fixed(
            "The organisation takes no classic tokens: use a fine-grained one, or a GitHub App's.",
        ),
    ),
    (
        &[
            "account was suspended",
            "account is suspended",
            "account has been suspended",
        ],
        Fixed("The token's account is suspended: use another one's token, or a GitHub App's."),
    ),
    (
        &["tf402455", "you must use a pull request"],
        Fixed(
            "The branch has a policy: deploy to a branch without one and open the pull request there, or grant the token's account \
         *Bypass policies when pushing* (Project settings → Repositories → Security).",
        ),
    ),
    (
        &["tf401027"],
        Fixed(
            "Grant the token's account *Contribute* (Project settings → Repositories → Security), and the token the scope *Code: \
         Read & write*.",
        ),
    ),
    (
        &["no space left", "disk quota"],
        Fixed("The server has no room: ask whoever runs it."),
    ),
];

/// What to do about `words`, wherever they mean the same.
pub(super) fn on_words(words: &str, settings: Settings) -> Option<&'static str> {
    let words = words.to_lowercase();
    let says = |(phrases, _): &&(&[&str], Advice)| phrases.iter().any(|one| words.contains(one));
    let (_, advice) = SAID.iter().find(says)?;
    Some(match advice {
        Fixed(text) => text,
        Signature => on_signatures(settings),
        PrivateEmail if settings.names_author => {
            "`author-email` is an address that its account keeps private: set one that may be seen, such as the account's \
             `ID+NAME@users.noreply.github.com`; or leave `author-name` and `author-email` out."
        }
        PrivateEmail => {
            "Set `author-email` to an address that may be seen, such as the account's `ID+NAME@users.noreply.github.com`."
        }
    })
}

/// What to do about a branch that takes signed commits only.
fn on_signatures(settings: Settings) -> &'static str {
    match settings {
        Settings {
            over_api: true,
            names_author: true,
            ..
        } => {
            "The branch takes signed commits only, and GitHub signs none of an author of one's own: leave `author-name` and \
             `author-email` out."
        }
        Settings { over_api: true, .. } => {
            "The branch takes signed commits only. Of an executable file, GitHub signs them for a GitHub App and for GITHUB_TOKEN: \
             use such a token."
        }
        Settings { signs: true, .. } => {
            "The branch takes commits only whose signature the server can check: the account that has `author-email` among its \
             addresses must know the public half of `signing-key` as a *signing* key (Settings → SSH and GPG keys)."
        }
        Settings {
            names_author: true, ..
        } => {
            "The branch takes signed commits only: give a key that the account of `author-email` knows as `signing-key`. Or use \
             `transport: api`, where GitHub signs, without `author-name` and `author-email`."
        }
        _ => {
            "The branch takes signed commits only. With `transport: api` GitHub signs them; over git, give a key that the account \
             of `author-email` knows as `signing-key`."
        }
    }
}

/// What to do about a rule of such a server that refused a push with `words`.
pub(super) fn on_a_rule(kind: ServerKind, words: &str, settings: Settings) -> &'static str {
    if let Some(advice) = on_words(words, settings) {
        return advice;
    }
    match kind {
        Github if settings.proposes => {
            "A rule of the repository covers the pull request's branch, too, and would again. Leave that branch out of it (branch \
             protection or ruleset), name one that it does not cover with `pull-request-branch`, or let the token's account \
             bypass it."
        }
        Github => {
            "A rule of the repository forbids it, and would again. Set `pull-request: true`, so that the change is proposed and \
             not pushed. Or let the token's account bypass the rule (branch protection or ruleset; GITHUB_TOKEN can't be on a \
             bypass list, a GitHub App can), or deploy to a branch without it."
        }
        Gitlab if settings.proposes => {
            "A rule of the project covers the merge request's branch, too, and would again. Leave that branch out of it (Settings \
             → Repository → Protected branches, Push rules), or name one that it does not cover with `pull-request-branch`."
        }
        Gitlab => {
            "A rule of the project forbids it, and would again. Set `pull-request: true`, so that the change is proposed and not \
             pushed. Or allow the token's role to push (Settings → Repository → Protected \
             branches, *Allowed to push and merge*; Push rules), or deploy to a branch without it."
        }
        Gitea if settings.proposes => {
            "A rule of the repository covers the pull request's branch, too, and would again. Leave that branch out of it (Settings \
             → Branches), or name one that it does not cover with `pull-request-branch`."
        }
        Gitea => {
            "A rule of the repository forbids it, and would again. Set `pull-request: true`, so that the change is proposed and \
             not pushed. Or put the token's account on the rule's whitelist (Settings → \
             Branches), or deploy to a branch without it."
        }
        Bitbucket => {
            "A rule of the repository forbids it, and would again. Let the token's account push (Repository settings → Branch \
             restrictions or permissions), or deploy to a branch without it."
        }
        AzureDevops => {
            "A policy of the branch forbids it, and would again. Grant the token's account *Contribute* and *Bypass policies when \
             pushing* (Project settings → Repositories → Security), or deploy to a branch without it."
        }
        Gerrit => {
            "The project's access rules forbid it, and would again. Grant the token's account *Push* on `refs/heads/…` (Browse → \
             Repositories → Access), or deploy to a branch where it has that. Changes for review are not made by this action."
        }
        ThisMachine => {
            "Run `git switch --detach` in that checkout, so that no branch is checked out there, and set `branch`; afterwards \
             `git switch` with the branch's name brings the new commit. Or give a bare repository (`git clone --bare`)."
        }
        Unknown => {
            "A rule of the server forbids it, and would again. Let the token's account through it, or deploy to a branch without \
             it."
        }
    }
}

/// What to do where nothing listens at an address of this machine.
pub(super) fn on_this_machine() -> &'static str {
    "A workflow runs this action in a container, where `127.0.0.1` and `localhost` are that container itself: give an address \
     that leads out of it, such as the name of a service container of the job, or the runner's own address. Started by \
     hand on this machine: check the port, and that something listens there."
}

/// What to do about a proxy, or what else is on the way and answers in the place of a server.
pub(super) const ON_A_PROXY: &str = "As far as that shows, something on the way answers for the server: let this runner through there. A proxy is the one that \
     HTTPS_PROXY names (HTTP_PROXY for `http://`), with a name and a password where it wants them; NO_PROXY lists the hosts that \
     are reached without it.";

/// What to do about an issuer that nobody here knows.
pub(super) const ON_A_PRIVATE_CA: &str = "Where a private CA issued it, `ca-certificate` must hold that CA's certificate (PEM), the root of its chain; or the server's \
     own, where it is its own issuer.";

/// What to do where no TLS connection comes about, and what to call that. `plaintext` is how plain HTTP is asked for.
pub(super) fn on_tls(error: &TlsError, plaintext: &'static str) -> (Reason, String) {
    match error {
        TlsError::Certificate(why) => (Reason::Certificate, on_a_certificate(why).to_owned()),
        TlsError::Missing => (Reason::Tls, format!("Check the port. {plaintext}")),
        TlsError::Handshake(_) => (Reason::Tls, ON_A_HANDSHAKE.to_owned()),
    }
}

const ON_A_HANDSHAKE: &str = "Whoever runs the server has to offer TLS 1.2 or 1.3 for this host name, without a certificate of the client's.";

/// How plain HTTP is asked for where there is a URL.
pub(super) const IN_THE_URL: &str = "Where plain HTTP is meant, begin the URL with `http://`; for a host other than this machine that needs `plaintext: true`, and \
     tokens travel unencrypted.";

/// What to do about a certificate that is not trusted, for the reason `why`.
fn on_a_certificate(why: &str) -> &'static str {
    let why = why.to_lowercase();
    if why.contains("not valid for name") {
        "The certificate is another name's: use the host name that it is for, or have one issued for this one."
    } else if why.contains("no certificate authority is known") {
        "The action's own image holds certificate authorities. Elsewhere, install `ca-certificates` or set SSL_CERT_FILE."
    } else if why.contains("expired") || why.contains("not valid yet") {
        "Whoever runs the server has to renew it; or the clock of this runner is wrong."
    } else {
        ON_A_PRIVATE_CA
    }
}

/// What to do about a merge that GitHub does not plan, in its words.
pub(super) fn on_a_merge(words: &str) -> Option<&'static str> {
    let words = words.to_lowercase();
    let has = |phrases: &[&str]| phrases.iter().any(|one| words.contains(one));
    if has(&["draft"]) {
        Some("A draft is not merged: leave `pull-request-draft` out, or mark it as ready")
    } else if has(&["auto merge is not allowed"]) {
        Some("Switch on *Allow auto-merge* in the repository's settings")
    } else if has(&[
        "merge method",
        "merges are not allowed",
        "commits are not allowed",
    ]) {
        Some("Set `pull-request-auto-merge` to a way that the repository's settings allow")
    } else if has(&["not accessible by", "must have write", "http 403"]) {
        Some("The token needs *Contents* and *Pull requests: Read and write*")
    } else if has(&["conflict", "dirty", "not mergeable"]) {
        Some("It can't be merged as it is: look at its page")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(repository: &str, words: &str) -> ServerKind {
        let server = Url::parse("https://github.com").unwrap();
        let api = Url::parse("https://api.github.com").unwrap();
        ServerKind::of(&Location::new(repository, &server).unwrap(), &api, words)
    }

    #[test]
    fn a_server_is_known_by_its_name_or_by_its_words() {
        for (repository, words, expected) in [
            ("acme/deploy", "", Github),
            ("https://gitlab.com/acme/deploy", "", Gitlab),
            ("https://codeberg.org/acme/deploy", "", Gitea),
            ("https://bitbucket.org/acme/deploy", "", Bitbucket),
            ("https://dev.azure.com/acme/p/_git/deploy", "", AzureDevops),
            ("https://gerrit.example.com/deploy", "", Gerrit),
            (
                "https://git.example.com/acme/deploy",
                "GitLab: You are not allowed to push code to protected branches on this project.",
                Gitlab,
            ),
            (
                "https://git.example.com/acme/deploy",
                "pre-receive hook declined: Gitea: Not allowed to push to protected branch main",
                Gitea,
            ),
            (
                "https://git.example.com/acme/deploy",
                "TF402455: Pushes to this branch are not permitted; you must use a pull request",
                AzureDevops,
            ),
            (
                "https://git.example.com/acme/deploy",
                "prohibited by Gerrit: update is not permitted",
                Gerrit,
            ),
            (
                "https://git.example.com/acme/deploy",
                "GH013: Repository rule violations found",
                Github,
            ),
            ("https://git.example.com/acme/deploy", "no", Unknown),
            (
                "file:///srv/deploy",
                "the branch is checked out there",
                ThisMachine,
            ),
        ] {
            assert_eq!(kind(repository, words), expected, "{repository} {words}");
        }
    }

    #[test]
    fn nobody_but_github_is_told_of_githubs_tokens() {
        for kind in [
            Gitlab,
            Gitea,
            Bitbucket,
            AzureDevops,
            Gerrit,
            ThisMachine,
            Unknown,
        ] {
            let advice = on_a_rule(kind, "no", Settings::default());
            for word in ["GITHUB_TOKEN", "GitHub", "ruleset"] {
                assert!(!advice.contains(word), "{kind:?}: {advice}");
            }
        }
        let advice = on_a_rule(Github, "GH006: Protected branch", Settings::default());
        assert!(advice.contains("`pull-request: true`"));
    }

    /// Every combination of what a run may have, and whatever is said.
    #[test]
    fn nobody_is_advised_to_set_what_is_set() {
        let said: Vec<&str> = SAID.iter().map(|(phrases, _)| phrases[0]).collect();
        for bits in 0..1 << 4 {
            let is = |bit: u32| bits & (1 << bit) != 0;
            let settings = Settings {
                proposes: is(0),
                over_api: is(0) || is(1),
                names_author: is(2),
                signs: is(3) && !is(0) && !is(1),
                ..Settings::default()
            };
            for kind in [Gitlab, Gitea] {
                let advice = on_a_rule(kind, "declined", settings);
                let proposes = advice.contains("Set `pull-request");
                assert_eq!(proposes, !settings.proposes, "{advice}");
            }
            for words in said.iter().chain(&["GH006: Protected branch"]) {
                let advice = on_a_rule(Github, words, settings);
                for (is_set, phrase) in [
                    (settings.proposes, "Set `pull-request"),
                    (settings.over_api, "`transport: api`"),
                    (settings.over_api, "`signing-key`"),
                    (settings.signs, "give a key"),
                    (!settings.names_author, "leave `author-name`"),
                ] {
                    assert!(
                        !is_set || !advice.contains(phrase),
                        "{settings:?}: {advice}"
                    );
                }
            }
        }
    }
}
