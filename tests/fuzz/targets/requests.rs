//! Every request message, decoded as the server decodes it and sent to a broker as each of its callers: nothing but what a
//! caller may be told comes back, answers have receipts that hold, and what the broker kept of it verifies.
#![no_main]

use disown::{
    cli::receipt,
    pb::{
        self, access_service_client::AccessServiceClient, audit_service_client::AuditServiceClient,
        intake_service_client::IntakeServiceClient,
    },
};
use disown_fuzz::{Asker, Broker, assert_tellable, block_on};
use libfuzzer_sys::{Corpus, fuzz_target};
use prost::Message;
use std::sync::Mutex;
use tonic::Status;

static BROKER: Mutex<Option<Broker>> = Mutex::new(None);

fuzz_target!(|data: &[u8]| -> Corpus {
    let [method, asker, message @ ..] = data else { return Corpus::Reject };
    let asker = Asker::ALL[usize::from(*asker) % Asker::ALL.len()];
    let mut slot = BROKER.lock().unwrap();
    block_on(async {
        let mut broker = match slot.take() {
            Some(broker) => broker.or_next().await,
            None => Broker::start().await,
        };
        broker.will_send(message);
        let asked = ask(&mut broker, *method, asker, message).await;
        *slot = Some(broker);
        match asked {
            None => return Corpus::Reject,
            Some(Err(status)) => assert_tellable(&status),
            Some(Ok(())) => {}
        }
        Corpus::Keep
    })
});

/// Asks by one of the methods. None: the bytes are no message of it.
async fn ask(broker: &mut Broker, method: u8, asker: Asker, bytes: &[u8]) -> Option<Result<(), Status>> {
    let channel = broker.channel.clone();
    let mut access = AccessServiceClient::new(channel.clone());
    let mut audit = AuditServiceClient::new(channel.clone());
    let mut intake = IntakeServiceClient::new(channel);
    // Without terms they are the caller's own, so that not every mutation ends there.
    macro_rules! message {
        ($kind:ty) => {{
            let mut message = <$kind>::decode(bytes).ok()?;
            assert!(<$kind>::decode(message.encode_to_vec().as_slice()).unwrap() == message);
            message.terms = message.terms.or_else(|| asker.terms());
            broker.request(asker, message)
        }};
    }
    macro_rules! question {
        () => {{
            let mut question = message!(pb::QueryRequest);
            asker.bind(question.get_mut());
            question
        }};
    }
    Some(match method % 9 {
        0 => access.query(question!()).await.map(|response| assert_proven(&response.into_inner())),
        1 => access.describe_access(message!(pb::DescribeAccessRequest)).await.map(drop),
        2 => search(&mut audit, message!(pb::SearchRequest)).await,
        3 => audit.get_checkpoint(message!(pb::GetCheckpointRequest)).await.map(drop),
        4 => audit.prove_inclusion(message!(pb::ProveInclusionRequest)).await.map(drop),
        5 => audit.prove_consistency(message!(pb::ProveConsistencyRequest)).await.map(drop),
        6 => audit.count(message!(pb::CountRequest)).await.map(drop),
        7 => {
            intake.put(message!(pb::PutRequest)).await.map(|response| assert!(response.into_inner().receipt.is_some()))
        }
        _ => load(broker, &mut intake, asker, bytes).await?,
    })
}

fn assert_proven(response: &pb::QueryResponse) {
    pb::Answer::decode(response.answer.as_slice()).unwrap();
    let key = response.receipt.as_ref().unwrap();
    assert!(!key.checkpoint.is_empty());
    // Another key did not sign it: what is read as text is refused for that and for nothing else.
    let refused = receipt::check(&receipt::to_json(response).unwrap(), &disown_fuzz::SIGNER.key()).unwrap_err();
    assert!(refused.to_string().contains("not signed by the known key"), "{refused}");
}

async fn search(
    audit: &mut AuditServiceClient<tonic::transport::Channel>,
    request: tonic::Request<pb::SearchRequest>,
) -> Result<(), Status> {
    // The first page will do: the log grows with every request.
    let mut pages = audit.search(request).await?.into_inner();
    pages.message().await.map(drop)
}

/// A load is a stream of messages; here each has its length before it, in two bytes.
async fn load(
    broker: &mut Broker,
    intake: &mut IntakeServiceClient<tonic::transport::Channel>,
    asker: Asker,
    mut bytes: &[u8],
) -> Option<Result<(), Status>> {
    let mut parts = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let (message, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let mut message = pb::LoadRequest::decode(message).ok()?;
        if let Some(pb::load_request::Part::Start(start)) = &mut message.part {
            start.terms = start.terms.take().or_else(|| asker.terms());
        }
        parts.push(message);
        bytes = rest;
    }
    let mut reports = match intake.load(broker.request(asker, tokio_stream::iter(parts))).await {
        Ok(reports) => reports.into_inner(),
        Err(status) => return Some(Err(status)),
    };
    loop {
        match reports.message().await {
            Ok(Some(_)) => {}
            Ok(None) => return Some(Ok(())),
            Err(status) => return Some(Err(status)),
        }
    }
}
