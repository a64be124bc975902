//! The verbs, and what the help says beside the options.

/// The verbs that are no targets, each with its words and what it does.
pub(super) const VERBS: &[(&str, &str, &str)] = &[
    ("list", "", "targets and own tasks; --cells: every cell"),
    ("graph", "[TARGET…]", "what waits for what; --format dot, mermaid, json or svg"),
    ("matrix", "[TARGET…]", "the cells of targets, of own tasks if none is named; --json for CI"),
    ("explain", "TARGET…", "why each task would run, or ran last"),
    ("affected", "[TARGET…] [--since REF]", "the targets' tasks that rest on what has changed, one a line"),
    ("watch", "[TARGET…] [--restart]", "run targets, and again whenever what they rest on changes"),
    ("use", "ENV[@CELL]", "point the environment's .venv at a cell"),
    ("run", "ENV[@CELL] -- CMD", "run a command in a cell's venv"),
    ("env", "ENV[@CELL]", "print the exports of a cell, for direnv or eval"),
    ("import", "", "write tasks.kdl and envloom.lock from the manifests that exist; change none of them"),
    ("init", "", "the same; without manifests: write a tasks.kdl to begin with"),
    ("diff", "A B | A --since REF", "what differs between two environments, two cells, or since a revision"),
    ("outdated", "[ENV…]", "which pins have a newer tag in their channel; asks the packages' remotes"),
    ("doctor", "", "what is wrong with the repository, and what mends it; --fix: mend what is safe"),
    ("absorb", "ENV", "write into tasks.kdl what someone changed in a generated manifest"),
    ("pin", "ENV PACKAGE TAG", "pin another release of a package, lock and verify; all or nothing"),
    (
        "promote",
        "FROM TO [--package X]… [--commit]",
        "pin in TO what FROM has tested, with its third-party versions; all or nothing",
    ),
    (
        "add",
        "REQUIREMENT… [--group G] [--environment ENV]",
        "put requirements into tasks.kdl, or --package X's manifest; lock and verify; all or nothing",
    ),
    (
        "remove",
        "REQUIREMENT… | package NAME",
        "take them out again, or a package with its submodule, likewise",
    ),
    ("fetch", "[PACKAGE…]", "check empty submodules out at the commits that the repository pins"),
    ("resolve", "", "after a merge with conflicts: make manifests, lockfiles and envloom.lock of both sides"),
    ("eject", "[ENV]", "forget which entries of manifests are envloom's; every file stays"),
    ("export", "make|pre-commit [TARGET…]", "print rules for a Makefile, or hooks for pre-commit"),
    ("task", "NAME", "run an own task whatever its name"),
    (
        "cache",
        "dir|size|prune|clean",
        "the store of tasks' outputs: where, how much; what is too old or all goes",
    ),
    ("completions", "SHELL", "print the completion script for bash, zsh or fish"),
    ("man", "", "print the manual page: envloom man | man -l -"),
    ("help", "", "this text"),
    ("version", "", "the version"),
];

/// What the help ends with.
pub(super) const AFTER_HELP: &str = "\
Targets: TASK[:ENVIRONMENT][@CELL]
  generate[:E]     write the entries of a manifest that envloom owns
  lock[:E]         uv lock, after generate
  check[:E]        do tasks.kdl, manifest and lockfile agree; reads only
  verify[:E]       are lockfile, tags and variants as declared; reads only
  sync[:E]@CELL    install a cell's venv; CELL: a variant or auto, a Python, * for all
  NAME             a task of tasks.kdl

Verbs:
  list [--cells]               targets and own tasks
  graph [TARGET…]              what waits for what; --format dot, mermaid, json or svg
  matrix [TARGET…]             the cells of targets; --json for the jobs of a CI
  explain TARGET…              why each task would run, or ran last
  affected [TARGET…]           tasks that rest on what has changed, --since REF
  watch [TARGET…]              run targets, and again whenever what they rest on changes
  use ENV[@CELL]               point the environment's .venv at a cell
  run ENV[@CELL] -- CMD        run a command in a cell's venv
  env ENV[@CELL]               print the exports of a cell, for direnv or eval
  import                       write tasks.kdl and envloom.lock from the manifests that exist
  init                         the same; without manifests: a tasks.kdl to begin with
  diff A B                     what differs between two environments or cells
  diff A --since REF           what differs since a revision; REF..REF between two
  outdated [ENV…]              which pins have a newer tag in their channel
  doctor                       what is wrong with the repository, and what mends it
  absorb ENV                   write into tasks.kdl what someone changed in a manifest
  pin ENV PACKAGE TAG          pin another release, lock and verify; all or nothing
  promote FROM TO              pin in TO what FROM has tested, with its third-party versions
  add REQUIREMENT…             put requirements into tasks.kdl, lock and verify;
                               --package X: into the manifest of X
  add package NAME --git URL   a submodule, its package node and its pins
  remove REQUIREMENT…          take them out again
  remove package NAME          the package, its pins and its submodule; --keep-files
  fetch [PACKAGE…]             check empty submodules out at their pinned commits
  resolve                      after a merge: settle manifests, lockfiles and envloom.lock
  eject [ENV]                  forget which entries of manifests are envloom's
  export make [TARGET…]        print rules for a Makefile, which share make's slots
  export pre-commit            print hooks for .pre-commit-config.yaml
  task NAME                    run an own task whatever its name
  cache dir|size|prune|clean   where outputs are kept, how much; remove the old, or all
  completions bash|zsh|fish    print a completion script
  man                          print the manual page: envloom man | man -l -

Examples:
  envloom                      the default of tasks.kdl
  envloom lock                 generate and lock every environment
  envloom -j4 check verify     read-only checks, as CI runs them
  envloom sync:dev@cu124       the dev venv with torch for CUDA 12.4
  envloom sync CUDA=cpu        the same for the environment of this directory
  envloom -n lock:prod         what would run, and why
  envloom --affected check     only what this branch has changed
  envloom run dev@cpu -- pytest -q

Exit codes: 0 done; 1 a task failed, or drift; 2 usage or configuration;
            3 internal; 124 timeout; 128+n ended by signal n.";
