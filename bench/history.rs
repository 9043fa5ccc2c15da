//! Repositories of a given size, the same bytes every time.

use std::fmt::Write;

use crate::support::{GitServer, Repository};

/// How much there is in a repository.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub name: &'static str,
    pub task: Task,
    pub files: usize,
    pub commits: usize,
}

/// What is done on a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// One image is set in one file.
    Deploy,
    /// All commits of one file are listed.
    History,
    /// The same with git's own best alone, as all else takes minutes; only where it is asked for by name.
    LongHistory,
}

/// A team's repository, a company's, one with a long past, and one with the longest.
pub const SIZES: [Size; 4] = [
    Size {
        name: "small",
        task: Task::Deploy,
        files: 100,
        commits: 100,
    },
    Size {
        name: "large",
        task: Task::Deploy,
        files: 10_000,
        commits: 5_000,
    },
    Size {
        name: "history",
        task: Task::History,
        files: 1_000,
        commits: 30_000,
    },
    Size {
        name: "million",
        task: Task::LongHistory,
        files: 2_000,
        commits: 1_000_000,
    },
];

impl Size {
    /// The file that is deployed to: one in the middle.
    pub fn file(self) -> String {
        path(self.files / 2)
    }

    /// The image in it, without a tag.
    pub fn image(self) -> String {
        image(self.files / 2)
    }

    /// How long each file is. Of a million of versions the stream that makes them would not fit.
    fn file_size(self) -> usize {
        match self.task {
            Task::Deploy | Task::History => 5_000,
            Task::LongHistory => 400,
        }
    }

    /// Builds a repository of this size: a first commit with all files, then one image after the
    /// other changes.
    pub fn build(self, server: &GitServer) -> anyhow::Result<Repository> {
        let repository = server.repository(&format!("bench/{}", self.name));
        let mut stream = String::new();
        for number in 0..self.commits {
            let message = format!("chore: deploy {number}\n");
            write!(
                stream,
                "commit refs/heads/main\ncommitter A colleague <colleague@example.com> now\n\
                 data {}\n{message}",
                message.len()
            )?;
            let mut put = |file: usize, tag: usize| {
                let manifest = manifest(file, tag, self.file_size());
                let (path, size) = (path(file), manifest.len());
                writeln!(stream, "M 100644 inline {path}\ndata {size}\n{manifest}")
            };
            match number {
                0 => (0..self.files).try_for_each(|file| put(file, 0))?,
                // A stride without a common factor with the number of files visits all in turn.
                _ => put(number * 7919 % self.files, number)?,
            }
        }
        repository.import(stream.as_bytes());
        // As a server keeps it: packed, with what makes counting objects quick.
        let repack = match self.task {
            // To find better deltas would take longer than all the rest.
            Task::LongHistory => "-adq",
            Task::Deploy | Task::History => "-adfq",
        };
        repository.git(&["repack", repack, "--write-bitmap-index"]);
        repository.git(&["commit-graph", "write", "--reachable", "--no-progress"]);
        Ok(repository)
    }
}

fn path(file: usize) -> String {
    let (team, service) = (file / 100, file % 100);
    format!("apps/team-{team:03}/service-{service:03}/deployment.yaml")
}

fn image(file: usize) -> String {
    format!("ghcr.io/acme/service-{file:05}")
}

/// So many bytes of a Deployment. The values of its environment are noise, so that it shrinks under zlib as
/// real manifests with their hashes and hosts do, to a bit less than half.
pub fn manifest(file: usize, tag: usize, size: usize) -> String {
    let mut text = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: service-{file:05}\nspec:\n  \
         replicas: 2\n  template:\n    spec:\n      containers:\n        - name: service\n          \
         image: {}:v{tag}\n          env:\n",
        image(file)
    );
    let mut noise = file as u64;
    for variable in 0.. {
        // Knuth's MMIX generator: only the high bits are good.
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let line = format!(
            "            - {{name: VARIABLE_{variable:02}, value: \"{:016x}{:016x}\"}}\n",
            noise,
            noise.rotate_left(29).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        );
        if text.len() + line.len() > size {
            break;
        }
        text.push_str(&line);
    }
    text
}
