//! Own tasks over a matrix: 24 cells of real pytest runs, each in its own venv.

use std::fs;

use crate::support::{Ran, lab};

/// How many tasks of a name ended with a result.
fn count(ran: &Ran, result: &str, name: &str) -> usize {
    let ended = ran.events().all().iter().filter(|event| event["event"] == "finished");
    let ended = ended.filter(|event| event["result"] == result);
    ended.filter(|event| event["task"].as_str().is_some_and(|task| task.starts_with(name))).count()
}

#[test]
fn twenty_four_cells_run_once_and_each_has_its_own_torch() {
    let repo = lab();
    let cold = repo.run("test").success();
    assert_eq!((count(&cold, "ran", "sync:"), count(&cold, "ran", "test:")), (12, 24));
    for environment in ["dev", "prod"] {
        for variant in ["cu124", "cu128", "cpu"] {
            for python in ["3.10", "3.12"] {
                for precision in ["fp16", "fp32"] {
                    let cell = format!("{environment}-{variant}-py{python}-{precision}");
                    // What pytest imported is asserted by the test itself; this is what `uv run` found.
                    assert_eq!(
                        repo.read(&format!("reports/{cell}.torch")),
                        format!("2.7.0+{variant} {python}\n")
                    );
                    assert!(repo.read(&format!("reports/{cell}.xml")).contains("tests=\"2\""));
                }
            }
        }
    }
    // Unchanged: nothing runs.
    let unchanged = repo.run("test").success().ran(&[]);
    assert_eq!(count(&unchanged, "fresh", "test:"), 24);
    // One source file: every cell, and no sync.
    repo.write("src/lab.py", "def scale(name):\n    return int(name.removeprefix('fp'))\n");
    let changed = repo.run("test").success();
    assert_eq!((count(&changed, "ran", "sync:"), count(&changed, "ran", "test:")), (0, 24));
    // One output: that cell, from the store.
    fs::remove_file(repo.path("reports/prod-cu128-py3.10-fp32.xml")).unwrap();
    let restored = repo.run("test").success().ran(&[]).restored(&["test:prod@cu128,3.10,fp32"]);
    assert_eq!(count(&restored, "fresh", "test:"), 23);
    // What it was before comes back without a run.
    repo.write("src/lab.py", "def scale(name):\n    return int(name[2:])\n");
    let back = repo.run("test").success().ran(&[]);
    assert_eq!(count(&back, "restored", "test:"), 24);
    // One cell of many, and a part of them.
    let some = repo.run("-B test:dev@cpu,fp16").success();
    assert_eq!(count(&some, "ran", "test:"), 2);
    repo.assert_clean();
}
