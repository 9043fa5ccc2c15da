//! What to change so that some files hold the images that others hold.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use super::change::Plan;
use super::error::{HeldImage, ManifestError};
use super::file::Room;
use super::overrides::{self, Layered, Offer};
use super::plan::plan;
use super::request::{EditRequest, ImageAssignment};
use super::source::ManifestFile;
use crate::files::RepoPath;
use crate::image::ImageReference;
use crate::nearest::first_few;

/// A file, and those whose images it is to hold.
#[derive(Debug, Clone)]
pub struct Pair<'f> {
    /// Whose images are copied.
    pub from: Vec<&'f ManifestFile>,
    /// Where to.
    pub to: &'f ManifestFile,
}

/// What is promoted, and what may be left out.
#[derive(Debug, Clone, Default)]
pub struct PromotionRequest {
    /// Only images of these repositories; all of them if none is named.
    pub only: Vec<ImageReference>,
    /// The files that nobody has named, but a pattern has found: those that can't be read are left out.
    pub found_by_glob: HashSet<RepoPath>,
}

/// What a promotion changes.
#[derive(Debug, Clone, Default)]
pub struct Promotion {
    /// The files that hold an image of their partners, in their order.
    pub files: Vec<PromotedFile>,
    /// What may not have been meant: files that can't be read, and were left out.
    pub warnings: Vec<String>,
}

/// A file that gets images.
#[derive(Debug, Clone)]
pub struct PromotedFile {
    /// The file.
    pub to: RepoPath,
    /// Its edit.
    pub plan: Plan,
    /// Every image that both sides hold, also where it is there already.
    pub promoted: Vec<Promoted>,
}

impl Promotion {
    /// All of it as one plan, and the images.
    pub fn joined(self) -> (Plan, Vec<Promoted>) {
        let mut all = Plan {
            warnings: self.warnings,
            ..Plan::default()
        };
        let mut images = Vec::new();
        for PromotedFile { plan, promoted, .. } in self.files {
            all.edits.extend(plan.edits);
            all.images.extend(plan.images);
            all.values.extend(plan.values);
            all.notes.extend(plan.notes);
            all.warnings.extend(plan.warnings);
            images.extend(promoted);
        }
        (all, images)
    }
}

/// An image that both sides hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    /// As it is written there.
    pub image: ImageReference,
    /// Where it comes from.
    pub from: HeldImage,
    /// The file that gets it.
    pub to: RepoPath,
}

/// Why images can't be promoted.
#[derive(Debug, thiserror::Error)]
pub enum PromotionError {
    /// A file can't be read, or can't hold the image.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The files that are copied from differ on an image, so that none of them is *the* version there.
    #[error(
        "{repository} has more than one version there, and {to} can get only one: {}",
        places(.held)
    )]
    SeveralVersions {
        /// The image without its version.
        repository: String,
        /// The file that is to get it.
        to: RepoPath,
        /// The places, one for each version.
        held: Vec<HeldImage>,
    },
    /// A tag that is a number to whoever reads it, and comes out as another text.
    #[error(
        "the tag {tag} is not written as a text there, and is read as {read}, so that another image runs than the one that would be promoted: {}",
        places(std::slice::from_ref(.held.as_ref()))
    )]
    NoText {
        /// As it stands there.
        tag: String,
        /// What it comes out as.
        read: String,
        /// Where that is.
        held: Box<HeldImage>,
    },
    /// Tags without their repositories, and nothing that says of which image they are.
    #[error(
        "{from} and {to} hold a tag alone, and nothing there says of which image it is: name that one, without a tag, as `image`"
    )]
    TagAlone {
        /// Where the tag comes from.
        from: String,
        /// The file that is to get it.
        to: RepoPath,
    },
    /// Both sides have images, and none in common.
    #[error("no image is on both sides: {from} there, and {to} here")]
    NothingInCommon {
        /// What the files hold that are copied from.
        from: String,
        /// What the others hold.
        to: String,
    },
    /// An image that was asked for is on one side only, or on none.
    #[error("{image} is not in {place}, which {}", holding(.held))]
    NotThere {
        /// The image without its version.
        image: String,
        /// The files.
        place: String,
        /// What is there.
        held: String,
    },
}

impl PromotionError {
    /// What to do about it, where the message does not say so itself.
    pub fn advice(&self) -> Option<Cow<'static, str>> {
        let advice = match self {
            Self::Manifest(error) => return error.advice(),
            Self::SeveralVersions { .. } => {
                "Narrow `from` to the file that counts, give the parts of the paths that belong together a name (`{app}`) in `from` and `file`, or name the images to promote as `image`."
            }
            Self::NothingInCommon { .. } => {
                "Check `from` and `file`: images are the same by registry and repository."
            }
            Self::NotThere { .. } => {
                "Correct `image`, or the files that `from` and `file` name. Without `image`, every image that both sides hold would be promoted."
            }
            Self::NoText { .. } => {
                "Write that tag in quotes where it is promoted from, and see that it runs there."
            }
            Self::TagAlone { .. } => return None,
        };
        Some(Cow::Borrowed(advice))
    }
}

/// What `pairs` are to become, so that each file holds the versions that its partners hold.
///
/// # Errors
/// [`PromotionError`]. Nothing is planned then.
pub fn promote<'f>(
    pairs: impl IntoIterator<Item = Pair<'f>>,
    request: &PromotionRequest,
) -> Result<Promotion, PromotionError> {
    let mut promotion = Promotion::default();
    let mut sources: BTreeMap<&RepoPath, Vec<Rc<Layered>>> = BTreeMap::new();
    let mut targets: Vec<HeldImage> = Vec::new();
    let mut room = Room::default();
    // Often all files have the same partners.
    let mut last: (Vec<&RepoPath>, Vec<Offer>) = (Vec::new(), Vec::new());
    for pair in pairs {
        for file in &pair.from {
            if !sources.contains_key(&file.path) {
                let held = read(file, request, &mut room, &mut promotion.warnings)?;
                sources.insert(&file.path, held.unwrap_or_default());
            }
        }
        let Some(held) = read(pair.to, request, &mut room, &mut promotion.warnings)? else {
            continue;
        };
        let held: Vec<HeldImage> = held.iter().map(|own| own.held.clone()).collect();
        let from: Vec<&RepoPath> = pair.from.iter().map(|file| &file.path).collect();
        if last.0 != from {
            let versions = from.iter().filter_map(|path| sources.get(path)).flatten();
            let versions: Vec<Rc<Layered>> = versions.map(Rc::clone).collect();
            last = (from, offered(&versions, request));
        }
        let promoted = promoted(pair.to, &held, &last.1, request)?;
        targets.extend(held);
        if promoted.is_empty() {
            continue;
        }
        let lines = promoted.iter().map(|promoted| ImageAssignment {
            container: None,
            image: promoted.image.clone(),
        });
        let edit = EditRequest {
            images: lines.collect(),
            found_by_glob: request.found_by_glob.clone(),
            ..EditRequest::default()
        };
        promotion.files.push(PromotedFile {
            to: pair.to.path.clone(),
            plan: plan(std::slice::from_ref(pair.to), &edit)?,
            promoted,
        });
    }
    let versions: Vec<Rc<Layered>> = sources.into_values().flatten().collect();
    let sources = offered(&versions, request);
    let sources: Vec<HeldImage> = sources.iter().map(Offer::held).collect();
    for wanted in &request.only {
        let mut promoted = promotion.files.iter().flat_map(|file| &file.promoted);
        if promoted.any(|promoted| promoted.image.same_repository(wanted)) {
            continue;
        }
        let is_there = |held: &[HeldImage]| held.iter().any(|held| is_of(held, wanted));
        let (place, held) = match is_there(&sources) {
            false => ("the files that are promoted from", &sources),
            true => ("the files that are promoted to", &targets),
        };
        return Err(PromotionError::NotThere {
            image: wanted.to_string(),
            place: place.to_owned(),
            held: listed(held),
        });
    }
    if promotion.files.is_empty() {
        return Err(PromotionError::NothingInCommon {
            from: listed(&sources),
            to: listed(&targets),
        });
    }
    Ok(promotion)
}

/// What a file holds; none where it can't be read, and need not be.
fn read(
    file: &ManifestFile,
    request: &PromotionRequest,
    room: &mut Room,
    warnings: &mut Vec<String>,
) -> Result<Option<Vec<Rc<Layered>>>, ManifestError> {
    match overrides::layered(file) {
        Ok(held) => {
            room.take_images(&file.path, held.len())?;
            Ok(Some(held))
        }
        Err(error) if request.found_by_glob.contains(&file.path) => {
            warnings.push(format!(
                "A file that `file` or `from` matches was left out: {error}"
            ));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Whether `image` is promoted, if it is there.
fn is_asked_for(image: &ImageReference, request: &PromotionRequest) -> bool {
    let mut only = request.only.iter();
    request.only.is_empty() || only.any(|wanted| wanted.same_repository(image))
}

/// What files offer that say `versions`.
fn offered(versions: &[Rc<Layered>], request: &PromotionRequest) -> Vec<Offer> {
    let images = versions
        .iter()
        .filter_map(|one| one.held.image.parse().ok());
    let mut images = images.filter(|image| is_asked_for(image, request));
    let first: Option<ImageReference> = images.next();
    let is_one_image = first.is_some_and(|first| images.all(|image| image.same_repository(&first)));
    let is_named = |path: &RepoPath| !request.found_by_glob.contains(path);
    overrides::in_force(versions, is_named, is_one_image)
}

/// The images that `to`, which holds `held`, gets of those that are `offered`.
fn promoted(
    to: &ManifestFile,
    held: &[HeldImage],
    offered: &[Offer],
    request: &PromotionRequest,
) -> Result<Vec<Promoted>, PromotionError> {
    let mut versions: Vec<(ImageReference, &Offer)> = Vec::new();
    for offer in offered {
        if let Some(image) = &offer.image
            && is_asked_for(image, request)
            && (image.tag().is_some() || image.digest().is_some())
        {
            versions.push((image.clone(), offer));
        }
    }
    let mut own: Vec<ImageReference> = Vec::new();
    for image in held.iter().filter_map(|held| held.image.parse().ok()) {
        let is_known = own.iter().any(|own| own.same_repository(&image));
        if is_asked_for(&image, request) && !is_known {
            own.push(image);
        }
    }
    // A stage's values are often no more than a tag, whose repository is elsewhere.
    match (held, offered) {
        ([tag], _) if is_tag_alone(&tag.image) => {
            if let Some((image, _)) = versions.first() {
                let is_same = |(other, _): &(ImageReference, _)| other.same_repository(image);
                if versions.iter().all(is_same) {
                    own = vec![image.clone()];
                }
            } else if let ([tag], [image]) = (offered, request.only.as_slice()) {
                versions.extend(with_tag(image, tag).map(|image| (image, tag)));
                own = vec![image.clone()];
            }
            if own.is_empty() && !offered.is_empty() {
                return Err(PromotionError::TagAlone {
                    from: paths(offered),
                    to: to.path.clone(),
                });
            }
        }
        (_, [tag]) if is_tag_alone(&tag.text) && own.len() == 1 => {
            let images = own.iter();
            let images = images.filter_map(|image| Some((with_tag(image, tag)?, tag)));
            versions.extend(images);
        }
        _ => {}
    }
    let mut promoted = Vec::new();
    for image in own {
        let mut of_it: Vec<&(ImageReference, &Offer)> = Vec::new();
        for version in versions
            .iter()
            .filter(|(own, _)| own.same_repository(&image))
        {
            let is_same = |(other, _): &&(ImageReference, &Offer)| {
                (other.tag(), other.digest()) == (version.0.tag(), version.0.digest())
            };
            let (of, offer) = version;
            if let (Some(tag), Some(read)) = (of.tag(), &offer.layered.comes_out_as) {
                return Err(PromotionError::NoText {
                    tag: tag.to_owned(),
                    read: read.clone(),
                    held: Box::new(offer.held()),
                });
            }
            if !of_it.iter().any(is_same) {
                of_it.push(version);
            }
        }
        match of_it[..] {
            [] => {}
            [(version, from)] => promoted.push(Promoted {
                image: written_as(&image, version),
                from: from.layered.held.clone(),
                to: to.path.clone(),
            }),
            _ => {
                let held = of_it.iter().map(|(_, offer)| offer.held());
                return Err(PromotionError::SeveralVersions {
                    repository: image.repository_as_written().to_owned(),
                    to: to.path.clone(),
                    held: held.collect(),
                });
            }
        }
    }
    Ok(promoted)
}

/// `version`, with the repository as `own` writes it: `nginx` stays `nginx`.
fn written_as(own: &ImageReference, version: &ImageReference) -> ImageReference {
    let tag = version.tag().map(|tag| format!(":{tag}"));
    let digest = version.digest().map(|digest| format!("@{digest}"));
    let text = format!(
        "{}{}{}",
        own.repository_as_written(),
        tag.unwrap_or_default(),
        digest.unwrap_or_default()
    );
    text.parse().unwrap_or_else(|_| version.clone())
}

/// `image` at the version that `tag`, which stands alone, says.
fn with_tag(image: &ImageReference, tag: &Offer) -> Option<ImageReference> {
    let text = format!("{}{}", image.repository_as_written(), tag.text);
    text.parse().ok()
}

fn is_tag_alone(text: &str) -> bool {
    text.starts_with([':', '@'])
}

fn is_of(held: &HeldImage, wanted: &ImageReference) -> bool {
    let image = held.image.parse::<ImageReference>();
    image.is_ok_and(|image| image.same_repository(wanted))
}

/// `ghcr.io/o/web:v1 (a.yaml line 3) and ghcr.io/o/web:v2 (b.yaml line 5)`
fn places(held: &[HeldImage]) -> String {
    let places = held.iter().map(
        |HeldImage {
             image, file, line, ..
         }| format!("{image} ({file} line {line})"),
    );
    places.collect::<Vec<_>>().join(" and ")
}

fn paths(offered: &[Offer]) -> String {
    let files = offered.iter().map(|offer| &offer.layered.held.file);
    let mut paths: Vec<&str> = files.map(RepoPath::as_str).collect();
    paths.dedup();
    paths.join(", ")
}

/// How many images an error lists.
const LISTED: usize = 8;

/// Images as a sentence has them, each once.
fn listed(held: &[HeldImage]) -> String {
    let mut images: Vec<&str> = held.iter().map(|held| held.image.as_str()).collect();
    images.sort_unstable();
    images.dedup();
    match images.is_empty() {
        true => "no image".to_owned(),
        false => first_few(&images, LISTED),
    }
}

fn holding(held: &str) -> String {
    match held {
        "no image" => "hold no image".to_owned(),
        held => format!("hold {held}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> ManifestFile {
        ManifestFile {
            path: path.parse().unwrap(),
            bytes: text.as_bytes().to_vec(),
        }
    }

    fn deployment(images: &[&str]) -> String {
        let containers = images.iter().enumerate();
        let containers: String = containers
            .map(|(n, image)| format!("      - {{name: c{n}, image: \"{image}\"}}\n"))
            .collect();
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  template:\n    spec:\n      containers:\n{containers}"
        )
    }

    /// What `to` becomes.
    fn promoted(from: &[&str], to: &str, only: &[&str]) -> Result<String, String> {
        let files = from.iter().enumerate();
        let files = files.map(|(n, text)| file(&format!("staging/{n}.yaml"), text));
        promoted_from(&files.collect::<Vec<_>>(), true, to, only)
    }

    /// The same; `are_named` is whether somebody has named the files, and no pattern has found them.
    fn promoted_from(
        from: &[ManifestFile],
        are_named: bool,
        to: &str,
        only: &[&str],
    ) -> Result<String, String> {
        let to = file("production.yaml", to);
        let pair = Pair {
            from: from.iter().collect(),
            to: &to,
        };
        let found = from.iter().filter(|_| !are_named);
        let request = PromotionRequest {
            only: only.iter().map(|image| image.parse().unwrap()).collect(),
            found_by_glob: found.map(|file| file.path.clone()).collect(),
        };
        match promote([pair], &request) {
            Ok(promotion) => match &promotion.joined().0.edits[..] {
                [] => Ok("as it was".to_owned()),
                [edit] => Ok(String::from_utf8(edit.after.clone()).unwrap()),
                _ => panic!(),
            },
            Err(error) => Err(error.to_string()),
        }
    }

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn an_image_is_copied_as_it_stands_there() {
        let pinned = format!("ghcr.io/acme/web:v2@{DIGEST}");
        let from = deployment(&[&pinned, "nginx:1.29", "ghcr.io/acme/debug:v1"]);
        let to = deployment(&["docker.io/library/nginx:1.28", "ghcr.io/acme/web:v1"]);
        let expected = to
            .replace("ghcr.io/acme/web:v1", &pinned)
            .replace("1.28", "1.29");
        assert_eq!(promoted(&[&from], &to, &[]).unwrap(), expected);
        let only_nginx = to.replace("1.28", "1.29");
        assert_eq!(promoted(&[&from], &to, &["nginx"]).unwrap(), only_nginx);
        assert_eq!(promoted(&[&expected], &expected, &[]).unwrap(), "as it was");
    }

    #[test]
    fn shapes_need_not_be_the_same() {
        let from = deployment(&["ghcr.io/acme/web:v2"]);
        let values = "image:\n  repository: ghcr.io/acme/web # ours\n  tag: v1\n";
        assert_eq!(
            promoted(&[&from], values, &[]).unwrap(),
            values.replace("v1", "v2")
        );
        let kustomization =
            "kind: Kustomization\nimages:\n- name: ghcr.io/acme/web\n  newTag: v1\n";
        assert_eq!(
            promoted(&[values], kustomization, &[]).unwrap(),
            "as it was"
        );
        assert_eq!(
            promoted(&[&from], kustomization, &[]).unwrap(),
            kustomization.replace("v1", "v2")
        );
    }

    #[test]
    fn a_tag_alone_is_copied_where_it_is_known_of_which_image() {
        let (staging, production) = ("image:\n  tag: v2\n", "image:\n  tag: v1 # live\n");
        let expected = production.replace("v1", "v2");
        let only = ["ghcr.io/acme/web"];
        assert_eq!(promoted(&[staging], production, &only).unwrap(), expected);
        let whole = "image:\n  repository: ghcr.io/acme/web\n  tag: v2\n";
        assert_eq!(promoted(&[whole], production, &[]).unwrap(), expected);
        let production = whole.replace("v2", "v1");
        assert_eq!(promoted(&[staging], &production, &[]).unwrap(), whole);
    }

    #[test]
    fn what_is_not_clear_is_refused() {
        let v1 = deployment(&["ghcr.io/acme/web:v1"]);
        let v2 = deployment(&["ghcr.io/acme/web:v2"]);
        let other = deployment(&["ghcr.io/acme/api:v2"]);
        let tag = "image:\n  tag: v2\n";
        let said = [
            promoted(&[&v1, &v2], &v1, &[]),
            promoted(&[&other], &v1, &[]),
            promoted(&[&v2], &v1, &["ghcr.io/acme/api"]),
            promoted(&[&v2, &other], &v1, &["ghcr.io/acme/api"]),
            promoted(&[tag], tag, &[]),
            promoted(&["a: {{ b }}\nc: {{- x }}"], &v1, &[]),
        ];
        let said: Vec<String> = said.into_iter().map(Result::unwrap_err).collect();
        insta::assert_snapshot!(said.join("\n"), @"
        ghcr.io/acme/web has more than one version there, and production.yaml can get only one: ghcr.io/acme/web:v1 (staging/0.yaml line 8) and ghcr.io/acme/web:v2 (staging/1.yaml line 8)
        no image is on both sides: ghcr.io/acme/api:v2 there, and ghcr.io/acme/web:v1 here
        ghcr.io/acme/api is not in the files that are promoted from, which hold ghcr.io/acme/web:v2
        ghcr.io/acme/api is not in the files that are promoted to, which hold ghcr.io/acme/web:v1
        staging/0.yaml and production.yaml hold a tag alone, and nothing there says of which image it is: name that one, without a tag, as `image`
        no image is on both sides: no image there, and ghcr.io/acme/web:v1 here
        ");
    }

    #[test]
    fn two_writings_of_one_version_are_one() {
        let one = deployment(&["docker.io/library/nginx:1.29"]);
        let other = deployment(&["nginx:1.29"]);
        let to = deployment(&["nginx:1.28"]);
        assert_eq!(promoted(&[&one, &other], &to, &[]).unwrap(), other);
    }

    /// `values` of a chart, with `tag` for the image.
    fn values(tag: &str) -> String {
        format!("image:\n  repository: ghcr.io/acme/web\n  tag: {tag}\n")
    }

    /// An `Application` of Argo CD with such values, and `over` them.
    fn application(tag: &str, over: &str) -> String {
        let values = values(tag).replace('\n', "\n        ");
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: web}}\nspec:\n  source:\n    \
             helm:\n{over}      values: |\n        {values}\n"
        )
    }

    #[test]
    fn what_is_put_over_other_values_is_what_is_promoted() {
        let parameters = "      parameters:\n      - {name: image.tag, value: v2}\n";
        let object =
            "      valuesObject:\n        image: {repository: ghcr.io/acme/web, tag: v2}\n";
        let lone = "      valuesObject:\n        image: {tag: v2}\n";
        let production = values("v0");
        for over in [parameters, object, lone] {
            let staging = application("v1", over);
            assert_eq!(
                promoted(&[&staging], &production, &[]).unwrap(),
                values("v2"),
                "{over}"
            );
        }
        // Parameters are over the values that are over others.
        let all = application("v1", &(lone.replace("v2", "v3") + parameters));
        assert_eq!(promoted(&[&all], &production, &[]).unwrap(), values("v2"));
        let untagged = application("v1", parameters).replace("          tag: v1\n", "");
        assert_eq!(
            promoted(&[&untagged], &production, &[]).unwrap(),
            values("v2")
        );
    }

    /// Whatever else than a tag is put over it.
    #[test]
    fn what_is_put_over_an_image_is_what_is_promoted() {
        let production = deployment(&["ghcr.io/acme/web:v0"]);
        let pinned = deployment(&[&format!("ghcr.io/acme/web@{DIGEST}")]);
        let parameter = |name: &str, value: &str| {
            format!("      parameters:\n      - {{name: \"{name}\", value: \"{value}\"}}\n")
        };
        let object = format!("      valuesObject:\n        image: {{digest: \"{DIGEST}\"}}\n");
        for over in [
            parameter("image.digest", DIGEST),
            object,
            parameter("image.tag", "v2")
                + &format!("      - {{name: image.digest, value: \"{DIGEST}\"}}\n"),
        ] {
            let staging = application("v1", &over);
            assert_eq!(
                promoted(&[&staging], &production, &[]).unwrap(),
                pinned,
                "{over}"
            );
        }
        for (name, value) in [
            ("image.repository", "mirror.io/acme/other"),
            ("image.registry", "mirror.io"),
        ] {
            let staging = application("v1", &parameter(name, value));
            let told = promoted(&[&staging], &production, &[]).unwrap_err();
            assert!(
                told.starts_with("no image is on both sides: mirror.io/acme/"),
                "{told}"
            );
        }
        let same = application("v1", &parameter("image.repository", "ghcr.io/acme/web"));
        let expected = deployment(&["ghcr.io/acme/web:v1"]);
        assert_eq!(promoted(&[&same], &production, &[]).unwrap(), expected);
        let item = "kind: Application\nspec:\n  source:\n    helm:\n      values: |\n        images:\n        - repository: ghcr.io/acme/web\n          tag: v1\n";
        let staging = item.to_owned() + &parameter("images[0].tag", "v2");
        let expected = deployment(&["ghcr.io/acme/web:v2"]);
        assert_eq!(promoted(&[&staging], &production, &[]).unwrap(), expected);
    }

    #[test]
    fn of_several_files_the_one_that_is_put_over_the_others_is_promoted() {
        let tag = |tag: &str| format!("image:\n  tag: {tag}\n");
        let base = file("stg/values.yaml", &values("v1"));
        let beside = file("stg/values-stg.yaml", &tag("v2"));
        let whole = file("stg/values-stg.yaml", &values("v2"));
        let production = values("v0");
        for over in [&beside, &whole] {
            for files in [[base.clone(), over.clone()], [over.clone(), base.clone()]] {
                let promoted = promoted_from(&files, false, &production, &[]);
                assert_eq!(promoted.unwrap(), values("v2"));
            }
        }
        // Of one image, files that are named one by one belong together.
        let shared = file("base/web.yaml", &values("v1"));
        let own = file("envs/stg.yaml", &tag("v2"));
        let both = [shared, own];
        assert_eq!(
            promoted_from(&both, true, &production, &[]).unwrap(),
            values("v2")
        );
        // Where the files do not tell, nothing is promoted; but what is the same all the same is.
        let second = file("stg/values-eu.yaml", &tag("v3"));
        let layers = [base.clone(), beside.clone(), second];
        let said = [
            promoted_from(&both, false, &production, &[]),
            promoted_from(&layers, false, &production, &[]),
        ];
        let said: Vec<String> = said.into_iter().map(Result::unwrap_err).collect();
        insta::assert_snapshot!(said.join("\n"), @"
        ghcr.io/acme/web has more than one version there, and production.yaml can get only one: ghcr.io/acme/web:v1 (base/web.yaml line 2) and ghcr.io/acme/web:v2 (envs/stg.yaml line 2)
        ghcr.io/acme/web has more than one version there, and production.yaml can get only one: ghcr.io/acme/web:v2 (stg/values-stg.yaml line 2) and ghcr.io/acme/web:v3 (stg/values-eu.yaml line 2)
        ");
        let same = [
            file("a/1.yaml", &values("v2")),
            file("b/2.yaml", &tag("v2")),
        ];
        assert_eq!(
            promoted_from(&same, false, &production, &[]).unwrap(),
            values("v2")
        );
    }

    #[test]
    fn a_number_that_is_read_as_another_text_is_not_promoted() {
        let production = values("\"1.9\"");
        let said = ["1.10", "!!float \"1.10\"", "0123", "1e3"].map(|tag| {
            let staging = values(tag);
            promoted(&[&staging], &production, &[]).unwrap_err()
        });
        insta::assert_snapshot!(said.join("\n"), @"
        the tag 1.10 is not written as a text there, and is read as 1.1, so that another image runs than the one that would be promoted: ghcr.io/acme/web:1.10 (staging/0.yaml line 2)
        the tag 1.10 is not written as a text there, and is read as 1.1, so that another image runs than the one that would be promoted: ghcr.io/acme/web:1.10 (staging/0.yaml line 2)
        the tag 0123 is not written as a text there, and is read as 83, so that another image runs than the one that would be promoted: ghcr.io/acme/web:0123 (staging/0.yaml line 2)
        the tag 1e3 is not written as a text there, and is read as 1000, so that another image runs than the one that would be promoted: ghcr.io/acme/web:1e3 (staging/0.yaml line 2)
        ");
        for (tag, written) in [
            ("5", "\"5\""),
            ("\"1.10\"", "\"1.10\""),
            ("!!str 1.10", "\"1.10\""),
        ] {
            assert_eq!(
                promoted(&[&values(tag)], &production, &[]).unwrap(),
                values(written)
            );
        }
        let kustomization =
            "kind: Kustomization\nimages:\n- {name: ghcr.io/acme/web, newTag: 1.10}\n";
        assert!(promoted(&[kustomization], &production, &[]).is_err());
        let tag = "image:\n  tag: 1.10\n";
        assert!(promoted(&[tag], &production, &[]).is_err());
    }
}
