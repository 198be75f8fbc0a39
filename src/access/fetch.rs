//! 5. Fetch: from each store in parallel.

use super::{Address, Addressed, Unanswered};
use crate::{
    access_log::SubjectPart,
    dataset::{StoredRecord, Stores, catalogue::DatasetIndex},
    policy::Grant,
    pseudonym::Handle,
};
use futures_util::future::try_join_all;
use tracing::Instrument;

/// What the stores gave, still apart and still sealed.
#[expect(missing_debug_implementations, reason = "holds personal data")]
pub struct Fetched {
    pub(super) grant: Grant,
    pub(super) records: Vec<(DatasetIndex, Vec<StoredRecord>)>,
    pub(super) handle: Handle,
    pub(super) subject: SubjectPart,
    pub(super) restricted: bool,
}

/// One store that fails fails the answer: part of an answer would be a wrong one.
#[tracing::instrument(skip_all)]
pub(super) async fn fetch(addressed: Addressed, stores: &Stores) -> Result<Fetched, Unanswered> {
    let Addressed { grant, addresses, handle, subject, restricted } = addressed;
    let catalogue = &grant.in_force.policy.catalogue;
    let each = addresses.iter().map(|address| {
        let fetching = tracing::info_span!("fetch_store", dataset = %catalogue.dataset(address.dataset).id);
        fetch_store(address, stores).instrument(fetching)
    });
    let records = try_join_all(each).await?;
    Ok(Fetched { grant, records, handle, subject, restricted })
}

async fn fetch_store(address: &Address, stores: &Stores) -> Result<(DatasetIndex, Vec<StoredRecord>), Unanswered> {
    let store = stores.of(address.dataset).ok_or(Unanswered::Fault)?;
    let records = store.fetch(address).await.map_err(|error| {
        tracing::error!(%error, "a store failed");
        Unanswered::Fault
    })?;
    Ok((address.dataset, records))
}
