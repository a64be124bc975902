//! The options of `add` and `remove`.

use clap::Args;

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
}

impl Adding {
    /// The first of these options that was given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let all = [
            (self.group.is_some(), "--group"),
            (self.extra.is_some(), "--extra"),
            (self.environment.is_some(), "--environment"),
            (self.variant.is_some(), "--variant"),
            (self.no_from_index, "--no-from-index"),
        ];
        all.into_iter().find(|(given, _)| *given).map(|(_, option)| option)
    }
}
