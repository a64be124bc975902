//! Is a text a marker (PEP 508)?
//!
//! `pep508_rs` is not asked: it panics on `sys_platform ~= '1'`, recurses over parentheses, and its work on a
//! marker can grow faster than the marker. This check is linear, and nothing here needs a marker's meaning: it
//! goes into a manifest as it is written.

use std::str::FromStr as _;

use pep440_rs::VersionSpecifier;

/// The variables of PEP 508, with those that PEP 345 and setuptools spelt otherwise.
const VARIABLES: &[&str] = &[
    "os_name",
    "sys_platform",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_version",
    "python_full_version",
    "implementation_name",
    "implementation_version",
    "extra",
    "extras",
    "dependency_groups",
    "os.name",
    "sys.platform",
    "platform.machine",
    "platform.version",
    "platform.python_implementation",
    "python_implementation",
];
/// Variables whose values are versions.
const VERSIONS: &[&str] = &["python_version", "python_full_version", "implementation_version"];

/// A word of a marker.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    Variable(&'t str),
    Text(&'t str),
    Operator(&'t str),
    /// `and`, `or`.
    Connective(&'t str),
    Open,
    Close,
}

/// Deeper than any marker. Whoever evaluates one, here or in uv, walks it by recursion.
const MAX_DEPTH: usize = 32;

/// One spelling for blanks and quotes: markers that differ in more are different entries of a manifest.
pub(crate) fn even(marker: &str) -> String {
    let Ok(tokens) = tokens(marker) else {
        return marker.split_whitespace().collect::<Vec<_>>().join(" ").replace('"', "'");
    };
    let mut text = String::with_capacity(marker.len());
    let mut is_after_open = true;
    for token in tokens {
        if !is_after_open && token != Token::Close {
            text.push(' ');
        }
        match token {
            Token::Variable(word) | Token::Operator(word) | Token::Connective(word) => text.push_str(word),
            Token::Text(value) => {
                let quote = if value.contains('\'') { '"' } else { '\'' };
                text.push(quote);
                text.push_str(value);
                text.push(quote);
            }
            Token::Open => text.push('('),
            Token::Close => text.push(')'),
        }
        is_after_open = token == Token::Open;
    }
    text
}

/// Why `text` is no marker; `None`: it is one.
pub(crate) fn marker_fault(text: &str) -> Option<String> {
    tokens(text).and_then(|tokens| judge(&tokens)).err()
}

/// The order of words: comparisons, joined by `and` and `or`, in parentheses that match.
fn judge(mut tokens: &[Token<'_>]) -> Result<(), String> {
    let mut depth = 0_usize;
    loop {
        while let [Token::Open, rest @ ..] = tokens {
            depth += 1;
            if depth > MAX_DEPTH {
                return Err(format!("parentheses are nested more than {MAX_DEPTH} deep"));
            }
            tokens = rest;
        }
        let [left, Token::Operator(operator), right, rest @ ..] = tokens else {
            return Err("a comparison is missing, such as sys_platform == 'linux'".to_owned());
        };
        comparison(*left, operator, *right)?;
        tokens = rest;
        while let [Token::Close, rest @ ..] = tokens {
            depth = depth.checked_sub(1).ok_or("a `)` closes nothing")?;
            tokens = rest;
        }
        match tokens {
            [] if depth == 0 => return Ok(()),
            [] => return Err("a `(` is not closed".to_owned()),
            [Token::Connective(_), rest @ ..] => tokens = rest,
            _ => return Err("two comparisons need `and` or `or` between them".to_owned()),
        }
    }
}

fn comparison(left: Token<'_>, operator: &str, right: Token<'_>) -> Result<(), String> {
    let (variable, value) = match (left, right) {
        (Token::Variable(variable), Token::Text(value)) | (Token::Text(value), Token::Variable(variable)) => {
            (variable, value)
        }
        (Token::Variable(_), Token::Variable(_)) => return Ok(()),
        _ => return Err("a comparison needs a variable and a quoted text".to_owned()),
    };
    let contains = operator.ends_with("in");
    if !VERSIONS.contains(&variable) {
        let unfit = matches!(operator, "~=" | "===");
        return if unfit {
            Err(format!("`{operator}` compares versions, and `{variable}` is none"))
        } else {
            Ok(())
        };
    }
    let range = format!("{operator}{value}");
    if contains || VersionSpecifier::from_str(&range).is_ok() {
        return Ok(());
    }
    Err(format!("`{variable}` cannot be compared with `{value}` by `{operator}`"))
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '\'' | '"' => {
                let value = rest[1..].split_once(first).ok_or("a quote is not closed")?.0;
                (Token::Text(value), value.len() + 2)
            }
            '<' | '>' | '=' | '!' | '~' => {
                let length = rest.find(|c| !"<>=!~".contains(c)).unwrap_or(rest.len());
                (operator(&rest[..length])?, length)
            }
            _ => word(rest)?,
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn operator(text: &str) -> Result<Token<'_>, String> {
    let known = ["<", "<=", "==", "!=", ">=", ">", "~=", "==="].contains(&text);
    known.then_some(Token::Operator(text)).ok_or_else(|| format!("`{text}` compares nothing"))
}

fn word(rest: &str) -> Result<(Token<'_>, usize), String> {
    let end =
        rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.')).unwrap_or(rest.len());
    let word = &rest[..end];
    match word {
        "and" | "or" => Ok((Token::Connective(word), end)),
        "in" => Ok((Token::Operator("in"), end)),
        "not" => {
            let after = rest[end..].trim_start();
            let follows = after
                .strip_prefix("in")
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
            let length = rest.len() - after.len() + 2;
            if follows {
                Ok((Token::Operator("not in"), length))
            } else {
                Err("`not` stands before `in` only".to_owned())
            }
        }
        variable if VARIABLES.contains(&variable) => Ok((Token::Variable(variable), end)),
        "" => Err(format!("`{}` has no meaning", rest.chars().next().unwrap_or(' '))),
        other => Err(format!("`{other}` is no variable; a text needs quotes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_has_one_spelling() {
        for (marker, spelt) in [
            ("python_version<\"3.12\"", "python_version < '3.12'"),
            (" python_version  <'3.12'", "python_version < '3.12'"),
            (
                "(os_name=='nt'and extra==\"a  b\")or os_name  not  in 'x'",
                "(os_name == 'nt' and extra == 'a  b') or os_name not in 'x'",
            ),
            ("( ( os_name == \"it's\" ) )", "((os_name == \"it's\"))"),
            ("no  marker \"x", "no marker 'x"),
        ] {
            assert_eq!(even(marker), spelt);
            assert_eq!(even(spelt), spelt);
        }
    }

    #[test]
    fn markers_are_told_from_other_texts() {
        for good in [
            "sys_platform == 'linux'",
            "python_version>=\"3.10\" and (os_name != 'nt' or extra == 'x')",
            "((python_full_version ~= '3.10.1'))",
            "'linux' in sys_platform",
            "platform_machine not in 'arm64 aarch64'",
            "python_version in '3.10 3.11'",
            "python_version == '3.*'",
        ] {
            assert_eq!(marker_fault(good), None, "{good}");
        }
        for bad in [
            "",
            "linux",
            "sys_platform",
            "sys_platform == linux",
            "sys_platform == 'linux",
            "sys_platform ~= '1'",
            "'a' == 'b'",
            "(os_name == 'nt'",
            "os_name == 'nt')",
            "os_name == 'nt' os_name == 'nt'",
            "os_name == 'nt' and",
            "not os_name",
            "python_version >= 'x'",
            "os_name <> 'nt'",
            "os_name == 'nt' ; x",
        ] {
            assert!(marker_fault(bad).is_some(), "{bad}");
        }
    }
}
