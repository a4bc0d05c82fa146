//! One store of the server in memory.

use std::collections::BTreeMap;

use crate::PAGE_BYTES;
use crate::listing::{Order, Query};
use crate::rules::{Found, Head, Plan, Row};

#[derive(Clone, Default)]
pub(super) struct Store {
    pub head: Head,
    pub rows: BTreeMap<String, Row>,
}

impl Store {
    pub fn found(&self, key: &str) -> Option<Found> {
        let row = self.rows.get(key)?;
        let value_bytes = row.value.as_ref().map(|value| value.len() as u64);
        Some(Found { version: row.version, created: row.created, value_bytes })
    }

    pub fn apply(&mut self, plan: Plan) {
        if plan.forgets {
            self.rows.retain(|_, row| row.value.is_some());
        }
        self.head = plan.head;
        self.rows.extend(plan.rows.into_iter().map(|row| (row.key.clone(), row)));
    }

    pub fn rows(&self, query: &Query) -> Vec<Row> {
        let of_prefix = self.rows.values().filter(|row| row.key.starts_with(&query.prefix));
        let mut rows: Vec<&Row> = match query.order {
            Order::Newest { before } => {
                of_prefix.filter(|row| row.value.is_some() && row.created < before).collect()
            }
            Order::Changes { after, deleted_after, .. } => of_prefix
                .filter(|row| (row.changed, row.created) > after)
                .filter(|row| row.value.is_some() || row.changed > deleted_after)
                .collect(),
        };
        match query.order {
            Order::Newest { .. } => rows.sort_by_key(|row| std::cmp::Reverse(row.created)),
            Order::Changes { .. } => rows.sort_by_key(|row| (row.changed, row.created)),
        }
        let values = matches!(query.order, Order::Changes { values: true, .. });
        let mut bytes = 0_usize;
        let fits = |row: &&Row| {
            let fits = !values || bytes < PAGE_BYTES;
            bytes = bytes.saturating_add(row.value.as_ref().map_or(0, Vec::len));
            fits
        };
        let rows = rows.into_iter().take_while(fits).take(query.limit);
        let without = |row: &Row| Row { value: row.value.as_ref().map(|_| Vec::new()), ..row.clone() };
        rows.map(|row| if values { row.clone() } else { without(row) }).collect()
    }
}
