//! Markdown that whatever is put into it can't break out of. What must not be shown is hidden before
//! anything is escaped.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::limits::{SHOWN, abridged};
use crate::secrets::redacted;

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
pub fn folded_table<R: AsRef<[String]>>(
    summary: &str,
    heads: &[&str],
    rows: impl ExactSizeIterator<Item = R>,
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

/// A table, or nothing where there is no row; cut where it is longer than a person reads. Each row has a cell for
/// each of the heads. A column in which no row has anything is left out: it would take the room of the others,
/// which are cut off on the right.
pub fn table<R: AsRef<[String]>>(heads: &[&str], rows: impl ExactSizeIterator<Item = R>) -> String {
    let more = rows.len().saturating_sub(MAX_ROWS);
    let mut text = whole_table(heads, rows.take(MAX_ROWS));
    if more > 0 {
        let _ = writeln!(text, "… and {more} more.\n");
    }
    text
}

/// The same with all rows, for whoever cuts them otherwise.
pub fn whole_table<R: AsRef<[String]>>(heads: &[&str], rows: impl Iterator<Item = R>) -> String {
    let rows: Vec<R> = rows.collect();
    let says = |column: usize| {
        let mut cells = rows.iter().filter_map(|row| row.as_ref().get(column));
        cells.any(|cell| !cell.is_empty())
    };
    let columns: Vec<usize> = (0..heads.len()).filter(|&column| says(column)).collect();
    if columns.is_empty() {
        return String::new();
    }
    let heads = columns.iter().filter_map(|&column| heads.get(column));
    let mut text = format!("{}|{}\n", line(heads), "---|".repeat(columns.len()));
    for row in &rows {
        let cells = columns
            .iter()
            .filter_map(|&column| row.as_ref().get(column));
        text.push_str(&line(cells));
    }
    text.push('\n');
    text
}

/// A line of a table.
pub fn line(cells: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut text = "|".to_owned();
    for cell in cells {
        let _ = write!(text, " {} |", cell.as_ref());
    }
    text.push('\n');
    text
}

/// A diff in a fence that nothing in it can close, cut where it is longer than a person reads.
pub fn diff(diff: &str) -> String {
    let diff = shortened(&revealed(&redacted(diff)));
    let (shown, more) = cut(&diff);
    let longest = shown.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let newline = if shown.ends_with('\n') { "" } else { "\n" };
    format!("{fence}diff\n{shown}{newline}{fence}\n{more}")
}

/// As much of a diff as is shown, and the words for the rest of it.
pub fn cut(diff: &str) -> (&str, String) {
    let (shown, rest) = diff.split_at(diff.floor_char_boundary(MAX_DIFF));
    let more = match rest.len() {
        0 => String::new(),
        more => format!("\n… and {more} bytes more: the output `diff` has all of it.\n"),
    };
    (shown, more)
}

/// Text as inline code that Markdown and tables leave alone.
pub fn code(text: &str) -> String {
    let text: String = redacted(text)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let text = abridged(&text);
    let text = revealed(&text);
    if text.trim().is_empty() {
        return String::new();
    }
    // A table takes `\|` for a bar, and the backslash of `\\|` for the other's.
    let text = text.replace("\\|", "\\\\u{7c}").replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Text in which what can't be seen is shown as an escape: characters without width, and those that turn
/// the direction of others ("Trojan Source", CVE-2021-42574).
pub fn revealed(text: &str) -> Cow<'_, str> {
    if !text.contains(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match is_invisible(c) {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Whether a character can't be seen, and is shown as an escape: Unicode's `Default_Ignorable_Code_Point`.
pub fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' | '\u{34f}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{1d173}'..='\u{1d17a}'
    )
}

/// Markdown that leads to `url`, where there is one that a browser takes to another page.
pub fn link(markdown: &str, url: Option<&str>) -> String {
    let url = url.filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    let url = url.filter(|url| url.len() <= SHOWN);
    let Some(url) = url else {
        return markdown.to_owned();
    };
    let mut target = String::new();
    for byte in redacted(url).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => target.push(byte.into()),
            b'-' | b'.' | b'_' | b'~' | b':' | b'/' | b'?' | b'#' | b'@' | b'%' | b'=' | b'&'
            | b'+' | b',' | b';' => target.push(byte.into()),
            _ => {
                let _ = write!(target, "%{byte:02X}");
            }
        }
    }
    // What reads as an entity is one.
    format!("[{markdown}]({})", target.replace('&', "&amp;"))
}

/// Text with nothing of Markdown or HTML in it, lines kept; what stands between backticks becomes code,
/// and so do URLs. None of them becomes a link, and no name is mentioned. What a page calls something, which stands
/// between asterisks, is emphasised.
pub fn paragraphs(text: &str) -> String {
    let text = redacted(text);
    let text = abridged(&text);
    let pieces: Vec<&str> = text.split('`').collect();
    let even = pieces.len().is_multiple_of(2);
    let mut out = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        let unclosed = even && index + 1 == pieces.len();
        match index % 2 {
            1 if !unclosed && !piece.contains('\n') => push_code(piece, &mut out),
            _ => {
                let mut rest = *piece;
                while let Some((before, url, behind)) = url(rest) {
                    push_text(before, &mut out);
                    push_code(url, &mut out);
                    rest = behind;
                }
                push_text(rest, &mut out);
            }
        }
    }
    out
}

/// The same of a text of which lines may be items of a list (`- `), as those of a failure are.
pub fn paragraphs_and_lists(text: &str) -> String {
    let text = redacted(text);
    let lines: Vec<&str> = text.lines().collect();
    let item = |line: &str| Some(format!("- {}", paragraphs(line.strip_prefix("- ")?)));
    let blocks = lines.chunk_by(|one, next| one.starts_with("- ") == next.starts_with("- "));
    let blocks = blocks.map(|block| {
        let items: Option<Vec<String>> = block.iter().map(|line| item(line)).collect();
        items.map_or_else(|| paragraphs(&block.join("\n")), |items| items.join("\n"))
    });
    blocks.collect::<Vec<_>>().join("\n\n")
}

/// The first URL of a text, and what is around it.
fn url(text: &str) -> Option<(&str, &str, &str)> {
    let is_scheme = |c: char| c.is_ascii_alphanumeric();
    let colon = text.find("://")?;
    let start = text[..colon].trim_end_matches(is_scheme).len();
    let length = text[start..].find(|c: char| c.is_whitespace() || c.is_control());
    let end = length.map_or(text.len(), |length| start + length);
    let url = text[start..end].trim_end_matches(['.', ',', ';', ':', ')', '!', '?', '\'', '"']);
    let (before, behind) = (&text[..start], &text[start + url.len()..]);
    (start < colon && url.len() > colon - start).then_some((before, url, behind))
}

/// Appends code; backticks side by side would be one fence.
fn push_code(text: &str, out: &mut String) {
    if out.ends_with('`') {
        out.push_str("&#8203;");
    }
    out.push_str(&code(text));
}

/// Appends text in which nothing but names is marked up: `*Checks: Read*`.
fn push_text(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some((before, name, behind)) = name(rest) {
        escape(before, out);
        out.push('*');
        escape(name, out);
        out.push('*');
        rest = behind;
    }
    escape(rest, out);
}

/// The first name between asterisks, and what is around them: words and nothing else, whoever wrote them.
fn name(text: &str) -> Option<(&str, &str, &str)> {
    let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | ':' | ',' | '-');
    let mut from = 0;
    loop {
        let start = from + text.get(from..)?.find('*')?;
        let (before, inside) = (text.get(..start)?, text.get(start + 1..)?);
        let (name, behind) = inside.split_at(inside.find(|c| !is_of_a_name(c))?);
        let is_name = name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.ends_with(|c: char| c.is_ascii_alphanumeric());
        // Asterisks side by side mean something else.
        if let Some(behind) = behind.strip_prefix('*')
            && is_name
            && !before.ends_with('*')
            && !behind.starts_with('*')
        {
            return Some((before, name, behind));
        }
        from = start + 1;
    }
}

/// Appends text with nothing of Markdown or HTML in it.
fn escape(text: &str, out: &mut String) {
    let text = text.replace("\r\n", "\n");
    let text: String = text
        .chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect();
    let text = revealed(&text);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let begins = out.is_empty() || out.ends_with('\n');
        match c {
            '\n' if begins => {}
            '\n' => out.push_str("<br>\n"),
            ' ' if begins => {}
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // GitHub makes links and mentions of the text, whatever is escaped in it.
            '@' => out.push_str("&#64;&#8203;"),
            '#' if rest.peek().is_some_and(char::is_ascii_digit) => out.push_str("&#35;&#8203;"),
            ':' if rest.peek() == Some(&'/') => out.push_str("&#58;&#8203;"),
            '.' if out.ends_with(['w', 'W']) => out.push_str("&#46;&#8203;"),
            // Of `:` and dashes is the line below a table's head.
            '-' | '+' | '=' | ':' if begins => {
                out.push('\\');
                out.push(c);
            }
            '.' | ')' if is_number(out) => {
                out.push('\\');
                out.push(c);
            }
            '\\' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' | '`' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
}

/// Whether the last line is a number, with which a list would begin.
fn is_number(text: &str) -> bool {
    let line = text.rsplit('\n').next().unwrap_or_default();
    !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_of_a_list_are_one() {
        let text = "No `web` there:\n- `a` (line 1)\n- - b\n- 1. <c>\nand 2 more\nor not";
        insta::assert_snapshot!(paragraphs_and_lists(text), @r"
        No `web` there:

        - `a` (line 1)
        - \- b
        - 1\. &lt;c&gt;

        and 2 more<br>
        or not
        ");
    }

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
    fn words_of_a_page_are_emphasised() {
        for text in [
            "Give it *Checks: Read* on it",
            "*Contents: Read and write*, *Pull requests: Read*.",
            "(*Allow auto-merge*)",
        ] {
            assert_eq!(paragraphs(text), text);
            let html = comrak::markdown_to_html(text, &comrak::Options::default());
            assert!(html.contains("<em>"), "{html}");
        }
        for (text, expected) in [
            ("2 *a* 3", "2 \\*a\\* 3"),
            ("*A *", "\\*A \\*"),
            ("*A", "\\*A"),
            ("*A\nB*", "\\*A<br>\nB\\*"),
            ("**A**", "\\*\\*A\\*\\*"),
            ("*A**B*", "\\*A\\*\\*B\\*"),
            ("*A<b>*", "\\*A&lt;b&gt;\\*"),
        ] {
            assert_eq!(paragraphs(text), expected);
        }
    }

    #[test]
    fn text_is_no_markup() {
        assert_eq!(
            paragraphs("see `a_b` <img> *x*\n[l](u) `open"),
            "see `a_b` &lt;img&gt; \\*x\\*<br>\n\\[l\\](u) open"
        );
        // A table of one column has no bar.
        assert_eq!(paragraphs("head\n:- "), "head<br>\n\\:- ");
    }

    /// The elements of what GitHub makes of a text.
    fn elements(markdown: &str) -> Vec<String> {
        let mut options = comrak::Options::default();
        options.extension.table = true;
        options.extension.autolink = true;
        options.extension.strikethrough = true;
        options.extension.tasklist = true;
        options.extension.footnotes = true;
        options.extension.alerts = true;
        options.extension.math_dollars = true;
        options.render.r#unsafe = true;
        let html = comrak::markdown_to_html(markdown, &options);
        let tags = html.split('<').skip(1);
        let tags = tags.map(|tag| tag.split(['>', ' ', '\n']).next().unwrap_or_default());
        let tags =
            tags.filter(|tag| !tag.starts_with('/') && !matches!(*tag, "br" | "code" | "em"));
        tags.map(str::to_owned).collect()
    }

    /// Texts that mean harm: of pieces that mean something to Markdown, HTML or GitHub.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("http://e.x/"),
            Just("www.e.x"),
            Just("a@b.co"),
            Just("@acme"),
            Just("\\\\|"),
            Just("closes #7"),
            Just("`"),
            Just("``"),
            Just("```\n"),
            Just("<img src=x>"),
            Just("<!--"),
            Just("|"),
            Just("\\"),
            Just("\\|"),
            Just("\n"),
            Just("\r"),
            Just("\n\n"),
            Just("- "),
            Just("+ x"),
            Just("1. "),
            Just("===\n"),
            Just("---\n"),
            Just("# "),
            Just("> "),
            Just("    "),
            Just("\t"),
            Just("**"),
            Just("_"),
            Just("~~"),
            Just("["),
            Just("]("),
            Just(")"),
            Just("!["),
            Just("&lt;"),
            Just("&"),
            Just("$"),
            Just("[^1]: "),
            Just("\u{202e}"),
            Just("\u{200b}"),
            Just("x"),
            Just(" "),
            Just("ftp://e.x"),
            Just("mailto:a@b.co"),
            Just("xmpp:a@b.co"),
            Just(":"),
            Just(":-"),
            Just("-:"),
            Just("| --- |"),
            Just("\""),
            Just("'"),
            Just("w"),
            Just("5"),
            Just("."),
        ];
        let pieces = proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat());
        prop_oneof![4 => pieces, 1 => any::<String>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn a_paragraph_is_text_and_nothing_else(text in hostile(), before in "[a-z:/.]{0,12}") {
            let paragraph = paragraphs(&text);
            let found = elements(&format!("x {before}{paragraph}\n"));
            prop_assert_eq!(found, ["p"], "{}", paragraph);
            let heading = elements(&format!("### ❌ {}\n", paragraphs(&text.replace('\n', " "))));
            prop_assert_eq!(heading, ["h3"], "{}", paragraph);
        }

        #[test]
        fn a_cell_is_code_and_nothing_else(text in hostile(), other in hostile()) {
            let row = [code(&text) + "x", code(&other) + "x"];
            let table = table(&["a", "b"], [&row].into_iter());
            let expected = ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"];
            prop_assert_eq!(elements(&table), expected, "{:?}", row);
        }

        #[test]
        fn a_link_leads_to_one_place(text in hostile(), url in hostile()) {
            let url = format!("https://e.x/{url}");
            let link = link(&code(&text), Some(&url));
            let found = elements(&format!("x {link} x\n"));
            prop_assert!(found == ["p", "a"], "{:?} {}", found, link);
        }

        #[test]
        fn a_diff_is_one_block(text in hostile()) {
            prop_assert_eq!(elements(&diff(&text)), ["pre"], "{}", text);
        }
    }

    #[test]
    fn a_column_that_says_nothing_is_left_out() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let heads = ["File", "Container", "Image"];
        let rows = [row(["a", "", "v1"]), row(["b", "", ""])];
        assert_eq!(
            table(&heads, rows.iter()),
            "| File | Image |\n|---|---|\n| a | v1 |\n| b |  |\n\n"
        );
        let rows = [row(["a", "", "v1"]), row(["b", "web", ""])];
        let whole =
            "| File | Container | Image |\n|---|---|---|\n| a |  | v1 |\n| b | web |  |\n\n";
        assert_eq!(table(&heads, rows.iter()), whole);
        let nothing = [row(["", "", ""])];
        assert_eq!(table(&heads, nothing.iter()), "");
        assert_eq!(table(&heads, nothing[..0].iter()), "");
    }

    #[test]
    fn nobody_is_mentioned_and_nothing_is_closed() {
        let shown = paragraphs("@acme closes #7 a@b.co \\| |");
        assert_eq!(
            shown,
            "&#64;&#8203;acme closes &#35;&#8203;7 a&#64;&#8203;b.co \\\\\\| \\|"
        );
        // What is read of two cells is what was put into them.
        assert_eq!(code("a\\|b"), "`a\\\\u{7c}b`");
    }

    /// The text of what GitHub makes of it.
    fn rendered(markdown: &str) -> String {
        let html = comrak::markdown_to_html(markdown, &comrak::Options::default());
        let text = html
            .split('<')
            .map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        let text = text
            .collect::<String>()
            .replace("&lt;", "<")
            .replace("&gt;", ">");
        text.replace("&quot;", "\"")
            .replace("&amp;", "&")
            .replace('\u{200b}', "")
    }

    #[test]
    fn a_secret_is_hidden_before_anything_is_escaped() {
        for secret in [
            "p@ssw0rd-of-a-registry",
            "ends-in-a-hash-#",
            "#7-begins-with-a-number",
            "colon-and-slash:/x",
            "ends-in-a-colon:",
            "www.secret-of-the.example",
            "back`tick`s-in-a-secret",
            "https://u:hunter2@secret.example/x",
            "-begins+like=a-list",
            "12)-begins-with-a-number",
            "a|b\\|c-and-a-bar",
            "<imag>&amp;-and-an-entity",
            "quo\"te'$math$_*~[x](y)!",
        ] {
            crate::secrets::hide(&secret.into());
            for (before, behind) in [("", ""), ("x ", " x"), ("`", "`"), ("x", "1"), ("w", "/x")] {
                let text = format!("{before}{secret}{behind}");
                for shown in [
                    paragraphs(&text),
                    code(&text),
                    link(&code(&text), Some(&format!("https://e.x/{text}"))),
                    diff(&format!("+{text}\n")),
                ] {
                    let read = rendered(&shown);
                    assert!(!read.contains(secret) && !shown.contains(secret), "{shown}");
                    assert!(read.contains("***"), "{secret}: {shown}");
                }
            }
        }
    }

    #[test]
    fn a_url_is_code() {
        assert_eq!(
            paragraphs("see https://e.x/a_b?c=1, 2.5 (http://e.x/`<img>`) a://"),
            "see `https://e.x/a_b?c=1`, 2.5 (`http://e.x/`&#8203;`<img>`) `a://`"
        );
    }

    #[test]
    fn what_cannot_be_seen_is_shown() {
        assert_eq!(code("a\u{202e}b\u{200b}"), "`a\\u{202e}b\\u{200b}`");
        assert_eq!(paragraphs("a\u{feff}"), "a\\\\u{feff}");
    }
}
