//! Three versions of a text become one, where `git merge` gives up: changes may touch, and lines that
//! both sides changed are compared word by word.
//!
//! That is more than a merge may do by itself. Whoever asks judges what comes out by what it says.

use std::convert::Infallible;
use std::iter::Peekable;
use std::ops::Range;

use similar::DiffOp;
use similar::algorithms::{Capture, Compact, Replace, myers};

/// How many words or lines may be different. What is more was written anew, and time grows with its square.
const MOST: usize = 20_000;

/// What comes first where both sides put something at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    Ours,
    Theirs,
}

/// `ours` with what changed from `base` to `theirs`; none where both changed the same words, or where lines
/// end otherwise since, as those of `theirs` would bring the old ends back.
pub(super) fn merge(base: &str, ours: &str, theirs: &str, first: First) -> Option<String> {
    if !ends_alike(base, ours) || !ends_alike(theirs, ours) {
        return None;
    }
    let by_words = |base: &str, ours: &str, theirs: &str| {
        merge_by(words, base, ours, theirs, &|_, _, _| None, None)
    };
    // Whether the last line ends is a matter of its own, and would make it another one.
    let is_ended = |text: &str| text.is_empty() || text.ends_with('\n');
    let has_two = [base, ours, theirs].iter().any(|t| t.contains("\r\n"));
    let ended = |text: &str| match (is_ended(text), has_two) {
        (true, _) => text.to_owned(),
        (false, true) => format!("{text}\r\n"),
        (false, false) => format!("{text}\n"),
    };
    let merged = merge_by(
        lines,
        &ended(base),
        &ended(ours),
        &ended(theirs),
        &by_words,
        Some(first),
    )?;
    let last = |text: &str| text.trim_end().rsplit('\n').next().map(str::to_owned);
    let is_end_ours = is_ended(ours) != is_ended(base) || last(ours) != last(base);
    let end_of = if is_end_ours { ours } else { theirs };
    Some(match is_ended(end_of) {
        true => merged,
        false => {
            let line = merged.strip_suffix('\n').unwrap_or(&merged);
            line.strip_suffix('\r').unwrap_or(line).to_owned()
        }
    })
}

/// Whether the lines of two texts end in the same ways, as far as they have ends.
fn ends_alike(one: &str, other: &str) -> bool {
    let ends = |text: &str| {
        let (all, windows) = (text.matches('\n').count(), text.matches("\r\n").count());
        (windows > 0, all > windows)
    };
    let (one, other) = (ends(one), ends(other));
    let none = (false, false);
    one == other || one == none || other == none
}

type Split = fn(&str) -> Vec<&str>;
type Resolve<'r> = &'r dyn Fn(&str, &str, &str) -> Option<String>;

fn merge_by(
    split: Split,
    base: &str,
    ours: &str,
    theirs: &str,
    resolve: Resolve<'_>,
    first: Option<First>,
) -> Option<String> {
    let [base, ours, theirs] = [base, ours, theirs].map(split);
    let (mut our_hunks, mut their_hunks) = (
        hunks(&base, &ours)?.into_iter().peekable(),
        hunks(&base, &theirs)?.into_iter().peekable(),
    );
    let mut merged = String::new();
    let mut at = 0;
    loop {
        let (is_ours, hunk) = match (our_hunks.peek(), their_hunks.peek()) {
            (None, None) => break,
            (Some(own), Some(other))
                if own.of == other.of
                    && ours.get(own.is.clone()) == theirs.get(other.is.clone()) =>
            {
                // Both did the same.
                their_hunks.next();
                (true, our_hunks.next()?)
            }
            (Some(own), Some(other)) => {
                let [own_key, other_key] = [own, other].map(|hunk| (hunk.of.start, hunk.of.end));
                let is_ours = match own_key == other_key {
                    // Lines have an order of their own; words at one place are one thing.
                    // On top of everything, others stand on top.
                    true => (first? == First::Ours) != (own_key == (0, 0)),
                    false => own_key < other_key,
                };
                (
                    is_ours,
                    if is_ours {
                        our_hunks.next()?
                    } else {
                        their_hunks.next()?
                    },
                )
            }
            (Some(_), None) => (true, our_hunks.next()?),
            (None, Some(_)) => (false, their_hunks.next()?),
        };
        merged.extend(base.get(at..hunk.of.start)?.iter().copied());
        let (mut own, mut other) = match is_ours {
            true => (vec![hunk], Vec::new()),
            false => (Vec::new(), vec![hunk]),
        };
        let mut both = [&own, &other].into_iter().flatten().next()?.of.clone();
        // All that overlaps with it, and with that.
        while take(&mut our_hunks, &mut own, &mut both)
            || take(&mut their_hunks, &mut other, &mut both)
        {}
        at = both.end;
        let base_text = || Some(base.get(both.clone())?.concat());
        let our_text = || side(&ours, &own, &both);
        let their_text = || side(&theirs, &other, &both);
        match (own.is_empty(), other.is_empty()) {
            (false, true) => merged.push_str(&our_text()?),
            (true, false) => merged.push_str(&their_text()?),
            _ => {
                let (our_text, their_text) = (our_text()?, their_text()?);
                match our_text == their_text {
                    true => merged.push_str(&our_text),
                    false => merged.push_str(&resolve(&base_text()?, &our_text, &their_text)?),
                }
            }
        }
    }
    merged.extend(base.get(at..)?.iter().copied());
    Some(merged)
}

/// Adds the next of `hunks` to `taken` if it overlaps with `both`.
fn take(
    hunks: &mut Peekable<impl Iterator<Item = Hunk>>,
    taken: &mut Vec<Hunk>,
    both: &mut Range<usize>,
) -> bool {
    let next = hunks.next_if(|hunk| hunk.of.start < both.end && both.start < hunk.of.end);
    let Some(hunk) = next else { return false };
    both.end = both.end.max(hunk.of.end);
    taken.push(hunk);
    true
}

/// What `both` of the base is on the side that has these `hunks` in it.
fn side(texts: &[&str], hunks: &[Hunk], both: &Range<usize>) -> Option<String> {
    let (first, last) = (hunks.first()?, hunks.last()?);
    let start = first.is.start.checked_sub(first.of.start - both.start)?;
    let end = last.is.end + (both.end - last.of.end);
    Some(texts.get(start..end)?.concat())
}

/// What is different, and what it is on the other side.
struct Hunk {
    of: Range<usize>,
    is: Range<usize>,
}

/// None where too much is different.
fn hunks(base: &[&str], other: &[&str]) -> Option<Vec<Hunk>> {
    let is_same = |(one, other): &(&&str, &&str)| one == other;
    let front = base.iter().zip(other).take_while(is_same).count();
    let (old, new) = (base.get(front..)?, other.get(front..)?);
    let back = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(is_same)
        .count();
    let (old, new) = (old.get(..old.len() - back)?, new.get(..new.len() - back)?);
    if old.len() + new.len() > MOST {
        return None;
    }
    let mut hunks: Vec<Hunk> = Vec::new();
    let search = |found: &mut _| myers::diff(found, old, 0..old.len(), new, 0..new.len());
    for operation in differences(old, new, search) {
        if matches!(operation, DiffOp::Equal { .. }) {
            continue;
        }
        let moved = |range: Range<usize>| range.start + front..range.end + front;
        let (of, is) = (moved(operation.old_range()), moved(operation.new_range()));
        match hunks.last_mut() {
            Some(last) if last.of.end == of.start && last.is.end == is.start => {
                last.of.end = of.end;
                last.is.end = is.end;
            }
            _ => hunks.push(Hunk { of, is }),
        }
    }
    Some(hunks)
}

/// How `before` became `after`, as far as `search` finds that out.
///
/// By one algorithm, that is given: `capture_diff_slices` and `TextDiff` choose theirs while they run, and bring them
/// all along, 0.3 MB of them.
pub(crate) fn differences<'t, 's>(
    before: &'s [&'t str],
    after: &'s [&'t str],
    search: impl FnOnce(&mut Found<'t, 's>) -> Result<(), Infallible>,
) -> Vec<DiffOp> {
    let mut found = Compact::new(Replace::new(Capture::new()), before, after);
    let Ok(()) = search(&mut found);
    found.into_inner().into_inner().into_ops()
}

/// Where an algorithm puts what it finds.
pub(crate) type Found<'t, 's> = Compact<'s, 's, [&'t str], [&'t str], Replace<Capture>>;

/// The lines of a text, each with its line break.
pub(crate) fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Runs of letters and digits, runs of blanks, line breaks, and any other character by itself.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = |is_in: fn(char) -> bool| rest.find(|c| !is_in(c)).unwrap_or(rest.len());
        let length = match first {
            ' ' => run(|c| c == ' '),
            c if c.is_alphanumeric() => run(char::is_alphanumeric),
            '\r' if rest.starts_with("\r\n") => 2,
            c => c.len_utf8(),
        };
        let (word, behind) = rest.split_at(length);
        words.push(word);
        rest = behind;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_may_touch_and_share_a_line() {
        for (base, ours, theirs, merged) in [
            ("a\nb\nc\n", "A\nb\nc\n", "a\nB\nc\n", Some("A\nB\nc\n")),
            ("a\nb\nc\n", "a\nx\nb\nc\n", "a\nc\n", Some("a\nx\nc\n")),
            ("a\nb\nc\n", "a\nc\n", "a\nc\n", Some("a\nc\n")),
            ("a\nb\n", "a\nb\nx\n", "a\nb\ny\n", Some("a\nb\ny\nx\n")),
            ("{a: 1, b: 2}", "{a: 3, b: 2}", "{a: 1}", Some("{a: 3}")),
            ("a\r\nb", "a\r\nb\r\nc", "a", Some("a\r\nc")),
            ("a: 3\n", "a: \"3\" # x\n", "a: \"3\"\n", None),
            ("a\nb\nc\n", "a\nd\nc\n", "a\nc\n", None),
            ("a\nb\nc\n", "a\nb\nx\nc\n", "a\n", None),
            ("a b\n", "a c\n", "a d\n", None),
            ("", "", "a", Some("a")),
            ("-", "# x\n-\n", "- a\n-", Some("# x\n- a\n-\n")),
            ("a\n", "b\na\n", "a", Some("b\na")),
        ] {
            let result = merge(base, ours, theirs, First::Theirs);
            assert_eq!(result.as_deref(), merged, "{base:?} {ours:?} {theirs:?}");
        }
        let merged = merge("a\nb\n", "a\nb\nx\n", "a\nb\ny\n", First::Ours);
        assert_eq!(merged.as_deref(), Some("a\nb\nx\ny\n"));
    }

    #[test]
    fn what_is_all_different_takes_no_time() {
        let text = |c: char| format!("{c}\n").repeat(MOST) + "end\n";
        assert_eq!(merge(&text('a'), &text('b'), &text('a'), First::Ours), None);
    }
}
