//! Operations: their servers and the names of their methods.

use serde_json::json;

use super::documents::{Case, assert_refused, body, document, surface};
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

#[test]
fn header_of_the_key_is_valid_and_not_one_that_the_client_sets() {
    let of = |name: &str| {
        let document = document(&body(&json!({})), |document| {
            document["components"]["securitySchemes"]["Key"]["name"] = json!(name);
        });
        surface(&document)
    };
    for name in ["X-API-Key", "api_key"] {
        assert_eq!(of(name).unwrap()["facts::KEY_HEADER"]["type"], format!("{:?}", name.to_lowercase()));
    }
    for (name, expected) in [
        ("X API Key", "is not the name of a header"),
        ("", "is not the name of a header"),
        ("clé", "is not the name of a header"),
        ("x:y", "is not the name of a header"),
        ("Accept-Encoding", "is a header that the client sets"),
        ("Content-Type", "is a header that the client sets"),
    ] {
        let error = of(name).unwrap_err();
        let expected = format!("/paths/~1do/post/security: {name:?} {expected}");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn header_parameter_is_an_argument_or_ignored_or_refused() {
    let of = |name: &str, path: &str| {
        let parameter = json!({"name": name, "in": "header", "schema": {"type": "string"}});
        let document = document(&body(&json!({})), |document| {
            document["components"]["parameters"] = json!({"P": parameter});
            document.pointer_mut(path).unwrap()["parameters"] =
                json!([{"$ref": "#/components/parameters/P"}]);
        });
        let items = surface(&document)?;
        Ok::<_, String>(items["Client::do_it()"]["arguments"].as_array().unwrap().len())
    };
    for path in ["/paths/~1do", "/paths/~1do/post"] {
        assert_eq!(of("X-Trace", path), Ok(3));
        for name in ["Accept", "content-type", "AUTHORIZATION"] {
            assert_eq!(of(name, path), Ok(2), "{name}");
        }
        for name in ["X Y", "", "Accept-Encoding", "api-version"] {
            let error = of(name, path).unwrap_err();
            let expected = format!("{path}/parameters/0: {name:?} is ");
            assert!(error.starts_with(&expected), "{error}");
        }
    }
}

#[test]
fn paths_that_no_request_can_have_are_refused_with_their_place() {
    let cases: [Case; 3] = [
        (
            |document| {
                let item = document["paths"]["/do"].clone();
                document["paths"]["/do#it"] = item;
            },
            "/paths/~1do#it/post: the server would not receive what follows `#`".to_owned(),
        ),
        (
            |document| {
                let item = document["paths"]["/do"].clone();
                document["paths"]["/do?it=1"] = item;
            },
            "/paths/~1do?it=1/post: a path has no query".to_owned(),
        ),
        (
            |document| document["paths"]["/other"] = json!({"$ref": "#/paths/~1do"}),
            "/paths/~1other/$ref: a path that is defined elsewhere".to_owned(),
        ),
    ];
    assert_refused(&cases);
}

#[test]
fn credentials_other_than_one_header_are_refused_with_their_place() {
    let operation = "/paths/~1do/post";
    let cases: [Case; 2] = [
        (
            |document| {
                document["components"]["securitySchemes"]["Key"] =
                    json!({"type": "http", "scheme": "bearer"});
            },
            format!("{operation}/security: expected an API key in a header"),
        ),
        (
            |document| {
                let mut other = document["paths"]["/do"].clone();
                other["post"]["operationId"] = json!("other");
                other["post"]["security"] = json!([{"Other": []}]);
                document["paths"]["/other"] = other;
                document["components"]["securitySchemes"]["Other"] =
                    json!({"type": "apiKey", "in": "header", "name": "X-Key"});
            },
            "/paths/~1other/post/security: expected one header for the API key, found authorization and x-key; correct"
                .to_owned(),
        ),
    ];
    assert_refused(&cases);
}
