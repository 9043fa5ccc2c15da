//! OpenID Connect, as a job in a workflow meets it: who gives out its ID token, and Argo CD's Dex, which gives out
//! another one in exchange. What they are sent must be what the real ones take.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::argocd::http;
use super::listen::listen;

/// The issuer of ID tokens in GitHub Actions.
pub const ISSUER: &str = "https://token.actions.githubusercontent.com";
/// What the runner gives the job to ask for ID tokens with.
pub const REQUEST_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.request.c2lnbmF0dXJl";
/// Whom the job is, to others.
pub const SUBJECT: &str = "repo:wlals2/blogsite:ref:refs/heads/main";

/// A JSON Web Token with these claims. Nobody here looks at its signature.
pub fn jwt(claims: &Value) -> String {
    let part = |json: &Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": "1"});
    format!("{}.{}.c2lnbmF0dXJl", part(&header), part(claims))
}

/// The claims of a JSON Web Token.
pub fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap_or_default();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap_or_default();
    serde_json::from_slice(&claims).unwrap_or_default()
}

/// What time it is there, as the header `Date` of every answer says: 2026-08-22 10:00:15 UTC.
pub const NOW: u64 = 1_787_392_815;

/// The claims of an ID token of this job, for `audience`; `number` makes it another one.
pub fn job(issuer: &str, subject: &str, audience: &str, number: usize) -> Value {
    json!({
        "iss": issuer, "sub": subject, "aud": audience, "jti": number.to_string(),
        "iat": NOW, "nbf": NOW, "exp": NOW + 300,
    })
}

/// What is answered by whoever is in trouble.
#[derive(Clone)]
pub struct Answer(pub u16, pub String);

/// Gives out ID tokens, as GitHub does where a job has `id-token: write`.
pub struct IdTokens {
    url: String,
    state: Arc<Mutex<Asked>>,
}

#[derive(Default)]
struct Asked {
    refusals: VecDeque<Answer>,
    /// All that it gave out.
    given: Vec<String>,
    /// Path and query of each request.
    requests: Vec<String>,
}

impl IdTokens {
    /// A server on loopback. It ends with the process.
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(Asked::default()));
        let shared = Arc::clone(&state);
        let address = listen(move |stream| give(stream, &shared));
        let url = format!("http://{address}");
        Self { url, state }
    }

    /// What the runner puts into ACTIONS_ID_TOKEN_REQUEST_URL.
    pub fn request_url(&self) -> String {
        format!("{}/8a3f/idtoken/42?api-version=2.0", self.url)
    }

    /// Its host.
    pub fn host(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// The next request is answered so.
    pub fn refuse(&self, answer: Answer) {
        self.state.lock().unwrap().refusals.push_back(answer);
    }

    /// All that it gave out.
    pub fn given(&self) -> Vec<String> {
        self.state.lock().unwrap().given.clone()
    }

    /// Path and query of each request.
    pub fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }
}

fn give(mut stream: TcpStream, state: &Mutex<Asked>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let head = head(&mut reader);
    let Some(target) = head
        .strip_prefix("GET ")
        .and_then(|rest| rest.split(' ').next())
    else {
        assert!(head.is_empty(), "{head}");
        return;
    };
    let mut state = state.lock().unwrap();
    state.requests.push(target.to_owned());
    let asks = header(&head, "authorization");
    let (path, query) = target.split_once('?').unwrap();
    let query: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let reply = if let Some(Answer(status, body)) = state.refusals.pop_front() {
        http(status, "application/json", "", &body)
    } else if asks != Some(format!("Bearer {REQUEST_TOKEN}")) {
        http(
            401,
            "application/json",
            "",
            "{\"message\": \"Unauthorized\"}",
        )
    } else {
        assert_eq!(
            (path, query["api-version"].as_str()),
            ("/8a3f/idtoken/42", "2.0")
        );
        let number = state.given.len();
        let mut claims = job(ISSUER, SUBJECT, &query["audience"], number);
        claims["iat"] = (NOW + number as u64).into();
        let token = jwt(&claims);
        state.given.push(token.clone());
        let answer = json!({"count": token.len(), "value": token});
        http(
            200,
            "application/json; charset=utf-8; api-version=2.0",
            "",
            &answer.to_string(),
        )
    };
    let _ = stream.write_all(reply.as_bytes());
}

/// Argo CD's Dex with one connector, and what it was asked.
#[derive(Clone)]
pub struct Dex(Arc<Mutex<State>>);

struct State {
    connector: &'static str,
    issuer: String,
    /// The audience that must be in an ID token. The real one takes any.
    audience: Option<&'static str>,
    /// How long its tokens last, in seconds.
    life: u64,
    /// What it says of that, where that is something else.
    expires_in: Option<Value>,
    refusals: VecDeque<Answer>,
    given: Vec<String>,
    /// How many of them count no more, the first ones.
    forgotten: usize,
    /// Whether Argo CD takes them.
    is_trusted: bool,
    forms: Vec<BTreeMap<String, String>>,
}

impl Dex {
    /// With a connector for GitHub's issuer, as the documentation has it.
    pub fn new(connector: &'static str) -> Self {
        Self(Arc::new(Mutex::new(State {
            connector,
            issuer: ISSUER.to_owned(),
            audience: None,
            life: 86_400,
            expires_in: None,
            refusals: VecDeque::new(),
            given: Vec::new(),
            forgotten: 0,
            is_trusted: true,
            forms: Vec::new(),
        })))
    }

    /// Its connector is for another issuer.
    pub fn set_issuer(&self, issuer: &str) {
        self.0.lock().unwrap().issuer = issuer.to_owned();
    }

    /// It takes ID tokens for this audience alone.
    pub fn set_audience(&self, audience: &'static str) {
        self.0.lock().unwrap().audience = Some(audience);
    }

    /// How long its tokens last.
    pub fn set_life(&self, seconds: u64) {
        self.0.lock().unwrap().life = seconds;
    }

    /// What it says of how long they last, in place of the truth.
    pub fn set_expires_in(&self, value: Value) {
        self.0.lock().unwrap().expires_in = Some(value);
    }

    /// Argo CD does not take its tokens, as with `oidc.config`.
    pub fn distrust(&self) {
        self.0.lock().unwrap().is_trusted = false;
    }

    /// The next exchange is answered so.
    pub fn refuse(&self, answer: Answer) {
        self.0.lock().unwrap().refusals.push_back(answer);
    }

    /// It starts again, with new keys: what it gave out before counts no more.
    pub fn restart(&self) {
        let mut state = self.0.lock().unwrap();
        state.forgotten = state.given.len();
    }

    /// Argo CD takes none of what it gave out, nor of the next ones.
    pub fn spoil(&self, next: usize) {
        let mut state = self.0.lock().unwrap();
        state.forgotten = state.given.len() + next;
    }

    /// Whether Argo CD takes a token.
    pub fn is_valid(&self, token: &str) -> bool {
        let state = self.0.lock().unwrap();
        let mut valid = state.given.iter().skip(state.forgotten);
        state.is_trusted && valid.any(|given| given == token)
    }

    /// All that it gave out.
    pub fn given(&self) -> Vec<String> {
        self.0.lock().unwrap().given.clone()
    }

    /// The form of each request.
    pub fn forms(&self) -> Vec<BTreeMap<String, String>> {
        self.0.lock().unwrap().forms.clone()
    }
}

/// What `POST` is answered. Without a Dex it is a file that is not there.
pub(super) fn exchanged(
    dex: Option<&Dex>,
    head: &str,
    reader: &mut BufReader<TcpStream>,
) -> String {
    let length = header(head, "content-length").and_then(|text| text.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    let Some(dex) = dex else {
        return http(404, "text/plain; charset=utf-8", "", "404 page not found\n");
    };
    assert!(
        head.starts_with("POST /api/dex/token HTTP/1.1\r\n"),
        "{head}"
    );
    let kind = header(head, "content-type");
    assert_eq!(kind.as_deref(), Some("application/x-www-form-urlencoded"));
    let form: BTreeMap<_, _> = form_urlencoded::parse(&body).into_owned().collect();
    let mut state = dex.0.lock().unwrap();
    state.forms.push(form.clone());
    let (status, body) = match state.refusals.pop_front() {
        Some(Answer(303, to)) => {
            return http(303, "application/json", &format!("location: {to}\r\n"), "");
        }
        Some(Answer(status, body)) if body.starts_with('<') => {
            return http(status, "text/html", "", &body);
        }
        Some(Answer(status, body)) => (status, body),
        None => state.answer(header(head, "authorization").as_deref(), &form),
    };
    http(status, "application/json", "", &body)
}

impl State {
    /// As `server/grants` of dexidp/dex does.
    fn answer(&mut self, client: Option<&str>, form: &BTreeMap<String, String>) -> (u16, String) {
        const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
        const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        let no = |status, error: &str, description: &str| {
            let mut problem = json!({ "error": error });
            if !description.is_empty() {
                problem["error_description"] = description.into();
            }
            (status, problem.to_string())
        };
        if field("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange" {
            return no(400, "unsupported_grant_type", "");
        }
        if client != Some(&format!("Basic {}", BASE64_STANDARD.encode("argo-cd-cli:"))) {
            return no(401, "invalid_client", "Invalid client credentials.");
        }
        if field("connector_id") != self.connector {
            return no(
                400,
                "invalid_request",
                "Requested connector does not exist.",
            );
        }
        if (field("subject_token_type"), field("requested_token_type")) != (ID_TOKEN, ACCESS_TOKEN)
        {
            return no(400, "request_not_supported", "Invalid subject_token_type.");
        }
        let id = claims(field("subject_token"));
        let is_for_us = self.audience.is_none_or(|audience| id["aud"] == *audience);
        let is_over = id["exp"].as_u64().is_none_or(|end| end <= NOW);
        if id["iss"] != self.issuer.as_str() || is_over || !is_for_us {
            return no(401, "access_denied", "");
        }
        let user = id["sub"].as_str().unwrap();
        let own = BASE64_STANDARD_NO_PAD.encode(format!("\n{user}\u{12}{}", self.connector));
        let mut claims = json!({
            "iss": "https://argocd.example.com/api/dex", "sub": own, "aud": "argo-cd-cli",
            "iat": NOW, "exp": NOW + self.life, "at_hash": self.given.len().to_string(), "name": user,
        });
        if field("scope")
            .split(' ')
            .any(|scope| scope == "federated:id")
        {
            claims["federated_claims"] = json!({"connector_id": self.connector, "user_id": user});
        }
        let token = jwt(&claims);
        self.given.push(token.clone());
        let expires_in = self.expires_in.clone();
        let answer = json!({
            "access_token": token, "issued_token_type": ACCESS_TOKEN, "token_type": "bearer",
            "expires_in": expires_in.unwrap_or_else(|| self.life.into()),
        });
        (200, answer.to_string())
    }
}

/// A request up to its body.
fn head(reader: &mut BufReader<TcpStream>) -> String {
    let mut head = String::new();
    while reader.read_line(&mut head).unwrap_or(0) > 0 && !head.ends_with("\r\n\r\n") {}
    head
}

/// A header's value.
pub(super) fn header(head: &str, name: &str) -> Option<String> {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    let found = fields.find(|(own, _)| own.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.to_owned())
}
