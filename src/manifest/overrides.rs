//! Values that are put over others: what a tag alone says there decides, and not what stands beside the name.
//!
//! ```yaml
//! helm:
//!   valuesObject:
//!     image: {repository: acme/web}      # base
//!   parameters:
//!     - {name: image.tag, value: v1}     # put over it
//! ```

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::files::RepoPath;
use crate::image::ImageReference;
use crate::yaml::{NodeId, Role};

use super::change::{Note, Plan};
use super::error::{HeldImage, ManifestError};
use super::file::{Manifest, sites_of, told_of};
use super::find;
use super::keys;
use super::request::EditRequest;
use super::source::ManifestFile;
use super::target::unwritable;
use super::write::Obstacle;

/// Where a value is among those of a chart.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    scope: Scope,
    /// What has a higher one is put over it in the same scope.
    rank: usize,
    /// `web.image.tag`, `images[0].tag`
    path: String,
}

impl Address {
    /// Whether it is put over what is at `base` in the same scope. Values replace a list as a whole: in one, only
    /// parameters lead to an item that another value has.
    fn is_over(&self, base: &Self) -> bool {
        let is_in_a_list = self.path.contains('[');
        self.rank > base.rank && (!is_in_a_list || self.rank >= RANK_OF_PARAMETERS)
    }
}

/// What values belong to.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Scope {
    /// A file of values.
    File(usize),
    /// What deploys a chart, in a file.
    Chart(usize, NodeId),
}

/// Argo CD puts them over `values`, whatever these say.
const RANK_OF_OBJECT: usize = 1 << 20;
/// Argo CD, Helmfile and Crossplane put them over all values.
const RANK_OF_PARAMETERS: usize = 2 << 20;

/// Whether values are put over others.
enum Over {
    Proven,
    Unknown,
}

/// The tag of an image whose name is written: which site of which file it is.
struct Base {
    manifest: usize,
    site: usize,
    address: Address,
    has_tag: bool,
}

/// A tag alone.
struct Lone {
    manifest: usize,
    site: usize,
    node: NodeId,
    address: Address,
}

/// Has the tags that are put over that of an image be meant by its line; where there is no other, they alone.
///
/// # Errors
/// Whether a tag belongs to an image that has none of its own can't be told.
pub(super) fn mean_overriding_tags(
    manifests: &mut [Manifest<'_>],
    request: &EditRequest,
    plan: &mut Plan,
) -> Result<(), ManifestError> {
    if !request.paths.is_empty() {
        return Ok(());
    }
    let lone = lone_tags(manifests);
    if lone.is_empty() {
        return Ok(());
    }
    let mut lone_at: HashMap<&str, Vec<usize>> = HashMap::new();
    for (number, tag) in lone.iter().enumerate() {
        lone_at.entry(&tag.address.path).or_default().push(number);
    }
    let images = request.images.iter();
    for assignment in images.filter(|line| line.container.is_none()) {
        let image = &assignment.image;
        let mut is_told = HashSet::new();
        for base in bases(manifests, image) {
            let over = lone_at.get(base.address.path.as_str());
            for number in over.into_iter().flatten().copied() {
                let tag = &lone[number];
                match put_over(manifests, &base, tag, image, request) {
                    Some(Over::Proven) => mean(manifests, &base, tag, image, plan),
                    Some(Over::Unknown) if !base.has_tag => {
                        return Err(not_known(manifests, &base, tag, image));
                    }
                    // Once for each tag: there may be as many bases as tags.
                    Some(Over::Unknown) if !is_told.contains(&number) => {
                        let warning = told(manifests, &base, tag, image);
                        is_told.extend(warning.is_some().then_some(number));
                        plan.warnings.extend(warning);
                    }
                    Some(Over::Unknown) | None => {}
                }
            }
        }
    }
    Ok(())
}

/// Tells of what is put over the images that are meant, by what deploys the chart, and stays: a digest, another name, or
/// the tag once more. What runs is that then.
pub(super) fn tell_what_stays(manifests: &[Manifest<'_>], request: &EditRequest, plan: &mut Plan) {
    if !request.paths.is_empty() {
        return;
    }
    // Of each chart once: there may be as many images as parameters.
    let mut known: HashMap<(usize, NodeId), Parameters<'_>> = HashMap::new();
    let images = request.images.iter();
    for assignment in images.filter(|line| line.container.is_none()) {
        let image = &assignment.image;
        let meant = tags_of(manifests, image);
        // Once for each value: there may be as many images as it is put over.
        let mut is_told = HashSet::new();
        for base in bases(manifests, image) {
            let Scope::Chart(number, chart) = base.address.scope else {
                continue;
            };
            let parameters = known.entry((number, chart));
            let staying = Staying {
                chart: Chart {
                    manifests,
                    number,
                    chart,
                    parameters: parameters
                        .or_insert_with(|| parameters_of(manifests, number, chart)),
                },
                base: &base,
                image,
                meant: &meant,
            };
            for key in ["digest", "repository", "registry", "tag"] {
                let told = staying.told(key);
                let told = told.filter(|(node, _)| is_told.insert((number, *node)));
                plan.warnings.extend(told.map(|(_, warning)| warning));
            }
        }
    }
}

/// The tags that the line of `image` means, or may: their files and nodes.
fn tags_of(manifests: &[Manifest<'_>], image: &ImageReference) -> HashSet<(usize, NodeId)> {
    let read = manifests.iter().enumerate();
    let sites = read.flat_map(|(number, read)| read.sites.iter().map(move |site| (number, site)));
    let own = sites.filter(|(_, site)| site.is_version_only() || site.is_of(image));
    own.filter_map(|(number, site)| Some((number, site.tag()?.node)))
        .collect()
}

/// The parameters of a chart by their names: of several the last, which counts, with its rank.
type Parameters<'a> = HashMap<&'a str, (usize, NodeId)>;

fn parameters_of<'a>(
    manifests: &'a [Manifest<'_>],
    number: usize,
    chart: NodeId,
) -> Parameters<'a> {
    let Some(read) = manifests.get(number) else {
        return HashMap::new();
    };
    let stream = &read.stream;
    let lists = ["parameters", "set", "setString"].into_iter();
    let lists = lists.filter_map(|key| stream.get(chart, key));
    let items = lists.flat_map(|list| stream.items(list).enumerate());
    let named = items.filter_map(|(number, item)| {
        let name = stream.value(stream.get(item, "name")?)?;
        let value = stream.get(item, "value")?;
        Some((name, (RANK_OF_PARAMETERS + number, value)))
    });
    named.collect()
}

/// What deploys a chart, by its file and place, with its parameters.
struct Chart<'a> {
    manifests: &'a [Manifest<'a>],
    number: usize,
    chart: NodeId,
    parameters: &'a Parameters<'a>,
}

impl<'a> Chart<'a> {
    /// The value of `key` beside `address` that is put over all others, where it is above `address`: its path, its node
    /// and its text.
    fn over(&self, address: &Address, key: &str) -> Option<(String, NodeId, &'a str)> {
        let (beside, _) = address.path.rsplit_once('.').unwrap_or_default();
        let path = match beside {
            "" => key.to_owned(),
            beside => format!("{beside}.{key}"),
        };
        let (rank, node) = self.highest(&path)?;
        let stream = &self.manifests.get(self.number)?.stream;
        let value = stream.value(node).filter(|value| !value.is_empty())?;
        (rank > address.rank).then_some((path, node, value))
    }

    /// The value at `path` that is put over all others, with its rank.
    fn highest(&self, path: &str) -> Option<(usize, NodeId)> {
        let of_object = || {
            let stream = &self.manifests.get(self.number)?.stream;
            let object = stream.get(self.chart, "valuesObject")?;
            let mut parts = path.split('.');
            let node = parts.try_fold(object, |node, part| {
                let item = part.strip_suffix(']').and_then(|part| part.split_once('['));
                match item {
                    Some((key, item)) => {
                        stream.items(stream.get(node, key)?).nth(item.parse().ok()?)
                    }
                    None => stream.get(node, part),
                }
            })?;
            Some((RANK_OF_OBJECT, node))
        };
        self.parameters.get(path).copied().or_else(of_object)
    }
}

/// What is said in the chart of a base, beside it.
struct Staying<'a> {
    chart: Chart<'a>,
    base: &'a Base,
    image: &'a ImageReference,
    meant: &'a HashSet<(usize, NodeId)>,
}

impl Staying<'_> {
    /// The warning, where what counts of `key` keeps the image from being the one that runs, and the value.
    fn told(&self, key: &str) -> Option<(NodeId, String)> {
        let (path, node, value) = self.chart.over(&self.base.address, key)?;
        let read = self.chart.manifests.get(self.chart.number)?;
        let stays = match key {
            // A digest counts whatever tag is put over the one beside it; one that is there itself is seen with it.
            "digest" => self.image.digest() != Some(value),
            "tag" => {
                let is_meant = self.meant.contains(&(self.chart.number, node));
                !is_meant && self.image.tag() != Some(value)
            }
            _ => !is_named_by(self.image, value),
        };
        stays.then(|| {
            let warning = format!(
                "`{path}: {value}` in {}, line {}, is put over what is written for {}, and stays: what runs may be another image. \
                 Take it out with `remove`, or set it with `set`",
                read.file.path,
                read.line(node),
                self.image
            );
            (node, warning)
        })
    }
}

/// Whether a registry, or a name without it, is that of the image.
fn is_named_by(image: &ImageReference, value: &str) -> bool {
    let (repository, value) = (image.repository(), value.trim_matches('/'));
    let is_it = |other: ImageReference| other.same_repository(image);
    value.parse().is_ok_and(is_it)
        || repository.ends_with(&format!("/{value}"))
        || repository.starts_with(&format!("{value}/"))
}

/// What else than a tag is put over an image by what deploys its chart.
#[derive(Debug, Default)]
struct Cover {
    registry: Option<String>,
    repository: Option<String>,
    digest: Option<String>,
}

impl Cover {
    fn of(chart: &Chart<'_>, address: &Address, image: &ImageReference) -> Self {
        let over = |key: &str| {
            let (_, _, value) = chart.over(address, key)?;
            Some(value.to_owned())
        };
        let name = |key: &str| over(key).filter(|value| !is_named_by(image, value));
        Self {
            registry: name("registry"),
            repository: name("repository"),
            digest: over("digest").filter(|digest| digest.starts_with("sha256:")),
        }
    }

    /// What runs where `text` is written.
    fn over(&self, text: &str) -> String {
        let Ok(image) = text.parse::<ImageReference>() else {
            return text.to_owned();
        };
        let Self {
            registry,
            repository,
            digest,
        } = self;
        let name = match (registry, repository) {
            (None, None) => image.repository_as_written().to_owned(),
            (None, Some(repository)) => repository.clone(),
            (Some(registry), None) => format!("{registry}/{}", image.path()),
            (Some(registry), Some(repository)) => format!("{registry}/{repository}"),
        };
        let written = text.strip_prefix(image.repository_as_written());
        match digest {
            // Beside a digest no tag counts.
            Some(digest) => format!("{name}@{digest}"),
            None => format!("{name}{}", written.unwrap_or_default()),
        }
    }
}

fn lone_tags(manifests: &[Manifest<'_>]) -> Vec<Lone> {
    let mut found = Vec::new();
    for (manifest, read) in manifests.iter().enumerate() {
        for (site, tag) in read.sites.iter().enumerate() {
            let Some(slot) = tag.tag().filter(|_| tag.is_version_only()) else {
                continue;
            };
            let node = slot.node;
            found.extend(
                address(manifests, manifest, node, None).map(|address| Lone {
                    manifest,
                    site,
                    node,
                    address,
                }),
            );
        }
    }
    found
}

fn bases(manifests: &[Manifest<'_>], image: &ImageReference) -> Vec<Base> {
    let mut found = Vec::new();
    for (manifest, read) in manifests.iter().enumerate() {
        for (site, base) in read.sites.iter().enumerate() {
            let Some((node, key, has_tag)) = base.tag_home().filter(|_| base.is_of(image)) else {
                continue;
            };
            found.extend(address(manifests, manifest, node, key).map(|address| Base {
                manifest,
                site,
                address,
                has_tag,
            }));
        }
    }
    found
}

/// Where the value at `node` is, or the one at a new `key` there.
fn address(
    manifests: &[Manifest<'_>],
    number: usize,
    node: NodeId,
    key: Option<&str>,
) -> Option<Address> {
    let mut way: Vec<String> = key.map(str::to_owned).into_iter().collect();
    let (mut number, mut at) = (number, node);
    let told = |way: &[String]| {
        let parts = way.iter().rev().map(String::as_str);
        parts.collect::<Vec<_>>().join(".")
    };
    loop {
        let manifest = manifests.get(number)?;
        let stream = &manifest.stream;
        let Some(around) = stream[at].parent else {
            let Some(nested) = &manifest.nested else {
                let is_object = ["kind", "apiVersion"]
                    .iter()
                    .any(|key| stream.get(at, key).is_some());
                let path = told(&way);
                let is_value = !is_object && stream.document(at) == 0 && !path.contains('[');
                return is_value.then_some(Address {
                    scope: Scope::File(number),
                    rank: 0,
                    path,
                });
            };
            (number, at) = (nested.outer, nested.node);
            continue;
        };
        // The item of a list is among what the list's key says.
        let (holder, item) = match stream[at].role() {
            Role::Item { .. } => (around, stream.items(around).position(|own| own == at)?),
            _ => (at, 0),
        };
        let key = stream.key_of(holder)?;
        let chart = stream[holder].parent?;
        let rank = match key {
            "values" | "valuesInline" => Some(item),
            "valuesObject" => Some(RANK_OF_OBJECT),
            _ => None,
        };
        if let Some(rank) = rank {
            return Some(Address {
                scope: Scope::Chart(number, chart),
                rank,
                path: told(&way),
            });
        }
        if holder == at {
            way.push(key.to_owned());
            at = around;
            continue;
        }
        let is_parameter = matches!(key, "parameters" | "set" | "setString") && way == ["value"];
        if let Some(name) = stream.get(at, "name").filter(|_| is_parameter) {
            return Some(Address {
                scope: Scope::Chart(number, chart),
                rank: RANK_OF_PARAMETERS + item,
                path: stream.value(name)?.to_owned(),
            });
        }
        way.push(format!("{key}[{item}]"));
        at = chart;
    }
}

/// Whether `tag` is put over what `base` says.
fn put_over(
    manifests: &[Manifest<'_>],
    base: &Base,
    tag: &Lone,
    image: &ImageReference,
    request: &EditRequest,
) -> Option<Over> {
    if base.address.path != tag.address.path {
        return None;
    }
    match (base.address.scope, tag.address.scope) {
        (Scope::Chart(..), Scope::Chart(..)) => {
            let is_same = base.address.scope == tag.address.scope;
            (is_same && tag.address.is_over(&base.address)).then_some(Over::Proven)
        }
        (Scope::File(one), Scope::File(other)) if one != other => {
            let files =
                [one, other].map(|number| manifests.get(number).map(|read| &read.file.path));
            let [Some(one), Some(other)] = files else {
                return None;
            };
            // Whoever names both files for one image means both.
            let is_named = |path| !request.found_by_glob.contains(path);
            let may_be = || {
                let read = manifests.get(tag.manifest);
                read.is_some_and(|read| find::may_be_tag_of(&read.stream, tag.node, image))
            };
            let are_named = request.images.len() == 1 && is_named(one) && is_named(other);
            let is_proven = is_beside(one, other) || (are_named && may_be());
            Some(if is_proven {
                Over::Proven
            } else {
                Over::Unknown
            })
        }
        _ => None,
    }
}

/// Whether `other` is put over `one` as Helm has them: `values.yaml`, and `values-prod.yaml` beside it.
fn is_beside(one: &RepoPath, other: &RepoPath) -> bool {
    let directory = |path: &RepoPath| {
        let path = path.as_str().rsplit_once('/');
        path.map(|(directory, _)| directory.to_owned())
    };
    directory(one) == directory(other)
        && matches!(one.file_name(), "values.yaml" | "values.yml")
        && other.file_name().starts_with("values")
}

/// Has the line of `image` mean `tag`, and where `base` has no tag, not that.
fn mean(
    manifests: &mut [Manifest<'_>],
    base: &Base,
    tag: &Lone,
    image: &ImageReference,
    plan: &mut Plan,
) {
    let at = place(manifests, tag);
    let lone = manifests.get_mut(tag.manifest);
    if let Some(site) = lone.and_then(|read| read.sites.get_mut(tag.site)) {
        site.answer_to(image);
    }
    let Some(read) = manifests.get_mut(base.manifest).filter(|_| !base.has_tag) else {
        return;
    };
    let Some(site) = read.sites.get_mut(base.site) else {
        return;
    };
    site.answer_to_container_only();
    let (node, text) = (site.node, site.text.clone());
    plan.notes.push(Note {
        file: read.file.path.clone(),
        line: read.line(node),
        text: format!(
            "{text} has no tag here: the one that is put over it is in {at}, and is what is meant"
        ),
    });
}

/// `prod/values.yaml, line 2`.
fn place(manifests: &[Manifest<'_>], tag: &Lone) -> String {
    let read = manifests.get(tag.manifest);
    let told = read.map(|read| format!("{}, line {}", read.file.path, read.line(tag.node)));
    told.unwrap_or_default()
}

/// The error for a tag that may be put over what `base` has, and for which one would be made up there.
fn not_known(
    manifests: &[Manifest<'_>],
    base: &Base,
    tag: &Lone,
    image: &ImageReference,
) -> ManifestError {
    let (read, of_tag) = (&manifests[base.manifest], &manifests[tag.manifest]);
    let key = of_tag.stream.key_of(tag.node).unwrap_or_default();
    let path = of_tag.address(tag.node).unwrap_or_default();
    let obstacle = Obstacle::VersionElsewhere {
        key: format!("`{key}`"),
        place: place(manifests, tag),
        advice: format!(
            "to write the tag there, add the input `path: {path}`; where that is the tag of another image, leave {} out of `file`",
            of_tag.file.path
        ),
    };
    unwritable(read, &read.sites[base.site], obstacle, image)
}

/// The warning for a tag that may be put over the one of `base`, which is written.
fn told(
    manifests: &[Manifest<'_>],
    base: &Base,
    tag: &Lone,
    image: &ImageReference,
) -> Option<String> {
    const BASES: [&str; 6] = ["base", "bases", "common", "default", "defaults", "shared"];
    let (read, of_tag) = (manifests.get(base.manifest)?, manifests.get(tag.manifest)?);
    // Files of values have the same keys for all kinds of images: only what says that it is a base is told of.
    let words = |path: &str| {
        let mut words = path.split(|c: char| !c.is_ascii_alphanumeric());
        words.any(|word| BASES.contains(&word))
    };
    let is_base = words(read.file.path.as_str()) && !words(of_tag.file.path.as_str());
    let path = of_tag.address(tag.node).filter(|_| is_base)?;
    Some(format!(
        "{} has a tag alone, and stays as it is: where it is put over {}, {image} is not deployed there. To write both, add the input `path: {path}`",
        place(manifests, tag),
        read.file.path
    ))
}

/// Whether the tag at `node` is of a chart that is called after something else than `image`, and so is what
/// deploys it.
pub(super) fn is_of_another_chart(
    manifests: &[Manifest<'_>],
    number: usize,
    node: NodeId,
    image: &ImageReference,
) -> bool {
    let mut charts: Vec<&str> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    let mut at = Some((number, node));
    while let Some((number, node)) = at {
        let Some(manifest) = manifests.get(number) else {
            break;
        };
        let stream = &manifest.stream;
        let text = |node: NodeId, key: &str| stream.value(stream.get(node, key)?);
        for around in stream.ancestors(node) {
            let flux = || {
                let chart = stream.get(around, "chart")?;
                text(stream.get(chart, "spec")?, "chart")
            };
            let of_reference = || text(stream.get(around, "chartRef")?, "name");
            let of_kustomize = || text(around, "repo").and_then(|_| text(around, "name"));
            let chart = text(around, "chart").or_else(flux).or_else(of_reference);
            charts.extend(chart.or_else(of_kustomize));
            names.extend(
                ["name", "releaseName"]
                    .iter()
                    .filter_map(|key| text(around, key)),
            );
            let metadata = stream.get(around, "metadata");
            names.extend(metadata.and_then(|metadata| text(metadata, "name")));
        }
        at = manifest
            .nested
            .as_ref()
            .map(|nested| (nested.outer, nested.node));
    }
    let last = |name: &&str| name.rsplit('/').next().unwrap_or(name).to_owned();
    let subjects: Vec<String> = charts
        .iter()
        .filter_map(|name| keys::subject(&last(name)))
        .collect();
    let mut all = subjects
        .iter()
        .cloned()
        .chain(names.iter().map(|name| keys::plain(name)));
    !subjects.is_empty() && !all.any(|subject| find::is_about(&subject, image))
}

/// A version that a file says, and where its tag is among the values of a chart.
#[derive(Debug)]
pub(super) struct Layered {
    pub held: HeldImage,
    /// What readers make of its tag, where that is no string and comes out as another text.
    pub comes_out_as: Option<String>,
    is_tag_alone: bool,
    address: Option<Address>,
    cover: Cover,
    /// Whether what it is in names an image that the tag may be of.
    names_an_image: bool,
}

/// The versions that `file` says, in the order of the text.
pub(super) fn layered(file: &ManifestFile) -> Result<Vec<Rc<Layered>>, ManifestError> {
    told_of(file, |manifests| {
        let names_an_image = OnceCell::new();
        // Of each chart once: there may be as many images as parameters.
        let mut known: HashMap<(usize, NodeId), Parameters<'_>> = HashMap::new();
        let versions = sites_of(manifests).filter(|(_, site)| site.says_a_version());
        let versions = versions.filter_map(|(number, site)| {
            let manifest = manifests.get(number)?;
            let is_tag_alone = site.is_version_only();
            let at = match site.tag().filter(|_| is_tag_alone) {
                Some(tag) => Some((tag.node, None)),
                None => site.tag_home().map(|(node, key, _)| (node, key)),
            };
            let held = manifest.held(site);
            let address = at.and_then(|(node, key)| address(manifests, number, node, key));
            let mut cover = Cover::default();
            if let (Some(address), false, Ok(image)) =
                (&address, is_tag_alone, held.image.parse::<ImageReference>())
                && let Scope::Chart(number, chart) = address.scope
            {
                let parameters = known.entry((number, chart));
                let chart = Chart {
                    manifests,
                    number,
                    chart,
                    parameters: parameters
                        .or_insert_with(|| parameters_of(manifests, number, chart)),
                };
                cover = Cover::of(&chart, address, &image);
            }
            Some(Rc::new(Layered {
                held,
                comes_out_as: site.tag_comes_out_as(&manifest.stream),
                is_tag_alone,
                address,
                cover,
                names_an_image: is_tag_alone
                    && *names_an_image.get_or_init(|| {
                        let mut read = manifests.iter();
                        read.any(|manifest| find::names_an_image(&manifest.stream))
                    }),
            }))
        });
        versions.collect()
    })
}

/// What files offer: a version with its image where that is known, also from what it is put over.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub layered: Rc<Layered>,
    /// `:v1` where nothing says of which image that is.
    pub text: String,
    pub image: Option<ImageReference>,
}

impl Offer {
    /// Where it is, with its image.
    pub fn held(&self) -> HeldImage {
        HeldImage {
            image: self.text.clone(),
            ..self.layered.held.clone()
        }
    }

    fn new(layered: &Rc<Layered>, text: String) -> Self {
        Self {
            layered: Rc::clone(layered),
            image: text.parse().ok(),
            text,
        }
    }
}

/// Of `versions`, those in force: none over which another one is put. What may be over another one, and may not,
/// is there beside it. `is_named` is whether somebody has named a file, and `is_one_image` whether all is about one.
pub(super) fn in_force(
    versions: &[Rc<Layered>],
    is_named: impl Fn(&RepoPath) -> bool,
    is_one_image: bool,
) -> Vec<Offer> {
    let mut at: HashMap<&str, Vec<usize>> = HashMap::new();
    for (number, version) in versions.iter().enumerate() {
        if let Some(address) = &version.address {
            at.entry(&address.path).or_default().push(number);
        }
    }
    let relation = |base: &Layered, other: &Layered| {
        let (under, over) = (base.address.as_ref()?, other.address.as_ref()?);
        let (one, two) = (&base.held.file, &other.held.file);
        match (under.scope, over.scope) {
            (Scope::Chart(..), Scope::Chart(..)) => {
                let is_over = one == two && under.scope == over.scope && over.is_over(under);
                is_over.then_some(Over::Proven)
            }
            (Scope::File(_), Scope::File(_)) if one != two => {
                let are_named = is_one_image && is_named(one) && is_named(two);
                let is_it = are_named && other.is_tag_alone && !other.names_an_image;
                match is_beside(one, two) || is_it {
                    true => Some(Over::Proven),
                    // What has a name speaks for itself.
                    false => other.is_tag_alone.then_some(Over::Unknown),
                }
            }
            _ => None,
        }
    };
    let mut is_decided = vec![false; versions.len()];
    let (mut belonging, mut seen): (Vec<Offer>, HashSet<String>) = Default::default();
    for (number, base) in versions.iter().enumerate() {
        let Some(address) = base.address.as_ref().filter(|_| !base.is_tag_alone) else {
            continue;
        };
        let Ok(image) = base.held.image.parse::<ImageReference>() else {
            continue;
        };
        let of_base = |tag: &Rc<Layered>| {
            let repository = image.repository_as_written();
            Offer::new(
                tag,
                base.cover.over(&format!("{repository}{}", tag.held.image)),
            )
        };
        let (mut over, mut perhaps): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        for other in at.get(address.path.as_str()).into_iter().flatten().copied() {
            match relation(base, &versions[other]) {
                Some(Over::Proven) => over.push(other),
                Some(Over::Unknown) => perhaps.push(other),
                None => {}
            }
        }
        let repository = image.repository_as_written();
        let mut stands: Vec<&str> = over.iter().map(|tag| &*versions[*tag].held.image).collect();
        if stands.is_empty() {
            stands.extend(base.held.image.strip_prefix(repository));
        }
        // One that differs is enough: there may be as many of them as there are images.
        let is_other = |tag: &&usize| !stands.contains(&versions[**tag].held.image.as_str());
        let other = perhaps.iter().find(is_other);
        if image.tag().is_some() || image.digest().is_some() || !over.is_empty() {
            belonging.extend(other.map(|tag| of_base(&versions[*tag])));
        }
        is_decided[number] = !over.is_empty();
        // What has a name, and is over this one, is what other tags are over.
        if over.iter().all(|other| versions[*other].is_tag_alone) {
            let rank = |other: &usize| versions[*other].address.as_ref().map(|own| own.rank);
            let highest = over.iter().map(rank).max();
            for other in over {
                is_decided[other] = true;
                let offer = of_base(&versions[other]);
                if Some(rank(&other)) == highest && seen.insert(offer.text.clone()) {
                    belonging.push(offer);
                }
            }
        }
    }
    let undecided = versions.iter().zip(is_decided);
    let undecided = undecided.filter(|(_, is_decided)| !is_decided);
    let offers =
        undecided.map(|(version, _)| Offer::new(version, version.cover.over(&version.held.image)));
    offers.chain(belonging).collect()
}

/// An image that is in force in a file.
#[derive(Debug, Clone)]
pub struct InForce {
    /// Where it is, with all that is put over it in the file.
    pub held: HeldImage,
    /// What is written there.
    pub written: String,
}

/// The images that are in force in a file, in the order of the text: none over which another one is put there.
///
/// # Errors
/// When it can't be read.
pub fn versions_in_force(file: &ManifestFile) -> Result<Vec<InForce>, ManifestError> {
    let offers = in_force(&layered(file)?, |_| false, false);
    let all = offers.into_iter().map(|offer| InForce {
        held: offer.held(),
        written: offer.layered.held.image.clone(),
    });
    let mut all: Vec<InForce> = all.collect();
    all.sort_by_key(|one| one.held.line);
    Ok(all)
}
