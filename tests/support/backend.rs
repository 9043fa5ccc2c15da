//! `git http-backend`, run as a CGI program (RFC 3875): the same code that serves git over HTTP
//! behind Apache or nginx.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use super::repository::isolate;

/// The head of the program's answer; its body is still to be read.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: BufReader<ChildStdout>,
    /// Held so that the program lives as long as its answer.
    pub child: Child,
}

/// Starts the program for one request, streams the request's body into it, and reads the head of
/// its answer. `received` is given each piece of the body as it came over the wire.
pub(crate) async fn run(
    root: &Path,
    path: &str,
    user: Option<&str>,
    request: &Parts,
    mut body: impl Body<Data = Bytes, Error: Send> + Send + Unpin + 'static,
    received: impl Fn(&[u8]) + Send + 'static,
) -> io::Result<Answer> {
    let header = |name: &str| {
        request
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let mut command = Command::from(isolate(std::process::Command::new(program())));
    command
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("REQUEST_METHOD", request.method.as_str())
        .env("QUERY_STRING", request.uri.query().unwrap_or_default())
        .env("REMOTE_ADDR", "127.0.0.1");
    for (variable, value) in [
        ("REMOTE_USER", user.map(str::to_owned)),
        ("CONTENT_TYPE", header("content-type")),
        ("CONTENT_LENGTH", header("content-length")),
        ("HTTP_CONTENT_ENCODING", header("content-encoding")),
        ("GIT_PROTOCOL", header("git-protocol")),
    ] {
        if let Some(value) = value {
            command.env(variable, value);
        }
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;

    // In a task of its own: git may answer before it has read everything, and both pipes are small.
    let mut stdin = child.stdin.take().expect("stdin is piped");
    tokio::spawn(async move {
        while let Some(Ok(frame)) = body.frame().await {
            if let Ok(data) = frame.into_data() {
                received(&data);
                // git may well stop reading once it has decided to refuse; the rest is drained.
                let _ = stdin.write_all(&data).await;
            }
        }
    });

    let mut body = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let (status, headers) = head(&mut body).await?;
    Ok(Answer {
        status,
        headers,
        body,
        child,
    })
}

/// The CGI headers up to the blank line; `Status:` gives the status, 200 where it is absent.
async fn head(output: &mut BufReader<ChildStdout>) -> io::Result<(StatusCode, HeaderMap)> {
    let mut status = StatusCode::OK;
    let mut headers = HeaderMap::new();
    let mut line = String::new();
    loop {
        line.clear();
        if output.read_line(&mut line).await? == 0 {
            return Err(io::Error::other("git http-backend sent no header"));
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Ok((status, headers));
        }
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().unwrap_or_default();
            status = code.parse().map_err(io::Error::other)?;
        } else {
            headers.append(
                hyper::header::HeaderName::from_bytes(name.as_bytes()).map_err(io::Error::other)?,
                value.parse().map_err(io::Error::other)?,
            );
        }
    }
}

/// Debian keeps git's programs in `/usr/lib/git-core`, others elsewhere: git knows.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let directory = super::repository::git(Path::new("."), &["--exec-path"]);
        let program = Path::new(directory.trim()).join("git-http-backend");
        assert!(
            program.exists(),
            "git http-backend is not installed: {program:?}"
        );
        program
    })
}
