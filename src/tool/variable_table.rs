//! The variables with a rule, by name: what becomes of each, and why. How the rows are read, and what holds of a
//! variable that no row names, is the design note of `variables`.

/// What envloom does with a variable of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Reaches children; no result depends on it.
    Passed,
    /// Reaches children and is a field of every fingerprint of a uv command.
    Keyed,
    /// Reaches no child; a user is told.
    Dropped,
    /// envloom decides it for every uv child, whatever the caller says.
    Set,
}

/// Variables with one class for one reason.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// What is done with them.
    pub(super) class: Class,
    /// Do they change which distributions are found or how far they are believed?
    pub(super) trust: bool,
    /// Why the class, in a few words; shown beside a dropped one.
    pub(super) why: &'static str,
    /// Names between spaces; one `*` in a name stands for any text, also none.
    pub(super) names: &'static str,
}

const fn passing(why: &'static str, names: &'static str) -> Row {
    Row { class: Class::Passed, trust: false, why, names }
}

const fn keying(why: &'static str, names: &'static str) -> Row {
    Row { class: Class::Keyed, trust: false, why, names }
}

const fn trusting(why: &'static str, names: &'static str) -> Row {
    Row { class: Class::Keyed, trust: true, why, names }
}

const fn dropping(why: &'static str, names: &'static str) -> Row {
    Row { class: Class::Dropped, trust: false, why, names }
}

/// Every variable with a rule. The first row that names a variable decides.
pub(super) const TABLE: &[Row] = &[
    passing(
        "credentials: no result depends on them",
        "UV_INDEX_*_USERNAME UV_INDEX_*_PASSWORD UV_KEYRING_PROVIDER UV_CREDENTIALS_DIR UV_AUTH_TOKEN \
         UV_API_KEY UV_GITHUB_TOKEN UV_NO_HF_TOKEN UV_S3_ENDPOINT_URL UV_GCS_ENDPOINT_URL \
         UV_AZURE_ENDPOINT_URL NETRC GIT_ASKPASS SSH_ASKPASS* SSH_AUTH_SOCK *_AUTH_TOKEN HF_TOKEN",
    ),
    passing(
        "where the cache lies and how long to wait for it",
        "UV_CACHE_DIR UV_NO_CACHE UV_PYTHON_CACHE_DIR UV_LOCK_TIMEOUT UV_CONCURRENT_*",
    ),
    passing(
        "how the network is reached; what comes over it is checked by hash",
        "UV_OFFLINE UV_HTTP_TIMEOUT UV_HTTP_CONNECT_TIMEOUT UV_HTTP_RETRIES UV_REQUEST_TIMEOUT \
         UV_UPLOAD_HTTP_TIMEOUT UV_REQUIRE_METADATA_RANGE_REQUESTS UV_NATIVE_TLS UV_SYSTEM_CERTS \
         SSL_CERT_FILE SSL_CERT_DIR SSL_CLIENT_CERT HTTP_TIMEOUT *_PROXY *_proxy REQUESTS_CA_BUNDLE \
         CURL_CA_BUNDLE GIT_CONFIG_* GIT_SSH GIT_SSH_COMMAND GIT_SSL_*",
    ),
    passing(
        "where Pythons are kept and fetched; each child is given one by its path",
        "UV_PYTHON_DOWNLOADS UV_PYTHON_DOWNLOADS_JSON_URL UV_PYTHON_INSTALL_* UV_PYTHON_BIN_DIR \
         UV_PYTHON_NO_REGISTRY UV_PYPY_INSTALL_MIRROR UV_GRAALPY_INSTALL_MIRROR \
         UV_PYODIDE_INSTALL_MIRROR UV_ASTRAL_MIRROR_URL",
    ),
    passing(
        "envloom reads it for `auto`, where it chooses the cell; `uv lock` and `uv sync` do not",
        "UV_CUDA_DRIVER_VERSION",
    ),
    passing(
        "what uv prints",
        "UV_SHOW_RESOLUTION UV_LOG_CONTEXT UV_HIDE_BUILD_OUTPUT UV_CUSTOM_COMPILE_COMMAND RUST_LOG \
         RUST_BACKTRACE NO_COLOR FORCE_COLOR CLICOLOR_FORCE",
    ),
    passing(
        "read by uv's other commands, its installer or its build only",
        "UV_PUBLISH_* UV_TOOL_DIR UV_TOOL_BIN_DIR UV_INIT_* UV_INSTALLER_* UV_INSTALL_DIR \
         UV_UNMANAGED_INSTALL UV_NO_MODIFY_PATH UV_DISABLE_UPDATE UV_PRINT_* UV_DOWNLOAD_URL \
         UV_NO_ENV_FILE UV_RUN_* UV_STACK_SIZE UV_UPDATE_SCHEMA UV_COMMIT_* UV_LAST_TAG* \
         UV_COMPILE_BYTECODE_TIMEOUT",
    ),
    passing("the machine and the user", "PATH HOME XDG_* TMPDIR LANG LC_* TZ USER CONDA_*"),
    trusting(
        "which indexes are asked, and in which order",
        "UV_DEFAULT_INDEX UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_FIND_LINKS UV_INDEX_STRATEGY",
    ),
    trusting(
        "which versions are chosen",
        "UV_PRERELEASE UV_RESOLUTION UV_FORK_STRATEGY UV_EXCLUDE_NEWER UV_CONSTRAINT UV_OVERRIDE \
         UV_EXCLUDE UV_BUILD_CONSTRAINT UV_NO_BINARY UV_NO_BINARY_PACKAGE UV_NO_BUILD \
         UV_NO_BUILD_PACKAGE UV_NO_BUILD_ISOLATION",
    ),
    trusting(
        "how far a distribution is believed",
        "UV_INSECURE_HOST UV_INSECURE_NO_ZIP_VALIDATION UV_NO_VERIFY_HASHES \
         UV_SKIP_WHEEL_FILENAME_CHECK UV_MALWARE_CHECK UV_MALWARE_CHECK_URL",
    ),
    trusting("which settings uv reads: the file itself is a field as well", "UV_CONFIG_FILE UV_NO_CONFIG"),
    keying(
        "settings and checks that can only be stricter",
        "UV_NO_SYSTEM_CONFIG UV_REQUIRE_HASHES UV_REQUIRE_BUILD_HASHES",
    ),
    keying(
        "behaviour that a later uv may make the default",
        "UV_PREVIEW UV_PREVIEW_FEATURES UV_LEGACY_TAR_BACKEND UV_GIT_LFS",
    ),
    keying(
        "how files get into the venv",
        "UV_LINK_MODE UV_COMPILE_BYTECODE UV_NO_INSTALLER_METADATA UV_VENV_* PYC_INVALIDATION_MODE",
    ),
    keying(
        "which interpreter or platform is meant",
        "UV_PYTHON_PREFERENCE UV_MANAGED_PYTHON UV_NO_MANAGED_PYTHON UV_PYTHON_SEARCH_PATH \
         UV_PYTHON_*_BUILD UV_LIBC UV_AMD_GPU_ARCHITECTURE",
    ),
    dropping(
        "envloom names the project, the directory and the venv",
        "UV_PROJECT* UV_NO_PROJECT UV_WORKING_DIR* UV_ISOLATED UV_ACTIVE UV_SYSTEM_PYTHON \
         UV_BREAK_SYSTEM_PACKAGES VIRTUAL_ENV VIRTUAL_ENV_PROMPT __PYVENV_LAUNCHER__",
    ),
    dropping("envloom gives each child the interpreter of its cell", "UV_PYTHON"),
    dropping(
        "the task says whether the lockfile is written, checked or taken as it is",
        "UV_FROZEN UV_LOCKED UV_NO_SYNC UV_UPGRADE*",
    ),
    dropping(
        "tasks.kdl says what is installed",
        "UV_DEV UV_NO_DEV UV_NO_GROUP UV_NO_DEFAULT_GROUPS UV_NO_EDITABLE UV_NO_INSTALL_* \
         UV_ONLY_INSTALL_*",
    ),
    dropping("the manifest says where internal packages come from", "UV_NO_SOURCES UV_NO_SOURCES_PACKAGE"),
    dropping("envloom reads it itself: it chooses the variant", "UV_TORCH_BACKEND"),
    dropping("it would add variables that nothing names", "UV_ENV_FILE"),
    dropping("uv is told not to ask GitHub's API", "UV_GITHUB_FAST_PATH_URL"),
    dropping("uv's own tests use it", "UV_INTERNAL__* UV_TEST_*"),
    dropping(
        "set inside git hooks, it would point git at another repository",
        "GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES \
         GIT_COMMON_DIR GIT_PREFIX GIT_NAMESPACE GIT_EXT*",
    ),
    dropping("it would put foreign modules into the venv's Python", "PYTHONPATH PYTHONHOME PYTHONSTARTUP"),
    Row {
        class: Class::Set,
        trust: false,
        why: "envloom sets it",
        names: "GCM_INTERACTIVE GIT_HTTP_LOW_SPEED_LIMIT GIT_HTTP_LOW_SPEED_TIME GIT_TERMINAL_PROMPT UV_NO_GITHUB_FAST_PATH UV_NO_PROGRESS UV_NO_WRAP",
    },
    passing("named like a secret of a later uv", "UV_*_TOKEN UV_*_PASSWORD UV_*_SECRET UV_*_KEY"),
];

/// What own tasks get of the caller's variables, each line with what it is for; of these, none that [`TABLE`] drops.
/// The rest they get by `pass-env`, `secret` or `env`.
///
/// An allow-list here, since a task's result may depend on any variable it sees, while only those that it names are in
/// its key: whoever relies on another finds out at the first run, and not when a cache was wrong.
pub(crate) const OWN_TASKS: &[(&str, &str)] = &[
    ("the machine and the user", "PATH HOME USER LOGNAME SHELL LANG LANGUAGE LC_* TZ TMPDIR XDG_*"),
    (
        "the terminal",
        "TERM TERMINFO* COLORTERM COLUMNS LINES NO_COLOR FORCE_COLOR CLICOLOR CLICOLOR_FORCE DISPLAY XAUTHORITY \
         WAYLAND_DISPLAY",
    ),
    (
        "how the network is reached",
        "*_PROXY *_proxy SSL_CERT_FILE SSL_CERT_DIR SSL_CLIENT_CERT REQUESTS_CA_BUNDLE CURL_CA_BUNDLE \
         NODE_EXTRA_CA_CERTS NIX_SSL_CERT_FILE",
    ),
    ("logins by agent and helper, and how git works", "SSH_AUTH_SOCK SSH_AGENT_PID SSH_ASKPASS* NETRC GIT_*"),
    (
        "devices, libraries, and caches of models",
        "LD_LIBRARY_PATH CUDA_* NVIDIA_* NCCL_* HIP_* ROCR_* HF_HOME HF_HUB_CACHE HF_DATASETS_CACHE TORCH_HOME",
    ),
    ("how many threads numeric libraries start", "OMP_NUM_THREADS MKL_NUM_THREADS OPENBLAS_NUM_THREADS"),
    ("which docker is meant", "DOCKER_HOST DOCKER_CONTEXT DOCKER_CONFIG DOCKER_CERT_PATH DOCKER_TLS_VERIFY"),
    (
        "where the run takes place",
        "CI CI_* GITHUB_* RUNNER_* GITLAB_CI TF_BUILD BUILD_NUMBER JENKINS_URL BUILDKITE SLURM_*",
    ),
    ("make and envloom below a task", "MAKEFLAGS MFLAGS MAKELEVEL ENVLOOM_*"),
    ("uv below a task, its credentials for indexes among them", "UV_*"),
];

/// Names of secrets: none of them passes by a pattern of [`OWN_TASKS`] but uv's own.
pub(super) const SECRETS: &str = "*_TOKEN *_PASSWORD *_SECRET *_KEY";
