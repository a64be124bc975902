//! Submodules that are, or hold, internal packages, and the tags of packages. git is asked; nothing of the repository's
//! is executed.

use std::collections::BTreeSet;

use super::finding::{Finding, Mend, Place};
use super::ground::Ground;
use super::trouble::Trouble;
use crate::base::{RelPath, counted, side_by_side};
use crate::ledger::Remotes;
use crate::model::{Package, PackageId, PinReference, TagForm};
use crate::tool::ToolError;
use crate::tool::git::{Git, ObjectId, Standing, Submodule};
use crate::tool::run::quoted;

/// Looks at all of them, side by side.
pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    let Some(git) = &ground.git else { return Vec::new() };
    let submodules = match ground.submodules(git) {
        Ok(submodules) => submodules,
        Err(error) => return vec![silent(&error)],
    };
    let looks = side_by_side(&submodules, |(path, submodule)| Look { ground, git, path, submodule }.all());
    let mut findings: Vec<Finding> = looks.into_iter().flatten().collect();
    let without_checkout: Vec<&Package> = without_checkout(ground, &submodules).collect();
    let styles = side_by_side(&without_checkout, |package| tags_elsewhere(ground, git, package));
    findings.extend(styles.into_iter().flatten());
    findings.extend(absent(ground, &submodules));
    findings
}

/// Packages that are nowhere, and no submodule could bring.
fn absent(ground: &Ground<'_>, submodules: &[(RelPath, Submodule)]) -> Vec<Finding> {
    let model = &ground.call.model;
    let nowhere = ground.absent().into_iter().filter(|(_, manifest)| {
        !submodules.iter().any(|(path, submodule)| submodule.commit.is_some() && manifest.is_in(path))
    });
    let finding = |(id, manifest): (PackageId, RelPath)| {
        let package = model.package(id);
        let span = package.path.as_ref().map_or(package.span, |path| path.span);
        Finding {
            trouble: Trouble::PackageMissing {
                package: package.name.value.to_string(),
                manifest: manifest.to_string(),
            },
            place: Place::span(&model.source, span),
            mend: Mend::Do("correct `path=`, or put the package there".to_owned()),
        }
    };
    nowhere.map(finding).collect()
}

/// git could not say.
pub(super) fn silent(error: &ToolError) -> Finding {
    Finding {
        trouble: Trouble::GitSilent { said: error.to_string() },
        place: Place::file("."),
        mend: Mend::Do("mend what git says".to_owned()),
    }
}

struct Look<'a> {
    ground: &'a Ground<'a>,
    git: &'a Git,
    path: &'a RelPath,
    submodule: &'a Submodule,
}

impl Look<'_> {
    fn all(&self) -> Vec<Finding> {
        let packages: Vec<PackageId> = self.packages();
        let mut findings = Vec::new();
        let path = self.path.to_string();
        let Some(recorded) = &self.submodule.commit else {
            let name = self.submodule.name.as_deref().unwrap_or(&path);
            let section = quoted(&format!("submodule.{name}"));
            findings.push(Finding {
                trouble: Trouble::SubmoduleUnlinked { path },
                place: Place::file(self.modules()),
                mend: Mend::Type(format!("git config -f {} --remove-section {section}", self.modules())),
            });
            return findings;
        };
        let place = packages
            .first()
            .map_or_else(|| Place::file(&path), |id| self.place(self.ground.call.model.package(*id)));
        if self.submodule.name.is_none() {
            findings.push(Finding {
                trouble: Trouble::SubmoduleUnlisted { path: path.clone() },
                place: place.clone(),
                mend: self.list(&packages, &path),
            });
        }
        if packages.is_empty() {
            return findings;
        }
        let looked = match self.git.standing(&self.ground.call.place.root, self.path) {
            Ok(Standing::CheckedOut(head)) => self.checked_out(recorded, head.as_ref(), &packages, &place),
            Ok(standing) => Ok(vec![self.not_checked_out(&standing, &packages, place)]),
            Err(error) => Err(error),
        };
        match looked {
            Ok(more) => findings.extend(more),
            Err(error) => findings.push(Finding { place: Place::file(&path), ..silent(&error) }),
        }
        findings
    }

    fn not_checked_out(&self, standing: &Standing, packages: &[PackageId], place: Place) -> Finding {
        let path = self.path.to_string();
        let names = packages.iter().map(|id| self.ground.call.model.package(*id).name.value.as_str());
        let line = format!("envloom fetch {}", names.collect::<Vec<_>>().join(" "));
        let mend = match standing {
            Standing::Occupied => Mend::Do(format!("move what lies in {path} away, and type `{line}`")),
            _ => Mend::Type(line),
        };
        Finding { trouble: Trouble::SubmoduleEmpty { path }, place, mend }
    }

    /// The packages that lie in it.
    fn packages(&self) -> Vec<PackageId> {
        let packages = self.ground.call.model.packages.iter().enumerate();
        let within = |package: &Package| {
            let path = package.path.as_ref().map(|path| &path.value);
            path.is_some_and(|path| path.is_in(self.path))
        };
        packages.filter(|(_, package)| within(package)).map(|(at, _)| PackageId(at)).collect()
    }

    fn place(&self, package: &Package) -> Place {
        let span = package.path.as_ref().map_or(package.span, |path| path.span);
        Place::span(&self.ground.call.model.source, span)
    }

    /// The lines that write the missing entry.
    fn list(&self, packages: &[PackageId], path: &str) -> Mend {
        let url = packages.iter().find_map(|id| self.ground.call.model.package(*id).git.as_ref());
        let Some(url) = url else {
            return Mend::Do(format!(
                "write its entry into .gitmodules, or take it out: git rm --cached {}",
                quoted(path)
            ));
        };
        // In there paths are from the top of the repository, wherever the root is.
        let inner = self.submodule.path.to_string_lossy();
        let key = |end: &str| quoted(&format!("submodule.{inner}.{end}"));
        let set = |end: &str, value: &str| {
            format!("git config -f {} {} {}", self.modules(), key(end), quoted(value))
        };
        Mend::Type(format!("{} && {}", set("path", &inner), set("url", &url.value)))
    }

    /// `.gitmodules` as seen from the root.
    fn modules(&self) -> String {
        let up = self.submodule.path.components().count().saturating_sub(self.path.parts().count());
        "../".repeat(up) + ".gitmodules"
    }

    /// Commit, changes and tags of a checkout.
    fn checked_out(
        &self,
        recorded: &ObjectId,
        head: Option<&ObjectId>,
        packages: &[PackageId],
        place: &Place,
    ) -> Result<Vec<Finding>, ToolError> {
        let (path, word) = (self.path.to_string(), quoted(self.path.as_str()));
        let directory = self.path.under(&self.ground.call.place.root);
        let mut findings = Vec::new();
        if let Some(changes) = self.git.uncommitted(&directory)?
            && changes > 0
        {
            findings.push(Finding {
                trouble: Trouble::SubmoduleDirty {
                    path: path.clone(),
                    changes: counted(changes, "file", "files"),
                },
                place: Place::file(&path),
                mend: Mend::Do(format!("commit them there, or put them aside: git -C {word} stash -u")),
            });
        }
        if let Some(head) = head.filter(|head| *head != recorded) {
            findings.push(Finding {
                trouble: Trouble::SubmoduleMoved {
                    path: path.clone(),
                    head: head.short(),
                    recorded: recorded.short(),
                },
                place: Place::file(&path),
                mend: Mend::Do(format!(
                    "to record it, type `git add {word}`; to go back, `git submodule update -- {word}`"
                )),
            });
        }
        let Some(head) = head else { return Ok(findings) };
        for id in packages {
            findings.extend(self.behind(*id, &directory, head)?);
            findings.extend(self.tags(*id, &directory, place)?);
        }
        Ok(findings)
    }

    /// Older than what an environment pins: what is released is not what is worked on.
    fn behind(
        &self,
        id: PackageId,
        directory: &std::path::Path,
        head: &ObjectId,
    ) -> Result<Option<Finding>, ToolError> {
        let model = &self.ground.call.model;
        for (_, environment) in model.environments() {
            let pin =
                environment.packages.iter().find(|one| one.package == id).and_then(|one| one.pin.as_ref());
            let Some(pin) = pin else { continue };
            let reference = match &pin.reference {
                PinReference::Tag(tag) => self.git.resolve_tag(directory, tag)?,
                PinReference::Rev(rev) => match rev.parse() {
                    Ok(commit) if self.git.has_commit(directory, &commit)? => Some(commit),
                    _ => None,
                },
            };
            let Some(pinned) = reference.filter(|pinned| pinned != head) else { continue };
            if self.git.is_ancestor(directory, head, &pinned)? {
                return Ok(Some(Finding {
                    trouble: Trouble::SubmoduleBehind {
                        path: self.path.to_string(),
                        reference: pin.reference.as_str().to_owned(),
                        environment: environment.name.value.clone(),
                    },
                    place: Place::span(&model.source, pin.span),
                    mend: Mend::Type(format!(
                        "git -C {} checkout {}",
                        quoted(self.path.as_str()),
                        quoted(pin.reference.as_str())
                    )),
                }));
            }
        }
        Ok(None)
    }

    /// Tags with and without `v`, in the checkout or where else they are known.
    fn tags(
        &self,
        id: PackageId,
        directory: &std::path::Path,
        place: &Place,
    ) -> Result<Option<Finding>, ToolError> {
        let package = self.ground.call.model.package(id);
        let mut tags = kept_tags(self.ground, self.git, package);
        tags.extend(self.git.local_tags(directory)?.into_keys());
        Ok(styles(package, &tags, place.clone()))
    }
}

/// The packages that no checkout says the tags of.
fn without_checkout<'a>(
    ground: &'a Ground<'_>,
    submodules: &'a [(RelPath, Submodule)],
) -> impl Iterator<Item = &'a Package> {
    let root = &ground.call.place.root;
    ground.call.model.packages.iter().filter(move |package| {
        let path = package.path.as_ref().map(|path| &path.value);
        let mut around = submodules.iter().filter(|(around, _)| path.is_some_and(|path| path.is_in(around)));
        !around.any(|(around, _)| around.under(root).join(".git").exists())
    })
}

/// Tags with and without `v` of a package that has no checkout to ask: those that are pinned, and those that are known.
fn tags_elsewhere(ground: &Ground<'_>, git: &Git, package: &Package) -> Option<Finding> {
    let model = &ground.call.model;
    let taken = model.environments.iter().flat_map(|environment| &environment.packages);
    let taken = taken.filter(|one| model.package(one.package).name.value == package.name.value);
    let pins = taken.filter_map(|one| one.pin.as_ref());
    let pins: Vec<_> = pins.filter(|pin| matches!(pin.reference, PinReference::Tag(_))).collect();
    let pinned: BTreeSet<String> = pins.iter().map(|pin| pin.reference.as_str().to_owned()).collect();
    let other = pins.iter().find(|pin| !pin.reference.as_str().starts_with('v'));
    let of_pins = other.and_then(|other| styles(package, &pinned, Place::span(&model.source, other.span)));
    of_pins.or_else(|| {
        let known = pinned.into_iter().chain(kept_tags(ground, git, package)).collect();
        let span = package.path.as_ref().map_or(package.span, |path| path.span);
        styles(package, &known, Place::span(&model.source, span))
    })
}

/// The tags of a package's remote that are known here.
fn kept_tags(ground: &Ground<'_>, git: &Git, package: &Package) -> BTreeSet<String> {
    let url = package.git.as_ref().filter(|_| ground.foreign.is_none());
    let remotes = Remotes::new(git, &ground.call.place.root, true, &|_| {});
    url.map(|url| remotes.kept_tags(&url.value)).unwrap_or_default()
}

/// Are tags of versions spelt with and without `v`?
fn styles(package: &Package, tags: &BTreeSet<String>, place: Place) -> Option<Finding> {
    if package.tag_form != TagForm::Plain {
        return None;
    }
    let versions = tags.iter().filter(|tag| package.tag_form.version_of(tag).is_some());
    let (with, without): (Vec<&String>, Vec<&String>) = versions.partition(|tag| tag.starts_with('v'));
    with.last().zip(without.last()).map(|(one, other)| two_styles(package, one, other, place))
}

fn two_styles(package: &Package, one: &str, other: &str, place: Place) -> Finding {
    Finding {
        trouble: Trouble::TagStyles {
            package: package.name.value.to_string(),
            one: one.to_owned(),
            other: other.to_owned(),
        },
        place,
        mend: Mend::Do(
            "tag in one way, and pin tags of that one: a version tagged twice may be two commits".to_owned(),
        ),
    }
}
