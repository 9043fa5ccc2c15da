//! What a deployment costs: this action beside the shell step that it replaces and the best that
//! git itself can do, against the same server, in one run.
//!
//! ```text
//! cargo run --release --example bench -- [--rounds N] [--only SCENE] [--before BINARY] [--json]
//! ```
//!
//! Each way sets one image in one file of a repository and pushes; or, on the repository with a long
//! past, lists the commits that touched one file. Requests and bytes (headers
//! included) are counted at the server's socket; time is the median over the rounds, in which the
//! ways take turns. The scenes are `small`, `large`, `history`, `million` (only by its name), and those of
//! `scenes.rs`, where this action takes turns with an older one, if there is one. Memory is the resident peak
//! of the largest process. The added latency is a pause before each answer.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod history;
mod meter;
mod report;
mod scenes;
#[path = "../tests/support/mod.rs"]
mod support;
mod ways;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use history::{SIZES, Task};
use report::Table;
use support::GitServer;
use ways::Way;

const LATENCIES: [Duration; 2] = [Duration::ZERO, Duration::from_millis(40)];

/// One way over all rounds: medians, but for memory, which is the highest seen.
pub struct Measured {
    way: Way,
    time: Duration,
    fastest: Duration,
    slowest: Duration,
    requests: u64,
    connections: u64,
    down: u64,
    up: u64,
    memory: u64,
    cpu: Duration,
}

impl Measured {
    fn bytes(&self) -> u64 {
        self.down + self.up
    }
}

/// One way in one round.
struct Round {
    time: Duration,
    requests: u64,
    connections: u64,
    down: u64,
    up: u64,
    memory: u64,
    cpu: Duration,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let [first, rest @ ..] = &arguments[..]
        && first == meter::METER
    {
        return meter::run(rest);
    }
    let usage = "usage: bench [--rounds N] [--only SCENE] [--before BINARY] [--json]";
    let options = Options::parse(&arguments).context(usage)?;

    let action = support::build::binary();
    let is_wanted = |name: &str| options.only.as_ref().is_none_or(|only| only == name);
    let mut actions = vec![("gitops-deploy", action.as_path())];
    if let Some(before) = &options.before {
        actions.push(("the version before", before));
    }
    for scene in scenes::SCENES.iter().filter(|scene| is_wanted(scene)) {
        let server = GitServer::start();
        println!(
            "{}",
            scenes::play(scene, &actions, options.rounds, &server)?
        );
    }
    let tables = measure(&options, &action)?;
    if options.json {
        let tables: Vec<_> = tables.iter().map(Table::json).collect();
        let report = serde_json::json!({
            "machine": report::machine(),
            "rounds": options.rounds,
            "tables": tables,
        });
        println!("{report:#}");
    } else {
        println!(
            "{}; median of {} rounds.\n",
            report::machine(),
            options.rounds
        );
        for table in tables {
            println!("{}", table.markdown()?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

struct Options {
    rounds: usize,
    only: Option<String>,
    before: Option<PathBuf>,
    json: bool,
}

impl Options {
    fn parse(arguments: &[OsString]) -> Option<Options> {
        let mut options = Options {
            rounds: 5,
            only: None,
            before: None,
            json: false,
        };
        let mut arguments = arguments.iter().map(|argument| argument.to_str());
        while let Some(argument) = arguments.next() {
            match argument? {
                "--rounds" => {
                    options.rounds = arguments.next()??.parse().ok().filter(|n| *n > 0)?;
                }
                "--only" => {
                    let name = arguments.next()??;
                    let mut names = SIZES.iter().map(|size| size.name).chain(scenes::SCENES);
                    names.find(|known| *known == name)?;
                    options.only = Some(name.to_owned());
                }
                "--before" => options.before = Some(arguments.next()??.into()),
                "--json" => options.json = true,
                _ => return None,
            }
        }
        Some(options)
    }
}

fn measure(options: &Options, action: &Path) -> anyhow::Result<Vec<Table>> {
    let server = GitServer::start();
    let mut tables = Vec::new();
    for size in SIZES {
        let is_wanted = match &options.only {
            Some(only) => only == size.name,
            None => size.task != Task::LongHistory,
        };
        if !is_wanted {
            continue;
        }
        eprintln!("building the {} repository", size.name);
        let repository = size.build(&server)?;
        let ways = Way::of(size.task);
        // Every round deploys another tag, so that there always is something to push.
        let mut tag = size.commits;
        // What takes minutes does not wait for answers.
        let latencies = match size.task {
            Task::LongHistory => &LATENCIES[..1],
            Task::Deploy | Task::History => &LATENCIES,
        };
        for &latency in latencies {
            let mut rounds: Vec<Vec<Round>> = ways.iter().map(|_| Vec::new()).collect();
            for round in 1..=options.rounds {
                eprintln!("{}, {latency:?}: round {round}", size.name);
                for (&way, rounds) in ways.iter().zip(&mut rounds) {
                    tag += 1;
                    let image = format!("{}:v{tag}", size.image());
                    let before = repository.tip("main");
                    server.set_latency(latency);
                    server.reset_log();
                    let peak = way.run(&server, &repository, &size.file(), &image, action)?;
                    server.set_latency(Duration::ZERO);
                    let traffic = server.traffic();
                    rounds.push(Round {
                        time: peak.time,
                        requests: server.requests().len() as u64,
                        connections: traffic.connections,
                        down: traffic.sent,
                        up: traffic.received,
                        memory: peak.memory,
                        cpu: peak.cpu,
                    });

                    if size.task == Task::Deploy {
                        let log = repository.git(&["rev-parse", "main^"]);
                        ensure!(log.trim() == before, "{way:?} pushed no single commit");
                        let changed = repository.changed_lines("main");
                        ensure!(
                            changed.len() == 2 && changed[1].ends_with(&image),
                            "{way:?} pushed {changed:?}"
                        );
                    }
                }
            }
            let rows = ways
                .iter()
                .zip(rounds)
                .map(|(way, rounds)| summarize(*way, &rounds))
                .collect();
            tables.push(Table {
                size,
                latency,
                rows,
            });
        }
    }
    Ok(tables)
}

fn summarize(way: Way, rounds: &[Round]) -> Measured {
    fn sorted<T: Ord>(rounds: &[Round], value: impl Fn(&Round) -> T) -> Vec<T> {
        let mut values: Vec<T> = rounds.iter().map(value).collect();
        values.sort();
        values
    }
    fn median<T: Ord + Copy>(rounds: &[Round], value: impl Fn(&Round) -> T) -> T {
        sorted(rounds, value)[rounds.len() / 2]
    }
    let times = sorted(rounds, |round| round.time);
    Measured {
        way,
        time: median(rounds, |round| round.time),
        fastest: times[0],
        slowest: times[times.len() - 1],
        requests: median(rounds, |round| round.requests),
        connections: median(rounds, |round| round.connections),
        down: median(rounds, |round| round.down),
        up: median(rounds, |round| round.up),
        cpu: median(rounds, |round| round.cpu),
        memory: sorted(rounds, |round| round.memory)[rounds.len() - 1],
    }
}
