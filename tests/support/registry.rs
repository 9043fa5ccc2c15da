//! An image registry, as far as its readers see it: the OCI distribution API with the ways of signing on
//! that registries have. What it is sent must be what the real ones take.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value as Json, json};

use super::listen::listen;

/// Who may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignOn {
    /// Everybody.
    None,
    /// With a token, which everybody gets.
    Token,
    /// With a token, for `jimin` and `s3cret`.
    TokenForUsers,
    /// With name and password in every request.
    Basic,
    /// With a token, for `jimin` and `s3cret`; it offers what it does not take in the same header before.
    Several,
}

/// The name and the password of the one user.
pub const USER: (&str, &str) = ("jimin", "s3cret");
const READ_TOKEN: &str = "read-token";
/// When whoever asked too often may come back, by a clock of its own.
const LATER: &str = "date: Wed, 21 Oct 2015 07:28:00 GMT\r\nretry-after: 1\r\n";

struct State {
    sign_on: SignOn,
    /// By path: `acme/web/manifests/v1`, with its type.
    things: HashMap<String, (&'static str, Vec<u8>)>,
    tags: BTreeMap<String, Vec<String>>,
    /// Whether answers to HEAD name the digest.
    names_digests: bool,
    /// What the next requests for manifests are answered.
    refusals: Vec<(u16, Json)>,
    /// What happens before the n-th request for a manifest.
    requests: Vec<String>,
    moves: Option<(usize, String, Vec<u8>)>,
    /// What images are labelled with that are pushed, by their tags.
    labels: HashMap<String, Json>,
}

/// A registry on loopback. It ends with the process.
pub struct Registry {
    host: String,
    state: Arc<Mutex<State>>,
}

impl Registry {
    /// An empty one.
    pub fn start(sign_on: SignOn) -> Self {
        let state = Arc::new(Mutex::new(State {
            sign_on,
            things: HashMap::new(),
            tags: BTreeMap::new(),
            names_digests: true,
            refusals: Vec::new(),
            requests: Vec::new(),
            moves: None,
            labels: HashMap::new(),
        }));
        let shared = Arc::clone(&state);
        let host = listen(move |stream| {
            let host = stream.local_addr().unwrap().to_string();
            serve(stream, &shared, &host);
        });
        Self { host, state }
    }

    /// `127.0.0.1:5000`
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Every request so far: method and path.
    pub fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    /// Has answers to HEAD name no digest.
    pub fn forget_digests(&self) {
        self.state.lock().unwrap().names_digests = false;
    }

    /// Answers the next request for a manifest so.
    pub fn refuse(&self, status: u16, body: Json) {
        self.state.lock().unwrap().refusals.push((status, body));
    }

    /// Labels the image that is pushed with this tag next with what it is built from.
    pub fn label(&self, tag: &str, repository_url: &str, revision: &str) {
        let labels = json!({
            "org.opencontainers.image.source": repository_url,
            "org.opencontainers.image.revision": revision,
        });
        self.state
            .lock()
            .unwrap()
            .labels
            .insert(tag.to_owned(), labels);
    }

    /// Pushes an image of these platforms; several make an index, with an attestation beside them.
    /// Returns its digest.
    pub fn push(&self, repository: &str, tag: &str, platforms: &[&str]) -> String {
        let body = self.image(repository, tag, platforms);
        let digest = sha256(&body);
        let kind = match platforms {
            [_] => "application/vnd.oci.image.manifest.v1+json",
            _ => "application/vnd.oci.image.index.v1+json",
        };
        let mut state = self.state.lock().unwrap();
        for name in [tag, &digest] {
            let path = format!("{repository}/manifests/{name}");
            state.things.insert(path, (kind, body.clone()));
        }
        state
            .tags
            .entry(repository.to_owned())
            .or_default()
            .push(tag.to_owned());
        digest
    }

    /// Pushes another image to a tag before the n-th request for a manifest, counted from 1.
    pub fn push_before(&self, n: usize, repository: &str, tag: &str) {
        let body = self.image(repository, "another", &["linux/amd64"]);
        let path = format!("{repository}/manifests/{tag}");
        self.state.lock().unwrap().moves = Some((n, path, body));
    }

    fn image(&self, repository: &str, seed: &str, platforms: &[&str]) -> Vec<u8> {
        let of = |platform: &str| {
            let parts: Vec<&str> = platform.split('/').collect();
            let mut json = json!({"os": parts[0], "architecture": parts[1]});
            if let Some(variant) = parts.get(2) {
                json["variant"] = (*variant).into();
            }
            json
        };
        if let [platform] = platforms {
            let mut config = of(platform);
            let labels = self.state.lock().unwrap().labels.get(seed).cloned();
            let labels = labels.unwrap_or_else(|| json!({"seed": seed}));
            config["config"] = json!({"Labels": labels});
            let config = config.to_string().into_bytes();
            let digest = sha256(&config);
            let size = config.len();
            let path = format!("{repository}/blobs/{digest}");
            let kind = "application/octet-stream";
            self.state
                .lock()
                .unwrap()
                .things
                .insert(path, (kind, config));
            return json!({
                "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": size},
                "layers": [],
            })
            .to_string()
            .into_bytes();
        }
        let mut manifests: Vec<Json> = platforms
            .iter()
            .map(|platform| {
                json!({
                    "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "digest": sha256(format!("{seed}{platform}").as_bytes()), "size": 1, "platform": of(platform),
                })
            })
            .collect();
        manifests.push(json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": sha256(b"sbom"), "size": 1,
            "platform": {"os": "unknown", "architecture": "unknown"},
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
        }));
        json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests,
        })
        .to_string()
        .into_bytes()
    }
}

/// A digest, as registries write it.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let hex: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

fn serve(stream: TcpStream, state: &Mutex<State>, host: &str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = Vec::new();
    while reader.read_until(b'\n', &mut head).unwrap_or(0) > 0 && !head.ends_with(b"\r\n\r\n") {
        // The beginning of a TLS handshake: no certificate here.
        if head.first() == Some(&0x16) {
            return;
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut words = head.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return;
    };
    let authorization = head
        .lines()
        .find_map(|line| {
            line.split_once(": ")
                .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        })
        .map(|(_, value)| value.to_owned());
    let basic = format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{}:{}", USER.0, USER.1))
    );
    // As a proxy is asked.
    let target = target
        .strip_prefix("http://registry.invalid:5000")
        .unwrap_or(target);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut state = state.lock().unwrap();
    state.requests.push(format!("{method} {path}"));
    let reply = if path == "/token" {
        assert!(
            query.contains("service=registry.test") && query.contains("scope=repository%3A"),
            "{query}"
        );
        let known = authorization.as_deref() == Some(&basic);
        let nobody = authorization.is_none() && state.sign_on == SignOn::Token;
        match known || nobody {
            true => json_reply(200, &json!({"token": READ_TOKEN, "expires_in": 300}), ""),
            false => refusal(401, "UNAUTHORIZED", "authentication required", ""),
        }
    } else {
        let bearer = format!("Bearer {READ_TOKEN}");
        let wanted = match state.sign_on {
            SignOn::None => None,
            SignOn::Token | SignOn::TokenForUsers | SignOn::Several => Some(bearer),
            SignOn::Basic => Some(basic),
        };
        if wanted.is_some() && authorization != wanted {
            let repository = path
                .trim_start_matches("/v2/")
                .split("/manifests")
                .next()
                .unwrap();
            let before = match state.sign_on {
                SignOn::Several => "Negotiate, Basic realm=\"one, two\", ",
                _ => "",
            };
            let challenge = match state.sign_on {
                SignOn::Basic => "Basic realm=\"registry\"".to_owned(),
                _ => format!(
                    "{before}Bearer realm=\"http://{host}/token\",service=\"registry.test\",scope=\"repository:{repository}:pull\""
                ),
            };
            let header = format!("www-authenticate: {challenge}\r\n");
            refusal(401, "UNAUTHORIZED", "authentication required", &header)
        } else {
            found(&mut state, path.trim_start_matches("/v2/"), &head)
        }
    };
    drop(state);
    let (head, body) = reply;
    let mut stream = stream;
    let _ = stream.write_all(head.as_bytes());
    if method != "HEAD" {
        let _ = stream.write_all(&body);
    }
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = reader.read_to_end(&mut Vec::new());
}

type Reply = (String, Vec<u8>);

fn found(state: &mut State, path: &str, head: &str) -> Reply {
    if let Some(repository) = path.strip_suffix("/tags/list") {
        return match state.tags.get(repository) {
            Some(tags) => json_reply(200, &json!({"name": repository, "tags": tags}), ""),
            None => refusal(
                404,
                "NAME_UNKNOWN",
                "repository name not known to registry",
                "",
            ),
        };
    }
    if path.contains("/manifests/") {
        // Who only looks whether TLS is spoken here wants no manifest.
        let is_a_look = head.contains("accept: */*\r\n");
        assert!(
            head.contains("application/vnd.oci.image.index.v1+json") || is_a_look,
            "{head}"
        );
        if !state.refusals.is_empty() {
            let (status, body) = state.refusals.remove(0);
            return json_reply(status, &body, LATER);
        }
        let asked = state
            .requests
            .iter()
            .filter(|request| request.contains("/manifests/"))
            .count();
        if let Some((n, path, body)) = state.moves.clone()
            && asked >= n
        {
            let kind = "application/vnd.oci.image.manifest.v1+json";
            state.things.insert(path, (kind, body));
            state.moves = None;
        }
    }
    match state.things.get(path) {
        Some((kind, body)) => {
            let digest = match state.names_digests && path.contains("/manifests/") {
                true => format!("docker-content-digest: {}\r\n", sha256(body)),
                false => String::new(),
            };
            http(200, kind, &digest, body.clone())
        }
        None => refusal(404, "MANIFEST_UNKNOWN", "manifest unknown", ""),
    }
}

fn refusal(status: u16, code: &str, message: &str, headers: &str) -> Reply {
    json_reply(
        status,
        &json!({"errors": [{"code": code, "message": message, "detail": null}]}),
        headers,
    )
}

fn json_reply(status: u16, body: &Json, headers: &str) -> Reply {
    http(
        status,
        "application/json",
        headers,
        body.to_string().into_bytes(),
    )
}

fn http(status: u16, kind: &str, headers: &str, body: Vec<u8>) -> Reply {
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
        body.len()
    );
    (head, body)
}
