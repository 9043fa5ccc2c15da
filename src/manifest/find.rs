//! Where images live in a file, whatever kind of file it is.

use std::collections::HashSet;

use super::helm::SplitImage;
use super::kustomize::ImageEntry;
use super::site::Site;
use super::workload;
use crate::yaml::Stream;

/// All sites of a file, in the order of the text.
pub(super) fn sites(stream: &Stream<'_>) -> Vec<Site> {
    let mut sites = Vec::new();
    // Nodes that a site has taken, so that the more general rules leave them alone.
    let mut taken = HashSet::new();
    for (id, _) in stream.nodes() {
        if taken.contains(&id) {
            continue;
        }
        let key = stream.key_of(id).unwrap_or_default();
        if workload::is_container_list(key) {
            for item in stream.items(id) {
                sites.extend(workload::container(stream, *item));
                taken.extend(
                    [Some(*item), stream.get(*item, "image")]
                        .into_iter()
                        .flatten(),
                );
            }
        } else if key == "images" {
            for item in stream.items(id) {
                if let Some(entry) = ImageEntry::read(stream, *item) {
                    taken.insert(*item);
                    sites.push(Site::entry(*item, entry));
                }
            }
        } else if let Some(split) = SplitImage::read(stream, id) {
            taken.insert(split.repository());
            sites.push(Site::split(id, split));
        } else if key == "image" {
            let site = Site::whole(stream, id, None);
            sites.extend(site.has_reference().then_some(site));
        }
    }
    sites.sort_by_key(|site| site.node);
    sites
}
