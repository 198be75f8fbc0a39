//! Several issuers: each believed in its own name, about its own organisations, in its own words.

use super::{
    signers::{ALGORITHMS, Signer, jwks},
    trust::{ISSUER, Trust, issuer, nowhere},
};
use crate::harness::*;
use disown::{
    app::AppError,
    config::{Config, IssuerConfig},
    identity::{Algorithm, NotRenewed},
};
use serde_json::json;
use std::fs;

const OTHER: &str = "https://login.example.org";

fn for_police(name: &str, signer: &Signer) -> IssuerConfig {
    let organisations = Some(["states-of-jersey-police".try_into().unwrap()].into());
    IssuerConfig { organisations, ..issuer(name, signer, nowhere()) }
}

#[test]
fn an_issuer_cannot_speak_in_the_name_of_another() {
    for algorithm in ALGORITHMS {
        // Keys of the same name, of the same algorithm.
        let (ours, theirs) = (Signer::of(algorithm), Signer::new(algorithm, "key-1"));
        let trust = Trust::in_files(vec![
            (issuer(ISSUER, &ours, nowhere()), jwks(&[ours.jwk()])),
            (issuer(OTHER, &theirs, nowhere()), jwks(&[theirs.jwk()])),
        ]);
        for (signer, iss, taken) in
            [(&*ours, ISSUER, true), (&theirs, OTHER, true), (&ours, OTHER, false), (&theirs, ISSUER, false)]
        {
            let token = trust.token(signer, json!({ "iss": iss }));
            assert_eq!(trust.roles(&token).is_some(), taken, "{iss} {}", algorithm.as_str());
        }
        println!("A09 right key, wrong issuer {} ... refused", algorithm.as_str());
    }
}

#[test]
fn issuers_of_different_algorithms_do_not_lend_them_to_each_other() {
    let signers = ALGORITHMS.map(Signer::of);
    let name = |algorithm: Algorithm| format!("https://{}.example", algorithm.as_str());
    let issuers = signers.iter().map(|one| (issuer(&name(one.algorithm), one, nowhere()), jwks(&[one.jwk()])));
    let trust = Trust::in_files(issuers.collect());
    for signer in &signers {
        for algorithm in ALGORITHMS {
            let token = trust.token(signer, json!({ "iss": name(algorithm) }));
            assert_eq!(trust.roles(&token).is_some(), signer.algorithm == algorithm);
        }
    }
}

#[test]
fn an_issuer_speaks_for_its_organisations_alone() {
    let signer = Signer::of(Algorithm::Es256);
    let trust = Trust::in_files(vec![(for_police(ISSUER, &signer), jwks(&[signer.jwk()]))]);
    let of = |organisation: &str| trust.roles(&trust.token(&signer, json!({ "organisation": organisation }))).is_some();
    assert!(of("states-of-jersey-police"));
    for other in ["health-and-care-jersey", "States-of-jersey-police", "states-of-jersey-police.", "states"] {
        assert!(!of(other), "{other}");
    }
}

#[test]
fn claims_are_where_the_configuration_says_and_roles_are_translated() {
    let signer = Signer::of(Algorithm::EdDsa);
    let mut trusted = issuer(ISSUER, &signer, nowhere());
    trusted.claims.organisation = "org".to_owned().try_into().unwrap();
    trusted.claims.roles = "realm_access.roles".to_owned().try_into().unwrap();
    let ours = |name: &str| name.try_into().unwrap();
    let names =
        [("sojp.officer", ours("police_officer")), ("sojp.pc", ours("police_officer")), ("gp", ours("clinician"))];
    trusted.roles = Some(names.map(|(theirs, ours)| (theirs.to_owned(), ours)).into());
    let trust = Trust::in_files(vec![(trusted, jwks(&[signer.jwk()]))]);
    let roles = |roles: &str| {
        let claims = json!({ "org": "states-of-jersey-police", "realm_access": "here" });
        let claims = trust.token(&signer, claims);
        let payload = super::tokens::payload(&claims).replace("\"here\"", roles);
        trust.roles(&signer.signed(&signer.header().to_string(), &payload))
    };
    let given = |list: &[&str]| Some(list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
    assert_eq!(roles(r#"{"roles":["sojp.officer"]}"#), given(&["police_officer"]));
    // Two names of one of our roles are that role, once; one that we do not know gives nothing, even if it sounds like ours.
    assert_eq!(
        roles(r#"{"roles":["gp","sojp.pc","offline_access","sojp.officer"]}"#),
        given(&["clinician", "police_officer"])
    );
    assert_eq!(roles(r#"{"roles":["police_officer","auditor"]}"#), given(&[]));
    assert_eq!(roles(r#"{"roles":["sojp.officer","sojp.officer"]}"#), None);
    assert_eq!(roles(r#"{"roles":["gp"],"roles":["sojp.officer"]}"#), None);
    assert_eq!(roles(r#"{"r\u006fles":["gp"],"roles":["sojp.officer"]}"#), None);
    assert_eq!(roles(r#"[{"roles":["sojp.officer"]}]"#), None);
    assert_eq!(roles(r#"{"roles":"sojp.officer"}"#), None);
    assert_eq!(roles(r#"{}"#), None);
    assert_eq!(roles(r#""roles""#), None);
    // What stands at the top in the usual place is not looked at.
    let usual = trust.token(&signer, json!({ "org": "states-of-jersey-police" }));
    assert_eq!(trust.roles(&usual), None);
}

#[test]
fn issuers_that_cannot_be_trusted_together_are_refused() {
    let second = |more: &str| {
        let keys = "algorithm = \"ES256\"\njwks = { file = \"jwks.json\" }";
        format!("[[identity.issuers]]\nissuer = \"{OTHER}\"\n{keys}\n{more}\n[access_log]")
    };
    let first = |more: &str| format!("issuer = \"urn:disown:development\"\n{more}");
    let (a, b) = ("organisations = [\"a\"]", "organisations = [\"b\", \"c\"]");
    for (one, other, says) in [
        (first(a), second(b), None),
        (first(""), second(b), Some("each needs its `organisations`")),
        (first(a), second(""), Some("each needs its `organisations`")),
        (first(a), second("organisations = [\"b\", \"a\"]"), Some("`a` is in the `organisations` of two issuers")),
        (first("organisations = []"), second(b), Some("may speak for nobody")),
        (first(a), second(b).replace(OTHER, "urn:disown:development"), Some("the same name")),
        (first(a), second(b).replace(OTHER, ""), Some("not empty")),
    ] {
        let deployment = Deployment::new();
        deployment.edit("disown.toml", "issuer = \"urn:disown:development\"", &one);
        deployment.edit("disown.toml", "[access_log]", &other);
        let read = Config::read(&deployment.path("disown.toml")).map(drop).map_err(|error| error.to_string());
        match says {
            None => read.unwrap(),
            Some(says) => assert!(read.as_ref().unwrap_err().contains(says), "{read:?}"),
        }
    }
}

#[test]
fn an_issuer_that_is_written_wrongly_is_refused_by_the_rule() {
    let jwks = "jwks = { file = \"jwks.json\" }";
    let url = |url: &str| format!("jwks = {{ url = \"{url}\" }}");
    let https = "an `https` URL without user, password and fragment";
    for (from, to, says) in [
        ("algorithm = \"EdDSA\"", "algorithm = \"HS256\"", "unknown variant"),
        ("algorithm = \"EdDSA\"", "algorithm = \"none\"", "unknown variant"),
        ("algorithm = \"EdDSA\"", "algorithm = [\"EdDSA\", \"RS256\"]", "algorithm"),
        ("algorithm = \"EdDSA\"", "", "missing field `algorithm`"),
        (jwks, "", "missing field `jwks`"),
        (jwks, "jwks = {}", "`jwks` is { file"),
        (jwks, "jwks = { file = \"a\", url = \"https://a.example\" }", "`jwks` is { file"),
        (jwks, "jwks = { file = \"a\", ca = \"b\" }", "`jwks` is { file"),
        (jwks, "jwks = { uri = \"https://a.example\" }", "unknown field `uri`"),
        (jwks, &url("http://127.0.0.1:1/jwks.json"), https),
        (jwks, &url("file:///etc/passwd"), https),
        (jwks, &url("https://user:secret@a.example/"), https),
        (jwks, &url("https://a.example/#b"), https),
        (jwks, &url("a.example"), "not a URL"),
        (jwks, &format!("{jwks}\nkid = \"a\""), "unknown field `kid`"),
        (jwks, &format!("{jwks}\nclaims = {{ role = \"a\" }}"), "unknown field `role`"),
        (jwks, &format!("{jwks}\nclaims = {{ roles = \"a..b\" }}"), "names with dots between them"),
        (jwks, &format!("{jwks}\nroles = {{ a = \"two words\" }}"), "a name is"),
        (jwks, &format!("{jwks}\norganisations = [\"two words\"]"), "a name is"),
    ] {
        let deployment = Deployment::new();
        deployment.edit("disown.toml", from, to);
        let error = Config::read(&deployment.path("disown.toml")).unwrap_err().to_string();
        assert!(error.contains(says), "`{to}` is told as: {error}");
    }
}

#[tokio::test]
async fn a_file_of_keys_is_read_again_and_a_bad_one_changes_nothing() {
    let (old, new) = (Signer::of(Algorithm::Es256), Signer::new(Algorithm::Es256, "key-2"));
    let trust = Trust::in_one(&old);
    let read = |keys: &str| {
        fs::write(trust.folder.path().join("0.json"), keys).unwrap();
        trust.verifier.read_keys_again();
        (trust.takes(&old), trust.takes(&new))
    };
    assert_eq!(read(&jwks(&[old.jwk(), new.jwk()])), (true, true));
    let taken = trust.token(&old, json!({}));
    assert!(trust.roles(&taken).is_some());
    for bad in ["", "{", "{\"keys\": []}", &jwks(&[new.jwk(), new.jwk()]), &jwks(&[Signer::of(Algorithm::EdDsa).jwk()])]
    {
        assert_eq!(read(bad), (true, true), "{bad}");
    }
    // A key that is gone is gone at once, for a token that was taken before as well.
    assert_eq!(read(&jwks(&[new.jwk()])), (false, true));
    assert_eq!(trust.roles(&taken), None);
    fs::remove_file(trust.folder.path().join("0.json")).unwrap();
    trust.verifier.read_keys_again();
    assert_eq!((trust.takes(&old), trust.takes(&new)), (false, true));
}

#[tokio::test]
async fn a_broker_reads_its_files_of_keys_again_when_asked() {
    use super::tokens::{Forge, knock};
    let deployment = Deployment::new();
    let forge = Forge::with(&deployment, Algorithm::Rs256);
    let broker = deployment.serve().await;
    let good = format!("Bearer {}", forge.good());
    knock(&broker, &[&good]).await.unwrap();
    let other = Signer::new(Algorithm::Rs256, "key-2");
    fs::write(broker.deployment.path("jwks.json"), jwks(&[other.jwk()])).unwrap();
    broker.reload.send_modify(|count| *count += 1);
    while knock(&broker, &[&good]).await.is_ok() {
        tokio::task::yield_now().await;
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_broker_does_not_start_without_the_file_of_keys() {
    let mut deployment = Deployment::new();
    fs::remove_file(deployment.path("jwks.json")).unwrap();
    let Err(error) = deployment.build().await else { panic!("the broker was built") };
    assert!(
        matches!(error, AppError::Keys(NotRenewed::File { .. })) && error.to_string().contains("jwks.json"),
        "{error}"
    );
}

#[tokio::test]
async fn a_broker_does_not_start_with_a_role_that_nobody_knows() {
    let mut deployment = Deployment::new();
    let translated = |role: &str| format!("algorithm = \"EdDSA\"\nroles = {{ gp = \"clinician\", pc = \"{role}\" }}");
    deployment.edit("disown.toml", "algorithm = \"EdDSA\"", &translated("police_oficer"));
    let Err(error) = deployment.build().await else { panic!("the broker was built") };
    assert!(error.to_string().contains("`police_oficer`, which is no role"), "{error}");
    deployment.edit("disown.toml", "police_oficer", "police_officer");
    assert!(deployment.build().await.is_ok());
}
