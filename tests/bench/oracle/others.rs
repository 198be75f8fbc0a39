//! What others have to do with a subject before it is asked about.

use crate::{Broker, LIMIT, SUBJECTS, about, number, token};
use disown::pb::{
    self, WatchReason, access_service_client::AccessServiceClient, watch_service_client::WatchServiceClient,
};
use tonic::{Code, Request};

impl Broker {
    /// A colleague asks about everybody of a class, and then about others until no more are told.
    pub(crate) async fn reach_the_limit(&self, class: usize) {
        let others = (0..=LIMIT - SUBJECTS).map(|at| number(8, at));
        let mut numbers: Vec<_> = (0..SUBJECTS).map(|at| number(class, at)).chain(others).collect();
        let one_too_many = numbers.pop().unwrap();
        for number in numbers {
            assert_eq!(self.colleague_asks(&number).await, Code::Ok);
        }
        assert_eq!(self.colleague_asks(&one_too_many).await, Code::PermissionDenied);
    }

    /// Nobody has a reason to ask about anybody of a class.
    pub(crate) async fn watch(&self, class: usize) {
        for at in 0..SUBJECTS {
            let identifier = format!("jy:{}", number(class, at));
            let watch = pb::Watch { identifier, why: WatchReason::Honey.into(), ..Default::default() };
            let request = pb::WatchSubjectRequest { watch: Some(watch) };
            let officer = token(&self.base, "dpo@gov.je", "government-of-jersey", "registrar");
            WatchServiceClient::new(self.channel()).watch_subject(by(&officer, request)).await.unwrap();
        }
    }

    async fn colleague_asks(&self, number: &str) -> Code {
        let colleague = token(&self.base, "colleague", "states-of-jersey-police", "police_officer");
        AccessServiceClient::new(self.channel())
            .query(by(&colleague, about(number)))
            .await
            .err()
            .map_or(Code::Ok, |status| status.code())
    }
}

fn by<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", token.parse().unwrap());
    request
}
