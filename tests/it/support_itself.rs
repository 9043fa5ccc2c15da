//! The test support, tested with the real git command line as the client.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::support::{
    Action, Entry, Fault, GitServer, Options, Repository, Rights, Step, TOKEN, When,
};
use tempfile::TempDir;

/// git as a client that presents a token, in a directory of its own.
struct Client {
    directory: TempDir,
    token: Option<&'static str>,
    configuration: Vec<String>,
}

impl Client {
    fn new() -> Client {
        Client::with_token(TOKEN)
    }

    fn with_token(token: &'static str) -> Client {
        Client {
            directory: tempfile::tempdir().unwrap(),
            token: Some(token),
            configuration: Vec::new(),
        }
    }

    fn anonymous() -> Client {
        Client {
            token: None,
            ..Client::new()
        }
    }

    fn config(mut self, setting: impl Into<String>) -> Client {
        self.configuration.push(setting.into());
        self
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        use base64::Engine as _;
        use base64::prelude::BASE64_STANDARD;
        let mut command = Command::new("git");
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .current_dir(self.path());
        if let Some(token) = self.token {
            let login = BASE64_STANDARD.encode(format!("x-access-token:{token}"));
            command.args([
                "-c",
                &format!("http.extraHeader=Authorization: Basic {login}"),
            ]);
        }
        for setting in &self.configuration {
            command.args(["-c", setting]);
        }
        command.args([
            "-c",
            "user.name=Jimin",
            "-c",
            "user.email=jimin@example.com",
        ]);
        command.args(args);
        command
    }

    fn try_git(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn git(&self, args: &[&str]) {
        let output = self.try_git(args);
        assert!(output.status.success(), "{}", stderr(&output));
    }

    /// Clones into `clone`, changes `path` there, and commits.
    fn change(&self, repository: &Repository, path: &str, content: &[u8]) {
        self.git(&["clone", "-q", repository.url(), "clone"]);
        std::fs::write(self.path().join("clone").join(path), content).unwrap();
        self.git(&["-C", "clone", "add", "-A"]);
        self.git(&["-C", "clone", "commit", "-q", "-m", "change"]);
    }

    fn push(&self) -> Output {
        self.try_git(&["-C", "clone", "push", "-q", "origin", "HEAD"])
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn refused(output: &Output, words: &str) {
    assert!(!output.status.success(), "git went through");
    assert!(stderr(output).contains(words), "{}", stderr(output));
}

#[test]
fn a_push_over_http_lands_in_the_repository() {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    let client = Client::new();

    client.change(&repository, "web.yaml", b"v14\n");
    client.git(&["-C", "clone", "push", "-q"]);

    assert_eq!(repository.show("main", "web.yaml"), b"v14\n");
    assert_eq!(repository.changed_lines("main"), ["-v13", "+v14"]);
    let log = repository.log("main");
    assert_eq!(log.len(), 2);
    assert_eq!(log[0].author, "Jimin <jimin@example.com>");
    assert_eq!(log[0].parents, [log[1].id.as_str()]);
    assert_eq!(log[1].message, "chore: import the manifests");
    repository.fsck();
}

#[test]
fn a_push_bigger_than_any_buffer_arrives_whole() {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    // Sent in chunks, after `Expect: 100-continue`.
    let client = Client::new().config("http.postBuffer=65536");
    let mut noise = 1_u64;
    let big: Vec<u8> = std::iter::repeat_with(|| {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (noise >> 56) as u8
    })
    .take(5_000_000)
    .collect();

    client.change(&repository, "big.bin", &big);
    client.git(&["-C", "clone", "push", "-q"]);

    assert_eq!(repository.show("main", "big.bin"), big);
    let push = server.requests().pop().unwrap();
    assert_eq!(push.step, Some(Step::Push));
    assert!(push.received > 5_000_000);
}

#[test]
fn compressed_requests_are_understood() {
    let server = GitServer::start();
    let repository = server.repository("wlals2/k8s-manifests");
    // Enough branches that git compresses the list of what it wants.
    let commits: String = (0..100)
        .map(|number| {
            let committer = "committer A colleague <colleague@example.com> now";
            let message = number.to_string();
            let size = message.len();
            format!("commit refs/heads/{number}\n{committer}\ndata {size}\n{message}\n")
        })
        .collect();
    repository.import(commits.as_bytes());
    Client::new().git(&["clone", "-q", "--mirror", repository.url(), "mirror"]);
}

#[test]
fn entries_keep_their_kind() {
    let server = GitServer::start();
    let repository = server.repository("wlals2/k8s-manifests");
    let first = repository.commit("main", "a", "1", "first");
    repository.commit_all(
        "main",
        [
            ("run.sh", Entry::Executable(b"#!/bin/sh\n".to_vec())),
            ("link", Entry::Symlink("a".to_owned())),
            ("sub", Entry::Submodule(first)),
            ("a", Entry::Absent),
        ],
        "second",
    );
    let modes = repository.git(&["ls-tree", "--format=%(objectmode) %(path)", "main"]);
    assert_eq!(modes, "120000 link\n100755 run.sh\n160000 sub\n");
}

#[test]
fn branches_come_and_go() {
    let server = GitServer::start();
    let repository = server.repository("wlals2/k8s-manifests");
    assert_eq!(repository.try_tip("main"), None);
    let first = repository.commit("trunk", "a", "1", "first");
    let second = repository.commit("trunk", "a", "2", "second");
    repository.set_default_branch("trunk");
    let client = Client::new();
    client.git(&["clone", "-q", repository.url(), "clone"]);
    assert_eq!(
        crate::support::git(&client.path().join("clone"), &["rev-parse", "HEAD"]).trim(),
        second
    );

    repository.set_branch("trunk", &first);
    assert_eq!(repository.tip("trunk"), first);
    repository.delete_branch("trunk");
    assert_eq!(repository.try_tip("trunk"), None);
}

#[test]
fn a_hook_has_the_last_word() {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    repository.hook(
        "pre-receive",
        "echo 'GH006: Protected branch update failed' >&2; exit 1",
    );
    let client = Client::new();
    client.change(&repository, "web.yaml", b"v14\n");
    let output = client.push();
    refused(&output, "pre-receive hook declined");
    refused(&output, "remote: GH006: Protected branch update failed");
}

#[test]
fn partial_clones_work_until_they_are_switched_off() {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    let client = Client::new();
    let clone = |into| client.try_git(&["clone", "--filter=blob:none", repository.url(), into]);
    assert!(!stderr(&clone("with")).contains("filtering not recognized"));
    repository.config("uploadpack.allowFilter", "false");
    assert!(stderr(&clone("without")).contains("filtering not recognized"));
}

#[test]
fn rights_are_told_apart_in_githubs_words() {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    server.grant("reader", Rights::ReadOnly);
    server.grant("expired", Rights::Refused);
    server.grant("stranger", Rights::NoAccess);

    let reader = Client::with_token("reader");
    reader.change(&repository, "web.yaml", b"v14\n");
    refused(
        &reader.push(),
        "remote: Write access to repository not granted.",
    );
    refused(&reader.push(), "403");

    let clone = |client: Client| client.try_git(&["clone", repository.url()]);
    for token in ["expired", "unknown"] {
        // git repeats the server's words only when it has asked its helper for the password.
        let helper = format!("credential.helper=!echo username=x; echo password={token}; :");
        let client = Client::anonymous().config(helper);
        refused(&clone(client), "remote: Invalid username or token.");
    }
    refused(
        &clone(Client::with_token("stranger")),
        "Repository not found",
    );
    refused(&clone(Client::anonymous()), "could not read Username");
    let absent = server.url_of("wlals2/absent");
    refused(
        &Client::new().try_git(&["clone", &absent]),
        "Repository not found",
    );
    assert_eq!(repository.log("main").len(), 1);
}

#[test]
fn a_public_repository_can_be_read_but_not_written() {
    let server = GitServer::start_with(Options {
        anonymous: Rights::ReadOnly,
        ..Options::default()
    });
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    let client = Client::anonymous();
    client.change(&repository, "web.yaml", b"v14\n");
    refused(&client.push(), "could not read Username");
    assert!(server.requests().iter().all(|request| !request.authorized));
}

#[test]
fn an_open_server_asks_for_nothing() {
    let server = GitServer::start_with(Options {
        anonymous: Rights::ReadWrite,
        ..Options::default()
    });
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    let client = Client::anonymous();
    client.change(&repository, "web.yaml", b"v14\n");
    assert!(client.push().status.success());
}

#[test]
fn tls_is_trusted_with_the_servers_own_authority_only() {
    let server = GitServer::start_with(Options {
        tls: true,
        ..Options::default()
    });
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    let distrustful = Client::new().try_git(&["clone", repository.url()]);
    refused(&distrustful, "certificate");

    let directory = tempfile::tempdir().unwrap();
    let authority = directory.path().join("ca.pem");
    std::fs::write(&authority, server.ca_pem()).unwrap();
    let client = Client::new().config(format!("http.sslCAInfo={}", authority.display()));
    client.change(&repository, "web.yaml", b"v14\n");
    assert!(client.push().status.success());
}

#[test]
fn the_log_tells_what_was_asked() {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    let client = Client::new();
    client.change(&repository, "web.yaml", b"v14\n");
    server.reset_log();
    assert!(client.push().status.success());

    let requests = server.requests();
    let steps: Vec<_> = requests.iter().filter_map(|request| request.step).collect();
    assert_eq!(steps, [Step::PushRefs, Step::Push]);
    assert_eq!(server.count(Step::Push), 1);
    assert_eq!(requests[0].path, "/wlals2/k8s-manifests.git/info/refs");
    assert_eq!(requests[0].query, "service=git-receive-pack");
    assert_eq!((requests[0].received, requests[0].status), (0, Some(200)));
    assert_eq!(
        (&*requests[1].method, requests[1].status),
        ("POST", Some(200))
    );
    assert!(requests[1].received > 100 && requests[1].sent > 0);
    assert!(requests.iter().all(|request| request.authorized));
    assert_eq!(requests[0].connection, requests[1].connection);

    let traffic = server.traffic();
    assert_eq!(traffic.connections, 1);
    assert!(traffic.received > requests[1].received);
    assert!(traffic.sent > requests[0].sent + requests[1].sent);
}

#[test]
fn a_status_comes_when_it_is_due_and_once() {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    let client = Client::new();
    client.change(&repository, "web.yaml", b"v14\n");
    server.fault(Step::Push.nth(1), Fault::retry_after(503, 1));
    refused(&client.push(), "503");
    assert_eq!(repository.log("main").len(), 1);
    assert!(client.push().status.success());
    assert_eq!(repository.log("main").len(), 2);
}

#[test]
fn faults_are_counted_over_all_requests_too() {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    server.fault(When::nth(2), Fault::status(502));
    refused(&Client::new().try_git(&["clone", repository.url()]), "502");
    assert_eq!(server.requests()[1].status, Some(502));
    server.heal();
    Client::new().git(&["clone", "-q", repository.url()]);
}

#[test]
fn a_reset_reaches_the_client_and_not_git() {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    let client = Client::new();
    client.change(&repository, "web.yaml", b"v14\n");
    server.fault(Step::Push.every(), Fault::Reset);
    refused(&client.push(), "reset by peer");
    assert_eq!(repository.log("main").len(), 1);
    assert_eq!(server.requests().pop().unwrap().status, None);
}

#[test]
fn a_dropped_answer_hides_a_push_that_landed() {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    let client = Client::new();
    client.change(&repository, "web.yaml", b"v14\n");
    server.fault(Step::Push.nth(1), Fault::DropAnswer);
    assert!(!client.push().status.success());
    assert_eq!(repository.show("main", "web.yaml"), b"v14\n");
}

#[test]
fn a_stall_lasts_until_the_server_is_gone() {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    for fault in [Fault::Stall, Fault::StallAfter(10)] {
        server.heal();
        server.fault(Step::FetchRefs.every(), fault);
        let patient = Client::new()
            .config("http.lowSpeedLimit=1000")
            .config("http.lowSpeedTime=1");
        refused(&patient.try_git(&["clone", repository.url()]), "too slow");
    }

    server.reset_log();
    let (arrived, arrival) = std::sync::mpsc::channel();
    server.before(Step::FetchRefs.nth(1), move || arrived.send(()).unwrap());
    let client = Client::new();
    let mut waiting = client
        .command(&["clone", repository.url()])
        .spawn()
        .unwrap();
    arrival.recv().unwrap();
    drop(server);
    assert!(!waiting.wait().unwrap().success());
}

#[test]
fn a_truncated_answer_is_no_answer() {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    server.fault(Step::Fetch.every(), Fault::Truncate(20));
    let output = Client::new().try_git(&["clone", repository.url()]);
    assert!(!output.status.success());
    assert!(server.requests().iter().any(|request| request.sent == 20));
}

#[test]
fn a_drip_and_a_delay_get_there_in_the_end() {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    server.fault(
        Step::FetchRefs.every(),
        Fault::Drip(Duration::from_millis(1)),
    );
    server.fault(Step::Fetch.nth(1), Fault::Delay(Duration::from_millis(100)));
    server.set_latency(Duration::from_millis(20));
    let started = Instant::now();
    Client::new().git(&["clone", "-q", repository.url()]);
    assert!(started.elapsed() > Duration::from_millis(100 + 2 * 20));
}

#[test]
fn a_redirect_leads_to_the_new_name() {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    let old = server.url_of("wlals2/manifests");
    let moved = Fault::Redirect(repository.url().to_owned());
    server.fault(When::always().to("wlals2/manifests"), moved);
    let client = Client::new();
    client.git(&["clone", "-q", &old, "clone"]);
    assert!(client.path().join("clone/web.yaml").exists());
    assert_eq!(server.requests()[0].status, Some(301));
}

#[test]
fn something_can_happen_right_before_a_request() {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    let client = Client::new();
    client.change(&repository, "web.yaml", b"v14\n");
    server.before(Step::Push.nth(1), {
        let repository = repository.clone();
        move || {
            repository.commit("main", "web.yaml", "v15\n", "the other one was faster");
        }
    });
    refused(&client.push(), "failed to push");
    assert_eq!(repository.show("main", "web.yaml"), b"v15\n");
}

#[test]
fn many_clients_push_at_once() {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", "web.yaml", "v13\n");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let repository = &repository;
            scope.spawn(move || {
                let client = Client::new();
                client.change(repository, &format!("{number}.yaml"), b"v14\n");
                let branch = format!("HEAD:refs/heads/b{number}");
                client.git(&["-C", "clone", "push", "-q", "origin", &branch]);
            });
        }
    });
    repository.fsck();
    assert_eq!(server.count(Step::Push), 8);
}

/// A program in the action's place, to see what the runner would give it and take from it.
fn script(directory: &TempDir, body: &str) -> Action {
    let path = directory.path().join("script");
    // By way of another process, for the reason given in `Repository::hook`.
    let written = Command::new("sh")
        .args([
            "-c",
            "printf '#!/bin/sh\\n%s\\n' \"$1\" >\"$0\" && chmod +x \"$0\"",
        ])
        .args([path.as_os_str(), body.as_ref()])
        .status()
        .unwrap();
    assert!(written.success());
    Action::of_binary(path)
}

#[test]
fn the_action_gets_what_the_runner_gives() {
    let directory = tempfile::tempdir().unwrap();
    // The variables as they arrived: a shell drops those whose names it could not have set.
    let outcome = script(&directory, r"/usr/bin/tr '\0' '\n' </proc/$$/environ; pwd")
        .input("commit-message", "two\nlines")
        .input("an input", "x")
        .env("GITHUB_RUN_NUMBER", "15")
        .without_env("GITHUB_SHA")
        .run()
        .succeeded();
    for line in [
        "INPUT_COMMIT-MESSAGE=two\nlines\n",
        "INPUT_AN_INPUT=x\n",
        "GITHUB_RUN_NUMBER=15\n",
        "GITHUB_REPOSITORY=wlals2/blogsite\n",
        "GITHUB_ACTIONS=true\n",
    ] {
        assert!(
            outcome.stdout.contains(line),
            "{line} in {}",
            outcome.stdout
        );
    }
    assert!(!outcome.stdout.contains("GITHUB_SHA"));
    assert!(!outcome.stdout.contains("CARGO"));
    assert!(outcome.stdout.trim_end().ends_with("/workspace"));
}

#[test]
fn outputs_summary_and_commands_are_read_as_the_runner_reads_them() {
    let directory = tempfile::tempdir().unwrap();
    let outcome = script(
        &directory,
        r#"
        echo 'changed=true' >>"$GITHUB_OUTPUT"
        printf 'diff<<EOF-1\n-a=b\n+c<<d\n\nEOF-1\nempty=\n' >>"$GITHUB_OUTPUT"
        echo '| old | new |' >>"$GITHUB_STEP_SUMMARY"
        echo '::add-mask::s3cret'
        echo '::stop-commands::pause'
        echo '::error::only text'
        echo '::pause::'
        echo '  ::warning file=a%3Ab.yaml,line=3,title=100%25%2C sure::50%25%0Athe rest' >&2
        echo 'in a line ##[error]the old form'
        exit 1"#,
    )
    .run()
    .failed();
    assert_eq!(outcome.output("changed"), "true");
    assert_eq!(outcome.output("diff"), "-a=b\n+c<<d\n");
    assert_eq!(outcome.output("empty"), "");
    assert_eq!(outcome.summary, "| old | new |\n");
    assert_eq!(outcome.masks(), ["s3cret"]);
    assert_eq!(outcome.errors(), ["the old form"]);
    assert_eq!(outcome.warnings(), ["50%\nthe rest"]);
    let warning = outcome.annotations().pop().unwrap();
    assert_eq!(warning.properties["file"], "a:b.yaml");
    assert_eq!(warning.properties["title"], "100%, sure");
}

#[test]
fn a_running_action_can_be_terminated() {
    let directory = tempfile::tempdir().unwrap();
    let ready = directory.path().join("ready");
    // Opening a FIFO waits for the other end: no polling for the moment when the trap is set.
    let made = Command::new("mkfifo").arg(&ready).status().unwrap();
    assert!(made.success());
    let body = format!(
        "trap 'echo stopped; exit 1' TERM\necho >'{}'\nwhile :; do :; done",
        ready.display()
    );
    let running = script(&directory, &body).spawn();
    std::fs::read(&ready).unwrap();
    running.terminate();
    assert_eq!(running.wait().failed().stdout, "stopped\n");
}
