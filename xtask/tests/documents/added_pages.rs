//! A crate of a user of a client that is generated from the unusual pages too: no value is lost or mis-typed, and each
//! request goes where it belongs.

use distribute_ai::{
    Client, reqwest,
    testing::{httpmock::MockServer, mock::MockServerExt},
    types::*,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, from_value, json, to_value};

/// Asserts that a value is read and written without a loss, and returns it.
#[track_caller]
fn kept<T: DeserializeOwned + Serialize>(value: Value) -> T {
    let read: T = from_value(value.clone()).unwrap();
    assert_eq!(to_value(&read).unwrap(), value);
    read
}

fn unions() {
    let received = |part: Value| kept::<OddOneofgot200>(json!({"part": part})).part;
    let image = received(json!({"type": "image_url", "image_url": "u"}));
    assert!(matches!(image, OddOneofgot200Part::ImageUrl(_)), "{image:?}");
    let text = received(json!({"type": "text"}));
    assert!(matches!(text, OddOneofgot200Part::Text(_)), "{text:?}");
    let video = json!({"type": "video", "url": "u"});
    assert_eq!(received(video.clone()), OddOneofgot200Part::Other(video));

    let message = |message: Value| kept::<AsyncChatCreateRequestMessages>(message);
    let parts = json!([{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "t"}]);
    let user = message(json!({"role": "user", "content": parts}));
    let AsyncChatCreateRequestMessages::User(user) = user else { panic!("{user:?}") };
    let AsyncChatCreateRequestMessages2Content::List(parts) = user.content else { panic!("{:?}", user.content) };
    assert!(matches!(parts[..], [
        AsyncChatCreateRequestMessages2Content2::ImageUrl(_),
        AsyncChatCreateRequestMessages2Content2::Text(_)
    ]));
    let user = message(json!({"role": "user", "content": "t"}));
    assert!(matches!(user, AsyncChatCreateRequestMessages::User(_)), "{user:?}");
    let tool = message(json!({"role": "tool", "content": "t", "tool_call_id": "1"}));
    assert!(matches!(tool, AsyncChatCreateRequestMessages::Tool(_)), "{tool:?}");
    let assistant = message(json!({"role": "assistant", "content": null}));
    assert!(matches!(assistant, AsyncChatCreateRequestMessages::Assistant(_)), "{assistant:?}");
    let choice = |choice: Value| kept::<AsyncChatCreateRequestToolChoice>(choice);
    assert_ne!(choice(json!("auto")), choice(json!({"type": "function", "function": {"name": "f"}})));
}

fn enums() {
    let sent = OddNumenumRequest::new().k(KnownOddNumenum200N::N4).n(AsyncChatCreateRequestN::N1);
    assert_eq!(to_value(sent).unwrap(), json!({"k": 4, "n": 1.0}));
    assert!(KnownOddNumenum200N::try_from(77).is_err());
    assert!(from_value::<OddNumenumRequest>(json!({"n": 77.5})).is_err());
    let known: OddNumenum200 = kept(json!({"n": 4, "b": false}));
    assert_eq!(known.n.unwrap(), KnownOddNumenum200N::N4);
    let other: OddNumenum200 = kept(json!({"n": 5}));
    assert_eq!(other.n.unwrap(), 5);
    for (word, text) in
        [(OddEnumnamesRequestE::AB, "a-b"), (OddEnumnamesRequestE::AB2, "a_b"), (OddEnumnamesRequestE::AB3, "A B")]
    {
        assert_eq!(to_value(OddEnumnamesRequest::new().e(word)).unwrap(), json!({"e": text}));
        assert_eq!((word.to_string().as_str(), text.parse::<OddEnumnamesRequestE>().unwrap()), (text, word));
    }
}

fn texts_and_null() {
    kept::<OddAutoname2Request>(json!({"a": {"b": "123456789"}, "a_b": "12345"}));
    assert!(from_value::<OddAutoname2Request>(json!({"a_b": "123456"})).is_err());
    let request = ChatCompletionsRequest::new(Vec::new(), AsyncChatCreateRequestModel::DeepSeekR1);
    let bias = |request: ChatCompletionsRequest| to_value(request).unwrap().get("logit_bias").cloned();
    assert_eq!(bias(request.clone()), None);
    assert_eq!(bias(request.logit_bias(None)), Some(Value::Null));
    assert_eq!(to_value(OddNotRequest::new().s(json!(3)).t("t")).unwrap(), json!({"s": 3, "t": "t"}));
}

fn more_pages() {
    let pet = |pet: Value| kept::<MoreDiscr200>(json!({"pet": pet})).pet.unwrap();
    assert!(matches!(pet(json!({"petType": "dog", "bark": 3})), MoreDiscr200Pet::Dog(_)));
    assert!(matches!(pet(json!({"petType": "cat", "name": "n"})), MoreDiscr200Pet::Cat(_)));
    assert!(matches!(pet(json!({"petType": "cow", "moo": 3})), MoreDiscr200Pet::Other(_)));
    let voice = |name: &str| kept::<MoreEnumunion200>(json!({"v": name})).v.unwrap();
    assert_eq!(voice("leo"), MoreEnumunion200V::StdVoice(StdVoice::Known(KnownStdVoice::Leo)));
    assert_eq!(voice("zoe"), MoreEnumunion200V::ProVoice(ProVoice::Known(KnownProVoice::Zoe)));
    assert_eq!(voice("new"), MoreEnumunion200V::StdVoice(StdVoice::Other("new".to_owned())));
    // A value of both parts of an anyOf.
    kept::<MoreAnyofgot200>(json!({"v": {"x": "a"}}));
    kept::<MoreAnyofgot200>(json!({"v": {"y": 1}}));
    kept::<MoreAnyofgot200>(json!({"v": {"x": "a", "y": 1}}));
    kept::<MoreEither200>(json!({"v": {"a": "x", "b": "y"}}));
    kept::<MoreEither200>(json!({"v": {}}));
    kept::<MoreEitherRequest>(json!({"a": "x", "b": 1}));
    kept::<MoreRecunionRequest>(json!({"e": {"op": "not", "of": {"op": "lit", "v": "x"}}}));
    kept::<MoreItemspropRequest>(json!({"v": {"items": {"items": "x"}}}));
    kept::<MoreTreeRequest>(json!({"t": {"kids": [{"v": "a"}], "parent": {"v": "b"}}}));
    kept::<MoreNullsRequest>(json!({"e": null, "r": null, "s": null, "q": null, "l": null, "i": [1, null]}));
    kept::<MoreNullsRequest>(json!({"e": "a", "q": "a", "l": "abc"}));
    kept::<MoreBigint200>(json!({"a": 9_007_199_254_740_993_i64, "f": 0.25}));
    for word in ["ON", "On", "on", "oN"] {
        kept::<MoreCasenum200>(json!({"a": word}));
    }
    kept::<MoreMaps200>(json!({"m": {"k": "new", "l": "a"}, "q": {"w": {"z": "1"}}}));
    kept::<MoreUniondupRequest>(json!({"v": [1, 2]}));
    kept::<MoreUniondupRequest>(json!({"v": ["a"]}));
    kept::<MoreAllof200>(json!({"a": "x", "c": "y"}));
    // The titles of the alternatives are `Known` and `Other`.
    kept::<MoreTitles200>(json!({"v": {"a": "x"}}));
    kept::<MoreTitles200>(json!({"v": {"b": "x"}}));
    kept::<MoreTitlesRequest>(json!({"v": {"b": "x"}}));
}

async fn requests() {
    let server = MockServer::start();
    let get = server.odd_getq(|when, then| {
        drop((when.limit(5).x_trace("t").into_inner().header("authorization", "key"), then.ok(&TaskCreated::new("1"))));
    });
    let own = server.odd_opserver(|when, then| {
        drop((when.body(&OddMultierrRequest::new("a")), then.ok(&TaskCreated::new("2"))));
    });
    let list = server.odd_params(|when, then| {
        let tags = vec!["a b".to_owned(), "c".to_owned()];
        drop((when.id("x").tags(&tags).sort(&OddParamsQuerySort::Desc), then.ok(&TaskCreated::new("3"))));
    });
    let builder = || Client::builder().api_key("key").base_url(server.base_url());
    let open = server.more_nosec(|when, then| {
        drop((when.into_inner().header_missing("authorization"), then.ok(&TaskCreated::new("4"))));
    });
    for client in [builder(), builder().http_client(reqwest::Client::new())].map(|builder| builder.build().unwrap()) {
        assert_eq!(client.odd_getq(Some(5), Some("t")).await.unwrap().id, "1");
        // A base URL that the user sets takes the operations with servers of their own too.
        assert_eq!(client.odd_opserver(&OddMultierrRequest::new("a")).await.unwrap().id, "2");
        let tags = vec!["a b".to_owned(), "c".to_owned()];
        let sorted = client.odd_params("x", None, Some(&OddParamsQuerySort::Desc), Some(&tags), None);
        assert_eq!(sorted.await.unwrap().id, "3");
        assert_eq!(client.more_nosec(&MoreNosecRequest::new()).await.unwrap().id, "4");
    }
    get.assert_calls(2);
    open.assert_calls(2);
    own.assert_calls(2);
    list.assert_calls(2);
}

/// An image of 2 MB in a response is not cut.
async fn large_response() {
    let server = MockServer::start();
    let image = ImagesGenerations200Data::new().b64_json("A".repeat(2_000_000));
    let response = ImagesGenerations200::new(0, [image]);
    server.images_generations(|_, then| drop(then.ok(&response)));
    let client = Client::builder().api_key("key").base_url(server.base_url()).build().unwrap();
    let request = AsyncImagesCreateRequest::new("a".parse().unwrap());
    assert_eq!(client.images_generations(&request).await.unwrap().into_inner(), response);
}

#[tokio::main]
async fn main() {
    unions();
    enums();
    texts_and_null();
    more_pages();
    requests().await;
    large_response().await;
}
