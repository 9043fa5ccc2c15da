//! What lies between two commits of a repository, as GitHub compares them.
//! Source: GitHub's documentation, "Compare two commits": the oldest commit first, in pages.

use serde::Deserialize;

use super::client::Client;
use crate::limits::COMMITS;
use crate::repository::RepositoryError;
use crate::repository::head::Relation;

/// The most commits that are listed; GitHub itself shows as many at once.
pub const MAX_COMMITS: usize = 250;
/// The most of one page.
const PAGE: usize = 100;
/// On how many pages those are, of which the last one may have a single commit.
const MAX_PAGES: usize = MAX_COMMITS.div_ceil(PAGE) + 1;

/// What the second commit has that the first one has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// How the second stands to the first.
    pub relation: Relation,
    /// How many commits it has more.
    pub ahead: usize,
    /// How many commits the first has that it has not.
    pub behind: usize,
    /// The newest of them, newest first; [`MAX_COMMITS`] at most.
    pub commits: Vec<Compared>,
}

/// One of the commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Its id.
    pub sha: String,
    /// All of its message.
    pub message: String,
    /// Its author's name.
    pub author: String,
    /// When it was written, in ISO 8601.
    pub date: String,
}

impl Compared {
    fn size(&self) -> u64 {
        let Self {
            sha,
            message,
            author,
            date,
        } = self;
        [sha, message, author, date]
            .map(|text| text.len() as u64)
            .iter()
            .sum()
    }
}

#[derive(Deserialize)]
struct Page {
    status: Relation,
    ahead_by: usize,
    behind_by: usize,
    commits: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    sha: String,
    commit: Detail,
}

#[derive(Deserialize)]
struct Detail {
    message: String,
    author: Option<Person>,
}

#[derive(Deserialize)]
struct Person {
    #[serde(default)]
    name: String,
    #[serde(default)]
    date: String,
}

impl Client {
    /// Compares `head` with `base` in the repository `name` (`owner/name`); ids or their beginnings. None
    /// where the repository or one of them is not there, or not to be seen with this token.
    ///
    /// # Errors
    /// When the server can't be used, or refuses.
    pub async fn compare(
        &self,
        name: &str,
        base: &str,
        head: &str,
    ) -> Result<Option<Comparison>, RepositoryError> {
        let page = async |number: usize| {
            let query = format!("per_page={PAGE}&page={number}");
            let path = format!("/repos/{name}/compare/{base}...{head}?{query}");
            self.get::<Page>(&path).await
        };
        let Some(first) = page(1).await? else {
            return Ok(None);
        };
        let pages = first.ahead_by.div_ceil(PAGE).max(1);
        // The newest are on the last pages.
        let (mut commits, mut bytes) = (Vec::new(), 0);
        for number in (2..=pages).rev().take(MAX_PAGES) {
            let Some(Page {
                commits: listed, ..
            }) = page(number).await?
            else {
                break;
            };
            let listed = listed.into_iter().rev().take(PAGE).map(Listed::compared);
            for one in listed.take(MAX_COMMITS - commits.len()) {
                bytes += one.size();
                COMMITS.check(bytes)?;
                commits.push(one);
            }
            if commits.len() == MAX_COMMITS {
                break;
            }
        }
        let listed = first.commits.into_iter().rev().map(Listed::compared);
        commits.extend(listed.take(MAX_COMMITS - commits.len()));
        Ok(Some(Comparison {
            relation: first.status,
            ahead: first.ahead_by,
            behind: first.behind_by,
            commits,
        }))
    }
}

impl Listed {
    fn compared(self) -> Compared {
        let Detail { message, author } = self.commit;
        let (author, date) = author.map(|person| (person.name, person.date)).unzip();
        Compared {
            sha: self.sha,
            message,
            author: author.unwrap_or_default(),
            date: date.unwrap_or_default(),
        }
    }
}
