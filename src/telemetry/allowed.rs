//! What may be said of a request. Whatever is not on these lists does not leave: an attribute is dropped, a span loses its name, an
//! instrument measures nothing. So a mistake in a stage cannot become a leak, and nobody adds a field without coming by here.

use opentelemetry::{Key, KeyValue, StringValue, Value, trace::Status};
use opentelemetry_sdk::{
    metrics::{Aggregation, Instrument, Stream},
    trace::{SpanData, SpanEvents, SpanLinks},
};

/// Keys of attributes that are exported: names from closed lists, counts, and the random name of a request.
pub const EXPORTED: &[&str] = &[
    "alarm",
    "dataset",
    "entries",
    "outcome",
    "purpose",
    "role",
    "rpc",
    "service.name",
    "service.version",
    "service.instance.id",
    "trace",
];

/// Keys of fields that standard error shows beside those.
pub const STDERR_ONLY: &[&str] = &[
    "agreement",
    "error",
    "issuer",
    "keys",
    "lost",
    "matter",
    "message",
    "number",
    "otel.kind",
    "otel.status_code",
    "place",
    "reason",
    "size",
    "version",
];

/// Names of spans: requests, and stages of their way.
pub const SPANS: &[&str] = &[
    "query",
    "describe_access",
    "put",
    "load",
    "restrict",
    "lift_restriction",
    "act",
    "show_agreement",
    "register_warrant",
    "confirm_warrant",
    "revoke_warrant",
    "show_warrant",
    "watch_subject",
    "unwatch_subject",
    "allow_look_up",
    "break_glass",
    "list_unreviewed",
    "review_use",
    "search",
    "count",
    "get_checkpoint",
    "prove_inclusion",
    "prove_consistency",
    "authorise",
    "plan",
    "translate",
    "fetch",
    "fetch_store",
    "link",
    "redact",
    "record",
    "release",
    "refuse",
    "store",
    "seal",
    "insert",
    "read",
    "commit",
];

/// Names of instruments.
pub const INSTRUMENTS: &[&str] = &[
    "disown.requests",
    "disown.request.duration",
    "disown.unauthenticated",
    "disown.decisions",
    "disown.alarms",
    "disown.access_log.commit.duration",
    "disown.access_log.batch",
    "disown.access_log.queue",
    "disown.access_log.writable",
    "disown.telemetry.lines.dropped",
];

/// A value is cut off here: a name of 128 characters fits.
const LONGEST: usize = 128;

/// Whether a line or span with that field may be written to standard error.
pub fn on_stderr(field: &str) -> bool {
    EXPORTED.contains(&field) || STDERR_ONLY.contains(&field)
}

/// What may leave of some attributes.
pub fn attributes(attributes: Vec<KeyValue>) -> Vec<KeyValue> {
    let allowed = attributes.into_iter().filter(|one| EXPORTED.contains(&one.key.as_str()));
    allowed.filter_map(|one| Some(KeyValue::new(one.key, value(one.value)?))).collect()
}

/// What may leave of a span. Its status has no text, it has no events and follows nothing, and it takes no state of a caller along.
pub fn span(mut span: SpanData) -> SpanData {
    if !SPANS.contains(&span.name.as_ref()) {
        span.name = "unnamed".into();
    }
    span.attributes = attributes(span.attributes);
    span.events = SpanEvents::default();
    span.links = SpanLinks::default();
    if let Status::Error { .. } = span.status {
        span.status = Status::error("");
    }
    span
}

/// What an instrument may tell: one that is not listed nothing, the others by the attributes that are.
pub fn stream(instrument: &Instrument) -> Option<Stream> {
    let stream = Stream::builder().with_allowed_attribute_keys(EXPORTED.iter().copied().map(Key::from_static_str));
    let known = INSTRUMENTS.contains(&instrument.name());
    if known { stream.build() } else { stream.with_aggregation(Aggregation::Drop).build() }.ok()
}

fn value(value: Value) -> Option<Value> {
    match value {
        Value::String(text) => Some(Value::String(cut(text))),
        Value::Bool(_) | Value::I64(_) | Value::F64(_) => Some(value),
        // No attribute of ours is a list, and a list could be of any length.
        _ => None,
    }
}

fn cut(text: StringValue) -> StringValue {
    match text.as_str().char_indices().nth(LONGEST) {
        Some((end, _)) => text.as_str()[..end].to_owned().into(),
        None => text,
    }
}
