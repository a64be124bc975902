//! The verbs that only look: `list`, `graph`, `explain`.

use crate::seed::{locked, three_environments};
use crate::support::Monorepo;

#[test]
fn what_there_is() {
    let repo = three_environments();
    repo.append("tasks.kdl", "task \"fmt\" {\n    description \"formats\"\n    run \"true\"\n}\n");
    insta::assert_snapshot!(repo.run("list").text(), @r"
    dev                      pyproject.toml (workspace)
    staging                  staging/pyproject.toml (tags, frozen)
    prod                     prod/pyproject.toml (tags, frozen)
    @cuda                    cu124 cpu
    TASK:ENVIRONMENT         generate lock check verify sync; sync:ENVIRONMENT@CELL
    fmt                      formats
    ");
    insta::assert_snapshot!(repo.run("list --cells").text(), @r"
    sync:dev@cu124
    sync:dev@cpu
    sync:staging@cu124
    sync:staging@cpu
    sync:prod@cu124
    sync:prod@cpu
    fmt
    ");
    let answer: serde_json::Value = serde_json::from_str(&repo.run("list --cells --json").text()).unwrap();
    assert_eq!(answer["cells"].as_array().unwrap().len(), 7);
    insta::assert_snapshot!(format!("{:#}", answer["cells"][0]), @r#"
    {
      "cell": "dev-cu124-py3.12",
      "cuda": "cu124",
      "environment": "dev",
      "possible": true,
      "python": "3.12",
      "target": "sync:dev@cu124",
      "variants": [
        "cu124"
      ]
    }
    "#);
}

#[test]
fn a_long_file_is_remembered_as_it_is_now_and_its_mistakes_are_shown_where_they_are() {
    let repo = Monorepo::new();
    let task = |name: &str, more: &str| format!("task \"{name}\" {{ run \"true\"; {more} }}\n");
    let many: String = (0..400).map(|at| task(&format!("t{at:03}"), "")).collect();
    let list = |more: &str| {
        repo.tasks_kdl(&format!("{many}{more}"));
        let first = repo.run("list").text();
        assert_eq!(repo.run("list").text(), first);
        first
    };
    assert_eq!(list("").lines().count(), 400);
    // As long as before, and a moment later.
    assert!(list(&task("one", "")).ends_with("one"));
    assert!(list(&task("two", "")).ends_with("two"));
    // Equal in meaning.
    assert!(list(&format!("// a comment\n{}", task("two", ""))).ends_with("two"));
    repo.tasks_kdl(&format!("{many}{}", task("x", "after \"nowhere\"")));
    let wrong = [repo.run("x"), repo.run("x")].map(|ran| ran.code(2).stderr().to_owned());
    assert!(wrong[0].contains("tasks.kdl:401:"), "{}", wrong[0]);
    assert_eq!(wrong[0], wrong[1]);
    // What is remembered may be damaged or gone.
    let repo = repo.tasks_kdl(&many);
    let listed = repo.run("list").text();
    let memo = repo.path("../cache/envloom/memo");
    for entry in std::fs::read_dir(&memo).unwrap().map(|entry| entry.unwrap().path()) {
        std::fs::write(entry, "nonsense").unwrap();
    }
    assert_eq!(repo.run("list").text(), listed);
    std::fs::remove_dir_all(&memo).unwrap();
    std::fs::write(&memo, "in the way").unwrap();
    assert_eq!(repo.run("list").text(), listed);
}

#[test]
fn what_waits_for_what() {
    let repo = three_environments();
    insta::assert_snapshot!(repo.run("graph sync:prod@cpu sync:dev@cpu").text(), @r"
    check:prod
    verify:prod
    sync:prod@cpu <- check:prod verify:prod
    generate:dev
    lock:dev <- generate:dev
    sync:dev@cpu <- lock:dev
    ");
    insta::assert_snapshot!(repo.run("graph --format dot lock:dev check:dev").text(), @r#"
    digraph envloom {
        rankdir=LR;
        node [shape=box];
        "generate:dev";
        "lock:dev";
        "generate:dev" -> "lock:dev";
        "check:dev";
        "generate:dev" -> "check:dev" [style=dashed];
        "lock:dev" -> "check:dev" [style=dashed];
    }
    "#);
    let text = repo.run("graph --json lock:dev").text();
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["tasks"].as_array().unwrap().len(), 2);
    assert_eq!(repo.run("graph --format json lock:dev").text(), text);
    insta::assert_snapshot!(repo.run("graph --format mermaid sync:dev@cpu check:dev").text(), @r#"
    flowchart LR
        t0["generate:dev"]
        t1["lock:dev"]
        t2["sync:dev@cpu"]
        t3["check:dev"]
        t0 --> t1
        t1 --> t2
        t0 -.-> t3
        t1 -.-> t3
    "#);
}

/// Prints what a drawing holds: its boxes' names, and how many edges of each kind.
const READ_SVG: &str = r"
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
space = '{http://www.w3.org/2000/svg}'
assert root.tag == space + 'svg', root.tag
width, height = float(root.get('width')), float(root.get('height'))
for rect in root.findall(space + 'rect'):
    x, y, w, h = (float(rect.get(name)) for name in ('x', 'y', 'width', 'height'))
    assert 0 <= x and x + w <= width and 0 <= y and y + h <= height, (x, y, w, h)
print(' '.join(text.text for text in root.findall(space + 'text')))
paths = [path.get('class') for path in root.findall(space + 'path')]
print(paths.count(None), paths.count('after'))
";

#[test]
fn a_drawing_is_xml_and_has_every_task_and_edge() {
    let repo = three_environments();
    let python = crate::support::python("3.12");
    let read = |targets: &str| {
        repo.write("../graph.svg", &repo.run(&format!("graph --format svg {targets}")).text());
        let file = repo.root().join("graph.svg");
        repo.exec(python, &["-c", READ_SVG, file.to_str().unwrap()]).text()
    };
    assert_eq!(
        read("sync:prod@cpu check:dev lock:dev"),
        "check:prod verify:prod sync:prod@cpu check:dev generate:dev lock:dev\n3 2"
    );
    assert_eq!(read("check:dev"), "check:dev\n0 0");
}

#[test]
fn why() {
    let repo = locked();
    repo.run("check:prod").success();
    insta::assert_snapshot!(repo.redact(&repo.run("explain check:prod").text()), @"check:prod is up to date");
    insta::assert_snapshot!(repo.redact(&repo.run("explain sync:dev@cpu").text()), @"sync:dev@cpu would run: no record of it here");
    repo.replace("tasks.kdl", "pin \"foo\" \"v0.1.2\"\n", "pin \"foo\" \"v0.1.1\"\n");
    repo.run("generate:prod").success();
    insta::assert_snapshot!(repo.redact(&repo.run("explain lock:prod").text()), @r#"
    lock:prod would run: 2 things changed
      prod/pyproject.toml: tool.uv.dependency-metadata[foo].version: "0.1.2" -> "0.1.1"
      prod/pyproject.toml: tool.uv.sources.foo.tag: "v0.1.2" -> "v0.1.1"
      it ran last because: prod/uv.lock is missing
      and took [TIME]
    "#);
    repo.replace("tasks.kdl", "\"tqdm>=4\"", "\"tqdm>=4.60\"");
    insta::assert_snapshot!(repo.redact(&repo.run("explain check:dev").text()), @r#"
    check:dev would fail: pyproject.toml is not what tasks.kdl says:
      pyproject.toml: project.dependencies[tqdm]: "tqdm>=4" -> "tqdm>=4.60"
    "#);
}
