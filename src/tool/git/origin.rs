//! Where a checkout says it came from.

use std::path::Path;

use super::call::Git;
use crate::tool::error::ToolError;

impl Git {
    /// The url of the remote `origin` of the checkout at `directory` as its configuration writes it, before
    /// `insteadOf`; `None` without one.
    pub(crate) fn origin(&self, directory: &Path) -> Result<Option<String>, ToolError> {
        let query = self.local(directory, ["config", "--get", "remote.origin.url"]);
        let answer = query.ask()?;
        match answer.status.code() {
            Some(0) => Ok(Some(String::from_utf8_lossy(&answer.stdout).trim_end_matches('\n').to_owned())),
            Some(1) => Ok(None),
            _ => Err(query.failed(&answer)),
        }
    }
}
