//! GitLab, as far as a push is concerned: a hook that reads the push options, keeps merge requests, and tells of
//! them as GitLab does; and what its API says of one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use hyper::StatusCode;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use serde_json::{Value as Json, json};

use super::repository::Repository;
use super::server::Rights;

/// `merge-requests/N` has a line each: branch, state, target, title, and what else was asked for.
const HOOK: &str = r#"
while read -r old new ref; do
  branch=${ref#refs/heads/}
  [ "$branch" = main ] && continue
  create= target=main title= n=0
  while [ "$n" -lt "${GIT_PUSH_OPTION_COUNT:-0}" ]; do
    eval "option=\$GIT_PUSH_OPTION_$n"; n=$((n + 1))
    printf '%s\n' "$option" >> options
    case $option in
      merge_request.create) create=1 ;;
      merge_request.target=*) target=${option#*=} ;;
      merge_request.title=*) title=${option#*=} ;;
    esac
  done
  printf -- '%s\n' "--" >> options
  mkdir -p merge-requests
  open= last=0
  for file in merge-requests/*; do
    [ -e "$file" ] || continue
    last=$((last + 1))
    { read -r own; read -r state; } < "$file"
    [ "$own" = "$branch" ] && [ "$state" = open ] && open=${file##*/}
  done
  error=
  if [ -n "$create" ] && [ -z "$open" ]; then
    if [ -e forbidden ]; then
      error=$(cat forbidden)
    else
      open=$((last + 1))
    fi
  fi
  if [ -n "$open" ] && [ -n "$title" ]; then
    printf '%s\n' "$branch" open "$target" "$title" > "merge-requests/$open"
  fi
  if [ -n "$error" ]; then
    printf '%s\n' '' '========================================================================' ''
    printf '%s\n' "   Error encountered with push options 'merge_request.create'" "  'merge_request.target=$target': $error"
    printf '%s\n' '' '========================================================================' ''
  fi
  [ -e silent ] && continue
  echo
  if [ -n "$open" ]; then
    echo "View merge request for $branch:"
    echo "  https://gitlab.example/acme/deploy/-/merge_requests/$open"
  else
    echo "To create a merge request for $branch, visit:"
    echo "  https://gitlab.example/acme/deploy/-/merge_requests/new?merge_request%5Bsource_branch%5D=$branch"
  fi
  echo
done
"#;

/// A project on GitLab, made of a repository.
#[derive(Debug, Clone)]
pub struct Gitlab(PathBuf);

/// A merge request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRequest {
    pub branch: String,
    pub is_open: bool,
    pub target: String,
    pub title: String,
}

impl Gitlab {
    /// Has pushes to `repository` answered as GitLab does.
    pub fn at(repository: &Repository) -> Gitlab {
        repository.config("receive.advertisePushOptions", "true");
        repository.hook("post-receive", HOOK);
        Gitlab(repository.path().to_owned())
    }

    /// The same repository, as it was made one before.
    pub fn of(repository: &Repository) -> Gitlab {
        Gitlab(repository.path().to_owned())
    }

    /// The options of each push to another branch than `main`, since this was asked last.
    pub fn options(&self) -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(self.0.join("options")).unwrap_or_default();
        let _ = std::fs::remove_file(self.0.join("options"));
        let pushes = text.split_terminator("--\n");
        pushes
            .map(|push| push.lines().map(str::to_owned).collect())
            .collect()
    }

    /// All merge requests, the oldest first.
    pub fn merge_requests(&self) -> Vec<MergeRequest> {
        let read = |number: usize| {
            let text = std::fs::read_to_string(self.file(number)).ok()?;
            let lines: Vec<&str> = text.lines().collect();
            Some(MergeRequest {
                branch: lines[0].to_owned(),
                is_open: lines[1] == "open",
                target: lines[2].to_owned(),
                title: lines[3].to_owned(),
            })
        };
        (1..).map_while(read).collect()
    }

    /// Closes one, as a person on its page does.
    pub fn close(&self, number: usize) {
        self.set_state(number, "closed");
    }

    /// Says of one that it was merged.
    pub fn set_merged(&self, number: usize) {
        self.set_state(number, "merged");
    }

    fn set_state(&self, number: usize, state: &str) {
        let text = std::fs::read_to_string(self.file(number)).unwrap();
        let text = text.replacen("\nopen\n", &format!("\n{state}\n"), 1);
        std::fs::write(self.file(number), text).unwrap();
    }

    /// Lets the token read the API, not only the repository.
    pub fn allow_api(&self) {
        std::fs::write(self.0.join("read_api"), "").unwrap();
    }

    /// Opens none, for this reason.
    pub fn forbid(&self, why: &str) {
        std::fs::write(self.0.join("forbidden"), format!("{why}\n")).unwrap();
    }

    /// Has the project's settings tell nothing of merge requests.
    pub fn silence(&self) {
        std::fs::write(self.0.join("silent"), "").unwrap();
    }

    fn file(&self, number: usize) -> PathBuf {
        self.0.join(format!("merge-requests/{number}"))
    }
}

/// What the API answers: as to a token that may use the repository alone, unless it may read the API as well.
pub(crate) fn answer(
    root: &Path,
    request: &Parts,
    tokens: &HashMap<String, Rights>,
) -> (StatusCode, String) {
    let token = request.headers.get(AUTHORIZATION);
    let token = token.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if !token.is_some_and(|token| tokens.contains_key(token)) {
        let body = r#"{"message":"401 Unauthorized"}"#;
        return (StatusCode::UNAUTHORIZED, body.to_owned());
    }
    let parts: Vec<&str> = request.uri.path().split('/').collect();
    let [
        "",
        "api",
        "v4",
        "projects",
        project,
        "merge_requests",
        number @ ..,
    ] = &parts[..]
    else {
        let body = r#"{"error":"404 Not Found"}"#;
        return (StatusCode::NOT_FOUND, body.to_owned());
    };
    let project = root.join(format!("{}.git", project.replace("%2F", "/")));
    if !project.join("read_api").exists() {
        let body = r#"{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"api read_api"}"#;
        return (StatusCode::FORBIDDEN, body.to_owned());
    }
    let gitlab = Gitlab(project);
    let told = |number: usize| {
        let text = std::fs::read_to_string(gitlab.file(number)).ok()?;
        let [branch, state, target, ..] = text.lines().collect::<Vec<_>>()[..] else {
            panic!("it has no state");
        };
        Some(json!({
            "iid": number, "title": "x",
            "state": if state == "open" { "opened" } else { state },
            "source_branch": branch, "target_branch": target,
            "source_project_id": 7, "target_project_id": 7,
        }))
    };
    let body = match *number {
        [] => {
            let query = request.uri.query().unwrap_or_default();
            let query: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).collect();
            let all = (1..).map_while(told);
            let found = all.filter(|one| {
                let mut query = query.iter();
                query.all(|(key, value)| one[key.as_ref()] == value.as_ref())
            });
            Some(Json::Array(found.collect()))
        }
        [number] => number.parse().ok().and_then(told),
        _ => None,
    };
    match body {
        Some(body) => (StatusCode::OK, body.to_string()),
        None => {
            let body = r#"{"message":"404 Not found"}"#;
            (StatusCode::NOT_FOUND, body.to_owned())
        }
    }
}
