//! Where a repository is: what `repository` and `server-url` say together.

use std::fmt;

use url::Url;

use crate::files::RepoPath;
use crate::http::text;

/// The URL of a repository, without credentials, query and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    url: Url,
    on_github: bool,
    on_server: bool,
}

/// Why a text names no repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Neither `owner/name` nor a URL.
    #[error("expected `owner/name`, or a whole https://, http:// or file:// URL")]
    Form,
    /// `github.com/acme/deploy`
    #[error("a URL without its scheme: write `https://{0}`")]
    NoScheme(String),
    /// `https:/github.com/acme/deploy`
    #[error("a URL without the two slashes behind its scheme: write `{0}`")]
    Slashes(String),
    /// `"acme/deploy"`
    #[error("quotes around it: write `{0}`")]
    Quotes(String),
    /// `https://github.com/acme`
    #[error("the URL of an owner and not of a repository: write `{0}/NAME`")]
    OwnerAlone(String),
    /// `/srv/git/deploy.git`
    #[error("a path of this machine: write `file://{0}`")]
    Path(String),
    /// `https://user:secret@host/…`. The text is a secret and is not repeated.
    #[error(
        "a URL with credentials in it: give the token as `token`, a name that it needs as `token-username`, and the URL without them"
    )]
    Credentials,
    /// `https://github.com/acme/deploy/tree/main`
    #[error("the URL of a page of the repository: write `{0}`{1}")]
    Page(String, &'static str),
    /// `?` or `#`.
    #[error("the URL has a query or a fragment: expected only scheme, host and path")]
    Query,
    /// `ssh://` or `git@host:…`.
    #[error("SSH is not supported: give `owner/name`, or the https:// URL, and a token")]
    Ssh,
    /// A scheme that is none of ours.
    #[error("the scheme `{0}` is not supported: expected https, http or file")]
    Scheme(String),
}

impl Location {
    /// `text` as `owner/name` on `server`, or as a whole URL.
    ///
    /// # Errors
    /// When it is neither, or a URL holds credentials.
    pub fn new(text: &str, server: &Url) -> Result<Self, LocationError> {
        if let Some(inner) = without_quotes(text) {
            return Err(match Self::new(inner, server) {
                Err(LocationError::Credentials) => LocationError::Credentials,
                _ => LocationError::Quotes(inner.to_owned()),
            });
        }
        if text.contains("://") {
            return Self::from_url(text, server);
        }
        if let Some(meant) = with_slashes(text) {
            return Err(match text.contains('@') {
                true => LocationError::Credentials,
                false => LocationError::Slashes(meant),
            });
        }
        if text.starts_with('/') {
            return Err(LocationError::Path(text.to_owned()));
        }
        let scp_like = text
            .split_once(':')
            .is_some_and(|(host, _)| !host.contains('/'));
        if text.starts_with("git@") || scp_like {
            return Err(LocationError::Ssh);
        }
        let text = text.strip_suffix(".git").unwrap_or(text);
        match text.split('/').collect::<Vec<_>>()[..] {
            [owner, name] if is_name(owner) && is_name(name) => {
                let mut url = server.clone();
                url.path_segments_mut()
                    .map_err(|()| LocationError::Form)?
                    .pop_if_empty()
                    .extend([owner, name]);
                Ok(Self {
                    url,
                    on_github: true,
                    on_server: true,
                })
            }
            [host, _, .., _] if host.contains('.') => {
                Err(match Self::new(&format!("https://{text}"), server) {
                    Err(page @ LocationError::Page(..)) => page,
                    _ => LocationError::NoScheme(text.to_owned()),
                })
            }
            _ => Err(LocationError::Form),
        }
    }

    fn from_url(text: &str, server: &Url) -> Result<Self, LocationError> {
        let mut url = Url::parse(text).map_err(|_| LocationError::Form)?;
        match url.scheme() {
            "https" | "http" => {}
            "file" => {
                return Ok(Self {
                    url,
                    on_github: false,
                    on_server: false,
                });
            }
            "ssh" | "git+ssh" => return Err(LocationError::Ssh),
            other => return Err(LocationError::Scheme(other.to_owned())),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(LocationError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(LocationError::Query);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        if path.is_empty() {
            return Err(LocationError::Form);
        }
        url.set_path(&path);
        // `www.github.com` only leads on to it.
        if let (Some(own), Some(host)) = (url.host_str(), server.host_str())
            && own.strip_prefix("www.") == Some(host)
        {
            url.set_host(Some(host)).map_err(|_| LocationError::Form)?;
        }
        let is_own = url.origin() == server.origin();
        if !(is_own && is_hosted_by_github(server))
            && let Some((repository, page)) = repository_of_page(&path)
        {
            url.set_path(repository);
            return Err(LocationError::Page(url.to_string(), named_by_page(page)));
        }
        if !is_own {
            let on_server = url.host() == server.host();
            return Ok(Self {
                url,
                on_github: false,
                on_server,
            });
        }
        let base = server.path().trim_end_matches('/');
        let own = path.strip_prefix(base).unwrap_or(&path);
        match own.trim_start_matches('/').split('/').collect::<Vec<_>>()[..] {
            [owner] if is_hosted_by_github(server) => {
                Err(LocationError::OwnerAlone(owner.to_owned()))
            }
            [owner, name, page, ..] if is_hosted_by_github(server) => {
                let name = name.strip_suffix(".git").unwrap_or(name);
                Err(LocationError::Page(
                    format!("{owner}/{name}"),
                    named_by_page(page),
                ))
            }
            _ => {
                let on_github = owner_and_name(&path).is_some();
                Ok(Self {
                    url,
                    on_github,
                    on_server: true,
                })
            }
        }
    }

    /// What git is given.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether it is on the host that `server-url` names.
    pub fn is_on_server(&self) -> bool {
        self.on_server
    }

    /// Whether the repository is on this machine's file system.
    pub fn is_local(&self) -> bool {
        self.url.scheme() == "file"
    }

    /// `owner/name`, for a repository on the GitHub server that the workflow runs on.
    pub fn github_name(&self) -> Option<String> {
        let (owner, name) = owner_and_name(self.url.path())?;
        self.on_github.then(|| format!("{owner}/{name}"))
    }

    /// Whether `api_url` is of the same server, so that what is for the repository may be told there: its
    /// host, or GitHub's `api.` before it, and never without the encryption that the repository has.
    pub fn may_be_asked_at(&self, api_url: &Url) -> bool {
        let (Some(own), Some(api)) = (self.url.host_str(), api_url.host_str()) else {
            return false;
        };
        let is_encrypted = self.url.scheme() != "https" || api_url.scheme() == "https";
        is_encrypted && (own == api || api.strip_prefix("api.") == Some(own))
    }

    /// Whether it is this `owner/name`; GitHub knows no upper and lower case there.
    pub fn is_named(&self, name: &str) -> bool {
        let own = self.github_name();
        own.is_some_and(|own| own.eq_ignore_ascii_case(name))
    }

    /// Where a person can look at a commit. None for a local repository.
    pub fn commit_url(&self, commit: &str) -> Option<String> {
        let base = self.page()?;
        let page = match self.url.host_str() {
            Some("bitbucket.org") => "commits",
            _ => "commit",
        };
        Some(format!("{base}/{page}/{commit}"))
    }

    /// Where a person can look at the repository. None for a local one.
    pub fn page(&self) -> Option<&str> {
        let base = self.url.as_str();
        (!self.is_local()).then(|| base.strip_suffix(".git").unwrap_or(base))
    }

    /// Where a person can look at a line of a file in a commit, on GitHub; other servers differ in where
    /// they have it.
    pub fn line_url(&self, commit: &str, path: &RepoPath, line: usize) -> Option<String> {
        let mut url = Url::parse(self.page().filter(|_| self.on_github)?).ok()?;
        url.path_segments_mut()
            .ok()?
            .extend(["blob", commit])
            .extend(path.as_str().split('/'));
        url.set_fragment(Some(&format!("L{line}")));
        Some(url.into())
    }

    /// Where a person sees what `to` has that `from` has not. None for a local repository.
    pub fn compare_url(&self, from: &str, to: &str) -> Option<String> {
        // Markdown ends a link there.
        let base = self.page()?.replace('(', "%28").replace(')', "%29");
        Some(format!("{base}/compare/{from}...{to}"))
    }

    /// The host, with its port where it is not the scheme's own.
    pub fn host(&self) -> String {
        text::host(&self.url)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.github_name() {
            Some(name) => f.write_str(&name),
            None => f.write_str(self.url.as_str()),
        }
    }
}

/// Where a repository's URL has exactly two parts. A GitHub Enterprise Server's name tells nothing, and
/// other servers have groups in groups.
fn is_hosted_by_github(server: &Url) -> bool {
    let host = server.host_str().unwrap_or_default();
    host == "github.com" || host.ends_with(".ghe.com")
}

/// The repository that a server shows pages of at `path`, and the word that says of what: GitLab puts `-` before it,
/// which names no repository; of others, a word counts that comes with what it is of, as groups may be in groups.
fn repository_of_page(path: &str) -> Option<(&str, &str)> {
    if let Some((repository, page)) = path.split_once("/-/") {
        return Some((repository, page.split('/').next().unwrap_or(page)));
    }
    if path.ends_with(".git") {
        return None;
    }
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (at, page) = parts.iter().enumerate().skip(2).find_map(|(at, word)| {
        let of = parts.get(at + 1)?;
        let is_page = match *word {
            "tree" | "blob" | "blame" | "raw" => true,
            "src" => matches!(*of, "branch" | "commit" | "tag"),
            "pull" | "pulls" | "issues" | "merge_requests" | "pull-requests" => is_number(of),
            _ => false,
        };
        is_page.then_some((at, *word))
    })?;
    let before: usize = parts[..at].iter().map(|part| part.len() + 1).sum();
    Some((&path[..before], page))
}

/// What else a page names, by its word.
fn named_by_page(page: &str) -> &'static str {
    match page {
        "tree" | "blob" | "blame" | "raw" | "src" => {
            ", and what is behind it as `branch` and `file`"
        }
        _ => "",
    }
}

/// What is in the quotes around a text.
fn without_quotes(text: &str) -> Option<&str> {
    ['"', '\''].into_iter().find_map(|quote| {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inner.is_empty()).then_some(inner)
    })
}

/// A URL with one slash behind its scheme, or none, as it is meant.
fn with_slashes(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once(':')?;
    let below = rest.trim_start_matches('/');
    match scheme {
        "https" | "http" if !below.is_empty() => Some(format!("{scheme}://{below}")),
        "file" if rest.starts_with('/') => Some(format!("file:///{below}")),
        _ => None,
    }
}

fn is_name(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn owner_and_name(path: &str) -> Option<(&str, &str)> {
    let path = path.trim_start_matches('/');
    let (owner, name) = path.strip_suffix(".git").unwrap_or(path).rsplit_once('/')?;
    let owner = owner.rsplit('/').next()?;
    (is_name(owner) && is_name(name)).then_some((owner, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locate(text: &str) -> Result<Location, LocationError> {
        Location::new(text, &Url::parse("https://github.com").unwrap())
    }

    #[test]
    fn owner_and_name_are_on_the_server() {
        for text in ["wlals2/k8s-manifests", "wlals2/k8s-manifests.git"] {
            let location = locate(text).unwrap();
            assert_eq!(
                location.url().as_str(),
                "https://github.com/wlals2/k8s-manifests"
            );
            assert_eq!(location.github_name().unwrap(), "wlals2/k8s-manifests");
        }
        let enterprise = Url::parse("https://git.acme.example/github/").unwrap();
        let location = Location::new("a/b", &enterprise).unwrap();
        assert_eq!(
            location.url().as_str(),
            "https://git.acme.example/github/a/b"
        );
    }

    #[test]
    fn a_commit_is_where_its_server_shows_it() {
        for (repository, expected) in [
            ("a/b", "https://github.com/a/b/commit/8a3f"),
            (
                "https://bitbucket.org/a/b.git",
                "https://bitbucket.org/a/b/commits/8a3f",
            ),
            (
                "https://dev.azure.com/a/b/_git/c",
                "https://dev.azure.com/a/b/_git/c/commit/8a3f",
            ),
        ] {
            let commit = locate(repository).unwrap().commit_url("8a3f");
            assert_eq!(commit.unwrap(), expected);
        }
        assert_eq!(locate("file:///a").unwrap().commit_url("8a3f"), None);
    }

    #[test]
    fn a_line_has_a_page_on_github() {
        let path = "a b/#1.yaml".parse().unwrap();
        let url = |repository: &str| locate(repository).unwrap().line_url("8a3f", &path, 7);
        assert_eq!(
            url("a/b").unwrap(),
            "https://github.com/a/b/blob/8a3f/a%20b/%231.yaml#L7"
        );
        assert_eq!(url("https://gitlab.example/a/b"), None);
        assert_eq!(url("file:///a"), None);
    }

    #[test]
    fn a_url_is_taken_as_it_is() {
        let location = locate("https://gitlab.example:8443/group/sub/repo.git/").unwrap();
        assert_eq!(
            location.url().as_str(),
            "https://gitlab.example:8443/group/sub/repo.git"
        );
        assert_eq!(location.github_name(), None);
        assert_eq!(
            location.commit_url("8a3f").unwrap(),
            "https://gitlab.example:8443/group/sub/repo/commit/8a3f"
        );
        assert_eq!(
            locate("https://github.com/a/b.git")
                .unwrap()
                .github_name()
                .unwrap(),
            "a/b"
        );
    }

    #[test]
    fn www_is_no_part_of_githubs_name_and_case_is_no_part_of_a_name() {
        let location = locate("https://www.github.com/Acme/Deploy").unwrap();
        assert_eq!(location.url().as_str(), "https://github.com/Acme/Deploy");
        assert!(location.is_named("acme/deploy") && !location.is_named("acme/other"));
        let other = locate("https://www.example.com/a/b").unwrap();
        assert_eq!(other.url().as_str(), "https://www.example.com/a/b");
        // Groups in groups, on a server that runs workflows.
        let gitlab = Url::parse("https://git.example.com").unwrap();
        let location = Location::new("https://git.example.com/a/b/c", &gitlab).unwrap();
        assert_eq!(location.url().path(), "/a/b/c");
    }

    #[test]
    fn a_page_of_another_server_is_told_from_groups_in_groups() {
        let pages = [
            (
                "https://gitlab.com/g/r/-/tree/main",
                "https://gitlab.com/g/r",
            ),
            (
                "https://gitlab.com/g/s/r/-/blob/main/a/x.yaml",
                "https://gitlab.com/g/s/r",
            ),
            (
                "https://gitlab.com/g/r/-/merge_requests/3",
                "https://gitlab.com/g/r",
            ),
            (
                "https://codeberg.org/o/r/src/branch/main/apps",
                "https://codeberg.org/o/r",
            ),
            (
                "https://github.corp.example/o/r/tree/main/apps",
                "https://github.corp.example/o/r",
            ),
            (
                "https://git.example:8443/o/r/pulls/3",
                "https://git.example:8443/o/r",
            ),
        ];
        for (text, expected) in pages {
            let LocationError::Page(meant, _) = locate(text).unwrap_err() else {
                panic!("{text}");
            };
            assert_eq!(meant, expected, "{text}");
        }
        for text in [
            "https://gitlab.com/g/s/tree",
            "https://gitlab.com/g/s/src/r",
            "https://gitlab.com/tree/blob",
            "https://git.example/scm/pull/r.git",
        ] {
            assert_eq!(locate(text).unwrap().url().as_str(), text);
        }
    }

    #[test]
    fn what_names_no_repository_is_refused() {
        for (text, expected) in [
            ("k8s-manifests", LocationError::Form),
            ("a/b/c", LocationError::Form),
            ("../b", LocationError::Form),
            ("a b/c", LocationError::Form),
            ("https://", LocationError::Form),
            ("https://github.com/", LocationError::Form),
            (
                "https://github.com/acme",
                LocationError::OwnerAlone("acme".into()),
            ),
            (
                "file:/tmp/x",
                LocationError::Slashes("file:///tmp/x".into()),
            ),
            (
                "http:/github.com/a/b",
                LocationError::Slashes("http://github.com/a/b".into()),
            ),
            ("https:/x:ghp_1@github.com/a/b", LocationError::Credentials),
            ("\"a/b\"", LocationError::Quotes("a/b".into())),
            (
                "'https://x:ghp_1@github.com/a/b'",
                LocationError::Credentials,
            ),
            (
                "https://github.com/a/b/tree/main",
                LocationError::Page(
                    "a/b".into(),
                    ", and what is behind it as `branch` and `file`",
                ),
            ),
            (
                "github.com/a/b/blob/main/x.yaml",
                LocationError::Page(
                    "a/b".into(),
                    ", and what is behind it as `branch` and `file`",
                ),
            ),
            (
                "https://github.com/a/b/pull/3",
                LocationError::Page("a/b".into(), ""),
            ),
            (
                "https://www.github.com/a/b.git/info/refs",
                LocationError::Page("a/b".into(), ""),
            ),
            (
                "https://x-access-token:ghp_1@github.com/a/b",
                LocationError::Credentials,
            ),
            ("https://ghp_1@github.com/a/b", LocationError::Credentials),
            ("https://github.com/a/b?x=1", LocationError::Query),
            ("git@github.com:a/b.git", LocationError::Ssh),
            ("ssh://git@github.com/a/b.git", LocationError::Ssh),
            ("ftp://github.com/a/b", LocationError::Scheme("ftp".into())),
        ] {
            assert_eq!(locate(text).unwrap_err(), expected, "{text}");
        }
    }
}
