//! Accounts that are no deposits: one of every other kind, for the one customer whose story has them.

use jiff::{Timestamp, ToSpan, civil::Date};

use super::{
    Asset, BankAccount, BankRow, Kind, Lot, Portfolio, Position,
    institutions::{FUNDS, Institution, TAX},
    ist, person,
    random::Random,
    shown_from,
    statement::first_day,
};
use crate::data::typed::is_isin;

/// One account of each kind, as they stand at `now`.
pub(super) fn accounts(mobile: &str, now: Timestamp) -> Vec<BankAccount> {
    Asset::ALL.iter().enumerate().map(|(place, asset)| account(*asset, place as i8, mobile, now)).collect()
}

fn account(asset: Asset, place: i8, mobile: &str, now: Timestamp) -> BankAccount {
    let mut random = Random::seeded(&["portfolio", asset.word(), mobile]);
    let positions =
        if asset.has_positions() { vec![position(asset, 0, &mut random), position(asset, 1, &mut random)] } else { Vec::new() };
    let opened = first_day(now).saturating_add(place.days());
    let cover = random.between(5, 50) * 10_000_000;
    let mut book = Book { asset, premium: random.between(10, 90) * 10_000, positions, paid: 0, rows: Vec::new() };
    // A plan's instalments show in the fund's account only.
    let months = if asset == Asset::Sip { 0 } else { 240 };
    for month in 0..months {
        let day = opened.saturating_add(month.months());
        match day.at(10, 30, place, 0).to_zoned(ist()).map(|zoned| zoned.timestamp()) {
            Ok(at) if at <= now => book.month(day, at, mobile),
            _ => break,
        }
    }
    let from = shown_from(now);
    let Institution { id, name, code, .. } = if asset == Asset::Gst { TAX } else { FUNDS };
    let holder = person(mobile);
    let number = if asset == Asset::Gst {
        format!("29{}1Z5", holder.pan)
    } else {
        random.digits(if asset == Asset::CreditCard { 16 } else { 10 })
    };
    let worth = book.worth();
    let last = book.rows.last().map_or(0, |row| row.amount);
    let portfolio = Portfolio {
        asset,
        value: match asset {
            Asset::CreditCard => last,
            _ if asset.is_policy() => cover,
            _ => worth,
        },
        cost: if asset.is_policy() { book.premium } else { book.paid },
        cover,
        ends: opened.saturating_add(180.months()),
        positions: book.positions,
    };
    BankAccount {
        fip_id: id.to_owned(),
        fip_name: name.to_owned(),
        fip_code: code.to_owned(),
        number,
        link_ref: random.uuid(),
        balance: portfolio.value,
        kind: Kind::Portfolio(portfolio),
        branch: "BENGALURU MAIN".to_owned(),
        ifsc: "ACME0000123".to_owned(),
        micr: random.digits(9),
        opening_date: opened,
        balance_at: now,
        holders: vec![holder],
        rows: book.rows.into_iter().filter(|row| row.value_date >= from).collect(),
    }
}

/// Something with a valid ISIN that starts without units.
fn position(asset: Asset, at: usize, random: &mut Random) -> Position {
    let body = format!("IN{}{}", if asset == Asset::MutualFunds { 'F' } else { 'E' }, random.digits(8));
    let isin = (0..10).map(|check| format!("{body}{check}")).find(|isin| is_isin(isin)).unwrap_or_default();
    let name = format!("Sample {} {}", asset.word().replace('_', " ").to_lowercase(), at + 1);
    Position { name, isin, units: 0, price: random.between(1_000, 90_000) }
}

/// The account while its past is written month by month.
struct Book {
    asset: Asset,
    premium: i64,
    positions: Vec<Position>,
    paid: i64,
    rows: Vec<BankRow>,
}

impl Book {
    fn worth(&self) -> i64 {
        if self.positions.is_empty() { self.paid } else { self.positions.iter().map(|held| held.units * held.price).sum() }
    }

    fn month(&mut self, day: Date, at: Timestamp, mobile: &str) {
        let mut random = Random::seeded(&["month", self.asset.word(), mobile, &day.to_string()]);
        let back = self.rows.len() % 6 == 5;
        let (event, credit) = self.asset.event(back);
        let place = self.rows.len() % self.positions.len().max(1);
        let lot = self.positions.get_mut(place).map(|held| {
            // Prices move, and stay where a household's are.
            held.price = (held.price + random.between(-500, 600)).max(500);
            let units = if back { held.units.min(1) } else { random.between(2, 40) };
            held.units += if back { -units } else { units };
            Lot { position: place, units, price: held.price }
        });
        let amount = match lot {
            Some(lot) => lot.units * lot.price,
            None if self.asset.is_policy() => self.premium,
            None => random.between(50, 900) * 1_000,
        };
        self.paid += if credit { amount } else { -amount };
        let id = format!("{}{}", self.asset.word().get(..2).unwrap_or_default(), day.strftime("%Y%m%d"));
        self.rows.push(BankRow {
            narration: format!("{event} SAMPLE {id}"),
            reference: random.digits(12),
            id,
            credit,
            event: Some(event),
            mode: "OTHERS",
            amount,
            balance: self.paid,
            at,
            value_date: day,
            lot,
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn all(now: &str) -> Vec<BankAccount> {
        accounts("9000000044", now.parse().unwrap())
    }

    #[test]
    fn every_kind_is_there_and_worth_what_its_positions_are() {
        let found = all("2026-11-20T10:00:00Z");
        assert_eq!(found.len(), Asset::ALL.len());
        for account in &found {
            let Kind::Portfolio(portfolio) = &account.kind else { panic!("a deposit") };
            let name = portfolio.asset.word();
            assert_eq!(account.rows.is_empty(), portfolio.asset == Asset::Sip, "{name}");
            let held: i64 = portfolio.positions.iter().map(|held| held.units * held.price).sum();
            assert!(portfolio.positions.is_empty() || portfolio.asset.is_policy() || portfolio.value == held, "{name}");
            assert!(portfolio.positions.iter().all(|held| is_isin(&held.isin)), "{name}");
            assert!(
                account.rows.iter().filter_map(|row| row.lot.map(|lot| lot.units * lot.price == row.amount)).all(|same| same)
            );
        }
    }

    #[test]
    fn the_past_stays_when_the_clock_moves_on() {
        for (old, new) in all("2026-11-20T10:00:00Z").iter().zip(&all("2027-01-02T10:00:00Z")) {
            assert_eq!((&old.number, &old.link_ref), (&new.number, &new.link_ref));
            assert!(old.rows.last().is_none_or(|last| new.rows.contains(last)));
        }
    }
}
