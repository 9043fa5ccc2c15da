//! What the image's registry is asked before Git changes.

use std::time::Duration;

use crate::support::registry::{Registry, SignOn, USER};
use crate::support::{Action, GitServer, Outcome, Repository, Service, Step, TOKEN};
use serde_json::json;

const FILE: &str = "apps/web.yaml";

/// A registry with v1 and v2 of an image for two platforms, and a repository that deploys v1.
struct World {
    _server: GitServer,
    registry: Registry,
    repository: Repository,
    digest: String,
}

impl World {
    fn new(sign_on: SignOn) -> Self {
        let registry = Registry::start(sign_on);
        let platforms = ["linux/amd64", "linux/arm64/v8"];
        registry.push("acme/web", "v1", &platforms);
        let digest = registry.push("acme/web", "v2", &platforms);
        let server = GitServer::start();
        let manifest = format!(
            "containers:\n- name: web\n  image: {}/acme/web:v1\n",
            registry.host()
        );
        let repository = server.repository_with("acme/deploy", FILE, &manifest);
        Self {
            _server: server,
            registry,
            repository,
            digest,
        }
    }

    fn image(&self, tag: &str) -> String {
        format!("{}/acme/web:{tag}", self.registry.host())
    }

    fn update(&self, tag: &str) -> Action {
        Action::new()
            .input("repository", self.repository.url())
            .input("file", FILE)
            .input("image", self.image(tag))
            .input("token", TOKEN)
            .input("timeout", "60")
    }

    fn manifest(&self) -> String {
        String::from_utf8(self.repository.show("main", FILE)).unwrap()
    }

    /// How often a tag was asked for.
    fn looks(&self, tag: &str) -> usize {
        let path = format!("/manifests/{tag}");
        let requests = self.registry.requests();
        requests.iter().filter(|one| one.contains(&path)).count()
    }

    /// The error of a step that left Git as it was, without ever asking for it.
    fn refused(&self, action: Action) -> String {
        let before = self.repository.git(&["for-each-ref"]);
        let outcome = action.run().failed();
        assert_eq!(self.repository.git(&["for-each-ref"]), before);
        self.told(&outcome)
    }

    fn told(&self, outcome: &Outcome) -> String {
        let annotation = outcome
            .annotations()
            .into_iter()
            .find(|one| one.level == "error")
            .unwrap();
        let text = format!("{}: {}", annotation.properties["title"], annotation.message);
        self.scrub(&text)
    }

    fn scrub(&self, text: &str) -> String {
        let tip = self.repository.tip("main");
        text.replace(self.registry.host(), "REGISTRY")
            .replace(self.repository.url(), "REPOSITORY")
            .replace(self.repository.url().trim_end_matches(".git"), "REPOSITORY")
            .replace(&self.digest, "sha256:DIGEST")
            .replace(&tip, "TIP")
            .replace(&tip[..7], "TIP")
            .lines()
            .filter(|line| !line.starts_with("Read main at"))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

#[test]
fn nothing_is_asked_where_no_guard_is_on() {
    let world = World::new(SignOn::None);
    world.update("nowhere").run().succeeded();
    assert_eq!(world.registry.requests(), Vec::<String>::new());
}

#[test]
fn an_image_that_is_there_is_deployed_however_one_signs_on() {
    for sign_on in [
        SignOn::None,
        SignOn::Token,
        SignOn::TokenForUsers,
        SignOn::Basic,
        SignOn::Several,
    ] {
        let world = World::new(sign_on);
        let mut action = world.update("v2").input("verify-image", "true");
        if !matches!(sign_on, SignOn::None | SignOn::Token) {
            action = action
                .input("registry-username", USER.0)
                .input("registry-password", USER.1);
        }
        let outcome = action.run().succeeded();
        assert_eq!(outcome.output("changed"), "true", "{sign_on:?}");
        assert!(world.manifest().contains(":v2\n"));
        assert!(
            !outcome.shown_log().contains(USER.1),
            "{}",
            outcome.shown_log()
        );
        if sign_on == SignOn::None {
            insta::assert_snapshot!(world.scrub(&outcome.summary), @"
            ### 🚀 Deployed `web:v2`

            Commit [`TIP`](REPOSITORY/commit/TIP) is on `main` of [`REPOSITORY`](REPOSITORY).

            | Container | Old image | New image | File |
            |---|---|---|---|
            | `web` | `REGISTRY/acme/web:v1` | `REGISTRY/acme/web:v2` | `apps/web.yaml:3` |

            | Image in its registry | Digest | Platforms |
            |---|---|---|
            | `REGISTRY/acme/web:v2` | `sha256:DIGEST` | `linux/amd64` `linux/arm64/v8` |

            <details open><summary>Diff</summary>

            ```diff
            --- a/apps/web.yaml
            +++ b/apps/web.yaml
            @@ -1,3 +1,3 @@
             containers:
             - name: web
            -  image: REGISTRY/acme/web:v1
            +  image: REGISTRY/acme/web:v2
            ```

            </details>
            ");
        }
    }
}

#[test]
fn a_registry_without_tls_is_asked_where_plaintext_allows_it() {
    let world = World::new(SignOn::Basic);
    let manifest = "containers:\n- name: web\n  image: registry.invalid:5000/acme/web:v1\n";
    world.repository.commit("main", FILE, manifest, "feat: web");
    world
        .update("v2")
        .input("image", "registry.invalid:5000/acme/web:v2")
        .input("verify-image", "true")
        .input("registry-username", USER.0)
        .input("registry-password", USER.1)
        .input("plaintext", "true")
        .env("HTTP_PROXY", format!("http://{}", world.registry.host()))
        .env("NO_PROXY", "127.0.0.1")
        .run()
        .succeeded();
    assert!(world.manifest().contains(":v2\n"));
    assert!(world.looks("v2") > 0);
}

/// What a chart makes of a registry of all images is the chart's: the one that was asked for is the one that is asked.
#[test]
fn a_registry_of_all_images_is_no_other_one() {
    let world = World::new(SignOn::Token);
    let host = world.registry.host().to_owned();
    let values = |global: &str, own: &str| {
        format!(
            "global: {{imageRegistry: '{global}'}}\nimage: {{{own}repository: acme/web, tag: v1}}\n"
        )
    };
    let own = format!("registry: '{host}', ");
    for (manifest, warns) in [
        (values(&host, ""), false),
        (values("r.example.com", &own), true),
    ] {
        world
            .repository
            .commit("main", FILE, manifest.as_str(), "feat: values");
        let outcome = world
            .update("v2")
            .input("verify-image", "true")
            .run()
            .succeeded();
        assert_eq!(world.manifest(), manifest.replace("v1", "v2"));
        let told = outcome.warnings().join("\n");
        assert_eq!(told.contains("`global.imageRegistry`"), warns, "{told}");
    }
    // One that the registry was not asked for would run there.
    let manifest = values("r.example.com", "");
    world
        .repository
        .commit("main", FILE, manifest.as_str(), "feat: values");
    let told = world.refused(world.update("v2").input("verify-image", "true"));
    assert!(told.contains("r.example.com"), "{told}");
}

#[test]
fn an_image_that_is_not_there_is_told_with_tags_that_are_near() {
    let world = World::new(SignOn::Token);
    let missing = world.refused(world.update("v3").input("verify-image", "true"));
    insta::assert_snapshot!(missing, @"
    The image is not in its registry: REGISTRY/acme/web:v3: REGISTRY answered HTTP 404. Nothing was changed.
    Push the image first, or correct its name. Its tags, nearest first: v1, v2. For one that is still being pushed, set `verify-image-timeout`.
    ");
    let elsewhere = world
        .update("v2")
        .input(
            "image",
            format!("web={}/acme/other:v2", world.registry.host()),
        )
        .input("verify-image", "true");
    insta::assert_snapshot!(world.refused(elsewhere), @"
    The image is not in its registry: REGISTRY/acme/other:v2: REGISTRY answered HTTP 404. Nothing was changed.
    Push the image first, or correct its name. For one that is still being pushed, set `verify-image-timeout`.
    ");
}

#[test]
fn access_that_is_missing_is_told_from_an_image_that_is() {
    let world = World::new(SignOn::TokenForUsers);
    let nobody = world.update("v2").input("verify-image", "true");
    let wrong = world
        .update("v2")
        .input("pin-digest", "true")
        .input("registry-username", "jimin")
        .input("registry-password", "wrong");
    insta::assert_snapshot!([world.refused(nobody), world.refused(wrong)].join("\n"), @"
    The registry does not show the image: REGISTRY/acme/web:v2: REGISTRY answered HTTP 401: authentication required (UNAUTHORIZED). Nothing was changed.
    A private image needs `registry-username` and `registry-password`. Many registries refuse one that is not there in the same way.
    The registry does not show the image: REGISTRY/acme/web:v2: REGISTRY answered HTTP 401: authentication required (UNAUTHORIZED). Nothing was changed.
    Check `registry-username` and `registry-password`, that they may read this image, and that it is there.
    ");
}

#[test]
fn a_registry_that_cannot_be_used_is_told() {
    let world = World::new(SignOn::None);
    // Nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let action = world
        .update("v2")
        .input("image", format!("web={free}/acme/web:v2"))
        .input("verify-image", "true")
        .spawn();
    let odd = World::new(SignOn::None);
    // To HEAD, and to GET: JSON like that of any other service, which is no manifest.
    for _ in 0..2 {
        odd.registry
            .refuse(200, json!({"manifests": [], "status": "ok"}));
    }
    let surprised = odd.refused(
        odd.update("v2")
            .input("verify-image", "true")
            .input("verify-image-timeout", "60"),
    );
    assert!(
        surprised.contains("REGISTRY answered with something that no registry does. Nothing was"),
        "{surprised}"
    );
    let limited = World::new(SignOn::None);
    let body = json!({"errors": [{"code": "TOOMANYREQUESTS", "message": "You have reached your pull rate limit."}]});
    limited.registry.refuse(429, body);
    // It asks to come back, and is obeyed.
    limited
        .update("v2")
        .input("verify-image", "true")
        .run()
        .succeeded();
    // Longer than there is time.
    let body = json!({"errors": [{"code": "TOOMANYREQUESTS", "message": "You have reached your pull rate limit."}]});
    limited.registry.refuse(429, body);
    let short = limited
        .update("v2")
        .input("verify-image", "true")
        .input("timeout", "1");
    insta::assert_snapshot!(limited.refused(short), @"
    A rate limit was exceeded: REGISTRY/acme/web:v2: REGISTRY answered HTTP 429 (until 2015-10-21 07:28:01 UTC). Nothing was changed.
    Run the job again later, or give it more time with `verify-image-timeout`.
    ");
    let outcome = action.wait().failed();
    let waits = format!("Waiting for {free}/acme/web:v2, at most 30 s: {free} can't be reached");
    assert!(
        outcome.shown_log().contains(&waits),
        "{}",
        outcome.shown_log()
    );
    let told = world.told(&outcome).replace(&free.to_string(), "NOBODY");
    assert!(
        told.starts_with(
            "The registry is not available: NOBODY/acme/web:v2: NOBODY can't be reached"
        ),
        "{told}"
    );
}

#[test]
fn an_image_that_is_still_being_pushed_is_waited_for() {
    let world = World::new(SignOn::None);
    let running = world
        .update("v3")
        .input("verify-image", "true")
        .input("verify-image-timeout", "60")
        .spawn();
    while world.looks("v3") < 2 {
        std::thread::yield_now();
    }
    world.registry.push("acme/web", "v3", &["linux/amd64"]);
    let outcome = running.wait().succeeded();
    assert!(world.manifest().contains(":v3\n"));
    assert!(
        outcome.shown_log().contains("/acme/web:v3, at most 60 s: "),
        "{}",
        outcome.shown_log()
    );
    // Not for ever.
    let late = world
        .update("v4")
        .input("verify-image", "true")
        .input("verify-image-timeout", "1");
    assert!(world.refused(late).contains("Waited 1 s"));
    // It waited, and looked again when the time was over.
    assert!(world.looks("v4") >= 2);
}

#[test]
fn a_registry_that_says_nothing_does_not_hold_up_a_cancelled_run() {
    let world = World::new(SignOn::None);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = silent.local_addr().unwrap();
    let running = world
        .update("v2")
        .input("image", format!("web={host}/acme/web:v2"))
        .input("verify-image", "true")
        .spawn();
    let _asked = silent.accept().unwrap();
    let begin = std::time::Instant::now();
    running.terminate();
    let outcome = running.wait().failed();
    assert!(begin.elapsed() < Duration::from_secs(10));
    let told = world.told(&outcome);
    assert!(told.starts_with("The run was cancelled:"), "{told}");
}

#[test]
fn the_digest_of_a_tag_is_written() {
    let world = World::new(SignOn::Token);
    let outcome = world
        .update("v2")
        .input("pin-digest", "true")
        .run()
        .succeeded();
    let pinned = format!("{}@{}", world.image("v2"), world.digest);
    assert!(
        world.manifest().contains(&format!("image: {pinned}\n")),
        "{}",
        world.manifest()
    );
    assert_eq!(outcome.output("image"), pinned);
    // Again: nothing to do. Without the header, too.
    world.registry.forget_digests();
    let again = world
        .update("v2")
        .input("pin-digest", "true")
        .run()
        .succeeded();
    assert_eq!(again.output("changed"), "false");
}

#[test]
fn digests_go_where_helm_and_kustomize_have_them() {
    let world = World::new(SignOn::None);
    let host = world.registry.host();
    let files = [
        (
            "helm.yaml",
            format!("image:\n  repository: {host}/acme/web\n  tag: v1\n  digest: \"\"\n"),
        ),
        (
            "kustomization.yaml",
            format!("kind: Kustomization\nimages:\n- name: {host}/acme/web\n  newTag: v1\n"),
        ),
    ];
    for (path, content) in &files {
        world
            .repository
            .commit("main", path, content.as_str(), "feat: x");
    }
    let paths = files.each_ref().map(|(path, _)| *path).join("\n");
    world
        .update("v2")
        .input("file", paths)
        .input("pin-digest", "true")
        .run()
        .succeeded();
    let read = |path: &str| String::from_utf8(world.repository.show("main", path)).unwrap();
    let digest = &world.digest;
    assert_eq!(
        read("helm.yaml"),
        format!("image:\n  repository: {host}/acme/web\n  tag: v2\n  digest: \"{digest}\"\n")
    );
    insta::assert_snapshot!(world.scrub(&read("kustomization.yaml")), @"
    kind: Kustomization
    images:
    - name: REGISTRY/acme/web
      newTag: v2@sha256:DIGEST
    ");
}

#[test]
fn what_runs_there_is_what_the_registry_was_asked_for() {
    let world = World::new(SignOn::None);
    let host = world.registry.host();
    let file = "kustomization.yaml";
    let content = format!(
        "kind: Kustomization\nimages:\n- name: {host}/acme/web\n  newName: {host}/acme/mirror\n  newTag: v1\n"
    );
    world
        .repository
        .commit("main", file, content.as_str(), "feat: x");
    let update = |image: &str, guard: &str| {
        world
            .update("v2")
            .input("file", file)
            .input("image", format!("{host}/acme/{image}:v2"))
            .input(guard, "true")
    };
    let said = ["verify-image", "pin-digest"].map(|guard| {
        let outcome = update("web", guard).run().failed();
        world.told(&outcome)
    });
    assert_eq!(said[0], said[1]);
    insta::assert_snapshot!(said[0], @"
    The manifest can't be edited at this place: kustomization.yaml line 3: what would run there is REGISTRY/acme/mirror:v2, and the registry was asked for REGISTRY/acme/web:v2. Read on `main` at TIP. Nothing was changed.
    Name the image in `image` as it runs there: `REGISTRY/acme/mirror:v2`.
    ");
    let missing = update("mirror", "verify-image").run().failed();
    let missing = world.told(&missing);
    assert!(missing.contains("not in its registry"), "{missing}");
    world.registry.push("acme/mirror", "v2", &["linux/amd64"]);
    update("mirror", "verify-image").run().succeeded();
    let written = String::from_utf8(world.repository.show("main", file)).unwrap();
    assert_eq!(written, content.replace("newTag: v1", "newTag: v2"));
}

#[test]
fn a_tag_that_moves_while_it_is_pinned_is_no_pin() {
    let world = World::new(SignOn::None);
    world.registry.push_before(2, "acme/web", "v2");
    let told = world.refused(world.update("v2").input("pin-digest", "true"));
    assert!(
        told.starts_with(
            "The tag moved while it was pinned: REGISTRY/acme/web:v2 was sha256:DIGEST"
        ),
        "{told}"
    );
}

#[test]
fn it_is_looked_again_before_another_try_to_push() {
    let world = World::new(SignOn::None);
    let other = world.repository.clone();
    world._server.before(Step::Push.nth(1), move || {
        other.commit("main", "README.md", "x", "docs: theirs");
    });
    world
        .update("v2")
        .input("pin-digest", "true")
        .run()
        .succeeded();
    let asked = world
        .registry
        .requests()
        .iter()
        .filter(|request| *request == "HEAD /v2/acme/web/manifests/v2")
        .count();
    assert_eq!(asked, 3);
}

#[test]
fn every_platform_that_is_needed_must_be_there() {
    let world = World::new(SignOn::None);
    for good in ["linux/amd64,linux/arm64", "linux/arm64/v8"] {
        world
            .update("v2")
            .input("require-platforms", good)
            .run()
            .succeeded();
    }
    world.registry.push("acme/web", "v5", &["linux/amd64"]);
    let told = world.refused(world.update("v5").input(
        "require-platforms",
        "linux/amd64\nlinux/arm64,windows/amd64",
    ));
    insta::assert_snapshot!(told, @"
    The image lacks a platform: REGISTRY/acme/web:v5 is not built for linux/arm64, windows/amd64: it has linux/amd64. Nothing was changed.
    Build it for these as well (`platforms` of docker/build-push-action), or correct `require-platforms`.
    ");
    world
        .update("v5")
        .input("require-platforms", "linux/amd64")
        .run()
        .succeeded();
}

#[test]
fn what_is_wrong_with_the_inputs_is_told_at_once() {
    let world = World::new(SignOn::None);
    let action = world
        .update("v2")
        .input("image", "ghcr.io/acme/web:v2\nnginx:1.27")
        .input("verify-image", "true")
        .input("verify-image-timeout", "soon")
        .input("pin-digest", "yes")
        .input("require-platforms", "linux")
        .input("registry-username", "jimin")
        .input("registry-password", "s3cret");
    let first = world.refused(action);
    let second = world.refused(world.update("v2").input("registry-password", "s3cret"));
    insta::assert_snapshot!([first, second].join("\n"), @"
    The inputs are not valid: `pin-digest` `yes`: expected `true` or `false`
    `require-platforms`: `linux` is not a platform: expected `OS/ARCHITECTURE` or `OS/ARCHITECTURE/VARIANT`, such as `linux/amd64`
    `verify-image-timeout` `soon`: expected a number of seconds from 0 to 21600, such as `600`
    `registry-username`: they are for one registry, and the images come from docker.io and ghcr.io: deploy these in separate steps
    Nothing was changed.
    The inputs are not valid: `registry-password`: no effect without `verify-image: true`, `pin-digest: true` or `require-platforms`. Add that, or remove it (an empty value counts as removed)
    `registry-username`: required with `registry-password`; for a token, many registries take any name
    Nothing was changed.
    ");
}

/// The registry that the distribution project itself makes, with a certificate of a private CA and users.
/// Run with `-- --ignored` where `docker-registry` is installed (Debian has a package of that name).
#[test]
#[ignore = "needs docker-registry"]
fn a_registry_of_the_real_world_is_understood() {
    let ca = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = parameters.self_signed(&ca).unwrap();
    let issuer = rcgen::Issuer::new(parameters, ca);
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let own = own.signed_by(&key, &issuer).unwrap();
    let directory = tempfile::TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let users = write(
        "users",
        "jimin:$2y$05$2rqsTPDn2yZuc.aGhqDFsumt4bhwcF3rXZmJfic0mJLnl3zvF/6n6\n",
    );
    let (certificate, key) = (
        write("own.pem", &own.pem()),
        write("key.pem", &key.serialize_pem()),
    );
    let registry = Service::start(|address| {
        let config = write(
            "config.yml",
            &format!(
                "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
                 storage: {{filesystem: {{rootdirectory: {}}}}}\n\
                 http: {{addr: \"{address}\", tls: {{certificate: {certificate}, key: {key}}}}}\n\
                 auth: {{htpasswd: {{realm: test, path: {users}}}}}\n",
                directory.path().display()
            ),
        );
        let mut command = std::process::Command::new("docker-registry");
        command.args(["serve", &config]);
        command
    });
    let address = registry.address();
    let authority = authority.pem();
    let digest = push_for_real(&address.to_string(), &authority);

    let server = GitServer::start();
    let image = |tag: &str| format!("{address}/acme/web:{tag}");
    let manifest = format!("containers:\n- name: web\n  image: {}\n", image("v1"));
    let repository = server.repository_with("acme/deploy", FILE, &manifest);
    let update = |tag: &str| {
        Action::new()
            .input("repository", repository.url())
            .input("file", FILE)
            .input("image", image(tag))
            .input("token", TOKEN)
            .input("pin-digest", "true")
            .input("require-platforms", "linux/amd64")
    };
    let signed_on = |action: Action| {
        let action = action.input("ca-certificate", authority.as_str());
        action
            .input("registry-username", USER.0)
            .input("registry-password", USER.1)
    };
    let title = |outcome: Outcome| outcome.annotations()[0].properties["title"].clone();
    assert_eq!(
        title(update("v2").run().failed()),
        "The server's certificate is not trusted"
    );
    let trusted = update("v2").input("ca-certificate", authority.as_str());
    assert_eq!(
        title(trusted.run().failed()),
        "The registry does not show the image"
    );
    let missing = signed_on(update("v3")).run().failed();
    assert!(
        missing.errors()[0].contains("Its tags, nearest first: v2."),
        "{}",
        missing.log()
    );
    let outcome = signed_on(update("v2")).run().succeeded();
    assert_eq!(outcome.output("image"), format!("{}@{digest}", image("v2")));
    assert!(
        outcome.summary.contains("`linux/amd64`"),
        "{}",
        outcome.summary
    );
}

/// Pushes `acme/web:v2`, as the specification says. Returns its digest.
fn push_for_real(host: &str, authority: &str) -> String {
    use crate::support::registry::sha256;
    let client = gitops_deploy::http::client(&authority.parse().unwrap()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}).to_string();
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": kind, "layers": [],
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                   "digest": sha256(config.as_bytes()), "size": config.len()},
    })
    .to_string();
    let sign_on = {
        use base64::Engine as _;
        let pair = format!("{}:{}", USER.0, USER.1);
        format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(pair))
    };
    runtime.block_on(async {
        let url = format!("https://{host}/v2/acme/web");
        let post = client
            .post(format!("{url}/blobs/uploads/"))
            .header("authorization", &sign_on);
        let response = post.send().await.unwrap().error_for_status().unwrap();
        let mut place = url::Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
        place
            .query_pairs_mut()
            .append_pair("digest", &sha256(config.as_bytes()));
        let put = client
            .put(place)
            .header("authorization", &sign_on)
            .body(config);
        put.send().await.unwrap().error_for_status().unwrap();
        let put = client
            .put(format!("{url}/manifests/v2"))
            .header("authorization", &sign_on);
        let put = put.header("content-type", kind).body(manifest.clone());
        put.send().await.unwrap().error_for_status().unwrap();
    });
    sha256(manifest.as_bytes())
}
