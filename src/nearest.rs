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

/// From 0 (nothing in common) to 1 (the same but for case).
pub fn similarity(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(&a.to_lowercase(), &b.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_alike_comes_first() {
        assert_eq!(nearest("imge", ["token", "image", "file"])[0], "image");
        assert_eq!(nearest("Master", ["main", "master"])[0], "master");
    }
}
