//! `cache`: where outputs are kept, how much it is, and what goes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::seed::locked;
use crate::support::Monorepo;

const TASKS: &str = "task \"fmt\" { run \"true\" }\n";

fn repository() -> Monorepo {
    let repo = Monorepo::new();
    repo.write("tasks.kdl", TASKS);
    repo
}

/// Where the store is.
fn store(repo: &Monorepo) -> PathBuf {
    PathBuf::from(repo.run("cache dir").success().text().trim_end())
}

/// A blob as a run would have left it, last used so many days ago.
fn blob(repo: &Monorepo, digit: &str, bytes: usize, days: u64) -> PathBuf {
    let shard = store(repo).join("blobs").join(digit.repeat(2));
    fs::create_dir_all(&shard).unwrap();
    fs::set_permissions(store(repo), fs::Permissions::from_mode(0o700)).unwrap();
    let path = shard.join(digit.repeat(64));
    fs::write(&path, vec![b'x'; bytes]).unwrap();
    let used = SystemTime::now() - Duration::from_hours(24 * days);
    fs::File::options().write(true).open(&path).unwrap().set_modified(used).unwrap();
    path
}

#[test]
fn worktrees_share_a_store_that_the_call_names() {
    let repo = repository();
    repo.git(&["add", "."]);
    repo.git(&["commit", "-q", "-m", "one"]);
    repo.git(&["worktree", "add", "-q", "../other"]);
    let here = store(&repo);
    assert!(here.starts_with(repo.root().join("cache/envloom/store")), "{}", here.display());
    let there = repo.run("-C ../other cache dir").success().text();
    assert_eq!(there.trim_end(), here.to_str().unwrap());
    let answer: serde_json::Value = serde_json::from_str(&repo.run("cache dir --json").text()).unwrap();
    assert_eq!(answer["directory"], here.to_str().unwrap());
    assert!(!here.exists());
    let place = repo.root().join("scratch");
    repo.write("tasks.local.kdl", &format!("cache directory=\"{}\"\n", place.display()));
    assert!(store(&repo).starts_with(place.join("store")));
}

/// The files below a directory, each last modified so many days ago.
fn age(directory: &Path, days: u64) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(age(&path, days));
        } else {
            let used = SystemTime::now() - Duration::from_hours(24 * days);
            fs::File::options().write(true).open(&path).unwrap().set_modified(used).unwrap();
            files.push(path);
        }
    }
    files
}

/// Was each of the files used in the last day?
fn are_used(files: &[PathBuf]) -> bool {
    let is_young = |path: &PathBuf| {
        let used = fs::metadata(path).unwrap().modified().unwrap();
        used.elapsed().unwrap_or_default() < Duration::from_hours(24)
    };
    assert!(files.len() > 2, "{files:?}");
    assert!(files.iter().all(is_young) || !files.iter().any(is_young), "{files:?}");
    files.iter().all(is_young)
}

#[test]
fn what_is_up_to_date_is_in_use_and_that_is_noted_once_a_day() {
    let repo = Monorepo::new()
        .tasks_kdl("task \"made\" { inputs \"in\"; outputs \"out\"; shell \"echo said; cp in out\" }\n");
    repo.write("in", "1\n").write(".gitignore", "out\n");
    repo.run("made").success().ran(&["made"]);
    let kept = || [age(&store(&repo).join("actions"), 20), age(&store(&repo).join("blobs"), 20)].concat();
    let plans = repo.path(".envloom/plans");
    // The compiled plan is young: whoever made it has noted the use.
    let files = kept();
    repo.run("made").success().fresh(&["made"]);
    assert!(!are_used(&files));
    age(&plans, 2);
    repo.run("made").success().fresh(&["made"]);
    assert!(are_used(&files));
    kept();
    repo.run("made").success().fresh(&["made"]);
    assert!(!are_used(&files));
    // Without it, the run that decides notes it; a look does not.
    repo.append("tasks.kdl", "// a comment\n");
    repo.run("-n made").success().fresh(&["made"]);
    assert!(!are_used(&files));
    repo.run("made").success().fresh(&["made"]);
    assert!(are_used(&files));
    // So that what is used for a month is there after it.
    kept();
    age(&plans, 2);
    repo.run("made").success().fresh(&["made"]);
    kept_for_days(&repo, 15);
    repo.remove("out").run("made").success().restored(&["made"]);
}

/// Prunes as if what is older than that were old.
fn kept_for_days(repo: &Monorepo, days: u64) {
    repo.write("tasks.local.kdl", &format!("cache age=\"{days}d\"\n"));
    repo.run("cache prune").success();
    repo.remove("tasks.local.kdl");
}

#[test]
fn what_is_too_old_or_too_much_goes() {
    let repo = repository();
    let (old, young) = (blob(&repo, "a", 5000, 40), blob(&repo, "b", 3000, 1));
    insta::assert_snapshot!(repo.run("cache size").success().text(), @r#"
    outputs    7.8 KiB in 2 files
    memory     0 B in 0 files
    "#);
    insta::assert_snapshot!(repo.run("-n cache prune").success().text(), @r#"
    outputs    7.8 KiB in 2 files
    memory     0 B in 0 files
    "#);
    insta::assert_snapshot!(repo.run("cache prune").success().text(), @r#"
    outputs    freed 4.8 KiB in 1 file
    memory     freed 0 B in 0 files
    "#);
    assert!(!old.exists() && young.exists());
    repo.write("tasks.local.kdl", "cache limit=\"1kB\"\n");
    insta::assert_snapshot!(repo.run("cache prune --json").success().text(), @r#"
    {
      "memory": {
        "bytes": 0,
        "files": 0
      },
      "outputs": {
        "bytes": 3000,
        "files": 1
      }
    }
    "#);
    assert!(!young.exists());
}

#[test]
fn clean_forgets_what_can_be_found_out_again_and_nothing_else() {
    let repo = locked();
    repo.run("check:dev").success();
    repo.run("check:dev").success().ran(&[]);
    let (outputs, foreign) = (blob(&repo, "a", 5000, 0), store(&repo).with_file_name("other"));
    fs::create_dir(&foreign).unwrap();
    repo.write(".envloom/logs/kept", "");
    let before = repo.run("cache size").success().text();
    assert_eq!(repo.run("-n cache clean").success().text(), before);
    let freed = repo.run("cache clean").success().text();
    assert_eq!(freed.replace("freed ", ""), before);
    assert!(!outputs.exists() && foreign.exists() && repo.exists(".envloom/logs/kept"));
    assert!(!repo.exists(".envloom/cache") && !repo.exists(".envloom/plans"));
    insta::assert_snapshot!(repo.run("cache size").success().text(), @r#"
    outputs    0 B in 0 files
    memory     0 B in 0 files
    "#);
    repo.run("check:dev").success().ran(&["check:dev"]);
    repo.run("check:dev").success().ran(&[]);
}

#[test]
fn a_store_that_others_could_write_is_refused() {
    let repo = repository();
    let store = store(&repo);
    fs::create_dir_all(&store).unwrap();
    fs::set_permissions(&store, fs::Permissions::from_mode(0o777)).unwrap();
    let refused = repo.run("cache clean").code(2).stderr().replace(store.to_str().unwrap(), "[STORE]");
    insta::assert_snapshot!(refused, @r#"
    error[envloom::cli::foreign_store]: the store of outputs [STORE] can be written by others
    help: remove it, or write `cache directory="…"` into tasks.local.kdl
    "#);
    fs::remove_dir(&store).unwrap();
    fs::write(&store, "").unwrap();
    repo.run("cache size").code(2).stderr_has("is no directory");
}

#[test]
fn without_a_home_there_is_no_store() {
    let repo =
        repository().without_env("ENVLOOM_CACHE_DIR").without_env("HOME").without_env("XDG_CACHE_HOME");
    insta::assert_snapshot!(repo.run("cache dir").code(2).stderr(), @r#"
    error[envloom::cli::no_cache_place]: nothing says where the user's cache is: neither XDG_CACHE_HOME nor HOME is set
    help: set one of them, or write `cache directory="…"` into tasks.local.kdl
    "#);
}

#[test]
fn the_verb_takes_one_word() {
    let repo = repository();
    insta::assert_snapshot!(repo.run("cache").code(2).stderr(), @r#"
    error[envloom::cli::verb_words]: `cache` takes one of dir, size, prune, clean
    help: type `envloom cache dir|size|prune|clean`
    "#);
    repo.run("cache everything").code(2).stderr_has("takes one of dir, size, prune, clean");
}

#[test]
fn lists_of_inputs_that_nothing_refers_to_are_pruned() {
    let tasks = "task \"t\" { inputs \"in\"; outputs \"out\"; run \"cp\" \"in\" \"out\" }\n";
    let repo = Monorepo::new().tasks_kdl(tasks);
    for text in ["1\n", "2\n"] {
        repo.write("in", text).run("t").success().ran(&["t"]);
    }
    let lists = || -> Vec<_> {
        fs::read_dir(repo.path(".envloom/cache/inputs")).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    assert_eq!(lists().len(), 2);
    repo.run("cache prune").success();
    // They are young: another run may just have written one.
    assert_eq!(lists().len(), 2);
    let old = std::time::SystemTime::now() - std::time::Duration::from_hours(48);
    for list in lists() {
        fs::File::options().write(true).open(list).unwrap().set_modified(old).unwrap();
    }
    repo.run("cache prune").success();
    assert_eq!(lists().len(), 1);
    repo.write("in", "3\n");
    let said = repo.run("explain t").success().text();
    assert!(said.contains("in: "), "{said}");
}
