//! `uv add` typed by hand in dev: kept, reported with the line that brings it to the other environments.

use super::shop::locked;

#[test]
fn what_uv_adds_by_hand_is_kept_and_reported() {
    let (_origin, repo) = locked();
    repo.uv(&["add", "packaging"]).success();
    let (manifest, lockfile) = (repo.read("pyproject.toml"), repo.read("uv.lock"));
    assert!(manifest.contains("\"packaging>=25.0\"") && lockfile.contains("name = \"packaging\""));

    for line in ["generate", "check", "lock", "sync:dev@cpu"] {
        let reported = repo.run(line).success();
        if line != "sync:dev@cpu" {
            let report = "project.dependencies[packaging] is not in tasks.kdl\n  \
                          help: to write it into tasks.kdl: envloom absorb dev; to have it in every environment, add to tasks.kdl: dependencies \"packaging>=25.0\"\n";
            assert!(reported.stderr().contains(report), "{reported}");
        }
        assert_eq!(repo.read("pyproject.toml"), manifest, "{line}");
        assert_eq!(repo.read("uv.lock"), lockfile, "{line}");
    }
    let import = ["run", "dev@cpu", "--", "python", "-c", "import packaging; print(packaging.__version__)"];
    assert_eq!(repo.run_args(&import).text(), "25.0");

    // The line that was named, typed: the others get it, dev stays as it is, nothing is left to report.
    repo.replace(
        "tasks.kdl",
        "dependencies \"tqdm>=4.66\"",
        "dependencies \"tqdm>=4.66\" \"packaging>=25.0\"",
    );
    let locked = repo.run("lock").success();
    assert!(!locked.stderr().contains("is not in tasks.kdl"), "{locked}");
    assert_eq!(repo.read("uv.lock"), lockfile);
    assert!(repo.read("prod/uv.lock").contains("name = \"packaging\""));
    repo.run("check verify").success();
    repo.run("lock").success().ran(&[]);
}
