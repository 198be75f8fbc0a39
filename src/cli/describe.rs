//! `disownctl describe`.

use super::{client::Client, table::table};
use crate::pb::{self, access_service_client::AccessServiceClient};
use clap::Args;
use serde_json::json;
use std::process::ExitCode;

/// What may be asked for under these terms, and what binds who asks. No subject is involved.
#[derive(Debug, Args)]
pub(super) struct Describe {
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// Only the digest of the handling conditions, which a question acknowledges: for scripts of those who have read them.
    #[arg(long, conflicts_with = "json")]
    digest: bool,
    #[command(flatten)]
    client: Client,
}

impl Describe {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let request = pb::DescribeAccessRequest { terms: Some(self.client.terms()) };
        let mut client = AccessServiceClient::new(self.client.connect().await?);
        let described = client.describe_access(request).await?.into_inner();
        if self.digest {
            println!("{}", described.handling_digest)
        } else if self.json {
            println!("{}", as_json(&described))
        } else {
            print(&described)
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print(described: &pb::DescribeAccessResponse) {
    let mut fields = table(["field", "shown", "set by", "which is"]);
    for field in &described.fields {
        fields.add_row([field.field.as_str(), level(field), &field.decided_by, &field.rule]);
    }
    println!("{fields}");
    for view in &described.views {
        println!("view {}: {}", view.name, view.fields.join(", "));
    }
    if !described.condition.is_empty() {
        println!("covers those for whom {}", described.condition);
    }
    if !described.grounds.is_empty() {
        println!("grounds for special category data: {}", described.grounds.join(", "));
    }
    for field in &described.break_glass_fields {
        println!(
            "breaking glass opens {} ({}), for {} minutes",
            field.field,
            level(field),
            described.break_glass_minutes
        );
    }
    if described.review_overdue {
        println!("the review of this agreement is overdue");
    }
    for condition in &described.handling {
        println!("handling: {} ({})", condition.words, condition.code);
    }
    if !described.handling.is_empty() {
        println!("to ask is to be bound by that: `--acknowledge {}`", described.handling_digest);
    }
}

fn level(field: &pb::FieldAccess) -> &'static str {
    match pb::Disclosure::try_from(field.disclosure) {
        Ok(pb::Disclosure::Full) => "full",
        Ok(pb::Disclosure::Coarse) => "coarse",
        Ok(pb::Disclosure::Exists) => "exists",
        _ => "withheld",
    }
}

fn as_json(described: &pb::DescribeAccessResponse) -> serde_json::Value {
    let field = |one: &pb::FieldAccess| json!({ "field": one.field, "disclosure": level(one), "set_by": one.decided_by, "rule": one.rule });
    let view = |one: &pb::View| json!({ "name": one.name, "fields": one.fields });
    let condition = |one: &pb::HandlingCondition| json!({ "code": one.code, "words": one.words });
    json!({
        "fields": described.fields.iter().map(field).collect::<Vec<_>>(),
        "views": described.views.iter().map(view).collect::<Vec<_>>(),
        "handling": described.handling.iter().map(condition).collect::<Vec<_>>(),
        "handling_digest": described.handling_digest,
        "break_glass": { "fields": described.break_glass_fields.iter().map(field).collect::<Vec<_>>(), "minutes": described.break_glass_minutes },
        "condition": described.condition,
        "grounds": described.grounds,
        "agreement_version": described.agreement_version,
        "policy_version": described.policy_version,
        "review_overdue": described.review_overdue,
    })
}
