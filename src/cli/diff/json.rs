//! A difference as data.

use serde_json::{Value, json};

use crate::base::hidden;
use crate::ledger::{Build, Change, Difference, GitReference, SettingChange, Source};

/// Every section, whether it has anything or not.
#[must_use]
pub(in crate::cli) fn json(difference: &Difference) -> Value {
    let list = |changes: &[Change]| changes.iter().map(change).collect::<Vec<_>>();
    json!({
        "differs": !difference.is_empty(),
        "internal": list(&difference.internal),
        "third_party": list(&difference.third_party),
        "variants": list(&difference.variants),
        "added": list(&difference.added),
        "removed": list(&difference.removed),
        "settings": difference.settings.iter().map(setting).collect::<Vec<_>>(),
        "agreeing": difference.agreeing,
    })
}

fn change(change: &Change) -> Value {
    let list = |builds: &[Build]| builds.iter().map(build).collect::<Vec<_>>();
    let mut value = json!({ "package": change.package, "from": list(&change.from), "to": list(&change.to) });
    if !change.variants.is_empty() {
        value["variants"] = json!(change.variants);
    }
    value
}

fn setting(change: &SettingChange) -> Value {
    let list = |values: &[String]| values.iter().map(|value| hidden(value)).collect::<Vec<_>>();
    json!({ "setting": change.setting, "from": list(&change.from), "to": list(&change.to) })
}

fn build(build: &Build) -> Value {
    let mut value = match &build.source {
        Source::Registry(index) => json!({ "index": hidden(index) }),
        Source::Url(url) => json!({ "url": hidden(url) }),
        Source::Path(path) => json!({ "path": path }),
        Source::Directory(path) => json!({ "directory": path }),
        Source::Editable(path) => json!({ "editable": path }),
        Source::Virtual(path) => json!({ "virtual": path }),
        Source::Git { url, reference, subdirectory, commit } => {
            let mut value = json!({ "git": hidden(url), "commit": commit });
            match reference {
                GitReference::Tag(tag) => value["tag"] = json!(tag),
                GitReference::Rev(rev) => value["rev"] = json!(rev),
                GitReference::Branch(branch) => value["branch"] = json!(branch),
                GitReference::Default => {}
            }
            if !subdirectory.is_empty() {
                value["subdirectory"] = json!(subdirectory);
            }
            value
        }
    };
    value["version"] = json!(build.version);
    value
}
