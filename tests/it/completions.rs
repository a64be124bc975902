//! Completion as bash does it: a real bash reads the script, and a function answers as readline would ask.

use crate::support::Monorepo;

const TASKS: &str = r#"
project "demo" { version "0.1.0"; requires-python ">=3.10" }
variants "cuda" {
    variant "cu124" index="indexes/cu124"
    variant "cpu" index="indexes/cpu"
}
environment "dev" { manifest "pyproject.toml" }
environment "prod" { manifest "prod/pyproject.toml"; sources "tags" channel="stable" }
task "fmt" { run "true" }
"#;

/// What bash would put in place of the part of the word that it replaces, for the line up to its end.
fn completed(repo: &Monorepo, breaks: &str, line: &str) -> String {
    let script = r#"
source <("$1" completions bash)
COMP_WORDBREAKS=$2 COMP_LINE="$1${3#envloom}" COMP_POINT=$((${#1} + ${#3} - 7))
_envloom "$1"
printf '%s\n' "${COMPREPLY[@]}"
"#;
    let program = env!("CARGO_BIN_EXE_envloom");
    repo.exec("bash", &["--norc", "-c", script, "bash", program, breaks, line]).text().replace('\n', " ")
}

#[test]
fn bash_completes_targets_and_cells_through_its_word_breaks() {
    let repo = Monorepo::new().tasks_kdl(TASKS);
    let with_at = " \t\n\"'@><=;|&(:";
    for (breaks, line, expected) in [
        (with_at, "envloom lock", "lock lock:dev lock:prod"),
        (with_at, "envloom lock:p", "prod"),
        (with_at, "envloom -kj4 lock:", "dev prod"),
        (with_at, "envloom sync:dev@c", "@cu124 @cpu"),
        (with_at, "envloom sync@", "@cpu @cu124"),
        (" \t\n:", "envloom sync:dev@c", "dev@cu124 dev@cpu"),
        (" \t\n", "envloom sync:dev@c", "sync:dev@cu124 sync:dev@cpu"),
        (" \t\n", "envloom run prod@cu", "prod@cu124"),
        (" \t\n", "envloom use d", "dev dev@cu124 dev@cpu"),
        (" \t\n", "envloom lock:dev  f", "fmt"),
        (" \t\n", "envloom completions ", "bash zsh fish"),
        (" \t\n", "envloom --color a", "auto always"),
        (" \t\n", "envloom --no-p", "--no-progress"),
        // Left to the shell, which offers file names.
        (" \t\n", "envloom -C ", ""),
        (" \t\n", "envloom run dev@cpu -- f", ""),
    ] {
        assert_eq!(completed(&repo, breaks, line), expected, "{line} with {breaks:?}");
    }
}

#[test]
fn the_values_of_options_are_what_the_repository_has() {
    let repo = Monorepo::new().tasks_kdl(
        r#"
project "demo" { version "0.1.0"; requires-python ">=3.10"; extra "flash" "x"; group "dev" "y" }
package "foo" path="packages/foo"
variants "cuda" {
    variant "cu124" index="indexes/cu124"
    variant "cpu" index="indexes/cpu"
}
environment "dev" { manifest "pyproject.toml"; groups "dev"; group "docs" "z" }
environment "prod" { manifest "prod/pyproject.toml"; sources "tags" channel="stable"; packages }
environment "old" { manifest "old/pyproject.toml"; adopt }
"#,
    );
    let lockfile = |name: &str| format!("version = 1\n\n[[package]]\nname = \"{name}\"\nversion = \"1\"\n");
    repo.write("uv.lock", &lockfile("tqdm")).write("prod/uv.lock", &lockfile("pandas"));
    let with_breaks = " \t\n\"'@><=;|&(:";
    for (breaks, line, expected) in [
        (" \t\n", "envloom add x --group ", "dev docs"),
        (" \t\n", "envloom add x --extra ", "flash"),
        (" \t\n", "envloom add x --optional f", "flash"),
        (" \t\n", "envloom add x --variant ", "cu124 cpu cuda"),
        (" \t\n", "envloom add x --environment ", "dev prod"),
        (" \t\n", "envloom remove x --package ", "foo"),
        (" \t\n", "envloom lock --accept-moved f", "foo"),
        (" \t\n", "envloom promote dev prod --allow-untested ", "foo"),
        (" \t\n", "envloom lock --upgrade-package ", "pandas tqdm"),
        (" \t\n", "envloom lock:prod --upgrade-package ", "pandas"),
        (" \t\n", "envloom lock --upgrade-package=t", "--upgrade-package=tqdm"),
        (with_breaks, "envloom add x --group=d", "dev docs"),
        (" \t\n", "envloom --color=n", "--color=never"),
        (" \t\n", "envloom add ", "package"),
        (" \t\n", "envloom remove package ", "foo"),
        // Left to the shell.
        (" \t\n", "envloom add package x --git u --path ", ""),
        (" \t\n", "envloom --file=", ""),
    ] {
        assert_eq!(completed(&repo, breaks, line), expected, "{line} with {breaks:?}");
    }
}

#[test]
fn completion_is_silent_and_writes_nothing_where_there_is_nothing_to_read() {
    let repo = Monorepo::new();
    let before = repo.tree(".");
    assert_eq!(repo.run_args(&["__complete", "--", "lock:"]).text(), "");
    repo.tasks_kdl("project {");
    let broken = repo.run_args(&["__complete", "--", "ver"]).success();
    assert_eq!((broken.stdout(), broken.stderr()), ("version\n", ""));
    std::fs::remove_file(repo.path("tasks.kdl")).unwrap();
    assert_eq!(repo.tree("."), before);
}

#[test]
fn a_shell_that_is_not_known_is_refused_and_the_known_ones_are_named() {
    Monorepo::new().run("completions tcsh").code(2).stderr_has("takes one of bash, zsh, fish");
}

#[test]
fn the_manual_page_holds_all_that_the_help_does() {
    let repo = Monorepo::new();
    let page = repo.run("man").success();
    let head: Vec<&str> = page.stdout().lines().take(14).collect();
    insta::assert_snapshot!(head.join("\n"), @r#"
    .TH ENVLOOM 1 "" "envloom 0.1.0" "User Commands"
    .ie \n(.g .ds Aq \(aq
    .el .ds Aq '
    .SH NAME
    envloom \- Keeps the environments of a Python monorepo built on uv: manifests, lockfiles, checks and venvs
    .ie \n(.g .ds Aq \(aq
    .el .ds Aq '
    .SH SYNOPSIS
    \fBenvloom\fR [OPTIONS] [TARGET\[u2026]] [VAR=VALUE\[u2026]] [\-\- ARGS\[u2026]]
    .br
    \fBenvloom\fR [OPTIONS] VERB [WORD\[u2026]]
    .ie \n(.g .ds Aq \(aq
    .el .ds Aq '
    .SH DESCRIPTION
    "#);
    let help = repo.run("help").success();
    let plain = page.stdout().replace("\\-", "-").replace("\\fB", "").replace("\\fR", "");
    let options: Vec<&str> = help
        .stdout()
        .split_whitespace()
        .map(|word| word.trim_end_matches([',', ';', ':', ']', '.']))
        .filter(|word| word.starts_with("--") && word.len() > 2)
        .collect();
    assert!(options.len() > 30, "{options:?}");
    for option in options {
        assert!(plain.contains(option), "{option}");
    }
    for title in [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "TARGETS",
        "VERBS",
        "OPTIONS",
        "\"EXIT STATUS\"",
        "FILES",
        "EXAMPLES",
    ] {
        assert!(page.stdout().contains(&format!("\n.SH {title}\n")), "{title}");
    }
    repo.run("man lock").code(2).stderr_has("`man` takes no words");
}
