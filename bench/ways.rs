//! The ways of changing one line of a repository, and of reading the past of a file, that are compared.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::history::Task;
use crate::meter::{Meter, Peak};
use crate::support::{Action, GitServer, Repository, TOKEN};

/// A way of doing a [`Task`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// What a workflow does by hand: `git clone`, `sed`, commit, push.
    Shell,
    /// The same with the history left out.
    Shallow,
    /// The same with history and files left out, but for the one: git's own best.
    Blobless,
    /// This action, speaking git.
    Git,
    /// This action, speaking to GitHub's API.
    Api,
    /// What a person does: `git clone`, `git log`.
    CloneLog,
    /// The same without a checkout.
    BareLog,
    /// The same without any file: git's own best.
    BloblessLog,
    /// This action, speaking git.
    GitHistory,
    /// This action, where GitHub's API is chosen.
    ApiHistory,
}

impl Way {
    /// Those of a task: the one by hand comes first, where it is one of them.
    pub fn of(task: Task) -> &'static [Way] {
        match task {
            Task::Deploy => &[Way::Shell, Way::Shallow, Way::Blobless, Way::Git, Way::Api],
            Task::History => &[
                Way::CloneLog,
                Way::BareLog,
                Way::BloblessLog,
                Way::GitHistory,
                Way::ApiHistory,
            ],
            Task::LongHistory => &[Way::BloblessLog, Way::GitHistory],
        }
    }

    /// Git's own best.
    pub fn best_of_git(task: Task) -> Way {
        match task {
            Task::Deploy => Way::Blobless,
            Task::History | Task::LongHistory => Way::BloblessLog,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Way::Shell => "`git clone`, commit, push",
            Way::Shallow => "`git clone --depth 1`, commit, push",
            Way::Blobless => {
                "`git clone --depth 1 --filter=blob:none`, sparse checkout, commit, push"
            }
            Way::CloneLog => "`git clone`, `git log`",
            Way::BareLog => "`git clone --bare`, `git log`",
            Way::BloblessLog => "`git clone --bare --filter=blob:none`, `git log`",
            Way::Git | Way::GitHistory => "**gitops-deploy**, `transport: git`",
            Way::Api | Way::ApiHistory => "**gitops-deploy**, `transport: api`",
        }
    }

    /// Sets the image in `file` to `image`, where another tag of it is now; or lists the commits that
    /// touched `file`.
    pub fn run(
        self,
        server: &GitServer,
        repository: &Repository,
        file: &str,
        image: &str,
        action: &Path,
    ) -> anyhow::Result<Peak> {
        let meter = Meter::new()?;
        let command = meter.command()?;
        let run = |transport: &str| {
            Action::of_binary(action)
                .under(command.clone())
                // As in its image, which holds this one file: elsewhere each CA is also looked for by itself.
                .env("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
                .input("server-url", server.url())
                .input("api-url", server.api_url())
                .input("transport", transport)
                .input("repository", repository.url())
                .input("file", file)
                .input("token", TOKEN)
        };
        let deploy = |transport| {
            run(transport).input("image", image).run().succeeded();
            Ok(())
        };
        let report = |transport| {
            let outcome = run(transport)
                .input("operation", "history")
                .input("limit", "1000")
                // Of a million commits; all others take seconds.
                .input("timeout", "900")
                .run()
                .succeeded();
            let found: Vec<serde_json::Value> =
                serde_json::from_str(outcome.output("deployments"))?;
            let commits = commits(repository, file)?;
            ensure!(
                found.len() == commits,
                "{} of {commits} commits were found",
                found.len()
            );
            Ok(())
        };
        let set = |clone: &str| {
            let (name, _) = image.rsplit_once(':').context("an image without a tag")?;
            let script = format!(
                "{clone}; sed -i \"s|{name}:.*|{image}|\" $FILE; \
                 git config user.name 'github-actions[bot]'; \
                 git config user.email 'github-actions[bot]@users.noreply.github.com'; \
                 git add $FILE; git commit -q -m 'chore: update the image'; git push -q"
            );
            sh(&command, &script, repository, file)
        };
        let log = |clone: &str| {
            let count = commits(repository, file)?;
            let script = format!(
                "{clone} $URL work; cd work; git log --format='%h %an %ad %s' -- $FILE >../log; \
                 test $(wc -l <../log) = {count}"
            );
            sh(&command, &script, repository, file)
        };
        let done = match self {
            Way::Git => deploy("git"),
            Way::Api => deploy("api"),
            Way::GitHistory => report("git"),
            Way::ApiHistory => report("api"),
            Way::Shell => set("git clone -q $URL work; cd work"),
            Way::Shallow => set("git clone -q --depth 1 $URL work; cd work"),
            Way::Blobless => set(
                "git clone -q --depth 1 --filter=blob:none --no-checkout $URL work; cd work; \
                 git sparse-checkout set --no-cone /$FILE; git checkout -q",
            ),
            Way::CloneLog => log("git clone -q"),
            Way::BareLog => log("git clone -q --bare"),
            Way::BloblessLog => log("git clone -q --bare --filter=blob:none"),
        };
        done?;
        meter.read()
    }
}

/// How many commits touched a file.
fn commits(repository: &Repository, file: &str) -> anyhow::Result<usize> {
    let count = repository.git(&["rev-list", "--count", "main", "--", file]);
    Ok(count.trim().parse()?)
}

/// A `run:` step of a workflow.
fn sh(
    command: &[OsString],
    script: &str,
    repository: &Repository,
    file: &str,
) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    // The token is in the URL, as in most workflows that do this by hand: git asks without it
    // first, and again with it when that was refused.
    let url = repository
        .url()
        .replace("://", &format!("://x-access-token:{TOKEN}@"));
    let (program, arguments) = command.split_first().context("no meter")?;
    let status = Command::new(program)
        .args(arguments)
        .args(["sh", "-e", "-c", script])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", directory.path())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("URL", url)
        .env("FILE", file)
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .status()
        .context("the meter can't be started")?;
    ensure!(status.success(), "the shell step failed: {script}");
    Ok(())
}
