//! Settings of uv that lie beside no manifest: those of the user, which uv heeds, and those of a directory above.

use crate::seed::locked;
use crate::support::Monorepo;

/// What a `uv.toml` may say that no release should rest on.
const WEAK: &str = "index-strategy = \"unsafe-best-match\"\nallow-insecure-host = [\"pypi.example.com\"]\n";

/// Does uv heed [`WEAK`] where it works on prod?
fn is_heeded(repo: &Monorepo) -> bool {
    let shown = repo.in_dir("prod").uv(&["sync", "--frozen", "--show-settings"]).success();
    let signs = ["index_strategy: UnsafeBestMatch", "\"pypi.example.com\""];
    let found = signs.map(|sign| shown.stdout().contains(sign));
    assert_eq!(found[0], found[1], "{shown}");
    found[0]
}

#[test]
fn what_the_users_settings_let_uv_do_is_judged_in_a_frozen_environment() {
    let repo = locked();
    repo.run("verify:prod").success();
    let settings = repo.read("../home/.config/uv/uv.toml");
    repo.write("../home/.config/uv/uv.toml", &format!("{WEAK}{settings}"));
    assert!(is_heeded(&repo));
    insta::assert_snapshot!(repo.run("verify:prod").code(1).output_snapshot(), @r#"
    exit: 1
    ----- stdout -----

    ----- stderr -----
    ✗ verify:prod  failed
    error: the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

    error[envloom::ledger::unsafe_strategy]: [ROOT]/home/.config/uv/uv.toml asks for `index-strategy` "unsafe-best-match"
     --> tasks.kdl:28:1
    28 | environment "prod" {
       | ^^^^^^^^^^^^^^^^^^^^
    29 |     manifest "prod/pyproject.toml"
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    30 |     sources "tags" channel="stable"
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    31 |     pin "foo" "v0.1.2"
       | ^^^^^^^^^^^^^^^^^^^^^^
    32 |     pin "bar" "v0.1.2"
       | ^^^^^^^^^^^^^^^^^^^^^^ this environment is frozen
    help: whoever owns a name on any of the indexes chooses your code: delete it, so that the first index that has a name decides, and type `envloom lock:prod`

    error[envloom::ledger::insecure_host]: [ROOT]/home/.config/uv/uv.toml names pypi.example.com in `allow-insecure-host`
     --> tasks.kdl:28:1
    28 | environment "prod" {
       | ^^^^^^^^^^^^^^^^^^^^
    29 |     manifest "prod/pyproject.toml"
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    30 |     sources "tags" channel="stable"
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    31 |     pin "foo" "v0.1.2"
       | ^^^^^^^^^^^^^^^^^^^^^^
    32 |     pin "bar" "v0.1.2"
       | ^^^^^^^^^^^^^^^^^^^^^^ this environment is frozen
    help: its certificate is not looked at, so that anyone on the way chooses the code: delete it, and name the authority that signed the certificate in SSL_CERT_FILE
    failed 1 in [TIME]
    "#);
    repo.run("verify:dev").success();
    // A verdict on it is one on that file.
    repo.write("../home/.config/uv/uv.toml", &settings).run("verify:prod").success();
    repo.run("verify:prod").success().ran(&[]);
    let http = "[[index]]\nname = \"x\"\nurl = \"http://me:s3cret@pypi.example.com/simple\"\n";
    repo.write("../home/.config/uv/uv.toml", &format!("{settings}{http}"));
    let ran = repo.run("verify:prod").code(1).stderr_has("envloom::ledger::plain_http_setting");
    assert!(!ran.stderr().contains("s3cret"), "{ran}");
}

#[test]
fn settings_above_do_not_reach_a_frozen_environment() {
    let repo = locked();
    for place in ["uv.toml", "../uv.toml"] {
        repo.write(place, WEAK);
        // uv looks no further than the manifest's own `[tool.uv]`.
        assert!(!is_heeded(&repo));
        repo.run("verify:prod").success();
    }
    // Without that it would; such a manifest is not verified at all.
    let manifest = repo.read("prod/pyproject.toml");
    repo.write("prod/pyproject.toml", &manifest[..manifest.find("[tool.uv").unwrap()]);
    assert!(is_heeded(&repo));
    repo.run("verify:prod").code(1).stderr_has("envloom::manifest::hand_removal");
}
