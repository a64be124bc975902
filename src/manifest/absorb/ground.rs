//! What absorbing looks at: the texts of all manifests that envloom writes, and what each is to have.

use std::collections::BTreeMap;

use super::super::entry::Entry;
use super::super::render::divided;
use super::super::request::Request;
use super::super::settle::without_mark;
use super::super::view::View;
use super::difference::Looked;
use crate::ledger::Owned;
use crate::model::EnvironmentId;

/// The texts and entries of all manifests that envloom writes.
pub(super) struct Ground {
    texts: BTreeMap<EnvironmentId, String>,
    /// The entries that each is to have.
    pub(super) wanted: BTreeMap<EnvironmentId, Vec<Entry>>,
    left_out: BTreeMap<EnvironmentId, Vec<Entry>>,
    owned: BTreeMap<EnvironmentId, Owned>,
}

impl Ground {
    /// That of a request.
    pub(super) fn of(request: &Request<'_>) -> Self {
        let (mut wanted, mut left_out) = (BTreeMap::new(), BTreeMap::new());
        for (id, (entries, others)) in divided(request) {
            wanted.insert(id, entries);
            left_out.insert(id, others);
        }
        let text =
            |id| request.on_disk.get(id).and_then(|found| found.manifest.as_deref()).unwrap_or_default();
        let owned = |id: &EnvironmentId| {
            request
                .record
                .owned
                .get(&request.model.environment(*id).manifest.value)
                .cloned()
                .unwrap_or_default()
        };
        Self {
            texts: wanted.keys().map(|id| (*id, without_mark(text(id)).1.to_owned())).collect(),
            owned: wanted.keys().map(|id| (*id, owned(id))).collect(),
            wanted,
            left_out,
        }
    }

    /// The manifests that can be read.
    pub(super) fn views(&self) -> BTreeMap<EnvironmentId, View<'_>> {
        self.texts.iter().filter_map(|(id, text)| Some((*id, View::parse(text).ok()?))).collect()
    }

    /// One manifest, where it can be read and made.
    pub(super) fn looked<'g>(
        &'g self,
        request: &Request<'g>,
        views: &'g BTreeMap<EnvironmentId, View<'g>>,
        id: EnvironmentId,
    ) -> Option<Looked<'g>> {
        let (view, wanted, owned) = (views.get(&id)?, self.wanted.get(&id)?, self.owned.get(&id)?);
        let (environment, left_out) = (request.model.environment(id), self.left_out.get(&id)?);
        Some(Looked { model: request.model, environment, view, wanted, left_out, owned })
    }
}
