//! `/v1/openapi.json` says what the API does. Against OpenAPI's own schema it is checked by `examples/test`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::{Gateway, folder};

#[test]
fn the_document_is_whole() {
    let dir = folder();
    let gateway = Gateway::start(dir.path());
    let answer = gateway.get("/v1/openapi.json");
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("*")));
    let document = answer.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    assert!(references.len() >= 5);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
            for status in ["401", "403", "429", "503"] {
                let schema = &operation["responses"][status]["content"]["application/json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/ApiError", "{method} {path} {status}");
            }
            let named: Vec<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
            let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
            let declared = parameters.iter().filter(|parameter| parameter["in"] == "path");
            let declared: Vec<&str> = declared.map(|parameter| parameter["name"].as_str().unwrap()).collect();
            assert_eq!(named, declared, "{method} {path}");
        }
    }
    assert!(ids.contains("createInvoice") && ids.contains("sendPayment"), "{ids:?}");
    let amount = &document["components"]["schemas"]["Msat"];
    assert_eq!((&amount["type"], &amount["pattern"]), (&"string".into(), &"^[0-9]{1,20}$".into()));
    assert_eq!(document["security"][0]["key"], Value::Array(Vec::new()));
    assert_eq!(document["servers"][0]["url"], "/", "the gateway itself");
    limits_are_told(&document);
    calls_are_told(&document);
}

/// What is refused for its size is refused by the schema, too.
fn limits_are_told(document: &Value) {
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let types = ["BTreeMap", "Option", "Vec", "String"];
    assert!(!schemas.keys().any(|name| types.iter().any(|it| name.contains(it))), "{:?}", schemas.keys());
    let metadata = &schemas["Metadata"];
    assert_eq!(metadata["maxProperties"], 20);
    assert_eq!(
        (&metadata["propertyNames"]["minLength"], &metadata["propertyNames"]["maxLength"]),
        (&1.into(), &40.into())
    );
    assert_eq!(metadata["additionalProperties"]["maxLength"], 500);
    let parameters = document["paths"]["/v1/invoices"]["get"]["parameters"].as_array().unwrap();
    let cursor = parameters.iter().find(|parameter| parameter["name"] == "cursor").unwrap();
    assert_eq!(cursor["schema"]["pattern"], "^[0-9a-f]{1,16}$");
}

fn calls_are_told(document: &Value) {
    let calls = document["webhooks"].as_object().unwrap();
    let names = &document["components"]["schemas"]["EventName"]["enum"];
    let names: BTreeSet<&str> = names.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(calls.keys().map(String::as_str).collect::<BTreeSet<_>>(), names);
    for (name, call) in calls {
        let body = &call["post"]["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(body["properties"]["type"]["enum"][0], **name);
        assert!(
            body["properties"]["data"].is_object() && call["post"]["security"] == Value::Array(Vec::new())
        );
    }
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str).map(ToOwned::to_owned));
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}
