//! A fault of the program itself: it panics, wherever a request comes by the clock. A request that panics is told nothing but that;
//! an access log whose sequencer panics ends the broker.

use super::{Outcome, Trial, held};
use crate::{harness::*, kill::Received};
use disown::{
    app::AppError,
    clock::{Clock, TestClock},
};
use jiff::Timestamp;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use tonic::Code;

/// Panics when it is asked for the n-th time from now.
struct Faulty {
    clock: Arc<TestClock>,
    left: AtomicI64,
}

impl Clock for Faulty {
    fn now(&self) -> Timestamp {
        assert!(self.left.fetch_sub(1, Ordering::Relaxed) != 1, "the clock is faulty");
        self.clock.now()
    }

    fn of_machine(&self) -> Option<Timestamp> {
        self.clock.of_machine()
    }
}

impl Faulty {
    fn arm(&self, after: i64) {
        self.left.store(after, Ordering::Relaxed);
    }

    fn disarm(&self) -> i64 {
        self.left.swap(i64::MIN / 2, Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_panics_is_told_so_and_a_log_that_panics_ends_the_broker() {
    let mut trial = Trial::new("F42", "the broker panics in a request, and in the sequencer of the log", 1, 25);
    let (mut panicked, mut ended, mut received) = (0, 0, Received::default());
    let deployment = Deployment::new();
    let clock = Arc::new(Faulty { clock: deployment.clock.clone(), left: AtomicI64::new(i64::MIN / 2) });
    let mut broker = deployment.serve_by(clock.clone()).await;
    broker.populate().await;
    received.answers.push(broker.told(&clinician(), ISOLATING).await.response);
    for _ in 0..trial.cycles() {
        for at in 1.. {
            assert!(at < 100, "no request comes by without a panic");
            clock.arm(at);
            let asked = broker.ask(&clinician(), clinician().question(ISOLATING)).await;
            let left = clock.disarm();
            let refusal = match asked {
                Ok(told) => {
                    // It comes by the clock less often than that.
                    assert!(left > 0, "answered in spite of a panic");
                    received.answers.push(told.response);
                    break;
                }
                Err(refusal) => refusal,
            };
            assert!(left <= 0, "refused without a panic: {refusal:?}");
            if let Ok(told) = broker.ask(&clinician(), clinician().question(ISOLATING)).await {
                let told_of_it = (refusal.code(), refusal.message());
                assert_eq!(told_of_it, (Code::Internal, "a fault of the broker; it is in its telemetry"));
                received.answers.push(told.response);
                panicked += 1;
            } else {
                assert!(matches!(refusal.code(), Code::Unavailable | Code::Cancelled | Code::Unknown), "{refusal:?}");
                let ending = broker.serving_ended().await;
                assert!(matches!(ending, Err(AppError::LogStateUnknown(_))), "{ending:?}");
                broker = broker.stop().await.serve_by(clock.clone()).await;
                ended += 1;
            }
        }
    }
    println!("panics: {panicked} of requests, {ended} of the sequencer");
    assert!(panicked > 0 && ended > 0, "{panicked}, {ended}");
    trial.happened(panicked + ended);
    let outcome: Outcome = held(&broker.deployment, &received).await;
    broker.finish().await;
    trial.passed(outcome);
}
