//! "Did you mean": which of the names there are is nearest to the one that was given.

/// `candidates`, the ones most like `given` first, by Jaro-Winkler similarity of their lower-case
/// forms; equally like ones keep their order.
pub fn nearest<T: AsRef<str>>(given: &str, candidates: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut scored: Vec<(f64, T)> = candidates
        .into_iter()
        .map(|candidate| (similarity(given, candidate.as_ref()), candidate))
        .collect();
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    scored.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Those of `candidates` that `given` may have been meant to be, the most alike first.
pub fn alike<T: AsRef<str>>(given: &str, candidates: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut alike = nearest(given, candidates);
    alike.retain(|candidate| similarity(given, candidate.as_ref()) > ALIKE);
    alike
}

/// Below this two names have little more in common than some letters.
const ALIKE: f64 = 0.75;

/// From 0 (nothing in common) to 1 (the same but for case).
pub fn similarity(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(&a.to_lowercase(), &b.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_little_in_common_is_not_meant() {
        assert_eq!(alike("imge", ["token", "image", "file"]), ["image"]);
        assert!(alike("zzz", ["token", "image", "file"]).is_empty());
    }

    #[test]
    fn the_most_alike_comes_first() {
        assert_eq!(nearest("imge", ["token", "image", "file"])[0], "image");
        assert_eq!(nearest("Master", ["main", "master"])[0], "master");
    }
}
