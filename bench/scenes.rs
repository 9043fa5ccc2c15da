//! Where it hurts: many writers at once, many branches, a look far back. This action beside an older one
//! (`--before`), where there is one.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::history::{Size, Task};
use crate::meter::Meter;
use crate::support::{Action, GitServer, Repository, TOKEN};

/// The scenes, by the name that `--only` has for them.
pub const SCENES: [&str; 3] = ["writers", "branches", "rollback"];

/// What every answer takes longer.
const LATENCY: Duration = Duration::from_millis(100);
const WRITERS: usize = 64;
const BRANCHES: usize = 50_000;
/// Of the rollback's repository.
const LONG: Size = Size {
    name: "long",
    task: Task::Deploy,
    files: 20,
    commits: 100_000,
};

/// Plays a scene with each of the `actions`, in turns, and returns what came of it as a table.
pub fn play(
    scene: &str,
    actions: &[(&str, &Path)],
    rounds: usize,
    server: &GitServer,
) -> anyhow::Result<String> {
    let title = match scene {
        "writers" => format!("{WRITERS} writers at once, one file, over git"),
        "branches" => format!("An update over git, {BRANCHES} branches"),
        _ => format!("A rollback over git, {} commits", LONG.commits),
    };
    let mut text = format!(
        "### {title}, {} ms of added latency\n\n| way | time | requests | down | up | peak memory |\n\
         |---|--:|--:|--:|--:|--:|\n",
        LATENCY.as_millis()
    );
    let repository = match scene {
        "rollback" => Some(LONG.build(server)?),
        _ => None,
    };
    let mut all: Vec<Vec<Figures>> = actions.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for ((name, action), figures) in actions.iter().zip(&mut all) {
            eprintln!("{scene}: round {}, {name}", round + 1);
            let folder = format!("bench/{scene}-{round}-{}", figures.len() + name.len());
            let figure = match &repository {
                None if scene == "writers" => writers(server, &folder, action)?,
                None => branches(server, &folder, action)?,
                Some(repository) => rollback(server, repository, action)?,
            };
            figures.push(figure);
        }
    }
    for ((name, _), mut figures) in actions.iter().zip(all) {
        figures.sort_by_key(|figure| figure.time);
        let median = &figures[figures.len() / 2];
        writeln!(
            text,
            "| {name} | {:.2} s | {} | {} B | {} B | {:.0} MB |",
            median.time.as_secs_f64(),
            median.requests,
            median.down,
            median.up,
            median.memory as f64 / 1e6
        )?;
    }
    Ok(text)
}

struct Figures {
    time: Duration,
    requests: usize,
    down: u64,
    up: u64,
    memory: u64,
}

fn deploy(action: &Path, repository: &Repository, file: &str) -> Action {
    Action::of_binary(action)
        .env("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
        .input("transport", "git")
        .input("repository", repository.url())
        .input("file", file)
        .input("timeout", "120")
        .input("token", TOKEN)
}

/// Measures what `work` does with the server.
fn measured(
    server: &GitServer,
    work: impl FnOnce() -> anyhow::Result<u64>,
) -> anyhow::Result<Figures> {
    server.set_latency(LATENCY);
    server.reset_log();
    let started = Instant::now();
    let memory = work()?;
    let time = started.elapsed();
    server.set_latency(Duration::ZERO);
    let traffic = server.traffic();
    Ok(Figures {
        time,
        requests: server.requests().len(),
        down: traffic.sent,
        up: traffic.received,
        memory,
    })
}

fn image(number: usize, tag: &str) -> String {
    format!("ghcr.io/acme/service-{number:02}:{tag}")
}

fn writers(server: &GitServer, name: &str, action: &Path) -> anyhow::Result<Figures> {
    let manifest = |tag| {
        let lines = (0..WRITERS).map(|number| format!("- image: {}\n", image(number, tag)));
        format!("containers:\n{}", lines.collect::<String>())
    };
    let repository = server.repository_with(name, "apps.yaml", &manifest("v1"));
    let figures = measured(server, || {
        let running: Vec<_> = (0..WRITERS)
            .map(|number| {
                deploy(action, &repository, "apps.yaml").input("image", image(number, "v2"))
            })
            .map(Action::spawn)
            .collect();
        for running in running {
            running.wait().succeeded();
        }
        Ok(0)
    })?;
    ensure!(repository.show("main", "apps.yaml") == manifest("v2").into_bytes());
    Ok(figures)
}

fn branches(server: &GitServer, name: &str, action: &Path) -> anyhow::Result<Figures> {
    let manifest = format!("image: {}\n", image(0, "v1"));
    let repository = server.repository_with(name, "web.yaml", &manifest);
    let tip = repository.tip("main");
    let others = (0..BRANCHES).map(|number| format!("{tip} refs/heads/branch-{number:06}\n"));
    let packed = format!("# pack-refs with: sorted \n{}", others.collect::<String>());
    std::fs::write(repository.path().join("packed-refs"), packed)?;
    let meter = Meter::new()?;
    measured(server, || {
        let update = deploy(action, &repository, "web.yaml").under(meter.command()?);
        update.input("image", image(0, "v2")).run().succeeded();
        Ok(meter.read()?.memory)
    })
}

fn rollback(server: &GitServer, repository: &Repository, action: &Path) -> anyhow::Result<Figures> {
    let (file, before) = (LONG.file(), repository.tip("main"));
    let image = format!("{}:newest", LONG.image());
    deploy(action, repository, &file)
        .input("image", image)
        .run()
        .succeeded();
    let deployed = repository.tip("main");
    let meter = Meter::new()?;
    let figures = measured(server, || {
        let rollback = deploy(action, repository, &file).under(meter.command()?);
        rollback.input("operation", "rollback").run().succeeded();
        Ok(meter.read()?.memory)
    })?;
    ensure!(repository.tip("main") != deployed);
    repository.set_branch("main", &before);
    Ok(figures)
}
