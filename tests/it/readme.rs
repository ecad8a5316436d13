//! The test that the README shows, run; and that it shows it.

use distribute_ai::testing::Simulator;

#[tokio::test]
async fn a_text_is_spoken_once() -> Result<(), Box<dyn std::error::Error>> {
    let simulator = Simulator::start().await?;
    let speech = simulator.client().speak("Hello").await?;
    assert_eq!(simulator.spoken(), ["Hello"]);
    assert_eq!(speech.audio()?.bytes().await?, Simulator::audio_of("Hello"));
    Ok(())
}

#[test]
fn the_readme_shows_this_test() {
    let shown = include_str!("readme.rs").split("\n\n").skip(1).take(2).collect::<Vec<_>>().join("\n\n");
    assert!(include_str!("../../README.md").contains(&format!("```rust\n{shown}\n```")), "{shown}");
}
