//! Git servers that are not git's own: they share no code with `git http-backend`, and take other
//! things for granted.

use std::process::Command;

use crate::support::{Action, GitServer, Service, TOKEN};

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

/// Run with `-- --ignored` and GITOPS_DEPLOY_DULWICH, a Python that has the package `dulwich`.
#[test]
#[ignore = "needs dulwich"]
fn dulwich_is_deployed_to() {
    let server = GitServer::start();
    let repository = server.repository_with("acme/deploy", FILE, MANIFEST);
    for number in 0..150 {
        repository.commit("main", "README.md", format!("{number}\n"), "docs: more");
    }
    let python = std::env::var("GITOPS_DEPLOY_DULWICH").unwrap();
    let dulwich = Service::start(|address| {
        let mut command = Command::new(&python);
        command
            .args(["-c", DULWICH, &address.port().to_string()])
            .arg(repository.path());
        command
    });
    let url = format!("http://{}/acme/deploy.git", dulwich.address());
    let action = |operation: &str| {
        Action::new()
            .input("operation", operation)
            .input("repository", &url)
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
