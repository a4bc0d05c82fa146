//! Budgets of the page and of the policy, each as the other.

use amplet_node::budget;
use amplet_node::budget::{BudgetId, Name, Origin};
use amplet_protocol::page::{
    ErrorCode, Holder, HolderKind, LimitUsage, Rules, StreamRate, WalletError, WindowKind, WindowLimit,
    WindowPeriod,
};

use crate::convert::page_rule;

fn invalid(error: &dyn std::error::Error) -> WalletError {
    WalletError::of(ErrorCode::InvalidInput, error)
}

/// Reads a holder in this wallet.
pub(super) fn holder(holder: &Holder, wallet: &str) -> Result<budget::Holder, WalletError> {
    let Holder { kind, origin, top_level, id } = holder;
    let named = !origin.is_empty() || !top_level.is_empty();
    let fits = match kind {
        HolderKind::User => !named && id.is_empty(),
        HolderKind::Site => id.is_empty(),
        HolderKind::App | HolderKind::Device | HolderKind::Child => !named,
    };
    if !fits {
        let message = "a site has `origin` and `topLevel`, an app, a device or a child has `id`, a user has nothing more: leave the rest out";
        return Err(WalletError::new(ErrorCode::InvalidInput, message));
    }
    let name = |text: &str| Name::parse(text).map_err(|e| invalid(&e));
    let parse = |text: &str| Origin::parse(text).map_err(|e| invalid(&e));
    Ok(match kind {
        HolderKind::User => budget::Holder::User,
        HolderKind::Site => budget::Holder::Site {
            origin: parse(origin)?,
            top_level: parse(top_level)?,
            wallet: name(wallet)?,
        },
        HolderKind::App => budget::Holder::App { id: name(id)? },
        HolderKind::Device => budget::Holder::Device { id: name(id)? },
        HolderKind::Child => budget::Holder::Child { id: name(id)? },
    })
}

pub(super) fn page_holder(holder: &budget::Holder) -> Holder {
    let kind = match holder {
        budget::Holder::User => HolderKind::User,
        budget::Holder::Site { .. } => HolderKind::Site,
        budget::Holder::App { .. } => HolderKind::App,
        budget::Holder::Device { .. } => HolderKind::Device,
        budget::Holder::Child { .. } => HolderKind::Child,
    };
    let (id, origin) = match kind {
        HolderKind::Site => ("", holder.id()),
        _ => (holder.id(), ""),
    };
    let top_level = holder.top_level().to_owned();
    Holder { kind, origin: origin.to_owned(), top_level, id: id.to_owned() }
}

pub(super) fn purpose(text: &str) -> Result<budget::Purpose, WalletError> {
    budget::Purpose::parse(text).map_err(|e| invalid(&e))
}

pub(super) fn rules(rules: &Rules) -> Result<budget::Rules, WalletError> {
    let windows = rules.windows.iter().map(|limit| budget::WindowLimit {
        window: budget::Window { kind: kind(limit.kind), period: period(limit.period) },
        limit: limit.limit_msat,
    });
    let rate =
        |rate: StreamRate| budget::Rate { per_second: rate.per_second_msat, keep_seconds: rate.keep_seconds };
    Ok(budget::Rules {
        per_payment: rules.per_payment_msat,
        windows: windows.collect(),
        rate: rules.rate.map(rate),
        total: rules.total_msat,
        expires_ms: rules.expires_at.map(|at| at.saturating_mul(1000)),
        ask_above: rules.ask_above_msat,
        purposes: rules.purposes.iter().map(|text| purpose(text)).collect::<Result<_, _>>()?,
    })
}

pub(super) fn page_rules(rules: &budget::Rules) -> Rules {
    let windows = rules.windows.iter().map(|limit| WindowLimit {
        kind: match limit.window.kind {
            budget::Kind::Calendar => WindowKind::Calendar,
            budget::Kind::Rolling => WindowKind::Rolling,
        },
        period: match limit.window.period {
            budget::Period::Hour => WindowPeriod::Hour,
            budget::Period::Day => WindowPeriod::Day,
            budget::Period::Week => WindowPeriod::Week,
            budget::Period::Month => WindowPeriod::Month,
        },
        limit_msat: limit.limit,
    });
    let rate =
        |rate: budget::Rate| StreamRate { per_second_msat: rate.per_second, keep_seconds: rate.keep_seconds };
    Rules {
        per_payment_msat: rules.per_payment,
        windows: windows.collect(),
        rate: rules.rate.map(rate),
        total_msat: rules.total,
        expires_at: rules.expires_ms.map(|ms| ms / 1000),
        ask_above_msat: rules.ask_above,
        purposes: rules.purposes.iter().map(|purpose| purpose.as_str().to_owned()).collect(),
    }
}

fn kind(kind: WindowKind) -> budget::Kind {
    match kind {
        WindowKind::Calendar => budget::Kind::Calendar,
        WindowKind::Rolling => budget::Kind::Rolling,
    }
}

fn period(period: WindowPeriod) -> budget::Period {
    match period {
        WindowPeriod::Hour => budget::Period::Hour,
        WindowPeriod::Day => budget::Period::Day,
        WindowPeriod::Week => budget::Period::Week,
        WindowPeriod::Month => budget::Period::Month,
    }
}

pub(super) fn page_usage(usage: &budget::LimitUsage) -> LimitUsage {
    LimitUsage {
        rule: page_rule(usage.rule),
        limit_msat: usage.limit,
        spent_msat: usage.spent,
        reserved_msat: usage.reserved,
        left_msat: usage.left(),
        until: usage.until_ms.map(|ms| ms / 1000),
    }
}

pub(super) fn parent(id: Option<u32>) -> Option<BudgetId> {
    id.map(BudgetId)
}
