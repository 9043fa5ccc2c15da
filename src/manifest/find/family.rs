//! Which keys of a mapping speak of one image, by what is left of them without the words for its parts. A list
//! of names and values is a mapping, too: environment variables, the parameters of a chart.

use crate::manifest::keys::{self, Meaning, Part};
use crate::manifest::parts;
use crate::manifest::slot::Slot;
use crate::yaml::{Content, Items, NodeId, Stream};

/// The parts of one image, as far as one mapping has them.
pub(super) struct Family {
    pub stem: String,
    pub parts: Vec<(Meaning, Field)>,
}

/// What a family's name, or its whole reference, is found in, the likeliest first.
pub(super) const FRONTS: [Part; 4] = [Part::Repository, Part::Image, Part::Name, Part::Reference];

/// A key and its value.
#[derive(Clone, Copy)]
pub(super) struct Field {
    key: Option<NodeId>,
    pub node: NodeId,
    /// The alias or merge key that brings it in.
    through: Option<NodeId>,
}

impl Family {
    /// The keys of a mapping that say something of images, by what belongs together; with `through`, of one that
    /// the alias there stands for.
    pub fn all(stream: &Stream<'_>, mapping: NodeId, through: Option<NodeId>) -> Vec<Self> {
        let mut families = Vec::new();
        for (key, node) in stream.pairs(mapping) {
            let text = stream.value(key).unwrap_or_default();
            if text == "<<" {
                continue;
            }
            let key = Some(key).filter(|_| through.is_none());
            add(&mut families, text, Field { key, node, through });
        }
        let merged = stream.get(mapping, "<<");
        let merged = merged.filter(|_| through.is_none()).into_iter();
        for alias in merged.flat_map(|node| std::iter::once(node).chain(stream.items(node))) {
            let Content::Alias { target, .. } = stream.content(alias) else {
                continue;
            };
            for (key, node) in stream.pairs(target) {
                let text = stream.value(key).unwrap_or_default();
                if stream.get(mapping, text).is_none() {
                    let (key, node, through) = (None, node, Some(alias));
                    add(&mut families, text, Field { key, node, through });
                }
            }
        }
        settled(stream, families)
    }

    /// The same of a list whose items have a `name` and a `value` each.
    pub fn in_values(stream: &Stream<'_>, items: Items<'_>) -> Vec<Self> {
        let mut families = Vec::new();
        for item in items {
            let Some((name, node)) = named_value(stream, item) else {
                continue;
            };
            let (key, through) = (None, None);
            add(&mut families, name, Field { key, node, through });
        }
        // Without a stem, a name says too little here.
        families.retain(|family: &Family| !family.stem.is_empty());
        settled(stream, families)
    }

    /// Whether a key of it holds a name or a whole reference.
    pub fn has_front(&self) -> bool {
        FRONTS.iter().any(|part| self.field(*part).is_some())
    }

    pub fn field(&self, part: Part) -> Option<Field> {
        let all = self
            .parts
            .iter()
            .filter(|(meaning, _)| meaning.part == part);
        let best = all.min_by_key(|(meaning, _)| meaning.rank)?;
        Some(best.1)
    }

    /// Whether tag or digest is there, and is no text.
    pub fn is_other(&self, stream: &Stream<'_>) -> bool {
        let parts = [Part::Tag, Part::Digest].into_iter();
        let mut fields = parts.filter_map(|part| self.field(part));
        fields.any(|field| Slot::read(stream, field.key, field.node).is_none())
    }

    pub fn slot(&self, stream: &Stream<'_>, part: Part) -> Option<Slot> {
        self.field(part)?.slot(stream)
    }

    /// All names and whole references, the likeliest first. Two keys may each hold a whole one.
    pub fn fronts(&self, stream: &Stream<'_>) -> Vec<Slot> {
        let is_front = |(meaning, _): &&(Meaning, Field)| FRONTS.contains(&meaning.part);
        let mut fronts: Vec<_> = self.parts.iter().filter(is_front).collect();
        fronts.sort_by_key(|(meaning, _)| {
            let place = FRONTS.iter().position(|part| *part == meaning.part);
            (place, meaning.rank)
        });
        let slots = fronts.into_iter().map(|(_, field)| field.slot(stream));
        slots.flatten().map(Slot::behind_scheme).collect()
    }
}

impl Field {
    fn slot(self, stream: &Stream<'_>) -> Option<Slot> {
        let slot = Slot::read(stream, self.key, self.node)?;
        Some(match self.through {
            Some(through) => slot.through(through),
            None => slot,
        })
    }
}

/// Name and value of an item: of a variable or a parameter, or of an operation of a JSON patch, whose
/// name is where it goes (RFC 6902).
pub(super) fn named_value<'s>(stream: &'s Stream<'_>, item: NodeId) -> Option<(&'s str, NodeId)> {
    let field = |key| stream.get(item, key);
    // What is tested is what is to be there before.
    let is_written = |op: NodeId| stream.value(op) != Some("test");
    let op = || field("op").filter(|op| is_written(*op));
    let name = field("name").or_else(|| op().and_then(|_| field("path")))?;
    // A parameter may have its value from elsewhere, or else this one.
    Some((
        stream.value(name)?,
        field("value").or_else(|| field("default"))?,
    ))
}

fn add(families: &mut Vec<Family>, key: &str, field: Field) {
    let Some(meaning) = keys::read(key) else {
        return;
    };
    match families
        .iter_mut()
        .find(|family| family.stem == meaning.stem)
    {
        Some(family) => family.parts.push((meaning, field)),
        None => families.push(Family {
            stem: meaning.stem.clone(),
            parts: vec![(meaning, field)],
        }),
    }
}

/// `families` by what stands there: a whole reference is one, though its key speaks of a tag, and what
/// speaks of an image only where another key does is none.
fn settled(stream: &Stream<'_>, mut families: Vec<Family>) -> Vec<Family> {
    let is_whole = |field: &Field| {
        let slot = Slot::read(stream, None, field.node);
        slot.is_some_and(|slot| parts::is_whole(&slot.value))
    };
    for family in families.iter_mut().filter(|family| !family.has_front()) {
        for (meaning, field) in &mut family.parts {
            if meaning.part == Part::Tag && !meaning.is_implied && is_whole(field) {
                meaning.part = Part::Reference;
            }
        }
    }
    without_implied(families)
}

/// `families` without what speaks of an image only where another key does.
fn without_implied(mut families: Vec<Family>) -> Vec<Family> {
    families.retain_mut(|family| {
        if !family.has_front() {
            family.parts.retain(|(meaning, _)| !meaning.is_implied);
        }
        !family.parts.is_empty()
    });
    families
}
