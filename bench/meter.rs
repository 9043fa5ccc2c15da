//! Time and memory of one command and all that it starts.

use std::ffi::OsString;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::bail;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
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
    /// Time that it and all that it started had a processor.
    pub cpu: Duration,
    /// Resident memory of the largest single process, in bytes.
    pub memory: u64,
}

impl Meter {
    pub fn new() -> anyhow::Result<Meter> {
        let directory = tempfile::tempdir()?;
        Ok(Meter { directory })
    }

    /// What to put in front of a command.
    pub fn command(&self) -> anyhow::Result<Vec<OsString>> {
        let program = std::env::current_exe()?;
        let reading = self.directory.path().join("reading");
        Ok(vec![program.into(), METER.into(), reading.into()])
    }

    pub fn read(&self) -> anyhow::Result<Peak> {
        let reading = std::fs::read(self.directory.path().join("reading"))?;
        Ok(serde_json::from_slice(&reading)?)
    }
}

/// The other end: runs the command, and writes the reading down.
pub fn run(arguments: &[OsString]) -> anyhow::Result<ExitCode> {
    let [reading, program, arguments @ ..] = arguments else {
        bail!("usage: bench {METER} FILE COMMAND…");
    };
    let started = Instant::now();
    let status = Command::new(program).args(arguments).status()?;
    let time = started.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let used = [usage.user_time(), usage.system_time()];
    let used = used.map(|used| Duration::from_micros(used.num_microseconds().unsigned_abs()));
    let peak = Peak {
        time,
        cpu: used.iter().sum(),
        memory: usage.max_rss().unsigned_abs() * 1024,
    };
    std::fs::write(reading, serde_json::to_vec(&peak)?)?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}
