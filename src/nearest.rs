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
    let alike = ranked.take_while(|(score, _)| *score > ALIKE);
    alike.map(|(_, candidate)| candidate).collect()
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
    match texts {
        [] => String::new(),
        [one] => one.clone(),
        [firsts @ .., last] => format!("{} or {last}", firsts.join(", ")),
    }
}

fn path_similarity(given: &str, path: &str) -> f64 {
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
        let score = path_similarity(&self.given, name.as_ref());
        if score > ALIKE {
            let place = self.scored.partition_point(|(own, _)| *own >= score);
            self.scored.insert(place, (score, name));
            self.scored.truncate(self.most);
        }
    }

    /// The most alike, the nearest first.
    pub fn names(self) -> Vec<T> {
        self.scored.into_iter().map(|(_, name)| name).collect()
    }
}

/// Below this two names have little more in common than some letters.
const ALIKE: f64 = 0.75;
/// What a name's words make of it alone, at the least.
const PART: f64 = 0.8;

/// From 0 (nothing in common) to 1 (the same but for case). What has all words of the other is nearer than
/// what only shares letters with it: `message` is `commit-message`, and not `image`.
pub fn similarity(a: &str, b: &str) -> f64 {
    let letters = letters(a, b);
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let (one, other) = (words(&a), words(&b));
    let (few, many) = match one.len() <= other.len() {
        true => (one, other),
        false => (other, one),
    };
    let is_part = !few.is_empty() && few.iter().all(|word| many.contains(word));
    match is_part {
        true => letters.max(PART + (1.0 - PART) * share(&few, &many)),
        false => letters,
    }
}

fn letters(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(&a.to_lowercase(), &b.to_lowercase())
}

/// A name by its words. One of a letter or two says nothing.
fn words(name: &str) -> Vec<&str> {
    let words = name.split(['-', '_', '/', '.', ' ']);
    words.filter(|word| word.len() > 2).collect()
}

/// How much of the one the other is, by length.
fn share(few: &[&str], many: &[&str]) -> f64 {
    let length = |words: &[&str]| words.iter().map(|word| word.len()).sum::<usize>();
    let (few, many) = (length(few), length(many).max(1));
    // Names are short.
    #[expect(clippy::cast_precision_loss)]
    let share = few as f64 / many as f64;
    share.min(1.0)
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
