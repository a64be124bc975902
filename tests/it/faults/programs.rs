//! Programs called `uv` that are not uv; escape sequences; verbs that must write nothing.

use std::os::unix::fs::PermissionsExt as _;

use super::{figure, wide_project};
use crate::support::{Monorepo, Ran};

/// A repository whose own `uv` makes a canary, at the root, in `bin` and beside the manifest.
fn booby_trapped() -> Monorepo {
    let repo = wide_project(1, 0);
    for place in ["uv", "bin/uv", "prod/uv", "git", "python3", "python3.12"] {
        repo.write_program(place, "#!/bin/sh\ntouch [ROOT]/canary\necho 'uv 0.13.9'\n");
    }
    repo
}

/// PATH as the surroundings have it, with something before it.
fn path_with(repo: &Monorepo, first: &str) -> Monorepo {
    let path = repo.exec("sh", &["-c", "printf %s \"$PATH\""]).text();
    repo.env("PATH", &format!("{first}{path}"))
}

#[test]
fn no_program_of_the_repository_is_taken_for_uv_git_or_python() {
    let repo = booby_trapped();
    let mut tried = 0;
    for first in
        [".:", ":", "::", "bin:", "./bin:", "[ROOT]/repo:", "[ROOT]/repo/bin:", "[ROOT]/repo/prod/..:"]
    {
        for uv in [None, Some("./uv"), Some("uv"), Some("bin/uv"), Some("")] {
            let view = path_with(&repo, first);
            let view = match uv {
                Some(uv) => view.env("ENVLOOM_UV", uv),
                None => view.without_env("ENVLOOM_UV"),
            };
            for line in ["check:dev", "list", "lock:dev"] {
                let ran = view.run(line);
                assert!(
                    !repo.exists("../canary"),
                    "PATH {first}…, ENVLOOM_UV {uv:?}: {line} ran the repository's\n{ran}"
                );
                assert!(ran.exit_code().is_some_and(|code| code < 3), "{ran}");
                tried += 1;
            }
        }
    }
    figure("F32 programs of the repository, run", tried, 0);
}

#[test]
fn what_is_not_uv_is_refused_with_its_path() {
    let repo = wide_project(1, 0);
    repo.run("generate").success();
    let cases = [
        ("silent", "#!/bin/sh\n"),
        ("another", "#!/bin/sh\necho 'uvicorn 0.30.0'\n"),
        ("old", "#!/bin/sh\necho 'uv 0.9.4'\n"),
        ("failing", "#!/bin/sh\nexit 7\n"),
        ("no_interpreter", "#!/nowhere/sh\n"),
        ("binary", "\x7fELFnonsense"),
        ("noise", "#!/bin/sh\nprintf 'uv \\033[31m0.13.9\\n'\n"),
    ];
    for (name, text) in cases {
        let program = format!("../tools/{name}/uv");
        repo.write_program(&program, text);
        let ran = repo.env("ENVLOOM_UV", &format!("[ROOT]/tools/{name}/uv")).run("check:dev").code(2);
        let said = ran.stderr().replace(['\n', ' ', '│'], "");
        assert!(said.contains(&format!("tools/{name}/uv")), "{name}: no path in {ran}");
        assert!(!ran.stderr().contains('\u{1b}'), "{ran}");
    }
    repo.write("../tools/plain/uv", "#!/bin/sh\necho 'uv 0.13.9'\n");
    std::fs::set_permissions(repo.path("../tools/plain/uv"), std::fs::Permissions::from_mode(0o644)).unwrap();
    repo.env("ENVLOOM_UV", "[ROOT]/tools/plain/uv").run("check:dev").code(2).stderr_has("plain/uv");
    repo.env("ENVLOOM_UV", "[ROOT]/tools").run("check:dev").code(2);
    repo.env("ENVLOOM_UV", "[ROOT]/tools/none/uv").run("check:dev").code(2).stderr_has("none/uv");
}

/// Control characters outside colour, and characters that turn the direction of text.
fn raw(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    }) {
        let tail = &rest[at..];
        let colour = tail
            .strip_prefix("\u{1b}[")
            .and_then(|tail| tail.find(|c: char| !c.is_ascii_digit() && c != ';').map(|end| (tail, end)));
        match colour {
            Some((tail, end)) if tail[end..].starts_with('m') => rest = &tail[end + 1..],
            _ => {
                found.push(tail.chars().take(12).flat_map(char::escape_default).collect());
                rest = &tail[tail.chars().next().map_or(1, char::len_utf8)..];
            }
        }
    }
    found
}

const SEQUENCES: [&str; 10] = [
    "\\033]0;title\\007",
    "\\033]52;c;ZXZpbA==\\007",
    "\\033]8;;https://example.com\\033\\\\x\\033]8;;\\033\\\\",
    "\\033[2J\\033[H",
    "\\033[1A\\033[2K",
    "\\2332J",
    "ok\\rforged",
    "\\033P1$r\\033\\\\",
    "\\342\\200\\256bidi",
    "a\\bb\\007\\014\\013",
];

#[test]
fn escape_sequences_in_a_tasks_output_do_not_reach_the_terminal() {
    let repo = Monorepo::new();
    let (mut tried, mut bad) = (0, Vec::new());
    for sequence in SEQUENCES {
        repo.write_program(
            "say.sh",
            &format!("#!/bin/sh\nprintf '{sequence}\\n'\nprintf '{sequence}' >&2\nexit $1\n"),
        );
        repo.tasks_kdl("task \"ok\" { run \"[ROOT]/repo/say.sh\" \"0\" }\ntask \"fails\" { run \"[ROOT]/repo/say.sh\" \"1\" }\n");
        for line in ["ok", "fails", "-vv ok", "--color always ok", "--color always -vv fails", "--json ok"] {
            let ran: Ran = repo.run(line);
            let found = [raw(ran.stdout()), raw(ran.stderr())].concat();
            if !found.is_empty() || ran.stderr().contains("\rforged") {
                bad.push(format!("{sequence}: {line}: {found:?}"));
            }
            tried += 1;
        }
    }
    figure("F28 escape sequences in output, raw control bytes", tried, bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn escape_sequences_in_names_do_not_reach_the_terminal() {
    let sequences =
        ["\\u{1b}[2J", "\\u{9b}2J", "\\u{202e}x", "\\r", "\\u{7}", "\u{9b}31m", "\u{202e}x", "\u{2066}"];
    let (mut tried, mut bad) = (0, Vec::new());
    for sequence in sequences {
        for text in [
            format!("task \"a{sequence}\" {{ run \"true\" }}\n"),
            format!(
                "task \"a\" {{ description \"{sequence}\"; run \"sh\" \"-c\" \"exit 1\" \"{sequence}\" }}\n"
            ),
            format!("task \"a\" {{ run \"{sequence}\" }}\n"),
            format!("x{sequence} \"{sequence}\"\n"),
        ] {
            let repo = Monorepo::new().tasks_kdl(&text);
            for line in ["list", "a", "graph a", "explain a", "-n a"] {
                let ran = repo.run(line);
                let found = [raw(ran.stdout()), raw(ran.stderr())].concat();
                if !found.is_empty() {
                    bad.push(format!("{text}{line}: {found:?}\n{ran}"));
                }
                tried += 1;
            }
            let typed = repo.run_args(&[format!("a{sequence}").as_str(), "\u{1b}[2J=x\r", "\u{202e}"]);
            let found = [raw(typed.stdout()), raw(typed.stderr())].concat();
            if !found.is_empty() {
                bad.push(format!("typed: {found:?}\n{typed}"));
            }
        }
    }
    figure("F28 escape sequences in names and words, raw control bytes", tried, bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// Calls that look and never write.
const LOOKS: [&str; 12] = [
    "list",
    "list --cells",
    "graph",
    "graph lock --format dot",
    "explain lock:dev",
    "explain sync:dev",
    "-n lock sync:dev",
    "-n",
    "completions bash",
    "completions zsh",
    "__complete bash 1 envloom sy",
    "help",
];

#[test]
fn looking_writes_nothing() {
    let repo = wide_project(2, 0);
    let fresh = wide_project(2, 0);
    repo.run("lock sync:dev").success();
    let (mut tried, mut bad) = (0, Vec::new());
    for repo in [&repo, &fresh] {
        let before = (repo.tree("..").paths().len(), repo.tree_hash(""), repo.tree_hash("../home"));
        for line in LOOKS {
            let ran = repo.run(line);
            if repo.tree_hash("") != before.1 || repo.tree_hash("../home") != before.2 {
                bad.push(format!("{line} changed the tree\n{ran}"));
            }
            let trace = repo.root().join("events").join("trace");
            let arguments = format!(
                "-f -qq -o {} -e trace=open,openat,creat,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,link,linkat,symlink,symlinkat,truncate,chmod,fchmodat,utimensat {} {line}",
                trace.display(),
                env!("CARGO_BIN_EXE_envloom")
            );
            repo.without_env("ENVLOOM_EVENTS").exec("strace", &arguments.split(' ').collect::<Vec<_>>());
            let text = std::fs::read_to_string(&trace).unwrap();
            let writes = text.lines().filter(|call| {
                let opens = call.contains("open");
                let changes = call.contains("O_WRONLY")
                    || call.contains("O_RDWR")
                    || call.contains("O_CREAT")
                    || !opens && !call.contains("+++") && !call.contains("---");
                let spared = ["/dev/null", "/dev/tty", "/events/", "/cache/envloom/", "/cache/uv/", "ENOENT"];
                changes && !spared.iter().any(|place| call.contains(place))
            });
            bad.extend(writes.map(|call| format!("{line}: {call}")));
            tried += 1;
        }
    }
    figure("F33 looking calls that wrote", tried, bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}
