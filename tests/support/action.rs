//! The action, started as GitHub's runner starts a container action, and understood as the runner
//! understands it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use yaml_rust2::YamlLoader;

/// No run takes this long, but one whose `timeout` is longer: it is how a test that hangs ends.
const PATIENCE: Duration = Duration::from_secs(180);

/// The action's binary, which cargo builds for tests; not for examples.
const BINARY: Option<&str> = option_env!("CARGO_BIN_EXE_gitops-deploy");

/// A step that uses the action: `with:` inputs and the job's environment.
///
/// Inputs that `action.yml` declares and the step does not give arrive with their default, or
/// empty, as they do from the runner. Nothing else of the tests' own environment is passed on, not
/// even `PATH`.
#[derive(Debug, Clone)]
pub struct Action {
    program: Program,
    /// A program that runs the binary, with its arguments; empty where it runs by itself.
    under: Vec<OsString>,
    inputs: BTreeMap<String, String>,
    /// `None` takes a variable away.
    environment: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Clone)]
enum Program {
    Binary(PathBuf),
    Image(String),
}

impl Action {
    /// The step of `wlals2/blogsite`'s workflow, with no inputs yet.
    ///
    /// Runs the binary that cargo built for the tests, or the container image that the variable
    /// `GITOPS_DEPLOY_IMAGE` names: so every test can be run against the image as well.
    pub fn new() -> Action {
        let program = match std::env::var("GITOPS_DEPLOY_IMAGE") {
            Ok(image) => Program::Image(image),
            Err(_) => Program::Binary(BINARY.expect("cargo built the binary for a test").into()),
        };
        Action::with_program(program)
    }

    /// The same step, running this binary.
    pub fn of_binary(path: impl Into<PathBuf>) -> Action {
        Action::with_program(Program::Binary(path.into()))
    }

    /// The same step, running this image with Docker.
    pub fn of_image(image: &str) -> Action {
        Action::with_program(Program::Image(image.to_owned()))
    }

    fn with_program(program: Program) -> Action {
        let environment = [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_ACTION", "deploy"),
            ("GITHUB_ACTOR", "wlals2"),
            ("GITHUB_ACTOR_ID", "1000001"),
            // Nothing answers there: a test never leaves the machine. One that needs the API brings
            // its own.
            ("GITHUB_API_URL", "http://127.0.0.1:1"),
            ("GITHUB_BASE_REF", ""),
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_GRAPHQL_URL", "http://127.0.0.1:1/graphql"),
            ("GITHUB_HEAD_REF", ""),
            ("GITHUB_JOB", "deploy"),
            ("GITHUB_REF", "refs/heads/main"),
            ("GITHUB_REF_NAME", "main"),
            ("GITHUB_REF_TYPE", "branch"),
            ("GITHUB_REPOSITORY", "wlals2/blogsite"),
            ("GITHUB_REPOSITORY_ID", "2000002"),
            ("GITHUB_REPOSITORY_OWNER", "wlals2"),
            ("GITHUB_RETENTION_DAYS", "90"),
            ("GITHUB_RUN_ATTEMPT", "1"),
            ("GITHUB_RUN_ID", "123"),
            ("GITHUB_RUN_NUMBER", "14"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_SHA", "8a3f5c1d9e7b2a4f6c8d0e1f3a5b7c9d1e3f5a7b"),
            ("GITHUB_TRIGGERING_ACTOR", "wlals2"),
            ("GITHUB_WORKFLOW", "Deploy web"),
            ("RUNNER_ARCH", "X64"),
            ("RUNNER_ENVIRONMENT", "github-hosted"),
            ("RUNNER_NAME", "GitHub Actions 1"),
            ("RUNNER_OS", "Linux"),
        ];
        Action {
            program,
            under: Vec::new(),
            inputs: BTreeMap::new(),
            environment: environment
                .map(|(name, value)| (name.to_owned(), Some(value.to_owned())))
                .into(),
        }
    }

    /// One line of `with:`.
    pub fn input(mut self, name: &str, value: impl Into<String>) -> Action {
        self.inputs.insert(name.to_owned(), value.into());
        self
    }

    /// One variable of the job's environment.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Action {
        self.environment.insert(name.to_owned(), Some(value.into()));
        self
    }

    /// Takes a variable away: outside GitHub there is no `GITHUB_OUTPUT`, for one.
    pub fn without_env(mut self, name: &str) -> Action {
        self.environment.insert(name.to_owned(), None);
        self
    }

    /// Runs the binary by way of another program: `meter --of-memory BINARY`.
    pub fn under(mut self, program: impl IntoIterator<Item = OsString>) -> Action {
        self.under = program.into_iter().collect();
        self
    }

    /// Runs the action to its end.
    pub fn run(self) -> Outcome {
        self.spawn().wait()
    }

    /// Starts the action and returns at once.
    pub fn spawn(self) -> Running {
        let job = Job::new();
        let mut variables = match self.program {
            Program::Binary(_) => job.variables(job.directory.path()),
            Program::Image(_) => job.variables(Path::new("/github")),
        };
        for (name, value) in self.environment {
            match value {
                Some(value) => variables.insert(name, value),
                None => variables.remove(&name),
            };
        }
        let timeout = self.inputs.get("timeout");
        let timeout = timeout.and_then(|seconds| seconds.parse().ok());
        let patience = timeout.map_or(PATIENCE, |timeout| {
            PATIENCE.max(Duration::from_secs(timeout))
        });
        for (name, default) in declared_inputs() {
            let value = resolve(&default, &variables);
            variables.insert(input_variable(&name), value);
        }
        for (name, value) in self.inputs {
            variables.insert(input_variable(&name), value);
        }

        let mut command = match &self.program {
            Program::Binary(path) => {
                let mut command = match &self.under[..] {
                    [] => Command::new(path),
                    [program, arguments @ ..] => {
                        let mut command = Command::new(program);
                        command.args(arguments).arg(path);
                        command
                    }
                };
                command.env_clear();
                command
            }
            Program::Image(image) => job.docker(image, variables.keys()),
        };
        let started = Instant::now();
        let mut child = command
            .envs(&variables)
            .current_dir(job.workspace())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{:?} does not start: {error}", self.program));
        Running {
            stdout: collect(child.stdout.take().unwrap()),
            stderr: collect(child.stderr.take().unwrap()),
            printed: Vec::new(),
            child,
            job,
            started,
            until: started + patience,
        }
    }
}

/// What the runner calls an input: upper case, spaces as underscores, hyphens kept.
fn input_variable(name: &str) -> String {
    format!("INPUT_{}", name.replace(' ', "_").to_uppercase())
}

/// The inputs of `action.yml` with their defaults; empty where there is none.
fn declared_inputs() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml");
    let Ok(text) = std::fs::read_to_string(path) else {
        return Vec::new();
    };
    let documents = YamlLoader::load_from_str(&text).expect("action.yml is YAML");
    let Some(inputs) = documents[0]["inputs"].as_hash() else {
        return Vec::new();
    };
    inputs
        .iter()
        .map(|(name, input)| {
            use yaml_rust2::Yaml;
            let default = match &input["default"] {
                Yaml::String(text) | Yaml::Real(text) => text.clone(),
                Yaml::Integer(number) => number.to_string(),
                Yaml::Boolean(boolean) => boolean.to_string(),
                _ => String::new(),
            };
            (name.as_str().unwrap().to_owned(), default)
        })
        .collect()
}

/// Fills `${{ github.x }}` in, which is all that a default may hold: `github.token`, and contexts
/// that have their value in `GITHUB_X`.
fn resolve(default: &str, variables: &BTreeMap<String, String>) -> String {
    let Some((before, rest)) = default.split_once("${{") else {
        return default.to_owned();
    };
    let (expression, after) = rest.split_once("}}").expect("an expression ends in }}");
    let value = match expression.trim().strip_prefix("github.") {
        Some("token") => "ghs_thetokenofthisjob",
        Some(name) => variables
            .get(&format!("GITHUB_{}", name.to_uppercase()))
            .unwrap_or_else(|| panic!("no value for {expression}")),
        None => panic!("the runner can't evaluate {expression} in a default"),
    };
    format!("{before}{value}{}", resolve(after, variables))
}

/// The files that a step shares with the runner.
#[derive(Debug)]
struct Job {
    directory: TempDir,
}

impl Job {
    fn new() -> Job {
        let directory = tempfile::Builder::new().prefix("job-").tempdir().unwrap();
        let job = Job { directory };
        for folder in ["workspace", "home", "file_commands", "workflow"] {
            std::fs::create_dir(job.directory.path().join(folder)).unwrap();
        }
        for file in ["output", "step_summary", "env", "path", "state"] {
            std::fs::write(job.file_command(file), "").unwrap();
        }
        let event = r#"{"ref": "refs/heads/main", "head_commit": {"id": "8a3f5c1d9e7b2a4f6c8d0e1f3a5b7c9d1e3f5a7b", "message": "feat: a new post", "author": {"name": "Jimin", "email": "jimin@example.com", "username": "wlals2"}}, "repository": {"full_name": "wlals2/blogsite", "html_url": "https://github.com/wlals2/blogsite"}}"#;
        std::fs::write(job.directory.path().join("workflow/event.json"), event).unwrap();
        job
    }

    fn workspace(&self) -> PathBuf {
        self.directory.path().join("workspace")
    }

    fn file_command(&self, name: &str) -> PathBuf {
        self.directory.path().join("file_commands").join(name)
    }

    /// The variables that name those files, under the directory as the action sees it.
    fn variables(&self, seen: &Path) -> BTreeMap<String, String> {
        [
            ("HOME", "home"),
            ("GITHUB_WORKSPACE", "workspace"),
            ("GITHUB_OUTPUT", "file_commands/output"),
            ("GITHUB_STEP_SUMMARY", "file_commands/step_summary"),
            ("GITHUB_ENV", "file_commands/env"),
            ("GITHUB_PATH", "file_commands/path"),
            ("GITHUB_STATE", "file_commands/state"),
            ("GITHUB_EVENT_PATH", "workflow/event.json"),
        ]
        .map(|(name, path)| (name.to_owned(), seen.join(path).display().to_string()))
        .into()
    }

    /// As the runner runs a container action: variables by name only, so that no secret is on the
    /// command line, and its directories mounted under `/github`. The host's network, so that a
    /// server on loopback can be reached.
    fn docker<'a>(&self, image: &str, variables: impl Iterator<Item = &'a String>) -> Command {
        let mut command = Command::new("docker");
        command.args(["run", "--rm", "--network", "host"]);
        command.args(["--workdir", "/github/workspace", "--volume"]);
        command.arg(format!("{}:/github", self.directory.path().display()));
        for name in variables {
            command.args(["--env", name]);
        }
        command.arg(image);
        command
    }
}

/// Reads a pipe to its end in a thread, so that it can't fill up.
fn collect(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut bytes) {
            let _ = sender.send(bytes[..count].to_vec());
        }
    });
    receiver
}

/// An action on its way.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
    /// What was read of the output before its end.
    printed: Vec<u8>,
    job: Job,
    started: Instant,
    /// When it has to have ended.
    until: Instant,
}

impl Running {
    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What a cancelled workflow does first.
    pub fn terminate(&self) {
        let id = Pid::from_raw(self.child.id().try_into().unwrap());
        kill(id, Signal::SIGTERM).unwrap();
    }

    /// Waits until it has printed `text`.
    pub fn printed(&mut self, text: &str) {
        let has = |printed: &[u8]| String::from_utf8_lossy(printed).contains(text);
        while !has(&self.printed) {
            let left = self.until.saturating_duration_since(Instant::now());
            match self.stdout.recv_timeout(left) {
                Ok(bytes) => self.printed.extend(bytes),
                Err(_) => panic!(
                    "the action printed no {text:?}:\n{}",
                    String::from_utf8_lossy(&self.printed)
                ),
            }
        }
    }

    /// Waits until it ends.
    pub fn wait(mut self) -> Outcome {
        let deadline = self.until;
        let mut rest = |pipe: &Receiver<Vec<u8>>, mut bytes: Vec<u8>| {
            loop {
                let left = deadline.saturating_duration_since(Instant::now());
                match pipe.recv_timeout(left) {
                    Ok(more) => bytes.extend(more),
                    Err(RecvTimeoutError::Disconnected) => {
                        return String::from_utf8(bytes).expect("the action prints UTF-8");
                    }
                    Err(RecvTimeoutError::Timeout) => {
                        let _ = self.child.kill();
                        panic!("the action still runs, past all patience");
                    }
                }
            }
        };
        let printed = std::mem::take(&mut self.printed);
        let (stdout, stderr) = (rest(&self.stdout, printed), rest(&self.stderr, Vec::new()));
        let status = self.child.wait().unwrap();
        let elapsed = self.started.elapsed();
        let read = |name| std::fs::read_to_string(self.job.file_command(name)).unwrap();
        let summary = read("step_summary");
        record(&summary);
        Outcome {
            status,
            outputs: parse_outputs(&read("output")),
            summary,
            stdout,
            stderr,
            elapsed,
            job: self.job,
        }
    }
}

/// Keeps a summary that has a chart, where somebody wants to check it.
fn record(summary: &str) {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let Some(directory) = std::env::var_os("GITOPS_DEPLOY_RECORD_SUMMARIES") else {
        return;
    };
    if summary.contains("```mermaid") {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}.md", std::process::id());
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(Path::new(&directory).join(name), summary).unwrap();
    }
}

/// What an action left behind.
#[derive(Debug)]
pub struct Outcome {
    /// How the process ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it printed to the error stream; the runner shows it in the same log.
    pub stderr: String,
    /// `steps.deploy.outputs`.
    pub outputs: BTreeMap<String, String>,
    /// The job summary, Markdown.
    pub summary: String,
    /// From start to end.
    pub elapsed: Duration,
    job: Job,
}

/// A message that the runner shows next to the log and on the run's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// `error`, `warning` or `notice`.
    pub level: String,
    /// `title`, `file`, `line`…
    pub properties: BTreeMap<String, String>,
    /// Its text.
    pub message: String,
}

impl Outcome {
    /// The exit code; `None` when a signal ended the process.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The same outcome, after checking that the step is green; shows the log when it isn't.
    pub fn succeeded(self) -> Outcome {
        assert!(self.status.success(), "the action failed:\n{}", self.log());
        self
    }

    /// The same outcome, after checking that the step is red: exit code 1.
    pub fn failed(self) -> Outcome {
        assert_eq!(self.code(), Some(1), "the step's log:\n{}", self.log());
        self
    }

    /// One output; panics when it was not set.
    pub fn output(&self, name: &str) -> &str {
        self.outputs
            .get(name)
            .unwrap_or_else(|| panic!("no output {name} among {:?}", self.outputs.keys()))
    }

    /// Both streams.
    pub fn log(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// The log as the runner shows it: without the masks' own lines, and with `***` for what they
    /// hide.
    pub fn shown_log(&self) -> String {
        let mut log: String = self
            .log()
            .split_inclusive('\n')
            .filter(|line| !line.starts_with("::add-mask::"))
            .collect();
        for secret in self.masks() {
            log = log.replace(&secret, "***");
        }
        log
    }

    /// The directory that a path in an output is relative to.
    pub fn workspace(&self) -> PathBuf {
        self.job.workspace()
    }

    /// What the runner was told to hide.
    pub fn masks(&self) -> Vec<String> {
        self.commands()
            .into_iter()
            .filter(|command| command.name == "add-mask")
            .map(|command| command.message)
            .collect()
    }

    /// Errors, warnings and notices, in the order in which they were printed.
    pub fn annotations(&self) -> Vec<Annotation> {
        self.commands()
            .into_iter()
            .filter(|command| ["error", "warning", "notice"].contains(&command.name.as_str()))
            .map(|command| Annotation {
                level: command.name,
                properties: command.properties,
                message: command.message,
            })
            .collect()
    }

    /// The messages of the error annotations.
    pub fn errors(&self) -> Vec<String> {
        self.messages("error")
    }

    /// The messages of the warning annotations.
    pub fn warnings(&self) -> Vec<String> {
        self.messages("warning")
    }

    fn messages(&self, level: &str) -> Vec<String> {
        self.annotations()
            .into_iter()
            .filter(|annotation| annotation.level == level)
            .map(|annotation| annotation.message)
            .collect()
    }

    /// The workflow commands that the runner finds in the log, injected ones included.
    pub fn commands(&self) -> Vec<WorkflowCommand> {
        let log = self.log();
        let mut commands = Vec::new();
        // Between `stop-commands::TOKEN` and `TOKEN` the runner takes every line for text.
        let mut stopped: Option<String> = None;
        for command in log.lines().filter_map(WorkflowCommand::parse) {
            match &stopped {
                Some(token) if command.name == *token => stopped = None,
                Some(_) => {}
                None if command.name == "stop-commands" => stopped = Some(command.message),
                None => commands.push(command),
            }
        }
        commands
    }
}

/// `::name key=value,key=value::message`, or `##[name key=value;key=value]message`.
#[derive(Debug)]
pub struct WorkflowCommand {
    /// `error`, `group`…
    pub name: String,
    /// `title`, `file`…
    pub properties: BTreeMap<String, String>,
    /// What stands behind the last colons.
    pub message: String,
}

impl WorkflowCommand {
    /// As `ActionCommand.cs` of actions/runner reads a line: the first form at the line's start,
    /// behind spaces even; the older one anywhere in it.
    fn parse(line: &str) -> Option<WorkflowCommand> {
        let (head, message, separator) = match line.trim_start().strip_prefix("::") {
            Some(rest) => {
                let (head, message) = rest.split_once("::")?;
                (head, message, ',')
            }
            None => {
                let (_, rest) = line.split_once("##[")?;
                let (head, message) = rest.split_once(']')?;
                (head, message, ';')
            }
        };
        let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
        Some(WorkflowCommand {
            name: name.to_owned(),
            properties: properties
                .split(separator)
                .filter_map(|property| property.trim().split_once('='))
                .map(|(key, value)| {
                    let value = value.replace("%3A", ":").replace("%2C", ",");
                    (key.to_owned(), unescape(&value))
                })
                .collect(),
            message: unescape(message),
        })
    }
}

fn unescape(text: &str) -> String {
    text.replace("%0D", "\r")
        .replace("%0A", "\n")
        .replace("%25", "%")
}

/// `GITHUB_OUTPUT`, as the runner reads it: `name=value`, or `name<<DELIMITER` and lines up to the
/// delimiter. Anything else fails the step there, and the test here.
fn parse_outputs(text: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (equals, heredoc) = (line.find('='), line.find("<<"));
        let (name, value) = match (equals, heredoc) {
            (Some(equals), heredoc) if heredoc.is_none_or(|at| equals < at) => {
                (&line[..equals], line[equals + 1..].to_owned())
            }
            (_, Some(heredoc)) => {
                let delimiter = &line[heredoc + 2..];
                let mut value = Vec::new();
                loop {
                    match lines.next() {
                        Some(line) if line == delimiter => break,
                        Some(line) => value.push(line),
                        None => panic!("no line {delimiter:?} ends the output {line:?}"),
                    }
                }
                (&line[..heredoc], value.join("\n"))
            }
            _ => panic!("the runner refuses the line {line:?} in GITHUB_OUTPUT"),
        };
        outputs.insert(name.to_owned(), value);
    }
    outputs
}
