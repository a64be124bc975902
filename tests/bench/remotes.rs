//! `verify` of an environment that pins many packages, each with a remote of its own on loopback: git's own smart HTTP
//! backend behind a small server. Besides the time it counts the git processes that envloom starts.

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use crate::measure::{Rounds, heading, pair, row, timed};
use crate::scene::ENVLOOM;
use crate::support::{Monorepo, Package, backend, python};

/// Internal packages, and remotes.
const PACKAGES: usize = 200;

/// The call that is measured.
const VERIFY: &str = "verify:prod";

pub(crate) fn verify() {
    let scene = Scene::new();
    heading(
        &format!("verify: {PACKAGES} packages, a remote on loopback for each"),
        &format!("`envloom {VERIFY}`; peer: `git ls-remote --tags` {PACKAGES} times in a row."),
    );
    let once = Rounds { rounds: 3, ours: 1 };
    let many = Rounds { rounds: 3, ours: 20 };
    let peer = || scene.ask_in_a_row();
    for (what, rounds, forget, words) in [
        ("nothing known here: tags asked, manifests fetched", once, &[".envloom"][..], &[VERIFY][..]),
        ("`-B`: tags asked, manifests known", once, &[], &["-B", VERIFY]),
        ("unchanged, without the compiled plan", many, &[".envloom/plans"], &[VERIFY]),
        ("unchanged", many, &[], &[VERIFY]),
    ] {
        let call = || {
            for path in forget {
                fs::remove_dir_all(scene.repo.path(path)).ok();
            }
            timed(scene.repo.command(ENVLOOM, words))
        };
        call();
        scene.calls();
        call();
        let calls = scene.calls();
        row(&format!("{what} ({calls} git processes)"), "ls-remote in a row", pair(rounds, call, peer));
    }
}

/// A repository whose prod pins the packages, everything locked and committed.
struct Scene {
    /// With the remotes behind HTTP, and a git that counts its calls.
    repo: Monorepo,
}

impl Scene {
    fn new() -> Self {
        let repo = Monorepo::new().with_uv_on_path();
        let python = python("3.12");
        let repo = repo.env("UV_PYTHON", python.to_str().expect("interpreters have names in UTF-8"));
        let mut text = "project \"many\" {\n    version \"0.1.0\"\n    requires-python \">=3.10\"\n    python \"3.12\"\n}\n".to_owned();
        let mut pins = String::new();
        for number in 0..PACKAGES {
            let name = format!("pkg-{number}");
            repo.add(Package::new(&name).remote_only().tag("v0.1.1").tag("v0.1.2"));
            writeln!(text, "package \"{name}\" git=\"https://git.example.com/{name}.git\"").unwrap();
            writeln!(pins, "    pin \"{name}\" \"v0.1.2\"").unwrap();
        }
        writeln!(
            text,
            "environment \"prod\" {{\n    manifest \"prod/pyproject.toml\"\n    sources \"tags\" channel=\"stable\"\n{pins}}}"
        )
        .unwrap();
        repo.tasks_kdl(&text);
        timed(repo.command(ENVLOOM, &["lock:prod"]));
        repo.commit("locked");
        let server = serve(repo.root().join("remotes"));
        let counting = counting_git(&repo);
        let repo = repo
            .path_first(counting)
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", &format!("url.http://{server}/.insteadOf"))
            .env("GIT_CONFIG_VALUE_0", "https://git.example.com/");
        Self { repo }
    }

    /// The peer.
    fn ask_in_a_row(&self) -> Duration {
        let ask = |number| {
            let url = format!("https://git.example.com/pkg-{number}.git");
            timed(self.repo.command("git", &["ls-remote", "--tags", "--", &url]))
        };
        (0..PACKAGES).map(ask).sum()
    }

    /// How often git was started since this was asked last; what git itself starts does not count.
    fn calls(&self) -> usize {
        let file = self.repo.root().join("calls.txt");
        let text = fs::read_to_string(&file).unwrap_or_default();
        fs::remove_file(&file).ok();
        text.lines().count()
    }
}

/// A directory with a git that notes each call and becomes the real one.
fn counting_git(repo: &Monorepo) -> PathBuf {
    let bin = repo.root().join("counting");
    fs::create_dir_all(&bin).unwrap();
    let (calls, real) = (repo.root().join("calls.txt"), git_program(repo, "git"));
    let text = format!("#!/bin/sh\necho x >> '{}'\nexec '{}' \"$@\"\n", calls.display(), real.display());
    fs::write(bin.join("git"), text).unwrap();
    fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    bin
}

/// A program of git's own directory.
fn git_program(repo: &Monorepo, name: &str) -> PathBuf {
    PathBuf::from(repo.git(&["--exec-path"]).text()).join(name)
}

/// Serves the repositories below a directory for as long as the process lives.
fn serve(remotes: PathBuf) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let remotes = remotes.clone();
            // A client that hangs up in the middle of an answer is its own affair.
            thread::spawn(move || backend::answer(&stream, &remotes, |_| usize::MAX).ok());
        }
    });
    address
}
