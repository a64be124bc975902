//! Which words each grammar takes and which it refuses, without their looks.

use insta::assert_snapshot;

use super::*;

/// `dev` with this in `project`.
fn project(words: &str) -> String {
    format!("project \"p\" {{ {words} }}\nenvironment \"dev\" {{ manifest \"pyproject.toml\" }}")
}

/// `dev` with this at the top.
fn top(words: &str) -> String {
    format!("{words}\nproject \"p\"\nenvironment \"dev\" {{ manifest \"pyproject.toml\" }}")
}

/// Which of these are refused, each in its own file.
fn refused<'t>(texts: &[&'t str], file: impl Fn(&str) -> String) -> Vec<&'t str> {
    let is_refused = |text: &str| {
        let config = parse(&SourceFile::new("tasks.kdl", file(text))).map_err(|error| rendered(&error));
        resolve(config.unwrap(), &Found::default()).is_err()
    };
    texts.iter().copied().filter(|text| is_refused(text)).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn indexes_are_urls_without_secrets_or_directories_of_the_repository() {
    let index = |text: &str| top(&format!("index \"corp\" url=\"{text}\""));
    let good = [
        "https://index.example.com/simple",
        "http://127.0.0.1:8080/simple",
        "http://localhost/simple",
        "file:///srv/index",
        "indexes/cu124",
        "./indexes",
    ];
    assert_eq!(refused(&good, index), NONE);
    let bad = [
        "http://index.example.com/simple",
        "https://user:password@index.example.com/simple",
        "https://token@index.example.com/simple",
        "https://index.example.com/simple?token=x",
        "https://index.example.com/simple#token=x",
        "ssh://git@host/simple",
        "ftp://host/simple",
        "https:///simple",
        "../indexes",
        "/srv/index",
        "C:\\\\indexes",
        "user:password@host:simple",
    ];
    assert_eq!(refused(&bad, index), bad);
}

#[test]
fn remotes_are_those_that_git_may_be_given() {
    let git = |text: &str| top(&format!("package \"x\" path=\"x\" git=\"{text}\""));
    let good = [
        "https://host/team/x.git",
        "ssh://git@host:2222/team/x.git",
        "git@host:team/x.git",
        "file:///srv/x.git",
        "/srv/x.git",
        "http://127.0.0.1/x.git",
    ];
    assert_eq!(refused(&good, git), NONE);
    let bad = [
        "http://host/x.git",
        "https://user:password@host/x.git",
        "https://token@host/x.git",
        "https://host/x.git?token=x",
        "git:password@host:x.git",
        "ext::sh -c id",
        "--upload-pack=touch x",
        "../x.git",
        "https://-oProxyCommand=id/x",
    ];
    assert_eq!(refused(&bad, git), bad);
}

#[test]
fn a_password_is_shown_nowhere() {
    for text in [
        "index \"corp\" url=\"https://me:s3cret@host/simple\"",
        "index \"corp\" url=\"https://me:s3/cret-s3cret@host/simple\"",
        "index \"corp\" url=\"https://me:s3?cret#s3cret@host/simple\"",
        "index \"corp\" url=\"https://me:s3 3cret@host/simple\"",
        "index \"corp\" url=\"https://\\u{73}3cret@host/simple\"",
        "index \"corp\" url=\"https:\\u{2f}/s3cret@host/simple\"",
        "index \"corp\" url=\"https://host/simple?token=s3cret\"",
        "package \"x\" path=\"x\" git=\"https://s3cret@host/x.git\"",
        "package \"x\" path=\"x\" git=\"git:s3cret@host:x.git\"",
        "package \"x\" path=\"x\" git=\"https://host/x.git?token=s3cret\"",
        "package \"https://me:s3cret@host/x\" path=\"x\"",
        "package \"x\" path=\"https://me:s3cret@host/x\"",
        "package \"x\" path=\"x\" extras=\"https://me:s3cret@host/x\"",
        "task \"git:s3cret@host:x\" { run \"x\" }",
        "environment \"other\" { manifest \"https://me:s3cret@host/pyproject.toml\" }",
        "environment \"other\" { manifest \"git:s3cret@host:x/other.toml\" }",
        "environment \"https://me:s3cret@host\" { manifest \"o/pyproject.toml\" }\npackage \"x\" path=\"x\" environments=\"zz\"",
    ] {
        let shown = seen(&top(text));
        assert!(!shown.contains("3cret"), "{shown}");
    }
    for text in [
        "x @ git+https://s3cret@host/x.git",
        "https://me:s3cret@host/ x",
        "x @ https://h:s3/cret@s3cret@x y z",
        "x ; 'https://me:s3cret@host/' > 2",
        "x >= https://me:s3cret@host/",
    ] {
        let shown = seen(&project(&format!("dependencies \"{text}\"")));
        assert!(!shown.contains("3cret"), "{shown}");
        let shown = seen(&project(&format!("platforms \"{text}\"")));
        assert!(!shown.contains("3cret"), "{shown}");
    }
}

#[test]
fn one_requirement_may_stand_once_for_each_marker() {
    let list = |items: &str| project(&format!("dependencies {items}"));
    let good = [
        "\"a>=1; python_version<'3.11'\" \"a>=2; python_version>='3.11'\"",
        "\"a>=1; python_version<'3.11'\" \"a>=2\"",
    ];
    assert_eq!(refused(&good, list), NONE);
    let bad = [
        "\"a>=1\" \"A<3\"",
        "\"a\" \"a[x]\"",
        "\"a @ https://h/a.whl\" \"a\"",
        "\"a>=1; os_name == 'x'\" \"a<3 ;  os_name  == \\\"x\\\"\"",
        "\"a\"; dependencies \"a>1\"",
    ];
    assert_eq!(refused(&bad, list), bad);
    let group = |items: &str| project(&format!("group \"dev\" {items}"));
    assert_eq!(refused(&["\"a>=1\" \"a<3\""], group).len(), 1);
}

#[test]
fn a_variant_asks_for_a_package_once() {
    let axis = |words: &str| top(&format!("variants \"cuda\" {{ {words} }}"));
    let good = [
        "dependencies \"torch\"; variant \"a\" { dependencies \"x\" }; variant \"b\" { dependencies \"x\" }",
        "dependencies \"torch; os_name=='x'\"; variant \"a\" { dependencies \"torch; os_name!='x'\" }",
    ];
    assert_eq!(refused(&good, axis), NONE);
    let bad = [
        "dependencies \"torch\"; variant \"a\" { dependencies \"torch>=2\" }",
        "dependencies \"torch\"; dependencies \"torch>=2\"; variant \"a\"",
        "dependencies \"torch\"; variant \"a\" { dependencies \"torch>=2\" from-index=#false }",
        "variant \"a\" { dependencies \"x\"; dependencies \"x>=2\" from-index=#false }",
        "variant \"a\" { dependencies \"x\"; dependencies \"x>=2\" }",
    ];
    assert_eq!(refused(&bad, axis), bad);
}

#[test]
fn what_variants_supply_is_no_dependency_besides() {
    let file = |words: &str| {
        format!(
            "variants \"cuda\" {{ dependencies \"torch\"; variant \"a\" index=\"i\" }}\n{}",
            project(words)
        )
    };
    assert_eq!(refused(&["dependencies \"numpy\"", "extra \"x\" \"torch\""], file), NONE);
    let bad = ["dependencies \"torch\"", "dependencies \"Torch>=2\""];
    assert_eq!(refused(&bad, file), bad);
    // Without an index of its own a variant only narrows what comes from the same place.
    let narrowed = |words: &str| {
        format!("variants \"size\" {{ variant \"big\" {{ dependencies \"a>=2\" }} }}\n{}", project(words))
    };
    assert_eq!(refused(&["dependencies \"a\""], narrowed), NONE);
    // Replaced everywhere, it is no one's dependency.
    let replaced = |words: &str| {
        format!(
            "variants \"cuda\" {{ dependencies \"torch\"; variant \"a\" index=\"i\" }}\n\
             project \"p\" {{ dependencies \"torch\" }}\n\
             environment \"dev\" {{ manifest \"pyproject.toml\"; {words} }}"
        )
    };
    assert_eq!(refused(&["dependencies only=#true \"x\""], replaced), NONE);
    let bad = ["dependencies only=#true \"torch<3\"", "dependencies \"x\""];
    assert_eq!(refused(&bad, replaced), bad);
}

#[test]
fn names_of_axes_and_variants_are_no_other_word_of_a_target() {
    let axis = |name: &str| top(&format!("variants \"{name}\" {{ variant \"x\" }}"));
    assert_eq!(refused(&["cuda", "rt2", "a_b-c"], axis), NONE);
    let bad = ["python", "env", "environment", "3d", "3.12", "Cuda", "a=b"];
    assert_eq!(refused(&bad, axis), bad);
    let variant = |name: &str| top(&format!("variants \"cuda\" {{ variant \"{name}\" }}"));
    assert_eq!(refused(&["cu124", "rocm6_2", "a-b"], variant), NONE);
    let bad = ["none", "auto", "12", "3.12", "a-", "a,b"];
    assert_eq!(refused(&bad, variant), bad);
}

#[test]
fn a_form_of_tags_keeps_the_version_apart() {
    let file = |form: &str| top(&format!("package \"x\" path=\"x\" tag=\"{form}\""));
    assert_eq!(refused(&["{version}", "v{version}", "release/{version}", "x-v{version}-a"], file), NONE);
    let bad = ["v1{version}", "{version}0", "v", "{version}{version}", "x..{version}", "{version}.lock"];
    assert_eq!(refused(&bad, file), bad);
}

#[test]
fn a_package_is_not_the_project() {
    let package = |name: &str| top(&format!("package \"{name}\" path=\"x\""));
    assert_eq!(refused(&["p", "P", "p2"], package), ["p", "P"]);
}

#[test]
fn a_path_of_a_package_is_one_directory_of_the_repository() {
    let path = |text: &str| top(&format!("package \"x\" path=\"{text}\""));
    assert_eq!(refused(&["packages/x", "./a b/x", "é", "a/../b"], path), NONE);
    let long = "x".repeat(256);
    let bad = [
        "../x",
        "/x",
        "~/x",
        "a/../../x",
        "packages/*",
        "a[b]",
        "a?",
        "!a",
        ".git/x",
        ".envloom/x",
        "a\\\\b",
        ".",
        "https://host/x",
        &long,
    ];
    assert_eq!(refused(&bad, path), bad);
}

#[test]
fn places_differ_in_more_than_case() {
    let two = |path: &str| top(&format!("package \"a\" path=\"packages/a\"\npackage \"b\" path=\"{path}\""));
    assert_eq!(refused(&["packages/b", "packages/A", "Packages/a"], two), ["packages/A", "Packages/a"]);
    let manifest = |path: &str| {
        format!("{}\nenvironment \"b\" {{ manifest \"{path}\" }}", project(""))
            .replace("\"pyproject.toml\"", "\"a/pyproject.toml\"")
    };
    let paths = ["b/pyproject.toml", "A/pyproject.toml", "https://h/pyproject.toml"];
    assert_eq!(refused(&paths, manifest), paths[1..]);
}

#[test]
fn supplied_requirement() {
    assert_snapshot!(seen(r#"project "p" { dependencies "torch>=2" }
variants "cuda" { dependencies "torch"; variant "cpu" index="indexes/cpu" }
environment "dev" { manifest "pyproject.toml" }
"#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::supplied_requirement

      × `torch` is in `dependencies` and in the variants of `cuda`
       ╭─[tasks.kdl:1:28]
     1 │ project "p" { dependencies "torch>=2" }
       ·                            ─────┬────
       ·                                 ╰── from the default index
     2 │ variants "cuda" { dependencies "torch"; variant "cpu" index="indexes/cpu" }
       ·                                ───┬───
       ·                                   ╰── from the chosen variant's index
     3 │ environment "dev" { manifest "pyproject.toml" }
       ╰────
      help: delete it from `dependencies`: there it would come from the default index
    "#);
}

#[test]
fn empty_list() {
    assert_snapshot!(seen(r#"package "x" path="x" environments=", ,""#), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::empty_list

      × the list has no words
       ╭─[tasks.kdl:1:35]
     1 │ package "x" path="x" environments=", ,"
       ·                                   ──┬──
       ·                                     ╰── nothing in it
       ╰────
      help: write words with blanks or commas between them, or delete the property
    "#);
}

#[test]
fn a_list_in_a_word_has_words() {
    let words = [
        "package \"x\" path=\"x\" environments=\",\"",
        "package \"x\" path=\"x\" extras=\", ,\"",
        "variants \"cuda\" { variant \"cpu\" on=\",\" }",
    ];
    assert_eq!(refused(&words, top), words);
}

#[test]
fn only_tagged_environments_carry() {
    let file = |carry: &str| {
        format!(
            "project \"p\"\nenvironment \"dev\" {{ manifest \"pyproject.toml\" }}\nenvironment \"b\" {{ manifest \"b/pyproject.toml\"; {carry} }}"
        )
    };
    let tags = "sources \"tags\" channel=\"dev\"; carry \"prerelease\"";
    assert_eq!(
        refused(&["", tags, "carry \"prerelease\"", "carry"], file),
        ["carry \"prerelease\"", "carry"]
    );
}

#[test]
fn a_sync_has_names_as_they_are_declared() {
    let model = model(
        "project \"p\" { group \"Doc_s\" \"sphinx\"; extra \"Fla.sh\" \"flash-attn\" }
        environment \"dev\" {
            manifest \"pyproject.toml\"; groups \"doc-s\"
            sync { groups \"DOC-S\" \"doc.s\"; extras \"fla-sh\" }
        }",
    );
    let sync = &model.environments[0].sync;
    assert_eq!(
        (sync.groups.as_deref().unwrap(), sync.extras.as_slice()),
        (&["Doc_s".to_owned()][..], &["Fla.sh".to_owned()][..])
    );
}

#[test]
fn markers_nested_too_deep_are_refused_before_anything_walks_them() {
    let nested = |deep: usize| format!("{}os_name == 'x'{}", "(".repeat(deep), ")".repeat(deep));
    let [deep, fine] = [nested(600), nested(32)];
    for list in ["platforms \"", "dependencies \"a; "] {
        let with = |marker: &str| project(&format!("{list}{marker}\""));
        assert_eq!(refused(&[&deep, &fine], with), [deep.as_str()]);
    }
}

#[test]
fn two_cells_of_one_name_are_refused() {
    let text = r#"project "p"
variants "cuda" { variant "b-c"; variant "c" }
environment "a" { manifest "pyproject.toml" }
environment "a-b" { manifest "b/pyproject.toml" }
"#;
    assert_snapshot!(seen(text), @r#"
      × tasks.kdl has 1 mistake

    Error: envloom::model::same_cell

      × the cells `a@b-c` and `a-b@c` would both be called `a-b-c`
       ╭─[tasks.kdl:3:13]
     2 │ variants "cuda" { variant "b-c"; variant "c" }
     3 │ environment "a" { manifest "pyproject.toml" }
       ·             ─┬─
       ·              ╰── of this environment
     4 │ environment "a-b" { manifest "b/pyproject.toml" }
       ·             ──┬──
       ·               ╰── and this one
       ╰────
      help: rename an environment or a variant: a cell's venv and log have its name
    "#);
}
