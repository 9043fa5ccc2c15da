//! Which of two tags is the newer one, as far as tags tell.
//!
//! A tag is read as words, numbers and commit hashes, so that the schemes people use are one case:
//! SemVer, `v14`, `20260801-1530`, `2026.08.01.2`, `main-123-abc1234`. What is no order is not
//! guessed at: a wrong [`Order::Older`] would keep a good image from production.

use std::cmp::Ordering;

/// What a new tag is, compared with an old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// It comes after the old one.
    Newer,
    /// It says the same version.
    Same,
    /// It comes before the old one.
    Older,
    /// The tags have no order, or not one that can be recognised.
    CantTell,
}

/// Words behind a version that mean "not yet that version".
const PRERELEASES: [&str; 12] = [
    "alpha", "beta", "rc", "pre", "preview", "dev", "snapshot", "nightly", "canary", "next", "a",
    "b",
];
/// Those among them that have an order.
const STAGES: [&str; 3] = ["alpha", "beta", "rc"];
/// Words before a commit's hash.
const HASH_WORDS: [&str; 3] = ["sha", "commit", "git"];
/// Words before a number that counts no builds: pull request 13 is not a newer pull request 12.
const NO_COUNTERS: [&str; 5] = ["pr", "mr", "pull", "merge", "issue"];
/// How long a commit's hash is: 7 digits is git's shortest, 64 a whole SHA-256.
const HASH_LENGTHS: std::ops::RangeInclusive<usize> = 7..=64;
/// Two counters of one scheme don't differ by more digits than this; a time stamp and a counter do.
const MAX_DIGITS_APART: usize = 3;

/// What the tag `new` is, compared with the tag `old`.
pub fn compare(old: &str, new: &str) -> Order {
    if old == new {
        return Order::Same;
    }
    match order(&tokens(old), &tokens(new)) {
        Some(Ordering::Less) => Order::Newer,
        Some(Ordering::Equal) => Order::Same,
        Some(Ordering::Greater) => Order::Older,
        None => Order::CantTell,
    }
}

/// A piece of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token<'t> {
    /// `main`, `alpine`.
    Word(&'t str),
    /// `14`, `1.2.3`: digits, with dots between them.
    Numbers(Vec<&'t str>),
    /// Hexadecimal digits, a letter among them, as long as a commit's hash; `g` before it is of
    /// `git describe`.
    Hash(&'t str),
}

impl Token<'_> {
    fn is_word_of(&self, words: &[&str]) -> bool {
        matches!(self, Token::Word(word) if words.iter().any(|own| own.eq_ignore_ascii_case(word)))
    }
}

fn tokens(tag: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for part in parts(tag) {
        let mut numbers = Vec::new();
        for item in part.split('.') {
            if is_digits(item) {
                numbers.push(item);
                continue;
            }
            if !numbers.is_empty() {
                tokens.push(Token::Numbers(std::mem::take(&mut numbers)));
            }
            if is_hash(item.strip_prefix('g').unwrap_or(item)) {
                tokens.push(Token::Hash(item));
                continue;
            }
            // `v14`, `rc1`: a word, and the number that begins behind it.
            let word = item.trim_end_matches(|c: char| c.is_ascii_digit());
            let number = item.get(word.len()..).unwrap_or_default();
            if number.is_empty() || !word.eq_ignore_ascii_case("v") {
                tokens.push(Token::Word(word));
            }
            if !number.is_empty() {
                numbers.push(number);
            }
        }
        if !numbers.is_empty() {
            tokens.push(Token::Numbers(numbers));
        }
    }
    tokens
}

/// What stands between `-` and `_`, and on both sides of the `T` of a time stamp.
fn parts(tag: &str) -> impl Iterator<Item = &str> {
    tag.split(['-', '_']).flat_map(|part| {
        let (date, time) = match part.split_once(['T', 't']) {
            Some((date, time))
                if is_digits(date) && time.starts_with(|c: char| c.is_ascii_digit()) =>
            {
                (date, Some(time))
            }
            _ => (part, None),
        };
        let utc = |text| match str::strip_suffix(text, ['Z', 'z']) {
            Some(digits) if is_digits(digits) => digits,
            _ => text,
        };
        [Some(utc(date)), time.map(utc)].into_iter().flatten()
    })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_hash(text: &str) -> bool {
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    HASH_LENGTHS.contains(&text.len()) && text.bytes().all(is_hex) && !is_digits(text)
}

/// How `old` and `new` are ordered, where they are.
fn order(old: &[Token<'_>], new: &[Token<'_>]) -> Option<Ordering> {
    let pairs = || old.iter().zip(new);
    let has_hash = pairs().any(|pair| matches!(pair, (Token::Hash(_), Token::Hash(_))));
    let mut decided = None;
    let mut hashes_differ = false;
    let mut before: Option<&Token<'_>> = None;
    for (old, new) in pairs() {
        let after_word = |words: &[&str]| before.is_some_and(|token| token.is_word_of(words));
        match (old, new) {
            (old, new) if old == new => {}
            (old, new) if are_hashes(old, new) || after_word(&HASH_WORDS) => hashes_differ = true,
            (Token::Numbers(_), Token::Numbers(_)) if after_word(&NO_COUNTERS) => return None,
            (Token::Numbers(old), Token::Numbers(new)) if decided.is_none() => {
                let ordering = order_of_numbers(old, new, has_hash)?;
                if old.len() > 1 && ordering != Ordering::Equal {
                    // A whole version decides, whatever variant of it stands behind.
                    return Some(ordering);
                }
                decided = Some(ordering).filter(|ordering| ordering.is_ne());
            }
            (Token::Numbers(_), Token::Numbers(_)) => {}
            (Token::Word(old), Token::Word(new)) if decided.is_none() && !hashes_differ => {
                return order_of_stages(old, new);
            }
            _ => return None,
        }
        before = Some(old);
    }
    let more = |longer: &[Token<'_>], shorter: usize| longer.get(shorter..).map(meaning_of_more);
    match old.len().cmp(&new.len()) {
        Ordering::Equal if decided.is_none() && hashes_differ => None,
        Ordering::Equal => Some(decided.unwrap_or(Ordering::Equal)),
        _ if decided.is_some() || hashes_differ => None,
        Ordering::Less => more(new, old.len())?.map(Ordering::reverse),
        Ordering::Greater => more(old, new.len())?,
    }
}

/// Whether both are commits' hashes. One without a letter is recognised by the other.
fn are_hashes(old: &Token<'_>, new: &Token<'_>) -> bool {
    match (old, new) {
        (Token::Hash(_), Token::Hash(_)) => true,
        (Token::Hash(hash), Token::Numbers(digits))
        | (Token::Numbers(digits), Token::Hash(hash)) => {
            matches!(digits[..], [digits] if digits.len() == hash.len())
        }
        _ => false,
    }
}

/// What numbers in one place of two tags say. Nothing where they count different things.
fn order_of_numbers(old: &[&str], new: &[&str], has_hash: bool) -> Option<Ordering> {
    let (first_old, first_new) = (old.first()?, new.first()?);
    let kind = Kind::of(old);
    if kind != Kind::of(new) {
        return None;
    }
    if kind == Kind::Counter {
        let length = first_old.len();
        // Seven digits may be a hash that happens to have no letter, unless there is another hash.
        let may_be_hashes = matches!(length, 7 | 8 | 40 | 64) && length == first_new.len();
        let apart = significant(first_old)
            .len()
            .abs_diff(significant(first_new).len());
        if (may_be_hashes && !has_hash) || apart > MAX_DIGITS_APART {
            return None;
        }
    }
    for (old, new) in old.iter().zip(new) {
        let (old, new) = (significant(old), significant(new));
        match old.len().cmp(&new.len()).then(old.cmp(new)) {
            Ordering::Equal => {}
            decided => return Some(decided),
        }
    }
    // `1.27` may be any `1.27.x`; behind a whole version, another number is another build of it.
    let whole = if kind == Kind::Day { 1 } else { 3 };
    match old.len().cmp(&new.len()) {
        Ordering::Equal => Some(Ordering::Equal),
        _ if old.len().min(new.len()) < whole => None,
        longer => Some(longer),
    }
}

/// The digits from the first that counts.
fn significant(digits: &str) -> &str {
    digits.trim_start_matches('0')
}

/// What a number counts. Numbers of two kinds have no order: who changes from dates to run numbers
/// does not go back in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `14`.
    Counter,
    /// `1.2.3`.
    Version,
    /// `2026.08.01`.
    Year,
    /// `20260801`, `20260801.2`.
    Day,
    /// `202608011530`.
    Minute,
    /// `20260801153045`.
    Second,
}

impl Kind {
    fn of(numbers: &[&str]) -> Self {
        let first = numbers.first().copied().unwrap_or_default();
        match first.len() {
            8 if is_day(first) => Self::Day,
            12 if is_day(first) => Self::Minute,
            14 if is_day(first) => Self::Second,
            4 if numbers.len() > 1 && is_year(first) => Self::Year,
            _ if numbers.len() > 1 => Self::Version,
            _ => Self::Counter,
        }
    }
}

fn is_year(digits: &str) -> bool {
    ("1970".."2100").contains(&digits)
}

/// Whether `YYYYMMDD` begins it.
fn is_day(digits: &str) -> bool {
    let part = |range| digits.get(range).unwrap_or_default();
    is_year(part(0..4))
        && ("01"..="12").contains(&part(4..6))
        && ("01"..="31").contains(&part(6..8))
}

/// `beta` and `rc` of one version.
fn order_of_stages(old: &str, new: &str) -> Option<Ordering> {
    let stage = |word: &str| {
        STAGES
            .iter()
            .position(|stage| stage.eq_ignore_ascii_case(word))
    };
    Some(stage(old)?.cmp(&stage(new)?))
}

/// How a tag with `more` behind it is ordered to the one without.
fn meaning_of_more(more: &[Token<'_>]) -> Option<Ordering> {
    match more {
        // `git describe`: so many commits after that version.
        [Token::Numbers(count), Token::Hash(_)] if count.len() == 1 => Some(Ordering::Greater),
        [first, ..] if first.is_word_of(&PRERELEASES) => Some(Ordering::Less),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHA_1: &str = "8a3f0c2b9d1e4f5a6b7c8d9e0f1a2b3c4d5e6f70";
    const SHA_2: &str = "1b3f0c2b9d1e4f5a6b7c8d9e0f1a2b3c4d5e6f71";

    #[test]
    fn the_schemes_people_use_have_their_order() {
        for (old, new) in [
            // SemVer, with and without `v`.
            ("1.2.3", "1.2.4"),
            ("v1.9.0", "v1.10.0"),
            ("v1.9.0", "1.10.0"),
            ("1.2.3-rc.1", "1.2.3"),
            ("1.2.3-rc.9", "1.2.3-rc.10"),
            ("1.2.3-rc9", "1.2.3-rc10"),
            ("1.2.3-beta.2", "1.2.3-rc.1"),
            ("1.2.3", "1.2.4-rc.1"),
            ("1.27", "1.28"),
            ("1.27", "2.0.0"),
            ("1.2.3-alpine", "1.2.4-alpine"),
            ("1.2.3-alpine", "1.2.4-bookworm"),
            ("1.2.3.9", "1.2.3.10"),
            ("1.2.3-8a3f0c2", "1.2.4-1b3f0c2"),
            ("v1.2.3", "v1.2.3-5-g8a3f0c2"),
            ("v1.2.3-5-g8a3f0c2", "v1.2.3-6-g1b3f0c2"),
            ("v1.2.3-5-g8a3f0c2", "v1.2.4"),
            // Counters.
            ("v9", "v14"),
            ("9", "v14"),
            ("999", "1000"),
            ("build9", "build10"),
            ("build-9", "build-10"),
            ("r009", "r10"),
            ("14-alpine", "15-alpine"),
            ("17000000001", "17000000002"),
            // As many digits more as one scheme may come to.
            ("9", "1000"),
            ("999", "2026"),
            // Days and times.
            ("20260801", "20260802"),
            ("2026-08-01", "2026-08-02"),
            ("2026-08-01", "2026-10-01"),
            ("20260801-1530", "20260801-1531"),
            ("20260801-1530", "20260802-0900"),
            ("20260801T153000Z", "20260801T153001Z"),
            ("2026-08-01T15-30-00Z", "2026-08-01T15-31-00Z"),
            ("20260801153000", "20260801153001"),
            ("2026.08.01", "2026.08.01.2"),
            ("2026.08.01.2", "2026.08.01.10"),
            ("2026.8.9", "2026.8.10"),
            ("20260801.1", "20260801.2"),
            ("20260801", "20260801.1"),
            // Behind a prefix that stays.
            ("main-123-abc1234", "main-124-def5678"),
            ("main-123-abc1234", "main-124-1234567"),
            ("main-1234567-abc1234", "main-1234568-def5678"),
            ("main-abc1234-1690000000", "main-def5678-1690000001"),
            ("main.123.abc1234", "main.124.def5678"),
            ("release-2026.08.1", "release-2026.08.2"),
            ("sha-1234567-12", "sha-7654321-13"),
            ("main_123_2", "main_123_10"),
        ] {
            assert_eq!(compare(old, new), Order::Newer, "{old} -> {new}");
            assert_eq!(compare(new, old), Order::Older, "{new} -> {old}");
        }
    }

    #[test]
    fn what_is_no_order_is_not_guessed_at() {
        for (old, new) in [
            // Hashes, also such as have no letter.
            ("8a3f0c2", "1b3f0c2"),
            ("1234567", "1234568"),
            ("8a3f0c2", "1234568"),
            ("12345678", "12345679"),
            ("20260801", "8a3f0c2b"),
            (SHA_1, SHA_2),
            (&"1".repeat(40), &"2".repeat(40)),
            ("sha-8a3f0c2", "sha-1b3f0c2"),
            ("sha-1234567", "sha-1234568"),
            ("sha-12345678", "sha-1234567"),
            ("main-8a3f0c2", "main-1b3f0c2"),
            ("main-123-abc1234", "main-123-def5678"),
            ("1.2.3-8a3f0c2", "1.2.3-1b3f0c2"),
            ("g8a3f0c2", "g1234567"),
            ("v1.2.3-5-g8a3f0c2", "v1.2.3-5-g1b3f0c2"),
            // Another prefix, another variant.
            ("main-12", "dev-13"),
            ("main-13", "dev-12"),
            ("v13-main", "v12-dev"),
            ("feature-2-login-15", "feature-3-search-14"),
            ("pr-12", "pr-13"),
            ("pr-12-1", "pr-13-1"),
            ("1.2.3", "1.2.3-alpine"),
            ("1.2.3-1", "1.2.3"),
            ("1.2.3-alpine", "1.2.3-bookworm"),
            ("latest", "stable"),
            ("latest", "v1"),
            // Another scheme.
            ("20260801", "124"),
            ("1690000000", "124"),
            ("2026.08.01", "1.2.3"),
            ("v14", "v1.0.0"),
            ("20260801", "2026.08.01"),
            ("20260801", "2026"),
            ("202608011530", "20260801153000"),
            ("main-123-abc1234", "124"),
            ("main-123", "main-122-abc1234"),
            ("9", "10000"),
            ("123456789012", "202608011530"),
            ("12345678901234", "20260801153000"),
            ("202608011530", "202613011530"),
            ("202608011530", "202608321530"),
            ("1234.5", "2026.08"),
            ("v1.2.3", "v1.2.3-5.1-g8a3f0c2"),
            // A counter is no whole version, so a stage behind another one says nothing.
            ("v13", "v14-rc.1"),
            ("v14", "v13-rc.1"),
            ("14-beta", "15-alpha"),
            ("14-alpha", "15-beta"),
            ("abc1234-alpha", "def5678-beta"),
            ("main-abc1234", "main-def5678-rc.1"),
            // `T` and `Z` are a time's only behind digits.
            ("fit9", "fi-10"),
            ("14test", "15test"),
            ("fiz-1", "fi-2"),
            // A part of a version.
            ("1.27", "1.27.3"),
            ("2026.08", "2026.08.1"),
            ("20260801", "20260801-1530"),
            ("", "1"),
        ] {
            assert_eq!(compare(old, new), Order::CantTell, "{old} -> {new}");
            assert_eq!(compare(new, old), Order::CantTell, "{new} -> {old}");
        }
    }

    #[test]
    fn one_version_is_written_in_several_ways() {
        for (old, new) in [
            ("latest", "latest"),
            ("1.2.3", "v1.2.3"),
            ("v14", "V14"),
            ("007", "7"),
            ("1-2", "1_2"),
            ("rc1", "rc.1"),
            ("", ""),
        ] {
            assert_eq!(compare(old, new), Order::Same, "{old} -> {new}");
        }
    }

    fn reversed(order: Order) -> Order {
        match order {
            Order::Newer => Order::Older,
            Order::Older => Order::Newer,
            other => other,
        }
    }

    /// Tags as people make them, and as they should not.
    fn tag() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[0-9]{1,3}",
            "[0-9]{7,8}",
            "[0-9a-f]{7}",
            "g[0-9a-f]{7}",
            "v?[0-9]{1,2}\\.[0-9]{1,2}(\\.[0-9]{1,2})?",
            "20(25|26)(0[1-9]|1[0-2])[0-2][1-9]",
            "2026-0[1-9]-1[0-9]T[0-9]{2}Z",
            "main|dev|rc|beta|sha|pr|v|T",
            "\\PC{0,6}",
        ];
        proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.join("-"))
    }

    proptest! {
        #[test]
        fn the_order_is_the_same_from_both_sides(old in tag(), new in tag()) {
            prop_assert_eq!(compare(&new, &old), reversed(compare(&old, &new)));
        }

        #[test]
        fn hashes_alone_have_no_order(
            old in "[0-9a-f]{7}|[0-9a-f]{40}", new in "[0-9a-f]{7}|[0-9a-f]{40}",
            prefix in "(main-|sha-|v1-)?",
        ) {
            let order = compare(&format!("{prefix}{old}"), &format!("{prefix}{new}"));
            prop_assert!(order == Order::CantTell || old == new, "{:?}", order);
        }

        #[test]
        fn versions_are_ordered_as_semver_says(
            old in (0..3_u64, 0..12_u64, 0..12_u64, proptest::option::of((0..3_usize, 0..12_u64))),
            new in (0..3_u64, 0..12_u64, 0..12_u64, proptest::option::of((0..3_usize, 0..12_u64))),
        ) {
            let text = |(major, minor, patch, pre): (_, _, _, Option<(usize, _)>)| match pre {
                Some((stage, n)) => format!("{major}.{minor}.{patch}-{}.{n}", STAGES[stage]),
                None => format!("{major}.{minor}.{patch}"),
            };
            let (old, new) = (text(old), text(new));
            let version = |text: &str| semver::Version::parse(text).unwrap();
            let expected = match version(&old).cmp_precedence(&version(&new)) {
                Ordering::Less => Order::Newer,
                Ordering::Equal => Order::Same,
                Ordering::Greater => Order::Older,
            };
            prop_assert_eq!(compare(&old, &new), expected, "{} -> {}", old, new);
        }
    }
}
