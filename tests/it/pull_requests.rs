//! `pull-request: true`: what is proposed, brought up to date, and left alone.

use std::sync::Arc;

use crate::support::{
    Action, Fault, GitServer, Outcome, Repository, Rights, Step, TOKEN, Via, manifest,
};
use serde_json::Value as Json;

const FILE: &str = "apps/web.yaml";
const NAME: &str = "acme/deploy";

fn start() -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository_with(NAME, FILE, &manifest("v1"));
    (server, repository)
}

fn propose(repository: &Repository, tag: &str) -> Action {
    Action::new()
        .over(Via::Api, repository)
        .input("file", FILE)
        .input("image", format!("ghcr.io/acme/web:{tag}"))
        .input("pull-request", "true")
        .input("token", TOKEN)
        .input("timeout", "60")
}

/// The one pull request.
fn pull(server: &GitServer) -> Json {
    let mut pulls = server.github().pulls(NAME);
    assert_eq!(pulls.len(), 1, "{pulls:#?}");
    pulls.remove(0)
}

fn head(pull: &Json) -> String {
    pull["head"]["ref"].as_str().unwrap().to_owned()
}

/// What the branch of a pull request would bring to `main`.
fn brings(repository: &Repository, head: &str) -> String {
    repository.git(&["diff", "--unified=0", &format!("main...{head}")])
}

fn scrub(repository: &Repository, text: &str) -> String {
    let server = repository.server_url();
    let mut text = text
        .replace(server, "SERVER")
        .replace(server.trim_start_matches("http://"), "SERVER")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION");
    for (number, commit) in repository.log("--all").iter().rev().enumerate() {
        text = text
            .replace(&commit.id, &format!("COMMIT-{number}"))
            .replace(&commit.id[..7], &format!("commit-{number}"));
    }
    text
}

fn error(outcome: &Outcome) -> String {
    let errors = outcome.errors();
    let [error] = &errors[..] else {
        panic!("one error, please:\n{}", outcome.log())
    };
    error.clone()
}

#[test]
fn a_deployment_is_proposed() {
    let (server, repository) = start();
    let before = repository.tip("main");
    let outcome = propose(&repository, "v2").run().succeeded();
    assert_eq!(repository.tip("main"), before);
    let pull = pull(&server);
    let head = head(&pull);
    assert_eq!(outcome.output("changed"), "true");
    assert_eq!(outcome.output("commit-sha"), repository.tip(&head));
    assert_eq!(outcome.output("branch"), "main");
    assert_eq!(outcome.output("pull-request-number"), "1");
    assert_eq!(
        outcome.output("pull-request-url"),
        pull["html_url"].as_str().unwrap()
    );
    assert_eq!(repository.log(&head)[0].parents, [before]);
    assert_eq!(
        String::from_utf8(repository.show(&head, FILE)).unwrap(),
        manifest("v2")
    );
    repository.fsck();
    insta::assert_snapshot!(format!("{head}\n{}\n\n{}", pull["title"].as_str().unwrap(), pull["body"].as_str().unwrap()), @"
    gitops-deploy/web-01f5f21
    chore: update web image to v2

    | Resource | Container | Old image | New image | File |
    |---|---|---|---|---|
    | `Deployment/web` | `web` | `ghcr.io/acme/web:v1` | `ghcr.io/acme/web:v2` | `apps/web.yaml:6` |

    From `wlals2/blogsite` by [this run](https://github.com/wlals2/blogsite/actions/runs/123/attempts/1).

    Another deployment of the same to the same files updates this pull request while it is open.

    Deployed-Image: ghcr.io/acme/web:v2
    Previous-Image: ghcr.io/acme/web:v1
    Workflow-Run: https://github.com/wlals2/blogsite/actions/runs/123/attempts/1
    Argocd-reference-commit-sha: 8a3f5c1d9e7b2a4f6c8d0e1f3a5b7c9d1e3f5a7b
    Argocd-reference-commit-repourl: https://github.com/wlals2/blogsite
    Argocd-reference-commit-author: Jimin <jimin@example.com>
    Argocd-reference-commit-subject: feat: a new post
    ");
    insta::assert_snapshot!(scrub(&repository, &outcome.shown_log()), @"
    gitops-deploy VERSION: update in acme/deploy through GitHub's API (pull requests are made over it)
    Updating apps/web.yaml in acme/deploy
    Read main at commit-0
    Opened pull request #1 into main of acme/deploy: ghcr.io/acme/web:v2. https://github.example/acme/deploy/pull/1
    ::group::Diff
    --- a/apps/web.yaml
    +++ b/apps/web.yaml
    @@ -3,4 +3,4 @@
     spec:
       containers:
       - name: web
    -    image: ghcr.io/acme/web:v1
    +    image: ghcr.io/acme/web:v2
    ::endgroup::
    ");
    insta::assert_snapshot!(scrub(&repository, &outcome.summary), @"
    ### 🔀 Proposed `web:v2`

    [Pull request #1](https://github.example/acme/deploy/pull/1) of `gitops-deploy/web-01f5f21` into `main` of [`acme/deploy`](SERVER/acme/deploy) is open.

    | Resource | Container | Old image | New image | File |
    |---|---|---|---|---|
    | `Deployment/web` | `web` | `ghcr.io/acme/web:v1` | `ghcr.io/acme/web:v2` | [`apps/web.yaml:6`](SERVER/acme/deploy/blob/COMMIT-1/apps/web.yaml#L6) |

    <details open><summary>Diff</summary>

    ```diff
    --- a/apps/web.yaml
    +++ b/apps/web.yaml
    @@ -3,4 +3,4 @@
     spec:
       containers:
       - name: web
    -    image: ghcr.io/acme/web:v1
    +    image: ghcr.io/acme/web:v2
    ```

    </details>
    ");
}

#[test]
fn everything_that_was_asked_for_is_on_it() {
    let (server, repository) = start();
    let outcome = propose(&repository, "v2")
        .input("pull-request-branch", "deploy/web")
        .input("pull-request-title", "Deploy {name} {tag}")
        .input(
            "pull-request-body",
            "From {previous-tag} to {tag} in {file}.\n\nPlease look.",
        )
        .input("pull-request-labels", "deployment, web\nurgent")
        .input("pull-request-reviewers", "@jimin")
        .input("pull-request-team-reviewers", "acme/platform")
        .input("pull-request-assignees", "octocat")
        .input("pull-request-auto-merge", "squash")
        .run()
        .succeeded();
    assert_eq!(outcome.warnings(), Vec::<String>::new());
    let pull = pull(&server);
    assert_eq!(head(&pull), "deploy/web");
    assert_eq!(pull["title"], "Deploy web v2");
    let body = pull["body"].as_str().unwrap();
    let expected = "From v1 to v2 in apps/web.yaml.\n\nPlease look.\n\nDeployed-Image: ";
    assert!(body.starts_with(expected), "{body}");
    assert_eq!(pull["auto_merge"]["merge_method"], "squash");
    let names: Vec<&str> = pull["labels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|label| label["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["deployment", "web", "urgent"]);
    assert_eq!(pull["requested_reviewers"][0]["login"], "jimin");
    assert_eq!(pull["requested_teams"][0]["slug"], "platform");
    assert_eq!(pull["assignees"][0]["login"], "octocat");
}

#[test]
fn a_branch_that_git_can_not_have_beside_another_one_is_told_by_that() {
    for (existing, asked) in [
        ("deploy", "deploy/api"),
        ("deploy/api/v2", "deploy/api"),
        ("deploy", "deploy/a#b%c"),
    ] {
        let (server, repository) = start();
        repository.set_branch(existing, "main");
        // It only looks as if it were in the way.
        repository.set_branch("deployed", "main");
        let outcome = propose(&repository, "v2")
            .input("pull-request-branch", asked)
            .run()
            .failed();
        assert!(server.github().pulls("acme/deploy").is_empty());
        let error = scrub(&repository, &outcome.errors()[0]);
        assert!(error.contains(&format!("`{asked}` can't be made in acme/deploy: there is a branch `{existing}`, and Git can't have both")), "{error}");
        assert!(!outcome.log().contains("someone else"), "{}", outcome.log());
    }
}

#[test]
fn what_is_refused_of_it_is_a_warning() {
    let (server, repository) = start();
    let outcome = propose(&repository, "v2")
        .input("pull-request-reviewers", "ghost")
        .input("pull-request-assignees", "ghost")
        .run()
        .succeeded();
    pull(&server);
    insta::assert_snapshot!(scrub(&repository, &outcome.warnings().join("\n")), @"
    Pull request #1: not all of ghost can be assigned: GitHub assigns only people who have access to the repository
    The pull request is there, but nobody was asked for a review: SERVER answered HTTP 422: Reviews may only be requested from collaborators
    ");
}

#[test]
fn a_second_run_updates_the_open_one() {
    let (server, repository) = start();
    propose(&repository, "v2").run().succeeded();
    let first = head(&pull(&server));
    let before = repository.tip(&first);
    let outcome = propose(&repository, "v3").run().succeeded();
    let pull = pull(&server);
    assert_eq!(head(&pull), first);
    assert!(pull["title"].as_str().unwrap().contains("v3"), "{pull:#}");
    assert_eq!(repository.log(&first)[0].parents, [before]);
    assert!(
        brings(&repository, &first)
            .contains("-    image: ghcr.io/acme/web:v1\n+    image: ghcr.io/acme/web:v3")
    );
    assert!(
        outcome.shown_log().contains("Updated pull request #1"),
        "{}",
        outcome.shown_log()
    );
}

#[test]
fn the_same_again_says_so_and_does_nothing() {
    let (server, repository) = start();
    propose(&repository, "v2").run().succeeded();
    let tip = repository.tip(&head(&pull(&server)));
    let outcome = propose(&repository, "v2").run().succeeded();
    assert_eq!(repository.tip(&head(&pull(&server))), tip);
    assert_eq!(outcome.output("changed"), "false");
    assert_eq!(outcome.output("commit-sha"), tip);
    assert_eq!(outcome.output("pull-request-number"), "1");
    assert!(
        outcome.shown_log().contains("Nothing new: pull request #1"),
        "{}",
        outcome.shown_log()
    );
    // What the branch itself holds needs none.
    let outcome = propose(&repository, "v1").run().succeeded();
    assert_eq!(outcome.output("changed"), "false");
    assert_eq!(outcome.output("pull-request-number"), "");
    pull(&server);
}

#[test]
fn another_image_or_file_has_a_pull_request_of_its_own() {
    let (server, repository) = start();
    repository.commit(
        "main",
        "apps/api.yaml",
        "image: ghcr.io/acme/api:v1\n",
        "feat: api",
    );
    propose(&repository, "v2").run().succeeded();
    propose(&repository, "v2")
        .input("file", "apps/api.yaml")
        .input("image", "ghcr.io/acme/api:v2")
        .run()
        .succeeded();
    let pulls = server.github().pulls(NAME);
    assert_eq!(pulls.len(), 2);
    assert_ne!(head(&pulls[0]), head(&pulls[1]));
}

#[test]
fn commits_of_others_on_its_branch_are_never_overwritten() {
    let (server, repository) = start();
    propose(&repository, "v2").run().succeeded();
    let branch = head(&pull(&server));
    let theirs = manifest("v2").replace("name: web\n", "name: web # ours\n");
    repository.commit(&branch, FILE, theirs.as_str(), "fix: by hand");
    let before = repository.git(&["for-each-ref"]);
    let outcome = propose(&repository, "v3").run().failed();
    assert_eq!(repository.git(&["for-each-ref"]), before);
    insta::assert_snapshot!(scrub(&repository, &error(&outcome)), @"
    The branch `gitops-deploy/web-01f5f21` of acme/deploy holds a commit that this action did not make: commit-2 by A colleague (`fix: by hand`). Nothing was changed.
    Merge or close that pull request and delete its branch, or name another one with `pull-request-branch`.
    ");
}

#[test]
fn a_target_that_moved_on_is_brought_in_without_force() {
    let (server, repository) = start();
    propose(&repository, "v2").run().succeeded();
    let branch = head(&pull(&server));
    let old = repository.tip(&branch);
    let theirs = manifest("v1").replace("kind: Deployment", "kind: StatefulSet");
    repository.commit("main", FILE, theirs.as_str(), "feat: stateful");
    propose(&repository, "v3").run().succeeded();
    assert_eq!(
        repository.log(&branch)[0].parents,
        [old, repository.tip("main")]
    );
    // Exactly the edit, on top of what others did.
    let brought = brings(&repository, &branch);
    let lines: Vec<&str> = brought
        .lines()
        .filter(|line| {
            line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---")
        })
        .collect();
    assert_eq!(
        lines,
        [
            "-    image: ghcr.io/acme/web:v1",
            "+    image: ghcr.io/acme/web:v3"
        ]
    );
}

#[test]
fn a_repository_that_was_renamed_is_found_by_its_old_name() {
    let (server, repository) = start();
    server.github().rename("former/name", NAME);
    let former = |tag: &str| propose(&repository, tag).input("repository", "former/name");
    let outcome = former("v2")
        .input("pull-request-labels", "deployment")
        .input("pull-request-assignees", "octocat")
        .run()
        .succeeded();
    assert_eq!(outcome.warnings(), Vec::<String>::new());
    let opened = pull(&server);
    assert_eq!(opened["labels"][0]["name"], "deployment");
    assert_eq!(opened["assignees"][0]["login"], "octocat");

    former("v3").run().succeeded();
    let updated = pull(&server);
    assert_eq!(updated["title"], "chore: update web image to v3");
    assert_eq!(head(&updated), head(&opened));
}

#[test]
fn a_branch_that_was_left_over_is_used_again() {
    // Squashed into its target, so that its own commit is nowhere else.
    let (server, repository) = start();
    server.github().require_nothing();
    let outcome = propose(&repository, "v2")
        .input("pull-request-auto-merge", "squash")
        .run()
        .succeeded();
    assert!(
        outcome.shown_log().contains("Merged pull request #1"),
        "{}",
        outcome.shown_log()
    );
    assert_eq!(
        String::from_utf8(repository.show("main", FILE)).unwrap(),
        manifest("v2")
    );
    let branch = head(&pull(&server));
    let old = repository.tip(&branch);
    propose(&repository, "v3").run().succeeded();
    let pulls = server.github().pulls(NAME);
    assert_eq!((pulls.len(), head(&pulls[1])), (2, branch.clone()));
    assert_eq!(
        repository.log(&branch)[0].parents,
        [old, repository.tip("main")]
    );
    assert!(
        brings(&repository, &branch)
            .contains("-    image: ghcr.io/acme/web:v2\n+    image: ghcr.io/acme/web:v3")
    );
    // Merged with all its commits: the branch goes forward to its target.
    repository.set_branch("main", &branch);
    server
        .github()
        .edit_pull(2, |pull| pull["state"] = "closed".into());
    propose(&repository, "v4").run().succeeded();
    assert_eq!(repository.log(&branch)[0].parents, [repository.tip("main")]);
    assert_eq!(server.github().pulls(NAME).len(), 3);
}

#[test]
fn two_at_once_end_with_both_commits_on_one_pull_request() {
    let (server, repository) = start();
    let runs: Vec<_> = ["v2", "v3", "v4"]
        .map(|tag| propose(&repository, tag).spawn())
        .into();
    for run in runs {
        run.wait().succeeded();
    }
    let branch = head(&pull(&server));
    assert_eq!(repository.log(&format!("main..{branch}")).len(), 3);
    repository.fsck();
}

#[test]
fn an_answer_that_is_lost_is_no_second_commit_and_no_second_pull_request() {
    for step in [Step::Rest("POST git/refs"), Step::Rest("POST pulls")] {
        let (server, repository) = start();
        server.fault(step.nth(1), Fault::DropAnswer);
        propose(&repository, "v2").run().succeeded();
        let branch = head(&pull(&server));
        assert_eq!(
            repository.log(&format!("main..{branch}")).len(),
            1,
            "{step:?}"
        );
    }
}

/// An answer that was lost is looked for, also where that takes more than one look.
#[test]
fn a_look_for_what_was_opened_fails_and_is_taken_again() {
    let (server, repository) = start();
    server.fault(Step::Rest("POST pulls").nth(1), Fault::DropAnswer);
    server.fault(Step::Rest("GET pulls").nth(1), Fault::status(502));
    let outcome = propose(&repository, "v2").run().succeeded();
    pull(&server);
    assert_eq!(server.count(Step::Rest("POST pulls")), 1);
    let log = outcome.shown_log();
    assert!(log.contains("Opened pull request #1"), "{log}");
}

/// What was read before the commit is not held to be so for ever.
#[test]
fn one_that_is_closed_while_it_is_updated_is_followed_by_another() {
    let (server, repository) = start();
    let server = Arc::new(server);
    propose(&repository, "v2").run().succeeded();
    let closed = Arc::clone(&server);
    server.before(Step::Rest("PATCH pulls").nth(1), move || {
        closed
            .github()
            .edit_pull(1, |pull| pull["state"] = "closed".into());
    });
    let outcome = propose(&repository, "v3").run().succeeded();
    let pulls = server.github().pulls(NAME);
    assert_eq!(pulls.len(), 2);
    assert_eq!(pulls[1]["title"], "chore: update web image to v3");
    assert_eq!(outcome.output("pull-request-number"), "2");
    let log = outcome.shown_log();
    assert!(log.contains("Opened pull request #2"), "{log}");
}

/// What was merged with the new commit before its title could be changed is deployed: there is nothing more to open.
#[test]
fn one_that_is_merged_while_it_is_updated_is_told_as_merged() {
    for is_answered in [true, false] {
        let (server, repository) = start();
        let server = Arc::new(server);
        propose(&repository, "v2").run().succeeded();
        let (there, at) = (Arc::clone(&server), repository.clone());
        let step = || Step::Rest("PATCH pulls").nth(1);
        let merge = move || {
            let head = head(&pull(&there));
            let message = at.git(&["log", "-1", "--format=%B", &head]);
            at.commit("main", FILE, manifest("v3"), &message);
            let last = at.tip(&head);
            there.github().edit_pull(1, |pull| {
                pull["state"] = "closed".into();
                pull["merged"] = true.into();
                pull["head"]["sha"] = last.into();
            });
        };
        server.before(step(), merge);
        if !is_answered {
            server.fault(step(), Fault::DropAnswer);
        }
        let outcome = propose(&repository, "v3").run().succeeded();
        let log = outcome.shown_log();
        assert_eq!(server.github().pulls(NAME).len(), 1, "{log}");
        assert_eq!(outcome.output("pull-request-state"), "merged", "{log}");
        assert_eq!(outcome.output("commit-sha"), repository.tip("main"));
        assert!(
            log.contains("Pull request #1 was merged while it was brought up to date"),
            "{log}"
        );
    }
}

#[test]
fn one_that_is_opened_while_the_commit_is_made_is_brought_up_to_date() {
    let (server, repository) = start();
    let server = Arc::new(server);
    propose(&repository, "v2").run().succeeded();
    let there = Arc::clone(&server);
    let edit = move |state: &'static str| {
        there
            .github()
            .edit_pull(1, |pull| pull["state"] = state.into());
    };
    edit("closed");
    server.before(Step::Mutation("updateRefs").nth(1), move || edit("open"));
    let outcome = propose(&repository, "v3").run().succeeded();
    let pull = pull(&server);
    assert_eq!(pull["title"], "chore: update web image to v3");
    assert_eq!(outcome.output("pull-request-number"), "1");
}

/// A token that may write the files and see no pull requests is refused before there is anything to see.
#[test]
fn a_token_that_sees_no_pull_requests_changes_nothing() {
    let (server, repository) = start();
    propose(&repository, "v2").run().succeeded();
    server.github().hide_pulls();
    let before = repository.git(&["for-each-ref"]);
    let outcome = propose(&repository, "v3").run().failed();
    assert_eq!(repository.git(&["for-each-ref"]), before);
    insta::assert_snapshot!(scrub(&repository, &error(&outcome)), @"
    The token may not read acme/deploy (FORBIDDEN): pull requests: Resource not accessible by personal access token. Nothing was changed.
    The token needs acme/deploy under Repository access, and Contents: Read and write, Pull requests: Read and write under Repository permissions (github.com/settings/personal-access-tokens); an organisation may have to approve it.
    ");
}

#[test]
fn an_author_of_ones_own_is_the_commits() {
    let (server, repository) = start();
    propose(&repository, "v2")
        .input("author-name", "Jimin")
        .input("author-email", "jimin@example.com")
        .run()
        .succeeded();
    assert_eq!(
        repository.log(&head(&pull(&server)))[0].author,
        "Jimin <jimin@example.com>"
    );
}

#[test]
fn git_as_transport_opens_one_too_and_a_dry_run_none() {
    let (server, repository) = start();
    let before = repository.git(&["for-each-ref"]);
    let outcome = propose(&repository, "v2")
        .input("dry-run", "true")
        .run()
        .succeeded();
    assert_eq!(repository.git(&["for-each-ref"]), before);
    assert_eq!(outcome.output("changed"), "true");
    assert_eq!(server.github().pulls(NAME).len(), 0);
    let verdict = "### 🔍 Dry run: would propose `web:v2`\n";
    assert!(outcome.summary.starts_with(verdict), "{}", outcome.summary);
    let sentence = "Dry run: a pull request into main of acme/deploy would propose ghcr.io/acme/web:v2. Nothing was pushed.";
    assert!(outcome.log().contains(sentence), "{}", outcome.log());
    let outcome = propose(&repository, "v2")
        .input("transport", "git")
        .run()
        .succeeded();
    assert!(
        outcome
            .shown_log()
            .contains("pull requests are made over it"),
        "{}",
        outcome.shown_log()
    );
    pull(&server);
}

#[test]
fn a_rollback_can_be_proposed() {
    let (server, repository) = start();
    repository.commit(
        "main",
        FILE,
        manifest("v2").as_str(),
        "chore: update web image to v2",
    );
    let undone = repository.tip("main");
    let action = || {
        Action::new()
            .over(Via::Api, &repository)
            .input("operation", "rollback")
            .input("file", FILE)
            .input("pull-request", "true")
            .input("token", TOKEN)
    };
    action().run().succeeded();
    let one = pull(&server);
    assert_eq!(one["title"], "Revert \"chore: update web image to v2\"");
    let branch = head(&one);
    assert!(branch.starts_with("gitops-deploy/rollback-"), "{branch}");
    assert_eq!(
        String::from_utf8(repository.show(&branch, FILE)).unwrap(),
        manifest("v1")
    );
    assert!(
        repository.log(&branch)[0]
            .message
            .contains(&format!("This reverts commit {undone}."))
    );
    let again = action().run().succeeded();
    assert_eq!(again.output("changed"), "false");
    pull(&server);
}

#[test]
fn a_token_that_may_not_is_told_what_it_lacks() {
    let told = |words: &'static str| {
        let (server, repository) = start();
        server.github().forbid_pulls(words);
        let outcome = propose(&repository, "v2").run().failed();
        assert_eq!(server.github().pulls(NAME).len(), 0);
        scrub(&repository, &error(&outcome))
    };
    let told = [
        told("Resource not accessible by personal access token"),
        told("GitHub Actions is not permitted to create or approve pull requests."),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    Commit commit-1 is on the branch `gitops-deploy/web-01f5f21` of acme/deploy, but no pull request into main could be opened: the server denied write access (HTTP 403): Resource not accessible by personal access token.
    The token needs *Pull requests: Read and write* as well: `pull-requests: write` for a workflow's own, `pull_requests: write` for a GitHub App's.
    Commit commit-1 is on the branch `gitops-deploy/web-01f5f21` of acme/deploy, but no pull request into main could be opened: the server denied write access (HTTP 403): GitHub Actions is not permitted to create or approve pull requests.
    Allow it: Settings → Actions → General → *Allow GitHub Actions to create and approve pull requests*; or use another token.
    ");
    let (server, repository) = start();
    server.grant(TOKEN, Rights::ReadOnly);
    let before = repository.git(&["for-each-ref"]);
    propose(&repository, "v2").run().failed();
    assert_eq!(repository.git(&["for-each-ref"]), before);
}

#[test]
fn what_can_be_no_pull_request_is_an_error_of_the_inputs() {
    let told = |change: fn(Action) -> Action| {
        let action = Action::new()
            .input("repository", "https://gitlab.example.com/acme/deploy")
            .input("file", FILE)
            .input("image", "a:1")
            .input("token", TOKEN)
            .input("pull-request", "true");
        error(&change(action).run().failed())
    };
    let told = [
        told(|action| action),
        told(|action| {
            action
                .input("repository", "acme/deploy")
                .input("branch", "main")
                .input("pull-request-branch", "main")
                .input("pull-request-auto-merge", "fast")
                .input("pull-request-title", "{tga}")
                .input("argocd-application", "web")
                .input("argocd-server", "argocd.example.com")
                .input("argocd-token", "x")
                .input("status-context", "kustomization/web/*")
        }),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    `token`: a token of GitHub's, which must not be sent to gitlab.example.com: give a token of that server (left out, `token` is the workflow's own GITHUB_TOKEN)
    Nothing was changed.
    `pull-request-auto-merge` `fast`: expected `merge`, `squash` or `rebase`
    `argocd-application`: a pull request deploys nothing before it is merged: wait for that with `pull-request-wait`, or for Argo CD later, with `operation: verify`
    `status-context`: a pull request deploys nothing before it is merged: wait for that with `pull-request-wait`, or for it later, with `operation: verify`
    `pull-request-branch` `main`: the branch that it is to be merged into
    `status-context`: what is posted on commits is read over GitHub's API, and `api-url` is of another server than `server-url`, and the token is not sent there
    Nothing was changed.
    ");
}

#[test]
fn the_target_itself_is_never_pushed_to() {
    let (server, repository) = start();
    let before = repository.git(&["for-each-ref"]);
    // The default branch, which only the repository names.
    let outcome = propose(&repository, "v2")
        .input("pull-request-branch", "main")
        .run()
        .failed();
    assert_eq!(repository.git(&["for-each-ref"]), before);
    assert_eq!(server.github().pulls(NAME).len(), 0);
    assert!(
        error(&outcome).contains("the branch that it is to be merged into"),
        "{}",
        error(&outcome)
    );
}

const MERGE_METHODS: [&str; 3] = ["merge", "squash", "rebase"];

#[test]
fn what_a_merge_says_is_what_the_commit_says() {
    for method in MERGE_METHODS {
        let (server, repository) = start();
        propose(&repository, "v2")
            .input("pull-request-auto-merge", method)
            .run()
            .succeeded();
        let pull = pull(&server);
        let message = repository.log(&head(&pull))[0].message.clone();
        let (headline, body) = message.split_once("\n\n").unwrap();
        let merge = &pull["auto_merge"];
        assert_eq!(pull["auto_merge_head"], repository.tip(&head(&pull)));
        if method == "rebase" {
            // It makes no commit of its own.
            assert!(merge["commit_title"].is_null() && merge["commit_message"].is_null());
        } else {
            assert_eq!(merge["commit_title"], headline);
            assert_eq!(merge["commit_message"], body.trim());
        }
        // And for whoever merges by hand, with GitHub's own text.
        let text = pull["body"].as_str().unwrap();
        assert!(text.ends_with(&format!("\n\n{}", body.trim())), "{text}");
    }
}

#[test]
fn a_squashed_deployment_is_known_and_can_be_rolled_back() {
    let (server, repository) = start();
    server.github().require_nothing();
    propose(&repository, "v2")
        .input("pull-request-auto-merge", "squash")
        .run()
        .succeeded();
    let squashed = repository.tip("main");
    let action = |operation: &str| {
        Action::new()
            .over(Via::Api, &repository)
            .input("operation", operation)
            .input("file", FILE)
            .input("token", TOKEN)
    };
    let history = action("history").run().succeeded();
    let deployments: Json = serde_json::from_str(history.output("deployments")).unwrap();
    assert_eq!(deployments[0]["commit"], squashed, "{deployments:#}");
    assert_eq!(deployments[0]["kind"], "update", "{deployments:#}");
    action("rollback").run().succeeded();
    let rolled_back = String::from_utf8(repository.show("main", FILE)).unwrap();
    assert_eq!(rolled_back, manifest("v1"));
}

#[test]
fn what_only_a_pull_request_had_is_no_way_back() {
    let (server, repository) = start();
    let run = |action: Action, id: &str| action.env("GITHUB_RUN_ID", id).run().succeeded();
    run(propose(&repository, "v2"), "15");
    run(propose(&repository, "v3"), "16");
    let head = head(&pull(&server));
    // As *Rebase and merge* does, onto what came meanwhile.
    repository.commit("main", "README.md", "x", "docs: by hand");
    let git = |args: &[&str]| repository.git(args).trim().to_owned();
    for commit in git(&["rev-list", "--reverse", &format!("main..{head}")]).lines() {
        let message = git(&["log", "-1", "--format=%B", commit]);
        let base = format!("--merge-base={commit}^");
        let tree = git(&["merge-tree", "--write-tree", &base, "main", commit]);
        let rebased = git(&["commit-tree", &tree, "-m", &message, "-p", "main"]);
        repository.set_branch("main", &rebased);
    }
    let action = |operation: &str| {
        Action::new()
            .over(Via::Api, &repository)
            .input("operation", operation)
            .input("file", FILE)
            .input("token", TOKEN)
    };
    let measured = || {
        let metrics = action("history").run().succeeded();
        let metrics: Json = serde_json::from_str(metrics.output("metrics")).unwrap();
        let all = &metrics["all"];
        let count = |of: &Json| of.as_u64().unwrap();
        (
            count(&all["deployments"]["count"]),
            count(&all["change_failure_rate"]["failed"]),
        )
    };
    assert_eq!(measured(), (1, 0));
    let outcome = action("rollback").run().succeeded();
    assert_eq!(
        String::from_utf8(repository.show("main", FILE)).unwrap(),
        manifest("v1")
    );
    assert_eq!(outcome.output("undone-commit-sha").lines().count(), 2);
    assert_eq!(measured(), (1, 1));
}

#[test]
fn a_proposed_rollback_that_was_squashed_is_passed_over() {
    let (server, repository) = start();
    server.github().require_nothing();
    let merge = |action: Action| {
        let action = action.input("pull-request-auto-merge", "squash");
        action.run().succeeded()
    };
    merge(propose(&repository, "v2"));
    merge(propose(&repository, "v3"));
    for version in ["v2", "v1"] {
        let rollback = Action::new()
            .over(Via::Api, &repository)
            .input("operation", "rollback")
            .input("file", FILE)
            .input("pull-request", "true")
            .input("token", TOKEN);
        merge(rollback);
        let runs = String::from_utf8(repository.show("main", FILE)).unwrap();
        assert_eq!(runs, manifest(version));
    }
}

/// What the log says of a pull request that is to be merged, where GitHub is so.
fn merged(github: fn(&crate::support::Github)) -> (GitServer, Outcome) {
    let (server, repository) = start();
    github(server.github());
    let outcome = propose(&repository, "v2")
        .input("pull-request-auto-merge", "squash")
        .run()
        .succeeded();
    (server, outcome)
}

#[test]
fn it_is_merged_at_once_where_nothing_is_missing() {
    for state in [
        (|github| github.set_merge_state("CLEAN")) as fn(&crate::support::Github),
        |github| github.set_merge_state("UNSTABLE"),
        |github| github.set_merge_state("HAS_HOOKS"),
        |github| {
            github.set_merge_state("CLEAN");
            github.disallow_auto_merge();
        },
    ] {
        let (server, outcome) = merged(state);
        assert_eq!(pull(&server)["merged"], true);
        assert_eq!(outcome.warnings(), Vec::<String>::new());
        assert!(outcome.shown_log().contains("Merged pull request #1"));
    }
}

/// Something is missing, and nothing will do it.
#[test]
fn what_is_not_merged_says_why_and_what_to_do() {
    let warned = |github: fn(&crate::support::Github), method: &str, draft: &str| {
        let (server, repository) = start();
        github(server.github());
        let outcome = propose(&repository, "v2")
            .input("pull-request-auto-merge", method)
            .input("pull-request-draft", draft)
            .run()
            .succeeded();
        let pull = pull(&server);
        assert_eq!(
            (&pull["merged"], &pull["draft"]),
            (&false.into(), &(draft == "true").into())
        );
        scrub(&repository, &outcome.warnings().join("\n"))
    };
    let told = [
        warned(|github| github.disallow_auto_merge(), "squash", "false"),
        warned(|github| github.allow_only("squash"), "merge", "false"),
        warned(
            |github| {
                github.require_nothing();
                github.allow_only("squash");
            },
            "merge",
            "false",
        ),
        warned(|_| {}, "squash", "true"),
        warned(|github| github.require_nothing(), "squash", "true"),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    The pull request is there, but it will not be merged by itself: Auto merge is not allowed for this repository. Switch on *Allow auto-merge* in the repository's settings
    The pull request is there, but it will not be merged by itself: Merge method merge commits are not allowed on this repository. Set `pull-request-auto-merge` to a way that the repository's settings allow
    The pull request is there, but it will not be merged by itself: SERVER answered HTTP 405: Merge commits are not allowed on this repository. Set `pull-request-auto-merge` to a way that the repository's settings allow
    The pull request is there, but it will not be merged by itself: Pull Request is still a draft. A draft is not merged: leave `pull-request-draft` out, or mark it as ready
    The pull request is there, but it will not be merged by itself: SERVER answered HTTP 405: Pull Request is still a draft. A draft is not merged: leave `pull-request-draft` out, or mark it as ready
    ");
}

/// A merge that an earlier deployment asked for says what that deployed.
#[test]
fn the_merge_of_an_earlier_deployment_is_not_taken_for_this_ones() {
    let (server, repository) = start();
    let merging = |tag: &str| propose(&repository, tag).input("pull-request-auto-merge", "squash");
    merging("v2").run().succeeded();
    let already = serde_json::json!({
        "data": {"enablePullRequestAutoMerge": null},
        "errors": [{"type": "UNPROCESSABLE", "path": ["enablePullRequestAutoMerge"], "message": "Auto merge is already enabled"}],
    });
    let json = ("Content-Type".to_owned(), "application/json".to_owned());
    server.fault(
        Step::Mutation("enablePullRequestAutoMerge").every(),
        Fault::Status(200, vec![json], already.to_string()),
    );
    let again = merging("v2").run().succeeded();
    assert_eq!(again.warnings(), Vec::<String>::new());
    let other = merging("v3").run().succeeded();
    assert_eq!(other.warnings().len(), 1, "{}", other.log());
}

#[test]
fn a_merge_queue_is_joined() {
    let (server, outcome) = merged(|github| {
        github.require_nothing();
        github.require_a_merge_queue();
    });
    let pull = pull(&server);
    assert_eq!(
        (&pull["merged"], &pull["queued"]),
        (&false.into(), &pull["head"]["sha"])
    );
    assert_eq!(outcome.warnings(), Vec::<String>::new());
    let log = outcome.shown_log();
    assert!(log.contains("Queued pull request #1"), "{log}");
    assert!(
        outcome.summary.contains("is in the merge queue of"),
        "{}",
        outcome.summary
    );
}

/// Everything that can be asked for after the commit, and the requests that it takes.
fn everything(repository: &Repository) -> Action {
    propose(repository, "v2")
        .input("pull-request-labels", "deployment")
        .input("pull-request-assignees", "octocat")
        .input("pull-request-reviewers", "jimin")
        .input("pull-request-auto-merge", "squash")
}

const AFTER_THE_COMMIT: [(Step, usize); 5] = [
    (Step::Rest("POST pulls"), 1),
    (Step::Rest("POST issues"), 1),
    (Step::Rest("POST issues"), 2),
    // The reviewers.
    (Step::Rest("POST pulls"), 2),
    (Step::Mutation("enablePullRequestAutoMerge"), 1),
];

fn is_complete(case: &str, server: &GitServer, repository: &Repository) {
    let pull = pull(server);
    assert_eq!(pull["labels"].as_array().unwrap().len(), 1, "{case}");
    assert_eq!(pull["assignees"][0]["login"], "octocat", "{case}");
    assert_eq!(pull["requested_reviewers"][0]["login"], "jimin", "{case}");
    assert_eq!(pull["auto_merge"]["merge_method"], "squash", "{case}");
    let commits = repository.log(&format!("main..{}", head(&pull)));
    assert_eq!(commits.len(), 1, "{case}");
}

/// In GitHub's own words.
fn limited(status: u16, words: &str) -> Fault {
    let header = ("Content-Type".to_owned(), "application/json".to_owned());
    Fault::Status(status, vec![header], format!(r#"{{"message": "{words}"}}"#))
}

#[test]
fn trouble_after_the_commit_is_waited_through() {
    let faults = [
        Fault::Reset,
        Fault::Truncate(10),
        Fault::Status(
            200,
            vec![("Content-Type".to_owned(), "text/html".to_owned())],
            "<html>".to_owned(),
        ),
        Fault::Status(200, Vec::new(), "{\"number\": 1, ".to_owned()),
        Fault::Status(200, Vec::new(), String::new()),
        limited(422, "Validation Failed: was submitted too quickly"),
    ];
    std::thread::scope(|scope| {
        for fault in faults {
            scope.spawn(move || {
                for (step, nth) in AFTER_THE_COMMIT {
                    let case = format!("{fault:?} at {step:?} {nth}");
                    let (server, repository) = start();
                    server.fault(step.nth(nth), fault.clone());
                    let outcome = everything(&repository).run();
                    assert_eq!(outcome.code(), Some(0), "{case}:\n{}", outcome.log());
                    assert_eq!(outcome.warnings(), Vec::<String>::new(), "{case}");
                    is_complete(&case, &server, &repository);
                }
            });
        }
    });
}

#[test]
fn trouble_that_lasts_fails_the_step_and_says_what_is_there() {
    let blocked = "You have exceeded a secondary rate limit and have been temporarily blocked from content creation.";
    std::thread::scope(|scope| {
        for fault in [Fault::Reset, limited(403, blocked)] {
            scope.spawn(move || {
                for (step, nth) in AFTER_THE_COMMIT {
                    let case = format!("{fault:?} at {step:?} from the {nth}. on");
                    let (server, repository) = start();
                    // Those before are answered.
                    server.fault(step.from(nth), fault.clone());
                    let outcome = everything(&repository).input("timeout", "3").run().failed();
                    let error = error(&outcome);
                    assert!(
                        error.contains(" is on the branch `gitops-deploy/web-")
                            && error.contains("Run the job again"),
                        "{case}: {error}"
                    );
                    let opened = (step, nth) != AFTER_THE_COMMIT[0];
                    assert_eq!(
                        server.github().pulls(NAME).len(),
                        usize::from(opened),
                        "{case}"
                    );
                    assert_eq!(
                        error.contains("pull request #1 is open (http"),
                        opened,
                        "{case}: {error}"
                    );
                    // What is missing is done by the next run.
                    server.heal();
                    let again = everything(&repository).run().succeeded();
                    assert_eq!(again.warnings(), Vec::<String>::new(), "{case}");
                    is_complete(&case, &server, &repository);
                }
            });
        }
    });
}

/// Who wonders why nothing happens reads this log.
#[test]
fn what_a_workflows_own_token_does_not_start_is_said() {
    let (server, repository) = start();
    let own = "ghs_theWorkflowsOwn";
    server.grant(own, Rights::ReadWrite);
    for (tag, token, merge, is_said) in [
        ("v2", own, "squash", true),
        ("v3", own, "", false),
        ("v4", TOKEN, "squash", false),
    ] {
        let outcome = propose(&repository, tag)
            .input("token", token)
            .input("pull-request-auto-merge", merge)
            .run()
            .succeeded();
        let log = outcome.shown_log();
        let said = log.contains("starts no checks, and its merge starts no workflow");
        assert_eq!(said, is_said, "{tag}: {log}");
    }
}

#[test]
fn a_base_that_was_modified_is_merged_into_on_the_next_try() {
    let (server, repository) = start();
    server.github().require_nothing();
    server.fault(
        Step::Rest("PUT pulls").nth(1),
        limited(
            405,
            "Base branch was modified. Review and try the merge again.",
        ),
    );
    propose(&repository, "v2")
        .input("pull-request-auto-merge", "merge")
        .run()
        .succeeded();
    assert_eq!(pull(&server)["merged"], true);
}

#[test]
fn a_merge_whose_answer_is_lost_is_seen() {
    for fault in [Fault::DropAnswer, Fault::StatusAfter(502)] {
        let (server, repository) = start();
        server.github().require_nothing();
        server.fault(Step::Rest("PUT pulls").nth(1), fault);
        let outcome = propose(&repository, "v2")
            .input("pull-request-auto-merge", "merge")
            .run()
            .succeeded();
        assert_eq!(outcome.warnings(), Vec::<String>::new());
        assert!(outcome.shown_log().contains("Merged pull request #1"));
        assert_eq!(repository.log("main").len(), 2);
    }
}

#[test]
fn what_no_second_run_cures_says_so() {
    let (server, repository) = start();
    server.fault(
        Step::Rest("POST pulls").nth(1),
        limited(
            422,
            "Validation Failed: Draft pull requests are not supported in this repository.",
        ),
    );
    let told = error(
        &propose(&repository, "v2")
            .input("pull-request-draft", "true")
            .run()
            .failed(),
    );
    assert!(told.contains("Leave `pull-request-draft` out"), "{told}");

    let (server, repository) = start();
    propose(&repository, "v2")
        .input("pull-request-title", "x".repeat(300))
        .run()
        .succeeded();
    let title = pull(&server)["title"].as_str().unwrap().to_owned();
    assert_eq!((title.chars().count(), title.ends_with("x…")), (255, true));
}

#[test]
fn who_opened_it_reviews_it_not_and_the_others_are_asked() {
    let (server, repository) = start();
    let outcome = propose(&repository, "v2")
        .input("pull-request-reviewers", "wlals2, jimin")
        .run()
        .succeeded();
    assert_eq!(
        pull(&server)["requested_reviewers"],
        serde_json::json!([{"login": "jimin"}])
    );
    assert_eq!(
        outcome.warnings(),
        ["Pull request #1: wlals2 opened it, and so can't review it"]
    );
    // Who has reviewed is not asked again.
    server.github().edit_pull(1, |pull| {
        pull["requested_reviewers"] = serde_json::json!([]);
        pull["reviews"] = serde_json::json!([{"user": {"login": "jimin"}, "state": "APPROVED"}]);
    });
    propose(&repository, "v3")
        .input("pull-request-reviewers", "wlals2, jimin")
        .run()
        .succeeded();
    assert_eq!(pull(&server)["requested_reviewers"], serde_json::json!([]));
}

#[test]
fn an_older_build_never_sets_a_proposal_back() {
    let (server, repository) = start();
    propose(&repository, "v3").run().succeeded();
    let branch = head(&pull(&server));
    let before = repository.tip(&branch);
    let older = |downgrade: &str| propose(&repository, "v2").input("downgrade", downgrade);
    let outcome = older("skip").run().succeeded();
    assert_eq!(outcome.output("changed"), "false");
    assert_eq!(
        outcome.output("skipped-reason"),
        "ghcr.io/acme/web:v2 is older than ghcr.io/acme/web:v3, which pull request #1 proposes in apps/web.yaml line 6"
    );
    older("fail").run().failed();
    assert_eq!(repository.tip(&branch), before);
    // Where the tags don't tell, the runs do.
    let run = |id: &str, tag: &str| {
        propose(&repository, tag)
            .input("downgrade", "skip")
            .env("GITHUB_RUN_ID", id)
            .env(
                "GITHUB_WORKFLOW_REF",
                "wlals2/blogsite/.github/workflows/deploy.yml@refs/heads/main",
            )
    };
    run("200", "8a3f5c1").run().succeeded();
    let before = repository.tip(&branch);
    let outcome = run("199", "5a7b9d1").run().succeeded();
    assert!(
        outcome
            .output("skipped-reason")
            .contains("run 200 of the same workflow"),
        "{}",
        outcome.log()
    );
    assert_eq!(repository.tip(&branch), before);
    run("201", "5a7b9d1").run().succeeded();
    assert_ne!(repository.tip(&branch), before);
    // One that is closed proposes nothing.
    server
        .github()
        .edit_pull(1, |pull| pull["state"] = "closed".into());
    let outcome = older("skip").run().succeeded();
    assert_eq!(outcome.output("changed"), "true");
}

/// A proposal is no deployment; one that merges itself is.
#[test]
fn a_freeze_holds_what_would_merge_itself() {
    const ON: &str =
        "freezes:\n  - {reason: Black Friday, who: Retail, until: 2099-07-01T08:00Z}\n";
    let (server, repository) = start();
    repository.commit("main", "freezes.yaml", ON, "freeze");
    let propose = || propose(&repository, "v2").input("freeze-file", "freezes.yaml");
    let merging = propose().input("pull-request-auto-merge", "squash");
    let outcome = merging.run().failed();
    assert!(error(&outcome).contains("is frozen until 2099-07-01 08:00 UTC"));
    assert_eq!(server.github().pulls(NAME), Vec::<Json>::new());
    assert_eq!(repository.git(&["for-each-ref"]).lines().count(), 1);

    let outcome = propose().run().succeeded();
    assert_eq!(outcome.output("changed"), "true");
    assert_eq!(outcome.output("frozen-until"), "2099-07-01T08:00:00+00:00");
    assert_eq!(outcome.output("skipped-reason"), "");
    insta::assert_snapshot!(outcome.warnings().join("\n"), @"
    apps/web.yaml is frozen until 2099-07-01 08:00 UTC: Black Friday (Retail, freezes.yaml line 2). It is proposed all the same: merge it when that is over
    ");
    assert_eq!(head(&pull(&server)), "gitops-deploy/web-01f5f21");
}

/// What came to the target since an earlier run proposed v2, what this run asks for, whether the pull request is
/// still open then, and its page's last words.
#[test]
fn one_that_an_earlier_run_left_is_closed_where_it_is_not_needed_any_more() {
    let mut told = Vec::new();
    for (came, asked, is_open) in [
        ("v2", "v2", false),
        ("v3", "v3", false),
        // It is still to come, though this run asks for less.
        ("v1.5", "v1.5", true),
        // Nobody can tell.
        ("feature", "feature", true),
    ] {
        let (server, repository) = start();
        propose(&repository, "v2").run().succeeded();
        repository.commit("main", FILE, manifest(came), "fix: by hand");
        let tip = repository.tip("main");
        let outcome = propose(&repository, asked).run().succeeded();
        assert_eq!(outcome.output("changed"), "false", "{came}");
        assert_eq!(outcome.output("commit-sha"), tip, "{came}");
        let pull = pull(&server);
        assert_eq!(
            pull["state"] == "open",
            is_open,
            "{came}: {}",
            outcome.log()
        );
        told.extend(outcome.warnings());
        if !is_open {
            told.push(pull["comments"][0]["body"].as_str().unwrap().to_owned());
            let log = outcome.log();
            let closed = log.lines().find(|line| line.starts_with("Closed"));
            told.push(closed.unwrap().to_owned());
        }
    }
    insta::assert_snapshot!(told.join("\n"), @"
    `main` holds what this pull request proposes already, so it was closed without a merge.
    Closed pull request #1 of an earlier run: main holds what it proposes already
    `main` holds `ghcr.io/acme/web:v3` by now, which is newer than what this pull request proposes, so it was closed without a merge.
    Closed pull request #1 of an earlier run: main holds a newer image than it proposes
    Pull request #1 of an earlier run is still open, and would bring ghcr.io/acme/web:v2, which is not what this run asked for: close it, unless that is to be deployed as well: https://github.example/acme/deploy/pull/1
    Pull request #1 of an earlier run is still open, and would bring ghcr.io/acme/web:v2, which is not what this run asked for: close it, unless that is to be deployed as well: https://github.example/acme/deploy/pull/1
    ");
}

#[test]
fn what_an_earlier_run_left_is_left_alone_where_it_is_somebody_elses_or_of_other_files() {
    // Somebody committed to its branch.
    let (server, repository) = start();
    propose(&repository, "v2").run().succeeded();
    let head = head(&pull(&server));
    repository.commit(&head, "README.md", "# Mine\n", "docs: by hand");
    repository.commit("main", FILE, manifest("v2"), "fix: by hand");
    propose(&repository, "v2").run().succeeded();
    assert_eq!(pull(&server)["state"], "open");

    // Another step proposes another file by it.
    let (server, repository) = start();
    let other = "apps/other.yaml";
    repository.commit("main", other, manifest("v1"), "chore: import");
    let shared = |file: &str| {
        propose(&repository, "v2")
            .input("file", file)
            .input("pull-request-branch", "deploy")
    };
    shared(other).run().succeeded();
    repository.commit("main", FILE, manifest("v2"), "fix: by hand");
    shared(FILE).run().succeeded();
    assert_eq!(pull(&server)["state"], "open");

    // It goes back on purpose, and the target has not moved since.
    let (server, repository) = start();
    propose(&repository, "v0").run().succeeded();
    let outcome = propose(&repository, "v1").run().succeeded();
    assert_eq!(pull(&server)["state"], "open");
    insta::assert_snapshot!(outcome.warnings().join("\n"), @"
    Pull request #1 of an earlier run is still open, and would bring ghcr.io/acme/web:v0, which is not what this run asked for: close it, unless that is to be deployed as well: https://github.example/acme/deploy/pull/1
    ");

    // Nothing was to be changed.
    let (server, repository) = start();
    propose(&repository, "v2").run().succeeded();
    repository.commit("main", FILE, manifest("v2"), "fix: by hand");
    let look = propose(&repository, "v2").input("dry-run", "true");
    look.run().succeeded();
    assert_eq!(pull(&server)["state"], "open");
}

#[test]
fn what_can_not_be_closed_is_a_warning() {
    let (server, repository) = start();
    propose(&repository, "v2").run().succeeded();
    repository.commit("main", FILE, manifest("v2"), "fix: by hand");
    let refused = Fault::Status(403, Vec::new(), r#"{"message":"Forbidden"}"#.into());
    server.fault(Step::Rest("PATCH pulls").every(), refused);
    let outcome = propose(&repository, "v2").run().succeeded();
    insta::assert_snapshot!(scrub(&repository, &outcome.warnings().join("\n")), @"
    Pull request #1 of an earlier run stays open though main holds what it proposes already: it can't be closed: the server denied write access (HTTP 403): Forbidden
    ");
}

/// Two services with one branch: the second deployment does not take the first one out of its pull request.
#[test]
fn a_branch_that_proposes_another_deployment_is_left_alone_until_that_is_merged_or_closed() {
    let (server, repository) = start();
    let api = "apps/api.yaml";
    let of_api = |tag: &str| manifest(tag).replace("acme/web", "acme/api");
    repository.commit("main", api, of_api("v1"), "feat: api");
    let shared = |action: Action| action.input("pull-request-branch", "deploy");
    let second = || {
        let api = propose(&repository, "v2").input("file", api);
        shared(api.input("image", "ghcr.io/acme/api:v2"))
    };
    shared(propose(&repository, "v2")).run().succeeded();
    let before = repository.git(&["for-each-ref"]);
    let outcome = second().run().failed();
    assert_eq!(repository.git(&["for-each-ref"]), before);
    insta::assert_snapshot!(scrub(&repository, &error(&outcome)), @"
    The branch `deploy` of acme/deploy proposes another deployment, which this one would take out of its pull request: commit-2 (`chore: update web image to v2`) brings ghcr.io/acme/web:v2 (container web, Deployment/web, apps/web.yaml line 6). Nothing was changed.
    Merge or close that pull request first. Or give each deployment a `pull-request-branch` of its own.
    ");
    // One of all of it, and a newer one of the same, take its place.
    shared(propose(&repository, "v3")).run().succeeded();
    let both = propose(&repository, "v3\nghcr.io/acme/api:v1");
    let both = shared(both.input("file", format!("{FILE}\n{api}")));
    both.run().succeeded();
    // Nobody waits for what is closed.
    server
        .github()
        .edit_pull(1, |pull| pull["state"] = "closed".into());
    second().run().succeeded();
    let pulls = server.github().pulls(NAME);
    assert_eq!(pulls.len(), 2);
    assert!(brings(&repository, "deploy").contains("+    image: ghcr.io/acme/api:v2"));
    // Nor for what was squashed into its target.
    repository.commit(
        "main",
        api,
        of_api("v2"),
        "chore: update api image to v2 (#2)",
    );
    server
        .github()
        .edit_pull(2, |pull| pull["state"] = "closed".into());
    shared(propose(&repository, "v3")).run().succeeded();
}

/// Two deployments for one branch that are of other places.
pub struct Others {
    pub name: &'static str,
    /// What the target holds.
    pub files: Vec<(&'static str, String)>,
    /// The inputs of each.
    pub inputs: [&'static [(&'static str, &'static str)]; 2],
    /// What the first one brings.
    pub brings: &'static str,
}

impl Others {
    /// All of them: the images are the same.
    pub fn all() -> [Self; 4] {
        const API: &str = "apps/api.yaml";
        let of_api = |text: String| text.replace("name: web}", "name: api}");
        let worker = "  - name: worker\n    image: ghcr.io/acme/web:v1\n";
        let stage = |web: &str, api: &str| {
            format!(
                "{}  - name: api\n    image: ghcr.io/acme/api:{api}\n",
                manifest(web)
            )
        };
        [
            Self {
                name: "containers",
                files: vec![(FILE, format!("{}{worker}", manifest("v1")))],
                inputs: [
                    &[("image", "web=ghcr.io/acme/web:v2")],
                    &[("image", "worker=ghcr.io/acme/web:v2")],
                ],
                brings: "ghcr.io/acme/web:v2 (container web, Deployment/web, apps/web.yaml line 6)",
            },
            Self {
                name: "resources",
                files: vec![(
                    FILE,
                    format!("{}---\n{}", manifest("v1"), of_api(manifest("v1"))),
                )],
                inputs: [
                    &[("resource", "Deployment/web")],
                    &[("resource", "Deployment/api")],
                ],
                brings: "ghcr.io/acme/web:v2 (container web, Deployment/web, apps/web.yaml line 6)",
            },
            Self {
                name: "files",
                files: vec![(API, of_api(manifest("v1")))],
                inputs: [
                    &[("pull-request-branch", "deploy")],
                    &[("pull-request-branch", "deploy"), ("file", API)],
                ],
                brings: "ghcr.io/acme/web:v2 (container web, Deployment/web, apps/web.yaml line 6)",
            },
            Self {
                name: "services",
                files: vec![
                    (FILE, stage("v1", "v1")),
                    ("stg/web.yaml", stage("v2", "v2")),
                ],
                inputs: [
                    &[
                        ("operation", "promote"),
                        ("from", "stg/web.yaml"),
                        ("image", "ghcr.io/acme/web"),
                        ("pull-request-branch", "deploy"),
                    ],
                    &[
                        ("operation", "promote"),
                        ("from", "stg/web.yaml"),
                        ("image", "ghcr.io/acme/api"),
                        ("pull-request-branch", "deploy"),
                    ],
                ],
                brings: "ghcr.io/acme/web:v2 (container web, Deployment/web, apps/web.yaml line 6)",
            },
        ]
    }

    /// Makes the target hold what it is about.
    pub fn import(&self, repository: &Repository) {
        for (file, text) in &self.files {
            repository.commit("main", file, text.as_str(), "feat: another place");
        }
    }

    /// What proposes the first one or the second, which `propose` begins.
    pub fn proposal(&self, number: usize, propose: Action) -> Action {
        let inputs = self.inputs[number].iter();
        inputs.fold(propose, |action, (input, value)| {
            action.input(input, *value)
        })
    }
}

/// A place is another one though its image is the same: its deployment is not taken out of an open pull request.
#[test]
fn another_place_is_not_taken_out_of_an_open_pull_request() {
    for others in Others::all() {
        let (server, repository) = start();
        others.import(&repository);
        let proposal = |number| others.proposal(number, propose(&repository, "v2"));
        proposal(0).run().succeeded();
        let before = repository.git(&["for-each-ref"]);
        let told = error(&proposal(1).run().failed());
        let expected = format!("brings {}. Nothing was changed.", others.brings);
        assert!(told.contains(&expected), "{}: {told}", others.name);
        assert_eq!(repository.git(&["for-each-ref"]), before);
        // The same places once more.
        proposal(0).run().succeeded();
        // The target holds it as well, merged or written by hand.
        let branch = head(&pull(&server));
        let merged = String::from_utf8(repository.show(&branch, FILE)).unwrap();
        let merged = merged.replace(
            "metadata: {name: web}",
            "metadata: {name: web, labels: {a: b}}",
        );
        repository.commit("main", FILE, merged.as_str(), "fix: by hand");
        proposal(1).run().succeeded();
        let brought = brings(&repository, &branch);
        assert!(brought.contains("v2"), "{}: {brought}", others.name);
        assert!(!brought.contains("labels"), "{}: {brought}", others.name);
    }
}

/// What others did to the target in the meantime is nothing that the branch proposes.
#[test]
fn a_target_that_goes_on_takes_nothing_out_of_a_pull_request() {
    let (server, repository) = start();
    for (tag, scale) in [("v2", "1"), ("v3", "2"), ("v4", "3"), ("v5", "4")] {
        let text = manifest("v1").replace("spec:\n", &format!("spec:\n  replicas: {scale}\n"));
        repository.commit("main", FILE, text.as_str(), "fix: by hand");
        propose(&repository, tag).run().succeeded();
        let brought = brings(&repository, &head(&pull(&server)));
        assert!(brought.contains(&format!("web:{tag}")), "{brought}");
        assert!(!brought.contains("replicas"), "{brought}");
    }
}

/// GitHub lists no more than 300 files of a comparison: what a branch changes is found out in another way.
#[test]
fn a_pull_request_of_hundreds_of_files_is_brought_up_to_date() {
    let (server, repository) = start();
    let files = (0..301).map(|number| (format!("apps/{number}.yaml"), manifest("v1")));
    let files: Vec<(String, String)> = files.collect();
    let files = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()));
    repository.commit_at(1_700_000_000, "main", &Vec::from_iter(files));
    let all = |tag: &str| {
        let action = propose(&repository, tag).input("file", "apps/*.yaml");
        action.input("pull-request-branch", "deploy")
    };
    all("v2").run().succeeded();
    all("v3").run().succeeded();
    assert_eq!(head(&pull(&server)), "deploy");
    assert_eq!(
        brings(&repository, "deploy")
            .matches("+    image: ghcr.io/acme/web:v3")
            .count(),
        302
    );
    let before = repository.git(&["for-each-ref"]);
    let one = propose(&repository, "v3").input("pull-request-branch", "deploy");
    let told = error(&one.run().failed());
    assert!(
        told.contains(" and 296 more. Nothing was changed."),
        "{told}"
    );
    assert_eq!(repository.git(&["for-each-ref"]), before);
}

/// What a promotion leaves as it is for now is not another deployment's: an earlier one gives way.
#[test]
fn a_promotion_that_waits_for_a_part_of_it_takes_the_place_of_an_earlier_one() {
    let (server, repository) = start();
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let (one, other) = ("prod/one.yaml", "prod/other.yaml");
    let (from_one, from_other) = ("stg/one.yaml", "stg/other.yaml");
    let [v1, v2, v3] = ["v1", "v2", "v3"].map(manifest);
    repository.commit_at(now - 9000, "main", &[(one, &v1), (other, &v1)]);
    repository.commit_at(now - 8000, "main", &[(from_one, &v2), (from_other, &v1)]);
    let promote = || {
        propose(&repository, "")
            .input("image", "")
            .input("operation", "promote")
            .input("from", "stg/{app}.yaml")
            .input("file", "prod/{app}.yaml")
            .input("soak", "1h")
    };
    promote().run().succeeded();
    repository.commit_at(now - 7000, "main", &[(from_other, &v2)]);
    repository.commit_at(now - 60, "main", &[(from_one, &v3)]);
    promote().run().succeeded();
    let brought = brings(&repository, &head(&pull(&server)));
    assert!(
        brought.contains(other) && !brought.contains(one),
        "{brought}"
    );
}

/// What `set` writes is a deployment as an image is.
#[test]
fn values_that_another_deployment_sets_are_not_taken_out_of_its_pull_request() {
    let set = |repository: &Repository, lines: &str| {
        let action = propose(repository, "").input("image", "");
        action.input("set", lines)
    };
    let (server, repository) = start();
    let shared = |lines: &str| set(&repository, lines).input("pull-request-branch", "deploy");
    shared(".spec.replicas:=3").run().succeeded();
    let before = repository.git(&["for-each-ref"]);
    let outcome = shared(".spec.paused:=true").run().failed();
    assert_eq!(repository.git(&["for-each-ref"]), before);
    let error = scrub(&repository, &error(&outcome));
    assert!(
        error
            .contains("brings apps/web.yaml Deployment/web:.spec.replicas=3. Nothing was changed."),
        "{error}"
    );
    // Another value of the same, and more than it, take its place.
    shared(".spec.replicas:=4").run().succeeded();
    shared(".spec.replicas:=5\n.spec.paused:=true")
        .run()
        .succeeded();
    assert_eq!(server.github().pulls(NAME).len(), 1);
    assert!(brings(&repository, "deploy").contains("+  replicas: 5"));

    // Without a name, each has a branch of its own.
    let (server, repository) = start();
    set(&repository, ".spec.replicas:=3").run().succeeded();
    set(&repository, ".spec.paused:=true").run().succeeded();
    set(&repository, ".spec.paused:=false").run().succeeded();
    assert_eq!(server.github().pulls(NAME).len(), 2);
}

#[test]
fn what_is_proposed_once_more_has_changed_something() {
    let (server, repository) = start();
    propose(&repository, "v2").run().succeeded();
    server
        .github()
        .edit_pull(1, |pull| pull["state"] = "closed".into());
    let outcome = propose(&repository, "v2").run().succeeded();
    assert_eq!(outcome.output("pull-request-number"), "2");
    assert_eq!(outcome.output("changed"), "true");
    let outcome = propose(&repository, "v2").run().succeeded();
    assert_eq!(outcome.output("pull-request-number"), "2");
    assert_eq!(outcome.output("changed"), "false");
}

/// One branch for two targets: the pull request into the one is not made to bring what is for the other.
#[test]
fn a_branch_whose_pull_request_is_open_into_another_target_is_left_alone() {
    let (server, repository) = start();
    repository.git(&["branch", "release", "main"]);
    let shared = |action: Action| action.input("pull-request-branch", "deploy");
    let second = || shared(propose(&repository, "v3")).input("branch", "release");
    shared(propose(&repository, "v2")).run().succeeded();
    let before = repository.git(&["for-each-ref"]);
    let outcome = second().run().failed();
    assert_eq!(repository.git(&["for-each-ref"]), before);
    assert_eq!(server.github().pulls(NAME).len(), 1);
    insta::assert_snapshot!(scrub(&repository, &error(&outcome)), @"
    Pull request #1 from the branch `deploy` of acme/deploy is open into `main`, and would bring this deployment there. Nothing was changed.
    Give each target a `pull-request-branch` of its own, or leave it out: each has a branch of its own then. Or merge or close that pull request first.
    ");
    // Nobody waits for what is closed.
    server
        .github()
        .edit_pull(1, |pull| pull["state"] = "closed".into());
    second().run().succeeded();
    assert_eq!(server.github().pulls(NAME)[1]["base"]["ref"], "release");
}

/// A promotion proposes what the other stage holds, and takes the place of the one before.
#[test]
fn a_promotion_takes_the_place_of_an_earlier_one() {
    let (server, repository) = start();
    let stage = |web: &str, api: &str| {
        format!(
            "{}  - name: api\n    image: ghcr.io/acme/api:{api}\n",
            manifest(web)
        )
    };
    repository.commit("main", FILE, stage("v1", "v1"), "feat: api");
    repository.commit("main", "stg/web.yaml", stage("v1", "v2"), "feat: staging");
    let promote = || {
        propose(&repository, "")
            .input("image", "")
            .input("operation", "promote")
            .input("from", "stg/web.yaml")
    };
    promote().run().succeeded();
    repository.commit("main", "stg/web.yaml", stage("v2", "v1"), "fix: staging");
    promote().run().succeeded();
    let head = head(&pull(&server));
    let brought = brings(&repository, &head);
    assert!(
        brought.contains("web:v2") && !brought.contains("api:v2"),
        "{brought}"
    );
}

/// An earlier run switched the automatic merge on, and this one does not ask for it: what it brings is not merged
/// unseen, with the message of another image.
#[test]
fn an_automatic_merge_that_is_not_asked_for_is_switched_off() {
    let (server, repository) = start();
    let merging = |tag: &str| propose(&repository, tag).input("pull-request-auto-merge", "squash");
    merging("v2").run().succeeded();
    // The same deployment is what was asked for then.
    let same = propose(&repository, "v2").run().succeeded();
    assert_eq!(same.warnings(), Vec::<String>::new());
    assert!(pull(&server)["auto_merge"].is_object());
    let outcome = propose(&repository, "v3").run().succeeded();
    assert!(pull(&server)["auto_merge"].is_null(), "{}", outcome.log());
    let told = outcome.warnings().join("\n");
    insta::assert_snapshot!(told, @"
    Pull request #1: its automatic merge (`squash`), which wlals2 switched on for an earlier deployment, was switched off: this run does not ask for one (`pull-request-auto-merge`)
    ");
    assert!(
        outcome.summary.contains("> [!WARNING]"),
        "{}",
        outcome.summary
    );

    // An answer that is lost is asked for again; what is refused is told.
    let step = Step::Mutation("disablePullRequestAutoMerge");
    merging("v4").run().succeeded();
    server.fault(step.nth(2), Fault::DropAnswer);
    let outcome = propose(&repository, "v5").run().succeeded();
    assert!(pull(&server)["auto_merge"].is_null(), "{}", outcome.log());
    assert_eq!(outcome.warnings().len(), 1, "{}", outcome.log());
    merging("v6").run().succeeded();
    let refused = serde_json::json!({
        "data": {"disablePullRequestAutoMerge": null},
        "errors": [{"type": "FORBIDDEN", "path": ["disablePullRequestAutoMerge"], "message": "wlals2 does not have the correct permissions"}],
    });
    let json = ("Content-Type".to_owned(), "application/json".to_owned());
    server.fault(
        step.every(),
        Fault::Status(200, vec![json], refused.to_string()),
    );
    let outcome = propose(&repository, "v7").run().succeeded();
    let told = outcome.warnings().join("\n");
    insta::assert_snapshot!(told, @"
    The pull request is there, but its automatic merge, which was switched on for an earlier deployment, could not be switched off, and merges it unless that is done on its page: wlals2 does not have the correct permissions
    ");
}

#[test]
fn what_is_merged_at_once_is_told_by_its_commit_on_the_branch() {
    for method in MERGE_METHODS {
        let (server, repository) = start();
        server.github().require_nothing();
        let outcome = propose(&repository, "v2")
            .input("pull-request-auto-merge", method)
            .run()
            .succeeded();
        let log = outcome.log();
        assert_eq!(outcome.output("pull-request-state"), "merged", "{log}");
        assert_eq!(
            outcome.output("commit-sha"),
            repository.tip("main"),
            "{log}"
        );
        assert_eq!(outcome.warnings(), Vec::<String>::new(), "{log}");
    }
    // Nobody can tell.
    let (server, repository) = start();
    server.github().require_nothing();
    server.fault(Step::Named("Standing").every(), Fault::status(502));
    let outcome = propose(&repository, "v2")
        .input("pull-request-auto-merge", "squash")
        .run()
        .succeeded();
    assert_eq!(outcome.output("pull-request-state"), "merged");
    insta::assert_snapshot!(scrub(&repository, &outcome.warnings().join("\n")), @"
    Pull request #1 was merged at once, and which commit of main brought it could not be found out: `commit-sha` is the commit of its own branch. See https://github.example/acme/deploy/pull/1
    ");
}
