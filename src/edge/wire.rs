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
struct Form {
    fields: HashMap<u32, FieldForm>,
    /// It is a key and a value of a map, which is a field of the message around it.
    of_map: bool,
}

/// A text, or bytes that may be one.
pub(super) struct Text<'a> {
    /// The full name of its field: `disown.v1.Terms.role`; of a map, `disown.v1.PutRequest.ValuesEntry.key`.
    pub(super) field: &'static str,
    /// As callers know it: `role`, `values`.
    pub(super) argument: &'static str,
    /// What it says.
    pub(super) value: &'a [u8],
}

struct FieldForm {
    /// With that of its message, and alone.
    name: String,
    argument: String,
    text: bool,
    repeated: bool,
    /// Of several fields with one number here, one may be there: a `oneof`, or a field by itself.
    choice: i32,
    message: Option<String>,
    wire_type: WireType,
}

fn describe(scope: &str, message: DescriptorProto, forms: &mut HashMap<String, Form>) {
    let name = format!("{scope}.{}", message.name());
    let of_map = message.options.as_ref().is_some_and(|options| options.map_entry());
    let mut form = Form { of_map, ..Form::default() };
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
        let (argument, full) = (field.name().to_owned(), format!("{name}.{}", field.name()));
        let text = matches!(field.r#type(), Type::String | Type::Bytes);
        let known = FieldForm { name: full, argument, text, repeated, choice, message: nested, wire_type };
        form.fields.insert(field.number().unsigned_abs(), known);
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
        let field = form.fields.get(&tag).filter(|field| field.wire_type == wire_type)?;
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

/// Tells each text of a message of that name, which was read strictly.
pub(super) fn each_text<'a>(name: &str, bytes: &'a [u8], tell: &mut impl FnMut(Text<'a>)) {
    tell_texts(name, None, bytes, tell);
}

/// What cannot be read to the end was written by nobody: `name_nobody` hands over what it encoded itself.
fn tell_texts<'a>(
    name: &str,
    around: Option<&'static str>,
    mut bytes: &'a [u8],
    tell: &mut impl FnMut(Text<'a>),
) -> Option<()> {
    let form = FORMS.get(name)?;
    while bytes.has_remaining() {
        let (tag, wire_type) = decode_key(&mut bytes).ok()?;
        let field = form.fields.get(&tag)?;
        if wire_type != WireType::LengthDelimited {
            skip_field(wire_type, tag, &mut bytes, DecodeContext::default()).ok()?;
            continue;
        }
        let length = usize::try_from(decode_varint(&mut bytes).ok()?).ok()?;
        let (value, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        let argument = around.filter(|_| form.of_map).unwrap_or(&field.argument);
        match &field.message {
            Some(inner) => tell_texts(inner, Some(&field.argument), value, tell)?,
            None if field.text => tell(Text { field: &field.name, argument, value }),
            // Numbers, packed.
            None => {}
        }
    }
    Some(())
}
