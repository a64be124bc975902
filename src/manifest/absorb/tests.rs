//! Random edits of generated manifests: absorbed, they are rendered as they stand.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Names, Settled, absorb};
use crate::base::testing::properties;
use crate::base::{RelPath, SourceFile};
use crate::config;
use crate::ledger::Record;
use crate::manifest::{ManifestError, Members, OnDisk, PythonVersionFile, Request, render};
use crate::model::{EnvironmentId, Found, Model, resolve};

const TASKS: &str = r#"project "app" { // one line { }
    version "0.1.0"; requires-python ">=3.10"
    dependencies "tqdm>=4" \
        "numpy>=1" // two lines
    extra "viz" "rich>=13" "plotly"
    group "dev" "ruff>=0.4"
}
package "lib" path="packages/lib" role="member"
variants "cuda" {
    dependencies "torch>=2.4"
    variant "cu124" index="indexes/cu124" on="linux"
    variant "cpu" index="indexes/cpu" { dependencies "onnx>=1" from-index=#false }
}
environment "dev" { manifest "pyproject.toml"; groups "dev"; dependencies "mypy>=1" }
/* é */ environment "prod" {
    manifest "prod/pyproject.toml" // last
    dependencies "uvloop>=0.19"
}
"#;

const DEV: EnvironmentId = EnvironmentId(0);

/// A repository in memory.
struct Repository {
    model: Model,
    record: Record,
    on_disk: BTreeMap<EnvironmentId, OnDisk>,
}

fn model_of(text: &str) -> Model {
    let source = SourceFile::new("tasks.kdl", text);
    resolve(config::parse(&source).unwrap(), &Found::default()).unwrap()
}

impl Repository {
    fn generated(tasks: &str) -> Self {
        let model = model_of(tasks);
        let mut repository = Self { model, record: Record::default(), on_disk: BTreeMap::new() };
        repository.generate();
        repository
    }

    fn request<'r>(&'r self, model: &'r Model, members: &'r Members) -> Request<'r> {
        const NONE: &BTreeMap<EnvironmentId, crate::manifest::Disposition> = &BTreeMap::new();
        let (record, on_disk) = (&self.record, &self.on_disk);
        Request { model, record, on_disk, members, dispositions: NONE, scoped_excludes: true }
    }

    /// Writes what is not refused; says how many are refused.
    fn generate(&mut self) -> usize {
        let set = render(&self.request(&self.model, &Members::new()));
        let mut refused = 0;
        for (id, rendered) in set.manifests {
            if rendered.refused.is_some() {
                refused += 1;
                continue;
            }
            assert_eq!(rendered.python_version, PythonVersionFile::Leave);
            self.on_disk.entry(id).or_default().manifest = Some(rendered.text);
            self.record.owned.insert(rendered.path, rendered.owned);
        }
        refused
    }

    fn text(&self, id: EnvironmentId) -> &str {
        self.on_disk[&id].manifest.as_deref().unwrap()
    }

    fn absorb(&mut self) -> Result<(String, Settled), ManifestError> {
        let members = Members::new();
        let (text, model, settled) = {
            let before = self.request(&self.model, &members);
            let absorbed = absorb(&before, DEV, &Names::new())?;
            let model = model_of(&absorbed.text);
            let settled = absorbed.settle(&before, &self.request(&model, &members))?;
            (absorbed.text, model, settled)
        };
        let path = self.model.environment(DEV).manifest.value.clone();
        self.record.owned.insert(path, settled.owned.clone());
        self.model = model;
        Ok((text, settled))
    }
}

/// Edits that a person, uv or a bot makes in dev's manifest: a text that stands there, and what comes instead.
const EDITS: &[(&str, &str)] = &[
    ("\"tqdm>=4\"", "\"tqdm>=4.60,<5\""),
    ("\"tqdm>=4\"", "'tqdm[x]>=4 ; os_name == \"nt\"'"),
    ("    \"mypy>=1\",\n", ""),
    ("\"mypy>=1\"", "\"mypy>=1.9\""),
    ("    \"numpy>=1\",\n", "    \"numpy>=1\", # why\n    \"packaging>=24\",\n"),
    ("    \"numpy>=1\",\n", "    \"numpy>=1\",\n    \"a-b\",\n    \"c.d>1 ; python_version < '3.12'\",\n"),
    ("\"rich>=13\"", "\"rich>=13.1\""),
    ("    \"plotly\",\n", "    \"plotly\",\n    \"seaborn\",\n"),
    ("    \"ruff>=0.4\",\n", "    \"ruff>=0.5\",\n    \"pytest\",\n"),
    ("    \"ruff>=0.4\",\n", ""),
    ("requires-python = \">=3.10\"", "requires-python = \">=3.11\""),
    ("version = \"0.1.0\"", "version = \"0.2.0\" # next"),
    ("    \"torch>=2.4 ; sys_platform == 'linux'\",\n", "    \"torch>=2.5 ; sys_platform == 'linux'\",\n"),
    ("    \"torch>=2.4\",\n    \"onnx", "    \"torch>=2.6\",\n    \"onnx"),
    ("    \"onnx>=1\",\n", "    \"onnx>=1.2\",\n    \"onnxruntime\",\n"),
    ("    \"onnx>=1\",\n", ""),
    ("[dependency-groups]\n", "[dependency-groups]\ndocs = [\"mkdocs\", \"griffe>=1\"]\n"),
    ("[project.optional-dependencies]\n", "[project.optional-dependencies]\nall = [\"x-y[z]>=1\"]\n"),
    ("dependencies = [\n", "dependencies = [\n    # a comment\n"),
    ("[tool.uv]\n", "[tool.ruff]\nline-length = 99\n\n[tool.uv]\n"),
    (GROUP_DEV, ""),
    ("\ndev = [\n", "\nlint = [\n"),
];

#[test]
fn what_stands_there_twice_is_refused() {
    let mut repository = Repository::generated(TASKS);
    let twice = "    \"numpy>=1\",\n    \"packaging\",\n    \"packaging>=24\",\n";
    let edited = repository.text(DEV).replacen("    \"numpy>=1\",\n", twice, 1);
    repository.on_disk.get_mut(&DEV).unwrap().manifest = Some(edited);
    let refused = repository.absorb().unwrap_err();
    assert_eq!(refused.findings[0].to_string(), "`project.dependencies[packaging]` stands there twice");
}

#[test]
fn a_list_that_tasks_kdl_has_empty_is_filled_and_emptied() {
    let tasks = TASKS.replace(" \"rich>=13\" \"plotly\"", "").replace(" \"ruff>=0.4\"", "");
    let mut repository = Repository::generated(&tasks);
    let with = |text: &str, list: &str, element: &str| {
        text.replacen(&format!("{list} = []"), &format!("{list} = [{element}]"), 1)
    };
    let viz = with(repository.text(DEV), "viz", "\"rich\"");
    let both = with(&viz, "dev", "\"ruff\"");
    for (text, ruff) in [(both.clone(), " \"ruff\""), (viz, ""), (both, " \"ruff\"")] {
        repository.on_disk.get_mut(&DEV).unwrap().manifest = Some(text.clone());
        let (tasks, settled) = repository.absorb().unwrap();
        let lists = format!("    extra \"viz\" \"rich\"\n    group \"dev\"{ruff}\n");
        assert!(tasks.contains(&lists), "{tasks}");
        assert!(settled.left.is_empty(), "{:?}", settled.left);
        assert_eq!(repository.generate(), 0);
        assert_eq!(repository.text(DEV), text);
        // Nothing in the record was behind either.
        assert_eq!(repository.record.owned[&RelPath::parse("pyproject.toml").unwrap()], settled.owned);
    }
}

#[test]
fn the_advice_for_what_others_have_or_would_come_back_is_right() {
    let own = "dependencies \"mypy>=1\" \"tqdm>=5\"; group \"dev\" \"ruff>=1\"; extra \"viz\" \"plotly>=6\"";
    let tasks = TASKS.replace("dependencies \"mypy>=1\"", own);
    let mut repository = Repository::generated(&tasks);
    let gone = ["    \"tqdm>=5\",\n", "    \"numpy>=1\",\n", "    \"ruff>=1\",\n", "    \"plotly>=6\",\n"];
    let edited = gone.iter().fold(repository.text(DEV).to_owned(), |text, line| {
        assert!(text.contains(line), "{text}");
        text.replacen(line, "", 1)
    });
    repository.on_disk.get_mut(&DEV).unwrap().manifest = Some(edited.clone());
    let (text, settled) = repository.absorb().unwrap();
    assert_eq!(text, tasks);
    let reasons: Vec<String> =
        settled.left.iter().map(|left| format!("{}: {}\n", left.path, left.reason)).collect();
    insta::assert_snapshot!(reasons.concat(), @r#"
    project.dependencies[tqdm]: without it the one at tasks.kdl:3:18 holds: take it out at tasks.kdl:14:85 and write in the environment: dependencies only=#true
    project.dependencies[numpy]: prod has it too: for all, take it out at tasks.kdl:4:9; for dev alone, write in its environment: dependencies only=#true
    project.optional-dependencies.viz[plotly]: without it the one at tasks.kdl:5:28 holds: take it out at tasks.kdl:14:131 and write in the environment: extra "viz" only=#true "rich>=13"
    dependency-groups.dev[ruff]: without it the one at tasks.kdl:6:17 holds: take it out at tasks.kdl:14:108 and write in the environment: group "dev" only=#true
    "#);
    // The lines that were named, typed.
    let typed = tasks
        .replace(" \"tqdm>=5\"", "; dependencies only=#true")
        .replace("group \"dev\" \"ruff>=1\"", "group \"dev\" only=#true")
        .replace("extra \"viz\" \"plotly>=6\"", "extra \"viz\" only=#true \"rich>=13\"");
    repository.model = model_of(&typed);
    assert_eq!(repository.generate(), 0);
    assert_eq!(repository.text(DEV), edited);
}

/// Absorbs what became of dev's manifest; says the new text, and what is left with the reasons.
fn whole(tasks: &str, gone: &[&str]) -> (String, String) {
    let mut repository = Repository::generated(tasks);
    let edited = gone.iter().fold(repository.text(DEV).to_owned(), |text, lines| {
        assert!(text.contains(lines), "{text}");
        text.replacen(lines, "", 1)
    });
    repository.on_disk.get_mut(&DEV).unwrap().manifest = Some(edited.clone());
    let (text, settled) = repository.absorb().unwrap();
    if settled.left.is_empty() {
        assert_eq!(repository.generate(), 0);
        assert_eq!(repository.text(DEV), edited, "{text}");
    }
    let known: Vec<&str> = tasks.lines().collect();
    let gone = known.iter().filter(|line| !text.lines().any(|now| now == **line)).map(|line| ("-", *line));
    let come = text.lines().filter(|line| !known.contains(line)).map(|line| ("+", line));
    let lines: Vec<String> = gone.chain(come).map(|(sign, line)| format!("{sign} {}", line.trim())).collect();
    let left: Vec<String> =
        settled.left.iter().map(|left| format!("{}: {}", left.path, left.reason)).collect();
    (ended(&lines), ended(&left))
}

/// Lines, each with its end.
fn ended(lines: &[String]) -> String {
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

const VIZ: &str = "viz = [\n    \"rich>=13\",\n    \"plotly\",\n]\n";
const GROUP_DEV: &str = "\n[dependency-groups]\ndev = [\n    \"ruff>=0.4\",\n]\n";

#[test]
fn a_group_that_is_gone_altogether_is_taken_out_with_its_name() {
    let (lines, left) = whole(TASKS, &[GROUP_DEV]);
    insta::assert_snapshot!(lines + &left, @r#"
    - group "dev" "ruff>=0.4"
    - environment "dev" { manifest "pyproject.toml"; groups "dev"; dependencies "mypy>=1" }
    + environment "dev" { manifest "pyproject.toml"; dependencies "mypy>=1" }
    "#);
    // Another environment has it: the name alone goes.
    let shared = TASKS.replace("\"uvloop>=0.19\"\n", "\"uvloop>=0.19\"\n    groups \"dev\"\n");
    let (lines, left) = whole(&shared, &[GROUP_DEV]);
    insta::assert_snapshot!(lines + &left, @r#"
    - environment "dev" { manifest "pyproject.toml"; groups "dev"; dependencies "mypy>=1" }
    + environment "dev" { manifest "pyproject.toml"; dependencies "mypy>=1" }
    "#);
    // Its own goes, of which the project has one too.
    let own = shared.replace("groups \"dev\"; ", "group \"Dev\" \"ruff>=0.4\" only=#true; ");
    let (lines, left) = whole(&own, &[GROUP_DEV]);
    insta::assert_snapshot!(lines + &left, @r#"
    - environment "dev" { manifest "pyproject.toml"; group "Dev" "ruff>=0.4" only=#true; dependencies "mypy>=1" }
    + environment "dev" { manifest "pyproject.toml"; dependencies "mypy>=1" }
    "#);
    // Two beside each other on one line.
    let both = TASKS.replace("groups \"dev\"; dependencies \"mypy>=1\"", "groups \"dev\"; group \"dev\"");
    let (lines, left) = whole(&both, &[GROUP_DEV]);
    insta::assert_snapshot!(lines + &left, @r#"
    - group "dev" "ruff>=0.4"
    - environment "dev" { manifest "pyproject.toml"; groups "dev"; group "dev" }
    + environment "dev" { manifest "pyproject.toml" }
    "#);
}

#[test]
fn an_extra_that_is_gone_altogether_is_taken_out() {
    let own = TASKS
        .replace("    extra \"viz\" \"rich>=13\" \"plotly\"\n", "")
        .replace("groups \"dev\"; ", "groups \"dev\"; extra \"viz\" \"rich>=13\" \"plotly\"; ");
    let (lines, left) = whole(&own, &[VIZ]);
    insta::assert_snapshot!(lines + &left, @r#"
    - environment "dev" { manifest "pyproject.toml"; groups "dev"; extra "viz" "rich>=13" "plotly"; dependencies "mypy>=1" }
    + environment "dev" { manifest "pyproject.toml"; groups "dev"; dependencies "mypy>=1" }
    "#);
    // Empty, it was there too.
    let empty = own.replace(" \"rich>=13\" \"plotly\"", "");
    let (lines, left) = whole(&empty, &["viz = []\n"]);
    insta::assert_snapshot!(lines + &left, @r#"
    - environment "dev" { manifest "pyproject.toml"; groups "dev"; extra "viz"; dependencies "mypy>=1" }
    + environment "dev" { manifest "pyproject.toml"; groups "dev"; dependencies "mypy>=1" }
    "#);
}

#[test]
fn what_is_gone_altogether_and_cannot_be_taken_out_is_named() {
    let (lines, left) = whole(TASKS, &[VIZ]);
    insta::assert_snapshot!(lines + &left, @r#"
    project.optional-dependencies.viz[rich]: prod has it too: for all, take it out at tasks.kdl:5:5; to have it empty in dev alone, write in its environment: extra "viz" only=#true
    project.optional-dependencies.viz[plotly]: prod has it too: for all, take it out at tasks.kdl:5:5; to have it empty in dev alone, write in its environment: extra "viz" only=#true
    "#);
    let synced = TASKS.replace("groups \"dev\"; ", "groups \"dev\"; sync { groups \"dev\" }; ");
    let (lines, left) = whole(&synced, &[GROUP_DEV]);
    insta::assert_snapshot!(lines + &left, @r#"dependency-groups.dev[ruff]: the sync of dev asks for it: take "dev" out at tasks.kdl:14:76 first"#);
    // A variant has an extra.
    let (lines, left) = whole(TASKS, &["cpu = [\n    \"torch>=2.4\",\n    \"onnx>=1\",\n]\n"]);
    insta::assert_snapshot!(lines + &left, @r#"
    project.optional-dependencies.cpu[torch]: a variant has an extra, if an empty one: write `cpu = []`, or take the variant out at tasks.kdl:12:5
    project.optional-dependencies.cpu[onnx]: a variant has an extra, if an empty one: write `cpu = []`, or take the variant out at tasks.kdl:12:5
    "#);
}

#[test]
fn a_group_that_was_given_another_name_is_another_group() {
    let mut repository = Repository::generated(TASKS);
    let edited = repository.text(DEV).replace("\ndev = [", "\nlint = [");
    repository.on_disk.get_mut(&DEV).unwrap().manifest = Some(edited.clone());
    let (text, settled) = repository.absorb().unwrap();
    assert!(settled.left.is_empty(), "{:?}", settled.left);
    insta::assert_snapshot!(text.lines().find(|line| line.starts_with("environment \"dev\"")).unwrap_or_default(), @r#"environment "dev" { manifest "pyproject.toml"; dependencies "mypy>=1"; group "lint" "ruff>=0.4" }"#);
    assert_eq!(repository.generate(), 0);
    assert_eq!(repository.text(DEV), edited);
}

#[test]
fn a_group_that_is_spelt_otherwise_is_the_same_group() {
    for tasks in
        [TASKS.to_owned(), TASKS.replace("\"uvloop>=0.19\"\n", "\"uvloop>=0.19\"\n    groups \"dev\"\n")]
    {
        let mut repository = Repository::generated(&tasks);
        let edited = repository.text(DEV).replace("\ndev = [", "\nDev = [");
        repository.on_disk.get_mut(&DEV).unwrap().manifest = Some(edited.clone());
        let (text, settled) = repository.absorb().unwrap();
        assert!(settled.left.is_empty(), "{:?}", settled.left);
        assert_eq!(text, tasks.replace("group \"dev\" ", "group \"Dev\" "));
        // Another manifest that has it follows.
        assert_eq!(settled.behind.len(), usize::from(tasks != TASKS));
        repository.generate();
        assert_eq!(repository.generate(), 0);
        assert_eq!(repository.text(DEV), edited);
    }
}

proptest! {
    #![proptest_config(properties(64))]

    #[test]
    fn what_is_absorbed_is_rendered_as_it_stands(
        chosen in proptest::collection::btree_set(0..EDITS.len(), 1..5),
        crlf in any::<bool>(),
    ) {
        let tasks = if crlf { TASKS.replace('\n', "\r\n") } else { TASKS.to_owned() };
        let mut repository = Repository::generated(&tasks);
        let edited = chosen.iter().fold(repository.text(DEV).to_owned(), |text, &edit| {
            text.replacen(EDITS[edit].0, EDITS[edit].1, 1)
        });
        repository.on_disk.get_mut(&DEV).unwrap().manifest = Some(edited.clone());
        let (text, settled) = repository.absorb().unwrap();
        // Only what others have too may be left.
        for left in &settled.left {
            prop_assert!(left.reason.contains(" it too: "), "{left:?}\n{edited}");
        }
        // Every line of tasks.kdl that holds nothing absorbed stays.
        for line in ["// one line { }", "// two lines", "/* é */", "// last"] {
            prop_assert!(text.contains(line), "{text}");
        }
        prop_assert_eq!(text.matches('\n').count() == text.matches("\r\n").count(), crlf);
        // The next generate refuses nobody, and changes in dev nothing but bounds, which follow.
        prop_assert_eq!(repository.generate(), 0, "{}\n{}", edited, text);
        let bounds = |text: &str| -> Vec<String> {
            let start = text.find("constraint-dependencies");
            let end = start.map(|at| at + text[at..].find(']').unwrap());
            let rest = start.zip(end).map_or(text.to_owned(), |(start, end)| [&text[..start], &text[end + 2..]].concat());
            rest.lines().map(str::to_owned).collect()
        };
        prop_assert_eq!(bounds(repository.text(DEV)), bounds(&edited), "{}", text);
        // Nothing is left to absorb.
        let (again, settled) = repository.absorb().unwrap();
        prop_assert_eq!(again, text);
        prop_assert!(settled.changes.is_empty(), "{:?}", settled.changes);
    }
}
