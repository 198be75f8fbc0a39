//! Before the first token: what the cryptography of this build makes of signatures that are known.

use super::{
    jws,
    key::Algorithm,
    key_set::{InvalidKeySet, KeySet},
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// Cryptography that cannot be relied on.
#[derive(Debug, thiserror::Error)]
pub enum NotAsItMust {
    /// The published key is not one.
    #[error("the published {0} key is not read: {1}")]
    Key(&'static str, InvalidKeySet),
    /// The published signature is not one.
    #[error("the published {0} signature is refused")]
    Refuses(&'static str),
    /// Another one is.
    #[error("an altered {0} message is accepted")]
    Accepts(&'static str),
}

/// Algorithm, published key, message signed by it, from RFC 8037 appendix A, RFC 7515 appendix A.3, RFC 7520 section 4.1.
const PUBLISHED: [(Algorithm, &str, &str); 3] = [
    (
        Algorithm::EdDsa,
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
         hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    ),
    (
        Algorithm::Es256,
        r#"{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","kid":"1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#,
        "eyJhbGciOiJFUzI1NiJ9.\
         eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
         DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
    (
        Algorithm::Rs256,
        r#"{"keys":[{"kty":"RSA","alg":"RS256","kid":"1","e":"AQAB","n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw"}]}"#,
        "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.\
         SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlv\
         dSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.\
         MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-\
         Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrD\
         aLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg",
    ),
];

/// Verifies a published signature of each algorithm, and refuses it for an altered message. A build without a provider of
/// cryptography, or with two, panics here, at the start, and not at the first request.
pub fn self_test() -> Result<(), NotAsItMust> {
    // The one of this process, which HTTPS needs as well. One that is there already stays.
    if CryptoProvider::get_default().is_none() {
        let _ = aws_lc_rs::default_provider().install_default();
    }
    for (algorithm, jwks, message) in PUBLISHED {
        let name = algorithm.as_str();
        let keys = KeySet::parse(jwks.as_bytes(), algorithm).map_err(|why| NotAsItMust::Key(name, why))?;
        let opens = |message: &str| jws::open(message, |_, _| keys.key("1")).is_some();
        if !opens(message) {
            return Err(NotAsItMust::Refuses(name));
        }
        // Another payload of good form under the same signature.
        let altered: Vec<&str> =
            message.split('.').enumerate().map(|(at, part)| if at == 1 { "e30" } else { part }).collect();
        if opens(&altered.join(".")) {
            return Err(NotAsItMust::Accepts(name));
        }
    }
    Ok(())
}
