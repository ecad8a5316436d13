//! Generates the typed client from `openapi/distribute-ai.json` into `OUT_DIR`.
//!
//! The build script reads only this file, writes only to `OUT_DIR`, and does not use the network.
//! `cargo xtask spec build` runs the same code before it writes the document, so this script fails only if a person
//! has edited the document.

#[path = "build/generate.rs"]
mod generate;

use std::{env, fs, path::Path, process::ExitCode};

use generate::Parts;

const SPEC: &str = "openapi/distribute-ai.json";

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed={SPEC}");
    let Err(problems) = run() else { return ExitCode::SUCCESS };
    for problem in problems {
        println!("cargo::error={SPEC}: {problem}");
    }
    println!("cargo::error=run `cargo xtask spec build` to write the file again, or restore the file");
    ExitCode::FAILURE
}

fn run() -> Result<(), Vec<String>> {
    let text = fs::read_to_string(SPEC).map_err(|error| vec![error.to_string()])?;
    let document = serde_json::from_str(&text).map_err(|error| vec![error.to_string()])?;
    let is_enabled = |feature: &str| env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    let parts = Parts { schemas: is_enabled("SCHEMARS"), mock: is_enabled("TESTING") };
    let generated = generate::generate(&document, parts)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    generated.files().try_for_each(|(name, file)| write(name, file)).map_err(|error| vec![error])
}

fn write(name: &str, file: &syn::File) -> Result<(), String> {
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    fs::write(Path::new(&out).join(name), prettyplease::unparse(file)).map_err(|error| error.to_string())
}
