//! The repositories that are measured: the seed project's shape, with any number of packages, on real uv.
//!
//! A [`Scene`] is one repository with dev, staging and prod, three variants of torch, and internal packages
//! with tags as submodules. Each side of a comparison has a scene of its own, so that neither warms or
//! spoils the other's caches.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::measure::timed;
use crate::support::{Monorepo, Package, Wheel, python};

/// The program that is measured.
pub(crate) const ENVLOOM: &str = env!("CARGO_BIN_EXE_envloom");

/// All there is to do in a scene.
pub(crate) const ALL: &str = "lock check verify sync:*@*";

/// Its part that is asked for where nothing is to be locked: in CI, before a commit.
pub(crate) const LOOK: &str = "check verify sync:*@*";

/// The Python of every environment.
const PYTHON: &str = "3.12";

/// Longer than what any memory of envloom's counts as just changed.
const SETTLING: Duration = Duration::from_secs(3);

/// The environments and their directories.
const ENVIRONMENTS: [(&str, &str); 3] = [("dev", "."), ("staging", "staging"), ("prod", "prod")];

/// The variants and their torch.
const VARIANTS: [(&str, &str); 3] =
    [("cu124", "2.6.0+cu124"), ("cu128", "2.7.0+cu128"), ("cpu", "2.7.0+cpu")];

/// A repository that is measured.
pub(crate) struct Scene {
    /// It and its surroundings.
    pub(crate) repo: Monorepo,
    /// Which of the two tags of its first package prod is pinned to.
    old_pin: bool,
}

impl Scene {
    /// With so many packages, and a torch of so many files for the CPU. Nothing is generated yet.
    pub(crate) fn new(packages: usize, torch_files: usize) -> Self {
        let repo = Monorepo::new().with_uv_on_path();
        let repo = repo.env("UV_PYTHON", python(PYTHON).to_str().expect("interpreters have names in UTF-8"));
        repo.index("pypi", &[("tqdm", "4.67.1"), ("numpy", "2.2.6"), ("ruff", "0.12.0")]);
        for (variant, version) in VARIANTS {
            let files = if variant == "cpu" { torch_files } else { 0 };
            let torch = (0..files).fold(Wheel::new("torch", version), |wheel, number| {
                wheel.file(&format!("torch/part{}/module{number}.py", number / 100), "")
            });
            repo.index(variant, &[torch]);
        }
        for number in 0..packages {
            repo.add(package(number));
        }
        repo.tasks_kdl(&tasks_kdl(packages)).commit("start");
        Self { repo, old_pin: false }
    }

    /// As [`Self::new`], with everything done once and the manifests committed.
    pub(crate) fn done(packages: usize, torch_files: usize) -> Self {
        let scene = Self::new(packages, torch_files);
        scene.envloom(ALL);
        scene.repo.commit("generated and locked");
        scene
    }

    /// Runs envloom to its success.
    #[track_caller]
    pub(crate) fn envloom(&self, line: &str) -> Duration {
        timed(self.repo.command(ENVLOOM, &line.split(' ').collect::<Vec<_>>()))
    }

    /// Lets envloom forget that it had found everything up to date, and runs it.
    pub(crate) fn envloom_without_plan(&self, line: &str) -> Duration {
        fs::remove_dir_all(self.repo.path(".envloom/plans")).ok();
        self.envloom(line)
    }

    /// How many tasks a run of envloom runs, and how many it finds up to date.
    pub(crate) fn counts(&self, line: &str) -> String {
        let ran = self.repo.run(line).success();
        let finished = ran.events().all().iter().filter(|event| event["event"] == "finished");
        let (mut run, mut fresh) = (0, 0);
        for event in finished {
            match event["result"].as_str() {
                Some("ran") => run += 1,
                Some("fresh") => fresh += 1,
                result => panic!("a task that neither ran nor was fresh: {result:?}"),
            }
        }
        format!("{run} ran, {fresh} up to date")
    }

    /// The commands that [`ALL`] replaces, one after the other: lock and check of each environment, and a
    /// frozen sync of each cell.
    #[track_caller]
    pub(crate) fn uv_commands(&self) -> Duration {
        let mut sum = Duration::ZERO;
        for (_, directory) in ENVIRONMENTS {
            for words in [&["lock"][..], &["lock", "--check"]] {
                sum += self.uv(&[&["--directory", directory], words].concat(), None);
            }
        }
        sum + self.uv_syncs()
    }

    fn uv_syncs(&self) -> Duration {
        let mut sum = Duration::ZERO;
        for (environment, directory) in ENVIRONMENTS {
            for (variant, _) in VARIANTS {
                let words =
                    ["--directory", directory, "sync", "--frozen", "--no-default-groups", "--extra", variant];
                let venv = self.repo.path(&format!(".venvs/{environment}-{variant}"));
                sum += self.uv(&words, Some(&venv));
            }
        }
        sum
    }

    fn uv(&self, words: &[&str], venv: Option<&Path>) -> Duration {
        let mut command = self.repo.command("uv", words);
        if let Some(venv) = venv {
            command.env("UV_PROJECT_ENVIRONMENT", venv);
        }
        timed(command)
    }

    /// Takes away all that is not committed, lockfiles and every cache.
    pub(crate) fn chill(&self) {
        self.repo.git(&["clean", "-ffdxq"]).success();
        for lockfile in ["uv.lock", "staging/uv.lock", "prod/uv.lock"] {
            fs::remove_file(self.repo.path(lockfile)).ok();
        }
        let cache = self.repo.root().join("cache");
        fs::remove_dir_all(&cache).expect("the caches are there");
        fs::create_dir(&cache).expect("its place is free");
    }

    /// Moves one pin of prod to its other tag, in the file that is written by hand.
    pub(crate) fn move_pin(&mut self, file: &str) {
        let tags = if self.old_pin { ("v0.1.1", "v0.1.2") } else { ("v0.1.2", "v0.1.1") };
        let (from, to) = match file {
            "tasks.kdl" => (format!("pin \"pkg-0\" \"{}\"", tags.0), format!("pin \"pkg-0\" \"{}\"", tags.1)),
            _ => (format!("pkg-0.git\", tag = \"{}\"", tags.0), format!("pkg-0.git\", tag = \"{}\"", tags.1)),
        };
        self.repo.replace(file, &from, &to);
        self.old_pin = !self.old_pin;
    }

    /// Repeats a call until nothing it rests on has just changed: what was written a moment ago is checked
    /// by content, and what was found a moment ago is not remembered.
    pub(crate) fn settle(&self, line: &str) {
        let begun = Instant::now();
        while begun.elapsed() < SETTLING {
            self.envloom(line);
        }
        self.envloom_without_plan(line);
    }
}

/// The seed's kinds of packages in turn: one that requires torch, one with a sibling of its own, plain ones.
fn package(number: usize) -> Package {
    let package = Package::new(&format!("pkg-{number}"));
    let package = match number % 5 {
        1 => package.requires("pkg-0>=0.1").workspace_source("pkg-0"),
        2 => package.requires("torch>=2.4"),
        3 => package.requires("tqdm>=4.66"),
        _ => package,
    };
    package.tag("v0.1.1").tag("v0.1.2.dev0").tag("v0.1.2")
}

fn tasks_kdl(packages: usize) -> String {
    let mut text = format!(
        "envloom \">=0.1\"\nproject \"seed\" {{\n    version \"0.0.3\"\n    requires-python \">=3.10, <3.13\"\n    \
         python \"{PYTHON}\"\n    dependencies \"tqdm>=4.67.1\"\n    group \"dev\" \"ruff>=0.4.2\"\n    \
         platforms \"sys_platform == 'linux'\"\n}}\nindex \"pypi\" url=\"[INDEX]/pypi\" default=#true\n"
    );
    for number in 0..packages {
        let name = format!("pkg-{number}");
        writeln!(
            text,
            "package {name:?} path=\"packages/{name}\" git=\"https://git.example.com/{name}.git\""
        )
        .expect("a string takes everything");
    }
    text.push_str("variants \"cuda\" choose=\"exactly-one\" {\n    dependencies \"torch>=2.4,<2.8\"\n");
    for (variant, _) in VARIANTS {
        writeln!(text, "    variant {variant:?} index=\"[INDEX]/{variant}\"")
            .expect("a string takes everything");
    }
    text.push_str(
        "}\nenvironment \"dev\" {\n    manifest \"pyproject.toml\"\n    sources \"workspace\"\n}\n",
    );
    for (environment, channel, tag) in [("staging", "dev", "v0.1.2.dev0"), ("prod", "stable", "v0.1.2")] {
        let pin = |number: usize| format!("    pin \"pkg-{number}\" \"{tag}\"\n");
        let pins = (0..packages).map(pin).collect::<Vec<_>>().concat();
        writeln!(
            text,
            "environment {environment:?} {{\n    manifest \"{environment}/pyproject.toml\"\n    sources \"tags\" \
             channel=\"{channel}\"\n{pins}}}",
        )
        .expect("a string takes everything");
    }
    text + "default-environment \"dev\"\n"
}
