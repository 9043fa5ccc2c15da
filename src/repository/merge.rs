//! Three versions of a file become one, as `git merge` and `git revert` do it.

use git2::{MergeFileInput, merge_file};

/// `ours` with what changed from `base` to `theirs`; none where both changed the same lines, or lines
/// side by side.
pub fn three_way(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    let input = |bytes| {
        let mut input = MergeFileInput::new();
        input.content(bytes);
        input
    };
    // Has libgit2 start, which no merge does by itself, and where nothing else has before it fails.
    let _started = git2::Buf::new();
    let merged = merge_file(&input(base), &input(ours), &input(theirs), None).ok()?;
    merged.is_automergeable().then(|| merged.content().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_apart_are_joined_and_others_are_not() {
        let lines = |lines: [&str; 5]| lines.join("\n").into_bytes();
        let base = lines(["a", "b", "c", "d", "e"]);
        let ours = lines(["A", "b", "c", "d", "e"]);
        let merged = three_way(&base, &ours, &lines(["a", "b", "c", "d", "E"]));
        assert_eq!(merged, Some(lines(["A", "b", "c", "d", "E"])));
        // What both did is done.
        assert_eq!(three_way(&base, &ours, &ours), Some(ours.clone()));
        let more = lines(["A", "b", "c", "d", "E"]);
        assert_eq!(three_way(&base, &more, &ours), Some(more));
        assert_eq!(
            three_way(&base, &ours, &lines(["X", "b", "c", "d", "e"])),
            None
        );
        assert_eq!(
            three_way(&base, &ours, &lines(["a", "B", "c", "d", "e"])),
            None
        );
    }
}
