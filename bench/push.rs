//! What an update costs: this action beside the shell steps that teams use, in one run on one
//! server. `cargo bench --bench push [-- --runs N] [--json] [--small]`; needs git and Rust only.
//!
//! Each contender changes one image in one file, commits and pushes, over HTTP from a real
//! `git http-backend` on loopback, without and with latency added to every answer. Told are the
//! requests, the bytes in both directions, the wall time of the whole step (median) and the peak
//! memory of its largest process; and what matters of them, the ratios.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};
use support::{GitServer, Repository, TOKEN};

const FILE: &str = "apps/050/web.yaml";
/// How this program is called to run one step and tell its peak memory.
const MEASURE: &str = "measure";

/// A way to deploy: a name, and what `sh` runs with the URL in `$URL`; none is this action.
struct Contender {
    name: &'static str,
    script: Option<&'static str>,
}

const CONTENDERS: [Contender; 4] = [
    Contender {
        name: "git clone, edit, commit, push",
        script: Some(
            "git clone -q $URL r && cd r && sed -i s/v1$/v2/ $FILE && git commit -qam x && git push -q",
        ),
    },
    Contender {
        name: "git clone --depth 1, …",
        script: Some(
            "git clone -q --depth 1 $URL r && cd r && sed -i s/v1$/v2/ $FILE && git commit -qam x && git push -q",
        ),
    },
    Contender {
        name: "git clone --depth 1 --filter=blob:none, sparse, …",
        script: Some(
            "git clone -q --depth 1 --filter=blob:none --no-checkout $URL r && cd r && \
             git sparse-checkout set --no-cone /$FILE && git checkout -q && \
             sed -i s/v1$/v2/ $FILE && git commit -qam x && git push -q",
        ),
    },
    Contender {
        name: "this action",
        script: None,
    },
];

/// A repository to deploy to.
struct Size {
    name: &'static str,
    files: usize,
    commits: usize,
}

const SIZES: [Size; 2] = [
    Size {
        name: "small: 100 files of 5 KB, 100 commits",
        files: 100,
        commits: 100,
    },
    Size {
        name: "large: 10,000 files of 5 KB, 5,000 commits",
        files: 10_000,
        commits: 5_000,
    },
];

/// What one step cost.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    requests: usize,
    bytes: u64,
    peak_kib: i64,
}

fn main() {
    // Cargo itself adds `--bench`.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|own| own != "--bench")
        .collect();
    if arguments.first().is_some_and(|first| first == MEASURE) {
        return measure(&arguments[1..]);
    }
    let has = |flag: &str| arguments.iter().any(|own| own == flag);
    let runs = arguments.iter().position(|own| own == "--runs");
    let runs = runs.map_or(5, |at| {
        arguments[at + 1].parse().expect("--runs takes a number")
    });
    let sizes = if has("--small") {
        &SIZES[..1]
    } else {
        &SIZES[..]
    };

    let mut results = Vec::new();
    for size in sizes {
        eprintln!("building the repository ({})", size.name);
        let server = GitServer::start();
        let repository = build(&server, size);
        for latency in [0, 40] {
            server.set_latency(Duration::from_millis(latency));
            let costs: Vec<Cost> = CONTENDERS
                .iter()
                .map(|contender| {
                    eprintln!("{} ms, {}", latency, contender.name);
                    median(
                        (0..runs)
                            .map(|_| step(&server, &repository, contender))
                            .collect(),
                    )
                })
                .collect();
            results.push((size, latency, costs));
        }
    }
    if has("--json") {
        println!("{:#}", as_json(&results));
    } else {
        println!("{}", as_markdown(&results, runs));
    }
}

/// One step, on a repository that is as it was at the start.
fn step(server: &GitServer, repository: &Repository, contender: &Contender) -> Cost {
    let base = repository.tip("main");
    let directory = tempfile::tempdir().unwrap();
    server.reset_log();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .arg(MEASURE)
        .current_dir(directory.path())
        .env_clear();
    command
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", directory.path());
    match contender.script {
        Some(script) => {
            let url = repository
                .url()
                .replacen("://", &format!("://x-access-token:{TOKEN}@"), 1);
            command
                .args(["sh", "-ec", script])
                .env("URL", url)
                .env("FILE", FILE);
            for role in ["AUTHOR", "COMMITTER"] {
                command
                    .env(format!("GIT_{role}_NAME"), "ci")
                    .env(format!("GIT_{role}_EMAIL"), "ci@example.com");
            }
            command.env("GIT_CONFIG_NOSYSTEM", "1");
        }
        None => {
            command.arg(env!("CARGO_BIN_EXE_gitops-deploy"));
            for (name, value) in [
                ("INPUT_REPOSITORY", repository.url()),
                ("INPUT_FILE", FILE),
                ("INPUT_IMAGE", "acme/web:v2"),
                ("INPUT_TOKEN", TOKEN),
            ] {
                command.env(name, value);
            }
        }
    }
    let started = Instant::now();
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    let wall = started.elapsed();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert_eq!(
        repository.changed_lines("main"),
        ["-  - image: acme/web:v1", "+  - image: acme/web:v2"]
    );
    let told = String::from_utf8(output.stdout).unwrap();
    let traffic = server.traffic();
    let cost = Cost {
        wall,
        requests: server.requests().len(),
        bytes: traffic.sent + traffic.received,
        peak_kib: told.lines().last().unwrap().parse().unwrap(),
    };
    repository.set_branch("main", &base);
    cost
}

/// Runs a command and prints the peak memory, in KiB, of the largest process it had.
fn measure(command: &[String]) {
    let status = Command::new(&command[0])
        .args(&command[1..])
        .stdout(Stdio::inherit())
        .status()
        .unwrap();
    assert!(status.success(), "{command:?} failed");
    println!(
        "\n{}",
        getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss()
    );
}

/// The cost of the run whose wall time is the median, which is what a person would see.
fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by_key(|cost| cost.wall);
    costs[costs.len() / 2]
}

/// A repository as teams have them: files of 5 KB in directories of 100, and a history in which one
/// of them changes in each commit.
fn build(server: &GitServer, size: &Size) -> Repository {
    let repository = server.repository_with("acme/deploy", "README.md", "# Manifests\n");
    let mut noise = Noise(1);
    let mut stream = Vec::new();
    let mut commit = |message: &str, files: &[(String, String)], parent: &str| {
        let head = format!(
            "commit refs/heads/main\ncommitter CI <ci@example.com> now\ndata {}\n{message}\n{parent}",
            message.len()
        );
        stream.extend_from_slice(head.as_bytes());
        for (path, text) in files {
            let file = format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len());
            stream.extend_from_slice(file.as_bytes());
        }
    };
    let path = |n: usize| format!("apps/{:03}/{:05}.yaml", n / 100, n);
    let web = "kind: Deployment\nspec:\n  containers:\n  - image: acme/web:v1\n".to_owned();
    let mut files: Vec<(String, String)> =
        (1..size.files).map(|n| (path(n), noise.text())).collect();
    files.push((FILE.to_owned(), web));
    commit("chore: import", &files, "from refs/heads/main^0\n");
    for n in 2..size.commits {
        let file = (path(1 + n * 7919 % (size.files - 1)), noise.text());
        commit(&format!("chore: change {n}"), &[file], "");
    }
    repository.import(&stream);
    repository.git(&["-c", "gc.writeCommitGraph=true", "gc", "--quiet"]);
    repository
}

/// Text that compresses about as well as manifests do, the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        // Xorshift (Marsaglia 2003).
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn text(&mut self) -> String {
        let mut text = String::with_capacity(5_200);
        while text.len() < 5_000 {
            let _ = writeln!(
                text,
                "  annotation-{:x}: value-{:016x}",
                self.next() % 4096,
                self.next()
            );
        }
        text
    }
}

type Result<'a> = (&'a Size, u64, Vec<Cost>);

fn as_json(results: &[Result<'_>]) -> Value {
    let cost = |(contender, cost): (&Contender, &Cost)| {
        json!({
            "name": contender.name,
            "wall_seconds": cost.wall.as_secs_f64(),
            "requests": cost.requests,
            "bytes": cost.bytes,
            "peak_kib": cost.peak_kib,
        })
    };
    results
        .iter()
        .map(|(size, latency, costs)| {
            let contenders: Vec<Value> = CONTENDERS.iter().zip(costs).map(cost).collect();
            json!({"repository": size.name, "latency_ms": latency, "contenders": contenders})
        })
        .collect()
}

fn as_markdown(results: &[Result<'_>], runs: usize) -> String {
    let mut text = format!("{}, median of {runs}\n", machine());
    for (size, latency, costs) in results {
        let _ = write!(
            text,
            "\n### {}, {latency} ms added to every answer\n\n\
             | | wall time | against `git clone` | against blob-less | requests | bytes | peak memory |\n\
             |---|---|---|---|---|---|---|\n",
            size.name
        );
        for (contender, cost) in CONTENDERS.iter().zip(costs) {
            let against = |other: &Cost| cost.wall.as_secs_f64() / other.wall.as_secs_f64();
            let _ = writeln!(
                text,
                "| {} | {:.2} s | {:.2} | {:.2} | {} | {:.0} kB | {:.1} MB |",
                contender.name,
                cost.wall.as_secs_f64(),
                against(&costs[0]),
                against(&costs[2]),
                cost.requests,
                cost.bytes as f64 / 1e3,
                cost.peak_kib as f64 * 1024.0 / 1e6,
            );
        }
    }
    text
}

/// The machine in a line: figures mean little without it.
fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unnamed CPU", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let git = Command::new("git")
        .arg("--version")
        .output()
        .unwrap()
        .stdout;
    format!(
        "{cores} cores of {model}, {}",
        String::from_utf8_lossy(&git).trim()
    )
}
