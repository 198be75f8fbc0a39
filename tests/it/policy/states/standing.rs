//! Which text of each agreement is in force and which warrants stand, worked out again by walking over the rows that approvers and
//! brokers left, once for each question.

use super::{
    glass::{self, Broken, By, GlassRow},
    text::{Approver, Text},
};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// An act of an approver as it is stored, and whether its approver's key signed exactly this.
#[derive(Debug, Clone)]
pub struct ActRow {
    pub matter: String,
    pub number: u64,
    pub deed: &'static str,
    /// A version or a dataset.
    pub object: String,
    pub by: String,
    pub signed: bool,
}

/// Something that happened to a warrant as it is stored, and whether brokers of this version understand it.
#[derive(Debug, Clone)]
pub struct WarrantRow {
    pub warrant: String,
    pub number: u64,
    pub event: &'static str,
    pub by: String,
    pub document: Option<Document>,
    pub understood: bool,
}

/// What a warrant says.
#[derive(Debug, Clone)]
pub struct Document {
    pub agreement: String,
    pub case_reference: String,
    pub fields: Vec<String>,
    pub from: Date,
    pub until: Date,
    pub uses: usize,
}

/// Everything that was written, in its order, and what it is read by.
#[derive(Default)]
pub struct Written {
    pub acts: Vec<ActRow>,
    pub warrants: Vec<WarrantRow>,
    pub glass: Vec<GlassRow>,
    pub approvers: BTreeMap<String, Approver>,
    /// Every text there ever was, by version.
    pub texts: BTreeMap<String, Text>,
    /// The agreements of the policy folder.
    pub agreements: Vec<String>,
}

/// What stands at one moment.
pub struct Standing {
    /// By agreement; none: nothing of it is in force.
    pub texts: BTreeMap<String, Option<Text>>,
    /// Those under which answers may be given, time, case and agreement aside.
    pub warrants: BTreeMap<String, Document>,
    /// For what each caller has broken glass, and it is not reviewed.
    pub glass: BTreeMap<By, Broken>,
}

impl Written {
    pub fn standing(&self, oracle: &crate::policy::oracle::Oracle) -> Standing {
        let left = |text: &Text| {
            let out: BTreeSet<String> = self.withdrawn(&text.id);
            let mut text = text.clone();
            for levels in [&mut text.fields, &mut text.opened] {
                for (field, level) in oracle.fields.iter().zip(levels) {
                    if out.contains(&super::text::dataset(&field.name)) {
                        *level = 0;
                    }
                }
            }
            text.condition.as_ref().is_none_or(|looked_at| !out.contains(looked_at)).then_some(text)
        };
        let texts = self.agreements.iter().map(|id| (id.clone(), self.approved(id).and_then(left)));
        let ids: BTreeSet<&String> = self.warrants.iter().map(|row| &row.warrant).collect();
        let warrants = ids.into_iter().filter_map(|id| Some((id.clone(), self.warrant(id)?)));
        let by: BTreeSet<&By> = self.glass.iter().map(|row| &row.by).collect();
        let of = |by: &By| glass::standing(self.glass.iter().filter(|row| row.by == *by));
        let glass = by.into_iter().filter_map(|by| Some((by.clone(), of(by)?)));
        Standing { texts: texts.collect(), warrants: warrants.collect(), glass: glass.collect() }
    }

    /// The acts about a matter that count: after all before them, without a gap, and signed unless they only take away.
    fn counted(&self, matter: &str) -> Vec<&ActRow> {
        let mut last = 0;
        let mut counted = Vec::new();
        for row in self.acts.iter().filter(|row| row.matter == matter) {
            let leave = match row.deed {
                "suspend" | "terminate" | "withdraw" => true,
                // Only who could take it out lets it be used again.
                "restore" => row.signed && self.approvers[&row.by].owner_of.contains(&row.object),
                _ => row.signed,
            };
            if leave && row.number == last + 1 {
                counted.push(row);
            }
            last = row.number.max(last);
        }
        counted
    }

    fn approved(&self, id: &str) -> Option<&Text> {
        let acts = self.counted(&format!("agreement:{id}"));
        if acts.iter().any(|act| act.deed == "terminate") {
            return None;
        }
        let begun = acts.iter().rposition(|act| act.deed == "suspend").map_or(0, |at| at + 1);
        let mut until = acts.len();
        for at in (begun..acts.len()).rev().filter(|at| acts[*at].deed == "propose") {
            let version = &acts[at].object;
            let by = |deed: &str| {
                let agree = acts[at..until].iter().filter(|act| act.deed == deed && act.object == *version);
                agree.map(|act| act.by.as_str()).collect::<BTreeSet<_>>()
            };
            match self.texts.get(version) {
                Some(text) if text.id == id && self.enough(text, &by("approve"), &by("see")) => return Some(text),
                _ => until = at,
            }
        }
        None
    }

    fn enough(&self, text: &Text, approved: &BTreeSet<&str>, seen: &BTreeSet<&str>) -> bool {
        let approved: Vec<&Approver> = approved.iter().map(|name| &self.approvers[*name]).collect();
        let people = approved.iter().filter(|one| one.party && text.parties.contains(&one.organisation));
        let of: Vec<&String> = people.map(|one| &one.organisation).collect();
        let parties: BTreeSet<&&String> = of.iter().collect();
        of.len() >= 2
            && parties.len() >= text.parties.len().min(2)
            && text.datasets.iter().all(|dataset| approved.iter().any(|one| one.owner_of.contains(dataset)))
            && approved.iter().any(|one| one.data_protection_officer)
            && (!text.seen_by_regulator || seen.iter().any(|name| self.approvers[*name].regulator))
    }

    /// The datasets that are out of an agreement: by its own matter, or by a dataset's.
    fn withdrawn(&self, id: &str) -> BTreeSet<String> {
        let own = format!("agreement:{id}");
        let matters: BTreeSet<&String> = self.acts.iter().map(|row| &row.matter).collect();
        let mut withdrawn = BTreeSet::new();
        for matter in matters.into_iter().filter(|matter| **matter == own || matter.starts_with("dataset:")) {
            let mut last = BTreeMap::new();
            for act in self.counted(matter).into_iter().filter(|act| matches!(act.deed, "withdraw" | "restore")) {
                last.insert(&act.object, act.deed);
            }
            withdrawn
                .extend(last.into_iter().filter(|(_, deed)| *deed == "withdraw").map(|(object, _)| object.clone()));
        }
        withdrawn
    }

    /// One under which answers may be given.
    fn warrant(&self, id: &str) -> Option<Document> {
        let mut rows = self.warrants.iter().filter(|row| row.warrant == id);
        // What stands there before it is registered is about nothing.
        let first = rows.by_ref().find(|row| row.event == "registered" && row.number == 1 && row.understood)?;
        let later: Vec<_> = rows.zip(2..).collect();
        let holds = |(row, place): &(&WarrantRow, u64)| {
            let confirms_own = row.event == "confirmed" && row.by == first.by;
            row.understood && row.number == *place && row.event != "registered" && !confirms_own
        };
        let happened = |event: &str| later.iter().filter(|(row, _)| row.event == event).count();
        let document = first.document.clone().unwrap();
        let stands = later.iter().all(holds)
            && happened("confirmed") > 0
            && happened("revoked") == 0
            && happened("used") < document.uses;
        stands.then_some(document)
    }
}
