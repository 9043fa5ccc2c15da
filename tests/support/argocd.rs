//! Argo CD's API, as a script plays it: each look at the application gets the next state, and the
//! last one stays. What it is sent must be what the real one takes.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::listen::listen;
use super::oidc::Dex;

/// The token that it takes.
pub const ARGOCD_TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.argocd-test.c2lnbmF0dXJl";

/// What a Rollout says that was given up.
const ABORTED: &str =
    "RolloutAborted: Rollout aborted update to revision 2: Metric errors assessed Failed";

/// What one look at the application is answered.
pub enum Reply {
    /// The application, as this says.
    App(App),
    /// A refusal in Argo CD's form.
    Refused(u16, &'static str),
    /// A page of some proxy.
    Page(u16),
    /// A redirect.
    Redirect(&'static str),
    /// The connection ends without a byte.
    Drop,
    /// Nothing, for a long time.
    Silence,
}

/// An application's state, from which its JSON is made.
#[derive(Clone)]
pub struct App(pub Value);

type Step = Box<dyn Fn() -> Reply + Send>;

struct Script {
    steps: VecDeque<Step>,
    refresh: Duration,
    tree: Value,
    windows: Value,
    /// The images of every object in the cluster, where they are shown.
    live: Option<Vec<&'static str>>,
    /// What gives out tokens, where it has one.
    dex: Option<Dex>,
    /// Path and query of each request.
    requests: Vec<String>,
}

/// A server on loopback. It ends with the process.
pub struct ArgoCd {
    url: String,
    script: Arc<Mutex<Script>>,
}

impl ArgoCd {
    /// Plays `steps`, of which each is asked for what it answers at the moment it is due.
    pub fn play(steps: Vec<Step>) -> Self {
        let script = Arc::new(Mutex::new(Script {
            steps: steps.into(),
            refresh: Duration::ZERO,
            tree: json!({"nodes": []}),
            windows: json!({"canSync": true}),
            live: None,
            dex: None,
            requests: Vec::new(),
        }));
        let shared = Arc::clone(&script);
        let address = listen(move |stream| serve(stream, &shared));
        let url = format!("http://{address}");
        Self { url, script }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Has a Dex, whose tokens it takes as well.
    pub fn with_dex(self, dex: &Dex) -> Self {
        self.script.lock().unwrap().dex = Some(dex.clone());
        self
    }

    /// How long it takes to refresh.
    pub fn set_refresh(&self, time: Duration) {
        self.script.lock().unwrap().refresh = time;
    }

    /// What belongs to the application in the cluster.
    pub fn set_tree(&self, nodes: Value) {
        self.script.lock().unwrap().tree = json!({ "nodes": nodes });
    }

    /// Whether a sync window denies to sync now. Syncs by hand stay allowed.
    pub fn set_window_denies(&self, denies: bool) {
        let window =
            json!({"kind": "deny", "schedule": "0 8 * * *", "duration": "8h", "manualSync": true});
        let windows = match denies {
            true => {
                json!({"canSync": true, "activeWindows": [window], "assignedWindows": [window]})
            }
            false => json!({"canSync": true, "assignedWindows": [window]}),
        };
        self.script.lock().unwrap().windows = windows;
    }

    /// What containers every object has in the cluster.
    pub fn set_live(&self, images: &[&'static str]) {
        self.script.lock().unwrap().live = Some(images.to_vec());
    }

    /// Path and query of every request so far.
    pub fn requests(&self) -> Vec<String> {
        self.script.lock().unwrap().requests.clone()
    }
}

fn serve(stream: TcpStream, script: &Mutex<Script>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while reader.read_line(&mut head).unwrap_or(0) > 0 && !head.ends_with("\r\n\r\n") {}
    let dex = script.lock().unwrap().dex.clone();
    if head.starts_with("POST ") {
        let reply = super::oidc::exchanged(dex.as_ref(), &head, &mut reader);
        let mut stream = stream;
        let _ = stream.write_all(reply.as_bytes());
        return;
    }
    let Some(target) = head
        .strip_prefix("GET ")
        .and_then(|rest| rest.split(' ').next())
    else {
        // Nothing but reads is asked of it; a connection that was only opened is none.
        assert!(head.is_empty(), "{head}");
        return;
    };
    let token = super::oidc::header(&head, "authorization");
    let token = token.and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned));
    let authorized = token
        .is_some_and(|token| token == ARGOCD_TOKEN || dex.is_some_and(|dex| dex.is_valid(&token)));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let refresh = query.split('&').any(|pair| pair == "refresh=normal");
    let mut held = script.lock().unwrap();
    held.requests.push(target.to_owned());
    let reply = if !authorized {
        refusal(401, 16, "invalid session: token signature is invalid")
    } else if path.ends_with("/resource-tree") {
        json_reply(200, &held.tree)
    } else if path.ends_with("/resource") {
        match &held.live {
            Some(images) => {
                let containers: Vec<Value> =
                    images.iter().map(|image| json!({"image": image})).collect();
                let manifest = json!({"spec": {"template": {"spec": {"containers": containers}}}});
                json_reply(200, &json!({"manifest": manifest.to_string()}))
            }
            None => refusal(403, 7, "permission denied"),
        }
    } else if path.ends_with("/syncwindows") {
        json_reply(200, &held.windows)
    } else if refresh {
        // The state that it answers is the one of the next look.
        let wait = held.refresh;
        drop(held);
        thread::sleep(wait);
        held = script.lock().unwrap();
        let reply = held.steps.front().unwrap()();
        rendered(&reply)
    } else {
        let reply = held.steps.front().unwrap()();
        if held.steps.len() > 1 {
            held.steps.pop_front();
        }
        rendered(&reply)
    };
    drop(held);
    let Some(reply) = reply else { return };
    if reply.is_empty() {
        thread::sleep(Duration::from_secs(300));
    }
    let mut stream = stream;
    let _ = stream.write_all(reply.as_bytes());
    let _ = stream.flush();
    // The client reads to the end.
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = reader.read_to_end(&mut Vec::new());
}

fn rendered(reply: &Reply) -> Option<String> {
    match reply {
        Reply::App(app) => json_reply(200, &app.0),
        Reply::Refused(status, message) => {
            let code = match status {
                401 => 16,
                403 => 7,
                404 => 5,
                _ => 2,
            };
            refusal(*status, code, message)
        }
        Reply::Page(status) => Some(http(*status, "text/html", "", "<html>Sign in</html>")),
        Reply::Redirect(to) => Some(http(307, "text/html", &format!("location: {to}\r\n"), "")),
        Reply::Drop => None,
        // Held back outside of the lock.
        Reply::Silence => Some(String::new()),
    }
}

fn refusal(status: u16, code: u16, message: &str) -> Option<String> {
    json_reply(
        status,
        &json!({"error": message, "code": code, "message": message}),
    )
}

fn json_reply(status: u16, body: &Value) -> Option<String> {
    Some(http(status, "application/json", "", &body.to_string()))
}

pub(super) fn http(status: u16, kind: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} x\r\ndate: Sat, 22 Aug 2026 10:00:15 GMT\r\ncontent-type: {kind}\r\n\
         content-length: {}\r\nconnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
}

impl App {
    /// Synced and healthy at `revision`, which an operation applied; running `images`.
    pub fn healthy(repository: &str, revision: &str, images: &[&str]) -> Self {
        Self(json!({
            "metadata": {"name": "blog", "namespace": "argocd", "resourceVersion": "631547887"},
            "spec": {
                "project": "default",
                "source": {"repoURL": repository, "path": "blog-system", "targetRevision": "main"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": "blog"},
                "syncPolicy": {"automated": {"prune": true, "selfHeal": true}, "retry": {"limit": 5}},
            },
            "status": {
                "reconciledAt": "2026-08-22T10:00:12Z",
                "sync": {"status": "Synced", "revision": revision},
                "health": {"status": "Healthy", "lastTransitionTime": "2026-08-22T10:00:10Z"},
                "operationState": {
                    "phase": "Succeeded",
                    "message": "successfully synced (all tasks run)",
                    "startedAt": "2026-08-22T10:00:03Z",
                    "finishedAt": "2026-08-22T10:00:05Z",
                    "operation": {"initiatedBy": {"automated": true}, "sync": {"revision": revision}},
                    "syncResult": {"revision": revision},
                },
                "resources": [
                    {"group": "argoproj.io", "kind": "Rollout", "namespace": "blog", "name": "web",
                     "status": "Synced", "health": {"status": "Healthy"}},
                    {"kind": "Service", "namespace": "blog", "name": "web", "status": "Synced"},
                ],
                "conditions": null,
                "summary": {"images": images},
            },
        }))
    }

    /// The same with a value at a JSON pointer; `null` takes it away.
    pub fn with(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = self
            .0
            .pointer_mut(parent)
            .unwrap_or_else(|| panic!("{pointer}"));
        parent
            .as_object_mut()
            .unwrap()
            .insert(key.to_owned(), value.into());
        self
    }

    /// With this health of the application and of its Rollout.
    pub fn health(self, status: &str) -> Self {
        let mut app = self.with("/status/health/status", status);
        app.0["status"]["resources"][0]["health"] = match status {
            // One that is final: others must last for a minute.
            "Degraded" => json!({"status": status, "message": ABORTED}),
            _ => json!({"status": status}),
        };
        app
    }

    /// While an operation applies `revision`.
    pub fn syncing(self, revision: &str) -> Self {
        let mut app = self.out_of_sync();
        app.0["operation"] = json!({"sync": {"revision": revision}});
        app.0["status"]["operationState"] = json!({
            "phase": "Running", "message": "one or more tasks are running",
            "startedAt": "2026-08-22T10:00:03Z",
            "operation": {"sync": {"revision": revision}},
        });
        app
    }

    /// With its Rollout, and so itself, out of sync.
    pub fn out_of_sync(self) -> Self {
        let mut app = self.with("/status/sync/status", "OutOfSync");
        app.0["status"]["resources"][0]["status"] = "OutOfSync".into();
        app
    }
}
