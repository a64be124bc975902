//! The one table of the language: every node, where it stands, what it takes.
//!
//! A word is added here and nowhere else.

use super::schema::{ArgumentSpec, Block, Kind, NodeSpec, PropertySpec, Rest, argument, property};
use super::task_words::{AMOUNT, TASK};

pub(super) const NAME: &[ArgumentSpec] = &[argument("name", Kind::Text)];
const VERSION: &[ArgumentSpec] = &[argument("version", Kind::Version)];
const RANGE: &[ArgumentSpec] = &[argument("range", Kind::Version)];
pub(super) const TEXT: &[ArgumentSpec] = &[argument("text", Kind::Text)];
const REQUIREMENTS: Rest = Rest::Any(argument("requirement", Kind::Text));
const ONLY: &[PropertySpec] =
    &[property("only", Kind::Flag, "replaces the project's list instead of adding to it")];

/// Words of `project` that an environment may say in its own way.
const SETTINGS: &[NodeSpec] = &[
    NodeSpec::new("version", "version \"0.1.0\"", "the project's version").takes(VERSION),
    NodeSpec::new("description", "description \"…\"", "one line about the project").takes(TEXT),
    NodeSpec::new("requires-python", "requires-python \">=3.10\"", "the Pythons the project supports")
        .takes(RANGE),
    NodeSpec::new(
        "python",
        "python \"3.12\"",
        "the Python of a cell that names none; also in `.python-version`",
    )
    .takes(VERSION),
];

const DEPENDENCIES: NodeSpec = NodeSpec::new(
    "dependencies",
    "dependencies \"pandas>=2\" \"tqdm\"",
    "requirements, as PEP 508 writes them",
)
.then(REQUIREMENTS)
.repeats();
const EXTRA: NodeSpec =
    NodeSpec::new("extra", "extra \"flash\" \"flash-attn==2.6.1\"", "an optional extra of the project")
        .takes(NAME)
        .then(REQUIREMENTS)
        .repeats();
const GROUP: NodeSpec = NodeSpec::new("group", "group \"dev\" \"ruff\" \"mypy\"", "a dependency group")
    .takes(NAME)
    .then(REQUIREMENTS)
    .repeats();
const PLATFORMS: NodeSpec = NodeSpec::new(
    "platforms",
    "platforms \"sys_platform == 'linux'\"",
    "markers of the platforms to lock for: `tool.uv.environments`",
)
.then(Rest::Any(argument("marker", Kind::Text)));

const PROJECT: Block =
    Block { nodes: &[SETTINGS, &[DEPENDENCIES, EXTRA, GROUP, PLATFORMS]], reserved: &[], other: None };

const PACKAGE: &[PropertySpec] = &[
    property("path", Kind::Text, "its directory in the repository"),
    property("git", Kind::Text, "its remote"),
    property("subdirectory", Kind::Text, "its directory within the remote"),
    property(
        "role",
        Kind::Word(&["dependency", "member", "path"]),
        "`dependency` of the project (the default), workspace `member` only, or `path` source of a group",
    ),
    property("environments", Kind::Text, "the environments it belongs to, between spaces; default: all"),
    property("extras", Kind::Text, "extras the project asks of it, between spaces"),
    property(
        "tag",
        Kind::Text,
        "the form of its tags, `bench-utils-v{version}`; default: with or without `v`",
    ),
];

const INDEX: &[PropertySpec] = &[
    PropertySpec {
        name: "url",
        kind: Kind::Text,
        doc: "a URL, or a directory in the repository",
        required: true,
    },
    property("explicit", Kind::Flag, "used only for packages that name it"),
    property("default", Kind::Flag, "replaces the public index"),
];

const VARIANT: &[PropertySpec] = &[
    property("index", Kind::Text, "its own index: a URL, or a directory in the repository"),
    property("index-name", Kind::Text, "the name that uv knows that index by; default: the variant's"),
    property("driver", Kind::Version, "the NVIDIA drivers it runs on, a range"),
    property("on", Kind::Text, "the platforms it exists for: `linux`, `macos`, `windows`; default: all"),
];

const VARIANT_CHILDREN: Block = Block {
    nodes: &[&[DEPENDENCIES.with(&[property(
        "from-index",
        Kind::Flag,
        "`#false`: not from the variant's index but from where the project's requirements come from",
    )])]],
    reserved: &[],
    other: None,
};

const VARIANTS: Block = Block {
    nodes: &[&[
        DEPENDENCIES,
        NodeSpec::new("variant", "variant \"cu124\" index=\"https://…\"", "one variant; becomes a uv extra")
            .takes(NAME)
            .with(VARIANT)
            .holds(&VARIANT_CHILDREN)
            .repeats()
            .required(),
    ]],
    reserved: &[],
    other: None,
};

const SYNC: Block = Block {
    nodes: &[&[
        NodeSpec::new("groups", "groups \"dev\"", "groups to install instead of the environment's")
            .then(Rest::Any(argument("group", Kind::Text))),
        NodeSpec::new("extras", "extras \"flash\"", "extras to install besides the variants")
            .then(Rest::Any(argument("extra", Kind::Text))),
        NodeSpec::new(
            "install",
            "install \"third-party\"",
            "everything, or only what no internal package provides",
        )
        .takes(&[argument("what", Kind::Word(&["all", "third-party"]))]),
        NodeSpec::new(
            "editable",
            "editable #false",
            "are internal packages installed editable; default: yes in a workspace, never from tags",
        )
        .takes(&[argument("flag", Kind::Flag)]),
        NodeSpec::new("link-mode", "link-mode \"copy\"", "uv's link mode")
            .takes(&[argument("mode", Kind::Text)]),
    ]],
    reserved: &[],
    other: None,
};

const CACHE: &[PropertySpec] = &[
    property(
        "directory",
        Kind::Text,
        "each repository gets a directory of its own in it; default: the user's cache",
    ),
    property("limit", Kind::Text, "bytes at most, what was used longest ago goes first; default: 10GiB"),
    property("age", Kind::Text, "how long what nobody uses is kept; default: 30d"),
];

const REMOTES: &[PropertySpec] = &[PropertySpec {
    name: "max-age",
    kind: Kind::Text,
    doc: "a length of time; `0`: they are asked every time; default: 1h",
    required: true,
}];

const PIN: &[PropertySpec] = &[
    property("rev", Kind::Text, "a commit, 40 hexadecimal digits, instead of a tag"),
    property("version", Kind::Version, "the version at that commit"),
];

const ENVIRONMENT: Block = Block {
    nodes: &[
        &[
            NodeSpec::new(
                "manifest",
                "manifest \"prod/pyproject.toml\"",
                "its manifest; the lockfile is `uv.lock` beside it",
            )
            .takes(&[argument("path", Kind::Text)]),
            NodeSpec::new(
                "adopt",
                "adopt",
                "the manifest exists and is never written: only locked, checked and synced",
            ),
            NodeSpec::new(
                "from",
                "from \"app\"",
                "the manifest is written from that adopted one; only sources and pins of packages are said here",
            )
            .takes(NAME),
            NodeSpec::new(
                "sources",
                "sources \"tags\" channel=\"stable\"",
                "where internal packages come from: the uv `workspace` (the default) or git `tags`",
            )
            .takes(&[argument("from", Kind::Word(&["workspace", "tags"]))])
            .with(&[property(
                "channel",
                Kind::Word(&["dev", "stable"]),
                "the tags accepted; `dev` accepts stable ones too",
            )]),
            NodeSpec::new("groups", "groups \"dev\"", "the groups that its manifest has and a sync installs")
                .then(Rest::Any(argument("group", Kind::Text))),
            NodeSpec::new(
                "packages",
                "packages \"bench-utils\"",
                "the internal packages that take part; default: all",
            )
            .then(Rest::Any(argument("package", Kind::Text))),
            NodeSpec::new(
                "pin",
                "pin \"bench-utils\" \"v0.1.2\"",
                "the release of a package, by tag or by commit",
            )
            .takes(&[argument("package", Kind::Text)])
            .then(Rest::Optional(argument("tag", Kind::Version)))
            .with(PIN)
            .repeats(),
            NodeSpec::new(
                "name",
                "name \"app-prod\"",
                "the project's name in this manifest; default: that of `project`",
            )
            .takes(NAME),
            NodeSpec::new(
                "carry",
                "carry \"prerelease\"",
                "settings of `tool.uv` carried from the workspace environment; default: all",
            )
            .then(Rest::Any(argument("setting", Kind::Text))),
            NodeSpec::new(
                "sync",
                "sync { editable #false }",
                "how it is synced, where that differs from what follows",
            )
            .holds(&SYNC),
        ],
        SETTINGS,
        &[DEPENDENCIES.with(ONLY), EXTRA.with(ONLY), GROUP.with(ONLY), PLATFORMS.with(ONLY)],
    ],
    reserved: &[],
    other: None,
};

/// Nodes of both files.
const COMMON: &[NodeSpec] = &[
    NodeSpec::new("task", "task \"fmt\" { run \"cargo\" \"fmt\" }", "a task of your own")
        .takes(NAME)
        .with(&[property("private", Kind::Flag, "only other tasks use it: not listed, and no target")])
        .holds(&TASK)
        .repeats(),
    NodeSpec::new(
        "resources",
        "resources license=2 memory=\"64GiB\"",
        "how much there is of the pools that tasks take from",
    )
    .with_any(AMOUNT),
    NodeSpec::new(
        "remotes",
        "remotes max-age=\"1h\"",
        "how long what the packages' remotes said of their tags is believed before they are asked again",
    )
    .with(REMOTES),
    NodeSpec::new("default", "default \"check\"", "the targets of a call that names none")
        .takes(&[argument("target", Kind::Text)])
        .then(Rest::Any(argument("target", Kind::Text))),
    NodeSpec::new(
        "default-environment",
        "default-environment \"dev\"",
        "the environment of a `sync`, `use`, `run` or `env` that names none",
    )
    .takes(NAME),
];

/// What stands at the top of `tasks.kdl`.
pub(crate) const ROOT: Block = Block {
    nodes: &[
        &[
            NodeSpec::new("envloom", "envloom \">=0.1\"", "the versions of envloom this file is written for")
                .takes(RANGE),
            NodeSpec::new(
                "uv",
                "uv \"0.13.9\"",
                "the uv to use: one version, fetched if it is missing, or a range",
            )
            .takes(VERSION)
            .with(&[property("sha256", Kind::Text, "the SHA-256 of its wheel")]),
            NodeSpec::new("project", "project \"name\" { … }", "what all environments share")
                .takes(NAME)
                .holds(&PROJECT),
            NodeSpec::new(
                "package",
                "package \"bench-utils\" path=\"packages/bench_utils\"",
                "an internal package",
            )
            .takes(NAME)
            .with(PACKAGE)
            .repeats(),
            NodeSpec::new("index", "index \"corp\" url=\"https://…\"", "a package index")
                .takes(NAME)
                .with(INDEX)
                .repeats(),
            NodeSpec::new(
                "variants",
                "variants \"cuda\" { variant \"cpu\" }",
                "an axis of variants, such as CUDA builds",
            )
            .takes(NAME)
            .with(&[property(
                "choose",
                Kind::Word(&["exactly-one", "at-most-one"]),
                "how many of them a sync has; default: exactly one",
            )])
            .holds(&VARIANTS)
            .repeats(),
            NodeSpec::new(
                "environment",
                "environment \"dev\" { manifest \"pyproject.toml\" }",
                "one manifest and one lockfile",
            )
            .takes(NAME)
            .holds(&ENVIRONMENT)
            .repeats(),
            NodeSpec::new(
                "projects",
                "projects \"libs/*\" except=\"libs/sdk-js\"",
                "each directory with a manifest is an adopted environment of the directory's name",
            )
            .takes(&[argument("pattern", Kind::Text)])
            .then(Rest::Any(argument("pattern", Kind::Text)))
            .with(&[property("except", Kind::Text, "patterns of directories that are none, between spaces")])
            .repeats(),
        ],
        COMMON,
    ],
    reserved: &["remote", "runner"],
    other: None,
};

/// What stands at the top of `tasks.local.kdl`.
pub(crate) const LOCAL_ROOT: Block = Block {
    nodes: &[
        COMMON,
        &[
            NodeSpec::new(
                "prefer",
                "prefer \"cuda\" \"cu124\"",
                "the variant of an axis where a target names none; `auto`: by the NVIDIA driver",
            )
            .takes(&[argument("axis", Kind::Text), argument("variant", Kind::Text)])
            .repeats(),
            NodeSpec::new("jobs", "jobs 4", "how many tasks run at once")
                .takes(&[argument("number", Kind::Count)]),
            NodeSpec::new(
                "env",
                "env \"HF_HUB_OFFLINE\" \"1\"",
                "a variable for tasks of your own and `run`",
            )
            .takes(&[argument("name", Kind::Text), argument("value", Kind::Free)])
            .repeats(),
            NodeSpec::new(
                "venvs",
                "venvs \"/scratch/venvs\"",
                "where the cells' venvs are made; an absolute place gets a directory for each repository",
            )
            .takes(&[argument("directory", Kind::Text)]),
            NodeSpec::new(
                "cache",
                "cache directory=\"/scratch/cache\" limit=\"10GiB\" age=\"30d\"",
                "where outputs of tasks are kept, and how much of them",
            )
            .with(CACHE),
        ],
    ],
    reserved: &[],
    other: None,
};
