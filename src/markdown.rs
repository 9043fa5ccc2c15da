//! Markdown that whatever is put into it can't break out of.

use std::fmt::Write as _;

/// GitHub refuses a step's summary above 1 MiB; a diff is cut well below.
const MAX_DIFF: usize = 256 << 10;
/// The most rows of a table; a person reads fewer.
pub const MAX_ROWS: usize = 200;

/// The most characters of a diff's line that are shown.
const MAX_LINE: usize = 500;
/// Of more lines a diff is folded.
const OPEN_DIFF: usize = 40;
/// Of more rows a table is folded.
const OPEN_ROWS: usize = 10;

/// What is behind a heading that unfolds it.
pub fn details(summary: &str, is_open: bool, content: &str) -> String {
    let open = if is_open { " open" } else { "" };
    format!("<details{open}><summary>{summary}</summary>\n\n{content}</details>\n\n")
}

/// A table; folded behind `summary` where it is long.
pub fn folded_table(
    summary: &str,
    heads: &[&str],
    rows: impl ExactSizeIterator<Item = String>,
) -> String {
    let is_long = rows.len() > OPEN_ROWS;
    let table = table(heads, rows);
    match is_long {
        true => details(summary, false, &table),
        false => table,
    }
}

/// A diff behind a heading; folded where it is long.
pub fn folded_diff(text: &str) -> String {
    let is_open = text.lines().count() <= OPEN_DIFF;
    details("Diff", is_open, &format!("{}\n", diff(text)))
}

/// A text without the ends of lines that nobody reads.
pub fn shortened(text: &str) -> String {
    let line = |line: &str| match line.char_indices().nth(MAX_LINE) {
        Some((end, c)) if c != '\n' => {
            let more = line[end..].trim_end().chars().count();
            format!("{}… and {more} characters more\n", &line[..end])
        }
        _ => line.to_owned(),
    };
    text.split_inclusive('\n').map(line).collect()
}

/// `1 file`, `2 files`
pub fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// A table, or nothing where there is no row; cut where it is longer than a person reads.
pub fn table(heads: &[&str], rows: impl ExactSizeIterator<Item = String>) -> String {
    let more = rows.len().saturating_sub(MAX_ROWS);
    let mut text = whole_table(heads, rows.take(MAX_ROWS));
    if more > 0 {
        let _ = writeln!(text, "… and {more} more.\n");
    }
    text
}

/// The same with all rows, for whoever cuts them otherwise.
pub fn whole_table(heads: &[&str], rows: impl ExactSizeIterator<Item = String>) -> String {
    if rows.len() == 0 {
        return String::new();
    }
    let mut text = format!(
        "| {} |\n|{}\n",
        heads.join(" | "),
        "---|".repeat(heads.len())
    );
    for row in rows {
        let _ = writeln!(text, "{row}");
    }
    text.push('\n');
    text
}

/// A diff in a fence that nothing in it can close, cut where it is longer than a person reads.
pub fn diff(diff: &str) -> String {
    let diff = shortened(diff);
    let end = diff.floor_char_boundary(MAX_DIFF);
    let (shown, rest) = diff.split_at(end);
    let longest = shown.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let newline = if shown.ends_with('\n') { "" } else { "\n" };
    let mut text = format!("{fence}diff\n{shown}{newline}{fence}\n");
    if !rest.is_empty() {
        let _ = writeln!(
            text,
            "\n… and {} bytes more: the output `diff` has all of it.",
            rest.len()
        );
    }
    text
}

/// Text as inline code that Markdown and tables leave alone.
pub fn code(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.trim().is_empty() {
        return String::new();
    }
    let text = text.replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Markdown that leads to `url`, where there is one.
pub fn link(markdown: &str, url: Option<&str>) -> String {
    match url {
        Some(url) => {
            let url = url.replace('(', "%28").replace(')', "%29");
            format!("[{markdown}]({url})")
        }
        None => markdown.to_owned(),
    }
}

/// Text with nothing of Markdown or HTML in it, lines kept; what stands between backticks becomes
/// code.
pub fn paragraphs(text: &str) -> String {
    let escaped = |text: &str| -> String {
        let mut out = String::new();
        for c in text.chars() {
            match c {
                '\n' => out.push_str("<br>\n"),
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '\\' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' | '@' => {
                    out.push('\\');
                    out.push(c);
                }
                c if c.is_control() => out.push(' '),
                c => out.push(c),
            }
        }
        out
    };
    let pieces: Vec<&str> = text.split('`').collect();
    let even = pieces.len().is_multiple_of(2);
    let mut out = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        let unclosed = even && index + 1 == pieces.len();
        match index % 2 {
            1 if !unclosed && !piece.contains('\n') => out.push_str(&code(piece)),
            _ => out.push_str(&escaped(piece)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_keeps_to_its_cell() {
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(code("a\nb"), "`a b`");
    }

    #[test]
    fn a_diff_cannot_leave_its_fence() {
        assert_eq!(diff("-a\n+```\n"), "````diff\n-a\n+```\n````\n");
    }

    #[test]
    fn a_long_line_is_cut() {
        let line = |length: usize| format!("+{}\n", "ä".repeat(length - 1));
        assert_eq!(shortened(&line(500)), line(500));
        assert!(shortened(&line(510)).ends_with("ä… and 10 characters more\n"));
    }

    #[test]
    fn text_is_no_markup() {
        assert_eq!(
            paragraphs("see `a_b` <img> *x*\n[l](u) `open"),
            "see `a_b` &lt;img&gt; \\*x\\*<br>\n\\[l\\](u) open"
        );
    }
}
