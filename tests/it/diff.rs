//! `diff`: environments, cells and revisions, compared as real uv locked them.

use serde_json::Value;

use crate::seed::locked;
use crate::support::Monorepo;

/// Staging and prod, with another tqdm and another constraint in prod.
fn drifted() -> Monorepo {
    let repo = locked();
    repo.index("pypi", &[("tqdm", "4.66.0"), ("tqdm", "4.67.1"), ("ruff", "0.4.2"), ("torch", "2.7.1")]);
    repo.replace(
        "tasks.kdl",
        "    sources \"tags\" channel=\"stable\"\n",
        "    sources \"tags\" channel=\"stable\"\n    dependencies \"tqdm<4.67\"\n",
    );
    repo.run("lock:prod").success();
    repo.commit("prod has an older tqdm")
}

fn answer(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn two_environments() {
    let repo = drifted();
    insta::assert_snapshot!(repo.run("diff staging prod").output_snapshot(), @r#"
    exit: 0
    ----- stdout -----
    staging -> prod

    internal packages
      bar  v0.1.2.dev0 ([COMMIT]) -> v0.1.2 ([COMMIT])
      foo  v0.1.2.dev0 ([COMMIT]) -> v0.1.2 ([COMMIT])

    third-party versions
      tqdm  4.67.1 -> 4.66.0

    settings
      project.dependencies  "tqdm>=4" -> "tqdm<4.67"

    1 package agrees
    ----- stderr -----
    "#);
    insta::assert_snapshot!(repo.run("diff dev staging").text(), @r#"
    dev -> staging

    internal packages
      bar  0.1.2 in packages/bar -> v0.1.2.dev0 (364a6672f2cf)
      foo  0.1.2 in packages/foo -> v0.1.2.dev0 (90746e5a16ae)

    removed
      ruff  - 0.4.2

    settings
      dependency-groups.dev  - "ruff>=0.4"

    2 packages agree
    "#);
    insta::assert_snapshot!(repo.run("diff prod prod --exit-code").text(), @"prod and prod agree: 4 packages");
    repo.run("diff staging prod --exit-code").code(1);
    repo.assert_clean();
}

#[test]
fn tables_for_a_pull_request() {
    let repo = drifted();
    insta::assert_snapshot!(repo.run("diff staging prod --format markdown").text(), @r#"
    ### `staging` → `prod`

    | internal packages | `staging` | `prod` |
    | --- | --- | --- |
    | `bar` | `v0.1.2.dev0 (364a6672f2cf)` | `v0.1.2 (63920d6322b7)` |
    | `foo` | `v0.1.2.dev0 (90746e5a16ae)` | `v0.1.2 (2c12a8dbcc98)` |

    | third-party versions | `staging` | `prod` |
    | --- | --- | --- |
    | `tqdm` | `4.67.1` | `4.66.0` |

    | settings | `staging` | `prod` |
    | --- | --- | --- |
    | `project.dependencies` | `"tqdm>=4"` | `"tqdm<4.67"` |

    1 package agrees.
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "the whole answer, shown once")]
fn data_for_scripts() {
    let repo = drifted();
    let found = answer(&repo.run("diff staging prod --json").text());
    assert_eq!(found, answer(&repo.run("diff --format json staging prod").text()));
    insta::assert_snapshot!(repo.redact(&format!("{found:#}")), @r#"
    {
      "added": [],
      "agreeing": 1,
      "differs": true,
      "from": {
        "commit": null,
        "name": "staging"
      },
      "internal": [
        {
          "from": [
            {
              "commit": "[COMMIT]",
              "git": "https://git.example.com/bar.git",
              "tag": "v0.1.2.dev0",
              "version": "0.1.2.dev0"
            }
          ],
          "package": "bar",
          "to": [
            {
              "commit": "[COMMIT]",
              "git": "https://git.example.com/bar.git",
              "tag": "v0.1.2",
              "version": "0.1.2"
            }
          ]
        },
        {
          "from": [
            {
              "commit": "[COMMIT]",
              "git": "https://git.example.com/foo.git",
              "tag": "v0.1.2.dev0",
              "version": "0.1.2.dev0"
            }
          ],
          "package": "foo",
          "to": [
            {
              "commit": "[COMMIT]",
              "git": "https://git.example.com/foo.git",
              "tag": "v0.1.2",
              "version": "0.1.2"
            }
          ]
        }
      ],
      "removed": [],
      "settings": [
        {
          "from": [
            "\"tqdm>=4\""
          ],
          "setting": "project.dependencies",
          "to": [
            "\"tqdm<4.67\""
          ]
        }
      ],
      "third_party": [
        {
          "from": [
            {
              "index": "[ROOT]/index/pypi",
              "version": "4.67.1"
            }
          ],
          "package": "tqdm",
          "to": [
            {
              "index": "[ROOT]/index/pypi",
              "version": "4.66.0"
            }
          ]
        }
      ],
      "to": {
        "commit": null,
        "name": "prod"
      },
      "variants": []
    }
    "#);
}

#[test]
fn two_cells() {
    let repo = locked();
    insta::assert_snapshot!(repo.run("diff dev@cu124 dev@cpu").text(), @r"
    dev@cu124 -> dev@cpu

    variant builds
      torch  2.6.0+cu124 -> 2.7.0+cpu

    4 packages agree
    ");
    // The group `dev` is the working environment's alone.
    insta::assert_snapshot!(repo.run("diff staging@cpu prod@cpu").text(), @r"
    staging@cpu -> prod@cpu

    internal packages
      bar  v0.1.2.dev0 (364a6672f2cf) -> v0.1.2 (63920d6322b7)
      foo  v0.1.2.dev0 (90746e5a16ae) -> v0.1.2 (2c12a8dbcc98)

    2 packages agree
    ");
}

#[test]
fn an_environment_then_and_now() {
    let repo = locked();
    repo.git(&["tag", "then"]).success();
    repo.replace("tasks.kdl", "pin \"foo\" \"v0.1.2\"\n", "pin \"foo\" \"v0.1.1\"\n");
    repo.run("lock:prod").success();
    insta::assert_snapshot!(repo.run("diff prod --since then").text(), @r"
    prod at then -> prod

    internal packages
      foo  v0.1.2 (2c12a8dbcc98) -> v0.1.1 (43b060007ec4)

    3 packages agree
    ");
    insta::assert_snapshot!(repo.run("diff staging --since HEAD").text(), @"staging at HEAD and staging agree: 4 packages");
    // The manifest moves: the revision's own tasks.kdl says where it was.
    repo.commit("older foo");
    repo.replace("tasks.kdl", "prod/pyproject.toml", "deploy/pyproject.toml");
    repo.git(&["mv", "prod", "deploy"]).success();
    repo.replace("envloom.lock", "prod/pyproject.toml", "deploy/pyproject.toml");
    repo.run("lock:prod").success();
    repo.commit("prod has moved");
    insta::assert_snapshot!(repo.run("diff prod --since then..HEAD^").text(), @r"
    prod at then -> prod at HEAD^

    internal packages
      foo  v0.1.2 (2c12a8dbcc98) -> v0.1.1 (43b060007ec4)

    3 packages agree
    ");
    insta::assert_snapshot!(repo.run("diff prod --since HEAD^").text(), @"prod at HEAD^ and prod agree: 4 packages");
    let found = answer(&repo.run("diff prod --since then..HEAD --json").text());
    assert_eq!(found["to"]["commit"], repo.git(&["rev-parse", "HEAD"]).text().trim());
    assert_eq!(found["internal"][0]["package"], "foo");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one look at every refusal")]
fn what_cannot_be_compared_is_said() {
    let repo = locked();
    let said = |line: &str, code: i32| {
        let ran = repo.run(line).code(code);
        format!("$ {line}\n{}", repo.redact(ran.stderr()))
    };
    let calls = [
        "diff",
        "diff prod",
        "diff staging prod@cpu",
        "diff staging prod --since HEAD",
        "diff staging prod CUDA=cpu",
        "diff staging prood",
        "diff staging@cpu prod@cu999",
        "diff prod --since nowhere",
        "diff prod --since ..HEAD",
        "diff prod --since=--upload-pack=x",
        "diff staging prod --format svg",
        "graph --format markdown",
        "list --format json",
        "check --format text",
        "check --exit-code",
        "list --exit-code",
    ];
    insta::assert_snapshot!(calls.map(|line| said(line, 2)).concat(), @r"
    $ diff
    error[envloom::cli::verb_words]: `diff` takes two environments or two cells, or one and --since
    help: type `envloom diff A B` or `envloom diff A --since REF`
    $ diff prod
    error[envloom::cli::verb_words]: `diff` takes two environments or two cells, or one and --since
    help: type `envloom diff A B` or `envloom diff A --since REF`
    $ diff staging prod@cpu
    error[envloom::cli::verb_words]: `diff` compares two environments or two cells, not one with the other
    help: type `envloom diff A B` or `envloom diff A --since REF`
    $ diff staging prod --since HEAD
    error[envloom::cli::verb_words]: `diff` takes two environments or two cells, or one and --since
    help: type `envloom diff A B` or `envloom diff A --since REF`
    $ diff staging prod CUDA=cpu
    error[envloom::cli::verb_words]: `diff` takes no VAR=VALUE; write the cell: dev@cpu
    help: type `envloom diff A B` or `envloom diff A --since REF`
    $ diff staging prood
    error: the call cannot be carried out

    error[envloom::graph::unknown_environment]: unknown environment `prood`
     --> command line:1:22
    1 | envloom diff staging prood
      |                      ^^^^^ no environment, manifest or directory of that name
    help: did you mean `prod`?
    $ diff staging@cpu prod@cu999
    error: the call cannot be carried out

    error[envloom::graph::unknown_value]: no axis has the value `cu999`
     --> command line:1:31
    1 | envloom diff staging@cpu prod@cu999
      |                               ^^^^^ unknown value
    help: use one of: cu124, cpu
    $ diff prod --since nowhere
    error[envloom::cli::unknown_revision]: `--since nowhere`: there is no such revision here
    help: name a branch, a tag or a commit; `git fetch` brings those of the remote
    $ diff prod --since ..HEAD
    error[envloom::cli::unknown_revision]: `--since `: there is no such revision here
    help: name a branch, a tag or a commit; `git fetch` brings those of the remote
    $ diff prod --since=--upload-pack=x
    error[envloom::cli::unknown_revision]: `--since --upload-pack=x`: there is no such revision here
    help: name a branch, a tag or a commit; `git fetch` brings those of the remote
    $ diff staging prod --format svg
    error[envloom::cli::option_without_use]: `--format dot, mermaid or svg` says nothing to this call
    help: it belongs to `graph`
    $ graph --format markdown
    error[envloom::cli::option_without_use]: `--format markdown` says nothing to this call
    help: it belongs to `diff`
    $ list --format json
    error[envloom::cli::option_without_use]: `--format` says nothing to this call
    help: it belongs to `graph` and `diff`
    $ check --format text
    error[envloom::cli::option_without_use]: `--format` says nothing to this call
    help: it belongs to `graph` and `diff`
    $ check --exit-code
    error[envloom::cli::option_without_use]: `--exit-code` says nothing to this call
    help: it belongs to `diff` and `outdated`
    $ list --exit-code
    error[envloom::cli::option_without_use]: `--exit-code` says nothing to this call
    help: it belongs to `diff` and `outdated`
    ");
    insta::assert_snapshot!(said("diff prod --since HEAD^", 1), @r"
    $ diff prod --since HEAD^
    error[envloom::cli::not_then]: there was no prod/pyproject.toml in HEAD^
    help: name a later revision: `git log --oneline -- prod/pyproject.toml` lists those that changed it
    ");
    repo.remove("staging/uv.lock").append("prod/pyproject.toml", "= no\n");
    insta::assert_snapshot!(said("diff prod dev", 1) + &said("diff staging dev", 1), @r"
    $ diff prod dev
    error[envloom::cli::unreadable_manifest]: prod/pyproject.toml is no TOML
    help: mend it, or take the committed one back with `git checkout -- prod/pyproject.toml`
    $ diff staging dev
    error[envloom::plan::no_lockfile]: there is no staging/uv.lock
    help: type `envloom lock:staging` and commit what it writes
    ");
}

#[test]
fn a_lockfile_that_leads_elsewhere_is_not_shown() {
    let repo = locked();
    repo.remove("prod/uv.lock");
    std::fs::write(repo.root().join("secret"), "version = hunter2\n").unwrap();
    std::os::unix::fs::symlink(repo.root().join("secret"), repo.path("prod/uv.lock")).unwrap();
    let ran = repo.run("diff prod staging").code(1);
    assert!(!ran.stderr().contains("hunter2"), "{}", ran.stderr());
    ran.stderr_has("envloom::plan::not_ordinary");
}

#[test]
fn what_a_lockfile_of_a_stranger_says_is_escaped() {
    let repo = locked();
    let text = repo.read("prod/uv.lock");
    let text = text.replace("version = \"4.67.1\"", "version = \"4`|\\u001b[2J\"");
    let text = text.replace("foo.git?tag=v0.1.2#", "foo.git?tag=v0.1.2%1b%5b2J#");
    repo.write(
        "prod/uv.lock",
        &text.replace("https://git.example.com/foo", "https://u:hunter2@git.example.com/foo"),
    );
    for format in ["text", "markdown", "json"] {
        let printed = repo.run(&format!("diff staging prod --format {format}")).text();
        assert!(!printed.contains('\u{1b}') && !printed.contains("hunter2"), "{printed}");
    }
    let markdown = repo.run("diff staging prod --format markdown").text();
    assert!(markdown.contains("| `tqdm` | `4.67.1` | `4'\\|\\u{1b}[2J` |"), "{markdown}");
}
