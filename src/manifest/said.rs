//! What a value says, and what tells it from another one that reads alike: `80` is no `"80"`, and an alias is
//! not what it stands for.

use std::borrow::Cow;

use crate::yaml::scalar::{self, Core};
use crate::yaml::{Content, NewValue, NodeId, Stream, Style};

/// What a value says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said<'v> {
    /// As a person reads it. Of an alias it is what that stands for.
    text: Cow<'v, str>,
    form: Form<'v>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form<'v> {
    /// A scalar, in whatever quotes.
    Scalar(Core),
    /// One with a tag that YAML itself does not know.
    Tagged(Cow<'v, str>),
    /// `*name`
    Alias(Cow<'v, str>),
    /// A list or a mapping, as it would be written on one line.
    Whole,
}

impl<'v> Said<'v> {
    /// What a scalar says, or an alias; none for lists and mappings.
    pub fn of(stream: &'v Stream<'_>, node: NodeId) -> Option<Self> {
        let scalar = match stream.content(node) {
            Content::Scalar(scalar) => scalar,
            Content::Alias { name, target } => {
                let name = Cow::Borrowed(name);
                let text = match stream.value(target) {
                    Some(text) => Cow::Borrowed(text),
                    None => Cow::Owned(format!("*{name}")),
                };
                let form = Form::Alias(name);
                return Some(Self { text, form });
            }
            Content::Sequence(_) | Content::Mapping(_) => return None,
        };
        let text: &str = scalar.value;
        let form = match stream.tag(node) {
            None if scalar.style == Style::Plain => Form::Scalar(scalar::core(text)),
            None => Form::Scalar(Core::Text),
            Some(tag) => match scalar::core_by_tag(tag) {
                Some(core) => Form::Scalar(core),
                None => Form::Tagged(Cow::Borrowed(tag)),
            },
        };
        let text = Cow::Borrowed(text);
        Some(Self { text, form })
    }

    /// What `node` says, whatever it is.
    pub fn whole(stream: &'v Stream<'_>, node: NodeId) -> Self {
        Self::of(stream, node).unwrap_or_else(|| {
            let value = stream.new_value(node);
            let text = value.map_or_else(|| "…".to_owned(), |value| value.written());
            Self {
                text: Cow::Owned(text),
                form: Form::Whole,
            }
        })
    }

    /// What is to be written.
    pub fn new(value: &NewValue) -> Self {
        let form = match value {
            NewValue::Text(_) => Form::Scalar(Core::Text),
            NewValue::Plain(plain) => Form::Scalar(scalar::core(plain)),
            NewValue::Written(_)
            | NewValue::Source(_)
            | NewValue::Mapping(_)
            | NewValue::List(_) => Form::Whole,
        };
        Self {
            text: Cow::Owned(value.shown()),
            form,
        }
    }

    pub fn into_owned(self) -> Said<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Said {
            text: owned(self.text),
            form: match self.form {
                Form::Scalar(core) => Form::Scalar(core),
                Form::Tagged(tag) => Form::Tagged(owned(tag)),
                Form::Alias(name) => Form::Alias(owned(name)),
                Form::Whole => Form::Whole,
            },
        }
    }

    /// Whether nothing is another than it was. Of what an alias stands for, its anchor tells.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.form, &other.form) {
            (Form::Alias(one), Form::Alias(another)) if one == another => true,
            (Form::Alias(_), Form::Alias(_)) => self.text == other.text,
            (one, another) => one == another && self.text == other.text,
        }
    }

    /// So that nothing else reads the same.
    pub fn exact(&self) -> String {
        let text = &self.text;
        match &self.form {
            Form::Scalar(Core::Text) => {
                let is_plain = scalar::core(text) == Core::Text
                    && !text.starts_with(['*', '!', '"', '[', '{']);
                match is_plain {
                    true => text.to_string(),
                    false => scalar::double_quoted(text),
                }
            }
            Form::Scalar(core) if scalar::core(text) == *core => text.to_string(),
            Form::Scalar(Core::Null) => format!("!!null {text}"),
            Form::Scalar(Core::Boolean) => format!("!!bool {text}"),
            Form::Scalar(Core::Integer) => format!("!!int {text}"),
            Form::Scalar(Core::Float) => format!("!!float {text}"),
            Form::Tagged(tag) => match tag.strip_prefix(scalar::YAML) {
                Some(known) => format!("!!{known} {text}"),
                None if tag.starts_with('!') => format!("{tag} {text}"),
                None => format!("!<{tag}> {text}"),
            },
            Form::Alias(name) => format!("*{name}"),
            Form::Whole => text.to_string(),
        }
    }
}

/// What was and what is, as a person is told of both: where they read alike, so that they don't.
pub(super) fn told(
    old: Option<&Said<'_>>,
    new: Option<&Said<'_>>,
) -> (Option<String>, Option<String>) {
    let is_alike = match (old, new) {
        (Some(old), Some(new)) => old.text == new.text && !old.is_same(new),
        _ => false,
    };
    let text = |said: &Said<'_>| match is_alike {
        true => said.exact(),
        false => said.text.to_string(),
    };
    (old.map(text), new.map(text))
}
