//! The one place that knows environment variables: which reach a child, which count in a key, which do not.
//!
//! Comes in: the process environment, as `cli` read it. Goes out: the environment of a child, the variables of
//! a fingerprint, what was left out and why. It starts nothing, and it knows no environment of `tasks.kdl`.
//!
//! # Design note
//! [`TABLE`] names every variable of uv 0.13.9 (taken from its `--help` and from the strings of its binary) and
//! sorts them into four classes. A new uv brings new variables: a `UV_*` that no row names is [`Class::Keyed`],
//! so that it can cause a needless run but never a false hit; its value enters as a digest, since it may be a
//! secret. A variable of another program that no row names is passed and not keyed: the deny-list the other way
//! round would make every shell variable a reason to run.
//!
//! Credentials are passed and never keyed. Where a URL may carry them ([`without_credentials`]), the user part
//! and the query are taken out first: uv takes them out of the lockfile as well.
//!
//! `trust` marks what changes which distributions are found, or how far they are believed. In a tags environment
//! such a variable is refused: `UV_INDEX` made variant cu124 lock cu128's torch, with exit status 0 (tried).
//!
//! Options refused: an allow-list for uv children (CI systems log in through too many variables to list), and
//! `GIT_SSH_COMMAND="ssh -oBatchMode=yes"` against prompts (it would override the user's `core.sshCommand`).

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::sync::LazyLock;

use super::make::{MAKEFLAGS, OF_MAKE};
pub(crate) use super::variable_table::OWN_TASKS;
use super::variable_table::{Class, Row, SECRETS, TABLE};
use crate::base::Digest;

/// An environment: sorted, so that nothing depends on the order the system gives.
pub(crate) type Variables = BTreeMap<OsString, OsString>;

/// A variable that a child did not get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// Its name.
    pub(crate) name: String,
    /// Why, in a few words.
    pub(crate) why: &'static str,
}

/// Given to every uv child. The fast path asks GitHub's API for a tag, past git's `insteadOf` (tried), so that
/// the ledger and uv could see different remotes; a prompt would wait for ever, since children have no terminal, and so
/// would a git of uv's on a remote that stalls: less than 1,000 bytes a second for 30 seconds is given up.
const SET: [(&str, &str); 7] = [
    ("GCM_INTERACTIVE", "never"),
    ("GIT_HTTP_LOW_SPEED_LIMIT", "1000"),
    ("GIT_HTTP_LOW_SPEED_TIME", "30"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("UV_NO_GITHUB_FAST_PATH", "1"),
    ("UV_NO_PROGRESS", "1"),
    ("UV_NO_WRAP", "1"),
];

/// The class of a variable. An unknown `UV_*` is keyed, another unknown one is passed.
#[must_use]
fn classify(name: &str) -> Class {
    match row_of(name) {
        Some(row) => row.class,
        None if name.starts_with("UV_") => Class::Keyed,
        None => Class::Passed,
    }
}

/// The environment of a uv or git child: the caller's, less what is dropped, with what envloom sets; and what
/// was dropped, in the order of names.
#[must_use]
pub(crate) fn uv_child(variables: &Variables) -> (Variables, Vec<Dropped>) {
    let (mut environment, dropped) = by_hand(variables);
    // What uv builds is no part of a make's build above, and must not take its slots. Flags that the user set stay.
    let shares = |flags: &OsString| flags.to_string_lossy().contains("--jobserver-");
    if environment.get(OsStr::new(MAKEFLAGS)).is_some_and(shares) {
        environment.retain(|name, _| !OF_MAKE.iter().any(|of_make| name == of_make));
    }
    environment.extend(SET.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))));
    (environment, dropped)
}

/// The variables of the caller that every own task gets, before its cell's and its own are added; and the names of
/// those that it does not get, unless it names them.
#[must_use]
pub(crate) fn own_task(variables: &Variables) -> (Variables, Vec<String>) {
    let mut withheld = Vec::new();
    let (mut environment, _) = by_hand(variables);
    environment.retain(|name, _| {
        let text = name.to_string_lossy();
        let listed = || OWN_TASKS.iter().flat_map(|(_, names)| names.split_whitespace());
        let fits = |pattern| matches(pattern, &text);
        let secret = !text.starts_with("UV_") && SECRETS.split_whitespace().any(fits);
        let passes = !secret && listed().any(fits);
        if !passes {
            withheld.push(text.into_owned());
        }
        passes
    });
    (environment, withheld)
}

/// The environment of a command that someone types (`run`, `env`) before the cell's variables are added: the caller's,
/// less what is dropped.
#[must_use]
pub(crate) fn by_hand(variables: &Variables) -> (Variables, Vec<Dropped>) {
    let mut environment = Variables::new();
    let mut dropped = Vec::new();
    for (name, value) in variables {
        match name.to_str().and_then(|text| row_of(text).map(|row| (text, row))) {
            Some((text, row)) if row.class == Class::Dropped => {
                dropped.push(Dropped { name: text.to_owned(), why: row.why });
            }
            _ => {
                environment.insert(name.clone(), value.clone());
            }
        }
    }
    (environment, dropped)
}

/// The keyed variables that are set, as fields of a fingerprint. No value holds a credential.
#[must_use]
pub(crate) fn keyed(variables: &Variables) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| classify(name) == Class::Keyed) else {
            continue;
        };
        let shown = match (row_of(name), value.to_str()) {
            (Some(_), Some(text)) => without_credentials(text),
            _ => format!("digest:{}", Digest::of(value.as_encoded_bytes())),
        };
        fields.insert(name.to_owned(), shown);
    }
    fields
}

/// The names of set variables that a tags environment refuses, sorted. An empty value is as good as none to
/// uv, and so is `0` or `false` for one that switches something off.
#[must_use]
pub(crate) fn trust_changing(variables: &Variables) -> Vec<&str> {
    let counts = |name: &str, value: &OsString| {
        let value = value.to_string_lossy().to_ascii_lowercase();
        let switch =
            name.starts_with("UV_NO_") || name.starts_with("UV_SKIP_") || name.ends_with("_VALIDATION");
        !(value.is_empty() || switch && matches!(value.as_str(), "0" | "false" | "f" | "no" | "n" | "off"))
    };
    variables
        .iter()
        .filter_map(|(name, value)| name.to_str().map(|name| (name, value)))
        .filter(|(name, value)| row_of(name).is_some_and(|row| row.trust) && counts(name, value))
        .map(|(name, _)| name)
        .collect()
}

/// Does a variable of the caller's that own tasks see often shape what they make? It is part of their keys.
#[must_use]
pub(crate) fn shapes_results(name: &str) -> bool {
    matches!(name, "LANG" | "TZ" | "LD_LIBRARY_PATH")
        || name.starts_with("LC_")
        // Which devices a task gets is a pool's matter.
        || (name.starts_with("CUDA_") && name != "CUDA_VISIBLE_DEVICES")
        || name.ends_with("_NUM_THREADS")
}

/// All that a compiled plan depends on, sorted by name, each value as a digest: variables that choose files,
/// programs, targets or settings. Of a credential only that it is there.
#[must_use]
pub(crate) fn plan_inputs(variables: &Variables) -> Vec<(String, Vec<u8>)> {
    // Of XDG's the directories: its session's number is another at each login.
    const PREFIXES: [&str; 7] =
        ["UV_", "XDG_CONFIG_", "XDG_CACHE_", "XDG_DATA_", "PYENV_", "ENVLOOM_", "GIT_CONFIG"];
    // Where events go, and what an outer run tells this one: they differ from call to call and decide nothing.
    const NO_INPUTS: [&str; 3] = ["ENVLOOM_EVENTS", "ENVLOOM_RUN", "ENVLOOM_LOCKS"];
    variables
        .iter()
        .filter_map(|(name, value)| name.to_str().map(|name| (name, value)))
        .filter(|(name, _)| {
            matches!(*name, "PATH" | "HOME" | "CI")
                || shapes_results(name)
                || classify(name) == Class::Keyed
                || !NO_INPUTS.contains(name) && PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        })
        .map(|(name, value)| {
            let credential =
                ["_PASSWORD", "_TOKEN", "_USERNAME", "_SECRET", "_KEY"].iter().any(|end| name.ends_with(end));
            let value = if credential {
                Vec::new()
            } else {
                Digest::of(value.as_encoded_bytes()).to_string().into_bytes()
            };
            (name.to_owned(), value)
        })
        .collect()
}

/// The text with the user part of every URL in it taken out, and every query turned into a digest. The user
/// name of an ssh URL stays: it says which account of the server is meant, and is no secret.
#[must_use]
pub(crate) fn without_credentials(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let ssh = before.ends_with("ssh://");
        let end =
            after.find(|c: char| c.is_whitespace() || matches!(c, ',' | '"' | '\'')).unwrap_or(after.len());
        let (url, tail) = after.split_at(end);
        let (url, query) = url.split_once('?').map_or((url, None), |(url, query)| (url, Some(query)));
        let authority = url.find(['/', '#']).unwrap_or(url.len());
        match url[..authority].rfind('@') {
            Some(at) if !ssh || url[..at].contains(':') => clean.push_str(&url[at + 1..]),
            _ => clean.push_str(url),
        }
        if let Some(query) = query {
            clean.push('?');
            clean.push_str(&Digest::of(query).short());
        }
        rest = tail;
    }
    clean.push_str(rest);
    clean
}

/// The first row that names the variable.
fn row_of(name: &str) -> Option<&'static Row> {
    // Every variable of the caller is looked up at every start: the table is taken apart once, and most patterns
    // are out after one byte.
    static PATTERNS: LazyLock<Vec<(&str, &Row)>> = LazyLock::new(|| {
        TABLE.iter().flat_map(|row| row.names.split_whitespace().map(move |pattern| (pattern, row))).collect()
    });
    let first = name.as_bytes().first();
    PATTERNS
        .iter()
        .filter(|(pattern, _)| pattern.starts_with('*') || pattern.as_bytes().first() == first)
        .find(|(pattern, _)| matches(pattern, name))
        .map(|(_, row)| *row)
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `strings` of uv 0.13.9 (names that ran into one another taken apart) and its `--help`.
    const KNOWN_TO_UV: &str = "
        UV_ACTIVE UV_AMD_GPU_ARCHITECTURE UV_API_KEY UV_ASTRAL_MIRROR_URL UV_AUTH_TOKEN UV_AZURE_ENDPOINT_URL
        UV_BREAK_SYSTEM_PACKAGES UV_BUILD_CONSTRAINT UV_CACHE_DIR UV_COMMIT_DATE UV_COMMIT_HASH UV_COMMIT_SHORT_HASH
        UV_COMPILE_BYTECODE UV_COMPILE_BYTECODE_TIMEOUT UV_CONCURRENT_BUILDS UV_CONCURRENT_CACHE_READS
        UV_CONCURRENT_DOWNLOADS UV_CONCURRENT_INSTALLS UV_CONFIG_FILE UV_CONSTRAINT UV_CREDENTIALS_DIR
        UV_CUDA_DRIVER_VERSION UV_CUSTOM_COMPILE_COMMAND UV_DEFAULT_INDEX UV_DEV UV_DOWNLOAD_URL UV_ENV_FILE
        UV_EXCLUDE UV_EXCLUDE_NEWER UV_EXTRA_INDEX_URL UV_FIND_LINKS UV_FORK_STRATEGY UV_FROZEN UV_GCS_ENDPOINT_URL
        UV_GITHUB_FAST_PATH_URL UV_GITHUB_TOKEN UV_GIT_LFS UV_GRAALPY_INSTALL_MIRROR UV_HIDE_BUILD_OUTPUT
        UV_HTTP_CONNECT_TIMEOUT UV_HTTP_RETRIES UV_HTTP_TIMEOUT UV_INDEX UV_INDEX_CORP_PASSWORD
        UV_INDEX_CORP_USERNAME UV_INDEX_STRATEGY UV_INDEX_URL UV_INIT_BARE UV_INIT_BUILD_BACKEND UV_INSECURE_HOST
        UV_INSECURE_NO_ZIP_VALIDATION UV_INSTALLER_GHE_BASE_URL UV_INSTALLER_GITHUB_BASE_URL UV_INSTALL_DIR
        UV_INTERNAL__BUILD_DIR UV_INTERNAL__PARENT_INTERPRETER UV_INTERNAL__SHOW_DERIVATION_TREE
        UV_INTERNAL__TEST_CURRENT_TIMESTAMP UV_ISOLATED UV_KEYRING_PROVIDER UV_LAST_TAG UV_LAST_TAG_DISTANCE
        UV_LEGACY_TAR_BACKEND UV_LIBC UV_LINK_MODE UV_LOCKED UV_LOCK_TIMEOUT UV_LOG_CONTEXT UV_MALWARE_CHECK
        UV_MALWARE_CHECK_URL UV_MANAGED_PYTHON UV_NATIVE_TLS UV_NO_BINARY UV_NO_BINARY_PACKAGE UV_NO_BUILD
        UV_NO_BUILD_ISOLATION UV_NO_BUILD_PACKAGE UV_NO_CACHE UV_NO_CONFIG UV_NO_DEFAULT_GROUPS UV_NO_DEV
        UV_NO_EDITABLE UV_NO_ENV_FILE UV_NO_GITHUB_FAST_PATH UV_NO_GROUP UV_NO_HF_TOKEN UV_NO_INSTALLER_METADATA
        UV_NO_INSTALL_LOCAL UV_NO_INSTALL_PROJECT UV_NO_INSTALL_WORKSPACE UV_NO_MANAGED_PYTHON UV_NO_PROGRESS
        UV_NO_PROJECT UV_NO_SOURCES UV_NO_SOURCES_PACKAGE UV_NO_SYNC UV_NO_SYSTEM_CONFIG UV_NO_VERIFY_HASHES
        UV_NO_WRAP UV_OFFLINE UV_ONLY_INSTALL_LOCAL UV_ONLY_INSTALL_PROJECT UV_ONLY_INSTALL_WORKSPACE UV_OVERRIDE
        UV_PRERELEASE UV_PREVIEW UV_PREVIEW_FEATURES UV_PROJECT UV_PROJECT_ENVIRONMENT UV_PUBLISH_CHECK_URL
        UV_PUBLISH_INDEX UV_PUBLISH_NO_ATTESTATIONS UV_PUBLISH_PASSWORD UV_PUBLISH_TOKEN UV_PUBLISH_URL
        UV_PUBLISH_USERNAME UV_PYODIDE_INSTALL_MIRROR UV_PYPY_INSTALL_MIRROR UV_PYTHON UV_PYTHON_BIN_DIR
        UV_PYTHON_CACHE_DIR UV_PYTHON_CPYTHON_BUILD UV_PYTHON_DOWNLOADS UV_PYTHON_DOWNLOADS_JSON_URL
        UV_PYTHON_GRAALPY_BUILD UV_PYTHON_INSTALL_BIN UV_PYTHON_INSTALL_DIR UV_PYTHON_INSTALL_MIRROR
        UV_PYTHON_INSTALL_REGISTRY UV_PYTHON_NO_REGISTRY UV_PYTHON_PREFERENCE UV_PYTHON_PYODIDE_BUILD
        UV_PYTHON_PYPY_BUILD UV_PYTHON_SEARCH_PATH UV_REQUEST_TIMEOUT UV_REQUIRE_BUILD_HASHES UV_REQUIRE_HASHES
        UV_REQUIRE_METADATA_RANGE_REQUESTS UV_RESOLUTION UV_RUN_MAX_RECURSION_DEPTH UV_RUN_RECURSION_DEPTH
        UV_RUN_RLIMIT_NOFILE UV_S3_ENDPOINT_URL UV_SHOW_RESOLUTION UV_SKIP_WHEEL_FILENAME_CHECK UV_STACK_SIZE
        UV_SYSTEM_CERTS UV_SYSTEM_PYTHON UV_TOOL_BIN_DIR UV_TOOL_DIR UV_TORCH_BACKEND UV_UPDATE_SCHEMA
        UV_UPLOAD_HTTP_TIMEOUT UV_VENV_CLEAR UV_VENV_RELOCATABLE UV_VENV_SEED UV_WORKING_DIR UV_WORKING_DIRECTORY";

    fn environment(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn every_variable_of_uv_has_a_row_that_names_it() {
        for name in KNOWN_TO_UV.split_whitespace() {
            assert!(row_of(name).is_some(), "{name}");
        }
    }

    #[test]
    fn no_name_stands_in_two_rows() {
        let mut names: Vec<&str> = TABLE.iter().flat_map(|row| row.names.split_whitespace()).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        for (name, _) in SET {
            assert_eq!(classify(name), Class::Set, "{name}");
        }
    }

    #[test]
    fn classes_are_those_of_the_product() {
        for (name, class) in [
            ("UV_CACHE_DIR", Class::Passed),
            ("UV_INDEX_CORP_PASSWORD", Class::Passed),
            ("HTTPS_PROXY", Class::Passed),
            ("https_proxy", Class::Passed),
            ("GIT_CONFIG_VALUE_0", Class::Passed),
            ("UV_FUTURE_TOKEN", Class::Passed),
            ("EDITOR", Class::Passed),
            ("UV_INDEX", Class::Keyed),
            ("UV_CONFIG_FILE", Class::Keyed),
            ("UV_SOMETHING_NEW", Class::Keyed),
            ("UV_PROJECT_ENVIRONMENT", Class::Dropped),
            ("UV_TORCH_BACKEND", Class::Dropped),
            ("GIT_EXTERNAL_DIFF", Class::Dropped),
            ("PYTHONPATH", Class::Dropped),
            ("VIRTUAL_ENV", Class::Dropped),
        ] {
            assert_eq!(classify(name), class, "{name}");
        }
    }

    #[test]
    fn a_uv_child_gets_the_environment_less_the_drops_and_what_envloom_sets() {
        let caller = environment(&[
            ("PATH", "/bin"),
            ("UV_FROZEN", "1"),
            ("UV_NO_PROGRESS", "0"),
            ("GIT_DIR", ".git"),
            ("UV_INDEX_CORP_PASSWORD", "s3cret"),
        ]);
        let (child, dropped) = uv_child(&caller);
        let named: Vec<&str> = dropped.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(named, ["GIT_DIR", "UV_FROZEN"]);
        assert_eq!(child[&OsString::from("UV_NO_PROGRESS")], "1");
        assert_eq!(child[&OsString::from("UV_NO_GITHUB_FAST_PATH")], "1");
        assert_eq!(child[&OsString::from("GIT_TERMINAL_PROMPT")], "0");
        assert_eq!(child[&OsString::from("GIT_HTTP_LOW_SPEED_TIME")], "30");
        assert_eq!(child[&OsString::from("UV_INDEX_CORP_PASSWORD")], "s3cret");
        assert!(!by_hand(&caller).0.contains_key(&OsString::from("UV_FROZEN")));
    }

    #[test]
    fn an_own_task_gets_what_is_listed_and_no_secret() {
        let caller = environment(&[
            ("AWS_REGION", "x"),
            ("CI_JOB_TOKEN", "s3cret"),
            ("CUDA_VISIBLE_DEVICES", "0"),
            ("GITHUB_REF", "main"),
            ("GITHUB_TOKEN", "s3cret"),
            ("GIT_DIR", ".git"),
            ("HF_TOKEN", "s3cret"),
            ("LC_ALL", "C"),
            ("PYTHONPATH", "x"),
            ("UV_FROZEN", "1"),
            ("UV_INDEX_CORP_PASSWORD", "s3cret"),
            ("https_proxy", "x"),
        ]);
        let (passed, withheld) = own_task(&caller);
        let passed: Vec<_> = passed.into_keys().map(|name| name.into_string().unwrap()).collect();
        let expected =
            ["CUDA_VISIBLE_DEVICES", "GITHUB_REF", "LC_ALL", "UV_INDEX_CORP_PASSWORD", "https_proxy"];
        assert_eq!(passed, expected);
        assert_eq!(withheld, ["AWS_REGION", "CI_JOB_TOKEN", "GITHUB_TOKEN", "HF_TOKEN"]);
    }

    #[test]
    fn uv_shares_no_jobserver() {
        let make = [("MAKEFLAGS", "k -j4 --jobserver-auth=3,4"), ("MFLAGS", "-k"), ("MAKELEVEL", "1")];
        let names = |variables: Variables| {
            let names = variables.into_keys().filter(|name| name.to_string_lossy().starts_with('M'));
            names.collect::<Vec<_>>()
        };
        assert!(names(uv_child(&environment(&make)).0).is_empty());
        assert_eq!(names(by_hand(&environment(&make)).0), ["MAKEFLAGS", "MAKELEVEL", "MFLAGS"]);
        assert_eq!(names(uv_child(&environment(&[("MAKEFLAGS", "-j4")])).0), ["MAKEFLAGS"]);
    }

    #[test]
    fn no_credential_reaches_a_key() {
        let caller = environment(&[
            ("UV_INDEX", "corp=https://user:s3cret@a.example/simple https://s3cret@b.example?token=s3cret"),
            ("UV_INDEX_CORP_PASSWORD", "s3cret"),
            ("UV_NEW", "s3cret"),
            ("UV_NEW_TOKEN", "s3cret"),
            ("GIT_CONFIG_VALUE_0", "s3cret"),
        ]);
        let fields = keyed(&caller);
        assert!(!format!("{fields:?}").contains("s3cret"), "{fields:?}");
        assert!(fields["UV_INDEX"].starts_with("corp=https://a.example/simple https://b.example?"));
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["UV_INDEX", "UV_NEW"]);
        for (name, value) in plan_inputs(&caller) {
            assert!(!String::from_utf8_lossy(&value).contains("s3cret"), "{name}");
        }
        assert_eq!(without_credentials("ssh://git@host/x"), "ssh://git@host/x");
        assert_eq!(without_credentials("ssh://git:pw@host/x"), "ssh://host/x");
        assert_eq!(without_credentials("https://host/a@b"), "https://host/a@b");
    }

    #[test]
    fn what_a_tags_environment_refuses_is_set_and_changes_trust() {
        let caller = environment(&[
            ("UV_INDEX", "https://x"),
            ("UV_NO_BUILD", "0"),
            ("UV_NO_CONFIG", "1"),
            ("UV_PRERELEASE", ""),
            ("UV_CACHE_DIR", "/c"),
            ("UV_NO_SOURCES", "1"),
        ]);
        assert_eq!(trust_changing(&caller), ["UV_INDEX", "UV_NO_CONFIG"]);
    }

    #[test]
    fn a_compiled_plan_depends_on_what_chooses_files_programs_and_settings() {
        let caller = environment(&[
            ("CI", "1"),
            ("EDITOR", "vi"),
            ("PATH", "/bin"),
            ("PYC_INVALIDATION_MODE", "CHECKED_HASH"),
            ("PYENV_ROOT", "/p"),
            ("UV_X", ""),
            ("XDG_CONFIG_HOME", "/c"),
            ("XDG_SESSION_ID", "7"),
        ]);
        let names: Vec<String> = plan_inputs(&caller).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["CI", "PATH", "PYC_INVALIDATION_MODE", "PYENV_ROOT", "UV_X", "XDG_CONFIG_HOME"]);
    }
}
