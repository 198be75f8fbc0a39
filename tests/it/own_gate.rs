//! Nobody reads under a condition that they, or their party, can bring about: what is put in, from which source, by whom, and what comes
//! of agreements that come into force together.

use crate::harness::*;
use disown::{approval::Deed, pb};
use std::fs;
use tonic::{Code, Status};

const NAME: &str = "people.person.given_name";
const ARRIVAL: &str = "public_health.arrival";
const BORDER: &str = "policies/agreements/border-arrivals.toml";
const REGISTER: &str = "policies/agreements/arrival-register.toml";
const WRITTEN: &str = "where = \"end_date is empty or end_date >= today\"";
const PORTS: &str = "sources = [\"ports\"]";

impl TestBroker {
    async fn arrives(&self, by: &Asker, id: &str, number: &str, source: &str) -> Result<(), Status> {
        let values = [("record_id", id), ("jy_number", number), ("event_date", "2026-11-20"), ("place", id)];
        let values = values.map(|(column, value)| (column.to_owned(), value.to_owned())).into();
        let (record_type, source) = (ARRIVAL.to_owned(), source.to_owned());
        let message = pb::PutRequest { terms: by.pb_terms(), record_type, values, source };
        self.intake().put(by.request(&self.deployment, message)).await.map(drop)
    }

    /// Names told to an officer at the border, and of which arrivals.
    async fn at_the_border(&self, number: &str) -> (usize, Vec<String>) {
        let told = self.told(&border_officer(), number).await;
        (told.cells(NAME).len(), told.cells("public_health.arrival.place"))
    }
}

fn only(place: &str) -> (usize, Vec<String>) {
    (1, vec![format!("full:{place}")])
}

fn nothing() -> (usize, Vec<String>) {
    (0, vec![])
}

fn refused<T>(outcome: Result<T, Status>) -> (Code, String) {
    let status = outcome.err().expect("it was taken");
    (status.code(), status.message().to_owned())
}

fn other_source() -> (Code, String) {
    let rule = "`source`: one that the agreement lists in `sources`; where it lists none, one that no agreement names";
    (Code::InvalidArgument, rule.to_owned())
}

#[tokio::test]
async fn who_receives_arrivals_opens_nothing_by_putting_one_in() {
    let broker = TestBroker::populated().await;
    for mut posing in [border_officer(), border_clerk(), registrar()] {
        posing.organisation = border_officer().organisation;
        assert_eq!(refused(broker.arrives(&posing, "A1", HEALTHY, "test").await).0, Code::PermissionDenied);
    }
    assert_eq!(broker.at_the_border(HEALTHY).await, nothing());
    broker.arrives(&border_clerk(), "A2", HEALTHY, "test").await.unwrap();
    assert_eq!(broker.at_the_border(HEALTHY).await, only("A2"));
    // A clerk of the ports reads nothing of it.
    let clerk = border_clerk();
    assert_eq!(broker.refused(&clerk, clerk.question(HEALTHY)).await.0, Code::PermissionDenied);
    broker.finish().await;
}

/// An agreement without a condition may take in what a later one looks at.
#[tokio::test]
async fn what_a_party_put_in_before_there_was_a_condition_opens_nothing_to_it() {
    let deployment = Deployment::new();
    let later = ["border-arrivals.toml", "border-arrivals.cases.toml"]
        .map(|file| format!("policies/agreements/{file}"))
        .map(|file| (fs::read_to_string(deployment.path(&file)).unwrap(), file));
    let line = "p, border_officer, border_control, public_health.arrival, put, allow\n";
    deployment.append("policies/policy.csv", line);
    deployment.edit(BORDER, "condition = ", "intake = [\"public_health.arrival\"]\n# condition = ");
    let cases = "put = \"public_health.arrival\"\nexpect.denied = true";
    deployment.edit(&later[1].1, cases, "put = \"public_health.arrival\"\nexpect.put = true");
    let broker = deployment.serve().await;
    broker.populate().await;
    broker.arrives(&border_officer(), "A1", HEALTHY, "test").await.unwrap();
    assert_eq!(broker.at_the_border(HEALTHY).await, only("A1"));

    let deployment = broker.stop().await;
    for (text, file) in later {
        fs::write(deployment.path(&file), text).unwrap();
    }
    deployment.edit("policies/policy.csv", line, "");
    // Development approves agreements; the rules are approved by people.
    let broker = deployment.serve().await;
    assert_eq!(broker.at_the_border(HEALTHY).await, nothing());
    broker.arrives(&border_clerk(), "A2", HEALTHY, "test").await.unwrap();
    assert_eq!(broker.at_the_border(HEALTHY).await, only("A2"));
    broker.finish().await;
}

#[tokio::test]
async fn of_a_condition_that_names_sources_their_records_alone_count_and_are_released() {
    let deployment = Deployment::new();
    let (without, without_list) =
        (fs::read(deployment.path(BORDER)).unwrap(), fs::read(deployment.path(REGISTER)).unwrap());
    let broker = deployment.serve().await;
    broker.populate().await;
    // Nobody's source yet: whoever gives it now has not been trusted with it.
    broker.arrives(&registrar(), "A1", HEALTHY, "ports").await.unwrap();
    assert_eq!(broker.at_the_border(HEALTHY).await, only("A1"));
    let deployment = broker.stop().await;
    deployment.edit(BORDER, WRITTEN, &format!("{WRITTEN}, {PORTS}"));
    deployment.edit(REGISTER, "intake = ", &format!("{PORTS}\nintake = "));
    let broker = deployment.serve().await;
    assert_eq!(broker.at_the_border(HEALTHY).await, nothing());

    assert_eq!(refused(broker.arrives(&registrar(), "A2", HEALTHY, "ports").await), other_source());
    assert_eq!(refused(broker.arrives(&registrar(), "A2", HEALTHY, " ports ").await), other_source());
    assert_eq!(refused(broker.arrives(&border_clerk(), "A2", HEALTHY, "test").await), other_source());
    let start = pb::LoadStart { source: "ports".to_owned(), ..start(&registrar(), "public_health", PUBLIC_HEALTH) };
    let load = broker.load_parts(&registrar(), [pb::load_request::Part::Start(start)]).await;
    assert_eq!(refused(load), other_source());
    for like in ["Ports", "ports.", "test"] {
        broker.arrives(&registrar(), &format!("by {like}"), HEALTHY, like).await.unwrap();
    }
    assert_eq!(broker.at_the_border(HEALTHY).await, nothing());

    broker.arrives(&border_clerk(), "A3", HEALTHY, "ports").await.unwrap();
    assert_eq!(broker.at_the_border(HEALTHY).await, only("A3"));
    let told = broker.told(&border_officer(), HEALTHY).await;
    let arrival = told.answer.records.iter().find(|record| record.record_type == ARRIVAL).unwrap();
    assert_eq!(arrival.provenance.as_ref().unwrap().source, "ports");
    let described = pb::DescribeAccessRequest { terms: border_officer().pb_terms() };
    let described = broker.access().describe_access(border_officer().request(&broker.deployment, described)).await;
    assert!(described.unwrap().into_inner().condition.ends_with("; by records from ports"));

    // A source stays somebody's for as long as an agreement names it, in force or not.
    broker.act("data-protection-officer", &agreement("border-arrivals"), Deed::Suspend).await;
    broker.act("data-protection-officer", &agreement("arrival-register"), Deed::Suspend).await;
    assert_eq!(refused(broker.arrives(&registrar(), "A4", FREE, "ports").await), other_source());
    let deployment = broker.stop().await;
    fs::write(deployment.path(BORDER), without).unwrap();
    fs::write(deployment.path(REGISTER), without_list).unwrap();
    let broker = deployment.serve().await;
    broker.arrives(&registrar(), "A4", FREE, "ports").await.unwrap();
    broker.finish().await;
}

const OWNERS: [&str; 3] = ["registrar", "director-of-public-health", "data-protection-officer"];

/// Of the files each is right beside the other; what is in force is the version before.
async fn moved_to_the_ports() -> TestBroker {
    let broker = TestBroker::populated().await;
    broker.arrives(&border_clerk(), "A1", HEALTHY, "test").await.unwrap();
    let deployment = broker.stop().await;
    deployment.approved_by_people_alone();
    let parties = "parties = [\"government-of-jersey\", \"jersey-customs-and-immigration\"]";
    deployment.edit(BORDER, parties, "parties = [\"parish-of-st-helier\", \"jersey-customs-and-immigration\"]");
    deployment.edit(REGISTER, "parties = [", "parties = [\"government-of-jersey\", ");
    deployment.serve().await
}

#[tokio::test]
async fn a_version_that_opens_a_gate_to_a_party_of_what_is_in_force_is_neither_proposed_nor_approved() {
    let broker = moved_to_the_ports().await;
    let register = agreement("arrival-register");
    let version = broker.standing("registrar", &register).await.file_version;
    let told = refused(broker.try_act("director-of-public-health", &register, Deed::Propose(version.clone())).await);
    assert_eq!(told.0, Code::InvalidArgument);
    assert!(told.1.starts_with("`version`: one by which no party of an agreement may put in"), "{}", told.1);
    // First the one that asks gives up the party; then the one that puts in may have it.
    let asking = ["head-of-service", "constable-of-st-helier"];
    broker.agree("border-arrivals", &[&asking[..], &OWNERS].concat()).await;
    broker.agree("arrival-register", &["chief-executive-of-ports", "director-of-public-health", OWNERS[2]]).await;
    assert!(broker.standing("registrar", &register).await.in_force);
    assert_eq!(broker.at_the_border(HEALTHY).await, only("A1"));
    broker.finish().await;
}

#[tokio::test]
async fn agreements_that_open_a_gate_together_are_not_in_force_together() {
    let broker = moved_to_the_ports().await;
    assert_eq!(broker.at_the_border(HEALTHY).await, only("A1"));
    // While it is out of force nothing is opened by it, and the other comes into force.
    let (border, taken) = (agreement("border-arrivals"), "public_health".try_into().unwrap());
    broker.act("director-of-public-health", &border, Deed::Withdraw(taken)).await;
    broker.agree("arrival-register", &["chief-executive-of-ports", "director-of-public-health", OWNERS[2]]).await;
    let taken = "public_health".try_into().unwrap();
    broker.act("director-of-public-health", &border, Deed::Restore(taken)).await;
    assert!(!broker.standing("registrar", &border).await.in_force);
    let officer = border_officer();
    assert_eq!(broker.refused(&officer, officer.question(HEALTHY)).await.0, Code::PermissionDenied);
    // Not on another start either.
    let broker = broker.stop().await.serve().await;
    assert_eq!(broker.refused(&officer, officer.question(HEALTHY)).await.0, Code::PermissionDenied);
    let asking = ["head-of-service", "constable-of-st-helier"];
    broker.agree("border-arrivals", &[&asking[..], &OWNERS].concat()).await;
    assert_eq!(broker.at_the_border(HEALTHY).await, only("A1"));
    broker.finish().await;
}
