//! How a schema is made and opened.

use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, PgConnection};
use ticketing_core::ports::chain;

use super::scratch::{account, config, in_schema, in_schema_with, opened, outside, user};
use crate::auth::postgres::{PostgresAccounts, PostgresAccountsConfig};
use crate::auth::store::AccountStore as _;

async fn migrations(conn: &mut PgConnection) -> i64 {
    let counted = sqlx::query_scalar("SELECT count(*) FROM account_migrations");
    counted.fetch_one(conn).await.unwrap()
}

/// Opens it in ten processes at the same moment.
async fn ten_times_at_once(config: PostgresAccountsConfig) {
    let opening = (0..10).map(|_| {
        let config = config.clone();
        tokio::spawn(async move { PostgresAccounts::open(&config).await })
    });
    let stores: Vec<PostgresAccounts> =
        join_all(opening).await.into_iter().map(|done| done.unwrap().unwrap()).collect();
    assert_eq!(migrations(&mut outside(&config).await).await, 1);
    stores[0].add_account(&account("ada")).await.unwrap();
    for store in &stores {
        assert!(store.account(&user("ada")).await.unwrap().is_some());
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_make_one_schema() {
    in_schema(ten_times_at_once).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn they_do_where_transactions_are_serializable_by_default() {
    let parameter = "options[default_transaction_isolation]=serializable";
    in_schema_with(parameter, ten_times_at_once).await;
}

#[tokio::test]
async fn a_process_that_dies_while_it_makes_the_tables_is_not_in_the_way() {
    in_schema(async |config| {
        let mut conn = outside(&config).await;
        super::super::schema::make_lock(&mut conn, &config).await.unwrap();
        sqlx::raw_sql("BEGIN; SELECT 1 FROM account_migrations_lock FOR UPDATE")
            .execute(&mut conn)
            .await
            .unwrap();
        drop(conn);
        opened(&config).await.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_schema_is_opened_again_with_what_is_in_it() {
    in_schema(async |config| {
        let store = opened(&config).await;
        store.add_account(&account("ada")).await.unwrap();
        store.close().await;
        let store = opened(&config).await;
        assert!(store.account(&user("ada")).await.unwrap().is_some());
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_schema_of_a_later_version_is_refused() {
    in_schema(async |config| {
        opened(&config).await.close().await;
        sqlx::query(
            "INSERT INTO account_migrations (version, description, success, checksum, execution_time)
             VALUES (999, 'later', true, '', 0)",
        )
        .execute(&mut outside(&config).await)
        .await
        .unwrap();
        for refused in [
            PostgresAccounts::open(&config).await.unwrap_err(),
            PostgresAccounts::look_into(&config).await.unwrap_err(),
        ] {
            let told = chain(&refused);
            assert!(told.contains("999") && told.contains(&config.place()), "{told}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_look_changes_nothing() {
    in_schema(async |config| {
        assert!(PostgresAccounts::look_into(&config).await.unwrap().is_none());
        let made = sqlx::query("SELECT 1 FROM pg_namespace WHERE nspname = $1");
        let made = made.bind(config.schema_name());
        assert!(made.fetch_optional(&mut outside(&config).await).await.unwrap().is_none());

        let store = opened(&config).await;
        store.add_account(&account("ada")).await.unwrap();
        let look = PostgresAccounts::look_into(&config).await.unwrap().unwrap();
        assert!(look.account(&user("ada")).await.unwrap().is_some());
        assert!(look.is_current().await.unwrap());
        look.add_account(&account("ben")).await.unwrap_err();
        look.close().await;
        store.close().await;
    })
    .await;
}

/// A server needs no right to change tables that are as they should be.
#[tokio::test]
async fn a_user_without_the_right_to_make_tables_can_open_them() {
    in_schema(async |config| {
        opened(&config).await.close().await;
        let (schema, role) = (config.quoted_schema(), config.schema_name());
        let mut admin = outside(&config).await;
        let make = format!(
            "CREATE ROLE {role} NOLOGIN;
             GRANT USAGE ON SCHEMA {schema} TO {role};
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}"
        );
        sqlx::raw_sql(AssertSqlSafe(make)).execute(&mut admin).await.unwrap();
        let restricted = super::scratch::config(&format!("options[role]={role}"));
        let opened = PostgresAccounts::open(&restricted.schema(role).unwrap()).await;
        let drop = format!("DROP OWNED BY {role}; DROP ROLE {role}");
        if let Ok(store) = &opened {
            let added = store.add_account(&account("ada")).await;
            store.close().await;
            sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut admin).await.unwrap();
            added.unwrap();
        } else {
            sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut admin).await.unwrap();
            opened.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told_without_the_password() {
    let url = "postgres://shop:VerySecret@127.0.0.1:1/shop";
    let config = PostgresAccountsConfig::from_url(url).unwrap();
    let error = PostgresAccounts::look_into(&config).await.unwrap_err();
    let told = format!("{} {error:?}", chain(&error));
    assert!(told.contains("127.0.0.1:1/shop") && !told.contains("VerySecret"), "{told}");
}

#[tokio::test]
async fn a_store_is_shown_without_the_password() {
    let config = config("password=VerySecret&options[synchronous_commit]=off");
    let store = PostgresAccounts::over(&config, config.options());
    assert!(!format!("{store:?} {config:?}").contains("VerySecret"), "{store:?}");
}
