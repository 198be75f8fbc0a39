//! The form of a message on the wire, held against its descriptor before it is decoded. Protobuf lets fields pass that nobody knows
//! and takes the last of several: a caller would have said something that the broker did not hear.

use crate::pb;
use prost::{
    Message,
    bytes::Buf,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};
use prost_types::{
    DescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};
use std::{collections::HashMap, sync::LazyLock};

/// Messages by full name, `disown.v1.Terms`; those not here are not looked at.
static FORMS: LazyLock<HashMap<String, Form>> = LazyLock::new(|| {
    // What cannot be read here would be an empty set, under which every message is refused.
    let set = FileDescriptorSet::decode(pb::DESCRIPTORS).unwrap_or_default();
    let mut forms = HashMap::new();
    for mut file in set.file {
        for message in std::mem::take(&mut file.message_type) {
            describe(file.package(), message, &mut forms);
        }
    }
    forms
});

/// Deeper nesting than any message of ours.
const DEEPEST: usize = 8;

#[derive(Default)]
struct Form(HashMap<u32, FieldForm>);

struct FieldForm {
    repeated: bool,
    /// Of several fields with one number here, one may be there: a `oneof`, or a field by itself.
    choice: i32,
    message: Option<String>,
    wire_type: WireType,
}

fn describe(scope: &str, message: DescriptorProto, forms: &mut HashMap<String, Form>) {
    let name = format!("{scope}.{}", message.name());
    let mut form = Form::default();
    for field in &message.field {
        let (wire_type, nested) = match field.r#type() {
            Type::Message => (WireType::LengthDelimited, Some(field.type_name().trim_start_matches('.').to_owned())),
            Type::String | Type::Bytes => (WireType::LengthDelimited, None),
            Type::Double | Type::Fixed64 | Type::Sfixed64 => (WireType::SixtyFourBit, None),
            Type::Float | Type::Fixed32 | Type::Sfixed32 => (WireType::ThirtyTwoBit, None),
            _ => (WireType::Varint, None),
        };
        let choice = field.oneof_index.map_or(-field.number(), |at| at + 1);
        let repeated = field.label() == Label::Repeated;
        form.0.insert(field.number().unsigned_abs(), FieldForm { repeated, choice, message: nested, wire_type });
    }
    for inner in message.nested_type {
        describe(&name, inner, forms);
    }
    forms.insert(name, form);
}

/// Whether bytes are a message of that name and nothing else: known fields of the right type, each once unless it is repeated, and
/// of a `oneof` one.
pub(super) fn is_strictly(name: &str, bytes: impl Buf) -> bool {
    holds(name, bytes, 0).is_some()
}

fn holds(name: &str, mut bytes: impl Buf, depth: usize) -> Option<()> {
    let form = FORMS.get(name).filter(|_| depth < DEEPEST)?;
    // Few, since none is there twice.
    let mut seen = Vec::new();
    while bytes.has_remaining() {
        let (tag, wire_type) = decode_key(&mut bytes).ok()?;
        let field = form.0.get(&tag).filter(|field| field.wire_type == wire_type)?;
        if !field.repeated {
            if seen.contains(&field.choice) {
                return None;
            }
            seen.push(field.choice);
        }
        match &field.message {
            Some(inner) => {
                let length = usize::try_from(decode_varint(&mut bytes).ok()?).ok()?;
                if length > bytes.remaining() {
                    return None;
                }
                holds(inner, (&mut bytes as &mut dyn Buf).take(length), depth + 1)?;
            }
            None => skip_field(wire_type, tag, &mut bytes, DecodeContext::default()).ok()?,
        }
    }
    Some(())
}
