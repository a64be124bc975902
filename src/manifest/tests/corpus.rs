//! Manifests of odd layout: what is not ours keeps its bytes, and nobody's edit is lost.

use proptest::prelude::*;

use super::fixture::{Bench, DEV, requirement};
use crate::manifest::Disposition;
use crate::model::EnvironmentId;

/// Hand-written manifests. A line with `~` in it may change; every other line must stay, byte for byte.
const ODD: &[&str] = &[
    "",
    "\n\n",
    "# only a comment",
    "[project]\nname = 'vlm-hyperbench'   # keep\ndynamic = []\n",
    "[project]\r\nname = \"vlm-hyperbench\"\r\ndependencies = [\r\n  \"rich\", # a, b\r\n  # last\r\n]\r\n",
    "\u{feff}[project]\nname = \"vlm-hyperbench\"\nreadme = \"é 漢.md\"\n",
    "[project]\nname = \"vlm-hyperbench\"\nreadme = 'x'\r\n[tool.ruff]\r\nline-length = 3\n",
    "[project]\nname = \"vlm-hyperbench\"\ndependencies = [\"rich\", \"numpy ; os_name == ']'\"] # ~ long\n[tool.ruff]",
    "[project]\nname = \"vlm-hyperbench\"\ndependencies = [\"rich\",] # ~ long",
    "[project]\ndependencies = [\n\t# first\n\t\"rich\"\n\t, \"black\"  # ~ second\n\t# third\n]\n",
    "[project]\ndependencies = [\"rich\",\n                \"black\", # why\n                'isort'] # ~\n",
    "[project]\ndependencies = [ # open\n]\n",
    "[project]\ndependencies = [\n# nothing yet\n]\n",
    "project.name = 'vlm-hyperbench'\nproject.scripts.x = 'y'\ntool.uv.package = false # keep\ntool.ruff.x = 1\n",
    "project = { name = 'vlm-hyperbench', scripts = { x = 'y' } } # ~\n[tool]\nuv = { sources = { rich = { git = 'https://x' } } } # ~\n",
    "[tool]\nuv.sources.rich.git = 'https://x'\nuv.sources.rich.tag = 'v1' # t\nruff = { a = 1 }\n",
    "[tool.uv]\nindex = [{ name = 'corp', url = 'https://x' }] # ~\nsources = { rich = { index = 'corp' } } # ~\n",
    "[[tool.uv.index]]\nname = 'corp' # c\nurl = 'https://x'\n# between\n[[tool.uv.index]]\n# inside\nurl = 'https://y'\n\n# for ruff\n[tool.ruff]\nx = 1\n",
    "[tool.uv.sources.rich]\n# the fork\ngit = 'https://x'\n\n[tool.uv.sources.torch] # ~\n# ours soon\nindex = 'x' # ~\n",
    "[tool.uv.sources.bench-utils]\nworkspace = true # kept as it is\n\n[tool.uv.workspace]\nmembers = ['packages/*'] # ~\nexclude = ['x']\n",
    "  [ project ]  # spaced\n  name   =   'vlm-hyperbench'\n  'version'='0.0.3'\n\t[ tool . uv ]\n\tprerelease='allow'\n",
    "[tool.uv.pip]\nstrict = true\n[project.urls]\na = 'b'\n[project.optional-dependencies]\nviz = ['rich']\n",
    "[dependency-groups]\ndev = [{include-group = 'lint'}, \"ruff>=0.4.2\"]\nlint = [\n    'ruff',\n]\n",
    "[tool.uv]\nconflicts = [\n    [ # one\n        { extra = 'a' },\n        { group = 'b' },\n    ],\n]\n",
    "[project]\nname = \"\"\"vlm-hyperbench\"\"\"\ndescription = '''\n[tool.uv]\nnot = \"a table\" # nor a comment\n'''\n",
    "[tool.uv]\nconstraint-dependencies = [\"numpy<3\",\r\n  # mixed\r\n  \"scipy\"] # ~\r\n[x]\ny = 1",
];

fn taken_over(text: &str) -> Bench {
    let mut bench = Bench::new();
    bench.put(DEV, text).settle(DEV, Disposition::TakeOver);
    let set = bench.write();
    if let Some(refused) = &set.manifests[&EnvironmentId(0)].refused {
        panic!("{text}\n{}", crate::base::testing::rendered(refused));
    }
    bench.dispositions.clear();
    bench
}

fn settled(bench: &mut Bench) {
    let set = bench.write();
    if let Some(refused) = &set.manifests[&EnvironmentId(0)].refused {
        panic!("{}\n{}", bench.text(DEV), crate::base::testing::rendered(refused));
    }
}

fn lines_survive(before: &str, after: &str) {
    let mut lines =
        after.split_inclusive('\n').map(|line| line.trim_end_matches(['\n', '\r']).to_owned() + ending(line));
    let last = before.split_inclusive('\n').count();
    for (number, line) in before.split_inclusive('\n').enumerate().filter(|(_, line)| !line.contains('~')) {
        let same = |found: &String| found == line || (number + 1 == last && found.trim_end() == line);
        assert!(lines.any(|found| same(&found)), "{line:?} of\n{before}\n=== is not in ===\n{after}");
    }
}

fn ending(line: &str) -> &str {
    &line[line.trim_end_matches(['\n', '\r']).len()..]
}

#[test]
fn the_corpus_is_large_enough() {
    assert!(ODD.len() >= 20);
}

#[test]
fn every_other_line_stays_byte_for_byte() {
    for text in ODD {
        let mut bench = taken_over(text);
        let after = bench.text(DEV).to_owned();
        lines_survive(text, &after);
        let kept_newline = text.trim().is_empty() || text.ends_with('\n') == after.ends_with('\n');
        assert!(kept_newline, "{text:?}\n{after:?}");
        let set = bench.write();
        assert!(
            set.manifests[&EnvironmentId(0)].refused.is_none() && !set.manifests[&EnvironmentId(0)].differs(),
            "{after}"
        );
    }
}

#[test]
fn what_comes_and_goes_leaves_every_byte() {
    // A line that has grown too long is broken, and stays so.
    for text in ODD.iter().filter(|text| !text.contains("~ long")) {
        let mut bench = taken_over(text);
        let before = bench.text(DEV).to_owned();
        let model = bench.model.clone();
        let environment = &mut bench.model.environments[0];
        environment.settings.dependencies.push(requirement("numpy>=1"));
        environment.settings.dependencies.push(requirement("scipy>=1"));
        environment.groups[0].requirements.push(requirement("mypy>=1"));
        environment.settings.platforms.push(crate::base::Spanned::new("os_name == 'x'".into(), (0, 0)));
        bench.model.indexes.push(super::fixture::index("late", "indexes/late"));
        bench.model.axes[0].variants.push(super::fixture::variant("cu128", &[]));
        settled(&mut bench);
        assert_ne!(bench.text(DEV), before);
        bench.model = model;
        settled(&mut bench);
        assert!(bench.text(DEV) == before, "{}\n=== is not ===\n{before}", bench.text(DEV));
    }
}

#[test]
fn a_container_with_a_comment_of_the_user_stays() {
    let mut bench = Bench::generated();
    bench.edit(DEV, "[dependency-groups]\n", "[dependency-groups]\n# tools of the team\n");
    bench.model.environments[0].groups.clear();
    settled(&mut bench);
    assert!(
        bench.text(DEV).contains("[dependency-groups]\n# tools of the team\n\n[tool.uv]"),
        "{}",
        bench.text(DEV)
    );
    let mut bench = Bench::generated();
    bench.edit(DEV, "    \"ruff>=0.4.2\",\n", "    # linters\n    \"ruff>=0.4.2\", # fast\n");
    bench.model.environments[0].groups.clear();
    settled(&mut bench);
    assert!(bench.text(DEV).contains("dev = [\n    # linters\n]\n"), "{}", bench.text(DEV));
}

/// One random edit of a text.
fn edited(text: &str, (kind, at, with): (u8, usize, char)) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let line = at % lines.len();
    match kind {
        0 => _ = lines.remove(line),
        1 => lines.insert(line, format!("# mine {with}\n")),
        2 => {
            let copy = lines[line].clone();
            lines.insert(line, copy);
        }
        3 => lines.insert(line, "    \"packaging>=24\",\n".into()),
        _ => {
            let mut characters: Vec<char> = lines[line].chars().collect();
            let place = at % characters.len();
            characters[place] = with;
            lines[line] = characters.into_iter().collect();
        }
    }
    lines.concat()
}

proptest! {
    #![proptest_config(crate::base::testing::properties(50))]

    #[test]
    fn a_hand_edit_is_kept_or_refused(
        edits in prop::collection::vec((0u8..5, 0usize..4000, prop::char::any()), 1..4),
        odd in 0..ODD.len(),
    ) {
        let mut bench = taken_over(ODD[odd]);
        let text = edits.iter().fold(bench.text(DEV).to_owned(), |text, edit| {
            if text.is_empty() { text } else { edited(&text, *edit) }
        });
        bench.put(DEV, text.clone());
        prop_assert_eq!(&bench.rendered(DEV).text, &text);
        // With a change of tasks.kdl pending, foreign lines survive all the same.
        bench.model.environments[0].settings.dependencies[1] = requirement("pandas>=3");
        bench.model.environments[0].settings.dependencies.push(requirement("numpy>=1"));
        let rendered = bench.rendered(DEV);
        for line in text.lines().filter(|line| line.contains("# mine") || line.contains("packaging")) {
            prop_assert!(rendered.text.contains(line.trim_end_matches(',')), "{}\n=== lacks ===\n{}", rendered.text, line);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "(\\[|\\]|\\{|\\}|=|\"|'|,|\\.|#|\n|\r\n| |a|project|tool|uv|sources|index|name|dependencies|\\[\\[tool.uv.index\\]\\]\n|\\[tool.uv\\]\n){0,30}") {
        let mut bench = Bench::new();
        bench.put(DEV, text.clone()).settle(DEV, Disposition::TakeOver);
        let rendered = bench.rendered(DEV);
        if let Some(refused) = rendered.refused {
            prop_assert_eq!(rendered.text, text);
            let defect = refused.findings.iter().any(|found| matches!(found, crate::manifest::ManifestFinding::Unfaithful { .. }));
            prop_assert!(!defect, "{}", crate::base::testing::rendered(&refused));
        } else {
            let again = { bench.write(); bench.dispositions.clear(); bench.rendered(DEV) };
            prop_assert!(again.refused.is_none() && !again.differs());
        }
    }
}
