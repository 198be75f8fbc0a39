//! Whether the broker can record, as it says itself, and what it does while it cannot.

use super::*;
use disown::pb::{self, query_request::Subject};
use tonic::Code;
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_client::HealthClient},
};

impl TestBroker {
    /// Waits until health says so.
    pub async fn health_becomes(&self, wanted: ServingStatus) {
        let request = HealthCheckRequest { service: "disown.v1.AccessService".to_owned() };
        let mut told = HealthClient::new(self.channel.clone()).watch(request).await.unwrap().into_inner();
        let becoming = async {
            while let Some(now) = told.message().await.unwrap() {
                if now.status == wanted as i32 {
                    return;
                }
            }
            panic!("health ended without saying {wanted}");
        };
        let within = Duration::from_secs(60);
        tokio::time::timeout(within, becoming).await.unwrap_or_else(|_| panic!("health does not say {wanted}"));
    }

    /// Waits until the log can be written again. Nobody asks meanwhile: the broker finds out by itself.
    pub async fn recovers(&self) {
        self.log_state.clone().wait_for(|state| *state == LogState::Ready).await.unwrap();
        self.health_becomes(ServingStatus::Serving).await;
        let entries = self.entries().await;
        let noted = |actor: &serde_json::Value| actor["kind"] == "notice" && actor["event"].as_str().is_some();
        assert!(entries.iter().any(|(_, actor, _)| noted(actor)), "the log does not tell of its gap");
    }

    /// Waits for so many attempts of the broker to write again, all of which fail.
    pub async fn stays_refusing(&self, attempts: usize) {
        let mut state = self.log_state.clone();
        for _ in 0..attempts {
            state.mark_unchanged();
            state.changed().await.unwrap();
            assert!(matches!(*state.borrow(), LogState::Unwritable(_)));
        }
    }

    /// No request of any kind gives a byte; state and health say why.
    pub async fn assert_refuses(&self, reason: &str) {
        let mut questions = Vec::new();
        for asker in [clinician(), tracer(), police(), statistician()] {
            for number in [ISOLATING, NOBODY] {
                questions.push((asker.clone(), asker.question(number)));
            }
        }
        let mut by_handle = tracer().question(NOBODY);
        by_handle.subject = Some(Subject::Handle("no handle".to_owned()));
        questions.push((tracer(), by_handle));
        for (asker, question) in questions {
            // A refusal cannot be recorded either.
            let (code, message) = self.refused(&asker, question).await;
            assert_eq!(code, Code::Unavailable, "{message}");
            assert!(message.contains("the access log cannot be written"), "{message}");
        }
        let search = pb::SearchRequest { terms: auditor().pb_terms(), ..Default::default() };
        let told = match self.audit().search(auditor().request(&self.deployment, search)).await {
            Ok(pages) => pages.into_inner().message().await.err(),
            Err(status) => Some(status),
        };
        assert_eq!(told.unwrap().code(), Code::Unavailable);
        let row = format!("C{reason},{HEALTHY},condition,,1,,2020-01-01,,,,,");
        let told = self.load(&registrar(), "clinical", CLINICAL, &[row]).await.err();
        assert_eq!(told.unwrap().code(), Code::Unavailable);
        match &*self.log_state.borrow() {
            LogState::Unwritable(why) => assert!(why.contains(reason), "the reason is `{why}`"),
            other => panic!("the log is {other:?}"),
        }
        self.health_becomes(ServingStatus::NotServing).await;
    }

    /// Stops a broker that cannot write its last entry.
    pub async fn stop_refusing(mut self) -> Deployment {
        let ended = self.end().await;
        assert!(matches!(ended, Err(AppError::Unavailable(_))), "{ended:?}");
        self.stop().await
    }
}
