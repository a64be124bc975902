//! Which entries a manifest may lack, or have otherwise, and be described by `tasks.kdl` all the same.

use crate::base::counted;
use crate::manifest::Unlike;
use crate::model::PackageName;

use super::draft::Draft;

/// The first entry that must be as `tasks.kdl` has it and is not; `None`: the rest can be left out.
#[must_use]
pub(crate) fn must_hold(draft: &Draft, is_frozen: bool, unlike: &[Unlike]) -> Option<String> {
    let hard: Vec<&Unlike> = unlike.iter().filter(|entry| !may_differ(draft, is_frozen, entry)).collect();
    let (first, others) = hard.split_first()?;
    let (path, asked) = (&first.path, &first.asked);
    let more = match others.len() {
        0 => String::new(),
        several => format!("; so with {} more", counted(several, "entry", "entries")),
    };
    Some(match &first.found {
        None => format!("it has no {path}, and would get {asked}{more}"),
        Some(found) => format!("its {path} is {found}, and would become {asked}{more}"),
    })
}

fn may_differ(draft: &Draft, is_frozen: bool, entry: &Unlike) -> bool {
    let keys: Vec<&str> = entry.keys.iter().map(String::as_str).collect();
    let is_internal = |name: &str| PackageName::parse(name).is_ok_and(|name| draft.is_package(&name));
    match keys.as_slice() {
        // Internal packages stand there by their bare name; a range beside it means nothing to uv.
        ["project", "dependencies"] => entry.element.as_deref().is_some_and(is_internal),
        // What a variant asks for is one text for all environments; theirs may be narrower.
        ["project", "optional-dependencies", extra] => draft.is_variant(extra) && entry.found.is_some(),
        // Spelt in another way: those of one project have one normal form.
        ["project", "name"] => entry.found.is_some(),
        // Without its conflict set a variant would be no more than an extra.
        ["project" | "dependency-groups", ..] | ["tool", "uv", "environments" | "conflicts"] => false,
        ["tool", "uv", "sources", name] if is_internal(name) => !is_frozen,
        // A variant's packages come from its index; in another order, or with markers, they do too.
        ["tool", "uv", "sources", _] => entry.found.is_some(),
        ["tool", "uv", ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Digest;

    #[test]
    fn what_must_hold_is_said_with_both_values() {
        let entry = |keys: &[&str], asked: &str, found: Option<&str>| Unlike {
            path: keys.join("."),
            keys: keys.iter().map(|&key| key.to_owned()).collect(),
            element: None,
            asked: asked.to_owned(),
            found: found.map(str::to_owned),
            left_out: (keys.join("."), Digest::of("")),
        };
        let version = entry(&["project", "version"], "\"2\"", Some("\"1\""));
        let extra = entry(&["project", "optional-dependencies", "a"], "[]", None);
        let free = entry(&["tool", "uv", "package"], "false", None);
        let said = |unlike: &[&Unlike]| {
            let unlike: Vec<Unlike> = unlike.iter().map(|&one| one.clone()).collect();
            must_hold(&Draft::default(), false, &unlike).unwrap_or_default()
        };
        let all = [said(&[&free]), said(&[&version]), said(&[&free, &extra, &version])].join("\n");
        insta::assert_snapshot!(all, @r#"

        its project.version is "1", and would become "2"
        it has no project.optional-dependencies.a, and would get []; so with 1 entry more
        "#);
    }
}
