//! Records to standard output, one a line.

use std::io::{self, Write};

use super::Report;
use crate::batch::Batch;

/// Writes a batch and reports each record as delivered once all of it is written.
///
/// # Errors
/// When it cannot be written; some of it may have been.
pub fn write(batch: &Batch, out: &mut impl Write, reports: &mut Vec<Report>) -> io::Result<()> {
    let mut lines = Vec::with_capacity(batch.bytes.len() + batch.entries.len());
    for entry in &batch.entries {
        lines.extend_from_slice(&batch.bytes[entry.payload.clone()]);
        lines.push(b'\n');
    }
    out.write_all(&lines)?;
    out.flush()?;
    reports.extend(batch.entries.iter().map(|entry| Report { ticket: entry.ticket, delivered: true }));
    Ok(())
}
