//! Pull requests, and what is done to them.

use serde_json::{Value as Json, json};

use super::rest::Asked;
use super::store::Store;
use super::{Answer, Github, lock, refusal};

/// Who has access to a repository, and so can be assigned or asked for a review.
const COLLABORATORS: [&str; 3] = ["wlals2", "jimin", "octocat"];

impl Github {
    /// The pull requests of a repository, as REST has them, the oldest first.
    pub fn pulls(&self, repository: &str) -> Vec<Json> {
        let pulls = lock(&self.pulls);
        let of = |pull: &&Json| pull["base"]["repo"]["full_name"] == repository;
        pulls.iter().filter(of).cloned().collect()
    }

    /// Changes a pull request, as a person on its page does.
    pub fn edit_pull(&self, number: u64, edit: impl FnOnce(&mut Json)) {
        let mut pulls = lock(&self.pulls);
        edit(
            pulls
                .iter_mut()
                .find(|pull| pull["number"] == number)
                .unwrap(),
        );
    }

    /// Lets no token open pull requests, in these words.
    pub fn forbid_pulls(&self, words: &'static str) {
        *lock(&self.no_pulls) = Some(words);
    }

    /// Lets no token see pull requests, as in a private repository one that has no permission for them.
    pub fn hide_pulls(&self) {
        *lock(&self.hidden_pulls) = true;
    }

    pub(super) fn are_pulls_hidden(&self) -> bool {
        *lock(&self.hidden_pulls)
    }

    /// Has pull requests stand so (`BLOCKED`, `CLEAN`, …), from the next request on.
    pub fn set_merge_state(&self, state: &'static str) {
        lock(&self.merging).state = state;
    }

    /// Has the target's rules miss nothing, so that a pull request can be merged at once.
    pub fn require_nothing(&self) {
        self.set_merge_state("CLEAN");
    }

    /// Has the repository's settings not allow auto-merge.
    pub fn disallow_auto_merge(&self) {
        lock(&self.merging).auto_merge = false;
    }

    /// Has the repository's settings allow one way to merge alone.
    pub fn allow_only(&self, method: &'static str) {
        lock(&self.merging).methods = Some(method);
    }

    /// Has the target take what comes from its merge queue only.
    pub fn require_a_merge_queue(&self) {
        lock(&self.merging).queue = true;
    }

    /// Enables the merge of a pull request as soon as its target's rules allow. Errors are GitHub's.
    pub(super) fn enable_auto_merge(&self, input: &Json) -> Result<(), &'static str> {
        let merging = *lock(&self.merging);
        let mut pulls = lock(&self.pulls);
        let pull = meant(&mut pulls, input)?;
        if pull["merged"] == true {
            return Err("Pull request is closed");
        }
        if pull["draft"] == true {
            return Err("Pull Request is still a draft");
        }
        if merging.methods.is_some_and(|only| {
            !input["mergeMethod"]
                .as_str()
                .unwrap()
                .eq_ignore_ascii_case(only)
        }) {
            return Err("Merge method merge commits are not allowed on this repository");
        }
        if !merging.auto_merge {
            return Err("Auto merge is not allowed for this repository");
        }
        match merging.state {
            "CLEAN" => return Err("Pull request Pull request is in clean status"),
            "UNSTABLE" => return Err("Pull request Pull request is in unstable status"),
            "HAS_HOOKS" => return Err("Pull request Pull request is in has_hooks status"),
            _ => {}
        }
        pull["auto_merge"] = json!({
            "enabled_by": pull["user"],
            "merge_method": input["mergeMethod"].as_str().unwrap().to_lowercase(),
            "commit_title": input["commitHeadline"], "commit_message": input["commitBody"],
        });
        pull["auto_merge_head"] = input["expectedHeadOid"].clone();
        Ok(())
    }

    /// Takes back that a pull request is merged as soon as its target's rules allow. Errors are GitHub's.
    pub(super) fn disable_auto_merge(&self, input: &Json) -> Result<(), &'static str> {
        let mut pulls = lock(&self.pulls);
        let pull = meant(&mut pulls, input)?;
        if pull["auto_merge"].is_null() {
            return Err("Can't disable auto-merge for this pull request.");
        }
        pull["auto_merge"] = Json::Null;
        Ok(())
    }

    /// Puts a pull request into the merge queue.
    pub(super) fn enqueue(&self, input: &Json) -> Result<(), &'static str> {
        let mut pulls = lock(&self.pulls);
        let pull = meant(&mut pulls, input)?;
        pull["queued"] = input["expectedHeadOid"].clone();
        Ok(())
    }

    /// How a pull request stands, for GraphQL.
    pub(super) fn merge_state(&self, repository: &str, number: u64) -> Option<Json> {
        let merging = *lock(&self.merging);
        let pulls = self.pulls(repository);
        let pull = pulls.iter().find(|pull| pull["number"] == number)?;
        let auto_merge = pull["auto_merge"].as_object();
        Some(json!({
            "state": match (pull["merged"] == true, pull["state"] == "open") {
                (true, _) => "MERGED",
                (false, true) => "OPEN",
                (false, false) => "CLOSED",
            },
            "headRef": pull["head"]["ref"], "headRefOid": pull["head"]["sha"],
            "merged": pull["merged"], "mergeStateStatus": merging.state,
            "isInMergeQueue": !pull["queued"].is_null(), "isMergeQueueEnabled": merging.queue,
            "autoMergeRequest": auto_merge.map(|planned| json!({
                "mergeMethod": planned["merge_method"].as_str().unwrap().to_uppercase(),
                "commitHeadline": planned["commit_title"], "commitBody": planned["commit_message"],
            })),
        }))
    }
}

impl Asked<'_> {
    pub(super) fn list_pulls(&self) -> Answer {
        if self.github.are_pulls_hidden() {
            return refusal(403, self.caller.no_access());
        }
        let wanted = |key| self.parameter(key).map(str::to_owned);
        let (state, head, base) = (wanted("state"), wanted("head"), wanted("base"));
        let pulls = self.github.pulls(&self.store.name);
        let fits = |pull: &Json| {
            state.as_ref().is_none_or(|state| pull["state"] == **state)
                && head
                    .as_ref()
                    .is_none_or(|head| pull["head"]["label"] == **head)
                && base
                    .as_ref()
                    .is_none_or(|base| pull["base"]["ref"] == **base)
        };
        let found: Vec<Json> = pulls.into_iter().filter(fits).collect();
        Answer::json(200, &found.into())
    }

    pub(super) fn post_pull(&self, body: &Json) -> Option<Answer> {
        if let Some(words) = *lock(&self.github.no_pulls) {
            return Some(refusal(403, words));
        }
        let (head, base) = (body["head"].as_str()?, body["base"].as_str()?);
        let at = |branch: &str| self.store.reference(&format!("refs/heads/{branch}"));
        let (head_id, base_id) = (at(head)?, at(base)?);
        let label = format!("{}:{head}", self.store.owner());
        let mut pulls = lock(&self.github.pulls);
        let open = pulls.iter().any(|pull| {
            pull["state"] == "open"
                && pull["head"]["label"] == *label
                && pull["base"]["ref"] == base
        });
        if open {
            return Some(refusal(
                422,
                "Validation Failed: A pull request already exists",
            ));
        }
        let (ahead, _) = self.store.git.graph_ahead_behind(head_id, base_id).ok()?;
        if ahead == 0 {
            return Some(refusal(
                422,
                &format!("Validation Failed: No commits between {base} and {head}"),
            ));
        }
        let number = pulls.len() as u64 + 1;
        let pull = json!({
            "number": number, "node_id": format!("PR_{number}"), "state": "open",
            "html_url": format!("https://github.example/{}/pull/{number}", self.store.name),
            "title": body["title"].as_str()?, "body": body["body"],
            "draft": body["draft"].as_bool().unwrap_or(false), "merged": false,
            "head": {"ref": head, "label": label, "sha": head_id.to_string()},
            "base": {"ref": base, "repo": {"full_name": self.store.name}},
            "labels": [], "assignees": [], "requested_reviewers": [], "requested_teams": [],
            "auto_merge": null, "user": {"login": self.caller.account().0},
        });
        pulls.push(pull.clone());
        Some(Answer::json(201, &pull))
    }

    /// What follows the number of a pull request or of an issue.
    pub(super) fn of_pull(
        &self,
        method: &str,
        number: &str,
        rest: &[&str],
        body: &Json,
    ) -> Option<Answer> {
        let mut pulls = lock(&self.github.pulls);
        let number: u64 = number.parse().ok()?;
        let pull = pulls.iter_mut().find(|pull| {
            pull["number"] == number && pull["base"]["repo"]["full_name"] == *self.store.name
        })?;
        let names = |key: &str| body[key].as_array().cloned().unwrap_or_default();
        let known = |name: &Json| COLLABORATORS.contains(&name.as_str().unwrap_or_default());
        match (method, rest) {
            ("GET", []) => Some(Answer::json(200, pull)),
            ("PATCH", []) => {
                for key in ["title", "body", "state"] {
                    if let Some(text) = body[key].as_str() {
                        pull[key] = text.into();
                    }
                }
                Some(Answer::json(200, pull))
            }
            ("POST", ["comments"]) => {
                let comment = json!({"body": body["body"].as_str()?});
                match pull["comments"].as_array_mut() {
                    Some(there) => there.push(comment.clone()),
                    None => pull["comments"] = json!([comment]),
                }
                Some(Answer::json(201, &comment))
            }
            ("POST", ["labels"]) => {
                let there = pull["labels"].as_array_mut()?;
                for name in names("labels") {
                    if !there.iter().any(|label| label["name"] == name) {
                        there.push(json!({ "name": name }));
                    }
                }
                Some(Answer::json(200, &pull["labels"]))
            }
            ("POST", ["assignees"]) => {
                // Who can't be one is left out, in silence.
                let new = names("assignees").into_iter().filter(known);
                let new: Vec<Json> = new.map(|name| json!({ "login": name })).collect();
                pull["assignees"].as_array_mut()?.extend(new);
                Some(Answer::json(201, pull))
            }
            ("POST", ["requested_reviewers"]) => {
                let people = names("reviewers");
                if people.contains(&pull["user"]["login"]) {
                    return Some(refusal(
                        422,
                        "Review cannot be requested from pull request author.",
                    ));
                }
                if !people.iter().all(known) {
                    return Some(refusal(
                        422,
                        "Reviews may only be requested from collaborators.",
                    ));
                }
                let people = people.into_iter().map(|name| json!({ "login": name }));
                let teams = names("team_reviewers").into_iter();
                let teams = teams.map(|slug| json!({ "slug": slug }));
                pull["requested_reviewers"].as_array_mut()?.extend(people);
                pull["requested_teams"].as_array_mut()?.extend(teams);
                Some(Answer::json(201, pull))
            }
            ("PUT", ["merge"]) => {
                let head = format!("refs/heads/{}", pull["head"]["ref"].as_str()?);
                if lock(&self.github.merging).queue {
                    return Some(refusal(
                        405,
                        "Repository rule violations found: Changes must be made through the merge queue",
                    ));
                }
                if pull["merged"] == true {
                    return Some(refusal(405, "Pull Request is not mergeable"));
                }
                if pull["draft"] == true {
                    return Some(refusal(405, "Pull Request is still a draft"));
                }
                let only = lock(&self.github.merging).methods;
                if only.is_some_and(|only| body["merge_method"] != only) {
                    return Some(refusal(
                        405,
                        "Merge commits are not allowed on this repository.",
                    ));
                }
                if body["sha"] != self.store.reference(&head)?.to_string() {
                    return Some(refusal(409, "Head branch was modified."));
                }
                merge(self.store, pull, body)?;
                Some(Answer::json(
                    200,
                    &json!({"merged": true, "message": "Pull Request successfully merged"}),
                ))
            }
            ("GET", ["reviews"]) => {
                let reviews = pull["reviews"].as_array().cloned().unwrap_or_default();
                Some(Answer::json(200, &reviews.into()))
            }
            _ => None,
        }
    }

    /// Makes a branch.
    pub(super) fn post_ref(&self, body: &Json) -> Option<Answer> {
        use super::store::NotMoved;
        let name = body["ref"].as_str()?;
        let to = git2::Oid::from_str(body["sha"].as_str()?).ok()?;
        let branch = name.trim_start_matches("refs/heads/");
        let branches = self.store.branches();
        let is_folder = |one: &str, other: &str| other.starts_with(&format!("{one}/"));
        let mut others = branches.iter();
        if others.any(|(other, _)| is_folder(other, branch) || is_folder(branch, other)) {
            return Some(refusal(422, "Reference update failed"));
        }
        Some(match self.store.move_reference(name, None, Some(to)) {
            Ok(()) => {
                let object = json!({"type": "commit", "sha": to.to_string()});
                Answer::json(201, &json!({"ref": name, "object": object}))
            }
            Err(NotMoved::Stale) => refusal(422, "Reference already exists"),
            Err(NotMoved::Rule(words)) => refusal(422, &words),
        })
    }
}

/// The one that the input of a mutation means.
fn meant<'p>(pulls: &'p mut [Json], input: &Json) -> Result<&'p mut Json, &'static str> {
    let mut pulls = pulls.iter_mut();
    let pull = pulls.find(|pull| pull["node_id"] == input["pullRequestId"]);
    pull.ok_or("Could not resolve to a node")
}

/// Squashes a pull request into its target, which its branch is on top of.
fn merge(store: &Store, pull: &mut Json, body: &Json) -> Option<()> {
    let reference = |key: &str| Some(format!("refs/heads/{}", pull[key]["ref"].as_str()?));
    let (head, base) = (
        store.reference(&reference("head")?)?,
        store.reference(&reference("base")?)?,
    );
    let tree = store.tree_of(head).id();
    let people = ("GitHub", "noreply@github.com");
    let title = format!("{} (#{})", pull["title"].as_str()?, pull["number"]);
    let message = match (
        body["commit_title"].as_str(),
        body["commit_message"].as_str(),
    ) {
        (Some(title), Some(text)) => format!("{title}\n\n{text}\n"),
        _ => title,
    };
    let merged = store.write_commit(tree, &[base], &message, (people, people), true)?;
    store
        .move_reference(&reference("base")?, Some(base), Some(merged))
        .ok()?;
    pull["state"] = "closed".into();
    pull["merged"] = true.into();
    Some(())
}
