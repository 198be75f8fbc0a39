//! From the decision to the cell: what each role is told of a subject, restricted or not and under a warrant or none, against the oracle.

use super::{
    Ground, WARRANTS,
    expected::{Asked, Outcome, Question},
    standing::{Document, Standing},
    text::Text,
    with_warrants,
};
use crate::{
    harness::*,
    policy::oracle::{LEVELS, Oracle},
    warrant::document,
};
use disown::{
    pb,
    policy::{PolicyFiles, Terms},
};
use jiff::ToSpan;
use prost::Message;
use std::{collections::BTreeMap, fs};
use tonic::Code;

/// With the agreement of the police that lists clinical fields.
async fn served() -> (TestBroker, Standing) {
    let deployment = Deployment::new();
    let folder = deployment.path("policies");
    let files = with_warrants(PolicyFiles::read(&folder).unwrap());
    for (name, text) in &files.agreements {
        fs::write(folder.join("agreements").join(name), text).unwrap();
    }
    let oracle = Oracle::over(&files);
    let agreements = files.agreements.iter().filter(|(name, _)| !name.ends_with(".cases.toml"));
    let texts = agreements.map(|(_, text)| Text::read(text, &oracle)).map(|text| (text.id.clone(), Some(text)));
    let standing = Standing { texts: texts.collect(), warrants: BTreeMap::new(), glass: BTreeMap::new() };
    let broker = deployment.serve().await;
    broker.populate().await;
    (broker, standing)
}

/// Registers a warrant for everybody but one, and tells the oracle of it.
async fn warrant(broker: &TestBroker, standing: &mut Standing) -> String {
    let subjects = [ISOLATING, HEALTHY, NOBODY].map(|number| format!("jy:{number}"));
    let fields = ["clinical.condition.code", "clinical.test_result.value"].map(str::to_owned);
    let warrant = pb::Warrant { identifiers: subjects.into(), fields: fields.into(), uses: 100, ..document() };
    let id = broker.enter(warrant.clone()).await;
    let pb::Warrant { case_reference, fields, .. } = warrant;
    let (from, until) = (today(), today().saturating_add(1.day()));
    let known = Document { agreement: WARRANTS.to_owned(), case_reference, fields, from, until, uses: 100 };
    standing.warrants.insert(id.clone(), known);
    id
}

/// Everybody, and the police under the other agreement, without a warrant, with one, and with one that nobody has.
fn askers(warrant: &str) -> Vec<(Asker, String)> {
    let under =
        |asker: Asker| Asker { terms: (asker.terms.0, asker.terms.1, WARRANTS.to_owned(), asker.terms.3), ..asker };
    let known = everybody().into_iter().chain([under(police()), under(sergeant())]);
    let warrants = ["", warrant, "w-0000000000000000"];
    known.flat_map(|asker| warrants.map(|warrant| (asker.clone(), warrant.to_owned()))).collect()
}

/// How many cells were told of each level.
type Told = BTreeMap<&'static str, u64>;

/// Every cell is of the level that was decided, and every record has a cell for each field that is shown at all.
fn compare(answer: &pb::Answer, decided: &[(usize, usize)], oracle: &Oracle, told: &mut Told) {
    let of: BTreeMap<&str, usize> =
        decided.iter().map(|(field, level)| (oracle.fields[*field].name.as_str(), *level)).collect();
    for record in &answer.records {
        let prefix = format!("{}.", record.record_type);
        let shown = of.iter().filter(|(name, level)| name.starts_with(&prefix) && **level > 0);
        let cells: BTreeMap<&str, usize> =
            record.cells.iter().map(|cell| (cell.field.as_str(), cell.disclosure as usize - 1)).collect();
        assert!(shown.map(|(name, level)| (*name, *level)).eq(cells.iter().map(|(name, level)| (*name, *level))));
        cells.values().for_each(|level| *told.entry(LEVELS[*level]).or_default() += 1);
    }
    let mut withheld: Vec<&str> = answer.withheld.iter().map(|one| one.field.as_str()).collect();
    withheld.sort_unstable();
    assert!(of.iter().filter(|(_, level)| **level == 0).map(|(name, _)| *name).eq(withheld));
}

/// As it reads, save the name of whom it is about.
fn anonymous(told: &crate::harness::Told) -> Vec<u8> {
    pb::Answer { handle: String::new(), ..told.answer.clone() }.encode_to_vec()
}

#[tokio::test]
async fn every_cell_that_is_told_is_of_the_level_that_the_oracle_decided() {
    let ground = Ground::new().await;
    let (broker, mut standing) = served().await;
    let id = warrant(&broker, &mut standing).await;
    let (oracle, mut told, mut answers) = (&ground.expecting.oracle, Told::new(), 0);
    for restricted in [false, true] {
        if restricted {
            broker.restrict(ISOLATING).await;
        }
        for (asker, warrant) in askers(&id) {
            let (role, purpose, agreement, case_reference) = asker.terms.clone();
            let terms = Terms {
                ground: ground_under(&agreement),
                acknowledged: conditions_of(&agreement),
                role,
                purpose,
                agreement,
                case_reference,
                warrant: warrant.clone(),
                ..Terms::default()
            };
            let holds: Vec<&str> = asker.roles.iter().map(String::as_str).collect();
            let (caller, organisation) = (asker.caller.as_str(), asker.organisation.as_str());
            let (asked, day) = (Asked::Everything, today());
            let question = Question { caller, organisation, holds: &holds, terms: &terms, fits: true, asked, day };
            let outcome = ground.expecting.of(&standing, &question);
            let ask = async |number: &str| {
                broker.ask(&asker, pb::QueryRequest { warrant: warrant.clone(), ..asker.question(number) }).await
            };
            let Outcome::Decided(decided) = outcome else {
                for number in [ISOLATING, FREE, HEALTHY, NOBODY] {
                    assert_eq!(ask(number).await.err().map(|status| status.code()), Some(Code::PermissionDenied));
                }
                continue;
            };
            let unknown = ask(NOBODY).await.unwrap();
            assert!(unknown.answer.records.is_empty());
            for number in [ISOLATING, HEALTHY] {
                let one = ask(number).await.unwrap();
                compare(&one.answer, &decided, oracle, &mut told);
                answers += 1;
                if restricted && number == ISOLATING {
                    assert!(anonymous(&one) == anonymous(&unknown), "restricted is told from unknown");
                }
            }
            // The warrant is not about this one, which shows only when the subject is looked at.
            let other = ask(FREE).await;
            assert_eq!(other.is_ok(), warrant.is_empty());
        }
    }
    println!("{answers} answers with cells {told:?}, each as decided");
    assert!(told.len() == 3 && told.values().all(|cells| *cells > 3));
    broker.finish().await;
}
