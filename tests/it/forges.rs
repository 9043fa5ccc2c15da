//! Pull requests elsewhere: merge requests on GitLab by push options, and the API of Gitea and Forgejo. What the
//! action sends and reads goes over the real git; what the server is, it finds out by asking.

use crate::support::{
    Action, Fault, GitServer, Gitea, Gitlab, Outcome, Repository, Step, TOKEN, manifest,
};
use serde_json::Value as Json;

use crate::pull_requests::Others;

const FILE: &str = "apps/web.yaml";
const NAME: &str = "acme/deploy";
const HEAD: &str = "gitops-deploy/web-01f5f21";

fn start() -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository_with(NAME, FILE, &manifest("v1"));
    (server, repository)
}

fn on_gitlab() -> (GitServer, Repository, Gitlab) {
    let (server, repository) = start();
    server.become_gitlab();
    let gitlab = Gitlab::at(&repository);
    (server, repository, gitlab)
}

/// Lets the server be GitLab, or else Gitea.
fn as_one_of(server: &GitServer, repository: &Repository, is_gitlab: bool) -> Option<Gitlab> {
    if is_gitlab {
        server.become_gitlab();
        return Some(Gitlab::at(repository));
    }
    server.become_gitea();
    None
}

fn propose(repository: &Repository, tag: &str) -> Action {
    Action::new()
        .input("repository", repository.url())
        .input("file", FILE)
        .input("image", format!("ghcr.io/acme/web:{tag}"))
        .input("pull-request", "true")
        .input("token", TOKEN)
        .input("timeout", "60")
}

/// What the branch of a pull request would bring to `main`.
fn brings(repository: &Repository) -> Vec<String> {
    let diff = repository.git(&["diff", "--unified=0", &format!("main...{HEAD}")]);
    let lines = diff.lines().filter(|line| line.starts_with(['-', '+']));
    lines.skip(2).map(str::to_owned).collect()
}

fn brought(from: &str, to: &str) -> Vec<String> {
    let line = |mark: char, tag: &str| format!("{mark}    image: ghcr.io/acme/web:{tag}");
    vec![line('-', from), line('+', to)]
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

fn error(repository: &Repository, outcome: Outcome) -> String {
    let outcome = outcome.failed();
    let errors = outcome.errors();
    let [error] = &errors[..] else {
        panic!("one error, please:\n{}", outcome.log())
    };
    scrub(repository, error)
}

fn steps(server: &GitServer) -> Vec<Step> {
    let requests = server.requests();
    requests.into_iter().filter_map(|one| one.step).collect()
}

#[test]
fn gitlab_opens_a_merge_request_by_the_push() {
    let (server, repository, gitlab) = on_gitlab();
    let before = repository.tip("main");
    let outcome = propose(&repository, "v2").run().succeeded();
    assert_eq!(outcome.warnings(), Vec::<String>::new());
    assert_eq!(repository.tip("main"), before);
    assert_eq!(outcome.output("changed"), "true");
    assert_eq!(outcome.output("commit-sha"), repository.tip(HEAD));
    assert_eq!(outcome.output("pull-request-number"), "1");
    assert_eq!(outcome.output("pull-request-state"), "open");
    assert_eq!(
        outcome.output("pull-request-url"),
        "https://gitlab.example/acme/deploy/-/merge_requests/1"
    );
    assert_eq!(repository.log(HEAD)[0].parents, [before]);
    assert_eq!(brings(&repository), brought("v1", "v2"));
    repository.fsck();
    let options = gitlab.options();
    insta::assert_snapshot!(options[0].join("\n"), @r#"
    merge_request.create
    merge_request.target=main
    merge_request.title=chore: update web image to v2
    merge_request.description=| Resource | Container | Old image | New image | File |\n|---|---|---|---|---|\n| `Deployment/web` | `web` | `ghcr.io/acme/web:v1` | `ghcr.io/acme/web:v2` | `apps/web.yaml:6` |\n\nFrom `wlals2/blogsite` by [this run](https://github.com/wlals2/blogsite/actions/runs/123/attempts/1).\n\nAnother deployment of the same to the same files updates this pull request while it is open.\n\nDeployed-Image: ghcr.io/acme/web:v2\nPrevious-Image: ghcr.io/acme/web:v1\nWorkflow-Run: https://github.com/wlals2/blogsite/actions/runs/123/attempts/1\nArgocd-reference-commit-sha: 8a3f5c1d9e7b2a4f6c8d0e1f3a5b7c9d1e3f5a7b\nArgocd-reference-commit-repourl: https://github.com/wlals2/blogsite\nArgocd-reference-commit-author: Jimin <jimin@example.com>\nArgocd-reference-commit-subject: feat: a new post
    merge_request.remove_source_branch
    "#);
    insta::assert_snapshot!(scrub(&repository, &outcome.shown_log()), @"
    gitops-deploy VERSION: update in SERVER/acme/deploy.git through git (the repository is not on GitHub)
    Updating apps/web.yaml in SERVER/acme/deploy.git
    Read main at commit-0
    Opened pull request #1 into main of SERVER/acme/deploy.git: ghcr.io/acme/web:v2. https://gitlab.example/acme/deploy/-/merge_requests/1
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
    // It is asked once what it is; the rest is Git.
    assert_eq!(
        steps(&server),
        [
            Step::Forge("GET metadata"),
            Step::FetchRefs,
            Step::Fetch,
            Step::Fetch,
            // What is in it.
            Step::Fetch,
            Step::FetchRefs,
            Step::PushRefs,
            Step::Push
        ]
    );
}

#[test]
fn all_that_a_push_can_ask_for_is_asked_for_and_the_rest_is_named() {
    let (_server, repository, gitlab) = on_gitlab();
    let outcome = propose(&repository, "v2")
        .input("pull-request-title", "Deploy {name} {tag}")
        .input("pull-request-body", "From {previous-tag}.\n\nPlease look.")
        .input("pull-request-labels", "deployment, web")
        .input("pull-request-assignees", "jimin")
        .input("pull-request-draft", "true")
        .input("pull-request-auto-merge", "squash")
        .input("pull-request-reviewers", "octocat")
        .run()
        .succeeded();
    let options = gitlab.options().remove(0);
    let body = options.iter().find(|one| one.contains("description"));
    let expected = "merge_request.description=From v1.\\n\\nPlease look.\\n\\nDeployed-Image: ";
    assert!(body.unwrap().starts_with(expected), "{body:?}");
    for option in [
        "title=Deploy web v2",
        "label=deployment",
        "label=web",
        "assign=jimin",
        "draft",
        "auto_merge",
        "merge_when_pipeline_succeeds",
        "squash",
    ] {
        let option = format!("merge_request.{option}");
        assert!(options.contains(&option), "{option}");
    }
    insta::assert_snapshot!(outcome.warnings().join("\n"), @"
    `pull-request-reviewers`: nobody was asked for a review, since a push can't ask for one on GitLab. Approval rules of the project, or a `CODEOWNERS` file, do
    ");
}

#[test]
fn the_next_deployment_updates_the_open_merge_request() {
    let (server, repository, gitlab) = on_gitlab();
    propose(&repository, "v2").run().succeeded();
    let outcome = propose(&repository, "v3").run().succeeded();
    assert_eq!(outcome.output("pull-request-number"), "1");
    assert_eq!(brings(&repository), brought("v1", "v3"));
    // The target moves on, and the branch takes it in without force.
    repository.commit("main", "README.md", "# Apps\n", "docs: by hand");
    let main = repository.tip("main");
    let before = repository.tip(HEAD);
    propose(&repository, "v4").run().succeeded();
    assert_eq!(repository.log(HEAD)[0].parents, [before, main]);
    assert_eq!(brings(&repository), brought("v1", "v4"));
    let [one] = &gitlab.merge_requests()[..] else {
        panic!("one")
    };
    assert_eq!(one.title, "chore: update web image to v4");
    repository.fsck();

    // What was proposed already is not proposed again, and a text of a person stays.
    let tip = repository.tip(HEAD);
    gitlab.options();
    server.reset_log();
    let outcome = propose(&repository, "v4").run().succeeded();
    assert_eq!(outcome.output("changed"), "false");
    assert_eq!(outcome.output("commit-sha"), tip);
    assert_eq!(outcome.output("pull-request-number"), "1");
    assert_eq!(repository.tip(HEAD), tip);
    assert_eq!(gitlab.options(), [Vec::<String>::new()]);
    // One that was closed is opened anew.
    gitlab.close(1);
    let outcome = propose(&repository, "v4").run().succeeded();
    assert_eq!(outcome.output("pull-request-number"), "2");
    assert_eq!(repository.tip(HEAD), tip);
}

#[test]
fn after_a_lost_answer_nothing_is_there_twice() {
    for fault in [Fault::DropAnswer, Fault::StatusAfter(502)] {
        let (server, repository, gitlab) = on_gitlab();
        server.fault(Step::Push.nth(1), fault);
        let outcome = propose(&repository, "v2").run().succeeded();
        assert_eq!(outcome.output("changed"), "true");
        assert_eq!(outcome.output("pull-request-number"), "1");
        assert_eq!(gitlab.merge_requests().len(), 1);
        assert_eq!(repository.log(HEAD).len(), 2);
    }
}

#[test]
fn after_a_lost_answer_a_branch_that_cannot_be_looked_at_is_not_known() {
    for lost in [Fault::DropAnswer, Fault::StatusAfter(403)] {
        for status in [401, 403, 404, 502] {
            let (server, repository, _gitlab) = on_gitlab();
            let before = repository.tip("main");
            server.fault(Step::Push.nth(1), lost.clone());
            // Before the push the branch is looked for once.
            let looks = [Step::FetchRefs.from(3), Step::PushRefs.from(2)];
            for look in looks {
                server.fault(look, Fault::status(status));
            }
            let outcome = propose(&repository, "v2")
                .input("timeout", "3")
                .run()
                .failed();
            let told = format!("{lost:?} {status}:\n{}", outcome.log());
            // It is there, and nobody can know.
            assert_eq!(repository.log(HEAD).len(), 2, "{told}");
            assert_eq!(repository.tip("main"), before, "{told}");
            let errors = outcome.annotations();
            let mut errors = errors.iter().filter(|one| one.level == "error");
            let title = errors.next().map(|one| one.properties["title"].as_str());
            assert_eq!(
                title,
                Some("It is not known whether the push landed"),
                "{told}"
            );
            assert!(
                !outcome.outputs.contains_key("commit-sha")
                    || outcome.output("commit-sha").is_empty(),
                "{told}"
            );
        }
    }
}

#[test]
fn what_gitlab_refuses_is_told_in_its_words() {
    let (_server, repository, gitlab) = on_gitlab();
    gitlab.forbid("You have insufficient permissions to create a merge request");
    let outcome = propose(&repository, "v2").run();
    insta::assert_snapshot!(error(&repository, outcome), @"
    Commit commit-1 is on the branch `gitops-deploy/web-01f5f21` of SERVER/acme/deploy.git, but no pull request into main could be opened: You have insufficient permissions to create a merge request.
    Let the token's account open merge requests there, as the role Developer may, and run the job again: the branch is used as it is.
    ");

    let (_server, repository, gitlab) = on_gitlab();
    gitlab.silence();
    let outcome = propose(&repository, "v2").run();
    insta::assert_snapshot!(error(&repository, outcome), @"
    Commit commit-1 is on the branch `gitops-deploy/web-01f5f21` of SERVER/acme/deploy.git, but no pull request into main could be opened: GitLab says nothing of one.
    It may be open: GitLab tells of it with the push, unless that is turned off. Turn *Show link to create or view a merge request when pushing from the command line* on (Settings → Merge requests), and run the job again: the branch is used as it is.
    ");
    assert_eq!(gitlab.merge_requests().len(), 1);

    let (server, repository) = start();
    server.become_gitlab();
    let outcome = propose(&repository, "v2").run();
    insta::assert_snapshot!(error(&repository, outcome), @"
    No merge request can be opened: SERVER takes no push options, which is how GitLab is asked for one. Nothing was changed.
    Whoever runs the server turns them on: `receive.advertisePushOptions` in Git's configuration. A proxy before it may leave them out, too.
    ");
    assert_eq!(repository.try_tip(HEAD), None);
}

#[test]
fn a_branch_that_git_can_not_have_beside_another_one_is_told_by_that() {
    for (existing, asked) in [("deploy", "deploy/api/web"), ("deploy/api", "deploy")] {
        let (_server, repository, _gitlab) = on_gitlab();
        repository.set_branch(existing, "main");
        repository.set_branch("deployed", "main");
        let before = repository.git(&["for-each-ref"]);
        let outcome = propose(&repository, "v2")
            .input("pull-request-branch", asked)
            .run();
        assert!(!outcome.log().contains("someone else"), "{}", outcome.log());
        let told = error(&repository, outcome);
        assert!(told.contains(&format!("The branch `{asked}` can't be made in SERVER/acme/deploy.git: there is a branch `{existing}`, and Git can't have both")), "{told}");
        let advised = told.contains("`pull-request-branch`, such as `deploy-api-web`.");
        assert_eq!(advised, asked.contains('/'), "{told}");
        assert_eq!(repository.git(&["for-each-ref"]), before);
    }
}

#[test]
fn a_branch_with_a_commit_of_somebody_else_is_left_alone() {
    let (_server, repository, _gitlab) = on_gitlab();
    propose(&repository, "v2").run().succeeded();
    let tip = repository.commit(HEAD, "README.md", "# Mine\n", "docs: by hand");
    let outcome = propose(&repository, "v3").run();
    insta::assert_snapshot!(error(&repository, outcome), @"
    The branch `gitops-deploy/web-01f5f21` of SERVER/acme/deploy.git holds a commit that this action did not make: commit-2 by A colleague (`docs: by hand`). Nothing was changed.
    Merge or close that pull request and delete its branch, or name another one with `pull-request-branch`.
    ");
    assert_eq!(repository.tip(HEAD), tip);
}

#[test]
fn an_older_build_does_not_set_a_merge_request_back() {
    let (_server, repository, _gitlab) = on_gitlab();
    propose(&repository, "v3").run().succeeded();
    let tip = repository.tip(HEAD);
    let outcome = propose(&repository, "v2")
        .input("downgrade", "skip")
        .run()
        .succeeded();
    assert_eq!(repository.tip(HEAD), tip);
    insta::assert_snapshot!(outcome.output("skipped-reason"), @"
    ghcr.io/acme/web:v2 is older than ghcr.io/acme/web:v3, which the branch `gitops-deploy/web-01f5f21` proposes in apps/web.yaml line 6
    ");
}

#[test]
fn a_server_that_is_none_of_them_is_told_before_anything_is_written() {
    let (server, repository) = start();
    let outcome = propose(&repository, "v2").run();
    insta::assert_snapshot!(error(&repository, outcome), @"
    No pull request can be opened: SERVER is neither GitHub nor GitLab, Gitea or Forgejo, by what it answers. Nothing was changed.
    If it is a GitHub Enterprise Server, set `server-url` and `api-url`. A proxy that turns `/api/v4/metadata` and `/api/v1/version` away hides what it is. Without `pull-request` the change would go to `branch` itself, and nobody would review it.
    ");
    assert_eq!(
        steps(&server),
        [Step::Forge("GET metadata"), Step::Forge("GET version")]
    );
    // Nobody is asked where nothing is proposed.
    server.reset_log();
    let pushed = propose(&repository, "v2").input("pull-request", "false");
    pushed.run().succeeded();
    let asked = |step: &Step| matches!(step, Step::Forge(_));
    assert!(!steps(&server).iter().any(asked));
}

#[test]
fn a_server_in_trouble_is_asked_again_what_it_is() {
    let (server, repository, _gitlab) = on_gitlab();
    let busy = Fault::Status(503, vec![("Retry-After".into(), "0".into())], "busy".into());
    server.fault(Step::Forge("GET metadata").nth(1), busy);
    let outcome = propose(&repository, "v2").run().succeeded();
    assert_eq!(outcome.output("pull-request-number"), "1");
    assert_eq!(server.count(Step::Forge("GET metadata")), 2);
}

fn pull(gitea: &Gitea) -> Json {
    let mut pulls = gitea.pulls();
    assert_eq!(pulls.len(), 1, "{pulls:#?}");
    pulls.remove(0)
}

fn names(list: &Json, key: &str) -> Vec<String> {
    let names = list.as_array().into_iter().flatten();
    names
        .map(|one| one[key].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn gitea_opens_a_pull_request_over_its_api() {
    let (server, repository) = start();
    let gitea = server.become_gitea();
    let before = repository.tip("main");
    let outcome = propose(&repository, "v2").run().succeeded();
    assert_eq!(outcome.warnings(), Vec::<String>::new());
    assert_eq!(repository.tip("main"), before);
    assert_eq!(outcome.output("commit-sha"), repository.tip(HEAD));
    assert_eq!(outcome.output("pull-request-number"), "1");
    assert_eq!(outcome.output("pull-request-state"), "open");
    let pull = pull(gitea);
    assert_eq!(outcome.output("pull-request-url"), pull["html_url"]);
    assert_eq!(pull["title"], "chore: update web image to v2");
    let body = pull["body"].as_str().unwrap();
    assert!(
        body.contains("\n\nDeployed-Image: ghcr.io/acme/web:v2\n"),
        "{body}"
    );
    assert_eq!(
        (&pull["head"]["ref"], &pull["base"]["ref"]),
        (&HEAD.into(), &"main".into())
    );
    assert_eq!(brings(&repository), brought("v1", "v2"));
    repository.fsck();
    let asked = steps(&server);
    let is_theirs = |step: &&Step| matches!(step, Step::Forge(_));
    let asked: Vec<&Step> = asked.iter().filter(is_theirs).collect();
    assert_eq!(
        asked,
        [
            &Step::Forge("GET metadata"),
            &Step::Forge("GET version"),
            &Step::Forge("GET pulls"),
            &Step::Forge("POST pulls")
        ]
    );
}

#[test]
fn everything_that_was_asked_for_is_on_it() {
    let (server, repository) = start();
    let gitea = server.become_gitea();
    gitea.set_labels(&["web", "other"], &["deployment"]);
    gitea.set_page(1);
    let outcome = propose(&repository, "v2")
        .input("pull-request-labels", "deployment, Web")
        .input("pull-request-reviewers", "jimin")
        .input("pull-request-team-reviewers", "platform")
        .input("pull-request-assignees", "octocat")
        .input("pull-request-auto-merge", "squash")
        .run()
        .succeeded();
    assert_eq!(outcome.warnings(), Vec::<String>::new());
    let pull = pull(gitea);
    assert_eq!(names(&pull["labels"], "name"), ["deployment", "web"]);
    assert_eq!(names(&pull["requested_reviewers"], "login"), ["jimin"]);
    assert_eq!(
        names(&pull["requested_reviewers_teams"], "name"),
        ["platform"]
    );
    assert_eq!(names(&pull["assignees"], "login"), ["octocat"]);
    let merge = &pull["scheduled"];
    assert_eq!(merge["Do"], "squash");
    assert_eq!(merge["head_commit_id"], repository.tip(HEAD));
    assert_eq!(merge["MergeTitleField"], "chore: update web image to v2");
    let message = merge["MergeMessageField"].as_str().unwrap();
    assert!(
        message.starts_with("Deployed-Image: ghcr.io/acme/web:v2\n"),
        "{message}"
    );

    // The next deployment: people are asked once, somebody who was assigned stays, and the merge is of what
    // is proposed now.
    gitea.edit_pull(1, |pull| {
        pull["assignees"] = serde_json::json!([{"login": "wlals2"}]);
    });
    let outcome = propose(&repository, "v3")
        .input("pull-request-labels", "deployment, Web")
        .input("pull-request-reviewers", "jimin")
        .input("pull-request-assignees", "octocat")
        .input("pull-request-auto-merge", "squash")
        .run()
        .succeeded();
    assert_eq!(outcome.warnings(), Vec::<String>::new());
    let pull = self::pull(gitea);
    assert_eq!(pull["title"], "chore: update web image to v3");
    assert_eq!(names(&pull["requested_reviewers"], "login"), ["jimin"]);
    assert_eq!(names(&pull["assignees"], "login"), ["wlals2", "octocat"]);
    assert_eq!(pull["scheduled"]["head_commit_id"], repository.tip(HEAD));
    assert_eq!(
        pull["scheduled"]["MergeTitleField"],
        "chore: update web image to v3"
    );
}

#[test]
fn with_nothing_missing_it_is_merged_at_once() {
    let (server, repository) = start();
    server.become_gitea().require_nothing();
    let outcome = propose(&repository, "v2")
        .input("pull-request-auto-merge", "rebase")
        .run()
        .succeeded();
    assert_eq!(outcome.output("pull-request-state"), "merged");
}

#[test]
fn a_draft_has_it_in_its_title_until_somebody_takes_it_out() {
    let (server, repository) = start();
    let gitea = server.become_gitea();
    let draft = |tag: &str| propose(&repository, tag).input("pull-request-draft", "true");
    draft("v2").run().succeeded();
    assert_eq!(pull(gitea)["title"], "WIP: chore: update web image to v2");
    draft("v3").run().succeeded();
    assert_eq!(pull(gitea)["title"], "WIP: chore: update web image to v3");
    let ready = |pull: &mut Json| pull["title"] = "Ready".into();
    gitea.edit_pull(1, ready);
    draft("v4").run().succeeded();
    assert_eq!(pull(gitea)["title"], "chore: update web image to v4");
}

#[test]
fn what_gitea_refuses_of_it_is_a_warning() {
    let (server, repository) = start();
    let gitea = server.become_gitea();
    gitea.set_labels(&["web"], &[]);
    let outcome = propose(&repository, "v2")
        .input("pull-request-labels", "web, urgent")
        .input("pull-request-reviewers", "ghost")
        .input("pull-request-assignees", "ghost")
        .input("pull-request-draft", "true")
        .input("pull-request-auto-merge", "merge")
        .run()
        .succeeded();
    assert_eq!(names(&pull(gitea)["labels"], "name"), ["web"]);
    insta::assert_snapshot!(scrub(&repository, &outcome.warnings().join("\n")), @r#"
    The pull request is there, but it did not get its labels: neither the repository nor its organisation has a label `urgent`
    The pull request is there, but nobody was assigned: SERVER answered HTTP 422: Assignee does not exist: [name: ghost]
    The pull request is there, but nobody was asked for a review: SERVER answered HTTP 404: UserNotExist: user 'ghost' not exist
    The pull request is there, but it will not be merged by itself: SERVER answered HTTP 405: Work in progress PRs cannot be merged. Look at its page, and merge it there
    "#);
}

#[test]
fn a_token_without_the_right_to_it_is_told_so() {
    let (server, repository) = start();
    server.become_gitea().require_sign_in();
    let refused = Fault::Status(
        403,
        Vec::new(),
        r#"{"message":"token does not have at least one of required scope(s): [write:repository]","url":"/api/swagger"}"#.into(),
    );
    server.fault(Step::Forge("POST pulls").every(), refused);
    let outcome = propose(&repository, "v2").run();
    insta::assert_snapshot!(error(&repository, outcome), @"
    Commit commit-1 is on the branch `gitops-deploy/web-01f5f21` of SERVER/acme/deploy.git, but no pull request into main could be opened: the server denied write access (HTTP 403): token does not have at least one of required scope(s): [write:repository].
    The token needs *repository* and *issue: Read and write* (`write:repository`, `write:issue`).
    ");
}

/// What one run asks for, with a fault at each request after the commit: it is done once all the same.
#[test]
fn on_gitea_trouble_after_the_commit_is_waited_for_and_nothing_is_done_twice() {
    for name in [
        "GET pulls",
        "POST pulls",
        "GET labels",
        "POST labels",
        "PATCH issues",
        "POST requested_reviewers",
        "POST merge",
    ] {
        for fault in [
            Fault::Status(502, Vec::new(), String::new()),
            Fault::StatusAfter(502),
            Fault::DropAnswer,
        ] {
            let (server, repository) = start();
            let gitea = server.become_gitea();
            gitea.set_labels(&["web"], &[]);
            server.fault(Step::Forge(name).nth(1), fault.clone());
            let outcome = propose(&repository, "v2")
                .input("pull-request-labels", "web")
                .input("pull-request-reviewers", "jimin")
                .input("pull-request-assignees", "octocat")
                .input("pull-request-auto-merge", "merge")
                .run()
                .succeeded();
            let told = format!("{name} {fault:?}: {}", outcome.log());
            assert_eq!(outcome.warnings(), Vec::<String>::new(), "{told}");
            let pull = pull(gitea);
            assert_eq!(names(&pull["labels"], "name"), ["web"], "{told}");
            assert_eq!(names(&pull["assignees"], "login"), ["octocat"], "{told}");
            let asked = names(&pull["requested_reviewers"], "login");
            assert!(
                asked.iter().all(|one| one == "jimin") && !asked.is_empty(),
                "{told}"
            );
            assert_eq!(pull["scheduled"]["Do"], "merge", "{told}");
        }
    }
}

/// How one is brought to its target.
fn bring(repository: &Repository, how: &str) -> String {
    let git = |args: &[&str]| repository.git(args).trim().to_owned();
    // What `theirs` did since `base`, on top of `parents`.
    let join = |base: &str, theirs: &str, parents: &[&str], message: &str| {
        let base = format!("--merge-base={base}");
        let tree = git(&["merge-tree", "--write-tree", &base, "main", theirs]);
        let mut args = vec!["commit-tree", &tree, "-m", message];
        for parent in parents {
            args.extend(["-p", parent]);
        }
        git(&args)
    };
    let base = git(&["merge-base", "main", HEAD]);
    let merged = match how {
        "merge" => join(&base, HEAD, &["main", HEAD], "Merge"),
        "squash" => join(&base, HEAD, &["main"], "Squash"),
        "fast-forward" => repository.tip(HEAD),
        "rebase" => {
            repository.commit("main", "README.md", "# Apps\n", "docs: by hand");
            let commits = git(&["rev-list", "--reverse", &format!("main..{HEAD}")]);
            for commit in commits.lines() {
                let message = git(&["log", "-1", "--format=%B", commit]);
                let rebased = join(&format!("{commit}^"), commit, &["main"], &message);
                repository.set_branch("main", &rebased);
            }
            repository.tip("main")
        }
        // A queue, or a train, brings what it tested together at once.
        "queue" => {
            let before = repository.tip("main");
            repository.commit("main", "apps/other.yaml", "a: 1\n", "feat: other (#7)");
            let merged = join(&base, HEAD, &["main", HEAD], "Merge");
            repository.set_branch("main", &before);
            merged
        }
        other => panic!("{other}"),
    };
    repository.set_branch("main", &merged);
    merged
}

/// A forge that is waited at, as a test sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Where {
    /// With a token that may use the repository alone.
    Gitlab,
    /// With one that may read the API, too.
    GitlabWithApi,
    Gitea,
}

/// A repository at one of them.
#[derive(Clone)]
struct Site {
    at: Where,
    server: std::sync::Arc<GitServer>,
    repository: Repository,
}

impl Site {
    const ALL: [Where; 3] = [Where::Gitlab, Where::GitlabWithApi, Where::Gitea];

    fn new(at: Where) -> Site {
        let server = std::sync::Arc::new(GitServer::start());
        let repository = server.repository_with(NAME, FILE, &manifest("v1"));
        let site = Site {
            at,
            server,
            repository,
        };
        match at {
            Where::Gitlab => {
                site.server.become_gitlab();
                Gitlab::at(&site.repository);
            }
            Where::GitlabWithApi => {
                site.server.become_gitlab();
                Gitlab::at(&site.repository).allow_api();
            }
            Where::Gitea => {
                site.server.become_gitea();
            }
        }
        site
    }

    /// What each look begins with; of GitLab without its API, the first one alone.
    fn look(&self) -> Step {
        match self.at {
            Where::Gitlab | Where::GitlabWithApi => Step::Forge("GET merge_requests"),
            Where::Gitea => Step::Forge("GET pulls"),
        }
    }

    /// Does something when the `nth` look of a run arrives that proposes something new.
    fn at_look(&self, nth: usize, action: impl FnOnce(&Site) + Send + 'static) {
        let site = self.clone();
        // Gitea is asked before whether one is open.
        let before = usize::from(self.at == Where::Gitea);
        let when = self
            .look()
            .nth(self.server.count(self.look()) + before + nth);
        self.server.before(when, move || action(&site));
    }

    fn gitlab(&self) -> Gitlab {
        Gitlab::of(&self.repository)
    }

    /// Has the forge show that one was closed, merged or not.
    fn show(&self, number: usize, is_merged: bool) {
        match (self.at, is_merged) {
            (Where::Gitea, _) => self.server.gitea().edit_pull(number as u64, |pull| {
                pull["state"] = "closed".into();
                pull["merged"] = is_merged.into();
            }),
            (_, true) => self.gitlab().set_merged(number),
            (_, false) => self.gitlab().close(number),
        }
    }

    fn wait(&self, tag: &str) -> Action {
        propose(&self.repository, tag).input("pull-request-wait", "60")
    }
}

#[test]
fn the_wait_for_a_merge_works_wherever_it_is_merged() {
    for at in Site::ALL {
        for how in ["merge", "squash", "fast-forward", "rebase", "queue"] {
            let site = Site::new(at);
            let (sender, done) = std::sync::mpsc::channel();
            site.at_look(1, move |site| {
                sender.send(bring(&site.repository, how)).unwrap();
                site.show(1, true);
                site.repository.delete_branch(HEAD);
            });
            let outcome = site.wait("v2").run().succeeded();
            let told = format!("{at:?} {how}: {}", outcome.log());
            assert_eq!(outcome.output("pull-request-state"), "merged", "{told}");
            assert_eq!(outcome.output("commit-sha"), done.recv().unwrap(), "{told}");
            assert_eq!(site.server.count(Step::Forge("GET metadata")), 1, "{told}");
        }
    }
}

/// Two commits of one pull request: the last of them is the deployment.
#[test]
fn one_that_was_updated_and_is_rebased_is_deployed_by_its_last_commit() {
    for at in [Where::GitlabWithApi, Where::Gitea] {
        let site = Site::new(at);
        propose(&site.repository, "v2").run().succeeded();
        let (sender, done) = std::sync::mpsc::channel();
        // Those that are open from its branch are looked for first, on two pages of Gitea's list, and one on two more.
        let before = match at {
            Where::Gitea => 3,
            Where::Gitlab | Where::GitlabWithApi => 1,
        };
        site.at_look(1 + before, move |site| {
            sender.send(bring(&site.repository, "rebase")).unwrap();
            site.show(1, true);
        });
        let outcome = site.wait("v3").run().succeeded();
        let told = format!("{at:?}: {}", outcome.log());
        assert_eq!(outcome.output("pull-request-number"), "1", "{told}");
        assert_eq!(outcome.output("pull-request-state"), "merged", "{told}");
        assert_eq!(outcome.output("commit-sha"), done.recv().unwrap(), "{told}");
        assert_eq!(site.repository.log("main").len(), 4, "{told}");
    }
}

#[test]
fn a_target_that_was_rewound_holds_nothing_of_it() {
    let mut all = Vec::new();
    for at in Site::ALL {
        let site = Site::new(at);
        site.at_look(1, |site| {
            let before = site.repository.tip("main");
            bring(&site.repository, "squash");
            site.show(1, true);
            site.repository.set_branch("main", &before);
            site.repository.delete_branch(HEAD);
        });
        let outcome = site.wait("v2").run().failed();
        assert_eq!(outcome.output("pull-request-state"), "closed", "{at:?}");
        all.push(format!("{at:?}: {}", error(&site.repository, outcome)));
        // Below what it was planned on, it is waited for all the same.
        let site = Site::new(at);
        let first = site.repository.tip("main");
        site.repository
            .commit("main", "README.md", "# Apps\n", "docs: by hand");
        let (sender, done) = std::sync::mpsc::channel();
        site.at_look(1, move |site| {
            site.repository.set_branch("main", &first);
            sender.send(bring(&site.repository, "squash")).unwrap();
            site.show(1, true);
        });
        let outcome = site.wait("v2").run().succeeded();
        assert_eq!(outcome.output("pull-request-state"), "merged", "{at:?}");
        assert_eq!(outcome.output("commit-sha"), done.recv().unwrap(), "{at:?}");
    }
    insta::assert_snapshot!(all.join("\n\n"), @"
    Gitlab: Pull request #1 into main of SERVER/acme/deploy.git was closed: its branch `gitops-deploy/web-01f5f21` is gone, and was not merged. ghcr.io/acme/web:v2 is not deployed: https://gitlab.example/acme/deploy/-/merge_requests/1
    Its page says who closed it. To deploy it all the same, run the job again: it opens another one.

    GitlabWithApi: Pull request #1 into main of SERVER/acme/deploy.git is closed as merged, but main at commit-0 does not hold it: main was rewound, or the merge was taken back. ghcr.io/acme/web:v2 is not deployed: https://gitlab.example/acme/deploy/-/merge_requests/1
    Look at the history of main. Run the job again to propose it once more.

    Gitea: Pull request #1 into main of SERVER/acme/deploy.git is closed as merged, but main at commit-0 does not hold it: main was rewound, or the merge was taken back. ghcr.io/acme/web:v2 is not deployed: https://gitea.example/acme/deploy/pulls/1
    Look at the history of main. Run the job again to propose it once more.
    ");
}

#[test]
fn of_two_deployments_in_flight_the_newer_one_is_deployed() {
    for at in Site::ALL {
        let site = Site::new(at);
        site.at_look(1, |site| {
            // Another run of the same workflow.
            propose(&site.repository, "v3").run().succeeded();
            bring(&site.repository, "squash");
            site.show(1, true);
        });
        let outcome = site.wait("v2").run().failed();
        let told = format!("{at:?}: {}", outcome.log());
        assert_eq!(outcome.output("pull-request-state"), "replaced", "{told}");
        let now = site.repository.show("main", FILE);
        assert_eq!(String::from_utf8(now).unwrap(), manifest("v3"), "{told}");
    }
}

#[test]
fn one_that_is_closed_or_whose_branch_is_gone_ends_the_wait() {
    for at in [Where::GitlabWithApi, Where::Gitea] {
        let site = Site::new(at);
        site.at_look(2, |site| site.show(1, false));
        let outcome = site.wait("v2").run().failed();
        assert_eq!(outcome.output("pull-request-state"), "closed", "{at:?}");
        let told = error(&site.repository, outcome);
        assert!(told.contains(" was closed, and was not merged. "), "{told}");
    }
    // Where the API tells the token nothing, that is said once, and it is asked once.
    let site = Site::new(Where::Gitlab);
    site.at_look(1, |site| site.show(1, false));
    let outcome = site
        .wait("v2")
        .input("pull-request-wait", "3")
        .run()
        .failed();
    assert_eq!(outcome.output("pull-request-state"), "timed-out");
    let untold =
        "GitLab does not show this token whether somebody closes it (the API's scope `read_api`)";
    assert_eq!(outcome.shown_log().matches(untold).count(), 1);
    assert_eq!(site.server.count(site.look()), 1);

    let (server, repository) = start();
    server.become_gitlab();
    Gitlab::at(&repository);
    let place = repository.clone();
    server.before(Step::FetchRefs.nth(3), move || place.delete_branch(HEAD));
    let wait = propose(&repository, "v2").input("pull-request-wait", "60");
    let outcome = wait.run().failed();
    assert_eq!(outcome.output("pull-request-state"), "closed");
    insta::assert_snapshot!(error(&repository, outcome), @"
    Pull request #1 into main of SERVER/acme/deploy.git was closed: its branch `gitops-deploy/web-01f5f21` is gone, and was not merged. ghcr.io/acme/web:v2 is not deployed: https://gitlab.example/acme/deploy/-/merge_requests/1
    Its page says who closed it. To deploy it all the same, run the job again: it opens another one.
    ");

    let server = std::sync::Arc::new(GitServer::start());
    let repository = server.repository_with(NAME, FILE, &manifest("v1"));
    server.become_gitea();
    let at = std::sync::Arc::downgrade(&server);
    server.before(Step::Forge("GET pulls").nth(2), move || {
        let server = at.upgrade().unwrap();
        let close = |pull: &mut Json| pull["state"] = "closed".into();
        server.become_gitea().edit_pull(1, close);
    });
    let wait = propose(&repository, "v2").input("pull-request-wait", "60");
    let outcome = wait.run().failed();
    assert_eq!(outcome.output("pull-request-state"), "closed");
    insta::assert_snapshot!(error(&repository, outcome), @"
    Pull request #1 into main of SERVER/acme/deploy.git was closed, and was not merged. ghcr.io/acme/web:v2 is not deployed: https://gitea.example/acme/deploy/pulls/1
    Its page says who closed it. To deploy it all the same, run the job again: it opens another one.
    ");
}

/// What is merged stands in Git, whatever keeps the API of GitLab from telling.
#[test]
fn trouble_of_an_api_that_need_not_tell_hides_no_merge() {
    let faults = [
        (Fault::retry_after(429, 3600), "HTTP 429"),
        (Fault::status(503), "HTTP 503"),
        (Fault::status(404), "HTTP 404"),
        (
            Fault::Status(200, Vec::new(), "{}".to_owned()),
            "without its state",
        ),
        (Fault::Stall, "did not answer within"),
        (Fault::Reset, ""),
    ];
    std::thread::scope(|scope| {
        for (fault, why) in faults {
            scope.spawn(move || {
                let site = Site::new(Where::GitlabWithApi);
                let (sender, done) = std::sync::mpsc::channel();
                site.at_look(1, move |site| {
                    sender.send(bring(&site.repository, "squash")).unwrap();
                    site.repository.delete_branch(HEAD);
                });
                site.server.fault(site.look().every(), fault.clone());
                let outcome = site.wait("v2").input("timeout", "8").run().succeeded();
                let log = outcome.shown_log();
                let told = format!("{fault:?}: {log}");
                assert_eq!(outcome.output("pull-request-state"), "merged", "{told}");
                assert_eq!(outcome.output("commit-sha"), done.recv().unwrap(), "{told}");
                let lines = log.lines().filter(|line| line.contains("GitLab does not "));
                let lines: Vec<&str> = lines.collect();
                let [line] = lines[..] else { panic!("{told}") };
                let known = "GitLab does not tell whether somebody closes it (";
                assert!(line.contains(known) && line.contains(why), "{told}");
            });
        }
    });
}

#[test]
fn an_api_that_did_not_tell_once_is_asked_again() {
    for fault in [
        Fault::status(404),
        Fault::status(503),
        Fault::Status(200, Vec::new(), r#"{"state":"asleep"}"#.to_owned()),
    ] {
        let site = Site::new(Where::GitlabWithApi);
        site.server.fault(site.look().nth(1), fault.clone());
        site.at_look(2, |site| site.show(1, false));
        let outcome = site.wait("v2").run().failed();
        let told = format!("{fault:?}: {}", outcome.log());
        assert_eq!(outcome.output("pull-request-state"), "closed", "{told}");
    }
}

/// As one that shows its page whatever it is asked.
#[test]
fn a_forge_is_known_behind_a_page_that_is_larger_than_what_it_says_of_itself() {
    let site = Site::new(Where::Gitea);
    let page = Fault::Status(200, Vec::new(), "x".repeat(100_000));
    site.server.fault(Step::Forge("GET metadata").every(), page);
    propose(&site.repository, "v2").run().succeeded();
    assert_eq!(site.server.gitea().pulls().len(), 1);
}

#[test]
fn a_limit_of_another_server_is_not_told_with_what_helps_at_github() {
    for at in [Where::Gitlab, Where::Gitea] {
        let site = Site::new(at);
        let limit = Fault::retry_after(429, 3600);
        site.server
            .fault(Step::Forge("GET metadata").every(), limit);
        let outcome = propose(&site.repository, "v2").input("timeout", "5").run();
        let told = error(&site.repository, outcome);
        assert!(told.contains("HTTP 429"), "{at:?}: {told}");
        assert!(
            told.contains("Run the job again then, or raise `timeout` beyond that time."),
            "{at:?}: {told}"
        );
        assert!(!told.contains("GitHub"), "{at:?}: {told}");
    }
}

/// The target comes to hold a newer image while it is waited for.
#[test]
fn one_that_is_older_than_its_target_is_closed_where_that_can_be_done() {
    let (server, repository) = start();
    server.become_gitlab();
    let gitlab = Gitlab::at(&repository);
    let place = repository.clone();
    server.before(Step::FetchRefs.nth(3), move || {
        place.commit("main", FILE, manifest("v3"), "fix: by hand");
    });
    let wait = propose(&repository, "v2").input("pull-request-wait", "60");
    let outcome = wait.run().failed();
    assert_eq!(outcome.output("pull-request-state"), "replaced");
    assert!(gitlab.merge_requests()[0].is_open);
    insta::assert_snapshot!(error(&repository, outcome), @"
    Pull request #1 into main of SERVER/acme/deploy.git would bring ghcr.io/acme/web:v2, and main holds ghcr.io/acme/web:v3 by now, which is newer. It stays open, since on GitLab no push can close it: https://gitlab.example/acme/deploy/-/merge_requests/1
    The newer one is deployed: close this one there. To go back to the older one, use `operation: rollback`.
    ");

    let (server, repository) = start();
    let gitea = server.become_gitea();
    let place = repository.clone();
    server.before(Step::Forge("GET pulls").nth(2), move || {
        place.commit("main", FILE, manifest("v3"), "fix: by hand");
    });
    let wait = propose(&repository, "v2").input("pull-request-wait", "60");
    let outcome = wait.run().failed();
    assert_eq!(outcome.output("pull-request-state"), "replaced");
    assert_eq!(pull(gitea)["state"], "closed");
    insta::assert_snapshot!(pull(gitea)["comments"][0].as_str().unwrap(), @"
    `main` holds `ghcr.io/acme/web:v3` by now, which is newer than what this pull request proposes, so it was closed without a merge.
    ");
}

#[test]
fn on_gitea_one_that_an_earlier_run_left_is_closed_too() {
    for (came, is_open) in [("v2", false), ("v3", false), ("v1.5", true)] {
        let (server, repository) = start();
        let gitea = server.become_gitea();
        propose(&repository, "v2").run().succeeded();
        repository.commit("main", FILE, manifest(came), "fix: by hand");
        repository.commit("main", "README.md", "# Apps\n", "docs: by hand");
        let outcome = propose(&repository, came).run().succeeded();
        assert_eq!(outcome.output("changed"), "false", "{came}");
        let pull = pull(gitea);
        assert_eq!(
            pull["state"] == "open",
            is_open,
            "{came}: {}",
            outcome.log()
        );
        assert_eq!(pull["comments"].is_null(), is_open, "{came}");
    }
}

/// No push can close one there, so nobody looks for one.
#[test]
fn on_gitlab_one_that_an_earlier_run_left_stays_open() {
    let (_server, repository, gitlab) = on_gitlab();
    propose(&repository, "v2").run().succeeded();
    repository.commit("main", FILE, manifest("v2"), "fix: by hand");
    gitlab.options();
    let outcome = propose(&repository, "v2").run().succeeded();
    assert_eq!(outcome.output("changed"), "false");
    assert!(gitlab.options().is_empty());
    assert!(gitlab.merge_requests()[0].is_open);
}

/// Two services with one branch: the second deployment does not take the first one out of its pull request.
#[test]
fn a_branch_that_proposes_another_deployment_is_left_alone_until_that_is_merged_or_closed() {
    const API: &str = "apps/api.yaml";
    for is_gitlab in [true, false] {
        let (server, repository) = start();
        let gitlab = as_one_of(&server, &repository, is_gitlab);
        let api = manifest("v1").replace("acme/web", "acme/api");
        repository.commit("main", API, api, "feat: api");
        let shared = |action: Action| action.input("pull-request-branch", "deploy");
        let second = || {
            let api = propose(&repository, "v2").input("file", API);
            shared(api.input("image", "ghcr.io/acme/api:v2"))
        };
        shared(propose(&repository, "v2")).run().succeeded();
        let before = repository.git(&["for-each-ref"]);
        let told = error(&repository, second().run());
        let expected = "(`chore: update web image to v2`) brings ghcr.io/acme/web:v2 (container web, Deployment/web, apps/web.yaml line 6). Nothing was changed.";
        assert!(told.contains(expected), "{told}");
        assert_eq!(repository.git(&["for-each-ref"]), before);
        shared(propose(&repository, "v3")).run().succeeded();
        // Nobody waits for what is closed.
        match gitlab {
            Some(gitlab) => gitlab.close(1),
            None => {
                let gitea = server.gitea();
                gitea.edit_pull(1, |pull| pull["state"] = "closed".into());
            }
        }
        let outcome = second().run().succeeded();
        assert_eq!(outcome.output("pull-request-number"), "2");
    }
}

/// A place is another one though its image is the same: its deployment is not taken out of an open pull request.
#[test]
fn another_place_is_not_taken_out_of_an_open_pull_request() {
    for (others, is_gitlab) in Others::all().iter().zip([true, false, true, false]) {
        let (server, repository) = start();
        let _gitlab = as_one_of(&server, &repository, is_gitlab);
        others.import(&repository);
        let proposal = |number| others.proposal(number, propose(&repository, "v2"));
        proposal(0).run().succeeded();
        let before = repository.git(&["for-each-ref"]);
        let told = error(&repository, proposal(1).run());
        let expected = format!("brings {}. Nothing was changed.", others.brings);
        assert!(told.contains(&expected), "{}: {told}", others.name);
        assert_eq!(repository.git(&["for-each-ref"]), before);
        proposal(0).run().succeeded();
    }
}

/// What others did to the target in the meantime is nothing that the branch proposes.
#[test]
fn a_target_that_goes_on_takes_nothing_out_of_a_pull_request() {
    for is_gitlab in [true, false] {
        let (server, repository) = start();
        let _gitlab = as_one_of(&server, &repository, is_gitlab);
        for (tag, scale) in [("v2", "1"), ("v3", "2"), ("v4", "3"), ("v5", "4")] {
            let text = manifest("v1").replace("spec:\n", &format!("spec:\n  replicas: {scale}\n"));
            repository.commit("main", FILE, text.as_str(), "fix: by hand");
            propose(&repository, tag).run().succeeded();
            assert_eq!(brings(&repository), brought("v1", tag));
        }
    }
}

/// One branch for two targets: the pull request into the one is not made to bring what is for the other.
#[test]
fn a_branch_whose_pull_request_is_open_into_another_target_is_left_alone() {
    for is_gitlab in [true, false] {
        let (server, repository) = start();
        repository.git(&["branch", "release", "main"]);
        if is_gitlab {
            server.become_gitlab();
            Gitlab::at(&repository).allow_api();
        } else {
            server.become_gitea();
        }
        let shared = |action: Action| action.input("pull-request-branch", "deploy");
        shared(propose(&repository, "v2")).run().succeeded();
        let before = repository.git(&["for-each-ref"]);
        let second = shared(propose(&repository, "v3")).input("branch", "release");
        let told = error(&repository, second.run());
        assert!(told.contains("is open into `main`"), "{told}");
        assert_eq!(repository.git(&["for-each-ref"]), before);
    }
}
