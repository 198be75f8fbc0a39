//! The line between broker and server: cut anywhere, cut where nobody can say what was done, and slow.

use super::{Outcome, Trial, held};
use crate::{harness::*, kill::Received};
use disown::{access_log::LogState, pb};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tonic::{Code, Request};
use tonic_health::ServingStatus;

async fn behind_a_line() -> (TestBroker, Arc<Proxy>) {
    let line = Proxy::to(Cluster::shared()).await;
    let broker = Deployment::on_servers(NOW.parse().unwrap(), line.clone()).serve().await;
    broker.populate().await;
    (broker, line)
}

async fn finish(broker: TestBroker, answers: Vec<pb::QueryResponse>) -> Outcome {
    let outcome = held(&broker.deployment, &Received { answers, puts: vec![] }).await;
    broker.finish().await;
    outcome
}

/// The same question until it is answered: each connection that is lost fails once whoever asked, and nobody else.
async fn answered_again(broker: &TestBroker, most_refused: usize) -> Told {
    for _ in 0..=most_refused {
        match broker.ask(&clinician(), clinician().question(ISOLATING)).await {
            Ok(told) => return told,
            Err(status) => assert!(matches!(status.code(), Code::Unavailable | Code::Internal), "{status:?}"),
        }
    }
    panic!("refused more than {most_refused} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_reset_after_any_byte_spoils_one_answer_and_no_other() {
    if !on_a_server() {
        return;
    }
    let trial = Trial::new("F22", "a connection to the server is reset after so many bytes of its answers", 12, 400);
    let after = if trial.cycles() > 100 { 1000 } else { 20 };
    let (broker, line) = behind_a_line().await;
    let alone = broker.told(&clinician(), ISOLATING).await.response.answer;
    let (mut answers, mut cut) = (Vec::new(), 0);
    for cycle in 0..trial.cycles() {
        // What one question makes the server say is some thousands of bytes.
        line.cut(Cut::AfterBytes((cycle * 4_001 / trial.cycles()) as usize));
        match broker.ask(&clinician(), clinician().question(ISOLATING)).await {
            Ok(told) => answers.push(told.response),
            Err(status) => assert!(matches!(status.code(), Code::Unavailable | Code::Internal), "{status:?}"),
        }
        cut += usize::from(line.was_cut());
        answers.push(answered_again(&broker, 1).await.response);
    }
    println!("line: {cut} of {} cuts hit something", trial.cycles());
    assert!(cut as u64 * 2 > trial.cycles());
    for _ in 0..after {
        answers.push(broker.told(&clinician(), ISOLATING).await.response);
    }
    assert!(answers.iter().all(|told| told.answer == alone), "another answer than to the same question alone");
    trial.passed(finish(broker, answers).await);
}

/// Whether the last head has its checkpoint.
const SIGNED: &str = "SELECT count(*) FROM checkpoint WHERE size = (SELECT max(size) FROM head)";

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_nobody_can_say_was_done_releases_nothing_and_is_looked_for() {
    if !on_a_server() {
        return;
    }
    let trial = Trial::new("F05", "the line is cut after the append was sent and before its answer", 4, 200);
    let (broker, line) = behind_a_line().await;
    let mut answers = vec![broker.told(&clinician(), ISOLATING).await.response];
    for cycle in 0..trial.cycles() {
        // What waits to be stored by itself would be what is cut otherwise, or its answer.
        until(async || broker.deployment.count("control", SIGNED).await == 1).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        let before = broker.deployment.count("control", RELEASES).await;
        let done = cycle.is_multiple_of(2);
        line.cut(if done { Cut::BeforeAnswer("disown_appender") } else { Cut::BeforeServer("disown_appender") });
        let (code, _) = broker.refused(&clinician(), clinician().question(ISOLATING)).await;
        assert_eq!(code, Code::Unavailable);
        assert!(line.was_cut());
        assert!(matches!(&*broker.log_state.borrow(), LogState::Unwritable(_)));
        answers.push(broker.told(&clinician(), ISOLATING).await.response);
        // What was done stays, and is there once.
        assert_eq!(broker.deployment.count("control", RELEASES).await, before + 1 + i64::from(done));
    }
    trial.passed(finish(broker, answers).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_slow_keeps_nobody_beyond_their_time() {
    if !on_a_server() {
        return;
    }
    let trial = Trial::new("F29", "the server takes a second and more for each answer", 1, 8);
    let (broker, line) = behind_a_line().await;
    let alone = broker.told(&clinician(), ISOLATING).await.response.answer;
    let mut answers = Vec::new();
    for cycle in 0..trial.cycles() {
        let delay = [1, 2, 4, 6, 9, 12, 20, 30][cycle as usize];
        line.delay(Duration::from_secs(delay));
        let asking = futures_util::future::join_all((0..20).map(|_| async {
            let mut request: Request<_> = clinician().request(&broker.deployment, clinician().question(ISOLATING));
            request.set_timeout(PATIENCE);
            let began = Instant::now();
            let told = broker.access().query(request).await;
            (told, began.elapsed())
        }))
        .await;
        for (told, took) in asking {
            assert!(took < PATIENCE + Duration::from_millis(500), "{took:?}");
            match told {
                Ok(told) => answers.push(told.into_inner()),
                Err(status) => assert!(
                    matches!(
                        status.code(),
                        Code::DeadlineExceeded | Code::Cancelled | Code::Unavailable | Code::Internal
                    ),
                    "{status:?}"
                ),
            }
        }
        line.delay(Duration::ZERO);
        // What is on its way already is still as slow; whatever comes after is not.
        let recovering = Instant::now();
        broker.health_becomes(ServingStatus::Serving).await;
        until(async || broker.ask(&clinician(), clinician().question(ISOLATING)).await.is_ok()).await;
        println!("line: after {delay} s a question it was used again within {:?}", recovering.elapsed());
        answers.push(broker.told(&clinician(), ISOLATING).await.response);
    }
    assert!(answers.iter().all(|told| told.answer == alone), "another answer than to the same question alone");
    trial.passed(finish(broker, answers).await);
}

const RELEASES: &str = "SELECT count(*) FROM entry WHERE actor::json ->> 'kind' = 'release'";

/// What clients of a slow server wait.
const PATIENCE: Duration = Duration::from_millis(1500);
