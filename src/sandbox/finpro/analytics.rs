//! POST /analytics/json, /analytics/xml and /analytics/excel, computed from the same rows as the data.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::{
    data::{Delivered, Selector, narrow},
    desk::Desk,
    envelope::{Answer, Failure, Reply, VER},
    excel,
    validate::{Check, Rule},
};
use crate::sandbox::{
    bank::{
        BankAccount, BankRow, Kind, Truth,
        figures::{Figures, MonthFigures},
        rupees,
    },
    credentials::{FINPRO_ANALYTICS_EXCEL, FINPRO_ANALYTICS_JSON},
    scenario::Scenario,
};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

impl Desk<'_> {
    /// The JSON report. Numbers are numbers here, unlike in FI data.
    pub(super) fn analytics_json(&mut self, body: &Value) -> Answer {
        let delivered = self.analysed(body)?;
        let figures = Figures::of(&delivered.accounts);
        Ok(report(
            &delivered,
            FINPRO_ANALYTICS_JSON,
            json!({
                "bankingAnalysis": {
                    "overallAnalysis": figures.as_ref().map_or_else(|| json!({}), |figures| overall(&delivered.accounts, figures)),
                    // Where the months of everything stand is assumed; an organisation may have them configured so.
                    "overall": {"cashflow": {"monthly": figures.as_ref().map(monthly).unwrap_or_default()}},
                    "completeCategoryWiseAnalysis": {},
                    "accountProfiles": delivered.accounts.iter().map(profile).collect::<Vec<_>>(),
                    "fcuIndicators": {},
                    "bounceAnalysis": figures.as_ref().map_or_else(|| json!({}), |figures| json!({"totalBounceCount": figures.bounces})),
                    "investmentAnalysis": {},
                    "loanCreditsAnalysis": {},
                    "nudges": {},
                    "abbTables": {},
                    "paymentTypeAnalytics": {},
                },
                "rawData": {},
            }),
        ))
    }

    /// The XML report: bare XML.
    pub(super) fn analytics_xml(&mut self, body: &Value) -> Answer {
        let delivered = self.analysed(body)?;
        let truth = Truth::of(deposit_rows(&delivered.accounts));
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><bankingAnalysis><overallAnalysis totalNetCreditTransactionAmount=\"{}\" \
             totalNetDebitTransactionAmount=\"{}\" transactions=\"{}\"/></bankingAnalysis>",
            rupees(truth.credits),
            rupees(truth.debits),
            truth.rows
        );
        Ok(Reply::Bytes("application/xml", xml.into()))
    }

    /// The Excel report: its bytes, or for some customers a link to them.
    pub(super) fn analytics_excel(&mut self, body: &Value) -> Answer {
        let delivered = self.analysed(body)?;
        let failed = Failure::coded("FP0070", "InternalError", "Internal Server Error : analytics");
        let bytes = excel::workbook(&delivered.accounts).map_err(|_| failed)?;
        if delivered.scenario != Scenario::ExcelAsLink {
            return Ok(Reply::Bytes(XLSX, bytes));
        }
        let link = self.world.url(&self.world.files.put("analytics.xlsx", XLSX, bytes));
        Ok(report(&delivered, FINPRO_ANALYTICS_EXCEL, json!({"s3Url": link, "expiresIn": 3600})))
    }

    fn analysed(&mut self, body: &Value) -> Result<Delivered, Failure> {
        let mut check = Check::new(body);
        if body.get("transactionId").is_none() {
            check.required("consentID", Rule::Name);
            let journey = check.required("journeyID", Rule::Filled);
            if !journey.is_empty() && ![FINPRO_ANALYTICS_JSON, FINPRO_ANALYTICS_EXCEL].contains(&journey) {
                check.fault("journeyID is not configured".to_owned());
            }
        }
        check.done()?;
        let mut delivered = self.delivered(&Selector::of(body)?)?;
        if delivered.scenario == Scenario::AnalyticsLate && self.state.first(&delivered.mobile, "analytics", 2) {
            return Err(Failure::coded("FP0060", "NoDataAvailable", "Data is not available for the given consent"));
        }
        narrow(&mut delivered.accounts, body);
        Ok(delivered)
    }
}

/// The two status levels of an analytics answer.
fn report(delivered: &Delivered, journey: &str, data: Value) -> Reply {
    let transaction = delivered.transaction.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    Reply::Json(json!({"ver": VER, "status": "success", "data": {
        "status": "SUCCESS",
        "message": "Success",
        "status_code": "success",
        "transaction_id": transaction,
        "journey_transaction_id": format!("EQ.GT.{transaction}#{journey}#{}", uuid::Uuid::new_v4().simple()),
        "journey_id": journey,
        "data": data,
    }}))
}

fn deposit_rows(accounts: &[BankAccount]) -> Vec<&BankRow> {
    let deposits = accounts.iter().filter(|account| matches!(account.kind, Kind::Deposit { .. }));
    deposits.flat_map(|account| &account.rows).collect()
}

fn number(paise: i64) -> f64 {
    paise as f64 / 100.0
}

/// What everything together shows. An average has all decimals of the division; the other names are those of the documented sample.
fn overall(accounts: &[BankAccount], figures: &Figures) -> Value {
    let deposits = accounts.iter().filter(|account| matches!(account.kind, Kind::Deposit { .. }));
    let (lowest, highest) = figures.extremes();
    json!({
        "totalNetCreditTransactionAmount": number(figures.total_credits()),
        "totalNetDebitTransactionAmount": number(figures.total_debits()),
        "averageBalanceLast3Months": figures.average_of_three_months().rupees(),
        "maximumBalance": number(highest),
        "minimumEodBalance": number(lowest),
        "currentBalance": number(deposits.map(|account| account.balance).sum()),
        "volatilityOfBalance": figures.volatility_per_myriad() as f64 / 10_000.0,
        "monthlyAvgNetCreditAmount": figures.average_monthly_credits().rupees(),
        "totalOutwardUpiAmount": number(figures.upi_out),
        "totalLoanCreditAmount": 0,
        "totalCashDepositAmount": number(figures.cash_in),
        "totalEmiTxns": figures.instalments.0,
        "bankPenaltiesDetected": figures.bounces > 0,
    })
}

fn monthly(figures: &Figures) -> Vec<Value> {
    let month = |(first, month): (&Date, &MonthFigures)| {
        json!({
            "year": first.year(),
            "month": first.month(),
            "monthName": first.strftime("%B").to_string(),
            "fullMonthDataAvailable": *first >= figures.from && first.last_of_month() <= figures.to,
            "openingBalance": number(month.opening),
            "closingBalance": number(month.closing),
            "avgBalance": month.average.rupees(),
            "totalCreditAmount": number(month.credits),
            "totalDebitAmount": number(month.debits),
        })
    };
    figures.months.iter().map(month).collect()
}

fn profile(account: &BankAccount) -> Value {
    json!({
        "bank": account.fip_name,
        "identifier": account.link_ref,
        "number": crate::sandbox::bank::masked(&account.number),
        "currentBalance": number(account.balance),
        "transactions": account.rows.len(),
    })
}
