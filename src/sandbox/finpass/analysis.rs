//! The analysis of AA-BSA. The blocks for obligations, cash flow and risk are announced by Finpass without names; theirs are assumed.

use serde_json::{Value, json};

use super::text::{average_number, rupees_number};
use crate::sandbox::bank::{
    BankAccount, BankRow, Kind, day_in_india,
    figures::{Figures, is_salary},
};

/// `data` of the analysis, `client_id` included.
pub fn analysis(client_id: &str, accounts: &[BankAccount]) -> Value {
    let Some(figures) = Figures::of(accounts) else {
        return json!({"client_id": client_id, "analysis_period": {}, "summary": {}, "income": {}});
    };
    json!({
        "client_id": client_id,
        "analysis_period": {"from": figures.from.to_string(), "to": figures.to.to_string()},
        "summary": {
            "total_credits": rupees_number(figures.total_credits()),
            "total_debits": rupees_number(figures.total_debits()),
            "average_monthly_balance": average_number(figures.average_monthly_balance()),
            "minimum_monthly_balance": rupees_number(figures.minimum_monthly_balance()),
        },
        "income": {
            "average_monthly_income": average_number(figures.average_monthly_income()),
            "income_stability_score": figures.income_stability_score(),
            "identified_salary_credits": salary_credits(accounts),
        },
        // The nearest double to four decimals, as Finpass' own sample writes 0.31.
        "obligations": {
            "fixed_obligations_ratio": ratio(figures.obligations_per_myriad()),
            "total_emi_count": figures.instalments.0,
            "total_emi_amount": rupees_number(figures.instalments.1),
        },
        "monthly_cash_flow": monthly_cash_flow(&figures),
        "risk_flags": risk_flags(&figures),
    })
}

#[allow(clippy::cast_precision_loss)]
fn ratio(per_myriad: i64) -> f64 {
    per_myriad as f64 / 10_000.0
}

fn salary_credits(accounts: &[BankAccount]) -> Vec<Value> {
    accounts
        .iter()
        .filter(|account| matches!(account.kind, Kind::Deposit { .. }))
        .flat_map(|account| &account.rows)
        .filter(|row| is_salary(row))
        .map(salary_credit)
        .collect()
}

fn salary_credit(row: &BankRow) -> Value {
    json!({
        "month": day_in_india(row.at).strftime("%Y-%m").to_string(),
        "amount": rupees_number(row.amount),
        "employer": row.narration,
    })
}

fn monthly_cash_flow(figures: &Figures) -> Vec<Value> {
    figures
        .months
        .iter()
        .map(|(month, sums)| {
            json!({
                "month": month.strftime("%Y-%m").to_string(),
                "total_credits": rupees_number(sums.credits),
                "total_debits": rupees_number(sums.debits),
                "net": rupees_number(sums.credits - sums.debits),
                "opening_balance": rupees_number(sums.opening),
                "closing_balance": rupees_number(sums.closing),
                "average_balance": average_number(sums.average),
            })
        })
        .collect()
}

fn risk_flags(figures: &Figures) -> Vec<Value> {
    if figures.bounces == 0 {
        return Vec::new();
    }
    vec![json!({"flag": "emi_bounce", "count": figures.bounces})]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::finpass::samples::{row, savings};

    #[test]
    fn the_documented_blocks_follow_the_rows() {
        let mut account = savings();
        account.rows = vec![
            row("1", true, 5_000_000, 6_000_050, "2025-12-31T09:00:00+05:30", "NEFT SALARY DEMO LTD"),
            row("2", false, 1_550_000, 4_450_050, "2025-12-31T10:00:00+05:30", "EMI DEMO FINANCE"),
        ];
        let body = analysis("bsa_clnt_0a1b2c3d4e5f", &[account]);
        assert_eq!(
            body,
            json!({"client_id":"bsa_clnt_0a1b2c3d4e5f","analysis_period":{"from":"2025-12-31","to":"2025-12-31"},
                "summary":{"total_credits":50000,"total_debits":15500,"average_monthly_balance":44500.5,"minimum_monthly_balance":44500.5},
                "income":{"average_monthly_income":50000,"income_stability_score":100,
                    "identified_salary_credits":[{"month":"2025-12","amount":50000,"employer":"NEFT SALARY DEMO LTD"}]},
                "obligations":{"fixed_obligations_ratio":0.31,"total_emi_count":1,"total_emi_amount":15500},
                "monthly_cash_flow":[{"month":"2025-12","total_credits":50000,"total_debits":15500,"net":34500,
                    "opening_balance":10000.5,"closing_balance":44500.5,"average_balance":44500.5}],"risk_flags":[]})
        );
    }
}
