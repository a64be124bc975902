//! `package` nodes, and indexes.

use std::collections::BTreeMap;

use miette::SourceSpan;

use super::super::error::ModelFinding;
use super::super::name::PackageName;
use super::super::package::{Package, TagForm};
use super::super::pin_error::PinFinding;
use super::super::tag::parse_form;
use super::super::url::{check_index, check_remote};
use super::super::variant::{Index, IndexLocation};
use super::{ONE_NAME, Resolver, Thing};
use crate::base::{RelPath, Spanned, brief, credentials};
use crate::config::{IndexNode, PackageNode, Role};

/// Why `a` and `A` are one path.
const ONE_PLACE: &str =
    "two packages cannot lie in one directory, nor in two that some file systems take for one";

impl Resolver {
    /// Packages; `project` is the name of what they belong to.
    pub(super) fn packages(&mut self, nodes: &[PackageNode], project: Option<&PackageName>) -> Vec<Package> {
        let mut names = BTreeMap::new();
        let mut paths = BTreeMap::new();
        let mut packages = Vec::new();
        for node in nodes {
            let Some(package) = self.package(node) else {
                continue;
            };
            if let Some(path) = &package.path {
                let text = Spanned::new(path.value.to_string(), path.span);
                let thing = Thing::new("the path", &text).because(ONE_PLACE);
                self.once(&mut paths, path.value.as_str().to_lowercase(), &thing);
            }
            if project == Some(&package.name.value) {
                let (what, name, by) = ("a package", brief(&node.name.value), "the project's name");
                self.report(ModelFinding::ReservedName { what, name, by, span: node.name.span });
            }
            let thing = Thing::new("package", &node.name).because(ONE_NAME);
            if self.once(&mut names, package.name.value.clone(), &thing) {
                packages.push(package);
            }
        }
        packages
    }

    fn package(&mut self, node: &PackageNode) -> Option<Package> {
        let before = self.findings.len();
        let name = self.package_name("a package", &node.name);
        let path = node.path.as_ref().and_then(|path| self.package_path(path));
        let git = node.git.as_ref().and_then(|git| self.remote(git));
        self.check_place(node);
        if self.findings.len() > before {
            self.misplaced.push(node.span);
        }
        let subdirectory = node.subdirectory.as_ref().and_then(|path| self.path(path)).map(|path| path.value);
        let tag_form = node.tag.as_ref().map_or(TagForm::Plain, |tag| self.tag_form(tag));
        let extras = node.extras.as_ref().map(|extras| self.list(extras)).unwrap_or_default();
        for extra in &extras {
            self.package_name("an extra", extra);
        }
        Some(Package {
            name: Spanned::new(name?, node.name.span),
            path,
            git,
            subdirectory: subdirectory.unwrap_or_else(RelPath::root),
            role: node.role,
            extras: extras.into_iter().map(|extra| extra.value).collect(),
            tag_form,
            span: node.span,
        })
    }

    /// A package lies somewhere: in the repository, or at a remote.
    fn check_place(&mut self, node: &PackageNode) {
        let package = brief(&node.name.value);
        if node.path.is_none() && (node.role != Role::Dependency || node.git.is_none()) {
            let (property, reason) = match node.role {
                Role::Dependency => ("path", "or `git=`".to_owned()),
                Role::Member => ("path", "to be a member of the workspace".to_owned()),
                Role::Path => ("path", "to be a path source".to_owned()),
            };
            self.report(ModelFinding::MissingPlace { package, property, reason, span: node.name.span });
        }
    }

    fn package_path(&mut self, text: &Spanned<String>) -> Option<Spanned<RelPath>> {
        let path = self.path(text)?;
        let reason = if path.value.is_root() {
            "it is the repository itself"
        } else if path.value.as_str().contains(['*', '?', '[', ']', '{', '}', '!']) {
            "uv would read it as a pattern"
        } else {
            return Some(path);
        };
        self.invalid_path(text, reason.to_owned());
        None
    }

    fn remote(&mut self, url: &Spanned<String>) -> Option<Spanned<String>> {
        match check_remote(&url.value) {
            Ok(()) => Some(url.clone()),
            Err(fault) => {
                self.url_fault("a remote", url, fault);
                None
            }
        }
    }

    fn tag_form(&mut self, text: &Spanned<String>) -> TagForm {
        parse_form(&text.value).unwrap_or_else(|reason| {
            self.report(
                PinFinding::InvalidTagForm { form: brief(&text.value), reason, span: text.span }.into(),
            );
            TagForm::Plain
        })
    }

    /// Indexes; `names` holds those of variants already.
    pub(super) fn indexes(
        &mut self,
        nodes: &[IndexNode],
        names: &mut BTreeMap<PackageName, SourceSpan>,
    ) -> Vec<Index> {
        let mut defaults = BTreeMap::new();
        let mut indexes = Vec::new();
        for node in nodes {
            let name = self.package_name("an index", &node.name);
            if node.default {
                let thing = Thing::new("a default index", &node.name).because("one index can be the default");
                self.once(&mut defaults, (), &thing);
            }
            let location = self.index_location(&node.url);
            let (Some(name), Some(location)) = (name, location) else {
                continue;
            };
            let thing = Thing::new("index", &node.name)
                .because("a variant's index is named like the variant; rename one");
            if self.once(names, name, &thing) {
                let (explicit, default) = (node.explicit, node.default);
                indexes.push(Index { name: node.name.clone(), location, explicit, default, span: node.span });
            }
        }
        indexes
    }

    /// A URL if it has a scheme or a user, else a directory in the repository.
    pub(super) fn index_location(&mut self, text: &Spanned<String>) -> Option<IndexLocation> {
        if !text.value.contains("://") && credentials(&text.value).is_none() {
            return self.path(text).map(|path| IndexLocation::Path(path.value));
        }
        match check_index(&text.value) {
            Ok(()) => Some(IndexLocation::Url(text.value.clone())),
            Err(fault) => {
                self.url_fault("an index", text, fault);
                None
            }
        }
    }
}
