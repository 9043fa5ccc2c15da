//! The two transports give the same answers: asked side by side, about the same repository.

use std::time::Duration;

use crate::support::{Entry, GitServer, Repository, TOKEN};
use gitops_deploy::deadline::{Canceller, Deadline, cancellation};
use gitops_deploy::files::{FileSelection, Pattern};
use gitops_deploy::http::Credentials;
use gitops_deploy::manifest::ManifestFile;
use gitops_deploy::repository;
use gitops_deploy::repository::history::{HistoryQuery, Searched};
use gitops_deploy::repository::transport::Choice;
use gitops_deploy::repository::{CommitId, Location, RepositoryError, Route};

const NAME: &str = "acme/deploy";

/// The repository over both transports.
struct Both {
    git: repository::Repository,
    api: repository::Repository,
    _canceller: Canceller,
}

impl Both {
    fn open(server: &GitServer, repository: &Repository) -> Both {
        let (canceller, cancellation) = cancellation();
        let route = Route {
            location: Location::new(repository.url(), &server.url().parse().unwrap()).unwrap(),
            branch: None,
            credentials: Some(Credentials {
                username: "x-access-token".to_owned(),
                password: TOKEN.into(),
            }),
            api_url: server.api_url().parse().unwrap(),
            signing_key: None,
            deadline: Deadline::after(Duration::from_secs(60), cancellation),
        };
        let open = |choice| {
            let client = gitops_deploy::http::client(&Default::default()).unwrap();
            repository::Repository::open(&choice, &route, client).unwrap()
        };
        let (name, why) = (NAME.to_owned(), "a test");
        Both {
            git: open(Choice::Git { why }),
            api: open(Choice::Api { name, why }),
            _canceller: canceller,
        }
    }

    async fn files_at(&self, commit: &str, files: &[&str]) -> Result<Vec<ManifestFile>, String> {
        let (commit, selection) = (id(commit), selection(files));
        let worded = |result: Result<Vec<ManifestFile>, RepositoryError>| {
            result.map_err(|error| error.to_string())
        };
        let over_git = worded(self.git.files_at(&commit, &selection).await);
        let over_api = worded(self.api.files_at(&commit, &selection).await);
        let shown = |result: &Result<Vec<ManifestFile>, String>| format!("{result:?}");
        assert_eq!(shown(&over_git), shown(&over_api));
        over_api
    }

    async fn is_ancestor(&self, ancestor: &str, descendant: &str) -> bool {
        let (ancestor, descendant) = (id(ancestor), id(descendant));
        let over_git = self.git.is_ancestor(&ancestor, &descendant).await.unwrap();
        let over_api = self.api.is_ancestor(&ancestor, &descendant).await.unwrap();
        assert_eq!(over_git, over_api);
        over_api
    }
}

fn id(text: &str) -> CommitId {
    CommitId::parse(text).unwrap()
}

fn selection(lines: &[&str]) -> FileSelection {
    let pattern = |line: &&str| line.trim_start_matches('!').parse::<Pattern>().unwrap();
    let (exclude, include): (Vec<&str>, Vec<&str>) =
        lines.iter().partition(|line| line.starts_with('!'));
    FileSelection {
        include: include.iter().map(pattern).collect(),
        exclude: exclude.iter().map(pattern).collect(),
        beside: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_what_they_were_at_a_commit() {
    let server = GitServer::start();
    let repository = server.repository_with(NAME, "web.yaml", "image: web:v1\n");
    let first = repository.tip("main");
    repository.commit("main", "web.yaml", "image: web:v2\n", "chore: v2");
    repository.commit("main", "apps/b.yaml", "b: 1\n", "chore: b");
    repository.commit("main", "apps/a/a.yaml", "a: 1\n", "chore: a");
    repository.commit(
        "main",
        "link.yaml",
        Entry::Symlink("web.yaml".into()),
        "chore: link",
    );
    let tip = repository.tip("main");
    let both = Both::open(&server, &repository);

    let files = both.files_at(&first, &["web.yaml"]).await.unwrap();
    assert_eq!(files[0].bytes, b"image: web:v1\n");
    let files = both
        .files_at(&tip, &["web.yaml", "**/*.yaml", "!apps/b.yaml"])
        .await
        .unwrap();
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["web.yaml", "apps/a/a.yaml"]);
    for (commit, file, expected) in [
        (&first, "apps/b.yaml", "`apps/b.yaml` does not exist"),
        (&tip, "apps", "`apps` is a directory"),
        (&tip, "link.yaml", "`link.yaml` is a symbolic link"),
        (
            &tip,
            "link.yaml/x",
            "`link.yaml/x` is behind a symbolic link, `link.yaml`,",
        ),
        (&tip, "*.yml", "`*.yml` matches no file"),
    ] {
        assert_eq!(both.files_at(commit, &[file]).await.unwrap_err(), expected);
    }
    let nowhere = "1".repeat(40);
    let error = both.files_at(&nowhere, &["web.yaml"]).await.unwrap_err();
    assert_eq!(error, format!("the server has no commit {nowhere}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ancestry_is_known() {
    let server = GitServer::start();
    let repository = server.repository_with(NAME, "web.yaml", "image: web:v1\n");
    let first = repository.tip("main");
    let mut tips = Vec::new();
    for n in 0..120 {
        tips.push(repository.commit("main", "web.yaml", format!("image: web:v{n}\n"), "chore: v"));
    }
    let tip = repository.tip("main");
    let both = Both::open(&server, &repository);
    assert!(both.is_ancestor(&first, &tip).await);
    assert!(both.is_ancestor(&tips[100], &tip).await);
    assert!(both.is_ancestor(&tip, &tip).await);
    assert!(!both.is_ancestor(&tip, &first).await);
    assert!(!both.is_ancestor(&"1".repeat(40), &tip).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_the_same() {
    let server = GitServer::start();
    let repository = server.repository_with(NAME, "old.yaml", "image: web:v1\nname: web\n");
    repository.commit_all(
        "main",
        [
            ("old.yaml", Entry::Absent),
            ("web.yaml", Entry::from("image: web:v1\nname: web\n")),
        ],
        "refactor: rename",
    );
    let tip = repository.commit(
        "main",
        "web.yaml",
        "image: web:v2\nname: web\n",
        "chore: v2",
    );
    let both = Both::open(&server, &repository);
    let selection = selection(&["web.yaml"]);
    let query = HistoryQuery::newest(10);
    let over_git = both.git.history(&selection, &query).await.unwrap();
    let over_api = both.api.history(&selection, &query).await.unwrap();
    assert_eq!(format!("{over_git:?}"), format!("{over_api:?}"));
    assert_eq!(over_api.commits.len(), 3);
    let found = both.api.search(&tip[..7], &selection).await.unwrap();
    assert!(matches!(found, Searched::OnBranch(touched) if touched.commit.id == id(&tip)));
}
