//! A version of a file that is read, and who keeps those that are asked for again.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use self_cell::self_cell;

use super::file::{Manifest, Text, with_texts};
use super::request::EditRequest;
use super::source::{ManifestFile, Source};
use crate::files::RepoPath;

/// How much is kept, by what is measured of it: what two files take of twenty thousand images each.
const KEPT: usize = 64 << 20;

/// What is read: a version of a file, and the texts inside of it.
struct Version {
    source: Source<'static>,
    texts: OnceLock<Vec<Text>>,
}

type Manifests<'v> = Vec<Manifest<'v>>;

self_cell! {
    /// A version of a file, with the texts inside of it. One that can't be read has nothing.
    pub(super) struct Reading {
        owner: Version,
        #[covariant]
        dependent: Manifests,
    }
}

impl Version {
    fn read(&self) -> Manifests<'_> {
        let request = EditRequest::default();
        // The texts are told of beside it, and without them where there are too many.
        let alone = || Vec::from_iter(Manifest::read(&self.source, &request));
        let file = alone();
        let texts = self
            .texts
            .get_or_init(|| Text::all(&file, &request).unwrap_or_default());
        with_texts(file, texts, &request).unwrap_or_else(|_| alone())
    }
}

impl Reading {
    fn of_text(path: &RepoPath, bytes: &[u8]) -> Self {
        let (path, bytes) = (path.clone(), bytes.to_vec());
        let version = Version {
            source: Source::owning(ManifestFile { path, bytes }),
            texts: OnceLock::new(),
        };
        Self::new(version, Version::read)
    }

    /// The file, and behind it the texts inside of it.
    pub(super) fn manifests(&self) -> &[Manifest<'_>] {
        self.borrow_dependent()
    }

    fn is_of(&self, path: &RepoPath, bytes: &[u8]) -> bool {
        let file = &self.borrow_owner().source.file;
        file.path == *path && file.bytes == bytes
    }

    /// How many bytes it takes, about.
    fn size(&self) -> usize {
        let manifests = self.manifests().iter();
        let sizes = manifests.map(|manifest| {
            manifest.file.bytes.len() + 64 * manifest.stream.room() + 1024 * manifest.sites.len()
        });
        sizes.sum()
    }
}

/// The versions of files that were read last, each of which is read once, however often it is asked for: what a
/// commit made of a file is what the next one found.
#[derive(Default)]
pub struct Readings {
    hasher: RandomState,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    readings: HashMap<u64, Arc<Reading>>,
    /// From the oldest to the newest.
    order: VecDeque<u64>,
    size: usize,
}

impl Readings {
    /// What `path` holds where it says `bytes`.
    pub(super) fn read(&self, path: &RepoPath, bytes: &[u8]) -> Arc<Reading> {
        let number = self.hasher.hash_one((path, bytes));
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept().readings.get(&number).map(Arc::clone);
        if let Some(known) = known.filter(|known| known.is_of(path, bytes)) {
            return known;
        }
        let reading = Arc::new(Reading::of_text(path, bytes));
        kept().keep(number, &reading, KEPT);
        reading
    }
}

impl Kept {
    /// Keeps one more, in so much room.
    fn keep(&mut self, number: u64, reading: &Arc<Reading>, room: usize) {
        let size = reading.size();
        if size > room || self.readings.contains_key(&number) {
            return;
        }
        while self.size + size > room
            && let Some(oldest) = self.order.pop_front()
        {
            let oldest = self.readings.remove(&oldest);
            self.size -= oldest.map_or(0, |oldest| oldest.size());
        }
        self.size += size;
        self.order.push_back(number);
        self.readings.insert(number, Arc::clone(reading));
    }
}

impl fmt::Debug for Readings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readings").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_once_and_the_oldest_are_dropped() {
        let readings = Readings::default();
        let [web, api]: [RepoPath; 2] = ["web.yaml", "api.yaml"].map(|path| path.parse().unwrap());
        let text = b"image: web:v1\n".as_slice();
        let first = readings.read(&web, text);
        assert_eq!(first.manifests()[0].sites.len(), 1);
        assert!(Arc::ptr_eq(&first, &readings.read(&web, text)));
        assert!(!Arc::ptr_eq(&first, &readings.read(&api, text)));
        assert!(!Arc::ptr_eq(
            &first,
            &readings.read(&web, b"image: web:v2\n")
        ));
        let mut kept = Kept::default();
        let room = 2 * first.size();
        for number in 0..4 {
            kept.keep(number, &first, room);
        }
        assert_eq!((&kept.order, kept.size), (&VecDeque::from([2, 3]), room));
        assert_eq!(kept.readings.len(), 2);
        kept.keep(4, &first, first.size() - 1);
        assert!(!kept.readings.contains_key(&4));
    }

    #[test]
    fn what_can_not_be_read_has_nothing_and_a_text_inside_is_behind_its_file() {
        let readings = Readings::default();
        let path: RepoPath = "web.yaml".parse().unwrap();
        assert!(readings.read(&path, b"a: [").manifests().is_empty());
        let read = readings.read(&path, b"values: |\n  image: web:v1\n");
        assert_eq!(read.manifests().len(), 2);
        assert_eq!(read.manifests()[1].sites.len(), 1);
    }
}
