//! Operations: their servers and the names of their methods.

use serde_json::json;

use super::documents::{body, document, surface};
use crate::generate::{self, Parts};

#[test]
fn server_is_normalized_or_refused_with_its_place() {
    let with = |place: &str, url: &str| {
        let document = document(&body(&json!({})), |document| {
            let (parent, _) = place.rsplit_once('/').unwrap();
            document.pointer_mut(parent).unwrap()["servers"] = json!([{"url": url}]);
        });
        surface(&document)
    };
    for (url, expected) in [
        ("https://api.example/", "https://api.example"),
        ("HTTPS://API.example:443/V1//", "https://api.example/V1"),
        ("https://a-b_c.example:8443/~v1/@%20", "https://a-b_c.example:8443/~v1/@%20"),
        ("https://192.0.2.1", "https://192.0.2.1"),
    ] {
        let items = with("/servers", url).unwrap();
        assert_eq!(items["facts::BASE_URL"]["type"], format!("{expected:?}"));
    }
    for url in [
        "",
        "/v1",
        "ftp://api.example",
        "http://api.example",
        "https://",
        "https:///v1",
        "https://api.example?x=1",
        "https://api.example/#/x",
        "https://u:p@api.example",
        "https://api.example/a b",
        "https://api.example:99999",
        "https://1.2.3.400",
        "https://api.example/{version}",
        " https://api.example",
    ] {
        for (place, pointer) in [
            ("/servers", ""),
            ("/paths/~1do/servers", "/paths/~1do/post"),
            ("/paths/~1do/post/servers", "/paths/~1do/post"),
        ] {
            let error = with(place, url).unwrap_err();
            let expected = format!("{pointer}/servers/0/url: {url:?} is not the start");
            assert!(error.starts_with(&expected), "{error}");
        }
    }
}

#[test]
fn operation_is_found_by_the_name_of_its_method_or_refused() {
    let server = json!([{"url": "https://eu.example"}]);
    let of = |id: &str| {
        let document = document(&body(&json!({})), |document| {
            let operation = &mut document["paths"]["/do"]["post"];
            operation["operationId"] = json!(id);
            operation["security"] = json!([]);
            operation["servers"] = server.clone();
        });
        let items = surface(&document)?;
        let generated = generate::generate(&document, Parts { schemas: false, mock: false }).unwrap();
        let client = prettyplease::unparse(&generated.client);
        assert_eq!(client.matches("self.server(\"https://eu.example\")").count(), 1, "{id}");
        Ok::<_, String>(items)
    };
    for (id, method) in [
        ("new", "new"),
        ("newWithClient", "new_with_client"),
        ("move", "move_"),
        ("gen", "gen_"),
        ("Self", "self_"),
        ("3dCreate", "_3d_create"),
        ("été", "été"),
        ("it's", "its"),
        ("a/b.c", "a_b_c"),
    ] {
        let items = of(id).unwrap();
        assert!(items.get(format!("Client::{method}()")).is_some(), "{id}: {items}");
        assert_eq!(items["facts::WITHOUT_KEY"]["type"], format!("&[{method:?}]"), "{id}");
    }
    for id in ["clone", "exec", "pre", "post", "apiVersion", "baseurl", "client", "inner"] {
        let error = of(id).unwrap_err();
        assert!(error.starts_with("/paths/~1do/post: Client has a method "), "{id}: {error}");
    }
    for id in ["+1", "\u{24d0}", "-", ""] {
        let error = of(id).unwrap_err();
        assert!(error.starts_with("/paths/~1do/post/operationId: expected letters"), "{id}: {error}");
    }
}
