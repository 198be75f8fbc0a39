//! append-only: whoever records inspections appends nothing else.

use disown::access_log::{Entry, InspectionRecorder};

async fn append(recorder: &InspectionRecorder, entry: Entry) {
    let _ = recorder.append(entry, &[]).await;
}

async fn unwrap(recorder: InspectionRecorder, entry: Entry) {
    let _ = recorder.0.append(entry, &[]).await;
}

fn main() {}
