//! Hand edits of generated manifests, and manifests formatted by hand.

use std::collections::BTreeMap;

use super::{Random, figure, rounds, wide_project};
use crate::support::Monorepo;

/// Lines of a generated manifest that a person may change, with the replacement.
const EDITS: [(&str, &str); 10] = [
    ("\"wide-0\",", "\"wide-0>=1.0\","),
    ("    \"wide-1\",\n", ""),
    ("    \"wide-1\",\n", "    \"wide-1\",  # needed by the trainer\n    \"mine>=2\",\n"),
    ("requires-python = \">=3.10\"", "requires-python = \">=3.11\""),
    ("version = \"0.1.0\"", "version = \"0.1.1\""),
    ("[tool.uv]\n", "[tool.uv]\nprerelease = \"allow\"\n"),
    ("package = false", "package = true"),
    ("name = \"app\"\n", "name = \"app\"\ndescription = 'mine'\n"),
    ("[tool.uv]\n", "[tool.ruff]\nline-length = 99\n\n[tool.uv]\n"),
    ("\"wide-0\",", "'wide-0' , # mine"),
];

/// What a person meant by an edit must still be there: its new words in the file.
fn kept(repo: &Monorepo, edited: &str) -> bool {
    repo.read("pyproject.toml") == edited
}

#[test]
fn no_hand_edit_is_lost() {
    let repo = wide_project(3, 0);
    repo.run("generate").success();
    let generated = repo.read("pyproject.toml");
    let (mut random, tried) = (Random::new(), rounds(10));
    let (mut lost, mut stopped) = (0, 0);
    for round in 0..tried {
        // Each edit comes once, then any two of them.
        let mut chosen = vec![round % EDITS.len()];
        if round >= EDITS.len() {
            chosen.push(random.below(EDITS.len()));
        }
        let edited = chosen
            .iter()
            .fold(generated.clone(), |text, &edit| text.replacen(EDITS[edit].0, EDITS[edit].1, 1));
        repo.write_bytes("pyproject.toml", edited.as_bytes());
        for target in ["generate", "lock:dev --no-wait", "-B generate:dev"] {
            let ran = repo.run(target);
            stopped += usize::from(ran.exit_code() == Some(1));
            lost += usize::from(!kept(&repo, &edited));
        }
        // Also when something else is to be written into the same file.
        repo.replace("tasks.kdl", "dependencies", "dependencies \"wide-2\"");
        repo.run("generate");
        let text = repo.read("pyproject.toml");
        for &edit in &chosen {
            let words = EDITS[edit].1.lines().map(str::trim).filter(|word| !word.is_empty());
            for word in words.filter(|word| edited.contains(word)) {
                lost += usize::from(!text.contains(word));
            }
        }
        repo.replace("tasks.kdl", "dependencies \"wide-2\"", "dependencies");
        repo.write_bytes("pyproject.toml", generated.as_bytes());
        repo.run("generate:dev --discard").success();
    }
    figure("50 random hand edits: lost", tried, lost);
    assert_eq!(lost, 0);
    assert!(stopped > 0, "no edit of an owned entry stopped generate");
}

/// Manifests formatted by hand; `{deps}` stands where the dependencies of the tasks file belong.
const ODD: [(&str, &str); 10] = [
    (
        "crlf",
        "[project]\r\nname = \"app\"\r\nversion = \"0.1.0\"\r\n\r\n[tool.ruff]\r\nline-length = 99 # wide\r\n",
    ),
    ("no newline at the end", "[project]\nname = \"app\"\n[tool.ruff]\nline-length = 99"),
    (
        "spaces around keys",
        "  [ project ]\n   name   =   \"app\"  # the name\n\n\n[tool . ruff]\n  line-length=99\n",
    ),
    (
        "dotted keys",
        "project.name = \"app\" # dotted\nproject.version = '0.1.0'\ntool.ruff.line-length = 99\n",
    ),
    ("inline tables", "[tool]\nruff = { line-length = 99 } # inline\n[project]\nname = \"app\"\n"),
    ("odd arrays", "[project]\nname = \"app\"\ndependencies = [ \"mine\" , # mine\n\n  'other'\n ] # end\n"),
    (
        "literal strings",
        "[project]\nname = 'app'\nreadme = '''\nREAD ME\n'''\n[tool.x]\ny = \"\"\"a\nb\"\"\"\n",
    ),
    (
        "comments all over",
        "# head\n\n# two\n[project] # three\n# four\nname = \"app\" # five\n# six\n\n[tool.a] # seven\n# eight\n",
    ),
    (
        "tables out of order",
        "[tool.z]\na = 1\n[project]\nname = \"app\"\n[tool.a]\nb = 2\n[project.urls]\nHome = \"https://example.com\"\n",
    ),
    ("tabs", "[project]\n\tname = \"app\"\n\tdependencies = [\n\t\t\"mine\",\n\t]\n"),
];

/// Every line that holds something of the user's own: none that names an entry which envloom owns.
fn own_lines(text: &str) -> BTreeMap<String, usize> {
    let owned = [
        "name",
        "version",
        "requires-python",
        "dependencies",
        "wide-",
        "package",
        "]",
        "[project]",
        "members",
    ];
    let mut lines = BTreeMap::new();
    for line in text.split('\n') {
        let bare = line.trim_start();
        if !owned.iter().any(|entry| bare.trim_start_matches(['"', '\'', '[', ' ']).starts_with(entry)) {
            // A separator belongs to the element after it, which may be envloom's.
            *lines.entry(line.trim_end_matches(',').to_owned()).or_default() += 1;
        }
    }
    lines
}

/// The lines of `before` that `after` no longer has.
fn gone(before: &str, after: &str) -> Vec<String> {
    let after = own_lines(after);
    let is_gone = |(line, count): &(&String, &usize)| after.get(*line).copied().unwrap_or(0) < **count;
    own_lines(before)
        .iter()
        .filter(is_gone)
        .map(|(line, _)| line.clone())
        .filter(|line| !line.trim().is_empty())
        .collect()
}

#[test]
fn manifests_formatted_by_hand_keep_every_line_that_is_not_envlooms() {
    let (mut tried, mut changed) = (0, Vec::new());
    for prefix in ["", "# made by hand\n"] {
        for (name, text) in ODD {
            let repo = wide_project(2, 0).write_bytes("pyproject.toml", format!("{prefix}{text}").as_bytes());
            repo.run("generate:dev").code(1);
            assert_eq!(
                repo.read("pyproject.toml"),
                format!("{prefix}{text}"),
                "{name}: refused, yet written"
            );
            let ran = repo.run("generate:dev --take-over");
            assert_eq!(ran.exit_code(), Some(0), "{name}: {ran}");
            let written = repo.read("pyproject.toml");
            let lost = gone(&format!("{prefix}{text}"), &written);
            if !lost.is_empty() {
                changed.push(format!("{name}: {lost:?}\n{written}"));
            }
            // Applied twice is applied once, and taking an entry away again disturbs nobody else's.
            repo.run("-B generate:dev").success();
            assert_eq!(repo.read("pyproject.toml"), written, "{name}: a second run changed it");
            repo.replace("tasks.kdl", " \"wide-1\"", "").run("generate:dev").success();
            let lost = gone(&format!("{prefix}{text}"), &repo.read("pyproject.toml"));
            if !lost.is_empty() {
                changed.push(format!("{name}, less one: {lost:?}\n{}", repo.read("pyproject.toml")));
            }
            if text.contains("\r\n") {
                let bare = repo.read("pyproject.toml").replace("\r\n", "").contains('\n');
                assert!(
                    !bare || !prefix.is_empty(),
                    "{name}: mixed line ends\n{:?}",
                    repo.read("pyproject.toml")
                );
            }
            tried += 1;
        }
    }
    figure("F20 hand-formatted manifests with a foreign line changed", tried, changed.len());
    assert!(changed.is_empty(), "{}", changed.join("\n"));
}

#[test]
fn a_manifest_that_is_no_toml_is_refused_and_stays() {
    let repo = wide_project(1, 0);
    let broken: [&[u8]; 5] = [
        b"[project\n",
        b"\xff\xfe[project]\n",
        b"[project]\nname = \"a\"\nname = \"b\"\n",
        b"\x00",
        b"<<<<<<< ours\n",
    ];
    for text in broken {
        repo.write_bytes("pyproject.toml", text);
        for target in ["generate", "generate --take-over", "generate --discard"] {
            let ran = repo.run(target);
            assert!(matches!(ran.exit_code(), Some(1 | 2)), "{ran}");
            assert_eq!(std::fs::read(repo.path("pyproject.toml")).unwrap(), text, "{ran}");
        }
    }
}
