//! 1. What a decision costs, at policies of different sizes, beside Casbin with all lines in one enforcer.

use crate::{
    median::{each, median},
    policies::{self, AGREEMENT, GRANTED_ROLES, SIZES, purpose, role},
    report::{Goal, Report, Unit},
};
use ::casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter};
use anyhow::Context;
use disown::{
    clock::{Clock, SystemClock},
    config::{IdentityConfig, IssuerConfig, KeySetSource},
    dataset::{Catalogue, catalogue::FieldId},
    entropy::SystemEntropy,
    identity::{Algorithm, Caller, ClaimPaths, DEVELOPMENT_ISSUER, DevelopmentIssuer, Pace, Verifier},
    policy::{Asked, InForce, MODEL, Policy, Terms, authorise},
};
use jiff::civil::Date;
use std::{fs, hint::black_box, sync::Arc};

/// The same questions at each size: over all roles, purposes and fields.
const QUESTIONS: usize = 1_000;
const PASSES: usize = 20;
const ROUNDS: usize = 15;

struct Measured {
    size: usize,
    in_force: Arc<InForce>,
    questions: Vec<(String, String, FieldId)>,
    askers: Vec<(Caller, Terms)>,
    casbin: Enforcer,
}

pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let policies =
        SIZES.into_iter().map(|size| runtime.block_on(measured(size))).collect::<anyhow::Result<Vec<_>>>()?;
    let day = SystemClock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let (mut fields, mut views) = (Vec::new(), Vec::new());
    // The sizes in turn, so that what the machine does meanwhile meets all of them.
    for _ in 0..ROUNDS {
        fields.push(policies.iter().map(|one| one.field(day)).collect::<Vec<f64>>());
        views.push(policies.iter().map(|one| one.view(day)).collect::<anyhow::Result<Vec<f64>>>()?);
    }
    for (at, one) in policies.iter().enumerate() {
        let of = |rounds: &[Vec<f64>]| median(rounds.iter().map(|round| round[at]));
        let size = one.size;
        let within = Goal::AtMost(1_000.0);
        report.figure_with_goal(format!("one field, {size} lines"), of(&fields), Unit::Nanoseconds, within);
        report.figure(format!("authorise a view of 4 fields, {size} lines"), of(&views), Unit::Nanoseconds);
        report.figure(format!("raw Casbin, one question, {size} lines"), one.raw_casbin()?, Unit::Nanoseconds);
    }
    let ratio = |rounds: &[Vec<f64>]| median(rounds.iter().map(|round| round[SIZES.len() - 1] / round[0]));
    report.figure_with_goal("one field, 10,000 lines to 10", ratio(&fields), Unit::Times, Goal::AtMost(1.2));
    report.figure("authorise, 10,000 lines to 10", ratio(&views), Unit::Times);
    report.note(
        "one field: `Policy::disclosure` of names of role, purpose and agreement, and a field. Authorise: `policy::authorise`, \
         with caller, case reference and the grant that comes of it. Raw Casbin: one enforcer of all lines asked for one level; \
         a field takes up to three such questions.",
    );
    Ok(())
}

async fn measured(size: usize) -> anyhow::Result<Measured> {
    let policy = Policy::load(policies::of_size(size)?).await?;
    let open = policy.agreement(AGREEMENT).context("there is no agreement")?.fields.keys().copied();
    let open: Vec<FieldId> = open.collect();
    let question = |at: usize| (role(at * 7), purpose(at * 3), open[at * 13 % open.len()]);
    Ok(Measured {
        size,
        questions: (0..QUESTIONS).map(question).collect(),
        askers: askers(&policy)?,
        casbin: raw(size, &policy.catalogue).await?,
        in_force: Arc::new(InForce::nowhere(policy)),
    })
}

/// Callers who are granted something at every size.
fn askers(policy: &Policy) -> anyhow::Result<Vec<(Caller, Terms)>> {
    let issuer = DevelopmentIssuer::new(&SystemEntropy)?;
    let clock = Arc::new(SystemClock);
    let folder = tempfile::tempdir()?;
    let jwks = folder.path().join("jwks.json");
    fs::write(&jwks, issuer.jwks())?;
    let trusted = IssuerConfig {
        issuer: DEVELOPMENT_ISSUER.to_owned(),
        algorithm: Algorithm::EdDsa,
        jwks: KeySetSource::File(jwks),
        organisations: None,
        claims: ClaimPaths::default(),
        roles: None,
    };
    let identity = IdentityConfig { audience: "disown".to_owned(), development_key: None, issuers: vec![trusted] };
    let verifier = Verifier::new(&identity, Pace::default(), policy.catalogue.clone(), clock.clone())?;
    let asker = |at: usize| {
        let role = role(at);
        let token = issuer.token("caller", "government-of-jersey", &[&role], "disown", &*clock, &SystemEntropy)?;
        let caller = verifier.verify(&token, None).ok().context("the token was not taken")?;
        let (agreement, case_reference) = (AGREEMENT.to_owned(), "MS-000001".to_owned());
        Ok((caller, Terms { role, purpose: purpose(0), agreement, case_reference, ..Terms::default() }))
    };
    (0..GRANTED_ROLES).map(asker).collect()
}

/// One enforcer with all lines, as one would write it first. A denial for its level only: fewer lines than the broker's.
async fn raw(size: usize, catalogue: &Catalogue) -> anyhow::Result<Enforcer> {
    let mut enforcer = Enforcer::new_raw(DefaultModel::from_str(MODEL).await?, MemoryAdapter::default()).await?;
    let model = enforcer.get_mut_model();
    for line in policies::lines(size, catalogue) {
        let mut parts = line.split(", ").map(str::to_owned);
        let tag = parts.next().context("an empty line")?;
        model.add_policy(&tag, &tag, parts.collect());
    }
    for (_, field) in catalogue.fields() {
        model.add_policy("g", "g2", vec![field.name.clone(), format!("category:{}", field.category)]);
    }
    enforcer.build_role_links()?;
    Ok(enforcer)
}

impl Measured {
    /// Nanoseconds of a decision of one field.
    fn field(&self, day: Date) -> f64 {
        each(PASSES * QUESTIONS, || {
            for (role, purpose, field) in std::iter::repeat_n(&self.questions, PASSES).flatten() {
                let policy = &self.in_force.policy;
                let _ = black_box(policy.disclosure(black_box(role), black_box(purpose), AGREEMENT, *field, day));
            }
        })
    }

    /// Nanoseconds of authorising a view of four fields, which must be granted.
    fn view(&self, day: Date) -> anyhow::Result<f64> {
        let asked = Asked::View("four".to_owned());
        let mut granted = 0;
        let time = each(PASSES * QUESTIONS, || {
            for (caller, terms) in self.askers.iter().cycle().take(PASSES * QUESTIONS) {
                let grant = authorise(&self.in_force, black_box(caller), black_box(terms), &asked, "trace", day);
                granted += usize::from(black_box(grant).is_ok());
            }
        });
        anyhow::ensure!(granted == PASSES * QUESTIONS, "a caller who is measured was refused");
        Ok(time)
    }

    fn raw_casbin(&self) -> anyhow::Result<f64> {
        let count = (20_000 / self.size).clamp(20, QUESTIONS);
        let catalogue = &self.in_force.policy.catalogue;
        let mut rounds = Vec::new();
        for _ in 0..3 {
            let mut asked = Ok(true);
            rounds.push(each(count, || {
                for (role, purpose, field) in self.questions.iter().take(count) {
                    let object = catalogue.field(*field).name.as_str();
                    asked = black_box(self.casbin.enforce((role.as_str(), purpose.as_str(), object, "full")));
                }
            }));
            asked?;
        }
        Ok(median(rounds))
    }
}
