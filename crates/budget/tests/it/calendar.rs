//! Calendar windows against another implementation with the tz database, around every change of the clocks.

use amplet_budget::{Clock, Period, Utc, Weekday, calendar};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

const ZONES: &[&str] = &[
    "UTC",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Asuncion",
    "America/Caracas",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Lisbon",
    "Pacific/Apia",
    "Pacific/Chatham",
];

fn start_ms(date: Date, zone: &TimeZone) -> u64 {
    let start = zone.to_zoned(date.at(0, 0, 0, 0)).unwrap().start_of_day().unwrap();
    u64::try_from(start.timestamp().as_millisecond()).unwrap()
}

fn check(zone: &TimeZone, secs: i64) {
    let name = zone.iana_name().unwrap_or("UTC");
    let offset = |secs: i64| zone.to_offset(Timestamp::from_second(secs).unwrap()).seconds();
    let now = u64::try_from(secs).unwrap() * 1000;
    let clock = Clock::new(now, &offset);
    let mut date = Timestamp::from_second(secs).unwrap().to_zoned(zone.clone()).date();
    // Clocks set back over midnight: the day that began before is not left again.
    if start_ms(date.tomorrow().unwrap(), zone) <= now {
        date = date.tomorrow().unwrap();
    }
    let ours = clock.date();
    assert_eq!(
        (i16::try_from(ours.year).unwrap(), ours.month, ours.day),
        (date.year(), date.month() as u8, date.day() as u8)
    );
    let monday = date - i32::from(date.weekday().to_monday_zero_offset()).days();
    let sunday = date - i32::from(date.weekday().to_sunday_zero_offset()).days();
    let month = date.first_of_month();
    let span = |clock: &Clock<'_>, period| {
        let span = clock.span(period);
        assert!(span.start_ms <= now && now < span.end_ms, "{name} {secs} {period:?}: {span:?}");
        (span.start_ms, span.end_ms)
    };
    let expected = |first: Date, last: Date| (start_ms(first, zone), start_ms(last, zone));
    assert_eq!(span(&clock, Period::Day), expected(date, date.tomorrow().unwrap()), "{name} {secs}");
    assert_eq!(span(&clock, Period::Week), expected(monday, monday + 7.days()), "{name} {secs}");
    assert_eq!(span(&clock, Period::Month), expected(month, month + 1.month()), "{name} {secs}");
    let american = Clock { week_starts: Weekday::Sunday, ..clock };
    assert_eq!(span(&american, Period::Week), expected(sunday, sunday + 7.days()), "{name} {secs}");
    let (start, end) = span(&clock, Period::Hour);
    assert_eq!(end - start, 3_600_000);
    assert_eq!((i64::try_from(start / 1000).unwrap() + i64::from(offset(secs))).rem_euclid(3600), 0);
}

#[test]
fn windows_agree_with_the_tz_database_around_every_change_of_the_clocks() {
    let from: Timestamp = "2008-01-01T00:00:00Z".parse().unwrap();
    let to: Timestamp = "2028-01-01T00:00:00Z".parse().unwrap();
    for name in ZONES {
        let zone = TimeZone::get(name).unwrap();
        check(&zone, from.as_second());
        for change in zone.following(from).take_while(|change| change.timestamp() < to) {
            for shift in
                [-90_000, -86_400, -7_200, -3_600, -1_800, -1, 0, 1, 59, 1_800, 3_600, 7_200, 86_400, 90_000]
            {
                check(&zone, change.timestamp().as_second() + shift);
            }
        }
    }
}

#[test]
fn dates_agree_over_the_centuries() {
    for day in (31..2_900_000_i64).step_by(97) {
        check(&TimeZone::UTC, day * 86_400 + 43_200);
    }
}

#[test]
fn nonsense_from_a_zone_or_a_clock_is_bounded() {
    let wild = |secs: i64| if secs % 2 == 0 { i32::MAX } else { i32::MIN };
    for ms in [0, 1, 1_795_608_000_000, u64::MAX] {
        for period in [Period::Hour, Period::Day, Period::Week, Period::Month] {
            let span = Clock::new(ms, &wild).span(period);
            assert!(span.start_ms <= span.end_ms, "{span:?}");
        }
    }
}

#[test]
fn a_date_is_read_as_it_is_written_and_no_other_way() {
    for day in (0..2_900_000_i64).step_by(61) {
        let ms = u64::try_from(day * 86_400_000).unwrap();
        let date = Clock::new(ms, &Utc).date();
        assert_eq!(calendar::Date::parse(&date.to_string()), Some(date));
    }
    for bad in [
        "",
        "2026",
        "2026-11",
        "2026-11-22-",
        "2026-11-22-01",
        "26-11-22",
        "2026-1-2",
        "+026-11-22",
        "2026-13-01",
        "2026-00-10",
        "2026-11-00",
        "2026-11-31",
        "2026-02-29",
        "1969-12-31",
        "99999-01-01",
        "2026-11-22 ",
        "2026/11/22",
    ] {
        assert_eq!(calendar::Date::parse(bad), None, "{bad}");
    }
    assert!(calendar::Date::parse("2028-02-29").is_some());
}
