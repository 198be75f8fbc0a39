//! 5. Fetch: from each store in parallel.

use super::{Addressed, Unanswered};
use crate::{
    access_log::SubjectPart,
    dataset::{SqliteDataset, StoredRecord, catalogue::DatasetIndex},
    policy::Grant,
    pseudonym::Handle,
};
use futures_util::future::try_join_all;

/// What the stores gave, still apart and still sealed.
#[expect(missing_debug_implementations, reason = "holds personal data")]
pub struct Fetched {
    pub(super) grant: Grant,
    pub(super) records: Vec<(DatasetIndex, Vec<StoredRecord>)>,
    pub(super) handle: Handle,
    pub(super) subject: SubjectPart,
}

/// One store that fails fails the answer: part of an answer would be a wrong one.
pub(super) async fn fetch(addressed: Addressed, stores: &[SqliteDataset]) -> Result<Fetched, Unanswered> {
    let Addressed { grant, addresses, handle, subject } = addressed;
    let each = addresses.iter().map(|address| async move {
        let store = stores.get(address.dataset.position()).ok_or(Unanswered::Fault)?;
        let records = store.fetch(address).await.map_err(|error| {
            tracing::error!(%error, "a store failed");
            Unanswered::Fault
        })?;
        Ok::<_, Unanswered>((address.dataset, records))
    });
    let records = try_join_all(each).await?;
    Ok(Fetched { grant, records, handle, subject })
}
