//! Notes of a site on what it makes, and their limits.

use std::borrow::Cow;
use std::collections::BTreeMap;

use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::desk::error::{ApiError, Result};

/// Maximum number of names, characters of a name, and characters of a value.
const MAX: [usize; 3] = [20, 40, 500];

/// Notes of a site on what it makes, returned as they were given.
pub type Metadata = BTreeMap<String, String>;

/// Refuses what is too large.
///
/// # Errors
/// [`ApiCode::InvalidInput`](crate::desk::error::ApiCode::InvalidInput)
pub(super) fn check(metadata: &Metadata) -> Result<()> {
    let [max, max_name, max_value] = MAX;
    let fits = metadata.len() <= max
        && metadata.iter().all(|(name, value)| {
            (1..=max_name).contains(&name.chars().count()) && value.chars().count() <= max_value
        });
    if fits {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "metadata: is too large; at most {max} names of 1 to {max_name} characters, values of {max_value}"
    )))
}

/// [`Metadata`] in the description of the API.
pub struct MetadataSchema;

impl PartialSchema for MetadataSchema {
    fn schema() -> RefOr<Schema> {
        let [max, max_name, max_value] = MAX;
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let schema: Object = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("Notes of a site on what it makes, returned as they were given."))
            .max_properties(Some(max))
            .property_names(Some(text().min_length(Some(1)).max_length(Some(max_name))))
            .additional_properties(Some(text().max_length(Some(max_value))))
            .build();
        schema.into()
    }
}

impl ToSchema for MetadataSchema {
    fn name() -> Cow<'static, str> {
        "Metadata".into()
    }
}
