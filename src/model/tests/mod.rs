//! What a configuration comes to mean, and every mistake in it as a user sees it.

mod adopted;
mod environments;
mod pins;
mod refused;
mod tasks;
mod words;

use proptest::prelude::*;

use super::*;
use crate::base::RelPath;
use crate::base::testing::{properties, rendered};
use crate::config::{Channel, parse, parse_local};

/// The example of the README.
const EXAMPLE: &str = include_str!("../../config/tests/example.kdl");

fn model(text: &str) -> Model {
    let config = parse(&SourceFile::new("tasks.kdl", text)).map_err(|error| rendered(&error)).unwrap();
    resolve(config, &Found::default()).map_err(|error| rendered(&error)).unwrap()
}

/// What a user sees of a wrong `tasks.kdl`.
fn seen(text: &str) -> String {
    let config = parse(&SourceFile::new("tasks.kdl", text)).map_err(|error| rendered(&error)).unwrap();
    rendered(&resolve(config, &Found::default()).unwrap_err())
}

fn local(text: &str) -> Result<LocalModel, String> {
    let config = parse_local(&SourceFile::new("tasks.local.kdl", text)).map_err(|error| rendered(&error))?;
    resolve_local(config, &model(EXAMPLE)).map_err(|error| rendered(&error))
}

fn names(groups: &[Group]) -> Vec<&str> {
    groups.iter().map(|group| group.name.value.as_str()).collect()
}

fn texts(requirements: &[Requirement]) -> Vec<&str> {
    requirements.iter().map(|requirement| requirement.text.as_str()).collect()
}

#[test]
fn the_example_means_what_it_says() {
    let model = model(EXAMPLE);
    let [dev, staging, prod] = model.environments.as_slice() else { panic!("three environments") };
    let packages = |environment: &Environment| -> Vec<String> {
        environment.packages.iter().map(|one| model.package(one.package).name.value.to_string()).collect()
    };
    assert_eq!(packages(dev), ["bench-utils", "hello-world", "release-tool"]);
    assert_eq!(packages(staging), ["bench-utils"]);
    assert_eq!((dev.sources, prod.sources), (Sources::Workspace, Sources::Tags(Channel::Stable)));
    let pin = prod.packages[0].pin.as_ref().unwrap();
    assert_eq!((pin.reference.as_str(), pin.version.to_string()), ("v0.1.2", "0.1.2".to_owned()));
    assert_eq!(names(&dev.groups), ["dev"]);
    assert!(prod.groups.is_empty());
    assert!(dev.sync.editable && !prod.sync.editable);
    assert_eq!(dev.directory(), RelPath::root());
    assert_eq!(model.default_environment, Some(EnvironmentId(0)));
    let variant = &model.axes[0].variants[1];
    assert_eq!(texts(&variant.foreign_requirements), ["flash-attn"]);
    assert_eq!(variant.platforms, [Platform::Linux, Platform::Windows]);
    assert_eq!(variant.index.as_ref().unwrap().name.value, "cu128");
    assert_eq!(model.tasks[0].common.steps.len(), 2);
}

#[test]
fn cells_are_all_combinations() {
    let axes = "variants \"size\" choose=\"at-most-one\" { variant \"big\" }\n";
    let model = model(&format!("{EXAMPLE}{axes}"));
    let cells = model.cells(EnvironmentId(0));
    let slugs: Vec<String> = cells.iter().map(|cell| cell.slug(&model)).collect();
    let expected = [
        "dev-cu124-big-py3.12",
        "dev-cu124-none-py3.12",
        "dev-cu128-big-py3.12",
        "dev-cu128-none-py3.12",
        "dev-cpu-big-py3.12",
        "dev-cpu-none-py3.12",
    ];
    assert_eq!(slugs, expected);
    assert_eq!(cells[1].address(&model).as_deref(), Some("cu124,none"));
}

#[test]
fn an_environment_adds_to_the_project_or_replaces_it() {
    let text = r#"
        project "p" {
            requires-python ">=3.10"
            dependencies "a>=1" "b; sys_platform == 'linux'" "b; sys_platform == 'darwin'" "c"
            extra "x" "one"
            group "dev" "ruff" "mypy"
            group "doc" "sphinx"
        }
        environment "dev" {
            manifest "pyproject.toml"
            python 3.10
            dependencies "b==2" "d"
            extra "x" "two"
            group "dev" "mypy>=1"
            group "own" "z"
            groups "doc"
        }
        environment "bare" {
            manifest "bare/pyproject.toml"
            dependencies only=#true "e"
            extra "X" only=#true "three"
            packages
        }
    "#;
    let model = model(text);
    let [dev, bare] = model.environments.as_slice() else { panic!("two environments") };
    assert_eq!(texts(&dev.settings.dependencies), ["a>=1", "b==2", "c", "d"]);
    assert_eq!(texts(&dev.settings.extras[0].requirements), ["one", "two"]);
    assert_eq!(names(&dev.groups), ["doc", "dev", "own"]);
    assert_eq!(texts(&dev.groups[1].requirements), ["ruff", "mypy>=1"]);
    assert_eq!(dev.settings.python.as_ref().unwrap().value, "3.10");
    assert_eq!(texts(&bare.settings.dependencies), ["e"]);
    assert_eq!(texts(&bare.settings.extras[0].requirements), ["three"]);
}

#[test]
fn an_exact_uv_is_told_from_a_range() {
    let wanted = |text: &str| model(&format!("uv {text}")).uv.unwrap().wanted;
    assert!(matches!(wanted("\"0.13.9\""), WantedUv::Exact(_)));
    assert_eq!(wanted("\"==0.13.9\""), wanted("\"0.13.9\""));
    assert!(matches!(wanted("\"==0.13.*\""), WantedUv::Range(_)));
    assert!(matches!(wanted("\">=0.13,<0.14\""), WantedUv::Range(_)));
}

#[test]
fn a_pin_of_a_minor_version_is_any_of_its_releases() {
    let accepts = |range: &str, python: &str| {
        let text = format!("project \"p\" {{ requires-python \"{range}\"; python \"{python}\" }}");
        resolve(parse(&SourceFile::new("tasks.kdl", text)).unwrap(), &Found::default()).is_ok()
    };
    assert!(accepts(">=3.12.4", "3.12"));
    assert!(!accepts(">=3.12.4", "3.12.3"));
    assert!(!accepts(">=3.10, !=3.11.*", "3.11"));
    assert!(!accepts(">=3.10, <3.13", "3.13"));
    assert!(accepts(">=3.10, <3.13", "3.10"));
}

#[test]
fn a_commit_pins_a_package() {
    let text = "project \"p\"\npackage \"a\" git=\"git@h:a.git\"\nenvironment \"prod\" { manifest \"prod/pyproject.toml\"; \
                sources \"tags\" channel=\"stable\"; pin \"A\" rev=\"ABCDEF0123456789abcdef0123456789abcdef01\" version=1.20 }";
    let model = model(text);
    let pin = model.environments[0].packages[0].pin.as_ref().unwrap();
    assert_eq!(pin.reference, PinReference::Rev("abcdef0123456789abcdef0123456789abcdef01".to_owned()));
    assert_eq!(pin.version.to_string(), "1.20");
}

#[test]
fn a_local_file_prefers() {
    let text = "prefer \"cuda\" \"cu128\"\njobs 4\nenv \"A\" \"\"\nvenvs \"/scratch/v\"\ncache limit=\"2GiB\" age=\"1d12h\"\ndefault-environment \"prod\"\ntask \"mine\" { run \"x\" }";
    let local = local(text).unwrap();
    assert_eq!(local.prefer.get(&0), Some(&Preference::One(Some(1))));
    assert_eq!((local.jobs, local.default_environment), (Some(4), Some(EnvironmentId(2))));
    assert_eq!(local.env, [("A".to_owned(), String::new())]);
    assert_eq!(local.venvs.as_deref(), Some("/scratch/v"));
    let cache = CacheSettings { directory: None, limit: Some(2 << 30), age: Some(Duration::from_hours(36)) };
    assert_eq!(local.cache, cache);
}

#[test]
fn mistakes_of_a_local_file_are_all_reported() {
    let text = "prefer \"cdua\" \"x\"\nprefer \"cuda\" \"none\"\nenv \"A-B\" \"1\"\ntask \"test\" { run \"x\" }\nvenvs \"../v\"\n";
    insta::assert_snapshot!(local(text).unwrap_err(), @r#"
      × tasks.local.kdl has 5 mistakes

    Error: envloom::model::unknown_name

      × unknown axis `cdua`
       ╭─[tasks.local.kdl:1:8]
     1 │ prefer "cdua" "x"
       ·        ───┬──
       ·           ╰── not declared
     2 │ prefer "cuda" "none"
       ╰────
      help: did you mean `cuda`?

    Error: envloom::model::unknown_name

      × unknown variant `none`
       ╭─[tasks.local.kdl:2:15]
     1 │ prefer "cdua" "x"
     2 │ prefer "cuda" "none"
       ·               ───┬──
       ·                  ╰── not declared
     3 │ env "A-B" "1"
       ╰────
      help: declare it, or use one of: cu124, cu128, cpu, auto

    Error: envloom::model::invalid_name

      × `A-B` is no name for a variable
       ╭─[tasks.local.kdl:3:5]
     2 │ prefer "cuda" "none"
     3 │ env "A-B" "1"
       ·     ──┬──
       ·       ╰── not of this form
     4 │ task "test" { run "x" }
       ╰────
      help: use letters, digits and `_`, no digit first

    Error: envloom::model::reserved_name

      × `test` is taken and cannot name a private task
       ╭─[tasks.local.kdl:4:6]
     3 │ env "A-B" "1"
     4 │ task "test" { run "x" }
       ·      ───┬──
       ·         ╰── a task of tasks.kdl
     5 │ venvs "../v"
       ╰────
      help: choose another one, such as `my-test`

    Error: envloom::model::invalid_path

      × `../v` cannot be used: the path leaves the repository
       ╭─[tasks.local.kdl:5:7]
     4 │ task "test" { run "x" }
     5 │ venvs "../v"
       ·       ───┬──
       ·          ╰── refused
       ╰────
      help: write a path inside the repository, relative to its root
    "#);
}

#[test]
fn limits_of_a_cache_that_are_none_are_reported() {
    let text = "cache directory=\"/..\" limit=\"10\" age=\"1w\"\n";
    insta::assert_snapshot!(local(text).unwrap_err(), @r#"
      × tasks.local.kdl has 3 mistakes

    Error: envloom::model::invalid_path

      × `/..` cannot be used: write the directory itself
       ╭─[tasks.local.kdl:1:17]
     1 │ cache directory="/.." limit="10" age="1w"
       ·                 ──┬──
       ·                   ╰── refused
       ╰────
      help: write a path inside the repository, relative to its root

    Error: envloom::model::invalid_amount

      × `10` is no amount
       ╭─[tasks.local.kdl:1:29]
     1 │ cache directory="/.." limit="10" age="1w"
       ·                             ──┬─
       ·                               ╰── cannot be read
       ╰────
      help: write it like "500MB" or "10GiB"

    Error: envloom::model::invalid_amount

      × `1w` is no duration
       ╭─[tasks.local.kdl:1:38]
     1 │ cache directory="/.." limit="10" age="1w"
       ·                                      ──┬─
       ·                                        ╰── cannot be read
       ╰────
      help: write it like "90s", "30m" or "1h30m"
    "#);
}

#[test]
fn how_long_remotes_are_believed_is_a_length_of_time_or_none_at_all() {
    assert_eq!(model("remotes max-age=\"30m\"\n").max_age, Some(std::time::Duration::from_mins(30)));
    assert_eq!(model("remotes max-age=\"0\"\n").max_age, Some(std::time::Duration::ZERO));
    assert_eq!(model("default \"check\"\n").max_age, None);
    assert_eq!(local("remotes max-age=\"2d\"\n").unwrap().max_age, Some(std::time::Duration::from_hours(48)));
    assert!(local("remotes max-age=\"2\"\n").unwrap_err().contains("`2` is no duration"));
}

#[test]
fn every_code_is_listed_and_has_a_snapshot() {
    let sources = [
        include_str!("../error.rs"),
        include_str!("../pin_error.rs"),
        include_str!("../task_error.rs"),
        include_str!("../adopted_error.rs"),
    ]
    .concat();
    let codes: Vec<&str> = sources.split("code(").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    let listed: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, listed);
    let snapshots = [
        include_str!("words.rs"),
        include_str!("environments.rs"),
        include_str!("pins.rs"),
        include_str!("refused.rs"),
        include_str!("tasks.rs"),
        include_str!("adopted.rs"),
    ]
    .concat();
    for code in codes {
        assert!(snapshots.contains(&format!("{code}\n")), "{code} has no snapshot");
    }
}

/// Pieces of markers.
const MARKER_WORDS: &[&str] = &[
    "python_version",
    "python_full_version",
    "sys_platform",
    "extra",
    "platform_release",
    "implementation_version",
    "'linux'",
    "'3.10'",
    "'3.*'",
    "'3.10.*'",
    "'3'",
    "'3.10.1rc1'",
    "'x'",
    "''",
    "==",
    "!=",
    "~=",
    "===",
    "<",
    ">=",
    "in",
    "not in",
    "not",
    "and",
    "or",
    "(",
    ")",
    "'3.10 3.11'",
    "'>=3'",
    "'1!3.10.0+local'",
];

proptest! {
    #![proptest_config(properties(200))]

    #[test]
    fn any_requirement_is_taken_or_refused(text in "[ -~]{0,40}|[a-z]{1,3}[<>=!~@;\\[\\]()'., a-z0-9*+:/$-]{0,40}") {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let text = format!("project \"p\" {{ dependencies \"{quoted}\"; platforms \"{quoted}\"; python \"{quoted}\" }}");
        if let Ok(config) = parse(&SourceFile::new("tasks.kdl", text)) {
            let _ = resolve(config, &Found::default()).map_err(|error| rendered(&error));
        }
    }

    #[test]
    fn any_marker_is_taken_or_refused(words in prop::collection::vec(prop::sample::select(MARKER_WORDS), 0..12)) {
        let text = words.join(" ");
        let text = format!("project \"p\" {{ dependencies \"a ; {text}\"; platforms \"{text} \" }}");
        let _ = resolve(parse(&SourceFile::new("tasks.kdl", text)).unwrap_or_else(|_| parse(&SourceFile::new("", "")).unwrap()), &Found::default());
    }

    #[test]
    fn any_word_of_the_example_can_be_wrong(at in 0..EXAMPLE.matches('"').count() / 2, with in "[ -~]{0,12}|[^\\n\"\\\\]{0,6}") {
        let mut parts: Vec<&str> = EXAMPLE.split('"').collect();
        let escaped = with.replace('\\', "\\\\").replace('"', "\\\"");
        parts[2 * at + 1] = &escaped;
        if let Ok(config) = parse(&SourceFile::new("tasks.kdl", parts.join("\""))) {
            let _ = resolve(config, &Found::default()).map_err(|error| rendered(&error));
        }
    }
}
