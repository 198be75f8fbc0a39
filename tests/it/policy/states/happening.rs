//! What may happen to agreements, datasets and warrants, by chance: most of it in order, some of it forged, out of its place, or by
//! somebody who has no say in it. Glass is broken and reviewed, in order and out of it.

use super::{
    dice::Dice,
    glass::{Broken, By, GlassRow},
    ledger::Ledger,
    standing::{Document, WarrantRow},
};
use crate::harness::{agreement, dataset, today};
use disown::{
    approval::{Deed, Matter},
    ids::DatasetId,
};
use jiff::ToSpan;

/// Under which warrants are registered: law enforcement, and those who need none.
pub const UNDER: [&str; 3] = [super::WARRANTS, "clinical-care", "contact-tracing"];
const DATASETS: [&str; 3] = ["people", "clinical", "public_health"];
/// That a warrant may name, and more.
pub const FIELDS: [&str; 8] = [
    "clinical.condition.code",
    "clinical.condition.status",
    "clinical.test_result.event_date",
    "clinical.test_result.value",
    "clinical.death.code",
    "people.person.phone",
    "people.person.email",
    "public_health.case_investigation.detail",
];
/// Who breaks glass, or does not.
pub const CALLERS: [&str; 3] = ["somebody", "another", "third"];

pub struct Happening<'a> {
    pub ledger: &'a mut Ledger,
    pub dice: &'a mut Dice,
    /// By agreement: the versions that it has in one policy or another.
    pub versions: &'a dyn Fn(&str) -> Vec<String>,
    /// By agreement: references that fit.
    pub cases: &'a dyn Fn(&str) -> [String; 2],
}

impl Happening<'_> {
    /// Nearly every agreement comes into force.
    pub fn begin(&mut self) {
        for id in self.ledger.written.agreements.clone() {
            self.approval(&id);
        }
    }

    /// Something happens to an agreement or a dataset.
    pub fn act(&mut self) {
        let agreements = self.ledger.written.agreements.clone();
        let id = if self.dice.percent(40) { *self.dice.pick(&UNDER) } else { self.dice.pick(&agreements) };
        match self.dice.below(100) {
            0..45 => self.approval(id),
            45..50 => self.by_anybody(&agreement(id), Deed::Suspend),
            50 => self.by_anybody(&agreement(id), Deed::Terminate),
            51..90 => self.taken_or_given(id),
            _ => {
                let version = self.version(id);
                let deed = match self.dice.below(3) {
                    0 => Deed::Propose(version),
                    1 => Deed::Approve(version),
                    _ => Deed::See(version),
                };
                self.by_anybody(&agreement(id), deed);
            }
        }
    }

    /// A version is proposed and approved by everybody, or by everybody but one, or one of them is not who it seems.
    fn approval(&mut self, id: &str) {
        let (matter, version) = (agreement(id), self.version(id));
        self.in_place(&matter, Deed::Propose(version.clone()), "chief-officer", true);
        let mut names: Vec<String> = self.ledger.written.approvers.keys().cloned().collect();
        if self.dice.percent(25) {
            names.remove(self.dice.below(names.len()));
        }
        let forged = self.dice.percent(25).then(|| self.dice.pick(&names).clone());
        for name in &names {
            self.in_place(&matter, Deed::Approve(version.clone()), name, forged.as_ref() != Some(name));
        }
    }

    fn taken_or_given(&mut self, id: &str) {
        let of = *self.dice.pick(&DATASETS);
        let matter = if self.dice.percent(70) { agreement(id) } else { dataset(of) };
        // Mostly given, or nothing would be left after a while.
        let deed = if self.dice.percent(20) { Deed::Withdraw } else { Deed::Restore };
        let of: DatasetId = of.try_into().unwrap();
        let owners = &self.ledger.written.approvers;
        let owner = owners.iter().find(|(_, one)| one.owner_of.iter().any(|known| known == of.as_str()));
        let owner = owner.unwrap().0.clone();
        if self.dice.percent(70) {
            self.in_place(&matter, deed(of), &owner, true);
        } else {
            self.by_anybody(&matter, deed(of));
        }
    }

    fn by_anybody(&mut self, matter: &Matter, deed: Deed) {
        let names: Vec<String> = self.ledger.written.approvers.keys().cloned().collect();
        let name = self.dice.pick(&names).clone();
        let signed = self.dice.percent(75);
        self.in_place(matter, deed, &name, signed);
    }

    /// Nearly always in its place.
    fn in_place(&mut self, matter: &Matter, deed: Deed, by: &str, signed: bool) {
        let written = self.ledger.written.acts.iter().filter(|row| row.matter == matter.to_string());
        let next = written.map(|row| row.number).max().unwrap_or(0) + 1;
        let number = next + u64::from(self.dice.below(500) == 0);
        let key = if signed {
            by
        } else if by == "greffier" {
            "registrar"
        } else {
            "greffier"
        };
        let act = self.ledger.sign(by, (matter, number), deed, key);
        self.ledger.write(act, signed);
    }

    fn version(&mut self, id: &str) -> String {
        let versions = (self.versions)(id);
        self.dice.pick(&versions).clone()
    }

    /// Something happens to a warrant.
    pub fn warrant(&mut self) {
        let known: Vec<String> = self.ledger.written.warrants.iter().map(|row| row.warrant.clone()).collect();
        if known.is_empty() || self.dice.percent(40) {
            let warrant = format!("w-{:016x}", known.len());
            let document = self.document();
            let understood = self.dice.percent(95);
            self.write(&warrant, ("registered", "greffier"), Some(document), understood);
            if self.dice.percent(75) {
                self.write(&warrant, ("confirmed", "deputy-greffier"), None, true);
            }
            return;
        }
        let warrant = self.dice.pick(&known).clone();
        let happened = match self.dice.below(100) {
            0..60 => ("used", ""),
            60..75 => ("confirmed", "deputy-greffier"),
            75..80 => ("confirmed", "greffier"),
            80..85 => ("registered", "deputy-greffier"),
            _ => ("revoked", "greffier"),
        };
        let document = (happened.0 == "registered").then(|| self.document());
        let understood = self.dice.percent(95);
        self.write(&warrant, happened, document, understood);
    }

    /// Nearly always in its place.
    fn write(
        &mut self,
        warrant: &str,
        (event, by): (&'static str, &str),
        document: Option<Document>,
        understood: bool,
    ) {
        let written = self.ledger.written.warrants.iter().filter(|row| row.warrant == warrant);
        let next = written.map(|row| row.number).max().unwrap_or(0) + 1;
        let number = next + u64::from(self.dice.below(200) == 0);
        let row = WarrantRow { warrant: warrant.to_owned(), number, event, by: by.to_owned(), document, understood };
        self.ledger.warrant(row);
    }

    /// Something happens to somebody who breaks glass.
    pub fn glass(&mut self) {
        let under = *self.dice.pick(&UNDER);
        let texts = self.ledger.written.texts.values().filter(|text| text.id == under);
        let (mut parties, mut roles) = (vec![], vec![]);
        for text in texts {
            parties.extend(text.parties.clone());
            roles.extend(text.roles.clone());
        }
        let by = By { organisation: self.dice.pick(&parties).clone(), caller: (*self.dice.pick(&CALLERS)).to_owned() };
        let written = self.ledger.written.glass.iter().filter(|row| row.by == by);
        let next = written.map(|row| row.number).max().unwrap_or(0) + 1;
        let in_order = !self.dice.percent(2);
        let is_use = (next % 2 == 1) == in_order;
        let broken = Broken {
            agreement: under.to_owned(),
            role: self.dice.pick(&roles).clone(),
            case_reference: self.dice.pick(&(self.cases)(under)).clone(),
        };
        let number = next + u64::from(self.dice.below(200) == 0);
        let understood = self.dice.percent(98);
        let row = GlassRow { by, number, broken: is_use.then_some(broken), understood };
        self.ledger.glass(row);
    }

    fn document(&mut self) -> Document {
        let agreement = *self.dice.pick(&UNDER);
        let from = today().saturating_add((self.dice.below(50) as i64 - 45).days());
        Document {
            agreement: agreement.to_owned(),
            case_reference: self.dice.pick(&(self.cases)(agreement)).clone(),
            fields: (0..=self.dice.below(4)).map(|_| (*self.dice.pick(&FIELDS)).to_owned()).collect(),
            from,
            until: from.saturating_add((self.dice.below(90) as i64).days()),
            uses: 1 + self.dice.below(3),
        }
    }
}
