//! Repositories, remotes and submodules, made by hand, seen by real git.

use crate::support::{Monorepo, Package};

#[test]
fn a_submodule_made_by_hand_is_one_to_git() {
    let repo =
        Monorepo::new().package("foo", &["v0.1.2.dev0", "v0.1.2"]).package("foo-bar", &[]).commit("start");
    repo.assert_clean();
    insta::assert_snapshot!(repo.git(&["submodule", "status"]).output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
     [COMMIT] packages/foo (v0.1.2)
     [COMMIT] packages/foo-bar (remotes/origin/main)
    ----- stderr -----
    "#);
    insta::assert_snapshot!(repo.read(".gitmodules"), @r#"
    [submodule "packages/foo"]
    	path = packages/foo
    	url = https://git.example.com/foo.git
    [submodule "packages/foo-bar"]
    	path = packages/foo-bar
    	url = https://git.example.com/foo-bar.git
    "#);
    for directory in ["packages/foo", "."] {
        assert_eq!(repo.git(&["-C", directory, "fsck", "--strict", "--no-dangling"]).success().stdout(), "");
    }
    // Tags are annotated: objects of their own.
    assert_eq!(repo.in_dir("packages/foo").git(&["cat-file", "-t", "v0.1.2"]).text(), "tag");
    assert_eq!(repo.in_dir("packages/foo").git(&["describe"]).text(), "v0.1.2");

    // What is there is what a clone would fetch; a deinitialised one comes back from its remote.
    let tree = repo.tree("packages/foo");
    assert_eq!(repo.deinit("foo").tree("packages/foo").paths(), [""]);
    repo.git(&["submodule", "update", "--init"]).success();
    assert_eq!(repo.tree("packages/foo"), tree);
    repo.assert_clean();
    repo.append("packages/foo/new.txt", "x");
    assert_eq!(repo.status(), " M packages/foo\n");
}

#[test]
fn commit_ids_are_the_same_in_every_run() {
    let ids = |repo: &Monorepo| (repo.tag_commit("foo", "v0.1.2"), repo.git(&["rev-parse", "HEAD"]).text());
    let repo = || Monorepo::new().package("foo", &["v0.1.2"]).write("a", "b").commit("start");
    let (first, second) = (repo(), repo());
    assert_eq!(ids(&first), ids(&second));
    assert_ne!(first.root(), second.root());
}

#[test]
fn tags_of_a_remote_are_moved_deleted_and_added() {
    let repo = Monorepo::new().add(
        Package::new("foo")
            .requires("a>=1")
            .tag("v0.1.0")
            .without_requires()
            .requires("a>=2")
            .file("README.md", "foo\n")
            .tag_with_version("v0.1.1", "0.1.0")
            .branch_commit("main", "0.2.0.dev0")
            .branch_commit("fix/one", "0.1.2"),
    );
    let show =
        |object: &str| repo.exec("git", &["--git-dir", "[ROOT]/remotes/foo.git", "show", object]).text();
    assert!(show("v0.1.0:pyproject.toml").contains("\"a>=1\""));
    let mislabelled = show("v0.1.1:pyproject.toml");
    assert!(
        mislabelled.contains("\"a>=2\"")
            && !mislabelled.contains("a>=1")
            && mislabelled.contains("version = \"0.1.0\"")
    );
    assert!(show("fix/one:pyproject.toml").contains("0.1.2"));

    let before = repo.tag_commit("foo", "v0.1.0");
    repo.move_tag("foo", "v0.1.0");
    let moved = repo.tag_commit("foo", "v0.1.0");
    assert_ne!(before, moved);
    assert_eq!(show("v0.1.0:moved.txt"), "v0.1.0");
    repo.move_tag_to("foo", "v0.1.0", &before);
    assert_eq!(repo.tag_commit("foo", "v0.1.0"), before);
    repo.delete_tag("foo", "v0.1.1")
        .release("foo", "v0.2.0")
        .push(Package::new("foo").pyproject("# {version}").tag("v0.3.0"));
    assert_eq!(show("v0.3.0:pyproject.toml"), "# 0.3.0");

    let references = repo.git(&["ls-remote", &repo.package_url("foo")]).success();
    insta::assert_snapshot!(repo.redact(references.stdout()), @r#"
    [COMMIT]	HEAD
    [COMMIT]	refs/heads/fix/one
    [COMMIT]	refs/heads/main
    [COMMIT]	refs/tags/v0.1.0
    [COMMIT]	refs/tags/v0.1.0^{}
    [COMMIT]	refs/tags/v0.2.0
    [COMMIT]	refs/tags/v0.2.0^{}
    [COMMIT]	refs/tags/v0.3.0
    [COMMIT]	refs/tags/v0.3.0^{}
    "#);
    // Nothing of it has reached the checkout; git fetches it by the declared URL.
    assert_eq!(repo.in_dir("packages/foo").git(&["tag"]).text(), "v0.1.0\nv0.1.1");
    repo.in_dir("packages/foo").git(&["fetch", "--tags", "--force"]).success();
    assert_eq!(repo.in_dir("packages/foo").git(&["tag"]).text(), "v0.1.0\nv0.1.1\nv0.2.0\nv0.3.0");
}

#[test]
fn files_are_written_filled_in_and_compared() {
    let repo = Monorepo::new()
        .tasks_kdl("index \"[INDEX]/cu124\"\n")
        .write_program("bin/x", "#!/bin/sh\necho [ROOT]\n");
    assert_eq!(repo.read("tasks.kdl"), format!("index \"{}\"\n", repo.index_url("cu124")));
    assert_eq!(repo.snapshot("tasks.kdl"), "index \"[INDEX]/cu124\"\n");
    assert_eq!(repo.exec(repo.path("bin/x"), &[]).text(), repo.root().to_str().unwrap());

    let hash = repo.tree_hash("bin");
    repo.replace("bin/x", "echo", "exec echo");
    assert_ne!(repo.tree_hash("bin"), hash);
    repo.replace("bin/x", "exec echo", "echo");
    assert_eq!(repo.tree_hash("bin"), hash);
    repo.exec("chmod", &["600", "bin/x"]).success();
    assert_ne!(repo.tree_hash("bin"), hash);
    assert!(!repo.remove("bin").exists("bin"));
}
