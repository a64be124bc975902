//! Secrets are masked wherever a run shows or keeps something.

use std::fs;
use std::path::Path;

use super::tasks;
use crate::support::Gate;

const SECRET: &str = "tok-5f2c/9+d e";

/// Every place below a directory that holds one of these texts.
fn holding(directory: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, texts));
        } else if let Ok(bytes) = fs::read(&path) {
            let text = String::from_utf8_lossy(&bytes);
            found.extend(
                texts
                    .iter()
                    .filter(|one| text.contains(**one))
                    .map(|one| format!("{} in {}", one, path.display())),
            );
        }
    }
    found
}

#[test]
fn a_secret_is_in_no_stream_log_event_or_file() {
    let repo = tasks(
        r#"
        task "tells" {
            secret "TOKEN"
            parameter "K" default="none"
            run "python3" "tell.py" "{K}"
            run "sh" "-c" "echo error: $TOKEN >&2; exit 3" "{K}"
        }
        task "overhears" { run "cat" "left" }
        "#,
    );
    repo.write(
        "tell.py",
        "import base64, json, os, shlex, sys, urllib.parse\n\
         t = os.environ['TOKEN']\n\
         print(t, repr(t), json.dumps(t), shlex.quote(t), urllib.parse.quote(t), urllib.parse.quote_plus(t, safe=''))\n\
         print(base64.b64encode(t.encode()).decode(), base64.b64encode(('user:' + t).encode()).decode())\n\
         print('half of it:', t[:7], flush=True)\n\
         for c in t: os.write(1, c.encode())\n\
         print()\n",
    );
    repo.write("left", SECRET);
    let told = repo.env("TOKEN", SECRET);
    let ran =
        told.run_args(&["-j2", "-k", "--trace", "-v", "tells", "overhears", &format!("K={SECRET}")]).code(1);
    let encoded = "dG9rLTVmMmMvOStkIGU";
    let percent = "tok-5f2c%2F9%2Bd";
    let forms = [SECRET, encoded, percent, "9%2Bd", "5f2c/9+d"];
    for form in forms {
        assert!(!ran.stdout().contains(form) && !ran.stderr().contains(form), "{form} in {ran}");
    }
    insta::assert_snapshot!(ran.stdout(), @r#"
    ***
    *** '***' "***" '***' *** ***
    *** dXNlcjp***Q==
    half of it: tok-5f2
    ***
    error: ***
    "#);
    assert_eq!(holding(&repo.root().join("events"), &forms), [""; 0]);
    assert_eq!(holding(&repo.path(".envloom"), &forms), [""; 0]);
    assert_eq!(repo.read("left"), SECRET);
    insta::assert_snapshot!(repo.read(".envloom/logs/tells.log").lines().last().unwrap_or_default(), @"error: ***");
}

#[test]
fn what_could_begin_a_secret_is_shown_once_it_does_not() {
    let repo = tasks(
        r#"task "asks" { secret "TOKEN"; run "sh" "-c" "printf 'question: tok'; [ROOT]/gate/gate asked; printf 'yo\n'" }"#,
    );
    let gate = Gate::new(&repo);
    let run = repo.env("TOKEN", SECRET).spawn("asks");
    gate.wait_started(1);
    gate.open();
    assert_eq!(run.wait().success().stdout(), "question: tokyo\n");
}

#[test]
fn a_secret_that_cannot_be_masked_is_refused_before_anything_runs() {
    let repo = tasks(r#"task "tells" { secret "TOKEN"; run "echo" "hello" }"#);
    insta::assert_snapshot!(repo.env("TOKEN", "abc").run("tells").code(2).output_snapshot(), @r#"
    exit: 2
    ----- stdout -----

    ----- stderr -----
    error: nothing was run: what the tasks need is not there

    error[envloom::exec::secret_too_short]: the value of the secret `TOKEN` is too short to be masked
     --> tasks.kdl:1:6
    1 | task "tells" { secret "TOKEN"; run "echo" "hello" }
      |      ^^^^^^^ names it
    help: to mask fewer than 4 characters would hide every word that has them; give it a longer value, or pass it by `pass-env`
    "#);
    repo.env("TOKEN", "").run("tells").success();
    repo.run("tells").success();
}
