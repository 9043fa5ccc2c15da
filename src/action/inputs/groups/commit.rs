//! The commit, and who makes it.

use crate::action::inputs::definition::{Definition, Input, Problems, Unfilled, WRITING, inputs};
use crate::action::inputs::given::Given;
use crate::action::inputs::parse::template;
use crate::deployment::MessageTemplate;
use crate::repository::Identity;

inputs! {
    /// The commit message. Placeholders are `{image}`, `{name}`, `{tag}`, `{digest}`,
    /// `{previous-image}`, `{previous-tag}`, `{file}`, `{resource}`, `{source-repository}`,
    /// `{source-sha}`, `{actor}` and `{run-number}`. Trailers are added below it. Default, `chore`
    /// with the image's name and tag.
    COMMIT_MESSAGE: MessageTemplate = Input::new("commit-message", WRITING, template)
        .unfilled(Unfilled::Warned);

    /// The name of the commit's author and committer.
    AUTHOR_NAME: String = Input::new("author-name", WRITING, signature).or(Identity::DEFAULT.0);

    /// The address of the commit's author and committer.
    AUTHOR_EMAIL: String = Input::new("author-email", WRITING, signature).or(Identity::DEFAULT.1);
}

/// A name or an address as git takes it.
fn signature(text: &str, problems: &mut Problems<'_>) -> Option<String> {
    // What git strips from both ends of a name; of nothing else there must be something left.
    let crud = |c: char| c.is_whitespace() || ".,:;<>\"\\'".contains(c);
    if text.contains(['<', '>']) || text.chars().any(char::is_control) {
        problems.quote(text, "git takes no `<`, `>` or line end in it");
    } else if text.trim_matches(crud).is_empty() {
        problems.quote(text, "nothing is left of it when git has cleaned it");
    } else {
        return Some(text.to_owned());
    }
    None
}

/// Author and committer.
pub fn identity(given: &mut Given) -> Option<Identity> {
    let (name, email) = (given.read(&AUTHOR_NAME), given.read(&AUTHOR_EMAIL));
    let (name, email) = (name?, email?);
    Some(Identity { name, email })
}
