//! What tasks mean.

use std::collections::BTreeMap;
use std::time::Duration;

use insta::assert_snapshot;

use super::*;
use crate::model::OwnCell;

/// Two environments, an axis of variants, and these tasks.
fn with(tasks: &str) -> String {
    format!(
        "project \"demo\" {{ requires-python \">=3.10\"; python \"3.12\" }}
variants \"cuda\" {{ dependencies \"torch\"; variant \"cu124\"; variant \"cpu\" }}
environment \"dev\" {{ manifest \"pyproject.toml\" }}
environment \"app\" {{ manifest \"app/pyproject.toml\" }}
{tasks}"
    )
}

/// The points of the first task's matrix.
fn points(tasks: &str) -> Vec<String> {
    let model = model(&with(tasks));
    let matrix = model.tasks[0].matrix.as_ref().unwrap();
    matrix.points.iter().map(|point| point.words(&model).join("-")).collect()
}

#[test]
fn a_matrix_has_every_combination_but_the_excluded_ones_and_the_included_ones_besides() {
    assert_eq!(
        points(
            "task \"t\" { run \"x\"; matrix {
                environment \"*\"; cuda \"*\"; python \"3.10\" 3.12; precision \"fp16\"
                exclude environment=\"app\" cuda=\"cu124\"; exclude python=\"3.10\" cuda=\"cpu\"
                include environment=\"dev\" cuda=\"cpu\" python=\"3.13\" precision=\"int8\"
            } }"
        ),
        [
            "dev-cu124-py3.10-fp16",
            "dev-cu124-py3.12-fp16",
            "dev-cpu-py3.12-fp16",
            "app-cpu-py3.12-fp16",
            "dev-cpu-py3.13-int8",
        ]
    );
    assert_eq!(points("task \"t\" { run \"x\"; matrix { size \"s\" \"m\" } }"), ["s", "m"]);
    let default = "default-environment \"app\"\ntask \"t\" { run \"x\"; matrix { cuda \"cpu\" } }";
    assert_eq!(points(default), ["app-cpu"]);
}

#[test]
fn texts_are_filled_in_for_a_cell_and_what_differs_there_wins() {
    let model = model(&with(
        "task \"t\" {
            matrix { environment \"dev\"; cuda \"*\"; size \"s\" }
            parameter \"K\" default=\"smoke\"
            run \"pytest\" \"-k\" \"{K}\" \"{{}}\" \"{environment}:{cuda}:{size}:{python}:{project}\"
            outputs \"reports/{cell}.xml\"
            cwd \"packages/{size}\"
            env \"A\" \"{cuda}\"; env \"B\"
            timeout \"30m\"
            resources gpu=1 memory=\"16GiB\"
            cell cuda=\"cpu\" { timeout \"1h\"; resources gpu=0; env \"B\" \"b\"; shell \"echo ${K} {K}\" }
        }",
    ));
    let task = &model.tasks[0];
    let cell = |choice| OwnCell {
        cell: Some(Cell {
            environment: EnvironmentId(0),
            choices: vec![Some(choice)],
            python: Some("3.12".into()),
        }),
        python: None,
        own: vec![("size".into(), "s".into())],
    };
    let given = BTreeMap::from([("K".to_owned(), "all".to_owned())]);
    let cu124 = task.job(&model, &cell(0), &given);
    assert_eq!(cu124.steps, [["pytest", "-k", "all", "{}", "dev:cu124:s:3.12:demo"]]);
    assert_eq!(cu124.outputs, ["reports/dev-cu124-py3.12-s.xml"]);
    assert_eq!(cu124.cwd, Ok(RelPath::parse("packages/s").unwrap()));
    assert_eq!(cu124.env, BTreeMap::from([("A".into(), Some("cu124".into())), ("B".into(), None)]));
    assert_eq!(cu124.timeout, Some(Duration::from_mins(30)));
    assert_eq!(cu124.resources, BTreeMap::from([("gpu".into(), 1), ("memory".into(), 16 << 30)]));
    let cpu = task.job(&model, &cell(1), &BTreeMap::new());
    assert_eq!(cpu.steps, [["sh", "-c", "echo ${K} smoke"]]);
    assert_eq!(cpu.env["B"], Some("b".into()));
    assert_eq!((cpu.timeout, cpu.resources["gpu"]), (Some(Duration::from_hours(1)), 0));
    assert_eq!(cell(0).address(&model), ":dev@cu124,s");
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is the look of ten errors")]
fn mistakes_in_texts_patterns_and_amounts() {
    assert_snapshot!(seen(&with(
        "task \"t\" {
    run \"echo\" \"{cel}\" \"{\" \"a}\" \"{}\" \"{cuda}\"
    inputs \"../x\" \"a/**/[\"
    outputs \"/abs\"
    cwd \"../up\"
    timeout \"soon\"; retries 2
    resources gpu=\"many\"
    env \"A-B\" \"1\"
    parameter \"python\"
}
task \"c\" { run \"x\"; check }"
    )), @r#"
      × tasks.kdl has 14 mistakes

    Error: envloom::model::unknown_place

      × `{cel}` stands for nothing in task `t`
       ╭─[tasks.kdl:6:16]
     5 │ task "t" {
     6 │     run "echo" "{cel}" "{" "a}" "{}" "{cuda}"
       ·                ───┬───
       ·                   ╰── in this text
     7 │     inputs "../x" "a/**/["
       ╰────
      help: known here: project, python. Write `{{` where a brace is meant

    Error: envloom::model::invalid_text

      × a `{` is not closed
       ╭─[tasks.kdl:6:24]
     5 │ task "t" {
     6 │     run "echo" "{cel}" "{" "a}" "{}" "{cuda}"
       ·                        ─┬─
       ·                         ╰── in this text
     7 │     inputs "../x" "a/**/["
       ╰────
      help: write `{{` and `}}` where braces are meant; `${…}` is left to the shell

    Error: envloom::model::invalid_text

      × a `}` closes nothing
       ╭─[tasks.kdl:6:28]
     5 │ task "t" {
     6 │     run "echo" "{cel}" "{" "a}" "{}" "{cuda}"
       ·                            ──┬─
       ·                              ╰── in this text
     7 │     inputs "../x" "a/**/["
       ╰────
      help: write `{{` and `}}` where braces are meant; `${…}` is left to the shell

    Error: envloom::model::invalid_text

      × `{}` names nothing
       ╭─[tasks.kdl:6:33]
     5 │ task "t" {
     6 │     run "echo" "{cel}" "{" "a}" "{}" "{cuda}"
       ·                                 ──┬─
       ·                                   ╰── in this text
     7 │     inputs "../x" "a/**/["
       ╰────
      help: write `{{` and `}}` where braces are meant; `${…}` is left to the shell

    Error: envloom::model::unknown_place

      × `{cuda}` stands for nothing in task `t`
       ╭─[tasks.kdl:6:38]
     5 │ task "t" {
     6 │     run "echo" "{cel}" "{" "a}" "{}" "{cuda}"
       ·                                      ────┬───
       ·                                          ╰── in this text
     7 │     inputs "../x" "a/**/["
       ╰────
      help: known here: project, python. Write `{{` where a brace is meant

    Error: envloom::model::invalid_pattern

      × `../x` is no pattern: `..` has no place in a pattern
       ╭─[tasks.kdl:7:12]
     6 │     run "echo" "{cel}" "{" "a}" "{}" "{cuda}"
     7 │     inputs "../x" "a/**/["
       ·            ───┬──
       ·               ╰── not a pattern
     8 │     outputs "/abs"
       ╰────
      help: write it relative to the root: "src/**/*.py", "reports/", "!**/gen.py"

    Error: envloom::model::invalid_pattern

      × `a/**/[` is no pattern: a `[` is not closed; `[[]` is the character itself
       ╭─[tasks.kdl:7:19]
     6 │     run "echo" "{cel}" "{" "a}" "{}" "{cuda}"
     7 │     inputs "../x" "a/**/["
       ·                   ────┬───
       ·                       ╰── not a pattern
     8 │     outputs "/abs"
       ╰────
      help: write it relative to the root: "src/**/*.py", "reports/", "!**/gen.py"

    Error: envloom::model::invalid_pattern

      × `/abs` is no pattern: the path is absolute
       ╭─[tasks.kdl:8:13]
     7 │     inputs "../x" "a/**/["
     8 │     outputs "/abs"
       ·             ───┬──
       ·                ╰── not a pattern
     9 │     cwd "../up"
       ╰────
      help: write it relative to the root: "src/**/*.py", "reports/", "!**/gen.py"

    Error: envloom::model::invalid_path

      × `../up` cannot be used: the path leaves the repository
        ╭─[tasks.kdl:9:9]
      8 │     outputs "/abs"
      9 │     cwd "../up"
        ·         ───┬───
        ·            ╰── refused
     10 │     timeout "soon"; retries 2
        ╰────
      help: write a path inside the repository, relative to its root

    Error: envloom::model::invalid_amount

      × `soon` is no duration
        ╭─[tasks.kdl:10:13]
      9 │     cwd "../up"
     10 │     timeout "soon"; retries 2
        ·             ───┬──
        ·                ╰── cannot be read
     11 │     resources gpu="many"
        ╰────
      help: write it like "90s", "30m" or "1h30m"

    Error: envloom::model::invalid_amount

      × `many` is no amount
        ╭─[tasks.kdl:11:19]
     10 │     timeout "soon"; retries 2
     11 │     resources gpu="many"
        ·                   ───┬──
        ·                      ╰── cannot be read
     12 │     env "A-B" "1"
        ╰────
      help: write it like 2, or "16GiB"

    Error: envloom::model::invalid_name

      × `A-B` is no name for a variable
        ╭─[tasks.kdl:12:9]
     11 │     resources gpu="many"
     12 │     env "A-B" "1"
        ·         ──┬──
        ·           ╰── not of this form
     13 │     parameter "python"
        ╰────
      help: use letters, digits and `_`, no digit first

    Error: envloom::model::reserved_name

      × `python` is taken and cannot name a parameter
        ╭─[tasks.kdl:13:15]
     12 │     env "A-B" "1"
     13 │     parameter "python"
        ·               ────┬───
        ·                   ╰── a word of envloom
     14 │ }
        ╰────
      help: choose another one, such as `my-python`

    Error: envloom::model::no_outputs

      × `check` means the outputs of task `c`, and it has none
        ╭─[tasks.kdl:15:21]
     14 │ }
     15 │ task "c" { run "x"; check }
        ·                     ──┬──
        ·                       ╰── of which outputs?
        ╰────
      help: declare `outputs "…"`, or delete `check`
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is the look of ten errors")]
fn mistakes_in_a_matrix() {
    assert_snapshot!(seen(&with(
        "task \"t\" { run \"x\"; matrix { environment \"prod\"; cuda \"cu12\"; python \"3\" \"3.9\"; size \"a/b\" \"none\"; all \"x\"
    exclude colour=\"red\"; include environment=\"dev\" } }
task \"few\" { run \"x\"; matrix { size \"s\"; exclude size=\"s\" } }
task \"no-env\" { run \"x\"; matrix { cuda \"cpu\" } }
task \"same\" { run \"x\"; matrix { a \"b-c\" \"b\"; d \"e\" \"c-e\" } }
task \"cell\" { run \"x\"; cell cuda=\"cpu\" { retries 1 } }"
    )), @r#"
      × tasks.kdl has 14 mistakes

    Error: envloom::model::empty_matrix

      × the matrix of task `t` has no cell
       ╭─[tasks.kdl:5:21]
     4 │     environment "app" { manifest "app/pyproject.toml" }
     5 │ ╭─▶ task "t" { run "x"; matrix { environment "prod"; cuda "cu12"; python "3" "3.9"; size "a/b" "none"; all "x"
     6 │ ├─▶     exclude colour="red"; include environment="dev" } }
       · ╰──── nothing is left of it
     7 │     task "few" { run "x"; matrix { size "s"; exclude size="s" } }
       ╰────
      help: delete an `exclude`, or the matrix

    Error: envloom::model::unknown_axis_value

      × `prod` is not on the axis `environment`
       ╭─[tasks.kdl:5:42]
     4 │ environment "app" { manifest "app/pyproject.toml" }
     5 │ task "t" { run "x"; matrix { environment "prod"; cuda "cu12"; python "3" "3.9"; size "a/b" "none"; all "x"
       ·                                          ───┬──
       ·                                             ╰── no such value
     6 │     exclude colour="red"; include environment="dev" } }
       ╰────
      help: use one of: dev, app

    Error: envloom::model::unknown_axis_value

      × `cu12` is not on the axis `cuda`
       ╭─[tasks.kdl:5:55]
     4 │ environment "app" { manifest "app/pyproject.toml" }
     5 │ task "t" { run "x"; matrix { environment "prod"; cuda "cu12"; python "3" "3.9"; size "a/b" "none"; all "x"
       ·                                                       ───┬──
       ·                                                          ╰── no such value
     6 │     exclude colour="red"; include environment="dev" } }
       ╰────
      help: did you mean `cu124`?

    Error: envloom::model::invalid_version

      × `3` is no Python version
       ╭─[tasks.kdl:5:70]
     4 │ environment "app" { manifest "app/pyproject.toml" }
     5 │ task "t" { run "x"; matrix { environment "prod"; cuda "cu12"; python "3" "3.9"; size "a/b" "none"; all "x"
       ·                                                                      ─┬─
       ·                                                                       ╰── not a version as PEP 440 writes it
     6 │     exclude colour="red"; include environment="dev" } }
       ╰────
      help: write it like "3.12" or "3.12.1"

    Error: envloom::model::invalid_name

      × `a/b` is no name for a value of a matrix
       ╭─[tasks.kdl:5:86]
     4 │ environment "app" { manifest "app/pyproject.toml" }
     5 │ task "t" { run "x"; matrix { environment "prod"; cuda "cu12"; python "3" "3.9"; size "a/b" "none"; all "x"
       ·                                                                                      ──┬──
       ·                                                                                        ╰── not of this form
     6 │     exclude colour="red"; include environment="dev" } }
       ╰────
      help: use letters, digits, `-`, `_`, `+` and `.`, a letter or digit first

    Error: envloom::model::reserved_name

      × `none` is taken and cannot name a value of a matrix
       ╭─[tasks.kdl:5:92]
     4 │ environment "app" { manifest "app/pyproject.toml" }
     5 │ task "t" { run "x"; matrix { environment "prod"; cuda "cu12"; python "3" "3.9"; size "a/b" "none"; all "x"
       ·                                                                                            ───┬──
       ·                                                                                               ╰── a word of envloom
     6 │     exclude colour="red"; include environment="dev" } }
       ╰────
      help: choose another one, such as `my-none`

    Error: envloom::model::reserved_name

      × `all` is taken and cannot name an axis
       ╭─[tasks.kdl:5:100]
     4 │ environment "app" { manifest "app/pyproject.toml" }
     5 │ task "t" { run "x"; matrix { environment "prod"; cuda "cu12"; python "3" "3.9"; size "a/b" "none"; all "x"
       ·                                                                                                    ─┬─
       ·                                                                                                     ╰── a word of envloom
     6 │     exclude colour="red"; include environment="dev" } }
       ╰────
      help: choose another one, such as `my-all`

    Error: envloom::model::unknown_name

      × unknown axis `colour`
       ╭─[tasks.kdl:6:13]
     5 │ task "t" { run "x"; matrix { environment "prod"; cuda "cu12"; python "3" "3.9"; size "a/b" "none"; all "x"
     6 │     exclude colour="red"; include environment="dev" } }
       ·             ───┬──
       ·                ╰── not declared
     7 │ task "few" { run "x"; matrix { size "s"; exclude size="s" } }
       ╰────
      help: use one of: environment, cuda, python, size, all

    Error: envloom::model::incomplete_cell

      × this cell has no value on `environment`
       ╭─[tasks.kdl:6:27]
     5 │ task "t" { run "x"; matrix { environment "prod"; cuda "cu12"; python "3" "3.9"; size "a/b" "none"; all "x"
     6 │     exclude colour="red"; include environment="dev" } }
       ·                           ────────────┬────────────
       ·                                       ╰── lacks `environment=`
     7 │ task "few" { run "x"; matrix { size "s"; exclude size="s" } }
       ╰────
      help: an `include` gives a value on every axis of its matrix

    Error: envloom::model::unknown_axis_value

      × `dev` is not on the axis `environment`
       ╭─[tasks.kdl:6:47]
     5 │ task "t" { run "x"; matrix { environment "prod"; cuda "cu12"; python "3" "3.9"; size "a/b" "none"; all "x"
     6 │     exclude colour="red"; include environment="dev" } }
       ·                                               ──┬──
       ·                                                 ╰── no such value
     7 │ task "few" { run "x"; matrix { size "s"; exclude size="s" } }
       ╰────
      help: declare one first

    Error: envloom::model::empty_matrix

      × the matrix of task `few` has no cell
       ╭─[tasks.kdl:7:23]
     6 │     exclude colour="red"; include environment="dev" } }
     7 │ task "few" { run "x"; matrix { size "s"; exclude size="s" } }
       ·                       ──────────────────┬─────────────────
       ·                                         ╰── nothing is left of it
     8 │ task "no-env" { run "x"; matrix { cuda "cpu" } }
       ╰────
      help: delete an `exclude`, or the matrix

    Error: envloom::model::matrix_without_environment

      × the matrix of task `no-env` does not say which environment
       ╭─[tasks.kdl:8:26]
     7 │ task "few" { run "x"; matrix { size "s"; exclude size="s" } }
     8 │ task "no-env" { run "x"; matrix { cuda "cpu" } }
       ·                          ──────────┬─────────
       ·                                    ╰── variants and Pythons belong to an environment
     9 │ task "same" { run "x"; matrix { a "b-c" "b"; d "e" "c-e" } }
       ╰────
      help: add `environment "dev"` to the matrix, or declare a `default-environment`

    Error: envloom::model::same_task_cell

      × two cells of task `same` would both be called `b-c-e`
        ╭─[tasks.kdl:9:24]
      8 │ task "no-env" { run "x"; matrix { cuda "cpu" } }
      9 │ task "same" { run "x"; matrix { a "b-c" "b"; d "e" "c-e" } }
        ·                        ─────────────────┬────────────────
        ·                                         ╰── in this matrix
     10 │ task "cell" { run "x"; cell cuda="cpu" { retries 1 } }
        ╰────
      help: rename a value: logs and outputs have the cell's name

    Error: envloom::model::unknown_name

      × unknown axis `cuda`
        ╭─[tasks.kdl:10:29]
      9 │ task "same" { run "x"; matrix { a "b-c" "b"; d "e" "c-e" } }
     10 │ task "cell" { run "x"; cell cuda="cpu" { retries 1 } }
        ·                             ──┬─
        ·                               ╰── not declared
        ╰────
      help: use one of:
    "#);
}

#[test]
fn an_explosion_is_refused_with_its_size() {
    let values = " ".to_owned() + &(0..40).map(|at| format!("\"v{at}\"")).collect::<Vec<_>>().join(" ");
    assert_snapshot!(seen(&with(&format!(
        "task \"t\" {{ run \"x\"; matrix {{ a{values}; b{values}; c{values} }} }}"
    ))), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::too_many_task_cells

      × the matrix of task `t` has 64000 cells; at most 10000 are allowed
       ╭─[tasks.kdl:5:21]
     4 │ environment "app" { manifest "app/pyproject.toml" }
     5 │ task "t" { run "x"; matrix { a "v0" "v1" "v2" "v3" "v4" "v5" "v6" "v7" "v8" "v9" "v10" "v11" "v12" "v13" "v14" "v15" "v16" "v17" "v18" "v19" "v20" "v21" "v22" "v23" "v24" "v25" "v26" "v27" "v28" "v29" "v30" "v31" "v32" "v33" "v34" "v35" "v36" "v37" "v38" "v39"; b "v0" "v1" "v2" "v3" "v4" "v5" "v6" "v7" "v8" "v9" "v10" "v11" "v12" "v13" "v14" "v15" "v16" "v17" "v18" "v19" "v20" "v21" "v22" "v23" "v24" "v25" "v26" "v27" "v28" "v29" "v30" "v31" "v32" "v33" "v34" "v35" "v36" "v37" "v38" "v39"; c "v0" "v1" "v2" "v3" "v4" "v5" "v6" "v7" "v8" "v9" "v10" "v11" "v12" "v13" "v14" "v15" "v16" "v17" "v18" "v19" "v20" "v21" "v22" "v23" "v24" "v25" "v26" "v27" "v28" "v29" "v30" "v31" "v32" "v33" "v34" "v35" "v36" "v37" "v38" "v39" } }
       ·                     ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┬─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       ·                                                                                                                                                                                                                                                                                                                                                                                      ╰── spans that many
       ╰────
      help: take values away, or split the task: a has 40 values, b has 40 values, c has 40 values
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is the look of five errors")]
fn what_would_be_passed_over_in_a_task_is_refused() {
    assert_snapshot!(seen(&with(
        "task \"db\" { service { start \"x\" }; retries 2 }
task \"ask\" { run \"x\"; interactive; secret \"TOKEN\" }
task \"t\" { run \"x\"; matrix { cuda \"cpu\"; environment \"dev\"; python \"3.12\"; size \"small\" \"large\" }
    cell cuda=\"cu124\" { retries 1 }; cell python=\"3.11\" { retries 1 }; cell size=\"smal\" { retries 1 }
    cell size=\"small\" environment=\"dev\" cuda=\"cpu\" { retries 1 } }"
    )), @r#"
      × tasks.kdl has 5 mistakes

    Error: envloom::model::unfitting_words

      × `retries` does not go with `service`, which task `db` has
       ╭─[tasks.kdl:5:44]
     4 │ environment "app" { manifest "app/pyproject.toml" }
     5 │ task "db" { service { start "x" }; retries 2 }
       ·                                            ┬
       ·                                            ╰── cannot hold here
     6 │ task "ask" { run "x"; interactive; secret "TOKEN" }
       ╰────
      help: delete it: the program of a service is started once. Where `ready` fails it is asked
            again, for as long as `timeout` says

    Error: envloom::model::unfitting_words

      × `secret` does not go with `interactive`, which task `ask` has
       ╭─[tasks.kdl:6:43]
     5 │ task "db" { service { start "x" }; retries 2 }
     6 │ task "ask" { run "x"; interactive; secret "TOKEN" }
       ·                                           ───┬───
       ·                                              ╰── cannot hold here
     7 │ task "t" { run "x"; matrix { cuda "cpu"; environment "dev"; python "3.12"; size "small" "large" }
       ╰────
      help: what an interactive task prints goes straight to the terminal, where nothing can be
            masked. Delete `interactive`, or use `pass-env` if the value may be seen

    Error: envloom::model::unknown_axis_value

      × `cu124` is not on the axis `cuda`
       ╭─[tasks.kdl:8:15]
     7 │ task "t" { run "x"; matrix { cuda "cpu"; environment "dev"; python "3.12"; size "small" "large" }
     8 │     cell cuda="cu124" { retries 1 }; cell python="3.11" { retries 1 }; cell size="smal" { retries 1 }
       ·               ───┬───
       ·                  ╰── no such value
     9 │     cell size="small" environment="dev" cuda="cpu" { retries 1 } }
       ╰────
      help: use one of: cpu

    Error: envloom::model::unknown_axis_value

      × `3.11` is not on the axis `python`
       ╭─[tasks.kdl:8:50]
     7 │ task "t" { run "x"; matrix { cuda "cpu"; environment "dev"; python "3.12"; size "small" "large" }
     8 │     cell cuda="cu124" { retries 1 }; cell python="3.11" { retries 1 }; cell size="smal" { retries 1 }
       ·                                                  ───┬──
       ·                                                     ╰── no such value
     9 │     cell size="small" environment="dev" cuda="cpu" { retries 1 } }
       ╰────
      help: did you mean `3.12`?

    Error: envloom::model::unknown_axis_value

      × `smal` is not on the axis `size`
       ╭─[tasks.kdl:8:82]
     7 │ task "t" { run "x"; matrix { cuda "cpu"; environment "dev"; python "3.12"; size "small" "large" }
     8 │     cell cuda="cu124" { retries 1 }; cell python="3.11" { retries 1 }; cell size="smal" { retries 1 }
       ·                                                                                  ───┬──
       ·                                                                                     ╰── no such value
     9 │     cell size="small" environment="dev" cuda="cpu" { retries 1 } }
       ╰────
      help: did you mean `small`?
    "#);
}
