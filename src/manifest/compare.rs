//! What a change to a file did to the images in it.

use std::collections::{HashMap, HashSet, VecDeque};

use super::error::HeldImage;
use super::file::Manifest;
use super::place::{Located, PlaceNumber, Places};
use super::request::EditRequest;
use super::site::Site;
use super::source::{ManifestFile, Source};
use crate::files::RepoPath;
use crate::image::ImageReference;

/// What became of one place that holds an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTransition {
    /// The place in the new text, or in the old one where it is gone, with the image there.
    pub held: HeldImage,
    /// The image before; none where the place is new.
    pub old: Option<String>,
    /// The image after; none where the place is gone.
    pub new: Option<String>,
}

/// The places whose image differs between two versions of a file, in the order of the new one; those
/// that are gone come last. A version that is no YAML holds no images.
pub fn image_transitions(
    file: &RepoPath,
    before: Option<&[u8]>,
    after: Option<&[u8]>,
) -> Vec<ImageTransition> {
    let files = [before, after].map(|bytes| ManifestFile {
        path: file.clone(),
        bytes: bytes.unwrap_or_default().to_vec(),
    });
    let sources = files.each_ref().map(Source::new);
    let [before, after] = sources
        .each_ref()
        .map(|source| Manifest::read(source, &EditRequest::default()).ok());
    let [before, after] = [before.as_ref(), after.as_ref()];
    let mut places = Places::default();
    let [olds, news] = [before, after].map(|manifest| images(manifest, &mut places));
    let mut at: HashMap<PlaceNumber, (Vec<usize>, Vec<usize>)> = HashMap::new();
    for (index, (place, _)) in olds.iter().enumerate() {
        at.entry(*place).or_default().0.push(index);
    }
    for (index, (place, _)) in news.iter().enumerate() {
        at.entry(*place).or_default().1.push(index);
    }
    let mut was: Vec<Option<&Site>> = vec![None; news.len()];
    let mut is_gone = vec![true; olds.len()];
    for (old, new) in at.into_values() {
        for (old, new) in pairs(&olds, old, &news, new) {
            was[new] = olds.get(old).map(|(_, site)| *site);
            is_gone[old] = false;
        }
    }
    let text = |site: &Site| site.text.clone();
    let transition = |manifest: Option<&Manifest<'_>>, site, old, new| {
        let held = manifest?.held(site);
        Some(ImageTransition { held, old, new })
    };
    let news = news.iter().map(|(_, site)| *site).zip(was);
    let changed = news
        .filter(|(site, old)| old.is_none_or(|old| old.text != site.text))
        .filter_map(|(site, old)| transition(after, site, old.map(text), Some(text(site))));
    let gone = olds.iter().map(|(_, site)| *site).zip(is_gone);
    let gone = gone
        .filter(|(_, is_gone)| *is_gone)
        .filter_map(|(site, _)| transition(before, site, Some(text(site)), None));
    changed.chain(gone).collect()
}

/// A place, and an image at it.
type Sited<'m> = (PlaceNumber, &'m Site);

/// The images of a version, in the order of the text.
fn images<'m>(manifest: Option<&'m Manifest<'_>>, places: &mut Places<'m>) -> Vec<Sited<'m>> {
    let Some(manifest) = manifest else {
        return Vec::new();
    };
    let mut located = Located::new(&manifest.stream);
    let sites = manifest.sites.iter().filter(|site| site.says_a_version());
    sites
        .map(|site| (located.place(places, site.node), site))
        .collect()
}

/// Which image of a place became which: the one that stayed, the one of the same repository, and of
/// as many as are left on both sides the one in its turn.
fn pairs(
    olds: &[Sited<'_>],
    mut old: Vec<usize>,
    news: &[Sited<'_>],
    mut new: Vec<usize>,
) -> Vec<(usize, usize)> {
    let text: fn(&Site) -> Option<String> = |site| Some(site.text.clone());
    let repository: fn(&Site) -> Option<String> = |site| {
        let image = site.text.parse::<ImageReference>().ok()?;
        Some(image.repository().to_owned())
    };
    let mut pairs = Vec::new();
    for key in [text, repository] {
        if (old.len(), new.len()) == (1, 1) {
            break; // There is nothing to find out.
        }
        let mut waiting: HashMap<String, VecDeque<usize>> = HashMap::new();
        for index in &old {
            if let Some(key) = key(olds[*index].1) {
                waiting.entry(key).or_default().push_back(*index);
            }
        }
        new.retain(|index| {
            let waiting = key(news[*index].1).and_then(|key| waiting.get_mut(&key));
            let partner = waiting.and_then(VecDeque::pop_front);
            pairs.extend(partner.map(|old| (old, *index)));
            partner.is_none()
        });
        let taken: HashSet<usize> = pairs.iter().map(|(old, _)| *old).collect();
        old.retain(|index| !taken.contains(index));
    }
    if old.len() == new.len() {
        pairs.extend(old.into_iter().zip(new));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Deployment/web: a:1 → a:2`, one a line.
    fn transitions(before: &str, after: &str) -> String {
        let file = "web.yaml".parse().unwrap();
        let found = image_transitions(&file, Some(before.as_bytes()), Some(after.as_bytes()));
        let none = || "none".to_owned();
        let line = |transition: ImageTransition| {
            let (old, new) = (transition.old, transition.new);
            format!(
                "{} line {}: {} → {}",
                transition.held.resource,
                transition.held.line,
                old.unwrap_or_else(none),
                new.unwrap_or_else(none)
            )
        };
        found.into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn an_entry_that_comes_in_between_changes_none_of_the_others() {
        let before = "kind: Kustomization\nimages:\n- name: web\n  newTag: v2\n";
        let after = before.replace("- name: web", "- name: api\n  newTag: v7\n- name: web");
        insta::assert_snapshot!(transitions(before, &after), @"Kustomization line 3: none → api:v7");
        insta::assert_snapshot!(transitions(&after, before), @"Kustomization line 3: api:v7 → none");
    }

    #[test]
    fn containers_of_different_objects_are_different() {
        let pod = |namespace: &str, name: &str, tag: &str| {
            format!(
                "kind: Pod\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{containers: [{{name: web, image: web:{tag}}}]}}\n"
            )
        };
        let file = |pods: &[String]| pods.join("---\n");
        let before = file(&[
            pod("a", "web", "v1"),
            pod("b", "web", "v2"),
            pod("a", "api", "v3"),
        ]);
        let after = file(&[
            pod("a", "api", "v3"),
            pod("b", "web", "v4"),
            pod("a", "web", "v1"),
        ]);
        insta::assert_snapshot!(transitions(&before, &after), @"Pod/web line 7: web:v2 → web:v4");
        let after = file(&[pod("b", "web", "v2"), pod("a", "api", "v3")]);
        insta::assert_snapshot!(transitions(&before, &after), @"Pod/web line 3: web:v1 → none");
    }

    #[test]
    fn what_has_no_name_is_known_by_its_repository() {
        let list = |images: &str| format!("l: [{images}]\n");
        let of = |before: &str, after: &str| transitions(&list(before), &list(after));
        let item = |image: &str| format!("{{image: '{image}'}}");
        let (a, b, c) = (item("a:1"), item("b:1"), item("c:1"));
        assert_eq!(of(&format!("{a}, {b}"), &format!("{b}, {a}")), "");
        assert_eq!(of(&a, &format!("{c}, {a}")), "web.yaml line 1: none → c:1");
        assert_eq!(
            of(&format!("{a}, {b}"), &format!("{c}, {}, {b}", item("a:2"))),
            "web.yaml line 1: none → c:1\nweb.yaml line 1: a:1 → a:2"
        );
        assert_eq!(
            of(&format!("{a}, {b}"), &format!("{a}, {c}")),
            "web.yaml line 1: b:1 → c:1"
        );
        let digests = of(&item("a:1"), &format!("{}, {}", item("a:2"), item("a:3")));
        assert_eq!(
            digests,
            "web.yaml line 1: a:1 → a:2\nweb.yaml line 1: none → a:3"
        );
    }

    #[test]
    fn a_version_that_is_no_yaml_or_not_there_holds_nothing() {
        assert_eq!(
            transitions("a: [", "image: a:1\n"),
            "web.yaml line 1: none → a:1"
        );
        assert_eq!(
            transitions("image: a:1\n", ""),
            "web.yaml line 1: a:1 → none"
        );
    }
}
