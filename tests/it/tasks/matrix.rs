//! `matrix` and `list --cells`: the cells of tasks, for people and for a CI.

use serde_json::Value;

use super::tasks;

const TASKS: &str = r#"
task "test" { description "all tests"; matrix { environment "dev"; cuda "*"; precision "fp16" "fp32"; exclude cuda="cpu" precision="fp16" }; run "true" }
task "bench" { matrix { size "1" "2" }; run "true" }
task "plain" { run "true" }
task "inner" private=#true { matrix { a "b" }; run "true" }
"#;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_cells_of_targets_are_told_as_rows_and_as_objects() {
    let repo = crate::seed::locked();
    repo.append("tasks.kdl", TASKS);
    insta::assert_snapshot!(repo.run("matrix").text(), @r"
    test:dev@cu124,fp16
    test:dev@cu124,fp32
    test:dev@cpu,fp32
    bench@1
    bench@2
    plain
    ");
    insta::assert_snapshot!(repo.run("matrix test:dev@cpu plain").text(), @r"
    test:dev@cpu,fp32
    plain
    ");
    insta::assert_snapshot!(repo.run("matrix test precision=fp16").text(), @"test:dev@cu124,fp16");
    insta::assert_snapshot!(repo.run("matrix sync:dev check").text(), @r"
    sync:dev@cu124
    sync:dev@cpu
    check:dev
    check:staging
    check:prod
    ");
    let rows = json(&repo.run("matrix test@cpu bench@2 check:dev --json").text());
    insta::assert_snapshot!(format!("{rows:#}"), @r#"
    [
      {
        "cell": "dev-cpu-py3.12-fp32",
        "cuda": "cpu",
        "environment": "dev",
        "possible": true,
        "precision": "fp32",
        "python": "3.12",
        "target": "test:dev@cpu,fp32",
        "variants": [
          "cpu"
        ]
      },
      {
        "cell": "2",
        "environment": null,
        "possible": true,
        "python": null,
        "size": "2",
        "target": "bench@2",
        "variants": []
      },
      {
        "cell": "",
        "environment": "dev",
        "possible": true,
        "python": null,
        "target": "check:dev",
        "variants": []
      }
    ]
    "#);
}

#[test]
fn what_names_no_cell_is_refused_and_the_list_has_every_cell() {
    let repo = crate::seed::locked();
    repo.append("tasks.kdl", TASKS);
    insta::assert_snapshot!(repo.run("matrix test@cu999").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the call cannot be carried out

    error[envloom::graph::no_such_cell]: task `test` has no cell with `cu999`
     --> command line:1:21
    1 | envloom matrix test@cu999
      |                     ^^^^^ leaves no cell of its matrix
    help: it has test:dev@cu124,fp16, test:dev@cu124,fp32, test:dev@cpu,fp32
    ");
    insta::assert_snapshot!(repo.run("list --cells").text(), @r"
    sync:dev@cu124
    sync:dev@cpu
    sync:staging@cu124
    sync:staging@cpu
    sync:prod@cu124
    sync:prod@cpu
    test:dev@cu124,fp16
    test:dev@cu124,fp32
    test:dev@cpu,fp32
    bench@1
    bench@2
    plain
    ");
    let listed = json(&repo.run("list --cells --json").text());
    assert_eq!(listed["cells"].as_array().unwrap().last().unwrap()["target"], "plain");
    let names: Vec<&Value> = listed["tasks"].as_array().unwrap().iter().map(|task| &task["name"]).collect();
    assert_eq!(names, ["test", "bench", "plain"]);
}

#[test]
fn a_file_of_tasks_only_has_cells_too_and_private_ones_are_not_listed() {
    let repo = tasks(
        "task \"a\" { matrix { target \"x\" \"y\" }; run \"true\" }\ntask \"hidden\" private=#true { run \"true\" }\n",
    );
    let rows = json(&repo.run("matrix --json").text());
    // No axis takes the place of what every cell has.
    assert_eq!(rows[1]["target"], "a@y");
    assert_eq!(rows[1]["environment"], Value::Null);
    assert_eq!(repo.run("list").text(), "a");
    repo.tasks_kdl("").run("matrix --json").success();
}

#[test]
fn without_a_cell_the_verb_says_so_beside_its_data() {
    let repo = crate::support::Monorepo::new().tasks_kdl(
        "default-environment \"app\"\nenvironment \"app\" { manifest \"pyproject.toml\"; adopt }\n",
    );
    repo.write("pyproject.toml", "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.9\"\n");
    insta::assert_snapshot!(repo.run("matrix").output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    no cells found
    ");
    let asked = repo.run("--json matrix").success();
    assert_eq!((asked.stdout(), asked.stderr()), ("[]\n", ""));
}
