//! The test that the README shows, and a check that the README shows it.

use distribute_ai::testing::Simulator;

#[tokio::test]
async fn speak_submits_text_once() -> Result<(), Box<dyn std::error::Error>> {
    let simulator = Simulator::start().await?;
    let speech = simulator.client().speak("Hello").await?;
    assert_eq!(simulator.spoken(), ["Hello"]);
    assert_eq!(speech.audio()?.bytes().await?, Simulator::audio_of("Hello"));
    Ok(())
}

#[test]
fn readme_shows_speak_test() {
    let snippet = include_str!("readme.rs").split("\n\n").skip(1).take(2).collect::<Vec<_>>().join("\n\n");
    assert!(include_str!("../../README.md").contains(&format!("```rust\n{snippet}\n```")), "{snippet}");
}
