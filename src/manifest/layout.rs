//! How a value that envloom writes looks.

use toml_edit::{Key, Value};

/// The longest line that is written on purpose, in characters.
pub(super) const WIDTH: usize = 100;

/// A key as TOML writes it: bare where it can be.
pub(super) fn key(name: &str) -> String {
    Key::new(name).to_string()
}

/// Keys joined by dots.
pub(super) fn keys<'k>(names: impl IntoIterator<Item = &'k str>) -> String {
    names.into_iter().map(key).collect::<Vec<_>>().join(".")
}

/// A value on one line.
pub(super) fn line(value: &Value) -> String {
    match value {
        Value::Array(array) => format!("[{}]", array.iter().map(line).collect::<Vec<_>>().join(", ")),
        Value::InlineTable(table) if table.is_empty() => "{}".to_owned(),
        Value::InlineTable(table) => {
            let items: Vec<String> =
                table.iter().map(|(name, item)| format!("{} = {}", key(name), line(item))).collect();
            format!("{{ {} }}", items.join(", "))
        }
        // A string may be printed the way it was parsed, over several lines: print what it says instead.
        Value::String(text) => Value::from(text.value().as_str()).to_string(),
        scalar => scalar.clone().decorated("", "").to_string(),
    }
}

/// A value after `name = ` on a line of its own: an array of several elements gets one line for each.
pub(super) fn block(name: &str, value: &Value, indent: &str, newline: &str) -> String {
    let short = line(value);
    match value {
        Value::Array(array)
            if array.len() > 1
                || (array.len() == 1 && indent.len() + name.len() + 3 + short.len() > WIDTH) =>
        {
            rows(array.iter().map(line), indent, newline)
        }
        _ => short,
    }
}

/// An array with one element a line.
pub(super) fn rows(elements: impl IntoIterator<Item = String>, indent: &str, newline: &str) -> String {
    let mut text = format!("[{newline}");
    for element in elements {
        text.extend([indent, "    ", &element, ",", newline]);
    }
    text.push_str(indent);
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_one_layout() {
        let value = |text: &str| text.parse::<Value>().unwrap();
        assert_eq!(line(&value("[ {a=1,\"b c\"='x'} , \"\"\"y\"\"\" ]")), r#"[{ a = 1, "b c" = "x" }, "y"]"#);
        assert_eq!(block("k", &value("['a', 'b']"), "", "\n"), "[\n    \"a\",\n    \"b\",\n]");
        assert_eq!(block("k", &value("['a']"), "", "\n"), "[\"a\"]");
        assert_eq!(keys(["tool", "a.b"]), r#"tool."a.b""#);
    }
}
