//! What envloom takes from the machine: uv, Pythons, variables, git; and what uv itself reads.

mod finding_uv;
mod provision;
mod pythons;
mod remotes;
mod strace;
mod trace;
mod variables;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::{Monorepo, Package, python};

/// Three environments, two variants, two internal packages of which one names the other as a
/// member of the workspace. Nothing is locked yet.
fn unlocked() -> Monorepo {
    let released = |package: Package| package.tag("v0.1.2.dev0").tag("v0.1.2");
    Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1"), ("packaging", "25.0")])
        .index("cu124", &[("torch", "2.6.0+cu124")])
        .index("cpu", &[("torch", "2.7.0+cpu")])
        .add(released(Package::new("bar")))
        .add(released(Package::new("foo").requires("bar>=0.1").workspace_source("bar")))
        .tasks_kdl(include_str!("tasks.kdl"))
        .commit("start")
}

/// The same, locked and committed.
fn locked() -> Monorepo {
    let repo = unlocked();
    repo.run("-j2 lock").success();
    repo.commit("lock")
}

/// One environment without dependencies, and what `tasks.kdl` says about uv.
fn small(wanted: &str) -> Monorepo {
    let text = format!(
        "{wanted}\nproject \"demo\" {{\n    version \"1.0\"\n    requires-python \">=3.10\"\n}}\n\
         environment \"dev\" {{ manifest \"pyproject.toml\"; sources \"workspace\" }}\n"
    );
    Monorepo::new().tasks_kdl(&text).commit("start")
}

/// The path of the real uv.
fn real_uv(repo: &Monorepo) -> String {
    repo.exec("sh", &["-c", "echo \"$ENVLOOM_UV\""]).text()
}

/// A machine with git and one Python, and with no uv: PATH is one directory with these two.
fn without_uv(repo: &Monorepo) -> Monorepo {
    let git = repo.exec("sh", &["-c", "command -v git"]).text();
    let bin = repo.root().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(git, bin.join("git")).unwrap();
    symlink(python("3.12"), bin.join("python3")).unwrap();
    repo.env("PATH", "[ROOT]/bin").without_env("ENVLOOM_UV")
}

/// Puts a program that prints this in front of PATH.
fn printing(repo: &Monorepo, directory: &str, printed: &str) -> Monorepo {
    repo.write_program(&format!("../{directory}/uv"), &format!("#!/bin/sh\necho '{printed}'\n"))
        .path_first(repo.root().join(directory))
}

/// A Python that has everything but pip.
fn without_pip(repo: &Monorepo) {
    let python = python("3.12").display();
    let text = format!(
        "#!/bin/sh\ncase \" $* \" in *' pip '*) echo 'No module named pip' >&2; exit 1;; esac\nexec '{python}' \"$@\"\n"
    );
    fs::remove_file(repo.root().join("bin/python3")).unwrap();
    repo.write_program("../bin/python3", &text);
}

/// The names of what a directory of the root holds, hidden ones too.
fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
