//! `GET /v1/openapi.json`

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// The document but for its paths, which register themselves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Amplet gateway: the API for sites",
        description = "Invoices, payments and webhooks for a site's server. Amounts in millisatoshi are decimal text; times are seconds since the UNIX epoch. Errors are `{code, message}`; the message names the remedy. Repeat a POST with the same `Idempotency-Key` and body after a lost answer: it is done once.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/", description = "The gateway that serves this document.")),
    modifiers(&Bearer),
    security(("key" = [])),
)]
pub(super) struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("amplet_<id>_<secret>")
            .description(Some("Made by the gateway's operator: `amplet-gateway keys add`. Never in a page."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(scheme));
    }
}
