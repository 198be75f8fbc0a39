//! A handful of people, each there for a reason.

use super::{Asker, TestBroker, registrar};
use disown::pb::{self, load_request::Part, load_response::Report};
use jiff::ToSpan;
use prost::Message;
use tonic::{Status, codegen::http};

/// Tested positive; isolates today; met `FREE`.
pub const ISOLATING: &str = "JY104729C";
/// Isolated a month ago.
pub const FREE: &str = "JY224737A";
/// Nothing is held but the register entry.
pub const HEALTHY: &str = "JY350377B";
/// Nobody has this number.
pub const NOBODY: &str = "JY999983D";

pub const PEOPLE: &str = "jy_number,given_name,family_name,date_of_birth,sex,place_of_birth,address_line,parish,postcode,phone,email,registered_on";
pub const CLINICAL: &str =
    "record_id,jy_number,record_type,code_system,code,description,event_date,end_date,value,unit,status,site";
pub const PUBLIC_HEALTH: &str = "record_id,jy_number,record_type,event_date,end_date,category,place,parish_or_port,contact_jy_number,test_result,detail";

/// What became of a delivery.
#[derive(Default)]
pub struct Delivered {
    pub stored: u64,
    pub batches: u64,
    /// Line, column and rule.
    pub rejected: Vec<(u64, String, String)>,
    pub receipts: Vec<pb::Receipt>,
}

impl TestBroker {
    /// Loads the people above.
    pub async fn populate(&self) {
        let day = |back: i64| self.deployment.today().saturating_sub(back.days()).to_string();
        let (recent, until, old, over) = (day(3), day(-7), day(40), day(30));
        let people = [
            format!(
                "{ISOLATING},Marie,Le Brocq,1984-05-24,F,JE,1 La Grande Rue,St Helier,JE2 3AB,07700 900001,marie@example.org,2019-04-01"
            ),
            format!("{FREE},Philip,Renouf,1931-01-02,M,JE,2 La Grande Rue,Trinity,JE3 5JB,07700 900002,,2019-04-01"),
            format!(
                "{HEALTHY},Ana,Ferreira,2001-12-31,F,PT,3 La Grande Rue,St Ouen,JE3 2LQ,,ana@example.org,2019-04-01"
            ),
        ];
        let clinical = [
            format!("C1,{ISOLATING},test_result,LOINC,94500-6,SARS-CoV-2 RNA PCR,{recent},,positive,,final,Overdale"),
            format!("C2,{ISOLATING},condition,SNOMED,195967001,Asthma,2015-03-01,,,,active,GP surgery A"),
            format!("C3,{FREE},test_result,LOINC,94500-6,SARS-CoV-2 RNA PCR,{old},,positive,,final,Overdale"),
        ];
        let public_health = [
            format!("H1,{ISOLATING},case_investigation,{recent},,household,home,St Helier,{FREE},,3 contacts"),
            format!("H2,{ISOLATING},isolation,{recent},{until},positive_test,,St Helier,,,"),
            format!("H3,{FREE},isolation,{old},{over},positive_test,,Trinity,,,"),
            format!("H4,{FREE},case_investigation,{old},,,,Trinity,,,"),
        ];
        for (dataset, header, rows) in [
            ("people", PEOPLE, &people[..]),
            ("clinical", CLINICAL, &clinical[..]),
            ("public_health", PUBLIC_HEALTH, &public_health[..]),
        ] {
            let delivered = self.load(&registrar(), dataset, header, rows).await.unwrap();
            assert_eq!(
                (delivered.stored, delivered.rejected.len()),
                (rows.len() as u64, 0),
                "{:?}",
                delivered.rejected
            );
        }
    }

    /// Loads rows of comma-separated values without quotes; lines count from 2.
    pub async fn load(&self, asker: &Asker, dataset: &str, header: &str, rows: &[String]) -> Result<Delivered, Status> {
        let rows: Vec<Vec<Vec<u8>>> =
            rows.iter().map(|row| row.split(',').map(|value| value.as_bytes().to_vec()).collect()).collect();
        self.load_values(asker, dataset, header, rows).await
    }

    /// Puts one record in.
    pub async fn put(&self, asker: &Asker, record_type: &str, values: &[(&str, &str)]) -> Result<pb::Receipt, Status> {
        let values = values.iter().map(|(column, value)| ((*column).to_owned(), (*value).to_owned())).collect();
        let (record_type, source) = (record_type.to_owned(), "test".to_owned());
        let message = pb::PutRequest { terms: asker.pb_terms(), record_type, values, source };
        let response = self.intake().put(asker.request(&self.deployment, message)).await?.into_inner();
        Ok(response.receipt.unwrap())
    }

    /// Sends the parts of a load, awaits the first report, and resets the stream, by HTTP/2 as it stands on the wire: tonic's
    /// own client does not reset a stream that it still sends on.
    pub async fn cancelled_load(&self, asker: &Asker, parts: impl IntoIterator<Item = Part>) {
        let connection = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let (client, connection) = h2::client::handshake(connection).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = http::Request::post(format!("http://{}/disown.v1.IntakeService/Load", self.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("authorization", format!("Bearer {}", asker.token(&self.deployment)))
            .body(())
            .unwrap();
        let (response, mut sending) = client.ready().await.unwrap().send_request(request, false).unwrap();
        for part in parts {
            let message = pb::LoadRequest { part: Some(part) }.encode_to_vec();
            let length = u32::try_from(message.len()).unwrap().to_be_bytes();
            sending.send_data([&[0][..], &length, &message].concat().into(), false).unwrap();
        }
        let mut reports = response.await.unwrap().into_body();
        assert!(reports.data().await.unwrap().is_ok());
        sending.send_reset(h2::Reason::CANCEL);
        drop((sending, reports));
        connection.await.unwrap().unwrap();
    }

    /// Loads rows of values as they are.
    pub async fn load_values(
        &self,
        asker: &Asker,
        dataset: &str,
        header: &str,
        rows: Vec<Vec<Vec<u8>>>,
    ) -> Result<Delivered, Status> {
        let rows = rows.into_iter().zip(2..).map(|(values, line)| Part::Row(pb::Row { line, values }));
        self.load_parts(asker, std::iter::once(Part::Start(start(asker, dataset, header))).chain(rows)).await
    }

    /// Sends the parts of a load as they are.
    pub async fn load_parts(&self, asker: &Asker, parts: impl IntoIterator<Item = Part>) -> Result<Delivered, Status> {
        let messages: Vec<_> = parts.into_iter().map(|part| pb::LoadRequest { part: Some(part) }).collect();
        let request = asker.request(&self.deployment, tokio_stream::iter(messages));
        let mut reports = self.intake().load(request).await?.into_inner();
        let mut delivered = Delivered::default();
        while let Some(message) = reports.message().await? {
            match message.report.unwrap() {
                Report::Rejection(one) => delivered.rejected.push((one.line, one.column, one.rule)),
                Report::Stored(batch) => {
                    delivered.stored += batch.rows;
                    delivered.batches += 1;
                    delivered.receipts.extend(batch.receipt);
                }
            }
        }
        delivered.rejected.sort();
        Ok(delivered)
    }
}

/// How a load begins.
pub fn start(asker: &Asker, dataset: &str, header: &str) -> pb::LoadStart {
    let columns = header.split(',').map(str::to_owned).collect();
    pb::LoadStart { terms: asker.pb_terms(), dataset: dataset.to_owned(), columns, source: "test".to_owned() }
}

/// A row for a header: what is given, and empty values.
pub fn row(header: &str, given: &[(&str, &str)]) -> Vec<Vec<u8>> {
    let value = |column: &str| given.iter().find(|(name, _)| *name == column).map_or("", |(_, value)| value);
    header.split(',').map(|column| value(column).as_bytes().to_vec()).collect()
}
