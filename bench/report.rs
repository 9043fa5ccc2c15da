//! Numbers for people and for programs.

use std::fmt::Write;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::Measured;
use crate::history::Size;
use crate::ways::Way;

/// All ways, on one repository, at one latency.
pub struct Table {
    pub size: Size,
    pub latency: Duration,
    pub rows: Vec<Measured>,
}

impl Table {
    fn row(&self, way: Way) -> anyhow::Result<&Measured> {
        let row = self.rows.iter().find(|row| row.way == way);
        row.with_context(|| format!("{way:?} was not measured"))
    }

    pub fn markdown(&self) -> anyhow::Result<String> {
        let shell = &self.rows[0];
        let blobless = self.row(Way::best_of_git(self.size.task))?;
        let mut text = format!(
            "### {} files, {} commits, {} ms of added latency\n\n\
             | way | time | × shell | × blob-less | CPU × blob-less | requests | down | up | bytes × shell | bytes × blob-less | peak memory |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
            thousands(self.size.files),
            thousands(self.size.commits),
            self.latency.as_millis(),
        );
        for row in &self.rows {
            let time = |other: &Measured| row.time.as_secs_f64() / other.time.as_secs_f64();
            let bytes = |other: &Measured| row.bytes() as f64 / other.bytes() as f64;
            writeln!(
                text,
                "| {} | {:.2} s | {:.2} | {:.2} | {:.2} | {} | {} | {} | {:.3} | {:.2} | {:.0} MB |",
                row.way.name(),
                row.time.as_secs_f64(),
                time(shell),
                time(blobless),
                row.cpu.as_secs_f64() / blobless.cpu.as_secs_f64(),
                row.requests,
                kilobytes(row.down),
                kilobytes(row.up),
                bytes(shell),
                bytes(blobless),
                row.memory as f64 / 1e6,
            )?;
        }
        Ok(text)
    }

    pub fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "way": format!("{:?}", row.way).to_lowercase(),
                    "seconds": row.time.as_secs_f64(),
                    "seconds_min": row.fastest.as_secs_f64(),
                    "seconds_max": row.slowest.as_secs_f64(),
                    "cpu_seconds": row.cpu.as_secs_f64(),
                    "requests": row.requests,
                    "connections": row.connections,
                    "bytes_down": row.down,
                    "bytes_up": row.up,
                    "peak_memory_bytes": row.memory,
                })
            })
            .collect();
        json!({
            "repository": self.size.name,
            "files": self.size.files,
            "commits": self.size.commits,
            "latency_ms": self.latency.as_millis() as u64,
            "ways": rows,
        })
    }
}

/// The machine, in a line.
pub fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map(|name| name.trim_start_matches(['\t', ' ', ':']).to_owned())
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let git = crate::support::git(std::path::Path::new("."), &["--version"]);
    format!(
        "{cpu}, {cores} cores, Linux {}, {}",
        kernel.trim(),
        git.trim()
    )
}

fn kilobytes(bytes: u64) -> String {
    match bytes as f64 / 1e3 {
        few if few < 10.0 => format!("{few:.1} kB"),
        some if some < 1000.0 => format!("{some:.0} kB"),
        many => format!("{:.2} MB", many / 1e3),
    }
}

fn thousands(number: usize) -> String {
    match (number / 1000, number % 1000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{thousands},{rest:03}"),
    }
}
