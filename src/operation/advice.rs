//! What to do about a server's refusal: by what the server is, and by what it said. Words are those of
//! real servers; what can be concluded from them is only what to advise.

use url::Url;

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
    Unknown,
}

use ServerKind::{AzureDevops, Bitbucket, Gerrit, Gitea, Github, Gitlab, Unknown};

impl ServerKind {
    /// The server of `location`, which said `words`.
    pub(super) fn of(location: &Location, api_url: &Url, words: &str) -> Self {
        if location.github_name().is_some() && is_github(location.url(), api_url) {
            return Github;
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

const PROPOSE: &str = "A rule of the repository forbids it, and would again. Set `pull-request: true`, so that the \
     change is proposed and not pushed. Or let the token's account bypass the rule (branch protection or ruleset; \
     GITHUB_TOKEN can't be on a bypass list, a GitHub App can), or deploy to a branch without it.";

/// What is the same wherever it is said: by phrases in lower case.
const SAID: [(&[&str], &str); 12] = [
    (
        &["must have verified signatures", "verified signature"],
        "The branch takes signed commits only. With `transport: api` and without `author-name` and `author-email`, GitHub \
         signs them for a GitHub App and for GITHUB_TOKEN; over git, give a key that the account knows as `signing-key`.",
    ),
    (
        &["gh007", "publish a private email"],
        "Set `author-email` to an address that may be seen, such as the account's `ID+NAME@users.noreply.github.com`; or leave \
         `author-name` and `author-email` out.",
    ),
    (
        &["to create or update workflow"],
        "`file` is a workflow, which takes a permission of its own: *Workflows: Read and write* for a fine-grained token or a \
         GitHub App, the scope `workflow` for a classic one. GITHUB_TOKEN can't have it.",
    ),
    (
        &["was archived", "is archived", "repository archived"],
        "The repository is archived, and so read-only for everyone: unarchive it, or deploy to another one.",
    ),
    (
        &["ip allow list"],
        "The organisation lets only known addresses in: add the runner's, or run the job on a runner whose address is on \
         the list.",
    ),
    (
        &["saml enforcement", "saml sso", "single sign-on"],
        "Authorize the token for the organisation's single sign-on (the token's settings, Configure SSO).",
    ),
    (
        &["token's lifetime is greater", "token lifetime"],
        "The organisation takes only tokens of a shorter life: make one that expires sooner.",
    ),
    (
        &["personal access token (classic)"],
        "The organisation takes no classic tokens: use a fine-grained one, or a GitHub App's.",
    ),
    (
        &[
            "account was suspended",
            "account is suspended",
            "account has been suspended",
        ],
        "The token's account is suspended: use another one's token, or a GitHub App's.",
    ),
    (
        &["tf402455", "you must use a pull request"],
        "The branch has a policy: deploy to a branch without one and open the pull request there, or grant the token's account \
         *Bypass policies when pushing* (Project settings → Repositories → Security).",
    ),
    (
        &["tf401027"],
        "Grant the token's account *Contribute* (Project settings → Repositories → Security), and the token the scope *Code: \
         Read & write*.",
    ),
    (
        &["no space left", "disk quota"],
        "The server has no room: ask whoever runs it.",
    ),
];

/// What to do about `words`, wherever they mean the same.
pub(super) fn on_words(words: &str) -> Option<&'static str> {
    let words = words.to_lowercase();
    let says = |(phrases, _): &&(&[&str], &str)| phrases.iter().any(|one| words.contains(one));
    SAID.iter().find(says).map(|(_, advice)| *advice)
}

/// What to do about a rule of such a server that refused a push with `words`.
pub(super) fn on_a_rule(kind: ServerKind, words: &str) -> &'static str {
    if let Some(advice) = on_words(words) {
        return advice;
    }
    match kind {
        Github => PROPOSE,
        Gitlab => {
            "A rule of the project forbids it, and would again. Allow the token's role to push (Settings → Repository → Protected \
             branches, *Allowed to push and merge*; Push rules), or deploy to a branch without it."
        }
        Gitea => {
            "A rule of the repository forbids it, and would again. Put the token's account on the rule's whitelist (Settings → \
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
        Unknown => {
            "A rule of the server forbids it, and would again. Let the token's account through it, or deploy to a branch without \
             it."
        }
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
        ] {
            assert_eq!(kind(repository, words), expected, "{repository} {words}");
        }
    }

    #[test]
    fn nobody_but_github_is_told_of_githubs_tokens() {
        for kind in [Gitlab, Gitea, Bitbucket, AzureDevops, Gerrit, Unknown] {
            let advice = on_a_rule(kind, "no");
            for word in ["GITHUB_TOKEN", "GitHub", "ruleset"] {
                assert!(!advice.contains(word), "{kind:?}: {advice}");
            }
        }
        assert!(on_a_rule(Github, "GH006: Protected branch").contains("`pull-request: true`"));
    }
}
