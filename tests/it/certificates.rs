//! A server's own certificate, as `openssl req -x509` makes it, given as `ca-certificate`: every client takes
//! the very one, for the name that it is for, and no other.

use std::time::{Duration, Instant};

use crate::support::registry::{Registry, SignOn};
use crate::support::{
    APP_ID, APP_KEY, ARGOCD_TOKEN, Action, App, ArgoCd, GitServer, MINTED, Outcome, Reply,
    Repository, Rights, TOKEN, TlsFront,
};

const NAME: &str = "acme/deploy";
const FILE: &str = "web.yaml";

/// Who speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Git,
    Api,
    /// What gets a token for a GitHub App.
    App,
    Registry,
    ArgoCd,
}

fn image(client: Client, host: &str) -> String {
    match client {
        Client::Registry => format!("{host}/acme/web"),
        _ => "ghcr.io/acme/web".to_owned(),
    }
}

/// The server that a client speaks to behind TLS, and the others beside it.
struct World {
    server: GitServer,
    repository: Repository,
    registry: Registry,
    argocd: ArgoCd,
    front: TlsFront,
    client: Client,
}

impl World {
    fn new(client: Client, name: &str) -> Self {
        let server = GitServer::start();
        let registry = Registry::start(SignOn::None);
        for tag in ["v1", "v2"] {
            registry.push("acme/web", tag, &["linux/amd64"]);
        }
        let repository = server.repository(NAME);
        let deployed = repository.clone();
        let argocd = ArgoCd::play(vec![Box::new(move || {
            let image = "ghcr.io/acme/web:v1";
            Reply::App(App::healthy(
                deployed.url(),
                &deployed.tip("main"),
                &[image],
            ))
        })]);
        let behind = match client {
            Client::Git | Client::Api | Client::App => server.url(),
            Client::Registry => registry.host().to_owned(),
            Client::ArgoCd => argocd.url().to_owned(),
        };
        let behind = behind.trim_start_matches("http://").parse().unwrap();
        let front = TlsFront::start(behind, name);
        let host = front.host();
        let image = image(client, &host);
        repository.commit("main", FILE, format!("image: {image}:v1\n"), "feat: web");
        Self {
            server,
            repository,
            registry,
            argocd,
            front,
            client,
        }
    }

    fn run(&self, certificate: Option<&str>) -> Outcome {
        self.run_at(&self.front.host(), certificate)
    }

    fn run_at(&self, host: &str, certificate: Option<&str>) -> Outcome {
        let at = |path: &str| format!("https://{host}{path}");
        let action = Action::new()
            .input("file", FILE)
            .input("image", format!("{}:v2", image(self.client, host)))
            .input("token", TOKEN)
            .input("timeout", "60");
        let action = match self.client {
            Client::Git => action.input("repository", at("/acme/deploy.git")),
            Client::Api => action
                .input("repository", NAME)
                .input("server-url", at(""))
                .input("api-url", at("/api/v3")),
            Client::App => action
                .input("repository", NAME)
                .input("server-url", at(""))
                .input("api-url", at("/api/v3"))
                .input("transport", "git")
                .input("app-id", APP_ID)
                .input("app-private-key", APP_KEY),
            Client::Registry => action
                .input("repository", self.repository.url())
                .input("verify-image", "true"),
            Client::ArgoCd => Action::new()
                .input("operation", "verify")
                .input("repository", self.repository.url())
                .input("file", FILE)
                .input("token", TOKEN)
                .input("argocd-server", at(""))
                .input("argocd-token", ARGOCD_TOKEN)
                .input("argocd-application", "web")
                .input("verify-timeout", "60"),
        };
        match certificate {
            Some(pem) => action.input("ca-certificate", pem),
            None => action,
        }
        .run()
    }

    /// What the server behind TLS was asked.
    fn asked(&self) -> usize {
        match self.client {
            Client::Git | Client::Api | Client::App => self.server.requests().len(),
            Client::Registry => self.registry.requests().len(),
            Client::ArgoCd => self.argocd.requests().len(),
        }
    }
}

#[test]
fn every_client_takes_the_very_certificate_for_its_name_and_no_other() {
    let clients = [
        Client::Git,
        Client::Api,
        Client::App,
        Client::Registry,
        Client::ArgoCd,
    ];
    std::thread::scope(|scope| {
        for client in clients {
            scope.spawn(move || {
                let world = World::new(client, "127.0.0.1");
                world.server.grant(MINTED, Rights::ReadWrite);
                world.server.github().install_app(NAME, &["contents"]);
                let other = World::new(client, "127.0.0.1");
                let refused = |world: &World, certificate: Option<&str>, words: &[&str]| {
                    let errors = world.run(certificate).failed().errors();
                    let [error] = &errors[..] else {
                        panic!("{client:?}: {errors:?}")
                    };
                    for words in words {
                        assert!(error.contains(words), "{client:?}: {error}");
                    }
                    assert_eq!(world.asked(), 0, "{client:?}");
                };
                let untrusted = [
                    "certificate",
                    "not trusted: it is its own issuer (CaUsedAsEndEntity)",
                    "`ca-certificate`",
                ];
                refused(&world, None, &untrusted);
                refused(&world, Some(other.front.pem()), &untrusted);
                let named = World::new(client, "git.acme.example");
                let pem = named.front.pem();
                refused(&named, Some(pem), &["not valid for name", "another name's"]);

                world.run(Some(world.front.pem())).succeeded();
                assert!(world.asked() > 0, "{client:?}");
            });
        }
    });
}

#[test]
fn what_speaks_no_tls_is_told_at_once() {
    // A registry on this machine need not speak it.
    for client in [Client::Git, Client::Api, Client::App, Client::ArgoCd] {
        let world = World::new(client, "127.0.0.1");
        let began = Instant::now();
        let plain = world.server.url();
        let plain = plain.trim_start_matches("http://");
        let errors = world.run_at(plain, None).failed().errors();
        let [error] = &errors[..] else {
            panic!("{client:?}: {errors:?}")
        };
        let told = ["does not speak TLS", "Check the port", "`http://`"];
        for words in told {
            assert!(error.contains(words), "{client:?}: {error}");
        }
        // `timeout` and `verify-timeout` are 60 s.
        assert!(began.elapsed() < Duration::from_secs(30), "{client:?}");
        assert_eq!(world.asked(), 0, "{client:?}");
    }
}
