//! Compiles `proto/disown/v1` without protoc, and keeps the descriptor set for reflection and for the tests that walk every RPC.
use std::{env, fs, path::PathBuf};

#[expect(clippy::disallowed_methods, reason = "the build tool passes its folder by the environment")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=migrations");
    let files = ["access", "agreement", "audit", "break_glass", "intake", "rights", "warrant", "watch"]
        .map(|name| format!("disown/v1/{name}.proto"));
    let descriptors = protox::compile(files, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?).join("disown.v1.fds.bin");
    fs::write(out, protox::prost::Message::encode_to_vec(&descriptors))?;
    let mut messages = tonic_prost_build::Config::new();
    messages.enable_type_names();
    tonic_prost_build::configure()
        // A request holds a JY number: without `Debug` nobody can print one by accident.
        .skip_debug(["."])
        // Messages are read strictly: what a caller says must be what the broker understands.
        .codec_path("crate::edge::StrictCodec")
        .compile_fds_with_config(descriptors, messages)?;
    Ok(())
}
