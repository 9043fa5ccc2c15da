//! How many bytes of the text a scalar takes up.

/// How many bytes the single-quoted scalar takes up that `text` begins with.
pub(super) fn single_quoted_length(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?.as_bytes();
    let mut at = 0;
    loop {
        match (body.get(at)?, body.get(at + 1)) {
            (b'\'', Some(b'\'')) => at += 2,
            (b'\'', _) => return Some(at + 2),
            _ => at += 1,
        }
    }
}

/// How many bytes the double-quoted scalar takes up that `text` begins with.
pub(super) fn double_quoted_length(text: &str) -> Option<usize> {
    let body = text.strip_prefix('"')?.as_bytes();
    let mut at = 0;
    loop {
        match body.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 2),
            _ => at += 1,
        }
    }
}

/// How many bytes the plain scalar takes up that `text` begins with and that reads as `value`: the
/// value itself, but that a line break reads as a blank, and n of them as n - 1 (chapter 6.5).
pub(super) fn plain_length(text: &str, value: &str) -> Option<usize> {
    if text.starts_with(value) {
        return Some(value.len());
    }
    let mut rest = text;
    let mut left = value;
    while !left.is_empty() {
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        let (gap, after) = rest.split_at_checked(blank)?;
        match count_breaks(gap) {
            0 => {
                let next = left.chars().next()?;
                rest = rest.strip_prefix(next)?;
                left = left.strip_prefix(next)?;
            }
            breaks => {
                let folded = match breaks {
                    1 => " ".to_owned(),
                    more => "\n".repeat(more - 1),
                };
                rest = after;
                left = left.strip_prefix(folded.as_str())?;
            }
        }
    }
    Some(text.len() - rest.len())
}

pub(super) fn count_breaks(text: &str) -> usize {
    let pairs = text.matches("\r\n").count();
    text.matches(['\r', '\n']).count() - pairs
}

/// How far into `text` the header of a block scalar stands: the first `|` or `>` (with its
/// indicators) that is a word of its own and not in a comment. `text` begins where the scalar or
/// alias before it ended, so only indicators, brackets, tags, anchors and comments can come first.
pub(super) fn block_header(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        if blank > 0 {
            at += blank;
        } else if rest.starts_with('#') {
            at += rest.find(['\r', '\n']).unwrap_or(rest.len());
        } else {
            let word = rest.split([' ', '\t', '\r', '\n']).next()?;
            if is_block_header(word) {
                return Some(at);
            }
            at += word.len();
        }
    }
    None
}

/// `|` or `>`, then an indentation digit and a chomping sign in any order (chapter 8.1.1).
fn is_block_header(word: &str) -> bool {
    matches!(
        word.as_bytes(),
        [b'|' | b'>']
            | [b'|' | b'>', b'+' | b'-' | b'1'..=b'9']
            | [b'|' | b'>', b'+' | b'-', b'1'..=b'9']
            | [b'|' | b'>', b'1'..=b'9', b'+' | b'-']
    )
}

/// How many bytes the block scalar takes up whose header `text` begins with: to the end of its last
/// line with content, that is the last one indented by `indent` columns; without content to the end
/// of the header, comment excluded.
pub(super) fn block_length(text: &str, indent: Option<usize>) -> usize {
    let header = text.split([' ', '\t', '\r', '\n']).next().unwrap_or(text);
    let Some(indent) = indent else {
        return header.len();
    };
    let mut end = header.len();
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let content = line.trim_end_matches(['\r', '\n']);
        let spaces = content.len() - content.trim_start_matches(' ').len();
        if number > 0 && spaces >= indent && !(indent == 0 && is_document_marker(content)) {
            if !content.is_empty() {
                end = at + content.len();
            }
        } else if number > 0 && spaces < content.len() {
            break;
        }
        at += line.len();
    }
    end
}

/// `---` or `...`, alone or before a blank.
fn is_document_marker(line: &str) -> bool {
    ["---", "..."].iter().any(|marker| {
        line.strip_prefix(marker)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
    })
}
