//! What stops a manifest, and how it is told. Every code has its snapshot here.

use insta::assert_snapshot;

use super::fixture::{Bench, DEV, PROD, STAGING, requirement};
use crate::base::testing;
use crate::manifest::{CODES, Disposition, ManifestError, ManifestFinding, PythonVersionFile};
use crate::model::EnvironmentId;

fn refusal(bench: &Bench, id: EnvironmentId) -> String {
    let rendered = bench.rendered(id);
    assert_eq!(rendered.text, bench.text(id), "a refused manifest is left alone");
    assert!(!rendered.differs());
    testing::rendered(&rendered.refused.expect("refused"))
}

#[test]
fn broken_toml() {
    let mut bench = Bench::generated();
    bench.edit(DEV, "version = \"0.0.3\"", "version = = 3");
    assert_snapshot!(refusal(&bench, DEV), @r#"
      × `pyproject.toml` is left as it is

    Error: envloom::manifest::not_toml

      × the manifest is not valid TOML: extra `=`, expected nothing
       ╭─[pyproject.toml:5:11]
     4 │ name = "vlm-hyperbench"
     5 │ version = = 3
       ·           ┬
       ·           ╰── here
     6 │ requires-python = ">=3.10, !=3.11.*, <3.13"
       ╰────
      help: mend the text by hand or with git: envloom changes no manifest that it cannot read
    "#);
    // Nobody knows what the others are to carry.
    assert!(bench.rendered(PROD).refused.is_some());
}

#[test]
fn something_in_the_way() {
    let mut bench = Bench::new();
    bench
        .put(DEV, "project = 3\n[tool.uv]\nsources = [1]\nenvironments = 'x'\n[tool.uv.index]\nname = 'x'\n");
    assert_snapshot!(refusal(&bench, DEV), @r#"
      × `pyproject.toml` is left as it is

    Error: envloom::manifest::in_the_way

      × `project` is a number, where a table is needed
       ╭─[pyproject.toml:1:11]
     1 │ project = 3
       ·           ┬
       ·           ╰── a number
     2 │ [tool.uv]
       ╰────
      help: remove it, or turn it into a table; then run: envloom generate:dev

    Error: envloom::manifest::in_the_way

      × `tool.uv.sources` is an array, where a table is needed
       ╭─[pyproject.toml:3:11]
     2 │ [tool.uv]
     3 │ sources = [1]
       ·           ─┬─
       ·            ╰── an array
     4 │ environments = 'x'
       ╰────
      help: remove it, or turn it into a table; then run: envloom generate:dev

    Error: envloom::manifest::in_the_way

      × `tool.uv.environments` is a string, where an array is needed
       ╭─[pyproject.toml:4:16]
     3 │ sources = [1]
     4 │ environments = 'x'
       ·                ─┬─
       ·                 ╰── a string
     5 │ [tool.uv.index]
       ╰────
      help: remove it, or turn it into an array; then run: envloom generate:dev

    Error: envloom::manifest::in_the_way

      × `tool.uv.index` is a table, where an array is needed
       ╭─[pyproject.toml:5:1]
     4 │ environments = 'x'
     5 │ [tool.uv.index]
       · ───────┬───────
       ·        ╰── a table
     6 │ name = 'x'
       ╰────
      help: remove it, or turn it into an array; then run: envloom generate:dev
    "#);
}

#[test]
fn no_requirement() {
    let mut bench = Bench::generated();
    bench.edit(DEV, "    \"pandas", "    \"two words\",\n    7,\n    \"pandas");
    assert_snapshot!(refusal(&bench, DEV), @r#"
      × `pyproject.toml` is left as it is

    Error: envloom::manifest::not_a_requirement

      × "two words" is not a requirement
        ╭─[pyproject.toml:9:5]
      8 │     "tqdm>=4.67.1",
      9 │     "two words",
        ·     ─────┬─────
        ·          ╰── neither uv nor envloom can read this
     10 │     7,
        ╰────
      help: a requirement is a name and a range, such as "tqdm>=4.67" (PEP 508)

    Error: envloom::manifest::not_a_requirement

      × 7 is not a requirement
        ╭─[pyproject.toml:10:5]
      9 │     "two words",
     10 │     7,
        ·     ┬
        ·     ╰── neither uv nor envloom can read this
     11 │     "pandas>=2.3.0",
        ╰────
      help: a requirement is a name and a range, such as "tqdm>=4.67" (PEP 508)
    "#);
}

#[test]
fn an_entry_twice() {
    let mut bench = Bench::generated();
    bench.edit(DEV, "    \"pandas", "    'TQDM<5',\n    \"pandas");
    assert_snapshot!(refusal(&bench, DEV), @r#"
      × `pyproject.toml` is left as it is

    Error: envloom::manifest::listed_twice

      × `project.dependencies[tqdm]` stands there twice
        ╭─[pyproject.toml:8:5]
      7 │ dependencies = [
      8 │     "tqdm>=4.67.1",
        ·     ───────┬──────
        ·            ╰── here
      9 │     'TQDM<5',
        ·     ────┬───
        ·         ╰── and here
     10 │     "pandas>=2.3.0",
        ╰────
      help: keep one of them; then run: envloom generate:dev
    "#);
}

#[test]
fn hand_edits_are_shown_all_at_once() {
    let mut bench = Bench::generated();
    bench.edit(DEV, "tqdm>=4.67.1", "tqdm>=4.70").edit(DEV, "    \"bench-utils\",\n", "").edit(
        DEV,
        "\"0.0.3\"",
        "\"0.0.4\"",
    );
    assert_snapshot!(refusal(&bench, DEV), @r#"
      × `pyproject.toml` is left as it is

    Error: envloom::manifest::hand_edit

      × `project.version` was edited by hand: it is "0.0.4"
       ╭─[pyproject.toml:5:11]
     4 │ name = "vlm-hyperbench"
     5 │ version = "0.0.4"
       ·           ───┬───
       ·              ╰── tasks.kdl:3:13 asks for "0.0.3"
     6 │ requires-python = ">=3.10, !=3.11.*, <3.13"
       ╰────
      help: to keep it: envloom absorb dev, or write at tasks.kdl:3:13: version "0.0.4"
            to undo it: envloom generate:dev --discard

    Error: envloom::manifest::hand_removal

      × `project.dependencies[bench-utils]` was removed by hand
       ╭─[pyproject.toml:7:16]
     6 │ requires-python = ">=3.10, !=3.11.*, <3.13"
     7 │ dependencies = [
       ·                ┬
       ·                ╰── tasks.kdl:10:1 asks for "bench-utils"
     8 │     "tqdm>=4.70",
       ╰────
      help: to keep it so, take it out at tasks.kdl:10:1
            to put it back: envloom generate:dev --discard

    Error: envloom::manifest::hand_edit

      × `project.dependencies[tqdm]` was edited by hand: it is "tqdm>=4.70"
       ╭─[pyproject.toml:8:5]
     7 │ dependencies = [
     8 │     "tqdm>=4.70",
       ·     ──────┬─────
       ·           ╰── tasks.kdl:6:18 asks for "tqdm>=4.67.1"
     9 │     "pandas>=2.3.0",
       ╰────
      help: to keep it: envloom absorb dev, or write at tasks.kdl:6:18: dependencies "tqdm>=4.70"
            to undo it: envloom generate:dev --discard
    "#);
}

#[test]
fn an_edited_tag_names_its_pin() {
    let mut bench = Bench::generated();
    bench.edit(PROD, "tag = \"v0.1.2\" }", "tag = \"v0.1.3\" }");
    assert_snapshot!(refusal(&bench, PROD), @r#"
      × `prod/pyproject.toml` is left as it is

    Error: envloom::manifest::hand_edit

      × `tool.uv.sources.bench-utils.tag` was edited by hand: it is "v0.1.3"
        ╭─[prod/pyproject.toml:44:76]
     43 │ [tool.uv.sources]
     44 │ bench-utils = { git = "https://git.example.com/vlm/bench-utils.git", tag = "v0.1.3" }
        ·                                                                            ────┬───
        ·                                                                                ╰── tasks.kdl:20:1 asks for "v0.1.2"
     45 │ model-interface = { git = "https://git.example.com/vlm/model-interface.git", tag = "v0.1.2" }
        ╰────
      help: to keep it: envloom absorb prod, or write at tasks.kdl:20:1: pin "bench-utils" "v0.1.3"
            to undo it: envloom generate:prod --discard
    "#);
    assert!(bench.rendered(STAGING).refused.is_none(), "the others go on");
}

#[test]
fn an_edit_of_what_tasks_kdl_dropped() {
    let mut bench = Bench::generated();
    bench.model.environments[0].settings.dependencies.remove(0);
    bench.edit(DEV, "tqdm>=4.67.1", "tqdm>=4.67.1 ; os_name == 'posix'");
    // Its marker makes it another entry: it stays as a foreign one.
    let dev = bench.rendered(DEV);
    assert_eq!(dev.foreign[0].kdl.as_deref(), Some("dependencies \"tqdm>=4.67.1 ; os_name == 'posix'\""));
    bench.edit(DEV, " ; os_name == 'posix'", ",<5");
    assert_snapshot!(refusal(&bench, DEV), @r#"
      × `pyproject.toml` is left as it is

    Error: envloom::manifest::hand_edit

      × `project.dependencies[tqdm]` was edited by hand: it is "tqdm>=4.67.1,<5"
       ╭─[pyproject.toml:8:5]
     7 │ dependencies = [
     8 │     "tqdm>=4.67.1,<5",
       ·     ────────┬────────
       ·             ╰── tasks.kdl asks for it no longer
     9 │     "pandas>=2.3.0",
       ╰────
      help: to keep it: envloom absorb dev, or write in tasks.kdl: dependencies "tqdm>=4.67.1,<5"
            to undo it: envloom generate:dev --discard
    "#);
}

#[test]
fn a_marker_added_by_hand_is_an_edit() {
    let mut bench = Bench::generated();
    bench.edit(DEV, "tqdm>=4.67.1", "tqdm>=4.67.1 ; os_name == 'posix'");
    assert!(refusal(&bench, DEV).contains("was edited by hand"));
    bench.settle(DEV, Disposition::Discard).write();
    assert_eq!(bench.text(DEV), Bench::generated().text(DEV));
}

#[test]
fn discard_puts_back_what_tasks_kdl_says() {
    let mut bench = Bench::generated();
    bench
        .edit(DEV, "tqdm>=4.67.1", "tqdm>=4.70")
        .edit(DEV, "    \"bench-utils\",\n", "    \"packaging\", # mine\n")
        .edit(DEV, "package = false", "package = true # why")
        .settle(DEV, Disposition::Discard);
    let set = bench.write();
    assert_eq!(set.manifests[&EnvironmentId(0)].changes.len(), 3);
    let text = bench.text(DEV);
    assert!(
        text.contains("    \"packaging\", # mine\n") && text.contains("package = false # why\n"),
        "{text}"
    );
    assert!(text.contains("\"tqdm>=4.67.1\"") && text.contains("    \"bench-utils\",\n"), "{text}");
}

#[test]
fn a_foreign_entry_in_place() {
    let mut bench = Bench::generated();
    bench.edit(DEV, "    \"pandas", "    \"numpy<2\",\n    \"pandas");
    bench.model.environments[0].settings.dependencies.push(requirement("numpy>=1"));
    assert_snapshot!(refusal(&bench, DEV), @r#"
      × `pyproject.toml` is left as it is

    Error: envloom::manifest::foreign_in_place

      × `project.dependencies[numpy]` is "numpy<2" already, and envloom did not write it
        ╭─[pyproject.toml:9:5]
      8 │     "tqdm>=4.67.1",
      9 │     "numpy<2",
        ·     ────┬────
        ·         ╰── tasks.kdl:1:1 asks for "numpy>=1"
     10 │     "pandas>=2.3.0",
        ╰────
      help: to keep it: envloom absorb dev, or write at tasks.kdl:1:1: dependencies "numpy<2"
            to put there what it asks for: envloom generate:dev --take-over
    "#);
    bench.settle(DEV, Disposition::TakeOver);
    assert!(bench.rendered(DEV).text.contains("    \"numpy>=1\",\n    \"pandas"));
}

#[test]
fn discarded_and_taken_over_in_one_call() {
    let mut bench = Bench::generated();
    bench.edit(DEV, "    \"pandas", "    \"numpy<2\",\n    \"pandas").edit(DEV, "tqdm>=4.67.1", "tqdm>=4.70");
    bench.model.environments[0].settings.dependencies.push(requirement("numpy>=1"));
    for one in [Disposition::Discard, Disposition::TakeOver] {
        bench.settle(DEV, one);
        assert!(bench.rendered(DEV).refused.is_some(), "{one:?} is half of what stands there");
    }
    bench.settle(DEV, Disposition::DiscardAndTakeOver);
    let text = bench.rendered(DEV).text;
    assert!(text.contains("    \"numpy>=1\",\n") && text.contains("\"tqdm>=4.67.1\""), "{text}");

    let mut bench = Bench::new();
    bench.put(DEV, Bench::generated().text(DEV).replace("tqdm>=4.67.1", "tqdm"));
    assert!(refusal(&bench, DEV).contains("generating it would change 1 entry:"));
    bench.settle(DEV, Disposition::DiscardAndTakeOver);
    assert!(bench.rendered(DEV).refused.is_none());
}

#[test]
fn a_manifest_never_generated() {
    let mut bench = Bench::new();
    let text =
        Bench::generated().text(DEV).replace("tqdm>=4.67.1", "tqdm").replace("bench-utils = {", "bench = {");
    bench.put(DEV, text);
    assert_snapshot!(refusal(&bench, DEV), @r#"
      × `pyproject.toml` is left as it is

    Error: envloom::manifest::never_generated

      × envloom did not write this manifest, and generating it would change 2 entries:
      │   ~ project.dependencies[tqdm]: "tqdm" -> "tqdm>=4.67.1"
      │   + tool.uv.sources.bench-utils = { workspace = true }
       ╭─[pyproject.toml:8:5]
     7 │ dependencies = [
     8 │     "tqdm",
       ·     ───┬──
       ·        ╰── the first of them
     9 │     "pandas>=2.3.0",
       ╰────
      help: to make these changes and own these entries from now on: envloom generate:dev --take-over
    "#);
    bench.settle(DEV, Disposition::Discard);
    assert!(bench.rendered(DEV).refused.is_some(), "discarding is for what envloom owns");
    bench.settle(DEV, Disposition::TakeOver);
    assert!(bench.rendered(DEV).refused.is_none());
}

#[test]
fn a_manifest_that_needs_no_change_is_taken_over_silently() {
    let mut bench = Bench::new();
    bench.put(DEV, Bench::generated().text(DEV));
    let dev = bench.rendered(DEV);
    assert!(dev.refused.is_none() && dev.changes.is_empty() && !dev.owned.is_empty());
}

#[test]
fn a_uv_toml_beside_it() {
    let mut bench = Bench::generated();
    bench.on_disk.get_mut(&STAGING).unwrap().uv_toml = Some("offline = true\n".into());
    assert_snapshot!(refusal(&bench, STAGING), @r#"
      × `staging/pyproject.toml` is left as it is

    Error: envloom::manifest::uv_toml

      × a `uv.toml` beside a generated manifest makes uv ignore most of its [tool.uv]
       ╭─[staging/uv.toml:1:1]
     1 │ offline = true
       · ───────┬──────
       ·        ╰── uv reads this instead
       ╰────
      help: move its settings into [tool.uv] of the manifest, where they stay, and remove the file
    "#);
}

#[test]
fn an_edited_python_version() {
    let mut bench = Bench::generated();
    bench.on_disk.get_mut(&PROD).unwrap().python_version = Some("3.10\n".into());
    assert_snapshot!(refusal(&bench, PROD), @r#"
      × `prod/pyproject.toml` is left as it is

    Error: envloom::manifest::python_version

      × `.python-version` was edited by hand: it is `3.10`
       ╭─[prod/.python-version:1:1]
     1 │ 3.10
       · ──┬─
       ·   ╰── tasks.kdl:5:12 asks for "3.12"
       ╰────
      help: to keep it: envloom absorb prod, or write: python "3.10"
            to undo it: envloom generate:prod --discard
    "#);
    bench.settle(PROD, Disposition::Discard);
    assert_eq!(bench.rendered(PROD).python_version, PythonVersionFile::Write("3.12\n".into()));
}

#[test]
fn a_defect_of_the_editor() {
    let source = crate::base::SourceFile::new("pyproject.toml", "[project]\nname = \"x\"\n");
    let finding = ManifestFinding::Unfaithful { path: "project.name".into(), span: (17, 3).into() };
    assert_snapshot!(testing::rendered(&ManifestError::new(&source, vec![finding])), @r#"
      × `pyproject.toml` is left as it is

    Error: envloom::manifest::unfaithful

      × editing the manifest would not have kept or made `project.name` as it must be
       ╭─[pyproject.toml:2:8]
     1 │ [project]
     2 │ name = "x"
       ·        ─┬─
       ·         ╰── this
       ╰────
      help: this is a defect of envloom: nothing was written; please report it with this manifest
    "#);
}

#[test]
fn foreign_entries_come_with_the_line_to_add() {
    let mut bench = Bench::generated();
    bench
        .edit(DEV, "    \"model-interface\",\n", "    \"model-interface\",\n    \"packaging>=24\",\n")
        .edit(DEV, "    \"ruff>=0.4.2\",\n", "    \"ruff>=0.4.2\",\n    { include-group = \"x\" },\n")
        .edit(DEV, "[dependency-groups]\n", "viz = ['rich']\n\n[dependency-groups]\nx = []\n")
        .edit(DEV, "torch = [\n", "rich = { git = \"https://x/rich\" }\ntorch = [\n")
        .edit(
            DEV,
            "    \"packages/bench_utils\",\n",
            "    \"packages/bench_utils\",\n    \"libs/new_one\",\n",
        );
    bench.put(DEV, format!("{}\n[tool.ruff]\nline-length = 100\n", bench.text(DEV)));
    let foreign: Vec<String> = bench
        .rendered(DEV)
        .foreign
        .into_iter()
        .map(|entry| format!("{}: {} | {}\n", entry.line, entry.path, entry.kdl.unwrap_or_default()))
        .collect();
    assert_snapshot!(foreign.concat(), @r#"
    12: project.dependencies[packaging] | dependencies "packaging>=24"
    23: project.optional-dependencies.viz[rich] | extra "viz" "rich"
    51: tool.uv.workspace.members[libs/new_one] | package "new-one" path="libs/new_one" role="member"
    58: tool.uv.sources.rich |
    "#);
}

/// The codes that this file shows are those of the table.
#[test]
fn every_code_is_in_the_table_and_has_a_snapshot() {
    let text = include_str!("refused.rs");
    // What is made from an adopted manifest is shown there as a user sees it.
    let derived = include_str!("../../../tests/it/adopt.rs");
    let absorbed = include_str!("../../../tests/it/absorb.rs");
    for (code, meaning) in CODES {
        let told = |text: &str| text.contains(&format!("error[{code}]"));
        let shown = text.contains(&format!("{code}\n")) || told(derived) || told(absorbed);
        assert!(shown, "{code} has no snapshot");
        assert!(!meaning.is_empty());
    }
    let declared = include_str!("../error.rs").matches("code(envloom::manifest::").count();
    assert_eq!(declared, CODES.len());
}
