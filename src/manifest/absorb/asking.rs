//! Requirements by hand: put into a list of `tasks.kdl`, or taken out of it, by splices.
//!
//! A list is that of the project, of an environment, of a variant, or what all variants of an axis share. One that has
//! the package for the same marker already gets the new text in its place, as with `uv add`. Nothing is believed here
//! either: whoever called reads and resolves the text.

use super::super::identity;
use super::super::words::quoted;
use super::placing::{find_list, node_at};
use super::writing::Writing;
use crate::config::{ConfigError, Outline, OutlineNode, outline};
use crate::model::{EnvironmentId, Kept, Model, Sources, normal};

/// A list of requirements in `tasks.kdl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum List {
    /// `dependencies`; of the project where no environment is named.
    Dependencies(Option<EnvironmentId>),
    /// An extra.
    Extra(Option<EnvironmentId>, String),
    /// A dependency group.
    Group(Option<EnvironmentId>, String),
    /// What a variant supplies, from its own index or from where the project's requirements come from.
    Variant {
        /// Its name.
        name: String,
        /// From its own index?
        from_index: bool,
    },
    /// What all variants of that axis supply.
    Axis(String),
}

impl List {
    /// The word of its nodes, and the name behind it.
    fn head(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Dependencies(_) | Self::Variant { .. } | Self::Axis(_) => ("dependencies", None),
            Self::Extra(_, name) => ("extra", Some(name)),
            Self::Group(_, name) => ("group", Some(name)),
        }
    }

    /// The environment whose own list it is.
    fn environment(&self) -> Option<EnvironmentId> {
        match self {
            Self::Dependencies(id) | Self::Extra(id, _) | Self::Group(id, _) => *id,
            Self::Variant { .. } | Self::Axis(_) => None,
        }
    }

    /// The options of `add` and `remove` that name it.
    #[must_use]
    pub(crate) fn options(&self, model: &Model) -> String {
        let mut options = match self {
            Self::Dependencies(_) => String::new(),
            Self::Extra(_, name) => format!("--extra {name}"),
            Self::Group(_, name) => format!("--group {name}"),
            Self::Variant { name, .. } | Self::Axis(name) => format!("--variant {name}"),
        };
        if let Some(id) = self.environment() {
            let blank = if options.is_empty() { "" } else { " " };
            options.extend([blank, "--environment ", &model.environment(id).name.value]);
        }
        options
    }

    /// What it is, for a reader.
    #[must_use]
    pub(crate) fn told(&self, model: &Model) -> String {
        let what = match self {
            Self::Dependencies(_) => "dependencies".to_owned(),
            Self::Extra(_, name) => format!("extra {name}"),
            Self::Group(_, name) => format!("group {name}"),
            Self::Variant { name, .. } => return format!("variant {name}"),
            Self::Axis(name) => return format!("all variants of {name}"),
        };
        match self.environment() {
            None => what,
            Some(id) => format!("{what} of {}", model.environment(id).name.value),
        }
    }
}

/// The text of `tasks.kdl` with these requirements in that list; every other byte is as it was. A group that no
/// environment has is given to those of the workspace, or to all where there is none.
///
/// # Errors
/// When the text that the model was read from is none.
pub(crate) fn with_requirements(
    model: &Model,
    list: &List,
    requirements: &[String],
) -> Result<String, ConfigError> {
    let outline = outline(&model.source)?;
    let mut asking =
        Asking { model, outline: &outline, writing: Writing::new(model.source.text(), &outline) };
    for text in requirements {
        asking.add(list, text);
    }
    if let List::Group(None, name) = list {
        asking.give_group(name);
    }
    Ok(asking.done())
}

/// The same without the requirements of these names; a name with a marker means the requirement for that marker alone.
/// Also the names that the list does not have.
///
/// # Errors
/// When the text that the model was read from is none.
pub(crate) fn without_requirements<'n>(
    model: &Model,
    list: &List,
    names: &'n [String],
) -> Result<(String, Vec<&'n str>), ConfigError> {
    let outline = outline(&model.source)?;
    let mut asking =
        Asking { model, outline: &outline, writing: Writing::new(model.source.text(), &outline) };
    let absent = names.iter().map(String::as_str).filter(|name| !asking.remove(list, name)).collect();
    Ok((asking.done(), absent))
}

/// The name of a requirement; `None`: it is none.
#[must_use]
pub(crate) fn requirement_name(text: &str) -> Option<String> {
    identity::split_name(text).map(|(name, _)| name.to_string())
}

/// The lists that ask for a package of that name.
///
/// # Errors
/// When the text that the model was read from is none.
pub(crate) fn lists_with(model: &Model, requirement: &str) -> Result<Vec<List>, ConfigError> {
    let outline = outline(&model.source)?;
    let writing = Writing::new(model.source.text(), &outline);
    let asking = Asking { model, outline: &outline, writing };
    let mut lists = all_lists(model);
    lists.retain(|list| !asking.found(list, requirement).is_empty());
    Ok(lists)
}

/// Takes the requirements of that name out of every list.
pub(super) fn ask_nowhere<'a>(
    model: &'a Model,
    outline: &'a Outline,
    writing: Writing<'a>,
    name: &str,
) -> Writing<'a> {
    let mut asking = Asking { model, outline, writing };
    for list in all_lists(model) {
        asking.remove(&list, name);
    }
    asking.writing
}

/// Every list that `tasks.kdl` may have.
fn all_lists(model: &Model) -> Vec<List> {
    let mut lists = Vec::new();
    let generated = model.environments().filter(|(_, one)| one.kept == Kept::Generated).map(|(id, _)| id);
    for place in std::iter::once(None).chain(generated.map(Some)) {
        lists.push(List::Dependencies(place));
        let of = |name: &String| name.clone();
        let environments = model.environments.iter().filter(|one| one.kept == Kept::Generated);
        for environment in environments {
            let extras = environment.settings.extras.iter().map(|one| of(&one.name.value));
            lists.extend(extras.map(|name| List::Extra(place, name)));
            let groups = environment.groups.iter().map(|one| of(&one.name.value));
            lists.extend(groups.map(|name| List::Group(place, name)));
        }
    }
    for axis in &model.axes {
        lists.push(List::Axis(axis.name.value.clone()));
        let of = |name: &String| List::Variant { name: name.clone(), from_index: true };
        lists.extend(axis.variants.iter().map(|variant| of(&variant.name.value)));
    }
    let mut seen: Vec<List> = Vec::new();
    for list in lists {
        if !seen.contains(&list) {
            seen.push(list);
        }
    }
    seen
}

/// Edits of one `tasks.kdl`.
struct Asking<'a> {
    model: &'a Model,
    outline: &'a Outline,
    writing: Writing<'a>,
}

impl<'a> Asking<'a> {
    fn done(self) -> String {
        // Arguments of lists, each touched once, and new nodes: none is in another's way.
        self.writing.done().unwrap_or_else(|| self.model.source.text().to_owned())
    }

    /// The node in whose block the list stands.
    fn around(&self, list: &List) -> Option<&'a OutlineNode> {
        let at = match list {
            List::Variant { name, .. } => {
                let mut variants = self.model.axes.iter().flat_map(|axis| &axis.variants);
                variants.find(|variant| variant.name.value == *name)?.span
            }
            List::Axis(name) => self.model.axes.iter().find(|axis| axis.name.value == *name)?.span,
            _ => match list.environment() {
                Some(id) => self.model.environment(id).span,
                None => self.model.project.as_ref()?.span,
            },
        };
        node_at(self.outline, at.offset())
    }

    /// The nodes of the list: it may have several.
    fn nodes(&self, list: &List) -> Vec<&'a OutlineNode> {
        let (word, name) = list.head();
        let is_one = |node: &&OutlineNode| {
            node.name == word && name.is_none_or(|name| node.first().map(normal) == Some(normal(name)))
        };
        self.around(list).map(|node| node.children().iter().filter(is_one).collect()).unwrap_or_default()
    }

    /// The texts that a list has, with their places.
    fn texts(&self, list: &List) -> Vec<(String, std::ops::Range<usize>)> {
        let named = usize::from(list.head().1.is_some());
        self.nodes(list).into_iter().flat_map(|node| node.arguments.iter().skip(named).cloned()).collect()
    }

    /// What the list has of that package; for one marker, where `requirement` has one.
    fn found(&self, list: &List, requirement: &str) -> Vec<(String, std::ops::Range<usize>)> {
        let Some(wanted) = identity::requirement(requirement) else { return Vec::new() };
        let mut found = self.texts(list);
        found.retain(|(text, _)| {
            let known = identity::requirement(text);
            known.is_some_and(|known| {
                known == wanted || (!wanted.contains(';') && identity::bare(&known) == wanted)
            })
        });
        found
    }

    fn add(&mut self, list: &List, text: &str) {
        let wanted = identity::requirement(text);
        let same = self.texts(list).into_iter().find(|(known, _)| identity::requirement(known) == wanted);
        if let Some((_, place)) = same {
            self.writing.replace(place, text);
            return;
        }
        for beside in self.replaced(list, text) {
            self.append(list, &beside);
        }
        self.append(list, text);
    }

    /// What the project asks of the package for other markers: an environment that asks for it itself has nothing of
    /// that but what it says, too.
    fn replaced(&self, list: &List, text: &str) -> Vec<String> {
        let Some(wanted) = identity::requirement(text) else { return Vec::new() };
        let bare = identity::bare(&wanted);
        let is_only = |node: &OutlineNode| {
            node.properties.iter().any(|(name, value, _)| name == "only" && value == "#true")
        };
        let shared = match list {
            List::Dependencies(Some(_)) => List::Dependencies(None),
            List::Extra(Some(_), name) => List::Extra(None, name.clone()),
            List::Group(Some(_), name) => List::Group(None, name.clone()),
            _ => return Vec::new(),
        };
        if self.nodes(list).into_iter().any(is_only) || !self.found(list, bare).is_empty() {
            return Vec::new();
        }
        let others = self.found(&shared, bare).into_iter().map(|(text, _)| text);
        others.filter(|text| identity::requirement(text).as_ref() != Some(&wanted)).collect()
    }

    /// Adds at the end of the list, which is made where it is not there.
    fn append(&mut self, list: &List, text: &str) {
        let (word, name) = list.head();
        let tail = match list {
            List::Variant { from_index: false, .. } => " from-index=#false",
            _ => "",
        };
        let is_foreign = |node: &&OutlineNode| node.properties.iter().any(|(_, value, _)| value == "#false");
        let fits = |node: &&OutlineNode| {
            !matches!(list, List::Variant { .. }) || is_foreign(node) != tail.is_empty()
        };
        if let Some(node) = self.nodes(list).into_iter().rfind(fits) {
            self.writing.append(node, text);
        } else {
            let head = name.map_or_else(|| word.to_owned(), |name| format!("{word} {}", quoted(name)));
            self.writing.make(self.around(list), &head, Some(text), tail);
        }
    }

    fn remove(&mut self, list: &List, name: &str) -> bool {
        let mut found = false;
        for (_, place) in self.found(list, name) {
            found |= self.writing.remove(place.start);
        }
        found
    }

    /// Makes environments have a group that none has.
    fn give_group(&mut self, group: &str) {
        let generated: Vec<_> =
            self.model.environments.iter().filter(|one| one.kept == Kept::Generated).collect();
        let has = |name: &str| normal(name) == normal(group);
        if generated.iter().any(|one| one.groups.iter().any(|known| has(&known.name.value))) {
            return;
        }
        let is_workspace = |one: &&&crate::model::Environment| one.sources == Sources::Workspace;
        let any = generated.iter().any(|one| is_workspace(&one));
        for environment in generated.iter().filter(|one| !any || is_workspace(one)) {
            let Some(node) = node_at(self.outline, environment.span.offset()) else { continue };
            match find_list(node, &["groups"]) {
                Some(groups) => self.writing.append(groups, group),
                None => self.writing.make(Some(node), "groups", Some(group), ""),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SourceFile;
    use crate::{config, model};

    const TASKS: &str = r#"project "a" { // c
    requires-python ">=3.10"; version "1"
    dependencies "tqdm>=4" "x ; sys_platform == 'linux'" // why
    dependencies "y" "x>=2; sys_platform == 'win32'"
    extra "fast"
    group "Dev" "ruff"
}
variants "cuda" {
    dependencies "torch>=2"
    variant "cu124" index="https://h/cu124" { dependencies "flash" from-index=#false }
    variant "cpu" index="https://h/cpu"
}
environment "dev" { manifest "pyproject.toml"; groups "dev" }
environment "docs" { manifest "docs/pyproject.toml"; sources "tags" channel="dev"; dependencies "z" only=#true }
"#;

    fn model(text: &str) -> Model {
        let config = config::parse(&SourceFile::new("tasks.kdl", text)).unwrap();
        model::resolve(config, &model::Found::default()).unwrap()
    }

    /// The lines that differ after requirements have come into a list.
    fn added(list: &List, requirements: &[&str]) -> Vec<String> {
        let requirements: Vec<String> = requirements.iter().map(ToString::to_string).collect();
        let text = with_requirements(&model(TASKS), list, &requirements).unwrap();
        model(&text);
        differing(&text)
    }

    fn differing(text: &str) -> Vec<String> {
        let known: Vec<&str> = TASKS.lines().collect();
        text.lines().filter(|line| !known.contains(line)).map(|line| line.trim().to_owned()).collect()
    }

    fn removed(list: &List, names: &[&str]) -> (Vec<String>, Vec<String>) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let (text, absent) = without_requirements(&model(TASKS), list, &names).unwrap();
        (differing(&text), absent.into_iter().map(str::to_owned).collect())
    }

    const DEV: Option<EnvironmentId> = Some(EnvironmentId(0));
    const DOCS: Option<EnvironmentId> = Some(EnvironmentId(1));

    #[test]
    #[expect(clippy::too_many_lines, reason = "one line for each kind of list")]
    fn a_requirement_comes_into_the_list_that_was_named() {
        let group = |environment, name: &str| List::Group(environment, name.to_owned());
        let extra = |environment, name: &str| List::Extra(environment, name.to_owned());
        let variant = |name: &str, from_index| List::Variant { name: name.to_owned(), from_index };
        let all = List::Dependencies(None);
        for (list, requirements, lines) in [
            (
                &all,
                &["n>=1", "m"][..],
                &[r#"dependencies "y" "x>=2; sys_platform == 'win32'" "n>=1" "m""#][..],
            ),
            (&all, &["Tqdm==5"], &[r#"dependencies "Tqdm==5" "x ; sys_platform == 'linux'" // why"#]),
            (
                &all,
                &["x>1;sys_platform == \"linux\""],
                &[r#"dependencies "tqdm>=4" "x>1;sys_platform == \"linux\"" // why"#],
            ),
            (
                &all,
                &["x>1;sys_platform=='linux'"],
                &[r#"dependencies "tqdm>=4" "x>1;sys_platform=='linux'" // why"#],
            ),
            (
                &List::Dependencies(DEV),
                &["n"],
                &[r#"environment "dev" { manifest "pyproject.toml"; groups "dev"; dependencies "n" }"#],
            ),
            (
                &List::Dependencies(DEV),
                &["x==3 ; sys_platform == 'win32'"],
                &[
                    r#"environment "dev" { manifest "pyproject.toml"; groups "dev"; dependencies "x ; sys_platform == 'linux'" "x==3 ; sys_platform == 'win32'" }"#,
                ],
            ),
            (
                &List::Dependencies(DOCS),
                &["x"],
                &[
                    r#"environment "docs" { manifest "docs/pyproject.toml"; sources "tags" channel="dev"; dependencies "z" "x" only=#true }"#,
                ],
            ),
            (&extra(None, "Fast"), &["n"], &[r#"extra "fast" "n""#]),
            (
                &extra(DOCS, "new"),
                &["n"],
                &[
                    r#"environment "docs" { manifest "docs/pyproject.toml"; sources "tags" channel="dev"; dependencies "z" only=#true; extra "new" "n" }"#,
                ],
            ),
            (&group(None, "dev"), &["n"], &[r#"group "Dev" "ruff" "n""#]),
            (
                &group(None, "lint"),
                &["n"],
                &[
                    r#"group "lint" "n""#,
                    r#"environment "dev" { manifest "pyproject.toml"; groups "dev" "lint" }"#,
                ],
            ),
            (&variant("cpu", true), &["n"], &[r#"variant "cpu" index="https://h/cpu" { dependencies "n" }"#]),
            (
                &variant("cu124", true),
                &["n"],
                &[
                    r#"variant "cu124" index="https://h/cu124" { dependencies "flash" from-index=#false; dependencies "n" }"#,
                ],
            ),
            (
                &variant("cu124", false),
                &["n"],
                &[
                    r#"variant "cu124" index="https://h/cu124" { dependencies "flash" "n" from-index=#false }"#,
                ],
            ),
            (&List::Axis("cuda".to_owned()), &["torch>=3", "n"], &[r#"dependencies "torch>=3" "n""#]),
        ] {
            assert_eq!(added(list, requirements), lines, "{list:?}");
        }
    }

    #[test]
    fn a_requirement_goes_out_of_that_list_alone() {
        let all = List::Dependencies(None);
        assert_eq!(
            removed(&all, &["TQDM", "no"]),
            (vec![r#"dependencies "x ; sys_platform == 'linux'" // why"#.to_owned()], vec!["no".to_owned()])
        );
        assert_eq!(removed(&all, &["x"]).0, [r#"dependencies "tqdm>=4" // why"#, r#"dependencies "y""#]);
        assert_eq!(removed(&all, &["x ; sys_platform == 'win32'"]).0, [r#"dependencies "y""#]);
        assert_eq!(removed(&List::Group(None, "dev".to_owned()), &["ruff"]).0, [r#"group "Dev""#]);
        let axis = List::Axis("cuda".to_owned());
        let variant = List::Variant { name: "cu124".to_owned(), from_index: true };
        assert_eq!(removed(&axis, &["torch"]), (Vec::new(), Vec::new()));
        assert_eq!(removed(&variant, &["flash"]).0, [r#"variant "cu124" index="https://h/cu124" { }"#]);
        let model = model(TASKS);
        let options = |name: &str| {
            lists_with(&model, name).unwrap().iter().map(|list| list.options(&model)).collect::<Vec<_>>()
        };
        assert_eq!(options("torch"), ["--variant cuda"]);
        assert_eq!(options("flash"), ["--variant cu124"]);
        assert_eq!(options("z"), ["--environment docs"]);
        assert_eq!(options("ruff"), ["--group Dev"]);
    }
}
