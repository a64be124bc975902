//! Names for the manifests that are adopted, and the patterns that many of them fit.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Decision, Refused, Survey};
use super::kdl::Node;
use crate::base::RelPath;

/// Words that no environment can have as its name.
const TAKEN: [&str; 4] = ["all", "auto", "none", "default"];

/// The adopted environments of a draft.
#[derive(Default)]
pub(super) struct Adopted {
    /// Those that are named one by one.
    pub(super) environments: Vec<(Node, Vec<RelPath>)>,
    /// Those that are not, by pattern.
    pub(super) projects: Vec<(Node, Vec<RelPath>)>,
    /// The name of each.
    pub(super) names: Vec<(String, RelPath)>,
    /// What a reader should know.
    pub(super) decisions: Vec<Decision>,
}

impl Adopted {
    /// Adopts manifests. `why` says for some of them why they are not described, `taken` which names are in use.
    pub(super) fn of(
        survey: &Survey,
        manifests: &[&RelPath],
        (why, refused): (&BTreeMap<RelPath, String>, &Refused),
        taken: &BTreeSet<String>,
    ) -> Self {
        let mut natural: BTreeMap<String, Vec<&RelPath>> = BTreeMap::new();
        for path in manifests {
            natural.entry(word(path.parent().file_name())).or_default().push(path);
        }
        let is_plain = |path: &RelPath| {
            let name = word(path.parent().file_name());
            let free = !taken.contains(&name) && natural[&name].len() == 1;
            free && fits(&name) && !why.contains_key(path) && !refused.alone.contains(path)
        };
        let mut beside: BTreeMap<RelPath, Vec<&RelPath>> = BTreeMap::new();
        for path in manifests.iter().filter(|path| !path.parent().is_root() && is_plain(path)) {
            beside.entry(path.parent().parent()).or_default().push(path);
        }
        beside.retain(|parent, paths| paths.len() > 1 && is_plain_text(parent.as_str()));
        let mut adopted = Self::default();
        for (parent, paths) in &beside {
            adopted.pattern((survey, refused), parent, paths);
        }
        let mut names: BTreeSet<String> = taken.clone();
        names.extend(adopted.names.iter().map(|(name, _)| name.clone()));
        for (name, paths) in natural.iter().filter(|(_, paths)| paths.len() > 1) {
            let places: Vec<String> = paths.iter().map(ToString::to_string).collect();
            let text = format!(
                "{} would all be called `{name}`: each is called by its whole path",
                places.join(", ")
            );
            adopted.decisions.push(Decision { manifest: None, text });
        }
        let others = manifests.iter().filter(|path| !why.contains_key(**path)).count();
        if others > 0 {
            let text = match (taken.is_empty(), why.is_empty()) {
                (true, true) => {
                    "adopted: tasks.kdl describes one project, of several environments or at the root, and there is none"
                }
                (true, false) => {
                    "adopted: all, since the one project that tasks.kdl would describe cannot be described"
                }
                (false, _) => "adopted: all that is not of the one project that tasks.kdl describes",
            };
            adopted.decisions.push(Decision { manifest: None, text: text.to_owned() });
        }
        let listed: BTreeSet<&RelPath> = beside.values().flatten().copied().collect();
        for path in manifests.iter().filter(|path| !listed.contains(*path)) {
            adopted.one(path, &natural, why.get(*path), &mut names);
        }
        adopted
    }

    fn pattern(&mut self, (survey, refused): (&Survey, &Refused), parent: &RelPath, paths: &[&RelPath]) {
        let pattern = if parent.is_root() { "*".to_owned() } else { format!("{parent}/*") };
        let mut node = Node::new("projects").argument(&pattern);
        let beside = survey
            .left
            .keys()
            .chain(refused.adopted.keys())
            .map(RelPath::parent)
            .filter(|place| place.parent() == *parent);
        let except: Vec<String> =
            beside.filter(|place| !place.is_root()).map(|place| place.to_string()).collect();
        if !except.is_empty() {
            node = node.property("except", &except.join(" "));
        }
        self.projects.push((node, paths.iter().map(|path| (*path).clone()).collect()));
        self.names.extend(paths.iter().map(|path| (word(path.parent().file_name()), (*path).clone())));
    }

    fn one(
        &mut self,
        path: &RelPath,
        natural: &BTreeMap<String, Vec<&RelPath>>,
        why: Option<&String>,
        names: &mut BTreeSet<String>,
    ) {
        let place = path.parent();
        let short = if place.is_root() { "dev".to_owned() } else { word(place.file_name()) };
        let is_alone = natural.get(&word(place.file_name())).is_none_or(|paths| paths.len() == 1);
        let long = word(&place.as_str().replace('/', "-"));
        let candidates = [Some(short).filter(|_| is_alone), Some(long.clone())];
        let mut free = candidates.into_iter().flatten().filter(|name| fits(name) && !names.contains(name));
        let name = free.next().unwrap_or_else(|| numbered(&long, names));
        let mut node = Node::new("environment").argument(&name);
        if let Some(why) = why {
            node = node.comment(&format!("adopted: {why}"));
            self.decisions.push(Decision { manifest: Some(path.clone()), text: format!("adopted: {why}") });
        }
        let manifest = Node::new("manifest").argument(path.as_str());
        self.environments.push((node.child(manifest).child(Node::new("adopt")), vec![path.clone()]));
        names.insert(name.clone());
        self.names.push((name, path.clone()));
    }
}

/// The name that `projects` would give a directory.
pub(super) fn word(text: &str) -> String {
    let letter = |letter: char| match letter {
        letter if letter.is_ascii_alphanumeric() => letter.to_ascii_lowercase(),
        '_' => '_',
        _ => '-',
    };
    text.chars().map(letter).collect::<String>().trim_matches(['-', '_']).to_owned()
}

fn fits(name: &str) -> bool {
    !name.is_empty() && name.len() <= 60 && !TAKEN.contains(&name)
}

fn numbered(name: &str, names: &BTreeSet<String>) -> String {
    let base: String = if name.is_empty() { "project".to_owned() } else { name.chars().take(50).collect() };
    let all = (1..).map(|number| format!("{base}-{number}"));
    all.into_iter().find(|name| !names.contains(name)).expect("there are more numbers than names")
}

/// Neither a pattern nor several words.
fn is_plain_text(text: &str) -> bool {
    !text.contains(['*', '?', '[', ']', '{', '}', '!', ' ', ',', '\t'])
}
