//! Somebody's phone: the program that shows the codes of the second factor.

use std::time::Duration;

use pledges::{
    accounts::second_factor::totp::{STEP_SECONDS, Secret, step_at},
    clock::Clock,
};
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    client::{Answer, Client},
    rows::PASSWORD,
};

/// A program that knows the secret.
pub struct Phone {
    pub secret: Secret,
    /// The secret as it was shown.
    pub text: String,
    /// The recovery codes, as they were shown.
    pub recovery: Vec<String>,
}

fn unbase32(text: &str) -> Vec<u8> {
    let (mut bits, mut count, mut bytes) = (0_u64, 0, Vec::new());
    for letter in text.chars() {
        let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).unwrap();
        (bits, count) = ((bits << 5) | value as u64, count + 5);
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    bytes
}

/// What a list of codes in an answer says.
pub fn codes(body: &Value) -> Vec<String> {
    body.as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

impl Phone {
    /// Learns an offered secret.
    pub fn learn(text: &str) -> Self {
        let secret = Secret::of(&unbase32(text)).unwrap();
        Self { secret, text: text.to_owned(), recovery: Vec::new() }
    }

    /// Sets up the second factor of who is signed in.
    pub async fn set_up(client: &Client) -> Self {
        let offer = client.post("/v1/auth/totp", &Value::Null).await.expect(201);
        let mut phone = Self::learn(offer["secret"].as_str().unwrap());
        let confirmed = client.post("/v1/auth/totp/confirm", &json!({"code": phone.code()})).await.expect(200);
        phone.recovery = codes(&confirmed["codes"]);
        phone
    }

    /// What it shows now.
    pub fn code(&self) -> String {
        self.code_of(0)
    }

    /// What it showed or will show so many steps from now.
    pub fn code_of(&self, steps: i64) -> String {
        self.secret.code(step_at(Clock::System.now()) + steps).to_string()
    }
}

/// A code that it doesn't show about now.
pub fn wrong_code(phone: &Phone) -> String {
    let near: Vec<String> = (-3..=3).map(|steps| phone.code_of(steps)).collect();
    (0..10).map(|number| format!("{number:06}")).find(|code| !near.contains(code)).unwrap()
}

/// As if every code that was taken lay long ago: tests don't wait for the next step.
pub async fn rewind(app: &TestApp) {
    app.rows.execute("UPDATE second_factors SET last_step = 0").await;
}

/// Signs in with the password of the tests and a code.
pub async fn sign_in_with(client: &Client, login: &str, code: &str) -> Answer {
    client.post("/v1/auth/login", &json!({"login": login, "password": PASSWORD, "code": code})).await
}

/// Waits until a step has just begun, so that what follows happens within one.
pub async fn at_the_beginning_of_a_step() {
    while Clock::System.now().timestamp().rem_euclid(STEP_SECONDS) > STEP_SECONDS - 5 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
