//! Git servers that are not git's own: they share no code with `git http-backend`, and take other
//! things for granted.

use std::io::Write as _;
use std::process::Command;

use crate::support::{Action, GitServer, Repository, Service, TOKEN};

const FILE: &str = "apps/web.yaml";
const MANIFEST: &str = "containers:\n  - name: web # of acme\n    image: ghcr.io/acme/web:v1\n";

/// dulwich, git in Python. It gives out no files by their ids, and demands of a client what git knows.
const DULWICH: &str = r#"
import sys
from wsgiref.simple_server import make_server
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import make_wsgi_chain

port, path = int(sys.argv[1]), sys.argv[2]
application = make_wsgi_chain(DictBackend({"/acme/deploy.git": Repo(path)}))
make_server("127.0.0.1", port, application).serve_forever()
"#;

/// JGit, git in Java: what Gerrit, GitBucket, OneDev and others are made of. It refuses in words of its own.
const JGIT: &str = r#"
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;
import org.eclipse.jgit.http.server.GitServlet;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.storage.file.FileRepositoryBuilder;
import org.eclipse.jgit.transport.ReceivePack;

public class JGit {
    public static void main(String[] arguments) throws Exception {
        Repository repository = new FileRepositoryBuilder().setGitDir(new java.io.File(arguments[1])).build();
        GitServlet git = new GitServlet();
        git.setRepositoryResolver((request, name) -> { repository.incrementOpen(); return repository; });
        git.setReceivePackFactory((request, opened) -> new ReceivePack(opened));
        Server server = new Server(new java.net.InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0])));
        ServletContextHandler handler = new ServletContextHandler();
        handler.addServlet(new ServletHolder(git), "/*");
        server.setHandler(handler);
        server.start();
    }
}
"#;

/// The jars of Debian's `libjgit-java` and `libjetty9-java`, with what they need.
const JARS: [&str; 13] = [
    "org.eclipse.jgit",
    "org.eclipse.jgit.http.server",
    "jetty9-server",
    "jetty9-servlet",
    "jetty9-security",
    "jetty9-http",
    "jetty9-io",
    "jetty9-util",
    "jetty9-util-ajax",
    "servlet-api",
    "slf4j-api",
    "slf4j-nop",
    "javaewah",
];

/// Updates, rolls back and tells the past of a repository that another server serves at `url`.
fn is_deployed_to(repository: &Repository, url: &str) {
    let action = |operation: &str| {
        Action::new()
            .input("operation", operation)
            .input("repository", url)
            .input("file", FILE)
            .input("token", TOKEN)
    };
    let image = |tag: &str| format!("ghcr.io/acme/web:{tag}");
    for tag in ["v2", "v3"] {
        let outcome = action("update")
            .input("image", image(tag))
            .run()
            .succeeded();
        assert_eq!(outcome.output("commit-sha"), repository.tip("main"));
    }
    let manifest = |tag: &str| MANIFEST.replace("v1", tag).into_bytes();
    assert_eq!(repository.show("main", FILE), manifest("v3"));
    let again = action("update").input("image", image("v3")).run();
    assert_eq!(again.succeeded().output("changed"), "false");

    let undone = action("rollback").run().succeeded();
    assert_eq!(undone.output("image"), image("v2"));
    assert_eq!(repository.show("main", FILE), manifest("v2"));

    // The first commit is further back than what is looked at first.
    let history = action("history").run().succeeded();
    let deployments: serde_json::Value =
        serde_json::from_str(history.output("deployments")).unwrap();
    assert_eq!(deployments.as_array().unwrap().len(), 4, "{deployments}");
    repository.fsck();
}

fn with_a_past(server: &GitServer) -> Repository {
    let repository = server.repository_with("acme/deploy", FILE, MANIFEST);
    for number in 0..150 {
        repository.commit("main", "README.md", format!("{number}\n"), "docs: more");
    }
    repository
}

/// Run with `-- --ignored` and GITOPS_DEPLOY_DULWICH, a Python that has the package `dulwich`.
#[test]
#[ignore = "needs dulwich"]
fn dulwich_is_deployed_to() {
    let server = GitServer::start();
    let repository = with_a_past(&server);
    let python = std::env::var("GITOPS_DEPLOY_DULWICH").unwrap();
    let dulwich = Service::start(|address| {
        let mut command = Command::new(&python);
        command
            .args(["-c", DULWICH, &address.port().to_string()])
            .arg(repository.path());
        command
    });
    is_deployed_to(
        &repository,
        &format!("http://{}/acme/deploy.git", dulwich.address()),
    );
}

/// A server in Java. Run with `-- --ignored` and GITOPS_DEPLOY_JGIT, the folder of [`JARS`].
fn jgit(repository: &Repository) -> (Service, String, tempfile::TempDir) {
    let jars = std::env::var("GITOPS_DEPLOY_JGIT").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("JGit.java");
    let mut file = std::fs::File::create(&source).unwrap();
    file.write_all(JGIT.as_bytes()).unwrap();
    let service = Service::start(|address| {
        let path = JARS.map(|name| format!("{jars}/{name}.jar")).join(":");
        let mut command = Command::new("java");
        command
            .args(["-Xmx256m", "-cp", &path])
            .arg(&source)
            .arg(address.port().to_string())
            .arg(repository.path());
        command
    });
    let url = format!("http://{}/deploy.git", service.address());
    (service, url, directory)
}

#[test]
#[ignore = "needs JGit"]
fn jgit_is_deployed_to() {
    let server = GitServer::start();
    let repository = with_a_past(&server);
    let (_jgit, url, _source) = jgit(&repository);
    is_deployed_to(&repository, &url);
}

/// It tells whoever lost a race `invalid old id sent`, `lock error` and the like.
#[test]
#[ignore = "needs JGit"]
fn twelve_writers_at_once_all_land_on_jgit() {
    let server = GitServer::start();
    let repository = server.repository("acme/deploy");
    let container = |n| format!("  - name: c{n}\n    image: ghcr.io/acme/c{n}:v1\n");
    let containers: String = (0..12).map(container).collect();
    repository.commit(
        "main",
        FILE,
        format!("containers:\n{containers}"),
        "chore: import",
    );
    let (_jgit, url, _source) = jgit(&repository);
    let runs: Vec<_> = (0..12)
        .map(|n| {
            Action::new()
                .input("repository", &url)
                .input("file", FILE)
                .input("image", format!("ghcr.io/acme/c{n}:v2"))
                .input("token", TOKEN)
                .spawn()
        })
        .collect();
    for run in runs {
        run.wait().succeeded();
    }
    assert_eq!(repository.log("main").len(), 13);
    let manifest = String::from_utf8(repository.show("main", FILE)).unwrap();
    assert_eq!(manifest.matches(":v2").count(), 12, "{manifest}");
    repository.fsck();
}
