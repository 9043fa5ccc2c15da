//! GraphQL: documents are parsed and run field by field, so that a query gets what it asks for and
//! nothing else. The types are those of GitHub's published schema, as far as they are here.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use git2::{ObjectType, Oid};
use graphql_parser::query::{
    Definition, Field, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
    TypeCondition, Value, parse_query,
};
use serde_json::{Map, Value as Json, json};

use super::store::{NotMoved, Person, Store, iso};
use super::{Answer, Caller, Github};

pub(super) type Arguments = Map<String, Json>;

/// What a selection is made on.
pub(super) enum Node {
    Query,
    Mutation,
    Repository(Rc<Store>),
    Ref(Rc<Store>, String, Oid),
    Commit(Rc<Store>, Oid),
    Tree(Oid),
    Blob(Rc<Store>, Oid),
    Entry(Rc<Store>, Entry),
    /// `StatusCheckRollup`, with all that is in it.
    Rollup(Vec<Got>),
    /// A type whose fields are here already.
    Plain(&'static str, Vec<(&'static str, Got)>),
}

pub(super) struct Entry {
    path: String,
    name: String,
    mode: i32,
    oid: Oid,
}

/// What a field holds.
pub(super) enum Got {
    Leaf(Json),
    Node(Node),
    List(Vec<Got>),
}

use Got::{Leaf, List};

/// An error of one field: its `type` and message, as GitHub puts them.
pub(super) struct Refused {
    kind: &'static str,
    message: String,
}

pub(super) fn refused<T>(kind: &'static str, message: impl Into<String>) -> Result<T, Refused> {
    let message = message.into();
    Err(Refused { kind, message })
}

/// One request.
struct Execution<'a> {
    github: &'a Github,
    caller: &'a Caller<'a>,
    variables: Arguments,
    fragments: HashMap<String, FragmentDefinition<'static, String>>,
    errors: RefCell<Vec<Json>>,
}

impl Github {
    pub(super) fn graphql(&self, caller: &Caller<'_>, body: &[u8]) -> Answer {
        let is_unknown = |field: &str| String::from_utf8_lossy(body).contains(field);
        if self.is_old() && is_unknown("statusCheckRollup") | is_unknown("fragment Shown") {
            let message = "Field 'status' doesn't exist on type 'Commit'";
            let extensions = json!({"code": "undefinedField", "typeName": "Commit"});
            let error = json!({"message": message, "path": ["query"], "extensions": extensions});
            return Answer::json(200, &json!({"errors": [error]}));
        }
        let answer = match self.execute(caller, body) {
            Ok(answer) => answer,
            Err(message) => {
                self.complain(format!("GraphQL: {message}"));
                json!({"errors": [{"message": message}]})
            }
        };
        Answer::json(200, &answer)
    }

    fn execute(&self, caller: &Caller<'_>, body: &[u8]) -> Result<Json, String> {
        let body: Json = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let text = body["query"]
            .as_str()
            .ok_or("A query attribute must be specified")?;
        let document = parse_query::<String>(text)
            .map_err(|error| error.to_string())?
            .into_static();
        let mut operation = None;
        let mut fragments = HashMap::new();
        for definition in document.definitions {
            match definition {
                Definition::Operation(found) => operation = Some(found),
                Definition::Fragment(found) => {
                    fragments.insert(found.name.clone(), found);
                }
            }
        }
        let (root, declared, selections) = match operation.ok_or("no operation")? {
            OperationDefinition::Query(query) => {
                (Node::Query, query.variable_definitions, query.selection_set)
            }
            OperationDefinition::Mutation(mutation) => (
                Node::Mutation,
                mutation.variable_definitions,
                mutation.selection_set,
            ),
            OperationDefinition::SelectionSet(set) => (Node::Query, Vec::new(), set),
            OperationDefinition::Subscription(_) => return Err("no subscriptions".to_owned()),
        };
        let variables = body["variables"].as_object().cloned().unwrap_or_default();
        for name in variables.keys() {
            if !declared.iter().any(|variable| variable.name == *name) {
                return Err(format!("the variable {name} is given and not declared"));
            }
        }
        let execution = Execution {
            github: self,
            caller,
            variables,
            fragments,
            errors: RefCell::default(),
        };
        let data = execution.select(&root, &selections, &mut Vec::new())?;
        let mut answer = json!({"data": data});
        let errors = execution.errors.into_inner();
        if !errors.is_empty() {
            answer["errors"] = errors.into();
        }
        Ok(answer)
    }
}

impl Execution<'_> {
    fn select(
        &self,
        node: &Node,
        selections: &SelectionSet<'static, String>,
        path: &mut Vec<String>,
    ) -> Result<Json, String> {
        let mut object = Map::new();
        self.select_into(&mut object, node, selections, path)?;
        Ok(object.into())
    }

    fn select_into(
        &self,
        object: &mut Map<String, Json>,
        node: &Node,
        selections: &SelectionSet<'static, String>,
        path: &mut Vec<String>,
    ) -> Result<(), String> {
        for selection in &selections.items {
            match selection {
                Selection::Field(field) => {
                    let key = field.alias.clone().unwrap_or_else(|| field.name.clone());
                    path.push(key.clone());
                    let value = self.field(node, field, path)?;
                    path.pop();
                    object.insert(key, value);
                }
                Selection::InlineFragment(inline) => {
                    if node.is(inline.type_condition.as_ref()) {
                        self.select_into(object, node, &inline.selection_set, path)?;
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.fragments.get(&spread.fragment_name);
                    let fragment = fragment.ok_or("an unknown fragment")?;
                    if node.is(Some(&fragment.type_condition)) {
                        self.select_into(object, node, &fragment.selection_set, path)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn field(
        &self,
        node: &Node,
        field: &Field<'static, String>,
        path: &mut Vec<String>,
    ) -> Result<Json, String> {
        if field.name == "__typename" {
            return Ok(node.name().into());
        }
        let mut arguments = Arguments::new();
        for (name, value) in &field.arguments {
            arguments.insert(name.clone(), self.value(value)?);
        }
        match self.resolve(node, &field.name, &arguments) {
            Ok(Some(got)) => self.complete(got, field, path),
            Ok(None) => Err(format!(
                "Field '{}' doesn't exist on type '{}'",
                field.name,
                node.name()
            )),
            Err(Refused { kind, message }) => {
                self.errors.borrow_mut().push(json!({
                    "type": kind,
                    "path": path,
                    "locations": [{"line": field.position.line, "column": field.position.column}],
                    "message": message,
                }));
                Ok(Json::Null)
            }
        }
    }

    fn complete(
        &self,
        got: Got,
        field: &Field<'static, String>,
        path: &mut Vec<String>,
    ) -> Result<Json, String> {
        let leaf = field.selection_set.items.is_empty();
        match got {
            Leaf(value) if leaf || value.is_null() => Ok(value),
            Leaf(_) => Err(format!(
                "Selections can't be made on scalars ({})",
                field.name
            )),
            Got::Node(_) if leaf => Err(format!("Field '{}' must have selections", field.name)),
            Got::Node(node) => self.select(&node, &field.selection_set, path),
            List(items) => {
                let items = items
                    .into_iter()
                    .map(|item| self.complete(item, field, path));
                Ok(items.collect::<Result<Vec<_>, _>>()?.into())
            }
        }
    }

    fn value(&self, value: &Value<'static, String>) -> Result<Json, String> {
        Ok(match value {
            Value::Variable(name) => self.variables.get(name).cloned().unwrap_or_default(),
            Value::Int(number) => number.as_i64().into(),
            Value::Float(number) => (*number).into(),
            Value::String(text) | Value::Enum(text) => text.clone().into(),
            Value::Boolean(value) => (*value).into(),
            Value::Null => Json::Null,
            Value::List(items) => {
                let items = items.iter().map(|item| self.value(item));
                items.collect::<Result<Vec<_>, _>>()?.into()
            }
            Value::Object(fields) => {
                let mut object = Map::new();
                for (name, value) in fields {
                    object.insert(name.clone(), self.value(value)?);
                }
                object.into()
            }
        })
    }

    /// A field of a node; none where its type has no such field here.
    fn resolve(
        &self,
        node: &Node,
        field: &str,
        arguments: &Arguments,
    ) -> Result<Option<Got>, Refused> {
        let text = |name: &str| arguments.get(name).and_then(Json::as_str);
        Ok(Some(match (node, field) {
            (Node::Query, "repository") => {
                let name = format!(
                    "{}/{}",
                    text("owner").unwrap_or_default(),
                    text("name").unwrap_or_default()
                );
                Got::Node(Node::Repository(self.repository(&name)?))
            }
            (Node::Mutation, "createCommitOnBranch") => self.create_commit(&arguments["input"])?,
            (Node::Mutation, "updateRefs") => self.update_refs(&arguments["input"])?,
            (Node::Mutation, "enablePullRequestAutoMerge") => {
                let input = &arguments["input"];
                let known = [
                    "pullRequestId",
                    "mergeMethod",
                    "expectedHeadOid",
                    "commitHeadline",
                    "commitBody",
                ];
                self.only("enablePullRequestAutoMerge", input, &known);
                match self.github.enable_auto_merge(input) {
                    Ok(()) => nothing("EnablePullRequestAutoMergePayload"),
                    Err(words) => return refused("UNPROCESSABLE", words),
                }
            }
            (Node::Mutation, "disablePullRequestAutoMerge") => {
                let input = &arguments["input"];
                self.only("disablePullRequestAutoMerge", input, &["pullRequestId"]);
                match self.github.disable_auto_merge(input) {
                    Ok(()) => nothing("DisablePullRequestAutoMergePayload"),
                    Err(words) => return refused("UNPROCESSABLE", words),
                }
            }
            (Node::Mutation, "enqueuePullRequest") => {
                let input = &arguments["input"];
                self.only(
                    "enqueuePullRequest",
                    input,
                    &["pullRequestId", "expectedHeadOid"],
                );
                match self.github.enqueue(input) {
                    Ok(()) => nothing("EnqueuePullRequestPayload"),
                    Err(words) => return refused("UNPROCESSABLE", words),
                }
            }
            (Node::Repository(store), _) => return Ok(self.of_repository(store, field, arguments)),
            (Node::Ref(store, name, target), _) => match field {
                "id" => Leaf(format!("REF_{}:{name}", store.name).into()),
                "name" => Leaf(name.trim_start_matches("refs/heads/").into()),
                "prefix" => Leaf("refs/heads/".into()),
                "target" => Got::Node(Node::Commit(Rc::clone(store), *target)),
                "associatedPullRequests" => self.pulls_of(store, name, arguments)?,
                _ => return Ok(None),
            },
            (Node::Commit(store, id), _) => {
                let posted = self
                    .github
                    .posted(self.caller, store, *id, field, arguments);
                return match posted {
                    Some(posted) => posted.map(Some),
                    None => Ok(self.of_commit(store, *id, field, arguments)),
                };
            }
            (Node::Rollup(nodes), "contexts") => paged(nodes, arguments),
            (Node::Tree(id), "oid" | "id") => Leaf(id.to_string().into()),
            (Node::Blob(store, id), _) => return Ok(self.of_blob(store, *id, field)),
            (Node::Entry(store, entry), _) => return Ok(of_entry(store, entry, field)),
            (Node::Plain(_, fields), _) => {
                let found = fields.iter().find(|(name, _)| *name == field);
                return Ok(found.map(|(_, got)| got.copied()));
            }
            _ => return Ok(None),
        }))
    }

    fn repository(&self, name: &str) -> Result<Rc<Store>, Refused> {
        let now = self.github.renamed(name);
        match self
            .github
            .open(self.caller, now.as_deref().unwrap_or(name))
        {
            Some(store) => Ok(Rc::new(store)),
            None => refused(
                "NOT_FOUND",
                format!("Could not resolve to a Repository with the name '{name}'."),
            ),
        }
    }

    fn of_repository(&self, store: &Rc<Store>, field: &str, arguments: &Arguments) -> Option<Got> {
        let text = |name: &str| arguments.get(name).and_then(Json::as_str);
        let branch = |name: String, target| Got::Node(Node::Ref(Rc::clone(store), name, target));
        Some(match field {
            "id" => Leaf(format!("R_{}", store.name).into()),
            "name" => Leaf(store.short_name().into()),
            "nameWithOwner" => Leaf(store.name.clone().into()),
            "owner" => plain("User", vec![("login", store.owner().into())]),
            "pullRequest" => {
                let number = arguments.get("number").and_then(Json::as_u64);
                match self
                    .github
                    .merge_state(&store.name, number.unwrap_or_default())
                {
                    Some(state) => {
                        let field = |name| (name, Leaf(state[name].clone()));
                        let mut fields = vec![
                            field("state"),
                            field("merged"),
                            field("mergeStateStatus"),
                            field("isInMergeQueue"),
                            field("isMergeQueueEnabled"),
                        ];
                        let waits = match state["autoMergeRequest"].as_object() {
                            Some(request) => {
                                let names = ["mergeMethod", "commitHeadline", "commitBody"];
                                let fields = names.map(|name| (name, Leaf(request[name].clone())));
                                plain("AutoMergeRequest", fields.into())
                            }
                            None => Leaf(Json::Null),
                        };
                        fields.push(("autoMergeRequest", waits));
                        // What it was at last, where the branch is gone.
                        let head = format!("refs/heads/{}", state["headRef"].as_str().unwrap());
                        let last = store.reference(&head).map(|id| Json::from(id.to_string()));
                        let last = last.unwrap_or_else(|| state["headRefOid"].clone());
                        fields.push(("headRefOid", Leaf(last)));
                        plain("PullRequest", fields)
                    }
                    None => Leaf(Json::Null),
                }
            }
            "isArchived" => Leaf(false.into()),
            "isEmpty" => Leaf(store.branches().is_empty().into()),
            "defaultBranchRef" => {
                let name = format!("refs/heads/{}", store.default_branch());
                match store.reference(&name) {
                    Some(target) => branch(name, target),
                    None => Leaf(Json::Null),
                }
            }
            "ref" => {
                let name = text("qualifiedName").unwrap_or_default();
                match store.reference(name) {
                    Some(target) => branch(name.to_owned(), target),
                    None => Leaf(Json::Null),
                }
            }
            "refs" => {
                if text("refPrefix") != Some("refs/heads/") {
                    return None;
                }
                let all = store.branches();
                let total = all.len();
                let refs = all.into_iter().take(first(arguments));
                let refs = refs.map(|(name, id)| branch(format!("refs/heads/{name}"), id));
                plain(
                    "RefConnection",
                    vec![
                        ("nodes", List(refs.collect())),
                        ("totalCount", total.into()),
                    ],
                )
            }
            "object" => {
                let oid = text("oid").or(text("expression")).unwrap_or_default();
                let found = store.git.revparse_single(oid).ok();
                match found.and_then(|object| Some((object.kind()?, object.id()))) {
                    Some((ObjectType::Commit, id)) => Got::Node(Node::Commit(Rc::clone(store), id)),
                    Some((ObjectType::Blob, id)) => Got::Node(Node::Blob(Rc::clone(store), id)),
                    Some((ObjectType::Tree, id)) => Got::Node(Node::Tree(id)),
                    _ => Leaf(Json::Null),
                }
            }
            _ => return None,
        })
    }

    /// The pull requests that have a branch for their head.
    fn pulls_of(
        &self,
        store: &Store,
        reference: &str,
        arguments: &Arguments,
    ) -> Result<Got, Refused> {
        if self.github.are_pulls_hidden() {
            return refused("FORBIDDEN", self.caller.no_access());
        }
        let head = reference.trim_start_matches("refs/heads/");
        if arguments["states"] != "OPEN" {
            self.github.complain("associatedPullRequests: which ones?");
        }
        let pulls = self.github.pulls(&store.name).into_iter();
        let open = pulls.filter(|pull| pull["state"] == "open" && pull["head"]["ref"] == head);
        let pulls = open.take(first(arguments)).map(|pull| {
            plain(
                "PullRequest",
                vec![
                    ("number", Leaf(pull["number"].clone())),
                    ("baseRefName", Leaf(pull["base"]["ref"].clone())),
                ],
            )
        });
        let nodes = List(pulls.collect());
        Ok(plain("PullRequestConnection", vec![("nodes", nodes)]))
    }

    fn of_commit(
        &self,
        store: &Rc<Store>,
        id: Oid,
        field: &str,
        arguments: &Arguments,
    ) -> Option<Got> {
        let commit = store.git.find_commit(id).unwrap();
        let message = commit.message().unwrap_or_default();
        let (headline, body) = message.split_once('\n').unwrap_or((message, ""));
        let person = |person: &git2::Signature<'_>| {
            plain(
                "GitActor",
                vec![
                    ("name", person.name().unwrap_or_default().into()),
                    ("email", person.email().unwrap_or_default().into()),
                    ("date", iso(person.when()).into()),
                ],
            )
        };
        Some(match field {
            "oid" => Leaf(id.to_string().into()),
            "id" => Leaf(format!("C_{id}").into()),
            "message" => Leaf(message.into()),
            "messageHeadline" => Leaf(headline.into()),
            "messageBody" => Leaf(body.trim_start_matches('\n').into()),
            "url" | "commitUrl" => {
                Leaf(format!("https://github.example/{}/commit/{id}", store.name).into())
            }
            "author" => person(&commit.author()),
            "committer" => person(&commit.committer()),
            "authoredDate" => Leaf(iso(commit.author().when()).into()),
            "committedDate" => Leaf(iso(commit.committer().when()).into()),
            "tree" => Got::Node(Node::Tree(commit.tree_id())),
            "parents" => {
                let parents = commit.parent_ids().take(first(arguments));
                let parents =
                    parents.map(|parent| Got::Node(Node::Commit(Rc::clone(store), parent)));
                plain(
                    "CommitConnection",
                    vec![
                        ("nodes", List(parents.collect())),
                        ("totalCount", commit.parent_count().into()),
                    ],
                )
            }
            "file" => {
                let path = arguments
                    .get("path")
                    .and_then(Json::as_str)
                    .unwrap_or_default();
                match store.entry(id, path) {
                    Some((name, mode, oid)) => {
                        let path = path.to_owned();
                        let entry = Entry {
                            path,
                            name,
                            mode,
                            oid,
                        };
                        Got::Node(Node::Entry(Rc::clone(store), entry))
                    }
                    None => Leaf(Json::Null),
                }
            }
            "history" => history(store, id, arguments),
            "signature" if store.is_signed(id) => plain(
                "GpgSignature",
                vec![
                    ("isValid", true.into()),
                    ("state", "VALID".into()),
                    ("wasSignedByGitHub", true.into()),
                ],
            ),
            "signature" => Leaf(Json::Null),
            _ => return None,
        })
    }

    fn of_blob(&self, store: &Rc<Store>, id: Oid, field: &str) -> Option<Got> {
        let bytes = store.blob(id).unwrap();
        let binary = bytes.contains(&0);
        let limit = self.github.limits().text;
        let truncated = bytes.len() > limit;
        Some(match field {
            "id" => Leaf(format!("B_{id}").into()),
            "oid" => Leaf(id.to_string().into()),
            "byteSize" => Leaf(bytes.len().into()),
            "isBinary" => Leaf(binary.into()),
            "isTruncated" => Leaf((!binary && truncated).into()),
            "text" if binary => Leaf(Json::Null),
            "text" => {
                // GitHub guesses the encoding and gives out UTF-8; a byte order mark is part of the
                // encoding to it.
                let shown = &bytes[..bytes.len().min(limit)];
                let shown = shown.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(shown);
                let text: String = match std::str::from_utf8(shown) {
                    Ok(text) => text.to_owned(),
                    Err(_) => shown.iter().map(|byte| char::from(*byte)).collect(),
                };
                Leaf(text.into())
            }
            _ => return None,
        })
    }

    /// The branch that a mutation is about, if it may be written to.
    fn writable(&self, name: &str) -> Result<Rc<Store>, Refused> {
        let store = self.repository(name)?;
        if !self.caller.writes() {
            return refused("FORBIDDEN", self.caller.no_access());
        }
        Ok(store)
    }

    fn create_commit(&self, input: &Json) -> Result<Got, Refused> {
        let known = [
            "branch",
            "message",
            "fileChanges",
            "expectedHeadOid",
            "clientMutationId",
        ];
        self.only("createCommitOnBranch", input, &known);
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let branch = text(&input["branch"]["branchName"]);
        let store = self.writable(&text(&input["branch"]["repositoryNameWithOwner"]))?;
        let reference = format!("refs/heads/{branch}");
        let expected = text(&input["expectedHeadOid"]);
        let Some(head) = store.reference(&reference) else {
            return refused("NOT_FOUND", format!("The branch {branch} does not exist."));
        };
        let stale = || {
            let message = format!(
                "Expected branch to point to \"{expected}\" but it did not.  Pull and try again."
            );
            refused("STALE_DATA", message)
        };
        if head.to_string() != expected {
            return stale();
        }
        let mut entries = Vec::new();
        for addition in input["fileChanges"]["additions"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let contents = BASE64_STANDARD.decode(text(&addition["contents"]));
            let Ok(contents) = contents else {
                self.github
                    .complain("createCommitOnBranch: contents are no base64");
                continue;
            };
            let blob = store.git.blob(&contents).unwrap();
            // It has no room for a file's mode.
            entries.push((text(&addition["path"]), 0o100_644, Some(blob)));
        }
        let tree = store.tree(Some(head), &entries).unwrap();
        let mut message = text(&input["message"]["headline"]);
        let body = text(&input["message"]["body"]);
        if message.is_empty() || message.contains('\n') {
            self.github
                .complain(format!("createCommitOnBranch: the headline {message:?}"));
        }
        if !body.is_empty() {
            message = format!("{message}\n\n{body}");
        }
        let people: (Person<'_>, Person<'_>) =
            (self.caller.account(), ("GitHub", "noreply@github.com"));
        let commit = store
            .write_commit(tree, &[head], &message, people, true)
            .unwrap();
        match store.move_reference(&reference, Some(head), Some(commit)) {
            Ok(()) => Ok(plain(
                "CreateCommitOnBranchPayload",
                vec![
                    ("commit", Got::Node(Node::Commit(Rc::clone(&store), commit))),
                    ("ref", Got::Node(Node::Ref(store, reference, commit))),
                ],
            )),
            Err(NotMoved::Stale) => stale(),
            Err(NotMoved::Rule(words)) => refused("BRANCH_PROTECTION_RULE_VIOLATION", words),
        }
    }

    fn update_refs(&self, input: &Json) -> Result<Got, Refused> {
        self.only(
            "updateRefs",
            input,
            &["repositoryId", "refUpdates", "clientMutationId"],
        );
        let id = input["repositoryId"].as_str().unwrap_or_default();
        let store = self.writable(id.trim_start_matches("R_"))?;
        let [update] = &input["refUpdates"].as_array().cloned().unwrap_or_default()[..] else {
            self.github.complain("updateRefs: not one update");
            return refused("UNPROCESSABLE", "one update, please");
        };
        self.only(
            "RefUpdate",
            update,
            &["name", "beforeOid", "afterOid", "force"],
        );
        let name = update["name"].as_str().unwrap_or_default();
        if !name.starts_with("refs/heads/") || update["force"].as_bool() == Some(true) {
            self.github.complain(format!("updateRefs: {update}"));
        }
        let oid = |key: &str| {
            let oid = Oid::from_str(update[key].as_str().unwrap_or_default()).ok();
            oid.filter(|oid| !oid.is_zero())
        };
        let from = match update.get("beforeOid") {
            Some(_) => oid("beforeOid"),
            None => {
                self.github
                    .complain("updateRefs: without beforeOid it is no comparison");
                store.reference(name)
            }
        };
        let to = oid("afterOid");
        if to.is_some_and(|to| store.git.find_commit(to).is_err()) {
            return refused("UNPROCESSABLE", format!("{name}: afterOid is no commit"));
        }
        let moved = store.move_reference(name, from, to);
        let message = match moved {
            Ok(()) => {
                let fields = vec![("clientMutationId", Leaf(Json::Null))];
                return Ok(plain("UpdateRefsPayload", fields));
            }
            Err(NotMoved::Stale) => format!("Reference {name} is not at the expected position"),
            Err(NotMoved::Rule(words)) => words,
        };
        refused("UNPROCESSABLE", message)
    }

    /// Complains about what an input type does not have.
    fn only(&self, what: &str, input: &Json, known: &[&str]) {
        for key in input.as_object().into_iter().flat_map(Map::keys) {
            if !known.contains(&key.as_str()) {
                self.github.complain(format!("{what} takes no {key}"));
            }
        }
    }
}

impl Node {
    fn name(&self) -> &'static str {
        match self {
            Node::Query => "Query",
            Node::Mutation => "Mutation",
            Node::Repository(..) => "Repository",
            Node::Ref(..) => "Ref",
            Node::Commit(..) => "Commit",
            Node::Tree(..) => "Tree",
            Node::Blob(..) => "Blob",
            Node::Entry(..) => "TreeEntry",
            Node::Rollup(..) => "StatusCheckRollup",
            Node::Plain(name, _) => name,
        }
    }

    fn is(&self, condition: Option<&TypeCondition<'static, String>>) -> bool {
        condition.is_none_or(|TypeCondition::On(name)| {
            name == self.name() || (name == "GitSignature" && self.name() == "GpgSignature")
        })
    }
}

impl Got {
    fn copied(&self) -> Got {
        match self {
            Leaf(value) => Leaf(value.clone()),
            List(items) => List(items.iter().map(Got::copied).collect()),
            Got::Node(node) => Got::Node(match node {
                Node::Ref(store, name, id) => Node::Ref(Rc::clone(store), name.clone(), *id),
                Node::Commit(store, id) => Node::Commit(Rc::clone(store), *id),
                Node::Plain(name, fields) => Node::Plain(
                    name,
                    fields
                        .iter()
                        .map(|(name, got)| (*name, got.copied()))
                        .collect(),
                ),
                _ => unreachable!("no plain type holds one"),
            }),
        }
    }
}

impl<T: Into<Json>> From<T> for Got {
    fn from(value: T) -> Got {
        Leaf(value.into())
    }
}

/// The payload of a mutation of which nothing is asked.
fn nothing(name: &'static str) -> Got {
    plain(name, vec![("clientMutationId", Leaf(Json::Null))])
}

pub(super) fn plain(name: &'static str, fields: Vec<(&'static str, Got)>) -> Got {
    Got::Node(Node::Plain(name, fields))
}

/// How many a connection is asked for; GitHub refuses to give them without a number.
pub(super) fn first(arguments: &Arguments) -> usize {
    let first = arguments.get("first").and_then(Json::as_u64).unwrap_or(0);
    first.min(100).try_into().unwrap()
}

/// A page of what is here already; its cursor is the number of those before.
fn paged(all: &[Got], arguments: &Arguments) -> Got {
    let after = arguments.get("after").and_then(Json::as_str);
    let start: usize = after.map_or(0, |after| after.parse().unwrap());
    let end = (start + first(arguments)).min(all.len());
    let info = vec![
        ("hasNextPage", (end < all.len()).into()),
        ("endCursor", end.to_string().into()),
    ];
    plain(
        "StatusCheckRollupContextConnection",
        vec![
            (
                "nodes",
                List(all[start..end].iter().map(Got::copied).collect()),
            ),
            ("pageInfo", plain("PageInfo", info)),
        ],
    )
}

fn of_entry(store: &Rc<Store>, entry: &Entry, field: &str) -> Option<Got> {
    const TREE: i32 = 0o040_000;
    const SUBMODULE: i32 = 0o160_000;
    Some(match field {
        "oid" => Leaf(entry.oid.to_string().into()),
        "mode" => Leaf(entry.mode.into()),
        "name" => Leaf(entry.name.clone().into()),
        "path" => Leaf(entry.path.clone().into()),
        "type" => Leaf(match entry.mode {
            TREE => "tree".into(),
            SUBMODULE => "commit".into(),
            _ => "blob".into(),
        }),
        "size" => Leaf(store.blob(entry.oid).map_or(0, |bytes| bytes.len()).into()),
        "object" => match entry.mode {
            TREE => Got::Node(Node::Tree(entry.oid)),
            SUBMODULE => Leaf(Json::Null),
            _ => Got::Node(Node::Blob(Rc::clone(store), entry.oid)),
        },
        _ => return None,
    })
}

/// The commits from one on, newest first, by pages: `after` is the number of those before.
fn history(store: &Rc<Store>, from: Oid, arguments: &Arguments) -> Got {
    let text = |name: &str| arguments.get(name).and_then(Json::as_str);
    let from = from.to_string();
    let dates = [("--since", text("since")), ("--until", text("until"))];
    let dates: Vec<String> = dates
        .iter()
        .filter_map(|(name, date)| Some(format!("{name}={}", (*date)?)))
        .collect();
    let mut log: Vec<&str> = dates.iter().map(String::as_str).collect();
    log.push(&from);
    if let Some(path) = text("path") {
        log.extend(["--", path]);
    }
    let all = store.log(&log);
    let start: usize = text("after").map_or(0, |after| after.parse().unwrap());
    let end = (start + first(arguments)).min(all.len());
    let commits = all[start.min(end)..end].iter();
    let commits = commits.map(|id| Got::Node(Node::Commit(Rc::clone(store), *id)));
    plain(
        "CommitHistoryConnection",
        vec![
            ("nodes", List(commits.collect())),
            ("totalCount", all.len().into()),
            (
                "pageInfo",
                plain(
                    "PageInfo",
                    vec![
                        ("hasNextPage", (end < all.len()).into()),
                        ("endCursor", end.to_string().into()),
                    ],
                ),
            ),
        ],
    )
}
