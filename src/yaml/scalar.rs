//! Writing a value so that every YAML reader gets back what was meant.
//!
//! Kubernetes, Helm and Kustomize read YAML 1.1 with parts of 1.2, other tools 1.2: a text is only
//! written plain when all of them take it for a string.

use super::document::{Content, Stream, Style};

/// Where a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot<'t> {
    /// How the scalar is written that stands there now.
    pub style: Style,
    /// The text of that scalar.
    pub raw: &'t str,
    /// What that text reads as.
    pub value: &'t str,
    /// Whether it is inside `{…}` or `[…]`.
    pub in_flow: bool,
    /// The file's line break: `"\n"` or `"\r\n"`.
    pub line_break: &'static str,
}

/// The text for `value` at `place`: in the style that is there, unless the value doesn't fit it.
pub fn write(value: &str, place: Slot<'_>) -> String {
    let kept = match place.style {
        Style::Plain if is_plain_string(value, place.in_flow) => Some(value.to_owned()),
        Style::SingleQuoted => single_quoted(value),
        Style::Literal | Style::Folded => block(value, place),
        Style::Plain | Style::DoubleQuoted => None,
    };
    kept.unwrap_or_else(|| double_quoted(value))
}

/// Whether `value`, written without quotes, reads as itself and as a string, in YAML 1.1 and 1.2.
pub fn is_plain_string(value: &str, in_flow: bool) -> bool {
    is_plain_safe(value, in_flow) && !is_typed(value)
}

/// Whether YAML's grammar lets `value` stand without quotes (chapter 7.3.3). Stricter than it need
/// be at the edges where parsers differ.
pub fn is_plain_safe(value: &str, in_flow: bool) -> bool {
    let mut chars = value.chars();
    let Some(first) = chars.next() else {
        return false;
    };
    let second = chars.next();
    let begins_well = match first {
        // `---` and `...` may be document markers, `- ` begins an item.
        '-' if in_flow => second.is_some_and(|c| c.is_ascii_alphanumeric()),
        '-' => second.is_some_and(|c| c != ' ') && !value.starts_with("---"),
        '.' => !value.starts_with("..."),
        ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
        | '@' | '`' | '?' | ':' => false,
        _ => true,
    };
    begins_well
        && value.trim() == value
        && !value.contains(": ")
        && !value.contains(" #")
        && !value.ends_with(':')
        && value.chars().all(is_printable)
        // libyaml ends a plain text in brackets at `:?`.
        && !(in_flow && value.contains([',', '[', ']', '{', '}', '?']))
}

/// Printable within a line for YAML 1.1 and 1.2 (chapter 5.1 of both).
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// Whether `plain`, without quotes, is something other than a string to some reader: a number, a
/// boolean, a null, a date, a merge key (the type repository of YAML 1.1, the core schema of 1.2).
pub fn is_typed(plain: &str) -> bool {
    is_word_with_meaning(plain) || is_number(plain) || is_sexagesimal(plain) || is_date(plain)
}

/// What a reader takes `plain` for, without quotes: `number` or `boolean`; none for anything else, and for
/// what only some readers take for one.
pub fn kind(plain: &str) -> Option<&'static str> {
    let lower = plain.to_ascii_lowercase();
    match lower.as_str() {
        "true" | "false" | "yes" | "no" | "on" | "off" => Some("boolean"),
        _ => is_number(plain).then_some("number"),
    }
}

/// What a scalar is by the core schema of YAML 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Core {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number without a fraction.
    Integer,
    /// A number with one, or with an exponent, an infinity, or none.
    Float,
    /// A string.
    Text,
}

/// How the tags of YAML itself begin.
pub const YAML: &str = "tag:yaml.org,2002:";

/// What a tag of YAML itself says that a scalar is; none for what it has no such type for, and for tags of others.
pub fn core_by_tag(tag: &str) -> Option<Core> {
    Some(match tag.strip_prefix(YAML) {
        Some("null") => Core::Null,
        Some("bool") => Core::Boolean,
        Some("int") => Core::Integer,
        Some("float") => Core::Float,
        Some("str") => Core::Text,
        None if tag == "!" => Core::Text,
        _ => return None,
    })
}

/// What `plain` is without quotes (chapter 10.3.2).
pub fn core(plain: &str) -> Core {
    match plain {
        "" | "~" | "null" | "Null" | "NULL" => return Core::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return Core::Boolean,
        ".nan" | ".NaN" | ".NAN" => return Core::Float,
        _ => {}
    }
    let all = |digits: &str, is_digit: fn(&u8) -> bool| {
        !digits.is_empty() && digits.as_bytes().iter().all(is_digit)
    };
    let is_decimal = |digits: &str| all(digits, u8::is_ascii_digit);
    let is_octal = |digits: &str| all(digits, |digit| matches!(digit, b'0'..=b'7'));
    let is_hexadecimal = |digits: &str| all(digits, u8::is_ascii_hexdigit);
    if plain.strip_prefix("0o").is_some_and(is_octal)
        || plain.strip_prefix("0x").is_some_and(is_hexadecimal)
    {
        return Core::Integer;
    }
    let signless = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    if is_decimal(signless) {
        return Core::Integer;
    }
    let (mantissa, exponent) = match signless.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (signless, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_mantissa = (is_decimal(whole) && (fraction.is_empty() || is_decimal(fraction)))
        || (whole.is_empty() && is_decimal(fraction));
    let is_exponent = exponent
        .is_none_or(|exponent| is_decimal(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)));
    let is_float = is_mantissa && is_exponent;
    match is_float || matches!(signless, ".inf" | ".Inf" | ".INF") {
        true => Core::Float,
        false => Core::Text,
    }
}

/// What readers take a key for that is written `plain`, without quotes, as the name that it has in JSON: itself, and what
/// it is by YAML 1.1 and by 1.2. `1`, `0x1` and `1.0` are one key to those who read numbers (Kubernetes makes JSON of it),
/// and so are `yes` and `true` (1.1), `~` and nothing.
pub fn names(plain: &str) -> Vec<String> {
    let lower = plain.to_ascii_lowercase();
    let mut names = vec![plain.to_owned()];
    match lower.as_str() {
        "" | "~" | "null" => names.push("null".to_owned()),
        "true" | "yes" | "on" | "y" => names.push("true".to_owned()),
        "false" | "no" | "off" | "n" => names.push("false".to_owned()),
        ".nan" => names.push(lower),
        ".inf" | "+.inf" => names.push(".inf".to_owned()),
        "-.inf" => names.push(lower),
        _ if is_number(plain) => names.extend(numbers(&lower)),
        _ => {}
    }
    names.dedup();
    names
}

/// The numbers that a text may be: a first zero is one of octal digits by 1.1, and means nothing by 1.2.
fn numbers(lower: &str) -> Vec<String> {
    let digits = lower.replace('_', "");
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits.strip_prefix('+').unwrap_or(&digits)),
    };
    let with_base = [("0x", 16), ("0o", 8), ("0b", 2), ("0", 8)];
    let of_base = with_base.into_iter().filter_map(|(prefix, base)| {
        let digits = digits.strip_prefix(prefix)?;
        u64::from_str_radix(digits, base).ok()
    });
    let integers = of_base.chain(digits.parse());
    let mut numbers: Vec<String> = integers.map(|number| number.to_string()).collect();
    if let Ok(number) = digits.parse::<f64>() {
        // JSON's number is written without a point where it has no fraction.
        let is_large = number >= 1e15;
        numbers.push(if is_large {
            format!("{number:e}")
        } else {
            number.to_string()
        });
    }
    for number in &mut numbers {
        if number != "0" {
            number.insert_str(0, sign);
        }
    }
    numbers
}

fn is_word_with_meaning(plain: &str) -> bool {
    if matches!(plain, "" | "~" | "<<" | "=") {
        return true;
    }
    let signless = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    // YAML knows `yes`, `Yes` and `YES`. Quoting `yEs` too does no harm.
    let lower = signless.to_ascii_lowercase();
    match lower.as_str() {
        ".inf" => true,
        ".nan" | "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" => {
            signless == plain
        }
        _ => false,
    }
}

/// Decimal, `0x`, `0o`, `0b`, with `_` as YAML 1.1 has it, fractions and exponents.
fn is_number(plain: &str) -> bool {
    let signless = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let lower = signless.to_ascii_lowercase();
    let all = |digits: &str, is_digit: fn(&u8) -> bool| {
        !digits.is_empty() && digits.bytes().all(|b| b == b'_' || is_digit(&b))
    };
    for (prefix, is_digit) in [
        ("0x", u8::is_ascii_hexdigit as fn(&u8) -> bool),
        ("0o", u8::is_ascii_digit),
        ("0b", u8::is_ascii_digit),
    ] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return all(digits, is_digit);
        }
    }
    let (mantissa, exponent) = match lower.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (lower.as_str(), None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.is_empty() || all(text, u8::is_ascii_digit);
    mantissa.bytes().any(|b| b.is_ascii_digit())
        && !mantissa.starts_with('_')
        && is_digits(whole)
        && is_digits(fraction)
        && exponent.is_none_or(|exponent| {
            let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            all(digits, u8::is_ascii_digit)
        })
}

/// `190:20:30`: base 60, in YAML 1.1.
fn is_sexagesimal(plain: &str) -> bool {
    let signless = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    signless.contains(':')
        && signless.split(':').all(|group| {
            group.bytes().any(|b| b.is_ascii_digit())
                && group
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b == b'_' || b == b'.')
        })
}

/// `2026-01-20`, alone or with a time behind it: a timestamp, in YAML 1.1.
fn is_date(plain: &str) -> bool {
    let mut parts = plain.splitn(3, '-');
    let is_digits = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let day = rest.split(['T', 't', ' ', '\t']).next().unwrap_or(rest);
    is_digits(year, 4..=4) && is_digits(month, 1..=2) && is_digits(day, 1..=2)
}

/// None where single quotes can't hold the value: they know no escapes.
fn single_quoted(value: &str) -> Option<String> {
    value
        .chars()
        .all(is_printable)
        .then(|| format!("'{}'", value.replace('\'', "''")))
}

/// Double quotes hold any value (chapter 7.3.1). Only escapes that JSON has, too.
pub fn double_quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if is_printable(c) => text.push(c),
            c => text.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    text.push('"');
    text
}

/// The block scalar at `place` with other lines: the same indicator, comment and indentation. None
/// where a block scalar can't hold the value, or the old one has no line to take the indentation
/// from.
fn block(value: &str, place: Slot<'_>) -> Option<String> {
    let header_end = place.raw.find(['\r', '\n'])?;
    let header = place.raw.get(..header_end)?;
    let indent = " ".repeat(block_indent(place.raw, place.value)?);
    let indent = indent.as_str();

    let ends = |value: &str| value.len() - value.trim_end_matches('\n').len();
    let lines = value.trim_end_matches('\n');
    // What is behind the first blank is a comment.
    let keeps = header.split([' ', '\t']).next()?.contains('+');
    let chomping = match ends(value) {
        // The blank lines that make up the end stand outside the scalar's text, and stay.
        count if keeps && count > 0 && count == ends(place.value) => "+",
        0 => "-",
        1 => "",
        _ => return None,
    };
    let fits = !lines.is_empty()
        && !indent.is_empty()
        && lines
            .chars()
            .all(|c| c == '\n' || c == '\t' || is_printable(c))
        && lines
            .split('\n')
            .all(|line| !line.starts_with([' ', '\t']) && !line.ends_with([' ', '\t']));
    if !fits {
        return None;
    }
    let (indicators, comment) = match header.find([' ', '\t']) {
        Some(at) => header.split_at_checked(at)?,
        None => (header, ""),
    };
    let digit = indicators.trim_matches(|c: char| !c.is_ascii_digit());
    let has_empty_lines = lines.split('\n').any(str::is_empty);
    let (symbol, breaks) = match place.style {
        // A folded scalar reads one line break as a blank, two as one.
        Style::Folded if !has_empty_lines => ('>', place.line_break.repeat(2)),
        _ => ('|', place.line_break.to_owned()),
    };
    let mut text = format!("{symbol}{digit}{chomping}{comment}");
    for (number, line) in lines.split('\n').enumerate() {
        text.push_str(if number == 0 {
            place.line_break
        } else {
            &breaks
        });
        // An empty line takes no indentation: no blanks at the end of a line.
        if !line.is_empty() {
            text.push_str(indent);
            text.push_str(line);
        }
    }
    Some(text)
}

/// By how many columns the block scalar is indented that is written as `raw` and reads as `value`:
/// what its first line with content has before that content. None where no line has any.
pub(super) fn block_indent(raw: &str, value: &str) -> Option<usize> {
    let leading_blanks = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let first = |text: &str, skipped: usize| {
        text.split('\n')
            .skip(skipped)
            .find(|line| !line.trim().is_empty())
            .map(leading_blanks)
    };
    first(raw, 1)?.checked_sub(first(value, 0)?)
}

/// Whether the scalar written as `raw` reads as `value`, taken out of its file and read alone.
///
/// Whether it stood in `{…}` makes no difference: what is written there may stand outside as well.
pub fn reads_as(raw: &str, style: Style, value: &str) -> bool {
    if style == Style::Plain && raw == value {
        // Plain text on one line stands for itself (chapter 7.3.3).
        return true;
    }
    let alone = match style {
        Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => format!("--- {raw}"),
        Style::Literal | Style::Folded => unindented(raw, value),
    };
    let Ok(stream) = Stream::parse(alone.as_bytes()) else {
        return false;
    };
    let ([root], 1) = (stream.roots(), stream.len()) else {
        return false;
    };
    match stream.content(*root) {
        // With `+`, blank lines count that stand behind the scalar's text.
        Content::Scalar(read) if raw.starts_with(['|', '>']) && style == read.style => {
            read.value.trim_end_matches('\n') == value.trim_end_matches('\n')
        }
        Content::Scalar(read) => read.style == style && read.value == value,
        _ => false,
    }
}

/// A block scalar as the root of a document, where an indentation digit counts from another
/// column: all lines are moved to the left so far that the digit is right again.
fn unindented(raw: &str, value: &str) -> String {
    let header_end = raw.find(['\r', '\n']).unwrap_or(raw.len());
    let (header, body) = raw.split_at(header_end);
    let indicators = header.split([' ', '\t']).next().unwrap_or(header);
    let digit = indicators.chars().find_map(|c| c.to_digit(10));
    let surplus = match (digit, block_indent(raw, value)) {
        (Some(digit), Some(indent)) => indent.saturating_sub(digit as usize),
        _ => 0,
    };
    let mut text = format!("--- {header}");
    for line in body.split_inclusive('\n') {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        text.push_str(line.get(blanks.min(surplus)..).unwrap_or_default());
    }
    // The line break of the last line stands outside of `raw`.
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(style: Style, raw: &'static str) -> Slot<'static> {
        Slot {
            style,
            raw,
            value: "v1",
            in_flow: false,
            line_break: "\n",
        }
    }

    #[test]
    fn what_some_reader_takes_for_no_string_is_quoted() {
        for value in [
            "1",
            "-1",
            "+1",
            "007",
            "0123",
            "0x1F",
            "0o17",
            "0b101",
            "1_000",
            "1.10",
            "1.",
            ".5",
            "1e3",
            "1E3",
            "1.5e-3",
            "12345e67",
            "1234567",
            ".inf",
            "-.Inf",
            ".NaN",
            "yes",
            "No",
            "on",
            "OFF",
            "y",
            "N",
            "true",
            "False",
            "null",
            "~",
            "",
            "190:20:30",
            "22:22",
            "1:1.5",
            "2026-01-20",
            "2026-1-2",
            "2026-01-20T20:20:22Z",
            "2026-01-20 20:20:22",
            "<<",
            "=",
        ] {
            assert_eq!(
                write(value, place(Style::Plain, "v1")),
                format!("\"{value}\"")
            );
        }
    }

    #[test]
    fn what_every_reader_takes_for_a_string_stays_plain() {
        for value in [
            "v14",
            "1.2.3",
            "1.27-alpine",
            "ghcr.io/o/web:v1",
            "nginx:1.27",
            "2026-01-20-abc",
            "1.2.3-rc.1",
            "8a3f00d",
            "1e3d",
            "deadbeef",
            "sha256:00",
            "latest",
            "ye",
            "0xyz",
            "20260120T1",
            "--flag=x",
            "-x",
            "a b",
            "a#b",
            "a:b",
            "http://x/y",
            "é",
            "x,y",
            "_1",
            "v1@sha256:0123",
            "127.0.0.1:5000/web:1",
        ] {
            assert_eq!(write(value, place(Style::Plain, "v1")), value);
        }
    }

    #[test]
    fn what_breaks_plain_style_is_quoted() {
        for value in [
            " a", "a ", "a: b", "a #b", "a:", "- a", "-", "---", "--- a", "...", "[a", "{a", "&a",
            "*a", "!a", "|", ">", "'a", "%a", "@a", "`a", "?a", ":a", "#a", ",a",
        ] {
            assert_eq!(
                write(value, place(Style::Plain, "v1")),
                format!("\"{value}\"")
            );
        }
        assert_eq!(
            write("a\nb\"\u{85}\u{2028}", place(Style::Plain, "v1")),
            r#""a\nb\"\u0085\u2028""#
        );
        let in_flow = Slot {
            in_flow: true,
            ..place(Style::Plain, "v1")
        };
        assert_eq!(write("a,b", in_flow), "\"a,b\"");
    }

    #[test]
    fn the_old_style_is_kept_where_the_value_allows() {
        assert_eq!(write("v2", place(Style::SingleQuoted, "'v1'")), "'v2'");
        assert_eq!(write("it's", place(Style::SingleQuoted, "'v1'")), "'it''s'");
        assert_eq!(
            write("a\nb", place(Style::SingleQuoted, "'v1'")),
            r#""a\nb""#
        );
        assert_eq!(write("v2", place(Style::DoubleQuoted, "\"v1\"")), "\"v2\"");
    }

    #[test]
    fn a_block_scalar_keeps_indicator_comment_and_indentation() {
        let old = "|- # why\n    v1\n    more";
        assert_eq!(write("v2", place(Style::Literal, old)), "|- # why\n    v2");
        assert_eq!(
            write("a\n\nb\n", place(Style::Literal, old)),
            "| # why\n    a\n\n    b"
        );
        assert_eq!(write("v2\n", place(Style::Folded, ">\n  v1")), ">\n  v2");
        assert_eq!(
            write("a\nb", place(Style::Folded, ">\n  v1")),
            ">-\n  a\n\n  b"
        );
        assert_eq!(write(" a", place(Style::Literal, old)), "\" a\"");
        assert_eq!(write("a\n\n", place(Style::Literal, old)), r#""a\n\n""#);
        for (old, was, value, new) in [
            ("|+\n  v1", "v1\n\n", "v2\n\n", "|+\n  v2"),
            (">2+ # +\n  v1", "v1\n", "v2\n", ">2+ # +\n  v2"),
            ("|+\n  v1", "v1\n\n", "v2\n", "|\n  v2"),
            ("|+\n  v1", "v1\n\n", "v2", "|-\n  v2"),
            ("|+\n  v1", "v1\n", "v2\n\n", "\"v2\\n\\n\""),
            ("| # +\n  v1", "v1\n", "v2\n", "| # +\n  v2"),
        ] {
            let style = match old.starts_with('>') {
                true => Style::Folded,
                false => Style::Literal,
            };
            let slot = Slot {
                value: was,
                ..place(style, old)
            };
            assert_eq!(write(value, slot), new, "{old:?} to {value:?}");
        }
        let crlf = Slot {
            line_break: "\r\n",
            ..place(Style::Literal, "|\r\n  v1")
        };
        assert_eq!(write("a\nb", crlf), "|-\r\n  a\r\n  b");
    }

    #[test]
    fn a_scalar_reads_the_same_outside_its_file() {
        for (raw, style, value) in [
            ("a b", Style::Plain, "a b"),
            ("a\n   b", Style::Plain, "a b"),
            ("'it''s'", Style::SingleQuoted, "it's"),
            ("\"\\x41\\\n   b\"", Style::DoubleQuoted, "Ab"),
            ("|-\n    a\n     b", Style::Literal, "a\n b"),
            (">2 # c\n       a\n      b", Style::Folded, " a\nb\n"),
            (">1\n  a", Style::Folded, " a\n"),
            ("|+\n a", Style::Literal, "a\n\n\n"),
        ] {
            assert!(reads_as(raw, style, value), "{raw:?}");
            assert!(!reads_as(raw, style, "x"), "{raw:?}");
        }
        for (raw, style, value) in [
            ("a # b", Style::Plain, "a b"),
            ("'a", Style::SingleQuoted, "'a"),
            ("[a]", Style::Plain, "a"),
            ("'a'", Style::Plain, "a"),
        ] {
            assert!(!reads_as(raw, style, value), "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_what_was_meant(
            value in "([ -~]|[\\PC\n\t\r'\": #-]){0,20}",
            style in prop::sample::select(vec![
                (Style::Plain, "v1"),
                (Style::SingleQuoted, "'v1'"),
                (Style::DoubleQuoted, "\"v1\""),
                (Style::Literal, "|\n  v1"),
                (Style::Folded, ">\n  v1"),
            ]),
            in_flow: bool,
        ) {
            let (style, raw) = style;
            let in_flow = in_flow && !raw.contains('\n');
            let written = write(&value, Slot { in_flow, ..place(style, raw) });
            let text = if in_flow {
                format!("{{a: [{written}], b: c}}")
            } else {
                format!("a:\n  - {}\n  - x\nb: c\n", written.replace('\n', "\n    "))
            };
            let stream = Stream::parse(text.as_bytes()).unwrap();
            let root = stream.roots()[0];
            let first = stream.items(stream.get(root, "a").unwrap()).next().unwrap();
            prop_assert_eq!(stream.value(first), Some(value.as_str()), "{}", text);
            prop_assert_eq!(stream.get(root, "b").and_then(|b| stream.value(b)), Some("c"));
        }
    }
}
