//! What uv lets through and envloom does not, row by row: each situation is made with real uv and real git, both are
//! run on it, and the table of both results is printed.
//!
//! `cargo test --locked --test it integrity::table -- --nocapture`

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;

use crate::faults::wide_project;
use crate::seed::{locked, three_environments};
use crate::support::{Monorepo, Package, Ran, Running};

/// Two columns of the table, each asserted by whoever gives it.
struct Row {
    found: &'static str,
    uv: String,
    envloom: String,
}

impl Row {
    fn new(found: &'static str, uv: String, envloom: String) -> Self {
        Self { found, uv, envloom }
    }
}

/// uv's exit code, asserted, with what it did.
#[track_caller]
fn uv(ran: Ran, code: i32, what: &str) -> String {
    drop(ran.code(code));
    format!("exit {code}: {what}")
}

/// envloom's exit code and error code, asserted.
#[track_caller]
fn refused(repo: &Monorepo, line: &str, code: i32, error: &str) -> String {
    drop(repo.run(line).code(code).stderr_has(&format!("envloom::{error}")));
    format!("`{line}` exit {code}: {error}")
}

/// uv in prod's directory.
fn in_prod(repo: &Monorepo, arguments: &[&str]) -> Ran {
    repo.in_dir("prod").uv(arguments)
}

/// What uv would install of a package for the CPU, or nothing.
fn installed(repo: &Monorepo, package: &str) -> Option<String> {
    let site = repo.path("prod/.venv/lib/python3.12/site-packages");
    let names = fs::read_dir(site).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut found = names.filter_map(|name| {
        let version = name.strip_prefix(package)?.strip_prefix('-')?.strip_suffix(".dist-info")?;
        Some(version.to_owned())
    });
    found.next()
}

const FROZEN: [&str; 4] = ["sync", "--frozen", "--extra", "cpu"];

fn no_variant() -> Row {
    let repo = locked();
    in_prod(&repo, &FROZEN).success();
    assert_eq!(installed(&repo, "torch").as_deref(), Some("2.7.0+cpu"));
    let ran = in_prod(&repo, &["sync", "--frozen"]);
    assert_eq!(installed(&repo, "torch"), None);
    let uv = uv(ran, 0, "torch is removed");
    Row::new("no variant chosen", uv, refused(&repo, "sync:prod", 2, "graph::variant_required"))
}

fn stale_lockfile() -> Row {
    let repo = locked();
    repo.replace("tasks.kdl", PIN_BAR, &PIN_BAR.replace("v0.1.2", "v0.1.1"));
    repo.run("generate:prod").success();
    let ran = in_prod(&repo, &FROZEN);
    assert_eq!(installed(&repo, "bar").as_deref(), Some("0.1.2"));
    let uv = uv(ran, 0, "installs the old pin, 0.1.2");
    Row::new(
        "frozen sync with a stale lockfile",
        uv,
        refused(&repo, "sync:prod@cpu", 1, "plan::stale_lockfile"),
    )
}

fn moved_tag() -> Row {
    let repo = locked();
    repo.move_tag("bar", "v0.1.2");
    let uv = uv(in_prod(&repo, &["lock", "--check"]), 0, "the lockfile is called up to date");
    Row::new("tag moved after locking", uv, refused(&repo, "verify:prod", 1, "ledger::moved_tag"))
}

fn deleted_tag() -> Row {
    let repo = locked();
    repo.delete_tag("bar", "v0.1.2");
    let uv = uv(in_prod(&repo, &["lock", "--check"]), 0, "the lockfile is called up to date");
    Row::new("tag deleted after locking", uv, refused(&repo, "verify:prod", 1, "ledger::tag_gone"))
}

fn wrong_version() -> Row {
    let repo = locked();
    repo.push(Package::new("bar").tag_with_version("v0.1.3", "0.1.2"));
    repo.replace("prod/pyproject.toml", BAR_SOURCE, &BAR_SOURCE.replace("v0.1.2", "v0.1.3"));
    let ran = in_prod(&repo, &["lock"]);
    assert!(repo.read("prod/uv.lock").contains("bar.git?tag=v0.1.3#"));
    let uv = uv(ran, 0, "0.1.2 is locked as tag v0.1.3");
    let repo = three_environments();
    repo.push(Package::new("bar").tag_with_version("v0.1.3", "0.1.2"));
    repo.replace("tasks.kdl", PIN_BAR, &PIN_BAR.replace("v0.1.2", "v0.1.3"));
    let ours = refused(&repo, "lock:prod", 2, "ledger::wrong_version");
    Row::new("tag v0.1.3 on a commit whose version is 0.1.2", uv, ours)
}

fn missing_tag() -> Row {
    let repo = locked();
    repo.replace("prod/pyproject.toml", BAR_SOURCE, &BAR_SOURCE.replace("v0.1.2", "v0.1.9"));
    let uv = uv(in_prod(&repo, &["lock"]), 1, "git's stderr");
    let repo = three_environments();
    repo.replace("tasks.kdl", PIN_BAR, &PIN_BAR.replace("v0.1.2", "v0.1.9"));
    drop(repo.run("lock:prod").stderr_has("pin one of the nearest: `v0.1.2`"));
    Row::new(
        "tag missing",
        uv,
        refused(&repo, "lock:prod", 2, "ledger::missing_tag") + ", with the nearest tags",
    )
}

fn from_an_index() -> Row {
    let repo = three_environments();
    repo.index("pypi", &[("bar", "9.9.9")]);
    let tasks = repo.read("tasks.kdl").replace("package \"bar\" ", "package \"bar\" role=\"member\" ");
    let unpinned = tasks.lines().filter(|line| !line.trim_start().starts_with("pin \"bar\""));
    repo.tasks_kdl(&unpinned.collect::<Vec<_>>().join("\n"));
    repo.run("generate").success();
    let ran = in_prod(&repo, &["lock"]);
    assert!(repo.read("prod/uv.lock").contains("9.9.9"));
    let uv = uv(ran, 0, "a stranger's 9.9.9");
    let ours = refused(&repo, "verify:prod", 1, "ledger::from_index");
    Row::new("internal package, only transitive, from an index", uv, ours)
}

fn editable() -> Row {
    let repo = locked();
    let commit = repo.tag_commit("bar", "v0.1.2");
    let source = format!("source = {{ git = \"https://git.example.com/bar.git?tag=v0.1.2#{commit}\" }}");
    repo.replace("prod/uv.lock", &source, "source = { editable = \"../packages/bar\" }");
    let uv = uv(in_prod(&repo, &FROZEN), 0, "the working tree is installed");
    let ours = refused(&repo, "verify:prod", 1, "ledger::working_tree");
    Row::new("internal package editable in prod's committed lockfile", uv, ours)
}

fn sibling() -> Row {
    let repo = locked();
    let manifest = repo.read("prod/pyproject.toml");
    let shim = manifest.find("[[tool.uv.dependency-metadata]]").unwrap();
    repo.write("prod/pyproject.toml", &manifest[..shim]);
    let ran = in_prod(&repo, &["lock"]).stderr_has("references a workspace");
    let uv = uv(ran, 1, "\"references a workspace\"");
    let repo = three_environments();
    drop(repo.run("lock:prod verify:prod").success());
    let shim = repo.read("prod/pyproject.toml").contains("[[tool.uv.dependency-metadata]]");
    assert!(shim);
    Row::new(
        "tagged package whose own sources name a sibling",
        uv,
        "`lock:prod verify:prod` exit 0: a shim of its manifest at that commit".to_owned(),
    )
}

fn wrong_shim() -> Row {
    let repo = locked();
    let recorded =
        "version = \"0.1.2\", requires-python = \">=3.10\", requires-dist = [\"bar\", \"torch>=2.4\"]";
    repo.replace("envloom.lock", recorded, &recorded.replace("2.4", "2.3"));
    repo.run("generate:prod").success();
    let ran = in_prod(&repo, &["lock"]);
    assert!(repo.read("prod/uv.lock").contains("torch>=2.3"));
    let uv = uv(ran, 0, "the shim is believed");
    let ours = refused(&repo, "verify:prod", 1, "ledger::record_differs");
    Row::new("metadata shim that is not what the manifest at the commit says", uv, ours)
}

fn other_variants_index() -> Row {
    let repo = locked();
    let misled = repo.env("UV_INDEX", "cu124=[ROOT]/index/cpu");
    let refused_at_once = refused(&misled, "check:prod", 2, "plan::refused_variables");
    repo.remove("prod/uv.lock");
    let uv = uv(in_prod(&misled, &["lock"]), 0, "with UV_INDEX set, cu124 is locked to the CPU's torch");
    let found = refused(&repo, "verify:prod", 1, "ledger::wrong_index");
    Row::new("package of a variant from another variant's index", uv, format!("{refused_at_once}; {found}"))
}

fn development_tag() -> Row {
    let repo = locked();
    repo.replace("prod/pyproject.toml", BAR_SOURCE, &BAR_SOURCE.replace("v0.1.2", "v0.1.2.dev0"));
    let uv = uv(in_prod(&repo, &["lock"]), 0, "it is locked");
    let repo = three_environments();
    repo.replace("tasks.kdl", PIN_BAR, &PIN_BAR.replace("v0.1.2", "v0.1.2.dev0"));
    Row::new("dev tag in channel stable", uv, refused(&repo, "lock:prod", 2, "model::unstable_pin"))
}

/// What an interrupted sync leaves in 19 to 46 of 100 trials: a file is missing, and the mark of the sync is there.
fn interrupted_sync() -> Row {
    let repo = locked();
    in_prod(&repo, &FROZEN).success();
    let torn = repo.path("prod/.venv/lib/python3.12/site-packages/tqdm/__init__.py");
    fs::remove_file(&torn).unwrap();
    in_prod(&repo, &FROZEN).success();
    let ran = in_prod(&repo, &["sync", "--frozen", "--extra", "cpu", "--check"]);
    assert!(!torn.exists());
    let uv = uv(ran, 0, "the file is missing and `--check` says ok");
    repo.run("sync:prod@cpu").success();
    let venv = fs::read_dir(repo.path(".envloom/venvs")).unwrap().next().unwrap().unwrap().path();
    let healed = venv.join("lib/python3.12/site-packages/tqdm/__init__.py");
    fs::remove_file(&healed).unwrap();
    fs::write(repo.path(".envloom/cells").join(format!("{}.mark", venv.file_name().unwrap().display())), "")
        .unwrap();
    let again = repo.run("sync:prod@cpu").success().ran(&["sync:prod@cpu"]);
    assert!(again.stderr().contains("cut off") && healed.exists(), "{again}");
    Row::new(
        "interrupted sync, run again",
        uv,
        "`sync:prod@cpu` exit 0: mark and RECORD are looked at, the venv is rebuilt".to_owned(),
    )
}

/// Whether one of two uvs fails is a matter of moments, so that column is a count.
fn two_temporary_directories() -> Row {
    const PAIRS: usize = 10;
    let repo = wide_project(10, 40);
    repo.run("lock:prod").success();
    fs::create_dir(repo.root().join("other")).unwrap();
    let other = repo.env("TMPDIR", "[ROOT]/other");
    let program = repo.exec("sh", &["-c", "printf %s \"$ENVLOOM_UV\""]).text();
    let is_broken =
        |pair: [Running; 2]| pair.map(|one| one.wait().exit_code()).iter().any(|code| *code != Some(0));
    let (mut failed, mut ours) = (0, 0);
    for _ in 0..PAIRS {
        let forget = || {
            for directory in ["prod/.venv", ".envloom/cells", ".envloom/plans"] {
                fs::remove_dir_all(repo.path(directory)).ok();
            }
        };
        forget();
        let uvs =
            [&repo, &other].map(|view| view.in_dir("prod").spawn_program(&program, &["sync", "--frozen"]));
        failed += usize::from(is_broken(uvs));
        forget();
        ours += usize::from(is_broken([&repo, &other].map(|view| view.spawn("sync:prod"))));
    }
    assert_eq!(ours, 0);
    Row::new(
        "two syncs of one venv with different TMPDIR",
        format!("{failed} of {PAIRS} pairs fail"),
        format!("0 of {PAIRS} pairs fail"),
    )
}

fn linked_lockfile() -> Row {
    let repo = locked();
    let outside = repo.root().join("outside.lock");
    fs::write(&outside, "version = 1\nrevision = 1\nrequires-python = \">=3.10\"\n").unwrap();
    repo.remove("prod/uv.lock");
    symlink(&outside, repo.path("prod/uv.lock")).unwrap();
    let ours = refused(&repo, "lock:prod", 1, "plan::not_ordinary");
    let ran = in_prod(&repo, &["lock"]);
    assert!(fs::read_to_string(&outside).unwrap().contains("bar.git"));
    Row::new("uv.lock is a symlink out of the project", uv(ran, 0, "the file outside is overwritten"), ours)
}

fn empty_submodule() -> Row {
    let repo = locked();
    repo.deinit("foo");
    let ran = repo.uv(&["lock"]).stderr_has("is not a workspace member");
    let uv = uv(ran, 1, "\"is not a workspace member\"");
    let ours = refused(&repo, "lock:dev", 2, "cli::submodule_empty");
    Row::new("submodule not checked out", uv, ours)
}

fn conflict_markers() -> Row {
    let repo = locked();
    let text = repo.read("prod/uv.lock");
    repo.write("prod/uv.lock", &format!("<<<<<<< ours\n{text}=======\n{text}>>>>>>> theirs\n"));
    let ours = refused(&repo, "verify:prod", 1, "ledger::lockfile_conflict");
    let ran = in_prod(&repo, &["lock", "--check"]);
    Row::new("conflict markers in a lockfile", uv(ran, 2, "a parse error"), ours)
}

fn unsafe_settings() -> Row {
    let repo = locked();
    let tasks = repo.read("tasks.kdl");
    let index = "index \"pypi\" url=\"";
    assert!(tasks.contains(index));
    repo.tasks_kdl(&tasks.replace(
        index,
        "index \"torch\" url=\"https://download.pytorch.org/whl/cpu\"\nindex \"pypi\" url=\"",
    ));
    repo.run("generate:prod").success();
    let uv = uv(in_prod(&repo, &FROZEN), 0, "every package may come from it");
    let ours = refused(&repo, "verify:prod", 1, "ledger::unexplicit_index");
    Row::new("an index of PyTorch that is not explicit", uv, ours)
}

fn unsafe_settings_of_the_user() -> Row {
    let repo = locked();
    let settings = repo.read("../home/.config/uv/uv.toml");
    let weak = "index-strategy = \"unsafe-best-match\"\nallow-insecure-host = [\"pypi.example.com\"]\n";
    repo.write("../home/.config/uv/uv.toml", &format!("{weak}{settings}"));
    let uv = uv(in_prod(&repo, &FROZEN), 0, "they are heeded");
    let ours = refused(&repo, "verify:prod", 1, "ledger::unsafe_strategy");
    let ours = format!("{ours}; {}", refused(&repo, "verify:prod", 1, "ledger::insecure_host"));
    Row::new("the user's uv.toml has an unsafe index-strategy and an allow-insecure-host", uv, ours)
}

fn unknown_lockfile() -> Row {
    let repo = locked();
    repo.replace("prod/uv.lock", "version = 1\nrevision", "version = 2\nrevision");
    let ours = refused(&repo, "verify:prod", 1, "ledger::lockfile_version");
    Row::new("a lockfile of an unknown version", uv(in_prod(&repo, &FROZEN), 2, "refused too"), ours)
}

/// A pin in prod of the seed's `tasks.kdl`, and its source in the manifest.
const PIN_BAR: &str = "    pin \"bar\" \"v0.1.2\"\n";
const BAR_SOURCE: &str = "bar = { git = \"https://git.example.com/bar.git\", tag = \"v0.1.2\" }";

#[test]
fn table() {
    let rows = [
        no_variant(),
        stale_lockfile(),
        moved_tag(),
        deleted_tag(),
        wrong_version(),
        missing_tag(),
        from_an_index(),
        editable(),
        sibling(),
        wrong_shim(),
        other_variants_index(),
        development_tag(),
        interrupted_sync(),
        two_temporary_directories(),
        linked_lockfile(),
        empty_submodule(),
        conflict_markers(),
        unsafe_settings(),
        unsafe_settings_of_the_user(),
        unknown_lockfile(),
    ];
    let mut text = "\n| found | uv 0.13.9 | envloom |\n| --- | --- | --- |\n".to_owned();
    for Row { found, uv, envloom } in rows {
        writeln!(text, "| {found} | {uv} | {envloom} |").unwrap();
    }
    std::io::stdout().write_all(text.as_bytes()).unwrap();
}
