//! TOML files, each parsed once as long as its bytes stay the same: projects that have one another as path sources rest
//! on the same manifests, and so do the members of a workspace.
//!
//! Files are read anew at every look, since a run may change them; only the parsing is spared.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use toml::Table;

use super::manifest_fields::fields_of;

/// The files met so far, by the labels of their fields. Shared by the threads that decide.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    met: Mutex<BTreeMap<String, Arc<File>>>,
}

#[derive(Debug)]
struct File {
    bytes: Vec<u8>,
    fields: BTreeMap<String, String>,
    table: Option<Arc<Table>>,
}

impl Parsed {
    /// Adds the fields of a file; gives its parsed form, if it is TOML.
    pub(super) fn add(
        &self,
        label: &str,
        bytes: Vec<u8>,
        fields: &mut BTreeMap<String, String>,
    ) -> Option<Arc<Table>> {
        let known = self.met.lock().unwrap_or_else(PoisonError::into_inner).get(label).cloned();
        let file = match known.filter(|known| known.bytes == bytes) {
            Some(known) => known,
            None => self.parse(label, bytes),
        };
        fields.extend(file.fields.iter().map(|(key, value)| (key.clone(), value.clone())));
        file.table.clone()
    }

    fn parse(&self, label: &str, bytes: Vec<u8>) -> Arc<File> {
        let mut fields = BTreeMap::new();
        let table = fields_of(label, &bytes, &mut fields).map(Arc::new);
        let file = Arc::new(File { bytes, fields, table });
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.insert(label.to_owned(), Arc::clone(&file));
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_bytes_are_parsed_anew() {
        let parsed = Parsed::default();
        let fields = |text: &str| {
            let mut fields = BTreeMap::new();
            let table = parsed.add("p.toml", text.into(), &mut fields);
            (table, fields.get("p.toml: a").cloned())
        };
        let (first, one) = fields("a = 1");
        assert_eq!(one.as_deref(), Some("1"));
        assert!(Arc::ptr_eq(&first.unwrap(), &fields("a = 1").0.unwrap()));
        assert_eq!(fields("a = 2").1.as_deref(), Some("2"));
        assert_eq!(fields("a = ").0, None);
        assert_eq!(fields("a = 1").1.as_deref(), Some("1"));
    }
}
