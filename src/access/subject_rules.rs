//! Rules about this subject, at the end of translating: whether a warrant names it, whether a limit is reached, whether it is watched.

use crate::{
    access_log::{Appender, SubjectPart},
    clock::Clock,
    policy::{Grant, Refusal},
    pseudonym::{Keyring, SubjectIdentifier},
    telemetry::alarm::Alarm,
    warrant, watch,
};

/// Holds a grant against them. What happens by using it is noted in the grant; alarms in what the entry says of the subject.
pub(super) async fn hold(
    grant: &mut Grant,
    identifier: &SubjectIdentifier,
    subject: &mut SubjectPart,
    keyring: &Keyring,
    log: &Appender,
    clock: &dyn Clock,
) -> Result<(), Refusal> {
    // Where nobody is watched there is nothing to look for; who asks cannot tell, for it is the same for every subject.
    let is_any = !grant.in_force.watched.is_empty();
    let name = if is_any { keyring.watch_name(identifier).await } else { String::new() };
    let watch = grant.in_force.watched.get(&name).cloned();
    subject.alarms = watch.as_ref().map_or_else(Vec::new, |watch| watch.alarms(&grant.who));
    if let Some(warrant) = grant.warrant.clone() {
        if !warrant.terms.subjects.contains(&keyring.warrant_name(identifier).await) {
            return Err(Refusal::Warrant);
        }
        grant.happening.push(warrant.event(warrant::What::Used));
    }
    if let Some((_, used)) = &grant.emergency {
        subject.alarms.push(Alarm::BreakGlass);
        if used.subject != keyring.break_glass_name(identifier).await || used.until <= clock.now() {
            return Err(Refusal::BreakGlass);
        }
    }
    if let Some(tag) = &subject.tag
        && log.is_above(&grant.who, tag, &grant.agreement().limits)
    {
        return Err(Refusal::Limit);
    }
    if let Some(watch) = watch.filter(|watch| watch.needs_leave(&grant.who)) {
        let (leave, allowed) = grant.leave(&watch).ok_or(Refusal::SecondPerson)?;
        grant.second_person = Some(allowed.by.clone());
        grant.happening.push(watch.event(&name, watch::What::LookedUp { leave }));
    }
    Ok(())
}
