//! What real servers answer to a push, word by word: what it is is read from the branch, and what to do
//! is said for the server at hand.

use crate::support::{
    Action, Fault, GitServer, Options, Outcome, Repository, Rights, Step, TOKEN, Via, tunnel,
};

const FILE: &str = "web.yaml";
const MANIFEST: &str = "image: ghcr.io/acme/web:v1\n";

fn start() -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository_with("acme/deploy", FILE, MANIFEST);
    (server, repository)
}

/// Over git; on GitHub, where there is its API.
fn update(repository: &Repository, on_github: bool) -> Action {
    let via = if on_github { Via::Api } else { Via::Git };
    Action::new()
        .over(via, repository)
        .input("transport", "git")
        .input("file", FILE)
        .input("image", "ghcr.io/acme/web:v2")
        .input("token", TOKEN)
        .input("timeout", "60")
}

fn packet(line: &str) -> String {
    format!("{:04x}{line}", line.len() + 4)
}

/// What `git-receive-pack` answers, where it refuses a reference in these words; `said` comes beside.
fn refusal(words: &str, said: &str) -> Fault {
    let report = packet("unpack ok\n") + &packet(&format!("ng refs/heads/main {words}\n")) + "0000";
    let mut body = packet(&format!("\u{1}{report}"));
    if !said.is_empty() {
        body = packet(&format!("\u{2}{said}")) + &body;
    }
    let kind = "application/x-git-receive-pack-result".to_owned();
    Fault::Status(200, vec![("Content-Type".to_owned(), kind)], body + "0000")
}

fn told(server: &GitServer, outcome: &Outcome) -> String {
    let errors = outcome.annotations();
    let error = errors.iter().find(|one| one.level == "error").unwrap();
    let text = format!("{}: {}", error.properties["title"], error.message);
    text.replace(&server.url(), "SERVER")
        .replace(server.url().trim_start_matches("http://"), "SERVER")
}

/// The words, what comes beside them, and whether the server is GitHub.
type Row = (&'static str, &'static str, bool);

const RACES: [Row; 7] = [
    ("invalid old id sent", "", false),
    ("non-fast forward", "", false),
    ("lock error", "", false),
    ("no such ref", "", false),
    (
        "TF401028: The reference 'refs/heads/main' has already been updated by another client, so you cannot update it. Please try again.",
        "",
        false,
    ),
    // Whatever it says.
    (
        "pre-receive hook declined",
        "GH006: Protected branch update failed",
        true,
    ),
    ("somebody was faster", "", false),
];

#[test]
fn on_a_branch_that_moved_it_is_a_lost_race() {
    std::thread::scope(|scope| {
        for (words, said, on_github) in RACES {
            scope.spawn(move || {
                let (server, repository) = start();
                let other = repository.clone();
                server.before(Step::Push.nth(1), move || {
                    other.commit("main", "README.md", "hi\n", "docs: hi");
                });
                server.fault(Step::Push.nth(1), refusal(words, said));
                let outcome = update(&repository, on_github).run().succeeded();
                assert_eq!(
                    outcome.output("commit-sha"),
                    repository.tip("main"),
                    "{words}"
                );
                assert_eq!(repository.log("main").len(), 3, "{words}");
                let log = outcome.shown_log();
                assert!(!log.contains("declined the push"), "{words}: {log}");
            });
        }
    });
}

#[test]
fn after_a_push_whose_end_is_not_known_the_log_says_what_is_looked_for() {
    for (fault, whether) in [
        (
            refusal("pre-receive hook declined", "no deployments on Fridays"),
            "whether the branch has moved: the push was refused (pre-receive hook declined: no deployments on Fridays)",
        ),
        (
            Fault::DropAnswer,
            "whether it landed: the connection ended before the server confirmed the push (",
        ),
    ] {
        let (server, repository) = start();
        server.fault(Step::Push.nth(1), fault);
        let log = update(&repository, false).run().shown_log();
        let line = log.lines().find(|line| line.contains(whether));
        let line = line.unwrap_or_else(|| panic!("{whether}: {log}"));
        assert!(line.starts_with("Looking "), "{line}");
        assert!(
            !log.contains("Trying again") && !log.contains("in 0.0 s"),
            "{log}"
        );
    }
}

const TROUBLES: [Row; 5] = [
    ("failure", "fatal error in commit_refs\n", true),
    ("Internal Server Error", "", true),
    (
        "pre-receive hook declined",
        "GitLab: API is not accessible\n",
        false,
    ),
    (
        "pre-receive hook declined",
        "Gitea: Internal Server Error\n",
        false,
    ),
    ("failure", "", true),
];

#[test]
fn trouble_on_a_branch_that_stays_is_waited_through() {
    std::thread::scope(|scope| {
        for (words, said, on_github) in TROUBLES {
            scope.spawn(move || {
                let (server, repository) = start();
                server.fault(Step::Push.nth(1), refusal(words, said));
                let outcome = update(&repository, on_github).run().succeeded();
                assert_eq!(
                    outcome.output("commit-sha"),
                    repository.tip("main"),
                    "{words}"
                );
                assert_eq!(repository.log("main").len(), 2, "{words}");

                let (server, repository) = start();
                server.fault(Step::Push.every(), refusal(words, said));
                let action = update(&repository, on_github).input("timeout", "5");
                let told = told(&server, &action.run().failed());
                assert!(
                    told.starts_with("The Git server is not available: "),
                    "{told}"
                );
                assert!(told.contains(words), "{told}");
                assert!(server.count(Step::Push) > 1, "{words}");
                assert_eq!(repository.log("main").len(), 1, "{words}");
            });
        }
    });
}

const RULES: [Row; 14] = [
    (
        "protected branch hook declined",
        "Resolving deltas: 100% (1/1), completed with 1 local object.\nerror: GH006: Protected branch update failed for refs/heads/main.\nerror: 3 of 3 required status checks are expected.\n",
        true,
    ),
    (
        "push declined due to repository rule violations",
        "error: GH013: Repository rule violations found for refs/heads/main.\n\n- Changes must be made through a pull request.\n",
        true,
    ),
    (
        "push declined due to repository rule violations",
        "error: GH013: Repository rule violations found for refs/heads/main.\n- Changes must be made through the merge queue\n",
        true,
    ),
    (
        "push declined due to repository rule violations",
        "error: GH013: Repository rule violations found for refs/heads/main.\n- Commits must have verified signatures.\n",
        true,
    ),
    (
        "push declined due to email privacy restrictions",
        "error: GH007: Your push would publish a private email address.\n",
        true,
    ),
    (
        "refusing to allow a Personal Access Token to create or update workflow `.github/workflows/a.yml` without `workflow` scope",
        "",
        true,
    ),
    (
        "TF402455: Pushes to this branch are not permitted; you must use a pull request to update this branch.",
        "",
        false,
    ),
    (
        "TF401027: You need the Git 'GenericContribute' permission to perform this action.",
        "",
        false,
    ),
    (
        "pre-receive hook declined",
        "GitLab: You are not allowed to push code to protected branches on this project.\n",
        false,
    ),
    (
        "pre-receive hook declined",
        "Gitea: Not allowed to push to protected branch main\n",
        false,
    ),
    (
        "prohibited by Gerrit: not permitted: update",
        "Processing changes: refs: 1, done\n",
        false,
    ),
    (
        "pre-receive hook declined",
        "Bitbucket: Only pull requests can change this branch\n",
        false,
    ),
    (
        "pre-receive hook declined",
        "no deployments on Fridays\n",
        false,
    ),
    // A race that is none.
    ("non-fast-forward", "", false),
];

#[test]
fn on_a_branch_that_stays_it_is_a_rule_and_the_advice_is_for_that_server() {
    let told = std::thread::scope(|scope| {
        let runs = RULES.map(|(words, said, on_github)| {
            scope.spawn(move || {
                let (server, repository) = start();
                server.fault(Step::Push.every(), refusal(words, said));
                let action = update(&repository, on_github).input("timeout", "30");
                let outcome = action.run().failed();
                assert_eq!(repository.log("main").len(), 1, "{words}");
                told(&server, &outcome)
            })
        });
        runs.map(|run| run.join().unwrap())
    });
    insta::assert_snapshot!(told.join("\n\n"), @"
    The push was declined: acme/deploy declined the push: protected branch hook declined: error: GH006: Protected branch update failed for refs/heads/main. error: 3 of 3 required status checks are expected. Nothing was changed.
    A rule of the repository forbids it, and would again. Set `pull-request: true`, so that the change is proposed and not pushed. Or let the token's account bypass the rule (branch protection or ruleset; GITHUB_TOKEN can't be on a bypass list, a GitHub App can), or deploy to a branch without it.

    The push was declined: acme/deploy declined the push: push declined due to repository rule violations: error: GH013: Repository rule violations found for refs/heads/main. - Changes must be made through a pull request. Nothing was changed.
    A rule of the repository forbids it, and would again. Set `pull-request: true`, so that the change is proposed and not pushed. Or let the token's account bypass the rule (branch protection or ruleset; GITHUB_TOKEN can't be on a bypass list, a GitHub App can), or deploy to a branch without it.

    The push was declined: acme/deploy declined the push: push declined due to repository rule violations: error: GH013: Repository rule violations found for refs/heads/main. - Changes must be made through the merge queue. Nothing was changed.
    A rule of the repository forbids it, and would again. Set `pull-request: true`, so that the change is proposed and not pushed. Or let the token's account bypass the rule (branch protection or ruleset; GITHUB_TOKEN can't be on a bypass list, a GitHub App can), or deploy to a branch without it.

    The push was declined: acme/deploy declined the push: push declined due to repository rule violations: error: GH013: Repository rule violations found for refs/heads/main. - Commits must have verified signatures. Nothing was changed.
    The branch takes signed commits only. With `transport: api` GitHub signs them; over git, give a key that the account of `author-email` knows as `signing-key`.

    The push was declined: acme/deploy declined the push: push declined due to email privacy restrictions: error: GH007: Your push would publish a private email address. Nothing was changed.
    Set `author-email` to an address that may be seen, such as the account's `ID+NAME@users.noreply.github.com`.

    The push was declined: acme/deploy declined the push: refusing to allow a Personal Access Token to create or update workflow `.github/workflows/a.yml` without `workflow` scope. Nothing was changed.
    `file` is a workflow, which takes a permission of its own: *Workflows: Read and write* for a fine-grained token or a GitHub App, the scope `workflow` for a classic one. GITHUB_TOKEN can't have it.

    The push was declined: SERVER/acme/deploy.git declined the push: TF402455: Pushes to this branch are not permitted; you must use a pull request to update this branch. Nothing was changed.
    The branch has a policy: deploy to a branch without one and open the pull request there, or grant the token's account *Bypass policies when pushing* (Project settings → Repositories → Security).

    The push was declined: SERVER/acme/deploy.git declined the push: TF401027: You need the Git 'GenericContribute' permission to perform this action. Nothing was changed.
    Grant the token's account *Contribute* (Project settings → Repositories → Security), and the token the scope *Code: Read & write*.

    The push was declined: SERVER/acme/deploy.git declined the push: pre-receive hook declined: GitLab: You are not allowed to push code to protected branches on this project. Nothing was changed.
    A rule of the project forbids it, and would again. Set `pull-request: true`, so that the change is proposed and not pushed. Or allow the token's role to push (Settings → Repository → Protected branches, *Allowed to push and merge*; Push rules), or deploy to a branch without it.

    The push was declined: SERVER/acme/deploy.git declined the push: pre-receive hook declined: Gitea: Not allowed to push to protected branch main. Nothing was changed.
    A rule of the repository forbids it, and would again. Set `pull-request: true`, so that the change is proposed and not pushed. Or put the token's account on the rule's whitelist (Settings → Branches), or deploy to a branch without it.

    The push was declined: SERVER/acme/deploy.git declined the push: prohibited by Gerrit: not permitted: update. Nothing was changed.
    The project's access rules forbid it, and would again. Grant the token's account *Push* on `refs/heads/…` (Browse → Repositories → Access), or deploy to a branch where it has that. Changes for review are not made by this action.

    The push was declined: SERVER/acme/deploy.git declined the push: pre-receive hook declined: Bitbucket: Only pull requests can change this branch. Nothing was changed.
    A rule of the repository forbids it, and would again. Let the token's account push (Repository settings → Branch restrictions or permissions), or deploy to a branch without it.

    The push was declined: SERVER/acme/deploy.git declined the push: pre-receive hook declined: no deployments on Fridays. Nothing was changed.
    A rule of the server forbids it, and would again. Let the token's account through it, or deploy to a branch without it.

    The push was declined: SERVER/acme/deploy.git declined the push: non-fast-forward. Nothing was changed.
    A rule of the server forbids it, and would again. Let the token's account through it, or deploy to a branch without it.
    ");
}

/// Why a token may not, in GitHub's words: the same over git and over the API.
const TOKENS: [&str; 8] = [
    "Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow list enabled, and your IP address is not permitted to access this resource.",
    "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization.",
    "The `acme' organization has enabled or enforced SAML SSO. To access this repository, you must use the HTTPS remote with a personal access token or SSH with an SSH key and passphrase that has been authorized for this organization.",
    "The 'acme' organization forbids access via a fine-grained personal access tokens if the token's lifetime is greater than 366 days. Please adjust your token's lifetime at the following URL: https://github.com/settings/personal-access-tokens/1",
    "`acme` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or a personal access token with fine-grained permissions.",
    "Sorry. Your account was suspended.",
    "Your account is suspended. Please visit https://support.github.com for more information.",
    "This repository was archived so it is read-only.",
];

#[test]
fn what_keeps_a_token_out_has_its_own_advice_over_both_transports() {
    let json = || ("Content-Type".to_owned(), "application/json".to_owned());
    let told = TOKENS.map(|words| {
        let body = serde_json::json!({ "message": words }).to_string();
        let forbidden = serde_json::json!({
            "data": {"repository": null},
            "errors": [{"type": "FORBIDDEN", "path": ["repository"], "message": words}],
        });
        let [over_git, over_rest, over_graphql] = [
            (
                "git",
                Step::FetchRefs,
                Fault::Status(403, Vec::new(), format!("{words}\n")),
            ),
            ("api", Step::Query, Fault::Status(403, vec![json()], body)),
            (
                "api",
                Step::Query,
                Fault::Status(200, vec![json()], forbidden.to_string()),
            ),
        ]
        .map(|(transport, step, fault)| {
            let (server, repository) = start();
            server.fault(step.every(), fault);
            let action = update(&repository, true).input("transport", transport);
            let told = told(&server, &action.run().failed());
            assert_eq!(repository.log("main").len(), 1, "{words}");
            told
        });
        assert_eq!(over_git, over_rest);
        assert_eq!(over_git.replace("HTTP 403", "FORBIDDEN"), over_graphql);
        over_git
    });
    insta::assert_snapshot!(told.join("\n\n"), @"
    The server denied access: The token may not read acme/deploy (HTTP 403): Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow list enabled, and your IP address is not permitted to access this resource. Nothing was changed.
    The organisation lets only known addresses in: add the runner's, or run the job on a runner whose address is on the list.

    The server denied access: The token may not read acme/deploy (HTTP 403): Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization. Nothing was changed.
    Authorize the token for the organisation's single sign-on (the token's settings, Configure SSO).

    The server denied access: The token may not read acme/deploy (HTTP 403): The `acme' organization has enabled or enforced SAML SSO. To access this repository, you must use the HTTPS remote with a personal access token or SSH with an SSH key and passphrase that has been authorized for this organization. Nothing was changed.
    Authorize the token for the organisation's single sign-on (the token's settings, Configure SSO).

    The server denied access: The token may not read acme/deploy (HTTP 403): The 'acme' organization forbids access via a fine-grained personal access tokens if the token's lifetime is greater than 366 days. Please adjust your token's lifetime at the following URL: https://github.com/settings/personal-access-tokens/1. Nothing was changed.
    The organisation takes only tokens of a shorter life: make one that expires sooner.

    The server denied access: The token may not read acme/deploy (HTTP 403): `acme` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or a personal access token with fine-grained permissions. Nothing was changed.
    The organisation takes no classic tokens: use a fine-grained one, or a GitHub App's.

    The server denied access: The token may not read acme/deploy (HTTP 403): Sorry. Your account was suspended. Nothing was changed.
    The token's account is suspended: use another one's token, or a GitHub App's.

    The server denied access: The token may not read acme/deploy (HTTP 403): Your account is suspended. Please visit https://support.github.com for more information. Nothing was changed.
    The token's account is suspended: use another one's token, or a GitHub App's.

    The server denied access: The token may not read acme/deploy (HTTP 403): This repository was archived so it is read-only. Nothing was changed.
    The repository is archived, and so read-only for everyone: unarchive it, or deploy to another one.
    ");
}

/// Nobody is told to do what is done.
#[test]
fn what_is_set_is_not_advised() {
    let declined = |words: &str, said: &str, change: &dyn Fn(Action) -> Action| {
        let (server, repository) = start();
        server.fault(Step::Push.every(), refusal(words, said));
        told(&server, &change(update(&repository, true)).run().failed())
    };
    let (_directory, key) = crate::signing::key(&["-t", "ed25519", "-N", ""]);
    let rule = "push declined due to repository rule violations";
    let signatures = "- Commits must have verified signatures.\n";
    let told = [
        declined(rule, signatures, &|action| {
            action.input("signing-key", &key)
        }),
        declined(rule, signatures, &|action| {
            action
                .input("author-name", "Jimin")
                .input("author-email", "jimin@example.com")
        }),
        declined(
            "push declined due to email privacy restrictions",
            "GH007",
            &|action| {
                action
                    .input("author-name", "Jimin")
                    .input("author-email", "jimin@example.com")
            },
        ),
        {
            let (server, repository) = start();
            let refused = serde_json::json!({"message": "Repository rule violations found: Cannot create ref due to creations being restricted."});
            let json = ("Content-Type".to_owned(), "application/json".to_owned());
            server.fault(
                Step::Rest("POST git/refs").every(),
                Fault::Status(422, vec![json], refused.to_string()),
            );
            told(
                &server,
                &update(&repository, true)
                    .input("pull-request", "true")
                    .run()
                    .failed(),
            )
        },
        {
            let (server, repository) = start();
            let commit = Step::Mutation("createCommitOnBranch");
            server.fault(
                commit.every(),
                graphql("UNPROCESSABLE", "Commits must have verified signatures."),
            );
            told(
                &server,
                &update(&repository, true)
                    .input("transport", "api")
                    .run()
                    .failed(),
            )
        },
    ];
    insta::assert_snapshot!(told.join("\n\n"), @"
    The push was declined: acme/deploy declined the push: push declined due to repository rule violations: - Commits must have verified signatures. Nothing was changed.
    The branch takes commits only whose signature the server can check: the account that has `author-email` among its addresses must know the public half of `signing-key` as a *signing* key (Settings → SSH and GPG keys).

    The push was declined: acme/deploy declined the push: push declined due to repository rule violations: - Commits must have verified signatures. Nothing was changed.
    The branch takes signed commits only: give a key that the account of `author-email` knows as `signing-key`. Or use `transport: api`, where GitHub signs, without `author-name` and `author-email`.

    The push was declined: acme/deploy declined the push: push declined due to email privacy restrictions: GH007. Nothing was changed.
    `author-email` is an address that its account keeps private: set one that may be seen, such as the account's `ID+NAME@users.noreply.github.com`; or leave `author-name` and `author-email` out.

    The push was declined: acme/deploy declined the push: SERVER answered HTTP 422: Repository rule violations found: Cannot create ref due to creations being restricted. Nothing was changed.
    A rule of the repository covers the pull request's branch, too, and would again. Leave that branch out of it (branch protection or ruleset), name one that it does not cover with `pull-request-branch`, or let the token's account bypass it.

    The push was declined: acme/deploy declined the push: Commits must have verified signatures. Nothing was changed.
    The branch takes signed commits only. Of an executable file, GitHub signs them for a GitHub App and for GITHUB_TOKEN: use such a token.
    ");
}

/// A refusal over GitHub's API.
fn graphql(kind: &str, message: &str) -> Fault {
    let body = serde_json::json!({
        "data": {"createCommitOnBranch": null},
        "errors": [{"type": kind, "path": ["createCommitOnBranch"], "message": message}],
    });
    let json = ("Content-Type".to_owned(), "application/json".to_owned());
    Fault::Status(200, vec![json], body.to_string())
}

#[test]
fn over_the_api_the_branch_decides_as_well() {
    let commit = Step::Mutation("createCommitOnBranch");
    let over_api = |repository: &Repository| update(repository, true).input("transport", "api");
    for (kind, message) in [
        (
            "STALE_DATA",
            "Expected branch to point to \"1\" but it did not.  Pull and try again.",
        ),
        ("UNPROCESSABLE", "something new"),
        (
            "BRANCH_PROTECTION_RULE_VIOLATION",
            "Protected branch update failed",
        ),
        ("FORBIDDEN", "Resource not accessible by integration"),
        (
            "INSUFFICIENT_SCOPES",
            "Your token has not been granted the required scopes",
        ),
    ] {
        let (server, repository) = start();
        let other = repository.clone();
        server.before(commit.nth(1), move || {
            other.commit("main", "README.md", "hi\n", "docs: hi");
        });
        server.fault(commit.nth(1), graphql(kind, message));
        over_api(&repository).run().succeeded();
        assert_eq!(repository.log("main").len(), 3, "{message}");
    }
    // Where it stays, it is the token.
    let (server, repository) = start();
    let forbidden = graphql("FORBIDDEN", "Resource not accessible by integration");
    server.fault(commit.every(), forbidden);
    let outcome = over_api(&repository).run().failed();
    let refused = told(&server, &outcome);
    assert!(
        refused.starts_with("The server denied access: The token may not write acme/deploy"),
        "{refused}"
    );
    // What sounds like trouble is tried again where the branch stays; anything else is a rule.
    let (server, repository) = start();
    server.fault(
        commit.nth(1),
        graphql("UNPROCESSABLE", "Something went wrong"),
    );
    over_api(&repository).run().succeeded();
    drop(server);
    let told = [
        "Repository was archived so is read-only.",
        "Changes must be made through the merge queue",
    ]
    .map(|message| {
        let (server, repository) = start();
        server.fault(commit.every(), graphql("UNPROCESSABLE", message));
        told(&server, &over_api(&repository).run().failed())
    });
    insta::assert_snapshot!(told.join("\n\n"), @"
    The push was declined: acme/deploy declined the push: Repository was archived so is read-only. Nothing was changed.
    The repository is archived, and so read-only for everyone: unarchive it, or deploy to another one.

    The push was declined: acme/deploy declined the push: Changes must be made through the merge queue. Nothing was changed.
    A rule of the repository forbids it, and would again. Set `pull-request: true`, so that the change is proposed and not pushed. Or let the token's account bypass the rule (branch protection or ruleset; GITHUB_TOKEN can't be on a bypass list, a GitHub App can), or deploy to a branch without it.
    ");
}

#[test]
fn an_own_commit_that_is_found_again_gives_the_outputs_of_a_commit() {
    // What stands between sent the push twice, and the second one lost against the first.
    let limited = Fault::StatusAfter(429);
    for (step, transport) in [
        (Step::Push, "git"),
        (Step::Mutation("createCommitOnBranch"), "api"),
    ] {
        let (server, repository) = start();
        server.fault(step.nth(1), limited.clone());
        let outcome = update(&repository, true)
            .input("transport", transport)
            .input("timeout", "90")
            .run()
            .succeeded();
        assert_eq!(repository.log("main").len(), 2, "{transport}");
        assert_eq!(outcome.output("changed"), "true", "{transport}");
        assert_eq!(outcome.output("commit-sha"), repository.tip("main"));
        assert_eq!(outcome.output("previous-image"), "ghcr.io/acme/web:v1");
        assert!(
            outcome
                .output("diff")
                .contains("+image: ghcr.io/acme/web:v2")
        );
    }
}

#[test]
fn a_commit_that_landed_is_never_told_as_nothing() {
    let (server, repository) = start();
    let odd = serde_json::json!({"data": {"createCommitOnBranch": {"commit": {"oid": "?", "signature": null}}}});
    let json = ("Content-Type".to_owned(), "application/json".to_owned());
    server.fault(
        Step::Mutation("createCommitOnBranch").every(),
        Fault::Status(200, vec![json], odd.to_string()),
    );
    let outcome = update(&repository, true)
        .input("transport", "api")
        .input("timeout", "5")
        .run()
        .failed();
    let told = told(&server, &outcome);
    assert!(told.contains("whether it landed is not known"), "{told}");
    assert!(!told.contains("Nothing was changed"), "{told}");
}

/// How the first request is answered, in place of branches.
fn answered(fault: Fault) -> String {
    let (server, repository) = start();
    server.fault(Step::FetchRefs.every(), fault);
    told(&server, &update(&repository, false).run().failed())
}

#[test]
fn what_stands_in_place_of_a_repository_is_told_for_what_it_is() {
    let status = |status, words: &str| Fault::Status(status, Vec::new(), words.to_owned());
    let redirect = |to: &str| {
        let location = ("Location".to_owned(), to.to_owned());
        Fault::Status(302, vec![location], String::new())
    };
    let missing = packet("ERR Repository not found.");
    let kind = "application/x-git-upload-pack-advertisement".to_owned();
    let missing = Fault::Status(200, vec![("Content-Type".to_owned(), kind)], missing);
    let told = [
        answered(redirect("/users/sign_in")),
        answered(redirect("/login?return_to=x")),
        answered(redirect("/somewhere")),
        answered(status(402, "Your license has expired\n")),
        answered(status(410, "")),
        answered(status(423, "Repository is being moved\n")),
        answered(missing),
    ];
    insta::assert_snapshot!(told.join("\n\n"), @"
    The token was refused: SERVER does not take the token: it leads to its sign-in (SERVER/users/sign_in). Nothing was changed.
    Check `token`, and `token-username` where the server wants a certain name; and that `repository` is the URL that `git clone` takes.

    The token was refused: SERVER does not take the token: it leads to its sign-in (SERVER/login). Nothing was changed.
    Check `token`, and `token-username` where the server wants a certain name; and that `repository` is the URL that `git clone` takes.

    The URL is not a Git repository: SERVER/acme/deploy.git redirects to SERVER/somewhere. Nothing was changed.
    Set `repository` to the URL that `git clone` takes.

    The server denied access: SERVER answered HTTP 402: Your license has expired, so nothing was changed in SERVER/acme/deploy.git.
    The server's licence or plan does not cover it: ask whoever runs or pays for it. Another token does not help.

    The repository was not found: SERVER answered HTTP 410, so nothing was changed in SERVER/acme/deploy.git.
    The repository was removed, or Git access to it was: check `repository`.

    The Git server is not available: SERVER answered HTTP 423: Repository is being moved, so nothing was changed in SERVER/acme/deploy.git.
    The repository is locked, as while it is moved or maintained: run the job again when it is unlocked.

    The repository was not found: SERVER/acme/deploy.git was not found. Either the name is wrong, or the token has no access to it. Nothing was changed.
    Check the spelling of `repository`, then the token. The token must be allowed to write to the repository.
    ");
}

#[test]
fn a_page_in_the_middle_of_a_run_is_trouble() {
    let page = Fault::Status(
        200,
        vec![("Content-Type".to_owned(), "text/html".to_owned())],
        "<html>one moment</html>".to_owned(),
    );
    for step in [Step::Fetch, Step::Push] {
        let (server, repository) = start();
        server.fault(step.nth(1), page.clone());
        update(&repository, false)
            .input("timeout", "30")
            .run()
            .succeeded();
        assert_eq!(repository.log("main").len(), 2, "{step:?}");
    }
    // As well as an answer of the API's that says nothing, or ends in its middle.
    let json = |text: &str| {
        let kind = ("Content-Type".to_owned(), "application/json".to_owned());
        Fault::Status(200, vec![kind], text.to_owned())
    };
    let cut = [
        json(""),
        json("{\"data\": {\"crea"),
        json("null"),
        json("{}"),
    ];
    for fault in [page].into_iter().chain(cut) {
        let (server, repository) = start();
        let commit = Step::Mutation("createCommitOnBranch");
        server.fault(commit.nth(1), fault.clone());
        let over_api = update(&repository, true).input("transport", "api");
        let outcome = over_api.input("timeout", "30").run().succeeded();
        assert_eq!(outcome.output("commit-sha"), repository.tip("main"));
        assert_eq!(repository.log("main").len(), 2, "{fault:?}");

        let (server, repository) = start();
        server.fault(commit.every(), fault.clone());
        let over_api = update(&repository, true).input("transport", "api");
        let told = told(&server, &over_api.input("timeout", "3").run().failed());
        assert!(server.count(commit) > 1, "{fault:?}");
        assert!(told.contains("whether it landed is not known"), "{told}");
    }
}

/// The same host in another scheme.
#[test]
fn from_http_to_https_the_token_goes_along_and_never_back() {
    // Where no port is named it is another server's; the proxy knows where that is.
    let encrypted = GitServer::start_with(Options {
        tls: true,
        ..Options::default()
    });
    let there = encrypted.repository_with("acme/deploy", FILE, MANIFEST);
    let address = encrypted.url();
    let address = address.trim_start_matches("https://").parse().unwrap();
    let (proxy, _asked) = tunnel(Some(address));
    let (server, repository) = start();
    let to = Fault::Redirect("https://127.0.0.1/acme/deploy.git".to_owned());
    server.fault(Step::FetchRefs.every(), to);
    let outcome = update(&repository, false)
        .input("ca-certificate", encrypted.ca_pem())
        .env("HTTPS_PROXY", format!("http://{proxy}"))
        .run()
        .succeeded();
    assert_eq!(outcome.output("commit-sha"), there.tip("main"));
    assert_eq!(there.log("main").len(), 2);
    assert!(encrypted.requests().iter().all(|one| one.authorized));

    // Another port is another server, and what is not encrypted is none at all.
    let (server, repository) = start();
    let to = "https://127.0.0.1:1/acme/deploy.git";
    server.fault(Step::FetchRefs.every(), Fault::Redirect(to.to_owned()));
    let to_a_port = told(&server, &update(&repository, false).run().failed());
    let to = Fault::Redirect(format!("{}/acme/deploy.git", server.url()));
    encrypted.reset_log();
    server.reset_log();
    encrypted.fault(Step::FetchRefs.every(), to);
    let back = update(&there, false).input("ca-certificate", encrypted.ca_pem());
    let back = told(&encrypted, &back.run().failed()).replace(&server.url(), "ELSEWHERE");
    assert_eq!(server.requests().len(), 0);
    insta::assert_snapshot!([to_a_port, back].join("\n\n"), @"
    The URL is not a Git repository: SERVER/acme/deploy.git redirects to https://127.0.0.1:1/acme/deploy.git. Nothing was changed.
    Set `repository` to the URL that `git clone` takes.

    The URL is not a Git repository: SERVER/acme/deploy.git redirects to ELSEWHERE/acme/deploy.git, where the token would travel unencrypted. Nothing was changed.
    The server's own address is set to `http://`: whoever runs it has it say `https://`.
    ");
}

/// `Retry-After` as a date is told by the server's own clock, which may be any.
#[test]
fn a_date_to_come_back_at_is_waited_for() {
    let at = |hour: u8, second: u8, status: u16| {
        let date = |hour: u8, second: u8| format!("Wed, 21 Oct 2015 {hour:02}:28:{second:02} GMT");
        let headers = [("Date", date(7, 0)), ("Retry-After", date(hour, second))];
        let headers = headers.map(|(name, value)| (name.to_owned(), value));
        // Status and headers tell, whatever the words are.
        let body = r#"{"message": "Too many requests: rate limit exceeded"}"#;
        Fault::Status(status, headers.into(), body.to_owned())
    };
    for (transport, step) in [
        ("git", Step::FetchRefs),
        ("git", Step::Push),
        ("api", Step::Query),
        ("api", Step::Mutation("createCommitOnBranch")),
    ] {
        let writes = !matches!(step, Step::FetchRefs | Step::Query);
        for status in [429, 503] {
            let case = format!("{status} at {step:?}");
            let (server, repository) = start();
            server.fault(step.nth(1), at(7, 1, status));
            let action = update(&repository, true).input("transport", transport);
            let outcome = action.run().succeeded();
            assert_eq!(repository.log("main").len(), 2, "{case}");
            // What may have landed is looked for before.
            if writes && status == 503 {
                continue;
            }
            let log = outcome.shown_log();
            let waited = log.split("Trying again in ").nth(1).unwrap();
            let waited = waited.split(' ').next().unwrap();
            assert!(waited.parse::<f64>().unwrap() >= 1.0, "{case}: {log}");

            // An hour is more than there is.
            let (server, repository) = start();
            server.fault(step.every(), at(8, 0, status));
            let action = update(&repository, true).input("transport", transport);
            let told = told(&server, &action.run().failed());
            assert_eq!(server.count(step), 1, "{case}");
            assert!(told.contains(&format!("HTTP {status}")), "{case}: {told}");
            let is_limit = told.starts_with("A rate limit was exceeded: ");
            assert_eq!(is_limit, status == 429, "{case}: {told}");
        }
    }
}

#[test]
fn a_limit_names_its_time_and_the_way_around_it() {
    let (server, repository) = start();
    let headers = [
        ("Content-Type", "application/json"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "4102444800"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let body = r#"{"message": "API rate limit exceeded for installation."}"#;
    server.fault(
        Step::Query.every(),
        Fault::Status(403, headers.to_vec(), body.to_owned()),
    );
    let outcome = update(&repository, true)
        .input("transport", "api")
        .run()
        .failed();
    insta::assert_snapshot!(told(&server, &outcome), @"
    A rate limit was exceeded: SERVER answered HTTP 403: API rate limit exceeded for installation (until 2100-01-01 00:00:00 UTC), so nothing was changed in acme/deploy.
    With `transport: git` it works at once: git has no such limit. Or raise `timeout` beyond that time.
    ");
    // A server of another age.
    let (server, repository) = start();
    let body = r#"{"errors": [{"message": "Field 'file' doesn't exist on type 'Commit'", "extensions": {"code": "undefinedField"}}]}"#;
    let json = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    server.fault(
        Step::Query.every(),
        Fault::Status(200, json, body.to_owned()),
    );
    let outcome = update(&repository, true)
        .input("transport", "api")
        .run()
        .failed();
    insta::assert_snapshot!(told(&server, &outcome), @"
    The URL is not a GitHub API: SERVER: Field 'file' doesn't exist on type 'Commit'. Nothing was changed.
    Check `api-url` and `server-url`. With `transport: git` the API is not needed.
    ");
}

/// Whatever the limit is shown by.
#[test]
fn a_limit_tells_until_when_where_the_server_says_it() {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let date = header("Date", "Wed, 21 Oct 2015 07:28:00 GMT");
    let body = r#"{"message": "You have exceeded a secondary rate limit."}"#;
    let ten_minutes = [
        header("Retry-After", "600"),
        header("Retry-After", "Wed, 21 Oct 2015 07:38:00 GMT"),
    ];
    for (transport, step) in [("git", Step::FetchRefs), ("api", Step::Query)] {
        for status in [429, 403] {
            for later in &ten_minutes {
                let (server, repository) = start();
                let headers = vec![date.clone(), later.clone()];
                server.fault(
                    step.every(),
                    Fault::Status(status, headers, body.to_owned()),
                );
                let action = update(&repository, true).input("transport", transport);
                let told = told(&server, &action.run().failed());
                assert!(told.contains("(until 2015-10-21 07:38:00 UTC)"), "{told}");
            }
        }
    }
    // Where it says none, nobody is sent to that time.
    let mut told_of = Vec::new();
    for (transport, proposes) in [("git", false), ("api", false), ("api", true)] {
        let (server, repository) = start();
        let step = if transport == "git" {
            Step::FetchRefs
        } else {
            Step::Query
        };
        server.fault(
            step.every(),
            Fault::Status(429, vec![date.clone()], body.to_owned()),
        );
        let action = update(&repository, true).input("transport", transport);
        let action = match proposes {
            true => action.input("pull-request", "true"),
            false => action,
        };
        told_of.push(told(&server, &action.input("timeout", "2").run().failed()));
    }
    insta::assert_snapshot!(told_of.join("\n\n"), @r#"
    A rate limit was exceeded: SERVER answered HTTP 429: {"message": "You have exceeded a secondary rate limit."}, so nothing was changed in acme/deploy.
    Run the job again later, or raise `timeout`: a limit is waited for within that time.

    A rate limit was exceeded: SERVER answered HTTP 429: You have exceeded a secondary rate limit, so nothing was changed in acme/deploy.
    With `transport: git` it works at once: git has no such limit. Or run the job again in some minutes.

    A rate limit was exceeded: SERVER answered HTTP 429: You have exceeded a secondary rate limit, so nothing was changed in acme/deploy.
    Run the job again in some minutes, or raise `timeout`: a limit is waited for within that time. Another token, or a GitHub App's, has a limit of its own.
    "#);
}

#[test]
fn a_run_that_gets_no_secrets_is_told_so_where_its_token_may_not() {
    let event = tempfile::NamedTempFile::new().unwrap();
    let of = |head: &str| {
        let payload = serde_json::json!({"pull_request": {"head": {"repo": {"full_name": head}}}});
        std::fs::write(event.path(), payload.to_string()).unwrap();
    };
    let told = |token: &str, name: &str, actor: &str, own: &str| {
        let (server, repository) = start();
        server.grant("ghs_thetokenofthisjob", Rights::ReadOnly);
        let action = update(&repository, true)
            .input("token", token)
            .env("GITHUB_REPOSITORY", own)
            .env("GITHUB_EVENT_NAME", name)
            .env("GITHUB_EVENT_PATH", event.path().to_str().unwrap())
            .env("GITHUB_ACTOR", actor);
        told(&server, &action.run().failed())
    };
    of("Mallory/Deploy");
    let of_job = "ghs_thetokenofthisjob";
    let fork = told(of_job, "pull_request", "mallory", "acme/deploy");
    let of_target = told(of_job, "pull_request_target", "mallory", "acme/deploy");
    of("Acme/Deploy");
    let own = told(of_job, "pull_request", "jimin", "acme/deploy");
    let dependabot = told(of_job, "pull_request", "dependabot[bot]", "acme/app");
    let empty = told("", "push", "dependabot[bot]", "acme/app");
    insta::assert_snapshot!([&fork[..], &own, &dependabot, &empty].join("\n\n"), @"
    The server denied access: The token may not write acme/deploy (HTTP 403): Write access to repository not granted. Nothing was changed.
    This run is of a pull request from a fork, to which GitHub gives no secrets, and a GITHUB_TOKEN that only reads: deploy when it is merged, by a push to the branch.

    The server denied access: The token may not write acme/deploy (HTTP 403): Write access to repository not granted. Nothing was changed.
    Give the job `permissions: contents: write`. Where it has that: the settings of the organisation or repository (Actions → General → Workflow permissions) may hold the token to reading.

    The server denied access: The token may not write acme/deploy (HTTP 403): Write access to repository not granted. Nothing was changed.
    This run is Dependabot's, to which GitHub gives a GITHUB_TOKEN that only reads, and no secrets but those of Settings → Secrets and variables → Dependabot: put the secret there as well, or leave the job out with `if: github.actor != 'dependabot[bot]'`. The workflow's own GITHUB_TOKEN, which `token` defaults to, reaches only acme/app. Give `token` a fine-grained personal access token for acme/deploy with Contents: Read and write, or a GitHub App's token from an installation on acme/deploy with the permission contents: write.

    The inputs are not valid: `token`: empty: the repository is neither read nor written without one. This run is Dependabot's, to which GitHub gives a GITHUB_TOKEN that only reads, and no secrets but those of Settings → Secrets and variables → Dependabot: put the secret there as well, or leave the job out with `if: github.actor != 'dependabot[bot]'`
    Nothing was changed.
    ");
    assert_eq!(of_target, own);
}

/// Whoever makes a token by what is said needs no second one.
#[test]
fn a_token_is_asked_for_with_all_that_the_inputs_need() {
    let (server, repository) = start();
    let lines = "kustomization/web/*\ncheck:e2e\ndeployment:prod";
    let mut told_of = Vec::new();
    for kind in ["ghp_", "github_pat_", "ghs_", "none_of_githubs_"] {
        let update = || {
            update(&repository, true)
                .input("transport", "api")
                .input("token", format!("{kind}of_another"))
                .input("timeout", "2")
        };
        let waits = update()
            .input("status-context", lines)
            .input("verify-timeout", "2");
        let proposes = update().input("pull-request", "true");
        let reads = update()
            .input("operation", "verify")
            .input("image", "")
            .input("status-context", "kustomization/web/*")
            .input("verify-timeout", "2");
        let elsewhere = update().env("GITHUB_REPOSITORY", "acme/deploy");
        for action in [waits, proposes, reads, elsewhere] {
            let outcome = action.run().failed();
            assert!(!outcome.summary.contains("\\*"), "{}", outcome.summary);
            told_of.push(told(&server, &outcome));
        }
    }
    insta::assert_snapshot!(told_of.join("\n\n"), @"
    The token was refused: SERVER refuses the token (HTTP 401): Bad credentials. It is expired, revoked or mistyped. Nothing was changed.
    Make a new token, and put it into the secret that `token` comes from (Settings → Secrets and variables → Actions of the repository that runs this workflow). A classic token needs the scope `repo` (github.com/settings/tokens), and its owner write access to acme/deploy.

    The token was refused: SERVER refuses the token (HTTP 401): Bad credentials. It is expired, revoked or mistyped. Nothing was changed.
    Make a new token, and put it into the secret that `token` comes from (Settings → Secrets and variables → Actions of the repository that runs this workflow). A classic token needs the scope `repo` (github.com/settings/tokens), and its owner write access to acme/deploy.

    The token was refused: SERVER refuses the token (HTTP 401): Bad credentials. It is expired, revoked or mistyped. Nothing was changed.
    Make a new token, and put it into the secret that `token` comes from (Settings → Secrets and variables → Actions of the repository that runs this workflow). A classic token needs the scope `repo` (github.com/settings/tokens), and its owner read access to acme/deploy.

    The token was refused: SERVER refuses the token (HTTP 401): Bad credentials. It is expired, revoked or mistyped. Nothing was changed.
    Make a new token, and put it into the secret that `token` comes from (Settings → Secrets and variables → Actions of the repository that runs this workflow). A classic token needs the scope `repo` (github.com/settings/tokens), and its owner write access to acme/deploy.

    The token was refused: SERVER refuses the token (HTTP 401): Bad credentials. It is expired, revoked or mistyped. Nothing was changed.
    Make a new token, and put it into the secret that `token` comes from (Settings → Secrets and variables → Actions of the repository that runs this workflow). The token needs acme/deploy under Repository access, and Contents: Read and write, Commit statuses: Read, Checks: Read, Deployments: Read under Repository permissions (github.com/settings/personal-access-tokens); an organisation may have to approve it. *Checks: Read*: Not every fine-grained personal token can have it: one of a GitHub App can, and the workflow's own.

    The token was refused: SERVER refuses the token (HTTP 401): Bad credentials. It is expired, revoked or mistyped. Nothing was changed.
    Make a new token, and put it into the secret that `token` comes from (Settings → Secrets and variables → Actions of the repository that runs this workflow). The token needs acme/deploy under Repository access, and Contents: Read and write, Pull requests: Read and write under Repository permissions (github.com/settings/personal-access-tokens); an organisation may have to approve it.

    The token was refused: SERVER refuses the token (HTTP 401): Bad credentials. It is expired, revoked or mistyped. Nothing was changed.
    Make a new token, and put it into the secret that `token` comes from (Settings → Secrets and variables → Actions of the repository that runs this workflow). The token needs acme/deploy under Repository access, and Contents: Read, Commit statuses: Read under Repository permissions (github.com/settings/personal-access-tokens); an organisation may have to approve it.

    The token was refused: SERVER refuses the token (HTTP 401): Bad credentials. It is expired, revoked or mistyped. Nothing was changed.
    Make a new token, and put it into the secret that `token` comes from (Settings → Secrets and variables → Actions of the repository that runs this workflow). The token needs acme/deploy under Repository access, and Contents: Read and write under Repository permissions (github.com/settings/personal-access-tokens); an organisation may have to approve it.

    The token was refused: SERVER refuses the token (HTTP 401): Bad credentials. It is expired, revoked or mistyped. Nothing was changed.
    A token that starts with `ghs_` lives for an hour at most: mint it in the same job that uses it. The workflow's own GITHUB_TOKEN, which `token` defaults to, reaches only wlals2/blogsite. Give `token` a fine-grained personal access token for acme/deploy with Contents: Read and write, Commit statuses: Read, Checks: Read, Deployments: Read, or a GitHub App's token from an installation on acme/deploy with the permissions contents: write, statuses: read, checks: read and deployments: read.

    The token was refused: SERVER refuses the token (HTTP 401): Bad credentials. It is expired, revoked or mistyped. Nothing was changed.
    A token that starts with `ghs_` lives for an hour at most: mint it in the same job that uses it. The workflow's own GITHUB_TOKEN, which `token` defaults to, reaches only wlals2/blogsite. Give `token` a fine-grained personal access token for acme/deploy with Contents: Read and write, Pull requests: Read and write, or a GitHub App's token from an installation on acme/deploy with the permissions contents: write and pull_requests: write.

    The token was refused: SERVER refuses the token (HTTP 401): Bad credentials. It is expired, revoked or mistyped. Nothing was changed.
    A token that starts with `ghs_` lives for an hour at most: mint it in the same job that uses it. The workflow's own GITHUB_TOKEN, which `token` defaults to, reaches only wlals2/blogsite. Give `token` a fine-grained personal access token for acme/deploy with Contents: Read, Commit statuses: Read, or a GitHub App's token from an installation on acme/deploy with the permissions contents: read and statuses: read.

    The token was refused: SERVER refuses the token (HTTP 401): Bad credentials. It is expired, revoked or mistyped. Nothing was changed.
    A token that starts with `ghs_` lives for an hour at most: mint it in the same job that uses it. Give the job `permissions: contents: write`. Where it has that: the settings of the organisation or repository (Actions → General → Workflow permissions) may hold the token to reading.

    The token was refused: SERVER refuses the token (HTTP 401): Bad credentials. It is expired, revoked or mistyped. Nothing was changed.
    Make a new token, and put it into the secret that `token` comes from (Settings → Secrets and variables → Actions of the repository that runs this workflow). The token needs contents: write, statuses: read, checks: read and deployments: read on acme/deploy (a classic token: the scope `repo`).

    The token was refused: SERVER refuses the token (HTTP 401): Bad credentials. It is expired, revoked or mistyped. Nothing was changed.
    Make a new token, and put it into the secret that `token` comes from (Settings → Secrets and variables → Actions of the repository that runs this workflow). The token needs contents: write and pull_requests: write on acme/deploy (a classic token: the scope `repo`).

    The token was refused: SERVER refuses the token (HTTP 401): Bad credentials. It is expired, revoked or mistyped. Nothing was changed.
    Make a new token, and put it into the secret that `token` comes from (Settings → Secrets and variables → Actions of the repository that runs this workflow). The token needs contents: read and statuses: read on acme/deploy (a classic token: the scope `repo`).

    The token was refused: SERVER refuses the token (HTTP 401): Bad credentials. It is expired, revoked or mistyped. Nothing was changed.
    Make a new token, and put it into the secret that `token` comes from (Settings → Secrets and variables → Actions of the repository that runs this workflow). The token needs contents: write on acme/deploy (a classic token: the scope `repo`).
    ");
}

#[test]
fn a_proxy_that_is_dead_is_named_as_the_proxy() {
    let (server, repository) = start();
    let outcome = update(&repository, false)
        .input("repository", "https://git.example.com/acme/deploy")
        .input("token", "x")
        .input("timeout", "5")
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .run()
        .failed();
    let told = told(&server, &outcome);
    assert!(
        told.starts_with("A proxy or a firewall is in the way: The proxy on the way to git.example.com can't be reached"),
        "{told}"
    );
}

/// What is wrong with the inputs of an update of `repository`, which is not asked then.
fn inputs(change: impl FnOnce(Action) -> Action) -> String {
    let action = Action::new()
        .input("repository", "acme/deploy")
        .input("file", FILE)
        .input("image", "ghcr.io/acme/web:v2")
        .input("timeout", "1");
    let outcome = change(action).run().failed();
    let error = outcome
        .annotations()
        .into_iter()
        .find(|one| one.level == "error");
    let error = error.unwrap();
    format!("{}: {}", error.properties["title"], error.message)
}

#[test]
fn a_token_of_githubs_goes_nowhere_else() {
    for prefix in ["ghs_", "ghp_", "gho_", "ghu_", "github_pat_"] {
        let told = inputs(|action| {
            action
                .input("repository", "https://gitlab.example.com/acme/deploy")
                .input("token", format!("{prefix}0123456789"))
        });
        assert!(
            told.starts_with("The inputs are not valid: `token`: a token of GitHub's, which must not be sent to gitlab.example.com"),
            "{told}"
        );
    }
    // The workflow's own, where `token` is left out.
    let told =
        inputs(|action| action.input("repository", "https://gitlab.example.com/acme/deploy"));
    assert!(told.contains("which must not be sent to"), "{told}");
    // Another server's own token, and GitHub's on its own server.
    let reached = |told: String| {
        assert!(
            told.starts_with("The Git server is not available: "),
            "{told}"
        );
    };
    reached(inputs(|action| {
        let repository = "https://gitlab.invalid/acme/deploy";
        action
            .input("repository", repository)
            .input("token", "glpat-0123456789")
    }));
    reached(inputs(|action| {
        let server = "https://github.invalid";
        action
            .input("server-url", server)
            .input("api-url", "https://github.invalid/api/v3")
            .input("repository", "https://github.invalid/acme/deploy")
            .input("token", "ghs_0123456789")
    }));
}

#[test]
fn nothing_travels_unencrypted_unless_that_is_allowed() {
    let told = inputs(|action| {
        action
            .input("repository", "http://git.invalid/acme/deploy")
            .input("token", "x")
    });
    insta::assert_snapshot!(told, @"
    The inputs are not valid: `repository`: `http://` would send the token unencrypted to git.invalid: use https://. Where the way is private, `plaintext: true` allows it
    Nothing was changed.
    ");
    let told = inputs(|action| {
        action
            .input("server-url", "http://github.invalid")
            .input("api-url", "http://github.invalid/api/v3")
            .input("token", "x")
    });
    insta::assert_snapshot!(told, @"
    The inputs are not valid: `server-url`: `http://` would send the token unencrypted to github.invalid: use https://. Where the way is private, `plaintext: true` allows it
    `api-url`: `http://` would send the token unencrypted to github.invalid: use https://. Where the way is private, `plaintext: true` allows it
    Nothing was changed.
    ");
    for name in ["plaintext", "argocd-plaintext"] {
        let told = inputs(|action| {
            action
                .input("repository", "http://git.invalid/acme/deploy")
                .input("token", "x")
                .input(name, "true")
        });
        assert!(
            told.starts_with("The Git server is not available: "),
            "{told}"
        );
    }
}

#[test]
fn the_page_of_a_repository_says_what_to_write() {
    let told = inputs(|action| {
        let repository = "https://www.github.com/acme/deploy/tree/main";
        action.input("repository", repository).input("token", "x")
    });
    insta::assert_snapshot!(told, @"
    The inputs are not valid: `repository` `https://www.github.com/acme/deploy/tree/main`: the URL of a page of the repository: write `acme/deploy`, and what is behind it as `branch` and `file`
    Nothing was changed.
    ");
}
