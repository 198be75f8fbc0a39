//! Reads requests strictly. Answers are read as protobuf reads them, so that an older client understands a newer broker.

use super::{status::Failure, wire};
use prost::{Message, Name, bytes::Buf};
use std::marker::PhantomData;
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstEncoder};

/// The codec of every service: `application/grpc+proto`.
#[derive(Debug)]
pub struct StrictCodec<T, U>(PhantomData<(T, U)>);

/// Its reading half.
#[derive(Debug)]
pub struct StrictDecoder<U>(PhantomData<U>);

impl<T, U> Default for StrictCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for StrictCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Name + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = StrictDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        StrictDecoder(PhantomData)
    }
}

impl<U: Message + Name + Default> Decoder for StrictDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let whole = zeroize::Zeroizing::new(bytes.copy_to_bytes(bytes.remaining()).to_vec());
        if U::NAME.ends_with("Request") && !wire::is_strictly(&U::full_name(), whole.as_slice()) {
            return Err(Failure::Malformed.into());
        }
        U::decode(whole.as_slice()).map(Some).map_err(|_| Failure::Malformed.into())
    }
}
