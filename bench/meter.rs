//! Time and memory of one command and all that it starts.

use std::ffi::OsString;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

/// The first argument that makes this program a meter: `bench METER FILE COMMAND…`.
pub const METER: &str = "--meter";

/// Runs a command by way of this very program, in a process of its own: the kernel keeps the peak
/// of memory per process tree, over all commands that it has ever waited for.
pub struct Meter {
    directory: TempDir,
}

/// What a [`Meter`] read.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Peak {
    /// From start to end.
    pub time: Duration,
    /// Resident memory of the largest single process, in bytes.
    pub memory: u64,
}

impl Meter {
    pub fn new() -> Meter {
        Meter {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// What to put in front of a command.
    pub fn command(&self) -> Vec<OsString> {
        let program = std::env::current_exe().unwrap();
        let reading = self.directory.path().join("reading");
        vec![program.into(), METER.into(), reading.into()]
    }

    pub fn read(&self) -> Peak {
        let reading = std::fs::read(self.directory.path().join("reading")).unwrap();
        serde_json::from_slice(&reading).unwrap()
    }
}

/// The other end: runs the command, and writes the reading down.
pub fn run(arguments: &[OsString]) -> ExitCode {
    let [reading, program, arguments @ ..] = arguments else {
        panic!("usage: bench {METER} FILE COMMAND…");
    };
    let started = Instant::now();
    let status = Command::new(program).args(arguments).status().unwrap();
    let peak = Peak {
        time: started.elapsed(),
        memory: getrusage(UsageWho::RUSAGE_CHILDREN)
            .unwrap()
            .max_rss()
            .unsigned_abs()
            * 1024,
    };
    std::fs::write(reading, serde_json::to_vec(&peak).unwrap()).unwrap();
    match status.code() {
        Some(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        None => ExitCode::FAILURE,
    }
}
