//! KDL that aims at the parser; names, paths, symlinks, FIFOs, tags and URLs that aim outside.

use std::os::unix::fs::symlink;
use std::time::Duration;

use super::{campaign, figure, timed, wide_project};
use crate::support::Monorepo;

/// A file that nothing may touch or make.
const CANARY: &str = "../canary";

fn canary(repo: &Monorepo) -> bool {
    repo.exists(CANARY)
}

/// Texts of a tasks file that a parser may die of.
fn horrors() -> Vec<(String, Vec<u8>)> {
    let mut horrors: Vec<(String, Vec<u8>)> = Vec::new();
    for depth in [65, 1_000, 1_000_000] {
        for (name, open) in [
            ("braces", "a{"),
            ("slashdash", "/-"),
            ("comments", "/*"),
            ("slashdash braces", "/-{"),
            ("types", "("),
        ] {
            horrors.push((format!("{name} {depth} deep"), open.repeat(depth).into_bytes()));
        }
        horrors.push((format!("{depth} closed"), ("a{".repeat(depth) + &"}".repeat(depth)).into_bytes()));
    }
    horrors.push(("100 MB".to_owned(), vec![b'a'; 100_000_000]));
    horrors.push(("one line of 1 MB".to_owned(), format!("a \"{}\"", "x".repeat(1_000_000)).into_bytes()));
    horrors.push(("100,000 hashes".to_owned(), "#".repeat(100_000).into_bytes()));
    horrors
        .push(("hashes before a string".to_owned(), format!("a {}\"x\"", "#".repeat(100_000)).into_bytes()));
    horrors.push(("an open string".to_owned(), format!("a \"{}", "\\".repeat(99_999)).into_bytes()));
    horrors.push(("continuations".to_owned(), "a \\\n".repeat(10_000).into_bytes()));
    horrors.push(("semicolons".to_owned(), ";".repeat(100_000).into_bytes()));
    horrors.push(("nodes".to_owned(), "a\n".repeat(10_000).into_bytes()));
    horrors.push(("arguments".to_owned(), format!("a{}", " 1".repeat(200_000)).into_bytes()));
    horrors.push(("digits".to_owned(), format!("a {}", "9".repeat(100_000)).into_bytes()));
    horrors.push(("an exponent".to_owned(), b"a 1e999999999".to_vec()));
    for (name, bytes) in [
        ("NUL", &b"project \"a\0b\"\n"[..]),
        ("BOM in the middle", "project \"a\"\n\u{feff}b\n".as_bytes()),
        ("two BOMs", "\u{feff}\u{feff}project \"a\"\n".as_bytes()),
        ("a lone CR", b"project \"a\"\rb\rc {\r"),
        ("bidi", "project \"a\u{202e}b\"\n".as_bytes()),
        ("not UTF-8", b"project \"\xff\xfe\"\n"),
        ("UTF-16", b"\xff\xfep\0r\0o\0"),
        ("a surrogate", b"a \"\\u{d800}\"\n"),
        ("escape", b"project \"\x1b[31m\"\n"),
        ("ends in a slash", b"a /"),
    ] {
        horrors.push((name.to_owned(), bytes.to_vec()));
    }
    horrors
}

#[test]
fn no_tasks_file_kills_the_parser() {
    let repo = Monorepo::new();
    let envloom = env!("CARGO_BIN_EXE_envloom");
    let (mut tried, mut bad, mut slowest) = (0, Vec::new(), (Duration::ZERO, String::new()));
    for (name, bytes) in horrors() {
        repo.write_bytes("tasks.kdl", &bytes);
        for stack in ["2048", "8192"] {
            let mut ran = None;
            let took = timed(|| {
                ran = Some(repo.exec("sh", &["-c", &format!("ulimit -s {stack}; exec {envloom} list")]));
            });
            let ran = ran.unwrap();
            let said = ran.stderr().contains("envloom::");
            let raw = ran.stderr().chars().any(|character| character.is_control() && character != '\n');
            if ran.exit_code() != Some(2) || !said || raw || ran.stderr().len() > 20_000 {
                let head: String = ran.to_string().chars().take(1_500).collect();
                bad.push(format!(
                    "{name}, stack {stack}: said {said}, raw {raw}, {} bytes\n{head}",
                    ran.stderr().len()
                ));
            }
            if took > slowest.0 {
                slowest = (took, name.clone());
            }
            tried += 1;
        }
    }
    figure(&format!("F18 KDL horrors, no diagnostic with exit 2 (slowest {slowest:?})"), tried, bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n=====\n"));
}

/// What a manifest's place may be made of instead of a file.
#[test]
fn what_is_no_file_of_the_repository_is_never_read_or_written_as_one() {
    type Place = fn(&Monorepo);
    let outside = "../outside";
    let places: [(&str, Place); 9] = [
        ("manifest: symlink out", |repo| {
            symlink(repo.path("../outside/pyproject.toml"), repo.path("pyproject.toml")).unwrap();
        }),
        ("manifest: broken symlink out", |repo| {
            symlink(repo.path(CANARY), repo.path("pyproject.toml")).unwrap();
        }),
        ("manifest: FIFO", |repo| drop(repo.exec("mkfifo", &["pyproject.toml"]).success())),
        ("manifest: directory", |repo| std::fs::create_dir(repo.path("pyproject.toml")).unwrap()),
        ("manifest: device", |repo| symlink("/dev/zero", repo.path("pyproject.toml")).unwrap()),
        ("directory: symlink out", |repo| symlink(repo.path("../outside"), repo.path("prod")).unwrap()),
        ("envloom.lock: symlink out", |repo| {
            symlink(repo.path("../outside/pyproject.toml"), repo.path("envloom.lock")).unwrap();
        }),
        ("envloom.lock: FIFO", |repo| drop(repo.exec("mkfifo", &["envloom.lock"]).success())),
        (".envloom: symlink out", |repo| symlink(repo.path("../outside"), repo.path(".envloom")).unwrap()),
    ];
    let mut bad = Vec::new();
    for (name, place) in places {
        let repo =
            wide_project(1, 0).write(&format!("{outside}/pyproject.toml"), "[project]\nname = \"theirs\"\n");
        place(&repo);
        let before = repo.tree(outside);
        for line in
            ["generate --take-over", "lock", "check", "list", "-n lock", "explain check:dev", "sync:dev"]
        {
            let ran = repo.run(line);
            if repo.tree(outside) != before || canary(&repo) {
                bad.push(format!("{name}: {line} wrote outside\n{ran}"));
            }
            if ran.exit_code().is_none_or(|code| code == 3) || ran.stderr().contains("panicked") {
                bad.push(format!("{name}: {line}\n{ran}"));
            }
        }
    }
    figure("F21 places that lead elsewhere, written outside", places.len(), bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n=====\n"));
}

#[test]
fn a_lockfile_that_leads_outside_is_not_written_through() {
    for (link, target) in
        [("uv.lock", "../outside/uv.lock"), (".venv", "../outside/venv"), (".python-version", "../canary")]
    {
        let repo = wide_project(1, 0)
            .write("../outside/uv.lock", "theirs\n")
            .write("../outside/venv/keep", "theirs\n");
        repo.replace("tasks.kdl", "requires-python", "python \"3.12\"\n    requires-python");
        repo.run("generate");
        std::fs::remove_file(repo.path(link)).ok();
        symlink(repo.path(target), repo.path(link)).unwrap();
        let before = repo.tree("../outside");
        for line in ["generate", "lock:dev", "lock:dev --upgrade", "sync:dev", "use dev", "check:dev"] {
            let ran = repo.run(line);
            assert_eq!(repo.tree("../outside"), before, "{link}: {line} wrote outside\n{ran}");
            assert!(!canary(&repo), "{link}: {line}");
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list of what is refused")]
fn names_and_paths_that_are_none_are_refused_before_anything_is_written() {
    let long = "x".repeat(300);
    let words = [
        "../canary/pyproject.toml",
        "/tmp/pyproject.toml",
        "a/../../canary/pyproject.toml",
        "",
        ".",
        "..",
        "a\\u{0}b",
        "a\\nb",
        "a\\u{202e}b/pyproject.toml",
        "a\\u{1b}[31m/pyproject.toml",
        &long,
        "CON/../../x",
        "-x/pyproject.toml",
        "~/pyproject.toml",
        ".git/pyproject.toml",
        ".envloom/pyproject.toml",
        "a//pyproject.toml/",
        "pyproject.toml/..",
    ];
    let (mut tried, mut bad) = (0, Vec::new());
    for word in words {
        let texts = [
            format!(
                "project \"app\" {{ version \"1\"; requires-python \">=3.10\" }}\nenvironment \"dev\" {{ manifest \"{word}\" }}\n"
            ),
            format!(
                "project \"app\" {{ version \"1\"; requires-python \">=3.10\" }}\npackage \"p\" path=\"{word}\"\nenvironment \"dev\" {{ manifest \"pyproject.toml\" }}\n"
            ),
            format!(
                "project \"{word}\" {{ version \"1\"; requires-python \">=3.10\" }}\nenvironment \"dev\" {{ manifest \"pyproject.toml\" }}\n"
            ),
            format!(
                "project \"app\" {{ version \"1\"; requires-python \">=3.10\" }}\nenvironment \"{word}\" {{ manifest \"pyproject.toml\" }}\n"
            ),
            format!(
                "project \"app\" {{ version \"1\"; requires-python \">=3.10\"; dependencies \"{word}\" }}\nenvironment \"dev\" {{ manifest \"pyproject.toml\" }}\n"
            ),
            format!(
                "project \"app\" {{ version \"{word}\"; requires-python \">=3.10\" }}\nenvironment \"dev\" {{ manifest \"pyproject.toml\" }}\n"
            ),
            format!("task \"{word}\" {{ run \"true\" }}\n"),
        ];
        for (at, text) in texts.into_iter().enumerate() {
            let repo = Monorepo::new().tasks_kdl(&text);
            let ran = repo.run("generate");
            let outside = repo.exists("../canary") || repo.tree(".git").paths().contains(&"pyproject.toml");
            let raw = ran
                .stderr()
                .chars()
                .any(|character| (character.is_control() && character != '\n') || character == '\u{202e}');
            let accepted = ran.exit_code() == Some(0) && (at < 2 && word.contains(".."));
            if outside || raw || accepted || !matches!(ran.exit_code(), Some(0..=2)) {
                bad.push(format!("{text}{ran}"));
            }
            tried += 1;
        }
    }
    figure("F21 hostile names and paths, accepted or printed raw", tried, bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n=====\n"));
}

/// URLs and tags with a command in them, which makes the canary when it is run.
#[test]
#[expect(clippy::too_many_lines, reason = "a list of what is refused")]
fn no_command_in_a_url_or_a_tag_is_run() {
    let touch = "touch [ROOT]/canary";
    let urls = [
        format!("ext::sh -c {touch}"),
        format!("--upload-pack={touch}"),
        "-x".to_owned(),
        "file:///nowhere".to_owned(),
        "https:///h".to_owned(),
        format!("https://git.example.com/foo.git\\n[remote]\\nuploadpack={touch}"),
        "fd::17".to_owned(),
        "ssh://-oProxyCommand=touch%20[ROOT]/canary/x".to_owned(),
        format!("git@-oProxyCommand={touch}:x"),
        format!("https://git.example.com/$({touch}).git"),
        format!("https://git.example.com/foo.git;{touch}"),
        "https://user:secret@git.example.com/foo.git".to_owned(),
        "../remotes/foo.git".to_owned(),
    ];
    let tags = [
        "--upload-pack=touch [ROOT]/canary",
        "-v1",
        "v1;touch [ROOT]/canary",
        "v1$(touch [ROOT]/canary)",
        "v1\\\"x",
        "v1\\u{202e}",
        "v1..v2",
        "v1^{}",
        "v1:x",
        "+v1",
        "refs/heads/main",
        "v1 --exec=x",
        "@{u}",
        "v1\\n",
        "../v1",
    ];
    let (mut tried, mut bad) = (0, Vec::new());
    let mut attempt = |url: &str, tag: &str| {
        let repo = Monorepo::new().package("foo", &["v0.1.2"]);
        repo.tasks_kdl(&format!(
            "project \"app\" {{ version \"1\"; requires-python \">=3.10\" }}\npackage \"foo\" path=\"packages/foo\" git=\"{url}\"\n\
             environment \"prod\" {{ manifest \"prod/pyproject.toml\"; sources \"tags\" channel=\"stable\"; pin \"foo\" \"{tag}\" }}\n"
        ));
        for line in ["list", "generate", "lock", "check", "verify", "sync:prod"] {
            let ran = repo.run(line);
            let raw = ran
                .stderr()
                .chars()
                .any(|character| (character.is_control() && character != '\n') || character == '\u{202e}');
            if canary(&repo)
                || raw
                || ran.exit_code().is_none_or(|code| code == 3)
                || (line != "list" && ran.exit_code() == Some(0))
                || ran.stderr().contains("secret")
            {
                bad.push(format!("{url} {tag}: {line}\n{ran}"));
            }
            tried += 1;
        }
    };
    for url in &urls {
        attempt(url, "v0.1.2");
    }
    for tag in tags {
        attempt("https://git.example.com/foo.git", tag);
    }
    figure("F22 hostile URLs and tags x calls: accepted, run or printed raw", tried, bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n=====\n"));
}

#[test]
fn a_hostile_submodule_entry_is_not_followed() {
    let entries = [
        ("url", "ext::sh -c 'touch [ROOT]/canary'"),
        ("url", "-x"),
        ("url", "--upload-pack=touch [ROOT]/canary"),
        ("url", "file:///etc"),
        ("url", "https:///h"),
        ("url", "../../outside"),
        ("path", "../outside"),
        ("path", "[ROOT]/outside"),
        ("path", ".git/hooks"),
        ("path", "-x"),
        ("path", "packages"),
        ("update", "!touch [ROOT]/canary"),
        ("branch", "--upload-pack=touch [ROOT]/canary"),
    ];
    let lines = [
        "list",
        "generate",
        "lock",
        "check",
        "sync:prod",
        "sync:dev",
        "doctor",
        "fetch -n",
        "fetch",
        "--json fetch foo",
        "doctor --fix",
    ];
    let (mut tried, mut bad) = (0, Vec::new());
    for (at, (key, value)) in entries.into_iter().enumerate() {
        let repo = Monorepo::new().package("foo", &["v0.1.2"]).commit("start").write("../outside/keep", "x");
        // A clone that was told of no submodule yet.
        repo.deinit("foo");
        let entry = format!("submodule.packages/foo.{key}");
        repo.exec("git", &["config", "--file", ".gitmodules", &entry, value]).success();
        repo.tasks_kdl(
            "project \"app\" { version \"1\"; requires-python \">=3.10\" }\npackage \"foo\" path=\"packages/foo\" git=\"https://git.example.com/foo.git\"\n\
             environment \"dev\" { manifest \"pyproject.toml\" }\n\
             environment \"prod\" { manifest \"prod/pyproject.toml\"; sources \"tags\" channel=\"stable\"; pin \"foo\" \"v0.1.2\" }\n",
        );
        let before = (repo.tree("../outside"), repo.tree(".git/hooks"));
        // All that fetch, and of the others a few; the campaign makes every call.
        let (first, rest) = lines.split_at(6);
        let few = if campaign().is_some() { first } else { &first[at % 6..=at % 6] };
        for line in few.iter().chain(rest) {
            let ran = repo.run(line);
            let is_touched = canary(&repo) || (repo.tree("../outside"), repo.tree(".git/hooks")) != before;
            if is_touched || ran.exit_code().is_none_or(|code| code > 2) {
                bad.push(format!("{key} = {value}: {line}\n{ran}"));
            }
            tried += 1;
        }
    }
    figure("F22 hostile entries of submodules x calls: run or written outside", tried, bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n=====\n"));
}

#[test]
fn a_state_directory_that_came_with_the_repository_is_refused() {
    // Whoever writes a repository may forge every verdict in a state directory that he commits.
    let repo = wide_project(1, 0);
    repo.run("lock:dev").success().run("check:dev").success().ran(&[]);
    repo.exec("cp", &["-R", ".envloom", "[ROOT]/forged"]).success();
    repo.remove(".envloom");
    repo.exec("cp", &["-R", "[ROOT]/forged", ".envloom"]).success();
    for line in ["check:dev", "lock:dev", "-n check:dev", "explain check:dev", "sync:dev", "run dev -- true"]
    {
        repo.run(line).code(2).stderr_has("envloom::cli::foreign_state");
    }
    repo.remove(".envloom").run("check:dev").success().ran(&["check:dev"]);
    // An empty one, as a kill before the first file leaves it, is nobody's.
    repo.remove(".envloom");
    std::fs::create_dir(repo.path(".envloom")).unwrap();
    repo.run("check:dev").success();
}
