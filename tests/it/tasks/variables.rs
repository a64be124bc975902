//! What the programs of own tasks see, and where they run.

use super::tasks;
use crate::support::Monorepo;

#[test]
fn a_task_sees_the_listed_variables_and_those_it_names() {
    let repo = tasks(
        r#"
        task "plain" { run "env" }
        task "names" {
            env "SET" "here"
            env "KEYED"
            env "UNSET"
            pass-env "PASSED"
            secret "A_TOKEN"
            run "env"
        }
        "#,
    );
    let called = ["KEYED", "PASSED", "OTHER", "CUDA_HOME", "GITHUB_TOKEN"];
    let called = called.iter().fold(repo, |repo, name| repo.env(name, "called")).env("A_TOKEN", "another");
    let seen = |target: &str| {
        let ran = called.run(target).success();
        let lines: Vec<String> = ran.stdout().lines().map(str::to_owned).collect();
        move |line: &str| lines.iter().any(|seen| seen == line || seen.split('=').next() == Some(line))
    };
    let plain = seen("plain");
    for name in ["PATH", "HOME", "LANG", "TZ", "UV_CACHE_DIR", "GIT_AUTHOR_NAME", "CUDA_HOME=called"] {
        assert!(plain(name), "{name}");
    }
    for name in ["KEYED", "PASSED", "A_TOKEN", "OTHER", "GITHUB_TOKEN", "SET"] {
        assert!(!plain(name), "{name}");
    }
    let names = seen("names");
    for line in ["KEYED=called", "PASSED=called", "A_TOKEN", "SET=here"] {
        assert!(names(line), "{line}");
    }
    assert!(!names("UNSET") && !names("OTHER"));
    // A variable that is withheld is named to whoever asks.
    called.run("-v plain").stderr_has("A_TOKEN GITHUB_TOKEN KEYED OTHER PASSED");
}

#[test]
fn the_cell_decides_its_variables_whatever_the_task_passes_on() {
    let repo = crate::seed::locked();
    repo.append("tasks.kdl", "task \"which\" { matrix { environment \"dev\"; cuda \"cpu\" }; after \"sync\"; pass-env \"PATH\" \"VIRTUAL_ENV\"; run \"python\" \"-c\" \"import sys; print(sys.prefix)\" }\n");
    let ran = repo.env("VIRTUAL_ENV", "/elsewhere").run("-q which").success();
    assert!(ran.stdout().trim_end().ends_with(".envloom/venvs/dev-cpu-py3.12"), "{ran}");
}

#[test]
fn a_task_of_an_adopted_project_runs_in_its_directory() {
    let repo = Monorepo::new().tasks_kdl(
        r#"
        environment "app" { manifest "app/pyproject.toml"; adopt }
        task "where" { matrix { environment "app" }; run "pwd" }
        task "there" { matrix { environment "app" }; cwd "other"; run "pwd" }
        "#,
    );
    repo.write("app/pyproject.toml", "[project]\nname = \"app\"\nversion = \"1\"\n").write("other/x", "");
    assert_eq!(repo.redact(&repo.run("-q where").text()), "[ROOT]/repo/app");
    assert_eq!(repo.redact(&repo.run("-q there").text()), "[ROOT]/repo/other");
}
