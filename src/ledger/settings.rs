//! Row of `verify` on the settings of a frozen environment: what its manifest, or another file that uv takes its settings
//! from, lets uv do that no release should rest on. Pure.
//!
//! | found | why it is refused |
//! | --- | --- |
//! | an index of PyTorch without `explicit = true` | every package may come from it; it carries many that are not PyTorch's |
//! | an `index-strategy` other than `first-index` | a stranger's higher version on a second index wins |
//! | plain http, but to this machine | anyone on the way chooses the code |
//! | `allow-insecure-host`, but this machine | likewise: nobody's certificate is looked at |

use toml::{Table, Value};

use super::finding::VerifyFinding;
use super::lockfile::Source;
use super::origin::{host_of, plain_http_in};
use super::verify::Case;
use crate::base::{hidden, printable};
use crate::tool::address::is_loopback;

/// The hosts that serve PyTorch's builds.
const PYTORCH: &[&str] = &["download.pytorch.org", "download-r2.pytorch.org"];

/// Settings that no resolution and no sync of a project reads.
const ELSEWHERE: &[&str] = &["pip", "publish-url", "check-url", "build-backend"];

/// Row: nothing in the environment's settings is unsafe.
pub(super) fn settings(case: &Case<'_>, findings: &mut Vec<VerifyFinding>) {
    if !case.is_frozen() {
        return;
    }
    for source in &case.evidence.settings {
        // What is no TOML uv says itself: the lockfile would not have been checked.
        let Ok(table) = source.text().parse::<Table>() else { continue };
        let file = File { case, name: source.name() };
        if source.name().ends_with("uv.toml") {
            file.judge("", &table, findings);
            continue;
        }
        let uv = table.get("tool").and_then(|tool| tool.get("uv")).and_then(Value::as_table);
        if let Some(uv) = uv {
            file.judge("tool.uv.", uv, findings);
        }
        let project = table.get("project");
        let of_project = |key| project.and_then(|project| project.get(key));
        for (key, value) in [
            ("project.dependencies", of_project("dependencies")),
            ("project.optional-dependencies", of_project("optional-dependencies")),
            ("dependency-groups", table.get("dependency-groups")),
        ] {
            if let Some(value) = value {
                file.urls(key, value, findings);
            }
        }
    }
}

/// The host of `https://host:port`, of `host:port` or of a host alone.
fn host_in(text: &str) -> &str {
    host_of(text.split_once("://").map_or(text, |(_, rest)| rest))
}

/// One file of settings.
struct File<'a> {
    case: &'a Case<'a>,
    name: &'a str,
}

impl File<'_> {
    /// uv's settings; `prefix` is the path of their table.
    fn judge(&self, prefix: &str, uv: &Table, findings: &mut Vec<VerifyFinding>) {
        if let Some(strategy) = uv.get("index-strategy").and_then(Value::as_str)
            && strategy != "first-index"
        {
            findings.push(VerifyFinding::UnsafeStrategy {
                manifest: self.name.to_owned(),
                strategy: printable(strategy).into_owned(),
                environment: self.case.name(),
                span: self.case.environment.span,
            });
        }
        let hosts = uv.get("allow-insecure-host").and_then(Value::as_array).into_iter().flatten();
        for host in hosts.filter_map(Value::as_str).filter(|host| !is_loopback(host_in(host))) {
            findings.push(VerifyFinding::InsecureHost {
                manifest: self.name.to_owned(),
                host: printable(&hidden(host)).into_owned(),
                span: self.case.environment.span,
            });
        }
        for (at, index) in uv.get("index").and_then(Value::as_array).into_iter().flatten().enumerate() {
            let is_explicit = index.get("explicit").and_then(Value::as_bool) == Some(true);
            if let Some(url) = index.get("url").and_then(Value::as_str)
                && !is_explicit
            {
                self.index(&format!("{prefix}index[{at}].url"), url, findings);
            }
        }
        for key in ["index-url", "extra-index-url", "find-links"] {
            let urls =
                uv.get(key).map(|value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]));
            for url in urls.iter().flatten().filter_map(Value::as_str) {
                self.index(&format!("{prefix}{key}"), url, findings);
            }
        }
        for (key, value) in uv.iter().filter(|(key, _)| !ELSEWHERE.contains(&key.as_str())) {
            self.urls(&format!("{prefix}{key}"), value, findings);
        }
    }

    /// An index that every package may come from.
    fn index(&self, key: &str, url: &str, findings: &mut Vec<VerifyFinding>) {
        let host = url.split_once("://").map_or("", |(_, rest)| host_of(rest));
        let host = host.split(':').next().unwrap_or_default().trim_end_matches('.');
        let source = Source::Registry(url.to_owned());
        let variants = self.case.axes().iter().flat_map(|axis| &axis.variants);
        let is_variants = variants
            .filter_map(|variant| variant.index.as_ref())
            .any(|index| self.case.here.is_index(&source, &index.location));
        if PYTORCH.iter().any(|known| host.eq_ignore_ascii_case(known)) || is_variants {
            findings.push(VerifyFinding::UnexplicitIndex {
                manifest: self.name.to_owned(),
                key: key.to_owned(),
                url: printable(&hidden(url)).into_owned(),
                span: self.case.environment.span,
            });
        }
    }

    /// Every text below `value` that is fetched by plain http from elsewhere.
    fn urls(&self, key: &str, value: &Value, findings: &mut Vec<VerifyFinding>) {
        match value {
            Value::String(text) => {
                if let Some(url) = plain_http_in(text) {
                    findings.push(VerifyFinding::PlainHttpSetting {
                        manifest: self.name.to_owned(),
                        key: printable(key).into_owned(),
                        url: printable(&hidden(url)).into_owned(),
                        span: self.case.environment.span,
                    });
                }
            }
            Value::Array(values) => {
                for (at, value) in values.iter().enumerate() {
                    self.urls(&format!("{key}[{at}]"), value, findings);
                }
            }
            Value::Table(values) => {
                for (name, value) in values {
                    self.urls(&format!("{key}.{name}"), value, findings);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SourceFile;
    use crate::ledger::Evidence;
    use crate::ledger::testing::{DEV, PROD, PROD_LOCK, judged, model, recorded, seen};
    use crate::model::EnvironmentId;

    fn of(environment: EnvironmentId, name: &str, text: &str) -> Vec<VerifyFinding> {
        let evidence = Evidence { settings: vec![SourceFile::new(name, text)], ..Evidence::default() };
        judged(&model(), environment, &recorded(), PROD_LOCK, &evidence)
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one snapshot of all that can be wrong")]
    fn each_unsafe_setting_is_named() {
        let text = r#"
            [project]
            name = "x"
            dependencies = ["a @ http://h.example.com/a.zip", "b @ http://localhost/b.zip"]
            urls = { home = "http://h.example.com" }
            [dependency-groups]
            dev = ["c @ git+http://h.example.com/c"]
            [tool.uv]
            index-strategy = "unsafe-best-match"
            allow-insecure-host = ["localhost:8000", "http://127.0.0.1", "https://u:secret@pypi.example.com:8443", "*"]
            extra-index-url = ["https://user:secret@download.pytorch.org./whl/cu128"]
            index = [
                { name = "cu124", url = "../indexes/cu124" },
                { name = "cpu", url = "../indexes/cpu", explicit = true },
                { name = "torch", url = "https://download.pytorch.org/whl/cpu" },
                { name = "corp", url = "HTTP://pypi.example.com/simple" },
                { name = "mirror", url = "http://127.0.0.1:8000/simple" },
            ]
            [tool.uv.sources]
            d = { git = "http://h.example.com/d" }
            [tool.uv.pip]
            index-url = "http://h.example.com"
        "#;
        insta::assert_snapshot!(seen(of(PROD, "prod/pyproject.toml", text)), @r#"
          × the lockfile of `prod` is not what tasks.kdl and envloom.lock ask for

        Error: envloom::ledger::unsafe_strategy

          × prod/pyproject.toml asks for `index-strategy` "unsafe-best-match"
            ╭─[tasks.kdl:10:1]
          9 │ environment "dev" { manifest "pyproject.toml"; }
         10 │ environment "prod" {
            · ─────────┬────────
            ·          ╰── this environment is frozen
         11 │     manifest "prod/pyproject.toml"
            ╰────
          help: whoever owns a name on any of the indexes chooses your code: delete it, so that the first
                index that has a name decides, and type `envloom lock:prod`

        Error: envloom::ledger::insecure_host

          × prod/pyproject.toml names https://********@pypi.example.com:8443 in `allow-insecure-host`
            ╭─[tasks.kdl:10:1]
          9 │ environment "dev" { manifest "pyproject.toml"; }
         10 │ environment "prod" {
            · ─────────┬────────
            ·          ╰── this environment is frozen
         11 │     manifest "prod/pyproject.toml"
            ╰────
          help: its certificate is not looked at, so that anyone on the way chooses the code: delete it,
                and name the authority that signed the certificate in SSL_CERT_FILE

        Error: envloom::ledger::insecure_host

          × prod/pyproject.toml names * in `allow-insecure-host`
            ╭─[tasks.kdl:10:1]
          9 │ environment "dev" { manifest "pyproject.toml"; }
         10 │ environment "prod" {
            · ─────────┬────────
            ·          ╰── this environment is frozen
         11 │     manifest "prod/pyproject.toml"
            ╰────
          help: its certificate is not looked at, so that anyone on the way chooses the code: delete it,
                and name the authority that signed the certificate in SSL_CERT_FILE

        Error: envloom::ledger::unexplicit_index

          × prod/pyproject.toml: `tool.uv.index[0].url` is ../indexes/cu124, an index for variants,
          │ without `explicit = true`
            ╭─[tasks.kdl:10:1]
          9 │ environment "dev" { manifest "pyproject.toml"; }
         10 │ environment "prod" {
            · ─────────┬────────
            ·          ╰── this environment is frozen
         11 │     manifest "prod/pyproject.toml"
            ╰────
          help: every package may come from it: declare it as an index with `explicit = true`, and name it
                in `tool.uv.sources`

        Error: envloom::ledger::unexplicit_index

          × prod/pyproject.toml: `tool.uv.index[2].url` is https://download.pytorch.org/whl/cpu, an index
          │ for variants, without `explicit = true`
            ╭─[tasks.kdl:10:1]
          9 │ environment "dev" { manifest "pyproject.toml"; }
         10 │ environment "prod" {
            · ─────────┬────────
            ·          ╰── this environment is frozen
         11 │     manifest "prod/pyproject.toml"
            ╰────
          help: every package may come from it: declare it as an index with `explicit = true`, and name it
                in `tool.uv.sources`

        Error: envloom::ledger::unexplicit_index

          × prod/pyproject.toml: `tool.uv.extra-index-url` is https://***********@download.pytorch.org./
          │ whl/cu128, an index for variants, without `explicit = true`
            ╭─[tasks.kdl:10:1]
          9 │ environment "dev" { manifest "pyproject.toml"; }
         10 │ environment "prod" {
            · ─────────┬────────
            ·          ╰── this environment is frozen
         11 │     manifest "prod/pyproject.toml"
            ╰────
          help: every package may come from it: declare it as an index with `explicit = true`, and name it
                in `tool.uv.sources`

        Error: envloom::ledger::plain_http_setting

          × prod/pyproject.toml: `tool.uv.index[3].url` is HTTP://pypi.example.com/simple, which is not
          │ encrypted
            ╭─[tasks.kdl:10:1]
          9 │ environment "dev" { manifest "pyproject.toml"; }
         10 │ environment "prod" {
            · ─────────┬────────
            ·          ╰── this environment is frozen
         11 │     manifest "prod/pyproject.toml"
            ╰────
          help: use the https address of that server; only this machine's own (localhost) may go without

        Error: envloom::ledger::plain_http_setting

          × prod/pyproject.toml: `tool.uv.sources.d.git` is http://h.example.com/d, which is not encrypted
            ╭─[tasks.kdl:10:1]
          9 │ environment "dev" { manifest "pyproject.toml"; }
         10 │ environment "prod" {
            · ─────────┬────────
            ·          ╰── this environment is frozen
         11 │     manifest "prod/pyproject.toml"
            ╰────
          help: use the https address of that server; only this machine's own (localhost) may go without

        Error: envloom::ledger::plain_http_setting

          × prod/pyproject.toml: `project.dependencies[0]` is http://h.example.com/a.zip, which is not
          │ encrypted
            ╭─[tasks.kdl:10:1]
          9 │ environment "dev" { manifest "pyproject.toml"; }
         10 │ environment "prod" {
            · ─────────┬────────
            ·          ╰── this environment is frozen
         11 │     manifest "prod/pyproject.toml"
            ╰────
          help: use the https address of that server; only this machine's own (localhost) may go without

        Error: envloom::ledger::plain_http_setting

          × prod/pyproject.toml: `dependency-groups.dev[0]` is http://h.example.com/c, which is not
          │ encrypted
            ╭─[tasks.kdl:10:1]
          9 │ environment "dev" { manifest "pyproject.toml"; }
         10 │ environment "prod" {
            · ─────────┬────────
            ·          ╰── this environment is frozen
         11 │     manifest "prod/pyproject.toml"
            ╰────
          help: use the https address of that server; only this machine's own (localhost) may go without
        "#);
    }

    #[test]
    fn the_uv_toml_beside_counts_and_a_workspace_is_its_makers_matter() {
        let text = "index-strategy = \"unsafe-first-match\"\n";
        assert!(matches!(of(PROD, "prod/uv.toml", text)[..], [VerifyFinding::UnsafeStrategy { .. }]));
        let of_dev = of(DEV, "pyproject.toml", &format!("[tool.uv]\n{text}"));
        assert!(!of_dev.iter().any(|found| matches!(found, VerifyFinding::UnsafeStrategy { .. })));
    }
}
