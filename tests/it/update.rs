//! `operation: update`, as a workflow step sees it: the binary is run as the runner does, against a
//! real Git server, and what landed is read with the git command line.

use super::VIA;
use crate::support::{
    Action, Entry, Fault, GitServer, Outcome, Repository, Rights, Step, TOKEN, Via,
    without_line_links,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gitops_deploy::action::outputs::OUTPUTS;

const FILE: &str = "blog-system/web-rollout.yaml";
const V13: &str = "ghcr.io/wlals2/blog-web:v13";
const V14: &str = "ghcr.io/wlals2/blog-web:v14";

/// The seed's manifest: comments, blank lines and quotes around the image.
const MANIFEST: &str = r#"# The blog's front end: Hugo behind nginx.
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: web
  namespace: blog-system

spec:
  replicas: 2

  # 20 % first, then everyone.
  strategy:
    canary:
      steps:
      - setWeight: 20
      - pause: {duration: 60}

  template:
    spec:
      containers:
        - name: nginx
          image: "ghcr.io/wlals2/blog-web:v13"   # the site itself

          ports: [{containerPort: 80}]
        - name: exporter
          image: nginx/nginx-prometheus-exporter:1.1
"#;

fn start() -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", FILE, MANIFEST);
    (server, repository)
}

fn update(repository: &Repository, image: &str) -> Action {
    Action::new()
        .over(VIA, repository)
        .input("file", FILE)
        .input("image", image)
        .input("token", TOKEN)
        .input("timeout", "60")
}

/// An update that is not to say what is in it: that may cost a request behind the push, which
/// `an_update_is_few_requests_on_one_connection` and `changes.rs` count.
fn alone(repository: &Repository) -> Action {
    update(repository, V14).input("source-token", "")
}

/// What a person reads of a failed run, with the server's port taken out; after checking that the
/// step is red with one error, that log and summary say the same, and that Git is as it was.
fn failure(repository: &Repository, action: Action) -> String {
    let before = repository.git(&["for-each-ref"]);
    let outcome = action.run().failed();
    assert_eq!(repository.git(&["for-each-ref"]), before, "Git has changed");
    no_secret(&outcome);
    let errors: Vec<_> = outcome
        .annotations()
        .into_iter()
        .filter(|a| a.level == "error")
        .collect();
    let [error] = &errors[..] else {
        panic!("one error, please:\n{}", outcome.log())
    };
    assert!(outcome.outputs.is_empty());
    let title = &error.properties["title"];
    assert!(
        outcome.summary.starts_with(&format!("### ❌ {title}\n")),
        "{}",
        outcome.summary
    );
    let tip = before.split_once(' ').map_or(TOKEN, |(tip, _)| &tip[..7]);
    let message = error.message.replace(tip, "COMMIT");
    scrub(repository, &format!("{title}\n{message}"))
}

fn scrub(repository: &Repository, text: &str) -> String {
    let server = repository
        .url()
        .split("/wlals2/")
        .next()
        .unwrap()
        .to_owned();
    let host = server.split("://").nth(1).unwrap().to_owned();
    // A repository of the workflow's own GitHub is told by its name.
    without_line_links(text)
        .replace(repository.url(), "wlals2/k8s-manifests")
        .replace(&server, "SERVER")
        .replace(&host, "HOST")
        .replace(
            " through git (the repository is not on GitHub)",
            " through TRANSPORT",
        )
        .replace(
            " through GitHub's API (the repository is on GitHub)",
            " through TRANSPORT",
        )
        .replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

/// The token is masked before anything else is said, and nowhere else.
fn no_secret(outcome: &Outcome) {
    let rest: Vec<&str> = outcome
        .stdout
        .lines()
        .skip_while(|line| line.starts_with("::add-mask::"))
        .collect();
    for text in [
        rest.join("\n"),
        outcome.stderr.clone(),
        outcome.summary.clone(),
    ] {
        assert!(!text.contains(TOKEN), "the token is in:\n{text}");
    }
    for (name, value) in &outcome.outputs {
        assert!(!value.contains(TOKEN), "the token is in {name}");
    }
}

#[test]
fn one_line_changes_and_the_next_step_knows() {
    let (_server, repository) = start();
    let base = repository.tip("main");
    let outcome = update(&repository, V14).run().succeeded();

    assert_eq!(
        repository.changed_lines("main"),
        [
            format!("-          image: \"{V13}\"   # the site itself"),
            format!("+          image: \"{V14}\"   # the site itself"),
        ]
    );
    let commit = &repository.log("main")[0];
    assert_eq!(commit.parents, [base]);
    let bot = "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>";
    let people = match VIA {
        Via::Git => (bot, bot),
        // Over the API it is the token's owner, and GitHub signs.
        Via::Api => (
            "wlals2 <1000001+wlals2@users.noreply.github.com>",
            "GitHub <noreply@github.com>",
        ),
    };
    assert_eq!((commit.author.as_str(), commit.committer.as_str()), people);
    insta::assert_snapshot!(commit.message, @"
    chore: update blog-web image to v14

    Deployed-Image: ghcr.io/wlals2/blog-web:v14
    Previous-Image: ghcr.io/wlals2/blog-web:v13
    Workflow-Run: https://github.com/wlals2/blogsite/actions/runs/123/attempts/1
    Argocd-reference-commit-sha: 8a3f5c1d9e7b2a4f6c8d0e1f3a5b7c9d1e3f5a7b
    Argocd-reference-commit-repourl: https://github.com/wlals2/blogsite
    Argocd-reference-commit-author: Jimin <jimin@example.com>
    Argocd-reference-commit-subject: feat: a new post
    ");
    repository.fsck();

    let output = |name: &str| outcome.outputs[name].as_str();
    assert_eq!(output("changed"), "true");
    assert_eq!(output("commit-sha"), commit.id);
    let url = repository.url().trim_end_matches(".git");
    assert_eq!(output("commit-url"), format!("{url}/commit/{}", commit.id));
    assert_eq!(output("branch"), "main");
    assert_eq!(output("image"), V14);
    assert_eq!(output("previous-image"), V13);
    assert_eq!(output("files"), FILE);
    assert!(output("diff").contains(&format!("+          image: \"{V14}\"")));
    assert_eq!(outcome.outputs.len(), OUTPUTS.len());
    no_secret(&outcome);
    assert_eq!(outcome.masks()[0], TOKEN);

    let signed = " Its signature is verified.";
    assert_eq!(outcome.summary.contains(signed), VIA == Via::Api);
    let seen = scrub(&repository, &outcome.summary)
        .replace(signed, "")
        .replace(&commit.id, "COMMIT")
        .replace(&commit.id[..7], "SHORT");
    insta::assert_snapshot!(seen, @r#"
    ### 🚀 Deployed `blog-web:v14`

    Commit [`SHORT`](SERVER/wlals2/k8s-manifests/commit/COMMIT) is on `main` of [`wlals2/k8s-manifests`](SERVER/wlals2/k8s-manifests).

    | Resource | Container | Old image | New image | File |
    |---|---|---|---|---|
    | `Rollout/web` | `nginx` | `ghcr.io/wlals2/blog-web:v13` | `ghcr.io/wlals2/blog-web:v14` | `blog-system/web-rollout.yaml:22` |

    <details open><summary>Diff</summary>

    ```diff
    --- a/blog-system/web-rollout.yaml
    +++ b/blog-system/web-rollout.yaml
    @@ -19,7 +19,7 @@
         spec:
           containers:
             - name: nginx
    -          image: "ghcr.io/wlals2/blog-web:v13"   # the site itself
    +          image: "ghcr.io/wlals2/blog-web:v14"   # the site itself
     
               ports: [{containerPort: 80}]
             - name: exporter
    ```

    </details>
    "#);
    let seen = scrub(&repository, &outcome.stdout)
        .replace(&commit.id[..7], "SHORT")
        .replace(&commit.parents[0][..7], "BASE");
    insta::assert_snapshot!(seen, @r#"
    ::add-mask::github_pat_11AAAAAAA0123456789_test
    ::add-mask::eC1hY2Nlc3MtdG9rZW46Z2l0aHViX3BhdF8xMUFBQUFBQUEwMTIzNDU2Nzg5X3Rlc3Q=
    ::add-mask::ghs_thetokenofthisjob
    gitops-deploy VERSION: update in wlals2/k8s-manifests through TRANSPORT
    Updating blog-system/web-rollout.yaml in wlals2/k8s-manifests
    Read main at BASE
    Pushed SHORT to main of wlals2/k8s-manifests: ghcr.io/wlals2/blog-web:v14.
    ::group::Diff
    --- a/blog-system/web-rollout.yaml
    +++ b/blog-system/web-rollout.yaml
    @@ -19,7 +19,7 @@
         spec:
           containers:
             - name: nginx
    -          image: "ghcr.io/wlals2/blog-web:v13"   # the site itself
    +          image: "ghcr.io/wlals2/blog-web:v14"   # the site itself
     
               ports: [{containerPort: 80}]
             - name: exporter
    ::endgroup::
    "#);
}

#[test]
fn a_second_identical_run_pushes_nothing() {
    let (server, repository) = start();
    update(&repository, V14).run().succeeded();
    let tip = repository.tip("main");
    let outcome = update(&repository, V14).run().succeeded();
    assert_eq!(repository.tip("main"), tip);
    assert_eq!(outcome.outputs["changed"], "false");
    assert_eq!(outcome.outputs["commit-sha"], tip);
    assert_eq!(outcome.outputs["image"], V14);
    assert_eq!(outcome.outputs["diff"], "");
    assert_eq!(server.count(VIA.push()), 1);
    insta::assert_snapshot!(scrub(&repository, &outcome.summary).replace(&tip, "TIP").replace(&tip[..7], "TIP"), @"
    ### 💤 Nothing changed: `blog-web:v14` is there already

    `main` of [`wlals2/k8s-manifests`](SERVER/wlals2/k8s-manifests) holds this already, at [`TIP`](SERVER/wlals2/k8s-manifests/commit/TIP). Nothing was pushed.

    | Resource | Container | Old image | New image | File |
    |---|---|---|---|---|
    | `Rollout/web` | `nginx` | `ghcr.io/wlals2/blog-web:v14` | *unchanged* | `blog-system/web-rollout.yaml:22` |
    ");
}

#[test]
fn a_dry_run_writes_nothing() {
    let (server, repository) = start();
    let tip = repository.tip("main");
    let outcome = update(&repository, V14)
        .input("dry-run", "true")
        .run()
        .succeeded();
    assert_eq!(repository.tip("main"), tip);
    assert_eq!(server.count(Step::PushRefs) + server.count(VIA.push()), 0);
    assert_eq!(outcome.outputs["changed"], "true");
    assert_eq!(outcome.outputs["commit-sha"], "");
    assert_eq!(outcome.outputs["image"], V14);
    assert!(outcome.outputs["diff"].contains(V14));
    assert!(
        outcome
            .summary
            .starts_with("### 🔍 Dry run: would deploy `blog-web:v14`\n"),
        "{}",
        outcome.summary
    );
}

#[test]
fn an_update_is_few_requests_on_one_connection() {
    let (server, repository) = start();
    update(&repository, V14).run().succeeded();
    let steps: Vec<Step> = server
        .requests()
        .iter()
        .filter_map(|request| request.step)
        .collect();
    let expected = match VIA {
        // The last one looks for the deployment before (docs/history.md).
        Via::Git => vec![
            Step::FetchRefs,
            Step::Fetch,
            Step::Fetch,
            Step::Push,
            Step::Fetch,
        ],
        Via::Api => vec![Step::Query, Step::Mutation("createCommitOnBranch")],
    };
    assert_eq!(steps, expected);
    assert_eq!(server.traffic().connections, 1);
}

#[test]
fn a_server_that_wants_a_certain_client_and_name_gets_them() {
    let (server, repository) = start();
    // It speaks the older version of the protocol.
    server.fault(Step::FetchRefs.nth(1), Fault::status(400));
    let outcome = update(&repository, V14)
        .input("transport", "git")
        .input("token-username", "x-token-auth")
        .run()
        .succeeded();
    let requests = server.requests();
    assert!(requests.len() > 2);
    for request in requests {
        assert_eq!(request.username.as_deref(), Some("x-token-auth"));
        if request.step == Some(Step::Fetch) {
            let body = String::from_utf8_lossy(&request.body);
            assert!(body.contains(" multi_ack_detailed "), "{body}");
        }
    }
    // As it travels, the token is as secret as it is.
    let sent = BASE64_STANDARD.encode(format!("x-token-auth:{TOKEN}"));
    assert!(outcome.stdout.contains(&format!("::add-mask::{sent}\n")));
}

#[test]
fn a_server_without_partial_fetches_does_as_well() {
    use Step::{Fetch, FetchRefs, Push};
    // In the protocol's version 2, a server shows by its answer what it can't do. In the older one it
    // says so before, and there files are given out by their ids where that is allowed alone.
    for (key, is_old, expected) in [
        (
            "uploadpack.allowFilter",
            false,
            &[FetchRefs, Fetch, Fetch, Push][..],
        ),
        (
            "uploadpack.allowAnySHA1InWant",
            false,
            &[FetchRefs, Fetch, Fetch, Push],
        ),
        (
            "uploadpack.allowFilter",
            true,
            &[FetchRefs, FetchRefs, Fetch, Push],
        ),
        (
            "uploadpack.allowAnySHA1InWant",
            true,
            &[FetchRefs, FetchRefs, Fetch, Push],
        ),
    ] {
        let (server, repository) = start();
        repository.config(key, "false");
        if is_old {
            server.fault(FetchRefs.nth(1), Fault::status(400));
        }
        alone(&repository)
            .input("transport", "git")
            .run()
            .succeeded();
        assert_eq!(repository.changed_lines("main").len(), 2, "{key}");
        repository.fsck();
        let steps: Vec<_> = server
            .requests()
            .iter()
            .filter_map(|request| request.step)
            .collect();
        assert_eq!(steps, expected, "{key} {is_old}");
    }
}

#[test]
fn a_server_that_does_not_know_version_2_is_asked_once_more_and_no_more() {
    use Step::{Fetch, FetchRefs, Push};
    let answer = |status, content_type: &str, body: &str| {
        let header = ("Content-Type".to_owned(), content_type.to_owned());
        Fault::Status(status, vec![header], body.to_owned())
    };
    const GIT: &str = "application/x-git-upload-pack-result";
    let faults = [400, 403, 404, 405, 415, 500, 501].map(Fault::status);
    let words = [
        answer(200, GIT, ""),
        answer(200, GIT, "0016ERR expected want\n"),
        answer(200, "text/html", "<html>"),
    ];
    std::thread::scope(|scope| {
        for fault in faults.into_iter().chain(words) {
            scope.spawn(move || {
                let (server, repository) = start();
                server.fault(FetchRefs.nth(1), fault.clone());
                let other = repository.clone();
                server.before(Push.nth(1), move || {
                    other.commit("main", "README.md", "more\n", "docs: more");
                });
                let outcome = alone(&repository).input("transport", "git").run();
                assert_eq!(outcome.code(), Some(0), "{fault:?} {}", outcome.log());
                repository.fsck();
                let requests = server.requests();
                let steps: Vec<_> = requests.iter().filter_map(|own| own.step).collect();
                let first = [FetchRefs, FetchRefs, Fetch, Fetch, Push];
                assert_eq!(steps, [&first[..], &[FetchRefs, Fetch, Push]].concat());
                let looks = requests.iter().filter(|own| own.step == Some(FetchRefs));
                let methods: Vec<_> = looks.map(|own| &own.method[..]).collect();
                assert_eq!(methods, ["POST", "GET", "GET"]);
            });
        }
    });
}

#[test]
fn a_look_at_a_branch_lists_no_others() {
    let (server, repository) = start();
    let tip = repository.tip("main");
    let others = (0..5_000).map(|n| format!("{tip} refs/heads/other-{n:05}\n"));
    let packed = format!("# pack-refs with: sorted \n{}", others.collect::<String>());
    std::fs::write(repository.path().join("packed-refs"), packed).unwrap();
    for branch in ["", "main"] {
        server.reset_log();
        let image = if branch.is_empty() { V14 } else { V13 };
        let action = update(&repository, image).env("GITHUB_SHA", "");
        let action = action.input("transport", "git").input("branch", branch);
        action.run().succeeded();
        let sent = server.traffic().sent;
        assert!(sent < 10_000, "{sent}");
    }
}

/// An answer to a fetch, of packets as they are given.
fn fetched(packets: &[&str]) -> Fault {
    let lines = packets
        .iter()
        .map(|packet| format!("{:04x}{packet}", packet.len() + 4));
    let kind = "application/x-git-upload-pack-result";
    let headers = vec![("Content-Type".to_owned(), kind.to_owned())];
    Fault::Status(200, headers, lines.collect())
}

#[test]
fn a_server_that_gives_out_no_files_after_all_does_as_well() {
    let (server, repository) = start();
    let refusal = fetched(&["ERR upload-pack: not our ref"]);
    server.fault(Step::Fetch.nth(2), refusal);
    alone(&repository)
        .input("transport", "git")
        .run()
        .succeeded();
    assert_eq!(repository.changed_lines("main").len(), 2);
    repository.fsck();
    // The second is refused, the third brings commit and files.
    let steps = server.requests();
    let steps: Vec<_> = steps.iter().filter_map(|request| request.step).collect();
    assert_eq!(
        steps,
        [
            Step::FetchRefs,
            Step::Fetch,
            Step::Fetch,
            Step::Fetch,
            Step::Push
        ]
    );
}

#[test]
fn a_tip_that_is_gone_since_it_was_named_is_looked_for_again() {
    for (packets, words) in [
        (
            &["ERR upload-pack: not our ref 1234\n"][..],
            "the server refused: upload-pack: not our ref 1234",
        ),
        (&["NAK\n", "\x03out of memory"], "out of memory"),
        (&["what is this"], "the answer is not one of git's"),
        (&["NAK\n", "\x01PICK"], "the answer ended early"),
        (&["NAK\n", "\x01PICKLED PEPPER"], "what came is not a pack"),
        (
            &["NAK\n", "\x01PACK\0\0\0\x02\0\0\0\0"],
            "left out the object TIP",
        ),
    ] {
        let (server, repository) = start();
        let words = words.replace("TIP", &repository.tip("main"));
        server.fault(Step::Fetch.nth(1), fetched(packets));
        let outcome = update(&repository, V14)
            .input("transport", "git")
            .run()
            .succeeded();
        assert_eq!(repository.changed_lines("main").len(), 2);
        let again = format!("{words}\n");
        assert!(outcome.log().contains(&again), "{again} {}", outcome.log());
    }
}

#[test]
fn a_repository_with_other_object_names_is_refused() {
    let (_server, repository) = start();
    std::fs::remove_dir_all(repository.path()).unwrap();
    let path = repository.path().to_str().unwrap();
    let made = std::process::Command::new("git")
        .args(["init", "--quiet", "--bare", "--object-format=sha256", path])
        .status();
    assert!(made.unwrap().success());
    let outcome = update(&repository, V14)
        .input("transport", "git")
        .run()
        .failed();
    for words in ["names its objects by sha256", "Nothing was changed"] {
        assert!(outcome.log().contains(words), "{}", outcome.log());
    }
}

#[test]
fn a_branch_of_its_own_and_an_executable_file_are_kept() {
    let (_server, repository) = start();
    let tip = repository.tip("main");
    repository.set_branch("prod", &tip);
    repository.commit(
        "prod",
        FILE,
        Entry::Executable(MANIFEST.into()),
        "chore: for prod",
    );
    let outcome = update(&repository, V14)
        .input("branch", "prod")
        .run()
        .succeeded();
    assert_eq!(repository.tip("main"), tip);
    assert_eq!(outcome.outputs["branch"], "prod");
    assert!(
        repository
            .git(&["ls-tree", "prod", FILE])
            .starts_with("100755 ")
    );
}

#[test]
fn several_files_and_images_are_one_commit() {
    let (_server, repository) = start();
    let was = "kind: Deployment\r\nspec: {containers: [{name: was, image: 'ghcr.io/wlals2/blog-was:v7'}]}\r\n";
    repository.commit("main", "blog-system/was.yaml", was, "chore: add was");
    let before = repository.log("main").len();
    let outcome = update(
        &repository,
        "nginx=ghcr.io/wlals2/blog-web:v14\nghcr.io/wlals2/blog-was:v8",
    )
    .input(
        "file",
        "# everything but tests\nblog-system/*.yaml\n!blog-system/*-test.yaml\n",
    )
    .run()
    .succeeded();
    assert_eq!(repository.log("main").len(), before + 1);
    assert_eq!(
        outcome.outputs["image"],
        "ghcr.io/wlals2/blog-was:v8\nghcr.io/wlals2/blog-web:v14"
    );
    assert_eq!(
        outcome.outputs["files"],
        "blog-system/was.yaml\nblog-system/web-rollout.yaml"
    );
    let now = repository.show("main", "blog-system/was.yaml");
    assert_eq!(String::from_utf8(now).unwrap(), was.replace(":v7", ":v8"));
}

#[test]
fn files_are_told_in_the_order_of_the_lines_that_name_them() {
    let (_server, repository) = start();
    let web = "image: ghcr.io/wlals2/blog-web:v13\n";
    for file in [
        "b/web.yaml",
        "a/web.yaml",
        "z/web.yaml",
        "z/api.yaml",
        "c.yaml",
    ] {
        repository.commit("main", file, web, "chore: add a file");
    }
    let outcome = update(&repository, V14)
        .input("file", "z/*.yaml\nc.yaml\nb/*.yaml\na/web.yaml\nz/web.yaml")
        .run()
        .succeeded();
    assert_eq!(
        outcome.outputs["files"],
        "z/api.yaml\nz/web.yaml\nc.yaml\nb/web.yaml\na/web.yaml"
    );
}

#[test]
fn helm_values_a_kustomization_and_other_values_are_one_commit() {
    let (_server, repository) = start();
    let values =
        "image:\n  repository: ghcr.io/wlals2/blog-web # ours\n  tag: 'v13'\nreplicas: 2\n";
    let kustomization = "images:\n- name: ghcr.io/wlals2/blog-web\n  newTag: v13\n";
    repository.commit("main", "helm/values.yaml", values, "chore: add helm");
    repository.commit(
        "main",
        "prod/kustomization.yaml",
        kustomization,
        "chore: add prod",
    );
    let before = repository.log("main").len();
    let outcome = update(&repository, V14)
        .input("file", "helm/values.yaml\nprod/kustomization.yaml")
        .input("set", ".replicas=3")
        .run()
        .succeeded();
    let read = |path: &str| String::from_utf8(repository.show("main", path)).unwrap();
    assert_eq!(
        read("helm/values.yaml"),
        values
            .replace("v13", "v14")
            .replace("replicas: 2", "replicas: 3")
    );
    assert_eq!(
        read("prod/kustomization.yaml"),
        kustomization.replace("v13", "v14")
    );
    assert_eq!(repository.log("main").len(), before + 1);
    assert!(
        outcome.summary.contains("| `.replicas` | `2` | `3` |"),
        "{}",
        outcome.summary
    );
}

#[test]
fn a_value_alone_can_be_set_and_objects_be_chosen() {
    let (_server, repository) = start();
    let two = format!(
        "{MANIFEST}---\n{}",
        MANIFEST.replace("name: web\n", "name: web-blue\n")
    );
    repository.commit("main", FILE, two.as_str(), "chore: blue");
    update(&repository, V14)
        .input("resource", "Rollout/web-blue")
        .run()
        .succeeded();
    assert_eq!(repository.changed_lines("main").len(), 2);
    let outcome = update(&repository, "")
        .input("set", "Rollout/web-blue:.spec.replicas=0")
        .run()
        .succeeded();
    assert_eq!(
        repository.changed_lines("main"),
        ["-  replicas: 2", "+  replicas: 0"]
    );
    assert_eq!(outcome.outputs["image"], "");
    let subject = repository.git(&["log", "-1", "--format=%s", "main"]);
    assert_eq!(subject, "chore: update blog-system/web-rollout.yaml\n");
}

#[test]
fn a_lost_race_is_tried_again_on_the_new_tip() {
    let (server, repository) = start();
    let other = repository.clone();
    server.before(VIA.push().nth(1), move || {
        // The line next to ours.
        let theirs = MANIFEST.replace("# the site itself", "# the site");
        other.commit("main", FILE, theirs.as_str(), "docs: shorter");
    });
    let outcome = update(&repository, V14).run().succeeded();
    let expected = MANIFEST
        .replace("# the site itself", "# the site")
        .replace(V13, V14);
    assert_eq!(
        String::from_utf8(repository.show("main", FILE)).unwrap(),
        expected
    );
    assert_eq!(repository.changed_lines("main").len(), 2);
    assert!(
        outcome.stdout.contains("someone else pushed first"),
        "{}",
        outcome.stdout
    );
    assert_eq!(outcome.outputs["commit-sha"], repository.tip("main"));
}

#[test]
fn a_lost_race_costs_a_look_a_fetch_and_a_push() {
    let (server, repository) = start();
    // What changed of other files comes as a difference to what was never asked for.
    let notes = |first: &str| -> String {
        let lines = (0..2_000_u32).map(|n| format!("{}\n", n.wrapping_mul(0x9e37_79b9)));
        format!("{first}\n{}", lines.collect::<String>())
    };
    repository.commit("main", "NOTES", notes("before").as_str(), "docs: notes");
    let large = (0..1_u32 << 18).flat_map(|n| n.wrapping_mul(n ^ 0x9e37_79b9).to_le_bytes());
    let large: Vec<u8> = large.chain(*b"!").collect();
    server.reset_log();
    let other = repository.clone();
    server.before(VIA.push().nth(1), move || {
        let theirs = MANIFEST.replace("replicas: 2", "replicas: 3");
        let entries = [
            (FILE, theirs.into_bytes().into()),
            ("NOTES", notes("after").into_bytes().into()),
            ("large.bin", large.into()),
        ];
        other.commit_all("main", entries, "feat: more of it");
    });
    alone(&repository).run().succeeded();
    let theirs = MANIFEST.replace("replicas: 2", "replicas: 3");
    let expected = theirs.replace(V13, V14);
    assert_eq!(repository.show("main", FILE), expected.into_bytes());
    repository.fsck();
    let steps: Vec<Step> = server
        .requests()
        .iter()
        .filter_map(|own| own.step)
        .collect();
    let expected = match VIA {
        Via::Git => vec![
            Step::FetchRefs,
            Step::Fetch,
            Step::Fetch,
            Step::Push,
            Step::FetchRefs,
            Step::Fetch,
            Step::Push,
        ],
        Via::Api => [[Step::Query, VIA.push()]; 2].concat(),
    };
    assert_eq!(steps, expected);
    // What is large and not wanted does not come along.
    let sent = server.traffic().sent;
    assert!(sent < 100_000, "{sent}");
}

#[test]
fn a_server_that_leaves_out_all_files_and_not_some_is_asked_again() {
    let (server, repository) = start();
    repository.config("uploadpackfilter.allow", "false");
    repository.config("uploadpackfilter.blob:none.allow", "true");
    let other = repository.clone();
    server.before(Step::Push.nth(1), move || {
        let theirs = MANIFEST.replace("replicas: 2", "replicas: 3");
        other.commit("main", FILE, theirs.as_str(), "feat: more of it");
    });
    let outcome = alone(&repository).input("transport", "git").run();
    assert!(!outcome.succeeded().log().contains("refused"));
    repository.fsck();
    // Refused, without files, the file.
    assert_eq!(server.count(Step::Fetch), 2 + 3);
}

#[test]
fn a_race_that_is_lost_twice_is_tried_again() {
    let (server, repository) = start();
    let push = VIA.push();
    for step in [push.nth(1), push.nth(2), push.nth(3)] {
        let other = repository.clone();
        server.before(step.clone(), move || {
            other.commit("main", "README.md", format!("{step:?}\n"), "docs: more");
        });
    }
    update(&repository, V14).run().succeeded();
    assert_eq!(repository.log("main").len(), 5);
    assert_eq!(repository.changed_lines("main").len(), 2);
    repository.fsck();
}

#[test]
fn a_push_whose_answer_is_lost_is_made_once() {
    let (server, repository) = start();
    server.fault(VIA.push().nth(1), Fault::DropAnswer);
    let outcome = update(&repository, V14).run().succeeded();
    assert_eq!(repository.log("main").len(), 2);
    assert_eq!(outcome.outputs["changed"], "true");
    assert_eq!(outcome.outputs["commit-sha"], repository.tip("main"));
}

#[test]
fn a_push_whose_answer_is_lost_is_found_below_the_commits_of_others() {
    let (server, repository) = start();
    let other = repository.clone();
    server.fault(VIA.push().nth(1), Fault::DropAnswer);
    server.before(VIA.read().nth(2), move || {
        for n in 0..20 {
            other.commit("main", "README.md", format!("{n}\n"), "docs: more");
        }
    });
    let outcome = update(&repository, V14).run().succeeded();
    assert_eq!(repository.log("main").len(), 22);
    assert_eq!(outcome.outputs["changed"], "true");
    assert_eq!(outcome.outputs["commit-sha"], repository.log("main")[20].id);
}

#[test]
fn a_branch_that_is_deleted_meanwhile_is_not_recreated() {
    let (server, repository) = start();
    let other = repository.clone();
    repository.set_branch("prod", &repository.tip("main"));
    server.before(VIA.push().nth(1), move || other.delete_branch("prod"));
    let outcome = update(&repository, V14)
        .input("branch", "prod")
        .run()
        .failed();
    assert_eq!(repository.try_tip("prod"), None);
    assert!(
        outcome.errors()[0].contains("no branch `prod`"),
        "{}",
        outcome.log()
    );
}

#[test]
fn what_somebody_deployed_meanwhile_is_told_where_it_is_replaced() {
    let (server, repository) = start();
    let other = repository.clone();
    let v20 = MANIFEST.replace("blog-web:v13", "blog-web:v20");
    server.before(VIA.push().nth(1), move || {
        other.commit("main", FILE, v20.as_str(), "chore: v20");
    });
    let outcome = update(&repository, V14).run().succeeded();
    assert_eq!(
        outcome.outputs["previous-image"],
        "ghcr.io/wlals2/blog-web:v20"
    );
    insta::assert_snapshot!(outcome.warnings().join("\n"), @"ghcr.io/wlals2/blog-web:v20 came to blog-system/web-rollout.yaml while this run was at work, and ghcr.io/wlals2/blog-web:v14 takes its place");
}

#[test]
fn a_rewound_branch_does_not_get_its_commits_back() {
    let (server, repository) = start();
    let first = repository.tip("main");
    repository.commit("main", "secret.txt", "oops\n", "chore: oops");
    let other = repository.clone();
    let rewound = first.clone();
    server.before(VIA.push().nth(1), move || {
        other.set_branch("main", &rewound)
    });
    update(&repository, V14).run().succeeded();
    assert_eq!(repository.log("main")[0].parents, [first]);
}

#[test]
fn a_local_repository_needs_no_server_and_no_token() {
    let (_server, repository) = start();
    let url = format!("file://{}", repository.path().display());
    let outcome = update(&repository, V14)
        .input("repository", url)
        .input("token", "")
        .run()
        .succeeded();
    assert_eq!(outcome.outputs["commit-sha"], repository.tip("main"));
    assert_eq!(repository.changed_lines("main").len(), 2);
    repository.fsck();
}

#[test]
fn outside_of_github_the_outputs_are_printed() {
    let (_server, repository) = start();
    let outcome = ["GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"]
        .iter()
        .fold(update(&repository, V14), |action, name| {
            action.without_env(name)
        })
        .run()
        .succeeded();
    let line = format!("\n  commit-sha={}\n", repository.tip("main"));
    assert!(outcome.stdout.contains(&line), "{}", outcome.stdout);
    let (_, outputs) = outcome.stdout.split_once("\nOutputs\n").unwrap();
    let empty = outputs.lines().find(|line| line.ends_with('='));
    assert_eq!(empty, None, "{}", outcome.stdout);
    assert!(
        !outcome.stdout.contains(TOKEN) && !outcome.stdout.contains("::"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn outside_of_github_the_diff_is_printed_once_and_only_where_it_may_be() {
    let (_server, repository) = start();
    for (show_diff, times) in [("true", 1), ("false", 0)] {
        let action = update(&repository, V14)
            .input("dry-run", "true")
            .input("show-diff", show_diff);
        let variables = ["GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"];
        let action = variables
            .iter()
            .fold(action, |action, name| action.without_env(name));
        let log = action.run().succeeded().stdout;
        assert_eq!(log.matches("\n  @@ ").count(), times, "{log}");
    }
}

#[test]
fn a_manifest_cannot_run_a_workflow_command() {
    let (_server, repository) = start();
    let evil = format!(
        "\"```\": 1\n\"##[error]pwned\": 2\n::error::pwned: 3\ncontainers: [{{image: '{V13}'}}]\n"
    );
    repository.commit("main", FILE, evil.as_str(), "chore: evil");
    let outcome = update(&repository, V14).run().succeeded();
    assert_eq!(outcome.annotations(), []);
    assert!(outcome.stdout.contains("pwned"), "{}", outcome.stdout);
    assert!(
        outcome.summary.contains("\n````diff\n"),
        "{}",
        outcome.summary
    );
}

#[test]
fn outputs_that_cannot_be_written_do_not_hide_what_landed() {
    let (_server, repository) = start();
    let outcome = update(&repository, V14)
        .env("GITHUB_OUTPUT", "/nonexistent/output")
        .run()
        .failed();
    let tip = repository.tip("main");
    let error = &outcome.errors()[0];
    assert!(
        error.starts_with(&format!("Pushed {} to main", &tip[..7])),
        "{error}"
    );
    assert!(
        error.contains("/nonexistent/output (GITHUB_OUTPUT) can't be written"),
        "{error}"
    );
    assert!(error.contains("before the next run"), "{error}");
}

mod bad_input {
    use super::*;

    #[test]
    fn a_template_of_a_chart_leads_to_the_values_that_hold_the_image() {
        let (_server, repository) = start();
        let template = "chart/templates/deployment.yaml";
        let values = "chart/values.yaml";
        let image = "kind: Deployment\nspec: {image: \"{{ .Values.image }}\"}\n";
        repository.commit("main", template, image, "feat: a chart");
        let asked = || update(&repository, "ghcr.io/o/web:v2").input("file", template);
        let alone = failure(&repository, asked());
        repository.commit("main", values, "image: ghcr.io/o/api:v1\n", "feat: values");
        let another = failure(&repository, asked());
        repository.commit("main", values, "image: ghcr.io/o/web:v1\n", "fix: values");
        let there = failure(&repository, asked());
        insta::assert_snapshot!([alone, another, there].join("\n"), @"
        The manifest can't be read as YAML
        chart/templates/deployment.yaml, line 2: a template of a Helm chart (`{{ … }}`): the image is in the chart's values. Name that file in `file` instead, such as `file: chart/values.yaml`. Read on `main` at COMMIT. Nothing was changed.
        The manifest can't be read as YAML
        chart/templates/deployment.yaml, line 2: a template of a Helm chart (`{{ … }}`): the image is in the chart's values. Name that file in `file` instead, such as `file: chart/values.yaml`. Read on `main` at COMMIT. Nothing was changed.
        It can't be written to the values that are there either: chart/values.yaml holds no image ghcr.io/o/web. What is there, nearest first:
        - ghcr.io/o/api:v1 (chart/values.yaml line 1, .image). Look for the file that holds what is deployed.
        The manifest can't be read as YAML
        chart/templates/deployment.yaml, line 2: a template of a Helm chart (`{{ … }}`): the image is in the chart's values. Name that file in `file` instead, such as `file: chart/values.yaml`. Read on `main` at COMMIT. Nothing was changed.
        Write `file: chart/values.yaml`: it is there, and holds what is asked for.
        ");
        asked().input("file", values).run().succeeded();
    }

    #[test]
    fn every_problem_with_the_inputs_is_told_at_once() {
        let (server, repository) = start();
        let action = update(&repository, "UPPER/case:1")
            .input("file", "../web.yaml\n/etc/passwd")
            .input("token", "")
            .input("dry-run", "maybe");
        insta::assert_snapshot!(failure(&repository, action), @"
        The inputs are not valid
        `token`: empty: the repository is neither read nor written without one. Where it comes from a secret, that secret is not set here: check its name, that the repository, organisation or environment has it, and that the run was not started by a fork or by Dependabot, which get none
        `file` `../web.yaml`: the path leaves the repository (`..`)
        `file` `/etc/passwd`: the path is absolute: leave out the first `/`, as in `apps/web.yaml`
        `dry-run` `maybe`: expected `true` or `false`
        Nothing was changed.
        ");
        assert_eq!(server.requests().len(), 0);
    }

    #[test]
    fn a_missing_file() {
        let (_server, repository) = start();
        let action = update(&repository, V14).input("file", "blog-system/web-rolout.yaml");
        insta::assert_snapshot!(failure(&repository, action), @"
        The file was not found
        `blog-system/web-rolout.yaml` does not exist on `main` at COMMIT in wlals2/k8s-manifests. Nothing was changed.
        Check `file`: it takes one path a line, each from the root of the repository. Did you mean `blog-system/web-rollout.yaml`?
        ");
    }

    #[test]
    fn a_glob_that_matches_nothing() {
        let (_server, repository) = start();
        let action = update(&repository, V14).input("file", "*.yaml");
        insta::assert_snapshot!(failure(&repository, action), @"
        The file was not found
        `*.yaml` matches no file on `main` at COMMIT in wlals2/k8s-manifests. Nothing was changed.
        Check `file`: `*` and `?` stay within a directory, `**` crosses directories. Did you mean `blog-system/web-rollout.yaml`?
        ");
    }

    #[test]
    fn an_image_that_matches_nothing() {
        let (_server, repository) = start();
        insta::assert_snapshot!(failure(&repository, update(&repository, "ghcr.io/wlals2/blog-wev:v14")), @"
        The image is not in the manifest
        blog-system/web-rollout.yaml holds no image ghcr.io/wlals2/blog-wev. What is there, nearest first:
        - ghcr.io/wlals2/blog-web:v13 (container nginx, Rollout/web, blog-system/web-rollout.yaml line 22, .spec.template.spec.containers[name=nginx].image)
        - nginx/nginx-prometheus-exporter:1.1 (container exporter, Rollout/web, blog-system/web-rollout.yaml line 26, .spec.template.spec.containers[name=exporter].image)
        Read on `main` at COMMIT. Nothing was changed.
        Check `image` and `file`. To put another image in place of one that is there, name its container: `CONTAINER=IMAGE`. Where the file has a shape of its own, say with `path` where the image, or its tag, is.
        ");
    }

    #[test]
    fn a_container_that_does_not_exist() {
        let (_server, repository) = start();
        let action = update(&repository, "ngin=ghcr.io/wlals2/blog-web:v14");
        insta::assert_snapshot!(failure(&repository, action), @"
        The image is not in the manifest
        blog-system/web-rollout.yaml has no container ngin. What is there, nearest first:
        - ghcr.io/wlals2/blog-web:v13 (container nginx, Rollout/web, blog-system/web-rollout.yaml line 22, .spec.template.spec.containers[name=nginx].image)
        - nginx/nginx-prometheus-exporter:1.1 (container exporter, Rollout/web, blog-system/web-rollout.yaml line 26, .spec.template.spec.containers[name=exporter].image)
        Read on `main` at COMMIT. Nothing was changed.
        Check the container's name before the `=` in `image`, and `file`.
        ");
    }

    #[test]
    fn a_path_that_meets_nothing() {
        let (_server, repository) = start();
        let action = update(&repository, "").input("set", ".spec.template.specs.replicas=3");
        insta::assert_snapshot!(failure(&repository, action), @"
        There is no such place in the manifest
        blog-system/web-rollout.yaml has nothing at .spec.template.specs.replicas: .spec.template (line 19) has the keys spec. Read on `main` at COMMIT. Nothing was changed.
        Did you mean `.spec.template.spec.replicas`? Only to add something new, write `.spec.template.specs.replicas:=…`, with a colon.
        ");
    }

    #[test]
    fn invalid_yaml() {
        let (_server, repository) = start();
        repository.commit(
            "main",
            FILE,
            "kind: Pod\nspec:\n  a: [1,\n b: }\n",
            "chore: break",
        );
        insta::assert_snapshot!(failure(&repository, update(&repository, V14)), @"
        The manifest can't be read as YAML
        blog-system/web-rollout.yaml can't be read as YAML: line 4, column 5: while parsing a flow sequence, expected ',' or ']'. Read on `main` at COMMIT. Nothing was changed.
        Correct the file in Git first. Where `file` is a glob that need not match it, exclude it with a line `!PATH`.
        ");
    }

    #[test]
    fn a_symlink_a_directory_and_a_submodule() {
        let (_server, repository) = start();
        repository.commit(
            "main",
            "link.yaml",
            Entry::Symlink(FILE.into()),
            "chore: link",
        );
        repository.commit(
            "main",
            "linked",
            Entry::Symlink("blog-system".into()),
            "chore: link",
        );
        let tip = repository.tip("main");
        repository.commit("main", "vendor", Entry::Submodule(tip), "chore: submodule");
        let read = |file: &str| failure(&repository, update(&repository, V14).input("file", file));
        insta::assert_snapshot!(
            ["link.yaml", "linked/web-rollout.yaml", "blog-system", "vendor", "vendor/a.yaml"].map(read).join("\n\n"),
            @"
            The path is not a manifest
            `link.yaml` is a symbolic link on `main` at COMMIT in wlals2/k8s-manifests. Nothing was changed.
            Name the file that it points to.

            The path is not a manifest
            `linked/web-rollout.yaml` is behind a symbolic link, `linked`, on `main` at COMMIT in wlals2/k8s-manifests. Nothing was changed.
            Name the file by its path behind the link.

            The path is not a manifest
            `blog-system` is a directory on `main` at COMMIT in wlals2/k8s-manifests. Nothing was changed.
            Name the file in it, or a glob such as `blog-system/*.yaml`.

            The path is not a manifest
            `vendor` is a submodule on `main` at COMMIT in wlals2/k8s-manifests. Nothing was changed.
            Set `repository` to the submodule's own repository.

            The path is not a manifest
            `vendor/a.yaml` is in a submodule, `vendor`, on `main` at COMMIT in wlals2/k8s-manifests. Nothing was changed.
            Set `repository` to the submodule's own repository.
            "
        );
    }

    #[test]
    fn an_empty_repository() {
        let server = GitServer::start();
        let repository = server.repository("wlals2/k8s-manifests");
        insta::assert_snapshot!(failure(&repository, update(&repository, V14)), @"
        The repository is empty
        wlals2/k8s-manifests has no commits yet, so there is no manifest to edit. Nothing was changed.
        Push the manifests to it first.
        ");
    }

    #[test]
    fn a_branch_that_does_not_exist() {
        let (_server, repository) = start();
        repository.set_branch("release", &repository.tip("main"));
        let action = update(&repository, V14).input("branch", "master");
        insta::assert_snapshot!(failure(&repository, action), @"
        The branch was not found
        wlals2/k8s-manifests has no branch `master`. Nothing was changed.
        Check `branch`: wlals2/k8s-manifests has `main`, `release`. A new branch has to be pushed first: this action makes none.
        ");
    }

    #[test]
    fn a_repository_that_does_not_exist() {
        let (server, repository) = start();
        let action =
            update(&repository, V14).input("repository", server.url_of("wlals2/manifests"));
        let text = failure(&repository, action);
        match VIA {
            Via::Git => insta::assert_snapshot!(text, @"
            The repository was not found
            SERVER/wlals2/manifests.git was not found (HTTP 404). Either the name is wrong, or the token has no access to it. Nothing was changed.
            Check the spelling of `repository`, then the token. The token must be allowed to write to the repository.
            "),
            Via::Api => insta::assert_snapshot!(text, @"
            The repository was not found
            wlals2/manifests was not found (NOT_FOUND). The token itself is valid. Either the name is wrong, or the token has no access to it. Nothing was changed.
            Check the spelling of `repository`, then the token. The token needs wlals2/manifests under Repository access, and Contents: Read and write under Repository permissions (github.com/settings/personal-access-tokens); an organisation may have to approve it.
            "),
        }
    }

    #[test]
    fn a_token_that_is_refused() {
        let (_server, repository) = start();
        let action = update(&repository, V14).input("token", "ghp_expired");
        let text = failure(&repository, action);
        match VIA {
            Via::Git => insta::assert_snapshot!(text, @"
            The token was refused
            HOST refuses the token (HTTP 401): Invalid username or token. Password authentication is not supported for Git operations. It is expired, revoked or mistyped. Nothing was changed.
            Make a new token, and put it into the secret that `token` comes from (Settings → Secrets and variables → Actions of the repository that runs this workflow). Where the server wants a certain name with it, such as Bitbucket, set `token-username`. The token must be allowed to write to the repository.
            "),
            Via::Api => insta::assert_snapshot!(text, @"
            The token was refused
            HOST refuses the token (HTTP 401): Bad credentials. It is expired, revoked or mistyped. Nothing was changed.
            Make a new token, and put it into the secret that `token` comes from (Settings → Secrets and variables → Actions of the repository that runs this workflow). A classic token needs the scope `repo` (github.com/settings/tokens), and its owner write access to wlals2/k8s-manifests.
            "),
        }
    }

    #[test]
    fn a_token_that_may_only_read() {
        let (server, repository) = start();
        server.grant("github_pat_reader", Rights::ReadOnly);
        let action = update(&repository, V14).input("token", "github_pat_reader");
        let text = failure(&repository, action);
        match VIA {
            Via::Git => insta::assert_snapshot!(text, @"
            The server denied access
            The token may not write wlals2/k8s-manifests (HTTP 403): Write access to repository not granted. Nothing was changed.
            The token must be allowed to write to the repository.
            "),
            Via::Api => insta::assert_snapshot!(text, @"
            The server denied access
            The token may not write wlals2/k8s-manifests (FORBIDDEN): Resource not accessible by personal access token. Nothing was changed.
            The token needs wlals2/k8s-manifests under Repository access, and Contents: Read and write under Repository permissions (github.com/settings/personal-access-tokens); an organisation may have to approve it.
            "),
        }
    }

    #[test]
    fn a_server_that_never_answers() {
        let (server, repository) = start();
        server.fault(VIA.read().every(), Fault::Stall);
        let action = update(&repository, V14).input("timeout", "2");
        insta::assert_snapshot!(failure(&repository, action), @"
        The Git server is not available
        HOST did not answer in time (`timeout` is 2 s), so nothing was changed in wlals2/k8s-manifests.
        Run the job again when the server is well. Where it always fails: check the URL, that this runner may reach the host (firewall, HTTPS_PROXY), and raise `timeout` for a slow server.
        ");
    }

    #[test]
    fn a_server_that_is_not_there() {
        let (_server, repository) = start();
        let action = update(&repository, V14)
            .input("repository", "http://127.0.0.1:1/wlals2/k8s-manifests")
            .input("timeout", "1");
        insta::assert_snapshot!(failure(&repository, action), @"
        The Git server is not available
        127.0.0.1:1 can't be reached: tcp connect error: Connection refused (os error 111), so nothing was changed in http://127.0.0.1:1/wlals2/k8s-manifests.
        A workflow runs this action in a container, where `127.0.0.1` and `localhost` are that container itself: give an address that leads out of it, such as the name of a service container of the job, or the runner's own address. Started by hand on this machine: check the port, and that something listens there.
        ");
    }

    #[test]
    fn a_protected_branch() {
        let (server, repository) = start();
        repository.hook(
            "pre-receive",
            "echo 'error: GH006: Protected branch update failed for refs/heads/main.' >&2\nexit 1",
        );
        // git says who refused it, before the reason.
        let text = failure(&repository, update(&repository, V14));
        insta::assert_snapshot!(text.replace("pre-receive hook declined: ", ""), @"
        The push was declined
        wlals2/k8s-manifests declined the push: error: GH006: Protected branch update failed for refs/heads/main. Nothing was changed.
        A rule of the repository forbids it, and would again. Set `pull-request: true`, so that the change is proposed and not pushed. Or let the token's account bypass the rule (branch protection or ruleset; GITHUB_TOKEN can't be on a bypass list, a GitHub App can), or deploy to a branch without it.
        ");
        assert_eq!(server.count(VIA.push()), 1, "no second try");
    }

    #[test]
    fn a_page_that_is_no_git_repository() {
        let (server, repository) = start();
        let html = vec![("Content-Type".to_owned(), "text/html".to_owned())];
        server.fault(
            VIA.read().every(),
            Fault::Status(200, html, "<html>Sign in</html>".into()),
        );
        let text = failure(&repository, update(&repository, V14));
        match VIA {
            Via::Git => insta::assert_snapshot!(text, @"
        The URL is not a Git repository
        HOST answered with `text/html`, not with Git. Nothing was changed.
        Check `repository`: it must be the URL that `git clone` takes. A login page means that the server wants a login first.
        "),
            Via::Api => insta::assert_snapshot!(text, @"
        The URL is not a GitHub API
        HOST answered with `text/html`, not as GitHub's API does. Nothing was changed.
        Check `api-url` and `server-url`. With `transport: git` the API is not needed.
        "),
        }
    }

    #[test]
    fn a_redirect_to_another_host_never_gets_the_token() {
        let (server, repository) = start();
        let elsewhere = GitServer::start();
        server.fault(
            VIA.read().every(),
            Fault::Redirect(elsewhere.url_of("wlals2/k8s-manifests")),
        );
        let text = failure(&repository, update(&repository, V14));
        insta::assert_snapshot!(text.replace(&elsewhere.url(), "ELSEWHERE"), @"
        The URL is not a Git repository
        wlals2/k8s-manifests redirects to ELSEWHERE/wlals2/k8s-manifests.git, and the token is not sent to another host. Nothing was changed.
        If that is where the repository is now, set `repository` to it.
        ");
        assert_eq!(elsewhere.requests().len(), 0);
    }
}

/// What GitHub's API adds to a refusal.
mod on_github {
    use wiremock::matchers::{method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    /// The message for `token`, on a server that is the workflow's GitHub, whose API answers so.
    fn explained(token: &str, rights: Rights, answer: ResponseTemplate) -> String {
        let (server, repository) = start();
        server.grant(token, rights);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let api = runtime.block_on(async {
            let api = MockServer::start().await;
            Mock::given(method("GET"))
                .and(path("/repos/wlals2/k8s-manifests"))
                .respond_with(answer)
                .expect(1)
                .mount(&api)
                .await;
            api
        });
        let action = update(&repository, V14)
            .input("repository", "wlals2/k8s-manifests")
            .input("server-url", server.url())
            .input("api-url", api.uri())
            .input("token", token);
        let text = failure(&repository, action);
        runtime.block_on(api.verify());
        text
    }

    fn not_found() -> ResponseTemplate {
        ResponseTemplate::new(404).set_body_json(serde_json::json!({
            "message": "Not Found",
            "documentation_url": "https://docs.github.com/rest/repos/repos#get-a-repository",
            "status": "404"
        }))
    }

    fn visible(push: bool, archived: bool) -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_json(serde_json::json!({
            "id": 1, "name": "k8s-manifests", "full_name": "wlals2/k8s-manifests", "private": true,
            "archived": archived,
            "permissions": {"admin": false, "maintain": false, "push": push, "triage": false, "pull": true}
        }))
    }

    #[test]
    fn a_classic_token_without_the_scope() {
        let answer = not_found().insert_header("x-oauth-scopes", "read:org, workflow");
        insta::assert_snapshot!(explained("ghp_noscope", Rights::NoAccess, answer), @"
        The repository was not found
        wlals2/k8s-manifests was not found (HTTP 404). The token itself is valid. Either the name is wrong, or the token has no access to it. Its scopes are `read:org`, `workflow`. Nothing was changed.
        Check the spelling of `repository`, then the token. A classic token needs the scope `repo` (github.com/settings/tokens), and its owner write access to wlals2/k8s-manifests.
        ");
    }

    #[test]
    fn a_fine_grained_token_that_may_only_read() {
        insta::assert_snapshot!(explained("github_pat_x", Rights::ReadOnly, visible(true, false)), @"
        The server denied access
        The token may not write wlals2/k8s-manifests (HTTP 403): Write access to repository not granted. Nothing was changed.
        The token needs wlals2/k8s-manifests under Repository access, and Contents: Read and write under Repository permissions (github.com/settings/personal-access-tokens); an organisation may have to approve it.
        ");
    }

    #[test]
    fn the_workflows_own_token_on_another_repository() {
        insta::assert_snapshot!(explained("ghs_own", Rights::NoAccess, not_found()), @"
        The repository was not found
        wlals2/k8s-manifests was not found (HTTP 404). The token itself is valid. Either the name is wrong, or the token has no access to it. Nothing was changed.
        Check the spelling of `repository`, then the token. The workflow's own GITHUB_TOKEN, which `token` defaults to, reaches only wlals2/blogsite. Give `token` a fine-grained personal access token for wlals2/k8s-manifests with Contents: Read and write, or a GitHub App's token from an installation on wlals2/k8s-manifests with the permission contents: write.
        ");
    }

    #[test]
    fn an_expired_token() {
        let answer = ResponseTemplate::new(401).set_body_json(serde_json::json!({
            "message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401"
        }));
        insta::assert_snapshot!(explained("github_pat_old", Rights::Refused, answer), @"
        The token was refused
        HOST refuses the token (HTTP 401): Invalid username or token. Password authentication is not supported for Git operations. It is expired, revoked or mistyped. Nothing was changed.
        Make a new token, and put it into the secret that `token` comes from (Settings → Secrets and variables → Actions of the repository that runs this workflow). The token needs wlals2/k8s-manifests under Repository access, and Contents: Read and write under Repository permissions (github.com/settings/personal-access-tokens); an organisation may have to approve it.
        ");
    }

    #[test]
    fn an_organisation_with_single_sign_on() {
        let answer = ResponseTemplate::new(403).insert_header(
            "x-github-sso",
            "required; url=https://github.com/orgs/wlals2/sso?authorization_request=A1",
        );
        insta::assert_snapshot!(explained("ghp_sso", Rights::NoAccess, answer), @"
        The server denied access
        The token may not read wlals2/k8s-manifests: its organisation wants tokens to be authorized for single sign-on. Nothing was changed.
        Authorize the token at https://github.com/orgs/wlals2/sso?authorization_request=A1 (Configure SSO).
        ");
    }

    #[test]
    fn an_archived_repository() {
        insta::assert_snapshot!(explained("ghp_any", Rights::ReadOnly, visible(true, true)), @"
        The server denied access
        The token may not write wlals2/k8s-manifests: the repository is archived, and so read-only for everyone. Nothing was changed.
        Unarchive it, or deploy to another repository.
        ");
    }
}

#[test]
fn a_line_is_the_one_that_it_is_after_the_change() {
    let (_server, repository) = start();
    let outcome = update(&repository, V14)
        .input(
            "set",
            ".spec.revisionHistoryLimit:=3\n.metadata.labels:={tier: web}\n.spec.template.spec.containers[name=exporter].image=x:1",
        )
        .input("remove", ".spec.strategy")
        .run()
        .succeeded();
    let shown = String::from_utf8(repository.show("main", FILE)).unwrap();
    let before: Vec<&str> = MANIFEST.lines().collect();
    let after: Vec<&str> = shown.lines().collect();
    // The rows, each with what is at its line.
    let rows = outcome.summary.lines().filter_map(|row| {
        let (_, rest) = row.split_once(&format!("`{FILE}:"))?;
        let line: usize = rest.split('`').next()?.parse().ok()?;
        Some((row.to_owned(), line))
    });
    let rows: Vec<(String, usize)> = rows.collect();
    for (what, words) in [
        ("revisionHistoryLimit", "revisionHistoryLimit: 3"),
        ("labels", "tier: web"),
        ("v14", "blog-web:v14"),
        ("`x:1`", "image: x:1"),
    ] {
        let (_, line) = rows.iter().find(|(row, _)| row.contains(what)).unwrap();
        assert!(after[line - 1].contains(words), "{what} {line}\n{shown}");
    }
    let (row, line) = rows
        .iter()
        .find(|(row, _)| row.contains("strategy"))
        .unwrap();
    assert!(
        before[line - 1].contains("strategy") || before[line - 1].contains("canary"),
        "{row}"
    );
}
