//! The options of `add` and `remove`.

use clap::{Args, ValueEnum};

/// Where a requirement comes to stand, or goes away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Add and remove")]
pub(crate) struct Adding {
    /// With add and remove: in dependency group GROUP
    #[arg(long, value_name = "GROUP", conflicts_with_all = ["extra", "variant"])]
    pub(crate) group: Option<String>,
    /// With add and remove: in the project's extra EXTRA
    #[arg(long, value_name = "EXTRA", alias = "optional", conflicts_with = "variant")]
    pub(crate) extra: Option<String>,
    /// With add and remove: for environment ENV alone
    #[arg(long, value_name = "ENV", conflicts_with = "variant")]
    pub(crate) environment: Option<String>,
    /// With add and remove: in variant VARIANT; an axis means all its variants
    #[arg(long, value_name = "VARIANT")]
    pub(crate) variant: Option<String>,
    /// With add --variant: not from the variant's own index
    #[arg(long, requires = "variant")]
    pub(crate) no_from_index: bool,
    /// With add package: its remote
    #[arg(long, value_name = "URL")]
    pub(crate) git: Option<String>,
    /// With add package: where it is to lie; default packages/NAME
    #[arg(long, value_name = "PATH", requires = "git")]
    pub(crate) path: Option<String>,
    /// With add package: the tag to check out, and to pin where the channel accepts it
    #[arg(long, value_name = "TAG", requires = "git")]
    pub(crate) tag: Option<String>,
    /// With add package: where it lies in its remote
    #[arg(long, value_name = "DIR", requires = "git")]
    pub(crate) subdirectory: Option<String>,
    /// With add package: how it takes part
    #[arg(long, value_name = "ROLE", requires = "git")]
    pub(crate) role: Option<NewRole>,
    /// With remove package: leave its files where they are
    #[arg(long)]
    pub(crate) keep_files: bool,
}

/// How a package that is added takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NewRole {
    /// A dependency of the project.
    Dependency,
    /// A member of the workspace alone.
    Member,
    /// A path source of a group.
    Path,
}

impl NewRole {
    /// The word of `tasks.kdl`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Dependency => "dependency",
            Self::Member => "member",
            Self::Path => "path",
        }
    }
}

impl Adding {
    /// The first of these options that says where a requirement comes to stand.
    pub(crate) fn of_requirements(&self) -> Option<&'static str> {
        self.given().filter(|option| !["--git", "--keep-files"].contains(option))
    }

    /// The first of these options that was given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let all = [
            (self.group.is_some(), "--group"),
            (self.extra.is_some(), "--extra"),
            (self.environment.is_some(), "--environment"),
            (self.variant.is_some(), "--variant"),
            (self.no_from_index, "--no-from-index"),
            (self.git.is_some(), "--git"),
            (self.keep_files, "--keep-files"),
        ];
        all.into_iter().find(|(given, _)| *given).map(|(_, option)| option)
    }
}
