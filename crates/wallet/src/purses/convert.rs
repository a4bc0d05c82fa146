//! Purses of the page and of the policy, each as the other.

use amplet_node::policy;
use amplet_node::policy::{Msat, Name, Origin, PurseId};
use amplet_protocol::page::{
    ErrorCode, Holder, HolderKind, PurseRule, Rules, Standing, StreamRate, WalletError, WindowKind,
    WindowLimit, WindowPeriod,
};

fn invalid(error: &dyn std::error::Error) -> WalletError {
    WalletError::of(ErrorCode::InvalidInput, error)
}

/// The holder in this wallet.
pub(super) fn holder(holder: &Holder, wallet: &str) -> Result<policy::Holder, WalletError> {
    let Holder { kind, origin, top_level, id } = holder;
    let named = !origin.is_empty() || !top_level.is_empty();
    let fits = match kind {
        HolderKind::Person => !named && id.is_empty(),
        HolderKind::Site => id.is_empty(),
        HolderKind::App | HolderKind::Device | HolderKind::Child => !named,
    };
    if !fits {
        let message = "a site has `origin` and `topLevel`, an app, a device or a child has `id`, a person has nothing more: leave the rest out";
        return Err(WalletError::new(ErrorCode::InvalidInput, message));
    }
    let name = |text: &str| Name::parse(text).map_err(|e| invalid(&e));
    let parse = |text: &str| Origin::parse(text).map_err(|e| invalid(&e));
    Ok(match kind {
        HolderKind::Person => policy::Holder::Person,
        HolderKind::Site => policy::Holder::Site {
            origin: parse(origin)?,
            top_level: parse(top_level)?,
            wallet: name(wallet)?,
        },
        HolderKind::App => policy::Holder::App { id: name(id)? },
        HolderKind::Device => policy::Holder::Device { id: name(id)? },
        HolderKind::Child => policy::Holder::Child { id: name(id)? },
    })
}

pub(super) fn page_holder(holder: &policy::Holder) -> Holder {
    let kind = match holder {
        policy::Holder::Person => HolderKind::Person,
        policy::Holder::Site { .. } => HolderKind::Site,
        policy::Holder::App { .. } => HolderKind::App,
        policy::Holder::Device { .. } => HolderKind::Device,
        policy::Holder::Child { .. } => HolderKind::Child,
    };
    let (id, origin) = match kind {
        HolderKind::Site => ("", holder.id()),
        _ => (holder.id(), ""),
    };
    let top_level = holder.top_level().to_owned();
    Holder { kind, origin: origin.to_owned(), top_level, id: id.to_owned() }
}

pub(super) fn msat(msat: u64) -> Result<Msat, WalletError> {
    Msat::new(msat).map_err(|e| invalid(&e))
}

pub(super) fn purpose(text: &str) -> Result<policy::Purpose, WalletError> {
    policy::Purpose::parse(text).map_err(|e| invalid(&e))
}

pub(super) fn rules(rules: &Rules) -> Result<policy::Rules, WalletError> {
    let windows = rules.windows.iter().map(|limit| {
        Ok(policy::WindowLimit {
            window: policy::Window { kind: kind(limit.kind), period: period(limit.period) },
            limit: msat(limit.limit_msat)?,
        })
    });
    let rate = |rate: StreamRate| {
        let per_second = msat(rate.per_second_msat)?;
        Ok::<_, WalletError>(policy::Rate { per_second, keep_seconds: rate.keep_seconds })
    };
    Ok(policy::Rules {
        per_payment: rules.per_payment_msat.map(msat).transpose()?,
        windows: windows.collect::<Result<_, WalletError>>()?,
        rate: rules.rate.map(rate).transpose()?,
        total: rules.total_msat.map(msat).transpose()?,
        expires_ms: rules.expires_at.map(|at| at.saturating_mul(1000)),
        ask_above: rules.ask_above_msat.map(msat).transpose()?,
        purposes: rules.purposes.iter().map(|text| purpose(text)).collect::<Result<_, _>>()?,
    })
}

pub(super) fn page_rules(rules: &policy::Rules) -> Rules {
    let windows = rules.windows.iter().map(|limit| WindowLimit {
        kind: match limit.window.kind {
            policy::Kind::Calendar => WindowKind::Calendar,
            policy::Kind::Rolling => WindowKind::Rolling,
        },
        period: match limit.window.period {
            policy::Period::Hour => WindowPeriod::Hour,
            policy::Period::Day => WindowPeriod::Day,
            policy::Period::Week => WindowPeriod::Week,
            policy::Period::Month => WindowPeriod::Month,
        },
        limit_msat: limit.limit.get(),
    });
    let rate = |rate: policy::Rate| StreamRate {
        per_second_msat: rate.per_second.get(),
        keep_seconds: rate.keep_seconds,
    };
    Rules {
        per_payment_msat: rules.per_payment.map(Msat::get),
        windows: windows.collect(),
        rate: rules.rate.map(rate),
        total_msat: rules.total.map(Msat::get),
        expires_at: rules.expires_ms.map(|ms| ms / 1000),
        ask_above_msat: rules.ask_above.map(Msat::get),
        purposes: rules.purposes.iter().map(|purpose| purpose.as_str().to_owned()).collect(),
    }
}

fn kind(kind: WindowKind) -> policy::Kind {
    match kind {
        WindowKind::Calendar => policy::Kind::Calendar,
        WindowKind::Rolling => policy::Kind::Rolling,
    }
}

fn period(period: WindowPeriod) -> policy::Period {
    match period {
        WindowPeriod::Hour => policy::Period::Hour,
        WindowPeriod::Day => policy::Period::Day,
        WindowPeriod::Week => policy::Period::Week,
        WindowPeriod::Month => policy::Period::Month,
    }
}

pub(crate) fn page_rule(rule: policy::Rule) -> PurseRule {
    use policy::{Kind, Period};
    let window = match rule {
        policy::Rule::PerPayment => return PurseRule::PerPayment,
        policy::Rule::Rate => return PurseRule::Rate,
        policy::Rule::Total => return PurseRule::Total,
        policy::Rule::Window(window) => window,
    };
    match (window.kind, window.period) {
        (Kind::Calendar, Period::Hour) => PurseRule::CalendarHour,
        (Kind::Calendar, Period::Day) => PurseRule::CalendarDay,
        (Kind::Calendar, Period::Week) => PurseRule::CalendarWeek,
        (Kind::Calendar, Period::Month) => PurseRule::CalendarMonth,
        (Kind::Rolling, Period::Hour) => PurseRule::RollingHour,
        (Kind::Rolling, Period::Day) => PurseRule::RollingDay,
        (Kind::Rolling, Period::Week) => PurseRule::RollingWeek,
        (Kind::Rolling, Period::Month) => PurseRule::RollingMonth,
    }
}

pub(super) fn page_standing(standing: &policy::Standing) -> Standing {
    Standing {
        rule: page_rule(standing.rule),
        limit_msat: standing.limit.get(),
        spent_msat: standing.spent.get(),
        held_msat: standing.held.get(),
        left_msat: standing.left().get(),
        until: standing.until_ms.map(|ms| ms / 1000),
    }
}

pub(super) fn parent(id: Option<u32>) -> Option<PurseId> {
    id.map(PurseId)
}
