//! What others post on the commit, which tells where Argo CD can't be asked.

use std::time::Duration;

use crate::action::inputs::definition::{DELIVERING, Definition, Input, Problems, inputs};
use crate::action::inputs::given::Given;
use crate::action::inputs::parse::{lines, text};
use crate::commit_status::Line;
use crate::operation::session::Remote;
use crate::operation::verify::Statuses;
use crate::repository::transport::Transport;

inputs! {
    /// Wait until the commit is reported as deployed on GitHub, by whoever posts this: names of commit
    /// statuses, `check:NAME` for check runs, `deployment:ENVIRONMENT` for deployments, one a line;
    /// globs `*`, `**`, `?`, `{a,b}`. Each line must match something, and all that match must be a success. For
    /// Flux, and for an Argo CD that can't be reached
    /// ([docs/commit-statuses.md](docs/commit-statuses.md)).
    STATUS_CONTEXT: Vec<Line> = Input::new("status-context", DELIVERING, lines);

    /// The login that must have posted it, such as `flux-acme[bot]`; what others post does not count.
    STATUS_CREATOR: String = Input::new("status-creator", DELIVERING, login)
        .needs(&[&STATUS_CONTEXT.definition]);
}

fn login(login: &str, problems: &mut Problems<'_>) -> Option<String> {
    let login = text(login, problems)?;
    if login.contains(char::is_whitespace) {
        problems.quote(&login, "one login is expected, such as `flux-acme[bot]`");
        return None;
    }
    Some(login)
}

/// What is to be posted on the commit; none where nothing is asked for, or something is wrong.
pub fn statuses(
    given: &mut Given,
    remote: Option<&Remote>,
    timeout: Option<Duration>,
) -> Option<Statuses> {
    let lines = given.read(&STATUS_CONTEXT).unwrap_or_default();
    if !given.has_lines(&STATUS_CONTEXT) {
        return None;
    }
    let creator = given.read(&STATUS_CREATOR);
    let remote = remote?;
    let transport = match Transport::Api.choose(&remote.location, &remote.api_url) {
        Ok(transport) => transport,
        Err(why) => {
            let why = format!("what is posted on commits is read over GitHub's API, and {why}");
            given.refuse(&STATUS_CONTEXT, why);
            return None;
        }
    };
    if lines.is_empty() {
        return None;
    }
    Some(Statuses {
        lines,
        creator,
        transport,
        timeout: timeout?,
    })
}
