//! The ways of changing one line of a repository that are compared.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::meter::{Meter, Peak};
use crate::support::{Action, GitServer, Repository, TOKEN};

/// A way of writing a new image into a manifest and pushing it.
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
}

impl Way {
    pub const ALL: [Way; 5] = [Way::Shell, Way::Shallow, Way::Blobless, Way::Git, Way::Api];

    pub fn name(self) -> &'static str {
        match self {
            Way::Shell => "`git clone`, commit, push",
            Way::Shallow => "`git clone --depth 1`, commit, push",
            Way::Blobless => {
                "`git clone --depth 1 --filter=blob:none`, sparse checkout, commit, push"
            }
            Way::Git => "**gitops-deploy**, `transport: git`",
            Way::Api => "**gitops-deploy**, `transport: api`",
        }
    }

    /// Sets the image in `file` to `image`, where another tag of it is now.
    pub fn run(
        self,
        server: &GitServer,
        repository: &Repository,
        file: &str,
        image: &str,
        action: &Path,
    ) -> Peak {
        let meter = Meter::new();
        match self {
            Way::Git | Way::Api => {
                let transport = if self == Way::Git { "git" } else { "api" };
                Action::of_binary(action)
                    .under(meter.command())
                    // As in its image, which holds this one file: elsewhere each CA is also looked for by itself.
                    .env("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
                    .input("server-url", server.url())
                    .input("api-url", server.api_url())
                    .input("transport", transport)
                    .input("repository", repository.url())
                    .input("file", file)
                    .input("image", image)
                    .input("token", TOKEN)
                    .run()
                    .succeeded();
            }
            Way::Shell => sh(
                &meter,
                "git clone -q $URL work; cd work",
                repository,
                file,
                image,
            ),
            Way::Shallow => sh(
                &meter,
                "git clone -q --depth 1 $URL work; cd work",
                repository,
                file,
                image,
            ),
            Way::Blobless => sh(
                &meter,
                "git clone -q --depth 1 --filter=blob:none --no-checkout $URL work; cd work; \
                 git sparse-checkout set --no-cone /$FILE; git checkout -q",
                repository,
                file,
                image,
            ),
        }
        meter.read()
    }
}

/// A `run:` step of a workflow.
fn sh(meter: &Meter, clone: &str, repository: &Repository, file: &str, image: &str) {
    let directory = tempfile::tempdir().unwrap();
    let (name, _) = image.rsplit_once(':').unwrap();
    let script = format!(
        "{clone}; sed -i \"s|{name}:.*|{image}|\" $FILE; \
         git config user.name 'github-actions[bot]'; \
         git config user.email 'github-actions[bot]@users.noreply.github.com'; \
         git add $FILE; git commit -q -m 'chore: update the image'; git push -q"
    );
    // The token is in the URL, as in most workflows that do this by hand: git asks without it
    // first, and again with it when that was refused.
    let url = repository
        .url()
        .replace("://", &format!("://x-access-token:{TOKEN}@"));
    let [program, arguments @ ..] = &meter.command()[..] else {
        unreachable!("a meter is a program with its arguments");
    };
    let status = Command::new(program)
        .args(arguments)
        .args(["sh", "-e", "-c", &script])
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
        .expect("the meter starts");
    assert!(status.success(), "the shell step failed: {script}");
}
