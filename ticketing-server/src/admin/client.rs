//! The operator's side of the socket.

use std::io;
use std::path::Path;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::{AdminAnswer, AdminRequest, FOLDER, LINE_MAX, SOCKET};

/// Asks the server that runs over this folder.
///
/// # Errors
/// None runs there, or its socket is not ours to use, or it ended before it answered.
pub async fn ask(data_dir: &Path, request: &AdminRequest) -> io::Result<AdminAnswer> {
    let mut stream = UnixStream::connect(data_dir.join(FOLDER).join(SOCKET)).await?;
    let (input, mut output) = stream.split();
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    output.write_all(&line).await?;
    let mut answer = String::new();
    BufReader::new(input.take(LINE_MAX)).read_line(&mut answer).await?;
    Ok(serde_json::from_str(&answer)?)
}

/// Whether a server runs over this folder, whose socket may be used.
pub(crate) async fn is_there(data_dir: &Path) -> bool {
    UnixStream::connect(data_dir.join(FOLDER).join(SOCKET)).await.is_ok()
}
