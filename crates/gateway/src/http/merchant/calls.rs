//! The calls that a gateway makes to sites, as its description has them (OpenAPI 3.1, `webhooks`).

use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{ContentBuilder, HttpMethod, PathItem, Paths, Ref, RefOr, Required, Response, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::desk::merchant::metadata::MetadataSchema;
use crate::desk::merchant::types::{Invoice, Payment};

/// All of them.
pub(super) fn described() -> Paths {
    let invoice = || RefOr::Ref(Ref::from_schema_name(Invoice::name()));
    let payment = || RefOr::Ref(Ref::from_schema_name(Payment::name()));
    PathsBuilder::new()
        .path("invoice.paid", call("invoice.paid", "An invoice was paid.", invoice()))
        .path("payment.succeeded", call("payment.succeeded", "A payment succeeded.", payment()))
        .path("payment.failed", call("payment.failed", "A payment failed, no funds were sent.", payment()))
        .path("ping", call("ping", "A trial of the webhook.", MetadataSchema::schema()))
        .build()
}

/// A POST of `{id, type, createdAt, data}`.
fn call(event: &str, what: &str, data: RefOr<Schema>) -> PathItem {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let id = text().description(Some("The same in every attempt: a repeated call is seen by it."));
    let time = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0));
    let body = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("id", id)
        .property("type", text().enum_values(Some([event])))
        .property("createdAt", time)
        .property("data", data);
    let body = ["id", "type", "createdAt", "data"].into_iter().fold(body, ObjectBuilder::required);
    let signature = ParameterBuilder::new()
        .name("Amplet-Signature")
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some(
            "`t=<seconds>,v1=<hex>`: HMAC-SHA256, keyed with the secret's text, over `<t>.<body>`.",
        ))
        .schema(Some(text().pattern(Some("^t=[0-9]+,v1=[0-9a-f]{64}$"))));
    let body = RequestBodyBuilder::new()
        .required(Some(Required::True))
        .content("application/json", ContentBuilder::new().schema(Some(body)).build());
    let operation = OperationBuilder::new()
        .tag("webhooks")
        .summary(Some(what))
        .parameter(signature)
        .request_body(Some(body.build()))
        .response("2XX", Response::new("Taken: it is not made again."))
        .response("default", Response::new("It is made again, at doubling pauses up to an hour, for a day."))
        .securities(Some([]));
    PathItem::new(HttpMethod::Post, operation)
}
