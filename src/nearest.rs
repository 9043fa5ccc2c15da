//! Names for a person: which of those there are is nearest to the one that was given ("did you mean"), one of several,
//! the first few of many.

/// `candidates`, the ones most like `given` first, by Jaro-Winkler similarity of their lower-case
/// forms; equally like ones keep their order.
pub fn nearest<T: AsRef<str>>(given: &str, candidates: impl IntoIterator<Item = T>) -> Vec<T> {
    let ranked = ranked(candidates, |candidate| similarity(given, candidate));
    ranked.map(|(_, candidate)| candidate).collect()
}

/// Those of `candidates` that `given` may have been meant to be, the most alike first.
pub fn alike<T: AsRef<str>>(given: &str, candidates: impl IntoIterator<Item = T>) -> Vec<T> {
    let ranked = ranked(candidates, |candidate| similarity(given, candidate));
    let alike = ranked.filter(|(score, candidate)| is_near(given, candidate.as_ref(), *score));
    alike.map(|(_, candidate)| candidate).collect()
}

fn are_short(a: &str, b: &str) -> bool {
    a.len().max(b.len()) <= LONGEST
}

/// Whether one of two names is a slip of the other, begins it, or is some words of it. Similarity alone also finds
/// names that only share their letters: `retries` and `registry-username`.
fn is_near(a: &str, b: &str, similarity: f64) -> bool {
    if !are_short(a, b) {
        return false;
    }
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let begins = |one: &str, other: &str| one.len() > 2 && other.starts_with(one);
    let same = strsim::normalized_damerau_levenshtein(&a, &b);
    let is_slip = same >= SLIP || begins(&a, &b) || begins(&b, &a);
    // Of a short name two letters in the wrong order are much.
    same >= CLEAR_SLIP || (similarity > ALIKE && (is_slip || are_words_of(&a, &b).is_some()))
}

/// Names for a question, of which one is meant: `` `a`, `b` or `c` ``.
pub fn either<T: ToString>(names: &[T]) -> String {
    let names: Vec<String> = names
        .iter()
        .map(|name| format!("`{}`", name.to_string()))
        .collect();
    one_of(&names)
}

/// The first few for a sentence, and how many more there are: `a, b and 2 more`.
pub fn first_few<T: AsRef<str>>(items: &[T], most: usize) -> String {
    let shown: Vec<&str> = items.iter().take(most).map(AsRef::as_ref).collect();
    match items.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Texts of which one is meant: `a, b or c`.
pub fn one_of(texts: &[String]) -> String {
    joined(texts, "or")
}

/// Texts that are all meant: `a, b and c`.
pub fn all_of(texts: &[String]) -> String {
    joined(texts, "and")
}

fn joined(texts: &[String], word: &str) -> String {
    match texts {
        [] => String::new(),
        [one] => one.clone(),
        [firsts @ .., last] => format!("{} {word} {last}", firsts.join(", ")),
    }
}

/// Whether a word is another one with one slip, of letters alone: `Checks` is `check`, and `checkov` is not.
pub fn is_slip_of(given: &str, word: &str) -> bool {
    let letters = given.chars().filter(char::is_ascii_alphabetic);
    let given: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    are_short(&given, word) && strsim::damerau_levenshtein(&given, word) <= 1
}

fn path_similarity(given: &str, path: &str) -> f64 {
    if !are_short(given, path) {
        return 0.0;
    }
    let name = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        stem.to_owned()
    };
    let ends_in = |path: &str, end: &str| {
        let before = path.strip_suffix(end);
        before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    if ends_in(given, path) || ends_in(path, given) {
        return 1.0;
    }
    // A glob that fits the file's name is in the wrong directory.
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let glob = last(given);
    if let Some((before, behind)) = glob.split_once('*')
        && !behind.contains(['*', '?', '[', '{'])
        && glob.len() > 1
        && last(path).starts_with(before)
        && last(path).ends_with(behind)
    {
        return PART + (1.0 - PART) * letters(given, path);
    }
    let whole = letters(given, path);
    // Of files of one name the one in the directory that is most alike comes first.
    whole.max(0.9 * letters(&name(given), &name(path)) + 0.09 * whole)
}

/// The candidates by their scores, the highest first.
fn ranked<T: AsRef<str>>(
    candidates: impl IntoIterator<Item = T>,
    score: impl Fn(&str) -> f64,
) -> impl Iterator<Item = (f64, T)> {
    let candidates = candidates.into_iter();
    let candidates = candidates.filter(|candidate| candidate.as_ref().len() <= LONGEST);
    let mut scored: Vec<(f64, T)> = candidates
        .map(|candidate| (score(candidate.as_ref()), candidate))
        .collect();
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    scored.into_iter()
}

/// The most alike of paths that come one after the other, however many there are. They are often given
/// from another root, or without their directory.
#[derive(Debug)]
pub struct Nearest<T> {
    given: String,
    most: usize,
    scored: Vec<(f64, T)>,
}

impl<T: AsRef<str>> Nearest<T> {
    /// The `most` that `given` may have been meant to be.
    pub fn to(given: &str, most: usize) -> Self {
        Self {
            given: given.to_owned(),
            most,
            scored: Vec::new(),
        }
    }

    /// Takes in one more.
    pub fn consider(&mut self, name: T) {
        if name.as_ref().len() > LONGEST {
            return;
        }
        let score = path_similarity(&self.given, name.as_ref());
        if score > ALIKE {
            let place = self.scored.partition_point(|(own, _)| *own >= score);
            self.scored.insert(place, (score, name));
            self.scored.truncate(self.most);
        }
    }

    /// The most alike, the nearest first; where some are the same but for their directories, these alone.
    pub fn names(mut self) -> Vec<T> {
        if self.scored.first().is_some_and(|(best, _)| *best >= 1.0) {
            self.scored.retain(|(score, _)| *score >= 1.0);
        }
        self.scored.into_iter().map(|(_, name)| name).collect()
    }
}

/// Longer names, in bytes, are not what anybody meant, and the time that comparing them takes grows with their square.
const LONGEST: usize = 1_024;
/// Below this two names have little more in common than some letters.
const ALIKE: f64 = 0.75;
/// How much of two names must be the same for one to be the other with a slip.
const SLIP: f64 = 0.5;
/// The same, whatever else is said of them.
const CLEAR_SLIP: f64 = 0.66;
/// What a name's words make of it alone, at the least.
const PART: f64 = 0.8;
/// How much of a word its abbreviation is.
const ABBREVIATED: f64 = 0.9;

/// From 0 (nothing in common) to 1 (the same but for case). What has all words of the other is nearer than
/// what only shares letters with it: `message` is `commit-message`, and not `image`.
pub fn similarity(a: &str, b: &str) -> f64 {
    if !are_short(a, b) {
        return 0.0;
    }
    let letters = letters(a, b);
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    match are_words_of(&a, &b) {
        Some(share) => letters.max(PART + (1.0 - PART) * share),
        None => letters,
    }
}

/// How much of one of two names in lower case the words of the other are; none where they are not all in it.
fn are_words_of(a: &str, b: &str) -> Option<f64> {
    let (one, other) = (written_out(a, b), written_out(b, a));
    let (few, many) = match one.len() <= other.len() {
        true => (one, other),
        false => (other, one),
    };
    let mut told = few
        .into_iter()
        .filter(|word| says_something(word))
        .peekable();
    told.peek()?;
    let mut shared = 0.0;
    for word in told {
        let found = many
            .iter()
            .map(|other| sameness(word, other) * length(other));
        shared += found.filter(|found| *found > 0.0).max_by(f64::total_cmp)?;
    }
    let all: f64 = many.iter().map(|word| length(word)).sum();
    Some((shared / all.max(1.0)).min(1.0))
}

/// How much one word is another one in lower case: it, an abbreviation of it (`repo`, `msg`), or none.
fn sameness(one: &str, other: &str) -> f64 {
    let (short, long) = match one.len() <= other.len() {
        true => (one, other),
        false => (other, one),
    };
    if short == long {
        1.0
    } else if says_something(short) && is_abbreviation(short, long) {
        ABBREVIATED
    } else {
        0.0
    }
}

/// Whether a word is how another one begins, or its first letter and some of its consonants.
fn is_abbreviation(short: &str, long: &str) -> bool {
    if long.starts_with(short) {
        return true;
    }
    let mut letters = long.chars();
    let (mut wanted, first) = (short.chars(), letters.next());
    wanted.next() == first
        && wanted.all(|c| !"aeiou".contains(c) && letters.by_ref().any(|letter| letter == c))
}

/// A name by its words, where initials stand for words of the other one: `pr` for `pull`, `request`.
fn written_out<'n>(name: &'n str, other: &'n str) -> Vec<&'n str> {
    let others: Vec<&str> = words(other).collect();
    let meant = |initials: &str| {
        let mut runs = others.windows(initials.len().max(1));
        let run = runs.find(|run| {
            let firsts = run.iter().filter_map(|word| word.chars().next());
            firsts.eq(initials.chars())
        });
        run.map(<[&str]>::to_vec)
    };
    words(name)
        .flat_map(|word| match says_something(word) {
            true => vec![word],
            false => meant(word)
                .filter(|_| word.len() > 1)
                .unwrap_or_else(|| vec![word]),
        })
        .collect()
}

fn letters(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(&a.to_lowercase(), &b.to_lowercase())
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    let words = name.split(['-', '_', '/', '.', ' ']);
    words.filter(|word| !word.is_empty())
}

/// One of a letter or two does not.
fn says_something(word: &str) -> bool {
    word.len() > 2
}

// Names are short.
#[expect(clippy::cast_precision_loss)]
fn length(word: &str) -> f64 {
    word.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_little_in_common_is_not_meant() {
        assert_eq!(alike("imge", ["token", "image", "file"]), ["image"]);
        assert!(alike("zzz", ["token", "image", "file"]).is_empty());
        assert!(alike("retries", ["registry-username", "resource"]).is_empty());
        for (given, meant) in [
            ("argocd-app", "argocd-application"),
            ("repo", "repository"),
            ("labels", "pull-request-labels"),
            ("timout", "timeout"),
            ("tiemout", "timeout"),
            ("wbe", "web"),
        ] {
            assert_eq!(alike(given, [meant]), [meant]);
        }
    }

    #[test]
    fn a_name_that_is_longer_than_any_is_like_none() {
        let long = "web-".repeat(1 << 20);
        assert!(alike(&long, ["web"]).is_empty());
        assert_eq!(nearest(&long, ["b", &long, "a"]), ["b", "a"]);
        let mut nearest = Nearest::to(&long, 3);
        nearest.consider(long.as_str());
        assert!(nearest.names().is_empty());
    }

    #[test]
    fn of_many_the_first_few_are_named() {
        assert_eq!(first_few::<&str>(&[], 2), "");
        assert_eq!(first_few(&["a", "b"], 2), "a, b");
        assert_eq!(first_few(&["a", "b", "c"], 2), "a, b and 1 more");
    }

    #[test]
    fn one_of_several_is_meant() {
        assert_eq!(either::<&str>(&[]), "");
        assert_eq!(either(&["a"]), "`a`");
        assert_eq!(either(&["a", "b", "c"]), "`a`, `b` or `c`");
        let all = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(all_of(&all), "a, b and c");
    }

    #[test]
    fn whole_words_count_for_more_than_letters() {
        let inputs = ["token", "image", "file", "commit-message", "source-token"];
        assert_eq!(nearest("message", inputs)[0], "commit-message");
        assert_eq!(nearest("github-token", inputs)[0], "token");
        assert_eq!(nearest("imge", inputs)[0], "image");
        let placeholders = ["name", "image", "resource", "source-sha", "run-number"];
        assert_eq!(nearest("sha", placeholders)[0], "source-sha");
        assert_eq!(nearest("origin/main", ["mainly", "main"])[0], "main");
    }

    #[test]
    fn a_word_is_known_by_its_abbreviation() {
        let inputs = [
            "image",
            "branch",
            "commit",
            "commit-message",
            "token",
            "resource",
            "repository",
            "registry-password",
            "pull-request-branch",
            "pull-request-title",
            "verify-timeout",
        ];
        for (given, meant) in [
            ("commit_msg", "commit-message"),
            ("msg", "commit-message"),
            ("img", "image"),
            ("repo", "repository"),
            ("registry-pwd", "registry-password"),
            ("pr-branch", "pull-request-branch"),
            ("pr_title", "pull-request-title"),
            ("commit", "commit"),
            ("commit-sha", "commit"),
            ("the-branch", "branch"),
        ] {
            assert_eq!(alike(given, inputs).first(), Some(&meant), "{given}");
        }
        assert!(alike("msgs-to-go", ["registry", "resource"]).is_empty());
    }

    #[test]
    fn a_path_is_known_by_its_end_and_its_name() {
        let paths = [
            "apps/web.yaml",
            "infra/web.yaml",
            "apps/api.yaml",
            "README.md",
        ];
        let alike_paths = |given: &str| {
            let mut nearest = Nearest::to(given, 3);
            paths.into_iter().for_each(|path| nearest.consider(path));
            nearest.names()
        };
        for (given, first) in [
            ("web.yaml", "apps/web.yaml"),
            ("deploy/apps/web.yaml", "apps/web.yaml"),
            ("infras/web.yml", "infra/web.yaml"),
            ("apps/wep.yaml", "apps/web.yaml"),
            ("*.yaml", "apps/web.yaml"),
            ("app/*.md", "README.md"),
            ("nope/a*.yaml", "apps/api.yaml"),
        ] {
            assert_eq!(alike_paths(given)[0], first, "{given}");
        }
        assert!(alike_paths("x/zzz.txt").is_empty());
    }

    #[test]
    fn the_most_alike_comes_first() {
        assert_eq!(nearest("imge", ["token", "image", "file"])[0], "image");
        assert_eq!(nearest("Master", ["main", "master"])[0], "master");
    }
}
