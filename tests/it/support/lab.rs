//! A laboratory: a project whose tests run in 24 cells.
//!
//! Two environments, three variants of a stand-in for torch, two Pythons and an axis of the task's own. Each cell runs
//! the real pytest, which imports torch, and then `uv run`, which must land in the same venv.

use super::monorepo::Monorepo;

/// The task and its matrix; `[INDEX]` is filled in.
const TASKS: &str = r#"
project "lab" { version "0.1.0"; requires-python ">=3.10"; python "3.12"; dependencies "pytest"; platforms "sys_platform == 'linux'" }
package "bench-utils" path="packages/bench-utils" git="https://git.example.com/bench-utils.git"
variants "cuda" {
    dependencies "torch"
    variant "cu124" index="[INDEX]/cu124"
    variant "cu128" index="[INDEX]/cu128"
    variant "cpu" index="[INDEX]/cpu"
}
environment "dev" { manifest "pyproject.toml" }
environment "prod" { manifest "prod/pyproject.toml"; sources "tags" channel="stable"; pin "bench-utils" "v0.1.2" }
task "test" {
    matrix { environment "dev" "prod"; cuda "*"; python "3.10" "3.12"; precision "fp16" "fp32" }
    after "sync"
    inputs "tests/**/*.py" "src/**/*.py"
    outputs "reports/{cell}.xml" "reports/{cell}.torch"
    env "VARIANT" "{cuda}"
    env "PRECISION" "{precision}"
    env "CELL" "{cell}"
    run "pytest" "-q" "-p" "no:cacheprovider" "--junitxml=reports/{cell}.xml" "tests"
    run "uv" "run" "python" "tests/say_torch.py"
}
"#;

const TEST: &str = r#"
import os, sys
sys.path.insert(0, "src")
import bench_utils, lab, torch

def test_the_cell_has_its_own_torch():
    assert torch.__version__ == "2.7.0+" + os.environ["VARIANT"]

def test_the_axis_reaches_the_test():
    assert lab.scale(os.environ["PRECISION"]) in (16, 32)
"#;

const SAY_TORCH: &str = r#"
import os, sys, torch
with open("reports/" + os.environ["CELL"] + ".torch", "w") as said:
    said.write(torch.__version__ + " " + "%d.%d" % sys.version_info[:2] + "\n")
"#;

/// The laboratory, locked and committed, with nothing synced.
pub(crate) fn lab() -> Monorepo {
    let repo = Monorepo::new().with_pytest();
    for variant in ["cu124", "cu128", "cpu"] {
        repo.index(variant, &[("torch", format!("2.7.0+{variant}").as_str())]);
    }
    repo.package("bench-utils", &["v0.1.2"]);
    repo.tasks_kdl(TASKS);
    repo.write("src/lab.py", "def scale(name):\n    return int(name[2:])\n");
    repo.write("tests/test_lab.py", TEST);
    repo.write("tests/say_torch.py", SAY_TORCH);
    repo.write(".gitignore", "reports/\n__pycache__/\n");
    let repo = repo.with_uv_on_path();
    repo.run("lock").success();
    repo.commit("a laboratory")
}
