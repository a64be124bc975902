//! `auto`: the variant by this machine's NVIDIA driver. The machines that run these tests have none, unless their
//! kernel's module says otherwise: then the tests without the variable would be about that one.

use std::path::Path;

use crate::seed::three_environments;
use crate::support::Monorepo;

/// The seed with a driver range for its CUDA variant, locked.
fn seed() -> Monorepo {
    let repo = three_environments();
    let kdl = repo.read("tasks.kdl");
    let line = kdl.lines().find(|line| line.contains("variant \"cu124\"")).unwrap();
    let repo = repo.replace("tasks.kdl", line, &format!("{line} driver=\">=550.54\""));
    repo.run("lock:dev").success();
    repo.commit("locked")
}

/// The same with a program that answers as `nvidia-smi` does, and counts how often.
fn with_smi(repo: &Monorepo, answer: &str) -> Monorepo {
    let script = format!("#!/bin/sh\necho \"$@\" >> '[ROOT]/smi-calls'\n{answer}\n");
    repo.write_program("../smi/nvidia-smi", &script).path_first(repo.root().join("smi"))
}

fn calls(repo: &Monorepo) -> usize {
    if repo.exists("../smi-calls") { repo.read("../smi-calls").lines().count() } else { 0 }
}

/// Nothing of a test can hide the driver of the machine it runs on.
fn is_driverless() -> bool {
    !["/proc/driver/nvidia/version", "/sys/module/nvidia/version"].iter().any(|path| Path::new(path).exists())
}

#[test]
fn the_variable_of_uv_chooses_and_a_notice_says_so_also_of_a_no_op() {
    let repo = seed();
    let gpu = repo.env("UV_CUDA_DRIVER_VERSION", "550.144.03");
    let first = gpu.run("sync:dev@auto").success().ran(&["sync:dev@cu124"]);
    insta::assert_snapshot!(first.output_snapshot(), @r"
    exit: 0
    ----- stdout -----

    ----- stderr -----
    warning: cuda=auto is cu124: NVIDIA driver 550.144.03 (UV_CUDA_DRIVER_VERSION) suits `>=550.54`
    ✓ sync:dev@cu124  ran in [TIME]  (no record of it here)
    ran 1, up to date 2 in [TIME]
    ");
    // Once from a look at everything, once from the compiled plan.
    for _ in 0..2 {
        let again = gpu.run("sync:dev@auto").success().ran(&[]);
        again.stderr_has(
            "cuda=auto is cu124: NVIDIA driver 550.144.03 (UV_CUDA_DRIVER_VERSION) suits `>=550.54`",
        );
    }
    // Another driver is another call.
    let old = repo.env("UV_CUDA_DRIVER_VERSION", "535.183").run("sync:dev@auto").success();
    old.ran(&["sync:dev@cpu"])
        .stderr_has("cuda=auto is cpu: NVIDIA driver 535.183 (UV_CUDA_DRIVER_VERSION) suits no other");
}

#[test]
fn auto_is_meant_in_every_place_that_chooses_a_variant() {
    let repo = seed();
    let gpu = repo.env("UV_CUDA_DRIVER_VERSION", "570.86");
    gpu.run("sync:dev@cuda=auto").success().ran(&["sync:dev@cu124"]);
    gpu.run("sync:dev CUDA=auto").success().fresh(&["generate:dev", "lock:dev", "sync:dev@cu124"]);
    gpu.env("UV_TORCH_BACKEND", "auto").run("sync:dev").success().fresh(&[
        "generate:dev",
        "lock:dev",
        "sync:dev@cu124",
    ]);
    let prefers = gpu.write("tasks.local.kdl", "prefer \"cuda\" \"auto\"\n");
    prefers.run("sync").success().fresh(&["generate:dev", "lock:dev", "sync:dev@cu124"]);
    let print = "run dev@auto -- python -c 'import torch; print(torch.__version__)'";
    let printed = prefers.run(print).success().stderr_has("cuda=auto is cu124: ");
    assert_eq!(printed.stdout(), "2.6.0+cu124\n");
    prefers.run("explain sync").success().stderr_has("cuda=auto is cu124: ");
    prefers.run("-n sync:dev@cpu").success().ran(&[]);
}

#[test]
fn nvidia_smi_is_asked_where_no_file_tells_and_only_for_auto() {
    if !is_driverless() {
        // The module's file answers first; that it does is what is left to see here.
        seed().run("-n sync:dev@auto").success().stderr_has("/nvidia/version)");
        return;
    }
    let repo = with_smi(&seed(), "echo 560.35.03; echo 560.35.03");
    repo.run("check:dev sync:dev@cpu").success();
    assert_eq!(calls(&repo), 0, "it was asked although nobody meant auto");
    repo.run("sync:dev@auto")
        .success()
        .ran(&["sync:dev@cu124"])
        .stderr_has("560.35.03 (nvidia-smi) suits `>=550.54`");
    assert_eq!(
        repo.read("../smi-calls").lines().next(),
        Some("--query-gpu=driver_version --format=csv,noheader")
    );
    // What a program answers is in no file: no compiled plan can rest on it.
    let before = calls(&repo);
    repo.run("sync:dev@auto").success().ran(&[]);
    assert!(calls(&repo) > before);
    let replaced = with_smi(&repo, "echo 470.256.02");
    replaced
        .run("sync:dev@auto")
        .success()
        .fresh(&["generate:dev", "lock:dev", "sync:dev@cpu"])
        .stderr_has("470.256.02");
    let failing = with_smi(&repo, "echo 'NVIDIA-SMI has failed' >&2; exit 9");
    failing.run("sync:dev@auto").success().stderr_has("cuda=auto is cpu: no NVIDIA driver was found");
    let odd = with_smi(&repo, "echo '[N/A]'");
    insta::assert_snapshot!(odd.run("sync:dev@auto").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the call cannot be carried out

    error[envloom::graph::driver_unreadable]: the NVIDIA driver is unknown: nvidia-smi gives `[N/A]`
     --> command line:1:18
    1 | envloom sync:dev@auto
      |                  ^^^^ goes by the driver
    help: set UV_CUDA_DRIVER_VERSION to the driver's version, for example 550.144.03, or name the variant: cu124, cpu
    ");
    odd.assert_clean();
}

#[test]
fn a_machine_without_a_driver_gets_the_variant_without_ranges() {
    if !is_driverless() {
        seed().run("-n sync:dev@auto").success().stderr_has("/nvidia/version)");
        return;
    }
    let repo = seed();
    repo.run("sync:dev@auto")
        .success()
        .ran(&["sync:dev@cpu"])
        .stderr_has("cuda=auto is cpu: no NVIDIA driver was found");
    repo.run("sync:dev@auto").success().ran(&[]);
    // A nvidia-smi that comes to lie on PATH is noticed by the compiled plan.
    repo.write("../late/README", "")
        .path_first(repo.root().join("late"))
        .run("sync:dev@auto")
        .success()
        .ran(&[]);
    let late = repo.path_first(repo.root().join("late"));
    late.run("sync:dev@auto").success().ran(&[]);
    late.write_program("../late/nvidia-smi", "#!/bin/sh\necho 550.90\n");
    late.run("sync:dev@auto").success().ran(&["sync:dev@cu124"]);
    // And without such a variant there is nothing to fall back to.
    let kdl = repo.read("tasks.kdl");
    let line = kdl.lines().find(|line| line.contains("variant \"cpu\"")).unwrap();
    let gpu_only = repo.replace("tasks.kdl", line, &format!("{line} driver=\">=9000\""));
    insta::assert_snapshot!(gpu_only.run("sync:dev@auto").code(2).output_snapshot(), @r"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: the call cannot be carried out

    error[envloom::graph::no_variant_for_driver]: no variant of `cuda` suits this machine, which has no NVIDIA driver
     --> command line:1:18
    1 | envloom sync:dev@auto
      |                  ^^^^ none suits
    help: cu124 runs on >=550.54, cpu runs on >=9000. Name the variant, or declare one without `driver` for every other machine. The axis is declared at tasks.kdl:12:10
    ");
}
