//! What is known by its name stays what it is when its neighbours come and go: for history, rollback,
//! verification and every line of an update.

use serde_json::{Value, json};

use super::VIA;
use crate::support::{ARGOCD_TOKEN, Action, App, ArgoCd, GitServer, Reply, Repository, TOKEN};

const FILE: &str = "apps/kustomization.yaml";

/// A kustomization with these entries.
fn entries(entries: &[(&str, &str)]) -> String {
    let entries = entries.iter();
    let entries: String = entries
        .map(|(name, tag)| format!("  - name: {name}\n    newTag: {tag}\n"))
        .collect();
    format!("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nimages:\n{entries}")
}

/// One Deployment `web` a namespace, in one file.
fn deployments(namespaces: &[(&str, &str)]) -> String {
    let documents: Vec<String> = namespaces
        .iter()
        .map(|(namespace, tag)| {
            format!(
                "apiVersion: apps/v1\nkind: Deployment\nspec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n      - name: web\n        image: acme/web:{tag}\nmetadata:\n  name: web\n  namespace: {namespace}\n"
            )
        })
        .collect();
    documents.join("---\n")
}

fn operation(repository: &Repository, operation: &str) -> Action {
    Action::new()
        .input("operation", operation)
        .over(VIA, repository)
        .input("file", FILE)
        .input("token", TOKEN)
        .input("timeout", "60")
}

/// A repository in which `web` was deployed, and then `api` added above it.
fn with_an_inserted_entry(server: &GitServer) -> Repository {
    let repository = server.repository_with("o/manifests", FILE, &entries(&[("web", "v1")]));
    operation(&repository, "update")
        .input("image", "web:v2")
        .run()
        .succeeded();
    let text = entries(&[("api", "v7"), ("web", "v2")]);
    repository.commit("main", FILE, text.as_str(), "feat: the api");
    repository
}

#[test]
fn history_says_of_an_inserted_entry_that_it_was_added() {
    let server = GitServer::start();
    let repository = with_an_inserted_entry(&server);
    let outcome = operation(&repository, "history").run().succeeded();
    let commits: Vec<Value> = serde_json::from_str(outcome.output("deployments")).unwrap();
    let images = |index: usize| {
        let images = commits[index]["images"].as_array().unwrap().iter();
        images
            .map(|image| json!([image["old"], image["new"]]))
            .collect::<Vec<_>>()
    };
    assert_eq!(images(0), [json!([null, "api:v7"])]);
    assert_eq!(images(1), [json!(["web:v1", "web:v2"])]);
}

#[test]
fn a_rollback_passes_an_inserted_entry_over() {
    let server = GitServer::start();
    let repository = with_an_inserted_entry(&server);
    let outcome = operation(&repository, "rollback").run().succeeded();
    assert_eq!(outcome.output("image"), "web:v1");
    assert_eq!(
        String::from_utf8(repository.show("main", FILE)).unwrap(),
        entries(&[("api", "v7"), ("web", "v1")])
    );
}

#[test]
fn an_entry_that_comes_in_between_supersedes_nothing() {
    let server = GitServer::start();
    let repository = server.repository_with("o/manifests", FILE, &entries(&[("web", "v2")]));
    let deployed = repository.tip("main");
    let text = entries(&[("api", "v7"), ("web", "v2")]);
    let newer = repository.commit("main", FILE, text.as_str(), "feat: the api");
    let app = App::healthy(repository.url(), &newer, &["web:v2", "api:v7"]);
    let argocd = ArgoCd::play(vec![Box::new(move || Reply::App(app.clone()))]);
    let outcome = operation(&repository, "verify")
        .input("commit", &deployed)
        .input("argocd-server", argocd.url())
        .input("argocd-token", ARGOCD_TOKEN)
        .input("argocd-application", "blog")
        .run()
        .succeeded();
    assert_eq!(outcome.output("health-status"), "Healthy");
}

#[test]
fn a_rollback_of_staging_never_writes_into_production() {
    let server = GitServer::start();
    let both =
        |staging, production| deployments(&[("staging", staging), ("production", production)]);
    let repository = server.repository_with("o/manifests", FILE, &both("v1", "v2"));
    let staging = repository.commit(
        "main",
        FILE,
        both("v2", "v2").as_str(),
        "chore: staging to v2",
    );
    let production = deployments(&[("production", "v2")]);
    repository.commit(
        "main",
        FILE,
        production.as_str(),
        "chore: staging has a file of its own",
    );
    let outcome = operation(&repository, "rollback")
        .input("commit", &staging)
        .run()
        .failed();
    let errors = outcome.errors();
    assert!(
        errors[0].contains(
            "image is gone. Nothing was changed: acme/web:v2 (apps/kustomization.yaml) is still deployed.\n"
        ),
        "{errors:?}"
    );
    assert_eq!(repository.show("main", FILE), production.as_bytes());
}

#[test]
fn what_a_list_holds_is_reached_by_its_name() {
    let server = GitServer::start();
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: web}\n  spec: {replicas: 2, template: {spec: {containers: [{name: web, image: 'web:v1'}]}}}\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: api}\n  spec: {replicas: 2, template: {spec: {containers: [{name: api, image: 'web:v1'}]}}}\n";
    let repository = server.repository_with("o/manifests", FILE, list);
    operation(&repository, "update")
        .input("image", "web:v2")
        .input("set", "Deployment/api:.spec.replicas=3")
        .input("resource", "Deployment/api")
        .run()
        .succeeded();
    let (web, api) = list.split_at(list.find("metadata: {name: api}").unwrap());
    let api = api
        .replace("web:v1", "web:v2")
        .replace("replicas: 2", "replicas: 3");
    assert_eq!(
        String::from_utf8(repository.show("main", FILE)).unwrap(),
        format!("{web}{api}")
    );
}

#[test]
fn a_container_that_got_another_name_with_its_image_is_rolled_back() {
    let server = GitServer::start();
    let text = deployments(&[("production", "v1")]);
    let repository = server.repository_with("o/manifests", FILE, &text);
    operation(&repository, "update")
        .input("image", "acme/web:v2")
        .run()
        .succeeded();
    let renamed = deployments(&[("production", "v3")]).replace("- name: web\n", "- name: site\n");
    repository.commit("main", FILE, renamed.as_str(), "chore: the site to v3");
    operation(&repository, "rollback").run().succeeded();
    assert_eq!(
        String::from_utf8(repository.show("main", FILE)).unwrap(),
        deployments(&[("production", "v2")])
    );
}

#[test]
fn a_tag_alone_has_the_history_of_its_image_and_is_rolled_back() {
    let tags = "web:\n  version: v1\nworker:\n  version: v1\n";
    let elements = "spec:\n  elements:\n  - {name: a, tag: v1}\n  - {name: b, tag: v1}\n";
    let in_a_text = "spec:\n  values: |\n    web:\n      version: v1\n";
    for (text, path) in [
        ("replicas: 3\nimage:\n  tag: v1\n", None),
        (tags, Some(".web.version")),
        (elements, Some(".spec.elements[name=a].tag")),
        (in_a_text, Some(".spec.values.web.version")),
    ] {
        let server = GitServer::start();
        let repository = server.repository_with("o/manifests", FILE, text);
        let run = |operation: &str| self::operation(&repository, operation);
        let image = |tag: &str| format!("ghcr.io/acme/web:{tag}");
        for tag in ["v2", "v3"] {
            let update = run("update").input("image", image(tag));
            match path {
                Some(path) => update.input("path", path).run().succeeded(),
                None => update.run().succeeded(),
            };
        }
        let message = repository.log("main")[0].message.clone();
        let place = path.unwrap_or(".image.tag");
        let trailer = format!("\nDeployed-Tag: {FILE} {place}=ghcr.io/acme/web\n");
        assert!(message.contains(&trailer), "{message}");
        // What comes before it in a list makes no other place of it.
        if text == elements {
            let now = String::from_utf8(repository.show("main", FILE)).unwrap();
            let now = now.replace("  elements:\n", "  elements:\n  - {name: c, tag: v3}\n");
            repository.commit("main", FILE, now.as_str(), "feat: c");
        }
        let outcome = run("rollback").run().succeeded();
        assert_eq!(outcome.output("image"), image("v2"), "{text}");
        assert_eq!(outcome.output("previous-image"), image("v3"), "{text}");
        let outcome = run("history").run().succeeded();
        let commits: Vec<Value> = serde_json::from_str(outcome.output("deployments")).unwrap();
        let images = commits.iter().flat_map(|commit| {
            let images = commit["images"].as_array().unwrap().iter();
            images.map(|image| json!([image["old"], image["new"]]))
        });
        let images: Vec<Value> = images.collect();
        let changed = |old: &str, new: &str| json!([image(old), image(new)]);
        assert_eq!(
            images[..3],
            [
                changed("v3", "v2"),
                changed("v2", "v3"),
                changed("v1", "v2")
            ],
            "{text}"
        );
        let back = run("rollback").input("to", image("v1")).run().succeeded();
        assert_eq!(back.output("image"), image("v1"), "{text}");
        let now = String::from_utf8(repository.show("main", FILE)).unwrap();
        assert_eq!(now.replace("  - {name: c, tag: v3}\n", ""), text);
    }
}

#[test]
fn an_item_whose_name_is_its_image_has_a_history_and_is_rolled_back() {
    for (list, path) in [("images", None), ("workers", Some(".workers[0].name"))] {
        let item = |name: &str| format!("- name: {name}\n  pathdigest: none\n");
        let values = |items: &[&str]| -> String {
            let items = items.iter();
            format!(
                "{list}:\n{}",
                items.map(|name| item(name)).collect::<String>()
            )
        };
        let server = GitServer::start();
        let file = "apps/values.yaml";
        let repository =
            server.repository_with("o/manifests", file, values(&["acme/web:v1"]).as_str());
        let run = |operation: &str| self::operation(&repository, operation).input("file", file);
        for tag in ["v2", "v3"] {
            let update = run("update").input("image", format!("acme/web:{tag}"));
            let update = match path {
                Some(path) => update.input("path", path),
                None => update,
            };
            let outcome = update.run().succeeded();
            assert_eq!(outcome.output("image"), format!("acme/web:{tag}"));
        }
        let text = values(&["acme/api:v7", "acme/web:v3"]);
        repository.commit("main", file, text.as_str(), "feat: the api");
        let images = || -> Vec<Value> {
            let outcome = run("history").run().succeeded();
            let commits: Vec<Value> = serde_json::from_str(outcome.output("deployments")).unwrap();
            let images = commits.iter().map(|commit| commit["images"].as_array());
            let images = images.map(|images| images.map_or(&[][..], Vec::as_slice));
            let change = |image: &Value| json!([image["old"], image["new"]]);
            images
                .map(|images| images.iter().map(change).collect())
                .collect()
        };
        let deployed = |index: usize| images()[index].clone();
        assert_eq!(
            deployed(1),
            json!([["acme/web:v2", "acme/web:v3"]]),
            "{list}"
        );
        assert_eq!(
            deployed(2),
            json!([["acme/web:v1", "acme/web:v2"]]),
            "{list}"
        );
        for tag in ["v2", "v1"] {
            let outcome = run("rollback").run().succeeded();
            let expected = values(&["acme/api:v7", &format!("acme/web:{tag}")]);
            let text = String::from_utf8(repository.show("main", file)).unwrap();
            assert_eq!(text, expected, "{list}");
            assert_eq!(outcome.output("changed"), "true");
            assert_eq!(outcome.output("image"), format!("acme/web:{tag}"));
        }
        assert_eq!(
            deployed(0),
            json!([["acme/web:v2", "acme/web:v1"]]),
            "{list}"
        );
    }
}

/// What was deployed is all that a rollback speaks of, however it is written.
#[test]
fn a_rollback_of_an_image_in_parts_speaks_of_no_other_value() {
    let server = GitServer::start();
    for (number, (before, tag, after)) in [
        (
            "helm:\n  values: |\n    image:\n      repository: acme/web\n      tag: v1\n",
            "v2",
            "helm:\n  values: |\n    image:\n      repository: acme/web\n      tag: v2\n",
        ),
        (
            "image: {repository: acme/web, tag: null}\n",
            "v2",
            "image: {repository: acme/web, tag: v2}\n",
        ),
        (
            "services:\n  web:\n    image: acme/web:${TAG:-v1}\n",
            "v2",
            "services:\n  web:\n    image: acme/web:${TAG:-v2}\n",
        ),
        (
            "image:\n  repository: acme/web\n",
            "1.10",
            "image:\n  repository: acme/web\n  tag: \"1.10\"\n",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let repository = server.repository_with(&format!("o/manifests-{number}"), FILE, before);
        operation(&repository, "update")
            .input("image", format!("acme/web:{tag}"))
            .run()
            .succeeded();
        let text = |repository: &Repository| repository.show("main", FILE);
        assert_eq!(String::from_utf8(text(&repository)).unwrap(), after);
        let outcome = operation(&repository, "rollback").run().succeeded();
        assert_eq!(String::from_utf8(text(&repository)).unwrap(), before);
        assert_eq!(outcome.output("previous-image"), format!("acme/web:{tag}"));
        assert_eq!(outcome.warnings(), Vec::<String>::new(), "{before}");
    }
}

/// A value inside of a text has a place and a history of its own.
#[test]
fn a_value_in_a_text_is_told_of_and_rolled_back_by_itself() {
    let server = GitServer::start();
    let text = |replicas: &str, debug: &str| {
        format!("data:\n  values.yaml: |\n    replicas: {replicas}\n    debug: {debug}\n")
    };
    let repository = server.repository_with("o/manifests", FILE, &text("1", "false"));
    let set = |line: &str| {
        operation(&repository, "update")
            .input("set", line)
            .run()
            .succeeded();
    };
    set(".data[\"values.yaml\"].replicas=2");
    set(".data[\"values.yaml\"].debug=true");
    let outcome = operation(&repository, "history").run().succeeded();
    let commits: Vec<Value> = serde_json::from_str(outcome.output("deployments")).unwrap();
    let values = commits[0]["values"].as_array().unwrap().iter();
    let values: Vec<Value> = values
        .map(|value| json!([value["path"], value["old"], value["new"]]))
        .collect();
    let path = "[\"values.yaml\"]";
    assert_eq!(
        values,
        [json!([format!(".data{path}.debug"), "false", "true"])]
    );
    let older = repository.git(&["rev-parse", "main~1"]);
    operation(&repository, "rollback")
        .input("commit", older.trim())
        .run()
        .succeeded();
    assert_eq!(
        String::from_utf8(repository.show("main", FILE)).unwrap(),
        text("1", "true")
    );
}

/// No file says which image a tag alone is of; the last deployment does.
#[test]
fn a_tag_alone_is_not_taken_for_one_of_another_image_than_last_time() {
    let server = GitServer::start();
    let repository = server.repository_with("o/manifests", FILE, "image:\n  tag: v1\n");
    let update = |image: &str| operation(&repository, "update").input("image", image);
    update("ghcr.io/acme/web:v2").run().succeeded();
    let outcome = update("ghcr.io/acme/wbe:v3").run().failed();
    let tip = repository.tip("main");
    let [error] = &outcome.errors()[..] else {
        panic!("{}", outcome.log())
    };
    insta::assert_snapshot!(error.replace(&tip[..7], "COMMIT"), @"
    apps/kustomization.yaml line 2: the tag there is one of ghcr.io/acme/web, by commit COMMIT, and ghcr.io/acme/wbe:v3 is asked for. Read on `main` at COMMIT. Nothing was changed.
    Did you mean `ghcr.io/acme/web:v3`? Where the image has another name from now on, say so once, with the input `path: .image.tag`.
    ");
    assert_eq!(repository.show("main", FILE), b"image:\n  tag: v2\n");
    // Images of one build have one tag: that it is there already says nothing of whose it is.
    let same = update("ghcr.io/acme/wbe:v2").run().failed();
    let told = "the tag there is one of ghcr.io/acme/web";
    assert!(same.log().contains(told), "{}", same.log());
    update("ghcr.io/acme/web:v2").run().succeeded();
    // What others did since hides it over no transport.
    repository.commit("main", "README.md", "# Ours\n", "docs: ours");
    let refused = update("ghcr.io/acme/wbe:v3").run().failed();
    let told = format!("by commit {}", &tip[..7]);
    assert!(refused.log().contains(&told), "{}", refused.log());
    assert_eq!(repository.show("main", FILE), b"image:\n  tag: v2\n");
    // Whoever names the place means it, and from then on it is known.
    update("ghcr.io/acme/site:v3")
        .input("path", ".image.tag")
        .run()
        .succeeded();
    update("ghcr.io/acme/site:v4").run().succeeded();
    assert_eq!(repository.show("main", FILE), b"image:\n  tag: v4\n");
    // What was taken back says nothing.
    let repository = server.repository_with("o/values", FILE, "image:\n  tag: v1\n");
    let update = |image: &str| operation(&repository, "update").input("image", image);
    update("ghcr.io/acme/wbe:v2").run().succeeded();
    operation(&repository, "rollback").run().succeeded();
    update("ghcr.io/acme/web:v2").run().succeeded();
}

/// What changes in a value that reads alike is told, and taken back: its type, and that it was an alias.
#[test]
fn another_type_and_an_alias_have_a_history_and_are_rolled_back() {
    let server = GitServer::start();
    let old = "tag: &tag v1\nport: 80\nimage: {label: *tag}\nmode: a\n";
    for (number, (set, changed, told)) in [
        (
            ".port=\"80\"",
            "port: \"80\"",
            json!([[".port", "80", "\"80\""]]),
        ),
        (
            ".image.label=v2",
            "{label: v2}",
            json!([[".image.label", "v1", "v2"]]),
        ),
        (
            ".image.label=v1",
            "{label: v1}",
            json!([[".image.label", "*tag", "v1"]]),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let repository = server.repository_with(&format!("o/manifests-{number}"), FILE, old);
        let update = operation(&repository, "update").input("set", set).run();
        let update = update.succeeded();
        assert_eq!(update.output("changed"), "true", "{set}");
        let text = || String::from_utf8(repository.show("main", FILE)).unwrap();
        assert!(text().contains(changed), "{}", text());
        let values = |index: usize| -> Value {
            let outcome = operation(&repository, "history").run().succeeded();
            let commits: Vec<Value> = serde_json::from_str(outcome.output("deployments")).unwrap();
            let values = commits[index]["values"].as_array().unwrap().iter();
            let told = values.map(|value| json!([value["path"], value["old"], value["new"]]));
            told.collect()
        };
        assert_eq!(values(0), told, "{set}");
        // Beside it, so that the file is not put back as a whole.
        let mine = format!("# mine\n{}", text());
        repository.commit("main", FILE, mine.as_str(), "docs: mine");
        let outcome = operation(&repository, "rollback").run().succeeded();
        assert_eq!(text(), format!("# mine\n{old}"), "{set}");
        assert_eq!(outcome.warnings(), Vec::<String>::new(), "{set}");
        let [told] = &told.as_array().unwrap()[..] else {
            panic!("one, please")
        };
        assert_eq!(values(0), json!([[told[0], told[2], told[1]]]), "{set}");
        // A second click finds nothing that would be older.
        operation(&repository, "rollback").run().failed();
    }
}

/// A list that became another one, and has some of its items still, is told of as a whole.
#[test]
fn a_list_of_another_length_has_a_history_and_is_rolled_back() {
    let server = GitServer::start();
    let old = "args:\n- log\n- port\nmode: a\n";
    let repository = server.repository_with("o/manifests", FILE, old);
    operation(&repository, "update")
        .input("set", ".args=[port, debug, log]\n.mode=b")
        .run()
        .succeeded();
    let text = || String::from_utf8(repository.show("main", FILE)).unwrap();
    let new = "args: [port, debug, log]\nmode: b\n";
    assert_eq!(text(), new);
    let values = || -> Value {
        let outcome = operation(&repository, "history").run().succeeded();
        let commits: Vec<Value> = serde_json::from_str(outcome.output("deployments")).unwrap();
        let values = commits[0]["values"].as_array().unwrap().iter();
        let told = values.map(|value| json!([value["path"], value["old"], value["new"]]));
        told.collect()
    };
    let (was, is) = ("[log, port]", "[port, debug, log]");
    assert_eq!(values(), json!([[".args", was, is], [".mode", "a", "b"]]));
    repository.commit(
        "main",
        FILE,
        format!("# mine\n{new}").as_str(),
        "docs: mine",
    );
    let outcome = operation(&repository, "rollback").run().succeeded();
    assert_eq!(text(), format!("# mine\n{old}"));
    assert_eq!(outcome.warnings(), Vec::<String>::new());
    assert_eq!(values(), json!([[".args", is, was], [".mode", "b", "a"]]));
}
