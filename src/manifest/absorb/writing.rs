//! Splices in `tasks.kdl`.
//!
//! Comes in: the text with its outline, and what is to be written where. Goes out: the text with that, every other byte
//! as it was. New lines have the indentation and the line end of their neighbours; what goes from a line of its own
//! takes the line and the comment on it. kdl's own printing is not used: it does not follow edits, or deletes comments.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::super::sequence::{Splice, indent, line_end, line_start, newline, next_line, spliced};
use super::super::words::quoted;
use crate::config::{Outline, OutlineNode};

/// Edits of one text, collected.
pub(super) struct Writing<'t> {
    text: &'t str,
    outline: &'t Outline,
    replaced: BTreeMap<usize, Splice>,
    /// By the starts of their nodes.
    lists: BTreeMap<usize, List<'t>>,
    /// Nodes that go as a whole, by their starts.
    dropped: BTreeMap<usize, &'t OutlineNode>,
    fresh: Vec<Fresh>,
}

/// Arguments of one node that come and go.
struct List<'t> {
    node: &'t OutlineNode,
    removed: BTreeSet<usize>,
    added: Vec<String>,
}

/// A node to be made.
struct Fresh {
    /// The start of the node in whose block it comes; `None`: the top.
    parent: Option<usize>,
    head: String,
    arguments: Vec<String>,
    tail: &'static str,
}

impl Fresh {
    fn line(&self) -> String {
        format!("{}{}{}", self.head, spaced(&self.arguments), self.tail)
    }
}

impl<'t> Writing<'t> {
    pub(super) fn new(text: &'t str, outline: &'t Outline) -> Self {
        Self {
            text,
            outline,
            replaced: BTreeMap::new(),
            lists: BTreeMap::new(),
            dropped: BTreeMap::new(),
            fresh: Vec::new(),
        }
    }

    /// Puts another text where a value stands.
    pub(super) fn replace(&mut self, place: Range<usize>, text: &str) {
        self.put(place, quoted(text));
    }

    /// Puts words where others stand.
    pub(super) fn put(&mut self, place: Range<usize>, text: String) {
        self.replaced.insert(place.start, Splice { range: place, text });
    }

    /// Adds an argument to a node; one that is added already is not added again.
    pub(super) fn append(&mut self, node: &'t OutlineNode, text: &str) {
        let list = self.list(node);
        if !list.added.iter().any(|known| known == text) {
            list.added.push(text.to_owned());
        }
    }

    /// Takes the argument at that byte away; says whether there is one.
    pub(super) fn remove(&mut self, at: usize) -> bool {
        let Some(node) = self.outline.around(at).last().copied() else { return false };
        self.remove_from(node, at)
    }

    /// Takes the argument of a node that begins at that byte away; says whether there is one.
    pub(super) fn remove_from(&mut self, node: &'t OutlineNode, at: usize) -> bool {
        let Some(place) = node.arguments.iter().position(|(_, place)| place.start == at) else {
            return false;
        };
        self.list(node).removed.insert(place);
        true
    }

    /// Takes a node away, with all that it has.
    pub(super) fn drop(&mut self, node: &'t OutlineNode) {
        self.dropped.insert(node.span.start, node);
    }

    /// Does a node go as a whole?
    pub(super) fn is_dropped(&self, node: &OutlineNode) -> bool {
        self.dropped.contains_key(&node.span.start)
    }

    /// Makes a node in a block, behind those of that name; a head that is made there already gets the argument.
    pub(super) fn make(
        &mut self,
        parent: Option<&OutlineNode>,
        head: &str,
        argument: Option<&str>,
        tail: &'static str,
    ) {
        let parent = parent.map(|node| node.span.start);
        let known = self
            .fresh
            .iter_mut()
            .find(|one| (one.parent, one.head.as_str(), one.tail) == (parent, head, tail));
        match (known, argument) {
            (Some(known), Some(text)) if !known.arguments.iter().any(|one| one == text) => {
                known.arguments.push(text.to_owned());
            }
            (Some(_), _) => {}
            (None, _) => self.fresh.push(Fresh {
                parent,
                head: head.to_owned(),
                arguments: argument.into_iter().map(str::to_owned).collect(),
                tail,
            }),
        }
    }

    fn list(&mut self, node: &'t OutlineNode) -> &mut List<'t> {
        let new = || List { node, removed: BTreeSet::new(), added: Vec::new() };
        self.lists.entry(node.span.start).or_insert_with(new)
    }

    /// The text with all of it; `None` where two edits are in each other's way.
    pub(super) fn done(mut self) -> Option<String> {
        let mut splices: Vec<Splice> = std::mem::take(&mut self.replaced).into_values().collect();
        for list in std::mem::take(&mut self.lists).into_values() {
            if is_emptied(&list) {
                self.drop(list.node);
            } else if !self.is_dropped(list.node) {
                splices.extend(self.arguments(&list));
            }
        }
        let mut parents: Vec<Option<usize>> = self.fresh.iter().map(|fresh| fresh.parent).collect();
        parents.dedup();
        let mut seen = BTreeSet::new();
        for parent in parents.into_iter().filter(|parent| seen.insert(*parent)) {
            splices.extend(self.nodes(parent));
        }
        splices.extend(self.without_nodes());
        splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
        let apart = splices.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start);
        apart.then(|| spliced(self.text, splices))
    }

    fn arguments(&self, list: &List<'_>) -> Vec<Splice> {
        let node = list.node;
        let mut splices: Vec<Splice> = list
            .removed
            .iter()
            .map(|&at| {
                let place = &node.arguments[at].1;
                Splice { range: self.after_previous(node, place)..place.end, text: String::new() }
            })
            .collect();
        let end = node.arguments.last().map_or(node.named.end, |(_, place)| place.end);
        let text = spaced(&list.added);
        if !text.is_empty() {
            splices.push(Splice { range: end..end, text });
        }
        splices
    }

    /// Where what stands before an argument ends; a comment between them stays.
    fn after_previous(&self, node: &OutlineNode, place: &Range<usize>) -> usize {
        let ends = node.arguments.iter().map(|(_, place)| place.end);
        let ends = ends.chain(node.properties.iter().map(|(_, _, place)| place.end));
        let previous =
            ends.chain([node.named.end]).filter(|end| *end <= place.start).max().unwrap_or(place.start);
        let between = &self.text[previous..place.start];
        if ["//", "/*", "/-"].iter().any(|sign| between.contains(sign)) {
            let blanks = self.text[previous..place.start].trim_end_matches([' ', '\t']).len();
            return previous + blanks;
        }
        previous
    }

    /// What goes with the nodes that go; those beside each other on a line go as one.
    fn without_nodes(&self) -> Vec<Splice> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        for node in self.dropped.values() {
            let between =
                |last: &Range<usize>| self.text[last.end..node.span.start].trim_matches([' ', '\t']);
            match spans.last_mut().filter(|last| between(last) == ";") {
                Some(last) => last.end = node.span.end,
                None => spans.push(node.span.clone()),
            }
        }
        spans.into_iter().map(|span| self.without(&span)).collect()
    }

    /// What a node takes with it when it goes.
    fn without(&self, span: &Range<usize>) -> Splice {
        let (text, plain) = (self.text, &self.outline.plain);
        let start = line_start(text, span.start);
        let end = line_end(plain, span.end);
        let alone = text[start..span.start].trim().is_empty() && plain[span.end..end].trim().is_empty();
        let range = if alone {
            start..next_line(text, span.end)
        } else if let Some(behind) = plain[span.end..end].trim_start_matches([' ', '\t']).strip_prefix(';') {
            let behind = behind.trim_start_matches([' ', '\t']);
            span.start..end - behind.len()
        } else {
            let before = plain[start..span.start].trim_end_matches([' ', '\t']);
            let before = before.strip_suffix(';').unwrap_or(before);
            start + before.len()..span.end
        };
        Splice { range, text: String::new() }
    }

    /// The new nodes of one block. One that would stand behind a node that goes takes its place.
    fn nodes(&mut self, parent: Option<usize>) -> Vec<Splice> {
        let (fresh, others): (Vec<Fresh>, Vec<Fresh>) =
            std::mem::take(&mut self.fresh).into_iter().partition(|fresh| fresh.parent == parent);
        self.fresh = others;
        let around = parent.and_then(|at| self.outline.around(at).last().copied());
        let siblings = match around {
            None => self.outline.nodes.as_slice(),
            Some(node) => node.children(),
        };
        if siblings.is_empty() {
            let lines: Vec<String> = fresh.iter().map(Fresh::line).collect();
            return vec![self.first(around, &lines)];
        }
        fresh
            .iter()
            .filter_map(|fresh| -> Option<Splice> {
                let of_name = |node: &&OutlineNode| fresh.head.split(' ').next() == Some(node.name.as_str());
                let project = siblings.iter().find(|node| parent.is_none() && node.name == "project");
                let sibling = siblings.iter().rfind(of_name).or(project).or_else(|| siblings.last())?;
                if self.dropped.remove(&sibling.span.start).is_some() {
                    return Some(Splice { range: sibling.span.clone(), text: fresh.line() });
                }
                Some(self.behind(sibling, &fresh.line()))
            })
            .collect()
    }

    /// The first nodes of a block that is empty, or not there.
    fn first(&self, node: Option<&OutlineNode>, lines: &[String]) -> Splice {
        let newline = newline(self.text);
        let Some(node) = node else {
            let text: String = lines.iter().flat_map(|line| [line, newline]).collect();
            return Splice { range: self.text.len()..self.text.len(), text };
        };
        let own = indent(self.text, node.span.start);
        let rows: String = lines.iter().flat_map(|line| [newline, own, "    ", line]).collect();
        match &node.block {
            Some((inner, _)) if self.text[inner.clone()].contains('\n') => {
                Splice { range: inner.start..inner.start, text: rows }
            }
            Some((inner, _)) => {
                Splice { range: inner.start..inner.start, text: format!(" {} ", lines.join("; ")) }
            }
            None if node.name == "variant" => {
                let text = format!(" {{ {} }}", lines.join("; "));
                Splice { range: node.head.end..node.head.end, text }
            }
            None => {
                let text = format!(" {{{rows}{newline}{own}}}");
                Splice { range: node.head.end..node.head.end, text }
            }
        }
    }

    /// A node behind another one.
    fn behind(&self, sibling: &OutlineNode, line: &str) -> Splice {
        let (text, plain) = (self.text, &self.outline.plain);
        let end = sibling.span.end;
        let rest = &plain[end..line_end(plain, end)];
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let first = text[line_start(text, sibling.span.start)..sibling.span.start].trim().is_empty();
        if first && (rest.trim().is_empty() || rest.trim() == ";") {
            let own = indent(text, sibling.span.start);
            let newline = newline(text);
            let at = next_line(text, end);
            return if text[..at].ends_with('\n') {
                Splice { range: at..at, text: format!("{own}{line}{newline}") }
            } else {
                Splice { range: at..at, text: format!("{newline}{own}{line}") }
            };
        }
        if rest[blanks..].starts_with(';') {
            let at = end + blanks + 1;
            return Splice { range: at..at, text: format!(" {line};") };
        }
        Splice { range: end..end, text: format!("; {line}") }
    }
}

/// Is there nothing for which the node would stay? `packages` without names means none, and its absence all.
fn is_emptied(list: &List<'_>) -> bool {
    let node = list.node;
    let says_more = matches!(node.name.as_str(), "extra" | "group" | "packages");
    let is_bare = node.properties.iter().all(|(name, ..)| name == "from-index") && node.block.is_none();
    !says_more && is_bare && list.added.is_empty() && list.removed.len() == node.arguments.len()
}

/// Texts as arguments.
pub(super) fn spaced<'t>(texts: impl IntoIterator<Item = &'t String>) -> String {
    texts.into_iter().flat_map(|text| [" ".to_owned(), quoted(text)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SourceFile;
    use crate::config::outline;

    fn written(text: &str, edit: impl FnOnce(&mut Writing<'_>)) -> String {
        let outline = outline(&SourceFile::new("tasks.kdl", text)).unwrap();
        let mut writing = Writing::new(text, &outline);
        edit(&mut writing);
        writing.done().unwrap()
    }

    fn removed(text: &str, what: &str) -> String {
        written(text, |writing| assert!(writing.remove(text.find(what).unwrap())))
    }

    #[test]
    fn an_argument_takes_what_is_before_it_along() {
        for (before, after) in [
            ("a {\n  dependencies \"x\" \"y\" // c\n}", "a {\n  dependencies \"x\" // c\n}"),
            ("dependencies \"x\" \\\n  \"y\" \\\n  \"z\"\n", "dependencies \"x\" \\\n  \"z\"\n"),
            ("dependencies \"x\" /* c */ \"y\"\n", "dependencies \"x\" /* c */\n"),
            ("group \"dev\" \"y\" // c\r\nuv \"1\"\r\n", "group \"dev\" // c\r\nuv \"1\"\r\n"),
        ] {
            assert_eq!(removed(before, "\"y\""), after);
        }
    }

    #[test]
    fn a_node_that_is_empty_goes_with_its_line() {
        for (before, after) in [
            ("a {\r\n  dependencies \"y\" // c\r\n  b 1\r\n}\r\n", "a {\r\n  b 1\r\n}\r\n"),
            ("a { b 1; dependencies \"y\" }", "a { b 1 }"),
            ("a { dependencies \"y\"; b 1 }", "a { b 1 }"),
            ("a { dependencies \"y\" }", "a { }"),
            ("a {\n  dependencies \"y\" only=#true\n}", "a {\n  dependencies only=#true\n}"),
            ("a {\n  dependencies \"y\" from-index=#false // c\n  b 1\n}", "a {\n  b 1\n}"),
            ("a { packages \"y\"; b 1 }", "a { packages; b 1 }"),
        ] {
            assert_eq!(removed(before, "\"y\""), after);
        }
    }

    #[test]
    fn nodes_that_go_take_their_lines_or_separators_along() {
        for (before, after) in [
            ("a {\n  x 1\n  y 2 // c\n  b 1\n}", "a {\n  b 1\n}"),
            ("a { b 1; x 1; y 2 }", "a { b 1 }"),
            ("a { x 1; b 1; y 2 }", "a { b 1 }"),
            ("a { x 1 ; y 2; b 1 }", "a { b 1 }"),
        ] {
            let outline = outline(&SourceFile::new("tasks.kdl", before)).unwrap();
            let mut writing = Writing::new(before, &outline);
            for node in outline.nodes[0].children().iter().filter(|node| node.name != "b") {
                writing.drop(node);
            }
            assert_eq!(writing.done().unwrap(), after);
        }
    }

    #[test]
    fn a_node_may_take_the_place_of_one_that_goes() {
        for (before, after) in [
            ("a { b 1; x \"y\" }", "a { b 1; x \"n\"; x \"m\" }"),
            ("a { x \"y\"; b 1 }", "a { x \"n\"; x \"m\"; b 1 }"),
            ("a {\n  x \"y\" // c\n}", "a {\n  x \"n\" // c\n  x \"m\"\n}"),
        ] {
            let outline = outline(&SourceFile::new("tasks.kdl", before)).unwrap();
            let mut writing = Writing::new(before, &outline);
            let node = outline.nodes[0].children().iter().find(|node| node.name == "x").unwrap();
            writing.drop(node);
            writing.make(Some(&outline.nodes[0]), "x \"n\"", None, "");
            writing.make(Some(&outline.nodes[0]), "x \"m\"", None, "");
            assert_eq!(writing.done().unwrap(), after);
        }
    }

    #[test]
    fn a_node_follows_the_layout_it_meets() {
        for (before, after) in [
            ("a {\r\n\tb 1 // c\r\n}\r\n", "a {\r\n\tb 1 // c\r\n\tx \"n\"\r\n}\r\n"),
            ("a { b 1; c 2 }", "a { b 1; c 2; x \"n\" }"),
            ("a { b 1; }", "a { b 1; x \"n\"; }"),
            ("a {\n  b 1; c 2\n}", "a {\n  b 1; c 2; x \"n\"\n}"),
            ("a \"é\"", "a \"é\" {\n    x \"n\"\n}"),
            ("a {\n}", "a {\n    x \"n\"\n}"),
            ("a { }", "a { x \"n\"  }"),
            ("a {\n  x 1\n  b {\n    c 1\n  }\n}", "a {\n  x 1\n  x \"n\"\n  b {\n    c 1\n  }\n}"),
            ("a {\n  b {\n    c 1\n  } // d\n}", "a {\n  b {\n    c 1\n  } // d\n  x \"n\"\n}"),
        ] {
            let outline = outline(&SourceFile::new("tasks.kdl", before)).unwrap();
            let mut writing = Writing::new(before, &outline);
            writing.make(Some(&outline.nodes[0]), "x", Some("n"), "");
            assert_eq!(writing.done().unwrap(), after);
        }
    }

    #[test]
    fn a_node_at_the_top_comes_behind_its_like() {
        let text = "package \"a\"\nindex \"b\" url=\"c\"";
        let made = |word: &str| {
            written(text, |writing| {
                writing.make(None, &format!("{word} \"n\""), None, "");
                writing.make(None, &format!("{word} \"m\""), None, "");
            })
        };
        assert_eq!(made("package"), "package \"a\"\npackage \"n\"\npackage \"m\"\nindex \"b\" url=\"c\"");
        assert_eq!(made("other"), "package \"a\"\nindex \"b\" url=\"c\"\nother \"n\"\nother \"m\"");
    }
}
