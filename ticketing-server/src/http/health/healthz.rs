//! `GET /healthz`: whether the process is alive.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// How the server is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct HealthBody {
    /// `ok`.
    pub(super) status: &'static str,
}

/// Whether the process is alive. It asks nobody else: a server whose database is away is not mended
/// by starting it again.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "health",
    operation_id = "healthz",
    responses((status = OK, body = HealthBody)),
)]
pub(super) async fn healthz() -> Json<HealthBody> {
    Json(HealthBody { status: "ok" })
}
