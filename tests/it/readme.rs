//! The README: every configuration in it resolves, and its five minutes work as they are typed.

use std::os::unix::fs::symlink;

use crate::support::{Monorepo, Package, Wheel};

const README: &str = include_str!("../../README.md");

/// The variants of the README's configuration.
const VARIANTS: [&str; 3] = ["cu124", "cu128", "cpu"];

/// The blocks of a language, without the margin they stand at, and the heading each stands under.
fn blocks(language: &str) -> Vec<(String, String)> {
    let (mut heading, mut blocks) = (String::new(), Vec::new());
    let mut open: Option<(&str, String)> = None;
    for line in README.lines() {
        let text = line.trim_start();
        match &mut open {
            Some((_, block)) if text == "```" => blocks.push((heading.clone(), std::mem::take(block))),
            Some((margin, block)) => {
                *block += line.strip_prefix(*margin).unwrap_or(text);
                block.push('\n');
                continue;
            }
            None if text.strip_prefix("```") == Some(language) => {
                open = Some((&line[..line.len() - text.len()], String::new()));
                continue;
            }
            None if line.starts_with('#') => line.trim_start_matches(['#', ' ']).clone_into(&mut heading),
            None => continue,
        }
        open = None;
    }
    blocks
}

#[test]
fn every_configuration_of_the_readme_resolves() {
    let blocks = blocks("kdl");
    let (adopting, blocks): (Vec<_>, Vec<_>) =
        blocks.into_iter().partition(|(heading, _)| heading == "Manifests that exist");
    for (_, text) in &adopting {
        let repo = Monorepo::new().tasks_kdl(text);
        for directory in ["app", "services/api", "libs/core", "libs/sdk-js", "libs/util"] {
            repo.write(&format!("{directory}/pyproject.toml"), "[project]\nname = \"x\"\nversion = \"1\"\n");
        }
        let listed = repo.run("list --cells").success();
        let cells = ["sync:app", "sync:app-prod", "sync:util", "sync:api", ""].join("\n");
        assert_eq!(listed.stdout(), cells);
    }
    let (local, whole): (Vec<_>, Vec<_>) =
        blocks.iter().partition(|(heading, _)| heading == "tasks.local.kdl");
    assert!(!local.is_empty() && !whole.is_empty());
    for (heading, text) in &whole {
        let repo = Monorepo::new().write_bytes("readme.kdl", text.as_bytes());
        let listed = repo.run("-f readme.kdl list --cells").success();
        let cell = if *heading == "Your own tasks" { "test@small" } else { "dev@cpu" };
        assert!(listed.stdout().contains(cell), "{listed}");
    }
    // What stands beside tasks.kdl, beside the first of them.
    for (_, text) in &local {
        let repo = Monorepo::new().write_bytes("tasks.kdl", whole[0].1.as_bytes());
        repo.write_bytes("tasks.local.kdl", text.as_bytes()).run("list").success();
    }
}

/// The repository of someone who follows the README: its packages, and what its dependencies come from.
fn reader() -> Monorepo {
    let pytest = Wheel::new("pytest", "8.3.5").script("pytest = pytest:main");
    let pytest = pytest.file("pytest/__init__.py", "def main(): print('tested')\n");
    let repo = Monorepo::new()
        .index("pypi", &[("tqdm", "4.67.1"), ("pandas", "2.3.0"), ("ruff", "0.12.0")])
        .index("pypi", &[pytest])
        .serve();
    let repo = VARIANTS.iter().fold(repo, |repo, variant| {
        let (torch, vision) = (format!("2.6.0+{variant}"), format!("0.21.0+{variant}"));
        repo.index(variant, &[("torch", torch.as_str()), ("torchvision", vision.as_str())])
    });
    let package = |name: &str| Package::new(name).path(&format!("packages/{}", name.replace('-', "_")));
    let released = |name: &str| package(name).tag("v0.1.2.dev0").tag("v0.1.2");
    let repo = repo.add(released("bench-utils")).add(released("print-utils"));
    // The README's remotes lie in a group of their host.
    symlink(".", repo.root().join("remotes/vlm")).unwrap();
    for name in ["bench-utils", "print-utils"] {
        let url = format!("https://git.example.com/vlm/{name}.git");
        repo.replace(".gitmodules", &repo.package_url(name), &url);
        let checkout = repo.in_dir(&format!("packages/{}", name.replace('-', "_")));
        checkout.git(&["remote", "set-url", "origin", &url]).success();
    }
    repo.write_bytes("tasks.kdl", blocks("kdl")[0].1.as_bytes());
    VARIANTS.iter().fold(repo, |repo, variant| {
        repo.replace(
            "tasks.kdl",
            &format!("https://download.pytorch.org/whl/{variant}"),
            &format!("[HTTP]/{variant}"),
        )
    })
}

#[test]
fn the_five_minutes_of_the_readme_work_as_they_are_typed() {
    let repo = reader().commit("start");
    let blocks = blocks("sh");
    let typed = blocks.iter().filter(|(heading, _)| heading.starts_with("Five minutes"));
    let lines = typed.flat_map(|(_, block)| block.lines());
    let calls: Vec<&str> =
        lines.filter_map(|line| line.split(" #").next()?.trim().strip_prefix("envloom ")).collect();
    assert!(calls.contains(&"lock") && calls.contains(&"check verify"), "{calls:?}");
    for call in &calls {
        let ran = repo.run(call).success();
        if call.contains("pytest") {
            assert_eq!(ran.stdout(), "tested\n");
        }
    }
    repo.commit("locked").env("CI", "true").run("check verify").success();
    repo.assert_clean();
}

/// Runs the calls of a block. Every line that it shows is printed, in that order; progress is left out.
fn shown_is_printed(repo: &Monorepo, block: &str, vi: impl Fn(&Monorepo)) {
    let (mut waiting, mut both) = (Vec::new().into_iter(), String::new());
    for line in block.lines().filter(|line| !line.is_empty()) {
        let Some(call) = line.strip_prefix("$ ") else {
            assert!(waiting.any(|printed: String| printed == line), "`{line}` is not printed there:\n{both}");
            continue;
        };
        let ran = match call.split(' ').collect::<Vec<_>>()[..] {
            ["envloom", ..] => repo.run(&call["envloom ".len()..]),
            ["git", ref words @ ..] => repo.git(words),
            _ => {
                vi(repo);
                continue;
            }
        };
        both = [ran.stdout(), ran.stderr()].concat();
        waiting = both.lines().map(str::to_owned).collect::<Vec<_>>().into_iter();
    }
}

#[test]
fn releases_and_merges_look_as_the_readme_shows_them() {
    let repo = reader().commit("start");
    repo.run("lock").success();
    repo.commit("locked").release("bench-utils", "v0.1.3");
    let blocks = blocks("text");
    let block = |wanted: &str| &blocks.iter().find(|(heading, _)| heading == wanted).unwrap().1;
    shown_is_printed(&repo, block("Moving releases"), |_| unreachable!());
    repo.release("print-utils", "v0.1.3").git(&["checkout", "-q", "-b", "feature"]).success();
    repo.run("pin prod print-utils v0.1.3").success();
    repo.commit("feature").git(&["checkout", "-q", "-"]).success();
    repo.run("pin prod bench-utils v0.1.3").success();
    repo.commit("main");
    shown_is_printed(&repo, block("After a merge conflict"), |repo| {
        let text = repo.git(&["show", ":1:tasks.kdl"]).success().text();
        repo.write("tasks.kdl", &(text.replace("\" \"v0.1.2\"", "\" \"v0.1.3\"") + "\n"));
    });
    repo.commit("merged").run("check verify").success();
}

#[test]
fn every_kind_of_event_has_a_line_and_each_line_is_json() {
    let lines = README.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let named: Vec<&str> = lines
        .lines()
        .map(|line| {
            assert!(line.starts_with("{\"at_ms\":") && line.ends_with('}'), "{line}");
            line.split("\"event\":\"").nth(1).unwrap().split('"').next().unwrap()
        })
        .collect();
    let table = README.split("| event | fields |").nth(1).unwrap().split("\n\n").next().unwrap();
    let listed: Vec<&str> =
        table.lines().skip(2).filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(listed.len(), 9);
    for event in listed {
        assert!(named.contains(&event), "{event}");
    }
}
