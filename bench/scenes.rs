//! Where it hurts: many writers at once, many branches, a look far back, a large file. This action beside an
//! older one (`--before`), where there is one.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::history::{Size, Task, manifest};
use crate::meter::{Meter, Peak};
use crate::support::{Action, GitServer, Repository, TOKEN};

/// The scenes, by the name that `--only` has for them.
pub const SCENES: [&str; 7] = [
    "writers",
    "crowd",
    "foreign",
    "branches",
    "rollback",
    "pull-request",
    "manifest",
];

/// What every answer takes longer.
const LATENCY: Duration = Duration::from_millis(100);
const WRITERS: usize = 64;
const CROWD: usize = 256;
/// How many deploy while somebody else pushes to the branch all the time.
const AMONG_OTHERS: usize = 24;
/// From one push of somebody else to the next.
const FOREIGN: Duration = Duration::from_millis(300);
const BRANCHES: usize = 50_000;
/// Of the large manifest.
const LARGE: usize = 16_000_000;
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
    let every = FOREIGN.as_millis();
    let title = match scene {
        "writers" => format!("{WRITERS} writers at once, one file, over git"),
        "crowd" => format!("{CROWD} writers at once, one file, over git"),
        "foreign" => {
            format!("{AMONG_OTHERS} writers, over git, and a foreign commit every {every} ms")
        }
        "branches" => format!("An update over git, {BRANCHES} branches"),
        "rollback" => format!("A rollback, {} commits", LONG.commits),
        "pull-request" => "A pull request is opened, and brought up to date".to_owned(),
        _ => format!("An update over git, a manifest of {} MB", LARGE / 1_000_000),
    };
    let mut text = format!(
        "### {title}, {} ms of added latency\n\n\
         | way | time | CPU | landed | requests | down | up | peak memory |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|\n",
        LATENCY.as_millis()
    );
    let long = match scene {
        "rollback" => Some(LONG.build(server)?),
        _ => None,
    };
    // Of each action's ways, in their order, what each round read.
    let mut all: Vec<Vec<(&str, Vec<Figures>)>> = actions.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for (which, ((name, action), ways)) in actions.iter().zip(&mut all).enumerate() {
            eprintln!("{scene}: round {}, {name}", round + 1);
            let folder = format!("bench/{scene}-{round}-{which}");
            let read = match (scene, &long) {
                ("writers", _) => vec![("", writers(server, &folder, action, WRITERS, None)?)],
                ("crowd", _) => vec![("", writers(server, &folder, action, CROWD, None)?)],
                ("foreign", _) => {
                    let every = Some(FOREIGN);
                    vec![("", writers(server, &folder, action, AMONG_OTHERS, every)?)]
                }
                ("branches", _) => vec![("", branches(server, &folder, action)?)],
                ("pull-request", _) => pull_request(server, &folder, action)?,
                (_, Some(long)) => vec![
                    (", git", rollback(server, long, action, "git")?),
                    (", API", rollback(server, long, action, "api")?),
                ],
                (_, None) => vec![("", large(server, &folder, action)?)],
            };
            for (position, (way, figures)) in read.into_iter().enumerate() {
                if ways.len() == position {
                    ways.push((way, Vec::new()));
                }
                ways[position].1.push(figures);
            }
        }
    }
    for ((name, _), ways) in actions.iter().zip(all) {
        for (way, mut figures) in ways {
            figures.sort_by_key(|figure| figure.time);
            let median = &figures[figures.len() / 2];
            let of_one = |figure: Option<String>| figure.unwrap_or_else(|| "-".to_owned());
            let peak = median.peak;
            writeln!(
                text,
                "| {name}{way} | {:.2} s | {} | {} of {} | {} | {} B | {} B | {} |",
                median.time.as_secs_f64(),
                of_one(peak.map(|peak| format!("{:.2} s", peak.cpu.as_secs_f64()))),
                median.landed.0,
                median.landed.1,
                median.requests,
                median.down,
                median.up,
                of_one(peak.map(|peak| format!("{:.0} MB", peak.memory as f64 / 1e6))),
            )?;
        }
    }
    Ok(text)
}

struct Figures {
    time: Duration,
    /// How many deployments landed, of how many.
    landed: (usize, usize),
    requests: usize,
    down: u64,
    up: u64,
    /// Of the one process, where there is one.
    peak: Option<Peak>,
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

/// The same over GitHub's API.
fn over_the_api(action: Action, server: &GitServer) -> Action {
    action
        .input("transport", "api")
        .input("server-url", server.url())
        .input("api-url", server.api_url())
}

/// Measures what `work` does with the server: how many landed, and of how many.
fn measured(
    server: &GitServer,
    work: impl FnOnce() -> anyhow::Result<(usize, usize)>,
) -> anyhow::Result<Figures> {
    server.set_latency(LATENCY);
    server.reset_log();
    let started = Instant::now();
    let landed = work()?;
    let time = started.elapsed();
    server.set_latency(Duration::ZERO);
    let traffic = server.traffic();
    Ok(Figures {
        time,
        landed,
        requests: server.requests().len(),
        down: traffic.sent,
        up: traffic.received,
        peak: None,
    })
}

/// The same of one process, with what it took.
fn measured_alone(server: &GitServer, action: Action) -> anyhow::Result<Figures> {
    let meter = Meter::new()?;
    let action = action.under(meter.command()?);
    let figures = measured(server, || {
        action.run().succeeded();
        Ok((1, 1))
    })?;
    let peak = Some(meter.read()?);
    Ok(Figures { peak, ..figures })
}

fn image(number: usize, tag: &str) -> String {
    format!("ghcr.io/acme/service-{number:03}:{tag}")
}

/// So many at once, each another image of one file; with somebody else, who pushes another file so often.
fn writers(
    server: &GitServer,
    name: &str,
    action: &Path,
    count: usize,
    foreign: Option<Duration>,
) -> anyhow::Result<Figures> {
    let manifest = |tag: &dyn Fn(usize) -> &'static str| {
        let lines = (0..count).map(|number| format!("- image: {}\n", image(number, tag(number))));
        format!("containers:\n{}", lines.collect::<String>())
    };
    let repository = server.repository_with(name, "apps.yaml", &manifest(&|_| "v1"));
    let is_over = AtomicBool::new(false);
    let mut landed = Vec::new();
    let figures = std::thread::scope(|scope| {
        if let Some(every) = foreign {
            let (repository, is_over) = (&repository, &is_over);
            scope.spawn(move || push_all_the_time(repository, every, is_over));
        }
        let figures = measured(server, || {
            let running: Vec<_> = (0..count)
                .map(|number| {
                    deploy(action, &repository, "apps.yaml").input("image", image(number, "v2"))
                })
                .map(Action::spawn)
                .collect();
            let ended = running.into_iter().map(|running| running.wait().code());
            landed = ended.map(|code| code == Some(0)).collect();
            Ok((landed.iter().filter(|landed| **landed).count(), count))
        });
        is_over.store(true, Ordering::Relaxed);
        figures
    })?;
    // What was reported is what is there.
    let expected = manifest(&|number| if landed[number] { "v2" } else { "v1" });
    ensure!(repository.show("main", "apps.yaml") == expected.into_bytes());
    Ok(figures)
}

/// Somebody else's commits to another file, each on whatever is newest then.
fn push_all_the_time(repository: &Repository, every: Duration, is_over: &AtomicBool) {
    const PUSH: &str = r#"
        tip=$(git rev-parse refs/heads/main)
        blob=$(echo "$NOTE" | git hash-object -w --stdin)
        tree=$({ git ls-tree $tip | grep -v notes.md; printf '100644 blob %s\tnotes.md\n' $blob; } | git mktree)
        commit=$(git -c user.name=A -c user.email=a@example.com commit-tree -p $tip -m "docs: $NOTE" $tree)
        git update-ref refs/heads/main $commit $tip 2>/dev/null"#;
    let start = Instant::now();
    for number in 1.. {
        std::thread::sleep((start + every * number).saturating_duration_since(Instant::now()));
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let mut push = Command::new("sh");
        push.args(["-c", PUSH]).current_dir(repository.path());
        // One that lost the race is not there: there is another soon.
        let pushed = push.env("NOTE", format!("note {number}")).status();
        if let Err(error) = pushed {
            eprintln!("nobody pushes: {error}");
            return;
        }
    }
}

fn branches(server: &GitServer, name: &str, action: &Path) -> anyhow::Result<Figures> {
    let manifest = format!("image: {}\n", image(0, "v1"));
    let repository = server.repository_with(name, "web.yaml", &manifest);
    let tip = repository.tip("main");
    let others = (0..BRANCHES).map(|number| format!("{tip} refs/heads/branch-{number:06}\n"));
    let packed = format!("# pack-refs with: sorted \n{}", others.collect::<String>());
    std::fs::write(repository.path().join("packed-refs"), packed)?;
    let update = deploy(action, &repository, "web.yaml").input("image", image(0, "v2"));
    measured_alone(server, update)
}

fn rollback(
    server: &GitServer,
    repository: &Repository,
    action: &Path,
    transport: &str,
) -> anyhow::Result<Figures> {
    let (file, before) = (LONG.file(), repository.tip("main"));
    deploy(action, repository, &file)
        .input("image", format!("{}:newest", LONG.image()))
        .run()
        .succeeded();
    let deployed = repository.tip("main");
    let rollback = deploy(action, repository, &file).input("operation", "rollback");
    let rollback = match transport {
        "api" => over_the_api(rollback, server),
        _ => rollback,
    };
    let figures = measured_alone(server, rollback)?;
    ensure!(repository.tip("main") != deployed);
    repository.set_branch("main", &before);
    Ok(figures)
}

fn pull_request(
    server: &GitServer,
    name: &str,
    action: &Path,
) -> anyhow::Result<Vec<(&'static str, Figures)>> {
    let manifest = format!("image: {}\n", image(0, "v1"));
    let repository = server.repository_with(name, "web.yaml", &manifest);
    let propose = |tag| {
        let update = over_the_api(deploy(action, &repository, "web.yaml"), server);
        let update = update.input("pull-request", "true");
        measured_alone(server, update.input("image", image(0, tag)))
    };
    Ok(vec![
        (", a new one", propose("v2")?),
        (", the open one", propose("v3")?),
    ])
}

fn large(server: &GitServer, name: &str, action: &Path) -> anyhow::Result<Figures> {
    let mut all = String::new();
    for number in 0.. {
        let more = format!("---\n{}", manifest(number, 1, 5_000));
        if all.len() + more.len() > LARGE {
            break;
        }
        all.push_str(&more);
    }
    let repository = server.repository_with(name, "all.yaml", &all);
    let update = deploy(action, &repository, "all.yaml");
    measured_alone(
        server,
        update.input("image", "ghcr.io/acme/service-00007:v2"),
    )
}
