//! `resources`: how many tasks run at once, and which devices each has.

use super::tasks;
use crate::support::{Gate, Monorepo};

/// An `nvidia-smi` that lists so many devices.
fn with_devices(repo: &Monorepo, count: usize) -> Monorepo {
    let lines: Vec<String> =
        (0..count).map(|number| format!("echo 'GPU {number}: A100 (UUID: GPU-{number})'\n")).collect();
    let lines = lines.concat();
    repo.write_program("../smi/nvidia-smi", &format!("#!/bin/sh\n[ \"$*\" = -L ] || exit 1\n{lines}"));
    repo.path_first(repo.root().join("smi"))
}

#[test]
fn tasks_share_a_pool() {
    let text = "resources license=3\n".to_owned()
        + &["a", "b", "c"]
            .map(|name| {
                format!("task \"{name}\" {{ run \"[ROOT]/gate/gate\" \"{name}\"; resources license=2 }}\n")
            })
            .concat()
        + "task \"free\" { run \"[ROOT]/gate/gate\" \"free\" }\n";
    let repo = tasks(&text);
    let gate = Gate::new(&repo);
    let run = repo.spawn("-j8 a b c free");
    gate.wait_started(2);
    assert_eq!(gate.waiting().into_iter().collect::<Vec<_>>(), ["a", "free"]);
    gate.release("a");
    gate.wait_started(3);
    gate.release("b");
    gate.wait_started(4);
    gate.open();
    run.wait().success();
    assert_eq!(gate.max_concurrency(), 2);

    // This machine has more.
    repo.write("tasks.local.kdl", "resources license=4\n");
    let run = repo.spawn("-j8 a b c");
    gate.wait_started(7);
    run.wait().success();
}

#[test]
fn each_task_has_devices_of_its_own() {
    let repo = tasks(
        r#"
        task "train" {
            matrix { seed "1" "2" "3" }
            resources gpu=1
            cell seed="3" { resources gpu=2 }
            shell "echo $CUDA_VISIBLE_DEVICES > seen-{seed}; [ROOT]/gate/gate {seed}"
        }
        task "bare" { resources gpu=0; shell "echo [$CUDA_VISIBLE_DEVICES]" }
        task "silent" { shell "echo [$CUDA_VISIBLE_DEVICES]" }
        "#,
    );
    let repo = with_devices(&repo, 8).env("CUDA_VISIBLE_DEVICES", "3,5,7");
    let gate = Gate::new(&repo);
    let run = repo.spawn("-j8 train");
    gate.wait_started(2);
    // Which of the two begins first nobody says.
    let first = repo.read("seen-1").trim_end().to_owned();
    let mut both = vec![first.clone(), repo.read("seen-2").trim_end().to_owned()];
    both.sort();
    assert_eq!(both, ["3", "5"]);
    gate.release("1");
    gate.wait_started(3);
    assert_eq!(repo.read("seen-3"), format!("{first},7\n"));
    gate.open();
    run.wait().success();
    assert_eq!(repo.run("-q bare").text(), "[]");
    assert_eq!(repo.run("-q silent").text(), "[3,5,7]");
}

#[test]
fn more_than_there_is_and_what_nobody_declared_are_refused_before_anything_runs() {
    let repo = tasks(
        r#"
        task "first" { run "touch" "ran" }
        task "train" { after "first"; resources gpu=2 memory="900TiB" license=1; run "true" }
        "#,
    );
    let repo = with_devices(&repo, 1);
    let refused = repo.run("train").code(2);
    let told = refused.output_snapshot();
    let filtered = regex::Regex::new(r"there is [0-9.]+ ?[KMGT]iB")
        .unwrap()
        .replace(&told, "there is [MEMORY]")
        .into_owned();
    insta::assert_snapshot!(filtered, @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: nothing was run: what the tasks need is not there

    error[envloom::exec::pool_too_small]: `train` takes 2 of `gpu`, and there is 1
     --> tasks.kdl:3:49
    3 |         task "train" { after "first"; resources gpu=2 memory="900TiB" license=1; run "true" }
      |                                                 ^^^ more than there is
    help: so many NVIDIA devices are seen here; `resources gpu=…` in tasks.local.kdl says how much this machine has

    error[envloom::exec::unknown_pool]: `train` takes of the pool `license`, which nobody has declared
     --> tasks.kdl:3:71
    3 |         task "train" { after "first"; resources gpu=2 memory="900TiB" license=1; run "true" }
      |                                                                       ^^^^^^^ how much is there?
    help: say how much there is: `resources license=2` in tasks.kdl, or in tasks.local.kdl for this machine

    error[envloom::exec::pool_too_small]: `train` takes 900 TiB of `memory`, and there is [MEMORY]
     --> tasks.kdl:3:55
    3 |         task "train" { after "first"; resources gpu=2 memory="900TiB" license=1; run "true" }
      |                                                       ^^^^^^ more than there is
    help: so much memory has this machine; `resources memory=…` in tasks.local.kdl says how much this machine has
    "#);
    repo.run("-n train").code(2);
    assert!(!repo.exists("ran"));
    repo.write("tasks.local.kdl", "resources gpu=4 license=1 memory=\"1000TiB\"\n");
    repo.run("train").success().ran(&["first", "train"]);
    // One that does not run needs nothing.
    repo.remove("tasks.local.kdl").run("first").success();
}

#[test]
fn memory_is_the_machines_unless_declared() {
    let repo = tasks(r#"task "small" { resources memory="1MiB"; run "true" }"#);
    repo.run("small").success();
    repo.write("tasks.local.kdl", "resources memory=\"512KiB\"\n");
    repo.run("small").code(2).stderr_has("takes 1.0 MiB of `memory`, and there is 512 KiB");
}
