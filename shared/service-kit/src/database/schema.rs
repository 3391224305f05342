//! The tables of a service: who brings them up to date, and whether they are.

use std::collections::HashMap;

use sqlx::{
    SqlSafeStr,
    migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator},
};
use telemetry::{ConfigError, Env};

use crate::config::variables::MIGRATIONS;

/// How a service's tables are made, in each kind of database. Both come from [`migrations!`](crate::migrations).
#[derive(Debug)]
pub struct Schema {
    /// In SQLite.
    pub sqlite: Migrator,
    /// In PostgreSQL.
    pub postgres: Migrator,
}

/// The migrations in a folder of the crate's `migrations`, by the names of their files: `migrations!("sqlite": "0001_orders")`.
///
/// sqlx has a macro that lists the folder itself. For that it builds itself, SQLite and the runtime once more for the compiler: 129 of
/// 434 units of a release build.
#[macro_export]
macro_rules! migrations {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        $crate::database::migrator(&[$((
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $folder, "/", $name, ".sql")),
        )),+])
    };
}

/// For [`migrations!`](crate::migrations): names such as `0001_orders`, with the SQL of each.
pub fn migrator(files: &[(&'static str, &'static str)]) -> Migrator {
    let migrations = files.iter().map(|(name, sql)| {
        let (version, description) = name.split_once('_').unwrap_or((name, ""));
        let version = version.parse().unwrap_or_default();
        let description = description.replace('_', " ").into();
        Migration::new(version, description, MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// `MIGRATIONS`: who brings the tables up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrations {
    /// `start`: each process, when it starts.
    Start,
    /// `job`: somebody else, with `migrate`, before. A process only looks whether the tables are there, so it needs no
    /// right to change them, and no start waits for a long migration.
    Job,
}

impl Migrations {
    /// Reads `MIGRATIONS`.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        env.read(&MIGRATIONS, |held| match held {
            "start" => Some(Self::Start),
            "job" => Some(Self::Job),
            _ => None,
        })
    }
}

/// Why the tables are not what this program needs.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A migration failed, or was another one when it ran.
    #[error(transparent)]
    Failed(#[from] MigrateError),
    /// `MIGRATIONS=job`, and the job has not run.
    #[error("migration {0} ({1}) has not run, and MIGRATIONS=job leaves that to `migrate`")]
    Missing(i64, String),
}

/// Brings the tables up to date, or looks whether they are.
pub(crate) async fn prepare<C: Migrate>(
    migrations: Migrations,
    migrator: &Migrator,
    connection: &mut C,
) -> Result<(), SchemaError> {
    match migrations {
        Migrations::Start => Ok(migrator.run_direct(None, connection, false).await?),
        Migrations::Job => check(migrator, connection).await,
    }
}

/// For the job: what is up to date is left alone, also when a later version has added to it.
pub(crate) async fn bring_up_to_date<C: Migrate>(
    migrator: &Migrator,
    connection: &mut C,
) -> Result<(), SchemaError> {
    match check(migrator, connection).await {
        Err(SchemaError::Missing(..)) => Ok(migrator.run_direct(None, connection, false).await?),
        other => other,
    }
}

/// Whether all migrations of this program have run. More may have: during a rolling update the database is ahead of
/// the instances that are still to be replaced.
async fn check<C: Migrate>(migrator: &Migrator, connection: &mut C) -> Result<(), SchemaError> {
    let applied = match connection.list_applied_migrations(&migrator.table_name).await {
        Err(MigrateError::Execute(error)) if is_no_table(&error) => Vec::new(),
        other => other?,
    };
    let applied: HashMap<_, _> = applied.into_iter().map(|one| (one.version, one.checksum)).collect();
    for migration in migrator.iter() {
        match applied.get(&migration.version) {
            Some(checksum) if *checksum == migration.checksum => {}
            Some(_) => return Err(MigrateError::VersionMismatch(migration.version).into()),
            None => return Err(SchemaError::Missing(migration.version, migration.description.to_string())),
        }
    }
    Ok(())
}

/// Whether nothing has ever been migrated: PostgreSQL's "undefined table", SQLite's plain error.
fn is_no_table(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if matches!(error.code().as_deref(), Some("42P01" | "1")))
}
