//! What strangers write into remotes, `.gitmodules`, `tasks.kdl`, `envloom.lock`, lockfiles, manifests and command
//! lines, against every verb of releases: nothing of it is executed, printed raw, or written outside of the root.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use super::known::{assert_each_works, is_turned_away, known, put_back};
use super::{campaign, figure};
use crate::seed::locked;
use crate::support::{BadRemote, Monorepo, Ran};

/// A word with a command in it, which makes the canary when it is run.
const TOUCH: &str = "touch [ROOT]/canary";

/// Words that are no tag, url, name or path.
fn hostile() -> Vec<String> {
    [
        "-x",
        "--upload-pack=TOUCH",
        "--output=[ROOT]/canary",
        "--exec=TOUCH",
        "ext::sh -c TOUCH",
        "ext::touch\t[ROOT]/canary",
        "fd::17",
        "https:///h",
        "file:///etc",
        "file://[ROOT]/outside",
        "ssh://-oProxyCommand=TOUCH/x",
        "git@-oProxyCommand=TOUCH:x",
        "https://git.example.com/$(TOUCH).git",
        "https://git.example.com/foo.git\nuploadpack = TOUCH",
        "v1;TOUCH",
        "v1;id",
        "v1\"x",
        "v1'x",
        "v1`TOUCH`",
        "v1$(TOUCH)",
        "v1\u{202e}2",
        "v1\u{1b}]0;x\u{7}\u{1b}[2J",
        "v1\u{9b}31m",
        "v1\rfailed 0",
        "v1\n::add-path::/x",
        "v1..v2",
        "v1^{}",
        "@{u}",
        "../../canary",
        "[ROOT]/canary",
        "refs/heads/main",
    ]
    .map(|word| word.replace("TOUCH", TOUCH))
    .to_vec()
}

/// Where a word is planted.
type Plant = fn(&Monorepo, &str);

/// A word as a string of KDL, TOML and git's configuration alike.
fn quoted(word: &str) -> String {
    let mut text = String::from("\"");
    for character in word.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            other => text.push(other),
        }
    }
    text + "\""
}

/// The same with escapes for what KDL and TOML forbid.
fn escaped(word: &str, form: impl Fn(u32) -> String) -> String {
    let hidden =
        |character: char| character.is_control() && !"\n\r\t".contains(character) || character == '\u{202e}';
    let mut text = String::new();
    for character in quoted(word).chars() {
        if hidden(character) { text.push_str(&form(character.into())) } else { text.push(character) }
    }
    text
}

fn kdl(word: &str) -> String {
    escaped(word, |code| format!("\\u{{{code:x}}}"))
}

fn toml(word: &str) -> String {
    escaped(word, |code| format!("\\u{code:04x}"))
}

/// The places in files of the repository.
const PLACES: &[(&str, Plant)] = &[
    ("tasks.kdl: pin", |repo, word| {
        repo.replace("tasks.kdl", "pin \"foo\" \"v0.1.2\"\n", &format!("pin \"foo\" {}\n", kdl(word)));
    }),
    ("tasks.kdl: rev", |repo, word| {
        repo.replace("tasks.kdl", "pin \"foo\" \"v0.1.2\"\n", &format!("pin \"foo\" rev={}\n", kdl(word)));
    }),
    ("tasks.kdl: git", |repo, word| {
        repo.replace("tasks.kdl", "git=\"https://git.example.com/foo.git\"", &format!("git={}", kdl(word)));
    }),
    ("tasks.kdl: path", |repo, word| {
        repo.replace("tasks.kdl", "path=\"packages/foo\"", &format!("path={}", kdl(word)));
    }),
    ("tasks.kdl: package", |repo, word| {
        repo.replace("tasks.kdl", "package \"foo\"", &format!("package {}", kdl(word)));
    }),
    ("tasks.kdl: dependency", |repo, word| {
        repo.replace("tasks.kdl", "\"tqdm>=4\"", &kdl(&format!("tqdm @ {word}")));
    }),
    (".gitmodules: url", |repo, word| {
        let url = "url = https://git.example.com/foo.git";
        repo.replace(".gitmodules", url, &format!("url = {}", quoted(word)));
    }),
    (".gitmodules: path", |repo, word| {
        repo.replace(".gitmodules", "\tpath = packages/foo", &format!("\tpath = {}", quoted(word)));
    }),
    (".gitmodules: update", |repo, word| {
        repo.replace(
            ".gitmodules",
            "\tpath = packages/foo",
            &format!("\tpath = packages/foo\n\tupdate = {}", quoted(&format!("!{word}"))),
        );
    }),
    ("envloom.lock: url", |repo, word| {
        let text = repo.read("envloom.lock");
        repo.write("envloom.lock", &text.replace("\"https://git.example.com/foo.git\"", &toml(word)));
    }),
    ("envloom.lock: tag", |repo, word| {
        let text = repo.read("envloom.lock");
        repo.write("envloom.lock", &text.replace("\"v0.1.2\"", &toml(word)));
    }),
    ("envloom.lock: commit", |repo, word| {
        let (text, commit) = (repo.read("envloom.lock"), repo.tag_commit("foo", "v0.1.2"));
        repo.write("envloom.lock", &text.replace(&format!("\"{commit}\""), &toml(word)));
    }),
    ("uv.lock: source", |repo, word| {
        let text = repo.read("prod/uv.lock");
        let tag = "https://git.example.com/foo.git?tag=v0.1.2";
        let start = text.find(tag).unwrap();
        let end = start + text[start..].find('"').unwrap();
        repo.write("prod/uv.lock", &text.replace(&format!("\"{}\"", &text[start..end]), &toml(word)));
    }),
    ("uv.lock: name", |repo, word| {
        let text = repo.read("prod/uv.lock");
        repo.write("prod/uv.lock", &text.replace("name = \"foo\"", &format!("name = {}", toml(word))));
    }),
    ("uv.lock: version", |repo, word| {
        let text = repo.read("prod/uv.lock");
        repo.write(
            "prod/uv.lock",
            &text.replace("version = \"0.1.2\"", &format!("version = {}", toml(word))),
        );
    }),
    ("pyproject.toml: source", |repo, word| {
        let text = repo.read("prod/pyproject.toml");
        repo.write("prod/pyproject.toml", &text.replace("\"https://git.example.com/foo.git\"", &toml(word)));
    }),
    ("member's manifest: name", |repo, word| {
        let text = repo.read("packages/foo/pyproject.toml");
        repo.write(
            "packages/foo/pyproject.toml",
            &text.replace("name = \"foo\"", &format!("name = {}", toml(word))),
        );
    }),
    ("kept answer: tag", |repo, word| {
        for entry in fs::read_dir(repo.path(".envloom/cache/tags")).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, text.replace("\"v0.1.2\"", &serde_json::json!(repo.fill(word)).to_string()))
                .unwrap();
        }
    }),
];

/// Every verb that releases pass through. `-B` asks remotes anew.
const VERBS: &[&str] = &[
    "list",
    "generate",
    "lock:prod",
    "check:prod",
    "-B verify:prod",
    "--offline verify:prod",
    "-B outdated",
    "--json --offline outdated",
    "promote staging prod -n",
    "promote staging prod",
    "--json promote staging prod",
    "pin prod foo v0.1.1 -n",
    "pin prod foo v0.1.1",
    "--json pin prod foo v0.1.1",
    "diff staging prod",
    "diff prod --since HEAD --format markdown",
    "--json diff staging prod",
    "doctor",
    "--json doctor",
    "doctor --fix",
    "--json doctor --fix",
    "fetch",
    "--json fetch foo",
    "add tqdm>=4.1 -n",
    "remove tqdm",
    "add tqdm>=4.1 --package foo",
    "add package baz --git https://git.example.com/baz.git -n",
    "--json add package baz --git https://git.example.com/baz.git",
    "absorb prod",
    "resolve -n",
    "resolve",
    "--json resolve",
    "graph verify:prod",
    "--json explain verify:prod",
];

/// The names in the root, but for the repository: what is written outside shows here.
pub(super) fn outside(repo: &Monorepo) -> BTreeSet<String> {
    let names = |path| {
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
    };
    names(repo.root()).chain(names(&repo.root().join("home"))).collect()
}

/// Is there a character that the terminal acts on?
pub(super) fn is_raw(text: &str) -> bool {
    let hidden =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().any(|c| (c.is_control() && !"\n\t".contains(c)) || hidden(c))
}

/// What is wrong with a call, if anything is.
pub(super) fn wrong(repo: &Monorepo, ran: &Ran, before: &BTreeSet<String>) -> Option<String> {
    let mut text = String::new();
    if repo.root().join("canary").exists() {
        text.push_str("a command was run, ");
    }
    if outside(repo) != *before {
        text.push_str("written outside, ");
    }
    if is_raw(ran.stdout()) || is_raw(ran.stderr()) {
        text.push_str("printed raw, ");
    }
    if format!("{}{}", ran.stdout(), ran.stderr()).lines().any(|line| line.starts_with("::")) {
        text.push_str("a command of GitHub's, ");
    }
    if ran.exit_code().is_none_or(|code| code > 2) {
        text.push_str("ended badly, ");
    }
    if is_turned_away(ran) {
        text.push_str("turned away at the door, ");
    }
    (!text.is_empty()).then_some(text)
}

#[test]
fn every_call_that_is_tried_works_where_nothing_is_hostile() {
    assert_each_works(&known(), VERBS);
}

#[test]
fn what_strangers_write_into_files_is_neither_run_nor_printed_raw() {
    let (mut tried, mut bad) = (0, Vec::new());
    let repo = known();
    let before = outside(&repo);
    let words = hostile();
    // A few words at each place, others at the next, and a few calls with each. The campaign tries every word at every
    // place with a sixth of the calls; `ENVLOOM_CAMPAIGN=6` with all of them.
    let (apart, share) = campaign().map_or((16, 17), |rounds| (1, 6_usize.div_ceil(rounds.max(1))));
    for (at, (place, plant)) in PLACES.iter().enumerate() {
        for (word_at, word) in words.iter().enumerate().skip(at % apart).step_by(apart) {
            for line in VERBS.iter().skip((at + word_at) % share).step_by(share) {
                put_back(&repo, line);
                plant(&repo, word);
                let ran = repo.run(line);
                if let Some(what) = wrong(&repo, &ran, &before) {
                    bad.push(format!("{place}, {word:?}, {line}: {what}\n{ran}"));
                    fs::remove_file(repo.root().join("canary")).ok();
                }
                tried += 1;
            }
        }
    }
    figure("F22 hostile words in files x calls: run, written outside or printed raw", tried, bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n=====\n"));
}

/// Command lines with a place for a word.
const LINES: &[&[&str]] = &[
    &["pin", "prod", "foo", "?"],
    &["pin", "prod", "?", "v0.1.1"],
    &["pin", "?", "foo", "v0.1.1"],
    &["promote", "staging", "?"],
    &["promote", "?", "prod"],
    &["promote", "staging", "prod", "--package", "?"],
    &["promote", "staging", "prod", "--allow-untested", "?"],
    &["outdated", "?"],
    &["diff", "prod", "?"],
    &["diff", "prod", "--since", "?"],
    &["--json", "diff", "prod", "--since", "?"],
    &["affected", "--since", "?"],
    &["fetch", "?"],
    &["absorb", "?"],
    &["resolve", "?"],
    &["doctor", "?"],
    &["add", "?"],
    &["add", "x @ ?"],
    &["add", "tqdm", "--group", "?"],
    &["add", "tqdm", "--extra", "?"],
    &["add", "tqdm", "--environment", "?"],
    &["add", "tqdm", "--variant", "?"],
    &["add", "?", "--package", "foo"],
    &["add", "tqdm", "--package", "?"],
    &["add", "package", "?"],
    &["add", "package", "?", "--git", "https://git.example.com/baz.git"],
    &["add", "package", "baz", "--git", "?"],
    &["add", "package", "baz", "--git", "https://git.example.com/baz.git", "--path", "?"],
    &["add", "package", "baz", "--git", "https://git.example.com/baz.git", "--tag", "?"],
    &["remove", "?"],
    &["remove", "tqdm", "--package", "?"],
    &["lock:prod", "--accept-moved", "?"],
    &["verify:?"],
    &["explain", "?"],
];

#[test]
fn what_is_typed_is_neither_run_nor_printed_raw() {
    let (mut tried, mut bad) = (0, Vec::new());
    let repo = known();
    let before = outside(&repo);
    for (at, line) in LINES.iter().enumerate() {
        let every = if campaign().is_some() { 1 } else { 12 };
        for word in hostile().iter().skip(at % every).step_by(every) {
            let word = repo.fill(word);
            let line: Vec<String> = line.iter().map(|part| part.replace('?', &word)).collect();
            let ran = repo.run_args(&line);
            if ran.exit_code() == Some(0) {
                put_back(&repo, "");
            }
            if let Some(what) = wrong(&repo, &ran, &before) {
                bad.push(format!("{line:?}: {what}\n{ran}"));
                fs::remove_file(repo.root().join("canary")).ok();
            }
            tried += 1;
        }
    }
    figure("F22 hostile words on command lines: run, written outside or printed raw", tried, bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n=====\n"));
}

/// The answer of a server to `ls-remote`: these bytes as names of tags.
fn advertised(names: &[Vec<u8>]) -> Vec<u8> {
    let mut body = b"001e# service=git-upload-pack\n0000".to_vec();
    for (at, name) in names.iter().enumerate() {
        let id = "1".repeat(40);
        let mut line = format!("{id} refs/tags/").into_bytes();
        line.extend(name);
        if at == 0 {
            line.extend(b"\0ofs-delta");
        }
        line.push(b'\n');
        body.extend(format!("{:04x}", line.len() + 4).into_bytes());
        body.extend(line);
    }
    body.extend(b"0000");
    let mut head =
        String::from("HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n");
    write!(head, "Content-Length: {}\r\nConnection: close\r\n\r\n", body.len()).unwrap();
    [head.into_bytes(), body].concat()
}

#[test]
fn hostile_tags_of_a_remote_are_never_considered_or_printed() {
    let repo = locked();
    let before = outside(&repo);
    let (mut tried, mut bad) = (0, Vec::new());
    let raw = [
        &b"v9\xff\xfe"[..],
        b"v9.\x80",
        b"v9\xc2\x9b31m",
        b"v9\n2222222222222222222222222222222222222222\trefs/tags/v9.9.9",
    ];
    let words = hostile().into_iter().map(|word| repo.fill(&word).into_bytes());
    let every = if campaign().is_some() { 1 } else { 6 };
    for word in words.step_by(every).chain(raw.map(<[u8]>::to_vec)) {
        let names = [b"v0.1.1".to_vec(), b"v0.1.2".to_vec(), word.clone()];
        let server = BadRemote::cut_after(&advertised(&names));
        let facing = server.before(&repo);
        let lines = [
            "-B outdated",
            "--json -B outdated",
            "-B verify:prod",
            "--json -B verify:prod",
            "-B promote staging prod",
            "pin prod foo v0.1.9",
            "add package baz --git https://git.example.com/baz.git -n",
        ];
        for line in lines {
            let ran = facing.run(line);
            if let Some(what) = wrong(&repo, &ran, &before) {
                bad.push(format!("{word:?}, {line}: {what}\n{ran}"));
            }
            tried += 1;
        }
        assert!(server.asked() > 0);
        // A table with the tags of the remote: the good ones are there.
        let listed = facing.run("outdated");
        assert!(listed.stdout().contains("v0.1.2") || !listed.stderr().is_empty(), "{word:?}: {listed}");
    }
    figure("F22 hostile tags that a server advertises x calls: run or printed raw", tried, bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n=====\n"));
}
