//! A search under way when its agreement is suspended.

use crate::harness::*;
use disown::{approval::Deed, pb};
use futures_util::future::join_all;
use tonic::Code;

/// So many entries that they are more than what lies on the way between the broker and a reader that stopped reading.
const ENTRIES: usize = 6000;

#[tokio::test(flavor = "multi_thread")]
async fn a_search_ends_when_its_agreement_is_suspended() {
    let broker = TestBroker::empty().await;
    let mut unfit = police();
    unfit.terms.3 = String::new();
    for _ in 0..ENTRIES / 100 {
        join_all((0..100).map(|_| broker.ask(&unfit, unfit.question(NOBODY)))).await;
    }
    let auditor = auditor();
    let request = pb::SearchRequest { terms: auditor.pb_terms(), ..Default::default() };
    let mut pages = broker.audit().search(auditor.request(&broker.deployment, request)).await.unwrap().into_inner();
    let first = pages.message().await.unwrap().unwrap();
    assert!(first.entries.len() < ENTRIES / 10);
    let suspended = broker.act("data-protection-officer", &agreement("audit"), Deed::Suspend).await.index;
    let mut last = 0;
    let refused = loop {
        match pages.message().await {
            Ok(page) => last = page.expect("it was read to its end").entries.last().unwrap().index,
            Err(status) => break status,
        }
    };
    assert_eq!((refused.code(), refused.message()), (Code::PermissionDenied, "permission denied"));
    println!("suspended at {suspended}, read up to {last}");
    assert!(last < suspended);
    broker.finish().await;
}
