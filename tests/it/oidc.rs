//! `argocd-oidc-connector`: the job logs in to Argo CD with its ID token, and no secret is stored. Against servers
//! of the true shape, which take what the real ones take.

use std::sync::Once;

use serde_json::json;

use crate::support::oidc::{Answer, Dex, ISSUER, IdTokens, NOW, REQUEST_TOKEN, SUBJECT, job, jwt};
use crate::support::{
    ARGOCD_TOKEN, Action, App, ArgoCd, GitServer, Outcome, Reply, Repository, TOKEN, Via,
};

const FILE: &str = "web.yaml";
const MANIFEST: &str =
    "kind: Deployment\nspec:\n  containers:\n  - name: web\n    image: acme/web:v1\n";
const CONNECTOR: &str = "github-actions";
const GITLAB: &str = "https://gitlab.example.com";

/// An ID token that was made when the job started, and lasts.
fn handed_over(issuer: &str, subject: &str) -> String {
    let mut claims = job(issuer, subject, "x", 1);
    claims["exp"] = 4_000_000_000_u64.into();
    jwt(&claims)
}

type Steps = Vec<Box<dyn Fn() -> Reply + Send>>;

/// A repository, and whoever gives out tokens.
struct World {
    _server: GitServer,
    repository: Repository,
    id_tokens: IdTokens,
    dex: Dex,
}

impl World {
    fn new() -> Self {
        let server = GitServer::start();
        let repository = server.repository_with("acme/deploy", FILE, MANIFEST);
        Self {
            _server: server,
            repository,
            id_tokens: IdTokens::start(),
            dex: Dex::new(CONNECTOR),
        }
    }

    /// Runs the tip, healthy.
    fn healthy(&self) -> Box<dyn Fn() -> Reply + Send> {
        let (url, tip) = (
            self.repository.url().to_owned(),
            self.repository.tip("main"),
        );
        Box::new(move || Reply::App(App::healthy(&url, &tip, &["acme/web:v1"])))
    }

    /// Is not where it should be.
    fn behind(&self) -> Box<dyn Fn() -> Reply + Send> {
        let (url, old) = (self.repository.url().to_owned(), "0".repeat(40));
        Box::new(move || Reply::App(App::healthy(&url, &old, &["acme/web:v0"])))
    }

    /// Is not where it should be, while Dex starts again, which for a moment answers so.
    fn restarting(&self, trouble: &'static [u16]) -> Box<dyn Fn() -> Reply + Send> {
        let (dex, behind, once) = (self.dex.clone(), self.behind(), Once::new());
        Box::new(move || {
            // A refresh sees the same state as the next look.
            once.call_once(|| {
                dex.restart();
                for status in trouble {
                    dex.refuse(Answer(*status, String::new()));
                }
            });
            behind()
        })
    }

    fn argocd(&self, steps: Steps) -> ArgoCd {
        ArgoCd::play(steps).with_dex(&self.dex)
    }

    /// A step of no job that may have an ID token.
    fn step(&self, argocd: &ArgoCd) -> Action {
        Action::new()
            .input("operation", "verify")
            .over(Via::Git, &self.repository)
            .input("file", FILE)
            .input("token", TOKEN)
            .input("argocd-server", argocd.url())
            .input("argocd-oidc-connector", CONNECTOR)
            .input("argocd-application", "blog")
            .input("verify-timeout", "60")
    }

    /// A step of a job with `id-token: write`.
    fn verify(&self, argocd: &ArgoCd) -> Action {
        self.step(argocd)
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", self.id_tokens.request_url())
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN)
    }

    /// A step of a job in GitLab CI.
    fn verify_in_gitlab(&self, argocd: &ArgoCd, id_token: &str) -> Action {
        self.step(argocd)
            .without_env("GITHUB_ACTIONS")
            .env("ARGOCD_ID_TOKEN", id_token)
    }

    fn scrub(&self, argocd: &ArgoCd, text: &str) -> String {
        let tip = self.repository.tip("main");
        text.replace(argocd.url(), "ARGOCD_URL")
            .replace(argocd.url().trim_start_matches("http://"), "ARGOCD")
            .replace(self.id_tokens.host(), "ID_TOKENS")
            .replace(&tip[..7], "COMMIT")
    }

    /// The annotation of a failed step, with its title.
    fn told(&self, argocd: &ArgoCd, outcome: &Outcome) -> String {
        let annotations = outcome.annotations();
        let mut errors = annotations.iter().filter(|one| one.level == "error");
        let error = errors.next().unwrap_or_else(|| panic!("{}", outcome.log()));
        let text = format!("{}: {}", error.properties["title"], error.message);
        self.scrub(argocd, &text)
    }
}

/// All that a person or a later step sees, but for what tells the runner what to mask.
fn shown(outcome: &Outcome) -> String {
    let is_mask = |line: &&str| line.starts_with("::add-mask::");
    let log: Vec<&str> = outcome
        .stdout
        .lines()
        .filter(|line| !is_mask(line))
        .collect();
    let outputs: Vec<&str> = outcome.outputs.values().map(String::as_str).collect();
    [
        &log.join("\n"),
        &outcome.stderr,
        &outputs.join("\n"),
        &outcome.summary,
    ]
    .map(String::as_str)
    .join("\n")
}

#[test]
fn a_job_signs_on_with_its_id_token() {
    let world = World::new();
    let argocd = world.argocd(vec![world.behind(), world.behind(), world.healthy()]);
    let outcome = world.verify(&argocd).run().succeeded();
    assert_eq!(outcome.output("health-status"), "Healthy");

    // Once each, and the ID token is for this Argo CD alone.
    let asked = world.id_tokens.requests();
    let audience = argocd.url().replace(':', "%3A").replace('/', "%2F");
    assert_eq!(
        asked,
        [format!(
            "/8a3f/idtoken/42?api-version=2.0&audience={audience}"
        )]
    );
    let forms = world.dex.forms();
    let [form] = &forms[..] else {
        panic!("{} exchanges", forms.len())
    };
    let [id_token] = &world.id_tokens.given()[..] else {
        panic!("one ID token")
    };
    let expected = [
        ("connector_id", CONNECTOR),
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
        ("scope", "openid email profile federated:id"),
        ("subject_token", id_token),
        (
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:id_token",
        ),
    ];
    let form: Vec<_> = form
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(form, expected);

    // The runner hears of each before anything is printed.
    let shown = shown(&outcome);
    let masks = outcome.masks();
    for secret in [REQUEST_TOKEN, id_token, &world.dex.given()[0]] {
        assert!(masks.contains(&secret.to_owned()), "{masks:?}");
        assert!(!shown.contains(secret), "{shown}");
    }
    let log = &outcome.stdout;
    let first = log.find("blog: Synced").unwrap();
    assert!(log.find(&world.dex.given()[0]).unwrap() < first, "{log}");
}

#[test]
fn what_servers_say_shows_no_token() {
    let world = World::new();
    let argocd = world.argocd(vec![world.healthy()]);
    let id_token = handed_over(GITLAB, SUBJECT);
    // Also where what is said is cut in the middle of it.
    for before in ["no: ", &"no ".repeat(90)] {
        let said = format!("{before}{id_token} {}", "why ".repeat(1_000));
        let told = json!({"error": "invalid_request", "error_description": said});
        world.dex.refuse(Answer(400, told.to_string()));
        let outcome = world.verify_in_gitlab(&argocd, &id_token).run().failed();
        let shown = shown(&outcome);
        assert!(
            shown.contains("HTTP 400: no") && shown.contains("***"),
            "{shown}"
        );
        assert!(!shown.contains(&id_token[..20]), "{shown}");
        assert!(!shown.contains(&"why ".repeat(100)), "{shown}");
    }
}

#[test]
fn nothing_is_asked_before_argo_cd_is() {
    let world = World::new();
    let argocd = world.argocd(vec![world.healthy()]);
    let update = || {
        world
            .verify(&argocd)
            .input("operation", "update")
            .input("image", "acme/web:v2")
    };
    update().input("dry-run", "true").run().succeeded();
    // The inputs are wrong, or there is no such commit.
    update().input("image", "acme/other:v2").run().failed();
    world
        .verify(&argocd)
        .input("commit", "0123456")
        .run()
        .failed();
    // A token that is given is what is asked with.
    let stored = world.verify(&argocd).input("argocd-oidc-connector", "");
    stored.input("argocd-token", ARGOCD_TOKEN).run().succeeded();
    assert_eq!(world.id_tokens.requests(), Vec::<String>::new());
    assert_eq!(world.dex.forms().len(), 0);
}

#[test]
fn a_job_elsewhere_hands_its_id_token_over() {
    let world = World::new();
    world.dex.set_issuer(GITLAB);
    let argocd = world.argocd(vec![world.healthy()]);
    let id_token = handed_over(GITLAB, "project_path:acme/web:ref_type:branch:ref:main");
    let outcome = world.verify_in_gitlab(&argocd, &id_token).run().succeeded();
    assert_eq!(world.dex.forms()[0]["subject_token"], id_token);
    assert_eq!(world.id_tokens.requests(), Vec::<String>::new());
    // No runner hears what it is to mask, and so nobody tells.
    for secret in [&id_token, &world.dex.given()[0]] {
        assert!(!outcome.log().contains(secret), "{}", outcome.log());
    }
    // In a workflow, the one that can be renewed counts.
    world.dex.set_issuer(ISSUER);
    let both = world.verify(&argocd).env("ARGOCD_ID_TOKEN", &id_token);
    both.run().succeeded();
    assert_eq!(
        world.dex.forms()[1]["subject_token"],
        world.id_tokens.given()[0]
    );
}

#[test]
fn a_token_that_ends_before_the_wait_is_renewed_ahead() {
    let world = World::new();
    world.dex.set_life(2);
    let dex = world.dex.clone();
    let healthy = world.healthy();
    let behind = world.behind();
    let argocd = world.argocd(vec![Box::new(move || match dex.given().len() {
        0 | 1 => behind(),
        _ => healthy(),
    })]);
    let outcome = world.verify(&argocd).run().succeeded();
    // Each exchange takes an ID token of its own.
    let (given, taken) = (world.dex.given(), world.id_tokens.given());
    assert!(
        given.len() >= 2 && given.len() == taken.len(),
        "{}",
        given.len()
    );
    assert!(
        given
            .iter()
            .chain(&taken)
            .all(|token| outcome.masks().contains(token))
    );
    assert!(!outcome.log().contains("HTTP 401"), "{}", outcome.log());
}

#[test]
fn a_token_that_counts_no_more_is_replaced_once() {
    let world = World::new();
    let argocd = world.argocd(vec![world.behind(), world.restarting(&[]), world.healthy()]);
    let outcome = world.verify(&argocd).run().succeeded();
    assert_eq!(world.dex.forms().len(), 2, "{}", outcome.log());

    // While Dex starts again it has trouble, which passes.
    let world = World::new();
    let argocd = world.argocd(vec![
        world.behind(),
        world.restarting(&[502, 502]),
        world.healthy(),
    ]);
    let log = world.verify(&argocd).run().succeeded().shown_log();
    assert!(
        log.contains("/api/dex/token answered HTTP 502. Asking again"),
        "{log}"
    );
}

#[test]
fn tokens_that_were_taken_and_are_no_more_are_tried_again() {
    let world = World::new();
    let (dex, behind, once) = (world.dex.clone(), world.behind(), Once::new());
    let argocd = world.argocd(vec![
        world.behind(),
        Box::new(move || {
            once.call_once(|| dex.spoil(3));
            behind()
        }),
        world.healthy(),
    ]);
    let log = world.verify(&argocd).run().succeeded().shown_log();
    let refused = "HTTP 401: invalid session: token signature is invalid. Asking again";
    assert_eq!(log.matches(refused).count(), 1, "{log}");
    assert!(!log.contains("oidc.config"), "{log}");

    // Until the time is over.
    let world = World::new();
    let (dex, behind) = (world.dex.clone(), world.behind());
    let argocd = world.argocd(vec![
        world.behind(),
        Box::new(move || {
            dex.distrust();
            behind()
        }),
    ]);
    let verify = world.verify(&argocd).input("verify-timeout", "3");
    insta::assert_snapshot!(world.told(&argocd, &verify.run().failed()), @"
    Argo CD refused the token: ARGOCD answered HTTP 401: invalid session: token signature is invalid. Argo CD took this job's tokens before, and takes none now. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    Argo CD or its Dex was changed meanwhile, or does not run as it should: the log of `argocd-server` has the reason (`Failed to verify session token`).
    ");
}

#[test]
fn a_token_whose_time_is_over_is_told_as_that() {
    let world = World::new();
    let argocd = world.argocd(vec![Box::new(|| {
        Reply::Refused(
            401,
            "invalid session: token has invalid claims: token is expired",
        )
    })]);
    let stored = world.verify(&argocd).input("argocd-oidc-connector", "");
    let stored = stored.input("argocd-token", ARGOCD_TOKEN);
    let told =
        [world.verify(&argocd), stored].map(|action| world.told(&argocd, &action.run().failed()));
    insta::assert_snapshot!(told.join("\n\n"), @"
    Argo CD refused the token: ARGOCD answered HTTP 401: invalid session: token has invalid claims: token is expired. Its Dex has given that token out a moment ago. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    The clocks of `argocd-dex-server` and `argocd-server` differ, or `expiry.idTokens` in `dex.config` lets tokens last for next to no time.

    Argo CD refused the token: ARGOCD answered HTTP 401: invalid session: token has invalid claims: token is expired. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    The time of `argocd-token` is over: make a new one. A project role's token lasts: `argocd proj role create-token PROJECT ROLE`; an account's is made by `argocd account generate-token`.
    ");
}

#[test]
fn who_is_refused_until_the_time_is_over_is_told_what_that_means() {
    let world = World::new();
    let steps = || -> Steps {
        vec![
            world.behind(),
            Box::new(|| Reply::Refused(403, "permission denied")),
        ]
    };
    let told = [true, false].map(|by_job| {
        let argocd = world.argocd(steps());
        let verify = world.verify(&argocd).input("verify-timeout", "2");
        let verify = match by_job {
            true => verify,
            false => verify
                .input("argocd-oidc-connector", "")
                .input("argocd-token", ARGOCD_TOKEN),
        };
        world.told(&argocd, &verify.run().failed())
    });
    insta::assert_snapshot!(told.join("\n\n"), @"
    The application was not found: The application blog went away while this step waited for it: ARGOCD answered HTTP 403: permission denied.
    Somebody deleted it, or took the right to see it from this job. The job needs `applications, get` on it, in `policy.csv` of the ConfigMap `argocd-rbac-cm`, with the application's project in place of PROJECT: `p, repo:wlals2/blogsite:ref:refs/heads/main, applications, get, PROJECT/blog, allow`. Before Argo CD 3.0, the subject is `CnJlcG86d2xhbHMyL2Jsb2dzaXRlOnJlZjpyZWZzL2hlYWRzL21haW4SZ2l0aHViLWFjdGlvbnM`.

    The application was not found: The application blog went away while this step waited for it: ARGOCD answered HTTP 403: permission denied.
    Somebody deleted it, or took the right to see it from the token.
    ");
}

#[test]
fn a_refusal_of_dex_in_the_middle_is_in_the_log_once() {
    let world = World::new();
    let (dex, behind) = (world.dex.clone(), world.behind());
    let argocd = world.argocd(vec![
        world.behind(),
        Box::new(move || {
            dex.restart();
            dex.set_issuer(GITLAB);
            behind()
        }),
    ]);
    let verify = world.verify(&argocd).input("verify-timeout", "4");
    let log = verify.run().failed().shown_log();
    assert!(world.dex.forms().len() > 2, "{log}");
    let refused = "HTTP 401: access_denied. Asking again";
    assert_eq!(log.matches(refused).count(), 1, "{log}");
}

#[test]
fn after_a_final_no_nothing_more_is_asked() {
    let refusals: [&dyn Fn(&World); 3] = [
        &|world| world.dex.set_issuer(GITLAB),
        &|world| {
            let no = r#"{"error":"unsupported_grant_type"}"#.to_owned();
            world.dex.refuse(Answer(400, no));
        },
        &|world| world.id_tokens.refuse(Answer(403, "{}".to_owned())),
    ];
    for prepare in refusals {
        let world = World::new();
        prepare(&world);
        let argocd = world.argocd(vec![world.healthy()]);
        let outcome = world.verify(&argocd).run().failed();
        assert_eq!(world.id_tokens.requests().len(), 1, "{}", outcome.log());
        assert!(world.dex.forms().len() <= 1, "{}", outcome.log());
        let masks = outcome.masks();
        let given = world.id_tokens.given();
        assert!(given.iter().all(|token| masks.contains(token)), "{masks:?}");
    }
}

#[test]
fn a_token_whose_life_is_told_oddly_is_taken_and_lasts_as_it_says_itself() {
    for odd in [json!(86_399.5), json!("86399"), json!(-1), json!(null)] {
        let world = World::new();
        world.dex.set_life(2);
        world.dex.set_expires_in(odd.clone());
        let (dex, healthy, behind) = (world.dex.clone(), world.healthy(), world.behind());
        let argocd = world.argocd(vec![Box::new(move || match dex.given().len() {
            0 | 1 => behind(),
            _ => healthy(),
        })]);
        let outcome = world.verify(&argocd).run().succeeded();
        let (given, masks) = (world.dex.given(), outcome.masks());
        assert!(given.len() >= 2, "{odd}");
        assert!(given.iter().all(|token| masks.contains(token)), "{odd}");
    }
}

#[test]
fn a_fresh_token_that_is_refused_is_refused_for_good() {
    let world = World::new();
    world.dex.distrust();
    let argocd = world.argocd(vec![world.healthy()]);
    let outcome = world.verify(&argocd).run().failed();
    assert_eq!(world.dex.forms().len(), 1, "{}", outcome.log());
    insta::assert_snapshot!(world.told(&argocd, &outcome), @"
    Argo CD refused the token: ARGOCD answered HTTP 401: invalid session: token signature is invalid, though Dex has given out the token a moment ago. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    With `oidc.config` in its ConfigMap `argocd-cm`, Argo CD takes the tokens of that provider alone, and none of Dex's: then give an `argocd-token`. Else the log of `argocd-server` has the reason (`Failed to verify session token`).
    ");
}

#[test]
fn a_job_without_rights_is_told_the_line_that_gives_them() {
    let world = World::new();
    let denied = || -> Box<dyn Fn() -> Reply + Send> {
        Box::new(|| Reply::Refused(403, "permission denied"))
    };
    let argocd = world.argocd(vec![denied()]);
    let by = |action: Action| world.told(&argocd, &action.run().failed());
    let told = [
        by(world.verify(&argocd)),
        by(world.verify(&argocd).input("argocd-project", "shop")),
        by(world.verify(&argocd).input("argocd-namespace", "team-a")),
    ];
    insta::assert_snapshot!(told.join("\n\n"), @"
    Argo CD does not show the application: ARGOCD answered HTTP 403: permission denied. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    The job needs `applications, get` on it, in `policy.csv` of the ConfigMap `argocd-rbac-cm`, with the application's project in place of PROJECT: `p, repo:wlals2/blogsite:ref:refs/heads/main, applications, get, PROJECT/blog, allow`. Before Argo CD 3.0, the subject is `CnJlcG86d2xhbHMyL2Jsb2dzaXRlOnJlZjpyZWZzL2hlYWRzL21haW4SZ2l0aHViLWFjdGlvbnM`. Or there is no application blog: without `argocd-project`, Argo CD does not tell the two apart. One in a namespace of its own must be in `application.namespaces`.

    Argo CD does not show the application: ARGOCD answered HTTP 403: permission denied. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    The job needs `applications, get` on it, in `policy.csv` of the ConfigMap `argocd-rbac-cm`: `p, repo:wlals2/blogsite:ref:refs/heads/main, applications, get, shop/blog, allow`. Before Argo CD 3.0, the subject is `CnJlcG86d2xhbHMyL2Jsb2dzaXRlOnJlZjpyZWZzL2hlYWRzL21haW4SZ2l0aHViLWFjdGlvbnM`. One in a namespace of its own must be in `application.namespaces`.

    Argo CD does not show the application: ARGOCD answered HTTP 403: permission denied. Whether team-a/blog runs COMMIT, which is in Git, is not known: it may be live already.
    The job needs `applications, get` on it, in `policy.csv` of the ConfigMap `argocd-rbac-cm`, with the application's project in place of PROJECT: `p, repo:wlals2/blogsite:ref:refs/heads/main, applications, get, PROJECT/team-a/blog, allow`; with `PROJECT/blog` where `team-a` is Argo CD's own namespace. Before Argo CD 3.0, the subject is `CnJlcG86d2xhbHMyL2Jsb2dzaXRlOnJlZjpyZWZzL2hlYWRzL21haW4SZ2l0aHViLWFjdGlvbnM`. Or there is no application team-a/blog: without `argocd-project`, Argo CD does not tell the two apart. One in a namespace of its own must be in `application.namespaces`.
    ");
}

#[test]
fn every_refusal_says_who_refused_and_what_to_do() {
    let refused = |prepare: &dyn Fn(&World)| {
        let world = World::new();
        prepare(&world);
        let argocd = world.argocd(vec![world.healthy()]);
        let outcome = world
            .verify(&argocd)
            .input("verify-timeout", "1")
            .run()
            .failed();
        assert_eq!(argocd.requests(), Vec::<String>::new());
        world.told(&argocd, &outcome)
    };
    let dex = |status, body: &'static str| {
        refused(&|world: &World| {
            for _ in 0..20 {
                world.dex.refuse(Answer(status, body.to_owned()));
            }
        })
    };
    let runner = |status, body: &'static str| {
        refused(&|world: &World| {
            for _ in 0..20 {
                world.id_tokens.refuse(Answer(status, body.to_owned()));
            }
        })
    };
    let told = [
        refused(&|world| world.dex.set_issuer(GITLAB)),
        refused(&|world| world.dex.set_audience("https://argocd.example.com")),
        dex(
            400,
            r#"{"error":"invalid_request","error_description":"Requested connector does not exist."}"#,
        ),
        dex(400, r#"{"error":"unsupported_grant_type"}"#),
        dex(
            400,
            r#"{"error":"invalid_request","error_description":"Requested connector does not support this grant type."}"#,
        ),
        dex(
            401,
            r#"{"error":"invalid_client","error_description":"Invalid client credentials."}"#,
        ),
        // What Argo CD makes of an error of Dex's, and of one that does not run.
        dex(303, "/login?has_sso_error=true"),
        dex(502, ""),
        dex(429, ""),
        // A login page, an allow list, another host.
        dex(200, "<html>Sign in</html>"),
        dex(200, r#"{"token_type": "bearer"}"#),
        dex(403, "<html>Forbidden</html>"),
        dex(303, "https://sso.example.com/login?next=%2Fapi"),
        runner(403, r#"{"message": "Resource not accessible"}"#),
        runner(500, "{}"),
        runner(200, "{}"),
    ];
    insta::assert_snapshot!(told.join("\n\n"), @"
    The job could not log in to Argo CD: ARGOCD/api/dex/token answered HTTP 401: access_denied. The ID token is of the issuer `https://token.actions.githubusercontent.com`, about `repo:wlals2/blogsite:ref:refs/heads/main`, for `ARGOCD_URL`. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    In `dex.config`, the connector `github-actions` needs `type: oidc`, exactly that issuer, `userNameKey: sub`, and `allowedGroups`, where it has some, that let this job in. The log of `argocd-dex-server` has the reason (`failed to verify subject token`).

    The job could not log in to Argo CD: ARGOCD/api/dex/token answered HTTP 401: access_denied. The ID token is of the issuer `https://token.actions.githubusercontent.com`, about `repo:wlals2/blogsite:ref:refs/heads/main`, for `ARGOCD_URL`. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    In `dex.config`, the connector `github-actions` needs `type: oidc`, exactly that issuer, `userNameKey: sub`, and `allowedGroups`, where it has some, that let this job in. The log of `argocd-dex-server` has the reason (`failed to verify subject token`).

    The job could not log in to Argo CD: ARGOCD/api/dex/token answered HTTP 400: Requested connector does not exist. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    `github-actions` must be the `id` of a connector of `type: oidc` in `dex.config` (ConfigMap `argocd-cm`). Dex says the same of one that it can't open, such as where it does not reach the issuer: the log of `argocd-dex-server` has the reason.

    The job could not log in to Argo CD: ARGOCD/api/dex/token answered HTTP 400: unsupported_grant_type. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    Dex exchanges no tokens for it: list `urn:ietf:params:oauth:grant-type:token-exchange` in `dex.config`, where `oauth2.grantTypes` or the `grantTypes` of the connector `github-actions` are listed. Argo CD before 2.11 has a Dex that can't.

    The job could not log in to Argo CD: ARGOCD/api/dex/token answered HTTP 400: Requested connector does not support this grant type. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    Dex exchanges no tokens for it: list `urn:ietf:params:oauth:grant-type:token-exchange` in `dex.config`, where `oauth2.grantTypes` or the `grantTypes` of the connector `github-actions` are listed. Argo CD before 2.11 has a Dex that can't.

    The job could not log in to Argo CD: ARGOCD/api/dex/token answered HTTP 401: Invalid client credentials. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    That is the word of Argo CD's Dex: the log of `argocd-dex-server` has the reason.

    The job could not log in to Argo CD: Dex at ARGOCD/api/dex/token has failed (HTTP 500). This step asked for 1 s. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    Argo CD's Dex does not answer as it should: look whether `argocd-dex-server` runs, and at its log. It does nothing without `dex.config` in the ConfigMap `argocd-cm`.

    The job could not log in to Argo CD: ARGOCD/api/dex/token answered HTTP 502. This step asked for 1 s. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    Argo CD's Dex does not answer as it should: look whether `argocd-dex-server` runs, and at its log. It does nothing without `dex.config` in the ConfigMap `argocd-cm`.

    A rate limit was exceeded: ARGOCD/api/dex/token answered HTTP 429. This step asked for 1 s. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    Argo CD's Dex, or what is in front of it, limits how often it is asked: whoever runs it can raise that for this runner.

    The job could not log in to Argo CD: ARGOCD/api/dex/token answered with something that is not a token. That is not how Argo CD's Dex answers. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    `argocd-oidc-connector` needs `dex.config` in the ConfigMap `argocd-cm`. Where Argo CD has it, check `argocd-server`, with its root path where it has one; what is in front of it must let `/api/dex/token` through.

    The job could not log in to Argo CD: ARGOCD/api/dex/token answered with something that is not a token. That is not how Argo CD's Dex answers. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    `argocd-oidc-connector` needs `dex.config` in the ConfigMap `argocd-cm`. Where Argo CD has it, check `argocd-server`, with its root path where it has one; what is in front of it must let `/api/dex/token` through.

    The URL is not an Argo CD server: ARGOCD/api/dex/token answered HTTP 403, and that is not Argo CD's own answer: something in front of it keeps this job out. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    A proxy, an allow list of addresses, or a single sign-on answers for it. Let the API through for this runner (its address, or a self-hosted runner in that network), or give `argocd-server` an address that leads to Argo CD itself. A proxy is the one that HTTPS_PROXY names; NO_PROXY lists the hosts that are reached without it.

    The URL is not an Argo CD server: ARGOCD redirects to https://sso.example.com/. The token is not sent there. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    If that is the Argo CD that is meant, set `argocd-server: https://sso.example.com/`.

    The job could not log in to Argo CD: ID_TOKENS answered HTTP 403: Resource not accessible. It gives out this job's ID tokens. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    That is GitHub's part, and Argo CD was not asked: run the job again. If that lasts, look at githubstatus.com, or let this runner reach that host.

    The job could not log in to Argo CD: ID_TOKENS answered HTTP 500. It gives out this job's ID tokens. This step asked for 1 s. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    That is GitHub's part, and Argo CD was not asked: run the job again. If that lasts, look at githubstatus.com, or let this runner reach that host.

    The job could not log in to Argo CD: ID_TOKENS answered without an ID token. It gives out this job's ID tokens. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    That is GitHub's part, and Argo CD was not asked: run the job again. If that lasts, look at githubstatus.com, or let this runner reach that host.
    ");

    // Without a Dex.
    let world = World::new();
    let argocd = ArgoCd::play(vec![world.healthy()]);
    let told = world.told(&argocd, &world.verify(&argocd).run().failed());
    insta::assert_snapshot!(told, @"
    The job could not log in to Argo CD: ARGOCD/api/dex/token answered HTTP 404. That is not how Argo CD's Dex answers. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    `argocd-oidc-connector` needs `dex.config` in the ConfigMap `argocd-cm`. Where Argo CD has it, check `argocd-server`, with its root path where it has one; what is in front of it must let `/api/dex/token` through.
    ");
}

#[test]
fn a_long_subject_is_whole_where_it_is_to_be_copied() {
    let world = World::new();
    let subject = format!("repo:acme/web:environment:{}", "x".repeat(400));
    let id_token = handed_over(ISSUER, &subject);
    let argocd = world.argocd(vec![Box::new(|| Reply::Refused(403, "permission denied"))]);
    let action = world.verify(&argocd).env("ARGOCD_ID_TOKEN", &id_token);
    let action = action
        .without_env("ACTIONS_ID_TOKEN_REQUEST_URL")
        .without_env("ACTIONS_ID_TOKEN_REQUEST_TOKEN");
    let told = world.told(&argocd, &action.run().failed());
    let line = format!("`p, {subject}, applications, get, PROJECT/blog, allow`");
    assert!(told.contains(&line), "{told}");
}

#[test]
fn a_connector_that_dex_does_not_know_is_named() {
    let world = World::new();
    let argocd = world.argocd(vec![world.healthy()]);
    let outcome = world
        .verify(&argocd)
        .input("argocd-oidc-connector", "github");
    let told = world.told(&argocd, &outcome.run().failed());
    assert!(
        told.contains("`github` must be the `id` of a connector"),
        "{told}"
    );
}

#[test]
fn an_id_token_that_was_handed_over_can_be_no_good() {
    let world = World::new();
    world.dex.set_issuer(GITLAB);
    let argocd = world.argocd(vec![world.healthy()]);
    let told = |id_token: &str| {
        let action = world.step(&argocd).env("ARGOCD_ID_TOKEN", id_token);
        world.told(&argocd, &action.run().failed())
    };
    insta::assert_snapshot!(told(&handed_over(ISSUER, "a`b\n::error::c")), @"
    The job could not log in to Argo CD: ARGOCD/api/dex/token answered HTTP 401: access_denied. The ID token is of the issuer `https://token.actions.githubusercontent.com`, about `a'b ::error::c`, for `x`. Whether blog runs COMMIT, which is in Git, is not known: it may be live already.
    In `dex.config`, the connector `github-actions` needs `type: oidc`, exactly that issuer, `userNameKey: sub`, and `allowedGroups`, where it has some, that let this job in. The log of `argocd-dex-server` has the reason (`failed to verify subject token`).
    ");

    // What it says of itself is read before anything is asked, and written.
    let forms = world.dex.forms().len();
    let mut over = job(GITLAB, SUBJECT, "x", 1);
    over["exp"] = (NOW - 60).into();
    let expired = told(&jwt(&over));
    let (before, after) = expired
        .split_once("clock is at ")
        .unwrap_or_else(|| panic!("{expired}"));
    let now = after.find(". ").unwrap();
    let told = [
        format!("{before}clock is at NOW{}", &after[now..]),
        told("$ARGOCD_ID_TOKEN"),
    ];
    insta::assert_snapshot!(told.join("\n\n"), @"
    The inputs are not valid: `argocd-oidc-connector`: the ID token in the variable ARGOCD_ID_TOKEN ended at 2026-08-22 09:59:15 UTC, and this runner's clock is at NOW. It was made when the job started, and can't be renewed: let this step come earlier in it, or give the job more time (GitLab lets it last as long as the job's `timeout`)
    Nothing was changed.

    The inputs are not valid: `argocd-oidc-connector`: what the variable ARGOCD_ID_TOKEN has is not an ID token (a JSON Web Token): check its name in `id_tokens:` of the job
    Nothing was changed.
    ");
    assert_eq!(world.dex.forms().len(), forms);
    let tip = world.repository.tip("main");
    let update = world
        .step(&argocd)
        .env("ARGOCD_ID_TOKEN", "$ARGOCD_ID_TOKEN");
    let update = update.input("operation", "update");
    update.input("image", "acme/web:v2").run().failed();
    assert_eq!(world.repository.tip("main"), tip);
}

#[test]
fn what_the_job_lacks_is_told_before_anything_is_asked() {
    let world = World::new();
    let argocd = world.argocd(vec![world.healthy()]);
    let told = |action: Action| world.told(&argocd, &action.run().failed());
    let at = |url: &str| {
        world
            .verify(&argocd)
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", url)
    };
    let told = [
        told(world.step(&argocd)),
        told(
            world
                .verify(&argocd)
                .without_env("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
        ),
        told(world.verify(&argocd).input("argocd-token", ARGOCD_TOKEN)),
        told(world.verify(&argocd).input("argocd-oidc-connector", "")),
        told(
            world
                .verify(&argocd)
                .input("argocd-oidc-connector", "GitHub Actions"),
        ),
        told(at("http://ghe.example.com/idtoken?api-version=2.0")),
    ];
    insta::assert_snapshot!(told.join("\n\n"), @"
    The inputs are not valid: `argocd-oidc-connector`: this job may not have an ID token: add `id-token: write` to its `permissions`, and to those of the job that calls this workflow, where one does. What `permissions` does not list is taken away: where `token` is the job's own, list `contents: write` as well. A pull request from a fork can't have one
    Nothing was changed.

    The inputs are not valid: `argocd-oidc-connector`: this job may not have an ID token: add `id-token: write` to its `permissions`, and to those of the job that calls this workflow, where one does. What `permissions` does not list is taken away: where `token` is the job's own, list `contents: write` as well. A pull request from a fork can't have one
    Nothing was changed.

    The inputs are not valid: `argocd-oidc-connector`: beside `argocd-token` it says twice who asks: keep one
    Nothing was changed.

    The inputs are not valid: `argocd-token`: empty: Argo CD can't be asked without one. Where it comes from a secret, that secret is not set here. Without a secret, give `argocd-oidc-connector`
    Nothing was changed.

    The inputs are not valid: `argocd-oidc-connector` `GitHub Actions`: expected the `id` of one connector in `dex.config`, such as `github-actions`
    Nothing was changed.

    The inputs are not valid: `argocd-oidc-connector`: the ID token would come unencrypted from ghe.example.com (ACTIONS_ID_TOKEN_REQUEST_URL). Where the way is private, `plaintext: true` allows it
    Nothing was changed.
    ");
    let elsewhere = world
        .step(&argocd)
        .without_env("GITHUB_ACTIONS")
        .run()
        .failed();
    let log = elsewhere.log();
    let line = log
        .lines()
        .find(|line| line.contains("argocd-oidc-connector`"))
        .unwrap();
    insta::assert_snapshot!(line, @"error: The inputs are not valid: `argocd-oidc-connector`: this job has no ID token: set the variable ARGOCD_ID_TOKEN to one that is for Argo CD's URL. GitLab CI does that by `id_tokens:`");
    assert_eq!(world.id_tokens.requests(), Vec::<String>::new());
    assert_eq!(argocd.requests(), Vec::<String>::new());
}
