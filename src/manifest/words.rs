//! How messages show values, and the KDL that would say the same as an entry of a manifest.

use std::fmt::Write as _;

use miette::SourceSpan;
use toml_edit::Value;

use super::entry::{EntryPath, Segment};
use super::identity;
use super::layout;
use crate::base::{RelPath, hidden, printable};
use crate::model::{Environment, Kept, Model, Sources, Variant};

/// A value in a message: one line, safe to print, no password of a URL in it, not endless.
pub(super) fn shown(value: &Value) -> String {
    let line = hidden(&layout::line(value));
    let safe = printable(&line);
    if safe.chars().count() <= 80 {
        safe.into_owned()
    } else {
        safe.chars().take(79).chain(['…']).collect()
    }
}

/// A path in a message.
pub(super) fn path(path: &EntryPath) -> String {
    printable(&path.to_string()).into_owned()
}

/// `tasks.kdl:9:18`.
pub(super) fn place(model: &Model, span: SourceSpan) -> String {
    let (line, column) = model.source.line_column(span.offset());
    format!("{}:{line}:{column}", model.source.name())
}

/// A KDL string.
#[must_use]
pub(crate) fn quoted(text: &str) -> String {
    let mut result = String::from('"');
    for character in text.chars() {
        match character {
            '"' => result.push_str("\\\""),
            '\\' => result.push_str("\\\\"),
            _ if printable(character.encode_utf8(&mut [0; 4])) == character.to_string() => {
                result.push(character);
            }
            // Writing to a String cannot fail.
            other => _ = write!(result, "\\u{{{:x}}}", u32::from(other)),
        }
    }
    result.push('"');
    result
}

/// The KDL that would put `value` at `path`, for a message; `None` where `tasks.kdl` has no word for it. A password in a
/// URL is not shown: `tasks.kdl` would not take it either.
pub(super) fn kdl(
    model: &Model,
    environment: &Environment,
    path: &EntryPath,
    value: &Value,
) -> Option<String> {
    written(model, environment, path, value).map(|line| hidden(&line))
}

fn written(model: &Model, environment: &Environment, path: &EntryPath, value: &Value) -> Option<String> {
    if matches!(environment.kept, Kept::Derived(_)) && !is_pin(model, path) {
        // It comes from the adopted manifest.
        return None;
    }
    let (keys, element) = parts(path);
    let text = value.as_str().map(quoted);
    match (keys.as_slice(), element) {
        (["project", "name"], None) => Some(format!("project {}", text?)),
        (["project", word @ ("version" | "description" | "requires-python")], None) => {
            Some(format!("{word} {}", text?))
        }
        (["project", "dependencies"], Some(id)) if is_internal(model, id) => None,
        (["project", "dependencies"], Some(_)) => Some(format!("dependencies {}", text?)),
        (["project", "optional-dependencies", extra], Some(_)) => extra_line(model, extra, value.as_str()?),
        (["dependency-groups", group], Some(_)) => Some(format!("group {} {}", quoted(group), text?)),
        (["tool", "uv", "required-version"], None) => {
            let version = value.as_str()?;
            Some(format!("uv {}", quoted(version.strip_prefix("==").unwrap_or(version))))
        }
        (["tool", "uv", "environments"], Some(_)) => Some(format!("platforms {}", text?)),
        (["tool", "uv", "sources", name], None) if is_internal(model, name) => {
            let tag = value.as_inline_table()?.get("tag")?.as_str()?;
            Some(format!("pin {} {}", quoted(name), quoted(tag)))
        }
        (["tool", "uv", "workspace", "members"], Some(_)) => {
            let place = environment.directory().join(value.as_str()?).ok()?;
            let name = place.file_name().replace('_', "-");
            Some(format!("package {} path={} role=\"member\"", quoted(&name), quoted(place.as_str())))
        }
        (["tool", "uv", "index"], Some(name)) => index_line(model, &environment.directory(), name, value),
        _ => None,
    }
}

/// Does `absorb` look for a place in `tasks.kdl` for an edit there?
pub(super) fn is_absorbable(model: &Model, environment: &Environment, path: &EntryPath) -> bool {
    let (keys, element) = parts(path);
    if environment.kept != Kept::Generated {
        return is_pin(model, path);
    }
    match keys.as_slice() {
        ["project", "dependencies"] => element.is_some_and(|identity| !is_internal(model, identity)),
        ["project", "name" | "version" | "description" | "requires-python"]
        | ["project", "optional-dependencies", _]
        | ["dependency-groups", _]
        | ["tool", "uv", "required-version" | "environments"]
        | ["tool", "uv", "workspace", "members"] => true,
        _ => is_pin(model, path) && environment.sources != Sources::Workspace,
    }
}

/// The keys of a path, and the identity it ends with.
pub(super) fn parts(path: &EntryPath) -> (Vec<&str>, Option<&str>) {
    let mut keys = Vec::new();
    let mut element = None;
    for segment in &path.0 {
        match segment {
            Segment::Key(key) => keys.push(key.as_str()),
            Segment::Element(identity) => element = Some(identity.as_str()),
        }
    }
    (keys, element)
}

/// Is it where an internal package comes from?
pub(super) fn is_pin(model: &Model, path: &EntryPath) -> bool {
    matches!(parts(path).0.as_slice(), ["tool", "uv", "sources", name, ..] if is_internal(model, name))
}

fn is_internal(model: &Model, identity: &str) -> bool {
    model.packages.iter().any(|package| package.name.value.as_str() == identity::bare(identity))
}

/// A requirement of an extra, which may be a variant.
fn extra_line(model: &Model, extra: &str, requirement: &str) -> Option<String> {
    let axis = model.axes.iter().find(|axis| axis.variants.iter().any(|variant| variant.name.value == extra));
    let Some(axis) = axis else {
        return Some(format!("extra {} {}", quoted(extra), quoted(requirement)));
    };
    // The marker of a variant's requirement comes from its platforms.
    let plain = identity::bare(requirement);
    let (name, _) = identity::split_name(plain)?;
    if axis.requirements.iter().any(|common| common.name == name) {
        return Some(format!("variants {} {{ dependencies {} }}", quoted(&axis.name.value), quoted(plain)));
    }
    Some(format!("variant {} {{ dependencies {} }}", quoted(extra), quoted(plain)))
}

fn index_line(model: &Model, directory: &RelPath, name: &str, value: &Value) -> Option<String> {
    let table = value.as_inline_table()?;
    let url = table.get("url")?.as_str()?;
    let location =
        if url.contains("://") { url.to_owned() } else { directory.join(url).ok()?.as_str().to_owned() };
    let mut variants = model.axes.iter().flat_map(|axis| &axis.variants);
    let is_of = |variant: &&Variant| variant.index.as_ref().is_some_and(|index| index.name.value == name);
    if let Some(variant) = variants.find(|variant| variant.name.value == name || is_of(variant)) {
        return Some(format!("variant {} index={}", quoted(&variant.name.value), quoted(&location)));
    }
    let mut line = format!("index {} url={}", quoted(name), quoted(&location));
    for flag in ["explicit", "default"] {
        if table.get(flag).and_then(Value::as_bool) == Some(true) {
            let _ = write!(line, " {flag}=#true");
        }
    }
    Some(line)
}
