//! A fake pyenv: real interpreters behind shims that behave like pyenv's.
//!
//! A shim answers by the nearest `.python-version`, else by the first interpreter, and fails with
//! 127 for a version that is not there, as pyenv does. Each call is recorded, so that a test can
//! assert that nobody ran one. There is a shim for `uv`, too; behind it is the real one.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use super::monorepo::Monorepo;
use super::{python, uv};

impl Monorepo {
    /// The calls of shims so far: `uv lock`, `python3.12 -c …`.
    pub(crate) fn shim_calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.root().join("pyenv/calls")).unwrap_or_default();
        calls.lines().map(ToOwned::to_owned).collect()
    }

    /// Makes the fake pyenv, unless it is there. Returns its root.
    pub(super) fn install_shims(&self) -> PathBuf {
        let pyenv = self.root().join("pyenv");
        if pyenv.exists() {
            return pyenv;
        }
        fs::create_dir_all(pyenv.join("shims")).unwrap();
        let mut programs = vec!["uv".to_owned(), "python".to_owned(), "python3".to_owned()];
        let interpreters = python::interpreters();
        for (interpreter, first) in
            interpreters.iter().zip([true].into_iter().chain([false].into_iter().cycle()))
        {
            let version = interpreter.version();
            let bin = pyenv.join("versions").join(&version).join("bin");
            fs::create_dir_all(&bin).unwrap();
            let versioned = format!("python{}", interpreter.minor);
            for name in ["python", "python3", &versioned] {
                symlink(&interpreter.path, bin.join(name)).unwrap();
            }
            programs.push(versioned);
            if first {
                symlink(uv::real(), bin.join("uv")).unwrap();
                fs::write(pyenv.join("version"), version).unwrap();
            }
        }
        for program in programs {
            let shim = pyenv.join("shims").join(program);
            fs::write(&shim, self.fill(SHIM)).unwrap();
            fs::set_permissions(&shim, fs::Permissions::from_mode(0o755)).unwrap();
        }
        pyenv
    }
}

const SHIM: &str = r#"#!/bin/sh
pyenv='[ROOT]/pyenv'
program=${0##*/}
echo "$program $*" >> "$pyenv/calls"
directory=$PWD
while [ -n "$directory" ] && [ ! -f "$directory/.python-version" ]; do directory=${directory%/*}; done
if [ -n "$PYENV_VERSION" ]; then version=$PYENV_VERSION
elif [ -n "$directory" ]; then version=$(head -n 1 "$directory/.python-version")
else version=$(cat "$pyenv/version"); fi
for home in "$pyenv/versions/$version" "$pyenv/versions/$version".*; do
    [ -x "$home/bin/$program" ] && exec "$home/bin/$program" "$@"
done
if [ -d "$pyenv/versions/$version" ]; then echo "pyenv: $program: command not found" >&2
else echo "pyenv: version \`$version' is not installed (set by $directory/.python-version)" >&2; fi
exit 127
"#;
