//! The last look at what an entry, and what comes into force with it, has to say: no text goes into the access log's database that could
//! hold a subject identifier, wherever it came from. Whoever let it come so far should have refused it.

use super::{
    entry::{ActorPart, Entry, InputBatch, SubjectPart, TermsInForce, Who},
    epoch::{Archived, NewEpoch},
};
use crate::{approval::Act, control::Event, dataset::Catalogue};

impl Entry {
    /// Whether a text of it could hold a subject identifier. Each part is named here, so that none that is new is passed over.
    pub(super) fn names_subject(&self, catalogue: &Catalogue) -> bool {
        let Self { actor, subject, epoch: _, opens_epoch, limits: _ } = self;
        let mut texts = Texts::default();
        texts.of_actor(actor);
        // Tag and handle are made by keys; a reason is one of ours.
        let SubjectPart { tag: _, month: _, handle: _, alarms: _, reason: _ } = subject;
        if let Some(opened) = opens_epoch {
            texts.of_epoch(opened);
        }
        catalogue.holds_identifier(&texts.0)
    }
}

/// All of them, line by line, so that they are looked at once.
#[derive(Default)]
struct Texts(String);

impl Texts {
    /// Without words that are digests or names made at random: a scheme of digits could find something in them.
    fn add(&mut self, text: &str) {
        for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
            let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            let digits = bare.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            if !(matches!(bare.len(), 16 | 32 | 64) && digits) {
                self.0.push_str(word);
            }
        }
        self.0.push('\n');
    }

    fn of_actor(&mut self, actor: &ActorPart) {
        let ActorPart { kind: _, outcome: _, who, terms, fields, records: _, input, refusal, event } = actor;
        if let Some(Who { caller, organisation, role, purpose, agreement, trace }) = who {
            self.add(caller.as_str());
            self.add(organisation.as_str());
            role.iter().for_each(|role| self.add(role.as_str()));
            purpose.iter().for_each(|purpose| self.add(purpose.as_str()));
            agreement.iter().for_each(|agreement| self.add(agreement.as_str()));
            self.add(trace);
        }
        if let Some(terms) = terms {
            self.of_terms(terms);
        }
        fields.keys().for_each(|field| self.add(field));
        // Its batch and its root are made here.
        if let Some(InputBatch { dataset, batch: _, batch_records: _, batch_root: _ }) = input {
            self.add(dataset.as_str());
        }
        refusal.iter().for_each(|refusal| self.add(refusal));
        event.iter().for_each(|event| self.add(event));
    }

    fn of_terms(&mut self, terms: &TermsInForce) {
        let TermsInForce {
            agreement_version: _,
            case_reference,
            policy_version: _,
            control_epoch: _,
            handling: _,
            transfer,
            ground,
            second_person,
            break_glass: _,
            warrant,
        } = terms;
        case_reference.iter().for_each(|case| self.add(case));
        transfer.iter().for_each(|transfer| self.add(transfer));
        ground.iter().for_each(|ground| self.add(ground));
        second_person.iter().for_each(|person| self.add(person.as_str()));
        warrant.iter().for_each(|(warrant, _)| self.add(warrant.as_str()));
    }

    fn of_epoch(&mut self, opened: &NewEpoch) {
        let NewEpoch { policy_version: _, files: _, archive, acts, events } = opened;
        for Archived { version: _, name, content } in archive {
            self.add(name);
            self.add(content);
        }
        for Act { matter, number: _, deed, approver, reason, signature: _ } in acts {
            self.add(&matter.to_string());
            self.add(deed.object());
            self.add(approver.as_str());
            self.add(reason);
        }
        for Event { about, number: _, what } in events {
            self.add(&about.to_string());
            self.add(what);
        }
    }
}
