//! The commit message of a deployment: a subject for people, trailers for machines.
//!
//! Trailers are what `git interpret-trailers` reads: `Key: value` lines in the last paragraph. Ours
//! are a paragraph of their own, behind whatever the user's template says, so that no template and
//! no value in it can pass for one.

use std::fmt::Write as _;
use std::str::FromStr;

use crate::image::ImageReference;
use crate::manifest::ImageChange;
use crate::nearest::nearest;

/// The longest subject that tools show whole.
const SUBJECT_LENGTH: usize = 72;

/// The workflow run that deploys. Outside of a workflow nothing of it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// `owner/name` of the repository that was built.
    pub repository: Option<String>,
    /// Its URL.
    pub repository_url: Option<String>,
    /// The commit that was built.
    pub sha: Option<String>,
    /// `Name <address>` of that commit's author, or of whoever started the run.
    pub author: Option<String>,
    /// The account that started the run.
    pub actor: Option<String>,
    /// The number of the run, counted per workflow.
    pub run_number: Option<String>,
    /// The URL of this attempt of the run.
    pub run_url: Option<String>,
    /// The workflow's file: `.github/workflows/deploy.yml`.
    pub workflow: Option<String>,
}

impl Source {
    /// The run, where all is known that makes it comparable.
    pub fn run(&self) -> Option<Run<'_>> {
        Run::new(self.run_url.as_deref()?, self.workflow.as_deref()?)
    }
}

/// A workflow run. Those of one repository are numbered as they start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run<'a> {
    /// The URL of the repository that it belongs to.
    pub repository_url: &'a str,
    /// The workflow's file.
    pub workflow: &'a str,
    /// The same for every attempt.
    pub id: u64,
}

impl<'a> Run<'a> {
    /// `url` is `…/actions/runs/ID/attempts/N`.
    fn new(url: &'a str, workflow: &'a str) -> Option<Self> {
        let (repository_url, run) = url.split_once("/actions/runs/")?;
        let id = run.split('/').next()?.parse().ok()?;
        Some(Self {
            repository_url,
            workflow,
            id,
        })
    }

    /// The run that the trailers of a deployment name.
    pub fn of(message: &'a str) -> Option<Self> {
        let value = |key| trailer_values(message, key).next();
        Self::new(value("Workflow-Run")?, value("Workflow")?)
    }
}

/// What a commit deploys.
#[derive(Debug, Clone, Copy)]
pub struct Deployment<'a> {
    /// Every image that changes, in the order of the files.
    pub images: &'a [ImageChange],
    /// Every file that changes.
    pub files: &'a [String],
    /// The run that deploys it.
    pub source: &'a Source,
}

/// `commit-message`, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageTemplate(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Placeholder(Placeholder),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placeholder {
    Image,
    Name,
    Tag,
    Digest,
    PreviousImage,
    PreviousTag,
    File,
    Resource,
    SourceRepository,
    SourceSha,
    Actor,
    RunNumber,
}

const PLACEHOLDERS: [(&str, Placeholder); 12] = [
    ("image", Placeholder::Image),
    ("name", Placeholder::Name),
    ("tag", Placeholder::Tag),
    ("digest", Placeholder::Digest),
    ("previous-image", Placeholder::PreviousImage),
    ("previous-tag", Placeholder::PreviousTag),
    ("file", Placeholder::File),
    ("resource", Placeholder::Resource),
    ("source-repository", Placeholder::SourceRepository),
    ("source-sha", Placeholder::SourceSha),
    ("actor", Placeholder::Actor),
    ("run-number", Placeholder::RunNumber),
];

/// Why a template is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `{tga}`.
    #[error(
        "there is no placeholder {{{given}}}: did you mean {{{nearest}}}? There are {}",
        all_placeholders()
    )]
    Unknown {
        /// What stands between the braces.
        given: String,
        /// The most alike there is.
        nearest: &'static str,
    },
    /// Only white space.
    #[error("the message is empty")]
    Empty,
}

fn all_placeholders() -> String {
    let names: Vec<String> = PLACEHOLDERS
        .iter()
        .map(|(name, _)| format!("{{{name}}}"))
        .collect();
    names.join(" ")
}

impl FromStr for MessageTemplate {
    type Err = TemplateError;

    /// `{name}` is a placeholder where the name has only lower-case letters and hyphens; any other
    /// brace is text.
    fn from_str(text: &str) -> Result<Self, TemplateError> {
        if text.trim().is_empty() {
            return Err(TemplateError::Empty);
        }
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            literal.push_str(before);
            let name = after.split_once('}').filter(|(name, _)| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            });
            match name {
                Some((name, behind)) => {
                    pieces.push(Piece::Text(std::mem::take(&mut literal)));
                    pieces.push(Piece::Placeholder(placeholder(name)?));
                    rest = behind;
                }
                None => {
                    literal.push('{');
                    rest = after;
                }
            }
        }
        literal.push_str(rest);
        pieces.push(Piece::Text(literal));
        Ok(Self(pieces))
    }
}

fn placeholder(name: &str) -> Result<Placeholder, TemplateError> {
    let known = PLACEHOLDERS.iter().find(|(own, _)| *own == name);
    known
        .map(|(_, placeholder)| *placeholder)
        .ok_or_else(|| TemplateError::Unknown {
            given: name.to_owned(),
            nearest: nearest(name, PLACEHOLDERS.iter().map(|(own, _)| *own))
                .first()
                .copied()
                .unwrap_or(""),
        })
}

impl MessageTemplate {
    fn render(&self, deployment: &Deployment<'_>) -> String {
        let render = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Placeholder(placeholder) => one_line(&placeholder.value(deployment)),
        };
        self.0.iter().map(render).collect()
    }
}

impl Placeholder {
    /// The value; several are joined by commas, each said once.
    fn value(self, deployment: &Deployment<'_>) -> String {
        let Deployment {
            images,
            files,
            source,
        } = deployment;
        let new = |part: fn(&ImageReference) -> Option<&str>| {
            distinct(images.iter().filter_map(|image| part_of(&image.new, part)))
        };
        let old = |part: fn(&ImageReference) -> Option<&str>| {
            distinct(images.iter().filter_map(|image| part_of(&image.old, part)))
        };
        match self {
            Self::Image => distinct(images.iter().map(|image| image.new.clone())),
            Self::Name => new(|image| Some(image.name())),
            Self::Tag => new(ImageReference::tag),
            Self::Digest => new(ImageReference::digest),
            Self::PreviousImage => distinct(images.iter().map(|image| image.old.clone())),
            Self::PreviousTag => old(ImageReference::tag),
            Self::File => distinct(files.iter().cloned()),
            Self::Resource => distinct(images.iter().map(|image| image.resource.clone())),
            Self::SourceRepository => source.repository.clone().into_iter().collect(),
            Self::SourceSha => source.sha.clone().into_iter().collect(),
            Self::Actor => source.actor.clone().into_iter().collect(),
            Self::RunNumber => source.run_number.clone().into_iter().collect(),
        }
        .join(", ")
    }
}

fn part_of(image: &str, part: fn(&ImageReference) -> Option<&str>) -> Option<String> {
    let image: ImageReference = image.parse().ok()?;
    part(&image).map(str::to_owned)
}

fn distinct(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = Vec::new();
    for value in values {
        if !value.is_empty() && !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

/// The whole message: the template's text or the default subject, and the trailers.
pub fn message(template: Option<&MessageTemplate>, deployment: &Deployment<'_>) -> String {
    let text = match template {
        Some(template) => template.render(deployment),
        None => default_subject(deployment),
    };
    let mut message = clean_body(&text);
    if message.is_empty() {
        // A template of placeholders that are all empty here.
        message = default_subject(deployment);
    }
    with_trailers(message, deployment)
}

/// A message that is complete but for its trailers.
fn with_trailers(mut message: String, deployment: &Deployment<'_>) -> String {
    let trailers = trailers(deployment);
    if !trailers.is_empty() {
        message.push_str("\n\n");
        message.push_str(&trailers);
    }
    message.push('\n');
    message
}

/// A text of a pull request: of one line where it is its title.
pub fn text(template: &MessageTemplate, deployment: &Deployment<'_>) -> String {
    clean_body(&template.render(deployment))
}

/// Whether a message is of a commit that this action made: it has one of its trailers, or undoes another
/// one.
pub fn is_ours(message: &str) -> bool {
    let has = |key| trailer_values(message, key).next().is_some();
    has("Deployed-Image") || has("Workflow-Run") || reverted_by(message).is_some()
}

/// The message of the commit that undoes another one, as `git revert` words it, with our trailers.
pub fn revert_message(
    template: Option<&MessageTemplate>,
    reverted: &Reverted<'_>,
    deployment: &Deployment<'_>,
) -> String {
    let Reverted {
        subject,
        id,
        merged_into,
    } = reverted;
    let text = match template {
        Some(template) => clean_body(&template.render(deployment)),
        None => String::new(),
    };
    let text = if text.is_empty() {
        match subject.strip_prefix("Revert \"") {
            // Since git 2.43, and only once: what is reverted then is again a revert.
            Some(rest) if !rest.starts_with("Revert \"") => format!("Reapply \"{rest}"),
            _ => format!("Revert \"{subject}\""),
        }
    } else {
        text
    };
    let what = match merged_into {
        None => format!("This reverts commit {id}."),
        Some(parent) => {
            format!("This reverts commit {id}, reversing\nchanges made to {parent}.")
        }
    };
    // The subject is somebody else's text.
    let message = format!("{}\n\n{what}", clean_body(&text));
    with_trailers(message, deployment)
}

/// The commit that is undone.
#[derive(Debug, Clone, Copy)]
pub struct Reverted<'a> {
    /// The first line of its message.
    pub subject: &'a str,
    /// Its id, all digits.
    pub id: &'a str,
    /// The first parent of a merge, whose other side is undone.
    pub merged_into: Option<&'a str>,
}

/// What made a commit that changed an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// This action, by `operation: update`.
    Update,
    /// A revert: this action's, or one by `git revert`.
    Rollback,
    /// A person, or another program.
    Edit,
}

impl Kind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Rollback => "rollback",
            Self::Edit => "edit",
        }
    }

    /// What `message` says that its commit is.
    pub fn of(message: &str) -> Self {
        if reverted_by(message).is_some() {
            Self::Rollback
        } else if trailer_values(message, "Deployed-Image").next().is_some() {
            Self::Update
        } else {
            Self::Edit
        }
    }
}

/// The commit that `message` says it reverts.
pub fn reverted_by(message: &str) -> Option<&str> {
    let mut lines = message.lines().skip(1);
    let id = lines.find_map(|line| line.strip_prefix("This reverts commit "))?;
    let end = id.find(|c: char| !c.is_ascii_hexdigit());
    let id = id.get(..end.unwrap_or(id.len()))?;
    (id.len() >= 7).then_some(id)
}

/// Which of `messages` (a commit's id and what it says, newest first) took `image` back, if nothing has
/// deployed that repository since.
pub fn rolled_back<'m>(image: &str, messages: &[(&'m str, &'m str)]) -> Option<&'m str> {
    let wanted: ImageReference = image.parse().ok()?;
    let is_same = |text: &str| {
        let other = text.parse::<ImageReference>();
        other.is_ok_and(|other| other.same_repository(&wanted))
    };
    let deployed = |message: &'m str| trailer_values(message, "Deployed-Image");
    for (commit, message) in messages {
        let previous = || trailer_values(message, "Previous-Image");
        if let Some(reverted) = reverted_by(message) {
            // A revert by hand says only what it reverts.
            let original = messages.iter().find(|(id, _)| id.starts_with(reverted));
            let by_hand = original
                .into_iter()
                .flat_map(|(_, message)| deployed(message));
            let taken_back: Vec<&str> = match previous().next() {
                Some(_) => previous().collect(),
                None => by_hand.collect(),
            };
            if taken_back.iter().any(|taken| is_same(taken)) {
                return taken_back.contains(&image).then_some(*commit);
            }
        } else if deployed(message).any(is_same) {
            return None;
        }
    }
    None
}

/// The values of a trailer: of a line in the last paragraph.
pub fn trailer_values<'m>(message: &'m str, key: &str) -> impl Iterator<Item = &'m str> {
    let message = message.trim_end();
    let last = message
        .rsplit("\n\n")
        .next()
        .filter(|last| last.len() < message.len());
    let lines = last.unwrap_or_default().lines();
    lines.filter_map(move |line| Some(line.strip_prefix(key)?.strip_prefix(':')?.trim()))
}

/// `chore: update blog-web image to v14`, and the same for several.
fn default_subject(deployment: &Deployment<'_>) -> String {
    let images: Vec<ImageReference> =
        distinct(deployment.images.iter().map(|image| image.new.clone()))
            .iter()
            .filter_map(|image| image.parse().ok())
            .collect();
    let version = |image: &ImageReference| match (image.tag(), image.digest()) {
        (Some(tag), _) => tag.to_owned(),
        (None, Some(digest)) => short_digest(digest).to_owned(),
        (None, None) => "latest".to_owned(),
    };
    let subject = match &images[..] {
        [] => return format!("chore: update {}", one_line(&deployment.files.join(", "))),
        [image] => format!("chore: update {} image to {}", image.name(), version(image)),
        [first, rest @ ..] if rest.iter().all(|image| version(image) == version(first)) => {
            let names = distinct(images.iter().map(|image| image.name().to_owned()));
            format!(
                "chore: update {} images to {}",
                names.join(", "),
                version(first)
            )
        }
        _ => {
            let each: Vec<String> = images
                .iter()
                .map(|image| format!("{} to {}", image.name(), version(image)))
                .collect();
            format!("chore: update images {}", each.join(", "))
        }
    };
    if images.len() > 1 && subject.chars().count() > SUBJECT_LENGTH {
        return format!("chore: update {} images", images.len());
    }
    subject
}

/// `sha256:` and the first digits, enough to recognise it.
fn short_digest(digest: &str) -> &str {
    let length = digest.find(':').map_or(0, |colon| colon + 1) + 12;
    digest.get(..length).unwrap_or(digest)
}

/// The trailers, a line each. The `Argocd-reference-commit-*` ones are what Argo CD shows beside a
/// deployment (its documentation, "Annotating Git commits").
fn trailers(deployment: &Deployment<'_>) -> String {
    let Deployment { images, source, .. } = deployment;
    let mut lines = Vec::new();
    for image in distinct(images.iter().map(|image| image.new.clone())) {
        lines.push(("Deployed-Image", image));
    }
    for image in distinct(images.iter().map(|image| image.old.clone())) {
        lines.push(("Previous-Image", image));
    }
    let of_the_run = [
        ("Workflow-Run", &source.run_url),
        ("Workflow", &source.workflow),
        ("Argocd-reference-commit-sha", &source.sha),
        ("Argocd-reference-commit-repourl", &source.repository_url),
        ("Argocd-reference-commit-author", &source.author),
    ];
    lines.extend(
        of_the_run
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.clone()?))),
    );
    let mut text = String::new();
    for (key, value) in lines {
        let end = if text.is_empty() { "" } else { "\n" };
        let _ = write!(text, "{end}{key}: {}", one_line(&value));
    }
    text
}

/// A template's text as a message may have it: no control characters, no space at the ends, and no
/// `---` line, behind which `git interpret-trailers` sees no message any more and would take the
/// paragraph before it for the trailers.
fn clean_body(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line: String = line
            .chars()
            .filter(|c| !c.is_control() || *c == '\t')
            .collect();
        let divider = line
            .strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
        let line = if divider { format!(" {line}") } else { line };
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// A value on one line: whatever would begin another becomes a space.
fn one_line(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(old: &str, new: &str) -> ImageChange {
        ImageChange {
            file: "blog-system/web-rollout.yaml".parse().unwrap(),
            line: 21,
            resource: "Rollout/web".into(),
            container: Some("nginx".into()),
            place: crate::manifest::Place::default(),
            old: old.into(),
            new: new.into(),
        }
    }

    fn source() -> Source {
        Source {
            repository: Some("wlals2/blogsite".into()),
            repository_url: Some("https://github.com/wlals2/blogsite".into()),
            sha: Some("8a3f".into()),
            author: Some("Ji Min <jimin@blog.example>".into()),
            actor: Some("jimin".into()),
            run_number: Some("14".into()),
            run_url: Some("https://github.com/wlals2/blogsite/actions/runs/123/attempts/1".into()),
            workflow: Some(".github/workflows/deploy.yml".into()),
        }
    }

    fn written(template: Option<&str>, images: &[ImageChange], source: &Source) -> String {
        let template = template.map(|text| text.parse().unwrap());
        let files = ["blog-system/web-rollout.yaml".to_owned()];
        message(
            template.as_ref(),
            &Deployment {
                images,
                files: &files,
                source,
            },
        )
    }

    #[test]
    fn the_default_message_names_the_image_and_the_run() {
        let images = [change(
            "ghcr.io/wlals2/blog-web:v13",
            "ghcr.io/wlals2/blog-web:v14",
        )];
        insta::assert_snapshot!(written(None, &images, &source()), @"
        chore: update blog-web image to v14

        Deployed-Image: ghcr.io/wlals2/blog-web:v14
        Previous-Image: ghcr.io/wlals2/blog-web:v13
        Workflow-Run: https://github.com/wlals2/blogsite/actions/runs/123/attempts/1
        Workflow: .github/workflows/deploy.yml
        Argocd-reference-commit-sha: 8a3f
        Argocd-reference-commit-repourl: https://github.com/wlals2/blogsite
        Argocd-reference-commit-author: Ji Min <jimin@blog.example>
        ");
    }

    #[test]
    fn several_images_share_a_subject() {
        let subject = |images: &[ImageChange]| {
            let message = written(None, images, &Source::default());
            message.lines().next().unwrap().to_owned()
        };
        let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        assert_eq!(
            subject(&[change("r/web:1", "r/web:2"), change("r/api:1", "r/api:2")]),
            "chore: update web, api images to 2"
        );
        assert_eq!(
            subject(&[change("r/web:1", "r/web:2"), change("r/api:1", "r/api:3")]),
            "chore: update images web to 2, api to 3"
        );
        assert_eq!(
            subject(&[change("r/web:1", &format!("r/web@{digest}"))]),
            "chore: update web image to sha256:0123456789ab"
        );
        let many: Vec<_> = (0..20)
            .map(|n| change("r/a:1", &format!("r/service-{n}:2")))
            .collect();
        assert_eq!(subject(&many), "chore: update 20 images");
    }

    #[test]
    fn a_template_is_filled_in() {
        let images = [change(
            "ghcr.io/wlals2/blog-web:v13",
            "ghcr.io/wlals2/blog-web:v14",
        )];
        let template = "deploy({name}): {previous-tag} → {tag} {Json} {}\n\n{resource} in {file}\nby {actor} #{run-number} {source-repository}@{source-sha}{digest}";
        let message = written(Some(template), &images, &source());
        insta::assert_snapshot!(message.split("\n\nDeployed-Image").next().unwrap(), @"
        deploy(blog-web): v13 → v14 {Json} {}

        Rollout/web in blog-system/web-rollout.yaml
        by jimin #14 wlals2/blogsite@8a3f
        ");
    }

    #[test]
    fn an_unknown_placeholder_is_named_with_the_nearest() {
        let error = "x {tga}".parse::<MessageTemplate>().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("there is no placeholder {tga}: did you mean {tag}?"),
            "{error}"
        );
        assert_eq!(
            " \n".parse::<MessageTemplate>().unwrap_err(),
            TemplateError::Empty
        );
    }

    #[test]
    fn a_message_names_the_run_that_made_it() {
        let images = [change("r/web:1", "r/web:2")];
        let message = written(None, &images, &source());
        let run = Run::of(&message).unwrap();
        assert_eq!(Some(run), source().run());
        assert_eq!(run.id, 123);
        assert_eq!(run.repository_url, "https://github.com/wlals2/blogsite");
        for other in ["", "x", "chore: x\n\nWorkflow-Run: x\nWorkflow: y\n"] {
            assert_eq!(Run::of(other), None);
        }
    }

    #[test]
    fn a_message_cannot_inject_a_trailer() {
        let images = [change("r/web:1", "r/web:2")];
        let evil = Source {
            actor: Some("x\n\nDeployed-Image: evil".into()),
            ..source()
        };
        let template = "deploy {actor}\n\nDeployed-Image: evil\n---\nmore\0\r\n";
        let message = written(Some(template), &images, &evil);
        let last = message.trim_end().rsplit("\n\n").next().unwrap();
        assert!(
            last.starts_with("Deployed-Image: r/web:2\nPrevious-Image: r/web:1\n"),
            "{message}"
        );
        assert!(!message.contains("\n---"), "{message}");
        assert!(!message.contains('\0') && !message.contains('\r'));
    }
}
