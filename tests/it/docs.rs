//! The documentation works as it stands: every step in it that uses this action has inputs and outputs
//! that exist, every link leads somewhere, and what the examples name is there to be edited.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

use gitops_deploy::action::environment::Environment;
use gitops_deploy::action::inputs;
use gitops_deploy::action::outputs::OUTPUTS;
use serde_yaml_ng::Value;

use crate::support::oidc::ISSUER;
use crate::support::{ARGOCD_TOKEN, Action, App, ArgoCd, GitServer, Reply, TOKEN, Via};

/// How this action is called in the documentation.
const ACTION: &str = "OWNER/gitops-deploy@";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files of the documentation and the examples, with this ending.
fn files(ending: &str) -> Vec<PathBuf> {
    fn below(directory: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, ending, found);
            } else if path.to_str().unwrap().ends_with(ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for directory in ["docs", "examples"] {
        below(&root().join(directory), ending, &mut found);
    }
    for entry in fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        if path.to_str().unwrap().ends_with(ending) {
            found.push(path);
        }
    }
    found
}

/// The YAML of a page, block by block; of a YAML file, all of it.
fn yaml_blocks() -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    for path in files(".md") {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        for (number, rest) in text.split("\n```yaml\n").skip(1).enumerate() {
            let block = rest.split("\n```").next().unwrap().to_owned();
            blocks.push((format!("{name}, block {}", number + 1), block));
        }
    }
    for path in files(".yml") {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        if name.starts_with("examples") {
            blocks.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    blocks
}

/// Every mapping in `value` that has the key `uses`.
fn steps<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Mapping(mapping) => {
            if mapping.contains_key("uses") {
                found.push(value);
            }
            mapping.values().for_each(|value| steps(value, found));
        }
        Value::Sequence(sequence) => sequence.iter().for_each(|value| steps(value, found)),
        _ => {}
    }
}

fn is_ours(step: &Value) -> bool {
    step["uses"]
        .as_str()
        .is_some_and(|uses| uses.starts_with(ACTION))
}

#[test]
fn every_step_has_inputs_that_its_operation_uses() {
    let mut seen = 0;
    for (name, block) in yaml_blocks() {
        let value: Value =
            serde_yaml_ng::from_str(&block).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut found = Vec::new();
        steps(&value, &mut found);
        for step in found.into_iter().filter(|step| is_ours(step)) {
            let operation = step["with"]["operation"].as_str().unwrap_or("update");
            for (key, _) in step["with"].as_mapping().into_iter().flatten() {
                let key = key.as_str().unwrap();
                let input = inputs::all().find(|input| input.name == key);
                let input = input.unwrap_or_else(|| panic!("{name}: there is no input {key}"));
                let used = input.used_by.iter().any(|user| user.name() == operation);
                assert!(used, "{name}: `{operation}` does not use {key}");
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "the steps were not found: {seen}");
}

/// `value` with something that fits for what only a run knows.
fn evaluated(input: &str, value: &str) -> String {
    let trimmed = value.trim();
    let is_expression = trimmed.starts_with("${{") && trimmed.ends_with("}}");
    if is_expression && trimmed.matches("${{").count() == 1 {
        if input == "ca-certificate" {
            return rcgen::generate_simple_self_signed([]).unwrap().cert.pem();
        }
        if input == "signing-key" {
            return crate::signing::key(&["-t", "ed25519", "-N", ""]).1;
        }
        let sample = match input {
            "repository" => "acme/k8s-manifests",
            "file" => "blog-system/web-rollout.yaml",
            "image" => "ghcr.io/acme/web:v14",
            "commit" => "f87d821",
            "since" | "until" => "2026-01-01",
            "server-url" => "https://github.com",
            "api-url" => "https://api.github.com",
            "argocd-server" => "argocd.example.com",
            "app-private-key" => include_str!("../support/github/app.pem"),
            input => match inputs::all().find(|own| own.name == input) {
                Some(own) if own.default == "false" => "true",
                _ => "something",
            },
        };
        return sample.to_owned();
    }
    let mut evaluated = String::new();
    let mut rest = value;
    while let Some((before, expression)) = rest.split_once("${{") {
        evaluated.push_str(before);
        evaluated.push_str("14");
        rest = expression.split_once("}}").unwrap().1;
    }
    evaluated + rest
}

/// The text that the runner hands over.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null => String::new(),
        other => panic!("no input is {other:?}"),
    }
}

/// What the runner sends for these inputs, with the defaults of `action.yml`.
fn variables(with: &Value) -> Vec<(String, String)> {
    let action: Value = serde_yaml_ng::from_str(include_str!("../../action.yml")).unwrap();
    let defaults = action["inputs"].as_mapping().unwrap().iter();
    let defaults = defaults.map(|(name, input)| (text(name), text(&input["default"])));
    let given = with.as_mapping().into_iter().flatten();
    let given = given.map(|(name, value)| (text(name), text(value)));
    let values: BTreeMap<String, String> = defaults.chain(given).collect();
    values
        .into_iter()
        .map(|(name, value)| {
            let value = evaluated(&name, &value);
            (format!("INPUT_{}", name.to_uppercase()), value)
        })
        .collect()
}

#[test]
fn every_step_is_one_that_the_action_accepts() {
    let mut seen = 0;
    for (name, block) in yaml_blocks() {
        let value: Value = serde_yaml_ng::from_str(&block).unwrap();
        let mut found = Vec::new();
        steps(&value, &mut found);
        // A line that shows how to name the action, or a part that others follow, has no `file`.
        let whole = found.into_iter().filter(|step| {
            is_ours(step)
                && (step["with"]["file"] != Value::Null || step["with"]["operation"] != Value::Null)
        });
        for step in whole {
            let mut variables = variables(&step["with"]);
            // What GitHub gives a job with `id-token: write`.
            for (name, value) in [("URL", "https://ghe.example.com/id"), ("TOKEN", "x")] {
                let name = format!("ACTIONS_ID_TOKEN_REQUEST_{name}");
                variables.push((name, value.to_owned()));
            }
            let environment = variables
                .iter()
                .map(|(name, value)| (name.into(), value.into()));
            let read = inputs::read(&Environment::new(environment));
            assert!(read.warnings.is_empty(), "{name}: {:?}", read.warnings);
            assert_eq!(read.request.err(), None, "{name}");
            seen += 1;
        }
    }
    assert!(seen > 20, "the steps were not found: {seen}");
}

#[test]
fn every_output_that_is_used_exists() {
    let mut seen = 0;
    for (name, block) in yaml_blocks() {
        let value: Value = serde_yaml_ng::from_str(&block).unwrap();
        let mut found = Vec::new();
        steps(&value, &mut found);
        let ours: BTreeMap<&str, bool> = found
            .into_iter()
            .filter_map(|step| Some((step["id"].as_str()?, is_ours(step))))
            .collect();
        for used in block.split("steps.").skip(1) {
            let is_part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
            let (step, rest) = used.split_at(used.find(|c| !is_part(c)).unwrap());
            let Some(output) = rest.strip_prefix(".outputs.") else {
                continue;
            };
            let output = output.split(|c| !is_part(c)).next().unwrap();
            // In the first screen the step is in another block.
            if ours.get(step).copied().unwrap_or(step == "deploy") {
                assert!(
                    OUTPUTS.contains(&output),
                    "{name}: there is no output {output}"
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "the outputs were not found: {seen}");
}

/// It is there also where nothing landed, and where what landed waits in a pull request.
#[test]
fn no_step_depends_on_whether_there_is_a_commit() {
    for (name, block) in yaml_blocks() {
        let lines = block
            .lines()
            .map(|line| line.trim_start().trim_start_matches("- "));
        let mut conditions = lines.filter(|line| line.starts_with("if:"));
        let by_commit = conditions.find(|line| line.contains(".outputs.commit-sha"));
        assert_eq!(by_commit, None, "{name}");
    }
}

/// With GITOPS_DEPLOY_RECIPES, the steps and jobs of the pages are written there as workflows, for those
/// who check workflows.
#[test]
fn every_recipe_is_a_workflow() {
    let directory = env::var_os("GITOPS_DEPLOY_RECIPES").map(PathBuf::from);
    let mut seen = BTreeSet::new();
    for (name, block) in yaml_blocks() {
        if !block.contains(ACTION) || name.starts_with("examples") {
            continue;
        }
        let value: Value = serde_yaml_ng::from_str(&block).unwrap();
        let indented =
            |by: &str| -> String { block.lines().map(|line| format!("{by}{line}\n")).collect() };
        let head = format!("name: {name}\non: workflow_dispatch\npermissions: {{}}\n");
        let workflow = match &value {
            Value::Sequence(_) => format!(
                "{head}jobs:\n  recipe:\n    runs-on: ubuntu-latest\n    steps:\n{}",
                indented("      ")
            ),
            Value::Mapping(mapping) if mapping.contains_key("on") => format!("{block}\n"),
            Value::Mapping(mapping) if mapping.contains_key("jobs") => format!("{head}{block}\n"),
            _ => panic!("{name}: neither steps nor jobs"),
        };
        let parsed: Value = serde_yaml_ng::from_str(&workflow).unwrap();
        assert!(parsed["jobs"].is_mapping());
        let file: String = name
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '-' })
            .collect();
        if let Some(directory) = &directory {
            fs::create_dir_all(directory).unwrap();
            fs::write(directory.join(format!("{file}.yml")), workflow).unwrap();
        }
        seen.insert(file);
    }
    assert!(seen.len() > 15, "the recipes were not found: {seen:?}");
}

#[test]
fn every_link_leads_somewhere() {
    let mut seen = 0;
    for path in files(".md") {
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            if target.contains("://") || target.contains(' ') {
                continue;
            }
            let file = target.split('#').next().unwrap();
            let there = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            assert!(there.exists(), "{}: {target}", path.display());
            if let Some((_, heading)) = target.split_once('#') {
                assert_heading(&there, heading);
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "the links were not found: {seen}");
}

/// A page has the heading that a link's fragment names, as GitHub makes it of the heading's text.
fn assert_heading(page: &Path, fragment: &str) {
    let text = fs::read_to_string(page).unwrap();
    let fragments = text
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|heading| {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = heading
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c })
                .collect::<String>()
        });
    let fragments: Vec<String> = fragments.collect();
    assert!(
        fragments.iter().any(|own| own == fragment),
        "{}: {fragment}",
        page.display()
    );
}

/// A file of the pipeline in `folder`.
fn of_pipeline(folder: &str, path: &str) -> String {
    fs::read_to_string(root().join(folder).join(path)).unwrap()
}

/// The step of the pipeline in `folder` that deploys, to a manifest that holds the image.
fn deploying(folder: &str) -> Value {
    let workflow = "application-repository/.github/workflows/deploy-web.yml";
    let workflow: Value = serde_yaml_ng::from_str(&of_pipeline(folder, workflow)).unwrap();
    let mut found = Vec::new();
    steps(&workflow, &mut found);
    let step = found.into_iter().find(|step| is_ours(step)).unwrap();
    let file = step["with"]["file"].as_str().unwrap();
    let manifest = of_pipeline(folder, &format!("manifests-repository/{file}"));
    let image = workflow["env"]["IMAGE"].as_str().unwrap();
    assert!(manifest.contains(&format!("image: {image}:v13\n")));
    step.clone()
}

#[test]
fn the_pipeline_deploys_what_its_manifests_hold() {
    let folder = "examples/pipeline";
    let step = deploying(folder);
    let file = step["with"]["file"].as_str().unwrap();
    let application = "manifests-repository/argocd/blog-system-application.yaml";
    let application: Value = serde_yaml_ng::from_str(&of_pipeline(folder, application)).unwrap();
    assert_eq!(
        application["metadata"]["name"],
        step["with"]["argocd-application"]
    );
    let source = &application["spec"]["source"];
    assert!(file.starts_with(source["path"].as_str().unwrap()));
    let repository = step["with"]["repository"].as_str().unwrap();
    assert!(source["repoURL"].as_str().unwrap().contains(repository));
}

/// The documents of a YAML stream.
fn documents(text: &str) -> Vec<Value> {
    use serde::Deserialize as _;
    let documents = serde_yaml_ng::Deserializer::from_str(text);
    documents
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}

fn of_kind<'v>(documents: &'v [Value], kind: &str) -> &'v Value {
    let found = documents.iter().find(|document| document["kind"] == kind);
    found.unwrap_or_else(|| panic!("there is no {kind}"))
}

#[test]
fn the_pipeline_for_flux_waits_for_what_flux_posts() {
    let folder = "examples/flux";
    let step = deploying(folder);
    let with = |name: &str| step["with"][name].as_str().unwrap();
    let pages = yaml_blocks()
        .into_iter()
        .filter(|(name, _)| name.starts_with("docs/commit-statuses.md"));
    let page: Vec<Value> = pages.flat_map(|(_, block)| documents(&block)).collect();
    let example = "manifests-repository/clusters/production/web.yaml";
    let example = documents(&of_pipeline(folder, example));
    for all in [&example, &page] {
        let kustomization = of_kind(all, "Kustomization");
        assert_eq!(kustomization["spec"]["wait"], true);
        let path = kustomization["spec"]["path"].as_str().unwrap();
        assert!(with("file").starts_with(path.trim_start_matches("./")));
        let name = kustomization["metadata"]["name"].as_str().unwrap();
        assert_eq!(with("status-context"), format!("kustomization/{name}/*"));
        let (alert, provider) = (of_kind(all, "Alert"), of_kind(all, "Provider"));
        assert_eq!(alert["spec"]["eventSources"][0]["name"], name);
        assert_eq!(alert["spec"]["providerRef"], {
            let mut reference = serde_yaml_ng::Mapping::new();
            reference.insert("name".into(), provider["metadata"]["name"].clone());
            Value::from(reference)
        });
        assert_eq!(provider["spec"]["type"], "github");
        let address = provider["spec"]["address"].as_str().unwrap();
        assert!(address.ends_with(with("repository")));
    }
}

#[test]
fn what_argo_cd_posts_is_what_is_waited_for() {
    let pages = yaml_blocks()
        .into_iter()
        .filter(|(name, _)| name.starts_with("docs/commit-statuses.md"));
    let page: Vec<Value> = pages.flat_map(|(_, block)| documents(&block)).collect();
    let data = &of_kind(&page, "ConfigMap")["data"];
    let inner = |key: &str| -> Value {
        let text = data[key]
            .as_str()
            .unwrap_or_else(|| panic!("there is no {key}"));
        serde_yaml_ng::from_str(text).unwrap()
    };
    let application = of_kind(&page, "Application");
    let annotations = application["metadata"]["annotations"].as_mapping().unwrap();
    let subscribed = annotations.keys().next().unwrap().as_str().unwrap();
    let trigger = subscribed
        .strip_prefix("notifications.argoproj.io/subscribe.")
        .and_then(|rest| rest.strip_suffix(".github"))
        .unwrap();
    let mut states = BTreeMap::new();
    for rule in inner(&format!("trigger.{trigger}")).as_sequence().unwrap() {
        for template in rule["send"].as_sequence().unwrap() {
            let name = template.as_str().unwrap().to_owned();
            let github = &inner(&format!("template.{name}"))["github"];
            let label = github["status"]["label"].as_str().unwrap();
            assert_eq!(label, "continuous-delivery/{{.app.metadata.name}}");
            states.insert(name, github["status"]["state"].as_str().unwrap().to_owned());
        }
    }
    let templates = data.as_mapping().unwrap().keys();
    let templates = templates.filter(|key| key.as_str().unwrap().starts_with("template."));
    assert_eq!(templates.count(), states.len());
    let states: Vec<String> = states
        .into_iter()
        .map(|(name, state)| format!("{name}: {state}"))
        .collect();
    assert_eq!(
        states,
        [
            "commit-degraded: failure",
            "commit-failed: failure",
            "commit-pending: pending",
            "commit-success: success",
        ]
    );
    let waited = format!(
        "continuous-delivery/{}",
        application["metadata"]["name"].as_str().unwrap()
    );
    let text = include_str!("../../docs/commit-statuses.md");
    assert!(text.contains(&format!("`status-context: {waited}`")));
}

/// The recipes that a merge starts are run as they stand, but for where the servers are and what is secret.
#[test]
fn what_a_merge_starts_waits_for_argo_cd_at_that_commit() {
    const FILE: &str = "blog-system/web-rollout.yaml";
    let manifest = |tag: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {{name: web}}\nspec:\n  containers:\n  - name: web\n    image: ghcr.io/acme/blog-web:{tag}\n"
        )
    };
    let mut seen = Vec::new();
    for (name, block) in yaml_blocks() {
        if !name.starts_with("docs/pull-requests.md") {
            continue;
        }
        let workflow: Value = serde_yaml_ng::from_str(&block).unwrap();
        let mut found = Vec::new();
        steps(&workflow, &mut found);
        let Some(step) = found.into_iter().find(|step| is_ours(step)) else {
            continue;
        };
        // What the trigger knows of the commit.
        let (trigger, expression) = match &workflow["on"] {
            Value::Mapping(on) if on.contains_key("push") => {
                assert_eq!(workflow["on"]["push"]["paths"][0], FILE);
                assert_eq!(workflow["on"]["push"]["branches"][0], "main");
                ("push", "${{ github.sha }}")
            }
            Value::Mapping(on) if on.contains_key("repository_dispatch") => (
                "repository_dispatch",
                "${{ github.event.client_payload.commit }}",
            ),
            _ => continue,
        };
        let server = GitServer::start();
        let repository = server.repository_with("acme/k8s-manifests", FILE, &manifest("v1"));
        let merged = repository.commit("main", FILE, manifest("v2"), "Merge pull request #1");
        // Others go on.
        repository.commit("main", "README.md", "# Apps\n", "docs: by hand");
        let (url, at) = (repository.url().to_owned(), merged.clone());
        let argocd = ArgoCd::play(vec![Box::new(move || {
            Reply::App(App::healthy(&url, &at, &["ghcr.io/acme/blog-web:v2"]))
        })]);
        let mut action = Action::new();
        for (input, value) in step["with"].as_mapping().unwrap() {
            let (input, value) = (text(input), text(value));
            let value = match (input.as_str(), value.as_str()) {
                ("commit", own) => {
                    assert_eq!(own, expression, "{name}");
                    merged.clone()
                }
                ("repository", own) => {
                    assert_eq!(own, "acme/k8s-manifests", "{name}");
                    continue;
                }
                ("argocd-server", _) => argocd.url().to_owned(),
                ("argocd-token", _) => ARGOCD_TOKEN.to_owned(),
                ("token", _) => continue,
                (_, value) => value.to_owned(),
            };
            action = action.input(&input, value);
        }
        let action = action.over(Via::Api, &repository).input("token", TOKEN);
        let outcome = action.run().succeeded();
        assert_eq!(outcome.output("argocd-revision"), merged, "{name}");
        assert_eq!(outcome.output("health-status"), "Healthy", "{name}");
        seen.push(trigger);
    }
    assert_eq!(seen, ["push", "repository_dispatch"]);
}

/// The set-up for signing on without a stored token is that of one Dex, one job and one application.
#[test]
fn the_step_without_a_stored_token_signs_on_at_the_dex_that_is_set_up() {
    let blocks: Vec<Value> = yaml_blocks()
        .into_iter()
        .filter(|(name, _)| name.starts_with("docs/argocd.md"))
        .flat_map(|(_, block)| documents(&block))
        .collect();
    let data = |name: &str, key: &str| {
        let mut maps = blocks.iter().filter(|block| block["kind"] == "ConfigMap");
        let map = maps.find(|map| map["metadata"]["name"] == name);
        map.unwrap_or_else(|| panic!("there is no {name}"))["data"][key].clone()
    };
    let dex: Value = serde_yaml_ng::from_str(&text(&data("argocd-cm", "dex.config"))).unwrap();
    let connector = &dex["connectors"][0];
    assert_eq!(connector["type"], "oidc");
    assert_eq!(connector["config"]["issuer"], ISSUER);
    assert_eq!(connector["config"]["userNameKey"], "sub");
    let jobs = blocks
        .iter()
        .find(|block| !block["jobs"].is_null())
        .unwrap();
    assert_eq!(jobs["jobs"]["deploy"]["permissions"]["id-token"], "write");
    let with = &jobs["jobs"]["deploy"]["steps"][0]["with"];
    assert_eq!(with["argocd-oidc-connector"], connector["id"]);
    assert_eq!(
        data("argocd-cm", "url"),
        format!("https://{}", text(&with["argocd-server"]))
    );
    let policy = text(&data("argocd-rbac-cm", "policy.csv"));
    let owner = text(&connector["config"]["allowedGroups"][0]);
    let expected = format!(
        "p, repo:{owner}/blog-web:ref:refs/heads/main, applications, get, default/{}, allow",
        text(&with["argocd-application"])
    );
    assert_eq!(policy.trim(), expected);
}

#[test]
fn every_limit_is_documented_and_no_other_is() {
    let page = include_str!("../../docs/limits.md");
    let documented = page.lines().filter_map(|line| line.strip_prefix("- "));
    let limits = gitops_deploy::limits::ALL.map(|limit| limit.to_string());
    assert_eq!(documented.collect::<Vec<_>>(), limits);
}

#[test]
fn what_the_inputs_need_of_a_token_is_what_is_asked_for() {
    use gitops_deploy::repository::Access;
    use gitops_deploy::repository::github::permissions::{Posted, Scope};
    let everything = Scope {
        contents: Access::Write,
        pull_requests: true,
        posted: Posted {
            statuses: true,
            checks: true,
            deployments: true,
        },
    };
    let needed = [Scope::READING, everything]
        .map(Scope::permissions)
        .concat();
    let expected: Vec<String> = needed
        .iter()
        .map(|one| format!("*{}* | `{}` |", one.on_a_page(), one.in_a_workflow()))
        .collect();
    let page = include_str!("../../docs/token.md");
    let (_, table) = page.split_once("## What the inputs need").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let rows: Vec<&str> = rows
        .skip(1)
        .map(|line| line.split_once(" | ").unwrap().1)
        .collect();
    assert_eq!(rows, expected);
    let statuses = include_str!("../../docs/commit-statuses.md");
    let (_, table) = statuses.split_once("| line | what it means |").unwrap();
    let reading = Scope {
        posted: everything.posted,
        ..Scope::READING
    };
    for one in reading.permissions().iter().skip(1) {
        assert!(table.contains(&format!("*{}*", one.on_a_page())), "{one:?}");
    }
    for one in everything.permissions() {
        if let Some(caveat) = one.caveat() {
            let caveat = caveat.replace("it: one", &format!("*{}*: one", one.on_a_page()));
            let page = page.replace('\n', " ");
            assert!(page.contains(&caveat), "{caveat}");
        }
    }
}
