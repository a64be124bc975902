//! Secrets in URLs, variables, git's configuration and netrc, against every verb of releases: none is in an output,
//! a file that was not given it, or the command line of a program that envloom starts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::known::{assert_each_works, is_turned_away, known, put_back};
use super::{Random, campaign, figure};
use crate::support::Monorepo;

/// A password that no other text holds. Its sign needs an escape in a URL.
#[derive(Clone)]
struct Secret(String);

impl Secret {
    fn new(random: &mut Random) -> Self {
        let mut part = || {
            (0..10).map(|_| char::from(b'a' + u8::try_from(random.below(26)).unwrap())).collect::<String>()
        };
        Self(format!("{}/{}", part(), part()))
    }

    /// As it stands in a URL.
    fn percent(&self) -> String {
        self.0.replace('/', "%2F")
    }

    /// Every form that may not be seen: as it is, percent-encoded, each half, and base64 wherever it begins.
    fn forms(&self) -> Vec<String> {
        let encoded = |before: &str| {
            let text = STANDARD_NO_PAD.encode(format!("{before}{}", self.0));
            // What does not depend on its neighbours.
            text[4..text.len() - 4].to_owned()
        };
        let halves = self.0.split('/').map(ToOwned::to_owned);
        halves.chain(["", "x", "xy"].map(encoded)).collect()
    }
}

/// Puts a secret in a place; gives the machine that has it.
type Plant = fn(&Monorepo, &Secret) -> Monorepo;

/// Git's settings of the harness, and one further.
fn git_setting(repo: &Monorepo, key: &str, value: &str) -> Monorepo {
    let count = repo.exec("sh", &["-c", "echo $GIT_CONFIG_COUNT"]).text();
    let next = (count.parse::<u32>().unwrap() + 1).to_string();
    repo.env("GIT_CONFIG_COUNT", &next)
        .env(&format!("GIT_CONFIG_KEY_{count}"), key)
        .env(&format!("GIT_CONFIG_VALUE_{count}"), value)
}

const FOO: &str = "https://git.example.com/foo.git";

fn with_user(secret: &Secret) -> String {
    format!("https://user:{}@git.example.com/foo.git", secret.percent())
}

fn replaced(repo: &Monorepo, file: &str, old: &str, new: &str) -> Monorepo {
    let text = repo.read(file);
    assert!(text.contains(old), "{file} has no {old}\n{text}");
    repo.write(file, &text.replace(old, new))
}

/// The 20 places.
const PLACES: &[(&str, Plant)] = &[
    ("tasks.kdl: git", |repo, secret| replaced(repo, "tasks.kdl", FOO, &with_user(secret))),
    ("tasks.kdl: query of git", |repo, secret| {
        replaced(repo, "tasks.kdl", FOO, &format!("{FOO}?token={}", secret.percent()))
    }),
    ("tasks.kdl: git by ssh", |repo, secret| {
        replaced(repo, "tasks.kdl", FOO, &with_user(secret).replace("https", "ssh"))
    }),
    ("tasks.kdl: index", |repo, secret| {
        let url = format!("https://user:{}@127.0.0.1:9/simple", secret.percent());
        replaced(repo, "tasks.kdl", &repo.fill("[INDEX]/cu124"), &url)
    }),
    ("tasks.kdl: default index", |repo, secret| {
        let url = format!("https://user:{}@127.0.0.1:9/simple", secret.percent());
        replaced(repo, "tasks.kdl", &repo.fill("[INDEX]/pypi"), &url)
    }),
    ("tasks.kdl: dependency", |repo, secret| {
        let url =
            format!("tqdm @ https://user:{}@127.0.0.1:9/tqdm-4.67.1-py3-none-any.whl", secret.percent());
        replaced(repo, "tasks.kdl", "tqdm>=4", &url)
    }),
    ("tasks.kdl: dependency from git", |repo, secret| {
        let url = format!("tqdm @ git+https://user:{}@git.example.com/foo.git", secret.percent());
        replaced(repo, "tasks.kdl", "tqdm>=4", &url)
    }),
    (".gitmodules", |repo, secret| replaced(repo, ".gitmodules", FOO, &with_user(secret))),
    ("origin of the submodule", |repo, secret| {
        replaced(repo, ".git/modules/packages/foo/config", FOO, &with_user(secret))
    }),
    ("origin of the repository", |repo, secret| {
        repo.append(".git/config", &format!("[remote \"origin\"]\n\turl = {}\n", with_user(secret)));
        repo.clone()
    }),
    ("uv.lock: git", |repo, secret| replaced(repo, "prod/uv.lock", FOO, &with_user(secret))),
    ("uv.lock: registry", |repo, secret| {
        let url = format!("https://user:{}@127.0.0.1:9/simple", secret.percent());
        let text = repo.read("prod/uv.lock");
        let start = text.find("registry = \"").unwrap() + "registry = \"".len();
        let end = start + text[start..].find('"').unwrap();
        repo.write("prod/uv.lock", &text.replace(&text[start..end], &url))
    }),
    ("envloom.lock", |repo, secret| replaced(repo, "envloom.lock", FOO, &with_user(secret))),
    ("pyproject.toml", |repo, secret| replaced(repo, "prod/pyproject.toml", FOO, &with_user(secret))),
    ("insteadOf", |repo, secret| {
        let base = format!("url.https://user:{}@127.0.0.1:9/.insteadOf", secret.percent());
        git_setting(repo, &base, "https://git.example.com/f")
    }),
    ("http.extraHeader", |repo, secret| {
        git_setting(repo, "http.extraHeader", &format!("Authorization: Bearer {}", secret.0))
    }),
    ("UV_INDEX_CU124_PASSWORD", |repo, secret| {
        repo.env("UV_INDEX_CU124_USERNAME", "user").env("UV_INDEX_CU124_PASSWORD", &secret.0)
    }),
    ("UV_INDEX", |repo, secret| {
        repo.env("UV_INDEX", &format!("https://user:{}@127.0.0.1:9/simple", secret.percent()))
    }),
    ("netrc", |repo, secret| {
        repo.write("../home/.netrc", &format!("machine git.example.com login user password {}\n", secret.0))
    }),
    ("HTTPS_PROXY", |repo, secret| {
        repo.without_env("GIT_CONFIG_COUNT")
            .env("HTTPS_PROXY", &format!("http://user:{}@127.0.0.1:9", secret.percent()))
    }),
];

/// What is called with each secret in place.
const CALLS: &[&str] = &[
    "--trace -v generate",
    "-v lock:prod",
    "-v lock:prod --upgrade",
    "--json lock:prod --accept-moved foo",
    "-v check:prod",
    "-v -B verify:prod",
    "--json -B verify:prod",
    "-v -B outdated",
    "--json outdated",
    "diff staging prod",
    "diff prod --since HEAD",
    "--json diff prod --since HEAD",
    "promote staging prod",
    "--json promote staging prod -n",
    "pin prod foo v0.1.1",
    "pin prod foo v0.1.9",
    "doctor",
    "--json doctor",
    "doctor --fix",
    "fetch",
    "--json fetch foo",
    "add ruff",
    "--json add ruff -n",
    "remove tqdm",
    "add ruff --package foo",
    "add package baz --git https://git.example.com/baz.git",
    "--json add package baz --git https://git.example.com/baz.git -n",
    "absorb prod",
    "resolve",
    "--json resolve -n",
    "explain lock:prod verify:prod",
    "sync:prod@cpu",
    "env prod@cpu",
];

/// Everything below a directory that is a file, and its bytes.
fn files(directory: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.symlink_metadata() {
            Ok(kind) if kind.is_dir() => files(&path, found),
            Ok(kind) if kind.is_file() => drop(found.insert(path.clone(), fs::read(&path).unwrap())),
            _ => {}
        }
    }
}

/// Where a form of the secret is below the root.
fn holding(repo: &Monorepo, secret: &Secret) -> Vec<PathBuf> {
    let mut all = BTreeMap::new();
    files(repo.root(), &mut all);
    let forms = secret.forms();
    let holds = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        forms.iter().any(|form| text.contains(form.as_str()))
    };
    all.into_iter().filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path).collect()
}

/// The file of the repository that a file in what a trial left is a copy of.
fn tried(repo: &Monorepo, path: &Path) -> PathBuf {
    let in_trial = path.strip_prefix(repo.path(".envloom/trial"));
    let inside = in_trial.map(|path| path.iter().skip(1).collect::<PathBuf>());
    inside.map_or_else(|_| path.to_owned(), |inside| repo.path("").join(inside))
}

/// Programs before the real ones that write down how they were called, as `/proc/PID/cmdline` shows it.
fn noting(repo: &Monorepo) -> Monorepo {
    let git = repo.exec("sh", &["-c", "command -v git"]).text();
    let uv = repo.exec("sh", &["-c", "echo $ENVLOOM_UV"]).text();
    for (name, real) in [("git", git), ("uv", uv)] {
        let text = format!(
            "#!/bin/sh\ntr '\\0' ' ' < /proc/$$/cmdline >> '[ROOT]/cmdlines'\necho >> '[ROOT]/cmdlines'\nexec '{real}' \"$@\"\n"
        );
        repo.write_program(&format!("../noting/{name}"), &repo.fill(&text));
    }
    repo.path_first(repo.root().join("noting")).env("ENVLOOM_UV", "[ROOT]/noting/uv")
}

#[test]
fn every_call_that_is_tried_works_where_nothing_is_planted() {
    assert_each_works(&known().release("foo", "v0.1.9"), CALLS);
}

#[test]
fn no_planted_secret_is_seen() {
    let mut random = Random::new();
    let repo = noting(&known());
    repo.release("foo", "v0.1.9");
    let (mut calls, mut bad) = (0, Vec::new());
    for (at, (place, plant)) in PLACES.iter().enumerate() {
        let secret = Secret::new(&mut random);
        let every = if campaign().is_some() { 1 } else { 5 };
        for line in CALLS.iter().skip(at % every).step_by(every) {
            put_back(&repo, line);
            repo.exec("sh", &["-c", "rm -rf [ROOT]/events/* [ROOT]/home/.netrc"]).success();
            let planted = plant(&repo, &secret);
            let given = holding(&repo, &secret);
            let ran = planted.run(line);
            calls += 1;
            if is_turned_away(&ran) {
                bad.push(format!("{place}: turned away at the door\n{ran}"));
            }
            for form in secret.forms() {
                if ran.stdout().contains(&form) || ran.stderr().contains(&form) {
                    bad.push(format!("{place}: printed by {line}\n{ran}"));
                }
            }
            let is_given = |path: &PathBuf| given.contains(path) || given.contains(&tried(&repo, path));
            for path in holding(&repo, &secret).into_iter().filter(|path| !is_given(path)) {
                let path = path.strip_prefix(repo.root()).unwrap().display().to_string();
                bad.push(format!("{place}: {path} has it after {line}"));
            }
        }
    }
    let called = fs::read_to_string(repo.root().join("cmdlines")).unwrap();
    assert!(called.contains("/git ") && called.contains("/uv "), "children are looked at\n{called}");
    figure(&format!("F27 {} planted secrets x {calls} calls, seen", PLACES.len()), calls, bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n=====\n"));
}

/// Command lines with a place for a URL that has a password, wherever somebody may paste one.
const TYPED: &[&[&str]] = &[
    &["add", "package", "baz", "--git", "?"],
    &["--json", "add", "package", "baz", "--git", "?"],
    &["add", "package", "?", "--git", FOO],
    &["add", "package", "baz", "--git", FOO, "--tag", "?"],
    &["add", "package", "baz", "--git", FOO, "--path", "?"],
    &["add", "?"],
    &["add", "x @ ?"],
    &["--json", "add", "x @ ?"],
    &["add", "x @ ?", "--package", "foo"],
    &["add", "tqdm", "--package", "?"],
    &["add", "tqdm", "--group", "?"],
    &["add", "tqdm", "--environment", "?"],
    &["add", "tqdm", "--variant", "?"],
    &["remove", "?"],
    &["pin", "prod", "foo", "?"],
    &["pin", "prod", "?", "v0.1.1"],
    &["promote", "staging", "?"],
    &["promote", "staging", "prod", "--package", "?"],
    &["outdated", "?"],
    &["diff", "prod", "?"],
    &["diff", "prod", "--since", "?"],
    &["affected", "--since", "?"],
    &["fetch", "?"],
    &["resolve", "?"],
    &["explain", "?"],
    &["lock:prod", "--accept-moved", "?"],
];

#[test]
fn no_password_that_is_typed_is_repeated() {
    let secret = Secret::new(&mut Random::new());
    let repo = known();
    let mut bad = Vec::new();
    for line in TYPED {
        let line: Vec<String> = line.iter().map(|part| part.replace('?', &with_user(&secret))).collect();
        let ran = repo.run_args(&line);
        if ran.exit_code() == Some(0) {
            bad.push(format!("accepted\n{ran}"));
        }
        let is_shown = |form: &String| ran.stdout().contains(form) || ran.stderr().contains(form);
        if secret.forms().iter().any(is_shown) {
            bad.push(format!("shown\n{ran}"));
        }
    }
    bad.extend(holding(&repo, &secret).iter().map(|path| path.display().to_string()));
    figure("F27 passwords that are typed x calls, repeated", TYPED.len(), bad.len());
    assert!(bad.is_empty(), "{}", bad.join("\n=====\n"));
}
