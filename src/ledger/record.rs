//! The content of `envloom.lock`, and its text.
//!
//! The text is TOML with one entry a line, however long: a merge of two branches that pin different releases
//! then touches different lines, and `git diff` shows a moved tag as one line.
//!
//! | stored-format question | answer |
//! | --- | --- |
//! | old reader, new data | a higher `version` is refused before anything else is read |
//! | new reader, old data | fields added within version 1 have defaults |
//! | old writer dropping new fields | unknown fields are refused, so an old envloom never rewrites them away |
//!
//! Reading trusts nothing: the file travels through branches of strangers. Commits, paths, names and versions
//! must have their form, and no text may hold a character that a terminal would obey. A remote read here is
//! only compared with the declared one; git is never given a url from this file.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::error::{LedgerError, LedgerFinding};
use crate::base::{Digest, RelPath, SourceFile, conflict_marker, printable};
use crate::model::PackageName;

/// The file's name, at the root of the repository.
pub(crate) const FILE_NAME: &str = "envloom.lock";

/// What a manifest's owned entries were when envloom last wrote them: path as shown -> digest of the value. A path with
/// `!` before it is one that `import` left as it was; the digest is of what is not to be written there.
pub(crate) type Owned = BTreeMap<String, Digest>;

/// The whole of `envloom.lock`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// The releases that pins of the model name.
    pub(crate) releases: BTreeMap<ReleaseKey, Release>,
    /// What envloom wrote into each manifest. A manifest without a line here was never generated.
    pub(crate) owned: BTreeMap<RelPath, Owned>,
}

/// Which release of which package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReleaseKey {
    /// The package.
    pub(crate) package: PackageName,
    /// The tag, or the 40 digits of the commit.
    pub(crate) reference: String,
}

/// A release: where its name pointed when it was first used, and what the package says of itself there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Release {
    /// The remote, as `tasks.kdl` writes it.
    pub(crate) git: String,
    /// The directory in the remote's repository; empty for its root.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) subdirectory: String,
    /// The peeled commit: 40 hexadecimal digits.
    pub(crate) commit: String,
    /// `project.version` in the manifest there; `None` where it is dynamic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// `project.requires-python` there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requires_python: Option<String>,
    /// `project.dependencies` and, with their extra as a marker, `project.optional-dependencies` there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) requires_dist: Vec<String>,
    /// The extras it provides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) provides_extra: Vec<String>,
    /// The packages that its own `tool.uv.sources` names: a workspace, a path, another tag. uv cannot follow
    /// those from outside, so such a release needs a metadata shim.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sources: Vec<String>,
    /// Fields of `[project]` that are computed by the build backend.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) dynamic: Vec<String>,
}

/// The first lines of the file.
const HEADER: &str = "\
# written by envloom: pinned releases with their commits, and the manifest entries that envloom owns.
# Commit it; do not edit it. After a merge conflict type `envloom resolve`.
version = 1
";

/// The file as serde sees it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    #[serde(rename = "version")]
    _version: i64,
    #[serde(default)]
    releases: BTreeMap<Spanned<String>, Spanned<Release>>,
    #[serde(default)]
    owned: BTreeMap<Spanned<String>, BTreeMap<Spanned<String>, Digest>>,
}

/// Only what says whether the rest can be read.
#[derive(Deserialize)]
struct Versioned {
    version: Spanned<toml::Value>,
}

impl Record {
    /// Reads the text of `envloom.lock`.
    ///
    /// # Errors
    /// Conflict markers, a later version, no TOML of the right form; else every value that envloom would not
    /// have written.
    pub(crate) fn parse(source: &SourceFile) -> Result<Self, LedgerError> {
        let fail = |findings| LedgerError::new("envloom.lock cannot be used", source, findings);
        if let Some(at) = conflict_marker(source.text()) {
            return Err(fail(vec![LedgerFinding::Conflict { span: at.into() }]));
        }
        let stored = read(source.text()).map_err(|finding| fail(vec![finding]))?;
        let mut findings = Vec::new();
        let record = Self {
            releases: stored.releases.into_iter().filter_map(|entry| release(entry, &mut findings)).collect(),
            owned: stored.owned.into_iter().filter_map(|entry| owned(entry, &mut findings)).collect(),
        };
        if findings.is_empty() { Ok(record) } else { Err(fail(findings)) }
    }

    /// The text of `envloom.lock`; parsing it gives this record again.
    #[must_use]
    pub(crate) fn render(&self) -> String {
        let mut text = HEADER.to_owned();
        if !self.releases.is_empty() {
            text.push_str("\n[releases]\n");
        }
        for (key, release) in &self.releases {
            let name = quote(&format!("{} {}", key.package, key.reference));
            text.extend([&name, " = ", &render_release(release), "\n"]);
        }
        for (manifest, entries) in &self.owned {
            text.extend(["\n[owned.", &quote(manifest.as_str()), "]\n"]);
            for (path, digest) in entries {
                text.extend([&quote(path), " = ", &quote(&digest.to_string()), "\n"]);
            }
        }
        text
    }
}

/// The text as [`Stored`], the version judged first.
fn read(text: &str) -> Result<Stored, LedgerFinding> {
    let syntax = |error: toml::de::Error| LedgerFinding::Syntax {
        message: printable(error.message()).into_owned(),
        span: error.span().map(Into::into),
    };
    let version = toml::from_str::<Versioned>(text).map_err(syntax)?.version;
    match version.get_ref() {
        toml::Value::Integer(1) => toml::from_str(text).map_err(syntax),
        toml::Value::Integer(later) if *later > 1 => {
            Err(LedgerFinding::Newer { found: later.to_string(), span: version.span().into() })
        }
        _ => Err(refused("`version`", "no envloom writes that one", &version.span())),
    }
}

/// One line of `[releases]`.
fn release(
    (name, release): (Spanned<String>, Spanned<Release>),
    findings: &mut Vec<LedgerFinding>,
) -> Option<(ReleaseKey, Release)> {
    let Some(key) = ReleaseKey::parse(name.get_ref()) else {
        findings.push(refused("the name of a release", "it is not `package reference`", &name.span()));
        return None;
    };
    let span = release.span();
    let release = release.into_inner();
    for (field, reason) in release.faults() {
        findings.push(refused(&format!("`{field}` of `{} {}`", key.package, key.reference), reason, &span));
    }
    Some((key, release))
}

/// One table of `[owned]`.
fn owned(
    (path, entries): (Spanned<String>, BTreeMap<Spanned<String>, Digest>),
    findings: &mut Vec<LedgerFinding>,
) -> Option<(RelPath, Owned)> {
    for entry in entries.keys().filter(|entry| !is_plain(entry.get_ref())) {
        findings.push(refused("the path of an entry", "it is empty or cannot be shown", &entry.span()));
    }
    let clean = RelPath::parse(path.get_ref()).map_err(|fault| fault.to_string());
    match clean {
        Ok(clean) if clean.as_str() == path.get_ref() => {
            Some((clean, entries.into_iter().map(|(entry, digest)| (entry.into_inner(), digest)).collect()))
        }
        Ok(_) => {
            findings.push(refused("the path of a manifest", "it is not in its shortest form", &path.span()));
            None
        }
        Err(fault) => {
            findings.push(refused("the path of a manifest", &fault, &path.span()));
            None
        }
    }
}

fn refused(what: &str, reason: &str, span: &Range<usize>) -> LedgerFinding {
    LedgerFinding::Value { what: what.to_owned(), reason: reason.to_owned(), span: span.clone().into() }
}

impl ReleaseKey {
    /// The form in the file: the package in its normal form, a blank, the tag or commit.
    fn parse(text: &str) -> Option<Self> {
        let (name, reference) = text.split_once(' ')?;
        let package = PackageName::parse(name).ok().filter(|package| package.as_str() == name)?;
        is_word(reference).then(|| Self { package, reference: reference.to_owned() })
    }
}

impl Release {
    /// The fields whose text is not of their form, with the reason. What has none survives the file.
    pub(super) fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let mut faults = Vec::new();
        let mut check = |good: bool, field, reason| {
            if !good {
                faults.push((field, reason));
            }
        };
        let clean =
            |path: &str| path.is_empty() || RelPath::parse(path).is_ok_and(|clean| clean.as_str() == path);
        let all = |texts: &[String]| texts.iter().all(|text| is_plain(text));
        let names = |texts: &[String]| texts.iter().all(|text| PackageName::parse(text).is_ok());
        let version = |text: &String| text.parse::<pep440_rs::Version>().is_ok() && is_plain(text);
        check(is_word(&self.git), "git", "it is no url");
        check(clean(&self.subdirectory), "subdirectory", "it is no path within a repository");
        check(is_commit(&self.commit), "commit", "a commit is 40 hexadecimal digits in lower case");
        check(self.version.as_ref().is_none_or(version), "version", "it is no version (PEP 440)");
        check(self.requires_python.as_deref().is_none_or(is_plain), "requires-python", UNSHOWABLE);
        check(all(&self.requires_dist), "requires-dist", UNSHOWABLE);
        check(names(&self.provides_extra), "provides-extra", "an extra is named like a package");
        check(names(&self.sources), "sources", "it holds something that is no package name");
        check(all(&self.dynamic), "dynamic", UNSHOWABLE);
        faults
    }
}

/// Why a text is refused that would not survive a terminal.
const UNSHOWABLE: &str = "it holds an empty text or a character that cannot be shown";

/// 40 hexadecimal digits in lower case.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Not empty, and of characters that can be shown.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && printable(text) == text
}

/// Plain, without blanks, and nothing that a program would take for an option.
fn is_word(text: &str) -> bool {
    is_plain(text) && !text.contains(char::is_whitespace) && !text.starts_with('-')
}

/// A release as an inline table.
fn render_release(release: &Release) -> String {
    let mut fields =
        vec![format!("commit = {}", quote(&release.commit)), format!("git = {}", quote(&release.git))];
    let mut text = |name: &str, value: Option<&str>| {
        fields.extend(value.map(|value| format!("{name} = {}", quote(value))));
    };
    text("subdirectory", Some(release.subdirectory.as_str()).filter(|path| !path.is_empty()));
    text("version", release.version.as_deref());
    text("requires-python", release.requires_python.as_deref());
    let lists = [
        ("requires-dist", &release.requires_dist),
        ("provides-extra", &release.provides_extra),
        ("sources", &release.sources),
        ("dynamic", &release.dynamic),
    ];
    for (name, values) in lists.into_iter().filter(|(_, values)| !values.is_empty()) {
        let values: Vec<String> = values.iter().map(|value| quote(value)).collect();
        fields.push(format!("{name} = [{}]", values.join(", ")));
    }
    format!("{{ {} }}", fields.join(", "))
}

/// A basic string of TOML, always on one line; `toml_edit` would choose a form by the content.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => quoted.extend([r"\u", &format!("{:04X}", u32::from(control))]),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::look;

    fn parse(text: &str) -> Result<Record, LedgerError> {
        Record::parse(&SourceFile::new(FILE_NAME, text))
    }

    fn full() -> Record {
        let release = Release {
            git: "https://git.example.com/vlm/bench-utils.git".into(),
            subdirectory: "python".into(),
            commit: "049c28bcf510116c5cdcbfe4693d165b7f578c90".into(),
            version: Some("0.1.2".into()),
            requires_python: Some(">=3.10".into()),
            requires_dist: vec![r#"a\b; os_name == "nt""#.into(), "rich; extra == 'all'".into()],
            provides_extra: vec!["all".into()],
            sources: vec!["print-utils".into()],
            dynamic: vec!["readme".into()],
        };
        let bare = Release {
            subdirectory: String::new(),
            version: None,
            requires_python: None,
            requires_dist: Vec::new(),
            provides_extra: Vec::new(),
            sources: Vec::new(),
            dynamic: vec!["version".into()],
            ..release.clone()
        };
        let key = |reference: &str| ReleaseKey {
            package: PackageName::parse("bench-utils").unwrap(),
            reference: reference.into(),
        };
        let manifest = RelPath::parse("staging/pyproject.toml").unwrap();
        let entry = ("project.dependencies[numpy]".to_owned(), Digest::of("numpy"));
        let quoted = ("tool.uv.sources.\"a b\"".to_owned(), Digest::of("x"));
        Record {
            releases: [(key("v0.1.2"), release), (key("v0.1.10"), bare)].into(),
            owned: [
                (manifest, [entry, quoted].into()),
                (RelPath::parse("empty.toml").unwrap(), Owned::new()),
            ]
            .into(),
        }
    }

    #[test]
    fn a_record_survives_its_text() {
        for record in [full(), Record::default()] {
            let text = record.render();
            assert_eq!(parse(&text).unwrap(), record);
            assert_eq!(parse(&text.replace('\n', "\r\n")).unwrap(), record);
        }
        insta::assert_snapshot!(full().render(), @r#"
        # written by envloom: pinned releases with their commits, and the manifest entries that envloom owns.
        # Commit it; do not edit it. After a merge conflict type `envloom resolve`.
        version = 1

        [releases]
        "bench-utils v0.1.10" = { commit = "049c28bcf510116c5cdcbfe4693d165b7f578c90", git = "https://git.example.com/vlm/bench-utils.git", dynamic = ["version"] }
        "bench-utils v0.1.2" = { commit = "049c28bcf510116c5cdcbfe4693d165b7f578c90", git = "https://git.example.com/vlm/bench-utils.git", subdirectory = "python", version = "0.1.2", requires-python = ">=3.10", requires-dist = ["a\\b; os_name == \"nt\"", "rich; extra == 'all'"], provides-extra = ["all"], sources = ["print-utils"], dynamic = ["readme"] }

        [owned."empty.toml"]

        [owned."staging/pyproject.toml"]
        "project.dependencies[numpy]" = "db42ea07c7ffa6e818602796fe4581dcb4cb562938f6cafebdc101609c512b1b"
        "tool.uv.sources.\"a b\"" = "3ae7d805f6789a6402acb70ad4096a85a56bf6804eaf25c0493ac697548d30b5"
        "#);
    }

    #[test]
    fn every_entry_has_one_line_however_long() {
        let mut record = full();
        record.releases.values_mut().for_each(|release| release.requires_dist = vec!["x".repeat(90); 90]);
        let text = record.render();
        assert_eq!(text.lines().count(), full().render().lines().count());
        assert_eq!(parse(&text).unwrap(), record);
    }

    #[test]
    fn conflict_markers_are_recognised() {
        let text = full().render().replacen("[releases]\n", "[releases]\n<<<<<<< HEAD\n", 1);
        insta::assert_snapshot!(look(&parse(&text).unwrap_err()), @r#"
          × envloom.lock cannot be used

        Error: envloom::ledger::conflict

          × a merge left conflict markers in envloom.lock
           ╭─[envloom.lock:6:1]
         5 │ [releases]
         6 │ <<<<<<< HEAD
           · ──────┬─────
           ·       ╰── the first one
         7 │ "bench-utils v0.1.10" = { commit = "049c28bcf510116c5cdcbfe4693d165b7f578c90", git = "https://git.example.com/vlm/bench-utils.git", dynamic = ["version"] }
           ╰────
          help: type `envloom resolve`: it merges the two sides of envloom.lock entry by entry
        "#);
    }

    #[test]
    fn a_later_version_is_refused_before_its_fields_are_read() {
        insta::assert_snapshot!(look(&parse("version = 2\n[signatures]\n").unwrap_err()), @r#"
          × envloom.lock cannot be used

        Error: envloom::ledger::newer

          × envloom.lock has version 2; this envloom knows version 1
           ╭─[envloom.lock:1:11]
         1 │ version = 2
           ·           ┬
           ·           ╰── written by a later envloom
         2 │ [signatures]
           ╰────
          help: upgrade envloom, for example with `cargo install envloom`
        "#);
    }

    #[test]
    fn what_is_no_record_is_refused() {
        insta::assert_snapshot!(look(&parse("version = 1\n[release]\n").unwrap_err()), @r#"
          × envloom.lock cannot be used

        Error: envloom::ledger::syntax

          × envloom.lock cannot be read: unknown field `release`, expected one of `version`, `releases`,
          │ `owned`
           ╭─[envloom.lock:2:2]
         1 │ version = 1
         2 │ [release]
           ·  ───┬───
           ·     ╰── here
           ╰────
          help: it is written by envloom alone; take the committed one back with `git checkout --
                envloom.lock`
        "#);
        insta::assert_snapshot!(look(&parse("version = 1\n[releases]\n\"a v1\" = {").unwrap_err()), @r#"
          × envloom.lock cannot be used

        Error: envloom::ledger::syntax

          × envloom.lock cannot be read: unclosed inline table, expected `}`
           ╭─[envloom.lock:3:11]
         2 │ [releases]
         3 │ "a v1" = {
           ╰────
          help: it is written by envloom alone; take the committed one back with `git checkout --
                envloom.lock`
        "#);
        assert!(matches!(parse("version = 0").unwrap_err().findings[..], [LedgerFinding::Value { .. }]));
        insta::assert_snapshot!(look(&parse("").unwrap_err()), @r#"
          × envloom.lock cannot be used

        Error: envloom::ledger::syntax

          × envloom.lock cannot be read: missing field `version`
           ╭─[envloom.lock:1:1]
           ╰────
          help: it is written by envloom alone; take the committed one back with `git checkout --
                envloom.lock`
        "#);
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "the look of seven findings")]
    fn hostile_values_are_refused_all_at_once() {
        let text = r#"version = 1
[releases]
"bench-utils v1" = { commit = "HEAD", git = "--upload-pack=x", subdirectory = "../x", version = "1;id" }
"Bench_Utils v1" = { commit = "049c28bcf510116c5cdcbfe4693d165b7f578c90", git = "https://h/x" }
"a -x" = { commit = "049c28bcf510116c5cdcbfe4693d165b7f578c90", git = "https://h/x", requires-dist = ["a\u001b[2J"] }
[owned."../pyproject.toml"]
"project.name" = "0000000000000000000000000000000000000000000000000000000000000000"
[owned."a//pyproject.toml"]
"project.\u202ename" = "0000000000000000000000000000000000000000000000000000000000000000"
"#;
        insta::assert_snapshot!(look(&parse(text).unwrap_err()), @r#"
          × envloom.lock cannot be used

        Error: envloom::ledger::value

          × the name of a release in envloom.lock is refused: it is not `package reference`
           ╭─[envloom.lock:4:1]
         3 │ "bench-utils v1" = { commit = "HEAD", git = "--upload-pack=x", subdirectory = "../x", version = "1;id" }
         4 │ "Bench_Utils v1" = { commit = "049c28bcf510116c5cdcbfe4693d165b7f578c90", git = "https://h/x" }
           · ────────┬───────
           ·         ╰── not written by envloom
         5 │ "a -x" = { commit = "049c28bcf510116c5cdcbfe4693d165b7f578c90", git = "https://h/x", requires-dist = ["a\u001b[2J"] }
           ╰────
          help: it is written by envloom alone; take the committed one back with `git checkout --
                envloom.lock`

        Error: envloom::ledger::value

          × the name of a release in envloom.lock is refused: it is not `package reference`
           ╭─[envloom.lock:5:1]
         4 │ "Bench_Utils v1" = { commit = "049c28bcf510116c5cdcbfe4693d165b7f578c90", git = "https://h/x" }
         5 │ "a -x" = { commit = "049c28bcf510116c5cdcbfe4693d165b7f578c90", git = "https://h/x", requires-dist = ["a\u001b[2J"] }
           · ───┬──
           ·    ╰── not written by envloom
         6 │ [owned."../pyproject.toml"]
           ╰────
          help: it is written by envloom alone; take the committed one back with `git checkout --
                envloom.lock`

        Error: envloom::ledger::value

          × `git` of `bench-utils v1` in envloom.lock is refused: it is no url
           ╭─[envloom.lock:3:20]
         2 │ [releases]
         3 │ "bench-utils v1" = { commit = "HEAD", git = "--upload-pack=x", subdirectory = "../x", version = "1;id" }
           ·                    ──────────────────────────────────────────┬──────────────────────────────────────────
           ·                                                              ╰── not written by envloom
         4 │ "Bench_Utils v1" = { commit = "049c28bcf510116c5cdcbfe4693d165b7f578c90", git = "https://h/x" }
           ╰────
          help: it is written by envloom alone; take the committed one back with `git checkout --
                envloom.lock`

        Error: envloom::ledger::value

          × `subdirectory` of `bench-utils v1` in envloom.lock is refused: it is no path within a
          │ repository
           ╭─[envloom.lock:3:20]
         2 │ [releases]
         3 │ "bench-utils v1" = { commit = "HEAD", git = "--upload-pack=x", subdirectory = "../x", version = "1;id" }
           ·                    ──────────────────────────────────────────┬──────────────────────────────────────────
           ·                                                              ╰── not written by envloom
         4 │ "Bench_Utils v1" = { commit = "049c28bcf510116c5cdcbfe4693d165b7f578c90", git = "https://h/x" }
           ╰────
          help: it is written by envloom alone; take the committed one back with `git checkout --
                envloom.lock`

        Error: envloom::ledger::value

          × `commit` of `bench-utils v1` in envloom.lock is refused: a commit is 40 hexadecimal digits in
          │ lower case
           ╭─[envloom.lock:3:20]
         2 │ [releases]
         3 │ "bench-utils v1" = { commit = "HEAD", git = "--upload-pack=x", subdirectory = "../x", version = "1;id" }
           ·                    ──────────────────────────────────────────┬──────────────────────────────────────────
           ·                                                              ╰── not written by envloom
         4 │ "Bench_Utils v1" = { commit = "049c28bcf510116c5cdcbfe4693d165b7f578c90", git = "https://h/x" }
           ╰────
          help: it is written by envloom alone; take the committed one back with `git checkout --
                envloom.lock`

        Error: envloom::ledger::value

          × `version` of `bench-utils v1` in envloom.lock is refused: it is no version (PEP 440)
           ╭─[envloom.lock:3:20]
         2 │ [releases]
         3 │ "bench-utils v1" = { commit = "HEAD", git = "--upload-pack=x", subdirectory = "../x", version = "1;id" }
           ·                    ──────────────────────────────────────────┬──────────────────────────────────────────
           ·                                                              ╰── not written by envloom
         4 │ "Bench_Utils v1" = { commit = "049c28bcf510116c5cdcbfe4693d165b7f578c90", git = "https://h/x" }
           ╰────
          help: it is written by envloom alone; take the committed one back with `git checkout --
                envloom.lock`

        Error: envloom::ledger::value

          × the path of a manifest in envloom.lock is refused: the path leaves the repository
           ╭─[envloom.lock:6:8]
         5 │ "a -x" = { commit = "049c28bcf510116c5cdcbfe4693d165b7f578c90", git = "https://h/x", requires-dist = ["a\u001b[2J"] }
         6 │ [owned."../pyproject.toml"]
           ·        ─────────┬─────────
           ·                 ╰── not written by envloom
         7 │ "project.name" = "0000000000000000000000000000000000000000000000000000000000000000"
           ╰────
          help: it is written by envloom alone; take the committed one back with `git checkout --
                envloom.lock`

        Error: envloom::ledger::value

          × the path of an entry in envloom.lock is refused: it is empty or cannot be shown
           ╭─[envloom.lock:9:1]
         8 │ [owned."a//pyproject.toml"]
         9 │ "project.\u202ename" = "0000000000000000000000000000000000000000000000000000000000000000"
           · ──────────┬─────────
           ·           ╰── not written by envloom
           ╰────
          help: it is written by envloom alone; take the committed one back with `git checkout --
                envloom.lock`

        Error: envloom::ledger::value

          × the path of a manifest in envloom.lock is refused: it is not in its shortest form
           ╭─[envloom.lock:8:8]
         7 │ "project.name" = "0000000000000000000000000000000000000000000000000000000000000000"
         8 │ [owned."a//pyproject.toml"]
           ·        ─────────┬─────────
           ·                 ╰── not written by envloom
         9 │ "project.\u202ename" = "0000000000000000000000000000000000000000000000000000000000000000"
           ╰────
          help: it is written by envloom alone; take the committed one back with `git checkout --
                envloom.lock`
        "#);
    }

    #[test]
    fn a_damaged_text_is_an_error_and_never_a_panic() {
        let text = full().render();
        for at in 0..text.len() {
            // A cut between two entries leaves a whole, shorter record; anything else is refused.
            let cut = String::from_utf8_lossy(&text.as_bytes()[..at]).into_owned();
            if let Ok(record) = parse(&cut) {
                assert!(record.releases.len() <= 2 && text.starts_with(cut.as_str()));
            }
            let mut flipped = text.clone().into_bytes();
            flipped[at] ^= 1 << (at % 8);
            let _ = parse(&String::from_utf8_lossy(&flipped));
        }
    }
}
